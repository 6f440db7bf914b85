"""Contrasts of two survival curves: restricted means, survival at given times, medians.

Always A = 1 less A = 0. The kernels do the work (`kernels.curve_measures`); loops over very many samples call
them directly.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from survival_multiverse.estimators.cox_rows import checked_entry
from survival_multiverse.estimators.curves import CONF_TYPES, checked_horizon, normal_quantile, vector
from survival_multiverse.kernels.curve_measures import curve_contrasts, stacked_contrasts, stacked_curves
from survival_multiverse.kernels.curves import ASCENDING, INVALID, STATUS_OF_CODE, input_state
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Status

RESTRICTED_MEAN, SURVIVAL, MEDIAN = (
    "restricted_mean_difference",
    "survival_difference",
    "median_difference",
)
NONE = np.empty(0)


class Contrast(NamedTuple):
    """A measure of A = 1 less that of A = 0.

    Attributes
    ----------
    measure : str
        restricted_mean_difference, survival_difference or median_difference.
    at : float
        Horizon or time; NaN for the median.
    estimate : float
        In the unit of time, or a difference of probabilities.
    std_error : float
        With weights taken as known.
    stacked_error : float
        Allows for the estimation of the score that weights; NaN where nothing is estimated.
    status : Status
        ok; empty_arm or too_few_events; beyond_follow_up if an arm's last observation is censored before the
        horizon or time; not_reached if a curve does not fall to one half; not_applicable where the difference
        is known and its error is not (a curve stands at 0).
    """

    measure: str
    at: float
    estimate: float
    std_error: float
    stacked_error: float
    status: Status


def wald_numbers(estimate: float, std_error: float, *, level: float) -> dict[str, Any]:
    """Return what a row says of a difference beside its estimate: error, Wald limits, P.

    Parameters
    ----------
    estimate, std_error : float
        A difference and its standard error; NaN where there is none.
    level : float
        Confidence level.

    Returns
    -------
    dict
        std_error, ci_lower, ci_upper and p_value; without a positive error P is NaN.
    """
    half = normal_quantile(level) * std_error
    known = std_error > 0.0
    p_value = math.erfc(abs(estimate / std_error) / math.sqrt(2.0)) if known else math.nan
    limits = {"ci_lower": estimate - half, "ci_upper": estimate + half}
    return {"std_error": std_error, **limits, "p_value": p_value}


def contrasts(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    arm: npt.ArrayLike,
    *,
    horizons: Sequence[float],
    times: Sequence[float],
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    entry: npt.ArrayLike | None = None,
    minimum_events: int = 1,
) -> list[Contrast]:
    """Contrast the Kaplan-Meier curves of the arms, weights known, in every measure.

    Errors are the infinitesimal jackknife, influences summed by cluster [1]_ (R's
    ``survfit(weights =, cluster =, robust = TRUE)``); without weights and clusters that is Greenwood's. The
    median's influence is that of S at the median over the slope of S there. The slope is the least-squares
    slope of the quantiles at levels perturbed by 48 evenly spaced normal deviates times the error of S
    ([2]_): no random numbers, and no choice of a bandwidth.

    Parameters
    ----------
    time, event, arm : array_like, shape (n,)
        Follow-up, in any unit; 1 = death; 0 or 1. In any order.
    horizons : sequence of float
        Those of restricted means, in the unit of time.
    times : sequence of float
        At which survival is compared.
    weight : array_like, shape (n,), optional
        Not negative; a row of weight 0 counts as absent.
    cluster : array_like of int, shape (n,), optional
        What is independent, such as pairs, coded from 0.
    entry : array_like, shape (n,), optional
        Times of delayed entry: who enters at a time or later is not at risk then.
    minimum_events : int
        Fewest deaths in an arm.

    Returns
    -------
    list of Contrast
        Restricted means, then survival, last the median.

    Raises
    ------
    ValueError
        If shapes differ or a value is impossible.

    References
    ----------
    .. [1] Therneau TM, Grambsch PM. Modeling Survival Data: Extending the Cox Model. New York: Springer;
       2000.
    .. [2] Zeng D, Lin DY. Efficient resampling for nonsmooth estimating functions. Biostatistics
       2008;9:355–363.
    """
    rows = _rows(time, event, arm, weight, cluster, entry)
    late = None if entry is None else rows[5]
    found, codes = curve_contrasts(*rows[:5], *_at(horizons, times), minimum_events, late)
    return _labelled(np.column_stack([found, np.full(len(found), np.nan)]), codes, horizons, times)


def weighted_contrasts(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    arm: npt.ArrayLike,
    X: npt.ArrayLike,
    probability: npt.ArrayLike,
    estimator: Estimator,
    *,
    horizons: Sequence[float],
    times: Sequence[float],
    entry: npt.ArrayLike | None = None,
    minimum_events: int = 1,
) -> list[Contrast]:
    """Contrast the curves weighted by an estimated score, with both errors; see `contrasts`.

    `stacked_error` solves the estimating equations of the score and of the curves together [1]_.

    Parameters
    ----------
    time, event, arm : array_like, shape (n,)
        Follow-up, in any unit; 1 = death; 0 or 1. In any order.
    X : array_like, shape (n, k)
        Columns that the score kept, without an intercept.
    probability : array_like, shape (n,)
        P(A = 1 | X) of `propensity.fit_propensity`.
    estimator
        One of `schema.WEIGHTED`, see `balancing.weighting.propensity_weights`.
    horizons, times : sequence of float
        Of restricted means, and at which survival is compared, in the unit of time.
    entry : array_like, shape (n,), optional
        Times of delayed entry.
    minimum_events : int
        Fewest deaths in an arm.

    Returns
    -------
    list of Contrast
        Restricted means, then survival, last the median.

    Raises
    ------
    ValueError
        If shapes differ or a value is impossible.

    References
    ----------
    .. [1] Stefanski LA, Boos DD. The calculus of M-estimation. The American Statistician 2002;56:29–38.
    """
    X, probability = np.asarray(X, dtype=np.float64), np.asarray(probability, dtype=np.float64)
    size = np.size(time)
    if X.ndim != 2 or len(X) != size or probability.shape != (size,):
        raise ValueError(f"X must be (n, k) and probability (n,), got {X.shape} and {probability.shape}")
    order = np.argsort(np.asarray(time, dtype=np.float64), kind="stable")
    rows = _rows(time, event, arm, None, None, entry)
    found, codes = stacked_contrasts(
        *rows[:3],
        np.ascontiguousarray(X[order]),
        np.ascontiguousarray(probability[order]),
        WEIGHTED.index(estimator),
        *_at(horizons, times),
        minimum_events,
        None if entry is None else rows[5],
    )
    return _labelled(found, codes, horizons, times)


class Reading(NamedTuple):
    """S of one arm at a time, its standard error, limits and status."""

    estimate: float
    std_error: float
    ci_lower: float
    ci_upper: float
    status: Status


def weighted_survival(
    time: np.ndarray,
    event: np.ndarray,
    arm: np.ndarray,
    X: np.ndarray,
    probability: np.ndarray,
    estimator: Estimator,
    *,
    times: Sequence[float],
    entry: np.ndarray | None = None,
    conf_type: str = "log-log",
    level: float = 0.95,
) -> list[tuple[float, list[Reading]]]:
    """Read the curve of each arm, weighted by an estimated score [1]_, at some times.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked), in any unit.
    event, arm : int64 arrays, shape (n,)
        0 or 1.
    X, probability, estimator, entry
        As of `weighted_contrasts`.
    times : sequence of float, shape (q,)
        In the unit of time.
    conf_type : {"log-log", "log", "plain"}
        Scale of the limits.
    level : float
        Confidence level.

    Returns
    -------
    list
        For arm 0 and 1 the median (NaN where the curve does not fall to one half) and a reading a time; its
        error allows for the estimation of the score.

    References
    ----------
    .. [1] Xie J, Liu C. Adjusted Kaplan-Meier estimator and log-rank test with inverse probability of
       treatment weighting for survival data. Statistics in Medicine 2005;24:3089–3110.
    """
    values, codes, medians = stacked_curves(
        vector(time, np.float64),
        vector(event, np.int64),
        vector(arm, np.int64),
        np.ascontiguousarray(X, dtype=np.float64),
        vector(probability, np.float64),
        WEIGHTED.index(estimator),
        vector(times, np.float64),
        normal_quantile(level),
        CONF_TYPES[conf_type],
        entry,
    )
    found = []
    for median, rows, own in zip(medians.tolist(), values.tolist(), codes.tolist(), strict=True):
        read = zip(rows, own, strict=True)
        readings = [
            Reading(s, error, low, high, STATUS_OF_CODE[code]) for (s, error, low, high), code in read
        ]
        found.append((median, readings))
    return found


def _at(horizons: Sequence[float], times: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    if any(not when >= 0.0 for when in times):
        raise ValueError(f"times must not be negative, got {list(times)}")
    return vector([checked_horizon(tau) for tau in horizons], np.float64), vector(times, np.float64)


def _rows(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    arm: npt.ArrayLike,
    weight: npt.ArrayLike | None,
    cluster: npt.ArrayLike | None,
    entry: npt.ArrayLike | None,
) -> list[np.ndarray]:
    """Check the columns and return them in ascending order of time; empty in place of those not given."""
    time = vector(time, np.float64)
    late = NONE if entry is None else checked_entry(entry, time)
    columns = [
        time,
        vector(event, np.int64),
        vector(arm, np.int64),
        vector(NONE if weight is None else weight, np.float64),
        vector(NONE if cluster is None else cluster, np.int64),
        late,
    ]
    given = [True, True, True, weight is not None, cluster is not None, entry is not None]
    sizes = [column.size for column, own in zip(columns, given, strict=True) if own]
    if len(set(sizes)) > 1:
        raise ValueError(f"every column must have one value a patient, got {sizes}")
    state = input_state(columns[0], columns[1], np.empty(0, np.int64))
    if state == INVALID or not np.isin(columns[2], (0, 1)).all():
        raise ValueError("time must be finite, event and arm 0 or 1")
    if not (np.isfinite(columns[3]).all() and (columns[3] >= 0.0).all() and (columns[4] >= 0).all()):
        raise ValueError("weight must be finite and not negative, cluster not negative")
    if state != ASCENDING:
        order = np.argsort(time, kind="stable")
        columns = [column[order] if column.size else column for column in columns]
    return columns


def _labelled(
    found: np.ndarray, codes: np.ndarray, horizons: Sequence[float], times: Sequence[float]
) -> list[Contrast]:
    """Name each row of the kernel's answer."""
    labels = [(RESTRICTED_MEAN, float(tau)) for tau in horizons]
    labels += [(SURVIVAL, float(when)) for when in times]
    labels.append((MEDIAN, float("nan")))
    return [
        Contrast(measure, at, estimate, error, stacked, STATUS_OF_CODE[code])
        for (measure, at), (estimate, error, stacked), code in zip(
            labels, found.tolist(), codes.tolist(), strict=True
        )
    ]
