"""Fit a cohort to published numbers and write its patients."""

from survival_multiverse.files.csv_files import read_csv
from survival_multiverse.files.paper_fit import log_stage, read_fit, reconstruct_cohort, state_of
from survival_multiverse.paper.reconstruction import own_generator
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job

if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        fit = read_fit(snakemake.input.numbers, snakemake.input.contradictions, snakemake.input.description)
        reconstruct_cohort(
            fit,
            state_of(read_csv(snakemake.input.initial_state), fit),
            own_generator(snakemake.params.seed),
            output=snakemake.output[0],
            seed=snakemake.params.seed,
            progress=log_stage,
        )
