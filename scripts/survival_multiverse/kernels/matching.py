"""Greedy nearest-neighbour matching on integer scores: exact comparisons, O(n log n)."""

import numpy as np
from numba import njit

from survival_multiverse.kernels.patterns import row_patterns

# Scores are logits in units of 1e-9.
SCORE_SCALE = 1e9


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


@njit(cache=True, inline="always")
def nearest_group(target, below, above, n_groups, head, controls, value, priority, caliper):
    """Return the group (1-based) whose first member is nearest to ``target`` within the caliper, else 0."""
    if below == 0 and above > n_groups:
        return 0
    if below == 0:
        choice = above
    elif above > n_groups:
        choice = below
    else:
        to_left = target - value[below - 1]
        to_right = value[above - 1] - target
        if to_left != to_right:
            choice = below if to_left < to_right else above
        else:
            left = controls[head[below - 1]]
            right = controls[head[above - 1]]
            choice = below if priority[left] < priority[right] else above
    distance = abs(target - value[choice - 1])
    return choice if distance <= caliper else 0


@njit(cache=True)
def rank_scores(score, focal):
    """Dense ranks of the units in descending score of being focal, shape (n,), and the ranks' keys."""
    rank, keys = dense_ranks(score)
    if focal == 0:
        return rank, keys
    return keys.shape[0] - 1 - rank, -keys[::-1]


@njit(cache=True)
def dense_ranks(score):
    """Dense ranks of the units in ascending score, shape (n,), and the distinct scores that have them.

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
    """Stable counting sort: units by ascending rank, those of equal rank as they come in ``order``."""
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
def group_controls(ranked, rank, keys, arm, focal):
    """Return (controls as ranked, first member of each group of equal key, keys of the groups)."""
    n = ranked.shape[0]
    controls = np.empty(n, dtype=np.int64)
    first = np.empty(n + 1, dtype=np.int64)
    value = np.empty(n, dtype=np.int64)
    n_controls = 0
    n_groups = 0
    for unit in ranked:
        if arm[unit] == focal:
            continue
        if n_groups == 0 or keys[rank[unit]] != value[n_groups - 1]:
            first[n_groups] = n_controls
            value[n_groups] = keys[rank[unit]]
            n_groups += 1
        controls[n_controls] = unit
        n_controls += 1
    first[n_groups] = n_controls
    return controls, first[: n_groups + 1], value[:n_groups]


@njit(cache=True)
def match_ranked(rank, keys, arm, order, priority, focal, caliper, out):
    """Match units of known rank; ``order`` lists them by ascending ``priority``. O(n) but for path halving.

    Fills ``out`` with the pair number or -1 and returns the number of pairs; see `match_kernel`.
    """
    ranked = sort_by_rank(rank, keys.shape[0], order)
    controls, first, value = group_controls(ranked, rank, keys, arm, focal)
    return match_grouped(ranked, controls, first, value, rank, keys, arm, priority, focal, caliper, out)


@njit(cache=True)
def match_grouped(ranked, controls, first, value, rank, keys, arm, priority, focal, caliper, out):
    """Match within one caliper what `sort_by_rank` and `group_controls` have put in order for all of them."""
    out[:] = -1
    n_groups = value.shape[0]
    head = first[:n_groups].copy()
    # Groups are numbered from 1: 0 and n_groups + 1 mean "none on this side".
    down = np.arange(n_groups + 2)
    up = np.arange(n_groups + 2)
    n_pairs = 0
    split = 1
    for unit in ranked:
        if arm[unit] != focal:
            continue
        target = keys[rank[unit]]
        while split <= n_groups and value[split - 1] < target:
            split += 1
        below = find_available(down, split - 1)
        above = find_available(up, split)
        group = nearest_group(target, below, above, n_groups, head, controls, value, priority, caliper)
        if group == 0:
            continue
        out[unit] = n_pairs
        out[controls[head[group - 1]]] = n_pairs
        n_pairs += 1
        head[group - 1] += 1
        if head[group - 1] == first[group]:
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
    return match_ranked(rank, keys, arm, order, priority, focal, caliper, out)


@njit(cache=True)
def spread(score, arm, within_arm):
    """SD of the integer scores: over all, or pooled within the arms; summed in sorted order."""
    if not within_arm:
        return np.sqrt(sorted_variance(score))
    return np.sqrt((sorted_variance(score[arm == 0]) + sorted_variance(score[arm == 1])) / 2.0)


@njit(cache=True)
def sorted_variance(score):
    """n - 1 variance of integer scores in squared logits, summed in ascending order; NaN below 2."""
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
