"""One unit of work, compiled from the engine's own kernels.

A unit is a propensity score, a 1:1 match within a caliper, and before and after it nine log-rank tests,
Kaplan-Meier survival at three times by arm, a Cox model of five covariates with Efron ties, and a log-rank
test beyond a landmark. As in the engine, the calipers of a score share what they do not touch.
"""

import numpy as np
from numba import njit

from survival_multiverse.kernels.cox import fit_cox
from survival_multiverse.kernels.curves import NO_LIMITS, kaplan_meier_kernel, survival_at_kernel
from survival_multiverse.kernels.log_rank import log_rank_many_kernel
from survival_multiverse.kernels.logistic import logistic_kernel
from survival_multiverse.kernels.matching import (
    caliper_units,
    focal_arm_of,
    group_arms,
    match_grouped,
    rank_scores,
    spread,
)

NORMAL_QUANTILE = 1.959963984540054


@njit(cache=True)
def describe(time, event, arm, groups, X, at, landmark, out):
    """The estimates of one sample, ascending in time; fills ``out`` (9 + 6 + 5 + 1,)."""
    n = time.shape[0]
    chi2, _, _ = log_rank_many_kernel(time, event, groups)
    out[:9] = chi2
    for side in range(2):
        rows = np.nonzero(arm == side)[0]
        table = kaplan_meier_kernel(time[rows], event[rows], NORMAL_QUANTILE, NO_LIMITS)
        times, n_risk, _, _, survival, std_error, lower, upper, _, _ = table
        read = survival_at_kernel(times, n_risk, survival, std_error, lower, upper, at)
        out[9 + 3 * side : 12 + 3 * side] = read[0]
    none = np.zeros(n, dtype=np.int64)
    beta, _, _, _, _, _, _ = fit_cox(time, event, X, np.ones(n), none, none, 0, True)
    out[15:20] = beta
    start = np.searchsorted(time, landmark)
    late = np.ascontiguousarray(groups[:1, start:])
    chi2, _, _ = log_rank_many_kernel(time[start:], event[start:], late)
    out[20] = chi2[0]


@njit(cache=True)
def work_units(time, event, arm, scores, groups, X, order, priority, calipers, at, landmark, out):
    """Units of one score, one for each caliper; fills ``out`` (calipers, 2, 21)."""
    n, k = scores.shape
    coefficients, predictor = np.empty(k), np.empty(n)
    usable = np.empty(k, dtype=np.int64)
    logistic_kernel(scores, arm, 1e-10, 100, coefficients, predictor, usable)
    score = np.rint(predictor * 1e9).astype(np.int64)
    focal = focal_arm_of(arm)
    rank, keys = rank_scores(score, focal)
    sd = spread(score, arm, False)
    describe(time, event, arm, groups, X, at, landmark, out[0, 0])
    arms = group_arms(rank, keys, arm, order, focal)
    pair_of = np.empty(n, dtype=np.int64)
    last = np.empty(n, dtype=np.int64)
    for c in range(calipers.shape[0]):
        out[c, 0] = out[0, 0]
        match_grouped(arms, priority, caliper_units(calipers[c], sd), pair_of)
        # As in the engine, a match that a wider caliper leaves as it was is not analysed again.
        if c > 0 and np.array_equal(pair_of, last):
            out[c, 1] = out[c - 1, 1]
            continue
        last[:] = pair_of
        rows = np.nonzero(pair_of >= 0)[0]
        kept = np.empty((groups.shape[0], rows.shape[0]), dtype=np.int64)
        for g in range(groups.shape[0]):
            for i in range(rows.shape[0]):
                kept[g, i] = groups[g, rows[i]]
        describe(time[rows], event[rows], arm[rows], kept, X[rows], at, landmark, out[c, 1])
