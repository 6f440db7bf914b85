"""Inputs of a fit to a paper, and the common start of its cohorts, also as a file."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.paper_files import read_contradictions, read_numbers, read_settings
from survival_multiverse.paper.published import Description, corrected, read_description
from survival_multiverse.paper.reconstructed_patients import patient_table
from survival_multiverse.paper.reconstruction import StageReport, State, initial_state, reconstruct
from survival_multiverse.paper.reconstruction_targets import Targets, compile_targets, total_patients
from survival_multiverse.paper.reproduction import PaperCohort


@dataclass(frozen=True, slots=True)
class Fit:
    """A paper's description and recipe, and its numbers as what a fit aims at."""

    settings: dict[str, Any]
    paper: Description
    table: pd.DataFrame
    targets: Targets


def read_fit(numbers: str, contradictions: str, description: str) -> Fit:
    """Read the three files of a paper."""
    settings = read_settings(description)
    paper = read_description(settings)
    table = corrected(read_numbers(numbers), read_contradictions(contradictions))
    return Fit(settings, paper, table, compile_targets(table, paper))


def fit_initial_state(
    fit: Fit, progress: Callable[[StageReport], None] = lambda report: None
) -> tuple[State, np.ndarray]:
    """Return the state that all cohorts of the paper start from, and the paper's own random generator."""
    patients = total_patients(fit.table, fit.paper)
    return initial_state(
        fit.targets, fit.paper, fit.settings["initial_state"], patients=patients, progress=progress
    )


def state_table(state: State, fit: Fit) -> pd.DataFrame:
    """Return a state as one row per patient: time in steps of the grid, event, the code of each variable."""
    codes = {name: state.labels[row] for name, row in fit.targets.rows.items()}
    return pd.DataFrame({"time": state.time, "event": state.event, **codes})


def state_of(table: pd.DataFrame, fit: Fit) -> State:
    """Return the state that `state_table` wrote."""
    labels = table[list(fit.targets.rows)].to_numpy(dtype=np.int64).T.copy()
    return State(table["time"].to_numpy(np.int64), table["event"].to_numpy(np.int64), labels)


def log_stage(report: StageReport) -> None:
    """Log one line per stage."""
    print(f"{report.name}: {report.loss:.2f}", flush=True)


def reconstruct_cohort(
    fit: Fit,
    initial: State,
    generator: np.ndarray,
    *,
    output: str,
    seed: int,
    progress: Callable[[StageReport], None] = lambda report: None,
) -> None:
    """Write a cohort that gives the numbers; its seed decides the exact values within levels."""
    stages = fit.settings["fit"]
    state = reconstruct(initial, fit.targets, fit.paper, stages, generator, progress=progress)
    codes = {name: state.labels[row] for name, row in fit.targets.rows.items()}
    cohort = PaperCohort(np.round(state.time * fit.paper.step, 9), state.event, codes, {})
    write_csv(patient_table(cohort, fit.table, fit.paper, fit.settings["exact"], seed), output)
