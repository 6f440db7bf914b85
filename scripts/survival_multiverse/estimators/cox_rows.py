"""Rows of a Cox model as its kernels need them: checked, typed and sorted by (stratum, time)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from survival_multiverse.kernels.cox_likelihood import (
    BAD_COVARIATE,
    BAD_EVENT,
    BAD_TIME,
    BAD_WEIGHT,
    UNSORTED,
    check_rows,
)

_FAULTS = {
    BAD_TIME: "time holds a missing or infinite value",
    BAD_EVENT: "event holds a value other than 0 and 1",
    BAD_COVARIATE: "X holds a missing or infinite value",
    BAD_WEIGHT: "weight holds a negative, missing or infinite value",
}


@dataclass(frozen=True, slots=True)
class CoxRows:
    """Rows sorted by (stratum, time) ascending.

    Attributes
    ----------
    time, event, X, weight, stratum : np.ndarray
        float64 (n,), int64 (n,), float64 (n, k), float64 (n,), int64 (n,).
    cluster : np.ndarray
        int64 (n,), codes 0 to clusters - 1; empty when `clusters` is 0 (no robust variance).
    clusters : int
    entry : np.ndarray or None
        float64 (n,): who enters at a time or later is not at risk then.
    """

    time: np.ndarray
    event: np.ndarray
    X: np.ndarray
    weight: np.ndarray
    stratum: np.ndarray
    cluster: np.ndarray
    clusters: int
    entry: np.ndarray | None = None


def _typed(values: npt.ArrayLike, dtype: npt.DTypeLike) -> np.ndarray:
    """Return a contiguous, writeable array: for a read-only one (pandas) numba would compile again."""
    array = np.ascontiguousarray(values, dtype=dtype)
    return array if array.flags.writeable else array.copy()


def _dense(codes: np.ndarray) -> tuple[np.ndarray, int]:
    """Return cluster codes as 0 .. m - 1, and m. Codes already small are kept: an empty cluster adds 0."""
    if codes.size == 0:
        return codes, 0
    largest = int(codes.max())
    if codes.min() >= 0 and largest < 4 * codes.size + 16:
        return codes, largest + 1
    values, dense = np.unique(codes, return_inverse=True)
    return _typed(dense, np.int64), values.size


def checked_entry(entry: npt.ArrayLike, time: np.ndarray) -> np.ndarray:
    """Return entry times as the kernels need them; raise ``ValueError`` unless each is before its time.

    Parameters
    ----------
    entry : array_like, shape (n,)
        Time at which a patient comes under observation, in the unit of `time`.
    time : array, shape (n,)

    Returns
    -------
    np.ndarray
    """
    checked = _typed(entry, np.float64)
    if checked.shape != time.shape:
        raise ValueError(f"rows differ: time {time.size}, entry {checked.size}")
    if not (checked < time).all():
        raise ValueError("entry must be before time")
    return checked


def cox_rows(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    X: npt.ArrayLike,
    *,
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    robust: bool = False,
    stratum: npt.ArrayLike | None = None,
    entry: npt.ArrayLike | None = None,
) -> CoxRows:
    """Check the rows, drop those of weight 0 (they are absent, as in R) and sort where needed.

    Parameters
    ----------
    time, event : array_like, shape (n,)
    X : array_like, shape (n, k)
    weight, cluster, stratum, entry : array_like, shape (n,), or None
    robust : bool
        Without `cluster`, every row becomes its own cluster.

    Returns
    -------
    CoxRows

    Raises
    ------
    ValueError
        Shapes that do not fit together; values that are missing, infinite or out of range.
    """
    time = _typed(time, np.float64)
    event = _typed(event, np.int64)
    X = _typed(X, np.float64)
    n = time.size
    weight = np.ones(n) if weight is None else _typed(weight, np.float64)
    stratum = np.zeros(n, dtype=np.int64) if stratum is None else _typed(stratum, np.int64)
    cluster = np.arange(n if robust else 0) if cluster is None else _typed(cluster, np.int64)
    shapes = (time.shape, event.shape, weight.shape, stratum.shape, X.shape[:1])
    if X.ndim != 2 or shapes != ((n,),) * 5 or cluster.size not in (0, n):
        raise ValueError(f"time, event, X, weight, stratum: shapes {shapes}, X has {X.ndim} dimensions")
    code = check_rows(time, event, X, weight, stratum)
    if code in _FAULTS:
        raise ValueError(_FAULTS[code])
    entry = None if entry is None else checked_entry(entry, time)
    order = None
    if code == UNSORTED:
        order = np.lexsort((time, stratum))
    if n and weight.min() == 0.0:
        order = np.arange(n) if order is None else order
        order = order[weight[order] > 0.0]
    if order is not None:
        time, event, X, weight, stratum = time[order], event[order], X[order], weight[order], stratum[order]
        cluster = cluster[order] if cluster.size else cluster
        entry = None if entry is None else entry[order]
    cluster, clusters = _dense(cluster)
    return CoxRows(time, event, X, weight, stratum, cluster, clusters, entry)
