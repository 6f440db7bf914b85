"""One-to-one greedy nearest-neighbour matching on the propensity logit."""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import numpy.typing as npt

from survival_multiverse.kernels.matching import (
    SCORE_SCALE,
    caliper_units,
    focal_arm_of,
    match_kernel,
    spread,
)
from survival_multiverse.settings.schema import Status

CALIPER_SDS = ("all", "within_arm")


@dataclass(frozen=True, slots=True)
class Matching:
    """A 1:1 match without replacement.

    Attributes
    ----------
    pairs : np.ndarray
        Row indices [A = 1, A = 0], shape (m, 2), int64, in the order in which the focal units were taken.
    pair_of : np.ndarray
        Pair number of each row, or -1, shape (n,), int64.
    focal_arm : int
        Arm for which matches were sought: the smaller one (equal: 1).
    n_focal : int
        Patients in it; pairs / n_focal is the matched share.
    caliper_width : float
        Largest allowed difference of the logit, rounded to 1e-9; inf for none.
    sd_logit : float
        SD from which the width was taken; NaN where undefined.
    status : Status
        ok, empty_arm or no_pairs.
    """

    pairs: np.ndarray
    pair_of: np.ndarray
    focal_arm: int
    n_focal: int
    caliper_width: float
    sd_logit: float
    status: Status


def _canonical(identifier: object) -> bytes:
    """Return bytes that don't depend on the container: 7, np.int64(7) and "7" are one id."""
    if isinstance(identifier, tuple):
        parts = [_canonical(part) for part in identifier]
        # Lengths keep ("a", "bc") and ("ab", "c") apart.
        return b"".join(b"%d:%s" % (len(part), part) for part in parts)
    return str(identifier).encode()


def priority(ids: Iterable[Any], *, seed: int) -> np.ndarray:
    """Rank patients by a keyed hash of their id: a seeded order that no row order or subset can change.

    Parameters
    ----------
    ids : iterable of str, int or tuple
        Unique; in a bootstrap (id, copy).
    seed : int
        Another seed gives another order.

    Returns
    -------
    np.ndarray
        Ranks 0 to n - 1, int64, shape (n,); the lower goes first.

    Raises
    ------
    ValueError
        If an id occurs twice.
    """
    key = str(seed).encode()
    digests = b"".join(blake2b(_canonical(i), digest_size=16, key=key).digest() for i in ids)
    words = np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(-1, 2)
    order = np.lexsort((words[:, 1], words[:, 0]))
    in_order = words[order]
    if (in_order[1:] == in_order[:-1]).all(axis=1).any():
        raise ValueError("ids must be unique: a repeated id has no defined place in the tie-break")
    rank = np.empty(order.size, dtype=np.int64)
    rank[order] = np.arange(order.size)
    return rank


def integer_score(logit: np.ndarray) -> np.ndarray:
    """Return the logit in units of 1e-9: differences of these are exact.

    Parameters
    ----------
    logit : float array, shape (n,)
        Finite.

    Returns
    -------
    np.ndarray
        Shape (n,), int64.
    """
    return np.rint(np.asarray(logit, dtype=np.float64) * SCORE_SCALE).astype(np.int64)


def logit_sd(score: np.ndarray, arm: np.ndarray, *, caliper_sd: str = "all") -> float:
    """Return the SD of the logit on which calipers are measured.

    Parameters
    ----------
    score : int64 array, shape (n,)
        Logits in units of 1e-9, see `integer_score`.
    arm : int64 array, shape (n,)
        0 or 1.
    caliper_sd : {"all", "within_arm"}
        ``all``: over all units (n - 1). ``within_arm``: sqrt((s1^2 + s0^2) / 2) [1]_.

    Returns
    -------
    float
        In logits; NaN where a variance needs more patients than there are.

    Raises
    ------
    ValueError
        If `caliper_sd` is unknown.

    References
    ----------
    .. [1] Austin PC. Optimal caliper widths for propensity-score matching when estimating differences in
       means and differences in proportions in observational studies. Pharmaceutical Statistics
       2011;10:150–161.
    """
    if caliper_sd not in CALIPER_SDS:
        raise ValueError(f"caliper_sd must be one of {CALIPER_SDS}, got {caliper_sd!r}")
    return spread(score, arm, caliper_sd == "within_arm")


