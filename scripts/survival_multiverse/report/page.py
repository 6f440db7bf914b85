"""The robustness report: one self-contained page, made from tables and figures."""

import json
import re
from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from survival_multiverse.cohort.disclosure import about, class_words
from survival_multiverse.cohort.sample import measured
from survival_multiverse.inference.specification_summary import estimated, estimators_present, headline
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.balance import scenario_love_spec
from survival_multiverse.report.charts.grid_charts import Chart
from survival_multiverse.report.charts.hero import hero_spec
from survival_multiverse.report.charts.page_charts import opening, page_charts
from survival_multiverse.report.charts.page_data import axis_labels, balance_terms, page_data, primary_choices
from survival_multiverse.report.charts.static import svg_of
from survival_multiverse.report.charts.time import arms_spec
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.style.palette import THEMED
from survival_multiverse.report.tables.flow import flow_steps
from survival_multiverse.report.tables.page_tables import page_tables
from survival_multiverse.report.tables.paper_tables import HONESTY
from survival_multiverse.report.templates import environment
from survival_multiverse.report.words.answer import answers, is_fitted, silence
from survival_multiverse.report.words.captions import caption, dagger, filled_in
from survival_multiverse.report.words.checklists import CHECKLIST_REFERENCES
from survival_multiverse.report.words.claim import claim, evidence, hero_alternative, hero_caption
from survival_multiverse.report.words.figure_names import MATCHED, PREFIX, figure_names
from survival_multiverse.report.words.labels import (
    arm_labels,
    axis_value,
    in_sentence,
    judged_forms,
    with_unit,
)
from survival_multiverse.report.words.methods import REFERENCES, methods
from survival_multiverse.report.words.narrative import hidden_bias, joint_null, origin, readings
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import AXES

TABLES = (
    "cohort",
    "flow",
    "primary",
    "specifications",
    "blocks",
    "failures",
    "attribution",
    "joint_inference",
    "null_curves",
    "cutpoints",
    "selected_cutoffs",
    "dose_response",
    "cross_checks",
    "arm_curves",
    "survival_curves",
    "score_overlap",
    "scenario_balance",
)
"""Tables that the report reads: canonical patients, their flow, all rows of the primary scenario, the
aggregates of `robustness`, those of `attribution`, `joint_inference`, `cutpoints` and `cross_checks`, the
curves of `arm_curves`, and the standardised differences of every scenario's primary population."""

CHAPTERS = {
    "The answer": {"answer": "In one picture", "reading": "Each estimator"},
    "Explore all analyses": {"curve": "Every analysis", "surface": "Cutoffs", "choices": "What moves it"},
    "Is the comparison fair?": {"primary": "Primary scenario", "balance": "Balance"},
    "Does it hold?": {
        "time": "Over time",
        "strata": "In subgroups",
        "unmeasured": "Unmeasured confounding",
        "together": "Joint tests",
    },
    "The paper, reproduced": {"paper": "Every printed number"},
    "The patients": {"patients": "Who they are"},
    "Methods and audit": {"failures": "Not estimable", "methods": "Methods"},
}
"""The contents list: chapters, and their sections in the order of the page."""

HERO_WIDTH, HERO_NARROW = 980, 340
"""Widths of the first picture in pixels, on a screen and on a phone."""
NO_CUTOFFS = {
    True: "No cutoff was searched for.",
    False: (
        "Not shown for reconstructed patients, nor the variable uncut: exact values were drawn within the "
        "published categories, so a search would find the cutoffs that were built in."
    ),
}
"""What stands in place of searched cutoffs, by whether values were measured."""


