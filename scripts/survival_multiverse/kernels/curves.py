"""Compiled loops of the Kaplan-Meier curve and its summaries.

Every kernel takes ascending times; sums run in one fixed order, so the bytes do not depend on threads.
"""

import math

import numpy as np
from numba import njit

from survival_multiverse.kernels.limits import highest_of, lowest_of
from survival_multiverse.settings.schema import Status

OK, BEYOND_FOLLOW_UP, TOO_FEW_EVENTS, CONSTANT, NOT_APPLICABLE, EMPTY_ARM, NOT_REACHED = range(7)
STATUS_OF_CODE = (
    Status.OK,
    Status.BEYOND_FOLLOW_UP,
    Status.TOO_FEW_EVENTS,
    Status.CONSTANT,
    Status.NOT_APPLICABLE,
    Status.EMPTY_ARM,
    Status.NOT_REACHED,
)
ASCENDING, UNSORTED, INVALID = range(3)
LOG_LOG, LOG, PLAIN, NO_LIMITS = 0, 1, 2, 3
FLAT_TOLERANCE = math.sqrt(2.220446049250313e-16)


@njit(cache=True)
def input_state(time, event, stratum):
    """Tell whether rows ascend by (stratum, time); an empty `stratum` means a single stratum."""
    state = ASCENDING
    stratified = stratum.size > 0
    for i in range(time.size):
        if not np.isfinite(time[i]) or (event[i] != 0 and event[i] != 1):
            return INVALID
        if i > 0:
            same = not stratified or stratum[i] == stratum[i - 1]
            if (same and time[i] < time[i - 1]) or (not same and stratum[i] < stratum[i - 1]):
                state = UNSORTED
    return state


@njit(cache=True, inline="always")
def confidence_limits(survival, std_error, z, conf_type):
    """Return pointwise limits as in R's survival:::survfit_confint; `std_error` is that of log S."""
    if conf_type == NO_LIMITS or survival == 0.0 or (survival == 1.0 and conf_type == LOG_LOG):
        return np.nan, np.nan
    if conf_type == PLAIN:
        half = z * std_error * survival
        return max(survival - half, 0.0), min(survival + half, 1.0)
    log_survival = math.log(survival)
    if conf_type == LOG:
        half = z * std_error
        return math.exp(log_survival - half), min(math.exp(log_survival + half), 1.0)
    half = z * std_error / log_survival
    log_hazard = math.log(-log_survival)
    return math.exp(-math.exp(log_hazard - half)), math.exp(-math.exp(log_hazard + half))


@njit(cache=True)
def kaplan_meier_kernel(time, event, z, conf_type, entry=None):
    """Return the product-limit curve at every distinct time, deaths before censorings at a tie.

    With ``entry`` (n,) who enters at a time or later is not at risk then.
    """
    n = time.size
    if entry is not None:
        entries = np.sort(entry)
    steps = 0
    for i in range(n):
        if i == 0 or time[i] != time[i - 1]:
            steps += 1
    at = np.empty(steps)
    n_risk = np.empty(steps, np.int64)
    n_event = np.empty(steps, np.int64)
    n_censor = np.empty(steps, np.int64)
    survival = np.empty(steps)
    std_error = np.empty(steps)
    lower = np.empty(steps)
    upper = np.empty(steps)
    s, variance, start, events = 1.0, 0.0, 0, 0
    for step in range(steps):
        stop, deaths, risk = start, 0, n - start
        if entry is not None:
            risk -= n - np.searchsorted(entries, time[start], side="left")
        while stop < n and time[stop] == time[start]:
            deaths += event[stop]
            stop += 1
        if deaths > 0:
            s *= (risk - deaths) / risk
            variance += deaths / (risk * (risk - deaths)) if risk > deaths else np.inf
        events += deaths
        at[step] = time[start]
        n_risk[step], n_event[step], n_censor[step] = risk, deaths, stop - start - deaths
        survival[step], std_error[step] = s, math.sqrt(variance)
        lower[step], upper[step] = confidence_limits(s, std_error[step], z, conf_type)
        start = stop
    return at, n_risk, n_event, n_censor, survival, std_error, lower, upper, n, events


@njit(cache=True)
def last_new_value(curve):
    """Return the last value of the curve not seen before it (R drops duplicates first); NaN is a value."""
    for i in range(curve.size - 1, 0, -1):
        seen = False
        for j in range(i - 1, -1, -1):
            if curve[j] == curve[i] or (np.isnan(curve[j]) and np.isnan(curve[i])):
                seen = True
                break
        if not seen:
            return curve[i]
    return curve[0]


@njit(cache=True)
def crossing(time, curve, probability):
    """Return the time at which 1 - curve reaches `probability`, as R's survival:::findq.

    A confidence limit may turn back: R then takes the smallest value past the level, not the first.
    """
    reached, passed = np.nan, np.nan
    least_reached, least_passed = np.inf, np.inf
    for i in range(time.size):
        dead = 1.0 - curve[i]
        if dead + FLAT_TOLERANCE >= probability and dead < least_reached:
            least_reached, reached = dead, time[i]
        if dead - FLAT_TOLERANCE >= probability and dead < least_passed:
            least_passed, passed = dead, time[i]
    if not np.isnan(reached) and abs(probability - (1.0 - last_new_value(curve))) < FLAT_TOLERANCE:
        passed = time[-1]
    return (reached + passed) / 2.0


