"""Bounds of a whole's survival from that of its levels, against every cohort there is."""

import itertools

import numpy as np
import pandas as pd
import pytest
from papers import SETTINGS, printed_numbers

from survival_multiverse.estimators.curves import kaplan_meier
from survival_multiverse.kernels.interleaving import event_orders, whole_range
from survival_multiverse.paper.consistency import IMPOSSIBLE, audit_consistency
from survival_multiverse.paper.levels_and_whole import most_censored, whole_rates
from survival_multiverse.paper.published import limits, read_description, read_published


def shares_left(leaving: tuple[tuple[int, int], ...], at_risk: int) -> float:
    """Survival after patients have left as (level, died), the others staying, by Kaplan-Meier."""
    times = np.arange(1.0, at_risk + 1)
    died = np.array([died for _, died in leaving] + [0] * (at_risk - len(leaving)))
    return float(kaplan_meier(times, died).survival[-1])


def every_whole(at_risk: tuple[int, int], censored: int) -> dict[tuple[float, float], list[float]]:
    """Survival of the whole by that of both levels, over every order in which patients can leave."""
    found: dict[tuple[float, float], list[float]] = {}
    for length in range(sum(at_risk) + 1):
        for leaving in itertools.product(((0, 0), (0, 1), (1, 0), (1, 1)), repeat=length):
            parts = [tuple(one for one in leaving if one[0] == level) for level in (0, 1)]
            if any(len(part) > risk for part, risk in zip(parts, at_risk, strict=True)):
                continue
            if sum(died == 0 for _, died in leaving) <= censored:
                key = tuple(
                    round(shares_left(part, risk), 9) for part, risk in zip(parts, at_risk, strict=True)
                )
                found.setdefault(key, []).append(shares_left(leaving, sum(at_risk)))
    return found


@pytest.mark.parametrize(("at_risk", "censored"), [((3, 3), 2), ((2, 4), 1), ((1, 5), 3)])
def test_the_bounds_are_those_of_all_orders(at_risk, censored):
    for (first, second), wholes in every_whole(at_risk, censored).items():
        orders = []
        for risk, share in zip(at_risk, (first, second), strict=True):
            *order, complete = event_orders(risk, censored, share - 1e-6, share + 1e-6, 1000)
            assert complete
            orders.append(tuple(order))
        low, high = whole_range(orders[0], orders[1], np.array(at_risk), censored)
        assert low == pytest.approx(min(wholes), abs=1e-12)
        assert high == pytest.approx(max(wholes), abs=1e-12)


def test_more_orders_than_asked_for_are_said_to_be_more():
    assert not event_orders(10, 5, 0.0, 1.0, 100)[2]
    assert event_orders(10, 0, 0.0, 1.0, 11)[2]


def rows_of(table: pd.DataFrame) -> pd.DataFrame:
    lower, upper = limits(table)
    return table.assign(lower=lower, upper=upper)


def test_a_whole_out_of_the_bounds_of_its_levels_is_impossible_and_the_true_one_is_not():
    paper, numbers = read_description(SETTINGS), printed_numbers()
    bounds = {
        levels.variable.iloc[0]: (low, high, whole)
        for whole, levels, low, high in whole_rates(rows_of(read_published(numbers)), paper)
    }
    assert {"drug", "smoker"} <= set(bounds)
    for low, high, whole in bounds.values():
        assert low <= whole.upper
        assert high >= whole.lower
        assert high - low < 15
    wrong = f"{bounds['drug'][1] + 0.2:.1f}"
    numbers.loc[numbers.id == "everybody_cohort_total_survival_pct_6", "value"] = wrong
    audit = audit_consistency(read_published(numbers), paper)
    found = audit[(audit.check == "levels make up the whole") & (audit.variable == "drug")]
    assert list(found.verdict) == [IMPOSSIBLE]


def test_the_follow_up_of_the_living_bounds_who_can_be_censored():
    text = pd.DataFrame(
        {
            "variable": ["alive", "followup"],
            "level": ["at_last_follow_up", "alive"],
            "statistic": ["n", "followup_median"],
            "value": [15.0, 40.0],
        }
    )
    rows = text.assign(lower=text.value - 0.05, upper=text.value + 0.05)
    assert most_censored(rows, 36) == 7
    assert most_censored(rows, 48) == 15
    assert most_censored(rows[:1], 36) == 15
    assert most_censored(rows[1:], 36) is None
