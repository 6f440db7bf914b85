"""Compiled contrasts of two survival curves, A = 1 less A = 0, with errors from influence functions.

A measure is a sum over death times s of a curve: its derivative in a patient's weight is
-[sum over s of M(s) (dN(s) - Y(s) h(s)) / (Y.(s) - d(s))], where M(s) says how far the curve from s on counts
(S(t) up to t for survival at t, the area from s to tau for the restricted mean), Y. is the weight at risk,
d that of the deaths, and h = d / Y. (Therneau & Grambsch 2000, 7.2; R's survfit, `influence`). Unweighted
and unclustered, the sum of their squares is Greenwood's variance, exactly.
"""

import math

import numpy as np
from numba import njit
from scipy.special import ndtri

from survival_multiverse.kernels.arms import arm_counts
from survival_multiverse.kernels.curves import (
    BEYOND_FOLLOW_UP,
    EMPTY_ARM,
    FLAT_TOLERANCE,
    NOT_APPLICABLE,
    NOT_REACHED,
    OK,
    TOO_FEW_EVENTS,
    confidence_limits,
)
from survival_multiverse.kernels.entry import CANCELLED
from survival_multiverse.kernels.limits import highest_of, lowest_of
from survival_multiverse.kernels.linear import cholesky_solve
from survival_multiverse.kernels.weighted_cox import (
    logistic_information,
    score_weights,
    slope,
    standard_design,
)

MEDIAN_LEVEL = 0.5
NO_CLUSTER = np.empty(0, dtype=np.int64)
PERTURBATIONS = 48
# Midpoints of equally likely strata of the standard normal: an even sample, the same every time.
_NODES = ndtri((np.arange(PERTURBATIONS) + 0.5) / PERTURBATIONS)


@njit(cache=True)
def _enter_rows(time, event, arm, weight, i, counted, end):
    """Add the rows of the time of row ``i`` to the counts by arm; return the row before them.

    ``counted`` (4, 2): weight at risk, patients at risk, weight of who dies now, patients who die now.
    """
    now = time[i]
    for a in range(2):
        counted[2, a] = counted[3, a] = 0.0
    while i >= 0 and time[i] == now:
        # Products in place of branches, which nobody can foresee: arms and deaths are random.
        a, present = arm[i], 1.0 if weight[i] > 0.0 else 0.0
        counted[0, a] += weight[i]
        counted[1, a] += present
        counted[2, a] += weight[i] * event[i]
        counted[3, a] += present * event[i]
        if np.isnan(end[a]) and present > 0.0:
            end[a] = now
        i -= 1
    return i


@njit(cache=True)
def _drop_late(time, entry, order, arm, weight, start, late, peak, counted):
    """Take who enters at the time of row ``start`` or later out of the counts; return the last place left."""
    for a in range(2):
        peak[a] = max(peak[a], counted[0, a])
    while late >= 0 and entry[order[late]] >= time[start]:
        row = order[late]
        if weight[row] > 0.0:
            counted[0, arm[row]] -= weight[row]
            counted[1, arm[row]] -= 1.0
        late -= 1
    for a in range(2):
        if counted[0, a] < CANCELLED * peak[a]:
            # Summed anew: what subtracting leaves of a large sum is rounding.
            counted[0, a] = 0.0
            for row in range(start, time.size):
                if arm[row] == a and entry[row] < time[start]:
                    counted[0, a] += weight[row]
            peak[a] = counted[0, a]
    return late


@njit(cache=True)
def _place_entries(entry, arm, at, first, enters):
    """Fill in the last step of each row's arm at or before its entry."""
    for row in range(entry.size):
        a = arm[row]
        enters[row] = first[a] - 1 + np.searchsorted(at[a, first[a] :], entry[row], side="right")


@njit(cache=True)
def _multiply_up(survival, first):
    """Turn the shares that survive each step into survival; no `cumprod`, which would take memory."""
    for a in range(2):
        for step in range(first[a] + 1, survival.shape[1]):
            survival[a, step] *= survival[a, step - 1]


