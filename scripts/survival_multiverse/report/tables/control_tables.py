"""Tables of the negative controls, and of the P values that they calibrate."""

import math
from collections.abc import Mapping

import pandas as pd

from survival_multiverse.inference.specification_summary import (
    ESTIMATOR_ORDER,
    direction,
    estimators_present,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_p, format_ratio
from survival_multiverse.report.words.controls import STUDY, beside_controls, control_label
from survival_multiverse.report.words.table_cells import GAP, interval, is_number, reason_text, set_label
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.study import Study


def control_table(tables: Mapping[str, pd.DataFrame], study: Study) -> pd.DataFrame:
    """Return the hazard ratios of the study and of each negative control, by estimator."""
    rows = beside_controls(tables, study)
    if rows.empty:
        return rows
    table = []
    for who in (STUDY, *(control_label(study, name) for name in study.negative_controls)):
        own = rows[rows["who"] == who]
        for estimator in estimators_present(own):
            part = own[own["estimator"] == estimator]
            primary = part[part["is_primary"].astype(bool)].to_dict("records")
            first = primary[0] if primary else {}
            ratios = part["estimate"]
            table.append(
                [
                    who,
                    ESTIMATOR_LABELS[estimator],
                    interval(first | {"estimate": first.get("estimate")}),
                    format_p(first["p_value"]) if first else GAP,
                    f"{len(part):,}",
                    f"{format_ratio(ratios.min())} to {format_ratio(ratios.max())}",
                    f"{int((direction(part, RATIO) != 'includes').sum()):,}",
                ]
            )
    percent = f"{100 * study.analysis.confidence_level:g}%"
    columns = ["Of", "Estimator", f"Primary hazard ratio ({percent} CI)", "P", "Analyses"]
    return pd.DataFrame(table, columns=[*columns, "Range of hazard ratios", "Intervals without 1"])


def calibrated_table(tables: Mapping[str, pd.DataFrame], study: Study) -> pd.DataFrame:
    """Return the ordinary and the calibrated P value of each primary estimate."""
    if "calibrated_p_values" not in tables:
        return pd.DataFrame()
    rows = tables["calibrated_p_values"]
    table = []
    for estimator in ESTIMATOR_ORDER:
        for row in rows[rows["estimator"] == estimator].to_dict("records"):
            known = is_number(row["calibrated_p_value"])
            name = row["adjustment_set"]
            table.append(
                [
                    ESTIMATOR_LABELS[estimator],
                    set_label(study, name) if isinstance(name, str) else "none",
                    format_ratio(row["estimate"]) if is_number(row["estimate"]) else GAP,
                    format_p(row["p_value"]) if is_number(row["p_value"]) else GAP,
                    f"{row['controls']:,.0f}",
                    format_ratio(math.exp(row["mean"])) if known else GAP,
                    f"{row['standard_deviation']:.2f}" if known else GAP,
                    format_p(row["calibrated_p_value"]) if known else reason_text(row),
                ]
            )
    columns = ["Estimator", "Adjusted for", "Hazard ratio", "P", "Controls", "Mean", "SD"]
    return pd.DataFrame(table, columns=[*columns, "Calibrated P"])
