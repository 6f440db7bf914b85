"""E-values and Rosenbaum bounds against published values, the binomial distribution and a plain search."""

import math

import numpy as np
import pytest
from cohorts import small_patients, small_study
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom

from survival_multiverse.sample import encode_cohort, whole_sample
from survival_multiverse.schema import Status
from survival_multiverse.sensitivity import e_value, e_value_of_limit, rosenbaum_bound

ALPHA = 0.05
RATIOS = st.floats(0.01, 100.0)


def paired(members):
    """Sample of pairs given as (time and event of the low-dose member, those of the high-dose one)."""
    rows = [(*member, arm, pair) for pair, both in enumerate(members) for arm, member in enumerate(both)]
    return unpaired(rows)


def unpaired(rows):
    """Sample of rows (time, event, arm, pair)."""
    time, event, arm, pair = (np.array(column) for column in zip(*rows, strict=True))
    patients = small_patients(len(rows))
    patients["time"], patients["event"], patients["dose"] = time, event, np.where(arm == 1, 70.0, 50.0)
    cohort = encode_cohort(patients, small_study())
    sample = whole_sample(cohort, oligo_threshold=5, dose_cutoff=60, gtv_cutoff=100)
    rank = {patient: number for number, patient in enumerate(patients.patient_id)}
    return sample.take(
        np.ones(len(rows), bool), pair=pair[[rank[patient] for patient in cohort.ids]].astype(np.int64)
    )


LOW_FIRST = ((5.0, 1), (9.0, 1))
HIGH_FIRST = ((9.0, 1), (5.0, 1))


@pytest.mark.parametrize(
    ("ratio", "lower", "upper", "point", "limit"),
    [
        (1.481, 1.071, 2.047, 1.95, 1.27),
        (1.656, 1.125, 2.437, 2.19, 1.39),
        (1 / 1.481, 1 / 2.047, 1 / 1.071, 1.95, 1.27),
    ],
)
def test_e_values_of_the_paper(ratio, lower, upper, point, limit):
    assert round(e_value(ratio), 2) == point
    assert round(e_value_of_limit(ratio, lower, upper), 2) == limit


def test_e_value_is_the_published_formula():
    # VanderWeele and Ding 2017 by hand for HR 4: RR = (1 - 0.5^2) / (1 - 0.5^0.5).
    risk_ratio = 0.75 / (1 - math.sqrt(0.5))
    assert e_value(4.0) == pytest.approx(risk_ratio + math.sqrt(risk_ratio * (risk_ratio - 1)), rel=1e-14)
    assert e_value(1.0) == 1.0


@given(RATIOS)
def test_e_value_is_the_same_for_the_reciprocal_and_grows_with_distance_from_1(ratio):
    assert e_value(ratio) == pytest.approx(e_value(1 / ratio), rel=1e-9)
    assert e_value(ratio) >= 1.0
    further = ratio * 1.1 if ratio >= 1 else ratio / 1.1
    assert e_value(further) > e_value(ratio)


@pytest.mark.parametrize("limits", [(0.8, 1.2), (1.0, 2.0), (0.5, 1.0)])
def test_an_interval_that_holds_1_needs_no_confounder(limits):
    assert e_value_of_limit(math.sqrt(limits[0] * limits[1]), *limits) == 1.0


def test_e_values_of_gaps_are_gaps():
    assert math.isnan(e_value(math.nan))
    assert math.isnan(e_value_of_limit(math.nan, math.nan, math.nan))


@pytest.mark.parametrize(
    ("low", "high", "informative", "low_first"),
    [
        ((5.0, 1), (9.0, 1), 1, 1),
        ((9.0, 1), (5.0, 1), 1, 0),
        ((5.0, 1), (9.0, 0), 1, 1),
        ((9.0, 0), (5.0, 1), 1, 0),
        ((5.0, 0), (9.0, 1), 0, 0),
        ((9.0, 1), (5.0, 0), 0, 0),
        ((5.0, 0), (9.0, 0), 0, 0),
        ((5.0, 1), (5.0, 1), 0, 0),
        ((5.0, 0), (5.0, 0), 0, 0),
        # Censored at the time of the other's death: alive then, so the death came first.
        ((5.0, 1), (5.0, 0), 1, 1),
        ((5.0, 0), (5.0, 1), 1, 0),
    ],
)
def test_who_died_first(low, high, informative, low_first):
    # Beside ten pairs of which everything is known.
    bound = rosenbaum_bound(paired([*[LOW_FIRST] * 9, HIGH_FIRST, (low, high)]))
    assert (bound.informative, bound.low_dose_first) == (10 + informative, 9 + low_first)


def bound_of(low_first, high_first):
    return rosenbaum_bound(paired([LOW_FIRST] * low_first + [HIGH_FIRST] * high_first))


@pytest.mark.parametrize(("low", "high"), [(5, 0), (9, 1), (14, 4), (30, 10), (60, 12)])
def test_bound_is_the_root_of_the_binomial_tail(low, high):
    bound = bound_of(low, high)
    n = low + high

    def tail(gamma):
        return binom.sf(low - 1, n, gamma / (1 + gamma))

    assert bound.status is Status.OK
    assert bound.p_value == pytest.approx(tail(1.0), rel=1e-12)
    assert bound.gamma == pytest.approx(brentq(lambda g: tail(g) - ALPHA, 1.0, 1e4, xtol=1e-13), rel=1e-9)
    # A plain search on a grid of 0.001: the largest that still passes.
    grid = np.arange(1.0, 50.0, 0.001)
    assert grid[tail(grid) <= ALPHA].max() == pytest.approx(bound.gamma, abs=0.001)


@pytest.mark.parametrize(("low", "high"), [(4, 0), (5, 5), (2, 9), (0, 6), (8, 3)])
def test_no_bound_where_there_is_no_difference_to_explain(low, high):
    bound = bound_of(low, high)
    assert bound.status is Status.NOT_APPLICABLE
    assert math.isnan(bound.gamma)
    assert bound.p_value == pytest.approx(binom.sf(low - 1, low + high, 0.5), rel=1e-12)
    assert bound.p_value > ALPHA


def test_without_an_informative_pair_there_is_no_bound():
    bound = rosenbaum_bound(paired([((5.0, 1), (5.0, 1)), ((5.0, 0), (9.0, 0))]))
    assert (bound.informative, bound.low_dose_first, bound.status) == (0, 0, Status.NO_PAIRS)
    assert math.isnan(bound.p_value)
    assert math.isnan(bound.gamma)


def test_pairs_broken_by_a_landmark_do_not_count():
    rows = [(5.0, 1, 0, 0), (9.0, 1, 1, 0), (3.0, 1, 0, 1), (4.0, 1, 1, 2), (6.0, 1, 0, 3), (7.0, 1, 1, 3)]
    bound = rosenbaum_bound(unpaired(rows))
    assert (bound.informative, bound.low_dose_first) == (2, 2)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 1), st.integers(1, 6), st.integers(0, 1))))
def test_any_pairs_have_a_bound_or_a_status(pairs):
    members = [((float(a), b), (float(c), d)) for a, b, c, d in pairs]
    if not members:
        return
    bound = rosenbaum_bound(paired(members))
    # Swapped arms: the informative pairs are the same, the others of them low-dose first.
    swapped = rosenbaum_bound(paired([(high, low) for low, high in members]))
    assert bound.informative == swapped.informative == bound.low_dose_first + swapped.low_dose_first
    assert (bound.status is Status.OK) == (bound.gamma >= 1.0)
    assert bound.status is not Status.OK or swapped.status is not Status.OK
