"""Patients from the source in the settings: a file, a public data set, published numbers, or a simulation."""

import csv
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from survival_multiverse.cohort.preparation import dataset_names
from survival_multiverse.cohort.simulation import simulate_cohort
from survival_multiverse.files.csv_files import read_csv
from survival_multiverse.files.paper_files import read_paper_description
from survival_multiverse.paper.reconstructed_patients import study_columns, with_dose_response
from survival_multiverse.settings.cells import INTEGERS
from survival_multiverse.settings.cohort_models import CohortSettings
from survival_multiverse.settings.faults import InputError, nearest
from survival_multiverse.settings.study import Study

OTHER_FORMATS = {
    ".gz": "a gzip archive", ".zip": "a zip archive", ".bz2": "a bzip2 archive", ".xz": "an xz archive",
    ".zst": "a zstd archive", ".7z": "a 7-Zip archive", ".tar": "a tar archive", ".xlsx": "an Excel workbook",
    ".xlsm": "an Excel workbook", ".xlsb": "an Excel workbook", ".xls": "an Excel workbook",
    ".ods": "a spreadsheet", ".numbers": "a spreadsheet", ".sav": "an SPSS file", ".dta": "a Stata file",
    ".sas7bdat": "a SAS file", ".rds": "an R file", ".rdata": "an R file", ".feather": "a Feather file",
    ".json": "a JSON file",
}  # fmt: skip
FIRST_BYTES = {
    b"\x1f\x8b": "a gzip archive",
    b"PK\x03\x04": "an Excel workbook or zip archive",
    b"\xd0\xcf\x11\xe0": "an Excel workbook",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstd archive",
}
PARQUET = (".parquet", ".pq")


def read_patients(path: str | Path) -> pd.DataFrame:
    """Read a CSV or Parquet file of patients, or say in one message why it can't be read.

    Cells of a CSV file are text as they stand. Of a Parquet file every column is one of the frame, the index
    of pandas, too.
    """
    with _told(path):
        start = _first_bytes(Path(path))
        if Path(path).suffix.lower() in PARQUET or start == b"PAR1":
            with pq.ParquetFile(path) as file:
                return file.read().to_pandas(ignore_metadata=True, types_mapper=INTEGERS.get)
        return _read_csv(path)


@contextmanager
def _told(path: str | Path) -> Iterator[None]:
    """Turn whatever prevents reading into one message."""
    try:
        yield
    except UnicodeDecodeError as error:
        fault = "it is not UTF-8 text; save it as CSV in UTF-8, or as Parquet"
        raise InputError([f"{path} cannot be read as a table: {fault}"], subject="the data") from error
    except (OSError, ValueError, csv.Error, pa.ArrowException) as error:
        raise InputError([f"{path} cannot be read as a table: {error}"], subject="the data") from error


def _first_bytes(path: Path) -> bytes:
    """Return the first four bytes of a file; raise ``ValueError`` if it has another format."""
    remedy = "save the table as CSV or Parquet"
    suffix = path.suffix.lower()
    if suffix in OTHER_FORMATS:
        raise ValueError(f"it is {OTHER_FORMATS[suffix]} ({suffix}); {remedy}")
    if path.is_dir():
        raise ValueError(f"it is a folder; {remedy}, in one file")
    with path.open("rb") as file:
        start = file.read(8)
    for first, name in FIRST_BYTES.items():
        if start.startswith(first):
            raise ValueError(f"it is {name}, whatever its name; {remedy}")
    return start[:4]


def _read_csv(path: str | Path) -> pd.DataFrame:
    """Read a CSV whose rows all have the columns of its header; every cell is text, and no text is a gap.

    Raises ``ValueError`` saying what is wrong; rows are counted without the header.
    """
    with Path(path).open(encoding="utf-8-sig", newline="") as file:
        rows = (row for row in csv.reader(file, strict=True) if row)
        header = next(rows, [])
        _check_header(header)
        table = list(rows)
    wrong = [(number, len(row)) for number, row in enumerate(table, 1) if len(row) != len(header)]
    if wrong:
        (number, fields), many = wrong[0], f" ({len(wrong):,} rows are like that)" if len(wrong) > 1 else ""
        have = f"{fields} field" if fields == 1 else f"{fields} fields"
        raise ValueError(f"row {number:,} has {have} and the header {len(header)}{many}")
    columns = zip(*table, strict=True) if table else ((),) * len(header)
    # Cells that say the same share one text: a third of the memory.
    return pd.DataFrame(dict(zip(header, map(_shared, columns), strict=True)), dtype=object)


def _shared(column: Sequence[str]) -> np.ndarray:
    return np.array([*map(sys.intern, column), None], dtype=object)[:-1]


def _check_header(header: Sequence[str]) -> None:
    if not header:
        raise ValueError("it is empty; give a header and one row a patient")
    if any("\0" in name for name in header):
        raise ValueError("its header holds NUL bytes; save it as CSV in UTF-8")
    for separator, name in ((";", "semicolons"), ("\t", "tabs"), ("|", "bars")):
        if len(header) == 1 and separator in header[0]:
            raise ValueError(f"it is separated by {name}; save it with commas (and decimal points)")
    twice = [name for name, count in Counter(header).items() if count > 1]
    if twice:
        raise ValueError(f"its header names {', '.join(twice)} more than once; keep one")


def load_dataset(name: str) -> pd.DataFrame:
    """Load a data set that comes with lifelines."""
    if name not in dataset_names():
        raise InputError([f"cohort.dataset: lifelines has no {name!r}; {nearest(name, dataset_names())}"])
    # Its import takes a second, which no other source needs.
    from lifelines import datasets

    frame = getattr(datasets, f"load_{name}")()
    return _one_row_each(frame) if name == "stanford_heart_transplants" else frame


def _one_row_each(intervals: pd.DataFrame) -> pd.DataFrame:
    """Return the Stanford patients, who come as intervals before and after transplantation.

    `wait` is when the transplant took place, NaN without one.
    """
    last = intervals.sort_values(["id", "stop"], kind="stable").groupby("id").last()
    under = intervals[intervals["transplant"] == 1].groupby("id")["start"].min()
    patients = last.drop(columns="start").rename(columns={"stop": "time"})
    return patients.assign(wait=under.reindex(patients.index)).reset_index()


def source_patients(
    study: Study, config: Mapping[str, Any], *, patients: str | None, description: str | None
) -> pd.DataFrame:
    """Return the patients of the study's source, in the source's own columns."""
    match study.source:
        case "simulated":
            return simulate_cohort(config["cohort"]["simulation"], study)
        case "dataset":
            return load_dataset(config["cohort"]["dataset"])
        case "reconstructed":
            slope = CohortSettings.read(config["cohort"]).assumed_dose_slope
            # Written by this program, with the types that pandas gives it back.
            file = cast(str, patients)
            with _told(file):
                frame = read_csv(file)
            paper = read_paper_description(cast(str, description))
            return study_columns(with_dose_response(frame, paper, slope=slope, seed=study.seed), study)
        case _:
            return read_patients(cast(str, patients))
