"""A small specification curve with notes, for readers who never saw one."""

import math

import pandas as pd

from survival_multiverse.inference.specification_summary import direction
from survival_multiverse.report.charts.theme import (
    MUTED,
    SIDES,
    Spec,
    dots,
    line_at,
    ratio,
    values,
    vega_lite,
)
from survival_multiverse.report.words.introduction import introduced
from survival_multiverse.report.words.labels import arm_labels
from survival_multiverse.settings.study import Study

WIDTH, HEIGHT = 440, 170
LEFT = 0.55
"""The part of the width up to which a note has room on the right of a dot."""


def introduction_spec(specifications: pd.DataFrame, study: Study) -> Spec | None:
    """Return the sorted hazard ratios of one estimator in the primary block with notes; None without any.

    Parameters
    ----------
    specifications
        The table of that name.
    """
    rows = introduced(specifications, study)
    if rows.empty:
        return None
    ratios = rows["estimate"].to_numpy(dtype=float)
    limits = (min(ratios[0], 0.9) / 1.08, max(ratios[-1], 1.1) * 1.08)
    low, high = arm_labels(study)
    x = ratio("estimate", limits, f"← favours {high}   ·   hazard ratio   ·   favours {low} →")
    x["axis"] |= {"grid": False, "labelOverlap": True}
    y: Spec = {"field": "rank", "type": "quantitative", "axis": None}
    y |= {"scale": {"domain": [len(rows), -0.12 * len(rows) - 0.5], "nice": False}}
    sides = direction(rows)
    data = values(
        {"estimate": value, "rank": place, "side": str(side)}
        for place, (value, side) in enumerate(zip(ratios, sides, strict=True))
    )
    scale: Spec = {"domain": list(SIDES), "range": list(SIDES.values())}
    colour: Spec = {"field": "side", "type": "nominal", "legend": None, "scale": scale}
    drawn = dots({"x": x, "y": y, "color": colour}, size=26, aria=False)
    layers = [line_at(1, axis="x"), {"data": data} | drawn, *_notes(ratios[0], limits)]
    if len(rows) > 1:
        side, end = ("left", 6) if _place(ratios[-1], limits) > 1 - LEFT else ("right", WIDTH - 6)
        note = _note("sorted by hazard ratio ↓", {"value": end}, {"value": HEIGHT - 10}, align=side)
        layers.append(note)
    return vega_lite(width=WIDTH, height=HEIGHT, layer=layers, padding=4)


def _notes(first: float, limits: tuple[float, float]) -> list[Spec]:
    """Say what a dot is, above the first of them on the side with room; and what the line is."""
    words = "each dot: one analysis"
    text, align, shift = (
        (f"↓ {words}", "left", -3) if _place(first, limits) < LEFT else (f"{words} ↓", "right", 3)
    )
    note = _note(text, {"datum": first}, {"datum": 0}, align=align, dx=shift, dy=-13)
    line = _note("no difference", {"datum": 1}, {"value": -7}, align="center", color=MUTED)
    return [note, line]


def _place(value: float, limits: tuple[float, float]) -> float:
    """Return where a hazard ratio lies along the axis, between 0 and 1."""
    return math.log(value / limits[0]) / math.log(limits[1] / limits[0])


def _note(text: str, x: Spec, y: Spec, **mark: object) -> Spec:
    mark = {"type": "text", "baseline": "middle", "fontSize": 12, "aria": False, **mark}
    return {
        "data": {"values": [{}]},
        "mark": mark,
        "encoding": {
            "x": {"type": "quantitative", **x} if "datum" in x else x,
            "y": {"type": "quantitative", **y} if "datum" in y else y,
            "text": {"value": text},
        },
    }
