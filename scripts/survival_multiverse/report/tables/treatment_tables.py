"""Tables of the ways to deal with the time before treatment."""

from typing import Any

import pandas as pd

from survival_multiverse.emulation.immortal_time import primary_ways
from survival_multiverse.emulation.method_names import WHENS, Method
from survival_multiverse.inference.specification_summary import primary_question
from survival_multiverse.report.style.formats import format_p, format_ratio
from survival_multiverse.report.words.immortal_time import WAY_LABELS, method_label
from survival_multiverse.report.words.table_cells import (
    GAP,
    count_text,
    interval,
    is_number,
    reason_text,
    set_label,
)
from survival_multiverse.settings.study import Study


def treated_counts(row: dict[str, Any], study: Study) -> tuple[str, str]:
    """Return patients and events of a way to deal with the time before treatment, small ones held back."""
    patients, events = (
        f"<{study.minimum_count}" if row[name] < study.minimum_count else count_text(row[name])
        for name in ("n", "events")
    )
    return patients, events


def immortal_table(table: pd.DataFrame | None, study: Study) -> pd.DataFrame:
    """Return the hazard ratios of the primary scenario by every way to count the time before treatment."""
    drawn = bool(study.inference.bootstrap_draws)
    bootstrap = ["Bootstrap CI"] if drawn else []
    columns = ["Way", "Patients", "Events", "Hazard ratio (CI)", *bootstrap, "P"]
    lines = []
    for row in [] if table is None else primary_ways(table).to_dict("records"):
        ok = is_number(row["hazard_ratio"])
        limits = [row["bootstrap_lower"], row["bootstrap_upper"]]
        resampled = " to ".join(map(format_ratio, limits)) if all(map(is_number, limits)) else GAP
        lines.append(
            [
                method_label(row, study),
                *treated_counts(row, study),
                interval(row | {"estimate": row["hazard_ratio"]}) if ok else reason_text(row),
                *([resampled] if drawn else []),
                format_p(row["p_value"]) if ok else GAP,
            ]
        )
    return pd.DataFrame(lines, columns=columns)


def immortal_summary_table(table: pd.DataFrame | None, study: Study) -> pd.DataFrame:
    """Return how the hazard ratios of each way move over the analyses of the primary question.

    Empty where there is one analysis of each, which `immortal_table` shows.
    """
    columns = ["Adjusted for", "Way", "Analyses", "Median hazard ratio (range)", "CI below 1", "CI above 1"]
    rows = [] if table is None else primary_question(table, study).to_dict("records")
    if all(row["analyses"] == 1 and row["adjustment_set"] == study.primary_set for row in rows):
        return pd.DataFrame(columns=columns)
    lines = []
    for row in rows:
        ends = " to ".join(format_ratio(row[name]) for name in ("lowest", "highest"))
        known = f"{format_ratio(row['median_hazard_ratio'])} ({ends})" if row["estimated"] else GAP
        lost = row["analyses"] - row["estimated"]
        lines.append(
            [
                set_label(study, row["adjustment_set"]),
                method_label(row, study),
                f"{row['analyses']:,}" + (f" ({lost:,} without an estimate)" if lost else ""),
                known,
                f"{row['ci_below_1']:,}",
                f"{row['ci_above_1']:,}",
            ]
        )
    return pd.DataFrame(lines, columns=columns)


def ways_table(table: pd.DataFrame | None) -> pd.DataFrame:
    """Return in words what each way to deal with the time before treatment compares: one line a method."""
    present = [] if table is None else list(primary_ways(table)["method"])
    lines = [
        [WAY_LABELS[method], method.estimand.format(parameter=WHENS.get(method, ""))]
        for method in Method
        if method in present
    ]
    return pd.DataFrame(lines, columns=["Way", "Compares"])
