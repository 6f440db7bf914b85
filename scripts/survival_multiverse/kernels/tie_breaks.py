"""Matched estimates over tie-breaking orders: matching and Cox model again and again, compiled."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.arms import arms_suffice
from survival_multiverse.kernels.counting_process import cox_binary_late
from survival_multiverse.kernels.cox import OK
from survival_multiverse.kernels.cox_binary import cox_binary
from survival_multiverse.kernels.cox_newton import EFRON
from survival_multiverse.kernels.curve_measures import curve_contrasts
from survival_multiverse.kernels.curves import OK as CONTRASTED
from survival_multiverse.kernels.curves import TOO_FEW_EVENTS
from survival_multiverse.kernels.matching import group_arms, match_grouped

LOG_RATIO, VARIANCE, CODE = 0, 1, 2
NO_WEIGHT = np.empty(0)
# Averaging over the partners can at most remove their part of the variance of a matched comparison, about
# half: that of the patients for whom partners were sought stays, whichever partners are drawn.
VARIANCE_FLOOR = 0.5


@njit(cache=True)
def matched_estimates(time, event, arm, pair_of, minimum_events, horizons, times, out, contrasts, entry=None):
    """Estimate the hazard ratio of the matched rows, and contrast their curves; errors are clustered by pair.

    Parameters
    ----------
    time, event, arm, entry
        Rows ascend in time.
    pair_of : int array, shape (n,)
        -1 for those without a pair.
    minimum_events, horizons, times
        As of `curve_contrasts`.
    out : float64 array, shape (2,)
        Gets the log hazard ratio and its variance; NaN without.
    contrasts : float64 array, shape (measures, 3)
        Gets estimates, variances and codes, unless it is empty.
    """
    out[:] = np.nan
    contrasts[:, :CODE] = np.nan
    contrasts[:, CODE] = TOO_FEW_EVENTS
    rows = np.nonzero(pair_of >= 0)[0]
    if rows.shape[0] == 0:
        return
    pairs = pair_of[rows].astype(np.int64)
    time, event, arm = time[rows], event[rows], arm[rows]
    late = None if entry is None else entry[rows]
    if arms_suffice(event, arm, minimum_events):
        unit = np.ones(rows.shape[0])
        if entry is None:
            beta, _, clustered, code = cox_binary(time, event, arm, unit, pairs, EFRON)
        else:
            beta, _, clustered, code = cox_binary_late(time, late, event, arm, unit, pairs, EFRON)
        if code == OK:
            out[LOG_RATIO], out[VARIANCE] = beta, clustered * clustered
    if contrasts.shape[0] == 0:
        return
    found, codes = curve_contrasts(time, event, arm, NO_WEIGHT, pairs, horizons, times, minimum_events, late)
    for j in range(found.shape[0]):
        contrasts[j, CODE] = codes[j]
        # Without an error an estimate is not one of a study.
        if codes[j] == CONTRASTED:
            contrasts[j, 0], contrasts[j, 1] = found[j, 0], found[j, 1] * found[j, 1]


@njit(cache=True)
def between_orders(log_ratios):
    """Return the variance of estimated log hazard ratios over the orders (n - 1); 0 of one, NaN of none."""
    known = log_ratios[~np.isnan(log_ratios)]
    n = known.shape[0]
    if n == 0:
        return np.nan
    if n == 1:
        return 0.0
    mean = np.sum(known) / n
    return np.sum((known - mean) ** 2) / (n - 1)


@njit(cache=True)
def combine_orders(estimates):
    """Return the median log hazard ratio over orders and its error, of `matched_estimates` (orders, 2).

    Multiple outputation (Follmann, Proschan and Leifer 2003): one order's clustered variance holds the
    tie-break already, so the variance of the summary is the mean W of the orders' variances less the variance
    B between the orders, plus B / R for R orders, and no less than `VARIANCE_FLOOR` of W. NaN unless at least
    half of the orders have an estimate.
    """
    log_ratios = estimates[:, LOG_RATIO]
    known = ~np.isnan(log_ratios)
    n = np.sum(known)
    if n == 0 or 2 * n < estimates.shape[0]:
        return np.nan, np.nan
    within = np.sum(estimates[:, VARIANCE][known]) / n
    between = between_orders(log_ratios)
    variance = max(within - between + between / n, VARIANCE_FLOOR * within)
    return np.median(log_ratios[known]), np.sqrt(variance)


@njit(cache=True)
def combine_contrasts(estimates, out):
    """Fill ``out`` (measures, 2) from contrasts (orders, measures, 3), as `combine_orders` does.

    A difference of medians that some orders do not reach has none: the others are not like them.
    """
    measures = estimates.shape[1]
    for j in range(measures):
        own = np.ascontiguousarray(estimates[:, j, :2])
        out[j, 0], out[j, 1] = combine_orders(own)
        if j == measures - 1 and np.any(np.isnan(own[:, 0])):
            out[j] = np.nan


@njit(cache=True)
def tie_break_estimates(
    time,
    event,
    arm,
    rank,
    keys,
    focal,
    widths,
    orders,
    position,
    starts,
    minimum_events,
    horizons,
    times,
    estimates,
    contrasts,
    entry=None,
):
    """Fill ``estimates`` (starts, calipers, orders, 2) with `matched_estimates` under each tie-break.

    ``contrasts`` (starts, calipers, orders, measures, 3) gets contrasts, or has no measure.

    ``widths`` (calipers,) are in the unit of ``keys``; ``orders`` (orders, N) lists the patients of the whole
    cohort by ascending priority; ``position`` (N,) is the row of each in the arrays given here, or -1.
    ``starts``: after matching everybody, only rows from this position on are analysed (a landmark).
    """
    n = time.shape[0]
    order = np.empty(n, dtype=np.int64)
    priority = np.empty(n, dtype=np.int64)
    # Pairs of the order before, by caliper; with few ties most orders and calipers make the very same.
    pairs = np.full((widths.shape[0], n), -2, dtype=np.int64)
    pair_of = np.empty(n, dtype=np.int64)
    for draw in range(orders.shape[0]):
        count = 0
        for patient in orders[draw]:
            row = position[patient]
            if row >= 0:
                order[count] = row
                priority[row] = count
                count += 1
        arms = group_arms(rank, keys, arm, order, focal)
        for c in range(widths.shape[0]):
            match_grouped(arms, priority, widths[c], pair_of)
            if draw > 0 and np.array_equal(pair_of, pairs[c]):
                estimates[:, c, draw] = estimates[:, c, draw - 1]
                contrasts[:, c, draw] = contrasts[:, c, draw - 1]
                continue
            pairs[c] = pair_of
            if c > 0 and np.array_equal(pair_of, pairs[c - 1]):
                estimates[:, c, draw] = estimates[:, c - 1, draw]
                contrasts[:, c, draw] = contrasts[:, c - 1, draw]
                continue
            for s in range(starts.shape[0]):
                start, found = starts[s], estimates[s, c, draw]
                rows = time[start:], event[start:], arm[start:], pair_of[start:]
                late = None if entry is None else entry[start:]
                matched_estimates(*rows, minimum_events, horizons, times, found, contrasts[s, c, draw], late)
