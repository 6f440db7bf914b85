"""Search for one event order that gives the printed rates of every variable, where few are at risk.

How patients die or are censored one by one between two printed times decides the later Kaplan-Meier rates
of all levels of all variables at once: a level's rate is met by certain orders of its own patients only.
Each variable may assign the patients to its levels freely, but all variables share the order.
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.kernels.interleaving import event_orders
from survival_multiverse.paper.levels_and_whole import ROUNDING, most_censored, size_of_rate
from survival_multiverse.paper.published import Description

MOST_ORDERS, MOST_STEPS = 20_000, 100_000
"""Where a level has more orders, or a search takes more steps, nothing is concluded."""
FEWEST_VARIABLES = 3


@dataclass(frozen=True, slots=True)
class Levels:
    """Levels of a variable at a printed time.

    Attributes
    ----------
    at_risk
        Patients of each level.
    lowest, highest
        Limits of the share of them that survives until the later time.
    """

    at_risk: tuple[int, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Feasibility:
    """What an exhaustive search found about a cohort between two printed times.

    Attributes
    ----------
    rates
        The later rates of all variables searched together.
    at_risk, censored
        Patients at the earlier time, and most who are censored between the times.
    possible
        Whether some order gives all rates.
    any_of
        If not: variables of which any one can be left out, so that some order gives the others'.
    """

    rates: pd.DataFrame
    at_risk: int
    censored: int
    possible: bool
    any_of: tuple[str, ...]


def order_feasibility(rows: pd.DataFrame, description: Description) -> Iterator[Feasibility]:
    """Search for every cohort and each two consecutive printed times.

    Parameters
    ----------
    rows
        Scored numbers with `lower` and `upper`, the limits of their rounding.
    """
    rates = rows[(rows.statistic == "survival_pct") & rows.variable.isin(description.variables)]
    for _, mine in rates.groupby("cohort", sort=False):
        for start, end in itertools.pairwise(np.unique(mine.time)):
            found = _search(rows, description, mine, start, end)
            if found is not None:
                yield found


def order_exists(variables: Mapping[str, Levels], at_risk: int, censored: int) -> bool | None:
    """Return whether patients can leave one by one so that all shares are met; None if it takes too long."""
    automata = []
    for levels in variables.values():
        automaton = _Automaton.of(levels, censored)
        if automaton is None:
            return None
        automata.append(automaton)
    # Where each variable stands, patients who have left, and how many of them were censored.
    waiting = [(tuple(one.start for one in automata), 0, 0)]
    seen = set(waiting)
    while waiting and len(seen) <= MOST_STEPS:
        states, left, lost = waiting.pop()
        if all(one.may_end(state) for one, state in zip(automata, states, strict=True)):
            return True
        for died in (0, 1):
            onward = _all_after(automata, states, died)
            place = (onward, left + 1, lost + 1 - died)
            if onward and left < at_risk and place[2] <= censored and place not in seen:
                seen.add(place)
                waiting.append(place)
    return None if waiting else False


def _all_after(
    automata: list["_Automaton"], states: tuple[frozenset[tuple[int, ...]], ...], died: int
) -> tuple[frozenset[tuple[int, ...]], ...]:
    """Return the states after one more who left; empty if some variable has no level for them."""
    onward = []
    for one, state in zip(automata, states, strict=True):
        onward.append(one.after(state, died))
        if not onward[-1]:
            return ()
    return tuple(onward)


class _Automaton:
    """All ways to deal those who leave out to a variable's levels, followed at once.

    A way is the place in each level's tree of own orders that lead to its share; a state is a set of ways.
    """

    def __init__(self, trees: list[list[tuple[dict[int, int], bool]]]) -> None:
        self.trees = trees
        self.start: frozenset[tuple[int, ...]] = frozenset({(0,) * len(trees)})
        self.known: dict[tuple[frozenset[tuple[int, ...]], int], frozenset[tuple[int, ...]]] = {}

    @classmethod
    def of(cls, levels: Levels, censored: int) -> "_Automaton | None":
        """Build the automaton; return None if there are too many orders."""
        trees = []
        for size, low, high in zip(levels.at_risk, levels.lowest, levels.highest, strict=True):
            lengths, deaths, complete = event_orders(
                size, censored, low - ROUNDING, high + ROUNDING, MOST_ORDERS
            )
            if not complete:
                return None
            tree: list[tuple[dict[int, int], bool]] = [({}, False)]
            for length, bits in zip(lengths.tolist(), deaths.tolist(), strict=True):
                node = 0
                for place in range(length):
                    onward = tree[node][0].setdefault((bits >> place) & 1, len(tree))
                    if onward == len(tree):
                        tree.append(({}, False))
                    node = onward
                tree[node] = (tree[node][0], True)
            trees.append(tree)
        return cls(trees)

    def after(self, state: frozenset[tuple[int, ...]], died: int) -> frozenset[tuple[int, ...]]:
        """Return the state after one more death (1) or censoring (0); empty if no level allows it."""
        key = (state, died)
        if key not in self.known:
            self.known[key] = frozenset(
                (*way[:level], tree[way[level]][0][died], *way[level + 1 :])
                for way in state
                for level, tree in enumerate(self.trees)
                if died in tree[way[level]][0]
            )
        return self.known[key]

    def may_end(self, state: frozenset[tuple[int, ...]]) -> bool:
        """Return whether all levels are right if nobody else leaves."""
        return any(all(tree[node][1] for tree, node in zip(self.trees, way, strict=True)) for way in state)


@dataclass(frozen=True, slots=True)
class _Level:
    """What a level's rate at the earlier time allows: at risk, censored before, limits of the exact rate."""

    at_risk: int
    censored: int
    lowest: float
    highest: float


