"""Compiled annealing of a candidate cohort: moves that keep what is already right, and their acceptance."""

import math
from collections import namedtuple

import numpy as np
from numba import njit

from survival_multiverse.kernels.published_losses import block_loss, cell_of, every_loss
from survival_multiverse.kernels.reconstruction import add_patient, empty_store, in_cohort

SWAP_TIMES, SHIFT_TIME, SWAP_EVENTS, SWAP_LABELS, SWAP_IN_BOTH_ARMS, SWAP_IN_PAIRS, CHANGE_LABEL = range(7)
LABEL, TIME, EVENT = range(3)
TRIES = 24

Stage = namedtuple(
    "Stage",
    [
        # Which blocks count, shape (blocks,); who may change time and event, who labels, shape (patients,).
        "active",
        "timed",
        "labelled",
        # Rows that change, how many codes each has; rows that two who exchange labels, or times, share.
        "rows",
        "codes",
        "same",
        "same_times",
        # Whether follow-up counts: if not, the living may only change places.
        "follow_up",
        # Cumulative shares of the seven moves, share of exchanges within a time zone, first time of the grid.
        "moves",
        "zoned",
        "first_time",
        # The block of matching cells, -1 for none.
        "cells",
    ],
)


@njit(cache=True)
def draw(generator, below):
    """Return the next whole number from 0 to below - 1 of a xorshift64* generator (Vigna 2016)."""
    return int(uniform(generator) * below)


@njit(cache=True)
def uniform(generator):
    """Return the next number in [0, 1)."""
    state = generator[0]
    state ^= state >> np.uint64(12)
    state ^= state << np.uint64(25)
    state ^= state >> np.uint64(27)
    generator[0] = state
    return float((state * np.uint64(2685821657736338717)) >> np.uint64(11)) / 9007199254740992.0


@njit(cache=True)
def zone(time, event, rate_times):
    """Count the printed times that a patient has outlived."""
    passed = 0
    for k in range(rate_times.size):
        if time > rate_times[k] or (time == rate_times[k] and event == 0):
            passed += 1
    return passed


@njit(cache=True)
def alike(problem, same, time, event, labels, i, j, zoned, skip):
    """Return whether two patients share time zone and all rows (but `skip`) that an exchange must keep."""
    for place in range(same.size):
        row = same[place]
        if row != skip and labels[row, i] != labels[row, j]:
            return False
    if not zoned:
        return True
    return zone(time[i], event[i], problem.rate_times) == zone(time[j], event[j], problem.rate_times)


@njit(cache=True)
def note(changes, count, kind, row, patient, value):
    """Add a change to the list."""
    changes[count, 0], changes[count, 1], changes[count, 2], changes[count, 3] = kind, row, patient, value
    return count + 1


@njit(cache=True)
def exchange_labels(changes, count, labels, row, i, j):
    """Exchange the labels of two patients in one row, and note both changes."""
    count = note(changes, count, LABEL, row, i, labels[row, j])
    return note(changes, count, LABEL, row, j, labels[row, i])


@njit(cache=True)
def propose_shift(problem, stage, time, event, i, zoned, generator, changes):
    """Shift one time by a small step, or to where somebody else is: recorded times heap."""
    if event[i] == 0 and not stage.follow_up:
        return 0
    shift = 1 + draw(generator, 3)
    other = time[draw(generator, time.size)]
    u = uniform(generator)
    moved = other if u < 0.5 else time[i] + (shift if u < 0.75 else -shift)
    if moved < stage.first_time or moved > problem.last_time:
        return 0
    if zoned and zone(moved, event[i], problem.rate_times) != zone(time[i], event[i], problem.rate_times):
        return 0
    return note(changes, 0, TIME, 0, i, moved)


@njit(cache=True)
def propose_times(problem, stage, time, event, labels, move, generator, changes):
    """Exchange the times, or the events, of two patients, or shift one time within its zone."""
    n = time.size
    i = draw(generator, n)
    if not stage.timed[i]:
        return 0
    zoned = uniform(generator) < stage.zoned
    if move == SHIFT_TIME:
        return propose_shift(problem, stage, time, event, i, zoned, generator, changes)
    for _ in range(TRIES):
        j = draw(generator, n)
        if not stage.timed[j] or not alike(problem, stage.same_times, time, event, labels, i, j, zoned, -1):
            continue
        if move == SWAP_EVENTS and event[i] != event[j]:
            count = note(changes, 0, EVENT, 0, i, event[j])
            return note(changes, count, EVENT, 0, j, event[i])
        if move == SWAP_TIMES and time[i] != time[j]:
            count = note(changes, 0, TIME, 0, i, time[j])
            count = note(changes, count, TIME, 0, j, time[i])
            if event[i] != event[j]:
                count = note(changes, count, EVENT, 0, i, event[j])
                count = note(changes, count, EVENT, 0, j, event[i])
            return count
    return 0


