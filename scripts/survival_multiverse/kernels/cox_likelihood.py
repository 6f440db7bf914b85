"""Compiled sums over the risk sets of a Cox model: rows sorted by (stratum, time), one backward pass.

Running sums over the risk set are kept in one flat vector of "moments": the sum of the risks w exp(eta),
then the k sums of risk * x, then the lower triangle (row by row) of the sums of risk * x x'.
"""

import numpy as np
from numba import njit

from survival_multiverse.kernels.linear import independent_columns

SORTED, UNSORTED, BAD_TIME, BAD_EVENT, BAD_COVARIATE, BAD_WEIGHT = 0, 1, 2, 3, 4, 5


@njit(cache=True)
def check_rows(time, event, X, weight, stratum):
    """Return the code of the first fault in the rows, else whether they are sorted by (stratum, time)."""
    n, k = X.shape
    code = SORTED
    for i in range(n):
        if not np.isfinite(time[i]):
            return BAD_TIME
        if event[i] != 0 and event[i] != 1:
            return BAD_EVENT
        if not (weight[i] >= 0.0 and weight[i] < np.inf):
            return BAD_WEIGHT
        for j in range(k):
            if not np.isfinite(X[i, j]):
                return BAD_COVARIATE
        if i > 0 and (
            stratum[i] < stratum[i - 1] or (stratum[i] == stratum[i - 1] and time[i] < time[i - 1])
        ):
            code = UNSORTED
    return code


@njit(cache=True)
def identifiable_columns(time, event, X, stratum):
    """Find columns that the partial likelihood can separate: independent within strata, in rows ever at risk.

    The first risk set of a stratum contains all later ones, so a combination of columns that is
    constant there never enters the likelihood.
    """
    n, k = X.shape
    at_risk = np.empty((n, k))
    rows = 0
    start = 0
    while start < n:
        end = start
        first = -1
        while end < n and stratum[end] == stratum[start]:
            if first < 0 and event[end] == 1:
                first = end
            end += 1
        if first >= 0:
            # Rows censored at the very time of the first event are still at risk.
            while first > start and time[first - 1] == time[first]:
                first -= 1
            size = end - first
            for j in range(k):
                mean = 0.0
                for i in range(first, end):
                    mean += X[i, j] - X[first, j]
                mean /= size
                for i in range(size):
                    at_risk[rows + i, j] = (X[first + i, j] - X[first, j]) - mean
            rows += size
        start = end
    return independent_columns(at_risk[:rows])


@njit(cache=True)
def identifiable_patterns(time, event, X, pattern, found):
    """Return `identifiable_columns` of one stratum, from its patterns alone: frequencies don't matter."""
    n = time.shape[0]
    start = 0
    while start < n - 1 and event[start] == 0:
        start += 1
    # Rows censored at the very time of the first event are still at risk.
    while start > 0 and time[start - 1] == time[start]:
        start -= 1
    present = np.zeros(found.shape[0], dtype=np.bool_)
    for i in range(start, n):
        present[pattern[i]] = True
    codes = np.nonzero(present)[0]
    at_risk = np.empty((codes.shape[0], X.shape[1]))
    for row in range(codes.shape[0]):
        for j in range(X.shape[1]):
            at_risk[row, j] = X[found[codes[row]], j]
    return independent_columns(at_risk)


@njit(cache=True)
def standardize(X, kept):
    """Return the kept columns centred and scaled to SD 1 (divisor n - 1), their means and their SDs."""
    n, k = X.shape
    p = np.sum(kept)
    Z = np.empty((n, p))
    center = np.zeros(p)
    scale = np.zeros(p)
    column = 0
    for j in range(k):
        if not kept[j]:
            continue
        mean = 0.0
        for i in range(n):
            mean += X[i, j]
        mean /= n
        square = 0.0
        for i in range(n):
            Z[i, column] = X[i, j] - mean
            square += Z[i, column] * Z[i, column]
        center[column] = mean
        scale[column] = np.sqrt(square / (n - 1))
        for i in range(n):
            Z[i, column] /= scale[column]
        column += 1
    return Z, center, scale


