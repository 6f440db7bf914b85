"""Compiled Cox regression: Newton's method, robust variance. Rows sorted by (stratum, time) ascending."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.cox_likelihood import (
    absorb_ties,
    identifiable_columns,
    identifiable_patterns,
    linear_predictor,
    standardize_patterns,
)
from survival_multiverse.kernels.cox_newton import partial_likelihood, risk_blocks, sum_of_dying
from survival_multiverse.kernels.linear import cholesky_solve, collinear_columns, invert_spd
from survival_multiverse.kernels.patterns import row_patterns

OK, TOO_FEW_EVENTS, CONSTANT, SEPARATION, NO_CONVERGENCE, NEAR_SEPARATION = 0, 1, 2, 3, 4, 5

MAX_ITERATIONS = 50
MAX_HALVINGS = 40
# A Newton step squares the error: a step of this size is followed by one of 1e-14.
STEP_TOLERANCE = 1e-7
LARGEST_SCALED_BETA = 10.0
# A likelihood that gains less than this per unit of event weight while the step neither falls below
# FLAT_STEP nor halves rises towards an infinite maximum: steps to a finite one shrink quadratically.
FLAT_GAIN = 1e-11
FLAT_STEP = 1e-4
# Rounding in a sum of many log terms must not look like a loss of likelihood.
LIKELIHOOD_NOISE = 1e-11
RECESSION_TOLERANCE = 1e-7


@njit(cache=True)
def largest_size(values):
    """Return the largest absolute value; NaN when any is NaN, 0 when there is none."""
    largest = 0.0
    for value in values:
        if not abs(value) <= largest:
            largest = abs(value)
    return largest


@njit(cache=True)
def _climb(blocks, Z, dead_sum, efron, beta, step, loglik, score, info):
    """Move `beta` by the step, halved until the likelihood does not fall. Returns loglik, success."""
    trial = np.empty(beta.shape[0])
    floor = loglik - LIKELIHOOD_NOISE * (abs(loglik) + 1.0)
    factor = 1.0
    for _ in range(MAX_HALVINGS):
        for j in range(beta.shape[0]):
            trial[j] = beta[j] + factor * step[j]
        value = partial_likelihood(blocks, Z, dead_sum, trial, efron, score, info)
        if value >= floor:
            beta[:] = trial
            return value, True
        factor *= 0.5
    return loglik, False


@njit(cache=True)
def _too_far(beta, step, info):
    """Return whether |beta| > 10 in a column whose coefficient is its own, and the step leads further out.

    One iterate beyond 10 may be an overshoot. What collinear columns share among them has no such limit.
    """
    if not largest_size(beta) > LARGEST_SCALED_BETA:
        return False
    shared = collinear_columns(info)
    for j in range(beta.shape[0]):
        if abs(beta[j]) > LARGEST_SCALED_BETA and beta[j] * step[j] > 0.0 and not shared[j]:
            return True
    return False


@njit(cache=True)
def is_recession_direction(blocks, Z, direction):
    """Return whether the likelihood never falls along `direction`: the dying have the most of those at risk.

    Then it has no finite maximum (Jacobsen 1989).
    """
    ends, deaths, dead_weight, latest, patterns, weights, _ = blocks
    margin = np.zeros(Z.shape[0])
    for a in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            margin[a] += Z[a, j] * direction[j]
    tolerance = RECESSION_TOLERANCE * (np.max(margin) - np.min(margin))
    highest, lowest, first, rises = -np.inf, np.inf, 0, False
    for block in range(deaths.shape[0]):
        if latest[block]:
            highest, lowest = -np.inf, np.inf
        for i in range(first, ends[2 * block + 1]):
            if weights[i] > 0.0:
                highest, lowest = max(highest, margin[patterns[i]]), min(lowest, margin[patterns[i]])
        for i in range(ends[2 * block], ends[2 * block + 1]):
            if weights[i] > 0.0 and margin[patterns[i]] < highest - tolerance:
                return False
        rises = rises or (dead_weight[block] > 0.0 and highest - lowest > tolerance)
        first = ends[2 * block + 1]
    return rises


@njit(cache=True)
def maximize(blocks, event, weight, pattern, Z, efron, beta, score, info):
    """Maximise by Newton's method from `beta` = 0 (filled in place); see `cox_newton.partial_likelihood`.

    Returns
    -------
    tuple of (log-likelihood, log-likelihood at 0, score statistic at 0, iterations, code)
        `info` holds the information at the final beta.
    """
    dead_sum = sum_of_dying(event, weight, pattern, Z)
    loglik = partial_likelihood(blocks, Z, dead_sum, beta, efron, score, info)
    loglik_null = loglik
    score_statistic = 0.0
    event_weight = np.sum(weight * event)
    previous = np.inf
    code = NO_CONVERGENCE
    iteration = 0
    while iteration < MAX_ITERATIONS:
        iteration += 1
        step = cholesky_solve(info, score)
        gain = 0.0
        for j in range(beta.shape[0]):
            gain += score[j] * step[j]
        if iteration == 1:
            score_statistic = gain
        size = largest_size(step)
        if not size < np.inf:
            # Away from 0 and flat to rounding, neither sloping nor curved: the maximum is at infinity.
            if iteration > 1 and largest_size(score) <= FLAT_GAIN * event_weight:
                code = SEPARATION
            break
        flat = gain <= FLAT_GAIN * event_weight and size > FLAT_STEP and size > 0.5 * previous
        # Beyond the cap the step alone does not say whether there is a maximum further out: continue.
        if flat or (_too_far(beta, step, info) and is_recession_direction(blocks, Z, step)):
            code = SEPARATION
            break
        loglik, climbed = _climb(blocks, Z, dead_sum, efron, beta, step, loglik, score, info)
        if size <= STEP_TOLERANCE and climbed:
            code = OK
        if size <= STEP_TOLERANCE or not climbed:
            break
        previous = size
    if code in (OK, NO_CONVERGENCE) and _too_far(beta, beta, info):
        code = NEAR_SEPARATION
    return loglik, loglik_null, score_statistic, iteration, code


@njit(cache=True, inline="always")
def hazard_step(moments, dead, deaths, dead_weight, efron, total, lag, mean):
    """Return the hazard and hazard-weighted means of one event time.

    `total` gains [sum h, sum h xbar] and `lag` [sum f h, sum f h xbar], where f is the Efron fraction
    a dying row is already out of the risk set; `mean` becomes the mean of xbar over the tied steps.
    """
    k = mean.shape[0]
    steps = deaths if efron else 1
    share = dead_weight / steps
    lag[:] = 0.0
    mean[:] = 0.0
    for step in range(steps):
        fraction = step / steps
        denominator = moments[0] - fraction * dead[0]
        hazard = share / denominator
        total[0] += hazard
        lag[0] += fraction * hazard
        for a in range(k):
            mean_a = (moments[1 + a] - fraction * dead[1 + a]) / denominator
            total[1 + a] += hazard * mean_a
            lag[1 + a] += fraction * hazard * mean_a
            mean[a] += mean_a / steps


@njit(cache=True, inline="always")
def add_compensator(residual, Z, risk, first, last, total, sign):
    """Add sign * risk * (x * sum h - sum h xbar) to the residuals of rows first to last - 1."""
    for row in range(first, last):
        for j in range(Z.shape[1]):
            residual[row, j] += sign * risk[row] * (Z[row, j] * total[0] - total[1 + j])


@njit(cache=True, inline="always")
def add_death(residual, Z, risk, row, lag, mean):
    """Add the row's own death: x - xbar, and the hazard of the tied steps it was already out of."""
    for j in range(Z.shape[1]):
        residual[row, j] += Z[row, j] - mean[j] + risk[row] * (Z[row, j] * lag[0] - lag[1 + j])


