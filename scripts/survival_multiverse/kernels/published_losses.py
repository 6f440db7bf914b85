"""Compiled distances of a candidate cohort's numbers from the printed ones, block by block."""

import math

import numpy as np
from numba import njit

from survival_multiverse.kernels.linear import cholesky_solve
from survival_multiverse.kernels.log_rank import quadratic_form
from survival_multiverse.kernels.reconstruction import (
    COUNTS,
    COX,
    FAR,
    FOLLOW_UP,
    GROUPS,
    LEVELS,
    MEDIAN,
    add_patient,
    add_to_model,
    covariates,
    in_cohort,
    level_of,
    outside,
)


@njit(cache=True)
def two_group_chi_square(deaths, leaving):
    """Return the log-rank chi-square of two levels."""
    low = high = score = variance = 0.0
    for t in range(deaths.shape[1] - 1, -1, -1):
        low += leaving[0, t]
        high += leaving[1, t]
        dead = deaths[0, t] + deaths[1, t]
        if dead == 0:
            continue
        total = low + high
        share = high / total
        score += deaths[1, t] - dead * share
        if total > 1.0:
            variance += dead * (total - dead) / (total - 1.0) * share * (1.0 - share)
    return score * score / variance if variance > 0.0 else np.nan


@njit(cache=True)
def group_chi_square(deaths, leaving, levels):
    """Return the log-rank chi-square of the levels (hypergeometric variance); NaN where it is not defined."""
    if levels == 2:
        return two_group_chi_square(deaths, leaving)
    risk = np.zeros(levels)
    score = np.zeros(levels)
    variance = np.zeros((levels, levels))
    for t in range(deaths.shape[1] - 1, -1, -1):
        dead = 0.0
        total = 0.0
        for g in range(levels):
            risk[g] += leaving[g, t]
            dead += deaths[g, t]
            total += risk[g]
        if dead == 0.0:
            continue
        factor = dead * (total - dead) / (total - 1.0) if total > 1.0 else 0.0
        for g in range(levels):
            share = risk[g] / total
            score[g] += deaths[g, t] - dead * share
            for h in range(g):
                variance[g, h] -= factor * share * risk[h] / total
            variance[g, g] += factor * share * (1.0 - share)
    return quadratic_form(score[1:].copy(), variance[1:, 1:].copy())


@njit(cache=True)
def rates_loss(problem, deaths, leaving, target):
    """Return the loss of one level's survival in per cent at the printed times."""
    rates = problem.rate_times.size
    risk = 0
    for t in range(leaving.size):
        risk += leaving[t]
    loss, survival, k = 0.0, 1.0, 0
    for t in range(leaving.size):
        while k < rates and problem.rate_times[k] < t:
            loss += outside(100.0 * survival, target + k, problem)
            k += 1
        if k == rates:
            return loss
        if deaths[t] > 0:
            survival *= 1.0 - deaths[t] / risk
        risk -= leaving[t]
    while k < rates:
        loss += outside(100.0 * survival, target + k, problem)
        k += 1
    return loss


@njit(cache=True)
def groups_loss(problem, block, store):
    """Return the loss of survival at the printed times by level, and of the log-rank test of the levels."""
    levels, rates = problem.levels[block], problem.rate_times.size
    deaths, leaving = store.deaths[block], store.leaving[block]
    target = problem.first_target[block]
    loss = 0.0
    for g in range(levels):
        printed = 0.0
        for k in range(rates):
            printed += problem.weight[target + g * rates + k]
        if printed > 0.0:
            loss += rates_loss(problem, deaths[g], leaving[g], target + g * rates)
    chi2 = target + levels * rates
    if problem.weight[chi2] > 0.0:
        loss += outside(group_chi_square(deaths, leaving, levels), chi2, problem)
    return loss


