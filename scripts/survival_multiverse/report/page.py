"""The robustness report: one self-contained page, made from tables and figures."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd
from markupsafe import Markup, escape

from survival_multiverse.cohort.disclosure import about, class_words
from survival_multiverse.cohort.sample import measured
from survival_multiverse.inference.specification_summary import estimated, estimators_present, headline
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.balance import scenario_love_spec
from survival_multiverse.report.charts.chart_files import chart_specs
from survival_multiverse.report.charts.contrasts import exposure_decision
from survival_multiverse.report.charts.grid_charts import Chart, shapley_words
from survival_multiverse.report.charts.hero import hero_spec
from survival_multiverse.report.charts.introduction import introduction_spec
from survival_multiverse.report.charts.measure_views import measure_views
from survival_multiverse.report.charts.packed import packed
from survival_multiverse.report.charts.page_charts import opening, page_charts
from survival_multiverse.report.charts.page_data import analysis_data, balance_terms, has_rest, opening_data
from survival_multiverse.report.charts.specification import across_and_down, beside_spec
from survival_multiverse.report.charts.static import svg_of
from survival_multiverse.report.charts.time import arms_spec
from survival_multiverse.report.style.estimate_axis import estimate_limits
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.style.palette import THEMED
from survival_multiverse.report.tables.decision_tables import decision_rows
from survival_multiverse.report.tables.flow import flow_steps
from survival_multiverse.report.tables.page_tables import page_tables
from survival_multiverse.report.tables.paper_tables import HONESTY, PAPER_TABLES
from survival_multiverse.report.templates import environment
from survival_multiverse.report.words.answer import answers, is_fitted, silence
from survival_multiverse.report.words.captions import caption, filled_in, late_note
from survival_multiverse.report.words.checklists import CHECKLIST_REFERENCES, capital
from survival_multiverse.report.words.claim import claim, evidence, hero_alternative, hero_caption
from survival_multiverse.report.words.controls import controls_reasons, controls_seen, sizes_in_words
from survival_multiverse.report.words.decisions import whom
from survival_multiverse.report.words.delayed_entry import no_bounds, no_search
from survival_multiverse.report.words.figure_names import DOSE, MATCHED, PREFIX, figure_names
from survival_multiverse.report.words.findings import findings
from survival_multiverse.report.words.glossary import Explanations, terms
from survival_multiverse.report.words.immortal_time import no_treatment_times
from survival_multiverse.report.words.introduction import (
    HEADING,
    introduction,
    introduction_alternative,
    introduction_caption,
)
from survival_multiverse.report.words.labels import (
    arm_labels,
    decision_words,
    in_sentence,
    judged_forms,
    of_arm,
    option_words,
    with_unit,
)
from survival_multiverse.report.words.measures import RATIOS, measure_words, words_of
from survival_multiverse.report.words.methods import methods, references
from survival_multiverse.report.words.narrative import hidden_bias, joint_null, origin, readings
from survival_multiverse.report.words.target import TRIAL
from survival_multiverse.scenario.cautions import NOTE
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Value

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
    "bias_surface",
    "bias_covariates",
)
"""Tables that the report reads: canonical patients, their flow, all rows of the primary scenario, the
aggregates of `robustness`, those of `attribution`, `joint_inference`, `cutpoints` and `cross_checks`, the
curves of `arm_curves`, the standardised differences of every scenario's primary population, and the tables
of `bias_surface`."""

OPTIONAL_TABLES = (
    *("calibration", "immortal_time", "immortal_time_summary", *PAPER_TABLES),
    *("negative_controls", "calibrated_p_values"),
)
"""Tables that it reads where there are any."""

CHAPTERS = {
    "answer": "The answer",
    "explore": "Explore all analyses",
    "balance": "Is the comparison fair?",
    "time": "Does it hold?",
    "paper": "The paper, reproduced",
    "patients": "The patients",
    "methods": "Methods and audit",
}
"""Names of the chapters by their addresses, in the order of the page; the last is a tab of its own."""
LEADS = ("decisions-chart", "curve-chart", "love-chart", "published-chart")
"""Charts that open a chapter: without JavaScript they are still pictures."""

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
    downloads: Mapping[str, str] | None = None,
) -> str:
    """Make the page.

    Parameters
    ----------
    tables
        Frames under the names in `TABLES`, as `release.release` gives them; those of `OPTIONAL_TABLES` may be
        added.
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
    downloads
        The tables and the numbers of the survival curves as CSV, by their names, for those who take one away.

    Returns
    -------
    str
        HTML with inline styles, scripts, charts and figures: no network.
    """
    missing = [name for name in TABLES if name not in tables]
    if missing:
        raise ValueError(f"the report lacks the tables {', '.join(missing)}")
    page = environment(Explanations(terms(study))).get_template("report.html.jinja")
    charts = page_charts(study, tables)
    shown = page_tables(study, tables)
    absent = [] if shown["paper_score"] else ["paper"]
    return page.render(
        study=study,
        chapters={name: title for name, title in CHAPTERS.items() if name not in absent},
        findings=findings(study, tables),
        numbered=Numbering(),
        stills=_Missing(_stills(study, tables, charts) if scripts else {}),
        **_first_screen(study, tables),
        dagger=late_note(study),
        caution=NOTE,
        **_overview(study, tables),
        **_words(study),
        charts=_Missing(charts),
        survival=_survival(study, figures, tables, downloads or {}),
        flow=flow_steps(tables["flow"], study),
        tables=shown,
        trial_title=TRIAL,
        honesty=HONESTY,
        methods=methods(study),
        references=sorted({*references(study), *CHECKLIST_REFERENCES}),
        decisions=decision_rows(study),
        versions=dict(versions or {}),
        digests=dict(digests or {}),
        scripts=bool(scripts),
        page=_page(
            study, tables, charts, scripts=scripts, scenarios=scenarios or {}, downloads=dict(downloads or {})
        ),
    )


def _first_screen(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the claim, its picture, and what speaks for it and against it."""
    specifications = tables["specifications"]
    words = hero_alternative(specifications, study)
    pictures = {}
    for name, width in {"wide": HERO_WIDTH, "narrow": HERO_NARROW}.items():
        svg = svg_of(hero_spec(specifications, study, width=width, upright=name == "narrow"))
        pictures[name] = inline_svg(svg, prefix=f"hero-{name}", alternative=words, pixel=1.0)
    high = arm_labels(study)[1]
    found = tables["primary"], tables["joint_inference"]
    supporting, opposing = evidence(specifications, *found, study, tables.get("immortal_time"))
    return {
        "claim": claim(specifications, study, tables.get("immortal_time")),
        "hero": pictures,
        "hero_title": _hero_title(study),
        "hero_caption": hero_caption(study),
        "supporting": supporting,
        "opposing": opposing,
        "predicted": f"{study.inference.predicted} survival with {high}",
        "introduction": _introduction(specifications, study),
    }


