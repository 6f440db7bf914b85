"""Checks of the patients' columns: one line for each fault, with counts and the first rows."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from survival_multiverse.estimators.curves import timefix
from survival_multiverse.estimators.limits import at_least, at_most
from survival_multiverse.settings.cells import CONTROL, Cells
from survival_multiverse.settings.faults import nearest
from survival_multiverse.settings.names import settings_name
from survival_multiverse.settings.study import Covariate, Quantity, Study
from survival_multiverse.settings.values import OPTIONAL_ROLES

ROWS_NAMED = 5
VALUES_SHOWN = 5
TRUE, FALSE = (re.compile(f"^{word}$", re.IGNORECASE) for word in ("true", "false"))
GAP_WORD = re.compile(r"^(na|n/a|#n/a|#na|<na>|null|none|-?nan|nat|nil|\.)$", re.IGNORECASE)
"""What other programs write where a value is missing."""
NUL = re.compile("\0")

Test = Callable[[Cells], np.ndarray]


@dataclass(frozen=True, slots=True)
class Field:
    """One use of a column.

    Attributes
    ----------
    name
        Role, or name of the covariate or descriptive.
    kind
        number, event, category, exposure (in groups), text or id.
    key
        Where the settings say what it may hold.
    low, high
        Limits of a number, inclusive.
    above
        A number must be greater than this.
    """

    name: str
    column: str
    kind: str
    key: str = ""
    low: float = -np.inf
    high: float = np.inf
    above: float = -np.inf
    levels: tuple[str, ...] = ()
    may_be_empty: bool = False
    """Whether an empty cell says something, and is no gap."""


@dataclass(frozen=True, slots=True)
class Check:
    """A test of a column (true where the value will do) and the two halves of its fault.

    Gaps pass unless `gaps_fail`; patients who have left the cohort pass unless it is about the `whole_file`.
    `{values}` in the remedy stands for the distinct texts of the cells that fail, as YAML.
    """

    column: str
    test: Test
    wrong: str
    remedy: str
    show_values: bool = False
    whole_file: bool = False
    gaps_fail: bool = False


def fields_of(study: Study) -> list[Field]:
    """Return every column the study reads, roles first."""
    fields = [
        _number("time", study.time, "cohort.time", above=0.0),
        Field("event", study.event.column, "event"),
    ]
    if study.entry is not None:
        fields.append(_number("entry", study.entry, "cohort.entry", lowest=0.0))
    if study.exposure_levels:
        fields.append(
            Field("dose", study.dose.column, "exposure", "cohort.dose", levels=study.exposure_levels)
        )
    for role in ("dose", *OPTIONAL_ROLES):
        own = getattr(study, role)
        if own is not None and not (role == "dose" and study.exposure_levels):
            fields.append(_number(role, own, f"cohort.{role}", lowest=0.0))
    for name, covariate in study.covariates.items():
        key = f"covariates.{settings_name(name)}"
        if covariate.type == "categorical":
            fields.append(Field(name, covariate.column, "category", key, levels=covariate.levels))
        else:
            fields.append(_number(name, covariate, key))
    fields += [Field(item.name, item.column, "text") for item in study.descriptives]
    if study.id_column:
        fields.append(Field("id", study.id_column, "id"))
    return fields


def _number(
    name: str, of: Quantity | Covariate, key: str, *, lowest: float = -np.inf, above: float = -np.inf
) -> Field:
    low, high = of.range or (lowest, np.inf)
    return Field(name, of.column, "number", key, low=low, high=high, above=above)


def to_event(cells: Cells) -> np.ndarray:
    """Return the event as 0.0 or 1.0: true and false in any case; anything else is its number or NaN."""
    return np.where(cells.match(TRUE), 1.0, np.where(cells.match(FALSE), 0.0, cells.numbers))


def column_faults(fields: Sequence[Field], names: Sequence[str]) -> list[str]:
    """Return the faults of columns that are absent, with the nearest one, or that are there several times."""
    faults = []
    for column in dict.fromkeys(field.column for field in fields):
        if column not in names:
            users = ", ".join(field.name for field in fields if field.column == column)
            near = nearest(column, names)
            faults.append(f"column `{column}` ({users}): the data have no such column; {near}")
        elif (times := names.count(column)) > 1:
            faults.append(f"column `{column}`: the data have {times} columns of this name; rename one")
    return faults


def value_faults(
    raw: Mapping[str, Cells], fields: Sequence[Field], refuse: bool, *, rows: np.ndarray, kept: np.ndarray
) -> list[str]:
    """Return one line for each check that fails, in the order of the fields.

    Parameters
    ----------
    raw
        Cells of the columns that are there, by column.
    refuse
        Whether a missing value is a fault.
    rows
        Number of each row in the file, shape (rows,).
    kept
        Rows that stay after the eligibility criteria, shape (rows,).
    """
    faults = []
    for check in (check for field in fields if field.column in raw for check in _checks(field, refuse)):
        cells = raw[check.column]
        fails = ~np.asarray(check.test(cells), dtype=bool)
        if not check.gaps_fail:
            fails &= ~cells.gaps
        if not check.whole_file:
            fails &= kept
        if fails.any():
            # The texts of a column are made only where some of them are shown.
            faults.append(_fault_line(check, rows[fails], cells.texts[fails] if check.show_values else ()))
    if not (faults or kept.any()):
        return ["no patient is left after eligibility criteria and missing values; loosen cohort.eligibility"]
    return faults


def _checks(field: Field, refuse: bool) -> list[Check]:
    """Return the tests of one field; a gap passes all of them but the one for gaps."""
    make = {"number": _number_checks, "event": _event_checks, "category": _category_checks, "id": _id_checks}
    make["exposure"] = _category_checks
    checks = [*_text_checks(field), *(make[field.kind](field) if field.kind in make else [])]
    if refuse and field.kind != "text" and not field.may_be_empty:
        remedy = "fill them in, or set cohort.missing_values to complete_case"
        checks.append(Check(field.column, _present, "no value", remedy, gaps_fail=True))
    return [replace(check, wrong=f"({field.name}): {check.wrong}") for check in checks]


def _fault_line(check: Check, rows: np.ndarray, values: Sequence[object]) -> str:
    """One fault: column, what is wrong, in how many rows, the first of them, what to do."""
    shown = _shown(values) if check.show_values else ""
    words = ", ".join(_yaml(word) for word in sorted({str(value) for value in values})[:VALUES_SHOWN])
    remedy = check.remedy.replace("{values}", words)
    return f"column `{check.column}` {check.wrong} in {told_rows(rows, shown)}; {remedy}"


def entry_faults(
    values: Mapping[str, np.ndarray],
    times: Sequence[Field],
    study: Study,
    *,
    rows: np.ndarray,
    kept: np.ndarray,
) -> list[str]:
    """Return one line for each time column that does not come after the entry, as far as both are known.

    Parameters
    ----------
    values
        Parsed columns by field, shape (rows,) each.
    times
        Fields of the survival time, and of the times of other endpoints.
    study
        Says whether patients enter late.
    rows
        Number of each row in the file, shape (rows,).
    kept
        Rows that stay after the eligibility criteria, shape (rows,).
    """
    if study.entry is None or "entry" not in values:
        return []
    faults = []
    for own in times:
        both = np.column_stack([values["entry"], values[own.name]])
        known = kept & np.isfinite(both).all(axis=1)
        # Tied as the analysis will have them.
        fixed = timefix(both[known].ravel()).reshape(-1, 2)
        late = rows[known][fixed[:, 0] >= fixed[:, 1]]
        if late.size:
            faults.append(
                f"column `{study.entry.column}` (entry): not before column `{own.column}` in "
                f"{told_rows(late)}; give the time at which the patient came under observation, which is "
                "before the survival time, or leave out the patient"
            )
    return faults


def told_rows(rows: np.ndarray, shown: str = "") -> str:
    """Return how many rows there are, what they hold, and the first of them."""
    number = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
    first = ", ".join(str(row) for row in sorted(rows.tolist())[:ROWS_NAMED])
    return f"{number}{shown} (first: {first}{', ...' if len(rows) > ROWS_NAMED else ''})"


def _yaml(word: str) -> str:
    return word if word in ("NA", "NaN") else json.dumps(word, ensure_ascii=False)


def _present(cells: Cells) -> np.ndarray:
    return ~cells.gaps


def _gap_word(cells: Cells) -> np.ndarray:
    return cells.match(GAP_WORD)


def _text_checks(field: Field) -> list[Check]:
    """Return tests for several values, NUL, and, in what decides an analysis, any control character."""

    def one_value(cells: Cells) -> np.ndarray:
        return ~cells.nested

    def plain(cells: Cells) -> np.ndarray:
        return ~cells.match(NUL if field.kind == "text" else CONTROL)

    column, named = (
        field.column,
        "a NUL byte" if field.kind == "text" else "a NUL byte, or another control character",
    )
    return [
        Check(
            column, one_value, "a list, a group of values or bytes", "give one value a cell",
            whole_file=True, gaps_fail=True,
        ),
        Check(column, plain, named, "remove it from the cells", whole_file=True),
    ]  # fmt: skip


def _gap_word_check(field: Field, needed: str) -> Check:
    def other(cells: Cells) -> np.ndarray:
        return ~_gap_word(cells)

    remedy = (
        "leave the cells of missing values empty, or declare what stands for one: cohort.missing: [{values}]"
    )
    return Check(field.column, other, needed, remedy, show_values=True, whole_file=True)


def _number_checks(field: Field) -> list[Check]:
    def is_number(cells: Cells) -> np.ndarray:
        return ~np.isnan(cells.numbers) | _told(cells)

    def is_finite(cells: Cells) -> np.ndarray:
        return ~np.isinf(cells.numbers)

    def is_above(cells: Cells) -> np.ndarray:
        return ~(cells.numbers <= field.above)

    def in_range(cells: Cells) -> np.ndarray:
        numbers = cells.numbers
        return ~np.isfinite(numbers) | (at_least(numbers, field.low) & at_most(numbers, field.high))

    column = field.column
    remedy = "write numbers with a decimal point and no unit, and leave missing cells empty"
    checks = [_gap_word_check(field, "text where a number is needed")]
    checks.append(Check(column, is_number, "text where a number is needed", remedy, whole_file=True))
    checks.append(Check(column, is_finite, "infinite value", "give a finite number, or leave the cell empty"))
    if np.isfinite(field.above):
        remedy = "give a value above 0, or leave out the patient"
        checks.append(Check(column, is_above, "zero or negative", remedy))
    if np.isfinite(field.low) or np.isfinite(field.high):
        limits = f"outside {field.low:.15g} to {field.high:.15g}" if np.isfinite(field.high) else "negative"
        remedy = f"correct them, or widen {field.key}.range"
        checks.append(Check(column, in_range, limits, remedy))
    return checks


def _event_checks(field: Field) -> list[Check]:
    remedy = "write 1 for the event and 0 for censored"

    def is_binary(cells: Cells) -> np.ndarray:
        return np.isin(to_event(cells), (0.0, 1.0)) | _told(cells)

    return [
        _gap_word_check(field, "text where 0 or 1 is needed"),
        Check(field.column, is_binary, "neither 0 nor 1", remedy),
    ]


def _category_checks(field: Field) -> list[Check]:
    def known(cells: Cells) -> np.ndarray:
        return ~pd.isna(cells.levels(field.levels)) | _told(cells, words=False)

    legal = ", ".join(field.levels)
    remedy = (
        f"the levels are {legal}: correct the data or {field.key}.levels, "
        "or declare what stands for a missing value in cohort.missing"
    )
    return [Check(field.column, known, "unknown level", remedy, show_values=True)]


def _id_checks(field: Field) -> list[Check]:
    def unique(cells: Cells) -> np.ndarray:
        return ~pd.Series(cells.texts).duplicated(keep=False).to_numpy() | cells.nested

    column = field.column
    return [
        Check(column, unique, "id shared with another row", "give each patient one row", whole_file=True),
        Check(column, _present, "no id", "fill them in", whole_file=True, gaps_fail=True),
    ]


def _told(cells: Cells, *, words: bool = True) -> np.ndarray:
    """Return the cells that another check reports."""
    told = cells.nested | cells.match(CONTROL)
    return told | _gap_word(cells) if words else told


def _shown(values: Sequence[object]) -> str:
    """List the distinct values; none if they are so many that the column may identify patients."""
    distinct = sorted({str(value) for value in values})
    if len(distinct) > VALUES_SHOWN:
        return f" ({len(distinct)} different values)"
    return ": " + ", ".join(f"`{value[:20]}`" for value in distinct)
