"""Specifications of the charts about a paper: its pairs beside the study's own, and the ensemble."""

from typing import Any

from survival_multiverse.report.charts.theme import (
    INK,
    MUTED,
    Spec,
    dots,
    levels,
    primary_marks,
    published_line,
    published_ticks,
    ratio,
    reference,
    tip,
    values,
    vega_lite,
    whiskers,
    width,
)

LABELS = 210
"""Pixels that the names of the rows take."""


def matchings_spec(rows: list[dict[str, Any]], *, published: float, limits: tuple[float, float]) -> Spec:
    """Draw each matching over orders of equal scores; `rows` hold name, pairs, estimate and limits."""
    names = [str(row["name"]) for row in rows]
    x = ratio("estimate", limits, "Hazard ratio, published model")
    tips = [
        tip("name", "Matching"),
        tip("pairs", "Pairs", "d"),
        tip("estimate", "Hazard ratio", ".2f"),
        tip("middle", "Median over orders", ".2f"),
        tip("ci_lower", "Other orders from", ".2f"),
        tip("ci_upper", "to", ".2f"),
    ]
    shared = {"y": _rows("name", names), "tooltip": tips}
    bars = whiskers(x, shared, along="x", strokeWidth=6, opacity=0.4, color=MUTED)
    points = dots(shared | {"x": x}, size=50, color=INK)
    layers = [reference("x", 1), published_line(published, along="x"), bars, points]
    layers.append(primary_marks(points["encoding"], size=90))
    size = {"width": width(1, LABELS + 20), "height": {"step": 24}}
    return vega_lite(data=values(rows), **size, layer=layers)


def ensemble_spec(rows: list[dict[str, Any]], *, names: list[str], limits: tuple[float, float]) -> Spec:
    """Draw a point for each conclusion of each cohort; `rows` hold name, seed, estimate, near."""
    x = ratio("estimate", limits, "Hazard ratio, published cutoffs")
    tips = [
        tip("name", "Conclusion"),
        tip("estimate", "Hazard ratio", ".3f"),
        tip("seed", "Seed of the cohort", "d"),
    ]
    tips.append(tip("near", "Published numbers met or near", ".1%"))
    points = dots({"y": _rows("name", names), "x": x, "tooltip": tips}, size=34, color=INK)
    points["mark"]["opacity"] = 0.6
    marked = {"x": x | {"field": "published"}, "y": points["encoding"]["y"]}
    layers = [reference("x", 1), points, *published_ticks(rows, marked, across="vertical")]
    return vega_lite(data=values(rows), width=width(1, LABELS + 20), height={"step": 30}, layer=layers)


def _rows(field: str, names: list[str]) -> Spec:
    return levels(field, names, axis={"title": None, "labelLimit": LABELS, "grid": False})
