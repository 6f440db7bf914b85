"""Compiled loops of the log-rank test.

Rows ascend by (stratum, time); group code -1 leaves a row out. Sums run in one fixed order.
"""

import math

import numpy as np
from numba import njit

from survival_multiverse.kernels.curves import CONSTANT, OK, TOO_FEW_EVENTS
from survival_multiverse.kernels.entry import entry_order

# A pivot this small beside its own variance is rounding: two sets of groups never shared a risk set.
SINGULAR_PIVOT = 1e-10


@njit(cache=True)
def present_levels(group):
    """Return the codes that occur, ascending, and each row's position among them (-1 stays -1)."""
    top = -1
    for i in range(group.size):
        top = max(top, group[i])
    position = np.full(top + 1, -1, np.int64)
    for i in range(group.size):
        if group[i] >= 0:
            position[group[i]] = 0
    levels = np.flatnonzero(position == 0)
    position[levels] = np.arange(levels.size)
    dense = np.full(group.size, -1, np.int64)
    for i in range(group.size):
        if group[i] >= 0:
            dense[i] = position[group[i]]
    return levels, dense


@njit(cache=True, inline="always")
def risk_set_factors(deaths, total):
    """Return expected deaths per patient at risk, and hypergeometric covariance per product of risk sets.

    One patient alone varies in nothing: the product of the group and the rest is 0.
    """
    return deaths / total, deaths * (total - deaths) / (max(total - 1.0, 1.0) * total * total)


@njit(cache=True, inline="always")
def add_risk_set(deaths, risk, total, expected, variance):
    """Add one death time's expected deaths and hypergeometric covariance (lower triangle)."""
    each, factor = risk_set_factors(deaths, float(total))
    for g in range(risk.size):
        exposed = float(risk[g])
        expected[g] += each * exposed
        for h in range(g):
            variance[g, h] -= factor * exposed * risk[h]
        variance[g, g] += factor * exposed * (total - exposed)


@njit(cache=True)
def drop_counts(entry, order, late, now, dense, risk, total):
    """Take who enters at a time or later out of the counts; return the last place left, and the total."""
    # It stops within the stratum: who dies now has entered before.
    while entry[order[late]] >= now:
        if dense[order[late]] >= 0:
            risk[dense[order[late]]] -= 1
            total -= 1
        late -= 1
    return late, total


@njit(cache=True)
def log_rank_sums(time, event, dense, stratum, size, entry=None):
    """Return observed and expected deaths and their covariance over strata, each walked backwards in time.

    With ``entry`` (n,) who enters at a time or later is not at risk then.
    """
    observed, expected, variance = np.zeros(size), np.zeros(size), np.zeros((size, size))
    risk = np.zeros(size, np.int64)
    total = 0
    i = time.size - 1
    if entry is not None:
        order, late = entry_order(entry, stratum), i
    while i >= 0:
        if i + 1 < time.size and stratum[i] != stratum[i + 1]:
            risk[:] = 0
            total = 0
            if entry is not None:
                late = i
        first, deaths = i, 0
        while i >= 0 and time[i] == time[first] and stratum[i] == stratum[first]:
            if dense[i] >= 0:
                risk[dense[i]] += 1
                total += 1
                deaths += event[i]
                observed[dense[i]] += event[i]
            i -= 1
        if deaths > 0:
            if entry is not None:
                late, total = drop_counts(entry, order, late, time[first], dense, risk, total)
            add_risk_set(deaths, risk, total, expected, variance)
    return observed, expected, variance


@njit(cache=True)
def quadratic_form(score, variance):
    """Return score' V^-1 score by Cholesky of the lower triangle; NaN if V is singular."""
    size = score.size
    lower = np.zeros((size, size))
    solved = np.zeros(size)
    total = 0.0
    for j in range(size):
        for i in range(j, size):
            value = variance[i, j]
            for m in range(j):
                value -= lower[i, m] * lower[j, m]
            if i == j:
                if not value > SINGULAR_PIVOT * variance[j, j]:
                    return np.nan
                lower[j, j] = math.sqrt(value)
            else:
                lower[i, j] = value / lower[j, j]
        value = score[j]
        for m in range(j):
            value -= lower[j, m] * solved[m]
        solved[j] = value / lower[j, j]
        total += solved[j] * solved[j]
    return total


@njit(cache=True)
def chi2_tail(chi2, df):
    """Return P(X >= chi2), by Q(df + 2) = Q(df) + (x/2)^(df/2) exp(-x/2) / Gamma(df/2 + 1)."""
    if df < 1 or np.isnan(chi2):
        return np.nan
    half = max(chi2, 0.0) / 2.0
    if df % 2 == 1:
        tail, nu, term = math.erfc(math.sqrt(half)), 1, math.exp(-half) * 2.0 * math.sqrt(half / math.pi)
    else:
        tail, nu, term = math.exp(-half), 2, math.exp(-half) * half
    while nu < df:
        tail += term
        nu += 2
        term *= half / (nu / 2.0)
    return tail


