"""The propensity score: who was likely to be in arm A = 1, and how far the two arms overlap."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from survival_multiverse.kernels.logistic import (
    COLLINEAR,
    CONVERGED,
    NEARLY_SEPARATED,
    NOT_CONVERGED,
    SEPARATED,
    logistic_kernel,
)
from survival_multiverse.settings.schema import Status

LOGIT_DECIMALS = 9
_STATUS = {
    CONVERGED: Status.OK,
    SEPARATED: Status.SEPARATION,
    NOT_CONVERGED: Status.NO_CONVERGENCE,
    NEARLY_SEPARATED: Status.NEAR_SEPARATION,
    COLLINEAR: Status.COLLINEAR,
}


@dataclass(frozen=True, slots=True)
class PropensityFit:
    """A logistic propensity model.

    Attributes
    ----------
    coefficients : np.ndarray
        Log odds ratios on the scale of the columns given, shape (k,); NaN where a column was dropped.
    intercept : float
    logit : np.ndarray
        Linear predictor rounded to 1e-9, shape (n,): the matching distance.
    probability : np.ndarray
        P(A = 1 | X), from the unrounded linear predictor, shape (n,).
    status : Status
        ok, empty_arm, separation, near_separation, collinear or no_convergence; unless ok every number is
        NaN.
    dropped : np.ndarray
        Indices of constant or aliased columns, int64.
    iterations : int
    c_statistic : float
        Area under the ROC curve of the logit, ties counted half.
    """

    coefficients: np.ndarray
    intercept: float
    logit: np.ndarray
    probability: np.ndarray
    status: Status
    dropped: np.ndarray
    iterations: int
    c_statistic: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """Common support of the logit.

    Attributes
    ----------
    minimum, maximum : tuple[float, float]
        Of arm 0 and arm 1.
    lower, upper : float
        Limits of the common support; it is empty if lower > upper.
    share : float
        Share of all patients inside it, limits included.
    share_by_arm : tuple[float, float]
    """

    minimum: tuple[float, float]
    maximum: tuple[float, float]
    lower: float
    upper: float
    share: float
    share_by_arm: tuple[float, float]


def _checked(X: np.ndarray, arm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both in the types the kernel takes, or say what is wrong with them."""
    X = np.ascontiguousarray(X, dtype=np.float64)
    arm = np.ascontiguousarray(arm, dtype=np.int64)
    if X.ndim != 2 or arm.shape != X.shape[:1]:
        raise ValueError(f"X must be (n, k) and arm (n,), got {X.shape} and {arm.shape}")
    if not np.isfinite(X).all() or not ((arm == 0) | (arm == 1)).all():
        raise ValueError("X must be finite and arm must hold 0 and 1 only")
    return X, arm


def fit_propensity(
    X: np.ndarray, arm: np.ndarray, *, tolerance: float = 1e-10, max_iterations: int = 100
) -> PropensityFit:
    """Fit P(A = 1 | X) [1]_ by unpenalised logistic maximum likelihood (Newton's method, which here is IRLS).

    Parameters
    ----------
    X : array (n, k)
        Covariates without an intercept, no missing values; k may be 0.
    arm : array (n,)
        0 or 1.
    tolerance : float
        Largest Newton step, in standard errors, at convergence.
    max_iterations : int
        Newton steps after which the status is no_convergence.

    Returns
    -------
    PropensityFit
        Status separation: no finite maximum exists [2]_; near_separation: a coefficient
        of a column scaled to SD 1 exceeds 10; collinear: the others inflate the variance of a coefficient
        more than 10,000 times (a tolerance below .0001, as SPSS judges it).

    Raises
    ------
    ValueError
        If shapes disagree, values are missing, or the arm is not 0 or 1.

    References
    ----------
    .. [1] Rosenbaum PR, Rubin DB. The central role of the propensity score in observational studies for
       causal effects. Biometrika 1983;70:41–55.
    .. [2] Albert A, Anderson JA. On the existence of maximum likelihood estimates in logistic regression
       models. Biometrika 1984;71:1–10.
    """
    X, arm = _checked(X, arm)
    n, k = X.shape
    coefficients, predictor, usable = np.full(k, np.nan), np.full(n, np.nan), np.ones(k, dtype=np.int64)
    status, iterations, intercept = Status.EMPTY_ARM, 0, np.nan
    if 0 < arm.sum() < n:
        code, iterations, intercept = logistic_kernel(
            X, arm, tolerance, max_iterations, coefficients, predictor, usable
        )
        status = _STATUS[code]
    logit = np.round(predictor, LOGIT_DECIMALS)
    auc = c_statistic(logit, arm) if status is Status.OK else np.nan
    dropped = np.flatnonzero(usable == 0)
    probability = expit(predictor)
    return PropensityFit(coefficients, intercept, logit, probability, status, dropped, iterations, auc)


def c_statistic(score: np.ndarray, arm: np.ndarray) -> float:
    """Estimate P(score of a random A = 1 > that of a random A = 0) + P(equal) / 2, in O(n log n).

    The Mann-Whitney form of the area under the ROC curve [1]_.

    Parameters
    ----------
    score : float array, shape (n,)
        The logit, or any score that grows with it.
    arm : int array, shape (n,)
        0 or 1.

    Returns
    -------
    float
        NaN if an arm is empty.

    References
    ----------
    .. [1] Hanley JA, McNeil BJ. The meaning and use of the area under a receiver operating characteristic
       (ROC) curve. Radiology 1982;143:29–36.
    """
    values, position = np.unique(score, return_inverse=True)
    in_1 = np.bincount(position[arm == 1], minlength=values.size)
    in_0 = np.bincount(position[arm == 0], minlength=values.size)
    pairs = int(in_1.sum()) * int(in_0.sum())
    if pairs == 0:
        return np.nan
    # Twice the count, so that half ties stay integers and the sum is exact.
    twice = int((in_1 * (2 * (np.cumsum(in_0) - in_0) + in_0)).sum())
    return twice / (2 * pairs)


def overlap_summary(logit: np.ndarray, arm: np.ndarray) -> Overlap:
    """Describe the range of the logit that both arms reach.

    Parameters
    ----------
    logit : float array, shape (n,)
        Propensity logit.
    arm : int array, shape (n,)
        0 or 1.

    Returns
    -------
    Overlap
        All NaN if an arm is empty or a logit is NaN.

    Raises
    ------
    ValueError
        If shapes differ.
    """
    logit = np.asarray(logit, dtype=np.float64)
    arm = np.asarray(arm)
    if logit.shape != arm.shape:
        raise ValueError(f"logit and arm must have one shape, got {logit.shape} and {arm.shape}")
    arms = (logit[arm == 0], logit[arm == 1])
    if min(part.size for part in arms) == 0 or np.isnan(logit).any():
        return Overlap((np.nan, np.nan), (np.nan, np.nan), np.nan, np.nan, np.nan, (np.nan, np.nan))
    minimum = (float(arms[0].min()), float(arms[1].min()))
    maximum = (float(arms[0].max()), float(arms[1].max()))
    lower, upper = max(minimum), min(maximum)
    inside = [int(((part >= lower) & (part <= upper)).sum()) for part in arms]
    by_arm = (inside[0] / arms[0].size, inside[1] / arms[1].size)
    return Overlap(minimum, maximum, lower, upper, sum(inside) / logit.size, by_arm)
