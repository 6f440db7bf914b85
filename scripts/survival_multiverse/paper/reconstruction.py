"""Fit of a cohort to a paper's published numbers, in stages that each keep what is already exact."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.estimators.limits import at_most
from survival_multiverse.kernels.annealing import (
    CHANGE_LABEL,
    SHIFT_TIME,
    SWAP_EVENTS,
    SWAP_IN_BOTH_ARMS,
    SWAP_IN_PAIRS,
    SWAP_LABELS,
    SWAP_TIMES,
    Stage,
    anneal,
    draw,
)
from survival_multiverse.kernels.published_losses import every_loss
from survival_multiverse.kernels.reconstruction import CELLS, FOLLOW_UP, empty_store
from survival_multiverse.paper.paper_models import Move, StageSettings, Window
from survival_multiverse.paper.published import Description
from survival_multiverse.paper.reconstruction_targets import Targets

MOVES: dict[Move, int] = {
    "swap_times": SWAP_TIMES,
    "shift_time": SHIFT_TIME,
    "swap_events": SWAP_EVENTS,
    "swap_labels": SWAP_LABELS,
    "swap_in_both_arms": SWAP_IN_BOTH_ARMS,
    "swap_in_pairs": SWAP_IN_PAIRS,
    "change_label": CHANGE_LABEL,
}
INITIAL, FIT = 1, 6
"""Spawn keys of the random streams of this module."""


@dataclass(slots=True)
class State:
    """A candidate cohort.

    Attributes
    ----------
    time
        Survival in steps of the grid, shape (patients,), int64.
    event
        1 = died, shape (patients,), int64.
    labels
        Code of each variable and patient, shape (variables, patients), int64.
    """

    time: np.ndarray
    event: np.ndarray
    labels: np.ndarray


@dataclass(frozen=True, slots=True)
class StageReport:
    """How a stage ended: its name, the loss over its own numbers, and the steps it was given."""

    name: str
    loss: float
    steps: int


def start(description: Description, patients: int, seed: int) -> State:
    """Return a random cohort: labels by their default or any code, decreasing times, everybody dead."""
    random = np.random.default_rng(np.random.SeedSequence(seed))
    labels = np.zeros((len(description.variables), patients), np.int64)
    for row, variable in enumerate(description.variables.values()):
        drawn = random.integers(len(variable.levels), size=patients)
        labels[row] = drawn if variable.default < 0 else variable.default
    span = description.last_time - description.first_time
    time = description.first_time + np.floor(span * random.beta(1.2, 4.5, size=patients)).astype(np.int64)
    return State(time, np.ones(patients, np.int64), labels)


def place_the_living(state: State, targets: Targets, description: Description) -> None:
    """Make the last of each cohort, by time, alive, as many as are printed for the smallest cohorts first."""
    problem = targets.problem
    blocks = np.flatnonzero(problem.kind == FOLLOW_UP)
    members = {int(b): members_of(state, targets, description, targets.blocks.cohort[b]) for b in blocks}
    for b in sorted(members, key=lambda block: members[block].sum()):
        target = problem.first_target[b] + 2
        if problem.weight[target] > 0.0:
            missing = round(problem.upper[target] - 0.5) - int((state.event[members[b]] == 0).sum())
            candidates = np.flatnonzero(members[b] & (state.event == 1))
            late = candidates[np.argsort(-state.time[candidates], kind="stable")]
            state.event[late[: max(missing, 0)]] = 0


def members_of(state: State, targets: Targets, description: Description, cohort: str) -> np.ndarray:
    """Return the mask of the patients of a cohort, shape (patients,)."""
    inside = np.ones(state.time.size, dtype=bool)
    for name, level in description.cohorts[cohort].items():
        inside &= state.labels[targets.rows[name]] == description.code(name, level)
    return inside


def initial_state(
    targets: Targets,
    description: Description,
    stages: Sequence[Mapping[str, Any]],
    *,
    patients: int,
    progress: Callable[[StageReport], None] = lambda report: None,
) -> tuple[State, np.ndarray]:
    """Return the common start of all cohorts: a random cohort by the paper's own seed, put through stages.

    Parameters
    ----------
    targets, description
        What is printed, and what it is about.
    stages
        In order; `paper_models.PaperSettings` says what each of them holds.
    progress
        Called after each stage.

    Returns
    -------
    tuple
        The cohort, and the state of the random generator, with which the paper's own cohort goes on.
    """
    state = start(description, patients, description.seed)
    generator = _generator(description.seed, INITIAL)
    for number, entry in enumerate(stages):
        state = _run_entry(state, targets, description, entry, generator, progress)[0]
        if number == 0:
            place_the_living(state, targets, description)
    return state, generator


def reconstruct(
    initial: State,
    targets: Targets,
    description: Description,
    stages: Sequence[Mapping[str, Any]],
    generator: np.ndarray,
    *,
    progress: Callable[[StageReport], None] = lambda report: None,
) -> State:
    """Fit a cohort from the initial state (which stays as it is) on by further stages.

    Parameters
    ----------
    generator
        That of the initial state, or `own_generator` for another cohort; it moves on.
    """
    state = State(initial.time.copy(), initial.event.copy(), initial.labels.copy())
    for entry in stages:
        state = _run_entry(state, targets, description, entry, generator, progress)[0]
    return state


def own_generator(seed: int) -> np.ndarray:
    """Return the random generator of a cohort that continues from the initial state by its own seed."""
    return _generator(seed, FIT)


def _generator(seed: int, stream: int) -> np.ndarray:
    """Return the state of a random generator (`kernels.annealing.draw`)."""
    sequence = np.random.SeedSequence(seed, spawn_key=(stream,))
    return np.array([sequence.generate_state(1, np.uint64)[0] | 1], dtype=np.uint64)


def _run_entry(
    state: State,
    targets: Targets,
    description: Description,
    entry: Mapping[str, Any],
    generator: np.ndarray,
    progress: Callable[[StageReport], None],
) -> tuple[State, float]:
    """Run a stage, or a group of stages several times and keep the best end; returns its loss too."""
    if "like" in entry:
        _borrow(state, targets, description, entry, generator)
        return state, 0.0
    if "stages" not in entry:
        loss = np.inf
        for stage in _expanded(StageSettings.read(entry)):
            loss = run_stage(state, targets, description, stage, generator)
            progress(StageReport(stage.name, loss, stage.steps))
        return state, loss
    best, least = state, np.inf
    for _ in range(entry["tries"]):
        trial = State(state.time.copy(), state.event.copy(), state.labels.copy())
        for inner in entry["stages"]:
            trial, loss = _run_entry(trial, targets, description, inner, generator, progress)
        if loss < least:
            best, least = trial, loss
    return best, least


def _borrow(
    state: State, targets: Targets, description: Description, entry: Mapping[str, Any], generator: np.ndarray
) -> None:
    """Draw labels of a cohort, each by itself, from those of another."""
    takers = np.flatnonzero(members_of(state, targets, description, entry["cohort"]))
    givers = np.flatnonzero(members_of(state, targets, description, entry["like"]))
    for name in entry["labels"]:
        row = targets.rows[name]
        for taker in takers:
            state.labels[row, taker] = state.labels[row, givers[draw(generator, givers.size)]]


def _expanded(stage: StageSettings) -> Iterator[StageSettings]:
    """Return the stage, or one for each of its variables, which alone count then."""
    if stage.each is None:
        yield stage
        return
    for name in stage.each:
        labels = (name, *stage.also.get(name, ()))
        own = {"name": f"{stage.name}: {name}", "labels": labels, "about": (name,)}
        yield stage.model_copy(update=own)


def run_stage(
    state: State,
    targets: Targets,
    description: Description,
    settings: StageSettings,
    generator: np.ndarray,
) -> float:
    """Anneal by one stage of the recipe; returns the loss over its numbers."""
    problem = targets.problem
    counted = _counted_targets(targets, settings)
    problem = problem._replace(weight=np.where(counted, problem.weight, 0.0), miss=float(settings.miss))
    variables = description.variables
    survivors = (Window(),) if settings.survivors is None else settings.survivors
    stage = Stage(
        active=_active(targets, counted),
        timed=_within(state, targets, description, settings, settings.times),
        labelled=_within(state, targets, description, settings, survivors),
        rows=_rows(targets, settings.labels),
        codes=np.array([len(variables[name].levels) for name in settings.labels], dtype=np.int64),
        same=_rows(targets, settings.same),
        same_times=_rows(targets, settings.same_times),
        follow_up=bool(counted[targets.statistics == "followup_max"].any()),
        moves=_shares(settings.moves),
        zoned=float(settings.zoned),
        first_time=description.first_time,
        cells=_cells(targets),
    )
    # Where nobody else is counted, the others only cost time.
    who = _counted(state, targets, description, settings, stage.active)
    part = State(state.time[who], state.event[who], state.labels[:, who])
    stage = stage._replace(timed=stage.timed[who], labelled=stage.labelled[who])
    loss = anneal(
        problem,
        stage,
        part.time,
        part.event,
        part.labels,
        generator,
        int(settings.steps),
        float(settings.hot),
        float(settings.cold),
    )
    state.time[who], state.event[who], state.labels[:, who] = part.time, part.event, part.labels
    return loss


def _counted(
    state: State, targets: Targets, description: Description, settings: StageSettings, active: np.ndarray
) -> np.ndarray:
    """Everybody, or the stage's cohort if every block that counts is about some of it."""
    cohort = settings.cohort or description.everybody
    conditions = description.cohorts[cohort].items()
    cohorts = targets.blocks.cohort[active]
    if all(conditions <= description.cohorts[name].items() for name in cohorts):
        return members_of(state, targets, description, cohort)
    return np.ones(state.time.size, dtype=bool)


