"""Published numbers and the description of what they are about: read, checked, and made ready to compare."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.settings.faults import InputError, nearest

STATISTICS = (
    "n",
    "pct",
    "survival_pct",
    "logrank_chi2",
    "logrank_p",
    "pearson_p",
    "cox_hr",
    "cox_ci_lower",
    "cox_ci_upper",
    "cox_p",
    "median",
    "median_ci_lower",
    "median_ci_upper",
    "followup_min",
    "followup_median",
    "followup_max",
)
"""What a published number can be; one that is not to be scored may be anything else."""

TEXTS = ("id", "source", "cohort", "variable", "level", "within", "statistic", "relation", "scored", "note")
NUMBERS = ("time", "value", "decimals", "denominator")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the paper in levels, code 0 first.

    Attributes
    ----------
    column
        Canonical column of the cohort that holds it; empty for one that the reconstruction alone uses.
    cut
        Lowest value of level 1 where the column holds numbers, else None.
    texts
        Categories of the column in the order of the levels.
    default
        Code of patients outside the cohorts that speak of it; -1 where any will do.
    """

    name: str
    levels: tuple[str, ...]
    column: str
    cut: float | None
    texts: tuple[str, ...]
    default: int


@dataclass(frozen=True, slots=True)
class View:
    """A variable as far as it was recorded: `known` is the variable whose code 1 says so."""

    name: str
    variable: str
    known: str
    used_by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Description:
    """What the published numbers are about (`resources/reconstruction.yaml`)."""

    seed: int
    step: float
    first_time: int
    last_time: int
    arm: str
    pairs: str
    variables: dict[str, Variable]
    views: dict[str, View]
    cohorts: dict[str, dict[str, str]]
    models: dict[str, tuple[str, ...]]
    matching: Mapping[str, Any]
    inferred: tuple[Mapping[str, Any], ...]
    unions: Mapping[str, Mapping[str, tuple[str, ...]]]
    marks: Mapping[str, tuple[Mapping[str, str], ...]]
    labels: Mapping[str, str]

    def words(self, name: str) -> str:
        """Return the label of a cohort, a variable or a level (``a_vs_b`` too)."""
        if name in self.labels:
            return self.labels[name]
        first, versus, second = name.partition("_vs_")
        return f"{self.words(first)} against {self.words(second)}" if versus else name.replace("_", " ")

    @property
    def everybody(self) -> str:
        """Return the name of the cohort without a condition."""
        return next(name for name, conditions in self.cohorts.items() if not conditions)

    def code(self, variable: str, level: str) -> int:
        """Return the code of a level."""
        return self.variables[variable].levels.index(level)

    def view_of(self, identifier: str, variable: str) -> tuple[str, str]:
        """Return the variable that a number is about, and the one that says if it is known ("" = all)."""
        for view in self.views.values():
            if variable == view.name or (
                variable == view.variable
                and any(fnmatchcase(identifier, pattern) for pattern in view.used_by)
            ):
                return view.variable, view.known
        return variable, ""

    def levels_of(self, identifier: str, variable: str) -> tuple[str, ...]:
        """Return the levels of the variable that a number is about; none without a variable."""
        name, _ = self.view_of(identifier, variable)
        return self.variables[name].levels if name in self.variables else ()

    def contrast(self, variable: str, level: str) -> int:
        """Return the code with its hazard in the numerator: ``a`` in ``a_vs_b``, else the last level."""
        levels = self.variables[variable].levels
        for code, name in enumerate(levels):
            if level.startswith(f"{name}_vs_"):
                return code
        return len(levels) - 1


def read_published(frame: pd.DataFrame) -> pd.DataFrame:
    """Check a table of published numbers and give its columns their types.

    Parameters
    ----------
    frame
        Text as read from the CSV file (``dtype=str``, empty cells empty text).

    Raises
    ------
    InputError
        Naming every fault: missing columns, repeated ids, unknown statistics, text where a number belongs.
    """
    absent = [name for name in (*TEXTS, *NUMBERS) if name not in frame.columns]
    if absent:
        raise InputError(
            [f"the column `{name}` is missing; add it" for name in absent], subject="the published numbers"
        )
    table = frame[[*TEXTS[:6], "time", "statistic", "relation", "value", "decimals", "denominator"]].copy()
    table[["scored", "note"]] = frame[["scored", "note"]]
    faults = [
        f"`{name}`: the id occurs twice; give each number its own" for name in table.id[table.id.duplicated()]
    ]
    for name in NUMBERS:
        numbers = pd.to_numeric(table[name], errors="coerce")
        wrong = numbers.isna() & (table[name] != "")
        faults += [
            f"`{row.id}`: {name} {getattr(row, name)!r} is no number" for row in table[wrong].itertuples()
        ]
        table[name] = numbers
    table["scored"] = table.scored == "yes"
    for row in table[table.scored].itertuples():
        if row.statistic not in STATISTICS:
            hint = nearest(row.statistic, STATISTICS)
            faults.append(f"`{row.id}`: the statistic {row.statistic!r} is unknown; {hint}")
        if np.isnan(row.value) or np.isnan(row.decimals):
            faults.append(f"`{row.id}`: value or decimals are missing; give both")
        if row.relation not in ("=", "<"):
            faults.append(f"`{row.id}`: the relation {row.relation!r} is unknown; give = or <")
    if faults:
        raise InputError(faults, subject="the published numbers")
    return table


