"""Columns that the options of decisions need: who is kept, other outcomes and exposures."""

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from survival_multiverse.cohort.cohort_checks import Field
from survival_multiverse.estimators.curves import timefix
from survival_multiverse.estimators.limits import at_least
from survival_multiverse.settings.cells import Cells
from survival_multiverse.settings.conditions import Column, Condition, ConditionError, parse
from survival_multiverse.settings.decision_models import Option
from survival_multiverse.settings.faults import InputError, nearest
from survival_multiverse.settings.names import table_name
from survival_multiverse.settings.study import Study, changed, control_column, option_column
from survival_multiverse.settings.values import OPTIONAL_ROLES, Value, level_text

FREE = "column "
"""How the name of a field begins that a condition uses and nothing else declares."""


def _options(study: Study) -> Iterator[tuple[str, Value, Option]]:
    for name, decision in study.decisions.items():
        for value, option in decision.changes.items():
            yield name, value, option


def option_fields(study: Study) -> list[Field]:
    """Return the columns that options read, beside those of roles, covariates and descriptives.

    Parameters
    ----------
    study
        Gives the decisions.

    Returns
    -------
    list of Field
    """
    fields = []
    free: dict[str, None] = {}
    for name, value, option in _options(study):
        key = f"decisions.{name}"
        if option.endpoint is not None:
            own = option.endpoint
            fields.append(Field(option_column("time", name, value), own.time, "number", key, above=0.0))
            fields.append(Field(option_column("event", name, value), own.event, "event", key))
        if option.exposure is not None:
            low, high = option.exposure.range or (0.0, np.inf)
            column = option_column("dose", name, value)
            fields.append(Field(column, option.exposure.column, "number", key, low=low, high=high))
        if option.keep is not None:
            free |= dict.fromkeys(word for word in parse(option.keep).names if not _declared(word, study))
    free_fields = (Field(f"{FREE}{column}", column, "text") for column in free)
    return [*fields, *control_fields(study), *free_fields]


def control_fields(study: Study) -> list[Field]:
    """Return the columns that negative controls read."""
    fields = []
    for name, control in study.negative_controls.items():
        key = f"negative_controls.{name}"
        if control.endpoint is not None:
            own = control.endpoint
            fields.append(Field(control_column("time", name), own.time, "number", key, above=0.0))
            fields.append(Field(control_column("event", name), own.event, "event", key))
        if control.exposure is not None:
            levels = tuple(map(level_text, control.exposure.levels))
            kind, column = "exposure" if levels else "number", control_column("dose", name)
            fields.append(Field(column, control.exposure.column, kind, f"{key}.exposure", levels=levels))
    return fields


def control_columns(values: Mapping[str, np.ndarray], study: Study) -> dict[str, np.ndarray]:
    """Return the columns that negative controls need, shape (rows,) each; exposures as 0 and 1."""
    columns: dict[str, np.ndarray] = {}
    for name, control in study.negative_controls.items():
        if control.endpoint is not None:
            time, event = control_column("time", name), control_column("event", name)
            columns |= {time: _tied(values[time]), event: values[event]}
        if control.exposure is not None:
            exposure = control_column("dose", name)
            own, cutoff = values[exposure], control.exposure.cutoff
            known = ~np.isnan(own)
            above = own if cutoff is None else at_least(own, cutoff).astype(np.float64)
            columns[exposure] = np.where(known, above, np.nan)
    return columns


def _tied(times: np.ndarray) -> np.ndarray:
    """Return times, those that differ by rounding only as one."""
    known = np.isfinite(times)
    fixed = np.full(known.shape, np.nan)
    fixed[known] = timefix(times[known])
    return fixed


def _declared(name: str, study: Study) -> bool:
    notes = {item.name for item in study.descriptives}
    roles = [role for role in OPTIONAL_ROLES if getattr(study, role)]
    return table_name(name) in {"time", "event", "dose", *roles, *study.covariates, *notes}


