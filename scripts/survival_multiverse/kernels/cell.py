"""All specifications of one cell (population, dose cutoff) in one compiled pass, for resampling."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.arms import arms_suffice
from survival_multiverse.kernels.cox import OK, fit_cox
from survival_multiverse.kernels.cox_binary import cox_binary, log_ratio
from survival_multiverse.kernels.logistic import CONVERGED, logistic_kernel
from survival_multiverse.kernels.matching import (
    SCORE_SCALE,
    focal_arm_of,
    group_arms,
    match_grouped,
    rank_scores,
    spread,
)

OVERLAP, IPTW, ADJUSTED = 0, 1, 2
WEIGHTED_AND_ADJUSTED = 3
NO_CALIPER = np.iinfo(np.int64).max
PROPENSITY_TOLERANCE = 1e-10
PROPENSITY_ITERATIONS = 100


@njit(cache=True)
def width_of(caliper, sd):
    """Caliper in units of the score."""
    width = caliper * sd * SCORE_SCALE
    if np.isinf(caliper) or width >= NO_CALIPER:
        return NO_CALIPER
    return np.int64(np.rint(width)) if width == width else np.int64(-1)


@njit(cache=True)
def matched_estimate(time, event, arm, pair_of, minimum_events, out):
    """Log hazard ratio and pair-clustered standard error of the matched rows."""
    rows = np.nonzero(pair_of >= 0)[0]
    if rows.shape[0] == 0 or not arms_suffice(event[rows], arm[rows], minimum_events):
        return
    beta, _, clustered, code = cox_binary(
        time[rows], event[rows], arm[rows], np.ones(rows.shape[0]), pair_of[rows], True
    )
    if code == OK:
        out[0], out[1] = beta, clustered


@njit(cache=True)
def resampled_pairs_estimate(time, event, arm, pair_of, uniform, minimum_events, out):
    """Log hazard ratio of the matched pairs drawn with replacement by ``uniform`` (at least one a pair)."""
    n_pairs = np.max(pair_of) + 1
    times_drawn = np.zeros(max(n_pairs, 0), dtype=np.int64)
    for j in range(n_pairs):
        times_drawn[int(uniform[j] * n_pairs)] += 1
    rows = np.empty(2 * max(n_pairs, 0), dtype=np.int64)
    kept = 0
    for i in range(pair_of.shape[0]):
        if pair_of[i] >= 0:
            for _ in range(times_drawn[pair_of[i]]):
                rows[kept] = i
                kept += 1
    if kept > 0 and arms_suffice(event[rows], arm[rows], minimum_events):
        out[0] = log_ratio(time[rows], event[rows], arm[rows])


@njit(cache=True)
def weighted_estimate(time, event, arm, weight, out):
    """Log hazard ratio and robust standard error of a weighted model of the arm."""
    beta, _, robust, code = cox_binary(time, event, arm, weight, np.arange(time.shape[0]), True)
    if code == OK:
        out[0], out[1] = beta, robust


@njit(cache=True)
def adjusted_estimate(time, event, arm, X, out):
    """Log hazard ratio and model standard error of the arm beside the covariates."""
    n, k = X.shape
    full = np.empty((n, k + 1))
    for i in range(n):
        full[i, 0] = arm[i]
        for j in range(k):
            full[i, j + 1] = X[i, j]
    none = np.zeros(n, dtype=np.int64)
    beta, model, _, kept, _, _, code = fit_cox(time, event, full, np.ones(n), none, none, 0, True)
    if code == OK and kept[0]:
        out[0], out[1] = beta[0], np.sqrt(model[0, 0])


@njit(cache=True)
def evaluate_design(time, event, arm, X, order, calipers, within_arm, minimum_events, wanted, uniform, out):
    """Estimates of one covariate list: ``out`` (calipers + 3, 2), matched ones first; NaN without one.

    ``wanted`` (4,) says whether matched, overlap, IPTW and adjusted estimates are needed; ``uniform`` (n,)
    draws the matched pairs with replacement, or is empty.
    """
    n, k = X.shape
    out[:, :] = np.nan
    if not arms_suffice(event, arm, minimum_events):
        return
    others = calipers.shape[0]
    if wanted[3]:
        adjusted_estimate(time, event, arm, X, out[others + ADJUSTED])
    coefficients, predictor = np.empty(k), np.empty(n)
    usable = np.empty(k, dtype=np.int64)
    code, _, _ = logistic_kernel(
        X, arm, PROPENSITY_TOLERANCE, PROPENSITY_ITERATIONS, coefficients, predictor, usable
    )
    if code != CONVERGED:
        return
    if wanted[0]:
        evaluate_calipers(
            time, event, arm, predictor, order, calipers, within_arm, minimum_events, uniform, out
        )
    if wanted[1] or wanted[2]:
        evaluate_weights(time, event, arm, predictor, wanted, out[others:])


@njit(cache=True)
def evaluate_calipers(time, event, arm, predictor, order, calipers, within_arm, minimum_events, uniform, out):
    """Match within each caliper and estimate; a match that did not change is not estimated again."""
    n = time.shape[0]
    score = np.empty(n, dtype=np.int64)
    for i in range(n):
        # Rounded to 1e-9 first, as the propensity module reports the logit.
        score[i] = np.int64(np.rint(np.round(predictor[i], 9) * SCORE_SCALE))
    focal = focal_arm_of(arm)
    rank, keys = rank_scores(score, focal)
    sd = spread(score, arm, within_arm)
    priority = np.empty(n, dtype=np.int64)
    for position in range(n):
        priority[order[position]] = position
    arms = group_arms(rank, keys, arm, order, focal)
    pair_of = np.empty(n, dtype=np.int64)
    last = np.full(n, -2, dtype=np.int64)
    for c in range(calipers.shape[0]):
        match_grouped(arms, priority, width_of(calipers[c], sd), pair_of)
        if c > 0 and np.array_equal(pair_of, last):
            out[c] = out[c - 1]
        elif uniform.shape[0] > 0:
            resampled_pairs_estimate(time, event, arm, pair_of, uniform, minimum_events, out[c])
        else:
            matched_estimate(time, event, arm, pair_of, minimum_events, out[c])
        last[:] = pair_of


@njit(cache=True)
def evaluate_weights(time, event, arm, predictor, wanted, out):
    """Overlap and stabilised inverse-probability weighted estimates."""
    n = time.shape[0]
    treated = np.sum(arm) / n
    overlap, stabilised = np.empty(n), np.empty(n)
    for i in range(n):
        probability = 1.0 / (1.0 + np.exp(-predictor[i]))
        observed = probability if arm[i] == 1 else 1.0 - probability
        overlap[i] = 1.0 - observed
        stabilised[i] = (treated if arm[i] == 1 else 1.0 - treated) / observed
    if wanted[1]:
        weighted_estimate(time, event, arm, overlap, out[OVERLAP])
    if wanted[2] and np.isfinite(np.sum(stabilised)):
        weighted_estimate(time, event, arm, stabilised, out[IPTW])


@njit(cache=True)
def evaluate_cell(
    time,
    event,
    arm,
    designs,
    widths,
    complete,
    order,
    calipers,
    within_arm,
    minimum_events,
    wanted,
    uniform,
    out,
):
    """Estimates of every design: ``out`` (designs, calipers + 3, 2).

    ``designs`` (designs, n, columns) holds the first ``widths`` columns of each; ``complete`` (designs, n)
    says who has all of them; ``order`` (n,) lists the rows by ascending priority. Rows ascend in time.
    """
    n = time.shape[0]
    for d in range(designs.shape[0]):
        rows = np.nonzero(complete[d])[0]
        if rows.shape[0] == n:
            X = np.ascontiguousarray(designs[d, :, : widths[d]])
            evaluate_design(
                time, event, arm, X, order, calipers, within_arm, minimum_events, wanted, uniform, out[d]
            )
            continue
        position = np.full(n, -1)
        for i in range(rows.shape[0]):
            position[rows[i]] = i
        places = position[order]
        X = np.ascontiguousarray(designs[d][rows][:, : widths[d]])
        evaluate_design(
            time[rows],
            event[rows],
            arm[rows],
            X,
            places[places >= 0],
            calipers,
            within_arm,
            minimum_events,
            wanted,
            uniform,
            out[d],
        )
