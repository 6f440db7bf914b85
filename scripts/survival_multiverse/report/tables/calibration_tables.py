"""Tables of the calibration: how tests and intervals err in simulated cohorts whose truth is known."""

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.inference.joint_summary import NULL_LABELS
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.words.table_cells import GAP, count_text, is_number, set_label
from survival_multiverse.settings.measures import (
    HAZARD_RATIO,
    MEDIAN_DIFFERENCE,
    RMST_DIFFERENCE,
    SURVIVAL_DIFFERENCE,
    measure_named,
)
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

CALIBRATED = {
    "median": "median",
    "share_significant": "share significant as predicted",
    "mean_z": "mean z",
    "abs_median": "median, two-sided",
    "abs_mean_z": "mean z, two-sided",
    "max_t": "any single analysis, max-T",
    "wald_model": "Wald, model-based error",
    "wald_naive": "Wald, pairs ignored",
    "wald_clustered": "Wald, error clustered by pair",
    "wald_mean_of_orders": "Wald, mean error of the orders",
    "wald_outputation": "Wald, median over the orders",
    "wald_robust": "Wald, robust error",
    "wald_stacked": "Wald, error for an estimated score",
    "wald_influence": "Wald, error from influence functions",
    "bootstrap_patients": "bootstrap of patients",
    "bootstrap_pairs": "bootstrap of pairs",
}
"""Tests and intervals of the calibration as readers know them."""
MEASURES = {
    HAZARD_RATIO: "Hazard ratio, bias of its logarithm",
    RMST_DIFFERENCE: "Difference in restricted mean survival up to {} months, months",
    SURVIVAL_DIFFERENCE: "Difference in survival at {} months, percentage points",
    MEDIAN_DIFFERENCE: "Difference in median survival, months",
}
"""Measures of the calibration, whose cohorts are those of the default study and live for months."""
REPORTED = ("wald_model", "wald_outputation", "wald_stacked", "wald_influence")
"""Of the intervals of an estimator the one that a study reports."""
TWO_SIDED, LEVEL = ("abs_median", "abs_mean_z"), 0.05
"""Joint tests that a summary speaks of, and their level."""


def _test_words(test: object) -> str:
    """Return a test or an interval of the calibration in words."""
    return CALIBRATED.get(test, str(test).replace("_", " ")) if isinstance(test, str) else ""


def _measure_words(name: str) -> str:
    measure = measure_named(name)
    return MEASURES[measure.kind].format(canonical_text(measure.at))


def _bias_words(value: float, name: str) -> str:
    """Return a bias in the unit in which its measure is shown."""
    text = f"{measure_named(name).scale * value:+.2f}"
    return text[1:] if float(text) == 0 else text.replace("-", "−")


def _estimator_words(name: str) -> str:
    label = str(name).replace("_", " ")
    return ESTIMATOR_LABELS.get(name, label[0].upper() + label[1:])


def calibration_summary(calibration: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return what a study reports, by measure and adjustment set: bias, coverage, error and power.

    Lowest and highest over estimators, of joint tests over both null models and over median and mean z; what
    has no adjustment set stands alone.

    Parameters
    ----------
    calibration
        The table `resources/calibration.csv`.
    study
        Names the adjustment sets.

    Returns
    -------
    pd.DataFrame
        Empty without a calibration.
    """
    if calibration.empty:
        return pd.DataFrame()
    kinds = calibration.fillna({"test": "", "null": "", "adjustment_set": ""})
    kinds["alone"] = kinds["estimator"].where(kinds["adjustment_set"] == "", "")
    # As they first occur, what has no adjustment set before the others.
    places = [pd.factorize(kinds[name])[0] for name in ("measure", "setting", "adjustment_set")]
    places[-1] = np.where(kinds["alone"] != "", -1, places[-1])
    kinds = kinds[kinds["cohorts"] > 0].iloc[np.lexsort([own[kinds["cohorts"] > 0] for own in places[::-1]])]
    rows = []
    for key, here in kinds.groupby(["measure", "setting", "adjustment_set", "alone"], sort=False):
        measure, setting, name, alone = map(str, key)
        tests = here[here["test"].isin(TWO_SIDED) & (here["nominal"] == LEVEL)]
        intervals = here[here["quantity"] == "coverage"]
        if name:
            intervals = intervals[intervals["test"].isin(REPORTED)]
        bias = here[here["quantity"] == "bias"]
        rows.append(
            [
                _measure_words(measure),
                setting.replace("_", " "),
                _estimator_words(alone) if alone else _set_words(name, study),
                _range(bias["observed"], partial(_bias_words, name=measure)),
                *(_range(part["observed"]) for part in (intervals, *_of_quantities(tests))),
                *(_range(part["cohorts"], count_text) for part in (intervals, tests)),
            ]
        )
    columns = ["Measure", "Cohorts with", "Adjusted for, or method", "Bias", "Coverage of 95% intervals"]
    columns += [f"Type I error at {LEVEL:g}", f"Power at {LEVEL:g}"]
    columns += ["Cohorts with intervals", "Cohorts tested"]
    return pd.DataFrame(rows, columns=columns)


def _of_quantities(tests: pd.DataFrame) -> list[pd.DataFrame]:
    return [tests[tests["quantity"] == quantity] for quantity in ("type I error", "power")]


def _set_words(name: str, study: Study) -> str:
    return set_label(study, name) if name in study.adjustment_sets else name or GAP


def _range(values: pd.Series, words: Callable[[float], str] = "{:.3f}".format) -> str:
    """Return the lowest and the highest value in words, or the only one."""
    known = values.dropna()
    if known.empty:
        return GAP
    ends = dict.fromkeys(words(value) for value in (known.min(), known.max()))
    return " to ".join(ends)


def calibration_shown(calibration: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the observed error rates, coverages and biases beside the nominal ones, of what has any."""
    rows = []
    known = calibration[calibration["observed"].notna()] if len(calibration) else calibration
    for row in known.to_dict("records"):
        words = [_test_words(row["test"]), NULL_LABELS.get(row["null"], "")]
        name = row["adjustment_set"] if isinstance(row["adjustment_set"], str) else ""
        rows.append(
            [
                _measure_words(row["measure"]),
                str(row["setting"]).replace("_", " "),
                str(row["quantity"]),
                _estimator_words(row["estimator"]),
                _set_words(name, study),
                ", ".join(filter(None, words)) or GAP,
                f"{row['nominal']:g}",
                _observed(row),
                count_text(row["cohorts"]),
                count_text(row["draws"]) if row["draws"] else GAP,
                row["note"] if isinstance(row["note"], str) and row["note"] else GAP,
            ]
        )
    columns = ["Measure", "Cohorts with", "Quantity", "Estimator", "Adjusted for", "Test or interval"]
    return pd.DataFrame(rows, columns=[*columns, "Nominal", "Observed (± SE)", "Cohorts", "Draws", "Note"])


def _observed(row: dict[str, Any]) -> str:
    """Return what was observed with its Monte-Carlo error."""
    if row["quantity"] != "bias":
        return f"{row['observed']:.3f} (±{row['monte_carlo_se']:.3f})"
    error = row["monte_carlo_se"]
    error = measure_named(row["measure"]).scale * error if is_number(error) else math.nan
    return f"{_bias_words(row['observed'], row['measure'])} (±{error:.2f})"
