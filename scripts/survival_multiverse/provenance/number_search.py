"""Search for the rows of result tables that hold a number as a reader sees it: rounded."""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as types

from survival_multiverse.provenance.file_records import readable
from survival_multiverse.report.release import (
    COUNTED_ANEW,
    NOT_OF_PATIENTS,
    SCHEMA,
    is_declared,
    release_table,
)
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.values import canonical_text

NAMED_BY = (
    *("population", "adjustment_set", "estimator", "landmark", "landmark_order", "subgroup", "analysis"),
    *("model", "variable", "level", "statistic", "quantity", "term", "null", "scope", "gate", "cutoff"),
    *("method", "parameter"),
)
"""Columns that say which row it is."""
NUMBER = re.compile(r"-?(\d+|\d{1,3}(,\d{3})+)?(\.\d+)?(?<=\d)")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number stands.

    Attributes
    ----------
    value
        As it may be shared.
    row
        What tells the row from others, by column.
    scenario
        The scenario that the row belongs to, if it is one; as in its path.
    distance
        How far the row is from what the study is about: another scenario than the primary one, another
        population, a landmark, a gate; none of them sorts first.
    """

    table: str
    column: str
    value: float
    row: dict[str, str]
    scenario: str | None
    distance: tuple[bool, bool, bool, bool]


@dataclass(frozen=True, slots=True)
class Primary:
    """What the study is about: the primary scenario's options by decision, as texts, and populations."""

    options: Mapping[str, str]
    populations: Collection[str]


def find_number(
    text: str, tables: Iterable[str], study: Path, *, minimum: int, primary: Primary | None = None
) -> Iterator[Place]:
    """Yield every place in some Parquet files where a number, rounded as ``text`` is, is ``text``.

    Numbers are looked for as `release_table` shares them, with counts in classes of `minimum`; a table or a
    column that is never shared holds none. A text that ends in ``%`` is looked for as a hundredth.

    Raises
    ------
    InputError
        If the text is no number, or a file is damaged.
    """
    percent = text.strip().endswith("%")
    bare = text.strip().removesuffix("%").strip().replace("−", "-")
    if not NUMBER.fullmatch(bare):
        fault = f"{text!r} is not a number as the report shows it, such as 0.74, 41,830 or 63%"
        raise InputError([fault], subject="the question")
    wanted, decimals = float(bare.replace(",", "")), len(bare.partition(".")[2])
    decisions = {} if primary is None else primary.options
    for name in tables:
        with readable(study / name):
            table = _shared(name, pq.read_table(study / name).to_pandas(), minimum, decisions)
        for column in table.schema:
            if column.name in decisions or not (
                types.is_floating(column.type) or types.is_integer(column.type)
            ):
                continue
            values = pc.cast(table[column.name], pa.float64())
            shown = pc.round(pc.multiply(values, 100.0) if percent else values, decimals)
            hits = pc.indices_nonzero(pc.fill_null(pc.equal(shown, wanted), False))
            for row in table.take(hits).to_pylist():
                yield _place(name, column.name, row, primary)


def _shared(path: str, rows: pd.DataFrame, minimum: int, decisions: Collection[str]) -> pa.Table:
    """Return the shared rows of a table, or no rows."""
    name = Path(path).stem
    if name in NOT_OF_PATIENTS:
        shared = rows
    elif (declared := "primary" if name == "estimates" else name) in SCHEMA and name not in COUNTED_ANEW:
        known = [column for column in rows if column in decisions or is_declared(declared, column)]
        shared = release_table(declared, rows[known], minimum=minimum, decisions=decisions)
    else:
        shared = rows.iloc[:0]
    return pa.Table.from_pandas(shared, preserve_index=False)


def _place(table: str, column: str, row: dict[str, Any], primary: Primary | None) -> Place:
    options = {} if primary is None else {name: row.get(name) for name in primary.options}
    known = options and all(value is not None for value in options.values())
    scenario = "/".join(f"{name}~{canonical_text(value)}" for name, value in options.items() if known)
    named = {
        name: canonical_text(row[name]) if isinstance(row[name], float) else str(row[name])
        for name in (*options, *NAMED_BY)
        if row.get(name) is not None
    }
    return Place(table, column, row[column], named, scenario or None, _distance(row, primary))


def _distance(row: dict[str, Any], primary: Primary | None) -> tuple[bool, bool, bool, bool]:
    if primary is None:
        return (False, False, False, False)
    options = {name: canonical_text(row[name]) for name in primary.options if row.get(name) is not None}
    elsewhere = not options or any(primary.options[name] != value for name, value in options.items())
    other = row.get("population") not in primary.populations
    return (elsewhere, other, bool(row.get("landmark")), row.get("gate") not in (None, "all"))
