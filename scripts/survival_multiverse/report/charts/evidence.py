"""Charts of the evidence: interaction, unmeasured confounding, cutpoints, the joint test."""

import itertools
import math
from typing import Any

from survival_multiverse.report.charts.estimate_words import row_titles
from survival_multiverse.report.charts.theme import (
    ESTIMATOR_COLOURS,
    HALO,
    HIGHER,
    INK,
    MUTED,
    Spec,
    cautioned,
    colours,
    dots,
    estimates,
    has_published,
    levels,
    line_at,
    nominal,
    primary_marks,
    published_ticks,
    ratio,
    ratio_scale,
    reference,
    tip,
    values,
    vega_lite,
    whiskers,
    width,
)
from survival_multiverse.report.style.palette import PUBLISHED
from survival_multiverse.report.words.measures import MeasureWords

INTERVAL = (
    tip("estimate", "Hazard ratio", ".2f"),
    tip("ci_lower", "CI from", ".2f"),
    tip("ci_upper", "to", ".2f"),
)
SET_DASHES = ([1, 0], [6, 3], [2, 2])
BIAS_HEIGHT, BIAS_LEAST = 320, 640
"""Of the chart of unmeasured confounding, in pixels: its height, and how narrow it may be."""
LINE, CHARACTER = 14, 6.5
"""Height of a line of small print and width of its characters, in pixels."""
FOREST_LABELS, COUNTS_END, RATIO_ROOM = 220, 100, 130
"""Of the forest, in pixels: room for the names, where the column of counts ends, and room for the ratios."""


def forest_spec(
    rows: list[dict[str, Any]],
    *,
    names: list[str],
    columns: list[str],
    limits: tuple[float, float],
    percent: str,
) -> Spec:
    """Draw the hazard ratios of the dose within each stratum, with columns of numbers at the right.

    `rows` hold column (the stage, under each other), name, estimate, ci_lower, ci_upper, text, counts,
    caution and published.
    Strata are not told apart by significance.
    """
    x = ratio("estimate", limits, "Hazard ratio")
    tips = [tip("name", "Stratum"), *INTERVAL, tip("counts", "Patients, events")]
    y = levels("name", names, axis={"title": None, "labelLimit": FOREST_LABELS, "grid": False})
    shared = {"y": y, "tooltip": tips}
    head, step = {"value": -8}, 24
    edge = {"value": "width"}
    layers = [
        reference("x", 1),
        whiskers(x, shared, along="x", strokeWidth=2, color=INK),
        dots(shared | {"x": x}, shape="square", size=64, color=INK),
        cautioned({"x": edge, "y": y}, align="left", dx=COUNTS_END + RATIO_ROOM),
        *published_ticks(rows, {"x": x | {"field": "published"}, "y": y}, across="vertical"),
    ]
    for field, title, end in (
        ("counts", "Patients, events", COUNTS_END),
        ("text", f"HR ({percent} CI)", COUNTS_END + RATIO_ROOM - 4),
    ):
        mark = {"type": "text", "align": "right", "dx": end, "aria": False}
        layers.append({"mark": mark, "encoding": {"x": edge, "y": y, "text": {"field": field}}})
        layers.append(_once({**mark, "text": title, "fontWeight": "bold"}, {"x": edge, "y": head}))
    header = {"title": None, "labelOrient": "top", "labelAnchor": "start", "labelAlign": "left"}
    return vega_lite(
        data=values(rows),
        facet={"row": nominal("column", columns, header=header)},
        spacing=20,
        spec={
            "width": width(1, FOREST_LABELS + COUNTS_END + RATIO_ROOM + 30),
            "height": {"step": step},
            "layer": layers,
        },
    )


def _once(mark: Spec, encoding: Spec) -> Spec:
    """Draw a mark once in every chart of a facet."""
    once = [{"aggregate": [{"op": "count", "as": "rows"}]}]
    return {"transform": once, "mark": mark, "encoding": encoding}


