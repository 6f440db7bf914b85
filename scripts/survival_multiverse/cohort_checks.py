"""Checks of the patients' columns: one line for each fault, with counts and the first rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from survival_multiverse.faults import nearest
from survival_multiverse.study import Study

ROWS_NAMED = 5
VALUES_SHOWN = 5
WORDS = {"true": 1, "false": 0}

Test = Callable[[pd.Series], np.ndarray | pd.Series]


@dataclass(frozen=True, slots=True)
class Field:
    """One use of a column.

    Attributes
    ----------
    name
        Role, or name of the covariate or descriptive.
    kind
        number, event, category, text or id.
    low, high
        Limits of a number, inclusive.
    above
        A number must be greater than this.
    """

    name: str
    column: str
    kind: str
    low: float = -np.inf
    high: float = np.inf
    above: float = -np.inf
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Check:
    """A test of a column (true where the value will do) and the two halves of its fault.

    Gaps pass unless `gaps_fail`; patients who have left the cohort pass unless it is about the `whole_file`.
    """

    column: str
    test: Test
    wrong: str
    remedy: str
    show_values: bool = False
    whole_file: bool = False
    gaps_fail: bool = False


def fields_of(study: Study) -> list[Field]:
    """Every column the study reads, roles first."""
    fields = [
        Field("time", study.time.column, "number", above=0.0),
        Field("event", study.event.column, "event"),
    ]
    for role in ("dose", "gtv", "lesions"):
        quantity = getattr(study, role)
        low, high = quantity.range or (0.0, np.inf)
        fields.append(Field(role, quantity.column, "number", low=low, high=high))
    for covariate in study.covariates.values():
        kind = "category" if covariate.type == "categorical" else "number"
        levels = covariate.levels if kind == "category" else ()
        fields.append(Field(covariate.name, covariate.column, kind, levels=levels))
    fields += [Field(item.name, item.column, "text") for item in study.descriptives]
    if study.id_column:
        fields.append(Field("id", study.id_column, "id"))
    return fields


def to_number(values: pd.Series) -> np.ndarray:
    """Numbers of a column as float64; what is none becomes NaN."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(object)
    if pd.api.types.is_datetime64_any_dtype(values) or pd.api.types.is_timedelta64_dtype(values):
        return np.full(len(values), np.nan)
    if values.dtype == object or pd.api.types.is_string_dtype(values):
        values = pd.to_numeric(values.astype(object).map(_stripped), errors="coerce")
    return values.to_numpy(dtype=np.float64, na_value=np.nan)


def to_event(values: pd.Series) -> np.ndarray:
    """Event indicator as 0.0 or 1.0; booleans count, and anything else is NaN or kept for the check."""
    if values.dtype == object or pd.api.types.is_string_dtype(values):
        values = values.astype(object).map(lambda value: WORDS.get(str(value).strip().casefold(), value))
    return to_number(values)


def to_category(values: pd.Series, levels: Sequence[str]) -> np.ndarray:
    """Level of each value, shape (n,): the text of a level, or None for a gap or no level.

    A value belongs to the level of the same text, else to the one of the same number (1, ``1.0`` and ``01``),
    else, for booleans, to the one spelled ``true`` or ``false`` in any case.
    """
    codes, distinct = pd.factorize(values.astype(object), use_na_sentinel=True)
    known = {level: level for level in levels}
    numeric = {_number(level): level for level in levels if _number(level) is not None}
    folded = {level.casefold(): level for level in levels}

    def level_of(value: object) -> str | None:
        text = str(value).strip()
        if text in known:
            return text
        if isinstance(value, bool | np.bool_):
            return folded.get(text.casefold())
        return numeric.get(_number(text)) if _number(text) is not None else None

    return np.array([*(level_of(value) for value in distinct), None], dtype=object)[codes]


def blank_to_gap(values: pd.Series) -> pd.Series:
    """The column with blank text as a missing value."""
    if values.dtype == object or pd.api.types.is_string_dtype(values):
        codes, distinct = pd.factorize(values.astype(object), use_na_sentinel=True)
        blank = [isinstance(value, str) and not value.strip() for value in distinct]
        if any(blank):
            return values.mask(np.array([*blank, False])[codes])
    return values


