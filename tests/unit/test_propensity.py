"""The propensity model against R's glm, scikit-learn, and a linear programme that decides separation."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.datasets import load_gbsg2, load_lung
from scipy.optimize import linprog
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from survival_multiverse.balancing.propensity import c_statistic, fit_propensity, overlap_summary
from survival_multiverse.settings.schema import Status

REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "propensity.json").read_text())


def lung():
    frame = load_lung()[["age", "sex", "ph.ecog", "ph.karno", "wt.loss"]].dropna()
    return frame[["age", "ph.ecog", "ph.karno", "wt.loss"]].to_numpy(float), (frame["sex"] == 2).to_numpy(int)


def gbsg2():
    frame = load_gbsg2()
    columns = {
        "age": frame["age"],
        "meno": frame["menostat"] == "Post",
        "size": frame["tsize"],
        "grade2": frame["tgrade"] == "II",
        "grade3": frame["tgrade"] == "III",
        "nodes": frame["pnodes"],
        "pgr": frame["progrec"],
        "er": frame["estrec"],
    }
    return pd.DataFrame(columns).to_numpy(float), (frame["horTh"] == "yes").to_numpy(int)


def veteran():
    return np.array(R["veteran_columns"], dtype=float).T, np.array(R["veteran_arm"])


COHORTS = {"lung": lung, "gbsg2": gbsg2, "veteran": veteran}


def deviance(fit, arm):
    observed = np.where(arm == 1, fit.probability, 1 - fit.probability)
    return -2 * np.log(observed).sum()


@pytest.mark.parametrize("name", COHORTS)
def test_agrees_with_r_glm(name):
    X, arm = COHORTS[name]()
    fit = fit_propensity(X, arm)
    assert fit.status is Status.OK
    got = np.r_[fit.intercept, fit.coefficients]
    np.testing.assert_allclose(got, R[name]["coefficients"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose([fit.logit.min(), fit.logit.max()], R[name]["logit_range"], atol=1e-8)
    np.testing.assert_allclose(deviance(fit, arm), R[name]["deviance"], rtol=1e-10)
    np.testing.assert_allclose(fit.c_statistic, R[name]["c_statistic"], rtol=1e-12)


@pytest.mark.parametrize("name", COHORTS)
def test_agrees_with_scikit_learn(name):
    X, arm = COHORTS[name]()
    fit = fit_propensity(X, arm)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    # newton-cholesky stops on the gradient; scaled columns let it reach 1e-12.
    other = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=200).fit(scaled, arm)
    np.testing.assert_allclose(fit.coefficients, other.coef_[0] / X.std(axis=0), rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(fit.probability, other.predict_proba(scaled)[:, 1], atol=1e-8)
    assert fit.c_statistic == pytest.approx(roc_auc_score(arm, fit.logit), abs=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_committed_reference_is_what_r_says():
    script = REFERENCE / "propensity.R"
    live = json.loads(subprocess.run(["Rscript", script], check=True, capture_output=True, text=True).stdout)
    assert live.keys() == R.keys()
    for name in ("lung", "gbsg2", "veteran"):
        for key, value in R[name].items():
            np.testing.assert_allclose(live[name][key], value, rtol=1e-10)
    assert live["veteran_columns"] == R["veteran_columns"]


def test_score_equations_hold_at_the_maximum():
    X, arm = gbsg2()
    fit = fit_propensity(X, arm)
    scaled = np.c_[np.ones(len(arm)), (X - X.mean(axis=0)) / X.std(axis=0)]
    np.testing.assert_allclose(scaled.T @ (arm - fit.probability), 0, atol=1e-9)


def test_logit_is_rounded_and_equal_rows_are_exactly_equal():
    X, arm = gbsg2()
    indicators = np.greater(X, np.median(X, axis=0)).astype(float)[:, [0, 2, 5, 6]]
    fit = fit_propensity(indicators, arm)
    np.testing.assert_array_equal(fit.logit, np.round(fit.logit, 9))
    assert len(np.unique(fit.logit)) == len(np.unique(indicators, axis=0)) <= 16


def test_aliased_and_constant_columns_are_dropped_by_index():
    X, arm = veteran()
    wide = np.c_[X[:, 0], np.full(len(arm), 0.1), X[:, 1], 3 - 2 * X[:, 0] + 0.5 * X[:, 1], X[:, 2]]
    fit = fit_propensity(wide, arm)
    narrow = fit_propensity(X[:, :3], arm)
    assert fit.dropped.tolist() == [1, 3]
    assert np.isnan(fit.coefficients[[1, 3]]).all()
    np.testing.assert_allclose(fit.coefficients[[0, 2, 4]], narrow.coefficients, rtol=1e-12)
    np.testing.assert_array_equal(fit.logit, narrow.logit)


@pytest.mark.parametrize("columns", [np.empty((8, 0)), np.full((8, 2), 7.5)])
def test_without_usable_columns_the_logit_is_the_crude_log_odds(columns):
    arm = np.array([1, 1, 0, 0, 0, 0, 0, 0])
    fit = fit_propensity(columns, arm)
    assert fit.status is Status.OK
    np.testing.assert_allclose(fit.logit, np.log(2 / 6), atol=1e-9)
    assert fit.c_statistic == 0.5
    assert fit.dropped.tolist() == list(range(columns.shape[1]))


def test_a_large_common_offset_costs_no_digits():
    X, arm = veteran()
    shifted = fit_propensity(X + 1e6, arm)
    np.testing.assert_allclose(shifted.coefficients, fit_propensity(X, arm).coefficients, rtol=1e-8)


def test_complete_quasi_and_rare_separation_are_reported():
    arm = np.repeat([0, 1], 50)
    complete = np.arange(100.0)
    quasi = np.r_[np.zeros(50), np.arange(50) % 2]
    rare = np.zeros(100)
    rare[99] = 1
    noise = np.random.default_rng(3).normal(size=100)
    for column in (complete, quasi, rare):
        fit = fit_propensity(np.c_[noise, column], arm)
        assert fit.status is Status.SEPARATION
        assert np.isnan(fit.coefficients).all()
        assert np.isnan(fit.logit).all()
        assert np.isnan(fit.c_statistic)


def test_nearly_separated_column_is_judged_on_the_scaled_coefficient():
    # One overlapping pair: the maximum is finite, but a SD-1 column has a coefficient above 10.
    x = np.arange(400.0)
    arm = (x >= 200).astype(int)
    arm[[199, 200]] = arm[[200, 199]]
    assert fit_propensity(x[:, None], arm).status is Status.NEAR_SEPARATION
    assert has_no_finite_maximum(x[:, None], arm) is False


def test_rare_but_mixed_level_is_not_separation():
    rng = np.random.default_rng(5)
    arm = (rng.random(2000) < 0.02).astype(int)
    level = np.zeros(2000)
    level[[np.flatnonzero(arm == 1)[0], np.flatnonzero(arm == 0)[0]]] = 1
    fit = fit_propensity(level[:, None], arm)
    assert fit.status is Status.OK
    # A saturated model has the group's log odds in closed form.
    assert fit.intercept + fit.coefficients[0] == pytest.approx(0, abs=1e-9)


def test_empty_arms_have_a_status():
    for arm in (np.zeros(4, int), np.ones(4, int), np.empty(0, int)):
        fit = fit_propensity(np.ones((len(arm), 2)), arm)
        assert fit.status is Status.EMPTY_ARM
        assert np.isnan(fit.logit).all()


def test_iteration_limit_is_no_convergence():
    X, arm = veteran()
    assert fit_propensity(X, arm, max_iterations=1).status is Status.NO_CONVERGENCE


@pytest.mark.parametrize(
    ("X", "arm"),
    [
        (np.zeros((3, 1)), [0, 1]),
        (np.zeros(3), [0, 1, 0]),
        (np.full((2, 1), np.nan), [0, 1]),
        (np.zeros((2, 1)), [0, 2]),
    ],
)
def test_programming_errors_raise(X, arm):
    with pytest.raises(ValueError, match="X must be"):
        fit_propensity(X, np.array(arm))


def has_no_finite_maximum(X, arm):
    """Albert and Anderson's definition: some direction worsens no patient's fit and improves one's."""
    signed = np.c_[np.ones(len(arm)), X] * np.where(arm == 1, 1.0, -1.0)[:, None]
    answer = linprog(
        -signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(arm)), bounds=[(-1, 1)] * signed.shape[1]
    )
    return bool(-answer.fun > 1e-7)


