"""Restricted cubic splines."""

from collections.abc import Sequence

import numpy as np

SPLINE_QUANTILES = (0.1, 0.5, 0.9)
FEWEST_VALUES = 4


def quantile_knots(values: np.ndarray) -> tuple[float, ...]:
    """Return three knots at the 10, 50 and 90 % quantiles [1]_.

    Parameters
    ----------
    values
        A continuous variable, shape (n,), no gaps.

    Returns
    -------
    tuple of float
        None where two of them coincide or there are fewer than four values: too heaped, or constant.

    References
    ----------
    .. [1] Harrell FE. Regression Modeling Strategies. 2nd ed. New York: Springer; 2015. Section 2.4.6.
    """
    if np.unique(values).size < FEWEST_VALUES:
        return ()
    knots = np.quantile(values, SPLINE_QUANTILES)
    return tuple(knots.tolist()) if np.unique(knots).size == len(SPLINE_QUANTILES) else ()


def restricted_cubic_spline(values: np.ndarray, knots: Sequence[float] | np.ndarray) -> np.ndarray:
    """Return the columns of a restricted cubic spline: linear, then one that bends for each inner knot [1]_.

    Parameters
    ----------
    values
        A continuous variable, shape (n,).
    knots
        Three or more, ascending, in the unit of the variable; the curve is straight beyond the outer two.

    Returns
    -------
    np.ndarray
        Shape (n, knots - 1).

    References
    ----------
    .. [1] Harrell FE. Regression Modeling Strategies. 2nd ed. New York: Springer; 2015. Section 2.4.5.
    """
    first, *_, last_but_one, last = knots
    width = last - last_but_one

    def cubed(at: float) -> np.ndarray:
        return np.maximum(values - at, 0.0) ** 3

    bends = [
        cubed(knot)
        - cubed(last_but_one) * (last - knot) / width
        + cubed(last) * (last_but_one - knot) / width
        for knot in knots[:-2]
    ]
    return np.column_stack([values, *(bend / (last - first) ** 2 for bend in bends)])