@njit(cache=True)
def arm_steps(time, event, arm, weight, entry=None):
    """Return the death times of both curves.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked).
    event, arm : int64 arrays, shape (n,)
        0 or 1.
    weight : float64 array, shape (n,)
        Not negative; a row of weight 0 counts as absent.
    entry : float64 array, shape (n,), or None
        Who enters at a time or later is not at risk then.

    Returns
    -------
    tuple
        Times, S, variance of a jump of log S (d / (Y (Y - d)), 0 where nobody is left) and 1 / (Y - d), shape
        (2, n) each, in use from `first` (2,) on; the last time observed in each arm, shape (2,); by row the
        last step of its arm at or before its time, and at or before its entry (empty without).
    """
    n = time.size
    at, survival = np.empty((2, n)), np.ones((2, n))
    jump, inverse = np.zeros((2, n)), np.zeros((2, n))
    leaves, enters = np.empty(n, np.int64), np.empty(0 if entry is None else n, np.int64)
    first, end = np.full(2, n), np.full(2, np.nan)
    counted, peak, late = np.zeros((4, 2)), np.zeros(2), n - 1
    if entry is not None:
        order = np.argsort(entry, kind="mergesort")
    i = n - 1
    while i >= 0:
        stop = i
        i = _enter_rows(time, event, arm, weight, i, counted, end)
        if entry is not None:
            late = _drop_late(time, entry, order, arm, weight, i + 1, late, peak, counted)
        for a in range(2):
            if counted[3, a] > 0.0:
                first[a] -= 1
                step, risk, deaths = first[a], counted[0, a], counted[2, a]
                at[a, step] = time[stop]
                left = risk - deaths if counted[1, a] > counted[3, a] else 0.0
                survival[a, step] = left / risk
                if left > 0.0:
                    jump[a, step], inverse[a, step] = deaths / (risk * left), 1.0 / left
        for row in range(i + 1, stop + 1):
            leaves[row] = first[arm[row]] - (0 if counted[3, arm[row]] > 0.0 else 1)
    _multiply_up(survival, first)
    if entry is not None:
        _place_entries(entry, arm, at, first, enters)
    return at, survival, jump, inverse, first, end, leaves, enters


@njit(cache=True)
def _fall(survival, first, level):
    """Return the first step at which the curve is at the level or below; n if none is."""
    low, high = first, survival.size
    while low < high:
        middle = (low + high) // 2
        if survival[middle] <= level:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True)
def median_of_steps(at, survival, first, end):
    """Return the median as `curves.crossing`: the midpoint of a step that is flat at the level, or NaN."""
    n = survival.size
    reached = _fall(survival, first, MEDIAN_LEVEL + FLAT_TOLERANCE)
    if reached == n:
        return np.nan
    passed = _fall(survival, first, MEDIAN_LEVEL - FLAT_TOLERANCE)
    if abs(survival[n - 1] - MEDIAN_LEVEL) < FLAT_TOLERANCE:
        return (at[reached] + end) / 2.0
    return (at[reached] + at[passed]) / 2.0


@njit(cache=True)
def time_per_survival(at, survival, first, median, error):
    """Return how far the quantile moves per unit of survival at the median, over its own error.

    Least squares of the quantiles at levels perturbed by `error` times a standard normal, through the median
    (after Zeng & Lin 2008). Levels to which the curve does not fall are left out.
    """
    product = square = 0.0
    step = survival.size
    for k in range(_NODES.size):
        # The levels ascend, so their steps descend.
        while step > first and survival[step - 1] <= MEDIAN_LEVEL + error * _NODES[k]:
            step -= 1
        if step < survival.size:
            product -= _NODES[k] * (at[step] - median)
            square += _NODES[k] * _NODES[k]
    return product / (error * square) if square > 0.0 and error > 0.0 else np.nan


@njit(cache=True)
def _own_error(a, arm, event, weight, steps, counts, moves):
    """Return the error of one arm's measure whose M is ``counts``, weights known and rows independent."""
    _, _, jump, inverse, first, _, leaves, enters = steps
    total = 0.0
    if weight.size == 0:
        for step in range(first[a], jump.shape[1]):
            total += counts[a, step] ** 2 * jump[a, step]
        return math.sqrt(total)
    _fill_moves(a, 1.0, first, jump, inverse, counts[None], moves)
    for i in range(arm.size):
        if arm[i] == a:
            own = moves[event[i], a, leaves[i] + 1, 0]
            if enters.size > 0:
                own -= moves[0, a, enters[i] + 1, 0]
            total += (weight[i] * own) ** 2
    return math.sqrt(total)


