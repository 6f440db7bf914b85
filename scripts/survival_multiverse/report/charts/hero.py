"""The first picture: every analysis, by estimator and exposure cutoff; static, so that no script must run."""

import json
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.inference.specification_summary import (
    direction,
    estimated,
    estimators_present,
    headline,
    middle,
    of_set,
    primary_options,
)
from survival_multiverse.report.charts.contrasts import compared_arms, exposure_decision, told_by_cutoff
from survival_multiverse.report.charts.theme import (
    INK,
    RULE,
    SIDES,
    Spec,
    dots,
    estimates,
    favoured,
    line_at,
    primary_marks,
    values,
    vega_lite,
    whiskers,
)
from survival_multiverse.report.style.estimate_axis import estimate_limits
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.style.palette import PUBLISHED
from survival_multiverse.report.words.measures import MeasureWords, measure_words
from survival_multiverse.settings.measures import Measure
from survival_multiverse.settings.study import Decision, Study
from survival_multiverse.settings.values import Value

ROW = 52
"""Height of an estimator's strip in pixels; within it positions count in strips, from its middle down."""
LABELS = 182
"""Room for the estimators' names in pixels, also in a wider font than the renderer's."""
GAP = 14
"""Room between two cutoffs, in pixels."""
SPREAD, MIDDLE, TOP, BOTTOM, PRIMARY_PLACE = 0.2, 0.06, -0.2, 0.3, 0.38
"""Half the height of the dots, their middle, the ends of the median's line, and the primary scenario."""
WRAPPED = 6
"""Most columns beside each other."""


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
    exposure = exposure_decision(study)
    rows = picture_rows(specifications, study)
    words = measure_words(study)
    limits = estimate_limits(rows, words.measure)
    names, x = estimators_present(rows), estimates(words, "estimate", limits, None)
    # Labels that would touch are left out.
    x["axis"] |= {"labelOverlap": True, "labelFontSize": 12}
    columns = _columns(rows, exposure)
    beside = 1 if upright else min(max(len(columns), 1), WRAPPED)
    room = (width - LABELS) // beside - GAP
    views = [
        _column(here, names, study, value, room, x=x, y=_strips(names, place % beside == 0))
        for place, (value, here) in enumerate(columns)
    ]
    lines: list[Spec] = [
        {"hconcat": views[start : start + beside], "spacing": GAP} for start in range(0, len(views), beside)
    ]
    layout: Spec = (
        {"vconcat": views if upright else lines} if upright or len(lines) > 1 else {"hconcat": views}
    )
    text = axis_words(study)
    title: Spec = {"text": text, "orient": "bottom", "anchor": "middle", "fontWeight": "normal", "offset": 10}
    title |= {"text": text.split("   ·   ")[1]} if upright else {}
    return vega_lite(**layout, spacing=GAP, title=title, padding=2)


