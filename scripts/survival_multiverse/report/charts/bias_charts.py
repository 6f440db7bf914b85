"""The surface of what a hidden binary confounder would make of each primary estimate."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.inference.bias_surface import (
    CONFOUNDER_RATIOS,
    DIFFERENCES,
    explaining_difference,
    largest_difference,
    limit_nearest_1,
    primary_estimates_of,
)
from survival_multiverse.inference.specification_summary import estimated, estimators_present, of_set
from survival_multiverse.report.charts.contrasts import told_by_cutoff
from survival_multiverse.report.charts.grid_charts import Chart
from survival_multiverse.report.charts.theme import (
    INK,
    PAPER,
    Spec,
    dots,
    ratio_scale,
    reference,
    tip,
    values,
    vega_lite,
    width,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_ratio
from survival_multiverse.report.style.palette import BLUE, VERMILION
from survival_multiverse.report.words.labels import arm_labels, level_label, variable_label
from survival_multiverse.report.words.measures import RATIOS
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.table_cells import is_number
from survival_multiverse.settings.schema import Estimator
from survival_multiverse.settings.study import Study

COLUMNS, HEIGHT, LEAST = 2, 240, 640
"""Surfaces beside each other; height of one, and the least width of all, in pixels."""
REACH = math.log(4)
"""Logarithm of the hazard ratio whose colour is the darkest."""
STEP = math.log(CONFOUNDER_RATIOS[-1]) / (len(CONFOUNDER_RATIOS) - 1)
LINES = {"estimate": "estimate corrected to 1", "limit": "its confidence limit corrected to 1"}


def bias_surface_chart(tables: Mapping[str, pd.DataFrame], study: Study) -> Chart | None:
    """Return the surfaces of the primary adjustment set's estimates, with the measured covariates."""
    rows = estimated(primary_estimates_of(tables[RATIOS], study))
    rows = of_set(rows[rows["estimator"] != str(Estimator.UNADJUSTED)], study.primary_set)
    surface = of_set(tables["bias_surface"], study.primary_set)
    shown = [name for name in estimators_present(rows) if name in set(surface["estimator"])]
    if not shown:
        return None
    points = placed_covariates(tables["bias_covariates"], study)
    named = {name: _named(rows, name) for name in shown}
    drawn = [
        *_cells(surface, named, study),
        *_lines(rows, named, study),
        *({"kind": "point", "estimate": label, **point} for label in named.values() for point in points),
    ]
    low, high = arm_labels(study)
    text = (
        "Hazard ratios corrected for a hidden confounder that patients have or lack. Across: its share "
        f"{_at(study, high)} less that {_at(study, low)}. Up: its own hazard ratio. Points: measured "
        "baseline covariates before matching and weighting."
    )
    reading = (
        "On the solid line the estimate becomes 1. On the dashed line its "
        f"{percent(study)} interval reaches 1; without such a line the interval holds 1 already. "
        f"{_fixed(study)} The correction is exact for a rare event. For a common one it is too large if the "
        "confounder is strong. A point is the level of a covariate with the higher hazard. Only covariates "
        "that divide the patients in two are points. Those whose share would give a small count away are "
        "left out."
    )
    alternative = "; ".join(_in_words(row, study) for row in rows.to_dict("records"))
    spec = _spec(drawn, list(named.values()), study)
    title = "What a hidden confounder would make of each estimate"
    return Chart("bias-surface-chart", title, text, f"{alternative}.", spec, least=LEAST, reading=reading)