@njit(cache=True)
def log_rank_kernel(time, event, group, stratum, entry=None):
    """Return the log-rank chi-square over the levels with expected deaths > 0, as R's survdiff."""
    levels, dense = present_levels(group)
    counts = np.zeros(levels.size, np.int64)
    for i in range(dense.size):
        if dense[i] >= 0:
            counts[dense[i]] += 1
    observed, expected, variance = log_rank_sums(time, event, dense, stratum, levels.size, entry)
    kept = np.flatnonzero(expected > 0.0)
    df = max(kept.size - 1, 0)
    chi2, code = np.nan, CONSTANT if levels.size < 2 else TOO_FEW_EVENTS
    if df > 0:
        score = np.empty(df)
        inner = np.empty((df, df))
        for g in range(df):
            score[g] = observed[kept[g + 1]] - expected[kept[g + 1]]
            for h in range(g + 1):
                inner[g, h] = variance[kept[g + 1], kept[h + 1]]
        chi2 = quadratic_form(score, inner)
        code = OK if not np.isnan(chi2) else TOO_FEW_EVENTS
    return chi2, df, chi2_tail(chi2, df), observed, expected, counts, levels, code


@njit(cache=True)
def pair_log_rank_kernel(time, event, arm, pair):
    """Test two arms within pairs: `log_rank_kernel` with pairs for strata, without sorting.

    Rows ascend in time; a pair has one or two rows. Only the first death of a pair that is at risk together
    tells the arms apart: who is left alone is expected to die when he does.
    """
    size = np.max(pair) + 1 if pair.size else 0
    partner = np.full(size, -1, np.int64)
    difference = variance = 0.0
    present, dying = np.zeros(2, np.bool_), np.zeros(2, np.bool_)
    for i in range(time.size):
        present[arm[i]] = True
        if event[i] == 1:
            dying[arm[i]] = True
        first = partner[pair[i]]
        partner[pair[i]] = i
        if first < 0 or arm[first] == arm[i]:
            continue
        deaths = event[first] + (event[i] if time[i] == time[first] else 0)
        if deaths == 0:
            continue
        # Of two at risk together each arm expects half of the deaths.
        dying[:] = True
        died_1 = event[first] * arm[first] + (event[i] * arm[i] if time[i] == time[first] else 0)
        difference += died_1 - deaths / 2.0
        variance += deaths * (2 - deaths) / 4.0
    df = max(int(dying[0]) + int(dying[1]) - 1, 0)
    if not (present[0] and present[1]):
        return np.nan, df, np.nan, CONSTANT
    if variance == 0.0:
        return np.nan, df, np.nan, TOO_FEW_EVENTS
    chi2 = difference * difference / variance
    return chi2, df, chi2_tail(chi2, df), OK


@njit(cache=True)
def risk_sets(time, event):
    """Return what a test of two groups needs of all patients, at each distinct time, latest first.

    Returns
    -------
    tuple
        Each row's position among the distinct times, shape (n,); at each of them the patients at risk and
        the two `risk_set_factors`.
    """
    n = time.size
    place = np.empty(n, np.int64)
    total, expected, variance = np.empty(n), np.empty(n), np.empty(n)
    count = 0
    i = n - 1
    while i >= 0:
        now, deaths = time[i], 0
        while i >= 0 and time[i] == now:
            place[i] = count
            deaths += event[i]
            i -= 1
        total[count] = n - 1 - i
        expected[count], variance[count] = risk_set_factors(deaths, total[count])
        count += 1
    return place, total[:count], expected[:count], variance[:count]


@njit(cache=True)
def two_group_sums(sets, event, code):
    """Return observed and expected deaths of code 1, and their variance; ``sets`` are `risk_sets`."""
    place, total, each, factor = sets
    at_risk = np.empty(total.size, np.int64)
    ones = observed = 0
    for i in range(code.size - 1, -1, -1):
        ones += code[i]
        at_risk[place[i]] = ones
    for i in range(code.size):
        observed += code[i] * event[i]
    expected = variance = 0.0
    for t in range(total.size):
        exposed = float(at_risk[t])
        expected += each[t] * exposed
        variance += factor[t] * exposed * (total[t] - exposed)
    return observed, expected, variance


@njit(cache=True)
def log_rank_many_kernel(time, event, groups):
    """Run `log_rank_kernel` for every row of `groups`; those with codes 0 and 1 alone share the risk sets."""
    stratum = np.zeros(time.size, np.int64)
    chi2 = np.full(groups.shape[0], np.nan)
    df = np.zeros(groups.shape[0], np.int64)
    p_value = np.full(groups.shape[0], np.nan)
    if time.size == 0:
        return chi2, df, p_value
    everybody = risk_sets(time, event)
    for f in range(groups.shape[0]):
        lowest, highest = np.min(groups[f]), np.max(groups[f])
        if highest > 1:
            chi2[f], df[f], p_value[f] = log_rank_kernel(time, event, groups[f], stratum)[:3]
            continue
        if lowest >= 0:
            observed, expected, variance = two_group_sums(everybody, event, groups[f])
        else:
            known = np.flatnonzero(groups[f] >= 0)
            sets = risk_sets(time[known], event[known])
            observed, expected, variance = two_group_sums(sets, event[known], groups[f][known])
        if variance > 0.0:
            df[f] = 1
            # Squared last, as in `quadratic_form`.
            chi2[f] = ((observed - expected) / math.sqrt(variance)) ** 2
            p_value[f] = chi2_tail(chi2[f], df[f])
    return chi2, df, p_value