@njit(cache=True)
def score_residuals(time, event, Z, weight, stratum, beta, efron):
    """Return the weighted score residuals with Efron tie weights, shape (n, k); they sum to the score.

    Going back in time a row starts from minus what the later event times would have cost it, and the
    stratum's total is subtracted at the end (the scheme of R survival's coxscore2).
    """
    n, k = Z.shape
    eta = linear_predictor(Z, beta)
    risk = np.exp(eta)
    residual = np.zeros((n, k))
    size = 1 + k + k * (k + 1) // 2
    moments, dead = np.zeros(size), np.zeros(size)
    total, lag, mean, score = np.zeros(1 + k), np.zeros(1 + k), np.zeros(k), np.zeros(k)
    i = n - 1
    stratum_end = n
    while i >= 0:
        end = i + 1
        i, deaths, dead_weight, _ = absorb_ties(i, time, event, Z, weight, stratum, eta, moments, dead, score)
        add_compensator(residual, Z, risk, i + 1, end, total, 1.0)
        if deaths > 0:
            hazard_step(moments, dead, deaths, dead_weight, efron, total, lag, mean)
            for row in range(i + 1, end):
                if event[row] == 1:
                    add_death(residual, Z, risk, row, lag, mean)
            dead[:] = 0.0
        if i < 0 or stratum[i] != stratum[end - 1]:
            add_compensator(residual, Z, risk, i + 1, stratum_end, total, -1.0)
            stratum_end = i + 1
            moments[:] = 0.0
            total[:] = 0.0
    for row in range(n):
        for j in range(k):
            residual[row, j] *= weight[row]
    return residual