def _counted_targets(targets: Targets, settings: StageSettings) -> np.ndarray:
    """Which numbers count, shape (targets,): statistics of variables in cohorts, follow-up in any."""
    first = targets.problem.first_target
    block = np.searchsorted(first, np.arange(targets.statistics.size), side="right") - 1
    counted = np.isin(targets.statistics, settings.numbers)
    if settings.about is not None:
        counted &= np.isin(targets.blocks.variable.to_numpy()[block], settings.about)
    if settings.cohorts is not None:
        follow_up = targets.blocks.kind.to_numpy()[block] == FOLLOW_UP
        counted &= follow_up | np.isin(targets.blocks.cohort.to_numpy()[block], settings.cohorts)
    return counted


def _active(targets: Targets, counted: np.ndarray) -> np.ndarray:
    """Return the blocks with a number that counts."""
    return np.add.reduceat(counted.astype(np.int64), targets.problem.first_target) > 0


def _within(
    state: State,
    targets: Targets,
    description: Description,
    settings: StageSettings,
    windows: Sequence[Window],
) -> np.ndarray:
    """Return patients of the stage's cohort whose survival lies within a window; nobody without a window."""
    inside = np.zeros(state.time.size, dtype=bool)
    for window in windows:
        within = np.ones(state.time.size, dtype=bool)
        if window.later_than is not None:
            within &= ~at_most(state.time, window.later_than / description.step)
        if window.up_to is not None:
            within &= at_most(state.time, window.up_to / description.step)
        inside |= within & ((state.event == 1) | window.living)
    return inside & members_of(state, targets, description, settings.cohort or description.everybody)


