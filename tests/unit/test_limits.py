"""Limits count values that miss them by rounding only."""

import numpy as np
import pytest
from cohorts import small_patients, small_study

from survival_multiverse.cohort.sample import encode_cohort, whole_sample
from survival_multiverse.estimators.limits import at_least, at_most, merge_rounded
from survival_multiverse.scenario.evaluation import after_landmark
from survival_multiverse.settings.values import Cutoffs


def test_a_sum_of_fractions_reaches_its_decimal():
    total = float(np.cumsum(np.full(35, 1.8))[-1])
    assert total < 63
    assert at_least([total], 63).all()
    assert at_most([63 + (63 - total)], 63).all()


@pytest.mark.parametrize("limit", [63.0, 0.1, -2.5])
def test_values_beyond_rounding_stay_outside(limit):
    step = 1e-8 * abs(limit)
    assert not at_least([limit - step], limit).any()
    assert not at_most([limit + step], limit).any()


def test_gaps_meet_no_limit_and_infinite_limits_exclude_nobody():
    assert at_least([np.nan, 1.0], -np.inf).tolist() == [False, True]
    assert at_most([np.nan, 1.0], np.inf).tolist() == [False, True]


def test_values_that_are_limits_are_merged_under_their_shortest_text():
    total = float(np.cumsum(np.full(35, 1.8))[-1])
    values = np.array([total, 63.0, 66.0, 63 + 1e-6, 63.0, 0.1 + 0.2])
    assert merge_rounded(values).tolist() == [63.0, 63.0, 66.0, 63 + 1e-6, 63.0, 0.1 + 0.2]
    assert merge_rounded(np.array([0.1 + 0.2, 0.3, -0.3])).tolist() == [0.3, 0.3, -0.3]
    assert merge_rounded(np.empty(0)).tolist() == []


@pytest.mark.parametrize("by", [1 - 1e-14, 1.0, 1 - 1e-8])
def test_every_grouping_of_patients_meets_its_limit(by):
    study = small_study()
    patients = small_patients()
    exact = {"dose": 60.0, "gtv": 100.0, "lesions": 5.0, "age": 60.0}
    patients = patients.assign(time=6.0, **exact)
    reached = whole_sample(
        encode_cohort(
            patients.assign(**{name: value * by for name, value in exact.items()}, time=6.0 * by), study
        ),
        Cutoffs(lesions=5, dose=60, gtv=100),
    )
    expected = int(by > 1 - 1e-9)
    assert set(reached.arm.tolist()) == {expected}
    for name in ("gtv", "state", "age"):
        assert set(reached.factor_codes(name).tolist()) == {expected}, name
    assert len(after_landmark(reached, 6.0)) == expected * len(patients)


def test_the_greatest_and_the_least_value_that_count_as_a_limit_do():
    assert at_most([63 + 63 * 1e-9, 64], 63).tolist() == [True, False]
    assert at_least([63 - 63 * 1e-9, 62], 63).tolist() == [True, False]
