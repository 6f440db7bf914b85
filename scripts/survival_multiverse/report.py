"""The robustness report: one self-contained page, made from tables and figures."""

import re
from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup, escape

from survival_multiverse.captions import CURVE, SURFACE, caption, report_figures
from survival_multiverse.inference_tables import (
    attribution_table,
    calibration_shown,
    joint_table,
    selected_table,
    witness_table,
)
from survival_multiverse.labels import axis_value, in_sentence, with_unit
from survival_multiverse.methods import REFERENCES, methods
from survival_multiverse.narrative import joint_null, origin, readings
from survival_multiverse.patient_tables import (
    flow_table,
    missing_table,
    multivariable_table,
    table_one,
    univariate_table,
)
from survival_multiverse.report_tables import (
    anchor_table,
    blocks_table,
    counts_table,
    failures_table,
    gate_table,
)
from survival_multiverse.specification_summary import estimated
from survival_multiverse.study import AXES, Study
from survival_multiverse.style import THEMED
from survival_multiverse.table_cells import to_html
from survival_multiverse.templates import environment

TABLES = (
    "cohort",
    "flow",
    "anchor",
    "specifications",
    "blocks",
    "failures",
    "attribution",
    "joint_inference",
    "selected_cutoffs",
    "witnesses",
)
"""Tables that the report reads: canonical patients, their flow, all rows of the primary scenario, the
aggregates of `robustness`, and those of `attribution`, `joint_inference`, `cutpoints` and `witness`."""


def render_report(
    study: Study,
    tables: Mapping[str, pd.DataFrame],
    figures: Mapping[str, str],
    *,
    versions: Mapping[str, str] | None = None,
) -> str:
    """Make the page.

    Parameters
    ----------
    tables
        Frames under the names in `TABLES`; ``calibration`` (see `calibration_table`) may be added.
    figures
        SVG documents under the names in `captions.report_figures`; those that are missing are left out.
    versions
        Software and its version, for the appendix.

    Returns
    -------
    str
        HTML with inline styles and pictures: no script, no network.
    """
    missing = [name for name in TABLES if name not in tables]
    if missing:
        raise ValueError(f"the report lacks the tables {', '.join(missing)}")
    page = environment().get_template("report.html.jinja")
    return page.render(
        study=study,
        **_overview(study, tables),
        **_pictures(study, figures, tables["specifications"]),
        tables=_tables(study, tables),
        methods=methods(study),
        references=REFERENCES,
        axes=_axes(study),
        versions=dict(versions or {}),
    )


def _overview(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, object]:
    """What stands at the head of the page."""
    specifications = tables["specifications"]
    heading, text = origin(study)
    return {
        "origin_heading": heading,
        "origin_text": text,
        "readings": readings(specifications, study, tables["joint_inference"]),
        "joint_null": joint_null(tables["joint_inference"], study),
        "attempted": len(specifications),
        "estimated": len(estimated(specifications)),
        "patients": len(tables["cohort"]),
        "events": int(tables["cohort"]["event"].sum()),
        "anchor": _anchor_words(study),
        "post_treatment": any(study.flags(entry.covariates) for entry in study.adjustment_sets.values()),
        "gate": f"{min(study.analysis.balance_thresholds):g}",
    }


def _pictures(
    study: Study, figures: Mapping[str, str], specifications: pd.DataFrame
) -> dict[str, list[dict[str, object]]]:
    """Figures by the section of the page in which they stand."""
    sections: dict[str, list[dict[str, object]]] = {"curve": [], "surfaces": [], "survival": []}
    for name in report_figures(study):
        if name in figures:
            section = {CURVE: "curve", SURFACE: "surfaces"}.get(name, "survival")
            sections[section].append(_figure(name, figures[name], specifications, study))
    return sections


def inline_svg(svg: str, *, prefix: str, alternative: str) -> Markup:
    """An SVG document as an element of a page.

    Ids and the references to them get the prefix, so that two figures cannot take each other's glyphs
    and clip paths; the theme's colours become CSS variables; the picture scales with the page.
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
    natural = f"--natural: {_width(svg):.0f}px"
    svg = re.sub(r'(<svg\b[^>]*?) width="[^"]*"', r"\1", svg, count=1)
    svg = re.sub(r'(<svg\b[^>]*?) height="[^"]*"', r"\1", svg, count=1)
    opening = f'<svg class="plot" role="img" aria-label="{escape(alternative)}" style="{natural}"'
    return Markup(svg.replace("<svg", opening, 1).strip())


def _width(svg: str) -> float:
    """Natural width in CSS pixels; SVG from matplotlib counts in points of 1/72 inch."""
    box = re.search(r'viewBox="0 0 ([\d.]+) ', svg)
    return float(box[1]) * 4 / 3 if box else 0.0


def _figure(name: str, svg: str, specifications: pd.DataFrame, study: Study) -> dict[str, object]:
    words = caption(name, specifications, study)
    prefix = "f" + str(report_figures(study).index(name))
    picture = inline_svg(svg, prefix=prefix, alternative=words.alternative)
    return {"name": name, "title": words.title, "text": words.text, "svg": picture, "wide": _width(svg) > 560}


def _tables(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Markup]:
    specifications, anchor, joint = (tables[name] for name in ("specifications", "anchor", "joint_inference"))
    calibration = tables.get("calibration", pd.DataFrame())
    made = {
        "counts": (counts_table(specifications, study), 2),
        "blocks": (blocks_table(tables["blocks"], study), 2),
        "primary_scenario": (anchor_table(specifications, study), 2),
        "gates": (gate_table(specifications, study), 3),
        "table_one": (table_one(anchor, study), 2),
        "univariate": (univariate_table(anchor, study), 2),
        "multivariable": (multivariable_table(anchor, study), 3),
        "flow": (flow_table(tables["flow"]), 2),
        "missing": (missing_table(tables["cohort"], study), 1),
        "failures": (failures_table(tables["failures"], study), 5),
        "joint": (joint_table(joint, study, primary_threshold=True), 3),
        "joint_others": (joint_table(joint, study, primary_threshold=False), 3),
        "attribution": (attribution_table(tables["attribution"], specifications, study), 1),
        "selected": (selected_table(tables["selected_cutoffs"], study), 2),
        "witnesses": (witness_table(tables["witnesses"], study), 3),
        "calibration": (calibration_shown(calibration, study), 4),
    }
    # `to_html` escapes every cell and heading; the empty ones are said in words by the template.
    return {
        name: Markup(to_html(table, index=index)) if len(table) else Markup("")
        for name, (table, index) in made.items()
    }


def _anchor_words(study: Study) -> str:
    threshold, dose, gtv, caliper = study.anchor
    return (
        f"patients with {axis_value(study, 'oligo_threshold', threshold)}, "
        f"{in_sentence(study.dose.label)} from {with_unit(dose, study.dose.unit)}, "
        f"{in_sentence(study.gtv.label)} from {with_unit(gtv, study.gtv.unit)}, "
        f"{axis_value(study, 'caliper', caliper)}"
    )


def _axes(study: Study) -> list[dict[str, object]]:
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
