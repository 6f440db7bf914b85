"""Compiled contrasts of standardised curves in one pass, for resampling; see `estimators.standardised`.

Patients alike in their covariates have the same curve in either arm, and are walked through once. A step
counts once for all measures: O(patterns m + n measures).
"""

import math

import numpy as np
from numba import njit

from survival_multiverse.kernels.counting_process import late_residuals
from survival_multiverse.kernels.cox import score_residuals
from survival_multiverse.kernels.cox_newton import EFRON
from survival_multiverse.kernels.curve_measures import median_of_steps, time_per_survival
from survival_multiverse.kernels.entry import entry_order
from survival_multiverse.kernels.limits import highest_of, lowest_of
from survival_multiverse.kernels.patterns import row_patterns
from survival_multiverse.kernels.standardised import hazard_steps


@njit(cache=True)
def _seen_until(time, event, arm):
    """Return until when both arms are followed: an arm for ever if all who are left at its end die."""
    until = np.full(2, -np.inf)
    for a in range(2):
        i = time.size - 1
        while i >= 0 and arm[i] != a:
            i -= 1
        if i < 0:
            continue
        until[a], last = np.inf, time[i]
        while i >= 0 and time[i] == last:
            if arm[i] == a and event[i] == 0:
                until[a] = last
            i -= 1
    return min(until[0], until[1])


@njit(cache=True)
def _kept_columns(arm, X, kept):
    """Return the arm and the covariates that the model kept, centred, shape (n, p), and the arm's mean."""
    n, columns = arm.size, np.nonzero(kept)[0]
    Z = np.empty((n, columns.size))
    share = 0.0
    for place in range(columns.size):
        column = columns[place]
        mean = 0.0
        for i in range(n):
            Z[i, place] = arm[i] if column == 0 else X[i, column - 1]
            mean += Z[i, place]
        mean /= n
        if column == 0:
            share = mean
        for i in range(n):
            Z[i, place] -= mean
    return Z, share


@njit(cache=True)
def _groups(X, Z, beta):
    """Return the group of each row, (n,), and by group its first row, its share and its relative risk."""
    n = X.shape[0]
    pattern, found = np.zeros(n, np.int64), np.zeros(1, np.int64)
    if X.shape[1] > 0:
        pattern, found = row_patterns(X)
    share, risk = np.zeros(found.size), np.empty(found.size)
    for i in range(n):
        share[pattern[i]] += 1.0 / n
    for g in range(found.size):
        predictor = 0.0
        for j in range(1, beta.size):
            predictor += Z[found[g], j] * beta[j]
        risk[g] = math.exp(predictor)
    return pattern, found, share, risk


@njit(cache=True)
def _widths(at, horizons):
    """Return how much of each horizon a step holds, shape (horizons, m)."""
    m = at.size
    widths = np.zeros((horizons.size, m))
    for j in range(horizons.size):
        for step in range(m):
            right = at[step + 1] if step + 1 < m else np.inf
            widths[j, step] = min(right, horizons[j]) - min(at[step], horizons[j])
    return widths


@njit(cache=True)
def _walk(cumulative, widths, share, risk, own):
    """Return what a walk over groups and steps gives, by arm.

    Returns
    -------
    tuple
        S, and the sum of risk times S, shape (2, m) each; by horizon and group the sum of width times S, and
        of width times cumulative hazard times risk times S, shape (2, horizons, groups) each.
    """
    m, groups, size = cumulative.size, risk.size, widths.shape[0]
    curves, slopes = np.zeros((2, m)), np.zeros((2, m))
    areas, tilts = np.zeros((2, size, groups)), np.zeros((2, size, groups))
    survival = np.empty(m)
    for a in range(2):
        for g in range(groups):
            r = risk[g] * own[a]
            for step in range(m):
                survival[step] = math.exp(-cumulative[step] * r)
                curves[a, step] += share[g] * survival[step]
                slopes[a, step] += share[g] * r * survival[step]
            for j in range(size):
                area = tilt = 0.0
                for step in range(m):
                    part = widths[j, step] * survival[step]
                    area += part
                    tilt += cumulative[step] * part
                areas[a, j, g], tilts[a, j, g] = area, r * tilt
    return curves, slopes, areas, tilts


