"""Preparation of a file's columns as the canonical frame of patients, with counts of exclusions."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survival_multiverse.cohort.cohort_checks import (
    Field,
    column_faults,
    entry_faults,
    fields_of,
    to_event,
    value_faults,
)
from survival_multiverse.cohort.cohort_plausibility import implausible, in_another_unit
from survival_multiverse.cohort.level_merging import merge_levels
from survival_multiverse.cohort.option_columns import (
    control_columns,
    idle_conditions,
    option_columns,
    option_fields,
    option_flow,
)
from survival_multiverse.cohort.treatment_columns import (
    treatment_columns,
    treatment_faults,
    treatment_fields,
)
from survival_multiverse.cohort.treatment_course import COMPLETION, START
from survival_multiverse.estimators.curves import timefix
from survival_multiverse.estimators.limits import at_least, at_most
from survival_multiverse.settings.cells import Cells, empty_rows
from survival_multiverse.settings.faults import InputError, nearest
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import OPTIONAL_ROLES

__all__ = ["InputError", "PreparedCohort", "dataset_names", "nearest", "prepare_cohort"]

REQUIRED = ("time", "event", "dose")
"""Roles without which a patient can be in no analysis."""


@dataclass(frozen=True, slots=True)
class PreparedCohort:
    """The patients, and how they came to be these.

    Attributes
    ----------
    patients
        One row a patient, sorted by `patient_id`: patient_id (text), time (float64), event (int64), entry
        where there is delayed entry (float64), dose (float64; of an exposure in groups the place of its
        level), gtv and lesions where there are any (float64), one column per covariate (text or None; float64
        or NaN), one per descriptive, the times of treatment where they are known (`treatment_columns`), and
        what the options of decisions need (`option_columns`).
    flow
        step, reason, n_excluded, n_remaining: from everybody in the data to those analysed.
    missing
        variable, label, n_missing, n: gaps that the patients still have.
    warnings
        What may be a mistake, one line each.
    """

    patients: pd.DataFrame
    flow: pd.DataFrame
    missing: pd.DataFrame
    warnings: tuple[str, ...] = ()


def prepare_cohort(frame: pd.DataFrame, study: Study) -> PreparedCohort:
    """Check a table of patients and bring it into the canonical form.

    Row order, column order and further columns of the table make no difference. Eligibility criteria come
    first; a patient whose value is unknown doesn't meet a criterion. Values of patients who leave are
    checked for their type only. Rows without any value are counted and left out (see `cells.Cells` for what
    a cell says). Times that differ by rounding only are tied (`curves.timefix`).

    Parameters
    ----------
    frame
        Raw columns, one row a patient, as read from a file; numbers in the units of the configuration.
    study
        Says which column plays which role.

    Returns
    -------
    PreparedCohort
        The canonical frame, the flow of patients into it, their gaps, and warnings.

    Raises
    ------
    InputError
        Naming every fault; rows are counted from 1, without the header, and patients' ids are never shown.
    """
    frame, study = merge_levels(frame, study)
    fields = [*fields_of(study), *treatment_fields(study), *option_fields(study)]
    names = [str(column) for column in frame.columns]
    if frame.empty:
        raise InputError(
            ["the data hold no patients; give a table with one row a patient"], subject="the data"
        )
    empty = empty_rows(frame, study.missing)
    full, rows = frame[~empty], np.flatnonzero(~empty) + 1
    used = [name for name in dict.fromkeys(field.column for field in fields) if names.count(name) == 1]
    raw = {name: Cells(full.iloc[:, names.index(name)], study.missing) for name in used}
    fields_read = [field for field in fields if field.column in raw]
    values = {field.name: _parse(field, raw[field.column]) for field in fields_read}
    gaps = {
        field.name: pd.isna(values[field.name]) if field.kind == "text" else raw[field.column].gaps
        for field in fields_read
    }
    named = {field.name: raw[field.column] for field in fields_read}
    kept, flow = _apply_criteria(values, gaps, named, study, rows=empty)
    refuse = study.missing_values == "refuse"
    faults = column_faults(fields, names) + value_faults(raw, fields, refuse, rows=rows, kept=kept)
    times = [field for field in fields_read if field.name.partition(":")[0] == "time"]
    faults += entry_faults(values, times, study, rows=rows, kept=kept)
    faults += treatment_faults(values, study, rows=rows, kept=kept)
    faults += implausible(values, study, rows=rows, kept=kept)
    if faults:
        raise InputError(faults, subject="the data")
    _refuse_hopeless(values["dose"][kept], study)
    columns = {name: column[kept] for name, column in option_columns(values, named, study).items()}
    if faults := idle_conditions(columns, study):
        raise InputError(faults, subject="the data")
    controls = {name: column[kept] for name, column in control_columns(values, study).items()}
    patients = _canonical_frame(
        {name: column[kept] for name, column in values.items()}, columns | controls, study
    )
    warnings = in_another_unit({name: column[kept] for name, column in values.items()}, study)
    flow = _with_lines(flow, option_flow(columns, study))
    n = int(flow["n_remaining"].iloc[-1]) if not columns else int(kept.sum())
    flow = _with_lines(flow, [("warning", text, 0, n) for text in warnings])
    return PreparedCohort(patients, flow, _count_missing(patients, study), tuple(warnings))


def _with_lines(flow: pd.DataFrame, lines: Sequence[tuple[str, str, int, int]]) -> pd.DataFrame:
    """Add lines to the flow: an option, with whom it leaves out of the analysed, or a warning."""
    added = pd.DataFrame(list(lines), columns=flow.columns)
    return pd.concat([flow, added], ignore_index=True) if lines else flow


def dataset_names() -> tuple[str, ...]:
    """Return the names of the data sets that come with lifelines, as `cohort.dataset` takes them.

    Returns
    -------
    tuple of str
        In alphabetical order.
    """
    # Imported here because nobody else who reads a cohort needs lifelines, and its import is slow.
    from lifelines import datasets

    return tuple(name.removeprefix("load_") for name in sorted(vars(datasets)) if name.startswith("load_"))


def _parse(field: Field, cells: Cells) -> np.ndarray:
    if field.kind == "number":
        return cells.numbers
    if field.kind == "event":
        return to_event(cells)
    if field.kind == "category":
        return cells.levels(field.levels)
    if field.kind == "exposure":
        texts = cells.levels(field.levels)
        codes = {level: float(code) for code, level in enumerate(field.levels)}
        return np.array([codes.get(text, np.nan) for text in texts], dtype=np.float64)
    return cells.texts if field.kind == "id" else cells.shown()


def _apply_criteria(
    values: Mapping[str, np.ndarray],
    gaps: Mapping[str, np.ndarray],
    cells: Mapping[str, Cells],
    study: Study,
    *,
    rows: np.ndarray,
) -> tuple[np.ndarray, pd.DataFrame]:
    """Return who stays, and the flow; a value that can't be read stays, to be reported as a fault.

    `rows` is true for the rows without any value, which the other arrays don't have.
    """
    n, n_empty = int((~rows).sum()), int(rows.sum())
    kept = np.ones(n, dtype=bool)
    lines: list[tuple[str, str, int, int]] = [("all", "patients in the data", 0, n)]
    if n_empty:
        lines = [("all", "rows in the data", 0, n + n_empty), ("empty", "rows without any value", n_empty, n)]

    def exclude(step: str, reason: str, leaves: np.ndarray, *, always: bool = True) -> None:
        excluded = int((kept & leaves).sum())
        kept[leaves] = False
        if excluded or always:
            lines.append((step, reason, excluded, int(kept.sum())))

    for criterion in study.eligibility:
        column = values.get(criterion.variable)
        if column is None:
            continue
        exclude("eligibility", f"{criterion.reason}: not recorded", gaps[criterion.variable], always=False)
        if criterion.levels:
            eligible = cells[criterion.variable].levels(criterion.levels)
            fails = ~pd.isna(column) & pd.isna(eligible)
        else:
            number = column.astype(np.float64)
            within = at_least(number, criterion.minimum) & at_most(number, criterion.maximum)
            fails = ~np.isnan(number) & ~within
        exclude("eligibility", criterion.reason, fails)
    for role in (*REQUIRED, *(["entry"] if study.entry else [])):
        if role in values and study.missing_values == "complete_case":
            label = getattr(study, role).label
            exclude("missing", f"{label} is missing", gaps[role])
    lines.append(("analysed", "patients analysed", 0, int(kept.sum())))
    return kept, pd.DataFrame(lines, columns=["step", "reason", "n_excluded", "n_remaining"])


def _refuse_hopeless(dose: np.ndarray, study: Study) -> None:
    """Raise an error if no cutoff divides the doses: there would be nothing to compare in any population."""
    if study.exposure_levels:
        present = np.unique(dose)
        if len(present) < 2:
            raise InputError(
                [
                    f"column `{study.dose.column}` (dose): all patients are in one group, so that there is "
                    "nothing to compare; correct cohort.dose.levels or the data"
                ],
                subject="the data",
            )
        return
    decision = study.decision_of("dose")
    others = [name for name, own in study.decisions.items() if "exposure" in own.kinds]
    if decision is None or others:
        return
    cutoffs = study.values_of("dose")
    if any(0 < at_least(dose, cutoff).sum() < len(dose) for cutoff in cutoffs):
        return
    unit = f" {study.dose.unit}" if study.dose.unit else ""
    cut = ", ".join(f"{cutoff:.15g}" for cutoff in cutoffs)
    raise InputError(
        [
            f"column `{study.dose.column}` (dose): one arm is empty in every scenario, since doses run from "
            f"{dose.min():.15g} to {dose.max():.15g}{unit} and the cutoffs are {cut}; "
            f"choose decisions.{decision.name} inside the range of the doses"
        ],
        subject="the data",
    )


def _canonical_frame(
    values: dict[str, np.ndarray], columns: Mapping[str, np.ndarray], study: Study
) -> pd.DataFrame:
    roles = [role for role in OPTIONAL_ROLES if getattr(study, role)]
    late = ["entry"] if study.entry else []
    names = ["time", "event", *late, "dose", *roles, *study.covariates]
    names += [descriptive.name for descriptive in study.descriptives]
    treated = treatment_columns(values, study)
    patients = pd.DataFrame({name: pd.Series(values[name]) for name in names} | treated)
    ids = values["id"] if study.id_column else content_ids(patients)
    patients.insert(0, "patient_id", pd.Series(ids, dtype=object))
    patients["event"] = patients["event"].astype(np.int64)
    # Entries are tied with times, so that who enters when somebody dies is not at risk then.
    timed = ["time", *late, *(name for name in (START, COMPLETION) if name in treated)]
    clock = patients[timed].to_numpy()
    known = ~np.isnan(clock)
    clock[known] = timefix(clock[known])
    patients[timed] = clock
    # After the ids, which the content of the other columns may make.
    patients = patients.assign(**columns)
    # Fixed-width text sorts several times faster than Python's, in the same order.
    order = np.argsort(patients["patient_id"].to_numpy(dtype=str), kind="stable")
    return patients.iloc[order].reset_index(drop=True)


def content_ids(patients: pd.DataFrame) -> np.ndarray:
    """Return ids made of the content of rows: its blake2b digest, and a copy number among identical rows."""
    parts = []
    for name in sorted(patients.columns):
        column = patients[name]
        if column.dtype == object:
            codes, distinct = pd.factorize(column, use_na_sentinel=True)
            digests = [int.from_bytes(_digest(str(value).encode()), "little") for value in distinct]
            parts.append(np.array([*digests, 0], dtype="<u8")[codes])
        else:
            numbers = column.to_numpy(dtype="<f8")
            parts.append(np.where(np.isnan(numbers), np.nan, numbers).astype("<f8").view("<u8"))
    rows = np.ascontiguousarray(np.column_stack(parts))
    digests = pd.Series(np.frombuffer(b"".join(_digest(row.data) for row in rows), dtype="<u8"))
    copies = digests.groupby(digests, sort=False).cumcount() + 1
    return np.array(
        [f"{digest:016x}-{copy}" for digest, copy in zip(digests, copies, strict=True)], dtype=object
    )


def _digest(content: bytes | memoryview) -> bytes:
    return hashlib.blake2b(content, digest_size=8).digest()


def _count_missing(patients: pd.DataFrame, study: Study) -> pd.DataFrame:
    labels = {role: own.label for role in OPTIONAL_ROLES if (own := getattr(study, role))}
    labels |= {covariate.name: covariate.label for covariate in study.covariates.values()}
    labels |= {descriptive.name: descriptive.label for descriptive in study.descriptives}
    lines = [(name, label, int(patients[name].isna().sum()), len(patients)) for name, label in labels.items()]
    return pd.DataFrame(lines, columns=["variable", "label", "n_missing", "n"])
