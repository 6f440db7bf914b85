"""Log-rank test of equal survival in k groups, stratified or not, one factor or many at once.

Arrays are `time` (float64), `event` (int64, 1 = death) and integer codes. Ties are exact equality: apply
`curves.timefix` once per cohort first. Row order never matters.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survival_multiverse.estimators.cox_rows import checked_entry
from survival_multiverse.estimators.curves import NO_STRATUM, ascending, vector
from survival_multiverse.kernels.curves import ASCENDING, INVALID, STATUS_OF_CODE, input_state
from survival_multiverse.kernels.log_rank import (
    log_rank_kernel,
    log_rank_many_kernel,
    pair_log_rank_kernel,
)
from survival_multiverse.kernels.weighted_log_rank import weighted_log_rank_kernel
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Status


@dataclass(frozen=True, slots=True)
class LogRank:
    """Log-rank test; `observed`, `expected`, `n` and `levels` (the codes) have one entry per level present.

    `df` counts the levels with expected deaths, less one. Deaths are summed over strata.
    """

    chi2: float
    df: int
    p_value: float
    observed: np.ndarray
    expected: np.ndarray
    n: np.ndarray
    levels: np.ndarray
    status: Status


def log_rank(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    stratum: npt.ArrayLike | None = None,
    entry: npt.ArrayLike | None = None,
) -> LogRank:
    """Test whether the groups share one hazard ([1]_, [2]_; rho = 0, R's `survdiff`).

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up, in any unit, and death indicator (1 = death).
    group : array_like of int, shape (n,)
        Codes 0 to k - 1. A code with no patient is dropped; code -1 leaves the patient out.
    stratum : array_like of int, shape (n,), optional
        Any codes, such as pair ids. A stratum of one patient adds nothing to observed - expected.
    entry : array_like, shape (n,), optional
        Times of delayed entry: who enters at a time or later is not at risk then. The test is the score test
        of R's ``coxph(Surv(entry, time, event) ~ group, ties = "exact")``; R's `survdiff` takes no entries.

    Returns
    -------
    LogRank
        Status `constant` with fewer than two groups, `too_few_events` if there is no death or the variance is
        singular (no two of some groups were ever at risk together when one of them died); then NaN.

    Raises
    ------
    ValueError
        If shapes differ, a time is not finite or an event is not 0 or 1.

    References
    ----------
    .. [1] Mantel N. Evaluation of survival data and two new rank order statistics arising in its
       consideration. Cancer Chemotherapy Reports 1966;50:163–170.
    .. [2] Peto R, Peto J. Asymptotically efficient rank invariant test procedures. Journal of the Royal
       Statistical Society, Series A 1972;135:185–207.
    """
    time, event, group = vector(time, np.float64), vector(event, np.int64), vector(group, np.int64)
    keys = NO_STRATUM if stratum is None else vector(stratum, np.int64)
    sizes = {time.size, event.size, group.size, time.size if stratum is None else keys.size}
    if len(sizes) > 1:
        raise ValueError(
            f"rows differ: time {time.size}, event {event.size}, group {group.size}, stratum {keys.size}"
        )
    state = input_state(time, event, keys)
    if state == INVALID:
        raise ValueError("time must be finite and event 0 or 1")
    late = None if entry is None else checked_entry(entry, time)
    if stratum is None:
        keys = np.zeros(time.size, np.int64)
    if state != ASCENDING:
        order = np.argsort(time, kind="stable") if stratum is None else np.lexsort((time, keys))
        time, event, group, keys = time[order], event[order], group[order], keys[order]
        late = None if late is None else late[order]
    chi2, df, p_value, observed, expected, n, levels, code = log_rank_kernel(time, event, group, keys, late)
    return LogRank(chi2, df, p_value, observed, expected, n, levels, STATUS_OF_CODE[code])


def log_rank_many(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    groups: npt.ArrayLike,
    *,
    entry: npt.ArrayLike | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Test many factors on one cohort by log-rank: chi2, df and P, each of shape (F,).

    Parameters
    ----------
    time, event : array_like, shape (n,)
        Follow-up, in any unit, and death indicator (1 = death).
    groups : array_like of int, shape (F, n)
        Codes of each factor; -1 = missing leaves the patient out of that factor only.
    entry : array_like, shape (n,), optional
        Times of delayed entry.

    Returns
    -------
    tuple of np.ndarray
        chi2 and P are NaN where `log_rank` would not be ok.

    Raises
    ------
    ValueError
        If shapes differ, a time is not finite or an event is not 0 or 1.
    """
    time, event = vector(time, np.float64), vector(event, np.int64)
    groups = np.asarray(groups, np.int64)
    if groups.ndim != 2 or groups.shape[1] != time.size:
        raise ValueError(f"groups must have shape (F, {time.size}), got {groups.shape}")
    if entry is not None:
        tests = [log_rank(time, event, codes, entry=entry) for codes in groups]
        numbers = np.array([(test.chi2, test.df, test.p_value) for test in tests]).reshape(-1, 3)
        return numbers[:, 0], numbers[:, 1].astype(np.int64), numbers[:, 2]
    order = np.argsort(time, kind="stable")
    time, event = ascending(time, event)
    return log_rank_many_kernel(time, event, np.take(groups, order, axis=1))


def arm_log_rank(
    time: np.ndarray,
    event: np.ndarray,
    arm: np.ndarray,
    *,
    pair: np.ndarray | None = None,
    entry: np.ndarray | None = None,
) -> tuple[float, int, float, Status]:
    """Test two arms by log-rank, or two arms within pairs: chi2, df, P and status, as `log_rank`.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked), in any unit.
    event, arm : int64 arrays, shape (n,)
        0 or 1.
    pair : int64 array, shape (n,), optional
        Codes from 0; at most two rows each.
    entry : float64 array, shape (n,), optional
        Times of delayed entry.

    Returns
    -------
    tuple of (float, int, float, Status)
        NaN unless the status is ok.
    """
    if entry is not None:
        test = log_rank(time, event, arm, stratum=pair, entry=entry)
        return test.chi2, test.df, test.p_value, test.status
    if pair is None:
        chi2, df, p_value, *_, code = log_rank_kernel(time, event, arm, np.zeros(time.size, np.int64))
    else:
        chi2, df, p_value, code = pair_log_rank_kernel(time, event, arm, pair)
    return chi2, df, p_value, STATUS_OF_CODE[code]


def weighted_log_rank(
    time: np.ndarray,
    event: np.ndarray,
    arm: np.ndarray,
    X: np.ndarray,
    probability: np.ndarray,
    estimator: Estimator,
    *,
    entry: np.ndarray | None = None,
) -> tuple[float, float, Status]:
    """Test two arms by a log-rank test weighted by an estimated score: two chi-squares on 1 df, and status.

    Observed less expected deaths of the arm are sums of weights. The first variance takes the weights as
    known ([1]_, with weights of 1 the hypergeometric one); the second is the sum of squared influences on the
    score of the Cox model at a hazard ratio of 1, those through the estimated score included ([2]_).

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked), in any unit.
    event, arm : int64 arrays, shape (n,)
        0 or 1.
    X : array, shape (n, k)
        Columns that the score kept, without an intercept.
    probability : array, shape (n,)
        P(A = 1 | X) of `propensity.fit_propensity`.
    estimator
        One of `schema.WEIGHTED`.
    entry : float64 array, shape (n,), optional
        Times of delayed entry.

    Returns
    -------
    tuple of (float, float, Status)
        Robust and stacked chi-square; NaN unless ok. `too_few_events` where nothing varies.

    References
    ----------
    .. [1] Xie J, Liu C. Adjusted Kaplan-Meier estimator and log-rank test with inverse probability of
       treatment weighting for survival data. Statistics in Medicine 2005;24:3089–3110.
    .. [2] Shu D, Young JG, Toh S, Wang R. Variance estimation in inverse probability weighted Cox models.
       Biometrics 2021;77:1101–1117.
    """
    score, known, stacked = weighted_log_rank_kernel(
        vector(time, np.float64),
        vector(event, np.int64),
        vector(arm, np.int64),
        np.ascontiguousarray(X, dtype=np.float64),
        vector(probability, np.float64),
        WEIGHTED.index(estimator),
        entry,
    )
    if not (known > 0.0 and stacked > 0.0):
        return np.nan, np.nan, Status.TOO_FEW_EVENTS
    return score * score / known, score * score / stacked, Status.OK