@njit(cache=True)
def sandwich(residual, cluster, clusters, inverse):
    """Return D'D of the dfbetas D = residual @ inverse summed by cluster, without a small-sample factor."""
    n, k = residual.shape
    sums = np.zeros((clusters, k))
    for i in range(n):
        for j in range(k):
            sums[cluster[i], j] += residual[i, j]
    variance = np.zeros((k, k))
    dfbeta = np.empty(k)
    for c in range(clusters):
        for a in range(k):
            dfbeta[a] = 0.0
            for b in range(k):
                dfbeta[a] += sums[c, b] * inverse[b, a]
        for a in range(k):
            for b in range(k):
                variance[a, b] += dfbeta[a] * dfbeta[b]
    return variance


@njit(cache=True)
def widen(matrix, scale, kept):
    """Rescale a covariance of kept columns to the original units of all columns; NaN where dropped."""
    k = kept.shape[0]
    wide = np.full((k, k), np.nan)
    columns = np.nonzero(kept)[0]
    for a in range(columns.shape[0]):
        for b in range(columns.shape[0]):
            wide[columns[a], columns[b]] = matrix[a, b] / (scale[a] * scale[b])
    return wide


@njit(cache=True)
def collinear_coefficients(variance, kept):
    """Return which of the kept columns' coefficients the others all but determine, shape (k,)."""
    columns = np.nonzero(kept)[0]
    narrow = np.empty((columns.shape[0], columns.shape[0]))
    for a in range(columns.shape[0]):
        for b in range(columns.shape[0]):
            narrow[a, b] = variance[columns[a], columns[b]]
    found = np.zeros(kept.shape[0], dtype=np.bool_)
    found[columns] = collinear_columns(narrow)
    return found


@njit(cache=True)
def fit_cox(time, event, X, weight, stratum, cluster, clusters, efron):
    """Fit a Cox model to sorted rows; clusters = 0 leaves out the robust variance.

    Returns
    -------
    tuple
        (coefficients (k,), model variance (k, k), robust variance (k, k), columns kept (k,),
        (log-likelihood, at 0, score statistic), iterations, code); NaN where there is no estimate.
    """
    k = X.shape[1]
    coefficients = np.full(k, np.nan)
    model = np.full((k, k), np.nan)
    robust = np.full((k, k), np.nan)
    if np.sum(event) == 0:
        kept = np.ones(k, dtype=np.bool_)
        return coefficients, model, robust, kept, (np.nan, np.nan, np.nan), 0, TOO_FEW_EVENTS
    pattern, found = row_patterns(X)
    if stratum[0] == stratum[-1]:
        kept = identifiable_patterns(time, event, X, pattern, found)
    else:
        kept = identifiable_columns(time, event, X, stratum)
    Z, scale = standardize_patterns(X, pattern, found, kept)
    p = Z.shape[1]
    beta, score, info = np.zeros(p), np.zeros(p), np.zeros((p, p))
    blocks = risk_blocks(time, event, weight, pattern, stratum)
    loglik, loglik_null, statistic, iterations, code = maximize(
        blocks, event, weight, pattern, Z, efron, beta, score, info
    )
    inverse, invertible = invert_spd(info)
    if code == OK and not invertible:
        code = NO_CONVERGENCE
    if code != OK:
        return coefficients, model, robust, kept, (np.nan, loglik_null, statistic), iterations, code
    coefficients[kept] = beta / scale
    model = widen(inverse, scale, kept)
    if clusters > 0:
        residual = score_residuals(time, event, Z[pattern], weight, stratum, beta, efron)
        robust = widen(sandwich(residual, cluster, clusters, inverse), scale, kept)
    if p == 0 and k > 0:
        code = CONSTANT
    return coefficients, model, robust, kept, (loglik, loglik_null, statistic), iterations, code