def bias_spec(
    curves: list[dict[str, Any]],
    measured: list[dict[str, Any]],
    styles: dict[str, tuple[str, int]],
    reach: float,
) -> Spec:
    """Draw how strong a hidden confounder would have to be, beside how strong the measured covariates are.

    The covariates are numbered points; a key under the chart says which they are.

    Parameters
    ----------
    curves
        Along each analysis: name, exposure and outcome, the risk ratios that together explain it away
        (Ding and VanderWeele 2016).
    measured
        The measured covariates: name, exposure and outcome.
    styles
        Estimator of each analysis (or that it was published), and which of the adjustment sets it has.
    reach
        Upper end of both axes.
    """
    scale, axis = ratio_scale((1.0, reach))
    across = {"title": "Ratio of its share in one arm to that in the other"}
    x = {"field": "exposure", "type": "quantitative", "scale": scale, "axis": axis | across}
    up = {"title": "Risk ratio for the event"}
    y = {"field": "outcome", "type": "quantitative", "scale": scale, "axis": axis | up}
    of_estimator = ESTIMATOR_COLOURS | {"published": PUBLISHED}
    colour = colours("name", {name: of_estimator[style[0]] for name, style in styles.items()})
    colour["legend"] |= {"columns": 2, "labelLimit": 460}
    dashes = [
        [7, 4] if name == "published" else SET_DASHES[place % len(SET_DASHES)]
        for name, place in styles.values()
    ]
    dash = colour | {"scale": {"domain": list(styles), "range": dashes}}
    line = {
        "data": values(curves),
        "mark": {"type": "line", "strokeWidth": 2},
        "encoding": {"x": x, "y": y, "color": colour, "strokeDash": dash, "order": {"field": "exposure"}},
    }
    order = sorted(measured, key=lambda row: -min(row["exposure"], row["outcome"]))
    numbered = [{**row, "number": str(place)} for place, row in enumerate(order, 1)]
    chart = {"width": width(1, 70), "height": BIAS_HEIGHT, "layer": [line, *_numbered(numbered, x, y, reach)]}
    return vega_lite(vconcat=[chart, _key(numbered)], spacing=14)


def _numbered(measured: list[dict[str, Any]], x: Spec, y: Spec, reach: float) -> list[Spec]:
    """Draw the covariates as points with their numbers, which never lie on another point."""
    tips = [
        tip("name", "Covariate"),
        tip("exposure", "With the arm", ".2f"),
        tip("outcome", "With the event", ".2f"),
    ]
    points = {"x": x, "y": y, "tooltip": tips}
    known = values(
        row | {"words": height} for row, height in zip(measured, apart(measured, reach), strict=True)
    )
    words = {
        "mark": {"type": "text", "align": "left", "dx": 7, "fontSize": 11, "fontWeight": "bold", **HALO},
        "encoding": points | {"y": y | {"field": "words"}, "text": {"field": "number"}},
    }
    stem = {"mark": {"type": "rule", "color": MUTED}, "encoding": {"x": x, "y": y, "y2": {"field": "words"}}}
    return [{"data": known, **layer} for layer in (stem, words, dots(points, color=INK, size=40))]


def _key(measured: list[dict[str, Any]]) -> Spec:
    """Write which covariate each number is, with its two ratios, in two columns."""
    rows = [
        {
            "text": f"{row['number']}  {row['name']} ({row['exposure']:.2f}, {row['outcome']:.2f})",
            "column": place % 2,
            "line": place // 2,
        }
        for place, row in enumerate(measured)
    ]
    lines = (len(rows) + 1) // 2
    across = {"field": "column", "type": "quantitative", "axis": None, "scale": {"domain": [0, 2]}}
    down = {"field": "line", "type": "quantitative", "axis": None, "scale": {"domain": [lines - 0.5, -0.5]}}
    mark = {"type": "text", "align": "left", "limit": {"expr": "width / 2 - 8"}}
    encoding = {"x": across, "y": down, "text": {"field": "text"}}
    size = {"width": width(1, 70), "height": 17 * lines}
    return {"data": values(rows), **size, "mark": mark, "encoding": encoding}