@njit(cache=True)
def counts_loss(problem, block, labels):
    """Return the loss of patients by level: in arm 0, in arm 1, in both."""
    levels = problem.levels[block]
    counts = np.zeros((levels, 3))
    for i in range(labels.shape[1]):
        if in_cohort(problem, problem.cohort[block], labels, i):
            level = level_of(problem, block, labels, i)
            if level >= 0:
                arm = labels[problem.arm_row, i]
                counts[level, arm] += 1.0
                counts[level, 2] += 1.0
    target = problem.first_target[block]
    loss = 0.0
    for g in range(levels):
        for column in range(3):
            loss += outside(counts[g, column], target + 3 * g + column, problem)
    return loss


@njit(cache=True)
def score_and_information(moments, dead, score, information):
    """Return Breslow's score (k,) and information (k, k) from sums by time."""
    k = score.size
    score[:] = 0.0
    information[:, :] = 0.0
    size = 1 + k + k * (k + 1) // 2
    risk = np.zeros(size)
    for t in range(moments.shape[0] - 1, -1, -1):
        for m in range(size):
            risk[m] += moments[t, m]
        deaths = dead[t, 0]
        if deaths == 0.0:
            continue
        inverse = 1.0 / risk[0]
        place = 1 + k
        for a in range(k):
            mean = risk[1 + a] * inverse
            score[a] += dead[t, 1 + a] - deaths * mean
            for b in range(a + 1):
                information[a, b] += deaths * (risk[place + b] - mean * risk[1 + b]) * inverse
            place += a + 1
    for a in range(k):
        for b in range(a):
            information[b, a] = information[a, b]


@njit(cache=True)
def cox_loss(problem, block, time, event, labels, store):
    """Return the loss of a Cox model's hazard ratios, limits and P (Breslow), by Newton from the printed."""
    k = covariates(problem, block)
    beta = problem.model_start[block].copy()
    score, information = np.zeros(k), np.zeros((k, k))
    moments, dead = store.moments[store.model_of[block]], store.dead[store.model_of[block]]
    for step in range(problem.model_steps[block]):
        if step > 0:
            moments, dead = np.zeros_like(moments), np.zeros_like(dead)
            for i in range(time.size):
                if in_cohort(problem, problem.cohort[block], labels, i):
                    t = time[i]
                    add_to_model(problem, block, event[i], labels, beta, i, 1, moments[t], dead[t])
        score_and_information(moments, dead, score, information)
        change = cholesky_solve(information, score)
        for a in range(k):
            beta[a] += change[a]
    unit = np.zeros(k)
    loss = 0.0
    for a in range(k):
        unit[:] = 0.0
        unit[a] = 1.0
        column = cholesky_solve(information, unit)
        if not column[a] > 0.0:
            return FAR
        error = math.sqrt(column[a])
        target = problem.first_target[block] + 5 * a
        loss += outside(math.exp(beta[a]), target, problem)
        loss += outside(math.exp(beta[a] - problem.normal * error), target + 1, problem)
        loss += outside(math.exp(beta[a] + problem.normal * error), target + 2, problem)
        loss += outside(math.erfc(abs(beta[a] / error) / math.sqrt(2.0)), target + 3, problem)
        loss += outside(error, target + 4, problem)
    return loss


@njit(cache=True)
def median_and_error(deaths, leaving, spread):
    """Return the median in grid steps, and its error by the density between S = 0.5 + and - `spread`."""
    times = deaths.size
    risk = 0
    for t in range(times):
        risk += leaving[t]
    survival, greenwood = 1.0, 0.0
    median, error = np.nan, np.nan
    upper_time, upper = 0, 1.0
    lower_time, lower = -1, np.nan
    for t in range(times):
        if deaths[t] > 0:
            if risk > deaths[t]:
                greenwood += deaths[t] / (risk * (risk - deaths[t]))
            survival *= 1.0 - deaths[t] / risk
            if survival >= 0.5 + spread - 1e-12:
                upper_time, upper = t, survival
            if survival <= 0.5 + 1e-12 and math.isnan(median):
                median, error = float(t), survival * math.sqrt(greenwood)
            if survival <= 0.5 - spread + 1e-12 and lower_time < 0:
                lower_time, lower = t, survival
        risk -= leaving[t]
    if lower_time <= upper_time:
        return median, np.nan
    return median, error * (lower_time - upper_time) / (upper - lower)