@njit(cache=True)
def linear_predictor(Z, beta):
    """Return Z @ beta less its maximum, so that its exponential cannot overflow."""
    n, k = Z.shape
    eta = np.empty(n)
    largest = -np.inf
    for i in range(n):
        total = 0.0
        for j in range(k):
            total += Z[i, j] * beta[j]
        eta[i] = total
        largest = max(largest, total)
    for i in range(n):
        eta[i] -= largest
    return eta


@njit(cache=True, inline="always")
def absorb_ties(i, time, event, Z, weight, stratum, eta, moments, dead, score):
    """Move the block of tied rows that ends at row i into the risk set.

    Adds to `moments` (all rows), `dead` (the dying) and `score` (weight * x of the dying), in place.
    Returns the row before the block, the number of deaths, their weight and weight * eta.
    """
    k = Z.shape[1]
    block_time = time[i]
    block_stratum = stratum[i]
    deaths = 0
    dead_weight = 0.0
    dead_eta = 0.0
    while i >= 0 and time[i] == block_time and stratum[i] == block_stratum:
        risk = weight[i] * np.exp(eta[i])
        dies = event[i] == 1
        if dies:
            deaths += 1
            dead_weight += weight[i]
            dead_eta += weight[i] * eta[i]
            dead[0] += risk
        moments[0] += risk
        position = 1 + k
        for a in range(k):
            first = risk * Z[i, a]
            moments[1 + a] += first
            for b in range(a + 1):
                moments[position + b] += first * Z[i, b]
            if dies:
                score[a] += weight[i] * Z[i, a]
                dead[1 + a] += first
                for b in range(a + 1):
                    dead[position + b] += first * Z[i, b]
            position += a + 1
        i -= 1
    return i, deaths, dead_weight, dead_eta


@njit(cache=True, inline="always")
def add_event_time(moments, dead, deaths, dead_weight, efron, score, info):
    """Return log denominators of one event time; add its terms to `score` and `info` (lower triangle)."""
    k = score.shape[0]
    steps = deaths if efron else 1
    share = dead_weight / steps
    log_denominator = 0.0
    for step in range(steps):
        fraction = step / steps
        denominator = moments[0] - fraction * dead[0]
        if not denominator > 0.0:
            return np.inf
        log_denominator += share * np.log(denominator)
        scaling = 1.0 / denominator
        position = 1 + k
        for a in range(k):
            mean_a = (moments[1 + a] - fraction * dead[1 + a]) * scaling
            score[a] -= share * mean_a
            for b in range(a + 1):
                mean_b = (moments[1 + b] - fraction * dead[1 + b]) * scaling
                second = (moments[position + b] - fraction * dead[position + b]) * scaling
                info[a, b] += share * (second - mean_a * mean_b)
            position += a + 1
    return log_denominator


@njit(cache=True)
def standardize_patterns(X, pattern, found, kept):
    """Return the patterns' kept columns, centred and scaled to SD 1 over all rows, and the SDs."""
    n = X.shape[0]
    p = np.sum(kept)
    count = np.zeros(found.shape[0])
    for code in pattern:
        count[code] += 1.0
    Z = np.empty((found.shape[0], p))
    scale = np.zeros(p)
    column = 0
    for j in range(X.shape[1]):
        if not kept[j]:
            continue
        mean = 0.0
        for code in range(found.shape[0]):
            mean += count[code] * X[found[code], j]
        mean /= n
        square = 0.0
        for code in range(found.shape[0]):
            Z[code, column] = X[found[code], j] - mean
            square += count[code] * Z[code, column] * Z[code, column]
        scale[column] = np.sqrt(square / (n - 1))
        for code in range(found.shape[0]):
            Z[code, column] /= scale[column]
        column += 1
    return Z, scale
