"""Kaplan-Meier curves and what is read off them: quantiles, S(t), restricted means and their differences.

Arrays are `time` (float64, any unit, >= 0) and `event` (int64, 1 = death, 0 = censored), one row per patient.
Ties are exact equality: apply `timefix` once per cohort first. Every result depends on the multiset of rows
only, never on their order, and equals R 4.2 survival 3.5-3 unless its docstring says otherwise.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from survival_multiverse.estimators.cox_rows import checked_entry
from survival_multiverse.kernels.curves import (
    ASCENDING,
    FLAT_TOLERANCE,
    INVALID,
    LOG,
    LOG_LOG,
    NO_LIMITS,
    PLAIN,
    STATUS_OF_CODE,
    group_curves_kernel,
    input_state,
    kaplan_meier_kernel,
    quantile_kernel,
    restricted_mean_kernel,
    survival_at_kernel,
    survival_difference_kernel,
    wald_difference,
)
from survival_multiverse.settings.schema import Status

CONF_TYPES = {"log-log": LOG_LOG, "log": LOG, "plain": PLAIN}
NO_STRATUM = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class KaplanMeier:
    """Product-limit curve at the distinct times; all arrays have shape (steps,).

    `std_error` is Greenwood's for log S (R's `std.err`): infinite once S = 0. Limits are NaN where R gives
    NA: at S = 0, and with `log-log` also at S = 1. `n` patients, `events` deaths.
    """

    time: np.ndarray
    n_risk: np.ndarray
    n_event: np.ndarray
    n_censor: np.ndarray
    survival: np.ndarray
    std_error: np.ndarray
    ci_lower: np.ndarray
    ci_upper: np.ndarray
    n: int
    events: int
    conf_type: str | None
    level: float


@dataclass(frozen=True, slots=True)
class Quantile:
    """Survival-time quantile in the unit of time; a limit that is not reached is NaN whatever the status."""

    estimate: float
    lower: float
    upper: float
    status: Status


@dataclass(frozen=True, slots=True)
class SurvivalAt:
    """S at given times; `std_error` is that of S. Arrays and `status` have the length of `at`."""

    estimate: np.ndarray
    std_error: np.ndarray
    ci_lower: np.ndarray
    ci_upper: np.ndarray
    n_risk: np.ndarray
    status: tuple[Status, ...]


@dataclass(frozen=True, slots=True)
class SurvivalDifference:
    """S_a - S_b at given times, with Wald limits and two-sided P values."""

    estimate: np.ndarray
    std_error: np.ndarray
    ci_lower: np.ndarray
    ci_upper: np.ndarray
    p_value: np.ndarray
    status: tuple[Status, ...]


@dataclass(frozen=True, slots=True)
class RestrictedMean:
    """Mean of min(T, tau) and the standard error of that mean, in the unit of time."""

    estimate: float
    std_error: float
    status: Status


@dataclass(frozen=True, slots=True)
class RestrictedMeanDifference:
    """Difference of two restricted means (a - b), with Wald limits and a two-sided P value."""

    estimate: float
    std_error: float
    ci_lower: float
    ci_upper: float
    p_value: float
    status: Status


def vector(values: npt.ArrayLike, dtype: npt.DTypeLike) -> np.ndarray:
    """Return a one-dimensional contiguous array that the kernels accept; copy only if necessary.

    A read-only array (a pandas column) is copied, since numba would compile every kernel again for its type.
    """
    array = np.ascontiguousarray(values, dtype=dtype)
    if array.ndim != 1:
        raise ValueError(f"expected a one-dimensional array, got shape {array.shape}")
    return array if array.flags.writeable else array.copy()


@lru_cache(maxsize=64)
def normal_quantile(level: float) -> float:
    """Return the two-sided standard normal quantile of a confidence level.

    Parameters
    ----------
    level : float
        Confidence level, such as 0.95.

    Returns
    -------
    float
        Such as 1.96.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.
    """
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    return float(ndtri(1.0 - (1.0 - level) / 2.0))


def timefix(time: npt.ArrayLike) -> np.ndarray:
    """Merge times that differ by rounding only, as R's `survival::aeqSurv`.

    Neighbouring distinct times are tied if they differ by at most sqrt(machine epsilon), absolutely or
    relative to the mean absolute distinct time; a chain of ties takes its smallest time (survival 3.5-3).

    Parameters
    ----------
    time : array_like, shape (n,)
        In any unit.

    Returns
    -------
    np.ndarray
        New array of the same shape and unit.

    Raises
    ------
    ValueError
        If a time is not finite.
    """
    time = vector(time, np.float64)
    if not np.isfinite(time).all():
        raise ValueError("times must be finite")
    distinct = np.unique(time)
    step = np.diff(distinct)
    if step.size == 0:
        return time.copy()
    tied = (step <= FLAT_TOLERANCE) | (step / np.mean(np.abs(distinct)) <= FLAT_TOLERANCE)
    kept = distinct[np.concatenate(([True], ~tied))]
    return kept[np.searchsorted(kept, time, side="right") - 1]


def kaplan_meier(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
    conf_type: str | None = "log-log",
    level: float = 0.95,
) -> KaplanMeier:
    """Estimate the survival function [1]_ with Greenwood's variance.

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up, in any unit, and death indicator (1 = death); n may be 0.
    entry : array_like, shape (n,), optional
        Times of delayed entry: who enters at a time or later is not at risk then [2]_. Where few are at risk
        early the curve falls far, to 0 if all of them die, as in R.
    conf_type : {"log-log", "log", "plain"} or None
        Scale of the pointwise limits; `log` and `plain` are clipped to [0, 1] as in R. None leaves them out
        (NaN), which halves the time.
    level : float
        Confidence level.

    Returns
    -------
    KaplanMeier
        The curve at the distinct times, in the unit of `time`.

    Raises
    ------
    ValueError
        If shapes differ, a time is not finite, an event is not 0 or 1, an entry is not before its time, or an
        option is unknown.

    References
    ----------
    .. [1] Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. Journal of the American
       Statistical Association 1958;53:457–481.
    .. [2] Tsai WY, Jewell NP, Wang MC. A note on the product-limit estimator under right censoring and left
       truncation. Biometrika 1987;74:883–886.
    """
    time, event = vector(time, np.float64), vector(event, np.int64)
    if conf_type is not None and conf_type not in CONF_TYPES:
        raise ValueError(f"conf_type must be one of {', '.join(CONF_TYPES)}, got {conf_type!r}")
    # The kernel sorts entries by themselves.
    entry = None if entry is None else checked_entry(entry, time)
    time, event = ascending(time, event)
    scale = NO_LIMITS if conf_type is None else CONF_TYPES[conf_type]
    columns = kaplan_meier_kernel(time, event, normal_quantile(level), scale, entry)
    return KaplanMeier(*[*columns, conf_type, level])


def group_curves(
    time: np.ndarray,
    event: np.ndarray,
    codes: np.ndarray,
    levels: int,
    at: Sequence[float],
    *,
    entry: np.ndarray | None = None,
    conf_type: str = "log-log",
    level: float = 0.95,
) -> list[tuple[int, int, Quantile, list[tuple[float, float, float, float, Status]]]]:
    """Read `quantile` (the median) and `survival_at` off the curve of each group, in one compiled call.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked), in any unit.
    event, codes : int64 arrays, shape (n,)
        Codes 0 to levels - 1; any other leaves the patient out.
    levels : int
        Number of groups.
    at : sequence of float, shape (q,)
        Times at which survival is read, in the unit of `time`.
    entry : float64 array, shape (n,), optional
        Times of delayed entry, each before its time (not checked).
    conf_type : {"log-log", "log", "plain"}
        Scale of the pointwise limits.
    level : float
        Confidence level.

    Returns
    -------
    list
        One (patients, deaths, median, readings) a level; a reading is (S, its standard error, lower, upper,
        status), one for each time.
    """
    counts, medians, values, codes_at = group_curves_kernel(
        time,
        event,
        codes,
        levels,
        normal_quantile(level),
        CONF_TYPES[conf_type],
        vector(at, np.float64),
        entry,
    )
    found = []
    for (n, events), (estimate, lower, upper), rows, statuses_at in zip(
        counts.tolist(), medians.tolist(), values.tolist(), codes_at.tolist(), strict=True
    ):
        status = Status.OK
        if math.isnan(estimate):
            status = Status.NOT_REACHED if n else Status.EMPTY_ARM
        readings = [(*row, STATUS_OF_CODE[code]) for row, code in zip(rows, statuses_at, strict=True)]
        found.append((n, events, Quantile(estimate, lower, upper, status), readings))
    return found


def ascending(time: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Check the two columns and sort them by time if they are not sorted yet."""
    if time.size != event.size:
        raise ValueError(f"time has {time.size} rows and event {event.size}")
    state = input_state(time, event, NO_STRATUM)
    if state == ASCENDING:
        return time, event
    if state == INVALID:
        raise ValueError("time must be finite and event 0 or 1")
    order = np.argsort(time, kind="stable")
    return time[order], event[order]


