"""Fit what all cohorts of a paper share: sizes, rates, and the few who live long."""

from csv_files import write_csv
from job_log import job_log
from job_records import recorded_job
from paper_fit import fit_outline, log_stage, read_fit, state_table

if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        fit = read_fit(snakemake.input.numbers, snakemake.input.contradictions, snakemake.input.description)
        write_csv(state_table(fit_outline(fit, log_stage)[0], fit), snakemake.output[0])
