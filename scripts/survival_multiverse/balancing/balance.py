"""Covariate balance between two arms, before and after matching or weighting."""

from dataclasses import dataclass

import numpy as np

from survival_multiverse.kernels.balance import balance_kernel


@dataclass(frozen=True, slots=True)
class BalanceTable:
    """Balance of c columns; every array has shape (c,).

    Attributes
    ----------
    mean_0, mean_1 : np.ndarray
        Means (shares, for an indicator) in arm 0 and arm 1 of the analysed rows.
    smd : np.ndarray
        (mean_1 - mean_0) / sqrt((s1^2 + s0^2) / 2), SDs of the unmatched arms (Austin 2009).
    smd_att : np.ndarray
        (mean_1 - mean_0) / SD of the unmatched focal arm: MatchIt's convention for the ATT.
    variance_ratio : np.ndarray
        s1^2 / s0^2 of the analysed rows; NaN for an indicator.
    ks : np.ndarray
        Largest distance of the two distribution functions; NaN for an indicator.
    """

    mean_0: np.ndarray
    mean_1: np.ndarray
    smd: np.ndarray
    smd_att: np.ndarray
    variance_ratio: np.ndarray
    ks: np.ndarray


def balance_of_arms(
    X: np.ndarray, kinds: np.ndarray, arm: np.ndarray, weight: np.ndarray, focal_arm: int
) -> BalanceTable:
    """Compare the arms column by column.

    All rows give the denominators, so that matching can't look good by shrinking a SD; the weights (of
    matched rows 1, of the others 0) give the means, variance ratio and distance. Each column uses its
    complete cases. The SD is sqrt(p(1 - p)) for an indicator and has n - 1 otherwise; a zero SD gives 0 if
    the means are equal, else NaN. Weighted variances are those of MatchIt (Ho, Imai, King and Stuart 2011).

    Parameters
    ----------
    X : float array of shape (n, c), contiguous
        NaN where missing. A factor enters as one indicator a level, see `indicator_columns`.
    kinds : int array of shape (c,)
        0 indicator, 1 continuous.
    arm : int array of shape (n,)
        0 or 1.
    weight : float array of shape (n,)
        Finite and not negative.
    focal_arm : {0, 1}
        The arm whose SD is the denominator of ``smd_att``.
    """
    return BalanceTable(*np.ascontiguousarray(balance_kernel(X, kinds, arm, weight, focal_arm).T))


def indicator_columns(codes: np.ndarray, n_levels: int) -> np.ndarray:
    """Return one 0/1 column a level; a code of -1 (missing) gives a row of NaN.

    Parameters
    ----------
    codes : int array, shape (n,)
        -1 to n_levels - 1.
    n_levels : int
        Number of declared levels.

    Returns
    -------
    np.ndarray
        Shape (n, n_levels), float64.

    Raises
    ------
    ValueError
        If a code is out of range.
    """
    codes = np.asarray(codes, dtype=np.int64)
    if codes.size and (codes.min() < -1 or codes.max() >= n_levels):
        raise ValueError(f"codes must lie between -1 and {n_levels - 1}")
    columns = (codes[:, None] == np.arange(n_levels)[None, :]).astype(np.float64)
    columns[codes == -1] = np.nan
    return columns
