"""Survival of everybody in either arm, standardised from a Cox model (g-computation)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from survival_multiverse.estimators.cox import cox
from survival_multiverse.estimators.curve_measures import MEDIAN, RESTRICTED_MEAN, SURVIVAL, Contrast
from survival_multiverse.estimators.curves import vector
from survival_multiverse.kernels.counting_process import late_residuals
from survival_multiverse.kernels.cox import score_residuals
from survival_multiverse.kernels.cox_newton import EFRON
from survival_multiverse.kernels.curve_measures import median_of_steps, time_per_survival
from survival_multiverse.kernels.entry import entry_order
from survival_multiverse.kernels.limits import highest_of, lowest_of
from survival_multiverse.kernels.standardised import (
    hazard_steps,
    standardised_curves,
    standardised_influence,
)
from survival_multiverse.settings.schema import Status

NAN = float("nan")


@dataclass(frozen=True, slots=True)
class OutcomeModel:
    """A Cox model of arm and covariates, with its baseline; rows ascend in time.

    Attributes
    ----------
    time, event, arm, entry : np.ndarray
        Shape (n,); `entry` is empty where all are at risk from time 0.
    Z : np.ndarray
        The arm and the covariates that the model kept, centred, shape (n, k).
    others : np.ndarray
        Relative risk by the covariates, shape (n,).
    own, arm_values : np.ndarray
        Relative risk of arm 0 and 1, and their values in the first column of Z, shape (2,).
    on_beta : np.ndarray
        Derivative of the coefficients in each row's weight, shape (n, k).
    steps : tuple
        See `kernels.standardised.hazard_steps`.
    status : Status
        ok, or why there is no model; then the rest is empty.
    """

    time: np.ndarray
    event: np.ndarray
    arm: np.ndarray
    entry: np.ndarray
    Z: np.ndarray
    others: np.ndarray
    own: np.ndarray
    arm_values: np.ndarray
    on_beta: np.ndarray
    steps: tuple[np.ndarray, ...]
    status: Status


class ArmSurvival(NamedTuple):
    """S of everybody in one arm at a time, its standard error, and the status."""

    estimate: float
    std_error: float
    status: Status


def outcome_model(
    time: np.ndarray,
    event: np.ndarray,
    arm: np.ndarray,
    X: np.ndarray,
    entry: np.ndarray | None = None,
) -> OutcomeModel:
    """Fit a Cox model (Efron) of arm and covariates, with the baseline hazard that goes with it.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked), in any unit.
    event, arm : int64 arrays, shape (n,)
        0 or 1.
    X : float array, shape (n, k)
        Covariates beside the arm.
    entry : float64 array, shape (n,), optional
        Times of delayed entry; none is late at time 0 or before.

    Returns
    -------
    OutcomeModel
        With a status other than ok where the arm has no coefficient.
    """
    time, event, arm = vector(time, np.float64), vector(event, np.int64), vector(arm, np.int64)
    if entry is not None and not np.any(entry > 0.0):
        entry = None
    full = np.column_stack([arm.astype(np.float64), X])
    late = np.empty(0) if entry is None else vector(entry, np.float64)
    fit = cox(time, event, full, entry=entry)
    status = fit.status
    if status is Status.OK and (0 in fit.dropped or 0 in fit.collinear):
        status = Status.COLLINEAR if 0 in fit.collinear else Status.CONSTANT
    if status is not Status.OK:
        return without_model(status)
    kept = [column for column in range(full.shape[1]) if column not in fit.dropped]
    centre = np.array([np.sum(full[:, column]) / time.size for column in kept])
    Z = np.ascontiguousarray(full[:, kept] - centre)
    beta = fit.coefficients[kept]
    arm_values = np.array([0.0, 1.0]) - centre[0]
    others = np.exp(np.sum(Z[:, 1:] * beta[1:], axis=1))
    own = np.exp(arm_values * beta[0])
    unit, one = np.ones(time.size), np.zeros(time.size, dtype=np.int64)
    if entry is None:
        residual = score_residuals(time, event, Z, unit, one, beta, EFRON)
    else:
        rows = (time, late, entry_order(late, one))
        residual = late_residuals(rows, event, Z, unit, one, beta, EFRON)
    variance = fit.variance_model[np.ix_(kept, kept)]
    on_beta = np.sum(residual[:, :, None] * variance[None], axis=1)
    risk = others * own[arm]
    steps = hazard_steps(time, event, risk, Z, None if entry is None else late)
    return OutcomeModel(time, event, arm, late, Z, others, own, arm_values, on_beta, steps, status)


def without_model(status: Status) -> OutcomeModel:
    """Return what stands for a model that there is none of, and why.

    Parameters
    ----------
    status : Status
        Not ok.

    Returns
    -------
    OutcomeModel
    """
    none = np.empty(0)
    return OutcomeModel(none, none, none, none, none, none, none, none, none, (), status)


def read_off(
    at: np.ndarray, horizons: Sequence[float], times: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """Return a curve's measures as sums: v of each at the steps, shape (measures, m), and what is added.

    Parameters
    ----------
    at : array, shape (m,)
        Times of the steps, ascending.
    horizons, times : sequence of float
        Of restricted means, then at which survival is read.

    Returns
    -------
    tuple of np.ndarray
        v, and the area (or S) before the first step, shape (measures,).
    """
    counts, before = np.zeros((len(horizons) + len(times), at.size)), np.zeros(len(horizons) + len(times))
    for j, tau in enumerate(horizons):
        counts[j] = np.diff(np.minimum(np.append(at, np.inf), tau))
        before[j] = min(at[0], tau) if at.size else tau
    for j, when in enumerate(times, start=len(horizons)):
        step = int(np.count_nonzero(at <= highest_of(when)))
        if step:
            counts[j, step - 1] = 1.0
        else:
            before[j] = 1.0
    return counts, before


def within_follow_up(time: np.ndarray, event: np.ndarray, arm: np.ndarray, when: float) -> Status:
    """Return ok if both arms are followed until a time, or until everybody left in them has died.

    Parameters
    ----------
    time, event, arm : arrays, shape (n,)
        Rows in ascending order of time.
    when : float
        Time, or horizon.

    Returns
    -------
    Status
        ok, empty_arm or beyond_follow_up.
    """
    for a in (0, 1):
        own = arm == a
        if not own.any():
            return Status.EMPTY_ARM
        last = time[own][-1]
        if last < lowest_of(when) and not event[own & (time == last)].all():
            return Status.BEYOND_FOLLOW_UP
    return Status.OK


def standardised(
    model: OutcomeModel, *, horizons: Sequence[float], times: Sequence[float]
) -> tuple[list[list[ArmSurvival]], list[Contrast]]:
    """Standardise survival in either arm over all patients' covariates [1]_, and contrast the curves.

    S of an arm is the mean over the patients of exp(-H(t) exp(beta_arm a + beta x)), H with Efron's tied
    deaths. Errors are the infinitesimal jackknife of all of it: covariates, coefficients and baseline hazard
    ([2]_). The median's error is made as that of `curve_measures.contrasts`.

    Parameters
    ----------
    model : OutcomeModel
        Of `outcome_model`.
    horizons : sequence of float
        Those of restricted means, in the unit of time.
    times : sequence of float
        At which survival is read.

    Returns
    -------
    tuple
        S of arm 0 and of arm 1 at the times; and the contrasts, restricted means first, then survival, last
        the median.

    References
    ----------
    .. [1] Makuch RW. Adjusted survival curve estimation using covariates. Journal of Chronic Diseases
       1982;35:437–443.
    .. [2] Ozenne BMH, Scheike TH, Stærk L, Gerds TA. On the estimation of average treatment effects with
       right-censored time to event outcome and competing risks. Biometrical Journal 2020;62:751–763.
    """
    labels = [(RESTRICTED_MEAN, float(tau)) for tau in horizons] + [(SURVIVAL, float(t)) for t in times]
    if model.status is not Status.OK:
        missing = ArmSurvival(NAN, NAN, model.status)
        nothing = [Contrast(*label, NAN, NAN, NAN, model.status) for label in [*labels, (MEDIAN, NAN)]]
        return [[missing] * len(times)] * 2, nothing
    at, hazard = model.steps[:2]
    curves = standardised_curves(np.cumsum(hazard), model.others, model.own)
    counts, before = read_off(at, horizons, times)
    medians = [median_of_steps(at, curves[a], 0, model.time[-1]) for a in (0, 1)]
    size = len(labels)
    # Each contrast; S of one arm at each time; S of one arm at its median.
    v = np.zeros((size + 2 * len(times) + 2, 2, at.size))
    v[:size] = counts[:, None]
    for a in (0, 1):
        start = size + a * len(times)
        v[start : start + len(times), a] = counts[len(horizons) :]
        if not np.isnan(medians[a]):
            v[a - 2, a, int(np.count_nonzero(at <= medians[a])) - 1] = 1.0
    values = np.sum(v * curves, axis=2)
    influence = standardised_influence(
        (*model.steps, model.on_beta),
        (model.time, model.event, model.entry, model.others * model.own[model.arm], model.Z),
        (model.others, model.own, model.arm_values),
        v,
        values,
    )
    errors = np.sqrt(np.sum(influence**2, axis=1))
    seen = [within_follow_up(model.time, model.event, model.arm, when) for _, when in labels]
    arms = []
    for a in (0, 1):
        own = slice(size + a * len(times), size + (a + 1) * len(times))
        estimates = values[own, a] + before[len(horizons) :]
        arms.append(
            [
                ArmSurvival(float(s), float(error), status)
                if status is Status.OK
                else ArmSurvival(NAN, NAN, status)
                for s, error, status in zip(estimates, errors[own], seen[len(horizons) :], strict=True)
            ]
        )
    found = [
        checked_contrast(measure, when, float(values[j, 1] - values[j, 0]), float(errors[j]), seen[j])
        for j, (measure, when) in enumerate(labels)
    ]
    return arms, [*found, _median(at, curves, medians, influence[-2:], errors[-2:])]


def checked_contrast(measure: str, at: float, estimate: float, error: float, status: Status) -> Contrast:
    """Return a contrast without numbers unless it is estimated; without any error nothing varied.

    Parameters
    ----------
    measure, at, estimate, error, status
        See `curve_measures.Contrast`.

    Returns
    -------
    Contrast
    """
    if status is Status.OK and not error > 0.0:
        status = Status.TOO_FEW_EVENTS
    if status is not Status.OK:
        estimate = error = NAN
    return Contrast(measure, at, estimate, error, NAN, status)


def _median(
    at: np.ndarray, curves: np.ndarray, medians: Sequence[float], influence: np.ndarray, errors: np.ndarray
) -> Contrast:
    """Contrast the medians; the influence on S of an arm there becomes one on the median by the slope."""
    if np.isnan(medians).any():
        return checked_contrast(MEDIAN, NAN, NAN, NAN, Status.NOT_REACHED)
    moved = [influence[a] * time_per_survival(at, curves[a], 0, medians[a], errors[a]) for a in (0, 1)]
    error = float(np.sqrt(np.sum((moved[0] + moved[1]) ** 2)))
    return checked_contrast(MEDIAN, NAN, float(medians[1] - medians[0]), error, Status.OK)
