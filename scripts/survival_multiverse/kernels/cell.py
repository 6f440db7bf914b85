"""All specifications of one covariate list in one compiled pass, for resampling."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.arms import arms_suffice
from survival_multiverse.kernels.counting_process import cox_binary_late, fit_late
from survival_multiverse.kernels.cox import OK, collinear_coefficients, fit_cox
from survival_multiverse.kernels.cox_binary import log_ratio
from survival_multiverse.kernels.cox_newton import EFRON
from survival_multiverse.kernels.curve_measures import NO_CLUSTER, curve_contrasts, stacked_contrasts
from survival_multiverse.kernels.curves import OK as CONTRASTED
from survival_multiverse.kernels.logistic import CONVERGED, logistic_kernel
from survival_multiverse.kernels.matching import (
    SCORE_SCALE,
    caliper_units,
    focal_arm_of,
    group_arms,
    match_grouped,
    rank_scores,
    spread,
)
from survival_multiverse.kernels.standardised_contrasts import standardised_contrasts
from survival_multiverse.kernels.tie_breaks import (
    NO_WEIGHT,
    combine_contrasts,
    combine_orders,
    matched_estimates,
)
from survival_multiverse.kernels.weighted_cox import weighted_arm

PROPENSITY_TOLERANCE = 1e-10
# Typed, like EFRON: literals would compile the kernels that take them a second time.
PROPENSITY_ITERATIONS = np.int64(100)
UNCLUSTERED = np.int64(0)


@njit(cache=True)
def fit_score(arm, X):
    """Return the score's linear predictor, shape (n,), and the columns it uses; NaN without a score."""
    n, k = X.shape
    coefficients, predictor = np.empty(k), np.full(n, np.nan)
    usable = np.ones(k, dtype=np.int64)
    treated = np.sum(arm)
    if 0 < treated < n:
        code, _, _ = logistic_kernel(
            X, arm, PROPENSITY_TOLERANCE, PROPENSITY_ITERATIONS, coefficients, predictor, usable
        )
        if code != CONVERGED:
            predictor[:] = np.nan
    return predictor, usable


@njit(cache=True)
def match_orders(arm, predictor, orders, calipers, within_arm):
    """Return each row's pair number, or -1, in each caliper under each order: (calipers, orders, n), int32.

    ``orders`` (orders, n) lists the rows by ascending priority.
    """
    n = arm.shape[0]
    pairs = np.full((calipers.shape[0], orders.shape[0], n), -1, dtype=np.int32)
    if n == 0 or np.isnan(predictor[0]):
        return pairs
    score = np.empty(n, dtype=np.int64)
    for i in range(n):
        # Rounded to 1e-9 first, as the propensity module reports the logit.
        score[i] = np.int64(np.rint(np.round(predictor[i], 9) * SCORE_SCALE))
    focal = focal_arm_of(arm)
    rank, keys = rank_scores(score, focal)
    sd = spread(score, arm, within_arm)
    priority = np.empty(n, dtype=np.int64)
    pair_of = np.empty(n, dtype=np.int64)
    for o in range(orders.shape[0]):
        for place in range(n):
            priority[orders[o, place]] = place
        arms = group_arms(rank, keys, arm, orders[o], focal)
        for c in range(calipers.shape[0]):
            match_grouped(arms, priority, caliper_units(calipers[c], sd), pair_of)
            for i in range(n):
                pairs[c, o, i] = pair_of[i]
    return pairs


@njit(cache=True)
def resampled_pairs_estimate(
    time, event, arm, pair_of, uniform, minimum_events, horizons, times, out, contrasts, entry=None
):
    """Return the log hazard ratio of pairs drawn with replacement by ``uniform`` (at least one a pair).

    ``contrasts`` (measures, 3) gets those of the curves, or has no measure.
    """
    out[:] = np.nan
    contrasts[:] = np.nan
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
        if contrasts.shape[0] > 0:
            late = None if entry is None else entry[rows]
            found, codes = curve_contrasts(
                time[rows],
                event[rows],
                arm[rows],
                NO_WEIGHT,
                NO_CLUSTER,
                horizons,
                times,
                minimum_events,
                late,
            )
            for j in range(codes.shape[0]):
                if codes[j] == CONTRASTED:
                    contrasts[j, 0] = found[j, 0]
        if entry is None:
            out[0] = log_ratio(time[rows], event[rows], arm[rows])
        else:
            unit, pairs = np.ones(kept), pair_of[rows].astype(np.int64)
            out[0] = cox_binary_late(time[rows], entry[rows], event[rows], arm[rows], unit, pairs, EFRON)[0]