@njit(cache=True)
def _fill_moves(a, sign, first, jump, inverse, counts, moves):
    """Fill by last step the derivatives in the weight of a row that lives on, [0, a], or dies then, [1, a].

    The steps begin before the first one: who leaves, or enters, by then moves nothing. ``counts`` is
    (measures, 2, n); the last axis of ``moves`` (2, 2, n + 1, measures) are the measures.
    """
    measures = counts.shape[0]
    running = np.zeros(measures)
    for j in range(measures):
        moves[0, a, first[a], j] = moves[1, a, first[a], j] = 0.0
    for step in range(first[a], jump.shape[1]):
        for j in range(measures):
            running[j] += counts[j, a, step] * jump[a, step]
            moves[0, a, step + 1, j] = sign * running[j]
            moves[1, a, step + 1, j] = sign * (running[j] - counts[j, a, step] * inverse[a, step])


@njit(cache=True)
def _restricted_mean(a, tau, steps, counts):
    """Return the area under the curve to tau, its M, and the code."""
    at, survival, _, _, first, end, _, _ = steps
    n = at.shape[1]
    lowest = survival[a, n - 1] if first[a] < n else 1.0
    if end[a] < lowest_of(tau) and lowest > 0.0:
        return np.nan, BEYOND_FOLLOW_UP
    area, right = 0.0, tau
    for step in range(n - 1, first[a] - 1, -1):
        counts[a, step] = 0.0
        if at[a, step] <= highest_of(tau):
            here = min(at[a, step], tau)
            area += survival[a, step] * (right - here)
            right = here
            counts[a, step] = area
    return area + right, OK


@njit(cache=True)
def _survival(a, when, steps, counts):
    """Return S at a time, its M, and the code."""
    at, survival, _, _, first, end, _, _ = steps
    n = at.shape[1]
    passed = first[a]
    while passed < n and at[a, passed] <= highest_of(when):
        passed += 1
    value = survival[a, passed - 1] if passed > first[a] else 1.0
    if end[a] < lowest_of(when) and value > 0.0:
        return np.nan, BEYOND_FOLLOW_UP
    counts[a, first[a] : passed] = value
    counts[a, passed:] = 0.0
    return value, OK


@njit(cache=True)
def _median_time(a, arm, event, weight, steps, counts, moves):
    """Return the median, its M, and the code."""
    at, survival, _, _, first, end, _, _ = steps
    n = at.shape[1]
    median = median_of_steps(at[a], survival[a], first[a], end[a])
    if np.isnan(median):
        return median, NOT_REACHED
    for step in range(first[a], n):
        counts[a, step] = MEDIAN_LEVEL if at[a, step] <= median else 0.0
    error = _own_error(a, arm, event, weight, steps, counts, moves)
    scale = time_per_survival(at[a], survival[a], first[a], median, error)
    counts[a, first[a] :] *= scale
    return median, OK


@njit(cache=True)
def _measure(j, arm, event, weight, steps, horizons, times, counts, moves):
    """Return measure j of arm 1 less arm 0, and the code; fill M of both arms."""
    values = np.empty(2)
    for a in range(2):
        if j < horizons.size:
            values[a], code = _restricted_mean(a, horizons[j], steps, counts)
        elif j < horizons.size + times.size:
            values[a], code = _survival(a, times[j - horizons.size], steps, counts)
        else:
            values[a], code = _median_time(a, arm, event, weight, steps, counts, moves)
        if code != OK:
            return np.nan, code
    # Greenwood's error is not defined where a curve stands at 0.
    at_zero = horizons.size <= j < horizons.size + times.size and (values[0] == 0.0 or values[1] == 0.0)
    return values[1] - values[0], NOT_APPLICABLE if at_zero else OK


@njit(cache=True)
def gate(event, arm, minimum_events):
    """Return the code of arms without patients, or with too few deaths."""
    n_0, n_1, deaths_0, deaths_1 = arm_counts(event, arm)
    if min(n_0, n_1) == 0:
        return EMPTY_ARM
    return OK if min(deaths_0, deaths_1) >= minimum_events else TOO_FEW_EVENTS


@njit(cache=True)
def _moves_of(steps, counts):
    """Return what `_fill_moves` gives of both arms, shape (2, 2, n + 1, measures)."""
    _, _, jump, inverse, first, _, _, _ = steps
    measures, _, n = counts.shape
    moves = np.empty((2, 2, n + 1, measures))
    _fill_moves(0, -1.0, first, jump, inverse, counts, moves)
    _fill_moves(1, 1.0, first, jump, inverse, counts, moves)
    return moves


