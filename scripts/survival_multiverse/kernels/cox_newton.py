"""Compiled Cox partial likelihood for Newton's method: rows sorted by (stratum, time), covariate patterns.

What depends on the covariates alone is kept once for each pattern (see `patterns`), and second moments of
the risk sets are summed the other way round: the sum over event times of S2 / S0 is the sum over patients of
their own risk * x x' times the hazard they have lived through. An iteration costs O(n k + (events + patterns)
k^2).
"""

import numpy as np
from numba import njit

# Below this the square of its inverse overflows.
SMALLEST_RISK = 1e-150


@njit(cache=True)
def risk_blocks(time, event, weight, stratum):
    """Blocks of tied rows, latest first within each stratum, the last stratum first.

    Returns
    -------
    tuple
        First row of each block, the row behind its last, its deaths, their weight, and whether it is the
        latest of its stratum; shape (blocks,) each.
    """
    n = time.shape[0]
    first = np.empty(n, dtype=np.int64)
    behind = np.empty(n, dtype=np.int64)
    deaths = np.zeros(n, dtype=np.int64)
    dead_weight = np.zeros(n)
    latest = np.zeros(n, dtype=np.bool_)
    count = 0
    i = n - 1
    while i >= 0:
        behind[count] = i + 1
        latest[count] = i == n - 1 or stratum[i + 1] != stratum[i]
        while True:
            if event[i] == 1:
                deaths[count] += 1
                dead_weight[count] += weight[i]
            if i == 0 or time[i - 1] != time[i] or stratum[i - 1] != stratum[i]:
                break
            i -= 1
        first[count] = i
        count += 1
        i -= 1
    return first[:count], behind[:count], deaths[:count], dead_weight[:count], latest[:count]


@njit(cache=True)
def weighted_risks(Z, beta, risk, moment):
    """Fill risk = exp(Z beta), divided by its largest, and moment = risk * Z; return the largest Z beta."""
    p, k = Z.shape
    largest = -np.inf
    for a in range(p):
        total = 0.0
        for j in range(k):
            total += Z[a, j] * beta[j]
        risk[a] = total
        largest = max(largest, total)
    for a in range(p):
        risk[a] = np.exp(risk[a] - largest)
        for j in range(k):
            moment[a, j] = risk[a] * Z[a, j]
    return largest


@njit(cache=True, inline="always")
def event_time(s0, s1, d0, d1, deaths, share, efron, score, info):
    """One event time: its terms of score and -S1 S1' / S0^2 of the information (lower triangle).

    ``s0, s1`` are the sums over the risk set, ``d0, d1`` those over the dying, ``share`` a death's weight.
    Returns the log denominators, the hazard, and the part of it that the dying are already out of.
    """
    k = s1.shape[0]
    steps = deaths if efron else 1
    hazard = lag = whole = cross = dying = log_denominator = 0.0
    product = 1.0
    if not s0 > SMALLEST_RISK:
        return np.inf, 0.0, 0.0
    # Divisions are what an event time costs: one for each death.
    per_step, scaling = 1.0 / steps, 1.0 / s0
    for step in range(steps):
        fraction = step * per_step
        denominator = s0 - fraction * d0
        if not denominator > SMALLEST_RISK:
            return np.inf, 0.0, 0.0
        # A product of ratios near 1: one logarithm for many of them.
        product *= denominator * scaling
        if product < 1e-200:
            log_denominator += np.log(product)
            product = 1.0
        inverse = 1.0 / denominator
        hazard += inverse
        lag += fraction * inverse
        whole += inverse * inverse
        cross += fraction * inverse * inverse
        dying += fraction * fraction * inverse * inverse
    if product != 1.0:
        log_denominator += np.log(product)
    log_denominator += steps * np.log(s0)
    for a in range(k):
        score[a] -= share * (hazard * s1[a] - lag * d1[a])
        left, right = whole * s1[a] - cross * d1[a], dying * d1[a] - cross * s1[a]
        for b in range(a + 1):
            info[a, b] -= share * (left * s1[b] + right * d1[b])
    return share * log_denominator, share * hazard, share * lag


