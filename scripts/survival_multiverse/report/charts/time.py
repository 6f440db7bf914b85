"""Charts in time: the arms of a scenario, and the landmarks."""

import json
from typing import Any

from survival_multiverse.report.charts.estimate_words import interval_tips, row_titles
from survival_multiverse.report.charts.theme import (
    HALO,
    HIGHER,
    INK,
    LOWER,
    MUTED,
    Spec,
    cautioned,
    colours,
    dots,
    estimates,
    levels,
    nominal,
    published_symbols,
    published_ticks,
    ratio,
    reference,
    tip,
    values,
    vega_lite,
    whiskers,
    width,
)
from survival_multiverse.report.style.formats import display_label
from survival_multiverse.report.words.measures import MeasureWords

LANDMARK_HEIGHT, LANDMARK_NAMES = 132, 165
"""Height of a chart of landmarks and room for the estimators' names, in pixels."""
COUNTS_ROOM = 0.28
"""Room for the patients below the intervals, as a share of the range of the estimates."""
IMMORTAL_NAMES, IMMORTAL_COUNTS, IMMORTAL_RATIOS = 190, 105, 130
"""Of the chart of immortal time, in pixels: room for the names, the counts and the ratios."""
LANDMARK_ORDERS = {
    "first": "Matched before the landmark, or not at all",
    "once": "Matched before the landmark, or not at all",
    "after": "Matched among those left at it",
}
"""Places of the estimates at a landmark, from the left, with their words; of matched ones there are two."""


def arms_spec(label: str, unit: str, *, printed: bool) -> Spec:
    """Draw coarsened survival curves of a scenario that the reader opens; the page gives the rows.

    `printed`: some of them hold a published rate.
    """
    # The higher dose comes first in the rows, so that it has the first colour.
    arm = {"field": "arm", "type": "nominal", "sort": None, "legend": {"title": None}}
    time = {"title": display_label("Time", unit), "grid": False}
    x = {"field": "time", "type": "quantitative", "axis": time}
    y = {"type": "quantitative", "scale": {"domain": [0, 1]}}
    y |= {"axis": {"title": label, "format": ".0%", "tickCount": 5}}
    tips = [tip("arm", "Arm"), tip("time", display_label("Time", unit), ".1f")]
    curves = {
        "transform": [{"filter": "isValid(datum.survival)"}],
        "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2},
        "encoding": {
            "x": x,
            "y": y | {"field": "survival"},
            "color": {**arm, "scale": {"range": [HIGHER, LOWER]}},
            "strokeDash": {**arm, "scale": {"range": [[1, 0], [5, 2]]}},
            "tooltip": [*tips, tip("survival", label, ".0%"), tip("risk", "At risk")],
        },
    }
    rates = published_symbols({"x": x, "y": y | {"field": "published"}}, tips=tips, form=".1%")
    return vega_lite(
        data={"name": "km"}, width=width(1, 90), height=210, layer=[curves, *([rates] if printed else [])]
    )


def immortal_spec(
    rows: list[dict[str, Any]],
    others: list[dict[str, Any]],
    *,
    names: list[str],
    credits: tuple[str, str],
    limits: tuple[float, float],
    percent: str,
) -> Spec:
    """Draw the ways to deal with the time before treatment under each other, the naive one in a colour.

    `rows`, of the primary scenario, hold name, estimand, credit (one of `credits`, the naive one first),
    estimate, ci_lower, ci_upper, text and counts; `others`, the other analyses, name, credit, options, the
    estimate with its interval, and `same`: whether they answer the primary question.
    """
    x = ratio("estimate", limits, "Hazard ratio of treatment")
    y = levels("name", names, axis={"title": None, "labelLimit": IMMORTAL_NAMES, "grid": False})
    estimates = [tip("name", "Way"), tip("estimate", "Hazard ratio", ".2f")]
    estimates += [tip("ci_lower", "CI from", ".2f"), tip("ci_upper", "to", ".2f")]
    tips = [*estimates, tip("counts", "Patients, events"), tip("estimand", "Compares")]
    colour = colours("credit", dict(zip(credits, (LOWER, INK), strict=True)))
    shape = colour | {"scale": {"domain": list(credits), "range": ["diamond", "square"]}}
    shared = {"y": y, "color": colour, "tooltip": tips}
    edge, above = {"value": "width"}, -7 if others else 0
    layers = [reference("x", 1)]
    if others:
        far = {"condition": {"test": "datum.same", "value": 0.75}, "value": 0.38}
        beside = {"x": x, "y": y, "color": colour, "opacity": far}
        mark = {"type": "circle", "size": 30, "yOffset": 8, "clip": True}
        tipped = {"tooltip": [*estimates, tip("options", "Analysis")]}
        layers.append({"data": values(others), "mark": mark, "encoding": beside | tipped})
    layers += [
        whiskers(x, shared, along="x", strokeWidth=2, yOffset=above),
        dots(shared | {"x": x, "shape": shape}, size=80, yOffset=above),
    ]
    for field, title, end in (
        ("counts", "Patients, events", IMMORTAL_COUNTS),
        ("text", f"HR ({percent} CI)", IMMORTAL_COUNTS + IMMORTAL_RATIOS),
    ):
        mark = {"type": "text", "align": "right", "dx": end, "aria": False}
        layers.append({"mark": mark, "encoding": {"x": edge, "y": y, "text": {"field": field}}})
        once = [{"aggregate": [{"op": "count", "as": "rows"}]}]
        head = {"x": edge, "y": {"value": -8}}
        layers.append(
            {"transform": once, "mark": {**mark, "text": title, "fontWeight": "bold"}, "encoding": head}
        )
    return vega_lite(
        data=values(rows),
        width=width(1, IMMORTAL_NAMES + IMMORTAL_COUNTS + IMMORTAL_RATIOS + 20),
        height={"step": 38 if others else 26},
        layer=layers,
    )


