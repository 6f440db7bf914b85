"""Compiled Cox regression of one binary covariate, the shape of most models here.

The risk sets are reduced to four sums an event time once, so that an iteration costs a step per death: a
tenth of the general kernel's time.
"""

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
    NEAR_SEPARATION,
    NO_CONVERGENCE,
    OK,
    SEPARATION,
    STEP_TOLERANCE,
    TOO_FEW_EVENTS,
)
from survival_multiverse.kernels.cox_newton import EFRON


@njit(cache=True)
def _collapse(time, event, x, weight):
    """Sum rows at each distinct event time, latest first; find each row's first later-or-equal event time.

    Returns `table` (m, 5): weight at risk and dying with x = 0, at risk and dying with x = 1, and the number
    of deaths; and `entry` (n,): the index of the latest event time not after the row's own time (m when
    there is none).
    """
    n = time.shape[0]
    table = np.zeros((n, 5))
    entry = np.empty(n, dtype=np.int64)
    m = 0
    at_risk = np.zeros(2)
    i = n - 1
    while i >= 0:
        block_time = time[i]
        while i >= 0 and time[i] == block_time:
            arm = 1 if x[i] == 1 else 0
            at_risk[arm] += weight[i]
            # Rows of weight 0 have no deaths. A product, because nobody can foresee who dies.
            table[m, 2 * arm + 1] += event[i] * weight[i]
            table[m, 4] += event[i] if weight[i] > 0.0 else 0
            entry[i] = m
            i -= 1
        if table[m, 4] > 0.0:
            table[m, 0] = at_risk[0]
            table[m, 2] = at_risk[1]
            m += 1
    return table[:m], entry


@njit(cache=True)
def relative_risks(beta):
    """Return the risks of x = 0 and x = 1 divided by the larger one, so that neither overflows."""
    return np.exp(min(0.0, -beta)), np.exp(min(0.0, beta))


@njit(cache=True)
def _evaluate(table, beta, efron):
    """Return the log partial likelihood, score and information."""
    risk0, risk1 = relative_risks(beta)
    loglik = 0.0
    score = 0.0
    info = 0.0
    product = 1.0
    for g in range(table.shape[0]):
        dead0, dead1 = table[g, 1], table[g, 3]
        steps = int(table[g, 4]) if efron else 1
        # A death's weight: tied deaths share their mean.
        death = (dead0 + dead1) / steps
        loglik += dead0 * min(0.0, -beta) + dead1 * min(0.0, beta)
        score += dead1
        for step in range(steps):
            fraction = step / steps
            weight0 = risk0 * (table[g, 0] - fraction * dead0)
            weight1 = risk1 * (table[g, 2] - fraction * dead1)
            total = weight0 + weight1
            if not total > 0.0:
                return -np.inf, score, info
            share = weight1 / total
            if death == 1.0:
                # A product of risks: one logarithm for many of them.
                product *= total
                if not 1e-200 < product < 1e200:
                    loglik -= np.log(product)
                    product = 1.0
            else:
                loglik -= death * np.log(total)
            score -= death * share
            info += death * share * (1.0 - share)
    return loglik - np.log(product), score, info


@njit(cache=True)
def _climb(table, beta, step, loglik, efron):
    """Take the step, halved until the likelihood does not fall. Returns beta and the values there."""
    floor = loglik - LIKELIHOOD_NOISE * (abs(loglik) + 1.0)
    for _ in range(MAX_HALVINGS):
        value, score, info = _evaluate(table, beta + step, efron)
        if value >= floor:
            return beta + step, value, score, info, True
        step *= 0.5
    return beta, loglik, 0.0, np.nan, False


@njit(cache=True)
def _rises_for_ever(table):
    """Return whether all who die while both arms are at risk are in the same arm."""
    in_0 = in_1 = True
    for g in range(table.shape[0]):
        if table[g, 0] > 0.0 and table[g, 2] > 0.0:
            in_0 = in_0 and table[g, 3] == 0.0
            in_1 = in_1 and table[g, 1] == 0.0
    return in_0 or in_1


@njit(cache=True)
def maximize_table(table, sd, efron):
    """Maximise by Newton's method as in `kernels.cox.maximize`; return beta, information, code."""
    beta = 0.0
    loglik, score, info = _evaluate(table, beta, efron)
    deaths = np.sum(table[:, 1]) + np.sum(table[:, 3])
    previous = np.inf
    code = NO_CONVERGENCE
    for _ in range(MAX_ITERATIONS):
        if not info > 0.0:
            break
        step = score / info
        size = abs(step) * sd
        flat = score * step <= FLAT_GAIN * deaths and size > FLAT_STEP and size > 0.5 * previous
        if flat or (abs(beta) * sd > LARGEST_SCALED_BETA and beta * step > 0.0):
            code = SEPARATION if flat or _rises_for_ever(table) else NEAR_SEPARATION
            break
        beta, loglik, score, info, climbed = _climb(table, beta, step, loglik, efron)
        if size <= STEP_TOLERANCE and climbed:
            code = OK
            break
        previous = size
    if abs(beta) * sd > LARGEST_SCALED_BETA and code != SEPARATION:
        code = NEAR_SEPARATION
    return beta, info, code


