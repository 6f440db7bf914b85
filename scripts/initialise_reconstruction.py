"""Fit what all cohorts of a paper share: sizes, rates, and the few who live long."""

from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.paper_fit import fit_initial_state, log_stage, read_fit, state_table
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job

if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        fit = read_fit(snakemake.input.numbers, snakemake.input.contradictions, snakemake.input.description)
        write_csv(state_table(fit_initial_state(fit, log_stage)[0], fit), snakemake.output[0])
