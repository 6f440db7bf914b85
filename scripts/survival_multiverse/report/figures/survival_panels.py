"""What the Kaplan-Meier figures of the primary scenario show: panels, groups, P values, published numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.cohort.sample import STATE_LEVELS
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.style.palette import ARM_COLOURS, LINE_STYLES, STATE_COLOURS
from survival_multiverse.report.words.figure_names import (
    BALANCED,
    BY,
    DOSE,
    MATCHED,
    PREFIX,
    STATE,
    about_whom,
    whom_of,
)
from survival_multiverse.report.words.labels import arm_labels, factor_levels, level_label
from survival_multiverse.settings.schema import WEIGHTED, Estimator
from survival_multiverse.settings.study import Study


@dataclass(frozen=True, slots=True)
class Curve:
    """One group of patients in a panel, shapes (n,): `time` and `entry` (or None), `event` 1 = death.

    `drawn` has another curve than theirs at times of the grid (`balanced_curves`), or is None.
    """

    label: str
    colour: str
    line: object
    level: str
    time: np.ndarray
    event: np.ndarray
    entry: np.ndarray | None = None
    drawn: pd.DataFrame | None = None


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves drawn in one pair of axes.

    Attributes
    ----------
    p_value
        Of the log-rank test, printed in them (NaN: none).
    ratio
        Hazard ratio of the arm in row form, with `estimate`, `ci_lower` and `ci_upper`; {} without one.
    medians
        Rows of the median survival by the level of a curve, as far as enough patients have one.
    published
        What a paper prints about them, as `published_marks` gives it.
    """

    title: str
    curves: tuple[Curve, ...]
    p_value: float
    ratio: dict[str, Any]
    medians: dict[str, dict[str, Any]]
    published: pd.DataFrame


def survival_panels(
    name: str,
    samples: Mapping[str, pd.DataFrame],
    estimates: pd.DataFrame,
    study: Study,
    published: pd.DataFrame = NO_MARKS,
) -> list[Panel]:
    """Return what a figure shows: its panels, groups and log-rank P values.

    Parameters
    ----------
    name
        One of `figure_names`.
    samples
        Patients of the primary scenario (`multiverse.primary_samples`): frames with time, event, arm
        and a column for each grouping, under `population`, `all` and `matched:<set>`.
    estimates
        Rows of the primary scenario; the P values are read here, never computed again.
    published
        Numbers of a paper (`published_marks`); none without one.
    """
    groups = _groups(name, samples, study)
    return [
        Panel(
            title,
            curves,
            log_rank_p(estimates, **whom),
            hazard_ratio(estimates, **whom),
            medians(estimates, minimum=study.minimum_count, **whom),
            about_whom(published, **whom),
        )
        for (title, whom), curves in zip(whom_of(name, study), groups, strict=True)
    ]


def _groups(name: str, samples: Mapping[str, pd.DataFrame], study: Study) -> list[tuple[Curve, ...]]:
    """Return the curves of each panel of a figure."""
    part = name.removeprefix(PREFIX)
    if part == STATE:
        return [_state_curves(samples["all"], study)]
    if part.startswith(MATCHED):
        return [_arm_curves(samples[f"matched:{part.removeprefix(MATCHED)}"], study)]
    if part.startswith(BALANCED):
        chosen = part.removeprefix(BALANCED)
        curves, lines = _arm_curves(samples[f"scored:{chosen}"], study), samples[f"balanced:{chosen}"]
        return [_drawn(curves, lines[lines["estimator"] == own]) for own in (*WEIGHTED, Estimator.ADJUSTED)]
    patients = samples["population"]
    if part == DOSE:
        return [_arm_curves(patients, study)]
    factor = part.removeprefix(BY)
    levels = factor_levels(study, factor)
    return [_arm_curves(patients[patients[factor].astype(object) == level], study) for level in levels]


def _drawn(curves: tuple[Curve, ...], lines: pd.DataFrame) -> tuple[Curve, ...]:
    """Return the arms' curves with those that are drawn in their place."""
    return tuple(replace(curve, drawn=lines[lines["arm"] == int(curve.level)]) for curve in curves)


def log_rank_p(estimates: pd.DataFrame, **whom: str) -> float:
    """Return the unstratified log-rank P of the estimates table (`whom` as in `_about`); NaN without one."""
    rows = estimates[(estimates["analysis"] == "log_rank") & (estimates["landmark"] == 0)]
    rows = rows[rows["level"].isna() & rows["model"].isna() & (rows["statistic"] == "chi_square")]
    rows = about_whom(rows, **whom)
    if whom.get("estimator") in WEIGHTED:
        # The P value that allows for the estimated score.
        rows = rows[rows["variance"] == "stacked"]
    values = rows["p_value"]
    return float(values.iloc[0]) if len(values) else float("nan")


def hazard_ratio(estimates: pd.DataFrame, **whom: str) -> dict[str, Any]:
    """Return the hazard ratio of the arm alone, of whom the panel shows; {} without one."""
    rows = about_whom(estimates[estimates["analysis"] == "cox"], **whom)
    if rows.empty or whom.get("variable", "arm") != "arm":
        return {}
    name = whom.get("estimator", "unadjusted")
    variance = "clustered" if name == "matched" else {str(own): own.variance for own in Estimator}[name]
    model = "adjusted" if name == Estimator.ADJUSTED else "arm_only"
    wanted = {"landmark": 0, "statistic": "hazard_ratio", "model": model, "ties": "efron"}
    for column, value in (wanted | {"variance": variance}).items():
        rows = rows[rows[column] == value]
    found = rows[rows["estimate"].notna()].to_dict("records")
    return {str(name): value for name, value in found[0].items()} if found else {}


def medians(estimates: pd.DataFrame, *, minimum: int, **whom: str) -> dict[str, dict[str, Any]]:
    """Return the rows of the median survival by level, of at least so many patients."""
    rows = about_whom(estimates[estimates["analysis"] == "kaplan_meier"], **whom)
    if rows.empty:
        return {}
    rows = rows[(rows["statistic"] == "median") & (rows["landmark"] == 0) & (rows["n"] >= minimum)]
    return {str(row["level"]): row for row in rows.to_dict("records")}


def _arm_curves(patients: pd.DataFrame, study: Study) -> tuple[Curve, ...]:
    labels = arm_labels(study)
    return tuple(
        _curve(patients[patients["arm"] == arm], labels[arm], ARM_COLOURS[arm], LINE_STYLES[arm], str(arm))
        for arm in (1, 0)
    )


def _state_curves(patients: pd.DataFrame, study: Study) -> tuple[Curve, ...]:
    return tuple(
        _curve(
            patients[patients["state"].astype(object) == level],
            level_label(study, "state", level),
            STATE_COLOURS[level],
            LINE_STYLES[1 - position],
            level,
        )
        for position, level in enumerate(STATE_LEVELS)
    )


def _curve(patients: pd.DataFrame, label: str, colour: str, line: object, level: str) -> Curve:
    time = patients["time"].to_numpy(dtype=np.float64)
    entry = patients["entry"].to_numpy(dtype=np.float64) if "entry" in patients else None
    return Curve(label, colour, line, level, time, patients["event"].to_numpy(dtype=np.int64), entry)
