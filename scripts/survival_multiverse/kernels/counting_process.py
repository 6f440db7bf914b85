"""Compiled Cox regression with delayed entry (counting process): who is at risk at t has entry < t <= time.

Rows ascend by (stratum, time). Without late entries every number is that of `cox` and `cox_binary`, but for
rounding.
"""

import numpy as np
from numba import njit

from survival_multiverse.kernels.cox import (
    CONSTANT,
    FLAT_GAIN,
    FLAT_STEP,
    LARGEST_SCALED_BETA,
    LIKELIHOOD_NOISE,
    MAX_HALVINGS,
    MAX_ITERATIONS,
    NEAR_SEPARATION,
    NO_CONVERGENCE,
    OK,
    RECESSION_TOLERANCE,
    SEPARATION,
    STEP_TOLERANCE,
    TOO_FEW_EVENTS,
    add_compensator,
    add_death,
    hazard_step,
    largest_size,
    sandwich,
    widen,
)
from survival_multiverse.kernels.cox_binary import hazards, maximize_table, relative_risks, score_residual
from survival_multiverse.kernels.cox_likelihood import (
    absorb_ties,
    add_event_time,
    linear_predictor,
    standardize,
)
from survival_multiverse.kernels.entry import CANCELLED, drop_later, entry_order
from survival_multiverse.kernels.linear import (
    cholesky_solve,
    collinear_columns,
    independent_columns,
    invert_spd,
)


@njit(cache=True)
def _stratum_end(stratum, start):
    end = start
    while end < stratum.shape[0] and stratum[end] == stratum[start]:
        end += 1
    return end


@njit(cache=True)
def _linked(time, entry, event, start, end):
    """Return a stratum's times of death, and by time the number of its group: groups share no patient."""
    times = np.unique(time[start:end][event[start:end] == 1])
    links = np.zeros(times.shape[0] + 1, dtype=np.int64)
    for i in range(start, end):
        first = np.searchsorted(times, entry[i], side="right")
        last = np.searchsorted(times, time[i], side="right") - 1
        if first < last:
            links[first] += 1
            links[last] -= 1
    groups = np.zeros(times.shape[0], dtype=np.int64)
    for place in range(1, times.shape[0]):
        links[place] += links[place - 1]
        groups[place] = groups[place - 1] + (1 if links[place - 1] == 0 else 0)
    return times, groups


@njit(cache=True)
def identifiable_late(time, entry, event, X, stratum):
    """Find columns that the partial likelihood can separate, as `cox_likelihood.identifiable_columns`.

    A combination of columns never enters the likelihood if it is constant in every risk set, and so among
    all patients whom risk sets link.
    """
    n, k = X.shape
    at_risk = np.empty((n, k))
    rows = start = 0
    while start < n:
        end = _stratum_end(stratum, start)
        times, groups = _linked(time, entry, event, start, end)
        number = groups[-1] + 1 if groups.shape[0] else 0
        total, first_of = np.zeros((number, k)), np.full(number, -1, dtype=np.int64)
        size = np.zeros(number, dtype=np.int64)
        member = np.full(end - start, -1, dtype=np.int64)
        for i in range(start, end):
            place = np.searchsorted(times, entry[i], side="right")
            if place >= times.shape[0] or times[place] > time[i]:
                continue
            group = groups[place]
            member[i - start] = group
            if first_of[group] < 0:
                first_of[group] = i
            size[group] += 1
            total[group] += X[i] - X[first_of[group]]
        for i in range(start, end):
            group = member[i - start]
            if group >= 0:
                at_risk[rows] = X[i] - X[first_of[group]] - total[group] / size[group]
                rows += 1
        start = end
    return independent_columns(at_risk[:rows])