def _hero_title(study: Study) -> str:
    exposure = exposure_decision(study)
    if exposure is None:
        return "Every analysis by estimator"
    return f"Every analysis by estimator and {'cutoff' if exposure.varies else 'comparison'}"


def _introduction(specifications: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Return the explanation for new readers, and its picture if anything was estimated."""
    spec = introduction_spec(specifications, study)
    words = introduction_alternative(specifications, study) if spec else ""
    return {
        "heading": HEADING,
        "sentences": introduction(specifications, study),
        "picture": inline_svg(svg_of(spec), prefix="new", alternative=words, pixel=1.0) if spec else None,
        "caption": introduction_caption(specifications, study),
    }


class _Missing(dict[str, Any]):
    """Charts by name; one that has nothing to show is not there, and its place stays empty."""

    def __missing__(self, name: str) -> None:
        return None


class Numbering:
    """Numbers figures and tables in the order in which the page shows them."""

    def __init__(self) -> None:
        self._shown: Counter[str] = Counter()

    def __call__(self, kind: str) -> str:
        """Return the kind and the number of what is shown next: ``Figure 3``."""
        self._shown[kind] += 1
        return f"{kind} {self._shown[kind]}"


def _stills(
    study: Study, tables: Mapping[str, pd.DataFrame], charts: Mapping[str, Chart]
) -> dict[str, Markup]:
    """Return the charts that open a chapter as pictures that need no script."""
    specs = chart_specs(study, tables)
    return {
        name: inline_svg(
            svg_of(specs[name]), prefix=f"still-{name}", alternative=charts[name].alternative, pixel=1.0
        )
        for name in LEADS
        if name in charts
    }


def _page(
    study: Study,
    tables: Mapping[str, pd.DataFrame],
    charts: Mapping[str, Chart],
    *,
    scripts: str,
    scenarios: Mapping[str, str],
    downloads: Mapping[str, str],
) -> dict[str, Any]:
    """Return what the script on the page reads: blocks that it unpacks, and the options of its controls."""
    specs = {name: chart.spec for name, chart in charts.items()}
    analysis = analysis_data(study, tables, scenarios=scenarios)
    printed = {row["kind"] for row in analysis["printed"]}
    specs["scenario-km"] = arms_spec(study.time.label, study.time.unit, printed="survival" in printed)
    names = list(balance_terms(study).values())
    gates = study.analysis.balance_thresholds
    specs["scenario-love"] = scenario_love_spec(names, gates, printed="smd" in printed)
    limits = estimate_limits(headline(tables["specifications"], study), study.primary_measure)
    specs["scenario-beside"] = beside_spec(measure_words(study), limits)
    views = measure_views(study, tables)
    first = opening(study, tables["specifications"])
    data = opening_data(study, tables) | {"first": first}
    # A specification is read as text: the widths in it are filled in before it is one.
    data["charts"] = {name: json.dumps(spec, separators=(",", ":")) for name, spec in specs.items()}
    present = estimators_present(headline(tables["specifications"], study))
    return {
        "decisions": data["decisions"],
        "measures": {own.name: capital(words_of(own, study).brief) for own in study.measures if views},
        "present": [ESTIMATOR_LABELS[name] for name in present],
        "blocks": {
            "opening": packed(data),
            "measures": packed(views),
            "analysis": packed(analysis),
            "tables": packed(downloads),
            "scripts": packed(scripts),
        },
    }


def _overview(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return the content of the head of the page."""
    specifications, joint = tables["specifications"], tables["joint_inference"]
    heading, short, text = origin(study)
    return {
        "origin_heading": f"{heading}: {short}",
        "origin_text": text,
        "answers": answers(specifications, study, joint, tables["attribution"]),
        "silence": silence(study),
        "controls_seen": controls_seen(tables, study),
        "controls_reasons": controls_reasons(study),
        "calibrated_sizes": sizes_in_words(),
        "no_treatment_times": no_treatment_times(specifications, study),
        "readings": readings(specifications, study),
        "joint_null": joint_null(joint, study),
        "filled_in": filled_in(study),
        "judged_forms": judged_forms(study),
        "classes": class_words(study.minimum_count),
        "hidden_bias": hidden_bias(tables.get(RATIOS, specifications), study),
        "no_bounds": no_bounds(study),
        "no_search": no_search(study),
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
        "mean_prevalence": f"{100 * study.analysis.confounder_prevalence:g}%",
    }


def _words(study: Study) -> dict[str, Any]:
    """Return the phrases of the settings that the page's own sentences use."""
    low, high = arm_labels(study)
    dose = in_sentence(study.dose.label)
    numeric = all(study.decisions[name].numeric for name in study.outside)
    here, elsewhere = _questions(study)
    return {
        "whom": f"{whom(study)[0].upper()}{whom(study)[1:]}",
        "dose_words": f"{of_arm(study, high)} against {low}",
        "exposure": dose,
        "time_words": in_sentence(study.time.label),
        "horizon": with_unit(study.analysis.rmst_horizon, study.time.unit),
        "measure": measure_words(study),
        "option_kind": "cutoffs" if numeric and study.outside else "options",
        "at_primary": here,
        "at_others": elsewhere,
        "also_changing": _also_changing(study),
        "gaps": shapley_words() if has_rest(study) else "",
    }


def _questions(study: Study) -> tuple[str, str]:
    """Return where questions of the primary options stand, and others: `` at the primary threshold``."""
    down = across_and_down(study)[1]
    if not down:
        return "", ""
    kind = "threshold" if [decision.varies for decision in down] == ["lesions"] else "options"
    return f" at the primary {kind}", f" at the other {kind.removesuffix('s')}s"


def _also_changing(study: Study) -> str:
    """Say which decisions change what is estimated."""
    across, down = across_and_down(study)
    words = [
        "the threshold" if decision.varies == "lesions" else decision_words(study, decision.name)
        for decision in (*down, *([across] if across else []))
    ]
    if not words:
        return ""
    *most, last = words
    text = f"{', '.join(most)} and {last}" if most else last
    return f"{text[0].upper()}{text[1:]} also change{'' if most else 's'} what is estimated. "


def _survival(
    study: Study,
    figures: Mapping[str, str],
    tables: Mapping[str, pd.DataFrame],
    downloads: Mapping[str, str],
) -> dict[str, Any]:
    """Return the survival curves: first those of the patients matched on the primary set."""
    found = [
        _figure(name, figures[name], tables, study, position) | {"has_numbers": name in downloads}
        for position, name in enumerate(figure_names(study))
        if name in figures
    ]
    wanted = (f"{PREFIX}{MATCHED}{study.primary_set}", f"{PREFIX}{DOSE}")
    names = [figure["name"] for figure in found]
    lead = next((found[names.index(name)] for name in wanted if name in names), None)
    return {"lead": lead, "others": [figure for figure in found if figure is not lead]}


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
    return {"name": name, "title": words.title, "text": words.text, "reading": words.reading, "svg": drawing}


def _primary_words(study: Study) -> str:
    chosen = zip(study.decisions, study.primary, strict=True)
    words = [_primary_option(study, name, value) for name, value in chosen]
    if study.decision_of("dose") is None:
        low, high = arm_labels(study)
        words = [f"{high} against {low}", *words]
    return ", ".join(words)


def _primary_option(study: Study, name: str, value: Value) -> str:
    decision = study.decisions[name]
    text = option_words(study, name, value)
    if decision.varies == "lesions":
        return f"patients with {text}"
    return f"{in_sentence(decision.label)} from {text[1:]}" if decision.varies in ("dose", "gtv") else text
