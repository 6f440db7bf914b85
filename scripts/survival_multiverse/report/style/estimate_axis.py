"""Axes of estimates: logarithmic with ticks at plain numbers for ratios, linear for differences."""

import numpy as np
import pandas as pd

from survival_multiverse.inference.specification_summary import estimated
from survival_multiverse.settings.measures import Measure

RATIO_TICKS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 30, 100)
FINE_TICKS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.6, 2, 2.5, 3)
ROOM = 0.04
"""Share of a linear axis that is left free at either end."""


def ratio_ticks(limits: tuple[float, float]) -> list[float]:
    """Return ticks within the limits of a hazard-ratio axis; finer ones if few of the usual are left."""
    for ticks in (RATIO_TICKS, FINE_TICKS):
        shown = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
        if len(shown) > 3:
            break
    return shown


def estimate_limits(specifications: pd.DataFrame, measure: Measure) -> tuple[float, float]:
    """Return the limits of an axis: every estimate, all but the widest intervals, and no difference.

    Parameters
    ----------
    specifications
        Rows with status, estimate, ci_lower and ci_upper, all of the measure.
    measure
        Its ratios are put on a logarithmic axis.

    Returns
    -------
    tuple of float
    """
    usable = estimated(specifications)
    if usable.empty:
        return (0.5, 2.0) if measure.ratio else (-1.0, 1.0)
    values = usable["estimate"].to_numpy(dtype=np.float64)
    lower = np.nanquantile(usable["ci_lower"].to_numpy(dtype=np.float64), 0.02)
    upper = np.nanquantile(usable["ci_upper"].to_numpy(dtype=np.float64), 0.98)
    low, high = min(values.min(), lower), max(values.max(), upper)
    if measure.ratio:
        low, high = min(low, 0.8), max(high, 1.25)
        return max(low, 1e-3) / 1.06, min(high, 1e3) * 1.06
    low, high = min(low, measure.null), max(high, measure.null)
    room = ROOM * (high - low) or 1.0
    return low - room, high + room
