"""Matching and hazard ratio again and again under other tie-breaks, compiled in one piece."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.cox_binary import log_ratio
from survival_multiverse.kernels.matching import group_arms, match_grouped


@njit(cache=True)
def matched_log_ratio(time, event, arm, pair_of, minimum_events):
    """Log hazard ratio of the matched rows (ascending time); NaN with too few deaths in an arm."""
    n = time.shape[0]
    t = np.empty(n)
    e = np.empty(n, dtype=np.int64)
    a = np.empty(n, dtype=np.int64)
    kept = 0
    deaths_0 = 0
    deaths_1 = 0
    for i in range(n):
        if pair_of[i] < 0:
            continue
        t[kept], e[kept], a[kept] = time[i], event[i], arm[i]
        kept += 1
        deaths_1 += event[i] * arm[i]
        deaths_0 += event[i] * (1 - arm[i])
    if min(deaths_0, deaths_1) < minimum_events or kept == 0:
        return np.nan
    return log_ratio(t[:kept], e[:kept], a[:kept])


@njit(cache=True)
def same_patients(pair_of, matched):
    """Whether the rows with a pair are those in ``matched``, which becomes them."""
    same = True
    for i in range(pair_of.shape[0]):
        paired = pair_of[i] >= 0
        if paired != matched[i]:
            same = False
            matched[i] = paired
    return same


@njit(cache=True)
def tie_break_log_ratios(
    time, event, arm, rank, keys, focal, widths, orders, position, minimum_events, log_ratios
):
    """Fill ``log_ratios`` (calipers, draws) with the matched log hazard ratio under each tie-breaking order.

    ``widths`` (calipers,) are in the unit of ``keys``; ``orders`` (draws, N) lists the patients of the whole
    cohort by ascending priority; ``position`` (N,) is the row of each in the arrays given here, or -1.
    """
    n = time.shape[0]
    order = np.empty(n, dtype=np.int64)
    priority = np.empty(n, dtype=np.int64)
    pair_of = np.empty(n, dtype=np.int64)
    # Who is matched within each caliper; with few ties most orders and calipers match the very same.
    matched = np.zeros((widths.shape[0], n), dtype=np.bool_)
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
            if same_patients(pair_of, matched[c]) and draw > 0:
                log_ratios[c, draw] = log_ratios[c, draw - 1]
            elif c > 0 and np.array_equal(matched[c], matched[c - 1]):
                log_ratios[c, draw] = log_ratios[c - 1, draw]
            else:
                log_ratios[c, draw] = matched_log_ratio(time, event, arm, pair_of, minimum_events)