def option_columns(
    values: Mapping[str, np.ndarray], cells: Mapping[str, Cells], study: Study
) -> dict[str, np.ndarray]:
    """Return the columns that options need, by name (`study.option_column`), shape (rows,) each.

    Parameters
    ----------
    values
        Parsed columns by field.
    cells
        The same as they are in the file.
    study
        Gives the decisions.

    Raises
    ------
    InputError
        If a condition compares what it cannot, or names a level that no patient has.
    """
    columns, faults = {}, []
    for name, value, option in _options(study):
        if option.endpoint is not None:
            time = option_column("time", name, value)
            columns[time] = _tied(values[time])
            event = option_column("event", name, value)
            columns[event] = values[event]
        if option.exposure is not None:
            exposure = option_column("dose", name, value)
            columns[exposure] = values[exposure]
        if option.keep is not None:
            condition = parse(option.keep)
            where = f"decisions.{name}, option {value}, keep"
            given = {word: _column(word, values, cells, study) for word in condition.names}
            own = [*_unknown_levels(where, condition, given, cells, study)]
            faults += own
            if own:
                continue
            try:
                met = condition.evaluate(given, at_least)
            except ConditionError as error:
                faults.append(f"{where}: {error}")
                continue
            columns[option_column("keep", name, value)] = (met == 1).astype(np.int64)
    if faults:
        raise InputError(faults, subject="the data")
    return columns


def _column(word: str, values: Mapping[str, np.ndarray], cells: Mapping[str, Cells], study: Study) -> Column:
    """Return the values of a name in a condition."""
    name = table_name(word) if _declared(word, study) else f"{FREE}{word}"
    covariate = study.covariates.get(name)
    if name == "dose" and study.exposure_levels:
        return Column(texts=cells[name].levels(study.exposure_levels))
    if covariate is not None and covariate.type == "categorical":
        return Column(texts=values[name])
    if covariate is not None or name in ("time", "event", "dose", *OPTIONAL_ROLES):
        return Column(numbers=values[name].astype(np.float64))
    own = cells[name]
    numbers = own.numbers
    # A column of numbers alone can be compared by order.
    return Column(numbers=numbers if (np.isnan(numbers) == own.gaps).all() else None, texts=own.texts)


def _unknown_levels(
    where: str, condition: Condition, given: Mapping[str, Column], cells: Mapping[str, Cells], study: Study
) -> Iterator[str]:
    """Yield a fault for each level that a condition names and neither the settings nor the data know."""
    for word, literals in condition.compared.items():
        texts = given[word].texts
        if texts is None:
            continue
        covariate = study.covariates.get(table_name(word))
        known = set(covariate.levels) if covariate else {str(text) for text in texts[~pd.isna(texts)]}
        for literal in map(level_text, literals):
            if literal not in known:
                yield f"{where}: no patient has `{word}` {literal}; {nearest(literal, sorted(known)[:50])}"


def idle_conditions(columns: Mapping[str, np.ndarray], study: Study) -> list[str]:
    """Return a fault for each condition that nobody meets, or that makes two options the same analysis.

    Parameters
    ----------
    columns
        From `option_columns`, of the patients who stay.
    study
        Gives the decisions with all their options.

    Returns
    -------
    list of str
    """
    faults = []
    for name, decision in study.decisions.items():
        seen: dict[tuple[object, ...], Value] = {}
        for value in () if decision.varies else decision.values:
            option = decision.changes.get(value)
            column = columns.get(option_column("keep", name, value))
            if column is not None and not column.any():
                faults.append(
                    f"decisions.{name}, option {value}, keep: no patient meets the condition; loosen it"
                )
                continue
            others = {kind: repr(getattr(option, kind)) for kind in changed(option)} if option else {}
            others.pop("keep", None)
            kept = b"" if column is None or column.all() else column.tobytes()
            same = seen.setdefault((*sorted(others.items()), kept), value)
            if same != value:
                faults.append(
                    f"decisions.{name}: the options {same} and {value} keep the same patients, so that they "
                    "are the same analysis; change a condition, or remove one"
                )
    return faults


def option_flow(columns: Mapping[str, np.ndarray], study: Study) -> list[tuple[str, str, int, int]]:
    """Return lines of the flow: how many patients each option leaves out of those analysed.

    Parameters
    ----------
    columns
        From `option_columns`, of the patients who stay.
    study
        Gives the decisions and why each option is one.

    Returns
    -------
    list of tuple
        step, reason, n_excluded, n_remaining.
    """
    lines = []
    for name, value, _ in _options(study):
        kinds = [
            kind for kind in ("keep", "time", "event", "dose") if option_column(kind, name, value) in columns
        ]
        if not kinds:
            continue
        gone = np.zeros(len(next(iter(columns.values()))), dtype=bool)
        for kind in kinds:
            column = columns[option_column(kind, name, value)]
            gone |= (column != 1) if kind == "keep" else np.isnan(column.astype(np.float64))
        label = study.decisions[name].label
        lines.append(("option", f"{label}, {value}", int(gone.sum()), int((~gone).sum())))
    return lines
