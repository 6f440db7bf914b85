"""Survival curves that show no single patient's time."""

import math

import numpy as np
import pandas as pd

from survival_multiverse.estimators.curves import kaplan_meier
from survival_multiverse.estimators.limits import at_least, at_most
from survival_multiverse.settings.study import Study

STEPS = 40
"""About how many times of the grid lie before the last time at which survival is reported."""


def time_step(study: Study) -> float:
    """Return the distance of the times at which curves may step: 1, 2 or 5 times a power of ten.

    It follows from the settings alone, so that the curves of all scenarios share their times and none of them
    tells of the patients.

    Parameters
    ----------
    study
        Gives the times at which survival is read, and the horizon of restricted means.

    Returns
    -------
    float
        In the unit of time.
    """
    finest = max(*study.analysis.survival_times, study.analysis.rmst_horizon) / STEPS
    power = 10.0 ** math.floor(math.log10(finest))
    return next(factor * power for factor in (1.0, 2.0, 5.0, 10.0) if factor * power >= finest)


def coarse_curve(
    time: np.ndarray,
    event: np.ndarray,
    *,
    minimum: int,
    step: float,
    entry: np.ndarray | None = None,
    conf_type: str = "log-log",
    level: float = 0.95,
) -> pd.DataFrame:
    """Return the Kaplan-Meier curve that steps at the times of a grid, by at least `minimum` deaths.

    At the times that are kept survival is exactly the product-limit estimate; between them the curve is held
    back until enough deaths have come together. The curve ends with its last step where fewer deaths follow;
    where none does, it goes on while at least `minimum` patients are at risk.

    Parameters
    ----------
    time, event
        Shape (n,); 1 = death, 0 = censored.
    minimum
        Fewest deaths in a step.
    step
        Distance of the grid's times, in the unit of `time`.
    entry
        Times of delayed entry, shape (n,), or None.
    conf_type, level
        Of the limits, as in `kaplan_meier`.

    Returns
    -------
    DataFrame
        time, survival with its limits ci_lower and ci_upper, and the number at risk just before that time; it
        begins at time 0.
    """
    last = float(time.max()) if len(time) else 0.0
    grid = step * np.arange(math.ceil(last / step * (1 - 1e-12)) + 1)
    curve = kaplan_meier(time, event, entry=entry, conf_type=conf_type, level=level)
    reached = np.array([np.count_nonzero(at_most(curve.time, when)) for when in grid], dtype=np.int64)
    deaths = np.concatenate([[0], np.cumsum(curve.n_event)])[reached]
    at_risk = np.array([number_at_risk(time, when, entry) for when in grid], dtype=np.int64)
    kept = _steps(deaths, at_risk, minimum)
    columns = {"survival": curve.survival, "ci_lower": curve.ci_lower, "ci_upper": curve.ci_upper}
    found = {name: np.concatenate([[1.0], values])[reached[kept]] for name, values in columns.items()}
    return pd.DataFrame({"time": np.round(grid[kept], 9), **found, "at_risk": at_risk[kept]})


def number_at_risk(time: np.ndarray, when: float, entry: np.ndarray | None = None) -> int:
    """Return how many patients are under observation just before a time.

    Parameters
    ----------
    time
        Follow-up, shape (n,).
    when
        In the unit of `time`.
    entry
        Times of delayed entry, shape (n,), or None. At time 0 those count who enter then.

    Returns
    -------
    int
    """
    present = at_least(time, when)
    if entry is not None:
        present &= ~at_least(entry, when) | (entry <= 0.0)
    return int(np.count_nonzero(present))


def _steps(deaths: np.ndarray, at_risk: np.ndarray, minimum: int) -> list[int]:
    """Return the places of the grid to keep, from the deaths by each time and the number at risk then."""
    kept, told = [0], 0
    for place, total in enumerate(deaths):
        if total - told >= max(minimum, 1):
            kept.append(place)
            told = total
    enough = np.flatnonzero(at_risk >= max(minimum, 1))
    if told == deaths[-1] and enough.size and enough[-1] > kept[-1]:
        kept.append(int(enough[-1]))
    return kept
