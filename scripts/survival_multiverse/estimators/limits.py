"""Limits of the settings against measured values: dose, volume, count, cuts, eligibility, landmarks, times.

Every comparison of a value with a limit goes through these two functions (or, in compiled loops, through
`kernels.limits`), so that rounding decides nothing: a dose of 35 fractions of 1.8 Gy is 63 Gy.
"""

import numpy as np
import numpy.typing as npt

from survival_multiverse.kernels.limits import LIMIT_TOLERANCE, highest_of, lowest_of

__all__ = ["LIMIT_TOLERANCE", "at_least", "at_most", "merge_rounded"]


def at_least(values: npt.ArrayLike, limit: float) -> np.ndarray:
    """Return the mask of the values at or above a limit, to 1e-9 relative; NaN is not.

    Parameters
    ----------
    values : array_like
        Of any shape and unit.
    limit : float
        In the same unit.

    Returns
    -------
    np.ndarray
        Mask of the shape of `values`.
    """
    return np.asarray(values, dtype=np.float64) >= lowest_of(float(limit))


def at_most(values: npt.ArrayLike, limit: float) -> np.ndarray:
    """Return the mask of the values at or below a limit, to 1e-9 relative; NaN is not.

    Parameters
    ----------
    values : array_like
        Of any shape and unit.
    limit : float
        In the same unit.

    Returns
    -------
    np.ndarray
        Mask of the shape of `values`.
    """
    return np.asarray(values, dtype=np.float64) <= highest_of(float(limit))


def merge_rounded(values: np.ndarray) -> np.ndarray:
    """Return the values, those that differ by rounding only as the one with the shortest decimal text.

    Where values are themselves the limits, 63 and 35 fractions of 1.8 added up are one cutoff and not two.

    Parameters
    ----------
    values : float array, shape (n,)
        No NaN.

    Returns
    -------
    np.ndarray
        Shape (n,).
    """
    distinct = np.unique(values)
    starts = np.flatnonzero(
        np.r_[True, distinct[1:] > distinct[:-1] + LIMIT_TOLERANCE * np.abs(distinct[:-1])]
    )
    if not len(starts) < len(distinct):
        return values
    groups = np.split(distinct, starts[1:])
    named = np.array([min(group.tolist(), key=lambda value: len(repr(value))) for group in groups])
    return named[np.searchsorted(distinct[starts], values, side="right") - 1]