@njit(cache=True)
def _add_arm(a, counts, survival, tilts, value, model, moves):
    """Add one arm's part of a measure to its derivatives.

    Parameters
    ----------
    a : int
        The arm; the other one has the other sign.
    counts : float64 array, shape (m,)
        v of each step.
    survival, tilts : float64 arrays, shape (groups,)
        By group the sum of v S, and of v times cumulative hazard times risk times S.
    value : float
        The sum of v S over everybody.
    model : tuple
        The slopes of `_walk`, (2, m); running sums of hazard times mean covariates, (m, p); the covariates of
        each group, (groups, p), with the arm's value there, (2,); and the share of each group.
    moves : tuple
        Are added to: derivatives in the hazard of a step, (m,); in the coefficients, (p,); and, times n, in
        the weight of a patient of whom is averaged, (groups,).
    """
    slopes, mean_sums, z, arm_values, share = model
    by_step, by_beta, own = moves
    sign = 2.0 * a - 1.0
    for g in range(share.size):
        own[g] += sign * (survival[g] - value)
        moved = sign * share[g] * tilts[g]
        by_beta[0] -= moved * arm_values[a]
        for j in range(1, by_beta.size):
            by_beta[j] -= moved * z[g, j]
    for step in range(counts.size):
        if counts[step] != 0.0:
            moved = sign * counts[step] * slopes[a, step]
            by_step[step] -= moved
            for j in range(by_beta.size):
                by_beta[j] += moved * mean_sums[step, j]


@njit(cache=True)
def _add_step(a, step, cumulative, risk, value, model, moves):
    """Add one arm's survival at a step; ``risk`` (groups,) is in this arm."""
    counts, survival, tilts = np.zeros(cumulative.size), np.empty(risk.size), np.empty(risk.size)
    counts[step] = 1.0
    for g in range(risk.size):
        survival[g] = math.exp(-cumulative[step] * risk[g])
        tilts[g] = cumulative[step] * risk[g] * survival[g]
    _add_arm(a, counts, survival, tilts, value, model, moves)


@njit(cache=True)
def _influence(rows, parts, moves, result):
    """Fill the derivative of a measure in each patient's weight, (n,), and clear ``moves``; return the error.

    ``rows``: event, risk, group, the number of steps at or before each row's time and its entry, (n,) each;
    and the derivative of the coefficients in a row's weight: score residuals, (n, p), variance, (p, p).
    """
    event, risk, group, last, before, residual, variance = rows
    by_step, by_beta, own = moves
    n, m, p = event.size, by_step.size, by_beta.size
    later, taken, direction = np.zeros(m + 1), np.zeros(m + 1), np.zeros(p)
    for step in range(m - 1, -1, -1):
        later[step] = later[step + 1] + by_step[step]
    for step in range(m):
        taken[step + 1] = taken[step] + parts[1, step] * later[step]
    for j in range(p):
        for k in range(p):
            direction[j] += variance[j, k] * by_beta[k]
    for i in range(n):
        moved = own[group[i]] / n - risk[i] * (taken[last[i]] - taken[before[i]])
        if event[i] == 1:
            step = last[i] - 1
            moved += later[step] * (parts[0, step] + risk[i] * (parts[1, step] - parts[2, step]))
        for j in range(p):
            moved += direction[j] * residual[i, j]
        result[i] = moved
    for part in moves:
        part[:] = 0.0
    return _root_of_squares(result)


@njit(cache=True)
def _root_of_squares(values):
    """Return the root of the sum of squares."""
    total = 0.0
    for value in values:
        total += value * value
    return math.sqrt(total)


@njit(cache=True)
def _narrow(matrix, kept):
    """Return the rows and columns of the matrix that are kept."""
    columns = np.nonzero(kept)[0]
    narrow = np.empty((columns.size, columns.size))
    for a in range(columns.size):
        for b in range(columns.size):
            narrow[a, b] = matrix[columns[a], columns[b]]
    return narrow


