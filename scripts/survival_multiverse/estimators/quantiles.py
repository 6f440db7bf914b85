"""Sample quantiles of one small vector, without the overhead of the general routine."""

from collections.abc import Sequence

import numpy as np


def quantiles(values: np.ndarray, probabilities: Sequence[float]) -> list[float]:
    """Linearly interpolated quantiles (Hyndman and Fan 1996, type 7: the default of R and numpy).

    Raises
    ------
    ValueError
        Without values.
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
