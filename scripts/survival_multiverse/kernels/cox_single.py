"""Compiled Cox regression of one binary covariate, for use inside resampling loops."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.cox import (
    CONSTANT,
    FLAT_GAIN,
    FLAT_STEP,
    LARGEST_SCALED_BETA,
    LIKELIHOOD_NOISE,
    MAX_HALVINGS,
    MAX_ITERATIONS,
    NO_CONVERGENCE,
    OK,
    SEPARATION,
    STEP_TOLERANCE,
    TOO_FEW_EVENTS,
)


@njit(cache=True)
def _collapse(time, event, x):
    """Counts at each distinct event time, latest first, and each row's first later-or-equal count.

    Returns `table` (m, 4): at risk and dying with x = 0, at risk and dying with x = 1; and `entry` (n,):
    the index of the latest event time not after the row's own time (m when there is none).
    """
    n = time.shape[0]
    table = np.zeros((n, 4))
    entry = np.empty(n, dtype=np.int64)
    m = 0
    at_risk = np.zeros(2)
    i = n - 1
    while i >= 0:
        block_time = time[i]
        dies = False
        while i >= 0 and time[i] == block_time:
            arm = 1 if x[i] == 1 else 0
            at_risk[arm] += 1.0
            if event[i] == 1:
                table[m, 2 * arm + 1] += 1.0
                dies = True
            entry[i] = m
            i -= 1
        if dies:
            table[m, 0] = at_risk[0]
            table[m, 2] = at_risk[1]
            m += 1
    return table[:m], entry


@njit(cache=True)
def _relative_risks(beta):
    """Risks of x = 0 and x = 1 divided by the larger one, so that neither overflows."""
    return np.exp(min(0.0, -beta)), np.exp(min(0.0, beta))


@njit(cache=True)
def _evaluate(table, beta):
    """Efron log partial likelihood, score and information."""
    risk0, risk1 = _relative_risks(beta)
    loglik = 0.0
    score = 0.0
    info = 0.0
    product = 1.0
    for g in range(table.shape[0]):
        dead0, dead1 = table[g, 1], table[g, 3]
        deaths = int(dead0 + dead1)
        loglik += dead0 * min(0.0, -beta) + dead1 * min(0.0, beta)
        score += dead1
        for step in range(deaths):
            fraction = step / deaths
            weight0 = risk0 * (table[g, 0] - fraction * dead0)
            weight1 = risk1 * (table[g, 2] - fraction * dead1)
            total = weight0 + weight1
            if not total > 0.0:
                return -np.inf, score, info
            share = weight1 / total
            # A product of risks: one logarithm for many of them.
            product *= total
            if not 1e-200 < product < 1e200:
                loglik -= np.log(product)
                product = 1.0
            score -= share
            info += share * (1.0 - share)
    return loglik - np.log(product), score, info


@njit(cache=True)
def _climb(table, beta, step, loglik):
    """Take the step, halved until the likelihood does not fall. Returns beta and the values there."""
    floor = loglik - LIKELIHOOD_NOISE * (abs(loglik) + 1.0)
    for _ in range(MAX_HALVINGS):
        value, score, info = _evaluate(table, beta + step)
        if value >= floor:
            return beta + step, value, score, info, True
        step *= 0.5
    return beta, loglik, 0.0, np.nan, False


@njit(cache=True)
def _maximize(table, sd, deaths):
    """Newton's method with the rules of `kernels.cox.maximize`. Returns beta, information, code."""
    beta = 0.0
    loglik, score, info = _evaluate(table, beta)
    previous = np.inf
    code = NO_CONVERGENCE
    for _ in range(MAX_ITERATIONS):
        if not info > 0.0:
            break
        step = score / info
        size = abs(step) * sd
        flat = score * step <= FLAT_GAIN * deaths and size > FLAT_STEP and size > 0.5 * previous
        if flat or (abs(beta) * sd > LARGEST_SCALED_BETA and beta * step > 0.0):
            code = SEPARATION
            break
        beta, loglik, score, info, climbed = _climb(table, beta, step, loglik)
        if size <= STEP_TOLERANCE and climbed:
            code = OK
            break
        previous = size
    if abs(beta) * sd > LARGEST_SCALED_BETA:
        code = SEPARATION
    return beta, info, code