@njit(cache=True, inline="always")
def absorb_block(first, behind, event, weight, pattern, risk, moment, tied, s1, d1):
    """Add a block's rows to ``s1``, fill ``d1`` with those of its dying; return both sums of the risks.

    Only deaths that are ``tied`` need the sums over the dying; else they stay 0.
    """
    k = s1.shape[0]
    d1[:] = 0.0
    added = d0 = 0.0
    for i in range(first, behind):
        a = pattern[i]
        added += weight[i] * risk[a]
        for j in range(k):
            s1[j] += weight[i] * moment[a, j]
        if tied and event[i] == 1:
            d0 += weight[i] * risk[a]
            for j in range(k):
                d1[j] += weight[i] * moment[a, j]
    return added, d0


@njit(cache=True)
def sum_of_dying(event, weight, pattern, Z):
    """Weighted sum of the covariates of the dying, shape (k,)."""
    total = np.zeros(Z.shape[1])
    for i in range(event.shape[0]):
        if event[i] == 1:
            for j in range(Z.shape[1]):
                total[j] += weight[i] * Z[pattern[i], j]
    return total


@njit(cache=True)
def partial_likelihood(blocks, event, weight, pattern, Z, dead_sum, beta, efron, score, info):
    """Log partial likelihood at beta; fills ``score`` (k,) and ``info`` (k, k). -inf when not computable.

    ``blocks`` is `risk_blocks`; ``pattern`` (n,) the row of ``Z`` (patterns, k) that each patient has;
    ``dead_sum`` (k,) the weighted sum of the covariates of the dying.
    """
    first, behind, deaths, dead_weight, latest = blocks
    p, k = Z.shape
    risk, moment, lived = np.empty(p), np.empty((p, k)), np.zeros(p)
    largest = weighted_risks(Z, beta, risk, moment)
    hazard, lag = np.zeros(first.shape[0]), np.zeros(first.shape[0])
    s1, d1 = np.zeros(k), np.zeros(k)
    s0 = 0.0
    score[:] = dead_sum
    info[:, :] = 0.0
    loglik = 0.0
    for j in range(k):
        loglik += dead_sum[j] * beta[j]
    for block in range(first.shape[0]):
        if latest[block]:
            s0 = 0.0
            s1[:] = 0.0
        tied = efron and deaths[block] > 1
        added, d0 = absorb_block(
            first[block], behind[block], event, weight, pattern, risk, moment, tied, s1, d1
        )
        s0 += added
        # Deaths of weight 0 say nothing, and may stand alone in a risk set of weight 0.
        if deaths[block] > 0 and dead_weight[block] > 0.0:
            share = dead_weight[block] / (deaths[block] if efron else 1)
            log_denominator, hazard[block], lag[block] = event_time(
                s0, s1, d0, d1, deaths[block], share, efron, score, info
            )
            loglik -= log_denominator + dead_weight[block] * largest
    add_lived(blocks, event, weight, pattern, hazard, lag, lived)
    add_second_moments(lived, moment, Z, info)
    return loglik


@njit(cache=True)
def add_second_moments(lived, moment, Z, info):
    """Add the sum of lived hazard * risk * x x' to ``info`` and fill its upper triangle."""
    p, k = Z.shape
    for a in range(p):
        for j in range(k):
            for m in range(j + 1):
                info[j, m] += lived[a] * moment[a, j] * Z[a, m]
    for j in range(k):
        for m in range(j):
            info[m, j] = info[j, m]


@njit(cache=True)
def add_lived(blocks, event, weight, pattern, hazard, lag, lived):
    """Add to ``lived`` (patterns,) the weighted hazard that the patients of each have lived through."""
    first, behind, _, _, latest = blocks
    cumulative = 0.0
    for block in range(first.shape[0] - 1, -1, -1):
        cumulative += hazard[block]
        for i in range(first[block], behind[block]):
            through = cumulative - lag[block] if event[i] == 1 else cumulative
            lived[pattern[i]] += weight[i] * through
        if latest[block]:
            cumulative = 0.0