def _above_counts(words: MeasureWords, limits: tuple[float, float]) -> Spec:
    """Encode estimates above room for the counts of patients: without ticks there."""
    low, high = limits
    ratios = words.measure.ratio
    least = low * (low / high) ** COUNTS_ROOM if ratios else low - COUNTS_ROOM * (high - low)
    y = estimates(words, "estimate", (least, high), row_titles(words)[0])
    if ratios:
        y["axis"] |= {"values": [tick for tick in y["axis"]["values"] if tick >= low]}
    else:
        free = f"datum.value < {low:.6g}"
        opacity = {"condition": {"test": free, "value": 0}, "value": 1}
        y["axis"] |= dict.fromkeys(("tickOpacity", "gridOpacity"), opacity)
        y["axis"] |= {"labelExpr": f"{free} ? '' : {y['axis']['labelExpr']}"}
    return y


def landmark_spec(
    rows: list[dict[str, Any]],
    named: MeasureWords,
    *,
    sets: list[str],
    estimators: list[str],
    limits: tuple[float, float],
    title: str,
) -> Spec:
    """Draw estimates beyond each landmark in the primary scenario: estimators down, sets across.

    `rows` hold set, landmark, estimator, order, estimate, ci_lower, ci_upper, patients, events, risk,
    caution and published.
    """
    landmarks = sorted({float(row["landmark"]) for row in rows})
    x = levels("landmark", landmarks, axis={"title": title, "labelAngle": 0}, scale={"paddingInner": 0.4})
    x |= {"type": "ordinal"}
    y = _above_counts(named, limits)
    tips = [tip("words", "Order"), tip("landmark", title), *interval_tips(named)]
    tips += [tip("patients", "Patients"), tip("events", "Events")]
    words = list(dict.fromkeys(LANDMARK_ORDERS.values()))
    both = len({str(row["order"]) for row in rows} - {"once"}) > 1
    colour = colours("words", dict(zip(words, (INK, HIGHER), strict=True)))
    shape = colour | {"scale": {"domain": words, "range": ["circle", "diamond"]}}
    place = {"field": "order", "type": "nominal", "scale": {"domain": list(LANDMARK_ORDERS)}}
    for entry in (colour, shape):
        entry["legend"] = {"title": None} if both else None
    across = {"x": x, "xOffset": place}
    shared = {**across, "color": colour, "tooltip": tips}
    marked = {**across, "y": y | {"field": "published"}}
    counts = {"type": "text", "color": MUTED, "aria": False, "baseline": "bottom", **HALO}
    layers = [
        reference("y", named.measure.null),
        whiskers(y, shared, strokeWidth=1.4),
        dots({**shared, "y": y, "shape": shape}, size=40),
        cautioned({**across, "y": y}, dx=8),
        *published_ticks(rows, marked, across="horizontal"),
        {
            "transform": [{"filter": "isValid(datum.risk)"}],
            "mark": counts,
            "encoding": {"x": x, "y": {"value": LANDMARK_HEIGHT - 3}, "text": {"field": "risk"}},
        },
    ]
    head = {
        "title": row_titles(named)[1],
        "labelAngle": 0,
        "labelAlign": "left",
        "labelLimit": LANDMARK_NAMES,
    }
    return vega_lite(
        data=values(rows),
        transform=[{"calculate": f"{json.dumps(LANDMARK_ORDERS)}[datum.order]", "as": "words"}],
        facet={
            "row": nominal("estimator", estimators, header=head),
            "column": nominal("set", sets, header={"title": None}),
        },
        spacing={"row": 12, "column": 22},
        spec={
            "width": width(len(sets), LANDMARK_NAMES + 70 + 22 * (len(sets) - 1)),
            "height": LANDMARK_HEIGHT,
            "layer": layers,
        },
    )