@njit(cache=True)
def _sums_by_unit(arm, event, steps, counts, unit, units):
    """Return the derivatives of the contrasts in a unit's weight, shape (units, measures).

    ``unit`` (n,) says whose a row is; empty: each row is one.
    """
    leaves, enters = steps[6], steps[7]
    moves, measures = _moves_of(steps, counts), counts.shape[0]
    sums = np.zeros((units, measures))
    for i in range(arm.size):
        dies, a, last, own = event[i], arm[i], leaves[i] + 1, unit[i] if unit.size > 0 else i
        for j in range(measures):
            moved = moves[dies, a, last, j]
            if enters.size > 0:
                moved -= moves[0, a, enters[i] + 1, j]
            sums[own, j] += moved
    return sums


@njit(cache=True)
def _measures(arm, event, weight, steps, horizons, times, out, codes):
    """Fill in the estimates of all measures and their codes; return M of both arms, (measures, 2, n)."""
    n, measures = arm.size, codes.size
    counts = np.zeros((measures, 2, n))
    moves = np.empty((2, 2, n + 1 if weight.size > 0 else 0, 1))
    for j in range(measures):
        out[j, 0], codes[j] = _measure(j, arm, event, weight, steps, horizons, times, counts[j], moves)
    return counts


@njit(cache=True)
def curve_contrasts(time, event, arm, weight, cluster, horizons, times, minimum_events, entry=None):
    """Contrast two curves in every measure: restricted means, survival, last the median.

    Parameters
    ----------
    time : float64 array, shape (n,)
        Ascending (not checked).
    event, arm : int64 arrays, shape (n,)
        0 or 1.
    weight : float64 array, shape (n,)
        Known weights, not negative; empty for none.
    cluster : int64 array, shape (n,)
        Codes from 0 of what is independent, such as pairs; empty: each row.
    horizons, times : float64 arrays
        Horizons of restricted means, and times of survival, in the unit of time.
    minimum_events : int
        Fewest deaths in an arm.
    entry : float64 array, shape (n,), or None
        Who enters at a time or later is not at risk then.

    Returns
    -------
    tuple
        Estimates and standard errors, shape (measures, 2), and status codes (`kernels.curves`), (measures,).
        The median's error rests on the slope of the curve there, measured by perturbation.
    """
    n, measures = time.size, horizons.size + times.size + 1
    out, codes = np.full((measures, 2), np.nan), np.empty(measures, np.int64)
    codes[:] = gate(event, arm, minimum_events)
    if codes[0] != OK:
        return out, codes
    steps = arm_steps(time, event, arm, weight if weight.size > 0 else np.ones(n), entry)
    counts = _measures(arm, event, weight, steps, horizons, times, out, codes)
    if weight.size == 0 and cluster.size == 0:
        totals = _greenwood(steps, counts)
    elif weight.size == 0:
        sums = _sums_by_unit(arm, event, steps, counts, cluster, np.max(cluster) + 1)
        totals = _sums_of_squares(sums, weight, NO_CLUSTER)
    else:
        sums = _sums_by_unit(arm, event, steps, counts, NO_CLUSTER, n)
        totals = _sums_of_squares(sums, weight, cluster)
    for j in range(measures):
        if codes[j] == OK:
            _judge(j, totals[j], out, codes)
    return out, codes


@njit(cache=True)
def _greenwood(steps, counts):
    """Return the variances of unweighted, independent rows, shape (measures,)."""
    _, _, jump, _, first, _, _, _ = steps
    totals = np.zeros(counts.shape[0])
    for j in range(totals.size):
        for a in range(2):
            for step in range(first[a], jump.shape[1]):
                totals[j] += counts[j, a, step] ** 2 * jump[a, step]
    return totals


@njit(cache=True)
def _judge(j, variance, out, codes):
    """Fill in the error; without any the curves did not vary."""
    out[j, 1] = math.sqrt(variance)
    if not out[j, 1] > 0.0:
        out[j, 1] = np.nan
        codes[j] = TOO_FEW_EVENTS if variance == 0.0 else NOT_APPLICABLE


@njit(cache=True)
def _sums_of_squares(derivatives, weight, cluster):
    """Sum the squared influences, by cluster if there are some, shape (measures,)."""
    n, measures = derivatives.shape
    totals = np.zeros(measures)
    units = np.zeros((np.max(cluster) + 1 if cluster.size > 0 else 0, measures))
    for i in range(n):
        own = weight[i] if weight.size > 0 else 1.0
        for j in range(measures):
            influence = derivatives[i, j] * own
            if cluster.size > 0:
                units[cluster[i], j] += influence
            else:
                totals[j] += influence * influence
    for unit in range(units.shape[0]):
        for j in range(measures):
            totals[j] += units[unit, j] * units[unit, j]
    return totals


