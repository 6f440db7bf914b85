"""Comparison of measured values with declared limits, the same for every limit of the study."""

import math

from numba import njit

# Sums of decimal fractions miss their decimal by a few units in the last place (35 x 1.8 added up is
# 62.99999999999996), about 1e-15 relative, and nothing in a cohort is measured to nine digits. Ties of times
# have a tolerance of their own (`curves.timefix`), which is R's.
LIMIT_TOLERANCE = 1e-9


@njit(cache=True)
def lowest_of(limit):
    """Return the least value that counts as `limit`: who has it, or more, is at or above the limit."""
    return limit if math.isinf(limit) else limit - LIMIT_TOLERANCE * abs(limit)


@njit(cache=True)
def highest_of(limit):
    """Return the greatest value that counts as `limit`: who has it, or less, is at or below the limit."""
    return limit if math.isinf(limit) else limit + LIMIT_TOLERANCE * abs(limit)
