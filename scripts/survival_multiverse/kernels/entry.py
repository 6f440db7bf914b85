"""Delayed entry: who has not been under observation yet is in no risk set.

A patient is at risk at t if entry < t <= time, as in R's Surv(entry, time, event). Loops walk back in time:
rows that last until then are added, then those that enter at that time or later are taken away.
"""

import numpy as np
from numba import njit

# Sums over a risk set that fall below this share of what they were are made anew: subtracting leaves the
# rounding of the larger sum behind.
CANCELLED = 1e-4


@njit(cache=True)
def entry_order(entry, stratum):
    """Return the rows in ascending order of (stratum, entry), shape (n,)."""
    order = np.argsort(entry, kind="mergesort")
    return order[np.argsort(stratum[order], kind="mergesort")]


@njit(cache=True)
def change_moments(moments, Z, risk, row, sign):
    """Add (or take away) a row's risk, risk * x and risk * x x' (lower triangle)."""
    k = Z.shape[1]
    moments[0] += sign * risk[row]
    position = 1 + k
    for a in range(k):
        first = sign * risk[row] * Z[row, a]
        moments[1 + a] += first
        for b in range(a + 1):
            moments[position + b] += first * Z[row, b]
        position += a + 1


@njit(cache=True)
def drop_later(rows, Z, risk, first, stop, late, peak, moments):
    """Take the rows that enter at the time of row ``first`` or later out of the sums of the risk set.

    Parameters
    ----------
    rows : tuple
        Times, entries, and `entry_order`, shape (n,) each; rows ascend by (stratum, time).
    first, stop
        The rows of the stratum whose time is not earlier: ``first`` to ``stop`` - 1.
    late
        Place in the order of the last row of the stratum that is still in the sums.
    peak
        The largest sum of risks since the sums were made anew.

    Returns
    -------
    tuple of (late, peak)
    """
    time, entry, order = rows
    now = time[first]
    peak = max(peak, moments[0])
    begin = late
    # It stops within the stratum: who dies now has entered before.
    while entry[order[late]] >= now:
        change_moments(moments, Z, risk, order[late], -1.0)
        late -= 1
    if late < begin and moments[0] < CANCELLED * peak:
        moments[:] = 0.0
        for row in range(first, stop):
            if entry[row] < now:
                change_moments(moments, Z, risk, row, 1.0)
        peak = moments[0]
    return late, peak