@njit(cache=True)
def _likelihood(rows, event, Z, weight, stratum, beta, efron, score, info):
    """Return the log partial likelihood, or -inf if not computable; fill ``score`` and ``info``."""
    time = rows[0]
    k = Z.shape[1]
    eta = linear_predictor(Z, beta)
    risk = weight * np.exp(eta)
    size = 1 + k + k * (k + 1) // 2
    moments, dead = np.zeros(size), np.zeros(size)
    score[:] = 0.0
    info[:, :] = 0.0
    loglik = peak = 0.0
    i = late = time.shape[0] - 1
    stop = i + 1
    while i >= 0:
        end = i
        i, deaths, dead_weight, dead_eta = absorb_ties(
            i, time, event, Z, weight, stratum, eta, moments, dead, score
        )
        if deaths > 0:
            late, peak = drop_later(rows, Z, risk, i + 1, stop, late, peak, moments)
            loglik += dead_eta - add_event_time(moments, dead, deaths, dead_weight, efron, score, info)
            dead[:] = 0.0
        if i >= 0 and stratum[i] != stratum[end]:
            moments[:] = 0.0
            peak, late, stop = 0.0, i, i + 1
    for a in range(k):
        for b in range(a):
            info[b, a] = info[a, b]
    return loglik if np.isfinite(loglik) else -np.inf


@njit(cache=True)
def _is_recession_direction(rows, event, Z, stratum, direction):
    """Return whether the likelihood never falls along `direction`, as `cox.is_recession_direction`."""
    time, entry, _ = rows
    margin = np.zeros(Z.shape[0])
    for i in range(Z.shape[0]):
        for j in range(Z.shape[1]):
            margin[i] += Z[i, j] * direction[j]
    tolerance = RECESSION_TOLERANCE * (np.max(margin) - np.min(margin))
    rises = False
    for i in range(time.shape[0]):
        if event[i] != 1:
            continue
        first = i
        while first > 0 and time[first - 1] == time[i] and stratum[first - 1] == stratum[i]:
            first -= 1
        for row in range(first, time.shape[0]):
            if stratum[row] != stratum[i]:
                break
            if entry[row] < time[i]:
                if margin[row] > margin[i] + tolerance:
                    return False
                rises = rises or margin[row] < margin[i] - tolerance
    return rises


@njit(cache=True)
def _too_far(rows, event, Z, stratum, beta, step, info):
    """Return whether |beta| > 10 in a column whose coefficient is its own, and the step leads further out."""
    if not largest_size(beta) > LARGEST_SCALED_BETA:
        return False
    shared = collinear_columns(info)
    for j in range(beta.shape[0]):
        if abs(beta[j]) > LARGEST_SCALED_BETA and beta[j] * step[j] > 0.0 and not shared[j]:
            return True
    return False


@njit(cache=True)
def _climb(rows, event, Z, weight, stratum, efron, beta, step, loglik, score, info):
    """Move `beta` by the step, halved until the likelihood does not fall. Returns loglik, success."""
    floor = loglik - LIKELIHOOD_NOISE * (abs(loglik) + 1.0)
    factor = 1.0
    for _ in range(MAX_HALVINGS):
        trial = beta + factor * step
        value = _likelihood(rows, event, Z, weight, stratum, trial, efron, score, info)
        if value >= floor:
            beta[:] = trial
            return value, True
        factor *= 0.5
    return loglik, False


@njit(cache=True)
def _maximize(rows, event, Z, weight, stratum, efron, beta, score, info):
    """Maximise by Newton's method from `beta` = 0, as `cox.maximize`; the returned values are the same."""
    loglik = _likelihood(rows, event, Z, weight, stratum, beta, efron, score, info)
    loglik_null, statistic = loglik, 0.0
    event_weight, previous, code, iteration = np.sum(weight * event), np.inf, NO_CONVERGENCE, 0
    while iteration < MAX_ITERATIONS:
        iteration += 1
        step = cholesky_solve(info, score)
        gain = 0.0
        for j in range(beta.shape[0]):
            gain += score[j] * step[j]
        if iteration == 1:
            statistic = gain
        size = largest_size(step)
        if not size < np.inf:
            if iteration > 1 and largest_size(score) <= FLAT_GAIN * event_weight:
                code = SEPARATION
            break
        flat = gain <= FLAT_GAIN * event_weight and size > FLAT_STEP and size > 0.5 * previous
        far = _too_far(rows, event, Z, stratum, beta, step, info)
        if flat or (far and _is_recession_direction(rows, event, Z, stratum, step)):
            code = SEPARATION
            break
        loglik, climbed = _climb(rows, event, Z, weight, stratum, efron, beta, step, loglik, score, info)
        if size <= STEP_TOLERANCE and climbed:
            code = OK
        if size <= STEP_TOLERANCE or not climbed:
            break
        previous = size
    if code in (OK, NO_CONVERGENCE) and _too_far(rows, event, Z, stratum, beta, beta, info):
        code = NEAR_SEPARATION
    return loglik, loglik_null, statistic, iteration, code