@njit(cache=True)
def hazards(table, beta, efron):
    """Return cumulative hazards from the earliest event time on, a row per event time (and one of zeros).

    Columns: sum h, sum h xbar; the Efron parts f h, f h xbar given back to those dying there; mean xbar.
    """
    m = table.shape[0]
    risk0, risk1 = relative_risks(beta)
    hazard = np.zeros((m + 1, 5))
    for g in range(m - 1, -1, -1):
        hazard[g, 0] = hazard[g + 1, 0]
        hazard[g, 1] = hazard[g + 1, 1]
        steps = int(table[g, 4]) if efron else 1
        death = (table[g, 1] + table[g, 3]) / steps
        for step in range(steps):
            fraction = step / steps
            weight1 = risk1 * (table[g, 2] - fraction * table[g, 3])
            total = risk0 * (table[g, 0] - fraction * table[g, 1]) + weight1
            share = weight1 / total
            hazard[g, 0] += death / total
            hazard[g, 1] += death * share / total
            hazard[g, 2] += death * fraction / total
            hazard[g, 3] += death * fraction * share / total
            hazard[g, 4] += share / steps
    return hazard


@njit(cache=True)
def score_residual(exposed, dies, g, hazard, risk0, risk1):
    """Score residual of a row of entry ``g``, not yet multiplied by its weight.

    It is also the derivative of the whole weighted score in the row's weight.
    """
    arm = 1.0 if exposed else 0.0
    risk = risk1 if exposed else risk0
    residual = -risk * (arm * hazard[g, 0] - hazard[g, 1])
    if dies:
        residual += arm - hazard[g, 4] + risk * (arm * hazard[g, 2] - hazard[g, 3])
    return residual


@njit(cache=True)
def _meat(event, x, weight, cluster, entry, hazard, beta):
    """Sum over clusters of the squared sum of weighted score residuals."""
    risk0, risk1 = relative_risks(beta)
    sums = np.zeros(np.max(cluster) + 1)
    for i in range(event.shape[0]):
        residual = score_residual(x[i] == 1, event[i] == 1, entry[i], hazard, risk0, risk1)
        sums[cluster[i]] += weight[i] * residual
    meat = 0.0
    for value in sums:
        meat += value * value
    return meat


@njit(cache=True)
def solve(time, event, x, weight, efron):
    """Return risk-set sums, entries, beta, information and code of a fit."""
    table, entry = _collapse(time, event, x, weight)
    if table.shape[0] == 0:
        return table, entry, np.nan, np.nan, TOO_FEW_EVENTS
    first = table[table.shape[0] - 1]
    if first[0] == 0.0 or first[2] == 0.0:
        return table, entry, np.nan, np.nan, CONSTANT
    n = time.shape[0]
    exposed = np.sum(x)
    sd = np.sqrt(exposed * (n - exposed) / (n * (n - 1.0)))
    beta, info, code = maximize_table(table, sd, efron)
    return table, entry, beta, info, code


@njit(cache=True)
def log_ratio(time, event, x):
    """Return the log hazard ratio alone: the estimate of `cox_binary` without weights, by Efron, or NaN."""
    _, _, beta, _, code = solve(time, event, x, np.ones(time.shape[0]), EFRON)
    return beta if code == OK else np.nan


@njit(cache=True)
def cox_binary(time, event, x, weight, cluster, efron):
    """Fit a Cox model of one 0/1 covariate, with the standard error clustered (Lin & Wei 1989).

    Agrees with `survival_multiverse.cox.cox(..., weight=weight, cluster=cluster)`.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked).
    event, x : int64 arrays, shape (n,)
        0 or 1.
    weight : float64 array, shape (n,)
        Not negative; tied deaths share their mean weight.
    cluster : int64 array, shape (n,)
        Codes, 0 to a number of the order of n.
    efron : bool
        Efron's treatment of ties, else Breslow's.

    Returns
    -------
    tuple of (beta, se_model, se_cluster, code)
        Log hazard ratio of x = 1 against 0 and its standard errors, NaN unless the code (the constants of
        `kernels.cox`) is OK.
    """
    table, entry, beta, info, code = solve(time, event, x, weight, efron)
    if code != OK:
        return np.nan, np.nan, np.nan, code
    meat = _meat(event, x, weight, cluster, entry, hazards(table, beta, efron), beta)
    return beta, np.sqrt(1.0 / info), np.sqrt(meat) / info, OK
