"""What must hold for the curves of any cohort, however small."""

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter

from survival_multiverse.estimators import curves
from survival_multiverse.settings.schema import Status

CONF_TYPES = ("log-log", "log", "plain")
cohorts = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 8).map(float), min_size=n, max_size=n),
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
    )
)
arrays = ("time", "n_risk", "n_event", "n_censor", "survival", "std_error", "ci_lower", "ci_upper")


@settings(deadline=None, max_examples=150)
@given(cohorts, st.sampled_from(CONF_TYPES), st.randoms(use_true_random=False))
def test_row_order_never_changes_a_byte(data, conf_type, random):
    time, event = np.array(data[0]), np.array(data[1])
    order = np.array(random.sample(range(time.size), time.size))
    one, other = (
        curves.kaplan_meier(t, d, conf_type=conf_type)
        for t, d in ((time, event), (time[order], event[order]))
    )
    for name in arrays:
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes()


@settings(deadline=None, max_examples=150)
@given(cohorts)
def test_scaling_time_scales_times_only(data):
    time, event = np.array(data[0]), np.array(data[1])
    one, scaled = curves.kaplan_meier(time, event), curves.kaplan_meier(time * 4, event)
    np.testing.assert_array_equal(one.survival, scaled.survival)
    median, median_scaled = curves.quantile(one), curves.quantile(scaled)
    for name in ("estimate", "lower", "upper"):
        np.testing.assert_equal(4 * getattr(median, name), getattr(median_scaled, name))
    mean, mean_scaled = curves.restricted_mean(one, 3), curves.restricted_mean(scaled, 12)
    assert mean.status is mean_scaled.status
    np.testing.assert_allclose(4 * mean.estimate, mean_scaled.estimate, rtol=1e-12)
    np.testing.assert_allclose(4 * mean.std_error, mean_scaled.std_error, rtol=1e-12, atol=1e-15)


@settings(deadline=None, max_examples=150)
@given(cohorts)
def test_duplicated_patients_keep_the_curve_and_halve_the_variance(data):
    time, event = np.array(data[0]), np.array(data[1])
    one, twice = curves.kaplan_meier(time, event), curves.kaplan_meier(np.tile(time, 2), np.tile(event, 2))
    np.testing.assert_array_equal(twice.n_risk, 2 * one.n_risk)
    np.testing.assert_allclose(twice.survival, one.survival, rtol=1e-13)
    np.testing.assert_allclose(twice.std_error * math.sqrt(2), one.std_error, rtol=1e-12)


@settings(deadline=None, max_examples=200)
@given(cohorts, cohorts)
def test_any_two_tiny_cohorts_can_be_summarised(one, other):
    a, b = curves.kaplan_meier(*one), curves.kaplan_meier(*other)
    assert (np.diff(a.survival) <= 0).all()
    assert a.n_event.sum() + a.n_censor.sum() == a.n
    at = np.array([0.0, 2.0, 5.0, 20.0])
    read, difference = curves.survival_at(a, at), curves.survival_difference(a, b, at)
    for status, estimate in zip(read.status, read.estimate, strict=True):
        assert (status is Status.OK) == (not math.isnan(estimate))
    for q, status in enumerate(difference.status):
        assert (status is Status.OK) == (not math.isnan(difference.p_value[q]))
    mean = curves.restricted_mean_difference(a, b, 4.0)
    assert (mean.status is Status.OK) == (not math.isnan(mean.p_value))
    reverse = curves.kaplan_meier(one[0], 1 - np.asarray(one[1]))
    assert curves.quantile(reverse).status in (Status.OK, Status.NOT_REACHED)


@settings(deadline=None, max_examples=60)
@given(cohorts)
def test_lifelines_has_the_same_curve(data):
    time, event = np.array(data[0]), np.array(data[1])
    km = curves.kaplan_meier(time, event)
    fit = KaplanMeierFitter().fit(time, event)
    np.testing.assert_allclose(fit.survival_function_at_times(km.time), km.survival, rtol=1e-12, atol=1e-13)


@settings(deadline=None, max_examples=150)
@given(cohorts, st.randoms(use_true_random=False), st.sampled_from(list(curves.CONF_TYPES)))
def test_groups_read_in_one_call_are_those_read_one_by_one(data, random, conf_type):
    order = np.argsort(np.array(data[0]), kind="stable")
    time, event = np.array(data[0])[order], np.array(data[1])[order]
    codes = np.array([random.randrange(-1, 3) for _ in time], dtype=np.int64)
    at = (0.0, 2.0, 5.0, 99.0)
    found = curves.group_curves(time, event, codes, 3, at, conf_type=conf_type, level=0.9)
    for code, (n, events, median, readings) in enumerate(found):
        rows = codes == code
        curve = curves.kaplan_meier(time[rows], event[rows], conf_type=conf_type, level=0.9)
        assert (n, events) == (curve.n, curve.events)
        # Compared as text, in which NaN equals NaN.
        assert repr(median) == repr(curves.quantile(curve, 0.5))
        one = curves.survival_at(curve, at)
        columns = (one.estimate, one.std_error, one.ci_lower, one.ci_upper)
        rows_one = zip(*(column.tolist() for column in columns), one.status, strict=True)
        assert repr(readings) == repr(list(rows_one))
