"""Compiled Cox regression on the arm, weighted by a logistic propensity score that was itself estimated."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.counting_process import residuals_late, solve_late
from survival_multiverse.kernels.cox import NO_CONVERGENCE, OK
from survival_multiverse.kernels.cox_binary import hazards, relative_risks, score_residual, solve
from survival_multiverse.kernels.cox_newton import EFRON
from survival_multiverse.kernels.linear import cholesky_solve
from survival_multiverse.settings.schema import WEIGHTED

# In the order of their estimators.
OVERLAP, IPTW = range(len(WEIGHTED))


@njit(cache=True)
def score_weights(arm, probability, share, kind):
    """Weights by their definitions, shape (n,); ``share`` is that of the arm. See `weighted_arm`."""
    n = arm.shape[0]
    weight = np.empty(n)
    for i in range(n):
        treated = arm[i] == 1
        if kind == OVERLAP:
            weight[i] = 1.0 - probability[i] if treated else probability[i]
        elif treated:
            weight[i] = share / probability[i] if probability[i] > 0.0 else np.inf
        else:
            weight[i] = (1.0 - share) / (1.0 - probability[i]) if probability[i] < 1.0 else np.inf
    return weight


@njit(cache=True)
def tilt(probability, kind):
    """Return how much a patient counts, in either arm, in the population weighted to, shape (n,)."""
    if kind == OVERLAP:
        return probability * (1.0 - probability)
    return np.ones_like(probability)


@njit(cache=True)
def standard_design(X):
    """Return an intercept and the columns, centred and scaled to SD 1, shape (n, k + 1).

    The variance sought does not depend on their origin and scale, its rounding does.
    """
    n, k = X.shape
    design = np.ones((n, k + 1))
    for j in range(k):
        mean = 0.0
        for i in range(n):
            # Offsets from the first row keep a large common offset from costing digits.
            mean += X[i, j] - X[0, j]
        mean /= n
        square = 0.0
        for i in range(n):
            design[i, j + 1] = X[i, j] - X[0, j] - mean
            square += design[i, j + 1] * design[i, j + 1]
        sd = np.sqrt(square / n)
        if sd > 0.0:
            for i in range(n):
                design[i, j + 1] /= sd
    return design


@njit(cache=True)
def logistic_information(design, probability):
    """Return the information of the score's coefficients, the lower triangle filled."""
    n, size = design.shape
    information = np.zeros((size, size))
    for i in range(n):
        spread = probability[i] * (1.0 - probability[i])
        for j in range(size):
            weighted = spread * design[i, j]
            for m in range(j + 1):
                information[j, m] += weighted * design[i, m]
    return information


@njit(cache=True)
def slope(arm, probability, weight, kind):
    """Return the derivative of a row's weight in its logit."""
    if kind == OVERLAP:
        spread = probability * (1.0 - probability)
        return -spread if arm == 1 else spread
    return -weight * (1.0 - probability) if arm == 1 else weight * probability


@njit(cache=True)
def stacked_meat(arm, X, probability, weight, residual, share, kind):
    """Sum of squared influences on the weighted score; NaN where the score's information is singular."""
    n = arm.shape[0]
    design = standard_design(X)
    size = design.shape[1]
    derivative = np.zeros(size)
    # How the score moves with the share of the arm that stabilises the weights.
    drift = 0.0
    for i in range(n):
        change = residual[i] * slope(arm[i], probability[i], weight[i], kind)
        for j in range(size):
            derivative[j] += change * design[i, j]
        if kind == IPTW:
            drift += residual[i] * weight[i] / (share if arm[i] == 1 else share - 1.0)
    direction = cholesky_solve(logistic_information(design, probability), derivative)
    meat = 0.0
    for i in range(n):
        along = 0.0
        for j in range(size):
            along += direction[j] * design[i, j]
        influence = weight[i] * residual[i] + along * (arm[i] - probability[i])
        influence += drift * (arm[i] - share) / n
        meat += influence * influence
    return meat


@njit(cache=True)
def weighted_arm(time, event, arm, X, probability, kind, entry=None):
    """Fit an Efron Cox regression on the arm, weighted by the score, with two standard errors.

    `robust_se` takes the weights as known (R's ``coxph(weights=, robust=TRUE)``, [1]_).
    `stacked_se` solves the estimating equations of the logistic score, of the share of the arm in stabilised
    weights, and of the Cox model together ([2]_, [3]_): a patient's influence
    is the weighted score residual, plus the derivative of the weighted score in the score's coefficients
    times the influence on those.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked).
    event, arm : int64 arrays, shape (n,)
        0 or 1.
    X : float64 array, shape (n, k)
        Columns of the score without an intercept, neither constant nor aliased.
    probability : float64 array, shape (n,)
        P(A = 1 | X) by unpenalised logistic maximum likelihood on X and an intercept.
    kind : int
        OVERLAP: 1 - p for A = 1, p for A = 0. IPTW: P(A = a) / P(A = a | X).
    entry : float64 array, shape (n,), or None
        Who enters at a time or later is not at risk then.

    Returns
    -------
    tuple of (beta, robust_se, stacked_se, code)
        NaN unless the code (the constants of `kernels.cox`) is OK; `stacked_se` is NaN also where the
        information of the score is singular.

    References
    ----------
    .. [1] Lin DY, Wei LJ. The robust inference for the Cox proportional hazards model. Journal of the
       American Statistical Association 1989;84:1074–1078.
    .. [2] Stefanski LA, Boos DD. The calculus of M-estimation. The American Statistician 2002;56:29–38.
    .. [3] Shu D, Young JG, Toh S, Wang R. Variance estimation in inverse probability weighted Cox models.
       Biometrics 2021;77:1101–1117.
    """
    n = time.shape[0]
    share = np.sum(arm) / n if n > 0 else np.nan
    weight = score_weights(arm, probability, share, kind)
    if not np.isfinite(np.sum(weight)):
        return np.nan, np.nan, np.nan, NO_CONVERGENCE
    if entry is None:
        table, leaves, beta, info, code = solve(time, event, arm, weight, EFRON)
    else:
        table, leaves, enters, beta, info, code = solve_late(time, entry, event, arm, weight, EFRON)
    if code != OK:
        return np.nan, np.nan, np.nan, code
    hazard = hazards(table, beta, EFRON)
    risk0, risk1 = relative_risks(beta)
    residual = np.empty(n)
    if entry is not None:
        residual = residuals_late(event, arm, leaves, enters, hazard, beta)
    meat = 0.0
    for i in range(n):
        if entry is None:
            residual[i] = score_residual(arm[i] == 1, event[i] == 1, leaves[i], hazard, risk0, risk1)
        meat += (weight[i] * residual[i]) ** 2
    stacked = stacked_meat(arm, X, probability, weight, residual, share, kind)
    return beta, np.sqrt(meat) / info, np.sqrt(stacked) / info, OK