def render_page(
    study: Study,
    tables: Mapping[str, pd.DataFrame],
    figures: Mapping[str, str],
    *,
    scripts: str,
    versions: Mapping[str, str] | None = None,
    digests: Mapping[str, str] | None = None,
    scenarios: Mapping[str, str] | None = None,
) -> str:
    """Make the page.

    Parameters
    ----------
    tables
        Frames under the names in `TABLES`, as `release.release` gives them; ``calibration`` (see
        `calibration_table`) and those of the paper behind a reconstructed cohort
        (`paper_tables.PAPER_TABLES`) may be added.
    figures
        SVG documents of the survival curves by name; those that are missing are left out.
    scripts
        Vega, Vega-Lite and Vega-Embed as one script that defines ``window.vegaEmbed``.
    versions
        Software and its version, for the appendix.
    digests
        What the results were made from, and its digest, for the appendix.
    scenarios
        Path of each scenario's file and its SHA-256.

    Returns
    -------
    str
        HTML with inline styles, scripts, charts and figures: no network.
    """
    missing = [name for name in TABLES if name not in tables]
    if missing:
        raise ValueError(f"the report lacks the tables {', '.join(missing)}")
    page = environment().get_template("report.html.jinja")
    charts = page_charts(study, tables)
    return page.render(
        study=study,
        chapters=CHAPTERS,
        **_first_screen(study, tables),
        dagger=dagger(study),
        **_overview(study, tables),
        **_words(study),
        charts=_Missing(charts),
        survival=_survival(study, figures, tables),
        flow=flow_steps(tables["flow"], study),
        tables=page_tables(study, tables),
        honesty=HONESTY,
        methods=methods(study),
        references=sorted({*REFERENCES, *CHECKLIST_REFERENCES}),
        axes=_axes(study),
        versions=dict(versions or {}),
        digests=dict(digests or {}),
        scripts=Markup(re.sub(r"</(?=script)", r"<\\/", scripts, flags=re.IGNORECASE)),
        page=_page(study, tables, charts, {"scenarios": dict(scenarios or {})}),
    )


