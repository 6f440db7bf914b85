"""The page's charts in their initial state, to be drawn without a browser."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd

from survival_multiverse.inference.specification_summary import estimators_present, headline
from survival_multiverse.report.charts.grid_charts import Chart, kind_of_share, share_words
from survival_multiverse.report.charts.page_charts import page_charts
from survival_multiverse.report.charts.page_data import (
    GATE,
    SIDES,
    axis_labels,
    choice_names,
    field,
    specification_columns,
    term_words,
)
from survival_multiverse.report.charts.static import light
from survival_multiverse.report.charts.theme import Spec, vega_lite
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, ORIGIN_NOTES
from survival_multiverse.report.words.answer import first_order
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.settings.study import Study

ROOM = 1000
"""Width of a chart in pixels, unless it needs more."""
FIGURES = {"specification_curve": "curve-chart", "hazard_ratio_surface": "surface-chart"}
"""Charts that are figures of their own, too."""
COPIED = ("estimate", "ci_lower", "ci_upper", "p_value", "p_text", "smd", "matched_share", "orders_from",
          "orders_to", "variance_between_orders")  # fmt: skip
"""Columns that the charts' rows have as they are."""


def chart_specs(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Spec]:
    """Return Vega-Lite specifications by name, light, unfiltered, with title and origin; maps of P, too.

    Parameters
    ----------
    tables
        As `page_charts` takes them.
    """
    rows: dict[str, list[dict[str, Any]]] = {
        "specs": specification_rows(tables["specifications"], study),
        "shares": share_rows(tables["attribution"], tables["specifications"], study),
    }
    made = {name: _complete(chart, study, rows) for name, chart in page_charts(study, tables).items()}
    if "surface-chart" in made:
        made["surface-chart-p"] = _set(made["surface-chart"], "cells", "p")
    return made


def figure_spec(name: str, specs: Mapping[str, Spec], study: Study) -> Spec:
    """Return what a figure of `FIGURES` shows: its chart, or words where there is nothing to draw."""
    if FIGURES[name] in specs:
        return specs[FIGURES[name]]
    words = (
        f"There is nothing to draw: no {measure_words(study).name} was estimated, or the grid has no two "
        "decisions to map."
    )
    mark = {"type": "text", "text": words, "align": "left", "fontSize": 14}
    empty = vega_lite(data={"values": [{}]}, width=640, height=60, mark=mark, encoding={"x": {"value": 0}})
    return light(empty) | {"title": study.title, "padding": 14}


def _set(spec: Spec, control: str, value: str) -> Spec:
    """Return the chart after a reader has set one of the page's controls."""
    params = [{**param, "value": value} if param["name"] == control else param for param in spec["params"]]
    return {**spec, "params": params}


def specification_rows(specifications: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return the analyses that the charts of the grid draw, as the page's script makes them of columns."""
    packed = specification_columns(specifications, study)
    columns = {
        name: values if isinstance(values, list) else [values["all"]] * packed["rows"]
        for name, values in packed["columns"].items()
    }
    labels = {field(name): own for name, own in axis_labels(study).items()}
    choices = list(map(field, choice_names(study)))
    return [
        _row(place, {name: values[place] for name, values in columns.items()}, labels, choices)
        | ({"inverse": _inverse(columns["estimate"][place])} if study.primary_measure.ratio else {})
        for place in range(packed["rows"])
    ]


def _inverse(ratio: float | None) -> float | None:
    return 1 / ratio if ratio else None


def _row(
    place: int, own: Mapping[str, Any], labels: Mapping[str, list[str]], inner: list[str]
) -> dict[str, Any]:
    named = {name: texts[own[name]] if own[name] >= 0 else None for name, texts in labels.items()}
    estimator = list(ESTIMATOR_LABELS)[own["estimator"]]
    choices = [f"{name}: {named[name]}" for name in inner if named[name]]
    return {
        "i": place,
        **named,
        "choices": [*choices, f"{GATE}: through"] if own["gate"] else choices,
        "estimator": ESTIMATOR_LABELS[estimator],
        "matching": estimator == "matched",
        **{name: own[name] for name in COPIED},
        **{
            name: None if own[name] is None or own[name] < 0 else own[name] for name in ("patients", "events")
        },
        "caution": own["caution"] or "none",
        "gate": bool(own["gate"]),
        "primary": bool(own["primary"]),
        "side": SIDES[own["side"]],
    }


def share_rows(attribution: pd.DataFrame, specifications: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return what moves the answer in the primary block; the page computes the same for the analyses kept."""
    return [
        {
            "estimator": ESTIMATOR_LABELS[name],
            "term": term_words(study, term),
            "share": share,
            "kind": kind_of_share(term),
            "text": share_words(share),
        }
        for name in estimators_present(headline(specifications, study))
        for term, share in first_order(attribution, study, name).items()
    ]


def _complete(chart: Chart, study: Study, rows: Mapping[str, list[dict[str, Any]]]) -> Spec:
    text = json.dumps(light(chart.spec))
    room = max(ROOM, chart.least)
    text = re.sub(r'"width": "@(\d+):(\d+)"', lambda found: f'"width": {_width(found, room)}', text)
    spec = json.loads(text)
    used = {name: rows[name] for name in rows if f'{{"name": "{name}"}}' in text}
    note = {"subtitle": ORIGIN_NOTES[study.source]} if study.source in ORIGIN_NOTES else {}
    title = {"text": chart.title, **note, "anchor": "start", "fontSize": 15, "subtitleFontSize": 11}
    return spec | {
        "title": title
        | {"offset": 14, "subtitlePadding": 4, "subtitleColor": spec["config"]["text"]["color"]},
        "datasets": used,
        "padding": 14,
    }


def _width(found: re.Match[str], room: int) -> int:
    """Return what the page makes of a `theme.width` in so much room."""
    share, reserved = int(found[1]), int(found[2])
    return max(40, math.floor((room - reserved) / share))