def checks_of(field: Field, *, missing_is_fault: bool) -> list[Check]:
    """Tests of one field; a gap passes all of them but the one for gaps."""
    column = field.column
    make = {"number": _number_checks, "event": _event_checks, "category": _category_checks, "id": _id_checks}
    checks = make[field.kind](field) if field.kind in make else []
    if missing_is_fault and field.kind != "text":
        remedy = "fill them in, or set cohort.missing_values to complete_case"
        checks.append(Check(column, _present, "no value", remedy, gaps_fail=True))
    return [replace(check, wrong=f"({field.name}): {check.wrong}") for check in checks]


def missing_column_fault(column: str, names: Sequence[str], fields: Sequence[Field]) -> str:
    """The fault of an absent column, with the nearest one that is there."""
    users = ", ".join(field.name for field in fields if field.column == column)
    return f"column `{column}` ({users}): the data have no such column; {nearest(column, names)}"


def fault_line(check: Check, rows: Sequence[int], values: Sequence[object]) -> str:
    """One fault: column, what is wrong, in how many rows, the first of them, what to do."""
    number = f"{len(rows)} row{'' if len(rows) == 1 else 's'}"
    first = ", ".join(str(row) for row in sorted(rows)[:ROWS_NAMED])
    more = ", ..." if len(rows) > ROWS_NAMED else ""
    shown = _shown(values) if check.show_values else ""
    return f"column `{check.column}` {check.wrong} in {number}{shown} (first: {first}{more}); {check.remedy}"


def _present(values: pd.Series) -> pd.Series:
    return values.notna()


def _number_checks(field: Field) -> list[Check]:
    def is_number(values: pd.Series) -> np.ndarray:
        return ~np.isnan(to_number(values))

    def is_finite(values: pd.Series) -> np.ndarray:
        return ~np.isinf(to_number(values))

    def is_above(values: pd.Series) -> np.ndarray:
        return ~(to_number(values) <= field.above)

    def in_range(values: pd.Series) -> np.ndarray:
        numbers = to_number(values)
        return ~((numbers < field.low) | (numbers > field.high)) | np.isinf(numbers)

    column = field.column
    remedy = "write numbers with a decimal point and no unit, and leave missing cells empty"
    checks = [Check(column, is_number, "text where a number is needed", remedy, whole_file=True)]
    checks.append(Check(column, is_finite, "infinite value", "give a finite number, or leave the cell empty"))
    if np.isfinite(field.above):
        remedy = "give a value above 0, or leave out the patient"
        checks.append(Check(column, is_above, "zero or negative", remedy))
    if np.isfinite(field.low) or np.isfinite(field.high):
        limits = f"outside {field.low:.15g} to {field.high:.15g}" if np.isfinite(field.high) else "negative"
        remedy = f"correct them, or widen cohort.{field.name}.range"
        checks.append(Check(column, in_range, limits, remedy))
    return checks


def _event_checks(field: Field) -> list[Check]:
    remedy = "write 1 for the event and 0 for censored"

    def is_binary(values: pd.Series) -> np.ndarray:
        return np.isin(to_event(values), (0.0, 1.0))

    return [Check(field.column, is_binary, "neither 0 nor 1", remedy)]


def _category_checks(field: Field) -> list[Check]:
    def known(values: pd.Series) -> np.ndarray:
        return np.array([level is not None for level in to_category(values, field.levels)], dtype=bool)

    remedy = f"the levels are {', '.join(field.levels)}: correct the data or covariates.{field.name}.levels"
    return [Check(field.column, known, "unknown level", remedy, show_values=True)]


def _id_checks(field: Field) -> list[Check]:
    def unique(values: pd.Series) -> np.ndarray:
        return ~id_text(values).duplicated(keep=False).to_numpy()

    column = field.column
    return [
        Check(column, unique, "id shared with another row", "give each patient one row", whole_file=True),
        Check(column, _present, "no id", "fill them in", whole_file=True, gaps_fail=True),
    ]


def id_text(values: pd.Series) -> pd.Series:
    """Ids as text, whole numbers without decimals."""

    def text(value: object) -> str:
        if isinstance(value, float) and value.is_integer():
            return str(int(value))
        return str(value).strip()

    return values.map(text, na_action="ignore").astype(object)


def _shown(values: Sequence[object]) -> str:
    """The distinct values; none if they are so many that the column may identify patients."""
    distinct = sorted({str(value) for value in values})
    if len(distinct) > VALUES_SHOWN:
        return f" ({len(distinct)} different values)"
    return ": " + ", ".join(f"`{value[:20]}`" for value in distinct)


def _stripped(value: object) -> object:
    return value.strip() if isinstance(value, str) else value


def _number(text: object) -> float | None:
    try:
        number = float(str(text))
    except ValueError:
        return None
    return number if np.isfinite(number) else None
