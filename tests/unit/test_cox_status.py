"""Cox models that cannot be estimated get a status, impossible input raises."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from survival_multiverse.estimators.cox import (
    breslow_baseline,
    cox,
    cox_binary,
    hazard_ratio,
    likelihood_ratio_test,
    proportional_hazards_test,
    wald_test,
)
from survival_multiverse.settings.schema import Status

VETERAN = json.loads((Path(__file__).parent / "reference" / "cox.json").read_text())["data"]["veteran"]


def veteran(*columns):
    time, event = np.array(VETERAN["time"], dtype=float), np.array(VETERAN["event"])
    return time, event, np.column_stack([VETERAN[column] for column in columns]).astype(float)


def test_separation_when_only_one_arm_dies():
    time = np.arange(1.0, 41.0)
    x = np.tile([0.0, 1.0], 20)
    fit = cox(time, x.astype(np.int64), x[:, None], robust=True)
    assert fit.status is Status.SEPARATION
    assert np.isnan(fit.coefficients).all()
    assert np.isnan(fit.variance_robust).all()
    ratio = hazard_ratio(fit, 0, variance="robust")
    assert ratio.status is Status.SEPARATION
    assert math.isnan(ratio.estimate)
    for test in (wald_test(fit, [0]), likelihood_ratio_test(fit)):
        assert (test.status, math.isnan(test.p_value)) == (Status.SEPARATION, True)
    assert proportional_hazards_test(time, x, x[:, None], fit).status is Status.SEPARATION


def test_separation_of_a_rare_column_is_seen_without_a_large_scaled_coefficient():
    """One exposed patient of 400 who never dies: beta falls by 1 per iteration, |beta| * SD by 0.05."""
    time = np.arange(1.0, 401.0)
    event = np.ones(400, dtype=int)
    event[-1] = 0
    x = np.zeros((400, 1))
    x[-1] = 1.0
    assert cox(time, event, x).status is Status.SEPARATION
    event[-1] = 1
    time[-1] = 390.5
    assert cox(time, event, x).status is Status.OK


def test_an_overshoot_beyond_ten_standard_deviations_is_not_separation():
    """Two nearly aliased columns: an iterate reaches |beta| * SD = 10.5, the maximum is at 9.9."""
    x = np.array([0.0, 5.0, 0.0, 1.0, 1.0, 3.0, 2.0, 0.0, 0.0, 3.0])
    noise = np.array([-1.0, -1.0, 1.0, 0.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0])
    X = np.column_stack([x, x + 0.1 * noise])
    fit = cox(np.arange(10.0), np.ones(10, dtype=int), X)
    assert fit.status is Status.OK
    assert np.abs(fit.coefficients * X.std(axis=0, ddof=1)).max() == pytest.approx(
        9.912642260511813, rel=1e-6
    )


def test_a_first_step_far_beyond_the_maximum_is_halved():
    """One exposed patient of 2000, second to die: the first Newton step is 1000, the end about log 2000."""
    time = np.arange(1.0, 2001.0)
    event = np.ones(2000, dtype=int)
    x = np.zeros((2000, 1))
    x[0] = 1.0
    assert cox(time, event, x).status is Status.SEPARATION
    time[0] = 2.5
    fit = cox(time, event, x)
    assert fit.status is Status.OK
    assert fit.coefficients[0] == pytest.approx(math.log(2000.0), abs=0.1)
    exposed = np.roll(x[:, 0], 1).astype(np.int64)
    single = cox_binary(np.sort(time), event, exposed, np.ones(2000), np.arange(2000), True)
    assert single[:2] == pytest.approx((fit.coefficients[0], math.sqrt(fit.variance_model[0, 0])), rel=1e-10)


def test_pair_strata_where_r_warns_of_an_infinite_coefficient():
    time, event, X = veteran("arm")
    fit = cox(time, event, X, stratum=VETERAN["pair"])
    assert fit.status is Status.SEPARATION


def test_one_patient_per_stratum_says_nothing():
    time, event, X = veteran("arm")
    fit = cox(time, event, X, stratum=np.arange(time.size))
    assert (fit.status, fit.dropped) == (Status.CONSTANT, (0,))


def test_constant_and_aliased_columns_are_dropped():
    time, event, X = veteran("arm", "karno60", "age")
    aliased = 0.3 - 2.0 * X[:, 0] + 0.1 * X[:, 2]
    wide = np.column_stack([np.full(time.size, 0.1), X, aliased])
    fit = cox(time, event, wide, robust=True)
    narrow = cox(time, event, X, robust=True)
    assert (fit.dropped, fit.status) == ((0, 4), Status.OK)
    np.testing.assert_array_equal(fit.coefficients[1:4], narrow.coefficients)
    np.testing.assert_array_equal(fit.variance_robust[1:4, 1:4], narrow.variance_robust)
    assert np.isnan(fit.variance_model[[0, 4]]).all()
    assert hazard_ratio(fit, 4).status is Status.CONSTANT
    assert wald_test(fit, [0, 1, 2]) == wald_test(narrow, [0, 1])
    assert wald_test(fit, [0, 4]).status is Status.CONSTANT
    assert likelihood_ratio_test(fit).df == 3
    test = proportional_hazards_test(time, event, wide, fit, terms=[[0], [1], [2, 4]])
    expected = proportional_hazards_test(time, event, X, narrow)
    np.testing.assert_allclose(test.chi2, [math.nan, *expected.chi2[:2]], rtol=1e-12)
    np.testing.assert_array_equal(test.df, [0, 1, 1])


def test_a_column_that_varies_only_before_the_first_event_is_constant():
    time, event = np.array([1.0, 2.0, 2.0, 3.0]), np.array([0, 0, 1, 1])
    assert cox(time, event, [[1.0], [0.0], [0.0], [0.0]]).status is Status.CONSTANT
    # Censored at the very time of the first event: still at risk, and it never dies.
    assert cox(time, event, [[0.0], [1.0], [0.0], [0.0]]).status is Status.SEPARATION


def test_no_events():
    time, event, X = veteran("arm")
    fit = cox(time, 0 * event, X)
    assert (fit.status, fit.events, fit.dropped) == (Status.TOO_FEW_EVENTS, 0, ())
    assert hazard_ratio(fit, 0).status is Status.TOO_FEW_EVENTS
    assert cox(time[:0], event[:0], X[:0]).status is Status.TOO_FEW_EVENTS


def test_time_trend_refusals():
    time, event = np.array([2.0, 2.0, 2.0, 2.0, 5.0]), np.array([1, 1, 0, 0, 0])
    X = np.array([[0.0], [1.0], [0.0], [1.0], [1.0]])
    fit = cox(time, event, X)
    assert fit.status is Status.OK
    assert proportional_hazards_test(time, event, X, fit).status is Status.TOO_FEW_EVENTS
    assert (
        proportional_hazards_test(time - 2.0, event, X, fit, transform="log").status is Status.NOT_APPLICABLE
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ties": "exact"}, "ties"),
        ({"X": np.zeros(3)}, "shapes"),
        ({"event": np.array([0, 1])}, "shapes"),
        ({"cluster": np.array([0, 1])}, "shapes"),
        ({"event": np.array([0, 1, 2])}, "event"),
        ({"time": np.array([0.0, 1.0, np.nan])}, "time"),
        ({"X": np.array([[0.0], [np.inf], [1.0]])}, "X holds"),
        ({"weight": np.array([1.0, -1.0, 1.0])}, "weight"),
        ({"weight": np.array([1.0, np.inf, 1.0])}, "weight"),
        ({"names": ["a", "b"]}, "names"),
    ],
)
def test_programming_errors_raise(change, message):
    good = {"time": np.arange(3.0), "event": np.array([1, 1, 0]), "X": np.array([[0.0], [1.0], [0.0]])}
    with pytest.raises(ValueError, match=message):
        cox(**(good | change))


def test_baseline_refuses_a_failed_fit():
    rows = (np.array([1.0, 2.0, 3.0]), np.array([1, 0, 0]), np.array([[1.0], [0.0], [0.0]]))
    baseline = breslow_baseline(*rows, cox(*rows))
    assert baseline.status is Status.SEPARATION
    assert np.isnan(baseline.jumps).all()
