"""Unpenalised logistic regression by Newton's method, columns centred and scaled to SD 1."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.linear import independent_columns, invert_spd

CONVERGED, SEPARATED, NOT_CONVERGED = 0, 1, 2
LARGEST_SCALED_COEFFICIENT = 10.0
RECESSION_TOLERANCE = 1e-7


@njit(cache=True)
def standardise(X):
    """Centre and scale columns to SD 1 (n - 1); return (Z, centre, scale), scale 0 for a constant column."""
    n, k = X.shape
    Z = np.zeros((n, k))
    centre = np.zeros(k)
    scale = np.zeros(k)
    for j in range(k):
        lowest = highest = X[0, j]
        total = 0.0
        for i in range(n):
            lowest = min(lowest, X[i, j])
            highest = max(highest, X[i, j])
            # Offsets from the first row keep a large common offset from costing digits.
            total += X[i, j] - X[0, j]
        if lowest == highest:
            continue
        centre[j] = X[0, j] + total / n
        squares = 0.0
        for i in range(n):
            squares += (X[i, j] - centre[j]) ** 2
        scale[j] = np.sqrt(squares / (n - 1))
        for i in range(n):
            Z[i, j] = (X[i, j] - centre[j]) / scale[j]
    return Z, centre, scale


@njit(cache=True)
def linear_predictor(row, beta):
    """Return beta[0] + row . beta[1:]."""
    eta = beta[0]
    for j in range(row.shape[0]):
        eta += row[j] * beta[j + 1]
    return eta


@njit(cache=True)
def score_and_information(Z, arm, beta, gradient, information):
    """Fill the score and the information matrix at beta; return the log-likelihood."""
    n, k = Z.shape
    gradient[:] = 0.0
    information[:, :] = 0.0
    log_likelihood = 0.0
    for i in range(n):
        eta = linear_predictor(Z[i], beta)
        # Signed so that a well-fitted patient has a large positive margin: no cancellation in 1 - p.
        sign = 1.0 if arm[i] == 1 else -1.0
        margin = sign * eta
        small = np.exp(-abs(margin))
        log_likelihood += min(margin, 0.0) - np.log1p(small)
        residual = sign * (small if margin >= 0 else 1.0) / (1.0 + small)
        weight = small / (1.0 + small) ** 2
        gradient[0] += residual
        information[0, 0] += weight
        for j in range(k):
            gradient[j + 1] += residual * Z[i, j]
            weighted = weight * Z[i, j]
            information[j + 1, 0] += weighted
            for m in range(j + 1):
                information[j + 1, m + 1] += weighted * Z[i, m]
    for j in range(k + 1):
        for m in range(j):
            information[m, j] = information[j, m]
    return log_likelihood


@njit(cache=True)
def is_recession_direction(Z, arm, direction):
    """Whether the likelihood never falls along ``direction``: then it has no finite maximum."""
    lowest = highest = 0.0
    for i in range(Z.shape[0]):
        margin = linear_predictor(Z[i], direction)
        if arm[i] == 0:
            margin = -margin
        lowest = min(lowest, margin)
        highest = max(highest, margin)
    return highest > 0.0 and lowest >= -RECESSION_TOLERANCE * highest


@njit(cache=True)
def newton(Z, arm, tolerance, max_iterations, beta):
    """Maximise the likelihood in place; return (code, iterations).

    Converged when the Newton step, in standard errors, is at most ``tolerance``.
    """
    size = Z.shape[1] + 1
    gradient = np.empty(size)
    information = np.empty((size, size))
    step = np.empty(size)
    log_likelihood = score_and_information(Z, arm, beta, gradient, information)
    for iteration in range(1, max_iterations + 1):
        inverse, ok = invert_spd(information)
        if not ok:
            return (SEPARATED if is_recession_direction(Z, arm, beta) else NOT_CONVERGED), iteration
        decrement = 0.0
        for j in range(size):
            step[j] = 0.0
            for m in range(size):
                step[j] += inverse[j, m] * gradient[m]
            decrement += step[j] * gradient[j]
        if decrement <= tolerance * tolerance:
            for j in range(size):
                beta[j] += step[j]
            return CONVERGED, iteration
        if is_recession_direction(Z, arm, step):
            return SEPARATED, iteration
        log_likelihood = damped_step(Z, arm, beta, step, log_likelihood, gradient, information)
    return NOT_CONVERGED, max_iterations


@njit(cache=True)
def damped_step(Z, arm, beta, step, log_likelihood, gradient, information):
    """Move beta along ``step``, halved until the likelihood does not fall; return the new log-likelihood."""
    start = beta.copy()
    factor = 1.0
    floor = log_likelihood - 1e-12 * abs(log_likelihood)
    reached = log_likelihood
    for _ in range(30):
        for j in range(beta.shape[0]):
            beta[j] = start[j] + factor * step[j]
        reached = score_and_information(Z, arm, beta, gradient, information)
        if reached >= floor:
            break
        factor *= 0.5
    return reached


@njit(cache=True)
def logistic_kernel(X, arm, tolerance, max_iterations, coefficients, predictor, usable):
    """Fit arm ~ 1 + X; return (code, iterations, intercept).

    Fills ``coefficients`` (k,), ``predictor`` (n,) and ``usable`` (k,): 1, or 0 for a constant or aliased
    column, whose coefficient is NaN. All is NaN unless the code is CONVERGED. Both arms must be present.
    """
    n, k = X.shape
    coefficients[:] = np.nan
    predictor[:] = np.nan
    Z, centre, scale = standardise(X)
    independent = independent_columns(X)
    kept = np.empty(k, dtype=np.int64)
    n_kept = 0
    for j in range(k):
        usable[j] = 1 if independent[j] and scale[j] > 0.0 else 0
        if usable[j] == 1:
            kept[n_kept] = j
            n_kept += 1
    design = np.empty((n, n_kept))
    for j in range(n_kept):
        for i in range(n):
            design[i, j] = Z[i, kept[j]]
    beta = np.zeros(n_kept + 1)
    code, iterations = newton(design, arm, tolerance, max_iterations, beta)
    for j in range(1, n_kept + 1):
        if abs(beta[j]) > LARGEST_SCALED_COEFFICIENT:
            code = SEPARATED
    if code != CONVERGED:
        return code, iterations, np.nan
    intercept = beta[0]
    for j in range(n_kept):
        coefficients[kept[j]] = beta[j + 1] / scale[kept[j]]
        intercept -= coefficients[kept[j]] * centre[kept[j]]
    for i in range(n):
        predictor[i] = linear_predictor(design[i], beta)
    return code, iterations, intercept
