"""Evaluate the scenarios of one job panel and write a file for each."""

from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.provenance.scenario_files import write_scenarios

if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        write_scenarios(
            script=__file__,
            cohort=snakemake.input.cohort,
            settings=snakemake.params.settings,
            outputs=list(snakemake.output),
        )
