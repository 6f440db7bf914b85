"""Greedy matching against plain loops over all pairs, and what must hold of every matched set."""

import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba import njit

from survival_multiverse.balancing.matching import greedy_match, integer_score, logit_sd, priority
from survival_multiverse.kernels.matching import caliper_units, match_kernel
from survival_multiverse.settings.schema import Status


def loops(score, arm, order, width):
    """Match by looking at every free candidate for every focal unit; return the list of (focal, other)."""
    units = [
        dict(row=i, score=int(score[i]), arm=int(arm[i]), order=int(order[i])) for i in range(len(score))
    ]
    focal_arm = 1 if sum(u["arm"] for u in units) <= sum(1 - u["arm"] for u in units) else 0
    sign = 1 if focal_arm == 1 else -1
    waiting = [u for u in units if u["arm"] == focal_arm]
    free = [u for u in units if u["arm"] != focal_arm]
    found = []
    while waiting:
        turn = waiting[0]
        for u in waiting:
            better = sign * u["score"] > sign * turn["score"]
            if better or (u["score"] == turn["score"] and u["order"] < turn["order"]):
                turn = u
        waiting.remove(turn)
        best = None
        for u in free:
            gap = abs(u["score"] - turn["score"])
            if gap > width:
                continue
            if best is None or (gap, u["order"]) < (abs(best["score"] - turn["score"]), best["order"]):
                best = u
        if best is not None:
            free.remove(best)
            found.append((turn["row"], best["row"]))
    return found


def cohort(rng, *, n=None, distinct=None):
    n = n or int(rng.integers(2, 60))
    levels = rng.normal(size=distinct or int(rng.integers(1, 17)))
    # Some cohorts on a coarse lattice, where left and right neighbours are often equally far.
    if rng.random() < 0.5:
        levels = np.round(levels * 2) / 2
    logit = np.round(rng.choice(levels, n), 9)
    arm = (rng.random(n) < rng.choice([0.2, 0.5, 0.8])).astype(np.int64)
    return logit, arm, rng.permutation(n)


def assert_valid(match, logit, arm):
    score = integer_score(logit)
    rows = match.pairs.ravel()
    assert len(set(rows.tolist())) == rows.size
    assert (arm[match.pairs[:, 0]] == 1).all()
    assert (arm[match.pairs[:, 1]] == 0).all()
    gap = np.abs(score[match.pairs[:, 0]] - score[match.pairs[:, 1]])
    assert (gap <= match.caliper_width * 1e9 + 0.5).all()
    for number, pair in enumerate(match.pairs):
        assert set(np.flatnonzero(match.pair_of == number)) == set(pair)
    assert (match.pair_of >= 0).sum() == 2 * len(match.pairs)
    assert match.n_focal == min((arm == 0).sum(), (arm == 1).sum()) == (arm == match.focal_arm).sum()
    # Maximal: no focal patient and other patient within the caliper are both left over.
    left = np.flatnonzero(match.pair_of == -1)
    for i in left[arm[left] == 1]:
        assert (np.abs(score[left[arm[left] == 0]] - score[i]) > match.caliper_width * 1e9 - 0.5).all()


def test_agrees_with_plain_loops_on_many_tied_cohorts():
    rng = np.random.default_rng(20)
    with_pairs = 0
    for _ in range(600):
        logit, arm, order = cohort(rng)
        caliper = rng.choice([0.0, 0.05, 0.2, 0.5, np.inf])
        match = greedy_match(logit, arm, order, caliper=caliper)
        if np.isnan(match.caliper_width):
            continue
        width = np.inf if np.isinf(caliper) else round(match.caliper_width * 1e9)
        expected = loops(integer_score(logit), arm, order, width)
        focal_first = match.pairs if match.focal_arm == 1 else match.pairs[:, ::-1]
        assert [tuple(p) for p in focal_first.tolist()] == expected
        with_pairs += bool(len(expected))
    assert with_pairs > 300


def test_every_matched_set_is_valid():
    rng = np.random.default_rng(21)
    for sd in ("all", "within_arm"):
        for _ in range(150):
            logit, arm, order = cohort(rng)
            match = greedy_match(logit, arm, order, caliper=rng.choice([0.1, 0.2, 1.0]), caliper_sd=sd)
            if not np.isnan(match.caliper_width):
                assert_valid(match, logit, arm)
            assert (match.status is Status.OK) == (len(match.pairs) > 0)


