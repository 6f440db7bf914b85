"""Compiled survival of everybody in either arm: standardised from a Cox model, and made doubly robust.

A measure is a sum of v_k S(t_k) over the steps t_k of a curve: survival at a time has one v of 1, a
restricted mean the widths of the steps. Loops run over patients and steps, O(n m); nothing so large is kept.
"""

import numpy as np
from numba import njit


@njit(cache=True)
def hazard_steps(time, event, risk, Z, entry=None):
    """Return the steps of the baseline hazard with Efron's tied deaths, by ascending time of death.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked).
    event : int64 array, shape (n,)
    risk : float64 array, shape (n,)
        exp(Z beta).
    Z : float64 array, shape (n, k)
        Covariates, centred.
    entry : float64 array, shape (n,), or None
        Who enters at a time or later is not at risk then.

    Returns
    -------
    tuple
        Times (m,); hazards (m,); by step what a death adds per unit of its weight, and what a row at risk or
        a row that dies takes away per unit of its risk (3, m); hazard times the mean of Z (m, k).
    """
    n, k = Z.shape
    at, hazard, parts, means = np.empty(n), np.zeros(n), np.zeros((3, n)), np.zeros((n, k))
    total, first_moment, dying_moment = 0.0, np.zeros(k), np.zeros(k)
    first, i = n, n - 1
    while i >= 0:
        now, stop = time[i], i
        deaths, dying = 0, 0.0
        dying_moment[:] = 0.0
        while i >= 0 and time[i] == now:
            total += risk[i]
            deaths += event[i]
            dying += event[i] * risk[i]
            # Loops: an expression of arrays would take memory for each row.
            for j in range(k):
                moment = risk[i] * Z[i, j]
                first_moment[j] += moment
                dying_moment[j] += event[i] * moment
            i -= 1
        if deaths == 0:
            continue
        if entry is not None:
            total, first_moment = _moments_late(time, entry, risk, Z, i + 1)
        first -= 1
        at[first] = time[stop]
        for tied in range(deaths):
            gone = tied / deaths
            under = total - gone * dying
            hazard[first] += 1.0 / under
            parts[0, first] += 1.0 / (deaths * under)
            parts[1, first] += 1.0 / (under * under)
            parts[2, first] += (1.0 - gone) / (under * under)
            for j in range(k):
                means[first, j] += (first_moment[j] - gone * dying_moment[j]) / (under * under)
    return at[first:], hazard[first:], parts[:, first:], means[first:]


@njit(cache=True)
def _moments_late(time, entry, risk, Z, start):
    """Return sums of risk and risk times Z of those at risk at the time of row ``start``."""
    total, moment = 0.0, np.zeros(Z.shape[1])
    for row in range(start, time.size):
        if entry[row] < time[start]:
            total += risk[row]
            for j in range(moment.size):
                moment[j] += risk[row] * Z[row, j]
    return total, moment


@njit(cache=True)
def standardised_curves(cumulative, others, own):
    """Return the mean over patients of S in either arm at each step, shape (2, m).

    Parameters
    ----------
    cumulative : float64 array, shape (m,)
        Baseline cumulative hazard.
    others : float64 array, shape (n,)
        Relative risk by the covariates beside the arm.
    own : float64 array, shape (2,)
        Relative risk of either arm.
    """
    n, m = others.size, cumulative.size
    curves = np.zeros((2, m))
    for a in range(2):
        for i in range(n):
            for step in range(m):
                curves[a, step] += np.exp(-cumulative[step] * others[i] * own[a])
    return curves / n


@njit(cache=True)
def _counted(counts):
    """Return by step where its measures begin and end, shape (m + 1,), and the measures that count it."""
    size, m = counts.shape
    starts, which = np.zeros(m + 1, np.int64), np.empty(size * m, np.int64)
    found = 0
    for step in range(m):
        for j in range(size):
            if counts[j, step] != 0.0:
                which[found] = j
                found += 1
        starts[step + 1] = found
    return starts, which


@njit(cache=True)
def standardised_influence(model, rows, arms, counts, values):
    """Return the derivative of each measure's contrast in each patient's weight, shape (measures, n).

    Parameters
    ----------
    model : tuple
        `hazard_steps`, and the derivative of beta in each row's weight, shape (n, k).
    rows : tuple
        Time, event, entry (empty without) and risk of each row, and Z (n, k), the arm its first column.
    arms : tuple
        Relative risk by the other covariates, (n,); of either arm, (2,); the arm's values in Z, (2,).
    counts : float64 array, shape (measures, 2, m)
        v of each measure in either arm.
    values : float64 array, shape (measures, 2)
        The measures of either arm, sums of v S.
    """
    at, hazard, parts, means, on_beta = model
    time, event, entry, risk, Z = rows
    others, own, arm_values = arms
    n, k = Z.shape
    m, size = at.size, counts.shape[0]
    cumulative = np.cumsum(hazard)
    mean_sums = means.copy()
    for step in range(1, m):
        mean_sums[step] += mean_sums[step - 1]
    result = np.zeros((size, n))
    by_step, by_beta = np.zeros((size, m)), np.zeros((size, k))
    z = np.empty(k)
    for a in range(2):
        sign = 2.0 * a - 1.0
        starts, which = _counted(counts[:, a])
        for i in range(n):
            z[:] = Z[i]
            z[0] = arm_values[a]
            r = others[i] * own[a]
            for step in range(m):
                if starts[step] == starts[step + 1]:
                    continue
                s = np.exp(-cumulative[step] * r)
                for place in range(starts[step], starts[step + 1]):
                    j = which[place]
                    v = sign * counts[j, a, step]
                    result[j, i] += v * s / n
                    moves = v * r * s / n
                    by_step[j, step] -= moves
                    for c in range(k):
                        by_beta[j, c] -= moves * (cumulative[step] * z[c] - mean_sums[step, c])
        for j in range(size):
            result[j] -= sign * values[j, a] / n
    _add_model(at, parts, on_beta, (time, event, entry, risk), by_step, by_beta, result)
    return result


