"""Fit a cohort to published numbers and write its patients."""

from collections.abc import Callable

import numpy as np

from csv_files import read_csv, write_csv
from job_log import job_log
from job_records import recorded_job
from paper_fit import Fit, log_stage, read_fit, state_of
from survival_multiverse.reconstructed_patients import patient_table
from survival_multiverse.reconstruction import StageReport, State, own_generator, reconstruct
from survival_multiverse.reproduction import PaperCohort


def reconstruct_cohort(
    fit: Fit,
    outlined: State,
    generator: np.ndarray,
    *,
    output: str,
    seed: int,
    progress: Callable[[StageReport], None] = lambda report: None,
) -> None:
    """Write a cohort that gives the numbers; its seed decides the exact values within levels."""
    stages = fit.settings["fit"]
    state = reconstruct(outlined, fit.targets, fit.paper, stages, generator, progress=progress)
    codes = {name: state.labels[row] for name, row in fit.targets.rows.items()}
    cohort = PaperCohort(np.round(state.time * fit.paper.step, 9), state.event, codes, {})
    write_csv(patient_table(cohort, fit.table, fit.paper, fit.settings["exact"], seed), output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        fit = read_fit(snakemake.input.numbers, snakemake.input.contradictions, snakemake.input.description)
        reconstruct_cohort(
            fit,
            state_of(read_csv(snakemake.input.outline), fit),
            own_generator(snakemake.params.seed),
            output=snakemake.output[0],
            seed=snakemake.params.seed,
            progress=log_stage,
        )
