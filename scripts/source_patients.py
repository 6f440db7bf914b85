"""Patients from where the settings say: a file, a public data set, published numbers, or a simulation."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from lifelines import datasets

from paper_files import read_paper_description
from survival_multiverse.cohort import dataset_names
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


def source_patients(
    study: Study, config: Mapping[str, Any], *, patients: str | None, description: str | None
) -> pd.DataFrame:
    """Patients of the study's source, in the source's own columns."""
    match study.source:
        case "simulated":
            return simulate_cohort(config["cohort"]["simulation"], study)
        case "dataset":
            return load_dataset(config["cohort"]["dataset"])
        case "reconstructed":
            slope = config["cohort"].get("assumed_dose_slope", 0.0)
            frame, paper = read_patients(patients), read_paper_description(description)
            return study_columns(with_dose_response(frame, paper, slope=slope, seed=study.seed), study)
        case _:
            return read_patients(patients)
