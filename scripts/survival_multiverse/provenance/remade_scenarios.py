"""Scenarios made again in a scratch directory, and compared with those of a study."""

import os
import random
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.types as types

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.parquet_files import read_table
from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.files.scenario_paths import FOLDER
from survival_multiverse.files.study_files import COHORT, scenario_files
from survival_multiverse.provenance.file_records import digest_of_file, readable
from survival_multiverse.provenance.job_records import processor
from survival_multiverse.provenance.scenario_files import write_scenarios
from survival_multiverse.provenance.study_records import StudyRecords
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.slices import scenario_settings

TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Remade:
    """How a scenario compares with itself made again.

    Attributes
    ----------
    same
        Equal bytes; or equal values (to 1e-9) where the processor is of another type.
    words
        The same for a reader.
    """

    path: str
    same: bool
    words: str


def remake_scenarios(records: StudyRecords, config: Mapping[str, Any], number: int) -> list[Remade]:
    """Make some scenarios, chosen at random, from the study's cohort, and compare them.

    Raises
    ------
    InputError
        If the cohort is damaged or not there.
    """
    there = [path for path in scenario_files(config) if (records.study / path).is_file()]
    chosen = sorted(random.SystemRandom().sample(there, min(number, len(there))))
    with _made(records, config, chosen) as made:
        return [_compared(records, path, again) for path, again in made.items()]


def regenerate(records: StudyRecords, config: Mapping[str, Any], paths: Sequence[str]) -> list[str]:
    """Make scenarios, and keep those that have the bytes of their records; the paths of these.

    A footer holds digests of inputs, settings and code: equal bytes mean that nothing has changed. The time
    of a file becomes that of the cohort, so that nothing that was made from the file looks older than it.

    Raises
    ------
    InputError
        If the cohort is damaged or not there.
    """
    kept = []
    with _made(records, config, paths) as made:
        for path, again in made.items():
            if path in records.writers and digest_of_file(again) == records.writers[path][1].sha256:
                write_bytes(records.study / path, again.read_bytes())
                then = (records.study / COHORT).stat()
                os.utime(records.study / path, ns=(then.st_atime_ns, then.st_mtime_ns))
                kept.append(path)
    return kept


@contextmanager
def _made(
    records: StudyRecords, config: Mapping[str, Any], paths: Sequence[str]
) -> Iterator[dict[str, Path]]:
    """Make scenarios from the study's cohort in a scratch directory: where each lies, by path."""
    with tempfile.TemporaryDirectory() as scratch:
        made = {path: Path(scratch, path) for path in paths}
        if made:
            cohort = records.study / COHORT
            with readable(cohort):
                read_table(cohort)
            write_scenarios(
                script=WORKFLOW_ROOT / "scripts" / "fit_scenarios.py",
                cohort=str(cohort),
                settings=scenario_settings(config),
                outputs=list(map(str, made.values())),
            )
        yield made


def _compared(records: StudyRecords, path: str, again: Path) -> Remade:
    name = path.removeprefix(f"{FOLDER}/")
    stored = records.study / path
    if stored.read_bytes() == again.read_bytes():
        return Remade(path, True, f"{name}: the same bytes")
    try:
        agree = same_values(read_table(stored), read_table(again))
    except (pa.ArrowException, InputError):
        return Remade(path, False, f"{name}: it cannot be read")
    values = "the same values to 1e-9" if agree else "other values"
    then = records.writers[path][0].run["processor"] if path in records.writers else None
    elsewhere = then is not None and then != processor()
    where = f", made on another processor ({then})" if elsewhere else ", on the same type of processor"
    return Remade(path, agree and elsewhere, f"{name}: other bytes, {values}{where}")


def same_values(one: pa.Table, other: pa.Table) -> bool:
    """Return whether two tables hold the same text and counts, and numbers that agree to 1e-9."""
    if one.column_names != other.column_names or one.num_rows != other.num_rows:
        return False
    return all(_same(one[name], other[name]) for name in one.column_names)


def _same(one: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    if types.is_floating(one.type) and types.is_floating(other.type):
        first, second = (column.to_numpy(zero_copy_only=False) for column in (one, other))
        return bool(np.allclose(first, second, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True))
    return one.to_pylist() == other.to_pylist()
