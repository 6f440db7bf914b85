"""Sample quantiles: of one small vector without the overhead of the general routine, and with gaps."""

from collections.abc import Sequence

import numpy as np


def quantiles(values: np.ndarray, probabilities: Sequence[float]) -> list[float]:
    """Return linearly interpolated quantiles (type 7 of [1]_: the default of R and numpy).

    Parameters
    ----------
    values : float array, shape (n,)
        In any order and unit.
    probabilities : sequence of float, shape (q,)
        Between 0 and 1.

    Returns
    -------
    list of float
        One per probability, in the unit of the values.

    Raises
    ------
    ValueError
        If there are no values.

    References
    ----------
    .. [1] Hyndman RJ, Fan Y. Sample quantiles in statistical packages. The American Statistician
       1996;50:361–365.
    """
    if not values.size:
        raise ValueError("no values, no quantiles")
    ordered = np.sort(values)
    result = []
    for probability in probabilities:
        position = probability * (ordered.size - 1)
        below = int(position)
        above = min(below + 1, ordered.size - 1)
        low, high = float(ordered[below]), float(ordered[above])
        result.append(low + (high - low) * (position - below))
    return result


def known_median(values: np.ndarray) -> np.ndarray:
    """Median over the last axis without the gaps (NaN); NaN where all are gaps."""
    # Gaps are sorted to the end.
    ordered = np.sort(values, axis=-1)
    if ordered.ndim == 1:
        # Summaries of blocks ask for very many of one vector.
        known = ordered.size - int(np.count_nonzero(np.isnan(ordered)))
        return np.asarray((ordered[(known - 1) // 2] + ordered[known // 2]) / 2 if known else np.nan)
    if not values.shape[-1]:
        return np.full(values.shape[:-1], np.nan)
    count = np.count_nonzero(~np.isnan(values), axis=-1)[..., None]
    low = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-1)
    high = np.take_along_axis(ordered, np.minimum(count // 2, values.shape[-1] - 1), axis=-1)
    return ((low + high) / 2)[..., 0]
