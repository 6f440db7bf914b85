"""Baseline hazard of a fitted Cox model."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from survival_multiverse.estimators.cox_rows import cox_rows
from survival_multiverse.settings.schema import Status

if TYPE_CHECKING:
    from survival_multiverse.estimators.cox import CoxFit


class BaselineHazard(NamedTuple):
    """Distinct event times (ascending), hazard jumps there and their running sum; NaN unless ok."""

    times: np.ndarray
    jumps: np.ndarray
    cumulative_hazard: np.ndarray
    status: Status


def breslow_baseline(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    X: npt.ArrayLike,
    fit: "CoxFit",
    *,
    weight: npt.ArrayLike | None = None,
    at: npt.ArrayLike | None = None,
    entry: npt.ArrayLike | None = None,
) -> BaselineHazard:
    """Estimate the cumulative hazard of a patient with covariates `at` (by default 0 in original units).

    The jump at an event time is the weight of its deaths over the sum of w exp((x - at) beta) at risk
    [1]_, whatever the tie method of the fit; dropped columns count as coefficient 0.

    Parameters
    ----------
    time, event, X
        The rows of an unstratified fit, in any order; see `cox`.
    fit : CoxFit
        The model of these rows.
    weight : array_like, shape (n,), optional
        Case weights of the fit.
    at : array_like, shape (k,), optional
        Covariates in their original units.
    entry : array_like, shape (n,), optional
        Times of delayed entry of the fit.

    Returns
    -------
    BaselineHazard
        Hazard per unit of time, with the status of the fit.

    Raises
    ------
    ValueError
        If shapes differ, or a value is missing or impossible.

    References
    ----------
    .. [1] Breslow NE. Covariance analysis of censored survival data. Biometrics 1974;30:89–99.
    """
    rows = cox_rows(time, event, X, weight=weight, entry=entry)
    times = np.unique(rows.time[rows.event == 1])
    # Without a usable column the model is the null model, whose baseline is Nelson and Aalen's.
    if fit.status not in (Status.OK, Status.CONSTANT):
        missing = np.full(times.size, np.nan)
        return BaselineHazard(times, missing, missing, fit.status)
    beta = np.where(np.isnan(fit.coefficients), 0.0, fit.coefficients)
    origin = np.zeros(beta.size) if at is None else np.asarray(at, dtype=np.float64)
    risk = rows.weight * np.exp(np.sum((rows.X - origin) * beta, axis=1))
    at_risk = np.cumsum(risk[::-1])[::-1][np.searchsorted(rows.time, times)]
    if rows.entry is not None:
        # Summed anew: what subtracting leaves of a large sum is rounding.
        under = [risk[(rows.entry < now) & (rows.time >= now)] for now in times]
        at_risk = np.array([np.sum(part) for part in under])
    deaths = np.bincount(
        np.searchsorted(times, rows.time[rows.event == 1]),
        weights=rows.weight[rows.event == 1],
        minlength=times.size,
    )
    jumps = deaths / at_risk
    return BaselineHazard(times, jumps, np.cumsum(jumps), Status.OK)