def test_row_order_changes_neither_pairs_nor_their_numbers():
    rng = np.random.default_rng(22)
    for _ in range(150):
        logit, arm, _ = cohort(rng)
        ids = np.array([f"patient {i}" for i in range(len(logit))])
        shuffle = rng.permutation(len(logit))
        first = greedy_match(logit, arm, priority(ids, seed=7), caliper=0.2)
        again = greedy_match(logit[shuffle], arm[shuffle], priority(ids[shuffle], seed=7), caliper=0.2)
        np.testing.assert_array_equal(first.sd_logit, again.sd_logit)
        assert dict(zip(ids, first.pair_of, strict=True)) == dict(
            zip(ids[shuffle], again.pair_of, strict=True)
        )
        np.testing.assert_array_equal(ids[first.pairs], ids[shuffle][again.pairs])


def test_a_larger_caliper_uses_a_superset_of_the_larger_arm():
    rng = np.random.default_rng(23)
    for _ in range(150):
        logit, arm, order = cohort(rng, n=40, distinct=12)
        used = set()
        for caliper in (0.0, 0.05, 0.1, 0.2, 0.5, 2.0, np.inf):
            match = greedy_match(logit, arm, order, caliper=caliper)
            now = set(match.pairs[:, 1 if match.focal_arm == 1 else 0].tolist())
            assert used <= now
            used = now
        assert len(used) == match.n_focal


def test_swapping_arms_and_sign_gives_the_same_pairs():
    rng = np.random.default_rng(24)
    compared = 0
    for _ in range(100):
        logit, arm, order = cohort(rng)
        if 2 * arm.sum() == len(arm) or len(arm) < 4:
            continue
        match = greedy_match(logit, arm, order, caliper=0.5)
        mirror = greedy_match(-logit, 1 - arm, order, caliper=0.5)
        assert mirror.focal_arm == 1 - match.focal_arm
        np.testing.assert_array_equal(match.pairs, mirror.pairs[:, ::-1])
        compared += len(match.pairs)
    assert compared > 300


def test_equal_arms_make_arm_one_focal():
    match = greedy_match(np.array([0.0, 1, 2, 3]), np.array([1, 1, 0, 0]), np.arange(4))
    assert match.focal_arm == 1
    # Descending logit: the unit at 1 goes first and takes the one at 2.
    assert match.pairs.tolist() == [[1, 2], [0, 3]]


def test_focal_arm_zero_starts_at_the_lowest_logit():
    match = greedy_match(np.array([0.0, 1, 0.4, 0.6, 5]), np.array([0, 0, 1, 1, 1]), np.arange(5))
    assert match.focal_arm == 0
    assert match.pairs.tolist() == [[2, 0], [3, 1]]


def test_ties_go_to_the_lower_priority():
    logit = np.array([0.0, 1.0, 1.0, -1.0, -1.0])
    arm = np.array([1, 0, 0, 0, 0])
    for winner in (1, 2, 3, 4):
        order = np.array([0, 5, 6, 7, 8])
        order[winner] = 1
        assert greedy_match(logit, arm, order).pairs.tolist() == [[0, winner]]


def test_caliper_is_inclusive():
    logit, arm = np.array([0.0, 1.0]), np.array([1, 0])
    assert greedy_match(logit, arm, np.arange(2), caliper=np.sqrt(2)).status is Status.OK
    short = greedy_match(logit, arm, np.arange(2), caliper=1.414)
    assert short.status is Status.NO_PAIRS
    assert short.pairs.shape == (0, 2)
    out = np.empty(2, dtype=np.int64)
    score = np.array([10, 3])
    assert match_kernel(score, arm, np.arange(2), 7, out) == 1
    assert match_kernel(score, arm, np.arange(2), 6, out) == 0


def test_caliper_sd_options():
    logit, arm = np.array([0.0, 1, 4, 6, 9, 11]), np.array([0, 0, 0, 1, 1, 1])
    for option, sd in (
        ("all", np.std(logit, ddof=1)),
        ("within_arm", np.sqrt((np.var(logit[:3], ddof=1) + np.var(logit[3:], ddof=1)) / 2)),
    ):
        match = greedy_match(logit, arm, np.arange(6), caliper=0.2, caliper_sd=option)
        assert match.sd_logit == pytest.approx(sd, rel=1e-14)
        assert match.caliper_width == pytest.approx(0.2 * sd, abs=5.1e-10)
    with pytest.raises(ValueError, match="caliper_sd"):
        logit_sd(integer_score(logit), arm, caliper_sd="pooled")


def test_constant_score_matches_everyone_by_priority():
    arm = np.array([1, 1, 0, 0, 0])
    match = greedy_match(np.full(5, 0.3), arm, np.array([4, 1, 3, 0, 2]), caliper=0.2)
    assert match.pairs.tolist() == [[1, 3], [0, 4]]


