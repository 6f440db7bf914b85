"""The estimates of the study beside those of its negative controls."""

from collections.abc import Mapping

import pandas as pd

from survival_multiverse.inference.specification_summary import direction, estimators_present
from survival_multiverse.report.charts.grid_charts import Chart, limits_of
from survival_multiverse.report.charts.theme import (
    HIGHER,
    Spec,
    colours,
    levels,
    nominal,
    primary_marks,
    ratio,
    reference,
    tip,
    values,
    vega_lite,
    whiskers,
    width,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.style.palette import ORANGE
from survival_multiverse.report.words.controls import STUDY, beside_controls, control_label
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.table_cells import set_label
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.study import Study

LEAST, LABELS, STEP = 900, 190, 30
"""Least width, room for the names, and height of a row, in pixels."""
COLOURS = {STUDY: HIGHER, "Negative control": ORANGE}


def control_chart(tables: Mapping[str, pd.DataFrame], study: Study) -> Chart | None:
    """Return the hazard ratios of every analysis of the study and its controls; None without controls."""
    rows = beside_controls(tables, study)
    if rows.empty or set(rows["who"]) == {STUDY}:
        return None
    names = [STUDY, *(control_label(study, name) for name in study.negative_controls)]
    shown = [
        {
            "who": row["who"],
            "kind": STUDY if row["who"] == STUDY else "Negative control",
            "estimator": ESTIMATOR_LABELS[row["estimator"]],
            "primary": bool(row["is_primary"]),
            **{name: row[name] for name in ("estimate", "ci_lower", "ci_upper")},
        }
        for row in rows.to_dict("records")
    ]
    estimators = [ESTIMATOR_LABELS[name] for name in estimators_present(rows)]
    text = (
        "Ticks: hazard ratios of all analyses at the primary options, adjusted for "
        f"“{set_label(study, study.primary_set)}”. Diamonds: primary scenario with its {percent(study)} "
        "interval. Negative controls should lie about 1."
    )
    reading = (
        "A negative control cannot be affected, or cannot affect the outcome. If its hazard ratios lie away "
        "from 1, the analyses are biased there, and perhaps in the study. If they lie about 1, the biases "
        "that it shares with the study are small; others may not be."
    )
    spec = _spec(shown, names, estimators)
    title = "The study beside its negative controls"
    return Chart(
        "negative-controls-chart", title, text, _in_words(rows, names), spec, least=LEAST, reading=reading
    )


def _in_words(rows: pd.DataFrame, names: list[str]) -> str:
    parts = []
    for name in names:
        own = rows[rows["who"] == name]
        excluding = int((direction(own, RATIO) != "includes").sum())
        parts.append(f"{name}: {excluding} of {len(own)} intervals exclude 1")
    return f"{'; '.join(parts)}."


def _spec(rows: list[dict[str, object]], names: list[str], estimators: list[str]) -> Spec:
    x = ratio("estimate", limits_of(rows), "Hazard ratio")
    y = levels("who", names, axis={"title": None, "labelLimit": LABELS, "grid": False})
    shared = {"y": y, "color": colours("kind", COLOURS)}
    tips = [
        tip("who", "Of"),
        tip("estimate", "Hazard ratio", ".2f"),
        tip("ci_lower", "CI from", ".2f"),
        tip("ci_upper", "to", ".2f"),
    ]
    ticks = {
        "mark": {"type": "tick", "thickness": 2, "height": 14, "opacity": 0.45, "clip": True},
        "encoding": shared | {"x": x, "tooltip": tips},
    }
    primary = [{"filter": "datum.primary"}]
    intervals = whiskers(x, shared, along="x", strokeWidth=2) | {"transform": primary}
    diamonds = primary_marks({"y": y, "x": x, "tooltip": tips}, size=90)
    return vega_lite(
        data=values(rows),
        facet={"column": nominal("estimator", estimators, header={"title": None})},
        spacing=14,
        spec={
            "width": width(len(estimators), LABELS + 20 * len(estimators)),
            "height": {"step": STEP},
            "layer": [reference("x", 1), ticks, intervals, diamonds],
        },
    )