def _search(
    rows: pd.DataFrame, description: Description, rates: pd.DataFrame, start: float, end: float
) -> Feasibility | None:
    """Return the verdict on one cohort; None if nothing can be concluded."""
    most = most_censored(rows, end)
    if most is None:
        return None
    before = _ended(description, start)
    ways = {
        name: _ways(rows, mine, description, start, end, most if before is None else before)
        for name, mine in rates.groupby("variable", sort=False)
    }
    votes = Counter(key for found in ways.values() for key in found)
    if not votes:
        return None
    # Variables that imply another number at risk contradict the rest already.
    at_risk, gone = max(votes, key=lambda key: (votes[key], -key[0], -key[1]))
    variables = {
        name: _from_then_on(
            rates[(rates.variable == name) & (rates.time == end)].set_index("level"),
            description.variables[name].levels,
            *found[at_risk, gone],
        )
        for name, found in ways.items()
        if len(found.get((at_risk, gone), ())) == 1
    }
    rivals = [key for key in votes if all(key in ways[name] for name in variables)]
    if len(variables) < FEWEST_VARIABLES or rivals != [(at_risk, gone)]:
        return None
    censored = most - (before or 0)
    possible = order_exists(variables, at_risk, censored)
    if possible is None:
        return None
    any_of = tuple(
        name
        for name in (() if possible else variables)
        if order_exists({other: variables[other] for other in variables if other != name}, at_risk, censored)
    )
    later = rates[(rates.time == end) & rates.variable.isin(variables)]
    return Feasibility(later, at_risk, censored, possible, any_of)


def _ended(description: Description, time: float) -> int | None:
    """Return how many of everybody were censored by a time, if that follows from the paper."""
    wanted = {"cohort": description.everybody, "variable": "alive", "level": "ended", "time": time}
    counts = (entry["n"] for entry in description.inferred if wanted.items() <= entry.items())
    return next(counts, None)


def _ways(
    rows: pd.DataFrame, rates: pd.DataFrame, description: Description, start: float, end: float, censored: int
) -> dict[tuple[int, int], list[tuple[_Level, ...]]]:
    """Return the ways to read a variable's earlier rates, by patients at risk and censored before."""
    found: dict[tuple[int, int], list[tuple[_Level, ...]]] = {}
    levels = description.variables[rates.variable.iloc[0]].levels
    times = {time: rates[rates.time == time].set_index("level", drop=False) for time in np.unique(rates.time)}
    if any(set(times[time].index) != set(levels) for time in (start, end)):
        return found
    # Patients censored by an earlier printed time left more at risk than lived on from there.
    past = [time for time in times if time < start and _ended(description, time) == censored]
    each = []
    for level in levels:
        size = size_of_rate(rows, times[start].loc[level]) or 0
        alive = [size * times[time].lower.get(level, 0.0) / 100.0 for time in past]
        each.append(_read(size, times[start].loc[level], censored, max(alive, default=0.0)))
    for way in itertools.product(*each):
        if sum(level.censored for level in way) <= censored:
            key = sum(level.at_risk for level in way), sum(level.censored for level in way)
            found.setdefault(key, []).append(way)
    return found


def _read(size: int, rate: Any, censored: int, fewest: float) -> list[_Level]:
    """Return the numbers at risk that a level's rate allows.

    The rate is the share at risk, times k / (k - 1) for each who was censored before when k were at risk: all
    at most, and `fewest` at least.
    """
    found = []
    low, high = rate.lower / 100.0, rate.upper / 100.0
    for at_risk in range(1, math.floor(size * high + ROUNDING) + 1):
        for gone in range(min(censored, size - at_risk) + 1):
            share, last = at_risk / size, max(at_risk + 1, fewest)
            least = share * (size / (size - 1)) ** gone if gone else share
            most = share * (last / (last - 1.0)) ** gone
            if least <= high + ROUNDING and most >= low - ROUNDING:
                found.append(_Level(at_risk, gone, max(least, low), min(most, high)))
    return found


def _from_then_on(later: pd.DataFrame, levels: tuple[str, ...], way: tuple[_Level, ...]) -> Levels:
    """Return the shares of a variable's levels that survive from the earlier time to the later."""
    last = later.loc[list(levels)]
    return Levels(
        tuple(level.at_risk for level in way),
        tuple(low / 100.0 / level.highest for low, level in zip(last.lower, way, strict=True)),
        tuple(high / 100.0 / level.lowest for high, level in zip(last.upper, way, strict=True)),
    )
