"""Charts of comparability: love plots, overlap of the propensity scores, balance over all scenarios."""

import json
from collections.abc import Mapping
from itertools import cycle
from typing import Any

from survival_multiverse.inference.specification_summary import GATED
from survival_multiverse.report.charts.specification import tooltip
from survival_multiverse.report.charts.theme import (
    ESTIMATOR_COLOURS,
    HIGHER,
    LOWER,
    MUTED,
    Spec,
    colours,
    levels,
    nominal,
    primary_marks,
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


OF_PAPER = ", published"
"""What the legend adds to a stage for the symbols of published numbers."""
LANE = 8
"""Height in pixels of the lane that each kind of mark has within a covariate's row."""


def love_layers(
    names: list[str], gates: tuple[float, ...], by_stage: dict[str, str], *, room: int, printed: set[str]
) -> list[Spec]:
    """Draw absolute standardised differences by covariate, each kind of mark in a lane of its own.

    Parameters
    ----------
    names
        Covariates, from the top.
    gates
        Limits of balance, drawn as lines.
    by_stage
        Stages with their colours; published numbers have the same symbols, hollow.
    room
        For the names, in pixels.
    printed
        Stages of which some rows hold a published difference.
    """
    kinds = _kinds(by_stage, printed)
    axis = {"title": None, "grid": True, "tickBand": "extent", "ticks": False, "labelLimit": room}
    tips = [tip("name", "Covariate"), tip("kind", "Stage"), tip("value", "|SMD|", ".3f")]
    points: dict[str, Any] = {
        "transform": [
            {"calculate": f"datum.stage + (isValid(datum.published) ? '{OF_PAPER}' : '')", "as": "kind"},
            {"calculate": "isValid(datum.published) ? datum.published : datum.smd", "as": "value"},
        ],
        "mark": {"type": "point", "size": 36, "strokeWidth": 1.6, "opacity": 1},
        "encoding": {
            "y": levels("name", names, axis=axis, scale={"paddingInner": 0.14, "paddingOuter": 0.07}),
            "yOffset": {"field": "kind", "type": "nominal", "scale": {"domain": list(kinds)}},
            "x": {"field": "value", "type": "quantitative", "axis": {"title": "|SMD|", "tickCount": 5}},
            **_symbols(kinds),
            "tooltip": tips,
        },
    }
    return [*(reference("x", gate, dash=True) for gate in gates), points]


def _kinds(by_stage: dict[str, str], printed: set[str]) -> dict[str, tuple[str, str, str]]:
    """Return fill, stroke and shape of every kind of mark: a stage, and then what was published of it."""
    kinds = {}
    for stage, colour in by_stage.items():
        kinds[stage] = (colour, colour, SHAPES[stage])
        if stage in printed:
            kinds[stage + OF_PAPER] = ("transparent", PUBLISHED, SHAPES[stage])
    return kinds


def _symbols(kinds: dict[str, tuple[str, str, str]]) -> dict[str, Spec]:
    """Encode the kinds of marks by fill, stroke and shape, in one legend."""
    ranges = zip(*kinds.values(), strict=True)
    return {
        channel: {
            "field": "kind",
            "type": "nominal",
            "scale": {"domain": list(kinds), "range": list(found)},
            "legend": {"title": None, "columns": 4},
        }
        for channel, found in zip(("fill", "stroke", "shape"), ranges, strict=True)
    }


def love_spec(
    rows: list[dict[str, Any]], names: list[str], sets: list[str], gates: tuple[float, ...]
) -> Spec:
    """Draw the love plots of the primary scenario, one for each adjustment set."""
    present = {str(row["stage"]) for row in rows}
    by_stage = {label: ESTIMATOR_COLOURS[name] for name, label in STAGES.items() if label in present}
    printed = {str(row["stage"]) for row in rows if row.get("published") is not None}
    lanes = len(_kinds(by_stage, printed))
    return vega_lite(
        data=values(rows),
        facet={"column": nominal("set", sets, header={"title": None})},
        spacing=22,
        spec={
            "width": width(len(sets), 320),
            "height": LANE * (lanes + 1) * len(names),
            "layer": love_layers(names, gates, by_stage, room=280, printed=printed),
        },
    )


def scenario_love_spec(names: list[str], gates: tuple[float, ...], *, printed: bool) -> Spec:
    """Draw the love plot of a scenario that the reader opens; the page gives the rows, `printed` ones too."""
    by_stage = {STAGES["unadjusted"]: MUTED, AFTER: HIGHER}
    marked = set(by_stage) if printed else set()
    layers = love_layers(names, gates, by_stage, room=280, printed=marked)
    kinds = list(_kinds(by_stage, marked))
    if printed:
        # Few scenarios were published: of the others the legend says nothing of it.
        some = "isValid(extent(pluck(data('love'), 'published'))[0])"
        shown = {"expr": f"{some} ? {json.dumps(kinds)} : {json.dumps(list(by_stage))}"}
        for channel in ("fill", "stroke", "shape"):
            layers[-1]["encoding"][channel]["legend"]["values"] = shown
    height = LANE * (len(kinds) + 1) * len(names)
    return vega_lite(data={"name": "love"}, width=width(1, 250), height=height, layer=layers)


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
        spec={"width": width(len(sets), 110), "height": 120, "layer": [bars, reference("y", 0)]},
    )


def _classes(title: str, axis: Spec) -> Spec:
    """Encode classes from `lower` to `upper`."""
    x = {"field": "lower", "bin": "binned", "type": "quantitative", "axis": {"title": title, **axis}}
    return {"x": x, "x2": {"field": "upper"}}


def smd_spec(study: Study, labels: dict[str, list[str]], printed: Mapping[str, float]) -> Spec:
    """Draw the largest |SMD| of every analysis; diamonds: primary scenario.

    `printed` holds the largest of a paper, by estimator.
    """
    tips = [tip("estimator", "Estimator"), tip("adjustment_set", "Adjusted for"), tip("lower", "From", ".2f")]
    tips += [tip("upper", "to", ".2f"), tip("count", "Analyses", ",d")]
    kinds = set_colours(labels["adjustment_set"])
    x = _classes("Largest |SMD| of the baseline covariates", {"tickCount": 8})
    x["x"]["scale"] = {"zero": True}
    axis = {"title": "Analyses", "tickCount": 3, "tickMinStep": 1, "format": ",d"}
    count = {"field": "count", "type": "quantitative", "axis": axis}
    bars = {
        "transform": [
            {"bin": {"step": 0.05}, "field": "smd", "as": ["lower", "upper"]},
            {
                "aggregate": [{"op": "count", "as": "count"}],
                "groupby": ["estimator", "adjustment_set", "lower", "upper"],
            },
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
            "layer": [bars, *gates, *_printed_largest(printed), marked],
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
