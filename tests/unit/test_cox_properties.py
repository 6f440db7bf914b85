"""What must hold for every Cox fit, on random cohorts with ties."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from survival_multiverse.estimators.cox import (
    breslow_baseline,
    cox,
    cox_binary,
    hazard_ratio,
    proportional_hazards_test,
    status_of_code,
)
from survival_multiverse.kernels.cox import (
    CONSTANT,
    NEAR_SEPARATION,
    NO_CONVERGENCE,
    OK,
    SEPARATION,
    TOO_FEW_EVENTS,
)
from survival_multiverse.settings.schema import Status

RUNS = settings(max_examples=60, deadline=None, derandomize=True)
MANY = settings(max_examples=300, deadline=None, derandomize=True)
SAME = {"rtol": 1e-9, "atol": 1e-10}


@st.composite
def cohorts(draw, low=20, high=60):
    """Time (tied), event, X (an arm and a score), cluster codes."""
    n = draw(st.integers(low, high))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    arm = rng.integers(0, 2, n)
    X = np.column_stack([arm, rng.normal(size=n)])
    time = np.ceil(rng.exponential(scale=draw(st.sampled_from([3.0, 30.0])), size=n) * np.exp(-0.5 * arm))
    return time, rng.integers(0, 4, n).clip(max=1), X, rng.integers(0, n // 2, n)


@st.composite
def tiny_cohorts(draw):
    """2 to 12 rows with few distinct values: ties, empty risk sets and separation are common."""
    n = draw(st.integers(2, 12))
    k = draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    time = rng.integers(1, draw(st.sampled_from([2, 5, 30])), n).astype(float)
    return time, rng.integers(0, 2, n), rng.integers(0, 3, (n, k)).astype(float), rng.integers(0, 3, n)


ties_methods = pytest.mark.parametrize("ties", ["efron", "breslow"])


@ties_methods
@RUNS
@given(cohort=cohorts(), seed=st.integers(0, 100))
def test_row_order_does_not_matter(ties, cohort, seed):
    time, event, X, cluster = cohort
    order = np.random.default_rng(seed).permutation(time.size)
    fit = cox(time, event, X, cluster=cluster, stratum=cluster % 2, ties=ties)
    other = cox(
        time[order], event[order], X[order], cluster=cluster[order], stratum=cluster[order] % 2, ties=ties
    )
    assert other.status is fit.status
    np.testing.assert_allclose(other.coefficients, fit.coefficients, **SAME)
    np.testing.assert_allclose(other.variance_model, fit.variance_model, **SAME)
    np.testing.assert_allclose(other.variance_robust, fit.variance_robust, **SAME)


@ties_methods
@RUNS
@given(cohort=cohorts())
def test_swapped_arm_and_rescaled_time(ties, cohort):
    time, event, X, cluster = cohort
    fit = cox(time, event, X, cluster=cluster, ties=ties)
    swapped = cox(3.0 * time, event, X * [-1.0, 1.0] + [1.0, 0.0], cluster=cluster, ties=ties)
    np.testing.assert_allclose(swapped.coefficients, fit.coefficients * [-1.0, 1.0], **SAME)
    np.testing.assert_allclose(np.diag(swapped.variance_robust), np.diag(fit.variance_robust), **SAME)
    assert swapped.loglik == pytest.approx(fit.loglik, rel=1e-11)


@RUNS
@given(cohort=cohorts())
def test_duplicates_of_half_weight_are_the_original(cohort):
    """Breslow's likelihood does not see how a weight is split; duplicates in one cluster neither."""
    time, event, X, cluster = cohort
    weight = 1.0 + cluster % 3
    fit = cox(time, event, X, ties="breslow", weight=weight, cluster=cluster)
    twice = [np.concatenate([values, values]) for values in (time, event, X, weight / 2, cluster)]
    other = cox(*twice[:3], ties="breslow", weight=twice[3], cluster=twice[4])
    assert fit.status is other.status
    np.testing.assert_allclose(other.coefficients, fit.coefficients, **SAME)
    np.testing.assert_allclose(other.variance_model, fit.variance_model, **SAME)
    np.testing.assert_allclose(other.variance_robust, fit.variance_robust, **SAME)


@ties_methods
@RUNS
@given(cohort=cohorts())
def test_rows_of_zero_weight_are_absent(ties, cohort):
    time, event, X, cluster = cohort
    kept = cluster % 3 > 0
    fit = cox(time, event, X, ties=ties, weight=kept.astype(float), cluster=cluster)
    other = cox(time[kept], event[kept], X[kept], ties=ties, cluster=cluster[kept])
    assert (fit.n, fit.events, fit.status) == (other.n, other.events, other.status)
    np.testing.assert_allclose(fit.coefficients, other.coefficients, **SAME)
    np.testing.assert_allclose(fit.variance_robust, other.variance_robust, **SAME)


@RUNS
@given(cohort=cohorts())
def test_cluster_codes_are_only_names(cohort):
    time, event, X, cluster = cohort
    fit = cox(time, event, X, cluster=cluster)
    renamed = cox(time, event, X, cluster=10**12 - 7 * cluster)
    alone = cox(time, event, X, cluster=np.arange(time.size))
    np.testing.assert_allclose(renamed.variance_robust, fit.variance_robust, **SAME)
    np.testing.assert_array_equal(alone.variance_robust, cox(time, event, X, robust=True).variance_robust)