@njit(cache=True)
def late_residuals(rows, event, Z, weight, stratum, beta, efron):
    """Return the weighted score residuals, shape (n, k), as `cox.score_residuals`.

    A row begins to pay for the hazard at its entry: what later event times cost it is its time's less its
    entry's.
    """
    time, _, order = rows
    n, k = Z.shape
    eta = linear_predictor(Z, beta)
    risk, weighted = np.exp(eta), weight * np.exp(eta)
    residual = np.zeros((n, k))
    size = 1 + k + k * (k + 1) // 2
    moments, dead = np.zeros(size), np.zeros(size)
    total, lag, mean, score = np.zeros(1 + k), np.zeros(1 + k), np.zeros(k), np.zeros(k)
    peak = 0.0
    i = late = n - 1
    stop = n
    while i >= 0:
        end = i + 1
        i, deaths, dead_weight, _ = absorb_ties(i, time, event, Z, weight, stratum, eta, moments, dead, score)
        add_compensator(residual, Z, risk, i + 1, end, total, 1.0)
        if deaths > 0:
            before = late
            late, peak = drop_later(rows, Z, weighted, i + 1, stop, late, peak, moments)
            for place in range(late + 1, before + 1):
                add_compensator(residual, Z, risk, order[place], order[place] + 1, total, -1.0)
            hazard_step(moments, dead, deaths, dead_weight, efron, total, lag, mean)
            for row in range(i + 1, end):
                if event[row] == 1:
                    add_death(residual, Z, risk, row, lag, mean)
            dead[:] = 0.0
        if i < 0 or stratum[i] != stratum[end - 1]:
            for place in range(i + 1, late + 1):
                add_compensator(residual, Z, risk, order[place], order[place] + 1, total, -1.0)
            moments[:] = 0.0
            total[:] = 0.0
            peak, late, stop = 0.0, i, i + 1
    for row in range(n):
        for j in range(k):
            residual[row, j] *= weight[row]
    return residual


@njit(cache=True)
def fit_late(time, entry, event, X, weight, stratum, cluster, clusters, efron):
    """Fit a Cox model to sorted rows with entries; arguments and results as of `cox.fit_cox`."""
    k = X.shape[1]
    coefficients = np.full(k, np.nan)
    model = np.full((k, k), np.nan)
    robust = np.full((k, k), np.nan)
    if np.sum(event) == 0:
        kept = np.ones(k, dtype=np.bool_)
        return coefficients, model, robust, kept, (np.nan, np.nan, np.nan), 0, TOO_FEW_EVENTS
    kept = identifiable_late(time, entry, event, X, stratum)
    Z, _, scale = standardize(X, kept)
    p = Z.shape[1]
    beta, score, info = np.zeros(p), np.zeros(p), np.zeros((p, p))
    rows = (time, entry, entry_order(entry, stratum))
    loglik, loglik_null, statistic, iterations, code = _maximize(
        rows, event, Z, weight, stratum, efron, beta, score, info
    )
    inverse, invertible = invert_spd(info)
    if code == OK and not invertible:
        code = NO_CONVERGENCE
    if code != OK:
        return coefficients, model, robust, kept, (np.nan, loglik_null, statistic), iterations, code
    coefficients[kept] = beta / scale
    model = widen(inverse, scale, kept)
    if clusters > 0:
        residual = late_residuals(rows, event, Z, weight, stratum, beta, efron)
        robust = widen(sandwich(residual, cluster, clusters, inverse), scale, kept)
    if p == 0 and k > 0:
        code = CONSTANT
    return coefficients, model, robust, kept, (loglik, loglik_null, statistic), iterations, code