def placed_covariates(covariates: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return the covariates that have a place: name, difference, hazard ratio, and factor of bias."""
    found = covariates[covariates["prevalence_difference"].notna() & (covariates["status"] == "ok")]
    return [
        {
            "name": covariate_name(row, study),
            "difference": row["prevalence_difference"],
            "strength": min(row["hazard_ratio"], CONFOUNDER_RATIOS[-1]),
            "hazard_ratio": row["hazard_ratio"],
            "factor": row["bias_factor"],
        }
        for row in found.to_dict("records")
    ]


def covariate_name(row: Mapping[str, Any], study: Study) -> str:
    """Return a covariate with its level: ``Sex: male``."""
    name = variable_label(study, row["variable"])
    return f"{name}: {level_label(study, row['variable'], row['level'])}"


def _fixed(study: Study) -> str:
    mean = study.analysis.confounder_prevalence
    return f"The mean of both shares is fixed at {100 * mean:g}%."


def _at(study: Study, arm: str) -> str:
    return f"{'at' if told_by_cutoff(study) else 'with'} {arm}"


def _named(rows: pd.DataFrame, estimator: str) -> str:
    ratio = rows.loc[rows["estimator"] == estimator, "estimate"].iloc[0]
    return f"{ESTIMATOR_LABELS[estimator]}, HR {format_ratio(ratio)}"


def _cells(surface: pd.DataFrame, named: Mapping[str, str], study: Study) -> list[dict[str, Any]]:
    """Return the cells of the surfaces, each around its point of the grid and none beyond it."""
    most = largest_difference(study.analysis.confounder_prevalence)
    half = most / (DIFFERENCES - 1)
    rows = surface[surface["estimator"].isin(named) & surface["corrected_hazard_ratio"].notna()]
    return [
        {
            "kind": "cell",
            "estimate": named[row["estimator"]],
            "from": max(row["prevalence_difference"] - half, -most),
            "to": min(row["prevalence_difference"] + half, most),
            "below": max(row["confounder_hazard_ratio"] * math.exp(-STEP / 2), 1.0),
            "above": min(row["confounder_hazard_ratio"] * math.exp(STEP / 2), CONFOUNDER_RATIOS[-1]),
            "corrected": row["corrected_hazard_ratio"],
            "tone": max(-1.0, min(1.0, math.log(row["corrected_hazard_ratio"]) / REACH)),
        }
        for row in rows.to_dict("records")
    ]


def _lines(rows: pd.DataFrame, named: Mapping[str, str], study: Study) -> list[dict[str, Any]]:
    """Return the contours at which the estimate, or its limit nearest 1, is corrected to 1."""
    ratios = np.geomspace(1.0, CONFOUNDER_RATIOS[-1], 181)
    found = []
    for row in rows.to_dict("records"):
        for line, ratio in (("estimate", row["estimate"]), ("limit", limit_nearest_1(row))):
            if not is_number(ratio):
                continue
            mean = study.analysis.confounder_prevalence
            differences = explaining_difference(ratio, ratios, mean_prevalence=mean)
            found += [
                {
                    "kind": "line",
                    "estimate": named[row["estimator"]],
                    "line": LINES[line],
                    "difference": difference,
                    "strength": strength,
                }
                for difference, strength in zip(differences, ratios, strict=True)
                if is_number(difference)
            ]
    return found


def _in_words(row: Mapping[str, Any], study: Study) -> str:
    mean = study.analysis.confounder_prevalence
    (needed,) = explaining_difference(row["estimate"], [2.0], mean_prevalence=mean)
    label = ESTIMATOR_LABELS[row["estimator"]]
    if not is_number(needed):
        return f"{label}: no confounder with hazard ratio 2 corrects it to 1"
    points = f"{100 * needed:.0f}".replace("-", "−")
    return f"{label}: a confounder with hazard ratio 2 corrects it to 1 at a difference of {points} points"


def _spec(rows: list[dict[str, Any]], names: list[str], study: Study) -> Spec:
    low, high = arm_labels(study)
    most = largest_difference(study.analysis.confounder_prevalence)
    scale, axis = ratio_scale((1.0, CONFOUNDER_RATIOS[-1]))
    shares = {
        "title": f"Share {_at(study, high)} less share {_at(study, low)}",
        "format": "+.0%",
        "grid": False,
    }
    x = {"type": "quantitative", "scale": {"domain": [-most, most], "nice": False}, "axis": shares}
    up = axis | {"title": "Hazard ratio of the confounder", "grid": False}
    y = {"type": "quantitative", "scale": scale, "axis": up}
    at = {"x": x | {"field": "difference"}, "y": y | {"field": "strength"}}
    layers = [_painted(x, y, low, high), reference("x", 0), _contours(at), *_points(at)]
    return vega_lite(
        data=values(rows),
        facet={"field": "estimate", "type": "nominal", "sort": names, "header": {"title": None}},
        columns=COLUMNS,
        spacing=26,
        spec={"width": width(COLUMNS, 150), "height": HEIGHT, "layer": layers},
    )


def _painted(x: Spec, y: Spec, low: str, high: str) -> Spec:
    label = f"'HR ' + format(exp(datum.value * {REACH:.6f}), '.2f')"
    colour = {
        "field": "tone",
        "type": "quantitative",
        "scale": {"domain": [-1, 0, 1], "range": [BLUE, "#f4f4f1", VERMILION], "interpolate": "lab"},
        "legend": {
            "title": f"Corrected: {high} favoured ← → {low} favoured",
            "values": [-1, -0.5, 0, 0.5, 1],
            "labelExpr": label,
            "titleLimit": 600,
            "gradientLength": 280,
            "orient": "bottom",
        },
    }
    return {
        "transform": [{"filter": "datum.kind == 'cell'"}],
        "mark": {"type": "rect", "aria": False},
        "encoding": {
            "x": x | {"field": "from"},
            "x2": {"field": "to"},
            "y": y | {"field": "below"},
            "y2": {"field": "above"},
            "color": colour,
            "tooltip": [tip("corrected", "Corrected hazard ratio", ".2f")],
        },
    }


def _contours(at: Spec) -> Spec:
    dash = {
        "field": "line",
        "type": "nominal",
        "scale": {"domain": list(LINES.values()), "range": [[1, 0], [5, 3]]},
        "legend": {"title": None, "symbolStrokeColor": INK},
    }
    return {
        "transform": [{"filter": "datum.kind == 'line'"}],
        "mark": {"type": "line", "color": "#1f2329", "strokeWidth": 2},
        "encoding": at | {"strokeDash": dash, "order": {"field": "strength"}},
    }


def _points(at: Spec) -> list[Spec]:
    tips = [
        tip("name", "Measured"),
        tip("difference", "Difference of its shares", "+.0%"),
        tip("hazard_ratio", "Its hazard ratio", ".2f"),
        tip("factor", "Left out, it multiplies the hazard ratio by", ".2f"),
    ]
    only = [{"filter": "datum.kind == 'point'"}]
    mark = dots(at | {"tooltip": tips}, size=44, stroke=PAPER, strokeWidth=1, color=INK)
    return [{"transform": only, **mark}]