def _first_screen(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the claim, its picture, and what speaks for it and against it."""
    specifications = tables["specifications"]
    words = hero_alternative(specifications, study)
    pictures = {}
    for name, width in {"wide": HERO_WIDTH, "narrow": HERO_NARROW}.items():
        svg = svg_of(hero_spec(specifications, study, width=width, upright=name == "narrow"))
        pictures[name] = inline_svg(svg, prefix=f"hero-{name}", alternative=words, pixel=1.0)
    high = arm_labels(study, dose_cutoff=study.primary.dose_cutoff)[1]
    supporting, opposing = evidence(specifications, tables["primary"], tables["joint_inference"], study)
    return {
        "claim": claim(specifications, study),
        "hero": pictures,
        "hero_caption": hero_caption(study),
        "supporting": supporting,
        "opposing": opposing,
        "predicted": f"{study.inference.predicted} survival with {high}",
    }


class _Missing(dict[str, Any]):
    """Charts by name; one that has nothing to show is not there, and its place stays empty."""

    def __missing__(self, name: str) -> None:
        return None


def _page(
    study: Study,
    tables: Mapping[str, pd.DataFrame],
    charts: Mapping[str, Chart],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Return what the script on the page reads, as JSON in elements of its own."""
    first = opening(study, tables["specifications"])
    specs = {name: chart.spec for name, chart in charts.items()}
    data = page_data(study, tables, provenance=provenance)
    printed = {row["kind"] for row in data["printed"]}
    specs["scenario-km"] = arms_spec(study.time.label, study.time.unit, printed="survival" in printed)
    names = list(balance_terms(study).values())
    gates = study.analysis.balance_thresholds
    specs["scenario-love"] = scenario_love_spec(names, gates, printed="smd" in printed)
    present = estimators_present(headline(tables["specifications"]))
    return {
        "data": inline_json(data),
        "opening": inline_json(first),
        "first": first,
        "labels": axis_labels(study),
        "present": [ESTIMATOR_LABELS[name] for name in present],
        "specs": {name: inline_json(spec) for name, spec in specs.items()},
    }


def inline_json(value: object) -> Markup:
    """Return JSON for a script element: no character in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _overview(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the content of the head of the page."""
    specifications, joint = tables["specifications"], tables["joint_inference"]
    heading, short, text = origin(study)
    return {
        "origin_heading": f"{heading}: {short}",
        "origin_text": text,
        "answers": answers(specifications, study, joint, tables["attribution"]),
        "silence": silence(study),
        "readings": readings(specifications, study),
        "joint_null": joint_null(joint, study),
        "filled_in": filled_in(study),
        "judged_forms": judged_forms(study),
        "classes": class_words(study.minimum_count),
        "hidden_bias": hidden_bias(specifications, study),
        "fitted": is_fitted(study),
        "no_cutoffs": NO_CUTOFFS[measured(study)],
        "attempted": len(specifications),
        "estimated": len(estimated(specifications)),
        **{
            name: about(tables["cohort"][name].iloc[0], minimum=study.minimum_count)
            for name in ("patients", "events")
        },
        "primary": _primary_words(study),
        "gate": f"{min(study.analysis.balance_thresholds):g}",
    }


def _words(study: Study) -> dict[str, str]:
    """Return the phrases of the settings that the page's own sentences use."""
    low, high = arm_labels(study, dose_cutoff=study.primary.dose_cutoff)
    dose = in_sentence(study.dose.label)
    return {
        "threshold_words": axis_value(study, "oligo_threshold", study.primary.oligo_threshold),
        "dose_words": f"{dose} {high} against {low}",
        "exposure": dose,
        "time_words": in_sentence(study.time.label),
        "horizon": with_unit(study.analysis.rmst_horizon, study.time.unit),
    }


def _survival(
    study: Study, figures: Mapping[str, str], tables: Mapping[str, pd.DataFrame]
) -> list[dict[str, Any]]:
    """Return the survival curves of the primary scenario, in their order."""
    return [
        _figure(name, figures[name], tables, study, position)
        for position, name in enumerate(figure_names(study))
        if name in figures
    ]


def inline_svg(svg: str, *, prefix: str, alternative: str, pixel: float = 4 / 3) -> Markup:
    """Return an SVG document as an element of a page.

    Ids and the references to them get the prefix, so that two figures cannot take each other's glyphs
    and clip paths; the theme's colours become CSS variables; the figure scales with the page. ``pixel`` is
    the figure's unit in CSS pixels: by default a point, as matplotlib writes.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<metadata>.*?</metadata>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(?<=\bid=")', f"{prefix}-", svg)
    svg = re.sub(r"url\(#", f"url(#{prefix}-", svg)
    svg = re.sub(r'(?<=href="#)', f"{prefix}-", svg)
    for colour, variable in THEMED.items():
        svg = svg.replace(colour, f"var({variable})")
    # The styles of matplotlib's own element would reach every figure of the page.
    svg = re.sub(r"<style[^>]*>.*?</style>", "", svg, flags=re.DOTALL)
    natural = f"--natural: {_width(svg, pixel):.0f}px"
    svg = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg\b[^>]*?) role="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg\b[^>]*?) class="[^"]*"', r"\1", svg, count=1)
    opening = f'<svg class="plot" role="img" aria-label="{escape(alternative)}" style="{natural}"'
    return Markup(svg.replace("<svg", opening, 1).strip())


def _width(svg: str, pixel: float = 4 / 3) -> float:
    """Return the natural width in CSS pixels; SVG from matplotlib counts in points of 1/72 inch."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ', svg)
    return float(box[1]) * pixel if box else 0.0


def _figure(
    name: str, svg: str, tables: Mapping[str, pd.DataFrame], study: Study, position: int
) -> dict[str, Any]:
    specifications = tables["specifications"]
    words = caption(name, specifications, study, tables.get("published", NO_MARKS))
    drawing = inline_svg(svg, prefix=f"f{position}", alternative=words.alternative)
    chosen = name.removeprefix(PREFIX + MATCHED) if name.startswith(PREFIX + MATCHED) else None
    kept = primary_choices(specifications, study).get(("matched", chosen)) if chosen else None
    return {
        "name": name,
        "title": words.title,
        "text": words.text,
        "svg": drawing,
        "wide": _width(svg) > 560,
        "kept": json.dumps(kept) if kept else None,
    }


def _primary_words(study: Study) -> str:
    threshold, dose, gtv, caliper = study.primary
    return (
        f"patients with {axis_value(study, 'oligo_threshold', threshold)}, "
        f"{in_sentence(study.dose.label)} from {with_unit(dose, study.dose.unit)}, "
        f"{in_sentence(study.gtv.label)} from {with_unit(gtv, study.gtv.unit)}, "
        f"{axis_value(study, 'caliper', caliper)}"
    )


def _axes(study: Study) -> list[dict[str, Any]]:
    labels = {
        "oligo_threshold": study.lesions.label,
        "dose_cutoff": study.dose.label,
        "gtv_cutoff": study.gtv.label,
        "caliper": "Caliper, SD of the propensity logit",
    }
    return [
        {
            "label": labels[name],
            "values": [
                (axis_value(study, name, value), reason)
                for value, reason in zip(study.axes[name].values, study.axes[name].reasons, strict=True)
            ],
        }
        for name in AXES
    ]
