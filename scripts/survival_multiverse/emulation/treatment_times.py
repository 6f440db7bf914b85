"""Patients whose treatment starts at time zero, later, or never."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class TreatmentTimes:
    """A cohort with times of treatment, one row a patient; make it by `treatment_times`.

    Attributes
    ----------
    time : float array, shape (n,)
        Follow-up from time zero, above 0, in any unit. Tied times are exactly equal.
    event : int array, shape (n,)
        1 for a death, 0 for a censored time.
    start : float array, shape (n,)
        Start of treatment from time zero, from 0 to `time`; NaN: never treated.
    X : float array, shape (n, k)
        Covariates known at time zero, none missing.
    names : tuple of str
        Of the covariates.
    """

    time: np.ndarray
    event: np.ndarray
    start: np.ndarray
    X: np.ndarray
    names: tuple[str, ...]

    @property
    def treated(self) -> np.ndarray:
        """Return who was ever treated."""
        return ~np.isnan(self.start)

    def take(self, rows: np.ndarray) -> "TreatmentTimes":
        """Return the patients of some rows, by a mask or by numbers that may repeat."""
        return TreatmentTimes(self.time[rows], self.event[rows], self.start[rows], self.X[rows], self.names)


def treatment_times(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    start: npt.ArrayLike,
    X: npt.ArrayLike,
    names: Sequence[str],
) -> TreatmentTimes:
    """Check and type a cohort with times of treatment.

    Parameters
    ----------
    time, event, start : array_like, shape (n,)
    X : array_like, shape (n, k)
        k may be 0.
    names : sequence of str
        As for `TreatmentTimes`.

    Returns
    -------
    TreatmentTimes

    Raises
    ------
    ValueError
        If shapes disagree or a value is impossible; the message says how many rows are wrong, and which.
    """
    time, event, start, X = (np.array(part, dtype=np.float64) for part in (time, event, start, X))
    n = time.size
    if (time.shape, event.shape, start.shape) != ((n,),) * 3 or X.shape != (n, len(names)):
        shapes = [part.shape for part in (time, event, start, X)]
        raise ValueError(f"time, event, start and X have the shapes {shapes}, for {len(names)} names")
    faults = {
        "time is not a number above 0": ~((time > 0) & np.isfinite(time)),
        "event is neither 0 nor 1": ~np.isin(event, (0.0, 1.0)),
        "start is below 0": start < 0,
        "start is after the end of follow-up": start > time,
        "a covariate is missing or infinite": ~np.isfinite(X).all(axis=1),
    }
    for fault, wrong in faults.items():
        rows = np.flatnonzero(wrong)
        if rows.size:
            first = ", ".join(map(str, rows[:5]))
            raise ValueError(f"{fault} in {rows.size} of {n} rows (counted from 0): {first}")
    return TreatmentTimes(time, event.astype(np.int64), start, X, tuple(names))
