"""Compare treated and untreated patients in every way to deal with the time before treatment."""

import json
from collections.abc import Mapping

from survival_multiverse.emulation.immortal_time import (
    decision_record,
    immortal_time,
    immortal_time_summary,
)
from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.study import Study


def emulate_treatment(*, cohort: str, settings: str, outputs: Mapping[str, str]) -> None:
    """Write the comparison over the grid, and its summary, as Parquet and as CSV."""
    study = Study.from_config(json.loads(settings))
    table = immortal_time(read_frame(cohort), study)
    record = file_record(
        script=__file__, settings=settings, inputs={"cohort": cohort}, parameters=decision_record(study)
    )
    tables = {"immortal_time": table, "immortal_time_summary": immortal_time_summary(table, study)}
    for name, own in tables.items():
        write_table(own, outputs[name], metadata=record)
        write_csv(own, outputs[f"{name}_csv"], data_origin=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        emulate_treatment(
            cohort=snakemake.input.cohort,
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
