"""Small dense linear algebra without BLAS, so that bytes never depend on the number of threads."""

import numpy as np
from numba import njit

PIVOT_TOLERANCE = 1e-14
# Between 1e-6 and 1e-7 the pivots of an information matrix are lost; R's coxph drops a column below 1.3e-6.
ALIAS_TOLERANCE = 1e-6
CONSTANT_TOLERANCE = 1e-12
# 1 - R^2 of a column given the others below which its coefficient is called collinear, not estimated: the
# tolerance of SPSS's regressions, a variance inflated 10,000 times.
LARGEST_INFLATION = 1e4


@njit(cache=True)
def cholesky(matrix):
    """Return the lower Cholesky factor of a symmetric matrix, and whether it is positive definite.

    Parameters
    ----------
    matrix : float64 array, shape (k, k)
        Only the lower triangle is read.

    Returns
    -------
    factor : float64 array, shape (k, k)
        Lower triangular, meaningless when `ok` is False.
    ok : bool
        False when a pivot is not above 1e-14 of its diagonal entry (or is NaN).
    """
    k = matrix.shape[0]
    factor = np.zeros((k, k))
    for i in range(k):
        for j in range(i + 1):
            total = matrix[i, j]
            for m in range(j):
                total -= factor[i, m] * factor[j, m]
            if i > j:
                factor[i, j] = total / factor[j, j]
            elif total > PIVOT_TOLERANCE * matrix[i, i] and total < np.inf:
                factor[i, i] = np.sqrt(total)
            else:
                return factor, False
    return factor, True


@njit(cache=True)
def _substitute(factor, rhs, solution):
    """Solve L L' x = rhs into `solution` by forward and back substitution."""
    k = factor.shape[0]
    for i in range(k):
        total = rhs[i]
        for m in range(i):
            total -= factor[i, m] * solution[m]
        solution[i] = total / factor[i, i]
    for i in range(k - 1, -1, -1):
        total = solution[i]
        for m in range(i + 1, k):
            total -= factor[m, i] * solution[m]
        solution[i] = total / factor[i, i]


@njit(cache=True)
def cholesky_solve(matrix, rhs):
    """Solve `matrix @ x = rhs` for a symmetric positive definite matrix.

    Parameters
    ----------
    matrix : float64 array, shape (k, k)
    rhs : float64 array, shape (k,)

    Returns
    -------
    float64 array, shape (k,)
        All NaN when the matrix is not numerically positive definite.
    """
    factor, ok = cholesky(matrix)
    solution = np.full(rhs.shape[0], np.nan)
    if ok:
        _substitute(factor, rhs, solution)
    return solution


@njit(cache=True)
def invert_spd(matrix):
    """Return the inverse of a symmetric positive definite matrix.

    Parameters
    ----------
    matrix : float64 array, shape (k, k)

    Returns
    -------
    inverse : float64 array, shape (k, k)
        Exactly symmetric; all NaN when `ok` is False.
    ok : bool
    """
    k = matrix.shape[0]
    factor, ok = cholesky(matrix)
    inverse = np.full((k, k), np.nan)
    if not ok:
        return inverse, False
    unit = np.zeros(k)
    column = np.empty(k)
    for j in range(k):
        unit[:] = 0.0
        unit[j] = 1.0
        _substitute(factor, unit, column)
        for i in range(j, k):
            inverse[i, j] = column[i]
            inverse[j, i] = column[i]
    return inverse, True


@njit(cache=True)
def collinear_columns(info):
    """Return which columns' coefficients the others all but determine, judged by the information.

    Parameters
    ----------
    info : float64 array, shape (k, k)
        Information matrix, or any symmetric matrix whose inverse is a covariance.

    Returns
    -------
    bool array, shape (k,)
        True where the variance is above 10,000 times what it would be if the other coefficients were known
        (the generalised variance inflation, info[j, j] * inverse[j, j]); all True where `info` is singular.
    """
    inverse, ok = invert_spd(info)
    if not ok:
        return np.ones(info.shape[0], dtype=np.bool_)
    return inflated(info, inverse)


@njit(cache=True)
def inflated(info, inverse):
    """Return `collinear_columns` of a matrix whose inverse is known."""
    found = np.zeros(info.shape[0], dtype=np.bool_)
    for j in range(info.shape[0]):
        found[j] = info[j, j] * inverse[j, j] > LARGEST_INFLATION
    return found


@njit(cache=True)
def _center_and_scale(values):
    """Centre a column and scale it to SD 1 (divisor n) in place; False when it is constant."""
    n = values.shape[0]
    origin = values[0]
    largest = 0.0
    mean = 0.0
    for i in range(n):
        largest = max(largest, abs(values[i]))
        # Differences from the first value keep a constant column exactly constant.
        values[i] -= origin
        mean += values[i]
    mean /= n
    square = 0.0
    for i in range(n):
        values[i] -= mean
        square += values[i] * values[i]
    sd = np.sqrt(square / n)
    if not sd > CONSTANT_TOLERANCE * largest:
        return False
    for i in range(n):
        values[i] /= sd
    return True


@njit(cache=True)
def _project_out(values, basis, rank):
    """Remove from `values` its components along the first `rank` rows (SD 1) of `basis`, in place."""
    n = values.shape[0]
    for b in range(rank):
        product = 0.0
        for i in range(n):
            product += values[i] * basis[b, i]
        product /= n
        for i in range(n):
            values[i] -= product * basis[b, i]


@njit(cache=True)
def independent_columns(X):
    """Return which columns carry information of their own, judged in order.

    A column is kept when it is neither constant nor a linear combination of an intercept and the
    columns kept before it: after modified Gram-Schmidt (twice, against cancellation) on columns
    scaled to SD 1, the SD of what is left must exceed 1e-6.

    Parameters
    ----------
    X : float64 array, shape (n, k)

    Returns
    -------
    bool array, shape (k,)
    """
    n, k = X.shape
    kept = np.zeros(k, dtype=np.bool_)
    if n == 0:
        return kept
    # Transposed, so that every pass over a column reads contiguous memory.
    basis = np.empty((k, n))
    rank = 0
    for j in range(k):
        column = basis[rank]
        for i in range(n):
            column[i] = X[i, j]
        if not _center_and_scale(column):
            continue
        _project_out(column, basis, rank)
        _project_out(column, basis, rank)
        square = 0.0
        for i in range(n):
            square += column[i] * column[i]
        sd = np.sqrt(square / n)
        if sd > ALIAS_TOLERANCE:
            for i in range(n):
                column[i] /= sd
            kept[j] = True
            rank += 1
    return kept
