"""Compiled Cox partial likelihood for Newton's method: rows sorted by (stratum, time), covariate patterns.

What depends on the covariates alone is kept once for each pattern (see `patterns`), and second moments of
the risk sets are summed in the other order: the sum over event times of S2 / S0 is the sum over patients of
their own risk * x x' times the hazard they have lived through. An iteration costs O(n k + (events + patterns)
k^2).
"""

import numpy as np
from numba import njit

# Below this the square of its inverse overflows.
SMALLEST_RISK = 1e-150
# Moments are summed this many at a time, in registers over all rows: the risk and five covariates.
LANES = 6
# Typed, as Python's callers pass it: a literal True would compile all that it is handed to a second time.
EFRON = np.bool_(True)


@njit(cache=True)
def risk_blocks(time, event, weight, pattern, stratum):
    """Return the blocks of tied rows, latest first within each stratum, the last stratum first.

    Returns
    -------
    tuple
        Where those of each block who live on and where all of it end, shape (2 blocks,); its deaths, their
        weight, and whether it is the latest of its stratum, shape (blocks,) each; the patterns and weights of
        the rows, block by block, the dying last, and the position of their end, shape (n,) each.
    """
    n = time.shape[0]
    ends = np.empty(2 * n, dtype=np.int64)
    deaths, dead_weight = np.empty(n, dtype=np.int64), np.empty(n)
    latest = np.empty(n, dtype=np.bool_)
    patterns, weights, half = np.empty(n, dtype=np.int64), np.empty(n), np.empty(n, dtype=np.int64)
    count = 0
    i = n - 1
    while i >= 0:
        latest[count] = i == n - 1 or stratum[i + 1] != stratum[i]
        behind, died = i + 1, event[i]
        while i > 0 and time[i - 1] == time[i] and stratum[i - 1] == stratum[i]:
            i -= 1
            died += event[i]
        living, dying, died_weight = n - behind, n - i - died, 0.0
        ends[2 * count], ends[2 * count + 1] = dying, n - i
        for row in range(i, behind):
            dies = event[row]
            # A choice, not a branch, which would often be guessed wrong.
            place = dying if dies == 1 else living
            patterns[place], weights[place], half[place] = pattern[row], weight[row], 2 * count + dies
            died_weight += dies * weight[row]
            living += 1 - dies
            dying += dies
        deaths[count], dead_weight[count] = died, died_weight
        count += 1
        i -= 1
    return ends[: 2 * count], deaths[:count], dead_weight[:count], latest[:count], patterns, weights, half


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


@njit(cache=True)
def sum_of_dying(event, weight, pattern, Z):
    """Return the weighted sum of the covariates of the dying, shape (k,)."""
    p, k = Z.shape
    dead = np.zeros(p)
    for i in range(event.shape[0]):
        dead[pattern[i]] += event[i] * weight[i]
    total = np.zeros(k)
    for a in range(p):
        for j in range(k):
            total[j] += dead[a] * Z[a, j]
    return total


@njit(cache=True)
def sum_moments(blocks, moment, start, sums):
    """Fill ``sums`` (ends, moments) from column ``start`` on with the sums of each stratum up to each end."""
    ends, _, _, latest, patterns, weights, _ = blocks
    s0 = s1 = s2 = s3 = s4 = s5 = 0.0
    first = 0
    for block in range(latest.shape[0]):
        if latest[block]:
            s0 = s1 = s2 = s3 = s4 = s5 = 0.0
        for end in range(2 * block, 2 * block + 2):
            for i in range(first, ends[end]):
                a, w = patterns[i], weights[i]
                s0 += w * moment[a, start]
                s1 += w * moment[a, start + 1]
                s2 += w * moment[a, start + 2]
                s3 += w * moment[a, start + 3]
                s4 += w * moment[a, start + 4]
                s5 += w * moment[a, start + 5]
            sums[end, start], sums[end, start + 1], sums[end, start + 2] = s0, s1, s2
            sums[end, start + 3], sums[end, start + 4], sums[end, start + 5] = s3, s4, s5
            first = ends[end]


