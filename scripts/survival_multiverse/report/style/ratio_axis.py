"""Logarithmic axes for hazard ratios, with ticks at plain numbers."""

import numpy as np
import pandas as pd

from survival_multiverse.inference.specification_summary import estimated

RATIO_TICKS = (0.01, 0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 10, 30, 100)
FINE_TICKS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1, 1.2, 1.4, 1.6, 2, 2.5, 3)


def ratio_ticks(limits: tuple[float, float]) -> list[float]:
    """Return ticks within the limits of a hazard-ratio axis; finer ones if few of the usual are left."""
    for ticks in (RATIO_TICKS, FINE_TICKS):
        shown = [tick for tick in ticks if limits[0] <= tick <= limits[1]]
        if len(shown) > 3:
            break
    return shown


def ratio_limits(specifications: pd.DataFrame) -> tuple[float, float]:
    """Return the limits of a hazard-ratio axis: every estimate, and all but the widest intervals."""
    usable = estimated(specifications)
    if usable.empty:
        return 0.5, 2.0
    ratios = usable["estimate"].to_numpy(dtype=np.float64)
    lower = np.nanquantile(usable["ci_lower"].to_numpy(dtype=np.float64), 0.02)
    upper = np.nanquantile(usable["ci_upper"].to_numpy(dtype=np.float64), 0.98)
    low, high = min(ratios.min(), lower, 0.8), max(ratios.max(), upper, 1.25)
    return max(low, 1e-3) / 1.06, min(high, 1e3) * 1.06
