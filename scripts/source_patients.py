"""Patients from where the settings say: a file, a public data set, published numbers, or a simulation."""

import csv
from collections import Counter
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
        _check_shape(path)
        return pd.read_csv(path, encoding="utf-8-sig", low_memory=False)
    except UnicodeDecodeError as error:
        fault = "it is no text in UTF-8; save it as CSV in UTF-8, or as Parquet"
        raise InputError([f"{path} cannot be read as a table: {fault}"], subject="the data") from error
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        raise InputError([f"{path} cannot be read as a table: {error}"], subject="the data") from error


def _check_shape(path: str | Path) -> None:
    """Refuse a CSV whose rows do not have the columns of its header: pandas would shift or fill them.

    Raises ``ValueError`` saying what is wrong; rows are counted without the header.
    """
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = (row for row in csv.reader(file) if row)
        header = next(rows, [])
        for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
            if len(header) == 1 and separator in header[0]:
                raise ValueError(f"it is separated by {name}; save it with commas (and decimal points)")
        twice = [name for name, count in Counter(header).items() if count > 1]
        if twice:
            raise ValueError(f"its header names {', '.join(twice)} more than once; keep one")
        wrong = [(number, len(row)) for number, row in enumerate(rows, 1) if len(row) != len(header)]
    if wrong:
        (number, fields), many = wrong[0], f" ({len(wrong):,} rows are like that)" if len(wrong) > 1 else ""
        have = f"{fields} field" if fields == 1 else f"{fields} fields"
        raise ValueError(f"row {number:,} has {have} and the header {len(header)}{many}")


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
