"""Means, standard deviations and distances of covariates between two arms, in one pass over the columns."""

import numpy as np
from numba import njit

BINARY, CONTINUOUS = 0, 1
# Columns of the table that balance_kernel returns, in the order of BalanceTable.
MEAN_0, MEAN_1, SMD, SMD_ATT, VARIANCE_RATIO, KS = range(6)
UNEXPOSED, EXPOSED = np.int64(0), np.int64(1)


@njit(cache=True)
def weighted_moments(x, weight, arm, which):
    """Return (mean, variance) of one arm, missing values and zero weights left out; NaN where undefined.

    Variance is sum w (x - m)^2 * W / (W^2 - sum w^2), W = sum w: the n - 1 variance if weights are equal.
    """
    total = squares = weighted = 0.0
    lowest = np.inf
    highest = -np.inf
    for i in range(x.shape[0]):
        if arm[i] == which and weight[i] > 0.0 and not np.isnan(x[i]):
            lowest = min(lowest, x[i])
            highest = max(highest, x[i])
            total += weight[i]
            squares += weight[i] * weight[i]
            weighted += weight[i] * x[i]
    if total == 0.0:
        return np.nan, np.nan
    freedom = total * total - squares
    # Equal values are recognised as such: a rounded mean would leave a spurious variance of about 1e-34.
    if lowest == highest:
        return lowest, (0.0 if freedom > 0.0 else np.nan)
    mean = weighted / total
    deviation = 0.0
    for i in range(x.shape[0]):
        if arm[i] == which and weight[i] > 0.0 and not np.isnan(x[i]):
            deviation += weight[i] * (x[i] - mean) ** 2
    return mean, (deviation * total / freedom if freedom > 0.0 else np.nan)


@njit(cache=True)
def kolmogorov_smirnov(x, weight, arm):
    """Return the largest distance between the two arms' weighted distribution functions."""
    total = np.zeros(2)
    for i in range(x.shape[0]):
        if not np.isnan(x[i]):
            total[arm[i]] += weight[i]
    if total[0] == 0.0 or total[1] == 0.0:
        return np.nan
    order = np.argsort(x, kind="mergesort")
    reached = np.zeros(2)
    largest = 0.0
    for position in range(x.shape[0]):
        i = order[position]
        # NaN sorts last.
        if np.isnan(x[i]):
            break
        reached[arm[i]] += weight[i]
        last_of_ties = position + 1 == x.shape[0] or x[order[position + 1]] != x[i]
        if last_of_ties:
            largest = max(largest, abs(reached[1] / total[1] - reached[0] / total[0]))
    return largest


@njit(cache=True)
def standardised(difference, magnitude, variance):
    """Return difference / SD; with a zero SD 0 if the means agree, else NaN."""
    if np.isnan(difference) or np.isnan(variance):
        return np.nan
    if variance > 0.0:
        return difference / np.sqrt(variance)
    return 0.0 if abs(difference) <= 1e-12 * magnitude else np.nan


@njit(cache=True)
def balance_kernel(X, kinds, arm, weight, focal_arm):
    """Return (c, 6): see the column constants; denominators from all rows, the rest from the weights."""
    n, c = X.shape
    table = np.full((c, 6), np.nan)
    unit = np.ones(n)
    x = np.empty(n)
    for j in range(c):
        for i in range(n):
            x[i] = X[i, j]
        all_0, var_0 = weighted_moments(x, unit, arm, UNEXPOSED)
        all_1, var_1 = weighted_moments(x, unit, arm, EXPOSED)
        if kinds[j] == BINARY:
            var_0 = all_0 * (1.0 - all_0)
            var_1 = all_1 * (1.0 - all_1)
        mean_0, spread_0 = weighted_moments(x, weight, arm, UNEXPOSED)
        mean_1, spread_1 = weighted_moments(x, weight, arm, EXPOSED)
        magnitude = max(abs(mean_0), abs(mean_1))
        table[j, MEAN_0] = mean_0
        table[j, MEAN_1] = mean_1
        table[j, SMD] = standardised(mean_1 - mean_0, magnitude, (var_0 + var_1) / 2.0)
        table[j, SMD_ATT] = standardised(mean_1 - mean_0, magnitude, var_1 if focal_arm == 1 else var_0)
        if kinds[j] == CONTINUOUS:
            if spread_0 > 0.0:
                table[j, VARIANCE_RATIO] = spread_1 / spread_0
            table[j, KS] = kolmogorov_smirnov(x, weight, arm)
    return table
