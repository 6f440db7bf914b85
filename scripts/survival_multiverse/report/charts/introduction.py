"""A small specification curve with notes, for readers who never saw one."""

import numpy as np
import pandas as pd

from survival_multiverse.inference.specification_summary import direction
from survival_multiverse.report.charts.theme import (
    MUTED,
    SIDES,
    Spec,
    dots,
    estimates,
    favoured,
    line_at,
    values,
    vega_lite,
)
from survival_multiverse.report.words.introduction import introduced
from survival_multiverse.report.words.labels import arm_labels
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.settings.measures import Measure
from survival_multiverse.settings.study import Study

WIDTH, HEIGHT = 440, 170
LEFT = 0.55
"""The part of the width up to which a note has room on the right of a dot."""


def introduction_spec(specifications: pd.DataFrame, study: Study) -> Spec | None:
    """Return the sorted estimates of one estimator in the primary block with notes; None without any.

    Parameters
    ----------
    specifications
        The table of that name.
    """
    rows = introduced(specifications, study)
    if rows.empty:
        return None
    words = measure_words(study)
    found = rows["estimate"].to_numpy(dtype=float)
    limits = _limits(found, words.measure)
    left, right = favoured(words.measure, *arm_labels(study))
    title = f"← favours {left}   ·   {words.brief}   ·   favours {right} →"
    x = estimates(words, "estimate", limits, title)
    x["axis"] |= {"grid": False, "labelOverlap": True}
    y: Spec = {"field": "rank", "type": "quantitative", "axis": None}
    y |= {"scale": {"domain": [len(rows), -0.12 * len(rows) - 0.5], "nice": False}}
    sides = direction(rows, words.measure)
    data = values(
        {"estimate": value, "rank": place, "side": str(side)}
        for place, (value, side) in enumerate(zip(found, sides, strict=True))
    )
    scale: Spec = {"domain": list(SIDES), "range": list(SIDES.values())}
    colour: Spec = {"field": "side", "type": "nominal", "legend": None, "scale": scale}
    drawn = dots({"x": x, "y": y, "color": colour}, size=26, aria=False)
    null = words.measure.null
    at = [_place(value, limits, words.measure) for value in (found[0], found[-1])]
    layers = [line_at(null, axis="x"), {"data": data} | drawn, *_notes(found[0], at[0], null)]
    if len(rows) > 1:
        side, end = ("left", 6) if at[1] > 1 - LEFT else ("right", WIDTH - 6)
        note = _note(f"sorted by {words.noun} ↓", {"value": end}, {"value": HEIGHT - 10}, align=side)
        layers.append(note)
    return vega_lite(width=WIDTH, height=HEIGHT, layer=layers, padding=4)


def _limits(found: np.ndarray, measure: Measure) -> tuple[float, float]:
    """Return the limits of the axis: all dots and the line without a difference, with some room."""
    if measure.ratio:
        return min(found[0], 0.9) / 1.08, max(found[-1], 1.1) * 1.08
    low, high = min(found[0], measure.null), max(found[-1], measure.null)
    room = 0.12 * (high - low) or 1.0
    return low - room, high + room


def _notes(first: float, place: float, null: float) -> list[Spec]:
    """Say what a dot is, above the first of them on the side with room; and what the line is."""
    words = "each dot: one analysis"
    text, align, shift = (f"↓ {words}", "left", -3) if place < LEFT else (f"{words} ↓", "right", 3)
    note = _note(text, {"datum": first}, {"datum": 0}, align=align, dx=shift, dy=-13)
    line = _note("no difference", {"datum": null}, {"value": -7}, align="center", color=MUTED)
    return [note, line]


def _place(value: float, limits: tuple[float, float], measure: Measure) -> float:
    """Return where an estimate lies along the axis, between 0 and 1."""
    at, low, high = measure.effect(np.array([value, *limits]))
    return float((at - low) / (high - low))


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
