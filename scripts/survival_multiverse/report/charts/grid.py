"""Charts over the axes of the grid: the surface, the caliper's trade, the order of ties, the shares."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from survival_multiverse.report.charts.contrasts import exposure_decision, told_by_cutoff
from survival_multiverse.report.charts.estimate_words import axis_title, number
from survival_multiverse.report.charts.page_data import (
    ADJUSTED_FOR,
    axis_labels,
    choice_names,
    field,
    has_gaps,
    primary_place,
)
from survival_multiverse.report.charts.specification import (
    chosen_of,
    every_cell,
    keeping,
    kept,
    published_layers,
    ranked,
    same_question,
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
    estimates,
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
from survival_multiverse.report.words.labels import arm_labels
from survival_multiverse.report.words.measures import MeasureWords, measure_words
from survival_multiverse.scenario.cautions import MARK
from survival_multiverse.settings.study import Decision, Study

REACH = math.log(2)
"""Hazard ratios of 1/2 and 2 have the full colour, and so has P = 0.001."""
PANEL = 190
"""Height of the charts of the caliper and of the order of equal scores, in pixels."""
LEVEL = 6
"""Most options whose labels have room beside each other under a map."""
LEAST_CELLS = 4
"""One in so many cells has to exist."""


@dataclass(frozen=True, slots=True)
class MapLayout:
    """Which decisions a map is over.

    Attributes
    ----------
    x, y
        Across and up.
    columns
        One map beside the other for each of its options, or None.
    rows
        Large maps for its primary option, small ones for the others; or None.
    chosen
        Further decisions that make a question: the page's controls choose one option.
    fixed
        Further decisions within a question: the primary option alone is shown.
    """

    x: Decision
    y: Decision
    columns: Decision | None
    rows: Decision | None
    chosen: tuple[Decision, ...]
    fixed: tuple[Decision, ...]


def map_layout(study: Study) -> MapLayout | None:
    """Return what the maps are over: exposure and size, then numbers, then names; None without two."""
    several = [decision for decision in study.decisions.values() if len(decision.values) > 1]
    first = [study.decision_of("dose"), study.decision_of("gtv")]
    ordered = sorted(
        several, key=lambda own: (own not in first, first.index(own) if own in first else 0, not own.numeric,
                                  -len(own.values))
    )  # fmt: skip
    if len(ordered) < 2:
        return None
    x, y, *others = ordered
    caliper = study.decision_of("caliper")
    inside = [own for own in others if own.name in study.inside]
    rows = caliper if caliper in others else next(iter(inside), None)
    apart = [own for own in others if own is not rows and own.name in study.outside]
    fixed = tuple(own for own in inside if own is not rows)
    return MapLayout(x, y, next(iter(apart), None), rows, tuple(apart[1:]), fixed)


def enough_cells(study: Study, layout: MapLayout) -> bool:
    """Return whether the large maps have at least a quarter of their cells: few show no pattern."""
    names, primary = list(study.decisions), dict(zip(study.decisions, study.primary, strict=True))
    shown = [own for own in (layout.x, layout.y, layout.columns) if own]
    of_primary = [own.name for own in (layout.rows, *layout.fixed) if own]
    cells = {
        tuple(scenario[names.index(own.name)] for own in shown)
        for scenario in study.grid
        if all(scenario[names.index(name)] == primary[name] for name in of_primary)
    }
    return LEAST_CELLS * len(cells) >= math.prod(len(own.values) for own in shown)


def surface_spec(study: Study, layout: MapLayout, reach: float = REACH) -> Spec:
    """Draw matched estimates, or P, over two decisions, a map for each option of a third.

    The maps of the primary option of a fourth are large and hold the numbers; those of the others are small.
    Cells that the grid lacks stay empty. An effect of `reach` has the full colour: of a ratio its logarithm.
    """
    labels, words = axis_labels(study), measure_words(study)
    towards = "<" if words.measure.longer < 0 else ">"
    effect = "log(datum.estimate)" if words.measure.ratio else "-datum.estimate"
    tone = (
        f"cells == 'p' ? (datum.estimate {towards} {words.null} ? -1 : 1)"
        " * min(1, -log(max(datum.p_value, 1e-6)) / log(10) / 3)"
        f" : max(-1, min(1, {effect} / {reach:.6g}))"
    )
    estimable = "isValid(datum.estimate)"
    p_value = "datum.p_value < 0.001 ? '<.001' : format(datum.p_value, '.3f')"
    written = f"cells == 'p' ? {p_value} : {number(words, 'datum.estimate')}"
    columns = labels[layout.columns.name] if layout.columns else [""]
    shared = {"width": width(len(columns), 150 + 8 * len(columns))}
    across, up = labels[layout.x.name], labels[layout.y.name][::-1]
    axis = {"title": layout.x.label, "labelAngle": 0 if len(across) <= LEVEL else -45}
    x = levels(field(layout.x.name), across, axis=axis)
    y = levels(field(layout.y.name), up, axis={"title": None})
    legend = _legend(words, reach)
    numbered = [*_cells(study, x, y, legend), *_numbers(x, y)]
    chosen = {"filter": chosen_of(study, ADJUSTED_FOR, *(own.name for own in layout.chosen))}
    large: Spec = {
        **shared,
        "height": {"step": 24},
        "layer": [*kept(study, numbered, chosen), *_frames(study, x, y)],
    }
    small_x, small_y = ({**axis, "axis": None} for axis in (x, y))
    cells = kept(study, _cells(study, small_x, small_y, legend), chosen)
    small: Spec = {**shared, "height": {"step": 9}, "layer": cells}
    views = _maps(study, layout, large, small)
    of_primary = [
        {"filter": f"datum.{field(own.name)} == {json.dumps(_primary_label(study, own), ensure_ascii=False)}"}
        for own in layout.fixed
    ]
    return vega_lite(
        data={"name": "specs"},
        transform=[
            {"filter": "datum.matching"},
            *of_primary,
            {"calculate": f"{estimable} ? {tone} : null", "as": "tone"},
            {
                "calculate": f"!{estimable} ? '–' : ({written}) + (datum.caution == 'none' ? '' : '{MARK}')",
                "as": "shown",
            },
        ],
        vconcat=views,
    )


def _maps(study: Study, layout: MapLayout, large: Spec, small: Spec) -> list[Spec]:
    """Lay the maps out: large ones, and small ones beneath them if there are others."""
    labels, facet = axis_labels(study), {}
    columns = layout.columns
    if columns:
        facet["column"] = nominal(field(columns.name), labels[columns.name], header={"title": columns.label})

    def whole(*beside: str) -> list[Spec]:
        gaps = columns and has_gaps(study)
        return [every_cell(columns, labels[columns.name], *beside)] if columns and gaps else []

    if layout.rows is None:
        steps = whole()
        return [({"transform": steps} if steps else {}) | _faceted(large, facet, 8)]
    name, title = field(layout.rows.name), layout.rows.label
    primary = _primary_label(study, layout.rows)
    others = [label for label in labels[layout.rows.name] if label != primary]
    head: Spec = {"title": title, "labelOrient": "left", "labelAngle": 0}
    beneath = {key: {**entry, "header": None} for key, entry in facet.items()}
    beneath["row"] = nominal(name, others, header=head)
    test = json.dumps(primary, ensure_ascii=False)
    return [
        {"transform": [{"filter": f"datum.{name} == {test}"}, *whole()], **_faceted(large, facet, 8)},
        {"transform": [{"filter": f"datum.{name} != {test}"}, *whole(name)], **_faceted(small, beneath, 6)},
    ]


def _faceted(view: Spec, facet: Spec, spacing: int) -> Spec:
    return {"facet": facet, "spacing": spacing, "spec": view} if facet else view


def _primary_label(study: Study, decision: Decision) -> str:
    return axis_labels(study)[decision.name][primary_place(study, decision.name)]


def _legend(words: MeasureWords, reach: float) -> str:
    """Return the expression of the labels of the colours: P values, or estimates."""
    p_value = "'P = ' + format(pow(10, -3 * abs(datum.value)), '.1r')"
    if words.measure.ratio:
        shown = f"'HR ' + {number(words, f'exp(datum.value * {reach:.6g})')}"
    else:
        shown = f"datum.value == 0 ? '0' : {number(words, f'(-{reach:.6g} * datum.value)')}"
    return f"cells == 'p' ? (datum.value == 0 ? 'P = 1' : {p_value}) : {shown}"


def _cells(study: Study, x: Spec, y: Spec, legend: str) -> list[Spec]:
    colour = {
        "field": "tone",
        "type": "quantitative",
        "scale": {"domain": [-1, 0, 1], "range": [BLUE, "#f4f4f1", VERMILION], "interpolate": "lab"},
        "legend": {
            "title": _favoured(study),
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


def _favoured(study: Study) -> str:
    """Say which colour favours whom: one pair of arms, or the first and the second of each comparison."""
    if told_by_cutoff(study):
        return "at or above the cutoff favoured ← → below it favoured"
    low, high = arm_labels(study) if exposure_decision(study) is None else ("the second", "the first")
    return f"{high} favoured ← → {low} favoured"


def _numbers(x: Spec, y: Spec) -> list[Spec]:
    """Write the number into each cell, bold where the interval excludes 1."""
    colour = {
        "condition": [
            {"test": "!isValid(datum.estimate)", "value": MUTED},
            {"test": "datum.tone > 0.75 || datum.tone < -0.6", "value": "#ffffff"},
        ],
        "value": "#1f2329",
    }
    mark = {"type": "text", "fontSize": 11, "cursor": "pointer", "limit": 40, "aria": False}
    excludes = "isValid(datum.estimate) && datum.side != 'includes'"
    return [
        {
            "transform": [{"filter": test}],
            "mark": mark | {"fontWeight": weight},
            "encoding": {"x": x, "y": y, "text": {"field": "shown"}, "color": colour},
        }
        for test, weight in ((excludes, "bold"), (f"!({excludes})", "normal"))
    ]


def _frames(study: Study, x: Spec, y: Spec) -> list[Spec]:
    """Outline the primary scenario; with a rim, if its estimate was published."""
    lines = [(5, PUBLISHED)] if "matched" in study.published_estimates else []
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
    caliper: Decision,
    *,
    limits: tuple[float, float],
    printed: Mapping[str, Mapping[str, float]],
) -> Spec:
    """Draw what a caliper gains in balance and loses in patients, and what it does to the estimate.

    A line joins the analyses that differ in the caliper alone. `printed` holds a paper's largest |SMD|
    (`smd`) and share matched (`matched`), by estimator.
    """
    labels = axis_labels(study)
    x = levels(
        field(caliper.name),
        labels[caliper.name],
        axis={"title": "Caliper, SD of the logit", "labelAngle": 0, "labelOverlap": True},
    )
    colour = set_colours(labels[ADJUSTED_FOR])
    lines = [{"field": field(name)} for name in choice_names(study) if name != caliper.name]
    detail: Any = lines[0] if len(lines) == 1 else lines
    others = chosen_of(study, *(name for name in study.outside if name != caliper.name))

    def panel(y: Spec, lines: list[Spec], published: list[Spec], *more: Spec) -> Spec:
        shared = {
            "x": x,
            "y": y,
            "color": colour,
            **({"detail": detail} if detail else {}),
            "tooltip": tooltip(study),
        }
        path = {"mark": {"type": "line", "opacity": 0.55, "strokeWidth": 1.3}, "encoding": shared}
        points = dots(shared, size=26, cursor="pointer")
        marked = primary_marks(shared | {"color": {"value": INK}})
        layers = [*lines, *published[:1], path, points, marked, *more, *published[1:]]
        return {"width": width(3, 230), "height": PANEL, "layer": layers}

    gates = [line_at(gate, dash=True) for gate in study.analysis.balance_thresholds]
    axis = {"title": "Largest |SMD|, baseline", "format": ".2f", "tickCount": 6}
    balance = {"field": "smd", "type": "quantitative", "axis": axis}
    title = {"title": "Matched share of the smaller arm", "format": ".0%"}
    share = {"field": "matched_share", "type": "quantitative", "scale": {"domain": [0, 1]}, "axis": title}
    words = measure_words(study)
    right = estimates(words, "estimate", limits, axis_title(words, PANEL))
    return vega_lite(
        data={"name": "specs"},
        transform=[
            {"filter": " && ".join(filter(None, [others, "datum.matching", "isValid(datum.estimate)"]))},
            keeping(study),
        ],
        spacing=28,
        hconcat=[
            panel(balance, gates, published_layers(study, printed["smd"], first, balance)),
            panel(share, [], published_layers(study, printed["matched"], first, share, form=".0%")),
            panel(
                right,
                [line_at(words.measure.null)],
                published_layers(study, study.published_estimates, first, right),
                cautioned({"x": x, "y": right}, dx=8),
            ),
        ],
    )


def ties_spec(study: Study, first: dict[str, Any], *, limits: tuple[float, float]) -> Spec:
    """Draw the matched hazard ratios of a block, with what other orders of equal scores would give."""
    rank = rank_axis()
    y = ratio("estimate", limits, "Hazard ratio")
    tips = [*tooltip(study), tip("orders_from", "Other orders from", ".2f"), tip("orders_to", "to", ".2f")]
    points = {"x": rank, "y": y, "tooltip": tips}
    published = published_layers(study, study.published, first, y)
    return vega_lite(
        data={"name": "specs"},
        transform=[
            {"filter": f"{same_question(study)} && datum.matching && isValid(datum.estimate)"},
            keeping(study),
            ranked(study),
        ],
        width=width(1, 70),
        height=PANEL,
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


def attribution_spec(estimators: list[str], data: Spec, *, intervals: bool = False) -> Spec:
    """Draw shares of the spread by choice and by choices together, with `intervals` if rows have limits."""
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
    words: Spec = {
        "mark": {"type": "text", "align": "left", "dx": 4, "fontSize": 11},
        "encoding": {"y": y, "x": x, "text": {"field": "text"}},
    }
    layers: list[Spec] = [bars, words]
    if intervals:
        tips += [tip("share_lower", "CI from", ".1%"), tip("share_upper", "CI to", ".1%")]
        words["transform"] = [{"calculate": "max(datum.share, datum.share_upper || 0)", "as": "end"}]
        words["encoding"] = {"y": y, "x": x | {"field": "end"}, "text": {"field": "text"}}
        ends = {"x": x | {"field": "share_lower"}, "x2": {"field": "share_upper"}}
        limits = {"mark": {"type": "rule", "color": INK, "strokeWidth": 1.4}, "encoding": {"y": y, **ends}}
        layers = [bars, {"transform": [{"filter": "isValid(datum.share_lower)"}], **limits}, words]
    return vega_lite(
        data=data,
        facet={"column": nominal("estimator", estimators, header={"title": None})},
        spacing=18,
        spec={
            "width": width(len(estimators), 350 + 18 * len(estimators)),
            "height": {"step": 22},
            "layer": layers,
        },
    )
