"""Read, load or simulate the patients and write them in the study's own columns."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from lifelines import datasets

from file_records import file_record
from job_log import job_log
from job_records import recorded_job
from paper_files import read_paper_description
from parquet_files import write_table
from survival_multiverse.cohort import dataset_names, prepare_cohort
from survival_multiverse.faults import InputError, nearest
from survival_multiverse.reconstructed_patients import study_columns, with_dose_response
from survival_multiverse.simulation import simulate_cohort
from survival_multiverse.study import Study


def read_patients(path: str | Path) -> pd.DataFrame:
    """Read a CSV or Parquet file of patients, or say in one message why it can't be read."""
    try:
        if Path(path).suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, encoding="utf-8-sig", low_memory=False)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise InputError([f"{path} cannot be read as a table: {error}"], subject="the data") from error


def load_dataset(name: str) -> pd.DataFrame:
    """Load a data set that comes with lifelines."""
    if name not in dataset_names():
        raise InputError([f"cohort.dataset: lifelines has no {name!r}; {nearest(name, dataset_names())}"])
    return getattr(datasets, f"load_{name}")()


def build_cohort(
    *,
    patients: str | None,
    description: str | None,
    settings: str,
    axes: Mapping[str, Any],
    outputs: Mapping[str, str],
) -> None:
    """Write the canonical cohort, the flow of patients into it, and what is missing in it."""
    config = json.loads(settings)
    # The doses are held against the whole grid, but a new value on an axis is no reason for a new cohort.
    study = Study.from_config({**config, "axes": axes})
    match study.source:
        case "simulated":
            frame = simulate_cohort(config["cohort"]["simulation"], study)
        case "dataset":
            frame = load_dataset(config["cohort"]["dataset"])
        case "reconstructed":
            slope = config["cohort"].get("assumed_dose_slope", 0.0)
            frame, paper = read_patients(patients), read_paper_description(description)
            frame = study_columns(with_dose_response(frame, paper, slope=slope, seed=study.seed), study)
        case _:
            frame = read_patients(patients)
    prepared = prepare_cohort(frame, study)
    # No digest of the user's file: the same patients in another order are the same cohort.
    record = file_record(script=__file__, settings=settings, inputs={})
    tables = {"cohort": prepared.patients, "flow": prepared.flow, "missing": prepared.missing}
    for name, table in tables.items():
        write_table(table, outputs[name], metadata=record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        build_cohort(
            patients=snakemake.input.get("patients") or None,
            description=snakemake.input.get("description") or None,
            settings=snakemake.params.settings,
            axes=snakemake.config["axes"],
            outputs=dict(snakemake.output.items()),
        )
