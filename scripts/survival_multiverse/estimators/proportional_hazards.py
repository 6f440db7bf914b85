"""Score test of proportional hazards (Grambsch & Therneau 1994, as in R survival >= 3.0)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc

from survival_multiverse.estimators.cox_rows import cox_rows
from survival_multiverse.kernels.cox_likelihood import standardize
from survival_multiverse.kernels.cox_time_trend import time_trend_score
from survival_multiverse.kernels.linear import cholesky_solve
from survival_multiverse.settings.schema import Status

if TYPE_CHECKING:
    from survival_multiverse.estimators.cox import CoxFit

_TRANSFORMS = ("km", "identity", "rank", "log")


@dataclass(frozen=True, slots=True)
class PhTest:
    """Tests of proportional hazards; what could not be tested is NaN.

    Attributes
    ----------
    chi2, df, p_value : np.ndarray
        One entry per term; NaN and df 0 for a term whose columns were all dropped from the fit.
    chi2_global, df_global, p_global : float, int, float
        All columns together.
    status : Status
        ok; that of a failed fit; too_few_events when the times of death carry too little for the test, or
        collinear when columns do;
        not_applicable for the log of a time <= 0.
    """

    chi2: np.ndarray
    df: np.ndarray
    p_value: np.ndarray
    chi2_global: float
    df_global: int
    p_global: float
    status: Status


def _survival_before(time: np.ndarray, event: np.ndarray, entry: np.ndarray | None) -> np.ndarray:
    """Return the Kaplan-Meier estimate just before each time, S(t-), unweighted; the input is sorted."""
    n = time.size
    times, first = np.unique(time, return_index=True)
    deaths = np.bincount(np.searchsorted(times, time), weights=event, minlength=times.size)
    at_risk = n - first
    if entry is not None:
        at_risk = at_risk - (n - np.searchsorted(np.sort(entry), times, side="left"))
    # Nobody is at risk at some times of censoring, if all enter later; nobody dies then.
    before = np.concatenate(([1.0], np.cumprod(1.0 - deaths / np.maximum(at_risk, 1))[:-1]))
    return before[np.searchsorted(times, time)]


def _clock(
    time: np.ndarray, event: np.ndarray, transform: str, entry: np.ndarray | None
) -> np.ndarray | None:
    """Transform times, centred over the deaths and scaled to a largest size of 1; None if impossible."""
    if transform == "km":
        order = np.argsort(time, kind="stable")
        clock = np.empty(time.size)
        clock[order] = 1.0 - _survival_before(time[order], event[order], entry)
    elif transform == "rank":
        # Mean ranks; scipy.stats would double the time a job takes to start.
        _, position, counts = np.unique(time, return_inverse=True, return_counts=True)
        clock = (np.cumsum(counts) - (counts - 1) / 2.0)[position]
    elif transform == "identity":
        clock = time.copy()
    elif time.min() <= 0.0:
        return None
    else:
        clock = np.log(time)
    clock -= clock[event == 1].mean()
    largest = np.abs(clock[event == 1]).max()
    # The statistic does not depend on the unit of the clock, its matrix is better conditioned at 1.
    return clock / largest if largest > 0.0 else clock


def _statistic(score: np.ndarray, info: np.ndarray, columns: list[int]) -> float:
    """Return the score statistic of the time trends of some columns, given all main effects."""
    k = score.size
    used = [*range(k), *(k + j for j in columns)]
    u = np.concatenate((np.zeros(k), score[columns]))
    return float(np.sum(u * cholesky_solve(np.ascontiguousarray(info[np.ix_(used, used)]), u)))


def _untested(df: np.ndarray, df_global: int, status: Status) -> PhTest:
    missing = np.full(df.size, np.nan)
    return PhTest(missing, df, missing.copy(), math.nan, df_global, math.nan, status)


def proportional_hazards_test(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    X: npt.ArrayLike,
    fit: "CoxFit",
    *,
    ties: str = "efron",
    transform: str = "km",
    terms: Sequence[Sequence[int]] | None = None,
    weight: npt.ArrayLike | None = None,
    stratum: npt.ArrayLike | None = None,
    entry: npt.ArrayLike | None = None,
) -> PhTest:
    """Test by the score for a trend of the log hazard ratios with transformed time, per term and global [1]_.

    Equals R's `cox.zph(fit, transform)` in survival >= 3.0 for the model-based (unclustered) fit. lifelines
    has the older approximation.

    Parameters
    ----------
    time, event, X, weight, stratum, entry
        The rows of the fit.
    fit : CoxFit
        The model to be tested.
    ties : {"efron", "breslow"}
        Must be that of the fit.
    transform : {"km", "identity", "rank", "log"}
        Clock: 1 - S(t-) of the pooled Kaplan-Meier, time, rank among all times, log time.
    terms : sequence of sequence of int, optional
        Columns tested together (the dummies of a factor); by default each column is a term.

    Returns
    -------
    PhTest
        One entry per term, and all columns together.

    Raises
    ------
    ValueError
        If the transform is unknown, ties are not the fit's, or shapes do not match.

    References
    ----------
    .. [1] Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on weighted residuals.
       Biometrika 1994;81:515–526.
    """
    if transform not in _TRANSFORMS:
        raise ValueError(f"transform must be one of {_TRANSFORMS}, not {transform!r}")
    if ties != fit.ties:
        raise ValueError(f"the model was fitted with ties={fit.ties!r}, not {ties!r}")
    rows = cox_rows(time, event, X, weight=weight, stratum=stratum, entry=entry)
    k = rows.X.shape[1]
    if fit.coefficients.size != k:
        raise ValueError(f"the fit has {fit.coefficients.size} columns, X has {k}")
    kept = np.array([j not in fit.dropped for j in range(k)], dtype=np.bool_)
    position = np.cumsum(kept) - 1
    terms = [(j,) for j in range(k)] if terms is None else terms
    columns = [[int(position[j]) for j in term if kept[j]] for term in terms]
    df = np.array([len(term) for term in columns], dtype=np.int64)
    df_global = int(kept.sum())
    if fit.status is not Status.OK:
        return _untested(df, df_global, fit.status)
    clock = _clock(rows.time, rows.event, transform, rows.entry)
    if clock is None:
        return _untested(df, df_global, Status.NOT_APPLICABLE)
    Z, _, scale = standardize(rows.X, kept)
    score, info = time_trend_score(
        rows.time,
        rows.event,
        Z,
        rows.weight,
        rows.stratum,
        fit.coefficients[kept] * scale,
        ties == "efron",
        clock,
        rows.entry,
    )
    chi2_global = _statistic(score, info, list(range(df_global)))
    chi2 = np.array([_statistic(score, info, term) if term else math.nan for term in columns])
    if not (math.isfinite(chi2_global) and np.isfinite(chi2[df > 0]).all()):
        return _untested(df, df_global, Status.COLLINEAR if fit.collinear else Status.TOO_FEW_EVENTS)
    return PhTest(
        chi2, df, chdtrc(df, chi2), chi2_global, df_global, float(chdtrc(df_global, chi2_global)), Status.OK
    )
