"""Charts of comparability: love plots, overlap of the propensity scores, balance over all scenarios."""

import json
from collections.abc import Mapping
from itertools import cycle
from typing import Any

from survival_multiverse.inference.specification_summary import GATED
from survival_multiverse.report.charts.specification import kept, tooltip
from survival_multiverse.report.charts.theme import (
    ESTIMATOR_COLOURS,
    HIGHER,
    LOWER,
    MUTED,
    Spec,
    colours,
    has_published,
    levels,
    nominal,
    primary_marks,
    published_symbols,
    reference,
    set_colours,
    tip,
    values,
    vega_lite,
    width,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.style.palette import PUBLISHED
from survival_multiverse.settings.study import Study

STAGES = {"unadjusted": "Before"} | {name: ESTIMATOR_LABELS[name] for name in GATED}
_SYMBOLS = ("circle", "diamond", "square", "triangle-up", "triangle-down", "cross", "triangle-right")
SHAPES = dict(zip(STAGES.values(), cycle(_SYMBOLS), strict=False))
AFTER = "After"
"""The other stage of a single analysis, whichever estimator it has."""
SHAPES[AFTER] = SHAPES[STAGES["matched"]]


def love_layers(
    names: list[str], gates: tuple[float, ...], by_stage: dict[str, str], *, room: int, printed: bool
) -> tuple[list[Spec], list[Spec]]:
    """Draw absolute standardised differences by covariate, a symbol per stage; first the gates, as lines.

    `by_stage` holds the stages with their colours; the names have so much `room` in pixels; `printed`: some
    rows hold a published difference.
    """
    colour = colours("stage", by_stage)
    shape = {
        "field": "stage",
        "type": "nominal",
        "scale": {"domain": list(by_stage), "range": [SHAPES[stage] for stage in by_stage]},
        "legend": {"title": None},
    }
    rules = [reference("x", gate, dash=True) for gate in gates]
    tips = [tip("name", "Covariate"), tip("stage", "Stage")]
    points: dict[str, Any] = {
        "mark": {"type": "point", "filled": True, "size": 60, "opacity": 0.9},
        "encoding": {
            "y": levels("name", names, axis={"title": None, "grid": True, "labelLimit": room}),
            "x": {"field": "smd", "type": "quantitative", "axis": {"title": "|SMD|", "tickCount": 5}},
            "color": colour,
            "shape": shape,
            "tooltip": [*tips, tip("smd", "|SMD|", ".3f")],
        },
    }
    if not printed:
        return rules, [points]
    place = {"y": points["encoding"]["y"], "shape": shape}
    place["x"] = points["encoding"]["x"] | {"field": "published"}
    return rules, [points, published_symbols(place, tips=tips, form=".3f")]


def love_spec(
    rows: list[dict[str, Any]], names: list[str], sets: list[str], gates: tuple[float, ...]
) -> Spec:
    """Draw the love plots of the primary scenario, one for each adjustment set."""
    present = {str(row["stage"]) for row in rows}
    by_stage = {label: ESTIMATOR_COLOURS[name] for name, label in STAGES.items() if label in present}
    rules, points = love_layers(names, gates, by_stage, room=280, printed=has_published(rows))
    return vega_lite(
        data=values(rows),
        facet={"column": nominal("set", sets, header={"title": None})},
        spacing=22,
        spec={
            "width": width(len(sets), 320),
            "height": {"step": 19},
            "layer": [*rules, *kept(points)],
        },
    )


def scenario_love_spec(names: list[str], gates: tuple[float, ...], *, printed: bool) -> Spec:
    """Draw the love plot of a scenario that the reader opens; the page gives the rows, `printed` ones too."""
    by_stage = {STAGES["unadjusted"]: MUTED, AFTER: HIGHER}
    rules, points = love_layers(names, gates, by_stage, room=280, printed=printed)
    size = {"width": width(1, 250), "height": {"step": 18}}
    return vega_lite(data={"name": "love"}, **size, layer=[*rules, *points])


def overlap_spec(rows: list[dict[str, Any]], sets: list[str], arms: tuple[str, str]) -> Spec:
    """Draw patients by class of the propensity score, the higher dose above the line and the lower below."""
    axis = {"title": "Patients", "tickCount": 5, "labelExpr": "format(abs(datum.value), 'd')"}
    tips = [tip("arm", "Arm"), tip("lower", "Score from", ".2f"), tip("upper", "to", ".2f")]
    tips.append(tip("text", "Patients"))
    encoding = _classes("Propensity score", {"tickCount": 5, "format": ".1f"}) | {
        "y": {"field": "height", "type": "quantitative", "stack": None, "axis": axis},
        "color": colours("arm", {arms[1]: HIGHER, arms[0]: LOWER}),
        "opacity": {"condition": {"test": "datum.hidden", "value": 0.35}, "value": 1},
        "tooltip": tips,
    }
    encoding["x"]["scale"] = {"domain": [0, 1]}
    bars = {"mark": {"type": "bar", "binSpacing": 1}, "encoding": encoding}
    return vega_lite(
        data=values(rows),
        facet={
            "column": nominal("set", sets, header={"title": None}),
            "row": nominal("stage", ["Before matching", "Matched 1:1"], header={"title": None}),
        },
        spacing=18,
        spec={"width": width(len(sets), 110), "height": 120, "layer": [*kept([bars]), reference("y", 0)]},
    )


def _classes(title: str, axis: Spec) -> Spec:
    """Encode classes from `lower` to `upper`."""
    x = {"field": "lower", "bin": "binned", "type": "quantitative", "axis": {"title": title, **axis}}
    return {"x": x, "x2": {"field": "upper"}}


def smd_spec(study: Study, labels: dict[str, list[str]], printed: Mapping[str, float]) -> Spec:
    """Draw the largest |SMD| of the scenarios that the reader keeps; diamonds: primary scenario.

    `printed` holds the largest of a paper, by estimator.
    """
    tips = [tip("estimator", "Estimator"), tip("S", "Adjusted for"), tip("lower", "From", ".2f")]
    tips += [tip("upper", "to", ".2f"), tip("count", "Analyses", ",d")]
    kinds = set_colours(labels["S"])
    x = _classes("Largest |SMD| of the baseline covariates", {"tickCount": 8})
    x["x"]["scale"] = {"zero": True}
    axis = {"title": "Analyses", "tickCount": 3, "tickMinStep": 1, "format": ",d"}
    count = {"field": "count", "type": "quantitative", "axis": axis}
    bars = {
        "transform": [
            {"bin": {"step": 0.05}, "field": "smd", "as": ["lower", "upper"]},
            {"aggregate": [{"op": "count", "as": "count"}], "groupby": ["estimator", "S", "lower", "upper"]},
        ],
        "mark": {"type": "bar", "binSpacing": 1},
        "encoding": x | {"y": count, "color": kinds, "tooltip": tips},
    }
    place = {"field": "smd", "type": "quantitative"}
    marked = primary_marks({"x": place, "y": {"value": 66}, "tooltip": tooltip(study)}, size=90)
    gates = [reference("x", gate, dash=True) for gate in study.analysis.balance_thresholds]
    head = {"title": None, "labelAngle": 0, "labelAlign": "left"}
    return vega_lite(
        data={"name": "specs"},
        transform=[{"filter": "isValid(datum.smd)"}],
        facet={"row": nominal("estimator", list(ESTIMATOR_LABELS.values()), header=head)},
        resolve={"scale": {"y": "independent"}},
        spacing=10,
        spec={
            "width": width(1, 260),
            "height": 74,
            "layer": [*kept([bars]), *gates, *_printed_largest(printed), *kept([marked])],
        },
    )


def _printed_largest(printed: Mapping[str, float]) -> list[Spec]:
    """Draw a paper's largest |SMD|, dashed, beside those of its estimator."""
    if not printed:
        return []
    numbers = json.dumps({ESTIMATOR_LABELS[name]: value for name, value in printed.items()})
    at = [
        {"calculate": f"{numbers}[datum.estimator]", "as": "published"},
        {"aggregate": [{"op": "max", "field": "published", "as": "published"}]},
        {"filter": "isValid(datum.published)"},
    ]
    mark = {"type": "rule", "strokeDash": [7, 4], "strokeWidth": 1.6, "color": PUBLISHED}
    place = {"field": "published", "type": "quantitative"}
    tips = [tip("published", "Published, by the printed counts", ".2f")]
    return [{"transform": at, "mark": mark, "encoding": {"x": place, "tooltip": tips}}]
