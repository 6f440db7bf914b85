"""Contrasts of curves against R's survfit (reference/curve_measures.R), lifelines, derivatives."""

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import KaplanMeierFitter
from lifelines.utils import restricted_mean_survival_time

from survival_multiverse.balancing.propensity import fit_propensity
from survival_multiverse.balancing.weighting import propensity_weights
from survival_multiverse.estimators import curves
from survival_multiverse.estimators.curve_measures import contrasts, weighted_contrasts
from survival_multiverse.estimators.log_rank import log_rank, weighted_log_rank
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Status

REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "curve_measures.json").read_text())
D = {name: np.array(values, float) for name, values in R["data"].items()}
AT = {"horizons": R["horizons"], "times": R["times"]}
LUNG = D["time"], D["event"], D["arm"]
OPTIONS = {
    "plain": {},
    "weighted": {"weight": D["weight"]},
    "clustered": {"cluster": D["pair"]},
    "late": {"weight": D["weight"], "cluster": D["pair"], "entry": D["entry"]},
}


def estimates(found) -> np.ndarray:
    return np.array([one.estimate for one in found])


def errors(found) -> np.ndarray:
    return np.array([one.std_error for one in found])


@pytest.mark.parametrize("case", R["answers"])
def test_estimates_and_errors_are_those_of_r(case):
    found, expected = contrasts(*LUNG, **OPTIONS[case], **AT), R["answers"][case]
    np.testing.assert_allclose(estimates(found), expected["estimate"], rtol=1e-11)
    np.testing.assert_allclose(errors(found)[:-1], expected["se"], rtol=1e-11)
    assert {one.status for one in found} == {Status.OK}


def test_the_error_of_one_curve_is_the_robust_one_that_survfit_prints():
    """Against a curve without spread before these times: everybody dies after them."""
    own = D["arm"] == 1
    flat = np.full(40, 2000.0)
    found = contrasts(
        np.concatenate([D["time"][own], flat]),
        np.concatenate([D["event"][own], np.ones(40)]),
        np.repeat([1, 0], [own.sum(), 40]),
        weight=np.concatenate([D["weight"][own], np.ones(40)]),
        horizons=[],
        times=R["times"],
    )[:-1]
    np.testing.assert_allclose(estimates(found) + 1, R["robust"]["surv"], rtol=1e-11)
    np.testing.assert_allclose(errors(found), R["robust"]["se"], rtol=1e-11)


def test_without_weights_it_is_what_the_curves_say_one_by_one():
    low, high = (
        curves.kaplan_meier(D["time"][own], D["event"][own]) for own in (D["arm"] == 0, D["arm"] == 1)
    )
    found = contrasts(*LUNG, **AT)
    means = [curves.restricted_mean_difference(high, low, tau) for tau in R["horizons"]]
    points = curves.survival_difference(high, low, R["times"])
    middle = curves.quantile(high).estimate - curves.quantile(low).estimate
    expected = [*(one.estimate for one in means), *points.estimate, middle]
    np.testing.assert_allclose(estimates(found), expected, rtol=1e-12)
    expected = [*(one.std_error for one in means), *points.std_error]
    np.testing.assert_allclose(errors(found)[:-1], expected, rtol=1e-12)


def test_weighted_curves_are_those_of_lifelines():
    found = contrasts(*LUNG, weight=D["weight"], **AT)
    fits = []
    for arm in (0, 1):
        own = D["arm"] == arm
        with pytest.warns(Warning, match="weights are not integers"):
            fits.append(KaplanMeierFitter().fit(D["time"][own], D["event"][own], weights=D["weight"][own]))
    low, high = fits
    expected = [
        restricted_mean_survival_time(high, t) - restricted_mean_survival_time(low, t) for t in R["horizons"]
    ]
    expected += [float(high.predict(t) - low.predict(t)) for t in R["times"]]
    np.testing.assert_allclose(estimates(found)[:-1], expected, rtol=1e-9)


def moved(function, weight, step=1e-5) -> np.ndarray:
    """Central differences of a vector function in each weight."""
    nudges = np.eye(len(weight)) * step
    return np.array([(function(weight + h) - function(weight - h)) / (2 * step) for h in nudges])