@RUNS
@given(cohort=cohorts())
def test_baseline_and_fit_reproduce_the_deaths(cohort):
    """Martingale residuals of a Breslow fit sum to 0."""
    time, event, X, cluster = cohort
    weight = 0.5 + cluster % 2
    fit = cox(time, event, X, ties="breslow", weight=weight)
    assume(fit.status is Status.OK)
    baseline = breslow_baseline(time, event, X, fit, weight=weight)
    until = np.concatenate([[0.0], baseline.cumulative_hazard])
    hazard = until[np.searchsorted(baseline.times, time, side="right")]
    expected = np.sum(weight * hazard * np.exp(X @ fit.coefficients))
    assert expected == pytest.approx(np.sum(weight * event), rel=1e-10)


def rises_for_ever(time, event, X, stratum):
    """Linear programme: is there a direction in which every death leads its risk set, one strictly?"""
    differences = [
        X[i] - X[j]
        for i in np.nonzero(event)[0]
        for j in np.nonzero((time >= time[i]) & (stratum == stratum[i]))[0]
    ]
    D = np.array(differences)
    best = linprog(-D.sum(axis=0), A_ub=-D, b_ub=np.zeros(len(D)), bounds=(-1.0, 1.0))
    return -best.fun > 1e-7


@ties_methods
@MANY
@given(cohort=tiny_cohorts(), stratified=st.booleans())
def test_tiny_cohorts_have_an_estimate_or_the_right_status(ties, cohort, stratified):
    time, event, X, cluster = cohort
    stratum = cluster if stratified else 0 * cluster
    fit = cox(time, event, X, ties=ties, cluster=cluster, stratum=stratum)
    kept = [j for j in range(X.shape[1]) if j not in fit.dropped]
    if event.sum() == 0:
        expected = Status.TOO_FEW_EVENTS
    elif not kept:
        expected = Status.CONSTANT
    else:
        expected = Status.SEPARATION if rises_for_ever(time, event, X[:, kept], stratum) else Status.OK
    assert fit.status is expected
    assert np.isfinite(fit.coefficients[kept]).all() == (expected in (Status.OK, Status.CONSTANT))
    test = proportional_hazards_test(time, event, X, fit, ties=ties, stratum=stratum)
    assert test.status in (fit.status, Status.TOO_FEW_EVENTS)
    for j in range(X.shape[1]):
        ratio = hazard_ratio(fit, j, variance="robust")
        assert math.isnan(ratio.log_estimate) == (expected is not Status.OK or j in fit.dropped)


@ties_methods
@MANY
@given(cohort=tiny_cohorts(), weights=st.lists(st.integers(0, 4), min_size=12, max_size=12))
def test_cox_binary_equals_cox_on_tiny_cohorts(ties, cohort, weights):
    time, event, X, cluster = cohort
    order = np.argsort(time, kind="stable")
    time, event, x, cluster = time[order], event[order], (X[order, 0] > 0).astype(np.int64), cluster[order]
    weight = np.resize(np.array(weights, dtype=float), time.size)
    for used in (np.ones(time.size), weight + 0.5, weight):
        fit = cox(time, event, x[:, None], weight=used, cluster=cluster, ties=ties)
        beta, se_model, se_cluster, code = cox_binary(time, event, x, used, cluster, ties == "efron")
        assert status_of_code(code) is fit.status
        expected = [fit.coefficients[0], fit.variance_model[0, 0], fit.variance_robust[0, 0]]
        np.testing.assert_allclose([beta, se_model**2, se_cluster**2], expected, rtol=1e-10, atol=1e-12)


@RUNS
@given(cohort=cohorts())
def test_cox_binary_equals_cox(cohort):
    time, event, X, cluster = cohort
    order = np.argsort(time, kind="stable")
    fit = cox(time, event, X[:, :1], cluster=cluster)
    assume(fit.status is Status.OK)
    x = X[order, 0].astype(np.int64)
    found = cox_binary(time[order], event[order], x, np.ones(x.size), cluster[order], True)
    expected = [fit.coefficients[0], *(math.sqrt(v[0, 0]) for v in (fit.variance_model, fit.variance_robust))]
    np.testing.assert_allclose(found[:3], expected, rtol=1e-12, atol=1e-12)


def test_outliers_and_offsets_do_not_overflow():
    rng = np.random.default_rng(7)
    x = rng.normal(size=300)
    time = rng.exponential(size=300) * np.exp(-2.0 * x)
    x[0] = 60.0
    time[0] = time.min() / 2.0
    event = np.ones(300, dtype=np.int64)
    fit = cox(time, event, x[:, None], robust=True)
    shifted = cox(time, event, 1e6 + 1e-3 * x[:, None], robust=True)
    assert fit.status is Status.OK
    assert shifted.status is Status.OK
    assert fit.coefficients[0] == pytest.approx(1e-3 * shifted.coefficients[0], rel=1e-5)
    assert fit.coefficients[0] * 60.0 > 100.0


def test_a_coefficient_beyond_ten_standard_deviations_is_near_separation():
    """A finite maximum, but one that rests on less than any study has."""
    rng = np.random.default_rng(7)
    x = rng.normal(size=300)
    time = np.exp(-20.0 * x) * rng.exponential(size=300)
    assert cox(time, np.ones(300, dtype=np.int64), x[:, None]).status is Status.NEAR_SEPARATION
    time = np.exp(-7.0 * x) * rng.exponential(size=300)
    assert cox(time, np.ones(300, dtype=np.int64), x[:, None]).status is Status.OK


def test_the_compiled_codes_keep_their_names():
    codes = (OK, TOO_FEW_EVENTS, CONSTANT, SEPARATION, NO_CONVERGENCE, NEAR_SEPARATION)
    assert [status_of_code(code) for code in codes] == [
        Status.OK,
        Status.TOO_FEW_EVENTS,
        Status.CONSTANT,
        Status.SEPARATION,
        Status.NO_CONVERGENCE,
        Status.NEAR_SEPARATION,
    ]
