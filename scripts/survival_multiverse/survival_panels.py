"""What the Kaplan-Meier figures of the primary scenario show: panels, groups, P values, published numbers."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survival_multiverse.labels import arm_labels, factor_levels, level_label, variable_label
from survival_multiverse.palette import ARM_COLOURS, LINE_STYLES, STATE_COLOURS
from survival_multiverse.published_marks import NO_MARKS
from survival_multiverse.sample import STATE_LEVELS
from survival_multiverse.study import Study
from survival_multiverse.table_cells import set_label

PREFIX = "survival_curves_"
STATE, DOSE, BY, MATCHED = "oligometastatic_state", "dose", "dose_by_", "dose_matched_"


@dataclass(frozen=True, slots=True)
class Curve:
    """One group of patients in a panel; `time` in the study's unit, `event` 1 = death, shapes (n,)."""

    label: str
    colour: str
    line: object
    time: np.ndarray
    event: np.ndarray


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves drawn in one pair of axes.

    Attributes
    ----------
    p_value
        Of the log-rank test, printed in them (NaN: none).
    published
        What a paper prints about them, as `published_marks` gives it.
    """

    title: str
    curves: tuple[Curve, ...]
    p_value: float
    published: pd.DataFrame


def figure_names(study: Study) -> list[str]:
    """Names of the figures: the paper's Figures 1 to 4, and the arms after matching on each set."""
    parts = [STATE, DOSE]
    parts += [BY + name for name in study.analysis.interactions]
    parts += [MATCHED + name for name in study.adjustment_sets]
    return [PREFIX + part for part in parts]


def survival_panels(
    name: str,
    samples: Mapping[str, pd.DataFrame],
    estimates: pd.DataFrame,
    study: Study,
    published: pd.DataFrame = NO_MARKS,
) -> list[Panel]:
    """What a figure shows: its panels, groups and log-rank P values.

    Parameters
    ----------
    name
        One of `figure_names`.
    samples
        Patients of the primary scenario (`multiverse.anchor_samples`): frames with time, event, arm
        and a column for each grouping, under `population`, `all` and `matched:<set>`.
    estimates
        Rows of the primary scenario; the P values are read here, never computed anew.
    published
        Numbers of a paper (`published_marks`); none without one.
    """
    groups = _groups(name, samples, study)
    return [
        Panel(title, curves, log_rank_p(estimates, **whom), _about(published, **whom))
        for (title, whom), curves in zip(_whom(name, study), groups, strict=True)
    ]


def _whom(name: str, study: Study) -> list[tuple[str, dict[str, str]]]:
    """Title of each panel of a figure, and of whom its numbers are (see `_about`)."""
    part = name.removeprefix(PREFIX)
    if part == STATE:
        return [("All patients", {"population": "all", "variable": "state"})]
    if part == DOSE:
        return [("Before matching", {})]
    if part.startswith(MATCHED):
        chosen = part.removeprefix(MATCHED)
        whom = {"estimator": "matched", "adjustment_set": chosen}
        return [(f"Matched 1:1, {set_label(study, chosen)}", whom)]
    factor = part.removeprefix(BY)
    return [
        (
            f"{variable_label(study, factor)}: {level_label(study, factor, level)}",
            {"subgroup": f"{factor}={level}"},
        )
        for level in factor_levels(study, factor)
    ]


def _groups(name: str, samples: Mapping[str, pd.DataFrame], study: Study) -> list[tuple[Curve, ...]]:
    """Curves of each panel of a figure."""
    part = name.removeprefix(PREFIX)
    if part == STATE:
        return [_state_curves(samples["all"], study)]
    if part.startswith(MATCHED):
        return [_arm_curves(samples[f"matched:{part.removeprefix(MATCHED)}"], study)]
    patients = samples["population"]
    if part == DOSE:
        return [_arm_curves(patients, study)]
    factor = part.removeprefix(BY)
    levels = factor_levels(study, factor)
    return [_arm_curves(patients[patients[factor].astype(object) == level], study) for level in levels]


def log_rank_p(estimates: pd.DataFrame, **whom: str) -> float:
    """Unstratified log-rank P value of the estimates table (`whom` as in `_about`); NaN if there is none."""
    rows = estimates[(estimates["analysis"] == "log_rank") & (estimates["landmark"] == 0)]
    rows = rows[rows["level"].isna() & rows["model"].isna() & (rows["statistic"] == "chi_square")]
    values = _about(rows, **whom)["p_value"]
    return float(values.iloc[0]) if len(values) else float("nan")


def _about(
    rows: pd.DataFrame,
    *,
    population: str = "non_oligometastatic",
    variable: str = "arm",
    estimator: str = "unadjusted",
    adjustment_set: str | None = None,
    subgroup: str | None = None,
) -> pd.DataFrame:
    """Rows of a population, estimator, set and subgroup about a variable: unless told, of the arms."""
    wanted = {"population": population, "variable": variable, "estimator": estimator}
    wanted |= {"adjustment_set": adjustment_set, "subgroup": subgroup}
    for column, value in wanted.items():
        rows = rows[rows[column].isna() if value is None else rows[column] == value]
    return rows


def published_in(name: str, published: pd.DataFrame, study: Study) -> set[str]:
    """Kinds of published numbers that a figure marks: survival, median, log_rank_p."""
    found = [_about(published, **whom) for _, whom in _whom(name, study)]
    return {kind for rows in found for kind in rows["quantity"]} & {"survival", "median", "log_rank_p"}


def _arm_curves(patients: pd.DataFrame, study: Study) -> tuple[Curve, ...]:
    labels = arm_labels(study, dose_cutoff=study.anchor[1])
    return tuple(
        _curve(patients[patients["arm"] == arm], labels[arm], ARM_COLOURS[arm], LINE_STYLES[arm])
        for arm in (1, 0)
    )


def _state_curves(patients: pd.DataFrame, study: Study) -> tuple[Curve, ...]:
    return tuple(
        _curve(
            patients[patients["state"].astype(object) == level],
            level_label(study, "state", level),
            STATE_COLOURS[level],
            LINE_STYLES[1 - position],
        )
        for position, level in enumerate(STATE_LEVELS)
    )


def _curve(patients: pd.DataFrame, label: str, colour: str, line: object) -> Curve:
    time = patients["time"].to_numpy(dtype=np.float64)
    return Curve(label, colour, line, time, patients["event"].to_numpy(dtype=np.int64))