@pytest.mark.parametrize("late", [False, True])
def test_errors_are_the_squares_of_derivatives_in_the_weights(late):
    entry = D["entry"] if late else None

    def at(weight):
        return estimates(contrasts(*LUNG, weight=weight, entry=entry, **AT))

    found = contrasts(*LUNG, weight=D["weight"], entry=entry, **AT)
    influence = D["weight"][:, None] * moved(at, D["weight"])
    np.testing.assert_allclose(errors(found)[:-1], np.sqrt((influence**2).sum(axis=0))[:-1], rtol=1e-6)


@pytest.mark.parametrize("estimator", WEIGHTED)
def test_the_stacked_error_is_that_of_refitting_the_score_with_each_patient_a_bit_heavier(estimator):
    X = np.column_stack([D["age"], D["age"] ** 2 / 50, np.arange(len(D["age"])) % 7])
    probability = fit_propensity(X, D["arm"]).probability
    found = weighted_contrasts(*LUNG, X, probability, estimator, **AT)
    design = np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)])

    def at(unit):
        beta = np.zeros(design.shape[1])
        for _ in range(25):
            p = 1 / (1 + np.exp(-design @ beta))
            information = (design * (unit * p * (1 - p))[:, None]).T @ design
            beta = beta + np.linalg.solve(information, design.T @ (unit * (D["arm"] - p)))
        p = 1 / (1 + np.exp(-design @ beta))
        weight = unit * propensity_weights(p, D["arm"].astype(int), estimator)
        return estimates(contrasts(*LUNG, weight=weight, **AT))

    stacked = np.array([one.stacked_error for one in found])
    expected = np.sqrt((moved(at, np.ones(len(X))) ** 2).sum(axis=0))
    np.testing.assert_allclose(stacked[:-1], expected[:-1], rtol=1e-5)
    known = contrasts(*LUNG, weight=propensity_weights(probability, D["arm"].astype(int), estimator), **AT)
    np.testing.assert_allclose(errors(found), errors(known), rtol=1e-12)
    np.testing.assert_allclose(estimates(found), estimates(known), rtol=1e-12)
    assert (np.abs(stacked / errors(found) - 1) > 1e-4).all()


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_weight_2_is_a_patient_twice_and_neither_order_nor_scale_matters(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(20, 60))
    time = rng.integers(1, 30, n).astype(float)
    event, arm = rng.integers(0, 4, n) > 0, rng.integers(0, 2, n)
    twice = rng.integers(1, 3, n)
    where = {"horizons": [8.0], "times": [5.0, 10.0]}
    weighted = contrasts(time, event, arm, weight=twice, **where)
    copied = np.repeat(np.arange(n), twice)
    same = contrasts(time[copied], event[copied], arm[copied], cluster=copied, **where)
    shuffled = rng.permutation(n)
    again = contrasts(time[shuffled], event[shuffled], arm[shuffled], weight=3.0 * twice[shuffled], **where)
    for others in (same, again):
        assert [one.status for one in others] == [one.status for one in weighted]
        np.testing.assert_allclose(estimates(others), estimates(weighted), rtol=1e-10, atol=1e-12)
    # The slope at the median is measured with the error of each arm, in which copies count as patients.
    for others in (same[:-1], again):
        np.testing.assert_allclose(errors(others), errors(weighted[: len(others)]), rtol=1e-9, atol=1e-12)


def test_weights_of_zero_are_nobody():
    nobody = ([5.0, 5000.0], [1, 0], [0, 1])
    time, event, arm = (np.append(column, extra) for column, extra in zip(LUNG, nobody, strict=True))
    weight = np.append(D["weight"], [0.0, 0.0])
    found, without = (
        contrasts(time, event, arm, weight=weight, **AT),
        contrasts(*LUNG, weight=D["weight"], **AT),
    )
    np.testing.assert_allclose(estimates(found), estimates(without), rtol=1e-13)
    np.testing.assert_allclose(errors(found), errors(without), rtol=1e-13)
    beyond = contrasts(time, event, arm, weight=weight, horizons=[4000.0], times=[4000.0])
    assert [one.status for one in beyond][:2] == [Status.BEYOND_FOLLOW_UP] * 2


def statuses(time, event, arm, *, horizon, minimum_events=1) -> list[Status]:
    found = contrasts(time, event, arm, horizons=[horizon], times=[horizon], minimum_events=minimum_events)
    assert all(math.isnan(one.std_error) for one in found if one.status is not Status.OK)
    return [one.status for one in found]