@njit(cache=True)
def median_loss(problem, block, store):
    """Return the loss of median survival and of its symmetric limits."""
    median, error = median_and_error(store.deaths[block, 0], store.leaving[block, 0], 0.05)
    target = problem.first_target[block]
    half = problem.normal * error
    loss = outside(problem.step * median, target, problem)
    loss += outside(problem.step * (median - half), target + 1, problem)
    return loss + outside(problem.step * (median + half), target + 2, problem)


@njit(cache=True)
def follow_up_loss(problem, block, time, event, labels):
    """Return the loss of follow-up of everybody (lowest, highest) and of the living.

    Of the living: how many, lowest, median, highest, how many have none beyond each of the printed times.
    """
    living = np.empty(time.size, np.int64)
    count, first, last = 0, problem.last_time, 0
    for i in range(time.size):
        if in_cohort(problem, problem.cohort[block], labels, i):
            first, last = min(first, time[i]), max(last, time[i])
            if event[i] == 0:
                living[count] = time[i]
                count += 1
    target = problem.first_target[block]
    loss = outside(problem.step * first, target, problem) + outside(problem.step * last, target + 1, problem)
    loss += outside(float(count), target + 2, problem)
    if count == 0:
        return loss
    ordered = np.sort(living[:count])
    middle = 0.5 * (ordered[(count - 1) // 2] + ordered[count // 2])
    loss += outside(problem.step * ordered[0], target + 3, problem)
    loss += outside(problem.step * middle, target + 4, problem)
    loss += outside(problem.step * ordered[count - 1], target + 5, problem)
    for k in range(problem.rate_times.size):
        ended = 0
        for i in range(count):
            ended += ordered[i] <= problem.rate_times[k]
        loss += outside(float(ended), target + 6 + k, problem)
    return loss


@njit(cache=True)
def cell_of(problem, block, labels, patient):
    """Return the number of the cell of equal matching variables that a patient is in."""
    cell = 0
    for a in range(covariates(problem, block)):
        cell = cell * LEVELS + labels[problem.model_rows[block, a], patient]
    return cell


@njit(cache=True)
def cells_loss(problem, block, labels):
    """Return the loss of the pairs that cells of equal covariates allow, and of the arms' differences."""
    size = LEVELS ** covariates(problem, block)
    counts = np.zeros((size, 4), np.int64)
    for i in range(labels.shape[1]):
        if in_cohort(problem, problem.cohort[block], labels, i):
            arm, paired = labels[problem.arm_row, i], labels[problem.pair_row, i]
            counts[cell_of(problem, block, labels, i), arm + 2 * paired] += 1
    pairs, unequal = 0, 0
    for cell in range(size):
        low, high = counts[cell, 0] + counts[cell, 2], counts[cell, 1] + counts[cell, 3]
        pairs += min(low, high)
        unequal += abs(counts[cell, 2] - counts[cell, 3])
    target = problem.first_target[block]
    return outside(float(pairs), target, problem) + outside(float(unequal), target + 1, problem)


@njit(cache=True)
def block_loss(problem, store, block, time, event, labels):
    """Return the weighted distance of a block's numbers from the printed ones; 0 if all are within rounding.

    The block's sums in the store are those of the cohort.
    """
    kind = problem.kind[block]
    if kind == GROUPS:
        return groups_loss(problem, block, store)
    if kind == COX:
        return cox_loss(problem, block, time, event, labels, store)
    if kind == MEDIAN:
        return median_loss(problem, block, store)
    if kind == FOLLOW_UP:
        return follow_up_loss(problem, block, time, event, labels)
    if kind == COUNTS:
        return counts_loss(problem, block, labels)
    return cells_loss(problem, block, labels)


@njit(cache=True)
def every_loss(problem, active, time, event, labels, store):
    """Return the loss of every active block, shape (blocks,), 0 for the others; fill the empty store."""
    losses = np.zeros(problem.kind.size)
    for block in range(losses.size):
        if active[block]:
            for i in range(time.size):
                add_patient(problem, store, block, time, event, labels, i, 1)
            losses[block] = block_loss(problem, store, block, time, event, labels)
    return losses