def quantile(km: KaplanMeier, probability: float = 0.5) -> Quantile:
    """Return the time by which a share `probability` has died, with limits read off the curve's limits [1]_.

    As R's `quantile.survfit`: where the curve is flat at the level, within 1.5e-8, the midpoint of that step;
    if it stays flat to the end, the midpoint with the last observed time. The tolerance holds there too when
    rounding leaves the curve a bit above the level, where R returns NA.

    Parameters
    ----------
    km : KaplanMeier
        The curve.
    probability : float
        Share who have died; 0.5 is the median.

    Returns
    -------
    Quantile
        In the unit of time; status `not_reached` if the estimate is NaN, `empty_arm` without patients.

    Raises
    ------
    ValueError
        If `probability` is not between 0 and 1.

    References
    ----------
    .. [1] Brookmeyer R, Crowley J. A confidence interval for the median survival time. Biometrics
       1982;38:29–41.
    """
    if not 0.0 < probability < 1.0:
        raise ValueError(f"probability must lie between 0 and 1, got {probability}")
    if km.n == 0:
        return Quantile(math.nan, math.nan, math.nan, Status.EMPTY_ARM)
    estimate, lower, upper = quantile_kernel(km.time, km.survival, km.ci_lower, km.ci_upper, probability)
    return Quantile(estimate, lower, upper, Status.NOT_REACHED if math.isnan(estimate) else Status.OK)