@njit(cache=True)
def _hazards(table, beta):
    """Cumulative hazards from the earliest event time on, one row per event time (and one of zeros).

    Columns: sum h, sum h xbar; the Efron parts f h, f h xbar given back to those dying there; mean xbar.
    """
    m = table.shape[0]
    risk0, risk1 = _relative_risks(beta)
    hazard = np.zeros((m + 1, 5))
    for g in range(m - 1, -1, -1):
        hazard[g, 0] = hazard[g + 1, 0]
        hazard[g, 1] = hazard[g + 1, 1]
        deaths = int(table[g, 1] + table[g, 3])
        for step in range(deaths):
            fraction = step / deaths
            weight1 = risk1 * (table[g, 2] - fraction * table[g, 3])
            total = risk0 * (table[g, 0] - fraction * table[g, 1]) + weight1
            share = weight1 / total
            hazard[g, 0] += 1.0 / total
            hazard[g, 1] += share / total
            hazard[g, 2] += fraction / total
            hazard[g, 3] += fraction * share / total
            hazard[g, 4] += share / deaths
    return hazard


@njit(cache=True)
def _clustered_meat(event, x, pair, entry, hazard, beta):
    """Sum over pairs of the squared sum of score residuals."""
    risk0, risk1 = _relative_risks(beta)
    sums = np.zeros(np.max(pair) + 1)
    for i in range(event.shape[0]):
        g = entry[i]
        arm = 1.0 if x[i] == 1 else 0.0
        risk = risk1 if x[i] == 1 else risk0
        residual = -risk * (arm * hazard[g, 0] - hazard[g, 1])
        if event[i] == 1:
            residual += arm - hazard[g, 4] + risk * (arm * hazard[g, 2] - hazard[g, 3])
        sums[pair[i]] += residual
    meat = 0.0
    for value in sums:
        meat += value * value
    return meat


@njit(cache=True)
def _solve(time, event, x):
    """Risk-set counts, entries, beta, information and code of a fit."""
    table, entry = _collapse(time, event, x)
    if table.shape[0] == 0:
        return table, entry, np.nan, np.nan, TOO_FEW_EVENTS
    first = table[table.shape[0] - 1]
    if first[0] == 0.0 or first[2] == 0.0:
        return table, entry, np.nan, np.nan, CONSTANT
    n = time.shape[0]
    exposed = np.sum(x)
    sd = np.sqrt(exposed * (n - exposed) / (n * (n - 1.0)))
    beta, info, code = _maximize(table, sd, np.sum(event))
    return table, entry, beta, info, code


@njit(cache=True)
def log_ratio(time, event, x):
    """Log hazard ratio alone: the estimate of `cox_single`, or NaN."""
    _, _, beta, _, code = _solve(time, event, x)
    return beta if code == OK else np.nan


@njit(cache=True)
def cox_single(time, event, x, pair):
    """Efron Cox regression on one 0/1 covariate, standard error clustered by pair.

    Agrees with `survival_multiverse.cox.cox(..., cluster=pair)`; the risk sets are reduced to counts
    once, so that an iteration costs one step per death.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked).
    event, x : int64 arrays, shape (n,)
        0 or 1.
    pair : int64 array, shape (n,)
        Cluster codes, 0 to a number of the order of n.

    Returns
    -------
    tuple of (beta, se_model, se_cluster, code)
        Log hazard ratio of x = 1 against 0 and its standard errors, NaN unless the code (the constants of
        `kernels.cox`) is OK.
    """
    table, entry, beta, info, code = _solve(time, event, x)
    if code != OK:
        return np.nan, np.nan, np.nan, code
    meat = _clustered_meat(event, x, pair, entry, _hazards(table, beta), beta)
    return beta, np.sqrt(1.0 / info), np.sqrt(meat) / info, OK