@njit(cache=True)
def _add_model(at, parts, on_beta, rows, by_step, by_beta, result):
    """Add what a row moves through the hazards of the steps and through beta."""
    time, event, entry, risk = rows
    m, k = at.size, on_beta.shape[1]
    for j in range(result.shape[0]):
        # How far a measure moves with the hazard of a step: with all cumulative hazards from there on.
        later = np.zeros(m + 1)
        for step in range(m - 1, -1, -1):
            later[step] = later[step + 1] + by_step[j, step]
        taken = np.zeros(m + 1)
        for step in range(m):
            taken[step + 1] = taken[step] + parts[1, step] * later[step]
        for i in range(time.size):
            last = np.searchsorted(at, time[i], side="right")
            before = np.searchsorted(at, entry[i], side="right") if entry.size > 0 else 0
            own = -risk[i] * (taken[last] - taken[before])
            if event[i] == 1:
                step = last - 1
                own += later[step] * (parts[0, step] + risk[i] * (parts[1, step] - parts[2, step]))
            for c in range(k):
                own += by_beta[j, c] * on_beta[i, c]
            result[j, i] += own


@njit(cache=True)
def censoring_steps(time, event, arm):
    """Return the hazard of being censored by arm at each distinct time of censoring, deaths first at a tie.

    Returns
    -------
    tuple
        Times of censoring (c,), and by arm the hazard there, shape (2, c).
    """
    n = time.size
    at, hazard = np.empty(n), np.zeros((2, n))
    left, first, i = np.zeros(2), n, n - 1
    while i >= 0:
        now, censored, dying = time[i], np.zeros(2), np.zeros(2)
        while i >= 0 and time[i] == now:
            censored[arm[i]] += 1.0 - event[i]
            dying[arm[i]] += event[i]
            i -= 1
        left += censored
        if np.sum(censored) > 0.0:
            first -= 1
            at[first] = now
            for a in range(2):
                hazard[a, first] = censored[a] / left[a] if censored[a] > 0.0 else 0.0
        left += dying
    return at[first:], hazard[:, first:]


@njit(cache=True)
def doubly_robust_values(time, event, arm, inverse, others, own, grid, steps, censoring, counts):
    """Return each patient's augmented value of each measure in either arm, shape (measures, 2, n).

    In arm a the value of S(t) is S(t | a, X) (1 - W) + W [1 - 1(dead by t) / G(T-) - I(t)], where W is the
    inverse probability of the arm, 0 in the other arm, G survival without censoring, and I(t) the integral of
    [F(t) - F(s)] / [S(s) G(s-)] against the censoring martingale up to t and T.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending.
    event, arm : int64 arrays, shape (n,)
    inverse : float64 array, shape (n,)
        1 / P(A = own arm | X).
    others, own
        As of `standardised_curves`.
    grid : float64 array, shape (g,)
        Ascending times: deaths and censorings.
    steps : tuple
        Cumulative baseline hazard on the grid, (g,), and before each of its times, (g,).
    censoring : float64 array, shape (2, g)
        Hazard of censoring by arm on the grid.
    counts : float64 array, shape (measures, g)
        v of each measure.
    """
    cumulative, before = steps
    n, g, size = time.size, grid.size, counts.shape[0]
    values = np.zeros((size, 2, n))
    for i in range(n):
        for a in range(2):
            r = others[i] * own[a]
            w = inverse[i] if arm[i] == a else 0.0
            free, weight, by_risk = 1.0, 0.0, 0.0
            dead = 0.0
            for step in range(g):
                s = np.exp(-cumulative[step] * r)
                if w > 0.0 and grid[step] <= time[i]:
                    if grid[step] == time[i] and event[i] == 1:
                        dead = 1.0 / free
                    leaves = 1.0 if grid[step] == time[i] and event[i] == 0 else 0.0
                    moves = leaves - censoring[a, step]
                    if grid[step] == time[i] and event[i] == 1:
                        # Who dies at a time is not at risk of being censored then.
                        moves = 0.0
                    if moves != 0.0:
                        moves /= np.exp(-before[step] * r) * free
                        weight += moves
                        by_risk += (1.0 - s) * moves
                    free *= np.exp(-censoring[a, step])
                augmented = (1.0 - s) * weight - by_risk
                value = s * (1.0 - w) + w * (1.0 - dead - augmented)
                for j in range(size):
                    values[j, a, i] += counts[j, step] * value
    return values