@njit(cache=True)
def _weight_at_risk(entry, x, weight, first, now, arm):
    """Sum the weights of those of an arm who have entered, among the rows from ``first`` on."""
    total = 0.0
    for row in range(first, entry.shape[0]):
        if entry[row] < now and (x[row] == 1) == (arm == 1):
            total += weight[row]
    return total


@njit(cache=True)
def _collapse(time, entry, event, x, weight):
    """Sum rows at risk at each distinct event time, as `cox_binary`; find where each row leaves and enters.

    Returns
    -------
    tuple
        `table` (m, 5): weight at risk and dying with x = 0, at risk and dying with x = 1, and the number of
        deaths, latest first; of each row the latest event time not after its time, and not after its entry
        (m when there is none).
    """
    n = time.shape[0]
    order = np.argsort(entry, kind="mergesort")
    table = np.zeros((n, 5))
    leaves, enters = np.empty(n, dtype=np.int64), np.full(n, -1, dtype=np.int64)
    at_risk, peak = np.zeros(2), np.zeros(2)
    m = 0
    i = late = n - 1
    while i >= 0:
        now = time[i]
        while i >= 0 and time[i] == now:
            arm = 1 if x[i] == 1 else 0
            at_risk[arm] += weight[i]
            if event[i] == 1 and weight[i] > 0.0:
                table[m, 2 * arm + 1] += weight[i]
                table[m, 4] += 1.0
            leaves[i] = m
            i -= 1
        if table[m, 4] == 0.0:
            continue
        peak[0], peak[1] = max(peak[0], at_risk[0]), max(peak[1], at_risk[1])
        while entry[order[late]] >= now:
            row = order[late]
            arm = 1 if x[row] == 1 else 0
            at_risk[arm] -= weight[row]
            enters[row] = m
            late -= 1
        for arm in range(2):
            if at_risk[arm] < CANCELLED * peak[arm]:
                at_risk[arm] = peak[arm] = _weight_at_risk(entry, x, weight, i + 1, now, arm)
        table[m, 0], table[m, 2] = at_risk[0], at_risk[1]
        m += 1
    enters[enters < 0] = m
    return table[:m], leaves, enters


@njit(cache=True)
def solve_late(time, entry, event, x, weight, efron):
    """Return risk-set sums, where rows leave and enter, beta, information and code, as `cox_binary.solve`."""
    table, leaves, enters = _collapse(time, entry, event, x, weight)
    if table.shape[0] == 0:
        return table, leaves, enters, np.nan, np.nan, TOO_FEW_EVENTS
    if not np.any((table[:, 0] > 0.0) & (table[:, 2] > 0.0)):
        return table, leaves, enters, np.nan, np.nan, CONSTANT
    n = time.shape[0]
    exposed = np.sum(x)
    sd = np.sqrt(exposed * (n - exposed) / (n * (n - 1.0)))
    beta, info, code = maximize_table(table, sd, efron)
    return table, leaves, enters, beta, info, code


@njit(cache=True)
def residuals_late(event, x, leaves, enters, hazard, beta):
    """Score residuals, not yet multiplied by their weights, shape (n,); see `cox_binary.score_residual`."""
    risk0, risk1 = relative_risks(beta)
    residual = np.empty(event.shape[0])
    for i in range(event.shape[0]):
        exposed = x[i] == 1
        residual[i] = score_residual(exposed, event[i] == 1, leaves[i], hazard, risk0, risk1)
        residual[i] -= score_residual(exposed, False, enters[i], hazard, risk0, risk1)
    return residual


@njit(cache=True)
def cox_binary_late(time, entry, event, x, weight, cluster, efron):
    """Fit a Cox model of one 0/1 covariate with entries; arguments and results as of `cox_binary`."""
    table, leaves, enters, beta, info, code = solve_late(time, entry, event, x, weight, efron)
    if code != OK:
        return np.nan, np.nan, np.nan, code
    residual = residuals_late(event, x, leaves, enters, hazards(table, beta, efron), beta)
    sums = np.zeros(np.max(cluster) + 1)
    for i in range(event.shape[0]):
        sums[cluster[i]] += weight[i] * residual[i]
    meat = 0.0
    for value in sums:
        meat += value * value
    return beta, np.sqrt(1.0 / info), np.sqrt(meat) / info, OK
