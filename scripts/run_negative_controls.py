"""Evaluate the negative controls over the grid, and calibrate the P values of the primary estimates."""

import json
from collections.abc import Mapping

from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.inference.negative_controls import calibrated_p_values, control_specifications
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.study import Study


def run_negative_controls(
    *, cohort: str, specifications: str, settings: str, outputs: Mapping[str, str]
) -> None:
    """Write the estimates of the controls and the calibrated P values, as Parquet and as CSV."""
    study = Study.from_config(json.loads(settings))
    controls = control_specifications(read_frame(cohort), study)
    tables = {
        "negative_controls": controls,
        "calibrated_p_values": calibrated_p_values(controls, read_frame(specifications), study),
    }
    inputs = {"cohort": cohort, "specifications": specifications}
    record = file_record(script=__file__, settings=settings, inputs=inputs)
    for name, table in tables.items():
        write_table(table, outputs[name], metadata=record)
        write_csv(table, outputs[f"{name}_csv"], data_origin=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        run_negative_controls(
            cohort=snakemake.input.cohort,
            specifications=snakemake.input.specifications,
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
