"""Whether one event order gives all rates, against every order there is, and on cohorts that exist."""

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from survival_multiverse.estimators.curves import kaplan_meier
from survival_multiverse.paper.consistency import audit_consistency
from survival_multiverse.paper.event_order import Levels, order_exists, order_feasibility
from survival_multiverse.paper.published import Description, limits, read_description, read_published

AT_RISK, CENSORED = 5, 2
NARROW = 1e-6

LEVELS = {
    "colour": {"levels": ["red", "blue"]},
    "shape": {"levels": ["round", "square"]},
    "size": {"levels": ["small", "large", "huge"]},
    "dose": {"levels": ["low", "high"], "cut": 60},
}


def share_left(died: tuple[int, ...], at_risk: int) -> float:
    """Survival after some have left in turn, the others staying."""
    events = np.array([*died, *[0] * (at_risk - len(died))])
    return float(kaplan_meier(np.arange(1.0, at_risk + 1), events).survival[-1]) if at_risk else 1.0


@cache
def shares_after(order: tuple[int, ...], sizes: tuple[int, ...]) -> frozenset[tuple[float, ...]]:
    """Every pair of shares of two levels that an event order can give, however it is dealt out."""
    found = set()
    for dealt in itertools.product(range(len(sizes)), repeat=len(order)):
        parts = [
            tuple(d for d, level in zip(order, dealt, strict=True) if level == k) for k in range(len(sizes))
        ]
        if all(len(part) <= size for part, size in zip(parts, sizes, strict=True)):
            found.add(tuple(round(share_left(part, n), 9) for part, n in zip(parts, sizes, strict=True)))
    return frozenset(found)


def every_order() -> list[tuple[int, ...]]:
    return [
        order
        for length in range(AT_RISK + 1)
        for order in itertools.product((0, 1), repeat=length)
        if order.count(0) <= CENSORED
    ]


def exactly(sizes: tuple[int, ...], shares: tuple[float, ...]) -> Levels:
    return Levels(sizes, tuple(s - NARROW for s in shares), tuple(s + NARROW for s in shares))


def test_an_order_is_found_where_there_is_one_and_only_there():
    sizes = ((2, 3), (1, 4))
    possible = [set().union(*(shares_after(order, size) for order in every_order())) for size in sizes]
    seen = set()
    for shares in itertools.product(*(sorted(one) for one in possible)):
        expected = any(
            all(share in shares_after(order, size) for share, size in zip(shares, sizes, strict=True))
            for order in every_order()
        )
        variables = {str(k): exactly(size, shares[k]) for k, size in enumerate(sizes)}
        assert order_exists(variables, AT_RISK, CENSORED) is expected
        seen.add(expected)
    assert seen == {True, False}


def test_a_search_that_would_take_too_long_concludes_nothing(monkeypatch):
    impossible = {"one": exactly((8, 8), (0.5, 0.5)), "other": exactly((4, 12), (0.75, 0.75))}
    assert order_exists(impossible, 16, 3) is False
    monkeypatch.setattr("survival_multiverse.paper.event_order.MOST_STEPS", 5)
    assert order_exists(impossible, 16, 3) is None
    monkeypatch.setattr("survival_multiverse.paper.event_order.MOST_ORDERS", 5)
    assert order_exists(impossible, 16, 3) is None


def drawn(seed: int, early: int) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    """Times and events of 60 patients, some censored after 20 and so many before."""
    random = np.random.default_rng(seed)
    time = np.ceil(random.exponential(14.0, 60))
    event = ((time <= 20) | (random.random(60) < 0.6)).astype(np.int64)
    event[np.flatnonzero((time > 12) & (time <= 20))[:early]] = 0
    return time, event, random


def printed(seed: int, *, early: int = 0, wrong: float = 0.0) -> pd.DataFrame:
    """Rates of a cohort that exists, as a paper would print them; one of them moved."""
    time, event, random = drawn(seed, early)
    living = time[event == 0]
    rows = [
        ("alive", "at_last_follow_up", "n", np.nan, living.size, 0),
        ("followup", "alive", "followup_median", np.nan, np.median(living), 1),
    ]
    for name, entry in LEVELS.items():
        codes = random.integers(len(entry["levels"]), size=time.size)
        for code, level in enumerate(entry["levels"]):
            mine = codes == code
            curve = kaplan_meier(time[mine], event[mine])
            rows.append((name, level, "n", np.nan, int(mine.sum()), 0))
            for at in (12.0, 20.0, 30.0):
                survival = curve.survival[curve.time <= at]
                rows.append(
                    (name, level, "survival_pct", at, 100 * (survival[-1] if survival.size else 1), 1)
                )
    table = pd.DataFrame(rows, columns=["variable", "level", "statistic", "time", "value", "decimals"])
    table["value"] = [
        round(value, decimals) for value, decimals in zip(table.value, table.decimals, strict=True)
    ]
    last = table.index[(table.variable == "dose") & (table.level == "high") & (table.time == 30.0)][0]
    table.loc[last, "value"] += wrong
    table = table.assign(cohort="everybody", within="", relation="=", id=[f"number_{k}" for k in table.index])
    lower, upper = limits(table)
    return table.assign(lower=lower, upper=upper)


def description(ended: dict[float, int]) -> Description:
    follow = {"cohort": "everybody", "variable": "alive", "level": "ended"}
    settings = {
        "seed": 1,
        "time": {"step": 1, "first": 1, "last": 200},
        "arm": "dose",
        "variables": LEVELS,
        "cohorts": {"everybody": {}},
        "inferred": [{**follow, "time": time, "n": count} for time, count in ended.items()],
    }
    return read_description(settings)


@pytest.mark.parametrize("known", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("early", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_the_rates_of_a_cohort_that_exists_are_never_impossible(early, known):
    concluded = 0
    for seed in range(25):
        time, event, _ = drawn(seed, early)
        ended = {at: int(((time <= at) & (event == 0)).sum()) for at in (12.0, 20.0)}
        found = list(order_feasibility(printed(seed, early=early), description(ended if known else {})))
        assert all(verdict.possible for verdict in found)
        concluded += len(found)
    assert concluded > 0 or not known


def test_a_rate_that_cannot_be_beside_the_others_is_among_those_that_are_named():
    named = 0
    for seed in range(12):
        for verdict in order_feasibility(printed(seed, wrong=1.3), description({12.0: 0, 20.0: 0})):
            if not verdict.possible:
                assert verdict.any_of == () or "dose" in verdict.any_of
                named += "dose" in verdict.any_of
    assert named >= 3


@pytest.mark.slow
def test_the_paper_has_a_rate_that_no_event_order_gives_beside_the_others():
    resources = Path(__file__).parents[2] / "resources"
    settings = yaml.safe_load((resources / "reconstruction.yaml").read_text(encoding="utf-8"))
    table = pd.read_csv(resources / "published_statistics.csv", dtype=str, keep_default_na=False)
    audit = audit_consistency(read_published(table), read_description(settings))
    found = audit[audit.check == "one event order gives all rates"].set_index("cohort")
    assert found.verdict.to_dict() == {"non_oligo_pre_psm": "agrees", "non_oligo_post_psm": "impossible"}
    named = {name.split("__")[2] for name in found.ids["non_oligo_post_psm"].split(";")}
    assert named == {"sex", "pre_kps", "post_kps", "n_stage"}
