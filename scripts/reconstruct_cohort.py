"""Fit a cohort to published numbers and write its patients."""

from collections.abc import Callable

import numpy as np

from job_log import job_log
from job_records import recorded_job
from paper_files import read_contradictions, read_numbers, read_settings
from parquet_files import write_csv
from survival_multiverse.published import corrected, read_description
from survival_multiverse.reconstructed_patients import patient_table
from survival_multiverse.reconstruction import StageReport, reconstruct
from survival_multiverse.reconstruction_targets import compile_targets, total_patients
from survival_multiverse.reproduction import PaperCohort


def reconstruct_cohort(
    *,
    numbers: str,
    contradictions: str,
    description: str,
    output: str,
    seed: int | None = None,
    progress: Callable[[StageReport], None] = lambda report: None,
) -> None:
    """Write a cohort that gives the numbers; equal numbers, description and seed give equal bytes."""
    settings = read_settings(description)
    paper = read_description(settings)
    table = corrected(read_numbers(numbers), read_contradictions(contradictions))
    targets = compile_targets(table, paper)
    seed = paper.seed if seed is None else seed
    state = reconstruct(
        targets, paper, settings["fit"], patients=total_patients(table, paper), seed=seed, progress=progress
    )
    codes = {name: state.labels[row] for name, row in targets.rows.items()}
    cohort = PaperCohort(np.round(state.time * paper.step, 9), state.event, codes, {})
    write_csv(patient_table(cohort, table, paper, settings["exact"], seed), output)


def log_stage(report: StageReport) -> None:
    """One line a stage."""
    print(f"{report.name}: {report.loss:.2f}", flush=True)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        reconstruct_cohort(
            numbers=snakemake.input.numbers,
            contradictions=snakemake.input.contradictions,
            description=snakemake.input.description,
            output=snakemake.output[0],
            seed=snakemake.params.seed,
            progress=log_stage,
        )