def test_what_cannot_be_estimated_is_a_status():
    time = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    arm = np.array([0, 1] * 4)
    some = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    assert statuses(time, some, arm, horizon=6.5) == [Status.OK] * 3
    assert statuses(time, some, arm, horizon=7.5)[:2] == [Status.BEYOND_FOLLOW_UP] * 2
    few = np.array([1, 0, 1, 1, 0, 0, 0, 0])
    assert statuses(time, few, arm, horizon=4.0) == [Status.OK, Status.OK, Status.NOT_REACHED]
    assert statuses(time, few, arm, horizon=4.0, minimum_events=2) == [Status.TOO_FEW_EVENTS] * 3
    assert statuses(time, some, np.ones(8), horizon=4.0) == [Status.EMPTY_ARM] * 3
    assert statuses(time, some, arm, horizon=0.5)[:2] == [Status.TOO_FEW_EVENTS] * 2
    # Everybody of arm 0 is dead by then: the difference is known, Greenwood's error is not.
    dead = contrasts(time, np.ones(8), arm, horizons=[9.0], times=[7.5])
    assert [one.status for one in dead] == [Status.OK, Status.NOT_APPLICABLE, Status.OK]
    assert dead[1].estimate == 0.25


@pytest.mark.parametrize(
    "wrong",
    [
        {"weight": [1.0]},
        {"weight": -np.ones(len(D["time"]))},
        {"cluster": -np.ones(len(D["time"]))},
        {"horizons": [0.0]},
        {"times": [-1.0]},
        {"entry": D["time"]},
    ],
)
def test_impossible_values_are_refused(wrong):
    with pytest.raises(ValueError, match=r"must|entry"):
        contrasts(*LUNG, **{**AT, **wrong})


@pytest.mark.slow
@pytest.mark.parametrize(("patients", "ratio"), [(40, 1.0), (100, 0.6)])
def test_the_median_s_interval_covers(patients, ratio):
    """Of 800 cohorts, censored at 6 to 60 months, 95 % within 2.2 points (three errors of simulation)."""
    rng = np.random.default_rng(28)
    arm = np.repeat([0, 1], patients)
    covered = 0
    for _ in range(800):
        time = rng.exponential(12 / math.log(2) / np.where(arm == 1, ratio, 1.0))
        censored = rng.uniform(6, 60, arm.size)
        found = contrasts(np.minimum(time, censored), time <= censored, arm, horizons=[], times=[])[0]
        covered += abs(found.estimate - (12 / ratio - 12)) < 1.96 * found.std_error
    assert covered / 800 == pytest.approx(0.95, abs=0.023)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript is not installed")
def test_committed_reference_is_what_r_prints():
    run = subprocess.run(
        ["Rscript", "curve_measures.R"], cwd=REFERENCE, capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == R


@pytest.mark.parametrize("late", [False, True])
def test_a_weighted_log_rank_test_without_covariates_is_the_log_rank_test(late):
    """Weights are 1 then; the stacked variance is the sum of squared derivatives in them."""
    time, event, arm = LUNG[0], D["event"].astype(np.int64), D["arm"].astype(np.int64)
    entry, share = (D["entry"] if late else None), np.full(len(time), arm.mean())
    none = np.empty((len(time), 0))
    known, stacked, status = weighted_log_rank(time, event, arm, none, share, Estimator.IPTW, entry=entry)
    assert known == pytest.approx(log_rank(time, event, arm, entry=entry).chi2, rel=1e-10)
    assert status is Status.OK
    begins = np.full(len(time), -1.0) if entry is None else entry

    def score(unit):
        total = 0.0
        for now in np.unique(time[event == 1]):
            risk, dies = unit * ((begins < now) & (time >= now)), unit * ((time == now) & (event == 1))
            total += np.sum(dies * arm) - np.sum(dies) * np.sum(risk * arm) / np.sum(risk)
        return np.array([total])

    one = np.ones(len(time))
    residual = moved(score, one)[:, 0]
    # With an intercept alone the score is the share of the arm: what both do to the weights cancels.
    assert score(one)[0] ** 2 / np.sum(residual**2) == pytest.approx(stacked, rel=1e-6)
