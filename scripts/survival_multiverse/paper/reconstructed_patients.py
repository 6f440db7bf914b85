"""Conversion of a fitted cohort in levels to a table of patients, and back to the paper's terms."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from survival_multiverse.estimators.limits import at_least
from survival_multiverse.paper.published import Description
from survival_multiverse.paper.reproduction import PaperCohort
from survival_multiverse.settings.names import settings_name
from survival_multiverse.settings.study import Study

PAIR = "published_pair"
VALUES, MARKS, PAIRS, SLOPE = 2, 3, 4, 5
"""Spawn keys of the random streams of this module."""


def patient_table(
    cohort: PaperCohort, table: pd.DataFrame, description: Description, exact: Mapping[str, Any], seed: int
) -> pd.DataFrame:
    """Give each patient exact values within the published levels, causes of death, sites and a pair.

    Within a level the values are drawn independently of everything else, survival included: this is the
    assumption that every cutoff but the published ones shows.

    Parameters
    ----------
    exact
        For each variable with a cut, by level: `values` with `probabilities`, or `median`, `sd`, `minimum`,
        `maximum`, `step` and `log` of a truncated normal.

    Returns
    -------
    DataFrame
        patient_id, time, event, a column for each variable under its canonical name, one for each mark,
        ``<view>`` (1 = recorded) and ``published_pair`` where the description has them.
    """
    n = cohort.time.size
    columns: dict[str, Any] = {"patient_id": [f"R{number:03d}" for number in range(1, n + 1)]}
    columns |= {"time": cohort.time, "event": cohort.event}
    for number, variable in enumerate(description.variables.values()):
        codes = cohort.codes[variable.name]
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(VALUES, number)))
        if variable.texts:
            columns[variable.column] = np.array(variable.texts, dtype=object)[codes]
        elif variable.column:
            columns[variable.column] = _exact_values(codes, variable.levels, exact[variable.name], random)
    for view in description.views.values():
        columns[view.name] = cohort.codes[view.known]
    columns |= _marks(cohort, table, description, seed)
    if description.matching:
        columns[PAIR] = pd.array(_pairs(cohort, description, seed), dtype="Int64")
    return pd.DataFrame(columns)


def paper_cohort(patients: pd.DataFrame, description: Description) -> PaperCohort:
    """Read the paper's variables off a table of patients (columns as `patient_table` names them)."""
    codes = {}
    for variable in description.variables.values():
        if variable.texts:
            found = pd.Categorical(patients[variable.column], categories=list(variable.texts)).codes
            codes[variable.name] = np.asarray(found, dtype=np.int64)
        elif variable.column and variable.cut is not None:
            values = patients[variable.column].to_numpy(dtype=np.float64)
            codes[variable.name] = np.where(np.isnan(values), -1, at_least(values, variable.cut)).astype(
                np.int64
            )
    for view in description.views.values():
        codes[view.known] = patients[view.name].to_numpy(dtype=np.int64)
    if description.pairs:
        codes[description.pairs] = patients[PAIR].notna().to_numpy().astype(np.int64)
    marks = {name: patients[name].fillna("").to_numpy(dtype=object) for name in description.marks}
    time = patients["time"].to_numpy(dtype=np.float64)
    return PaperCohort(time, patients["event"].to_numpy(dtype=np.int64), codes, marks)


def join_private_columns(
    cohort: pd.DataFrame, patients: pd.DataFrame, description: Description
) -> pd.DataFrame:
    """Add to the canonical cohort the columns that only the reconstructed file holds."""
    names = [*description.views, *description.marks, *([PAIR] if description.matching else [])]
    return cohort.merge(patients[["patient_id", *names]], on="patient_id", how="left", validate="one_to_one")


def with_dose_response(
    patients: pd.DataFrame, description: Description, *, slope: float, seed: int
) -> pd.DataFrame:
    """Reassign the exact doses within each published dose category, higher doses to longer survival.

    Nothing that is published changes: everybody stays in the category. A slope of 0 leaves all as it is.

    Parameters
    ----------
    slope
        Correlation, -1 to 1, between the rank of survival and the rank that decides who gets which dose.
    """
    if slope == 0.0:
        return patients
    arm = description.variables[description.arm]
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SLOPE,)))
    noise = random.standard_normal(len(patients))
    dose = patients[arm.column].to_numpy(dtype=np.float64).copy()
    time = patients["time"].to_numpy(dtype=np.float64)
    high = at_least(dose, cast(float, arm.cut))
    for chosen in (np.flatnonzero(~high), np.flatnonzero(high)):
        ranks = np.argsort(np.argsort(time[chosen], kind="stable"), kind="stable")
        normal = ndtri((ranks + 0.5) / len(chosen))
        score = slope * normal + np.sqrt(1.0 - slope * slope) * noise[chosen]
        dose[chosen[np.argsort(score, kind="stable")]] = np.sort(dose[chosen])
    return patients.assign(**{arm.column: dose})


