"""Empirical calibration: systematic error from negative controls, and P values that allow for it."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

MINIMUM_CONTROLS = 3
"""With fewer nothing is known of how systematic error varies."""
SIMULATED_SIZES = {3: 0.21, 10: 0.10, 30: 0.06}
"""By number of controls, how often a calibrated P value is below 0.05 without an effect, in simulated studies
with systematic error as large as the standard errors: the fitted distribution counts as known."""
_STARTS, _HALVINGS = 400, 200


@dataclass(frozen=True, slots=True)
class SystematicError:
    """Normal distribution of the systematic error of a log hazard ratio, fitted by maximum likelihood.

    Attributes
    ----------
    mean, standard_deviation
        Its mean and standard deviation.
    log_likelihood
        Of the fit.
    """

    mean: float
    standard_deviation: float
    log_likelihood: float


def log_likelihood(
    mean: float, variance: float, estimates: npt.ArrayLike, std_errors: npt.ArrayLike
) -> float:
    """Return the log-likelihood of negative controls [1]_.

    Each estimate is normal about the mean, its variance that of the systematic error plus its own.

    Parameters
    ----------
    mean, variance
        Of the systematic error.
    estimates, std_errors
        Log hazard ratios of controls whose true one is 0, and their standard errors, shape (k,).

    Returns
    -------
    float

    References
    ----------
    .. [1] Schuemie MJ, Ryan PB, DuMouchel W, Suchard MA, Madigan D. Interpreting observational studies: why
       empirical calibration is needed to correct p-values. Statistics in Medicine 2014;33:209–218.
    """
    total = variance + np.asarray(std_errors, dtype=np.float64) ** 2
    residual = np.asarray(estimates, dtype=np.float64) - mean
    return float(-0.5 * np.sum(np.log(2.0 * np.pi * total) + residual**2 / total))


def fit_systematic_error(estimates: npt.ArrayLike, std_errors: npt.ArrayLike) -> SystematicError:
    """Fit the systematic error of negative controls by maximum likelihood.

    The mean is profiled out: for a variance it is the mean of the estimates weighted by the inverse of their
    whole variance. The slope of the profile in the variance is followed to each of its zeros from above,
    since the likelihood may have several maxima; the highest, or a variance of 0, is the fit.

    Parameters
    ----------
    estimates, std_errors
        Log hazard ratios of the controls, and their standard errors, above 0; shape (k,), k >= 2.

    Returns
    -------
    SystematicError

    Raises
    ------
    ValueError
        With fewer than two controls, or if a number is not finite or an error not positive.
    """
    y, s = np.asarray(estimates, dtype=np.float64), np.asarray(std_errors, dtype=np.float64)
    if y.shape != s.shape or y.ndim != 1 or y.size < 2:
        raise ValueError(f"estimates and errors of two controls or more are needed, not {y.shape}, {s.shape}")
    if not (np.isfinite(y).all() and np.isfinite(s).all() and (s > 0).all()):
        raise ValueError("estimates must be finite, and standard errors finite and above 0")
    # Beyond the square of the range the likelihood falls: every residual is within it.
    most = float(np.ptp(y)) ** 2
    candidates = [0.0]
    if most > 0:
        grid = np.append(0.0, most * np.geomspace(1e-8, 1.0, _STARTS))
        slopes = np.array([_slope(variance, y, s) for variance in grid])
        for place in np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0)):
            candidates.append(_zero(grid[place], grid[place + 1], y, s))
    found = [(log_likelihood(_mean(own, y, s), own, y, s), own) for own in candidates]
    best, variance = max(found)
    return SystematicError(_mean(variance, y, s), float(np.sqrt(variance)), best)


def _mean(variance: float, y: np.ndarray, s: np.ndarray) -> float:
    weight = 1.0 / (variance + s**2)
    return float(np.sum(weight * y) / np.sum(weight))


def _slope(variance: float, y: np.ndarray, s: np.ndarray) -> float:
    """Return twice the derivative of the profile log-likelihood in the variance."""
    weight = 1.0 / (variance + s**2)
    residual = y - np.sum(weight * y) / np.sum(weight)
    return float(np.sum((weight * residual) ** 2 - weight))


def _zero(low: float, high: float, y: np.ndarray, s: np.ndarray) -> float:
    """Return the zero of the slope between a variance where it is positive and one where it is not."""
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if middle in (low, high):
            break
        low, high = (middle, high) if _slope(middle, y, s) > 0 else (low, middle)
    return 0.5 * (low + high)


def calibrated_p_value(
    estimate: npt.ArrayLike, std_error: npt.ArrayLike, error: SystematicError
) -> np.ndarray:
    """Return two-sided P values of log hazard ratios under no effect and systematic error.

    Under the null the estimate is normal about the mean of the systematic error, its variance the sum of
    both. The distribution counts as known: with few controls P values are too small.

    Parameters
    ----------
    estimate, std_error
        Log hazard ratios and their standard errors; any shape.
    error
        From `fit_systematic_error`.

    Returns
    -------
    np.ndarray
    """
    s = np.asarray(std_error, dtype=np.float64)
    deviate = (np.asarray(estimate, dtype=np.float64) - error.mean) / np.hypot(s, error.standard_deviation)
    return np.asarray(2.0 * ndtr(-np.abs(deviate)))
