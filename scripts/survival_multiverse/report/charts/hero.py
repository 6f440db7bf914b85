"""The first picture: every analysis, by estimator and exposure cutoff; static, so that no script must run."""

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import vl_convert

from survival_multiverse.inference.specification_summary import (
    direction,
    estimated,
    estimators_present,
    middle_ratio,
)
from survival_multiverse.report.charts.theme import (
    INK,
    PAPER,
    RULE,
    SIDES,
    Spec,
    ratio_scale,
    values,
    vega_lite,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_ratio
from survival_multiverse.report.style.palette import PUBLISHED
from survival_multiverse.report.style.ratio_axis import ratio_limits
from survival_multiverse.report.words.claim import hero_rows
from survival_multiverse.report.words.labels import arm_labels
from survival_multiverse.settings.study import Study

ROW = 56
"""Height of an estimator's strip in pixels."""
LABELS = 172
"""Room for the estimators' names."""
SPREAD = 0.2
"""Half the height over which the dots of a strip lie, in strips."""


def hero_spec(specifications: pd.DataFrame, study: Study, *, width: int, upright: bool = False) -> Spec:
    """Return the picture as Vega-Lite.

    Parameters
    ----------
    specifications
        The table of that name.
    width
        Of the whole picture, in pixels.
    upright
        One cutoff under the other, for a narrow screen.
    """
    rows = hero_rows(specifications, study)
    names, limits = estimators_present(rows), ratio_limits(rows)
    cutoffs = [float(cutoff) for cutoff in sorted(rows["dose_cutoff"].unique())]
    room = width - LABELS - 8 if upright else (width - LABELS) // max(len(cutoffs), 1) - 14
    columns = [
        _column(
            rows[rows["dose_cutoff"] == cutoff],
            names,
            limits,
            study,
            cutoff,
            room=room,
            named=upright or not place,
        )
        for place, cutoff in enumerate(cutoffs)
    ]
    axis = "← favours the higher side   ·   Hazard ratio, log scale   ·   favours the lower side →"
    title: Spec = {
        "text": "Hazard ratio, log scale" if upright else axis,
        "orient": "bottom",
        "anchor": "middle",
        "fontWeight": "normal",
        "offset": 10,
    }
    return vega_lite(**{"vconcat" if upright else "hconcat": columns}, spacing=14, title=title, padding=2)


def _column(
    rows: pd.DataFrame,
    names: list[str],
    limits: tuple[float, float],
    study: Study,
    cutoff: float,
    *,
    room: int,
    named: bool,
) -> Spec:
    """Return one cutoff: a strip for each estimator."""
    usable, primary = estimated(rows), cutoff == study.primary.dose_cutoff
    dots, medians, marks = _dots(usable, names), _medians(usable, names), _primary(usable, names, study)
    published = [
        {"y": place, "hr": study.published[name]}
        for place, name in enumerate(names)
        if name in study.published
    ]
    scale, axis = ratio_scale(limits)
    # Labels that would touch are left out.
    x: Spec = {
        "field": "hr",
        "type": "quantitative",
        "scale": scale,
        "axis": axis | {"labelOverlap": True, "labelFontSize": 12, "title": None},
    }
    labels = "[" + ",".join(json.dumps(ESTIMATOR_LABELS[name]) for name in names) + "]"
    own: Spec = {"values": list(range(len(names))), "labelExpr": f"{labels}[datum.value]", "title": None}
    own |= {"labelFontSize": 12, "grid": False, "ticks": False, "domain": False, "labelPadding": 8}
    y: Spec = {
        "field": "y",
        "type": "quantitative",
        "scale": {"domain": [len(names) - 0.5, -0.5], "nice": False},
    }
    y |= {"axis": own if named else None}
    side: Spec = {"field": "side", "type": "nominal", "legend": None}
    side |= {"scale": {"domain": list(SIDES), "range": list(SIDES.values())}}
    mark: Spec = {"aria": False}
    layers: list[Spec] = (
        _hatch(room, ROW * len(names)) if study.source == "reconstructed" and not primary else []
    )
    layers += [
        {"data": values([{"hr": 1}]), "mark": mark | {"type": "rule", "color": INK}, "encoding": {"x": x}},
        {
            "data": values(medians),
            "mark": mark | {"type": "rule", "color": INK, "strokeWidth": 1.5},
            "encoding": {"x": x, "y": y | {"field": "top"}, "y2": {"field": "bottom"}},
        },
        {
            "data": values(dots),
            "mark": mark | {"type": "circle", "size": 22, "opacity": 0.85},
            "encoding": {"x": x, "y": y, "color": side},
        },
        {
            "data": values(medians),
            "mark": mark
            | {
                "type": "text",
                "fontSize": 12,
                "fontWeight": "bold",
                "color": INK,
                "baseline": "bottom",
                "dy": -1,
            },
            "encoding": {"x": x, "y": y | {"field": "top"}, "text": {"field": "text"}},
        },
    ]
    if primary:
        span: Spec = {"x": x | {"field": "lo"}, "x2": {"field": "hi"}, "y": y}
        diamond: Spec = {
            "type": "point",
            "shape": "diamond",
            "size": 70,
            "fill": PAPER,
            "stroke": INK,
            "opacity": 1,
        }
        layers += [
            {
                "data": values(marks),
                "mark": mark | {"type": "rule", "color": INK, "clip": True},
                "encoding": span,
            },
            {"data": values(marks), "mark": mark | diamond, "encoding": {"x": x, "y": y}},
            {
                "data": values(published),
                "mark": mark
                | {
                    "type": "tick",
                    "color": PUBLISHED,
                    "thickness": 3,
                    "size": ROW * 0.5,
                    "orient": "vertical",
                },
                "encoding": {"x": x, "y": y},
            },
        ]
    words = arm_labels(study, dose_cutoff=cutoff)[1]
    title: Spec = {
        "text": words,
        "fontWeight": "bold" if primary else "normal",
        "fontSize": 13,
        "anchor": "middle",
        "offset": 6,
    }
    frame: Spec = {"stroke": INK if primary else RULE, "strokeWidth": 2 if primary else 1}
    return {"width": room, "height": ROW * len(names), "title": title, "view": frame, "layer": layers}


def _dots(usable: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    rows = []
    for place, name in enumerate(names):
        here = usable[usable["estimator"] == name].sort_values("hazard_ratio", kind="stable")
        heights = np.linspace(-SPREAD, SPREAD, len(here)) if len(here) > 1 else np.zeros(len(here))
        ratios = here["hazard_ratio"].to_numpy(dtype=np.float64)
        for ratio, height, side in zip(ratios, heights, direction(here), strict=True):
            rows.append({"hr": ratio, "y": place + 0.06 + height, "side": str(side)})
    return rows


def _medians(usable: pd.DataFrame, names: list[str]) -> list[dict[str, Any]]:
    found = {
        place: usable.loc[usable["estimator"] == name, "hazard_ratio"] for place, name in enumerate(names)
    }
    medians = {place: middle_ratio(ratios) for place, ratios in found.items() if len(ratios)}
    return [
        {"hr": median, "top": place - 0.2, "bottom": place + 0.3, "y": place, "text": format_ratio(median)}
        for place, median in medians.items()
    ]


def _primary(usable: pd.DataFrame, names: list[str], study: Study) -> list[dict[str, Any]]:
    rows = usable[usable["is_primary"].astype(bool)]
    return [
        {
            "y": names.index(row["estimator"]) + 0.38,
            "hr": row["hazard_ratio"],
            "lo": row["ci_lower"],
            "hi": row["ci_upper"],
        }
        for row in rows.to_dict("records")
    ]


def _hatch(width: int, height: int, step: int = 9) -> list[Spec]:
    """Return parallel lines over a view of so many pixels."""
    lines = [
        {"x": max(0, at - height), "x2": min(width, at), "y": min(height, at), "y2": max(0, at - width)}
        for at in range(step, width + height, step)
    ]
    pixels: Spec = {name: {"field": name, "type": "quantitative", "scale": None} for name in ("x", "y")}
    ends: Spec = {name: {"field": name} for name in ("x2", "y2")}
    mark: Spec = {"type": "rule", "color": RULE, "strokeWidth": 0.8, "opacity": 0.7, "aria": False}
    return [{"data": {"values": lines}, "mark": mark, "encoding": pixels | ends}]


def svg_of(spec: Spec) -> str:
    """Return a specification as SVG; words with a halo have it behind them, as on the page.

    The renderer numbers what charts refer to through all that it draws; here each begins anew.
    """
    svg = vl_convert.vegalite_to_svg(spec).replace("<text ", '<text paint-order="stroke" ')
    numbers: dict[str, str] = {}
    return re.sub(
        r'(?<= id=")\w+(?=")|(?<=url\(#)\w+(?=\))',
        lambda found: numbers.setdefault(found[0], f"part{len(numbers)}"),
        svg,
    )