@njit(cache=True)
def matched_over_orders(time, event, arm, pairs, uniform, minimum_events, horizons, times, out, entry=None):
    """Fill ``out`` (calipers, measures, 2) with the matched estimates, combined over the tie-breaking orders.

    ``pairs`` (calipers, orders, n) is from `match_orders`, rows in ascending time; the same pairs are
    estimated once. Pairs drawn again by ``uniform`` have no standard error.
    """
    calipers, orders, _ = pairs.shape
    estimates = np.empty((calipers, orders, 2))
    measures = out.shape[1] - 1
    contrasts = np.empty((calipers, orders, measures, 3))
    for c in range(calipers):
        for o in range(orders):
            if o > 0 and np.array_equal(pairs[c, o], pairs[c, o - 1]):
                estimates[c, o] = estimates[c, o - 1]
                contrasts[c, o] = contrasts[c, o - 1]
            elif c > 0 and np.array_equal(pairs[c, o], pairs[c - 1, o]):
                estimates[c, o] = estimates[c - 1, o]
                contrasts[c, o] = contrasts[c - 1, o]
            elif uniform.shape[0] > 0:
                resampled_pairs_estimate(
                    time,
                    event,
                    arm,
                    pairs[c, o],
                    uniform,
                    minimum_events,
                    horizons,
                    times,
                    estimates[c, o],
                    contrasts[c, o],
                    entry,
                )
            else:
                matched_estimates(
                    time,
                    event,
                    arm,
                    pairs[c, o],
                    minimum_events,
                    horizons,
                    times,
                    estimates[c, o],
                    contrasts[c, o],
                    entry,
                )
        out[c, 0, 0], out[c, 0, 1] = combine_orders(estimates[c])
        if measures > 0:
            combine_contrasts(contrasts[c], out[c, 1:])


@njit(cache=True)
def evaluate_weights(
    time, event, arm, X, predictor, usable, wanted, minimum_events, horizons, times, out, entry=None
):
    """Fill ``out`` with the estimates of each kind of weights, with their errors for an estimated score."""
    probability = 1.0 / (1.0 + np.exp(-predictor))
    columns = np.ascontiguousarray(X[:, usable == 1])
    for kind in range(wanted.shape[0]):
        if wanted[kind]:
            beta, _, stacked, code = weighted_arm(time, event, arm, columns, probability, kind, entry)
            if code == OK and np.isfinite(stacked):
                out[kind, 0, 0], out[kind, 0, 1] = beta, stacked
            if out.shape[1] > 1:
                found, codes = stacked_contrasts(
                    time, event, arm, columns, probability, kind, horizons, times, minimum_events, entry
                )
                for j in range(codes.shape[0]):
                    if codes[j] == CONTRASTED and np.isfinite(found[j, 2]):
                        out[kind, 1 + j, 0], out[kind, 1 + j, 1] = found[j, 0], found[j, 2]


@njit(cache=True)
def adjusted_estimate(time, event, arm, X, horizons, times, out, entry=None):
    """Fill ``out`` (measures, 2) with what the Cox model of the arm beside the covariates gives.

    The log hazard ratio and its model error, then contrasts of the standardised curves and robust errors.
    """
    n, k = X.shape
    full = np.empty((n, k + 1))
    for i in range(n):
        full[i, 0] = arm[i]
        for j in range(k):
            full[i, j + 1] = X[i, j]
    none = np.zeros(n, dtype=np.int64)
    unit = np.ones(n)
    if entry is None:
        beta, model, _, kept, _, _, code = fit_cox(time, event, full, unit, none, none, UNCLUSTERED, EFRON)
    else:
        beta, model, _, kept, _, _, code = fit_late(
            time, entry, event, full, unit, none, none, UNCLUSTERED, EFRON
        )
    if code == OK and kept[0] and not collinear_coefficients(model, kept)[0]:
        out[0, 0], out[0, 1] = beta[0], np.sqrt(model[0, 0])
        if out.shape[0] > 1:
            standardised_contrasts(time, event, arm, X, (beta, model, kept), horizons, times, out[1:], entry)


@njit(cache=True)
def evaluate_design(
    time,
    event,
    arm,
    X,
    predictor,
    usable,
    pairs,
    uniform,
    minimum_events,
    wanted,
    horizons,
    times,
    out,
    entry=None,
):
    """Fill ``out`` (calipers + weights + 1, measures, 2) with a covariate list's estimates; NaN without one.

    First come the matched ones, then those of each kind of weights, last the adjusted one.

    Rows ascend in time. ``predictor`` and ``usable`` are from `fit_score`, ``pairs`` from `match_orders`.
    ``wanted`` (weights + 2,) says which of these estimators are needed; ``uniform`` (n,) draws the matched
    pairs with replacement, or is empty. With ``entry`` (n,) who enters at a time or later is not at risk
    then. The measures are the hazard ratio and, unless ``out`` has no room, `curve_contrasts` at ``horizons``
    and ``times``.
    """
    out[:] = np.nan
    n = time.shape[0]
    if n == 0 or not arms_suffice(event, arm, minimum_events):
        return
    others = pairs.shape[0]
    if wanted[-1]:
        adjusted_estimate(time, event, arm, X, horizons, times, out[-1], entry)
    if np.isnan(predictor[0]):
        return
    if wanted[0]:
        matched_over_orders(
            time, event, arm, pairs, uniform, minimum_events, horizons, times, out[:others], entry
        )
    if np.any(wanted[1:-1]):
        kinds = wanted[1:-1]
        evaluate_weights(
            time,
            event,
            arm,
            X,
            predictor,
            usable,
            kinds,
            minimum_events,
            horizons,
            times,
            out[others:],
            entry,
        )