def survival_at(km: KaplanMeier, at: npt.ArrayLike) -> SurvivalAt:
    """Read S, its Greenwood standard error, its limits and the number at risk off a curve at some times.

    As R's `summary(survfit, times = at)`. Past the last follow-up: 0 if everybody left had died, else
    `beyond_follow_up` with NaN. At S = 0 standard error and limits are NaN with status ok. Before the first
    observed time the limits are 1; a time that is negative or NaN is `not_applicable`. Times are compared
    with a tolerance (`kernels.limits`): follow-up to 24 less rounding reaches 24.

    Parameters
    ----------
    km : KaplanMeier
        The curve.
    at : array_like, shape (q,)
        Times, in the unit of the curve.

    Returns
    -------
    SurvivalAt
        Arrays of shape (q,).
    """
    estimate, std_error, lower, upper, n_risk, codes = read_curve(km, at)
    return SurvivalAt(estimate, std_error, lower, upper, n_risk, statuses(codes))


def read_curve(km: KaplanMeier, at: npt.ArrayLike) -> tuple[np.ndarray, ...]:
    """Return the columns of `SurvivalAt` with the kernel's status codes."""
    at = vector(at, np.float64)
    return survival_at_kernel(km.time, km.n_risk, km.survival, km.std_error, km.ci_lower, km.ci_upper, at)


def statuses(codes: np.ndarray) -> tuple[Status, ...]:
    """Translate the kernels' status codes."""
    return tuple([STATUS_OF_CODE[code] for code in codes.tolist()])


