"""Compiled: which Kaplan-Meier rates of a whole are possible, given those of its two levels.

Between two printed times each level loses its patients one by one. How its rate falls allows only some orders
of deaths and censorings; how the orders of both levels run into each other bounds the rate of the whole.
"""

import math

import numpy as np
from numba import njit


@njit(cache=True)
def event_orders(at_risk, censored, lowest, highest, most):
    """Find the orders in which a level may lose patients so that its survival falls to a share within limits.

    Returns
    -------
    tuple
        Length of each order, and its deaths as bits (the first to leave lowest), shape (orders,) each;
        whether these are all, not the first `most`. No order holds more than `censored` censorings.
    """
    lengths, deaths = np.zeros(most, np.int64), np.zeros(most, np.int64)
    found = 0
    # Depth first: order so far, and its survival, by length.
    bits, survival, spent = (
        np.zeros(at_risk + 1, np.int64),
        np.ones(at_risk + 1),
        np.zeros(at_risk + 1, np.int64),
    )
    tried = np.zeros(at_risk + 1, np.int64)
    length = 0
    while length >= 0:
        if tried[length] == 0 and lowest <= survival[length] <= highest:
            if found == most:
                return lengths, deaths, False
            lengths[found], deaths[found] = length, bits[length]
            found += 1
        step = tried[length]
        if step == 2 or length == at_risk:
            tried[length] = 0
            length -= 1
            continue
        tried[length] += 1
        after = survival[length] * (1.0 - (1 - step) / (at_risk - length))
        if after < lowest or spent[length] + step > censored:
            continue
        bits[length + 1] = bits[length] | ((1 - step) << length)
        survival[length + 1], spent[length + 1] = after, spent[length] + step
        length += 1
    return lengths[:found], deaths[:found], True


@njit(cache=True)
def log_step(deaths, place, at_risk):
    """Change of the log of survival where the patient at a place of an order leaves."""
    if (deaths >> place) & 1 == 0:
        return 0.0
    return math.log(1.0 - 1.0 / at_risk) if at_risk > 1 else -np.inf


@njit(cache=True)
def whole_range(first, second, at_risk, censored):
    """Return the lowest and highest share to which survival of both levels can fall; none: (inf, 0).

    Parameters
    ----------
    first, second
        (lengths, deaths) of `event_orders` of each level.
    at_risk
        Patients of each level at the start, shape (2,).
    censored
        Most who are censored, both levels together.
    """
    lowest, highest = np.inf, -np.inf
    together = at_risk[0] + at_risk[1]
    low, high = np.zeros((at_risk[0] + 1, at_risk[1] + 1)), np.zeros((at_risk[0] + 1, at_risk[1] + 1))
    for one in range(first[0].size):
        for other in range(second[0].size):
            a, b = first[0][one], second[0][other]
            x, y = first[1][one], second[1][other]
            if a + b - ones(x) - ones(y) > censored:
                continue
            for i in range(a + 1):
                for j in range(b + 1):
                    if i + j == 0:
                        continue
                    low[i, j], high[i, j] = np.inf, -np.inf
                    left = together - (i + j - 1)
                    if i > 0:
                        step = log_step(x, i - 1, left)
                        low[i, j], high[i, j] = low[i - 1, j] + step, high[i - 1, j] + step
                    if j > 0:
                        step = log_step(y, j - 1, left)
                        low[i, j] = min(low[i, j], low[i, j - 1] + step)
                        high[i, j] = max(high[i, j], high[i, j - 1] + step)
            lowest, highest = min(lowest, low[a, b]), max(highest, high[a, b])
    return math.exp(lowest), math.exp(highest)


@njit(cache=True)
def ones(bits):
    """Count the bits that are set."""
    count = 0
    while bits:
        bits &= bits - 1
        count += 1
    return count