@njit(cache=True)
def quantile_kernel(time, survival, lower, upper, probability):
    """Return the quantile of the curve and of its two limits."""
    return (
        crossing(time, survival, probability),
        crossing(time, lower, probability),
        crossing(time, upper, probability),
    )


@njit(cache=True)
def survival_at_kernel(time, n_risk, survival, std_error, lower, upper, at):
    """Read the step curve at `at`: S, its standard error, limits, number at risk and status code.

    A time that differs from one of `at` by rounding only is that time.
    """
    steps, size = time.size, at.size
    values = np.empty((4, size))
    risk = np.zeros(size, np.int64)
    code = np.empty(size, np.int64)
    for q in range(size):
        values[:, q] = np.nan
        if steps == 0 or not at[q] >= 0.0:
            code[q] = EMPTY_ARM if steps == 0 else NOT_APPLICABLE
            continue
        if time[-1] < lowest_of(at[q]):
            code[q] = OK if survival[-1] == 0.0 else BEYOND_FOLLOW_UP
            if survival[-1] == 0.0:
                values[0, q] = 0.0
            continue
        code[q] = OK
        risk[q] = n_risk[np.searchsorted(time, lowest_of(at[q]), side="left")]
        passed = np.searchsorted(time, highest_of(at[q]), side="right")
        if passed == 0:
            values[:, q] = 1.0
            values[1, q] = 0.0
            continue
        step = passed - 1
        values[0, q] = survival[step]
        if survival[step] > 0.0:
            values[1, q] = std_error[step] * survival[step]
        values[2, q], values[3, q] = lower[step], upper[step]
    return values[0].copy(), values[1].copy(), values[2].copy(), values[3].copy(), risk, code


@njit(cache=True)
def group_curves_kernel(time, event, codes, levels, z, conf_type, at, entry=None):
    """Read off the Kaplan-Meier curve of the rows of each code 0 to levels - 1 (ascending time).

    Returns
    -------
    tuple
        Patients and deaths, shape (levels, 2); median with its limits, shape (levels, 3); S, standard error
        and limits at each time, shape (levels, q, 4); their status codes, shape (levels, q).
    """
    counts = np.empty((levels, 2), np.int64)
    medians = np.full((levels, 3), np.nan)
    values = np.empty((levels, at.size, 4))
    statuses = np.empty((levels, at.size), np.int64)
    for level in range(levels):
        rows = np.flatnonzero(codes == level)
        if entry is None:
            curve = kaplan_meier_kernel(time[rows], event[rows], z, conf_type)
        else:
            curve = kaplan_meier_kernel(time[rows], event[rows], z, conf_type, entry[rows])
        t, n_risk, _, _, survival, std_error, lower, upper, n, events = curve
        counts[level, 0], counts[level, 1] = n, events
        if n > 0:
            medians[level, 0], medians[level, 1], medians[level, 2] = quantile_kernel(
                t, survival, lower, upper, 0.5
            )
        a, b, c, d, _, code = survival_at_kernel(t, n_risk, survival, std_error, lower, upper, at)
        values[level, :, 0], values[level, :, 1], values[level, :, 2], values[level, :, 3] = a, b, c, d
        statuses[level] = code
    return counts, medians, values, statuses


@njit(cache=True)
def wald_difference(a, se_a, code_a, b, se_b, code_b, z):
    """Return a - b of independent estimates: value, standard error, limits, two-sided P, status code."""
    if code_a != OK or code_b != OK:
        return np.nan, np.nan, np.nan, np.nan, np.nan, code_a if code_a != OK else code_b
    difference = a - b
    se = math.sqrt(se_a * se_a + se_b * se_b)
    if not se > 0.0:
        # Zero: nothing varied in either arm. NaN: a curve stands at 0, where Greenwood is undefined.
        code = TOO_FEW_EVENTS if se == 0.0 else NOT_APPLICABLE
        return difference, se, np.nan, np.nan, np.nan, code
    p_value = math.erfc(abs(difference / se) / math.sqrt(2.0))
    return difference, se, difference - z * se, difference + z * se, p_value, OK


@njit(cache=True)
def survival_difference_kernel(a, se_a, code_a, b, se_b, code_b, z):
    """Return `wald_difference` at every time point."""
    values = np.empty((5, a.size))
    code = np.empty(a.size, np.int64)
    for q in range(a.size):
        value, se, low, high, p, status = wald_difference(
            a[q], se_a[q], code_a[q], b[q], se_b[q], code_b[q], z
        )
        values[0, q], values[1, q], values[2, q], values[3, q], values[4, q] = value, se, low, high, p
        code[q] = status
    return values[0].copy(), values[1].copy(), values[2].copy(), values[3].copy(), values[4].copy(), code


@njit(cache=True)
def restricted_mean_kernel(time, n_risk, n_event, survival, tau):
    """Return the area under S from 0 to tau and its Greenwood-type variance, summed backwards from tau.

    Follow-up that misses tau by rounding only reaches it.
    """
    if time.size == 0:
        return np.nan, np.nan, EMPTY_ARM
    if time[-1] < lowest_of(tau) and survival[-1] > 0.0:
        return np.nan, np.nan, BEYOND_FOLLOW_UP
    area, variance, right = 0.0, 0.0, tau
    for i in range(time.size - 1, -1, -1):
        if time[i] > highest_of(tau):
            continue
        at = min(time[i], tau)
        area += survival[i] * (right - at)
        right = at
        if n_risk[i] > n_event[i]:
            variance += area * area * n_event[i] / (n_risk[i] * (n_risk[i] - n_event[i]))
    return area + right, math.sqrt(variance), OK
