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
# Moments are summed this many at a time, in registers over the rows of a block.
LANES = 4


@njit(cache=True)
def risk_blocks(time, event, weight, pattern, stratum):
    """Blocks of tied rows, latest first within each stratum, the last stratum first.

    Returns
    -------
    tuple
        Where the rows of each block end, its deaths, their weight, and whether it is the latest of its
        stratum, shape (blocks,) each; the patterns and weights of the rows, block by block, the dying
        first, shape (n,) each.
    """
    n = time.shape[0]
    ends = np.empty(n, dtype=np.int64)
    deaths = np.zeros(n, dtype=np.int64)
    dead_weight = np.zeros(n)
    latest = np.zeros(n, dtype=np.bool_)
    patterns, weights = np.empty(n, dtype=np.int64), np.empty(n)
    count = 0
    i = n - 1
    while i >= 0:
        latest[count] = i == n - 1 or stratum[i + 1] != stratum[i]
        behind = i + 1
        while i > 0 and time[i - 1] == time[i] and stratum[i - 1] == stratum[i]:
            i -= 1
        dying = n - behind
        for row in range(i, behind):
            deaths[count] += event[row]
        alive = dying + deaths[count]
        for row in range(i, behind):
            if event[row] == 1:
                dead_weight[count] += weight[row]
                place, dying = dying, dying + 1
            else:
                place, alive = alive, alive + 1
            patterns[place], weights[place] = pattern[row], weight[row]
        ends[count] = n - i
        count += 1
        i -= 1
    return ends[:count], deaths[:count], dead_weight[:count], latest[:count], patterns, weights


@njit(cache=True)
def weighted_moments(Z, beta, moment):
    """Fill the rows of ``moment`` with risk, risk * Z and zeros; return the largest Z beta.

    risk is exp(Z beta) divided by its largest.
    """
    p, k = Z.shape
    largest = -np.inf
    for a in range(p):
        total = 0.0
        for j in range(k):
            total += Z[a, j] * beta[j]
        moment[a, 0] = total
        largest = max(largest, total)
    for a in range(p):
        risk = np.exp(moment[a, 0] - largest)
        moment[a, 0] = risk
        for j in range(k):
            moment[a, 1 + j] = risk * Z[a, j]
    return largest


@njit(cache=True, inline="always")
def event_time(s, d, deaths, share, efron, score, info):
    """One event time: its terms of score and -S1 S1' / S0^2 of the information (lower triangle).

    ``s`` holds S0 and S1, the sums over the risk set, ``d`` those over the dying, ``share`` a death's weight.
    Returns the log denominators, the hazard, and the part of it that the dying are already out of.
    """
    k = score.shape[0]
    steps = deaths if efron else 1
    hazard = lag = whole = cross = dying = log_denominator = 0.0
    product = 1.0
    s0, d0 = s[0], d[0]
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
        s1, d1 = s[1 + a], d[1 + a]
        score[a] -= share * (hazard * s1 - lag * d1)
        left, right = whole * s1 - cross * d1, dying * d1 - cross * s1
        for b in range(a + 1):
            info[a, b] -= share * (left * s[1 + b] + right * d[1 + b])
    return share * log_denominator, share * hazard, share * lag


@njit(cache=True, inline="always")
def sum_moments(first, behind, patterns, weights, moment, start, sums):
    """Add the weighted moments of rows ``first`` to ``behind`` - 1 to ``sums``, from ``start`` on."""
    s0, s1, s2, s3 = sums[start], sums[start + 1], sums[start + 2], sums[start + 3]
    for i in range(first, behind):
        a, w = patterns[i], weights[i]
        s0 += w * moment[a, start]
        s1 += w * moment[a, start + 1]
        s2 += w * moment[a, start + 2]
        s3 += w * moment[a, start + 3]
    sums[start], sums[start + 1], sums[start + 2], sums[start + 3] = s0, s1, s2, s3


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
def partial_likelihood(blocks, Z, dead_sum, beta, efron, score, info):
    """Log partial likelihood at beta; fills ``score`` (k,) and ``info`` (k, k). -inf when not computable.

    ``blocks`` is `risk_blocks`, whose patterns are the rows of ``Z`` (patterns, k); ``dead_sum`` (k,) the
    weighted sum of the covariates of the dying.
    """
    ends, deaths, dead_weight, latest, patterns, weights = blocks
    p, k = Z.shape
    width = LANES * (k // LANES + 1)
    moment, lived = np.zeros((p, width)), np.zeros(p)
    largest = weighted_moments(Z, beta, moment)
    hazard, lag = np.zeros(ends.shape[0]), np.zeros(ends.shape[0])
    s, d = np.zeros(width), np.zeros(width)
    score[:] = dead_sum
    info[:, :] = 0.0
    loglik = 0.0
    for j in range(k):
        loglik += dead_sum[j] * beta[j]
    first = 0
    for block in range(ends.shape[0]):
        if latest[block]:
            s[:] = 0.0
        d[:] = 0.0
        alive = first + deaths[block]
        for start in range(0, width, LANES):
            sum_moments(first, alive, patterns, weights, moment, start, d)
            sum_moments(alive, ends[block], patterns, weights, moment, start, s)
        for j in range(width):
            s[j] += d[j]
        # Deaths of weight 0 say nothing, and may stand alone in a risk set of weight 0.
        if deaths[block] > 0 and dead_weight[block] > 0.0:
            share = dead_weight[block] / (deaths[block] if efron else 1)
            log_denominator, hazard[block], lag[block] = event_time(
                s, d, deaths[block], share, efron, score, info
            )
            loglik -= log_denominator + dead_weight[block] * largest
        first = ends[block]
    add_lived(blocks, hazard, lag, lived)
    add_second_moments(lived, moment, Z, info)
    return loglik


@njit(cache=True)
def add_second_moments(lived, moment, Z, info):
    """Add the sum of lived hazard * risk * x x' to ``info`` and fill its upper triangle."""
    p, k = Z.shape
    for a in range(p):
        for j in range(k):
            for m in range(j + 1):
                info[j, m] += lived[a] * moment[a, 1 + j] * Z[a, m]
    for j in range(k):
        for m in range(j):
            info[m, j] = info[j, m]


@njit(cache=True)
def add_lived(blocks, hazard, lag, lived):
    """Add to ``lived`` (patterns,) the weighted hazard that the patients of each have lived through."""
    ends, deaths, _, latest, patterns, weights = blocks
    cumulative = 0.0
    for block in range(ends.shape[0] - 1, -1, -1):
        first = ends[block - 1] if block > 0 else 0
        alive = first + deaths[block]
        cumulative += hazard[block]
        through = cumulative - lag[block]
        for i in range(first, alive):
            lived[patterns[i]] += weights[i] * through
        for i in range(alive, ends[block]):
            lived[patterns[i]] += weights[i] * cumulative
        if latest[block]:
            cumulative = 0.0