def _checked(
    logit: npt.ArrayLike, arm: npt.ArrayLike, priority: npt.ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (score, arm, priority) in the types the kernel takes, or say what is wrong with them."""
    logit = np.asarray(logit, dtype=np.float64)
    arm = np.ascontiguousarray(arm, dtype=np.int64)
    priority = np.ascontiguousarray(priority, dtype=np.int64)
    if not logit.shape == arm.shape == priority.shape or logit.ndim != 1:
        raise ValueError(f"need (n,) arrays, got {logit.shape}, {arm.shape} and {priority.shape}")
    if not np.isfinite(logit).all() or not ((arm == 0) | (arm == 1)).all():
        raise ValueError("logit must be finite and arm must hold 0 and 1 only")
    return integer_score(logit), arm, priority


def greedy_match(
    logit: np.ndarray,
    arm: np.ndarray,
    priority: np.ndarray,
    *,
    caliper: float = np.inf,
    caliper_sd: str = "all",
) -> Matching:
    """Match each unit of the smaller arm to the nearest free unit of the other (greedy, 1:1 [1]_).

    Focal units go in descending logit of being focal, ties to the lower priority; the caliper is inclusive.

    Parameters
    ----------
    logit, arm, priority : arrays (n,)
        Finite propensity logit (rounded to 1e-9 here), arm 0 or 1, unique integer priorities.
    caliper : float
        Multiple of the logit's SD [2]_, or inf for none.
    caliper_sd : {"all", "within_arm"}
        Which SD, see `logit_sd`.

    Returns
    -------
    Matching
        Status `empty_arm` or `no_pairs` without a match.

    Raises
    ------
    ValueError
        If shapes disagree, a logit is not finite, the arm is not 0 or 1, or the caliper is negative or NaN.

    References
    ----------
    .. [1] Austin PC. A comparison of 12 algorithms for matching on the propensity score. Statistics in
       Medicine 2014;33:1057–1069.
    .. [2] Austin PC. Optimal caliper widths for propensity-score matching when estimating differences in
       means and differences in proportions in observational studies. Pharmaceutical Statistics
       2011;10:150–161.
    """
    if not caliper >= 0:
        raise ValueError(f"caliper must be 0 or more, or inf, got {caliper}")
    score, arm, priority = _checked(logit, arm, priority)
    focal = int(focal_arm_of(arm))
    n_focal = int(np.count_nonzero(arm == focal))
    sd = logit_sd(score, arm, caliper_sd=caliper_sd)
    pair_of = np.full(arm.size, -1, dtype=np.int64)
    units = int(caliper_units(float(caliper), sd))
    n_pairs = match_kernel(score, arm, priority, units, pair_of) if n_focal else 0
    unmatched = Status.EMPTY_ARM if n_focal == 0 else Status.NO_PAIRS
    width = np.inf if np.isinf(caliper) else units / SCORE_SCALE if units >= 0 else np.nan
    status = Status.OK if n_pairs else unmatched
    return Matching(pairs_of(pair_of, arm, n_pairs), pair_of, focal, n_focal, width, sd, status)


def pairs_of(pair_of: np.ndarray, arm: np.ndarray, n_pairs: int) -> np.ndarray:
    """Return the row indices [A = 1, A = 0] of each pair, shape (n_pairs, 2), int64."""
    matched = np.flatnonzero(pair_of >= 0)
    pairs = np.empty((n_pairs, 2), dtype=np.int64)
    pairs[pair_of[matched], 1 - arm[matched]] = matched
    return pairs
