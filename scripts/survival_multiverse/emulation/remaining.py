"""The probability of having gone without treatment so far, given covariates."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from survival_multiverse.estimators.cox import cox
from survival_multiverse.settings.schema import Status


@dataclass(frozen=True, slots=True)
class Untreated:
    """A Cox model of the start of treatment, followed to some limit.

    Attributes
    ----------
    status : Status
        Of the model; unless ok there are no times.
    times : np.ndarray
        Distinct times of start, ascending, shape (m,).
    cumulative : np.ndarray
        -log of the baseline probability of remaining untreated, just after each, shape (m,).
    relative : np.ndarray
        Each patient's relative hazard of starting, shape (n,).
    """

    status: Status
    times: np.ndarray
    cumulative: np.ndarray
    relative: np.ndarray

    def after(self, when: np.ndarray, patient: np.ndarray) -> np.ndarray:
        """Return P(no start up to and including a time | covariates), shape (m,) as both."""
        until = np.r_[0.0, self.cumulative][np.searchsorted(self.times, when, side="right")]
        return np.exp(-until * self.relative[patient])


def untreated_probability(time: np.ndarray, starts: np.ndarray, X: np.ndarray) -> Untreated:
    """Model the start of treatment by a Cox regression with the baseline of Kalbfleisch and Prentice [1]_.

    The baseline is the product limit: without covariates the probability is 1 minus the share that starts,
    multiplied over the times of start. exp(-cumulative hazard) is not that where many start at one time.

    Parameters
    ----------
    time : float array, shape (n,)
        Until the start, or until follow-up of it ends, from 0.
    starts : bool array, shape (n,)
        Whether it ends with the start.
    X : float array, shape (n, k)

    Returns
    -------
    Untreated

    References
    ----------
    .. [1] Kalbfleisch JD, Prentice RL. Marginal likelihoods based on Cox’s regression and life model.
       Biometrika 1973;60:267–278.
    """
    centred = X - X.mean(axis=0)
    fit = cox(time, starts.astype(np.int64), centred)
    # Covariates that do not vary among those who could start leave the product limit.
    if fit.status not in (Status.OK, Status.CONSTANT):
        return Untreated(fit.status, np.empty(0), np.empty(0), np.ones(time.size))
    relative = np.exp((centred * np.nan_to_num(fit.coefficients)).sum(axis=1))
    times = np.unique(time[starts])
    steps = [baseline_step(relative[starts & (time == t)], relative[time >= t].sum()) for t in times]
    return Untreated(Status.OK, times, np.cumsum(steps), relative)


def baseline_step(starting: np.ndarray, at_risk: float) -> float:
    """Solve sum of r / (1 - exp(-r c)) over those who start together = sum of r over those at risk, for c.

    Parameters
    ----------
    starting : float array, shape (d,)
        Relative hazards r of those who start.
    at_risk : float
        Sum of the relative hazards of all at risk, those who start among them.

    Returns
    -------
    float
        The step of -log of the baseline; infinite where nobody is left.
    """
    left = at_risk - float(starting.sum())
    if left <= 1e-12 * at_risk:
        return float("inf")
    if starting.size == 1:
        return float(-np.log1p(-starting[0] / at_risk) / starting[0])

    def excess(c: float) -> float:
        return float((starting / -np.expm1(-starting * c)).sum()) - at_risk

    # 1 / c <= r / (1 - exp(-r c)) <= r + 1 / c.
    return float(
        brentq(excess, starting.size / at_risk * (1 - 1e-9), starting.size / left * (1 + 1e-9), rtol=1e-14)
    )
