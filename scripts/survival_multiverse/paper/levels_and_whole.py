"""Bounds of a printed rate of a whole cohort, from the printed rates of two levels.

A Kaplan-Meier rate of the whole is not the weighted mean of the levels once patients are censored, nor is it
free either: every order in which both levels can lose their patients is tried (`kernels.interleaving`).
"""

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.kernels.interleaving import event_orders, whole_range
from survival_multiverse.paper.published import Description

MOST_ORDERS, MOST_STEPS = 20_000, 10**9
"""Where there are more event orders, or more steps in putting them together, nothing is concluded."""
ROUNDING = 1e-9


def whole_rates(
    rows: pd.DataFrame, description: Description
) -> Iterator[tuple[Any, pd.DataFrame, float, float]]:
    """Yield bounds of a printed rate of a whole cohort from those of the two levels of a variable.

    Parameters
    ----------
    rows
        Scored numbers with `lower` and `upper`, the limits of their rounding.

    Yields
    ------
    tuple
        Row of the whole's rate, the levels' rows at that time and the one before, lowest and highest possible
        rate of the whole in per cent.
    """
    rates = rows[rows.statistic == "survival_pct"]
    wholes = rates[rates.variable == "cohort"].sort_values("time")
    for cohort, whole in wholes.groupby("cohort", sort=False):
        for earlier, later in itertools.pairwise(whole.itertuples()):
            for variable in description.variables:
                levels = rates[(rates.cohort == cohort) & (rates.variable == variable)]
                start, end = (levels[levels.time == time] for time in (earlier.time, later.time))
                if len(start) == 2 and list(start.level) == list(end.level):
                    bounds = _bounds(rows, earlier, later, start, end)
                    if bounds is not None:
                        yield later, pd.concat([start, end]), *bounds


def most_censored(rows: pd.DataFrame, time: float) -> int | None:
    """Return the most patients censored by a time, by the follow-up of the living; None if not printed."""
    alive = rows[(rows.variable == "alive") & (rows.statistic == "n")]
    if alive.empty:
        return None
    living = rows[(rows.variable == "followup") & (rows.level == "alive")].set_index("statistic")
    if "followup_median" in living.index and living.lower["followup_median"] > time:
        return int(alive.value.max()) // 2
    return int(alive.value.max())


def _bounds(
    rows: pd.DataFrame, earlier: Any, later: Any, start: pd.DataFrame, end: pd.DataFrame
) -> tuple[float, float] | None:
    """Return the lowest and highest rate of the whole, in per cent; None where nothing can be concluded."""
    most = most_censored(rows, later.time)
    rates = [earlier, *start.itertuples()]
    found = [size_of_rate(rows, rate) for rate in rates]
    sizes = [size for size in found if size is not None]
    if most is None or len(sizes) < len(found) or sizes[0] != sum(sizes[1:]):
        return None
    low, high = math.inf, -math.inf
    at_most = [
        math.floor(size * rate.upper / 100.0 + ROUNDING) for size, rate in zip(sizes, rates, strict=True)
    ]
    for fewer in itertools.product(range(most + 1), repeat=2):
        at_risk = [at_most[1] - fewer[0], at_most[2] - fewer[1]]
        before = [_censored_before(sizes[k], rates[k], at_risk[k - 1]) for k in (1, 2)]
        left = most - max(sum(before), _censored_before(sizes[0], earlier, sum(at_risk)))
        if min(at_risk) < 0 or sum(at_risk) > at_most[0] or left < 0:
            continue
        shares = _shares(at_risk, start, end, left)
        if shares is None:
            return None
        low, high = min(low, shares[0] * earlier.lower), max(high, shares[1] * earlier.upper)
    return low, high


def size_of_rate(rows: pd.DataFrame, rate: Any) -> int | None:
    """Return the printed size of the level, or the whole, that a rate is about."""
    level = "total" if rate.variable == "cohort" else rate.level
    sizes = rows[(rows.statistic == "n") & (rows.within == "") & (rows.cohort == rate.cohort)]
    sizes = sizes[(sizes.variable == rate.variable) & (sizes.level == level)]
    return None if sizes.empty else int(sizes.value.iloc[0])


def _censored_before(size: int, rate: Any, at_risk: int) -> int:
    """Return the fewest patients who must be censored for a rate to be as high with so few at risk.

    Size times rate is the number at risk, and at most one more for each who was censored before
    (redistribution to the right, Efron 1967).
    """
    return max(0, math.ceil(size * rate.lower / 100.0 - at_risk - ROUNDING))


def _shares(
    at_risk: list[int], start: pd.DataFrame, end: pd.DataFrame, censored: int
) -> tuple[float, float] | None:
    """Return the lowest and highest share of the whole that lives on; None if there are too many orders."""
    orders = []
    for risk, first, last in zip(at_risk, start.itertuples(), end.itertuples(), strict=True):
        low, high = last.lower / first.upper - ROUNDING, last.upper / first.lower + ROUNDING
        *order, complete = event_orders(risk, censored, low, high, MOST_ORDERS)
        if not complete:
            return None
        orders.append(tuple(order))
    if len(orders[0][0]) * len(orders[1][0]) * max(at_risk[0], 1) * max(at_risk[1], 1) > MOST_STEPS:
        return None
    return whole_range(orders[0], orders[1], np.array(at_risk, dtype=np.int64), censored)
