"""Fit a cohort to published numbers from the command line, with a progress bar (`make reconstruct`)."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from survival_multiverse.files.paper_fit import fit_initial_state, read_fit, reconstruct_cohort
from survival_multiverse.paper.reconstruction import StageReport, count_stages, own_generator


def main(arguments: Sequence[str]) -> int:
    """Read the arguments and run the fit."""
    parser = argparse.ArgumentParser(prog="study reconstruct", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the three files of the paper")
    parser.add_argument("output", help="CSV file of patients to write")
    parser.add_argument("--seed", type=int, help="another cohort that fits")
    given = parser.parse_args(arguments)
    names = ("published_statistics.csv", "published_inconsistencies.csv", "reconstruction.yaml")
    fit = read_fit(*(given.folder / name for name in names))
    steps = count_stages(fit.settings["initial_state"]) + count_stages(fit.settings["fit"])
    columns = (
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns) as bar:
        shown = partial(show_stage, bar, bar.add_task("", total=steps))
        initial, generator = fit_initial_state(fit, shown)
        seed = fit.paper.seed
        if given.seed is not None:
            seed, generator = given.seed, own_generator(given.seed)
        reconstruct_cohort(fit, initial, generator, output=given.output, seed=seed, progress=shown)
    return 0


def show_stage(bar: Progress, task: TaskID, report: StageReport) -> None:
    """Move the bar by the steps of a stage."""
    bar.update(task, advance=report.steps, description=f"{report.name}: {report.loss:.1f} units off")
