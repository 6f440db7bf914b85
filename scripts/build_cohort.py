"""Read, load or simulate the patients and write them in the study's own columns."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.parquet_files import write_table
from survival_multiverse.files.source_patients import source_patients
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.study import Study


def build_cohort(
    *,
    patients: str | None,
    description: str | None,
    settings: str,
    decisions: Mapping[str, Any],
    outputs: Mapping[str, str],
) -> None:
    """Write the canonical cohort; the flow of patients into it and what is missing in it as CSV, too."""
    config = json.loads(settings)
    # The doses are checked against all cutoffs, but a new cutoff needs no new cohort.
    study = Study.from_config(config).with_options(decisions)
    frame = source_patients(study, config, patients=patients, description=description)
    prepared = prepare_cohort(frame, study)
    for warning in prepared.warnings:
        # To the log, and also to the user who runs the study.
        for stream in (sys.stderr, sys.__stderr__):
            print(f"Warning: {warning}", file=stream)
    # No digest of a user's file: the same patients in another order are the same cohort.
    inputs = {"patients": patients, "description": description} if description else {}
    record = file_record(script=__file__, settings=settings, inputs=inputs)
    tables = {"cohort": prepared.patients, "flow": prepared.flow, "missing": prepared.missing}
    for name, table in tables.items():
        write_table(table, outputs[name], metadata=record)
        # The patients themselves are kept in one place.
        if name != "cohort":
            write_csv(table, outputs[f"{name}_csv"], data_origin=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        build_cohort(
            patients=snakemake.input.get("patients") or None,
            description=snakemake.input.get("description") or None,
            settings=snakemake.params.settings,
            decisions=snakemake.config["decisions"],
            outputs=dict(snakemake.output.items()),
        )
