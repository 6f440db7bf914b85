"""The ways to deal with the time before treatment as a chart with its words."""

from typing import Any

import pandas as pd

from survival_multiverse.emulation.method_names import Method
from survival_multiverse.report.charts.grid_charts import Chart, limits_of
from survival_multiverse.report.charts.time import immortal_spec
from survival_multiverse.report.style.formats import format_ratio
from survival_multiverse.report.tables.time_tables import treated_counts
from survival_multiverse.report.words.captions import late_note
from survival_multiverse.report.words.immortal_time import CREDITED, NOT_CREDITED, method_label
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.table_cells import interval, is_number, set_label
from survival_multiverse.settings.study import Study


def immortal_chart(table: pd.DataFrame | None, study: Study) -> Chart | None:
    """Draw treated against untreated patients in every way; None without times of treatment or estimates.

    Parameters
    ----------
    table
        ``immortal_time`` as it may be shared, or None.
    study
        Gives units and labels.
    """
    if table is None:
        return None
    rows = [_row(row, study) for row in table.to_dict("records") if is_number(row["hazard_ratio"])]
    if not rows:
        return None
    text = (
        f"Hazard ratios of {study.arm_names[1] if study.arm_names else 'treatment'} with {percent(study)} "
        f"intervals, adjusted for “{set_label(study, study.primary_set)}”. Who is treated had to live until "
        "then; the naive way credits treatment with that time."
    )
    reading = (
        "Each way answers a question of its own, told in a table below, so they are not averaged. "
        "Landmarks leave out who is gone by then. Clones keep everybody and compare two strategies from time "
        "zero on." + late_note(study)
    )
    spec = immortal_spec(
        rows,
        names=[row["name"] for row in rows],
        credits=(CREDITED, NOT_CREDITED),
        limits=limits_of([*rows, *_ends(rows)]),
        percent=percent(study),
    )
    alternative = "; ".join(f"{row['name']}: {format_ratio(row['estimate'])}" for row in rows)
    title = "One treatment, four ways to count the time before it"
    return Chart("immortal-chart", title, text, alternative + ".", spec, least=640, reading=reading)


def _ends(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Return the ends of the intervals as points, so that the axis holds all that are not absurdly wide."""
    ends = [min(max(row[end], 0.05), 20.0) for row in rows for end in ("ci_lower", "ci_upper")]
    return [dict.fromkeys(("estimate", "ci_lower", "ci_upper"), end) for end in ends]


def _row(row: dict[str, Any], study: Study) -> dict[str, Any]:
    return {
        "name": method_label(row, study),
        "estimand": row["estimand"],
        "credit": CREDITED if row["method"] == Method.NAIVE else NOT_CREDITED,
        "estimate": row["hazard_ratio"],
        **{name: row[name] for name in ("ci_lower", "ci_upper")},
        "text": interval(row | {"estimate": row["hazard_ratio"]}),
        "counts": ", ".join(treated_counts(row, study)),
    }
