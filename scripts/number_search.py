"""Rows of result tables that hold a number as a reader sees it: rounded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as types

from survival_multiverse.study import AXES, spelling

NAMED_BY = (
    *AXES,
    *("population", "adjustment_set", "estimator", "landmark", "landmark_order", "subgroup", "analysis"),
    *("model", "variable", "level", "statistic", "quantity", "term", "null", "scope", "gate", "cutoff"),
)
"""Columns that say which row it is."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number stands.

    Attributes
    ----------
    row
        What tells the row from others, by column.
    scenario
        The scenario that the row belongs to, if it is one; as its path spells it.
    primary
        Whether it is marked as one of the primary scenario.
    """

    table: str
    column: str
    value: float
    row: dict[str, str]
    scenario: str | None
    primary: bool


def find_number(text: str, tables: Iterable[str], study: Path) -> Iterator[Place]:
    """Every place in some Parquet files where a number, rounded as ``text`` is, is ``text``.

    A text that ends in ``%`` is looked for as a hundredth. Raises ``ValueError`` for what is no number.
    """
    percent = text.strip().endswith("%")
    bare = text.strip().removesuffix("%").strip().replace("−", "-")
    wanted = float(bare)
    decimals = len(bare.partition(".")[2])
    for name in tables:
        table = pq.read_table(study / name)
        for column in table.schema:
            if column.name in AXES or not (types.is_floating(column.type) or types.is_integer(column.type)):
                continue
            values = pc.cast(table[column.name], pa.float64())
            shown = pc.round(pc.multiply(values, 100.0) if percent else values, decimals)
            hits = pc.indices_nonzero(pc.fill_null(pc.equal(shown, wanted), False))
            for row in table.take(hits).to_pylist():
                yield _place(name, column.name, row)


def _place(table: str, column: str, row: dict) -> Place:
    axes = [row.get(name) for name in AXES]
    known = all(value is not None for value in axes)
    scenario = "/".join(f"{name}~{spelling(value)}" for name, value in zip(AXES, axes, strict=True) if known)
    named = {name: str(row[name]) for name in NAMED_BY if row.get(name) is not None}
    return Place(table, column, row[column], named, scenario or None, bool(row.get("is_anchor")))
