"""Make the table of the calibration from the simulated cohorts' tests and intervals."""

import json
from collections.abc import Sequence

import pandas as pd

from csv_files import write_csv
from file_records import read_footer
from job_log import job_log
from job_records import recorded_job
from parquet_files import read_frame
from survival_multiverse.calibration_table import calibration_table
from survival_multiverse.calibration_truth import true_log_ratios


def collect_calibration(*, settings: str, parts: Sequence[str], patients: int, output: str) -> None:
    """Write the table; its truths come from this many simulated patients.

    Raises
    ------
    ValueError
        If the parts were made with different settings or numbers of draws.
    """
    config = json.loads(settings)
    footers = map(read_footer, parts)
    made = {(footer["settings_sha256"], json.loads(footer["parameters"])["draws"]) for footer in footers}
    if len(made) != 1:
        raise ValueError("the parts were made with different settings or numbers of draws")
    records = pd.concat(map(read_frame, parts), ignore_index=True)
    truths = true_log_ratios(config, patients=patients)
    table = calibration_table(records, truths, config, draws=made.pop()[1])
    write_csv(table.round(5), output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        collect_calibration(
            settings=snakemake.params.settings,
            parts=list(snakemake.input.parts),
            patients=snakemake.params.patients,
            output=snakemake.output[0],
        )
