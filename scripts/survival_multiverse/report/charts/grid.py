"""Charts over the axes of the grid: the surface, the caliper's trade, the order of ties, the shares."""

import json
import math
from collections.abc import Mapping
from typing import Any

from survival_multiverse.report.charts.specification import (
    CUTOFFS,
    KEPT,
    chosen_of,
    kept,
    published_layers,
    ranked,
    tooltip,
)
from survival_multiverse.report.charts.theme import (
    HIGHER,
    INK,
    MUTED,
    PAPER,
    Spec,
    cautioned,
    colours,
    dots,
    levels,
    line_at,
    nominal,
    primary_marks,
    rank_axis,
    ratio,
    set_colours,
    tip,
    vega_lite,
    whiskers,
    width,
)
from survival_multiverse.report.style.palette import BLUE, ORANGE, PUBLISHED, VERMILION
from survival_multiverse.scenario.cautions import MARK
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import AXES

REACH = math.log(2)
"""Hazard ratios of 1/2 and 2 have the full colour, and so has P = 0.001."""


def surface_spec(study: Study, labels: dict[str, list[str]], primary: str) -> Spec:
    """Draw matched hazard ratio, or P, over the cutoffs of exposure and volume, a map for each threshold.

    The maps of the `primary` caliper are large and hold the numbers; those of the others are small.
    """
    tone = (
        "measure == 'p' ? (datum.hazard_ratio < 1 ? -1 : 1)"
        " * min(1, -log(max(datum.p_value, 1e-6)) / log(10) / 3)"
        f" : max(-1, min(1, log(datum.hazard_ratio) / {REACH:.6f}))"
    )
    estimable = "isValid(datum.hazard_ratio)"
    p_value = "datum.p_value < 0.001 ? '<.001' : format(datum.p_value, '.3f')"
    number = f"measure == 'p' ? {p_value} : format(datum.hazard_ratio, '.2f')"
    others = [label for label in labels["caliper"] if label != primary]
    shared = {
        "width": width(len(labels["oligo_threshold"]), 150 + 8 * len(labels["oligo_threshold"])),
    }
    x = levels("dose_cutoff", labels["dose_cutoff"], axis={"title": study.dose.label, "labelAngle": 0})
    y = levels("gtv_cutoff", labels["gtv_cutoff"][::-1], axis={"title": None})
    small_x, small_y = ({**axis, "axis": None} for axis in (x, y))
    columns = nominal("oligo_threshold", labels["oligo_threshold"], header={"title": study.lesions.label})
    rows = nominal("caliper", others, header={"title": "Caliper", "labelOrient": "left", "labelAngle": 0})
    numbered = [*_cells(study, x, y), *_numbers(x, y)]
    large: Spec = {
        "transform": [{"filter": f"datum.caliper == {json.dumps(primary)}"}],
        "facet": {"column": columns},
        "spacing": 8,
        "spec": {
            **shared,
            "height": {"step": 24},
            "layer": [*kept(numbered, {"filter": chosen_of("adjustment_set")}), *_frames(study, x, y)],
        },
    }
    small: Spec = {
        "transform": [{"filter": f"datum.caliper != {json.dumps(primary)}"}],
        "facet": {"column": {**columns, "header": None}, "row": rows},
        "spacing": 6,
        "spec": {
            **shared,
            "height": {"step": 9},
            "layer": kept(_cells(study, small_x, small_y), {"filter": chosen_of("adjustment_set")}),
        },
    }
    return vega_lite(
        data={"name": "specs"},
        transform=[
            {"filter": "datum.matching"},
            {"calculate": f"{estimable} ? {tone} : null", "as": "tone"},
            {
                "calculate": f"!{estimable} ? '–' : ({number}) + (datum.caution == 'none' ? '' : '{MARK}')",
                "as": "shown",
            },
        ],
        vconcat=[large, small] if others else [large],
    )


def _cells(study: Study, x: Spec, y: Spec) -> list[Spec]:
    p_value = "'P = ' + format(pow(10, -3 * abs(datum.value)), '.1r')"
    ratios = f"'HR ' + format(exp(datum.value * {REACH:.6f}), '.2f')"
    legend = f"measure == 'p' ? (datum.value == 0 ? 'P = 1' : {p_value}) : {ratios}"
    colour = {
        "field": "tone",
        "type": "quantitative",
        "scale": {"domain": [-1, 0, 1], "range": [BLUE, "#f4f4f1", VERMILION], "interpolate": "lab"},
        "legend": {
            "title": "at or above the cutoff favoured ← → below it favoured",
            "values": [-1, -0.5, 0, 0.5, 1],
            "labelExpr": legend,
            "titleLimit": 600,
            "gradientLength": 280,
            "orient": "bottom",
        },
    }
    return [
        {
            "mark": {"type": "rect", "stroke": PAPER, "strokeWidth": 1, "cursor": "pointer"},
            "encoding": {"x": x, "y": y, "color": colour, "tooltip": tooltip(study)},
        }
    ]


def _numbers(x: Spec, y: Spec) -> list[Spec]:
    """Write the number into each cell, bold where the interval excludes 1."""
    colour = {
        "condition": [
            {"test": "!isValid(datum.hazard_ratio)", "value": MUTED},
            {"test": "datum.tone > 0.75 || datum.tone < -0.6", "value": "#ffffff"},
        ],
        "value": "#1f2329",
    }
    mark = {"type": "text", "fontSize": 11, "cursor": "pointer", "limit": 40, "aria": False}
    excludes = "isValid(datum.hazard_ratio) && datum.side != 'includes'"
    return [
        {
            "transform": [{"filter": test}],
            "mark": mark | {"fontWeight": weight},
            "encoding": {"x": x, "y": y, "text": {"field": "shown"}, "color": colour},
        }
        for test, weight in ((excludes, "bold"), (f"!({excludes})", "normal"))
    ]