@njit(cache=True)
def _residuals(time, event, Z, beta, entry):
    """Return the score residuals of the rows, shape (n, p)."""
    one, unit = np.zeros(time.size, np.int64), np.ones(time.size)
    if entry is None:
        return score_residuals(time, event, Z, unit, one, beta, EFRON)
    return late_residuals((time, entry, entry_order(entry, one)), event, Z, unit, one, beta, EFRON)


@njit(cache=True)
def standardised_contrasts(time, event, arm, X, fit, horizons, times, out, entry=None):
    """Contrast the curves that a Cox model (Efron) gives everybody in either arm, with robust errors.

    Equal to `estimators.standardised.standardised` up to rounding.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked).
    event, arm : int64 arrays, shape (n,)
        0 or 1.
    X : float64 array, shape (n, k)
        Covariates beside the arm.
    fit : tuple
        Of `cox.fit_cox` on the arm and X: coefficients, model variance, and which columns it kept, the arm
        among them.
    horizons, times : float64 arrays
        Horizons of restricted means, and times of survival, in the unit of time.
    out : float64 array, shape (horizons + times + 1, 2)
        Gets estimates and standard errors, the median's last; NaN without one.
    entry : float64 array, shape (n,), or None
        Who enters at a time or later is not at risk then.
    """
    out[:] = np.nan
    coefficients, variance, kept = fit
    Z, arm_mean = _kept_columns(arm, X, kept)
    beta = coefficients[kept]
    group, found, share, others = _groups(X, Z, beta)
    arm_values = np.array([-arm_mean, 1.0 - arm_mean])
    own_risk = np.exp(arm_values * beta[0])
    risk = others[group] * own_risk[arm]
    at, hazard, parts, mean_sums = hazard_steps(time, event, risk, Z, entry)
    cumulative = np.cumsum(hazard)
    for step in range(1, at.size):
        mean_sums[step] += mean_sums[step - 1]
    widths = _widths(at, horizons)
    curves, slopes, areas, tilts = _walk(cumulative, widths, share, others, own_risk)
    last = np.searchsorted(at, time, side="right")
    before = np.zeros_like(last) if entry is None else np.searchsorted(at, entry, side="right")
    derivatives = _residuals(time, event, Z, beta, entry), _narrow(variance, kept)
    rows = (event, risk, group, last, before, *derivatives)
    model = slopes, mean_sums, Z[found], arm_values, share
    moves = np.zeros(at.size), np.zeros(beta.size), np.zeros(share.size)
    influence, seen = np.empty(time.size), _seen_until(time, event, arm)
    for j in range(horizons.size):
        if seen >= lowest_of(horizons[j]):
            area = np.array([np.sum(widths[j] * curves[0]), np.sum(widths[j] * curves[1])])
            for a in range(2):
                _add_arm(a, widths[j], areas[a, j], tilts[a, j], area[a], model, moves)
            _fill(area, _influence(rows, parts, moves, influence), out[j])
    for j in range(times.size):
        step = np.searchsorted(at, highest_of(times[j]), side="right") - 1
        if step >= 0 and seen >= lowest_of(times[j]):
            for a in range(2):
                _add_step(a, step, cumulative, others * own_risk[a], curves[a, step], model, moves)
            error = _influence(rows, parts, moves, influence)
            _fill(curves[:, step], error, out[horizons.size + j])
    medians, moved = np.empty(2), np.zeros(time.size)
    for a in range(2):
        medians[a] = median_of_steps(at, curves[a], 0, time[-1])
        if np.isnan(medians[a]):
            return
        step = np.searchsorted(at, medians[a], side="right") - 1
        _add_step(a, step, cumulative, others * own_risk[a], curves[a, step], model, moves)
        error = _influence(rows, parts, moves, influence)
        moved += influence * time_per_survival(at, curves[a], 0, medians[a], error)
    _fill(medians, _root_of_squares(moved), out[-1])


@njit(cache=True)
def _fill(values, error, out):
    """Fill in a contrast, unless nothing varied."""
    if error > 0.0:
        out[0], out[1] = values[1] - values[0], error
