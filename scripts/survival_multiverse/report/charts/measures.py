"""The answer in every measure: one panel each, on a scale of its own."""

import pandas as pd

from survival_multiverse.inference.specification_summary import (
    direction,
    estimated,
    estimators_present,
    headline,
    middle,
    primary_block,
)
from survival_multiverse.report.charts.grid_charts import Chart
from survival_multiverse.report.charts.theme import (
    INK,
    MUTED,
    SIDES,
    Spec,
    line_at,
    ratio_scale,
    tip,
    values,
    vega_lite,
    width,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.tables.measure_tables import of_measure
from survival_multiverse.report.words.labels import arm_labels
from survival_multiverse.report.words.measures import MeasureWords, words_of
from survival_multiverse.settings.study import Study

ROW = 26
"""Height of an estimator's strip in pixels."""


def measures_chart(specifications: pd.DataFrame, study: Study) -> Chart | None:
    """Draw the analyses of the primary block in every measure.

    Parameters
    ----------
    specifications
        Of all measures.
    study
        Names the measures.

    Returns
    -------
    Chart or None
        None for a study of one measure, or without estimates.
    """
    every = primary_block(headline(specifications, study), study)
    names = [name for name in estimators_present(every) if len(estimated(every[every["estimator"] == name]))]
    if len(study.measures) < 2 or not names:
        return None
    panels, words = [], []
    for measure in study.measures:
        here, named = of_measure(every, measure), words_of(measure, study)
        panels.append(_panel(here, names, named))
        words.append(_words(here, names, named))
    text = (
        f"Dots: analyses at the primary options, {' against '.join(reversed(arm_labels(study)))}. Longer "
        "survival is to the right. Bars: medians; dark lines: no difference."
    )
    reading = (
        "The measures ask different questions of the same patients. Where they disagree, the answer is owed "
        "to the measure. No bar stands where some curves do not fall to one half, or stand at 0, or where "
        "follow-up ends too early: the others would be a selected rest."
    )
    spec = vega_lite(vconcat=panels, spacing=14)
    return Chart(
        "measures-chart", "The answer in every measure", text, " ".join(words), spec, reading=reading
    )


def _points(here: pd.DataFrame, words: MeasureWords) -> pd.DataFrame:
    known = estimated(here)
    return pd.DataFrame(
        {
            "estimator": known["estimator"].map(ESTIMATOR_LABELS),
            "value": words.measure.scale * known["estimate"].astype(float),
            "ci_lower": words.measure.scale * known["ci_lower"].astype(float),
            "ci_upper": words.measure.scale * known["ci_upper"].astype(float),
            "side": direction(known, words.measure),
        }
    )


def _medians(here: pd.DataFrame, names: list[str], words: MeasureWords) -> list[dict[str, object]]:
    rows = []
    for name in names:
        own = here[here["estimator"] == name]
        known = estimated(own)["estimate"].to_numpy(dtype=float)
        if len(known) and not words.measure.leaves_selected_rest(own["status"]):
            median = middle(known, words.measure)
            rows.append(
                {
                    "estimator": ESTIMATOR_LABELS[name],
                    "value": words.measure.scale * median,
                    "text": words.text(median),
                }
            )
    return rows


def _scale(points: pd.DataFrame, words: MeasureWords) -> tuple[Spec, Spec]:
    """Return scale and axis: room for every estimate and for the null, longer survival to the right."""
    shown = [*points["value"], words.measure.null]
    low, high = (min(shown), max(shown)) if len(points) else (0.5, 2.0)
    if words.measure.ratio:
        scale, axis = ratio_scale((low / 1.15, high * 1.15))
        return scale | {"reverse": True}, axis
    room = 0.08 * (high - low or 1.0)
    return {"domain": [low - room, high + room], "nice": False}, {"grid": True, "tickCount": 6}


def _panel(here: pd.DataFrame, names: list[str], words: MeasureWords) -> Spec:
    points, labels = _points(here, words), [ESTIMATOR_LABELS[name] for name in names]
    scale, axis = _scale(points, words)
    title = words.titled
    x: Spec = {"field": "value", "type": "quantitative", "scale": scale, "axis": axis | {"title": None}}
    y: Spec = {"field": "estimator", "type": "nominal", "sort": labels, "scale": {"domain": labels}}
    y["axis"] = {"title": None, "labelLimit": 170, "minExtent": 170}
    form = f"{'' if words.measure.ratio else '+'}.{words.digits}f"
    colour = {
        "field": "side",
        "type": "nominal",
        "scale": {"domain": list(SIDES), "range": list(SIDES.values())},
        "legend": None,
    }
    tips = [tip("estimator", "Estimator"), tip("value", title, form)]
    tips += [tip("ci_lower", "CI from", form), tip("ci_upper", "to", form)]
    tick = {"type": "tick", "thickness": 3, "size": ROW * 0.75, "color": INK}
    label = {"type": "text", "dy": -ROW * 0.42, "fontSize": 10, "color": INK}
    medians = _medians(here, names, words)
    layers: list[Spec] = [
        line_at(words.measure.null, axis="x"),
        {
            "data": values(points),
            "mark": {"type": "circle", "opacity": 0.55, "size": 34},
            "encoding": {"x": x, "y": y, "color": colour, "tooltip": tips},
        },
    ]
    if medians:
        shared = {"x": x, "y": y}
        layers.append({"data": values(medians), "mark": tick, "encoding": shared})
        layers.append(
            {"data": values(medians), "mark": label, "encoding": shared | {"text": {"field": "text"}}}
        )
    heading = {"text": title, "anchor": "start", "fontSize": 12, "fontWeight": "bold", "color": MUTED}
    return {"title": heading, "width": width(reserved=210), "height": ROW * len(names), "layer": layers}


def _words(here: pd.DataFrame, names: list[str], words: MeasureWords) -> str:
    """Say a panel in a sentence."""
    found = _medians(here, names, words)
    told = ", ".join(f"{row['estimator']} {row['text']}" for row in found) or "no median"
    return f"{words.heading}, medians: {told}."
