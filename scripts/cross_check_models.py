"""Fit the primary scenario again with other people's code, and say how far it differs."""

import json
from collections.abc import Mapping

from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.inference.cross_checks import compare_with_libraries
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.study import Study


def cross_check_models(*, cohort: str, settings: str, outputs: Mapping[str, str]) -> None:
    """Write the comparison as Parquet and as CSV."""
    study = Study.from_config(json.loads(settings))
    table = compare_with_libraries(read_frame(cohort), study)
    record = file_record(script=__file__, settings=settings, inputs={"cohort": cohort})
    write_table(table, outputs["cross_checks"], metadata=record)
    write_csv(table, outputs["cross_checks_csv"], data_origin=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        cross_check_models(
            cohort=snakemake.input.cohort,
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
