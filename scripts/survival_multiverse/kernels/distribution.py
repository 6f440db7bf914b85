"""Mean, standard deviation and quartiles of a column in one arm."""

import math

import numpy as np
from numba import njit


@njit(cache=True)
def type_7(ordered, probability):
    """Return the linearly interpolated quantile of ascending values (Hyndman and Fan 1996, type 7)."""
    position = probability * (ordered.size - 1)
    below = int(position)
    above = min(below + 1, ordered.size - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


@njit(cache=True)
def distribution(column, arm, which):
    """Return number, mean, SD (n - 1) and quartiles of one arm's known values; NaN where undefined."""
    known = np.empty(column.size)
    n = 0
    for i in range(column.size):
        if arm[i] == which and not np.isnan(column[i]):
            known[n] = column[i]
            n += 1
    if n == 0:
        return 0, np.nan, np.nan, np.nan, np.nan, np.nan
    ordered = np.sort(known[:n])
    mean = np.sum(ordered) / n
    squares = 0.0
    for value in ordered:
        squares += (value - mean) ** 2
    deviation = math.sqrt(squares / (n - 1)) if n > 1 else np.nan
    return n, mean, deviation, type_7(ordered, 0.25), type_7(ordered, 0.5), type_7(ordered, 0.75)