def _rows(targets: Targets, names: Sequence[str]) -> np.ndarray:
    return np.array([targets.rows[name] for name in names], dtype=np.int64)


def _shares(moves: Mapping[Move, float]) -> np.ndarray:
    shares = np.zeros(len(MOVES))
    for name, share in moves.items():
        shares[MOVES[name]] = share
    return np.cumsum(shares) / shares.sum()


def _cells(targets: Targets) -> int:
    found = np.flatnonzero(targets.problem.kind == CELLS)
    return int(found[0]) if found.size else -1


def count_stages(recipe: Sequence[Mapping[str, Any]]) -> int:
    """Count the steps of all stages of a recipe together."""
    total = 0
    for entry in recipe:
        if "stages" in entry:
            total += entry["tries"] * count_stages(entry["stages"])
        elif "like" not in entry:
            total += int(entry["steps"]) * len(entry.get("each", [""]))
    return total


def losses(state: State, targets: Targets) -> pd.DataFrame:
    """Return the loss of every block over all its numbers, largest first."""
    active = np.ones(len(targets.blocks), dtype=bool)
    store = empty_store(targets.problem)
    values = every_loss(targets.problem, active, state.time, state.event, state.labels, store)
    return targets.blocks.assign(loss=values).sort_values("loss", ascending=False)