@pytest.mark.parametrize("arm", [[0, 0], [1, 1], []])
def test_empty_arm_has_a_status(arm):
    match = greedy_match(np.zeros(len(arm)), np.array(arm, dtype=int), np.arange(len(arm)), caliper=0.2)
    assert match.status is Status.EMPTY_ARM
    assert match.pairs.shape == (0, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"logit": np.array([0.0, np.nan])}, "finite"),
        ({"logit": np.zeros(3)}, "arrays"),
        ({"arm": np.array([0, 2])}, "arm"),
        ({"caliper": -0.1}, "caliper"),
        ({"caliper": np.nan}, "caliper"),
    ],
)
def test_programming_errors_raise(change, message):
    arguments = {"logit": np.zeros(2), "arm": np.array([0, 1]), "priority": np.arange(2), **change}
    with pytest.raises(ValueError, match=message):
        greedy_match(**arguments)


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(st.tuples(st.floats(-30, 30) | st.sampled_from([0.0, 1.0]), st.integers(0, 1)), max_size=8),
    caliper=st.floats(0, 3) | st.just(np.inf),
    option=st.sampled_from(["all", "within_arm"]),
)
def test_tiny_inputs_never_crash(rows, caliper, option):
    logit = np.array([r[0] for r in rows])
    arm = np.array([r[1] for r in rows], dtype=np.int64)
    match = greedy_match(logit, arm, np.arange(len(rows)), caliper=caliper, caliper_sd=option)
    if not np.isnan(match.caliper_width):
        assert_valid(match, logit, arm)


@njit
def count_pairs_used(score, arm, priorities, caliper):
    """Call the kernel in a compiled loop over tie-breaks, as a resampler does."""
    used = np.zeros(score.shape[0], dtype=np.int64)
    out = np.empty(score.shape[0], dtype=np.int64)
    for b in range(priorities.shape[0]):
        match_kernel(score, arm, priorities[b], caliper, out)
        for i in range(out.shape[0]):
            used[i] += out[i] >= 0
    return used


def test_kernel_runs_inside_compiled_loops():
    rng = np.random.default_rng(25)
    logit, arm, _ = cohort(rng, n=50, distinct=5)
    score = integer_score(logit)
    priorities = np.array([rng.permutation(50) for _ in range(20)])
    expected = np.zeros(50, dtype=int)
    for order in priorities:
        for pair in loops(score, arm, order, 10**8):
            expected[list(pair)] += 1
    np.testing.assert_array_equal(count_pairs_used(score, arm, priorities, 10**8), expected)


@pytest.mark.parametrize("distinct", [16, 200_000])
def test_time_does_not_grow_with_the_square(distinct):
    rng = np.random.default_rng(26)
    n = 200_000
    score = rng.integers(0, distinct, n) * 1_000
    arm, order = rng.integers(0, 2, n), rng.permutation(n)
    out = np.empty(n, dtype=np.int64)
    match_kernel(score[:10].copy(), arm[:10].copy(), order[:10].copy(), 1, out[:10])
    start = time.process_time()
    assert match_kernel(score, arm, order, 10**9, out) > 90_000
    # Ten thousand million comparisons would take longer; this takes about 0.1 s.
    assert time.process_time() - start < 3


def test_priority_is_a_seeded_rank_that_ignores_order_type_and_company():
    ids = [f"{i}" for i in range(100)]
    rank = priority(ids, seed=1)
    assert sorted(rank) == list(range(100))
    np.testing.assert_array_equal(priority(ids[::-1], seed=1), rank[::-1])
    np.testing.assert_array_equal(priority(np.arange(100), seed=1), rank)
    np.testing.assert_array_equal(np.argsort(priority(ids[:50], seed=1)), np.argsort(rank[:50]))
    assert (priority(ids, seed=2) != rank).any()
    # The hash is keyed BLAKE2b (RFC 7693): these ranks must never change between versions.
    assert priority(["a", "b", "c", "d", "e"], seed=0).tolist() == [0, 2, 4, 3, 1]


def test_priority_tells_copies_apart_and_refuses_repeats():
    assert len(set(priority([("a", 0), ("a", 1), ("a0", ""), ("", "a0")], seed=1))) == 4
    assert priority([], seed=1).shape == (0,)
    with pytest.raises(ValueError, match="unique"):
        priority(["a", "b", "a"], seed=1)


@pytest.mark.parametrize(
    ("caliper", "sd", "units"),
    [
        (0.2, 1.5, 300_000_000),
        (0.5, 1e-9, 0),
        (1.5, 1e-9, 2),
        (1e300, 1.5, 2**62),
        (np.inf, np.nan, 2**63 - 1),
        (0.2, np.nan, -1),
    ],
)
def test_caliper_in_units_of_the_score(caliper, sd, units):
    assert caliper_units(caliper, sd) == units
