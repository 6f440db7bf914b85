"""Propensity weights and their effective sample size."""

from dataclasses import dataclass

import numpy as np

from survival_multiverse.kernels.weighted_cox import score_weights, weighted_arm
from survival_multiverse.settings.schema import WEIGHTED, Estimator

EXTREME_WEIGHT = 20.0


@dataclass(frozen=True, slots=True)
class WeightSummary:
    """What a set of weights leaves of the cohort.

    Attributes
    ----------
    effective_0, effective_1, effective_all : float
        Effective sample size of arm 0, arm 1 and both.
    largest : float
        Largest weight.
    n_extreme : int
        Weights above 20: flagged, never truncated.
    """

    effective_0: float
    effective_1: float
    effective_all: float
    largest: float
    n_extreme: int


def _checked(probability: np.ndarray, arm: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return both as arrays of one shape."""
    probability = np.asarray(probability, dtype=np.float64)
    arm = np.asarray(arm, dtype=np.int64)
    if probability.shape != arm.shape:
        raise ValueError(f"probability and arm must have one shape, got {probability.shape} and {arm.shape}")
    return probability, arm


def propensity_weights(probability: np.ndarray, arm: np.ndarray, estimator: Estimator) -> np.ndarray:
    """Return the weights of an estimator.

    Overlap weights are 1 - p for A = 1 and p for A = 0 [1]_. With a logistic maximum-likelihood p the
    weighted means of its covariates agree exactly between the arms. Those of IPTW are P(A = a) / P(A = a | X)
    at the observed arm a [2]_.

    Parameters
    ----------
    probability : float array, shape (n,)
        P(A = 1 | X).
    arm : int array, shape (n,)
        0 or 1.
    estimator
        One of `schema.WEIGHTED`.

    Returns
    -------
    np.ndarray
        Shape (n,), untruncated: inf where the observed arm had probability 0.

    Raises
    ------
    ValueError
        If shapes differ.

    References
    ----------
    .. [1] Li F, Morgan KL, Zaslavsky AM. Balancing covariates via propensity score weighting. Journal of the
       American Statistical Association 2018;113:390–400.
    .. [2] Robins JM, Hernán MA, Brumback B. Marginal structural models and causal inference in epidemiology.
       Epidemiology 2000;11:550–560.
    """
    probability, arm = _checked(probability, arm)
    share = arm.mean() if arm.size else np.nan
    return score_weights(arm, probability, share, WEIGHTED.index(estimator))


def effective_sample_size(weight: np.ndarray) -> float:
    """Return (sum w)^2 / sum w^2 [1]_.

    Parameters
    ----------
    weight : float array, shape (n,)
        Not negative.

    Returns
    -------
    float
        In patients; NaN without a positive weight or with one that isn't finite.

    References
    ----------
    .. [1] Kish L. Survey Sampling. New York: Wiley; 1965.
    """
    weight = np.asarray(weight, dtype=np.float64)
    if not np.isfinite(weight).all() or not (weight > 0).any():
        return np.nan
    # Relative to the largest, so that tiny weights don't underflow when squared.
    relative = weight / weight.max()
    return float(relative.sum() ** 2 / (relative**2).sum())


def summarise_weights(weight: np.ndarray, arm: np.ndarray) -> WeightSummary:
    """Describe weights by arm.

    Parameters
    ----------
    weight : float array, shape (n,)
        Not negative.
    arm : int array, shape (n,)
        0 or 1.

    Returns
    -------
    WeightSummary
        Sizes are NaN for an empty arm or undefined weights.

    Raises
    ------
    ValueError
        If shapes differ.
    """
    weight, arm = _checked(weight, arm)
    return WeightSummary(
        effective_0=effective_sample_size(weight[arm == 0]),
        effective_1=effective_sample_size(weight[arm == 1]),
        effective_all=effective_sample_size(weight),
        largest=float(weight.max()) if weight.size else np.nan,
        n_extreme=int((weight > EXTREME_WEIGHT).sum()),
    )


def weighted_arm_model(
    time: np.ndarray,
    event: np.ndarray,
    arm: np.ndarray,
    X: np.ndarray,
    probability: np.ndarray,
    estimator: Estimator,
    entry: np.ndarray | None = None,
) -> tuple[float, float, float, int]:
    """Fit a Cox model of the arm, weighted by an estimated score, with two standard errors.

    Parameters
    ----------
    time, event, arm : arrays (n,)
        Rows ascend in time.
    X : array (n, k)
        Columns that the score kept, without an intercept.
    probability : array (n,)
        P(A = 1 | X) of `propensity.fit_propensity`.
    estimator
        One of `schema.WEIGHTED`, see `propensity_weights`.
    entry : array (n,), optional
        Times of delayed entry.

    Returns
    -------
    tuple of (log hazard ratio, robust error, stacked error, code)
        The robust error [1]_ takes the weights as known, the stacked one [2]_ allows for their estimation.
        See `kernels.weighted_cox.weighted_arm`.

    References
    ----------
    .. [1] Lin DY, Wei LJ. The robust inference for the Cox proportional hazards model. Journal of the
       American Statistical Association 1989;84:1074–1078.
    .. [2] Shu D, Young JG, Toh S, Wang R. Variance estimation in inverse probability weighted Cox models.
       Biometrics 2021;77:1101–1117.
    """
    X = np.ascontiguousarray(X, dtype=np.float64)
    event, arm = np.ascontiguousarray(event, dtype=np.int64), np.ascontiguousarray(arm, dtype=np.int64)
    time = np.ascontiguousarray(time, dtype=np.float64)
    kind = WEIGHTED.index(estimator)
    return weighted_arm(time, event, arm, X, np.ascontiguousarray(probability), kind, entry)
