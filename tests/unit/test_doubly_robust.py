"""Standardised and doubly robust survival against riskRegression's ate (reference/doubly_robust.R)."""

import json
from pathlib import Path

import numpy as np
import pytest

from survival_multiverse.estimators.cox import cox
from survival_multiverse.estimators.doubly_robust import doubly_robust
from survival_multiverse.estimators.standardised import (
    OutcomeModel,
    outcome_model,
    standardised,
    without_model,
)
from survival_multiverse.kernels.cell import adjusted_estimate
from survival_multiverse.settings.schema import Status

R = json.loads((Path(__file__).parent / "reference" / "doubly_robust.json").read_text())
D = {name: np.array(values, float) for name, values in R["data"].items()}
X = np.column_stack([D["age"], D["ecog"]])
P = np.array(R["probability"])
AT = {"horizons": [365.0], "times": R["times"]}


def lung(rows=slice(None)) -> OutcomeModel:
    return outcome_model(D["time"][rows], D["event"][rows], D["arm"][rows], X[rows])


def assert_as_ate(found, expected) -> None:
    arms, contrasts = found
    for arm, readings in enumerate(arms):
        np.testing.assert_allclose([1 - one.estimate for one in readings], expected[f"risk_{arm}"], rtol=1e-9)
        np.testing.assert_allclose([one.std_error for one in readings], expected[f"se_{arm}"], rtol=1e-8)
    differences = [one for one in contrasts if one.measure == "survival_difference"]
    np.testing.assert_allclose([-one.estimate for one in differences], expected["difference"], rtol=1e-9)
    np.testing.assert_allclose([one.std_error for one in differences], expected["se"], rtol=1e-8)
    assert {one.status for one in contrasts} == {Status.OK}


def test_standardised_survival_and_its_errors_are_those_of_ate():
    assert_as_ate(standardised(lung(), **AT), R["standardised"])


def test_doubly_robust_survival_and_its_errors_are_those_of_ate():
    assert_as_ate(doubly_robust(lung(), P, **AT), R["doubly_robust"])


def test_the_nuisance_models_estimation_moves_the_errors_little():
    """They are right without it where the models hold; `ate` can add it."""
    np.testing.assert_allclose(R["doubly_robust"]["se"], R["estimated"]["se"], rtol=0.02)


def areas(function, tau: float) -> float:
    """Integrate survival differences by the midpoints of 3,000 steps."""
    width = tau / 3000
    middles = ((np.arange(3000) + 0.5) * width).tolist()
    differences = [one.estimate for one in function(middles) if one.measure == "survival_difference"]
    # Before the first death there is none.
    return width * float(np.nansum(differences))


def test_restricted_means_are_areas_between_the_curves():
    model = lung()
    for estimate in (
        lambda times, horizons=(): standardised(model, horizons=list(horizons), times=times)[1],
        lambda times, horizons=(): doubly_robust(model, P, horizons=list(horizons), times=times)[1],
    ):
        assert estimate([1.0], [365.0])[0].estimate == pytest.approx(areas(estimate, 365.0), rel=2e-3)