def study_columns(patients: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the table under the column names that the configuration gives its roles and covariates."""
    roles = {role: getattr(study, role).column for role in ("time", "event", "dose", "gtv", "lesions")}
    names = roles | {settings_name(name): covariate.column for name, covariate in study.covariates.items()}
    names |= {settings_name(descriptive.name): descriptive.column for descriptive in study.descriptives}
    return patients.rename(columns={"patient_id": study.id_column or "patient_id", **names})


def _exact_values(
    codes: np.ndarray, levels: Sequence[str], drawing: Mapping[str, Any], random: np.random.Generator
) -> np.ndarray:
    """Return the values within each patient's level, shape (n,)."""
    uniform = random.random(codes.size)
    values = np.empty(codes.size)
    for code, level in enumerate(levels):
        chosen, entry = codes == code, drawing[level]
        if "values" in entry:
            shares = np.cumsum(entry["probabilities"]) / np.sum(entry["probabilities"])
            place = np.minimum(np.searchsorted(shares, uniform[chosen], side="right"), len(shares) - 1)
            values[chosen] = np.array(entry["values"], dtype=np.float64)[place]
        else:
            values[chosen] = _truncated_normal(uniform[chosen], entry)
    return values


def _truncated_normal(uniform: np.ndarray, entry: Mapping[str, Any]) -> np.ndarray:
    """Return quantiles of a normal, or a log-normal, between two limits; rounded downwards to its step."""
    scale = np.log if entry.get("log") else np.asarray
    low, high = (
        ndtr((scale(entry[name]) - scale(entry["median"])) / entry["sd"]) for name in ("minimum", "maximum")
    )
    drawn = scale(entry["median"]) + entry["sd"] * ndtri(low + uniform * (high - low))
    drawn = np.exp(drawn) if entry.get("log") else drawn
    # Downwards, so that nobody below a cut is rounded up to it; 1e-9 undoes the error of the division.
    return np.round(np.maximum(np.floor(drawn / entry["step"] + 1e-9) * entry["step"], entry["minimum"]), 9)


def _marks(
    cohort: PaperCohort, table: pd.DataFrame, description: Description, seed: int
) -> dict[str, np.ndarray]:
    """Assign levels of the variables that only have counts at random."""
    counts = table[(table.statistic == "n") & (table.within == "")]
    columns = {}
    for number, (name, entries) in enumerate(description.marks.items()):
        column = np.full(cohort.time.size, "", dtype=object)
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(MARKS, number)))
        unions = description.unions.get(name, {})
        for entry in entries:
            inside = np.ones(cohort.time.size, dtype=bool)
            for variable, level in description.cohorts[entry["cohort"]].items():
                inside &= cohort.codes[variable] == description.code(variable, level)
            rows = counts[(counts.cohort == entry["cohort"]) & (counts.variable == name)]
            wanted = {row.level: int(row.value) for row in rows.itertuples() if row.level not in unions}
            if "living" in entry:
                column[inside & (cohort.event == 0)] = entry["living"]
                wanted.pop(entry["living"], None)
                inside &= cohort.event == 1
            _deal(column, np.flatnonzero(inside), wanted, random)
        columns[name] = column
    return columns


def _deal(
    column: np.ndarray, patients: np.ndarray, wanted: Mapping[str, int], random: np.random.Generator
) -> None:
    """Give each level to as many patients as wanted, each patient about equally many, none twice."""
    levels: list[list[str]] = [[] for _ in patients]
    for level, count in sorted(wanted.items(), key=lambda item: (-item[1], item[0])):
        order = random.permutation(len(patients))
        fewest = sorted(order, key=lambda place: len(levels[place]))[:count]
        for place in fewest:
            levels[place].append(level)
    for place, patient in enumerate(patients):
        column[patient] = ";".join(sorted(levels[place]))


def _pairs(cohort: PaperCohort, description: Description, seed: int) -> list[int | None]:
    """Return the pair number of each matched patient: partners share the cell of the matching variables."""
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(PAIRS,)))
    matched = np.flatnonzero(cohort.codes[description.pairs] == 1)
    cells: dict[tuple[int, ...], tuple[list[int], list[int]]] = {}
    for patient in random.permutation(matched):
        cell = tuple(int(cohort.codes[name][patient]) for name in description.matching["variables"])
        cells.setdefault(cell, ([], []))[cohort.codes[description.arm][patient]].append(int(patient))
    numbers: list[int | None] = [None] * cohort.time.size
    pair = 0
    for cell in sorted(cells):
        for low, high in zip(*cells[cell], strict=False):
            pair += 1
            numbers[low] = numbers[high] = pair
    return numbers
