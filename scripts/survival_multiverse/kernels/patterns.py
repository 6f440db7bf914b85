"""Patients alike in every column: what depends on the columns alone is computed once for all of them."""

import numpy as np
from numba import njit

PRIME, SHIFT = np.uint64(0x9E3779B97F4A7C15), np.uint64(32)


@njit(cache=True)
def row_patterns(X):
    """Return the number of each row's pattern, shape (n,), and each pattern's first row, shape (patterns,).

    Patterns are numbered as they first occur; X is C-contiguous float64. A hash table with open addressing,
    twice the size of the rows or more: O(n k).
    """
    n, k = X.shape
    bits = X.view(np.uint64)
    size = 16
    while size < 2 * n:
        size *= 2
    table = np.full(size, -1, dtype=np.int64)
    mask = np.uint64(size - 1)
    pattern = np.empty(n, dtype=np.int64)
    first = np.empty(n, dtype=np.int64)
    count = 0
    for i in range(n):
        # Products of different columns run in parallel; the upper bits of a number distinguish it.
        # Powers, because among multiples of one factor dichotomies collide: 1 + 7 = 3 + 5.
        code = np.uint64(0)
        factor = PRIME
        for j in range(k):
            code += (bits[i, j] ^ (bits[i, j] >> SHIFT)) * factor
            factor *= PRIME
        code = (code ^ (code >> SHIFT)) * PRIME
        slot = (code >> SHIFT) & mask
        while True:
            known = table[slot]
            if known < 0:
                table[slot] = count
                first[count] = i
                pattern[i] = count
                count += 1
                break
            difference = np.uint64(0)
            for j in range(k):
                difference |= bits[first[known], j] ^ bits[i, j]
            if difference == 0:
                pattern[i] = known
                break
            slot = (slot + np.uint64(1)) & mask
    return pattern, first[:count]