def cohort(seed: int, columns: int, late: bool):
    """Ties, covariates in groups and as numbers, and a follow-up that some limits are beyond."""
    rng = np.random.default_rng(seed)
    n = 120
    x = np.column_stack([rng.integers(0, 2, (n, columns)), rng.normal(size=(n, columns // 2))])
    arm = rng.integers(0, 2, n)
    time = np.sort(np.ceil(rng.exponential(20 * np.exp(0.3 * x.sum(axis=1) - 0.4 * arm))))
    event = (rng.random(n) < 0.8).astype(np.int64)
    return time, event, arm, x, np.floor(rng.uniform(0, 0.8, n) * time) if late else None


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("columns", [0, 1, 4])
def test_draws_contrast_standardised_curves_as_scenarios_do(columns, late):
    horizons, times, known = np.array([12.0, 24.0]), np.array([0.5, 6.0, 40.0, 1000.0]), 0
    for seed in range(4):
        time, event, arm, x, entry = cohort(seed, columns, late)
        # A constant column is left out of the model.
        x = np.column_stack([x, np.ones(len(x))]) if seed == 1 else x
        found = np.full((1 + horizons.size + times.size + 1, 2), np.nan)
        adjusted_estimate(time, event, arm, np.ascontiguousarray(x), horizons, times, found, entry)
        model = outcome_model(time, event, arm, x, entry)
        expected = standardised(model, horizons=horizons.tolist(), times=times.tolist())[1]
        numbers = [(own.estimate, own.std_error) for own in expected]
        np.testing.assert_allclose(found[1:], numbers, rtol=1e-10, atol=1e-13)
        known += sum(own.status is Status.OK for own in expected)
        assert expected[2].status is Status.TOO_FEW_EVENTS
    assert known > 14


@pytest.mark.parametrize("late", [False, True])
def test_standardised_errors_are_derivatives_in_the_weights_with_ties_and_entries(late):
    """Weights of whole patients: a cohort in which one is there twice, against the influence of a copy."""
    rng = np.random.default_rng(3)
    n = 400
    arm = rng.integers(0, 2, n)
    x = rng.normal(size=(n, 1)) + arm[:, None]
    time = np.ceil(rng.exponential(40 * np.exp(-0.3 * x[:, 0])))
    entry = np.floor(rng.uniform(0, 0.3, n) * (time - 1)) if late else None
    order = np.argsort(time, kind="stable")
    time, arm, x = time[order], arm[order], x[order]
    entry = None if entry is None else entry[order]
    event = (rng.random(n) < 0.8).astype(int)

    def at(rows):
        model = outcome_model(
            time[rows], event[rows], arm[rows], x[rows], None if entry is None else entry[rows]
        )
        return standardised(model, horizons=[40.0], times=[20.0])[1]

    found = at(np.arange(n))
    without = np.array([[one.estimate for one in at(np.delete(np.arange(n), i))[:2]] for i in range(n)])
    jackknife = np.sqrt(np.sum((without - without.mean(axis=0)) ** 2, axis=0))
    np.testing.assert_allclose([one.std_error for one in found[:2]], jackknife, rtol=0.03)


def test_without_covariates_the_doubly_robust_curve_is_near_that_of_its_arm():
    model = outcome_model(D["time"], D["event"], D["arm"], np.empty((len(P), 0)))
    share = np.full(len(P), D["arm"].mean())
    arms, _ = doubly_robust(model, share, **AT)
    for arm, readings in enumerate(arms):
        own = D["arm"] == arm
        for when, one in zip(R["times"], readings, strict=True):
            s = 1.0
            for now in np.unique(D["time"][own & (D["event"] == 1) & (D["time"] <= when)]):
                risk = own & (D["time"] >= now)
                s *= 1 - np.sum(risk & (D["time"] == now) & (D["event"] == 1)) / risk.sum()
            assert one.estimate == pytest.approx(s, abs=0.005)


def test_a_wrong_model_is_mended_by_a_right_score():
    """An outcome model that leaves the confounder out; truth by the curves of both potential outcomes."""
    rng = np.random.default_rng(7)
    n = 6000
    x = rng.normal(size=n)
    p = 1 / (1 + np.exp(-x))
    arm = (rng.random(n) < p).astype(int)
    dies = rng.exponential(12 / np.exp(0.8 * x - 0.5 * arm))
    censored = rng.uniform(5, 40, n)
    order = np.argsort(np.minimum(dies, censored))
    time, event = np.minimum(dies, censored)[order], (dies <= censored)[order]
    arm, p, x = arm[order], p[order], x[order]
    potential = [rng.exponential(12 / np.exp(0.8 * rng.normal(size=400_000) - 0.5 * a)) for a in (0, 1)]
    truth = np.mean(potential[1] > 12) - np.mean(potential[0] > 12)
    wrong = outcome_model(time, event, arm, np.empty((n, 0)))
    right = outcome_model(time, event, arm, x[:, None])
    naive = standardised(wrong, horizons=[], times=[12.0])[1][0]
    mended = doubly_robust(wrong, p, horizons=[], times=[12.0])[1][0]
    other = doubly_robust(right, np.full(n, arm.mean()), horizons=[], times=[12.0])[1][0]
    assert abs(naive.estimate - truth) > 4 * naive.std_error
    assert abs(mended.estimate - truth) < 3 * mended.std_error
    assert abs(other.estimate - truth) < 3 * other.std_error


def test_what_cannot_be_estimated_is_a_status():
    model = lung()
    latest = {"horizons": [1022.0], "times": [1022.0]}
    for found in (standardised(model, **latest), doubly_robust(model, P, **latest)):
        assert [one.status for one in found[1]][:2] == [Status.BEYOND_FOLLOW_UP] * 2
        assert found[0][1][0].status is Status.BEYOND_FOLLOW_UP
    none = without_model(Status.SEPARATION)
    for found in (standardised(none, **AT), doubly_robust(none, P, **AT)):
        assert {one.status for one in found[1]} == {Status.SEPARATION}
    late = outcome_model(D["time"], D["event"], D["arm"], X, np.full(len(P), 0.5))
    assert {one.status for one in doubly_robust(late, P, **AT)[1]} == {Status.NOT_APPLICABLE}
    same, from_zero = standardised(late, **AT)[1], standardised(model, **AT)[1]
    np.testing.assert_allclose([one.std_error for one in same], [one.std_error for one in from_zero])


def test_the_model_is_the_adjusted_cox_model():
    fit = cox(D["time"], D["event"], np.column_stack([D["arm"], X]))
    assert lung().own[1] / lung().own[0] == pytest.approx(np.exp(fit.coefficients[0]), rel=1e-12)
