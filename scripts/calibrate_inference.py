"""Simulate cohorts whose dose effect is known, and test and estimate it in each."""

import json

import pandas as pd

from survival_multiverse.calibration.replicates import run_replicates
from survival_multiverse.calibration.treatment_replicates import (
    TREATMENT_MODELS,
    run_treatment_replicates,
)
from survival_multiverse.files.parquet_files import write_table
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job


def calibrate_inference(
    *, settings: str, setting: str, replicates: tuple[int, int], draws: int, output: str
) -> None:
    """Write the tests and intervals of the cohorts with these numbers, first and last included."""
    first, last = replicates
    numbers, config, records = range(first, last + 1), json.loads(settings), []
    made = (
        run_treatment_replicates(setting, numbers, seed=config["study"]["seed"])
        if setting in TREATMENT_MODELS
        else run_replicates(config, setting, numbers, draws=draws)
    )
    for frame in made:
        records.append(frame)
        print(f"cohort {first + len(records) - 1} of {first} to {last} done", flush=True)
    simulated = {"setting": setting, "replicates": [first, last], "draws": draws}
    record = file_record(script=__file__, settings=settings, inputs={}, parameters=simulated)
    write_table(pd.concat(records, ignore_index=True), output, metadata=record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        calibrate_inference(
            settings=snakemake.params.settings,
            setting=snakemake.wildcards.setting,
            replicates=snakemake.params.replicates,
            draws=snakemake.params.draws,
            output=snakemake.output[0],
        )
