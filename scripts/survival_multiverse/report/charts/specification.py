"""The specification curve of a block with its decision panel, and all blocks side by side."""

import itertools
import json
import textwrap
from collections.abc import Mapping
from typing import Any

from survival_multiverse.report.charts.contrasts import exposure_decision
from survival_multiverse.report.charts.estimate_words import axis_title, interval_tips
from survival_multiverse.report.charts.page_data import (
    ADJUSTED_FOR,
    GATE,
    axis_labels,
    decision_titles,
    estimand_names,
    field,
    has_gaps,
    pooled_label,
)
from survival_multiverse.report.charts.theme import (
    HALO,
    INK,
    MUTED,
    Spec,
    cautioned,
    dots,
    estimates,
    line_at,
    nominal,
    primary_marks,
    rank_axis,
    reference,
    tip,
    vega_lite,
    whiskers,
    width,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.style.palette import PUBLISHED
from survival_multiverse.report.words.measures import MeasureWords, measure_words
from survival_multiverse.settings.schema import Estimator
from survival_multiverse.settings.study import UNCERTAIN, Decision, Study
from survival_multiverse.settings.values import Value

LABELS, CURVE = 190, 260
"""Pixels that the names of the choices take, and the height of the curve above them."""
NAMES, LINES = 170, 26
"""Room for the names of the questions beside their curves, in pixels, and letters in a line of it."""
POOLING, QUESTION = "pooling", "question"
"""Fields of the small curves: whether uncertain options are taken together, and what a curve asks."""


def chosen_of(study: Study, *names: str) -> str:
    """Return the test of a row's having the values of these decisions that the reader chose."""
    return " && ".join(f"(!isValid(datum.{field(name)}){_chosen(study, name)})" for name in names)


def _chosen(study: Study, name: str) -> str:
    own = f" || datum.{field(name)} == {field(name)}"
    if name not in study.uncertain:
        return own
    return f"{own} || {field(name)} == {json.dumps(pooled_label(study.decisions[name]))}"


def same_question(study: Study) -> str:
    """Return the test of a row's asking what the reader chose, with whichever estimator."""
    return chosen_of(study, *estimand_names(study))


def keeping(study: Study) -> Spec:
    """Return what the reader's filter lets through: in charts of the grid a mark with another choice goes."""
    tests = [
        f"(!isValid(datum.{name}) || indexof(chosen.{name}, datum.{name}) >= 0)"
        for name in map(field, study.inside)
    ]
    return {"filter": " && ".join([*tests, "(chosen.gate == 'all' || datum.gate !== false)"])}


def kept(study: Study, layers: list[Spec], *before: Spec) -> list[Spec]:
    """Return the layers of a facet that draw only what the reader keeps.

    Filtered as a whole, a facet would lose its empty charts and lay out the others under wrong headers: one
    layer at least has to stay without this.
    """
    after = keeping(study)
    return [{**layer, "transform": [*before, after, *layer.get("transform", [])]} for layer in layers]


def tooltip(study: Study) -> list[Spec]:
    """Show all numbers of a specification, by its axes' own names."""
    words = measure_words(study)
    inverse = [tip("inverse", "1 / hazard ratio", ".2f")] if words.measure.ratio else []
    return [
        tip("estimator", "Estimator"),
        *(tip(field(name), title) for name, title in decision_titles(study).items()),
        *interval_tips(words, upper="CI to"),
        *inverse,
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


def ranked(study: Study, *more: str) -> Spec:
    """Compute the ascending position of each estimate within the curve of its block and estimator.

    `more` names fields that further tell curves apart; of uncertain decisions nothing else does.
    """
    window = [{"op": "row_number", "as": "rank"}]
    order = [{"field": "estimate"}, {"field": "i"}]
    own = [field(name) for name in estimand_names(study) if name not in study.uncertain]
    return {"window": window, "sort": order, "groupby": [*own, *more, "estimator"]}


def grouped(choices: list[dict[str, str]]) -> list[Spec]:
    """Compute the place of each estimate of a curve: in ascending order within the groups that are shown."""
    values: dict[str, list[str]] = {}
    for row in choices:
        values.setdefault(row["field"], []).append(row["value"])
    place = f"group == '' ? 0 : indexof({json.dumps(values)}[group], datum[group])"
    order = [{"field": "part"}, {"field": "estimate"}, {"field": "i"}]
    return [
        {"calculate": place, "as": "part"},
        {"window": [{"op": "row_number", "as": "place"}], "sort": order},
        {"calculate": "datum.place + 2 * datum.part", "as": "rank"},
    ]


def published_layers(
    study: Study, published: Mapping[str, float], first: Mapping[str, Any], y: Spec, *, form: str = ".2f"
) -> list[Spec]:
    """Draw the published number of the estimator shown if the block is the primary one: a line and its words.

    `published` holds numbers on the axis `y` by estimator.
    """
    if not published:
        return []
    block = {name: first[name] for name in map(field, study.outside)}
    here = " && ".join(f"datum.{key} == {json.dumps(label)}" for key, label in block.items()) or "true"
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
        Of the axis of estimates.
    """
    rank, across = rank_axis(), width(1, LABELS + 30)
    here = f"{same_question(study)} && datum.estimator == estimator && isValid(datum.estimate)"
    curve = _curve_layers(study, first, rank, limits, colour)
    return vega_lite(
        data={"name": "specs"},
        transform=[
            {"filter": here},
            keeping(study),
            *grouped(choices),
        ],
        bounds="flush",
        spacing=14,
        vconcat=[
            {"name": "estimates", "width": across, "height": CURVE, "layer": curve},
            {"width": across, "height": 46, "layer": _counts(rank)},
            {"width": across, "height": {"step": 17}, **_decisions(study, rank, choices, colour)},
        ],
    )


def _curve_layers(
    study: Study, first: Mapping[str, Any], rank: Spec, limits: tuple[float, float], colour: Spec
) -> list[Spec]:
    words = measure_words(study)
    y = estimates(words, "estimate", limits, axis_title(words, CURVE))
    shared = {"x": rank, "color": colour, "tooltip": tooltip(study)}
    published = published_layers(study, study.published_estimates, first, y)
    return [
        line_at(words.measure.null),
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


def across_and_down(study: Study) -> tuple[Decision | None, list[Decision]]:
    """Return the decisions that make questions: that of the exposure, if it does, and the others."""
    exposure = exposure_decision(study)
    apart = [study.decisions[name] for name in study.outside if len(study.decisions[name].values) > 1]
    across = exposure if exposure in apart else None
    return across, [decision for decision in apart if decision is not across]


def blocks_spec(
    study: Study, first: dict[str, Any], *, limits: tuple[float, float], colour: Spec, dense: bool
) -> Spec:
    """Draw every block's curve, one small chart each: options of the exposure across, other questions down.

    Where the charts would be `dense` they show no intervals, which would be a solid area and slow.
    """
    across, down = across_and_down(study)
    labels, simple = axis_labels(study), _simple(down)
    words = measure_words(study)
    y = estimates(words, "estimate", limits, None)
    shared = {"x": rank_axis(5), "color": colour}
    rules = [] if dense else [whiskers(y, shared, opacity=0.35, cursor="pointer")]
    points = shared | {
        "y": y,
        "color": {"condition": {"test": "datum.primary", "value": INK}, **colour},
        "size": {"condition": {"test": "datum.primary", "value": 70}, "value": 9},
        "shape": {"condition": {"test": "datum.primary", "value": "diamond"}, "value": "circle"},
        "tooltip": tooltip(study),
    }
    of_set = chosen_of(study, ADJUSTED_FOR)
    here = {"filter": f"datum.estimator == estimator && {of_set} && isValid(datum.estimate)"}
    shaky = cautioned({"x": shared["x"], "y": {"value": 87}}, fontSize=8)
    drawn = kept(study, [*rules, dots(points, cursor="pointer"), shaky], here)
    for layer in drawn:
        # Ranked before the cautioned are chosen, so that a mark stands under its estimate.
        layer["transform"].insert(2, ranked(study) if simple else ranked(study, QUESTION))
    # Here the caption says what the line is: small charts have no room for words.
    published = published_layers(study, study.published_estimates, first, y)[:1]
    for layer in published:
        layer["transform"] = [here, *layer["transform"]]
    facet: Spec = {}
    reserved = 120 if simple else 60 + NAMES
    if down:
        facet["row"] = _simple_rows(down[0], labels) if simple else _rows(study, down)
    columns, steps = 1, [] if simple else _asked(study, down)
    if across is not None:
        order = labels[across.name]
        if down and has_gaps(study):
            steps.append(every_cell(across, order, facet["row"]["field"]))
        facet["column"] = nominal(field(across.name), order, header={"title": across.label})
        columns = len(order)
    return vega_lite(
        data={"name": "specs"},
        **({"transform": steps} if steps else {}),
        facet=facet,
        spacing=12,
        resolve={"scale": {"x": "independent"}},
        spec={
            "width": width(columns, reserved + 12 * columns),
            "height": 92,
            "layer": [reference("y", words.measure.null), *published, *drawn],
        },
    )


def every_cell(decision: Decision, labels: list[str], *beside: str) -> Spec:
    """Add an empty row for each option that a row of charts lacks: without it the others would move up."""
    step: Spec = {"impute": "absent", "key": field(decision.name), "keyvals": labels, "value": 1}
    return step | ({"groupby": list(beside)} if beside else {})


def _simple(down: list[Decision]) -> bool:
    """Return whether one field tells the rows of small curves apart, with a value in every analysis."""
    return not down or (len(down) == 1 and down[0].type != UNCERTAIN and all(map(down[0].touches, Estimator)))


def _simple_rows(decision: Decision, labels: Mapping[str, list[str]]) -> Spec:
    header = {"title": decision.label, "labelOrient": "left", "labelAngle": -90}
    return nominal(field(decision.name), labels[decision.name], header=header)


def _rows(study: Study, down: list[Decision]) -> Spec:
    """Name each row by the options that make its question, those that exist in the order of the settings."""
    words = {text: textwrap.wrap(text, LINES) for text in question_names(study, down)}
    title = "; ".join(decision.label for decision in down)
    header: Spec = {"title": title, "labelOrient": "left", "labelAngle": 0, "labelAlign": "left"}
    header |= {"labelExpr": f"{json.dumps(words, ensure_ascii=False)}[datum.value]", "labelLimit": NAMES}
    return nominal(QUESTION, list(words), header=header)


def question_names(study: Study, down: list[Decision]) -> list[str]:
    """Return the options of these decisions that occur together; after them, uncertain ones pooled."""
    labels, places = axis_labels(study), list(study.decisions)
    seen = {tuple(scenario[places.index(decision.name)] for decision in down) for scenario in study.grid}
    pooled = {decision.name: pooled_label(decision) for decision in down if decision.name in study.uncertain}
    names = []
    every = itertools.product(*(decision.values for decision in down))
    for chosen in sorted(every, key=lambda options: _certain_first(down, options)):
        if chosen in seen:
            parts = [
                labels[decision.name][decision.values.index(value)]
                for decision, value in zip(down, chosen, strict=True)
            ]
            names.append("; ".join(parts))
            if pooled:
                together = [
                    pooled.get(decision.name, part) for decision, part in zip(down, parts, strict=True)
                ]
                names.append("; ".join(together))
    # Where a question is seen last, its pooled row follows.
    return list(dict.fromkeys(reversed(names)))[::-1]


def _certain_first(down: list[Decision], options: tuple[Value, ...]) -> list[int]:
    """Return the place of a question: those that differ only in what is pooled follow each other."""
    places = [decision.values.index(value) for decision, value in zip(down, options, strict=True)]
    certain = [place for place, own in zip(places, down, strict=True) if own.type != UNCERTAIN]
    return [*certain, *places]


def _asked(study: Study, down: list[Decision]) -> list[Spec]:
    """Compute the question of each analysis: one for each option where a decision does not apply to it.

    Analyses of uncertain options stand under a second question, with these options pooled.
    """
    labels = axis_labels(study)
    steps: list[Spec] = []
    if any(decision.name in study.uncertain for decision in down):
        steps += [{"calculate": "['apart', 'pooled']", "as": POOLING}, {"flatten": [POOLING]}]
    parts = []
    for place, decision in enumerate(down):
        own, part = f"datum.{field(decision.name)}", f"asked{place}"
        every = json.dumps(labels[decision.name], ensure_ascii=False)
        found = f"isValid({own}) ? [{own}] : {every}"
        if decision.name in study.uncertain:
            label = json.dumps(pooled_label(decision), ensure_ascii=False)
            found = f"datum.{POOLING} == 'pooled' ? [{label}] : {found}"
        steps += [{"calculate": found, "as": part}, {"flatten": [part]}]
        parts.append(f"datum.{part}")
    return [*steps, {"calculate": " + '; ' + ".join(parts), "as": QUESTION}]


def beside_spec(words: MeasureWords, limits: tuple[float, float]) -> Spec:
    """Draw the analysis that the reader opens beside the primary one; the page gives the rows."""
    x = estimates(words, "estimate", limits, words.titled)
    y = {"field": "name", "type": "nominal", "sort": None, "axis": {"title": None}}
    shared = {"y": y, "tooltip": interval_tips(words, upper="CI to")}
    return vega_lite(
        data={"name": "beside"},
        width=width(1, 150),
        height={"step": 24},
        layer=[
            line_at(words.measure.null, axis="x"),
            whiskers(x, shared, along="x", strokeWidth=2, opacity=0.6),
            dots(shared | {"x": x}, size=70, color=INK),
            primary_marks(shared | {"x": x}, size=90),
        ],
    )
