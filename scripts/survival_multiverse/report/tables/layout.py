"""A table laid out for the page: heads, rows, and how far each cell reaches; a macro writes it."""

import itertools
from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class Cell:
    """Text of a cell, and how many columns (in a head) or rows (in the body) it spans."""

    text: str
    span: int = 1


@dataclass(frozen=True, slots=True)
class Layout:
    """A table as it is written.

    Attributes
    ----------
    heads
        Lines of the head; a cell of no text keeps a corner free.
    rows
        Of each row the headings that begin in it, and its cells.
    headings
        How many columns name the row.
    prose
        Whether cells hold sentences rather than numbers.
    """

    heads: tuple[tuple[Cell, ...], ...]
    rows: tuple[tuple[tuple[Cell, ...], tuple[str, ...]], ...]
    headings: int
    prose: bool

    @property
    def text(self) -> str:
        """Return all words of the table."""
        heads = (cell.text for line in self.heads for cell in line)
        rows = (text for cells, texts in self.rows for text in (*(cell.text for cell in cells), *texts))
        return " ".join((*heads, *rows))


def laid_out(table: pd.DataFrame, *, headings: int = 1, prose: bool = False) -> Layout:
    """Return the layout of a table whose first columns name the row; columns may have two levels.

    Equal headings that follow each other, but those of the last such column, stand once.
    """
    levels = [list(map(_unbroken, table.columns.get_level_values(k))) for k in range(table.columns.nlevels)]
    heads = [_head(names, headings, last=names is levels[-1]) for names in levels]
    values = [tuple(map(_unbroken, row)) for row in table.to_numpy(dtype=object)]
    spans = [_spans(values, level, headings) for level in range(headings)]
    rows = tuple(
        (
            tuple(Cell(row[level], spans[level][place]) for level in range(headings) if spans[level][place]),
            row[headings:],
        )
        for place, row in enumerate(values)
    )
    return Layout(tuple(heads), rows, headings, prose)


def _head(names: list[str], headings: int, *, last: bool) -> tuple[Cell, ...]:
    """Return a line of the head: the last one names columns, one above it spans groups of them."""
    if last:
        return tuple(map(Cell, names))
    corners = [Cell("")] * headings
    groups = itertools.groupby(names[headings:])
    return (*corners, *(Cell(name, len(list(members))) for name, members in groups))


def _spans(values: list[tuple[str, ...]], level: int, headings: int) -> list[int]:
    """Return how many rows the heading at a level spans from each row on; 0 where another one reaches."""
    if level == headings - 1:
        return [1] * len(values)
    spans: list[int] = []
    for _, members in itertools.groupby(values, key=lambda row: row[: level + 1]):
        count = len(list(members))
        spans += [count, *[0] * (count - 1)]
    return spans


def _unbroken(value: object) -> str:
    """Return text in which no line ends between a name and its dagger."""
    return str(value).replace(" †", "\u00a0†")