@njit(cache=True)
def partner(problem, stage, time, event, labels, row, i, zoned, generator):
    """Return a random patient who agrees in the kept labels and has another code of the row, or -1."""
    for _ in range(TRIES):
        j = draw(generator, time.size)
        if (
            stage.labelled[j]
            and labels[row, j] != labels[row, i]
            and alike(problem, stage.same, time, event, labels, i, j, zoned, row)
        ):
            return j
    return -1


@njit(cache=True)
def propose_both_arms(problem, stage, time, event, labels, row, generator, changes):
    """Exchange labels across zones in one arm and back in the other: survival by level stays as it is."""
    n = time.size
    i = draw(generator, n)
    if not stage.labelled[i]:
        return 0
    j = partner(problem, stage, time, event, labels, row, i, False, generator)
    if j < 0:
        return 0
    first = zone(time[i], event[i], problem.rate_times)
    second = zone(time[j], event[j], problem.rate_times)
    k, m = -1, -1
    for _ in range(4 * TRIES):
        other = draw(generator, n)
        arms_differ = labels[problem.arm_row, other] != labels[problem.arm_row, i]
        if not stage.labelled[other] or not arms_differ:
            continue
        if not alike(problem, stage.same, time, event, labels, i, other, False, problem.arm_row):
            continue
        passed = zone(time[other], event[other], problem.rate_times)
        if k < 0 and passed == first and labels[row, other] == labels[row, j]:
            k = other
        elif m < 0 and passed == second and labels[row, other] == labels[row, i]:
            m = other
        if k >= 0 and m >= 0:
            count = exchange_labels(changes, 0, labels, row, i, j)
            return exchange_labels(changes, count, labels, row, k, m)
    return 0


@njit(cache=True)
def counterpart(problem, stage, time, labels, i, generator):
    """Return a matched patient of the other arm in the same cell of matching variables, or -1."""
    cell = cell_of(problem, stage.cells, labels, i)
    for _ in range(8 * TRIES):
        other = draw(generator, time.size)
        if (
            labels[problem.pair_row, other] == 1
            and labels[problem.arm_row, other] != labels[problem.arm_row, i]
            and stage.labelled[other]
            and in_cohort(problem, problem.cohort[stage.cells], labels, other)
            and cell_of(problem, stage.cells, labels, other) == cell
        ):
            return other
    return -1


@njit(cache=True)
def propose_in_pairs(problem, stage, time, event, labels, row, generator, changes):
    """Exchange a matching variable between two matched patients and between their counterparts."""
    i = draw(generator, time.size)
    if stage.cells < 0 or not stage.labelled[i] or labels[problem.pair_row, i] == 0:
        return 0
    if not in_cohort(problem, problem.cohort[stage.cells], labels, i):
        return 0
    zoned = uniform(generator) < stage.zoned
    j = partner(problem, stage, time, event, labels, row, i, zoned, generator)
    if j < 0:
        return 0
    k = counterpart(problem, stage, time, labels, i, generator)
    m = counterpart(problem, stage, time, labels, j, generator)
    if k < 0 or m < 0:
        return 0
    if zoned and zone(time[k], event[k], problem.rate_times) != zone(time[m], event[m], problem.rate_times):
        return 0
    count = exchange_labels(changes, 0, labels, row, i, j)
    return exchange_labels(changes, count, labels, row, k, m)


@njit(cache=True)
def propose(problem, stage, time, event, labels, generator, changes):
    """Fill `changes` with (kind, row, patient, new value) of a random move; returns how many there are."""
    u, move = uniform(generator), 0
    while move < stage.moves.size - 1 and u >= stage.moves[move]:
        move += 1
    if move <= SWAP_EVENTS:
        return propose_times(problem, stage, time, event, labels, move, generator, changes)
    place = draw(generator, stage.rows.size)
    row = stage.rows[place]
    if move == SWAP_IN_BOTH_ARMS:
        return propose_both_arms(problem, stage, time, event, labels, row, generator, changes)
    if move == SWAP_IN_PAIRS:
        return propose_in_pairs(problem, stage, time, event, labels, row, generator, changes)
    i = draw(generator, time.size)
    if not stage.labelled[i]:
        return 0
    if move == CHANGE_LABEL:
        code = draw(generator, stage.codes[place])
        return 0 if code == labels[row, i] else note(changes, 0, LABEL, row, i, code)
    j = partner(problem, stage, time, event, labels, row, i, uniform(generator) < stage.zoned, generator)
    return 0 if j < 0 else exchange_labels(changes, 0, labels, row, i, j)


