"""Checks that the data hold what the settings name, and that their numbers are plausible together."""

from collections.abc import Mapping

import numpy as np

from survival_multiverse.cohort.cohort_checks import told_rows
from survival_multiverse.settings.faults import nearest
from survival_multiverse.settings.names import settings_name
from survival_multiverse.settings.study import Covariate, Quantity, Study
from survival_multiverse.settings.values import OPTIONAL_ROLES

# An exponential time is that far from its 90th percentile once in 10^20 patients, a log-normal one of SD 1.5
# on the log scale once in 10^6.
TIMES_THE_90TH_PERCENTILE = 20.0
# Written for "not known" by registries, and no value that a patient has if all others are far below.
PLACEHOLDERS = (999.0, 9999.0, 99999.0, 999999.0)
TIMES_THE_NEXT = 5.0
FROM_FILES = ("file", "dataset")
# In fewer, chance leaves a level empty.
FEWEST_ROWS = 20
LONGER_THAN_THE_SURVIVAL_TIMES = 5.0


def implausible(
    values: Mapping[str, np.ndarray], study: Study, *, rows: np.ndarray, kept: np.ndarray
) -> list[str]:
    """List implausible values of the parsed columns, one line each; no patient's value is named.

    Parameters
    ----------
    values
        By field, shape (rows,): numbers with NaN, or levels and texts with None.
    study
        What the settings name and which ranges they give.
    rows
        Number of each row in the file, shape (rows,).
    kept
        Rows that stay after the eligibility criteria, shape (rows,); levels may be in any row of the file.
    """
    faults = _absent_levels(values, study)
    numbers: dict[str, tuple[Quantity | Covariate, str]] = {"time": (study.time, "cohort.time.range")}
    roles = [role for role in ("dose", *OPTIONAL_ROLES) if getattr(study, role)]
    roles = [role for role in roles if role != "dose" or not study.exposure_levels]
    numbers |= {role: (getattr(study, role), f"cohort.{role}.range") for role in roles}
    for name, covariate in study.covariates.items():
        if covariate.type == "continuous":
            numbers[name] = (covariate, f"covariates.{settings_name(name)}.range")
    for name, (number, where) in numbers.items():
        # What a range allows is checked cell by cell.
        if name in values and number.range is None:
            faults += _implausible_numbers(name, values[name], kept, number.column, where, rows)
    return faults


def in_another_unit(values: Mapping[str, np.ndarray], study: Study) -> list[str]:
    """Warn of survival times that seem to be in another unit than the times at which they are read off."""
    times = values["time"][np.isfinite(values["time"])]
    latest = max(*study.analysis.survival_times, study.analysis.rmst_horizon)
    in_days = study.time.unit.strip().casefold() in ("d", "day", "days")
    if not len(times):
        return []
    median = float(np.median(times))
    if median > LONGER_THAN_THE_SURVIVAL_TIMES * latest or (in_days and latest <= 60 and median > latest):
        return [
            f"column `{study.time.column}` (time): the median is {median:.4g} {study.time.unit}, and "
            f"analysis.survival_times and rmst_horizon end at {latest:.15g}; if those are months, give "
            "times in months, or these settings and the landmarks in the unit of the column"
        ]
    return []


def _absent_levels(values: Mapping[str, np.ndarray], study: Study) -> list[str]:
    """List the levels that the settings name and no row of the file has."""
    faults = []
    notes = {item.name for item in study.descriptives}
    for position, criterion in enumerate(study.eligibility, start=1):
        if criterion.variable not in notes or criterion.variable not in values:
            continue
        present = _present(values[criterion.variable])
        faults += [
            f"cohort.eligibility[{position}].levels: no row of {settings_name(criterion.variable)} says "
            f"`{level}`; {nearest(level, present)}"
            for level in criterion.levels
            if level not in present
        ]
    if study.source not in FROM_FILES:
        return faults
    for name, covariate in study.covariates.items():
        if covariate.type != "categorical" or name not in values:
            continue
        present = _present(values[name])
        if len(values[name]) < FEWEST_ROWS or not present:
            continue
        faults += [
            f"covariates.{settings_name(name)}.levels: no row of column `{covariate.column}` says `{level}`; "
            "correct the level, or remove it"
            for level in covariate.levels
            if level not in present
        ]
    return faults


def _present(column: np.ndarray) -> list[str]:
    return sorted({str(value) for value in column if value is not None})


def _implausible_numbers(
    name: str,
    column_values: np.ndarray,
    kept: np.ndarray,
    column: str,
    where: str,
    rows: np.ndarray,
) -> list[str]:
    """Report a time far beyond all others, or a placeholder."""
    numbers = column_values.astype(np.float64)
    usable = kept & np.isfinite(numbers)
    of = f"column `{column}` ({settings_name(name)})"
    if not usable.any():
        return []
    faults = []
    if name == "time":
        usual = float(np.quantile(numbers[usable], 0.9, method="lower"))
        far = usable & (numbers > TIMES_THE_90TH_PERCENTILE * usual)
        words = (
            f"more than {TIMES_THE_90TH_PERCENTILE:g} times the 90th percentile of the times, {usual:.4g},"
        )
        faults += _line(of, words, rows[far], f"correct them, or give {where} that holds them")
        usable &= ~far
    largest = float(numbers[usable].max())
    others = numbers[usable & (numbers < largest)]
    if (
        largest in PLACEHOLDERS
        and len(others)
        and others.max() > 0
        and largest > TIMES_THE_NEXT * others.max()
    ):
        remedy = f"leave the cells empty where it is not known, or give {where} that holds it"
        words = f"{largest:.15g}, which seems to stand for a missing value,"
        faults += _line(of, words, rows[usable & (numbers == largest)], remedy)
    return faults


def _line(of: str, words: str, rows: np.ndarray, remedy: str) -> list[str]:
    return [f"{of}: {words} in {told_rows(rows)}; {remedy}"] if len(rows) else []
