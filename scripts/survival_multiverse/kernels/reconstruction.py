"""Compiled statistics of a candidate cohort, and how far each lies outside the rounding of its printed value.

Times are whole steps of a grid, `labels` the code of each variable (row) and patient (column). A *block* is
one group of patients with one analysis, whose numbers are computed together; `Problem` holds all of them.
"""

import math
from collections import namedtuple

import numpy as np
from numba import njit

GROUPS, COX, MEDIAN, FOLLOW_UP, COUNTS, CELLS = range(6)

FAR = 1e4
"""Loss of a number that cannot be computed."""

LEVELS = 4
"""Most levels that a variable may have."""

Problem = namedtuple(
    "Problem",
    [
        # Blocks, shape (blocks,): what, in whom, by which variable, if which is known, from which time on.
        "kind",
        "cohort",
        "row",
        "mask",
        "landmark",
        "levels",
        "first_target",
        # Variables of a model or of the matching cells, -1 behind the last; their code 1 and first guess.
        "model_rows",
        "model_codes",
        "model_start",
        "model_steps",
        # Conditions of the cohorts, shape (cohorts, conditions), -1 behind the last.
        "condition_rows",
        "condition_codes",
        # Printed values: limits of the rounding and weight (0: not printed), shape (targets,).
        "lower",
        "upper",
        "weight",
        # Cost of any number outside its interval, in addition to its distance.
        "miss",
        # Which blocks a row of labels enters, shape (rows, blocks).
        "uses",
        # Times at which survival is printed, last time of the grid, months a step, normal quantile.
        "rate_times",
        "last_time",
        "step",
        "normal",
        "arm_row",
        "pair_row",
    ],
)


@njit(cache=True)
def outside(value, target, problem):
    """Return a value's weighted distance from the interval that rounds to the printed one, 0 within it."""
    weight = problem.weight[target]
    if weight == 0.0:
        return 0.0
    if not math.isfinite(value):
        return FAR
    slack = 1e-9 * max(1.0, abs(value))
    distance = max(problem.lower[target] - slack - value, value - problem.upper[target] - slack)
    return problem.miss + weight * distance if distance > 0.0 else 0.0


@njit(cache=True)
def in_cohort(problem, cohort, labels, patient):
    """Return whether a patient meets every condition of a cohort."""
    for c in range(problem.condition_rows.shape[1]):
        row = problem.condition_rows[cohort, c]
        if row < 0:
            return True
        if labels[row, patient] != problem.condition_codes[cohort, c]:
            return False
    return True


@njit(cache=True)
def level_of(problem, block, labels, patient):
    """Return the code of the block's variable, 0 where everybody counts, -1 where it was not recorded."""
    mask = problem.mask[block]
    if mask >= 0 and labels[mask, patient] == 0:
        return -1
    row = problem.row[block]
    return 0 if row < 0 else labels[row, patient]


Store = namedtuple(
    "Store",
    [
        # Deaths, and all who leave, by block, level and time.
        "deaths",
        "leaving",
        # Sums by time of a model (see `add_to_model`), and which of them a block has, -1 for none.
        "moments",
        "dead",
        "model_of",
    ],
)


@njit(cache=True)
def empty_store(problem):
    """Allocate the sums by time of every block."""
    blocks, times = problem.kind.size, problem.last_time + 1
    model_of = np.full(blocks, -1, np.int64)
    models = 0
    for b in range(blocks):
        if problem.kind[b] == COX:
            model_of[b] = models
            models += 1
    k = problem.model_rows.shape[1]
    return Store(
        np.zeros((blocks, LEVELS, times), np.int64),
        np.zeros((blocks, LEVELS, times), np.int64),
        np.zeros((models, times, 1 + k + k * (k + 1) // 2)),
        np.zeros((models, times, 1 + k)),
        model_of,
    )


@njit(cache=True)
def covariates(problem, block):
    """Count the variables of a model, or of the matching cells."""
    k = 0
    while k < problem.model_rows.shape[1] and problem.model_rows[block, k] >= 0:
        k += 1
    return k


@njit(cache=True)
def add_patient(problem, store, block, time, event, labels, patient, sign):
    """Add a patient to a block's sums, or take one away (`sign` -1); whether the block is about them."""
    if time[patient] < problem.landmark[block] or not in_cohort(
        problem, problem.cohort[block], labels, patient
    ):
        return False
    kind, t = problem.kind[block], time[patient]
    if kind == COX:
        model = store.model_of[block]
        beta = problem.model_start[block]
        moments, dead = store.moments[model, t], store.dead[model, t]
        add_to_model(problem, block, event[patient], labels, beta, patient, sign, moments, dead)
    elif kind in (GROUPS, MEDIAN):
        level = level_of(problem, block, labels, patient)
        if level < 0:
            return False
        store.deaths[block, level, t] += sign * event[patient]
        store.leaving[block, level, t] += sign
    return True


@njit(cache=True)
def add_to_model(problem, block, event, labels, beta, patient, sign, moments, dead):
    """Add to the sums at a time: exp(x beta), times x, times x x' (lower triangle); deaths, and their x."""
    k = covariates(problem, block)
    eta = 0.0
    for a in range(k):
        if labels[problem.model_rows[block, a], patient] == problem.model_codes[block, a]:
            eta += beta[a]
    risk = sign * math.exp(eta)
    moments[0] += risk
    dead[0] += sign * event
    place = 1 + k
    for a in range(k):
        if labels[problem.model_rows[block, a], patient] == problem.model_codes[block, a]:
            moments[1 + a] += risk
            dead[1 + a] += sign * event
            for b in range(a + 1):
                if labels[problem.model_rows[block, b], patient] == problem.model_codes[block, b]:
                    moments[place + b] += risk
        place += a + 1