@njit(cache=True)
def apply(time, event, labels, changes, count):
    """Make the changes and put the old values in their place: a second call takes them back."""
    for c in range(count):
        kind, row, patient, value = changes[c, 0], changes[c, 1], changes[c, 2], changes[c, 3]
        if kind == LABEL:
            changes[c, 3] = labels[row, patient]
            labels[row, patient] = value
        elif kind == TIME:
            changes[c, 3] = time[patient]
            time[patient] = value
        else:
            changes[c, 3] = event[patient]
            event[patient] = value


@njit(cache=True)
def may_touch(problem, stage, changes, block):
    """Return whether changes of this kind can move the numbers of a block."""
    if not stage.active[block]:
        return False
    if changes[0, 0] == LABEL:
        return problem.uses[changes[0, 1], block]
    return problem.landmark[block] >= 0


@njit(cache=True)
def changed_patients(changes, count, who):
    """Fill `who` with the patients of the changes, each once; returns how many."""
    found = 0
    for c in range(count):
        known = False
        for place in range(found):
            known = known or who[place] == changes[c, 2]
        if not known:
            who[found] = changes[c, 2]
            found += 1
    return found


@njit(cache=True)
def move_sums(problem, store, block, time, event, labels, changes, count, who):
    """Move a block's sums to the state after the changes, which are made; whether they concern it."""
    hit = False
    apply(time, event, labels, changes, count)
    for i in who:
        hit |= add_patient(problem, store, block, time, event, labels, i, -1)
    apply(time, event, labels, changes, count)
    for i in who:
        hit |= add_patient(problem, store, block, time, event, labels, i, 1)
    return hit


@njit(cache=True)
def accept(problem, stage, store, time, event, labels, changes, count, who, order, losses, trial, most):
    """Make the changes if they lose at most `most`, else leave all as it was; new losses in `trial`.

    Blocks come in `order`; one that decides against a change comes earlier the next time.
    """
    left = most
    for block in range(losses.size):
        trial[block] = losses[block]
        if may_touch(problem, stage, changes, block):
            left += losses[block]
    apply(time, event, labels, changes, count)
    for place in range(order.size):
        block = order[place]
        if not may_touch(problem, stage, changes, block):
            continue
        if move_sums(problem, store, block, time, event, labels, changes, count, who):
            trial[block] = block_loss(problem, store, block, time, event, labels)
        left -= trial[block]
        if left < 0.0:
            apply(time, event, labels, changes, count)
            for done in order[: place + 1]:
                if may_touch(problem, stage, changes, done):
                    move_sums(problem, store, done, time, event, labels, changes, count, who)
            order[place], order[place // 2] = order[place // 2], order[place]
            return False
    return True


@njit(cache=True)
def anneal(problem, stage, time, event, labels, generator, steps, hot, cold):
    """Anneal in place; the state ends as the best one met. Returns its loss.

    The temperature falls geometrically from `hot` to `cold`, both in units of the loss; a loss of 0 ends it.
    """
    store = empty_store(problem)
    losses = every_loss(problem, stage.active, time, event, labels, store)
    trial = np.zeros(losses.size)
    best = losses.sum()
    best_time, best_event, best_labels = time.copy(), event.copy(), labels.copy()
    changes = np.zeros((8, 4), np.int64)
    order = np.arange(losses.size)
    patients = np.zeros(8, np.int64)
    cooling = math.exp(math.log(cold / hot) / max(steps, 1))
    temperature = hot
    for _ in range(steps):
        temperature *= cooling
        count = propose(problem, stage, time, event, labels, generator, changes)
        if count == 0:
            continue
        who = patients[: changed_patients(changes, count, patients)]
        most = -temperature * math.log(1.0 - uniform(generator))
        if not accept(
            problem, stage, store, time, event, labels, changes, count, who, order, losses, trial, most
        ):
            continue
        losses[:] = trial
        total = losses.sum()
        if total < best:
            best = total
            best_time[:], best_event[:], best_labels[:, :] = time, event, labels
            if best <= 0.0:
                break
    time[:], event[:], labels[:, :] = best_time, best_event, best_labels
    return best