def apart(measured: list[dict[str, Any]], reach: float) -> list[float]:
    """Place the numbers of the covariates on the vertical axis, clear of each other and of every point.

    A number begins beside its point and moves up, half a line at a time, until there is room for it in a
    chart as narrow as `BIAS_LEAST`.
    """
    across, up = (BIAS_LEAST - 70) / math.log(reach), BIAS_HEIGHT / math.log(reach)
    places = [(across * math.log(row["exposure"]), up * math.log(row["outcome"])) for row in measured]
    taken = [(x - 4, x + 4, y) for x, y in places]
    found = {}
    for row, (x, y) in sorted(zip(measured, places, strict=True), key=lambda entry: entry[1][::-1]):
        left, right = x + 6, x + 8 + CHARACTER * len(row["number"])
        steps = (max(y, LINE / 2) + step * LINE / 2 for step in itertools.count())
        height = next(
            level
            for level in steps
            if all(end < left or right < start or abs(level - other) >= LINE for start, end, other in taken)
        )
        taken.append((left, right, height))
        found[row["number"]] = math.exp(height / up)
    return [found[row["number"]] for row in measured]


def cutpoint_spec(
    rows: list[dict[str, Any]],
    spline: list[dict[str, Any]],
    *,
    grid: list[dict[str, Any]],
    title: str,
    limits: tuple[float, float],
    colour: Spec,
    printed: list[dict[str, Any]],
) -> Spec:
    """Draw the hazard ratio at every possible cutoff, and beside it the smooth curve of the variable itself.

    `rows` hold cutoff, estimate, ci_lower, ci_upper, p, caution, side and split; `grid` the study's
    own: cutoff and primary; `printed` what a paper prints at its own: cutoff and hazard ratio with limits.
    """
    y = ratio("estimate", limits, "Hazard ratio, at or above")
    scale = {"zero": False, "nice": False, "padding": 10}
    x = {"field": "cutoff", "type": "quantitative", "scale": scale, "axis": {"title": title}}
    tips = [tip("cutoff", "Cutoff", ",.6~g"), *INTERVAL, tip("p", "P")]
    tips.append(tip("split", "Patients at or above, below"))
    shared = {"x": x, "color": colour, "tooltip": tips}
    weight = {"condition": {"test": "datum.primary", "value": 2.4}, "value": 0.9}
    chosen = {
        "data": values(grid),
        "mark": {"type": "rule", "color": MUTED, "strokeDash": [2, 3]},
        "encoding": {"x": x, "strokeWidth": weight},
    }
    found = values(rows)
    searched = [
        line_at(1),
        chosen,
        *_printed_there(printed, x, y),
        {"data": found, **whiskers(y, shared, opacity=0.45)},
        {"data": found, **dots(shared | {"y": y}, size=22)},
        {"data": found, **cautioned({"x": x, "y": y}, dy=-9)},
    ]
    views = [{"width": width(2 if spline else 1, 160), "height": 220, "layer": searched}]
    if spline:
        views.append({"width": width(2, 160), "height": 220, "layer": _smooth(spline, title, limits)})
    return vega_lite(hconcat=views, spacing=26)


def _printed_there(printed: list[dict[str, Any]], x: Spec, y: Spec) -> list[Spec]:
    """Draw a published cutoff as a dashed line, with the hazard ratio that is printed there."""
    if not printed:
        return []
    known = values(printed)
    encoding = {"x": x, "tooltip": [tip("cutoff", "Published cutoff", ",.6~g"), *INTERVAL]}
    line = {"type": "rule", "strokeDash": [7, 4], "strokeWidth": 2.6, "color": PUBLISHED}
    # Wide and pale, so that what was computed is seen upon it.
    interval: dict[str, Any] = {"strokeWidth": 7, "opacity": 0.45, "color": PUBLISHED}
    ratio_mark = {"type": "point", "shape": "stroke", "size": 400, "strokeWidth": 3, "color": PUBLISHED}
    return [
        {"data": known, "mark": line, "encoding": encoding},
        {"data": known, **whiskers(y, encoding, **interval)},
        {"data": known, "mark": ratio_mark | {"opacity": 1}, "encoding": encoding | {"y": y}},
    ]


