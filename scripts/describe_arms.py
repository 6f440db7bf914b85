"""Trace the survival curves of both arms in every scenario, and the overlap of their scores."""

import json
from collections.abc import Mapping

from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.scenario.arm_curves import describe_arms as arms_of
from survival_multiverse.settings.study import Study


def describe_arms(*, cohort: str, settings: str, outputs: Mapping[str, str]) -> None:
    """Write each table under its name, as Parquet and as CSV."""
    study = Study.from_config(json.loads(settings))
    record = file_record(script=__file__, settings=settings, inputs={"cohort": cohort})
    for name, table in arms_of(read_frame(cohort), study).items():
        write_table(table, outputs[name], metadata=record)
        write_csv(table, outputs[f"{name}_csv"], data_origin=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        describe_arms(
            cohort=snakemake.input.cohort,
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
