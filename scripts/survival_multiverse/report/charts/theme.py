"""What every Vega-Lite specification shares: the house style, scales and axes."""

import math
from collections.abc import Collection, Iterable
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.report.style.estimate_axis import ratio_ticks
from survival_multiverse.report.style.palette import BROWN, DIRECTION_COLOURS, GREEN, ORANGE, PUBLISHED
from survival_multiverse.report.words.measures import MeasureWords
from survival_multiverse.scenario.cautions import MARK
from survival_multiverse.settings.measures import Measure
from survival_multiverse.settings.schema import Estimator

Spec = dict[str, Any]
SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
INK, MUTED, RULE, PAPER = "var(--ink)", "var(--muted)", "var(--rule)", "var(--paper)"
"""The page's own colours, so that charts follow its theme."""
HIGHER, LOWER = "var(--below)", "var(--above)"
"""The higher and the lower dose, and estimates that favour them."""
SECOND = "var(--second)"
"""Another blue beside that of the higher dose, light or dark."""
SIDES = {"longer": HIGHER, "includes": DIRECTION_COLOURS["includes"], "shorter": LOWER}
SET_COLOURS = (ORANGE, GREEN, BROWN, SECOND)
_OWN_COLOURS = {"unadjusted": MUTED, "matched": HIGHER, "overlap": GREEN, "iptw": BROWN, "adjusted": ORANGE}
ESTIMATOR_COLOURS = {str(name): _OWN_COLOURS.get(name, SECOND) for name in Estimator}
FONT = 'system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif'
CONFIG: Spec = {
    "background": None,
    "font": FONT,
    "view": {"stroke": None},
    "text": {"color": INK, "fontSize": 11},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "titleFontWeight": "normal",
        "labelFontSize": 11,
        "titleFontSize": 12,
        "gridColor": RULE,
        "domainColor": MUTED,
        "tickColor": MUTED,
        "labelLimit": 260,
        "titleLimit": 460,
    },
    "header": {"labelColor": INK, "titleColor": INK, "labelFontWeight": "bold", "labelFontSize": 11},
    "legend": {
        "labelColor": INK,
        "titleColor": INK,
        "titleFontWeight": "normal",
        "orient": "bottom",
        "labelFontSize": 11,
        "titleFontSize": 11,
        "labelLimit": 320,
        "titleLimit": 320,
        "symbolStrokeWidth": 2,
        "symbolOpacity": 1,
    },
    "title": {"color": INK, "anchor": "start", "fontSize": 12},
}


def vega_lite(**parts: Any) -> Spec:
    """Return a whole specification: a view in the house style."""
    return {"$schema": SCHEMA, "config": CONFIG, **parts}


def width(share: int = 1, reserved: int = 70) -> str:
    """Return a width that the page fills in: its own width less `reserved` pixels, divided by `share`."""
    return f"@{share}:{reserved}"


def values(rows: Iterable[dict[str, Any]] | pd.DataFrame) -> Spec:
    """Return inline data; numbers to five digits, gaps as null."""
    records = rows.to_dict("records") if isinstance(rows, pd.DataFrame) else rows
    return {"values": [{name: plain(value) for name, value in row.items()} for row in records]}


def plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, np.bool_):
        return bool(value)
    number = float(value)
    if not math.isfinite(number):
        return None
    return int(number) if number.is_integer() and abs(number) < 1e9 else float(f"{number:.5g}")


def ratio_scale(limits: tuple[float, float]) -> tuple[Spec, Spec]:
    """Return scale and axis of a hazard ratio: logarithmic, with ticks at plain numbers."""
    scale = {"type": "log", "domain": [plain(limit) for limit in limits], "nice": False}
    return scale, {"values": ratio_ticks(limits), "format": "~r", "grid": True}


def ratio(field: str, limits: tuple[float, float], title: str | list[str] | None) -> Spec:
    """Encode a hazard ratio."""
    scale, axis = ratio_scale(limits)
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis | {"title": title}}


def estimates(
    words: MeasureWords, field: str, limits: tuple[float, float], title: str | list[str] | None
) -> Spec:
    """Encode estimates of a measure: a ratio on a logarithmic axis, a difference on a linear one."""
    if words.measure.ratio:
        return ratio(field, limits, title)
    scale: Spec = {"domain": [plain(limit) for limit in limits], "nice": False, "zero": False}
    value = "datum.value" if words.measure.scale == 1 else f"{words.measure.scale:g} * datum.value"
    number = f"datum.value == 0 ? '0' : format({value}, '+~r')"
    axis = {"labelExpr": number, "tickCount": 6, "grid": True, "title": title}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


def favoured(measure: Measure, low: str, high: str) -> tuple[str, str]:
    """Return the arms that estimates to the left and to the right on an axis favour."""
    return (high, low) if measure.ratio else (low, high)


def sides(words: MeasureWords, percent: str, present: Collection[str] = ()) -> Spec:
    """Colour by which way an interval points; the legend explains the ways that are `present`."""
    every = {way: f"CI {words.side(longer=way == 'longer')}" for way in ("longer", "shorter")}
    every = {"longer": every["longer"], "includes": f"CI includes {words.null}", "shorter": every["shorter"]}
    texts = {key: text for key, text in every.items() if key in present} or every
    expression = " : ".join(f"datum.label == '{key}' ? '{percent} {text}'" for key, text in texts.items())
    return {
        "field": "side",
        "type": "nominal",
        "scale": {"domain": list(texts), "range": [SIDES[key] for key in texts]},
        "legend": {"title": None, "labelExpr": f"{expression} : ''"},
    }