def _smooth(spline: list[dict[str, Any]], title: str, limits: tuple[float, float]) -> list[Spec]:
    y = ratio("estimate", limits, "Hazard ratio")
    x = {
        "field": "value",
        "type": "quantitative",
        "scale": {"zero": False, "nice": False},
        "axis": {"title": title},
    }
    low = {"field": "ci_lower", "type": "quantitative", "scale": y["scale"]}
    return [
        line_at(1),
        {
            "data": values(spline),
            "mark": {"type": "area", "clip": True, "opacity": 0.22, "color": HIGHER},
            "encoding": {"x": x, "y": low, "y2": {"field": "ci_upper"}},
        },
        {
            "data": values(spline),
            "mark": {"type": "line", "clip": True, "color": HIGHER},
            "encoding": {"x": x, "y": y},
        },
    ]


def joint_spec(
    rows: list[dict[str, Any]],
    words: MeasureWords,
    *,
    estimators: list[str],
    nulls: list[str],
    limits: tuple[float, float],
) -> Spec:
    """Draw observed specification curves against the null models' at each rank.

    `rows` hold estimator, null, rank, estimate, ci_lower, mid, ci_upper, primary, caution and published,
    of the primary block, in the measure of `words`.
    """
    own, of_all = row_titles(words)
    y = estimates(words, "estimate", limits, own)
    layers = [*_null_layers(y, words), *(_printed(y) if has_published(rows) else [])]
    return vega_lite(
        data=values(rows),
        facet={
            "row": nominal("estimator", estimators, header={"title": of_all}),
            "column": nominal("null", nulls, header={"title": None}),
        },
        resolve={"scale": {"x": "independent"}},
        spacing=22,
        spec={"width": width(len(nulls), 110), "height": 150, "layer": layers},
    )


def _null_layers(y: Spec, words: MeasureWords) -> list[Spec]:
    """Draw the null model's band and median, and the observed curve."""
    axis = {"title": "Rank in the curve", "grid": False, "tickMinStep": 1, "format": "d"}
    scale = {"zero": False, "nice": False, "padding": 6}
    x = {"field": "rank", "type": "quantitative", "scale": scale, "axis": axis}
    numbers = {"estimate": "Observed", "ci_lower": "Null 2.5%"}
    numbers |= {"mid": "Null median", "ci_upper": "Null 97.5%"}
    tips = [tip("rank", "Rank"), *(tip(name, title, words.form) for name, title in numbers.items())]
    middle = {"field": "mid", "type": "quantitative", "scale": y["scale"]}
    band = whiskers(y, {"x": x, "tooltip": tips})
    band["mark"] = {"type": "area", "color": MUTED, "opacity": 0.25, "clip": True}
    median = {
        "mark": {"type": "line", "clip": True, "strokeDash": [2, 3], "color": MUTED},
        "encoding": {"x": x, "y": middle},
    }
    observed = {"x": x, "y": y, "tooltip": tips}
    points = dots(observed, size=24, clip=True, color=HIGHER)
    marked = primary_marks(observed, size=80)
    shaky = cautioned({"x": x, "y": {"value": 144}})
    return [band, median, reference("y", words.measure.null), points, marked, shaky]


def _printed(y: Spec) -> list[Spec]:
    """Draw the published hazard ratio of an estimator, if there is one."""
    mark = {"type": "rule", "strokeDash": [7, 4], "strokeWidth": 1.6, "color": PUBLISHED}
    at = [
        {"aggregate": [{"op": "max", "field": "published", "as": "published"}]},
        {"filter": "isValid(datum.published)"},
    ]
    tips = [tip("published", "Published hazard ratio", ".2f")]
    return [{"transform": at, "mark": mark, "encoding": {"y": y | {"field": "published"}, "tooltip": tips}}]
