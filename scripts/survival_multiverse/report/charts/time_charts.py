"""The landmarks of the primary scenario as a chart with its words."""

from typing import Any

import pandas as pd

from survival_multiverse.report.charts.grid_charts import Chart, limits_of
from survival_multiverse.report.charts.page_data import axis_labels, kept_by
from survival_multiverse.report.charts.time import landmark_spec
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, display_label, format_ratio
from survival_multiverse.report.words.captions import dagger
from survival_multiverse.report.words.labels import with_unit
from survival_multiverse.report.words.table_cells import set_label
from survival_multiverse.scenario.cautions import care
from survival_multiverse.settings.schema import PRIMARY
from survival_multiverse.settings.study import Study


def landmark_chart(specifications: pd.DataFrame, study: Study) -> Chart | None:
    """Draw the primary scenario at every landmark; None if the study has no landmarks."""
    rows = landmark_rows(specifications, study)
    if not rows or not study.analysis.landmarks:
        return None
    limits = limits_of(rows)
    title = display_label("Landmark", study.time.unit)
    sets = [set_label(study, name) for name in study.adjustment_sets]
    here = [row for row in rows if row["series"] == "Matched, then landmark" or row["landmark"] == 0]
    words = [
        f"landmark {with_unit(row['landmark'], study.time.unit)}, {row['set']}: {format_ratio(row['hr'])}"
        for row in here
        if row["series"] == "Matched, then landmark"
    ]
    text = (
        "The primary scenario among patients still at risk at the landmark (0: everybody). Each "
        "landmark is another population, and with it another question; with each, fewer patients are left: "
        "the numbers at the bottom are those at risk before matching."
        + (" Purple: published." if study.published else "")
        + dagger(study)
    )
    spec = landmark_spec(rows, sets=sets, limits=limits, title=title)
    return Chart("landmark-chart", "Sequential landmarks", text, "Matched: " + "; ".join(words), spec)


def landmark_rows(specifications: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return the primary scenario at every landmark, for the chart: one row per estimate."""
    rows = specifications[
        (specifications["population"] == PRIMARY) & specifications["is_primary"].astype(bool)
    ]
    rows = rows[rows["hazard_ratio"].notna()]
    labels = dict(zip(study.adjustment_sets, axis_labels(study)["S"], strict=True))
    found = []
    for row, choices in zip(rows.to_dict("records"), kept_by(rows, study), strict=True):
        name = row["adjustment_set"]
        series = ESTIMATOR_LABELS[row["estimator"]]
        if row["estimator"] == "matched":
            late = row["landmark_order"] == "landmark_then_match"
            series = "Landmark, then matched" if late else "Matched, then landmark"
        sets = [name] if isinstance(name, str) else list(study.adjustment_sets)
        found += [
            {
                "set": set_label(study, chosen),
                "landmark": row["landmark"],
                "series": series,
                "hr": row["hazard_ratio"],
                "lo": row["ci_lower"],
                "hi": row["ci_upper"],
                "care": care(row["flags"]),
                "patients": _held_back(row["n"], study),
                "events": _held_back(row["events"], study),
                "risk": _held_back(row["n"], study) if row["estimator"] == "unadjusted" else None,
                "published": study.published.get(row["estimator"]) if row["landmark"] == 0 else None,
                **choices,
                "S": labels[chosen],
            }
            for chosen in sets
        ]
    return found


def _held_back(count: float, study: Study) -> str:
    """Return a count of patients, unless there are too few."""
    return f"<{study.minimum_count}" if count < study.minimum_count else f"{count:,.0f}"
