"""Compiled sums of the score test for proportional hazards. Rows sorted by (stratum, time) ascending."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.cox_likelihood import absorb_ties, add_event_time, linear_predictor
from survival_multiverse.kernels.entry import drop_later, entry_order


@njit(cache=True)
def time_trend_score(time, event, Z, weight, stratum, beta, efron, clock, entry=None):
    """Score and information of the Cox model extended by Z * clock(t), at a zero trend.

    Parameters
    ----------
    Z : float64 array, shape (n, k)
    beta : float64 array, shape (k,)
        The fitted coefficients of Z.
    clock : float64 array, shape (n,)
        Transformed time of each row; only that of the dying is read.
    entry : float64 array, shape (n,), or None
        Who enters at a time or later is not at risk then.

    Returns
    -------
    score : float64 array, shape (k,)
        Score of the k trends (that of the k main effects is 0 at the fit).
    info : float64 array, shape (2 k, 2 k)
        Main effects first; the upper right block, which no solver here reads, is left 0.
    """
    k = Z.shape[1]
    eta = linear_predictor(Z, beta)
    size = 1 + k + k * (k + 1) // 2
    moments, dead = np.zeros(size), np.zeros(size)
    term, block = np.zeros(k), np.zeros((k, k))
    score, info = np.zeros(k), np.zeros((2 * k, 2 * k))
    i = time.shape[0] - 1
    if entry is not None:
        rows, risk = (time, entry, entry_order(entry, stratum)), weight * np.exp(eta)
        late, stop, peak = i, i + 1, 0.0
    while i >= 0:
        end = i
        i, deaths, dead_weight, _ = absorb_ties(i, time, event, Z, weight, stratum, eta, moments, dead, term)
        if deaths > 0:
            if entry is not None:
                late, peak = drop_later(rows, Z, risk, i + 1, stop, late, peak, moments)
            add_event_time(moments, dead, deaths, dead_weight, efron, term, block)
            for a in range(k):
                score[a] += clock[end] * term[a]
                for b in range(a + 1):
                    _spread(info, a, b, block[a, b], clock[end])
            term[:] = 0.0
            block[:, :] = 0.0
            dead[:] = 0.0
        if i >= 0 and stratum[i] != stratum[end]:
            moments[:] = 0.0
            if entry is not None:
                late, stop, peak = i, i + 1, 0.0
    return score, info


@njit(cache=True)
def _spread(info, a, b, value, clock):
    """Add one entry of an event time's information to the blocks of the extended model."""
    k = info.shape[0] // 2
    for row, column in ((a, b), (b, a)):
        info[row, column] += value
        info[row + k, column] += clock * value
        info[row + k, column + k] += clock * clock * value
        if a == b:
            break
