"""Association of a categorical covariate with the arm."""

from dataclasses import dataclass

import numpy as np

from survival_multiverse.kernels.log_rank import chi2_tail
from survival_multiverse.settings.schema import Status


@dataclass(frozen=True, slots=True)
class ChiSquare:
    """Pearson's chi-square test.

    Attributes
    ----------
    chi2 : float
    df : int
        Observed levels - 1.
    p_value : float
    status : Status
        ok, empty_arm, or constant (fewer than two levels observed). Unless ok, the other numbers are NaN.
    """

    chi2: float
    df: int
    p_value: float
    status: Status


def pearson_chi_square(codes: np.ndarray, arm: np.ndarray, n_levels: int) -> ChiSquare:
    """Test whether a covariate's levels are distributed alike in the two arms, without correction [1]_.

    Parameters
    ----------
    codes : int array of shape (n,)
        Level 0 to n_levels - 1, or -1 for missing (left out). A level nobody has is dropped.
    arm : int array of shape (n,)
        0 or 1.
    n_levels : int
        Number of declared levels.

    Returns
    -------
    ChiSquare
        Status `empty_arm` or `constant` if there is nothing to compare; then the numbers are NaN.

    Raises
    ------
    ValueError
        If shapes disagree, or a code or an arm is out of range.

    References
    ----------
    .. [1] Pearson K. On the criterion that a given system of deviations from the probable in the case of a
       correlated system of variables is such that it can be reasonably supposed to have arisen from random
       sampling. Philosophical Magazine, series 5, 1900;50:157–175.
    """
    codes = np.asarray(codes, dtype=np.int64)
    arm = np.asarray(arm, dtype=np.int64)
    if codes.shape != arm.shape or codes.ndim != 1:
        raise ValueError(f"codes and arm must be (n,), got {codes.shape} and {arm.shape}")
    known = codes != -1
    codes, arm = codes[known], arm[known]
    if not ((codes >= 0) & (codes < n_levels)).all() or not ((arm == 0) | (arm == 1)).all():
        raise ValueError(f"codes must lie between -1 and {n_levels - 1}, and arm must hold 0 and 1 only")
    return chi_square_of_counts(np.bincount(codes * 2 + arm, minlength=2 * n_levels))


def chi_square_of_counts(counts: np.ndarray) -> ChiSquare:
    """Compute the test of `pearson_chi_square` from counts of patients.

    Parameters
    ----------
    counts : int array of shape (2 * levels,)
        Arm 0 and arm 1 of each level in turn.

    Returns
    -------
    ChiSquare
        As `pearson_chi_square` returns it.
    """
    cells = [int(count) for count in counts]
    by_level = [low + high for low, high in zip(cells[::2], cells[1::2], strict=True)]
    by_arm = (sum(cells[::2]), sum(cells[1::2]))
    n = sum(by_arm)
    df = max(sum(total > 0 for total in by_level) - 1, 0)
    if min(by_arm) == 0:
        return ChiSquare(np.nan, df, np.nan, Status.EMPTY_ARM)
    if df == 0:
        return ChiSquare(np.nan, df, np.nan, Status.CONSTANT)
    chi2 = 0.0
    for position, count in enumerate(cells):
        expected = by_level[position // 2] * by_arm[position % 2] / n
        if expected > 0.0:
            chi2 += (count - expected) ** 2 / expected
    return ChiSquare(chi2, df, chi2_tail(chi2, df), Status.OK)