def picture_rows(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the analyses of the primary options and covariates, at every option of the exposure."""
    exposure = exposure_decision(study)
    rows = of_set(headline(specifications, study), study.primary_set)
    return primary_options(rows, study, but=[exposure.name] if exposure else [])


def axis_words(study: Study) -> str:
    """Return the title of the axis: which side favours whom."""
    low, high = compared_arms(study)
    if told_by_cutoff(study):
        low, high = "< cutoff", "≥ cutoff"
    elif exposure_decision(study) is not None:
        # Every column says who is compared.
        low, high = "the second", "the first"
    words = measure_words(study)
    left, right = favoured(words.measure, low, high)
    what = f"{words.heading}, log scale" if words.measure.ratio else words.titled
    return f"← favours {left}   ·   {what}   ·   favours {right} →"


def _columns(rows: pd.DataFrame, exposure: Decision | None) -> list[tuple[Value | None, pd.DataFrame]]:
    """Return the rows of each option of the exposure that some row has; all of them without one."""
    if exposure is None:
        return [(None, rows)]
    options = rows[exposure.name]
    return [(value, rows[options == value]) for value in exposure.values if (options == value).any()]


def _strips(names: list[str], named: bool) -> Spec:
    """Encode the estimators, one strip under the other."""
    labels = json.dumps([ESTIMATOR_LABELS[name] for name in names])
    axis: Spec = {"values": list(range(len(names))), "labelExpr": f"{labels}[datum.value]", "title": None}
    axis |= {"labelFontSize": 12, "grid": False, "ticks": False, "domain": False, "labelPadding": 8}
    axis |= {"minExtent": LABELS}
    scale: Spec = {"domain": [len(names) - 0.5, -0.5], "nice": False}
    return {"field": "y", "type": "quantitative", "scale": scale, "axis": axis if named else None}


def _column(
    rows: pd.DataFrame, names: list[str], study: Study, option: Value | None, room: int, *, x: Spec, y: Spec
) -> Spec:
    """Return one option of the exposure: a strip for each estimator."""
    usable, primary, height = estimated(rows), _is_primary(option, study), ROW * len(names)
    strips = [(place, usable[usable["estimator"] == name]) for place, name in enumerate(names)]
    words = measure_words(study)
    layers = [
        line_at(words.measure.null, axis="x"),
        *_medians(rows, strips, words, x, y),
        _dots(strips, words.measure, x, y),
    ]
    if primary:
        printed = study.published_estimates
        published = [(place, printed[name]) for place, name in enumerate(names) if name in printed]
        layers += [*_primary(strips, x, y), _published(published, x, y)]
    elif study.source == "reconstructed":
        layers.insert(0, _hatch(room, height))
    weight = "bold" if primary else "normal"
    low, high = compared_arms(study, option)
    text = high if told_by_cutoff(study) else f"{high} against {low}"
    title: Spec = {"text": text, "fontWeight": weight, "fontSize": 13}
    frame: Spec = {"stroke": INK, "strokeWidth": 2} if primary else {"stroke": RULE, "strokeWidth": 1}
    title |= {"anchor": "middle", "offset": 6}
    return {"width": room, "height": height, "title": title, "view": frame, "layer": layers}


def _is_primary(option: Value | None, study: Study) -> bool:
    exposure = exposure_decision(study)
    primary = dict(zip(study.decisions, study.primary, strict=True))
    return exposure is None or option == primary[exposure.name]


def _dots(strips: list[tuple[int, pd.DataFrame]], measure: Measure, x: Spec, y: Spec) -> Spec:
    """Draw each analysis, in ascending order from the top of its strip."""
    rows = []
    for place, strip in strips:
        here = strip.sort_values("estimate", kind="stable")
        heights = np.linspace(-SPREAD, SPREAD, len(here)) if len(here) > 1 else np.zeros(len(here))
        for value, height, side in zip(here["estimate"], heights, direction(here, measure), strict=True):
            rows.append({"estimate": value, "y": place + MIDDLE + height, "side": str(side)})
    scale: Spec = {"domain": list(SIDES), "range": list(SIDES.values())}
    colour = {"field": "side", "type": "nominal", "legend": None, "scale": scale}
    return {"data": values(rows)} | dots({"x": x, "y": y, "color": colour}, size=22, aria=False)


def _medians(
    rows: pd.DataFrame, strips: list[tuple[int, pd.DataFrame]], words: MeasureWords, x: Spec, y: Spec
) -> list[Spec]:
    """Draw the median of each estimator, with its number; none of a selected rest."""
    medians = [
        (place, middle(strip["estimate"], words.measure))
        for place, strip in strips
        if len(strip) and not words.measure.leaves_selected_rest(_of_strip(rows, strip)["status"])
    ]
    data = values(
        {"estimate": median, "y": place + TOP, "bottom": place + BOTTOM, "text": words.text(median)}
        for place, median in medians
    )
    line: Spec = {"type": "rule", "color": INK, "strokeWidth": 1.5, "aria": False}
    number: Spec = {"type": "text", "fontSize": 12, "fontWeight": "bold", "baseline": "bottom", "dy": -1}
    return [
        {"data": data, "mark": line, "encoding": {"x": x, "y": y, "y2": {"field": "bottom"}}},
        {
            "data": data,
            "mark": number | {"aria": False},
            "encoding": {"x": x, "y": y, "text": {"field": "text"}},
        },
    ]


def _of_strip(rows: pd.DataFrame, strip: pd.DataFrame) -> pd.DataFrame:
    """Return all analyses of the estimator of a strip, also those without an estimate."""
    return rows[rows["estimator"] == strip["estimator"].iloc[0]]


def _primary(strips: list[tuple[int, pd.DataFrame]], x: Spec, y: Spec) -> list[Spec]:
    """Draw the primary scenario of each estimator with its interval."""
    rows: list[dict[str, Any]] = [
        {
            "estimate": row["estimate"],
            "ci_lower": row["ci_lower"],
            "ci_upper": row["ci_upper"],
            "primary": True,
        }
        | {"y": place + PRIMARY_PLACE}
        for place, strip in strips
        for row in strip[strip["is_primary"].astype(bool)].to_dict("records")
    ]
    layers = [whiskers(x, {"y": y}, along="x", color=INK), primary_marks({"x": x, "y": y}, size=70)]
    return [{"data": values(rows)} | layer for layer in layers]


def _published(found: list[tuple[int, float]], x: Spec, y: Spec) -> Spec:
    mark: Spec = {"type": "tick", "color": PUBLISHED, "thickness": 3, "size": ROW / 2, "orient": "vertical"}
    data = values({"y": place, "estimate": value} for place, value in found)
    return {"data": data, "mark": mark | {"aria": False}, "encoding": {"x": x, "y": y}}


def _hatch(width: int, height: int, step: int = 9) -> Spec:
    """Draw parallel lines over a view of so many pixels."""
    lines = [
        {"x": max(0, at - height), "x2": min(width, at), "y": min(height, at), "y2": max(0, at - width)}
        for at in range(step, width + height, step)
    ]
    pixels: Spec = {name: {"field": name, "type": "quantitative", "scale": None} for name in ("x", "y")}
    ends: Spec = {name: {"field": name} for name in ("x2", "y2")}
    mark: Spec = {"type": "rule", "color": RULE, "strokeWidth": 0.8, "opacity": 0.7, "aria": False}
    return {"data": {"values": lines}, "mark": mark, "encoding": pixels | ends}
