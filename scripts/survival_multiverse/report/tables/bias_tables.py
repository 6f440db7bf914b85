"""Tables of hidden confounders: what one would have to be like, and what the measured ones are like."""

from typing import Any

import pandas as pd

from survival_multiverse.inference.bias_surface import (
    explaining_difference,
    limit_nearest_1,
    primary_estimates_of,
)
from survival_multiverse.inference.specification_summary import ESTIMATOR_ORDER, estimated
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_ratio
from survival_multiverse.report.words.labels import arm_labels, level_label, variable_label
from survival_multiverse.report.words.table_cells import GAP, HELD, interval, is_number, set_label, share_text
from survival_multiverse.settings.study import Study

STRENGTHS = (1.5, 2.0, 3.0, 5.0)
"""Hazard ratios of a hidden confounder that the table shows."""
MODELS = {"adjusted": "adjusted", "univariate": "alone"}


def hidden_confounder_table(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the difference in prevalence that explains each primary estimate away, by strength."""
    rows = estimated(primary_estimates_of(specifications, study))
    table = [
        [
            ESTIMATOR_LABELS[estimator],
            set_label(study, row["adjustment_set"]) if isinstance(row["adjustment_set"], str) else "none",
            interval(row),
            *(_needed(row, strength, study) for strength in STRENGTHS),
        ]
        for estimator in ESTIMATOR_ORDER
        for row in rows[rows["estimator"] == estimator].to_dict("records")
    ]
    percent = f"{100 * study.analysis.confidence_level:g}%"
    columns = ["Estimator", "Adjusted for", f"Hazard ratio ({percent} CI)"]
    return pd.DataFrame(table, columns=[*columns, *(f"If its HR is {strength:g}" for strength in STRENGTHS)])


def _needed(row: dict[str, Any], strength: float, study: Study) -> str:
    """Return ``−34 (−12)``: the difference for the estimate, and for its limit nearest 1."""
    limit = limit_nearest_1(row)
    own = _points(row["estimate"], strength, study)
    return f"{own} ({_points(limit, strength, study) if is_number(limit) else '0'})"


def _points(ratio: float, strength: float, study: Study) -> str:
    mean = study.analysis.confounder_prevalence
    (found,) = explaining_difference(ratio, [strength], mean_prevalence=mean)
    return signed_points(found) if is_number(found) else "none"


def signed_points(difference: float) -> str:
    """Return a difference of shares in percentage points, with its sign: ``−12``."""
    text = f"{100 * difference:+.0f}"
    return "0" if text in ("+0", "-0") else text.replace("-", "−")


def measured_confounder_table(covariates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the measured covariates that divide the patients in two, as the bias surface places them."""
    rows = covariates[covariates["hazard_ratio"].notna()]
    low, high = arm_labels(study)
    table = [
        [
            variable_label(study, row["variable"]),
            level_label(study, row["variable"], row["level"]),
            *(_held(row, row[f"prevalence_{arm}"], share_text) for arm in (0, 1)),
            _held(row, row["prevalence_difference"], signed_points),
            format_ratio(row["hazard_ratio"]),
            MODELS.get(row["model"], GAP),
            _held(row, row["bias_factor"], format_ratio),
        ]
        for row in rows.to_dict("records")
    ]
    columns = ["Covariate", "Level", f"Share, {low}", f"Share, {high}", "Difference, points"]
    return pd.DataFrame(table, columns=[*columns, "Hazard ratio", "Cox model", "Factor if left out"])


def _held(row: dict[str, Any], value: float, form: Any) -> str:
    """Return a number that the row's counts make, or that it would give one away."""
    return str(form(value)) if is_number(row["prevalence_difference"]) else HELD