@njit(cache=True)
def stacked_contrasts(time, event, arm, X, probability, kind, horizons, times, minimum_events, entry=None):
    """Contrast two curves weighted by an estimated logistic score; see `curve_contrasts`, `weighted_arm`.

    The share of the arm that stabilises IPTW cancels: a curve does not depend on the scale of its weights.

    Parameters
    ----------
    X : float64 array, shape (n, k)
        Columns of the score without an intercept, neither constant nor aliased.
    probability : float64 array, shape (n,)
        P(A = 1 | X) by unpenalised logistic maximum likelihood.
    kind : int
        OVERLAP or IPTW.

    Returns
    -------
    tuple
        Estimates, standard errors with the weights taken as known, and those that allow for the score's
        estimation, shape (measures, 3), and status codes, shape (measures,).
    """
    n, measures = time.size, horizons.size + times.size + 1
    out, codes = np.full((measures, 3), np.nan), np.empty(measures, np.int64)
    codes[:] = gate(event, arm, minimum_events)
    if codes[0] != OK:
        return out, codes
    weight = score_weights(arm, probability, np.sum(arm) / n, kind)
    if not np.isfinite(np.sum(weight)):
        codes[:] = NOT_APPLICABLE
        return out, codes
    steps = arm_steps(time, event, arm, weight, entry)
    counts = _measures(arm, event, weight, steps, horizons, times, out, codes)
    derivatives = _sums_by_unit(arm, event, steps, counts, NO_CLUSTER, n)
    totals = _sums_of_squares(derivatives, weight, NO_CLUSTER)
    variances = _stacked_variances(arm, derivatives, X, probability, weight, kind)
    for j in range(measures):
        if codes[j] == OK:
            _judge(j, totals[j], out, codes)
            out[j, 2] = math.sqrt(variances[j])
    return out, codes


@njit(cache=True)
def _stacked_variances(arm, derivatives, X, probability, weight, kind):
    """Sum the squared influences of the contrasts and the score, (measures,); NaN: singular information."""
    n, measures = derivatives.shape
    design = standard_design(X)
    information, size = logistic_information(design, probability), design.shape[1]
    moves, directions = np.zeros((measures, size)), np.empty((measures, size))
    for i in range(n):
        change = slope(arm[i], probability[i], weight[i], kind)
        for j in range(measures):
            own = derivatives[i, j] * change
            for k in range(size):
                moves[j, k] += own * design[i, k]
    for j in range(measures):
        directions[j] = cholesky_solve(information, moves[j])
    totals = np.zeros(measures)
    for i in range(n):
        for j in range(measures):
            along = 0.0
            for k in range(size):
                along += directions[j, k] * design[i, k]
            influence = weight[i] * derivatives[i, j] + along * (arm[i] - probability[i])
            totals[j] += influence * influence
    return totals


@njit(cache=True)
def stacked_curves(time, event, arm, X, probability, kind, times, z, conf_type, entry=None):
    """Read the curves of both arms, weighted by an estimated logistic score.

    Parameters
    ----------
    times : float64 array, shape (q,)
        Times, in the unit of time.
    z, conf_type
        As of `curves.confidence_limits`.

    Returns
    -------
    tuple
        S, its error allowing for the score's estimation, and limits, shape (2, q, 4); status codes, (2, q);
        and the medians, shape (2,), NaN where not reached. The other arguments are those of
        `stacked_contrasts`.
    """
    n, size = time.size, times.size
    values, codes, medians = np.full((2, size, 4), np.nan), np.full((2, size), EMPTY_ARM), np.full(2, np.nan)
    weight = score_weights(arm, probability, np.sum(arm) / n, kind)
    steps = arm_steps(time, event, arm, weight, entry)
    counts = np.zeros((2 * size, 2, n))
    for a in range(2):
        if np.isnan(steps[5][a]):
            continue
        medians[a] = median_of_steps(steps[0][a], steps[1][a], steps[4][a], steps[5][a])
        for q in range(size):
            values[a, q, 0], codes[a, q] = _survival(a, times[q], steps, counts[a * size + q])
    derivatives = _sums_by_unit(arm, event, steps, counts, NO_CLUSTER, n)
    variances = _stacked_variances(arm, derivatives, X, probability, weight, kind)
    for a in range(2):
        for q in range(size):
            if codes[a, q] != OK or values[a, q, 0] == 0.0:
                continue
            error = math.sqrt(variances[a * size + q])
            values[a, q, 1] = error
            values[a, q, 2], values[a, q, 3] = confidence_limits(
                values[a, q, 0], error / values[a, q, 0], z, conf_type
            )
    return values, codes, medians
