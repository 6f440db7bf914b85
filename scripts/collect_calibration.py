"""Make the table of the calibration from the simulated cohorts' tests and intervals."""

import json
from collections.abc import Sequence

import pandas as pd

from survival_multiverse.calibration.table import calibration_table
from survival_multiverse.calibration.treatment_replicates import (
    TREATMENT_MODELS,
    treatment_calibration,
)
from survival_multiverse.calibration.truth import true_effects
from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.parquet_files import read_frame
from survival_multiverse.provenance.file_records import read_footer
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job


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
    truths = true_effects(config, patients=patients)
    treated = records["setting"].isin(TREATMENT_MODELS)
    table = calibration_table(records[~treated], truths, config, draws=made.pop()[1])
    seed = config["study"]["seed"]
    other = treatment_calibration(records[treated], patients=patients, seed=seed)
    write_csv(pd.concat([table, other]).round(5), output)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        collect_calibration(
            settings=snakemake.params.settings,
            parts=list(snakemake.input.parts),
            patients=snakemake.params.patients,
            output=snakemake.output[0],
        )
