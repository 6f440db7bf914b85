"""The course of a treatment: its columns in the canonical frame, and how long a total dose takes."""

import numpy as np

from survival_multiverse.settings.treatment_checks import SO_FAR, TIMES, weeks_in

START, COMPLETION = (f"treatment {name}" for name in TIMES)
RECEIVED = f"treatment {SO_FAR}"
"""Columns of the canonical frame; no covariate's name holds a space."""


def derived_completion(
    dose: np.ndarray | float, fraction_dose: np.ndarray | float, per_week: np.ndarray | float, unit: str
) -> np.ndarray:
    """Return how long a total dose takes: its fractions, the last one maybe smaller, at so many a week.

    Parameters
    ----------
    dose, fraction_dose : float or array, shape (n,)
        In the unit of the dose.
    per_week : float or array, shape (n,)
        Fractions a week.
    unit : str
        Unit of the result: days, weeks, months or years.

    Returns
    -------
    np.ndarray
        Shape (n,), or a single number.

    Raises
    ------
    ValueError
        If the unit is another one.
    """
    weeks = weeks_in(unit)
    if weeks is None:
        raise ValueError(f"{unit} is no unit of time")
    # 35 fractions of 1.8 Gy add up to a little less than 63 Gy in a computer.
    fractions = np.ceil(np.maximum(np.asarray(dose) / fraction_dose, 0.0) * (1 - 1e-9))
    return np.asarray(fractions / per_week / weeks)