def survival_difference(km_a: KaplanMeier, km_b: KaplanMeier, at: npt.ArrayLike) -> SurvivalDifference:
    """Return the difference S_a - S_b of two independent arms at some times, on the plain scale.

    Variance is the sum of Greenwood's; limits have the level of `km_a`. If an arm cannot be read, its status
    and NaN. Where a curve stands at 0 the difference is given without a standard error (`not_applicable`);
    where neither arm has had a death it is 0 without limits (`too_few_events`).

    Parameters
    ----------
    km_a, km_b : KaplanMeier
        The curves of the arms.
    at : array_like, shape (q,)
        Times, in the unit of the curves.

    Returns
    -------
    SurvivalDifference
        Arrays of shape (q,).
    """
    a, se_a, _, _, _, code_a = read_curve(km_a, at)
    b, se_b, _, _, _, code_b = read_curve(km_b, at)
    estimate, std_error, lower, upper, p_value, codes = survival_difference_kernel(
        a, se_a, code_a, b, se_b, code_b, normal_quantile(km_a.level)
    )
    return SurvivalDifference(estimate, std_error, lower, upper, p_value, statuses(codes))


def restricted_mean(km: KaplanMeier, tau: float) -> RestrictedMean:
    """Return the mean survival time restricted to `tau`: the area under S from 0 to tau.

    Variance is the sum over death times t_i <= tau of [area under S from t_i to tau]^2 d_i / (n_i (n_i -
    d_i)), terms with n_i = d_i being 0 ([1]_, eq. 4.5.2; R's `survmean`).

    Parameters
    ----------
    km : KaplanMeier
        The curve.
    tau : float
        Horizon, in the unit of the curve.

    Returns
    -------
    RestrictedMean
        In the unit of time. Status `beyond_follow_up` if the last observation is censored before tau, by more
        than rounding (`kernels.limits`): R extends the curve instead.

    Raises
    ------
    ValueError
        If `tau` is not positive and finite.

    References
    ----------
    .. [1] Klein JP, Moeschberger ML. Survival Analysis: Techniques for Censored and Truncated Data. 2nd ed.
       New York: Springer; 2003.
    """
    estimate, std_error, code = restricted_mean_kernel(
        km.time, km.n_risk, km.n_event, km.survival, checked_horizon(tau)
    )
    return RestrictedMean(estimate, std_error, STATUS_OF_CODE[code])


def checked_horizon(tau: float) -> float:
    """Return `tau` as a float; raise ``ValueError`` unless it is positive and finite."""
    if not 0.0 < tau < math.inf:
        raise ValueError(f"tau must be positive and finite, got {tau}")
    return float(tau)


def restricted_mean_difference(
    km_a: KaplanMeier, km_b: KaplanMeier, tau: float, *, level: float = 0.95
) -> RestrictedMeanDifference:
    """Return the difference of the restricted means of two independent arms, a - b [1]_.

    Parameters
    ----------
    km_a, km_b : KaplanMeier
        The curves of the arms.
    tau : float
        Horizon, in the unit of the curves.
    level : float
        Confidence level.

    Returns
    -------
    RestrictedMeanDifference
        In the unit of time. If an arm has no restricted mean, its status and NaN; `too_few_events` if neither
        arm varies before tau.

    Raises
    ------
    ValueError
        If `tau` is not positive and finite.

    References
    ----------
    .. [1] Royston P, Parmar MKB. Restricted mean survival time: an alternative to the hazard ratio for the
       design and analysis of randomized trials with a time-to-event outcome. BMC Medical Research Methodology
       2013;13:152.
    """
    tau = checked_horizon(tau)
    a = restricted_mean_kernel(km_a.time, km_a.n_risk, km_a.n_event, km_a.survival, tau)
    b = restricted_mean_kernel(km_b.time, km_b.n_risk, km_b.n_event, km_b.survival, tau)
    estimate, std_error, lower, upper, p_value, code = wald_difference(*a, *b, normal_quantile(level))
    return RestrictedMeanDifference(estimate, std_error, lower, upper, p_value, STATUS_OF_CODE[code])
