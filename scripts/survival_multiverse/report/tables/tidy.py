"""Tables of the page for other programs: one number a cell, and what is no number beside it."""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

import pandas as pd

from survival_multiverse.report.words.table_cells import GAP, HELD
from survival_multiverse.scenario.cautions import MARK

NUMBER = r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][+-]?\d+)?"
LIMIT = rf"{NUMBER}|\?|not reached"
SHAPES = {
    "number": rf"(?P<value>{NUMBER})",
    "percentage": rf"(?P<percent>{NUMBER}) ?%",
    "interval": rf"(?P<value>{NUMBER}) \((?P<lower>{LIMIT}) to (?P<upper>{LIMIT})\)",
    "interval of percentages": (
        rf"(?P<percent>{NUMBER}) ?% \((?P<lower_percent>{LIMIT}) to (?P<upper_percent>{LIMIT})\)"
    ),
    "no median": rf"(?P<note>not reached) \(lower limit (?P<lower>{NUMBER})\)",
    "range": rf"(?P<start>{NUMBER}) to (?P<end>{NUMBER})",
    "part of a whole": rf"(?P<value>{NUMBER}) of (?P<of>{NUMBER})(?: \((?P<percent>{NUMBER}) ?%\))?",
    "count with share": rf"(?P<value>{NUMBER}) \((?P<percent>{NUMBER}) ?%\)",
    "with error": rf"(?P<value>{NUMBER}) \(± ?(?P<error>{NUMBER})\)",
    "two numbers": rf"(?P<value>{NUMBER}) \((?P<bracket>{NUMBER})\)",
    "two sides": rf"(?P<below>{NUMBER}) below, (?P<above>{NUMBER}) above",
    "number with a word": rf"(?P<value>{NUMBER}) \((?P<note>[^\W\d][^()]*)\)",
}
"""How a cell of numbers looks; each named group but `note` is a column."""
SUFFIXES = {
    "value": "",
    "of": ", of",
    "percent": ", %",
    "error": ", SE",
    "bracket": "",
    "lower": ", lower limit",
    "upper": ", upper limit",
    "lower_percent": ", lower limit, %",
    "upper_percent": ", upper limit, %",
    "start": ", from",
    "end": ", to",
    "below": ", below",
    "above": ", above",
}
"""What is added to a column's name, in the order of the columns."""
BOUND = re.compile(rf"[<>≤≥] ?{NUMBER}(?: ?%)?")
"""A number that is known to a bound alone, such as a small count or P value."""
NAMED_NUMBER = re.compile(rf"(?P<note>[^\W\d][^\d()]*) (?P<value>{NUMBER})")
NAMED_SHARE = re.compile(rf"(?P<note>.*\S) \((?P<percent>{NUMBER}) ?%\)")
BRACKETS = re.compile(r"\s*\(((?:[\d.]+\s?% ?)?(?:CI)?|range|± SE|of [^()]*)\)$")
"""What a head says of the numbers in brackets."""
NUMERIC = re.compile(r"(?:^| )P$|\bCI\)$|\bHR\b|\bmedian difference\b", re.IGNORECASE)
"""Heads of columns of numbers, also where none could be estimated."""
SILENT = ("", GAP)
LABELS = ("Level", "Contrast", "Item", "Note")
"""Columns of names, which may look like numbers."""
MEAN = "Mean (SD)"
"""How the row of a variable begins whose cells are mean and standard deviation."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell says: its numbers by part, and what is no number."""

    numbers: dict[str, str] = field(default_factory=dict)
    note: str = ""


def tidy(frame: pd.DataFrame) -> pd.DataFrame:
    """Split cells that hold several numbers, or a number and words, into columns of numbers and a note.

    ``0.65 (0.56 to 0.88)`` in ``Hazard ratio (CI)`` becomes ``Hazard ratio``, ``Hazard ratio, lower limit``
    and ``Hazard ratio, upper limit``; a percentage is a number in a column whose name ends in ``, %``;
    ``3 of 4`` is 3 and, in a column that ends in ``, of``, 4. What is no number, such as ``<0.001``, a
    reason or a mark, stands in a column that ends in ``, note``, and where there is a dash nothing stands.
    Columns of words stay as they are.

    Parameters
    ----------
    frame
        A table of `shown_tables`: texts, under one heading each.

    Returns
    -------
    pandas.DataFrame
        The same rows; whole numbers as ``Int64``, others as ``float64``, words as objects.
    """
    rows_of_means = frame.astype(str).apply(lambda row: row.str.startswith(MEAN).any(), axis=1)
    has_means = bool(len(frame)) and bool(rows_of_means.any())
    columns: dict[str, pd.Series] = {}
    for place, head in enumerate(map(str, frame.columns)):
        texts = frame.iloc[:, place].astype(str)
        for name, values in _split(head, texts, second="SD" if has_means else "in brackets"):
            columns[_new(name, columns)] = values
    return pd.DataFrame(columns, index=frame.index)


