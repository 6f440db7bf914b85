"""Unpenalised logistic regression by Newton's method, columns centred and scaled to SD 1."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.linear import independent_columns, inflated, invert_spd
from survival_multiverse.kernels.patterns import row_patterns

CONVERGED, SEPARATED, NOT_CONVERGED, NEARLY_SEPARATED, COLLINEAR = 0, 1, 2, 3, 4
LARGEST_SCALED_COEFFICIENT = 10.0
RECESSION_TOLERANCE = 1e-7


@njit(cache=True)
def standardise(P, counts):
    """Centre and scale patterns to SD 1 over all patients (n - 1); return (Z, centre, scale).

    The scale of a constant column is 0.
    """
    patterns, k = P.shape
    n = np.sum(counts)
    Z = np.zeros((patterns, k))
    centre = np.zeros(k)
    scale = np.zeros(k)
    for j in range(k):
        lowest = highest = P[0, j]
        total = 0.0
        for row in range(patterns):
            lowest = min(lowest, P[row, j])
            highest = max(highest, P[row, j])
            # Offsets from the first row keep a large common offset from costing digits.
            total += (counts[row, 0] + counts[row, 1]) * (P[row, j] - P[0, j])
        if lowest == highest:
            continue
        centre[j] = P[0, j] + total / n
        squares = 0.0
        for row in range(patterns):
            squares += (counts[row, 0] + counts[row, 1]) * (P[row, j] - centre[j]) ** 2
        # Differences too small to square are none.
        if squares == 0.0:
            continue
        scale[j] = np.sqrt(squares / (n - 1))
        for row in range(patterns):
            Z[row, j] = (P[row, j] - centre[j]) / scale[j]
    return Z, centre, scale


@njit(cache=True)
def linear_predictor(row, beta):
    """Return beta[0] + row . beta[1:]."""
    eta = beta[0]
    for j in range(row.shape[0]):
        eta += row[j] * beta[j + 1]
    return eta


@njit(cache=True)
def score_and_information(Z, counts, beta, gradient, information):
    """Fill the score and the information matrix at beta; return the log-likelihood.

    ``Z`` holds one row a pattern of covariates, ``counts`` (patterns, 2) the patients of each arm with it.
    """
    k = Z.shape[1]
    gradient[:] = 0.0
    information[:, :] = 0.0
    log_likelihood = 0.0
    for row in range(Z.shape[0]):
        eta = linear_predictor(Z[row], beta)
        # The smaller tail is computed as such: no cancellation in 1 - p.
        small = np.exp(-abs(eta))
        minor, major = small / (1.0 + small), 1.0 / (1.0 + small)
        treated, untreated = (major, minor) if eta >= 0.0 else (minor, major)
        log_likelihood += counts[row, 1] * min(eta, 0.0) + counts[row, 0] * min(-eta, 0.0)
        log_likelihood -= (counts[row, 0] + counts[row, 1]) * np.log1p(small)
        residual = counts[row, 1] * untreated - counts[row, 0] * treated
        weight = (counts[row, 0] + counts[row, 1]) * minor * major
        gradient[0] += residual
        information[0, 0] += weight
        for j in range(k):
            gradient[j + 1] += residual * Z[row, j]
            weighted = weight * Z[row, j]
            information[j + 1, 0] += weighted
            for m in range(j + 1):
                information[j + 1, m + 1] += weighted * Z[row, m]
    for j in range(k + 1):
        for m in range(j):
            information[m, j] = information[j, m]
    return log_likelihood


@njit(cache=True)
def is_recession_direction(Z, counts, direction):
    """Return whether the likelihood never falls along ``direction``: then it has no finite maximum."""
    lowest = highest = 0.0
    for row in range(Z.shape[0]):
        margin = linear_predictor(Z[row], direction)
        if counts[row, 1] > 0.0:
            lowest, highest = min(lowest, margin), max(highest, margin)
        if counts[row, 0] > 0.0:
            lowest, highest = min(lowest, -margin), max(highest, -margin)
    return highest > 0.0 and lowest >= -RECESSION_TOLERANCE * highest


@njit(cache=True)
def newton(Z, counts, tolerance, max_iterations, beta):
    """Maximise the likelihood in place; return (code, iterations).

    Converged when the Newton step, in standard errors, is at most ``tolerance``.
    """
    size = Z.shape[1] + 1
    gradient = np.empty(size)
    information = np.empty((size, size))
    step = np.empty(size)
    log_likelihood = score_and_information(Z, counts, beta, gradient, information)
    for iteration in range(1, max_iterations + 1):
        inverse, ok = invert_spd(information)
        if not ok:
            return (SEPARATED if is_recession_direction(Z, counts, beta) else singular_code(beta)), iteration
        decrement = 0.0
        for j in range(size):
            step[j] = 0.0
            for m in range(size):
                step[j] += inverse[j, m] * gradient[m]
            decrement += step[j] * gradient[j]
        if decrement <= tolerance * tolerance:
            for j in range(size):
                beta[j] += step[j]
            return (COLLINEAR if np.any(inflated(information, inverse)[1:]) else CONVERGED), iteration
        if is_recession_direction(Z, counts, step):
            return SEPARATED, iteration
        log_likelihood = damped_step(Z, counts, beta, step, log_likelihood, gradient, information)
    return NOT_CONVERGED, max_iterations


@njit(cache=True)
def singular_code(beta):
    """Say why the information is singular: collinear columns, or probabilities of nearly 0 and 1 far out."""
    return COLLINEAR if np.max(np.abs(beta)) <= LARGEST_SCALED_COEFFICIENT else NOT_CONVERGED


@njit(cache=True)
def damped_step(Z, counts, beta, step, log_likelihood, gradient, information):
    """Move beta along ``step``, halved until the likelihood does not fall; return the new log-likelihood."""
    start = beta.copy()
    factor = 1.0
    floor = log_likelihood - 1e-12 * abs(log_likelihood)
    reached = log_likelihood
    for _ in range(30):
        for j in range(beta.shape[0]):
            beta[j] = start[j] + factor * step[j]
        reached = score_and_information(Z, counts, beta, gradient, information)
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
    n = X.shape[0]
    coefficients[:] = np.nan
    predictor[:] = np.nan
    pattern, first = row_patterns(X)
    counts = np.zeros((first.shape[0], 2))
    for i in range(n):
        counts[pattern[i], arm[i]] += 1.0
    Z, centre, scale = standardise(X[first], counts)
    usable[:] = independent_columns(X[first]) & (scale > 0.0)
    kept = np.nonzero(usable)[0]
    design = np.ascontiguousarray(Z[:, kept])
    beta = np.zeros(kept.shape[0] + 1)
    code, iterations = newton(design, counts, tolerance, max_iterations, beta)
    if np.any(np.abs(beta[1:]) > LARGEST_SCALED_COEFFICIENT) and code not in (SEPARATED, COLLINEAR):
        code = NEARLY_SEPARATED
    if code != CONVERGED:
        return code, iterations, np.nan
    intercept = beta[0]
    for j in range(kept.shape[0]):
        coefficients[kept[j]] = beta[j + 1] / scale[kept[j]]
        intercept -= coefficients[kept[j]] * centre[kept[j]]
    by_pattern = np.empty(first.shape[0])
    for row in range(first.shape[0]):
        by_pattern[row] = linear_predictor(design[row], beta)
    for i in range(n):
        predictor[i] = by_pattern[pattern[i]]
    return code, iterations, intercept