def test_separation_agrees_with_a_linear_programme():
    rng = np.random.default_rng(11)
    seen = {True: 0, False: 0}
    for _ in range(400):
        n, k = rng.integers(6, 20), rng.integers(1, 5)
        X = rng.integers(0, 3, size=(n, k)).astype(float)
        arm = rng.integers(0, 2, size=n)
        if arm.min() == arm.max():
            continue
        separated = has_no_finite_maximum(X, arm)
        seen[separated] += 1
        assert (fit_propensity(X, arm).status is Status.SEPARATION) == separated
    assert min(seen.values()) > 80


@settings(deadline=None, max_examples=150)
@given(data=st.data(), n=st.integers(0, 9), k=st.integers(0, 3))
def test_tiny_inputs_never_crash(data, n, k):
    cells = st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0])
    X = np.array(data.draw(st.lists(cells, min_size=n * k, max_size=n * k))).reshape(n, k)
    arm = np.array(data.draw(st.lists(st.integers(0, 1), min_size=n, max_size=n)), dtype=int)
    fit = fit_propensity(X, arm)
    assert (np.isfinite(fit.logit) == (fit.status is Status.OK)).all()
    assert (fit.status is Status.EMPTY_ARM) == (len(set(arm.tolist())) < 2)
    assert fit.logit.shape == (n,)
    assert fit.coefficients.shape == (k,)


def test_c_statistic_counts_every_pair():
    rng = np.random.default_rng(2)
    for _ in range(50):
        score, arm = rng.integers(0, 5, 12), rng.integers(0, 2, 12)
        wins = [(a > b) + (a == b) / 2 for a in score[arm == 1] for b in score[arm == 0]]
        assert c_statistic(score, arm) == pytest.approx(np.mean(wins), abs=1e-15)
    assert np.isnan(c_statistic(np.ones(3), np.ones(3)))


def test_overlap_includes_its_limits():
    overlap = overlap_summary(np.array([0.0, 1, 2, 1, 2, 3, 4]), np.array([0, 0, 0, 1, 1, 1, 1]))
    assert overlap.minimum == (0, 1)
    assert overlap.maximum == (2, 4)
    assert (overlap.lower, overlap.upper) == (1, 2)
    assert overlap.share_by_arm == (2 / 3, 2 / 4)
    assert overlap.share == 4 / 7


def test_overlap_of_disjoint_and_empty_arms():
    apart = overlap_summary(np.array([0.0, 1, 5, 6]), np.array([0, 0, 1, 1]))
    assert apart.lower > apart.upper
    assert apart.share == 0
    assert np.isnan(overlap_summary(np.zeros(2), np.zeros(2, int)).share)
    assert np.isnan(overlap_summary(np.array([np.nan, 1]), np.array([0, 1])).lower)
    with pytest.raises(ValueError, match="one shape"):
        overlap_summary(np.zeros(2), np.zeros(3, int))
