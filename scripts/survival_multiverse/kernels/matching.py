"""Greedy nearest-neighbour matching on integer scores: exact comparisons, O(n log n)."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.patterns import row_patterns

# Scores are logits in units of 1e-9.
SCORE_SCALE = 1e9
# Further than any distance.
NOBODY = np.iinfo(np.int64).max
NO_CALIPER = np.iinfo(np.int64).max
# Beyond any difference of two logits, and still exact as an int64.
WIDEST = 2.0**62


@njit(cache=True)
def caliper_units(caliper, sd):
    """Return the caliper, a multiple of the logit's SD, in units of the score.

    The largest int64 for no caliper; -1, within which nobody is, where the SD is undefined.
    """
    if np.isinf(caliper):
        return NO_CALIPER
    width = caliper * sd * SCORE_SCALE
    if np.isnan(width):
        return np.int64(-1)
    return np.int64(np.rint(min(width, WIDEST)))


@njit(cache=True, inline="always")
def find_available(pointer, group):
    """Follow ``pointer`` to the nearest group that still has a member, halving the path on the way."""
    while pointer[group] != group:
        pointer[group] = pointer[pointer[group]]
        group = pointer[group]
    return group


@njit(cache=True)
def focal_arm_of(arm):
    """Return the arm for which matches are sought: the smaller one, and A = 1 when they are equal."""
    treated = 0
    for i in range(arm.shape[0]):
        treated += arm[i]
    return 1 if 2 * treated <= arm.shape[0] else 0


@njit(cache=True)
def rank_scores(score, focal):
    """Return dense ranks of the units in descending score of being focal, shape (n,), and the ranks' keys."""
    rank, keys = dense_ranks(score)
    if focal == 0:
        return rank, keys
    return keys.shape[0] - 1 - rank, -keys[::-1]


@njit(cache=True)
def dense_ranks(score):
    """Return dense ranks of the units in ascending score, shape (n,), and the distinct scores that have them.

    Patients of one pattern of covariates share a score: the distinct ones are few, and all that is sorted.
    """
    pattern, first = row_patterns(score.reshape(score.shape[0], 1).view(np.float64))
    distinct = score[first]
    order = np.argsort(distinct, kind="mergesort")
    place = np.empty(first.shape[0], dtype=np.int64)
    place[order] = np.arange(first.shape[0])
    return place[pattern], distinct[order]


@njit(cache=True)
def sort_by_rank(rank, distinct, order):
    """Sort units by ascending rank (stable counting sort), those of equal rank as they come in ``order``."""
    start = np.zeros(distinct + 1, dtype=np.int64)
    for unit in rank:
        start[unit + 1] += 1
    for group in range(distinct):
        start[group + 1] += start[group]
    ranked = np.empty(rank.shape[0], dtype=np.int64)
    for unit in order:
        ranked[start[rank[unit]]] = unit
        start[rank[unit]] += 1
    return ranked


@njit(cache=True)
def group_units(ranked, rank, keys, arm, side):
    """Return an arm's units as ranked, where each group of equal key begins (and the last ends), the keys."""
    n = ranked.shape[0]
    units = np.empty(n, dtype=np.int64)
    first = np.empty(n + 1, dtype=np.int64)
    value = np.empty(n, dtype=np.int64)
    n_units = 0
    n_groups = 0
    for unit in ranked:
        if arm[unit] != side:
            continue
        if n_groups == 0 or keys[rank[unit]] != value[n_groups - 1]:
            first[n_groups] = n_units
            value[n_groups] = keys[rank[unit]]
            n_groups += 1
        units[n_units] = unit
        n_units += 1
    first[n_groups] = n_units
    return units[:n_units], first[: n_groups + 1], value[:n_groups]


@njit(cache=True)
def group_arms(rank, keys, arm, order, focal):
    """Return `group_units` of the focal arm and of the other: all that matching needs, for any caliper.

    ``order`` lists the units by ascending priority.
    """
    ranked = sort_by_rank(rank, keys.shape[0], order)
    return group_units(ranked, rank, keys, arm, focal), group_units(ranked, rank, keys, arm, 1 - focal)


@njit(cache=True)
def match_grouped(arms, priority, caliper, out):
    """Match the units of `group_arms` within one caliper. O(n) but for path halving.

    Fills ``out`` with the pair number or -1 and returns the number of pairs; see `match_kernel`.
    """
    (takers, first_taker, target), (controls, first, value) = arms
    out[:] = -1
    n_groups = value.shape[0]
    head = first[:n_groups].copy()
    # Groups are numbered from 1: 0 and n_groups + 1 mean "none on this side".
    down = np.arange(n_groups + 2)
    up = np.arange(n_groups + 2)
    n_pairs = 0
    split = 1
    for taking in range(target.shape[0]):
        taker, last = first_taker[taking], first_taker[taking + 1]
        while split <= n_groups and value[split - 1] < target[taking]:
            split += 1
        while taker < last:
            below, above = find_available(down, split - 1), find_available(up, split)
            to_left = target[taking] - value[below - 1] if below > 0 else NOBODY
            to_right = value[above - 1] - target[taking] if above <= n_groups else NOBODY
            nearest = min(to_left, to_right)
            if nearest > caliper or nearest == NOBODY:
                break
            tied = to_left == to_right
            group = below if to_left < to_right else above
            if tied and priority[controls[head[below - 1]]] < priority[controls[head[above - 1]]]:
                group = below
            # Units of equal score continue with the same group while it lasts, unless priority decides again.
            start = head[group - 1]
            stop = start + (1 if tied else min(last - taker, first[group] - start))
            for control in range(start, stop):
                out[takers[taker]] = out[controls[control]] = n_pairs
                taker += 1
                n_pairs += 1
            head[group - 1] = stop
            if stop == first[group]:
                down[group] = group - 1
                up[group] = group + 1
    return n_pairs


@njit(cache=True)
def match_kernel(score, arm, priority, caliper, out):
    """Match 1:1 without replacement; fill ``out`` with the pair number or -1, return the number of pairs.

    ``score`` (logit in units of 1e-9), ``arm`` (0 or 1), ``priority`` (unique, lower first) and ``out`` are
    int64 (n,); ``caliper`` is the largest allowed distance, in the unit of ``score``. Pairs are numbered in
    the order in which the focal units are taken.
    """
    focal = focal_arm_of(arm)
    rank, keys = rank_scores(score, focal)
    order = np.argsort(priority, kind="mergesort")
    return match_grouped(group_arms(rank, keys, arm, order, focal), priority, caliper, out)


@njit(cache=True)
def spread(score, arm, within_arm):
    """Return the SD of the integer scores: over all, or pooled within the arms; summed in sorted order."""
    if not within_arm:
        return np.sqrt(sorted_variance(score))
    return np.sqrt((sorted_variance(score[arm == 0]) + sorted_variance(score[arm == 1])) / 2.0)


@njit(cache=True)
def sorted_variance(score):
    """Return the n - 1 variance of integer scores in squared logits, by an ascending sum; NaN below 2."""
    n = score.shape[0]
    if n < 2:
        return np.nan
    rank, distinct = dense_ranks(score)
    count = np.zeros(distinct.shape[0], dtype=np.int64)
    for place in rank:
        count[place] += 1
    mean = 0.0
    for place in range(distinct.shape[0]):
        mean += count[place] * (distinct[place] / SCORE_SCALE)
    mean /= n
    squares = 0.0
    for place in range(distinct.shape[0]):
        squares += count[place] * (distinct[place] / SCORE_SCALE - mean) ** 2
    return squares / (n - 1)
