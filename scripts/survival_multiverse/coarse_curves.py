"""Survival curves that show no single patient."""

import numpy as np
import pandas as pd

from survival_multiverse.curves import kaplan_meier

SMALL_ARM = 10
"""Arms of fewer than this many times the smallest cell are coarsened wherever they are drawn."""


def coarse_curve(time: np.ndarray, event: np.ndarray, *, minimum: int) -> pd.DataFrame:
    """Kaplan-Meier curve whose every step holds at least `minimum` deaths.

    At the times that are kept survival is exactly the product-limit estimate; between them the curve is
    held back until enough deaths have come together, so that no step can be told to be one patient's.
    Deaths left over at the end join the last step, which then falls at the time of the last of them.

    Parameters
    ----------
    time, event
        Shape (n,); 1 = death, 0 = censored.
    minimum
        Fewest deaths in a step.

    Returns
    -------
    DataFrame
        time, survival and the number at risk just before that time; it begins at time 0.
    """
    curve = kaplan_meier(time, event)
    deaths = np.cumsum(curve.n_event)
    kept, told = [], 0
    for position, total in enumerate(deaths):
        if curve.n_event[position] and total - told >= minimum:
            kept.append(position)
            told = total
    if len(deaths) and deaths[-1] > told and kept:
        kept[-1] = int(np.flatnonzero(curve.n_event)[-1])
    return pd.DataFrame(
        {
            "time": np.concatenate([[0.0], curve.time[kept]]),
            "survival": np.concatenate([[1.0], curve.survival[kept]]),
            "at_risk": np.concatenate([[len(time)], curve.n_risk[kept]]).astype(np.int64),
        }
    )