def in_words(table: pd.DataFrame, description: Description) -> pd.DataFrame:
    """Add two columns that say of whom and of what each row is, by the description's labels."""
    about = [
        ": ".join(filter(None, [description.words(variable), description.words(level)]))
        for variable, level in zip(table.variable, table.level, strict=True)
    ]
    return table.assign(patients=table.cohort.map(description.words), about=about)


def limits(table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Return the lowest and highest number that prints as each value, shape (rows,) each."""
    value, half = table.value.to_numpy(), 0.5 * 10.0 ** -table.decimals.to_numpy()
    below = (table.relation == "<").to_numpy()
    return np.where(below, 0.0, value - half), np.where(below, value, value + half)


def corrected(table: pd.DataFrame, inconsistencies: pd.DataFrame) -> pd.DataFrame:
    """Return the table with the values that the fit aims at where the paper contradicts itself.

    A number whose value is taken away is no longer scored, so nothing aims at it.
    """
    fitted = dict(pair.split("=") for pair in _listed(inconsistencies.fitted))
    unknown = sorted(set(fitted) - set(table.id))
    if unknown:
        raise InputError(
            [f"`{name}`: there is no such number; {nearest(name, table.id)}" for name in unknown],
            subject="the published inconsistencies",
        )
    values = table.id.map({name: float(text) for name, text in fitted.items() if text})
    dropped = table.id.map(lambda name: fitted.get(name) == "")
    return table.assign(
        value=values.where(values.notna(), table.value), scored=table.scored & ~dropped.astype(bool)
    )


def set_aside(inconsistencies: pd.DataFrame) -> set[str]:
    """Return the ids of the numbers that provably contradict others."""
    return set(_listed(inconsistencies.set_aside))


def _listed(column: Iterable[str]) -> list[str]:
    return [entry for cell in column for entry in cell.split(";") if entry]


def read_description(settings: Mapping[str, Any]) -> Description:
    """Read a description from the content of its YAML file, checked against itself.

    Raises
    ------
    InputError
        Naming every variable or level that is used and not declared, and every column without cut and texts.
    """
    variables = {name: _variable(name, entry) for name, entry in settings["variables"].items()}
    views = {
        name: View(name, entry["variable"], entry["known"], tuple(entry.get("used_by", ())))
        for name, entry in settings.get("views", {}).items()
    }
    description = Description(
        seed=settings["seed"],
        step=settings["time"]["step"],
        first_time=settings["time"]["first"],
        last_time=settings["time"]["last"],
        arm=settings["arm"],
        pairs=settings.get("pairs", ""),
        variables=variables,
        views=views,
        cohorts=settings["cohorts"],
        models={name: tuple(entry) for name, entry in settings.get("models", {}).items()},
        matching=settings.get("matching", {}),
        inferred=tuple(settings.get("inferred", ())),
        unions={name: dict(entry) for name, entry in settings.get("unions", {}).items()},
        marks={name: tuple(entry) for name, entry in settings.get("marks", {}).items()},
        labels=settings.get("labels", {}),
    )
    faults = [*_variable_faults(variables), *_description_faults(description)]
    if faults:
        raise InputError(faults, subject="the description of the published numbers")
    return description


def _variable(name: str, entry: Mapping[str, Any]) -> Variable:
    levels = tuple(entry["levels"])
    return Variable(
        name=name,
        levels=levels,
        column=entry.get("column", ""),
        cut=entry.get("cut"),
        texts=tuple(entry.get("texts", ())),
        default=levels.index(entry["default"]) if "default" in entry else -1,
    )


def _variable_faults(variables: Mapping[str, Variable]) -> Iterable[str]:
    for name, variable in variables.items():
        if variable.column and variable.cut is None and not variable.texts:
            yield f"variables.{name}: no value of {variable.column!r} has a level; give cut or texts"


def _description_faults(description: Description) -> Iterable[str]:
    if all(description.cohorts.values()):
        yield "no cohort holds everybody; declare one without conditions: {}"
    used = [description.arm, *filter(None, [description.pairs])]
    used += [name for view in description.views.values() for name in (view.variable, view.known)]
    used += [name for model in description.models.values() for name in model]
    used += list(description.matching.get("variables", ()))
    arm = description.variables.get(description.arm)
    if arm and arm.cut is None:
        yield f"variables.{arm.name}: the arm has no cut; give the lowest dose of its second level"
    for name in used:
        if name not in description.variables:
            yield f"the variable {name!r} is not declared; {nearest(name, description.variables)}"
    for cohort, conditions in description.cohorts.items():
        for name, level in conditions.items():
            if name not in description.variables:
                yield f"cohorts.{cohort}: {name!r} is not declared; {nearest(name, description.variables)}"
            elif level not in description.variables[name].levels:
                hint = nearest(level, description.variables[name].levels)
                yield f"cohorts.{cohort}: {name} has no level {level!r}; {hint}"


def within_arm(text: str) -> tuple[str, str]:
    """Return the variable and level of a count's column: ``dose=lt63``; both empty where it has none."""
    match = re.fullmatch(r"(\w+)=(\w+)", text)
    return (match[1], match[2]) if match else ("", "")
