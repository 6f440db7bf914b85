"""The specification curve of a block with its decision panel, and all blocks side by side."""

import itertools
import json
from collections.abc import Mapping
from typing import Any

from survival_multiverse.inference.robustness import INNER
from survival_multiverse.report.charts.page_data import DECISIONS, GATE, decision_titles
from survival_multiverse.report.charts.theme import (
    HALO,
    INK,
    MUTED,
    Spec,
    cautioned,
    dots,
    line_at,
    nominal,
    primary_marks,
    rank_axis,
    ratio,
    reference,
    tip,
    vega_lite,
    whiskers,
    width,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.style.palette import PUBLISHED
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import AXES

LABELS = 190
"""Pixels that the names of the choices take."""
OF_ESTIMAND = [name for name in DECISIONS if name not in INNER]
"""Decisions that change what is estimated: a block has one value of each."""


def chosen_of(*names: str) -> str:
    """Return the test of a row's having the values of these decisions that the reader chose."""
    return " && ".join(f"(!isValid(datum.{name}) || datum.{name} == {name})" for name in names)


CUTOFFS = chosen_of(*OF_ESTIMAND)
BLOCK = f"{CUTOFFS} && datum.estimator == estimator"
KEPT = {
    "filter": " && ".join(
        f"(!isValid(datum.{name}) || indexof(chosen.{name}, datum.{name}) >= 0)" for name in INNER
    )
    + " && (chosen.gate == 'all' || datum.gate !== false)"
}
"""What the reader's filter lets through: in every chart of the grid a mark with another choice goes."""


def kept(layers: list[Spec], *before: Spec) -> list[Spec]:
    """Return the layers of a facet that draw only what the reader keeps.

    Filtered as a whole, a facet would lose its empty charts and lay out the others under wrong headers: one
    layer at least has to stay without this.
    """
    return [{**layer, "transform": [*before, KEPT, *layer.get("transform", [])]} for layer in layers]


def tooltip(study: Study) -> list[Spec]:
    """Show all numbers of a specification, by its axes' own names."""
    return [
        tip("estimator", "Estimator"),
        *(tip(name, title) for name, title in decision_titles(study).items()),
        tip("hazard_ratio", "Hazard ratio", ".2f"),
        tip("ci_lower", "CI from", ".2f"),
        tip("ci_upper", "CI to", ".2f"),
        tip("inverse", "1 / hazard ratio", ".2f"),
        tip("p_text", "P"),
        tip("patients", "Patients", ",d"),
        tip("events", "Events", ",d"),
        tip("smd", "Largest |SMD|, baseline", ".2f"),
        tip("matched_share", "Matched share", ".0%"),
        tip("caution", "Caution"),
    ]


def params(first: dict[str, Any]) -> list[Spec]:
    """Return what the page's controls set in every chart: the block shown and the choices kept."""
    return [{"name": name, "value": value} for name, value in first.items()]


def ranked() -> Spec:
    """Compute the ascending position of each estimate within the curve of its block and estimator."""
    window = [{"op": "row_number", "as": "rank"}]
    order = [{"field": "hazard_ratio"}, {"field": "i"}]
    return {"window": window, "sort": order, "groupby": [*OF_ESTIMAND, "estimator"]}


def grouped(choices: list[dict[str, str]]) -> list[Spec]:
    """Compute the place of each estimate of a curve: in ascending order within the groups that are shown."""
    values: dict[str, list[str]] = {}
    for row in choices:
        values.setdefault(row["field"], []).append(row["value"])
    place = f"group == '' ? 0 : indexof({json.dumps(values)}[group], datum[group])"
    order = [{"field": "part"}, {"field": "hazard_ratio"}, {"field": "i"}]
    return [
        {"calculate": place, "as": "part"},
        {"window": [{"op": "row_number", "as": "place"}], "sort": order},
        {"calculate": "datum.place + 2 * datum.part", "as": "rank"},
    ]


def published_layers(
    published: Mapping[str, float], first: Mapping[str, Any], y: Spec, *, form: str = ".2f"
) -> list[Spec]:
    """Draw the published number of the estimator shown if the block is the primary one: a line and its words.

    `published` holds numbers on the axis `y` by estimator.
    """
    if not published:
        return []
    block = {name: first[name] for name in OF_ESTIMAND if name in AXES}
    here = " && ".join(f"datum.{key} == {json.dumps(label)}" for key, label in block.items())
    numbers = json.dumps({ESTIMATOR_LABELS[name]: value for name, value in published.items()})
    at = [
        {"calculate": f"{here} ? {numbers}[datum.estimator] : null", "as": "published"},
        {"aggregate": [{"op": "max", "field": "published", "as": "published"}]},
        {"filter": "isValid(datum.published)"},
        {"calculate": f"'published ' + format(datum.published, '{form}')", "as": "words"},
    ]
    place = {"field": "published", "type": "quantitative", "scale": y.get("scale", {})}
    rule = {"type": "rule", "strokeDash": [7, 4], "strokeWidth": 1.6, "color": PUBLISHED}
    words = {"type": "text", "align": "right", "dy": 11, "color": INK, **HALO}
    tips = [tip("published", "Published", form)]
    return [
        {"transform": at, "mark": rule, "encoding": {"y": place, "tooltip": tips}},
        {
            "transform": at,
            "mark": words,
            "encoding": {"y": place, "x": {"value": "width"}, "text": {"field": "words"}},
        },
    ]


def curve_spec(
    study: Study,
    first: dict[str, Any],
    *,
    choices: list[dict[str, str]],
    limits: tuple[float, float],
    colour: Spec,
) -> Spec:
    """Draw one block's curve above the choices behind every estimate; a click opens the scenario.

    Parameters
    ----------
    first
        Values of the page's controls when it opens.
    choices
        Rows of the decision panel, in order, as `choice_labels` gives them.
    limits
        Of the hazard-ratio axis.
    """
    rank, across = rank_axis(), width(1, LABELS + 30)
    estimates = _curve_layers(study, first, rank, limits, colour)
    return vega_lite(
        data={"name": "specs"},
        transform=[{"filter": f"{BLOCK} && isValid(datum.hazard_ratio)"}, KEPT, *grouped(choices)],
        bounds="flush",
        spacing=14,
        vconcat=[
            {"name": "estimates", "width": across, "height": 260, "layer": estimates},
            {"width": across, "height": 46, "layer": _counts(rank)},
            {"width": across, "height": {"step": 17}, **_decisions(study, rank, choices, colour)},
        ],
    )


def _curve_layers(
    study: Study, first: Mapping[str, Any], rank: Spec, limits: tuple[float, float], colour: Spec
) -> list[Spec]:
    y = ratio("hazard_ratio", limits, "Hazard ratio")
    shared = {"x": rank, "color": colour, "tooltip": tooltip(study)}
    published = published_layers(study.published, first, y)
    return [
        line_at(1),
        *published[:1],
        whiskers(y, shared, opacity=0.55, strokeWidth=2, cursor="pointer"),
        dots(shared | {"y": y}, size=34, cursor="pointer"),
        primary_marks({"x": rank, "y": y, "tooltip": tooltip(study)}, size=130),
        cautioned({"x": rank, "y": {"value": 254}}),
        *published[1:],
    ]


def _counts(rank: Spec) -> list[Spec]:
    """Draw the patients, and over them those with the event."""
    y = {"type": "quantitative", "axis": {"title": "Patients", "tickCount": 2, "grid": False}}
    bar = {"type": "rule", "strokeWidth": 3, "clip": True}
    return [
        {
            "mark": bar | {"color": colour, "opacity": opacity},
            "encoding": {"x": rank, "y": {"field": field, **y}, "y2": {"datum": 0}},
        }
        for field, colour, opacity in (("patients", MUTED, 0.45), ("events", INK, 0.75))
    ]


def _decisions(study: Study, rank: Spec, choices: list[dict[str, str]], colour: Spec) -> Spec:
    """Draw a row for each choice under its decision's name, a tick for each estimate that made it.

    Dragging over rows keeps them.
    """
    rows: list[str] = []
    for group, members in itertools.groupby(choices, key=lambda row: row["group"]):
        named = list(members)
        rows += [group] if len(named) > 1 else []
        rows += [row["choice"] for row in named]
    words = {row["choice"]: row["group"] if row["field"] == GATE else f"{row['value']}" for row in choices}
    named_alone = f"{json.dumps(words)}[datum.value] || datum.value"
    is_choice = f"isValid({json.dumps(words)}[datum.value])"
    axis = {
        "title": None,
        "grid": True,
        "domain": False,
        "ticks": False,
        "labelExpr": named_alone,
        "labelFontWeight": {"condition": {"test": is_choice, "value": "normal"}, "value": "bold"},
        "gridOpacity": {"condition": {"test": is_choice, "value": 1}, "value": 0},
    }
    return {
        "name": "choices",
        "transform": [{"calculate": "datum.choices", "as": "choice"}, {"flatten": ["choice"]}],
        "params": [{"name": "decide", "select": {"type": "interval", "encodings": ["y"]}}],
        "mark": {"type": "tick", "orient": "vertical", "thickness": 2.5, "bandSize": 12},
        "encoding": {
            "x": rank,
            "y": {"field": "choice", "type": "nominal", "scale": {"domain": rows}, "axis": axis},
            "color": colour,
            "tooltip": tooltip(study),
        },
    }


def blocks_spec(
    study: Study,
    first: dict[str, Any],
    *,
    labels: dict[str, list[str]],
    limits: tuple[float, float],
    colour: Spec,
    dense: bool,
) -> Spec:
    """Draw every block's curve, one small chart each: threshold of lesions down, dose cutoff across.

    Where the charts would be `dense` they show no intervals, which would be a solid area and slow.
    """
    y = ratio("hazard_ratio", limits, None)
    shared = {"x": rank_axis(5), "color": colour}
    rules = [] if dense else [whiskers(y, shared, opacity=0.35, cursor="pointer")]
    points = shared | {
        "y": y,
        "color": {"condition": {"test": "datum.primary", "value": INK}, **colour},
        "size": {"condition": {"test": "datum.primary", "value": 70}, "value": 9},
        "shape": {"condition": {"test": "datum.primary", "value": "diamond"}, "value": "circle"},
        "tooltip": tooltip(study),
    }
    of_set = chosen_of("adjustment_set")
    here = {"filter": f"datum.estimator == estimator && {of_set} && isValid(datum.hazard_ratio)"}
    shaky = cautioned({"x": shared["x"], "y": {"value": 87}}, fontSize=8)
    drawn = kept([*rules, dots(points, cursor="pointer"), shaky], here)
    for layer in drawn:
        # Ranked before the cautioned are chosen, so that a mark stands under its estimate.
        layer["transform"].insert(2, ranked())
    # Here the caption says what the line is: small charts have no room for words.
    published = published_layers(study.published, first, y)[:1]
    for layer in published:
        layer["transform"] = [here, *layer["transform"]]
    left = {"title": study.lesions.label, "labelOrient": "left", "labelAngle": -90}
    return vega_lite(
        data={"name": "specs"},
        facet={
            "row": nominal("oligo_threshold", labels["oligo_threshold"], header=left),
            "column": nominal("dose_cutoff", labels["dose_cutoff"], header={"title": study.dose.label}),
        },
        spacing=12,
        resolve={"scale": {"x": "independent"}},
        spec={
            "width": width(len(labels["dose_cutoff"]), 120 + 12 * len(labels["dose_cutoff"])),
            "height": 92,
            "layer": [reference("y", 1), *published, *drawn],
        },
    )


def beside_spec(limits: tuple[float, float]) -> Spec:
    """Draw the analysis that the reader opens beside the primary one; the page gives the rows."""
    x = ratio("hazard_ratio", limits, "Hazard ratio")
    y = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None}}
    tips = [
        tip("hazard_ratio", "Hazard ratio", ".2f"),
        tip("ci_lower", "CI from", ".2f"),
        tip("ci_upper", "CI to", ".2f"),
    ]
    shared = {"y": y, "tooltip": tips}
    return vega_lite(
        data={"name": "beside"},
        width=width(1, 150),
        height={"step": 24},
        layer=[
            line_at(1, axis="x"),
            whiskers(x, shared, along="x", strokeWidth=2, opacity=0.6),
            dots(shared | {"x": x}, size=70, color=INK),
            primary_marks(shared | {"x": x}, size=90),
        ],
    )