@njit(cache=True)
def partial_likelihood(blocks, Z, dead_sum, beta, efron, score, info):
    """Return the log partial likelihood, or -inf if not computable; fill ``score`` (k,) and ``info`` (k, k).

    ``blocks`` is `risk_blocks`, whose patterns are the rows of ``Z`` (patterns, k); ``dead_sum`` (k,) the
    weighted sum of the covariates of the dying.
    """
    ends, deaths, dead_weight, _, _, _, _ = blocks
    p, k = Z.shape
    width = LANES * (k // LANES + 1)
    moment, sums = np.zeros((p, width)), np.empty((ends.shape[0], width))
    largest = weighted_moments(Z, beta, moment)
    for start in range(0, width, LANES):
        sum_moments(blocks, moment, start, sums)
    score[:] = dead_sum
    info[:, :] = 0.0
    hazard = np.zeros(ends.shape[0])
    loglik = -np.sum(dead_weight) * largest
    for j in range(k):
        loglik += dead_sum[j] * beta[j]
    loglik -= event_times(deaths, dead_weight, sums, efron, score, info, hazard)
    add_second_moments(hazard_lived(blocks, hazard, p), moment, Z, info)
    return loglik


@njit(cache=True, inline="always")
def tied_deaths(s0, d0, steps, product):
    """Sum over the tied deaths of one time, whose denominators are D = s0 - f d0 with f = 0, 1/steps, ...

    Takes and gives numbers alone: arrays handed on in an inner loop cost more than its arithmetic.

    Returns
    -------
    tuple
        Sums of 1/D, f/D, 1/D^2, f/D^2 and f^2/D^2; ``product`` times each D and what it lost to the sum of
        logarithms, NaN when a denominator is not computable.
    """
    total = lag = whole = cross = dying = logarithm = 0.0
    per_step = 1.0 / steps
    for step in range(steps):
        fraction = step * per_step
        denominator = s0 - fraction * d0
        if not denominator > SMALLEST_RISK:
            return total, lag, whole, cross, dying, product, np.nan
        # A product of risks: one logarithm for many of them.
        product *= denominator
        if not SMALLEST_RISK < product < 1.0 / SMALLEST_RISK:
            logarithm += np.log(product)
            product = 1.0
        inverse = 1.0 / denominator
        out = fraction * inverse
        total += inverse
        lag += out
        whole += inverse * inverse
        cross += out * inverse
        dying += out * out
    return total, lag, whole, cross, dying, product, logarithm


@njit(cache=True)
def event_times(deaths, dead_weight, sums, efron, score, info, hazard):
    """Return log denominators; add to ``score`` and, but for the second moments, ``info`` (lower triangle).

    ``sums`` are those of `sum_moments`. Fills ``hazard`` (2 blocks,) with each event time's hazard and the
    part of it that the dying are already out of. Infinite when not computable.
    """
    k = score.shape[0]
    d = np.zeros(1 + k)
    log_denominators, product, power = 0.0, 1.0, 1.0
    for block in range(deaths.shape[0]):
        # Deaths of weight 0 say nothing, and may stand alone in a risk set of weight 0.
        if not dead_weight[block] > 0.0:
            continue
        at_risk = 2 * block + 1
        for j in range(1 + k):
            d[j] = sums[at_risk, j] - sums[2 * block, j]
        steps = deaths[block] if efron else 1
        share = dead_weight[block] / steps
        if share != power:
            log_denominators += power * np.log(product)
            product, power = 1.0, share
        total, lag, whole, cross, dying, product, logarithm = tied_deaths(
            sums[at_risk, 0], d[0], steps, product
        )
        if np.isnan(logarithm):
            return np.inf
        log_denominators += power * logarithm
        for a in range(k):
            s1, d1 = sums[at_risk, 1 + a], d[1 + a]
            score[a] -= share * (total * s1 - lag * d1)
            left, right = share * (whole * s1 - cross * d1), share * (dying * d1 - cross * s1)
            for b in range(a + 1):
                info[a, b] -= left * sums[at_risk, 1 + b] + right * d[1 + b]
        hazard[2 * block], hazard[2 * block + 1] = share * total, share * lag
    return log_denominators + power * np.log(product)


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
def hazard_lived(blocks, hazard, p):
    """Return the weighted hazard that the patients of each pattern have lived through, shape (p,).

    ``hazard``, as `event_times` fills it, becomes the hazard that the rows up to each end have lived through.
    """
    _, _, _, latest, patterns, weights, half = blocks
    cumulative = 0.0
    for block in range(latest.shape[0] - 1, -1, -1):
        cumulative += hazard[2 * block]
        hazard[2 * block] = cumulative
        hazard[2 * block + 1] = cumulative - hazard[2 * block + 1]
        if latest[block]:
            cumulative = 0.0
    lived = np.zeros(p)
    for i in range(patterns.shape[0]):
        lived[patterns[i]] += weights[i] * hazard[half[i]]
    return lived
