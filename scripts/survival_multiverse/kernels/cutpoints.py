"""Log-rank statistics of many cutoffs of one variable, in one pass over time for all of them."""

import numpy as np
from numba import njit


@njit(cache=True)
def standardised_log_rank(time, event, values, cutoffs):
    """Return the standardised log-rank z at or above against below each cutoff; NaN without variance.

    ``time`` ascends; ``cutoffs`` ascend. Positive: more deaths than expected at or above the cutoff.
    """
    n, m = time.shape[0], cutoffs.shape[0]
    group = np.searchsorted(cutoffs, values, side="right")
    at_risk = np.zeros(m + 1)
    dying = np.zeros(m + 1)
    score = np.zeros(m)
    variance = np.zeros(m)
    total = 0.0
    i = n - 1
    while i >= 0:
        now = time[i]
        deaths = 0.0
        dying[:] = 0.0
        while i >= 0 and time[i] == now:
            at_risk[group[i]] += 1.0
            total += 1.0
            if event[i] == 1:
                dying[group[i]] += 1.0
                deaths += 1.0
            i -= 1
        if deaths == 0.0:
            continue
        above = 0.0
        dead_above = 0.0
        for c in range(m - 1, -1, -1):
            above += at_risk[c + 1]
            dead_above += dying[c + 1]
            share = above / total
            score[c] += dead_above - deaths * share
            if total > 1.0:
                variance[c] += deaths * share * (1.0 - share) * (total - deaths) / (total - 1.0)
    z = np.empty(m)
    for c in range(m):
        z[c] = score[c] / np.sqrt(variance[c]) if variance[c] > 0.0 else np.nan
    return z


@njit(cache=True)
def maximal_log_rank(time, event, values, cutoffs):
    """Return the largest |z| over the cutoffs; 0 where none has a variance."""
    largest = 0.0
    for z in standardised_log_rank(time, event, values, cutoffs):
        if abs(z) > largest:
            largest = abs(z)
    return largest