def _frames(study: Study, x: Spec, y: Spec) -> list[Spec]:
    """Outline the primary scenario; with a rim, if its hazard ratio was published."""
    lines = [(5, PUBLISHED)] if "matched" in study.published else []
    return [
        {
            "transform": [{"filter": "datum.primary"}],
            "mark": {"type": "rect", "filled": False, "aria": False, "strokeWidth": width, "stroke": colour},
            "encoding": {"x": x, "y": y},
        }
        for width, colour in [*lines, (2, INK)]
    ]


def caliper_spec(
    study: Study,
    first: dict[str, Any],
    *,
    labels: dict[str, list[str]],
    limits: tuple[float, float],
    printed: Mapping[str, Mapping[str, float]],
) -> Spec:
    """Draw what a caliper gains in balance and loses in patients, and what it does to the hazard ratio.

    `printed` holds a paper's largest |SMD| (`smd`) and share matched (`matched`), by estimator.
    """
    x = levels(
        "caliper",
        labels["caliper"],
        axis={"title": "Caliper, SD of the logit", "labelAngle": 0, "labelOverlap": True},
    )
    colour = set_colours(labels["adjustment_set"])

    def panel(y: Spec, lines: list[Spec], published: list[Spec], *more: Spec) -> Spec:
        shared = {
            "x": x,
            "y": y,
            "color": colour,
            "detail": {"field": "gtv_cutoff"},
            "tooltip": tooltip(study),
        }
        path = {"mark": {"type": "line", "opacity": 0.55, "strokeWidth": 1.3}, "encoding": shared}
        points = dots(shared, size=26, cursor="pointer")
        marked = primary_marks(shared | {"color": {"value": INK}})
        layers = [*lines, *published[:1], path, points, marked, *more, *published[1:]]
        return {"width": width(3, 230), "height": 190, "layer": layers}

    gates = [line_at(gate, dash=True) for gate in study.analysis.balance_thresholds]
    axis = {"title": "Largest |SMD|, baseline", "format": ".2f", "tickCount": 6}
    balance = {"field": "smd", "type": "quantitative", "axis": axis}
    title = {"title": "Matched share of the smaller arm", "format": ".0%"}
    share = {"field": "matched_share", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": title}
    ratios = ratio("hazard_ratio", limits, "Hazard ratio")
    return vega_lite(
        data={"name": "specs"},
        transform=[
            {"filter": f"{chosen_of(*AXES[:2])} && datum.matching && isValid(datum.hazard_ratio)"},
            KEPT,
        ],
        spacing=28,
        hconcat=[
            panel(balance, gates, published_layers(printed["smd"], first, balance)),
            panel(share, [], published_layers(printed["matched"], first, share, form=".0%")),
            panel(
                ratios,
                [line_at(1)],
                published_layers(study.published, first, ratios),
                cautioned({"x": x, "y": ratios}, dx=8),
            ),
        ],
    )


def ties_spec(study: Study, first: dict[str, Any], *, limits: tuple[float, float]) -> Spec:
    """Draw the matched hazard ratios of a block, with what other orders of equal scores would give."""
    rank = rank_axis()
    y = ratio("hazard_ratio", limits, "Hazard ratio")
    tips = [*tooltip(study), tip("orders_from", "Other orders from", ".2f"), tip("orders_to", "to", ".2f")]
    points = {"x": rank, "y": y, "tooltip": tips}
    published = published_layers(study.published, first, y)
    return vega_lite(
        data={"name": "specs"},
        transform=[
            {"filter": f"{CUTOFFS} && datum.matching && isValid(datum.hazard_ratio)"},
            KEPT,
            ranked(),
        ],
        width=width(1, 70),
        height=190,
        layer=[
            line_at(1),
            *published[:1],
            whiskers(
                y,
                {"x": rank, "tooltip": tips},
                ends="orders_from orders_to",
                strokeWidth=5,
                opacity=0.4,
                color=MUTED,
            ),
            dots(points, size=26, color=INK),
            primary_marks(points),
            cautioned({"x": rank, "y": {"value": 184}}),
            *published[1:],
        ],
    )


def attribution_spec(estimators: list[str], data: Spec) -> Spec:
    """Draw shares of the spread by choice and by choices together."""
    largest = {"op": "max", "field": "share", "order": "descending"}
    y = {"field": "term", "type": "nominal", "sort": largest, "axis": {"title": None, "labelLimit": 300}}
    axis = {"title": "Share of the spread", "format": ".0%", "values": [0, 0.5, 1], "grid": True}
    # Beyond the whole there is room for its words.
    x = {"field": "share", "type": "quantitative", "scale": {"domain": [0, 1.3]}, "axis": axis}
    kinds = colours("kind", {"one choice alone": HIGHER, "only together": ORANGE, "no choice": MUTED})
    tips = [tip("term", "Choice"), tip("share", "Share", ".1%")]
    bars = {
        "mark": {"type": "bar", "cornerRadiusEnd": 2},
        "encoding": {"y": y, "x": x, "color": kinds, "tooltip": tips},
    }
    words = {
        "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11},
        "encoding": {"y": y, "x": x, "text": {"field": "text"}},
    }
    return vega_lite(
        data=data,
        facet={"column": nominal("estimator", estimators, header={"title": None})},
        spacing=18,
        spec={
            "width": width(len(estimators), 350 + 18 * len(estimators)),
            "height": {"step": 22},
            "layer": [bars, words],
        },
    )