def _new(name: str, taken: Iterable[str]) -> str:
    """Return the name, with a number if there is one like it."""
    names = set(taken)
    while name in names:
        name += f" [{len(names) + 1}]"
    return name


def _split(head: str, texts: pd.Series, *, second: str) -> list[tuple[str, pd.Series]]:
    """Return the columns that one column becomes; `second` names a second number without a name."""
    plain = [_plain(text) for text in texts]
    if head not in LABELS and _is_numeric(head, plain):
        return _numbers(head, [_cell(text) for text in plain], texts.index, second=second)
    shared = [NAMED_SHARE.fullmatch(text) for text in plain]
    if any(shared) and 2 * sum(map(bool, shared)) >= sum(text not in SILENT for text in plain):
        words = [found["note"] if found else text for found, text in zip(shared, texts, strict=True)]
        shares = [found["percent"] if found else "" for found in shared]
        named = pd.Series(words, texts.index, dtype=object)
        return [(head, named), (f"{head}, %", _column(shares, texts.index))]
    return [(head, texts.astype(object))]


def _is_numeric(head: str, texts: list[str]) -> bool:
    """Whether a column is one of numbers: by its name, or if no more of its cells are words than numbers."""
    if NUMERIC.search(head):
        return True
    numbers = sum(_shaped(text) is not None for text in texts)
    unknown = sum(text in (*SILENT, HELD) or BOUND.fullmatch(text) is not None for text in texts)
    return numbers > 0 and 2 * numbers >= len(texts) - unknown


def _shaped(text: str) -> re.Match[str] | None:
    bare = text.removesuffix(MARK).rstrip()
    return next(filter(None, (re.fullmatch(pattern, bare) for pattern in SHAPES.values())), None)


def _plain(text: str) -> str:
    """Return a text with typewriter's signs for the typographic ones that numbers have."""
    for sign, replacement in {"\u00a0": " ", "\u202f": " ", "\u2009": " ", "−": "-", "\u2060": ""}.items():
        text = text.replace(sign, replacement)
    return " ".join(text.split())


def _cell(text: str) -> Cell:
    """Take a cell apart; a dash or an empty one says nothing."""
    if text in SILENT:
        return Cell()
    marked = MARK if text.endswith(MARK) else ""
    found = _shaped(text) or NAMED_NUMBER.fullmatch(text.removesuffix(MARK).rstrip())
    return _found(found, marked) if found else Cell(note=text)


def _found(found: re.Match[str], marked: str) -> Cell:
    parts = {name: text for name, text in found.groupdict().items() if text is not None}
    notes = [parts.pop("note", "")]
    for name, text in parts.items():
        if text == "not reached":
            notes.append(f"{SUFFIXES[name].removeprefix(', ').removesuffix(', %')} not reached")
    numbers = {name: text for name, text in parts.items() if re.fullmatch(NUMBER, text)}
    return Cell(numbers, "; ".join(note for note in (*notes, marked) if note))


def _numbers(head: str, cells: list[Cell], index: pd.Index, *, second: str) -> list[tuple[str, pd.Series]]:
    """Return a column for each part that some cell has, and one of notes if there are any."""
    present = {part for cell in cells for part in cell.numbers}
    if head.endswith("CI)"):
        # An interval has its limits, even if none was estimated.
        shares = "percent" in present
        present |= {"percent", "lower_percent", "upper_percent"} if shares else {"value", "lower", "upper"}
    base, inside = head, ""
    found = BRACKETS.search(head)
    if found and present & {"lower", "upper", "lower_percent", "error", "bracket"}:
        base, inside = head[: found.start()], found[1]
    made = []
    for part in (name for name in SUFFIXES if name in present or (name == "value" and not present)):
        suffix = SUFFIXES[part]
        if part == "bracket":
            suffix = f", {inside or second}"
        if inside == "range":
            suffix = suffix.replace("lower limit", "lowest").replace("upper limit", "highest")
        made.append((base + suffix, _column([cell.numbers.get(part, "") for cell in cells], index)))
    notes = [cell.note for cell in cells]
    if any(notes):
        made.append((f"{base}, note", pd.Series(notes, index, dtype=object)))
    return made


def _column(texts: list[str], index: pd.Index) -> pd.Series:
    """Return numbers; whole ones where every text is one."""
    bare = [text.replace(",", "") for text in texts]
    if all(re.fullmatch(r"([+-]?\d{1,15})?", text) for text in bare):
        return pd.Series([int(text) if text else None for text in bare], index, dtype="Int64")
    return pd.Series([float(text) if text else math.nan for text in bare], index, dtype="float64")