def rank_axis(padding: int = 8) -> Spec:
    """Encode the place in a sorted curve: an axis without ticks."""
    scale = {"nice": False, "zero": False, "padding": padding}
    return {"field": "rank", "type": "quantitative", "axis": None, "scale": scale}


def whiskers(
    axis: Spec, encoding: Spec, *, along: str = "y", ends: str = "ci_lower ci_upper", **mark: Any
) -> Spec:
    """Draw intervals along an axis of estimates, cut where the axis ends."""
    low, high = ends.split()
    span = {
        along: {"field": low, "type": "quantitative", "scale": axis["scale"]},
        f"{along}2": {"field": high},
    }
    return {"mark": {"type": "rule", "clip": True, **mark}, "encoding": encoding | span}


def dots(encoding: Spec, **mark: Any) -> Spec:
    """Draw filled points."""
    return {"mark": {"type": "point", "filled": True, "opacity": 1, **mark}, "encoding": encoding}


def primary_marks(encoding: Spec, *, size: int = 120) -> Spec:
    """Draw diamonds on the estimates of the primary scenario."""
    mark = {"type": "point", "shape": "diamond", "size": size, "fill": PAPER, "stroke": INK}
    mark |= {"strokeWidth": 1.6, "opacity": 1, "cursor": "pointer"}
    return {"transform": [{"filter": "datum.primary"}], "mark": mark, "encoding": encoding}


def cautioned(encoding: Spec, **mark: Any) -> Spec:
    """Mark estimates to be read with caution, beside them or where `encoding` says."""
    shown = {key: value for key, value in encoding.items() if key in ("x", "y", "xOffset")}
    return {
        "transform": [{"filter": "isValid(datum.caution) && datum.caution != 'none'"}],
        "mark": {"type": "text", "fontSize": 11, "aria": False, **mark},
        "encoding": shown | {"text": {"value": MARK}},
    }


def reference(axis: str, value: float, *, dash: bool = False) -> Spec:
    """Draw a reference line in every chart of a facet: one, however many rows the chart has."""
    mark = {"type": "rule", "color": INK, "aria": False} | ({"strokeDash": [4, 3]} if dash else {})
    once = [{"aggregate": [{"op": "count", "as": "rows"}]}]
    return {"transform": once, "mark": mark, "encoding": {axis: {"datum": value}}}


def line_at(value: float, *, axis: str = "y", dash: bool = False) -> Spec:
    """Draw a reference line across the chart."""
    mark = {"type": "rule", "color": INK, "strokeWidth": 1, "aria": False}
    if dash:
        mark |= {"strokeDash": [4, 3], "color": MUTED}
    return {"data": {"values": [{}]}, "mark": mark, "encoding": {axis: {"datum": value}}}


def published_line(value: float, *, along: str = "y") -> Spec:
    """Draw a published hazard ratio as a dashed line across the chart."""
    mark = {"type": "rule", "strokeDash": [7, 4], "strokeWidth": 1.6, "color": PUBLISHED}
    where = {along: {"datum": value}, "tooltip": {"value": f"Published: {value:.2f}"}}
    return {"data": {"values": [{}]}, "mark": mark, "encoding": where}


def published_ticks(rows: list[dict[str, Any]], encoding: Spec, *, across: str) -> list[Spec]:
    """Draw published hazard ratios beside their estimates: rows with one are marked `across`."""
    if not has_published(rows):
        return []
    mark = {"type": "tick", "orient": across, "thickness": 2.5, "color": PUBLISHED, "opacity": 1}
    tips = [tip("published", "Published hazard ratio", ".2f")]
    marked = {"transform": [{"filter": "isValid(datum.published)"}], "mark": mark}
    return [{**marked, "encoding": encoding | {"tooltip": tips}}]


def has_published(rows: list[dict[str, Any]]) -> bool:
    """Return whether some rows hold a published number."""
    return any(row.get("published") is not None for row in rows)


def published_symbols(encoding: Spec, *, tips: list[Spec], form: str) -> Spec:
    """Draw published numbers as hollow symbols among the computed ones: rows with one; `tips` say of what."""
    mark = {"type": "point", "filled": False, "size": 60, "strokeWidth": 1.8, "color": PUBLISHED}
    marked = {"transform": [{"filter": "isValid(datum.published)"}], "mark": mark | {"opacity": 1}}
    return {**marked, "encoding": encoding | {"tooltip": [*tips, tip("published", "Published", form)]}}


HALO = {"stroke": PAPER, "strokeWidth": 3}
"""Words over lines; the page paints the stroke of text beneath it."""


def nominal(field: str, order: list[str], **more: Any) -> Spec:
    """Encode a category in a given order."""
    return {"field": field, "type": "nominal", "sort": order, **more}


def levels(field: str, order: list[Any], *, scale: Spec | None = None, **more: Any) -> Spec:
    """Encode a category along an axis, with room for each of the order, even if it has nothing to draw."""
    return nominal(field, order, scale={"domain": order, **(scale or {})}, **more)


def colours(field: str, pairs: dict[str, str], title: str | None = None) -> Spec:
    """Colour by category; `pairs` gives each category's colour, in the order of the legend."""
    return {
        "field": field,
        "type": "nominal",
        "scale": {"domain": list(pairs), "range": list(pairs.values())},
        "legend": {"title": title},
    }


def set_colours(labels: list[str]) -> Spec:
    """Colour by adjustment set."""
    return colours("adjustment_set", dict(zip(labels, SET_COLOURS, strict=False)), "Adjusted for")


def tip(field: str, title: str, form: str | None = None) -> Spec:
    """Return one line of a tooltip."""
    entry = {"field": field, "title": title, "type": "quantitative" if form else "nominal"}
    return entry | ({"format": form} if form else {})
