"""Compiled log-rank test of two arms weighted by an estimated propensity score."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.weighted_cox import score_weights, stacked_meat


@njit(cache=True)
def _risk_sums(time, entry, arm, weight, start):
    """Return by arm weight, squared weight and number of those at risk at a row's time: (3, 2)."""
    sums = np.zeros((3, 2))
    for row in range(start, time.size):
        if entry[row] < time[start]:
            a = arm[row]
            sums[0, a] += weight[row]
            sums[1, a] += weight[row] * weight[row]
            sums[2, a] += 1.0
    return sums


@njit(cache=True)
def _death_times(time, event, arm, weight, entry=None):
    """Walk back over the death times; rows are added, or with delayed entry summed anew.

    Returns
    -------
    tuple
        By ascending time of death the times, the weighted mean of the arm at risk, and the weighted hazard;
        the score and its variance with the weights taken as known, of Xie and Liu.
    """
    n = time.size
    at, mean, hazard = np.empty(n), np.empty(n), np.empty(n)
    sums = np.zeros((3, 2))
    first, score, variance, i = n, 0.0, 0.0, n - 1
    while i >= 0:
        now, dying, deaths, deaths_1 = time[i], 0.0, 0.0, 0.0
        while i >= 0 and time[i] == now:
            a = arm[i]
            sums[:, a] += np.array([weight[i], weight[i] * weight[i], 1.0])
            dying += event[i]
            deaths += event[i] * weight[i]
            deaths_1 += event[i] * weight[i] * a
            i -= 1
        if dying > 0.0:
            if entry is not None:
                sums = _risk_sums(time, entry, arm, weight, i + 1)
            total, patients = sums[0, 0] + sums[0, 1], sums[2, 0] + sums[2, 1]
            first -= 1
            at[first], mean[first], hazard[first] = now, sums[0, 1] / total, deaths / total
            score += deaths_1 - deaths * mean[first]
            spread = sums[1, 1] * (1.0 - mean[first]) ** 2 + sums[1, 0] * mean[first] ** 2
            variance += dying * (patients - dying) / (patients * max(patients - 1.0, 1.0)) * spread
    return at[first:], mean[first:], hazard[first:], score, variance


@njit(cache=True)
def _residuals(time, event, arm, steps, entry=None):
    """Return the derivative of the score in each row's weight, shape (n,)."""
    at, mean, hazard = steps
    n, m = time.size, at.size
    # Running sums of the hazard and of the hazard times the mean, 0 first.
    sums = np.zeros((2, m + 1))
    for k in range(m):
        sums[0, k + 1] = sums[0, k] + hazard[k]
        sums[1, k + 1] = sums[1, k] + hazard[k] * mean[k]
    residual = np.empty(n)
    for i in range(n):
        last = np.searchsorted(at, time[i], side="right")
        before = 0
        if entry is not None:
            before = np.searchsorted(at, entry[i], side="right")
        own = arm[i] * (sums[0, last] - sums[0, before]) - (sums[1, last] - sums[1, before])
        residual[i] = event[i] * (arm[i] - mean[last - 1]) - own if last > 0 else 0.0
    return residual


@njit(cache=True)
def weighted_log_rank_kernel(time, event, arm, X, probability, kind, entry=None):
    """Return the weighted score of the arm and its two variances; see `log_rank.weighted_log_rank`.

    Rows ascend in time; the other arguments are those of `weighted_cox.weighted_arm`.
    """
    share = np.sum(arm) / arm.size
    weight = score_weights(arm, probability, share, kind)
    if not np.isfinite(np.sum(weight)):
        return np.nan, np.nan, np.nan
    at, mean, hazard, score, variance = _death_times(time, event, arm, weight, entry)
    residual = _residuals(time, event, arm, (at, mean, hazard), entry)
    return score, variance, stacked_meat(arm, X, probability, weight, residual, share, kind)
