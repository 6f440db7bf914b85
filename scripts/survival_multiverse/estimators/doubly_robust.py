"""Doubly robust (augmented inverse probability weighted) contrasts of survival and restricted means."""

from collections.abc import Sequence

import numpy as np

from survival_multiverse.estimators.curve_measures import RESTRICTED_MEAN, SURVIVAL, Contrast
from survival_multiverse.estimators.standardised import (
    NAN,
    ArmSurvival,
    OutcomeModel,
    checked_contrast,
    read_off,
    within_follow_up,
)
from survival_multiverse.kernels.standardised import censoring_steps, doubly_robust_values
from survival_multiverse.settings.schema import Status


def doubly_robust(
    model: OutcomeModel,
    probability: np.ndarray,
    *,
    horizons: Sequence[float],
    times: Sequence[float],
) -> tuple[list[list[ArmSurvival]], list[Contrast]]:
    """Estimate survival of everybody in either arm, right if the score or the outcome model is ([1]_, [2]_).

    The outcome model is the adjusted Cox model, with the arm as a term: per arm there are too few deaths for
    as many covariates. Censoring depends on the arm alone (exp of minus Nelson-Aalen's hazard, deaths before
    censorings at a tie), and its augmentation keeps the information of the censored. Errors are the spread of
    the patients' augmented values: that is their influence where all three models hold [2]_.

    Parameters
    ----------
    model : OutcomeModel
        Of `standardised.outcome_model`, patients without delayed entry.
    probability : array, shape (n,)
        P(A = 1 | X) of `propensity.fit_propensity`, aligned with the model's rows.
    horizons : sequence of float
        Those of restricted means, in the unit of time.
    times : sequence of float
        At which survival is read.

    Returns
    -------
    tuple
        S of arm 0 and of arm 1 at the times; and the contrasts, restricted means first, then survival. With
        delayed entry `not_applicable`.

    References
    ----------
    .. [1] Bai X, Tsiatis AA, O'Brien SM. Doubly-robust estimators of treatment-specific survival
       distributions in observational studies with stratified sampling. Biometrics 2013;69:830–839.
    .. [2] Ozenne BMH, Scheike TH, Stærk L, Gerds TA. On the estimation of average treatment effects with
       right-censored time to event outcome and competing risks. Biometrical Journal 2020;62:751–763.
    """
    labels = [(RESTRICTED_MEAN, float(tau)) for tau in horizons] + [(SURVIVAL, float(t)) for t in times]
    seen = [_status(model, when) for _, when in labels]
    if model.status is not Status.OK or model.entry.size:
        nothing = [
            Contrast(*label, NAN, NAN, NAN, status) for label, status in zip(labels, seen, strict=True)
        ]
        missing = [ArmSurvival(NAN, NAN, status) for status in seen[len(horizons) :]]
        return [missing, missing], nothing
    values, before = _values(model, probability, horizons, times)
    n = model.time.size
    means = np.sum(values, axis=2) / n
    spread = values - means[:, :, None]
    errors = np.sqrt(np.sum(spread**2, axis=2)) / n
    apart = np.sqrt(np.sum((spread[:, 1] - spread[:, 0]) ** 2, axis=1)) / n
    arms = [
        [
            ArmSurvival(float(means[j, a] + before[j]), float(errors[j, a]), seen[j])
            if seen[j] is Status.OK
            else ArmSurvival(NAN, NAN, seen[j])
            for j in range(len(horizons), len(labels))
        ]
        for a in (0, 1)
    ]
    contrasts = [
        checked_contrast(measure, when, float(means[j, 1] - means[j, 0]), float(apart[j]), seen[j])
        for j, (measure, when) in enumerate(labels)
    ]
    return arms, contrasts


def _status(model: OutcomeModel, when: float) -> Status:
    if model.status is not Status.OK:
        return model.status
    if model.entry.size:
        return Status.NOT_APPLICABLE
    return within_follow_up(model.time, model.event, model.arm, when)


def _values(
    model: OutcomeModel, probability: np.ndarray, horizons: Sequence[float], times: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the augmented values, shape (measures, 2, n), and what is added before the first step."""
    at, hazard = model.steps[:2]
    censored, leaving = censoring_steps(model.time, model.event, model.arm)
    grid = np.union1d(at, censored)
    # Beyond the last horizon nothing counts.
    grid = grid[grid <= max([*horizons, *times]) * (1.0 + 1e-9)]
    cumulative = np.append(0.0, np.cumsum(hazard))
    steps = tuple(cumulative[np.searchsorted(at, grid, side=side)] for side in ("right", "left"))
    on_grid = np.zeros((2, grid.size))
    kept = np.isin(grid, censored)
    on_grid[:, kept] = leaving[:, np.isin(censored, grid)]
    counts, before = read_off(grid, horizons, times)
    inverse = 1.0 / np.where(model.arm == 1, probability, 1.0 - probability)
    values = doubly_robust_values(
        model.time, model.event, model.arm, inverse, model.others, model.own, grid, steps, on_grid, counts
    )
    return values, before
