"""Charts about the paper behind a reconstructed cohort, with their words."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from survival_multiverse.inference.specification_summary import middle
from survival_multiverse.paper.matching_comparison import STORED, matching_name
from survival_multiverse.report.charts.grid_charts import Chart, limits_of
from survival_multiverse.report.charts.paper import ensemble_spec, matchings_spec
from survival_multiverse.report.style.formats import format_ratio
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.words.table_cells import is_number
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.study import Study

TITLES = {
    "matching": "The published hazard ratio among matchings",
    "ensemble_members": "Many cohorts, the same published numbers",
}


def paper_charts(tables: Mapping[str, pd.DataFrame], study: Study) -> dict[str, Chart]:
    """Draw the matchings beside the published hazard ratio, and the ensemble, as far as there are data."""
    makers = {"matching": _matchings, "ensemble_members": _ensemble}
    made = [make(tables[name], study) for name, make in makers.items() if len(tables.get(name, ()))]
    return {chart.name: chart for chart in made}


def _matchings(matching: pd.DataFrame, study: Study) -> Chart:
    """Draw the matchings with inverted ratios, so that the higher dose is what every chart speaks of."""
    primary = matching_name(study.primary_cutoffs.caliper)
    rows = [
        {
            "name": _matching_name(row["matching"]),
            "primary": row["matching"] == primary,
            "pairs": row["pairs"],
            "estimate": 1 / row["hazard_ratio"],
            "middle": 1 / row["tie_break_median"],
            "ci_lower": 1 / row["tie_break_97.5"],
            "ci_upper": 1 / row["tie_break_2.5"],
        }
        for row in matching.to_dict("records")
    ]
    printed = float(matching["published"].iloc[0])
    published = 1 / printed
    words = [f"{row['name']}, {row['pairs']:.0f} pairs: {format_ratio(row['estimate'])}" for row in rows]
    words = [
        text
        + (
            f" ({format_ratio(row['ci_lower'])} to {format_ratio(row['ci_upper'])})"
            if is_number(row["ci_lower"])
            else ""
        )
        for text, row in zip(words, rows, strict=True)
    ]
    inside = sum(
        is_number(row["ci_lower"]) and row["ci_lower"] <= published <= row["ci_upper"] for row in rows
    )
    ranges = sum(is_number(row["ci_lower"]) for row in rows)
    text = (
        f"Points: hazard ratios of each matching; bars: the central 95% over "
        f"{study.analysis.tie_break_draws:,} other orders of equal scores. Diamond: the caliper of the "
        f"primary scenario; dashed: the published {format_ratio(published)}."
    )
    median = middle([row["estimate"] for row in rows if is_number(row["estimate"])], RATIO)
    reading = (
        "Patients with equal scores can be paired in many ways, and the print does not say who was. Hazard "
        f"ratios are those of the higher dose, so the published one is {format_ratio(published)} (printed as "
        f"{printed:g} for the lower dose). It lies inside {inside} of {ranges} bars; the median of the "
        f"points is {format_ratio(median)}."
    )
    spec = matchings_spec(rows, published=published, limits=limits_of([*rows, _point(published)]))
    return Chart("published-chart", TITLES["matching"], text, "; ".join(words), spec, reading=reading)


def _matching_name(name: str) -> str:
    return "Published pairs" if name == STORED else f"Own matching, {name}"


def _ensemble(members: pd.DataFrame, study: Study) -> Chart:
    fitting = members[members["fits"]]
    names = [name for name in members.columns if name.startswith("hazard ratio")]
    rows = [
        {"name": _conclusion(name), "seed": row["seed"], "near": row["near"], **_point(row[name])}
        for name in names
        for row in fitting.to_dict("records")
    ]
    # Of these conclusions the paper prints that of its matching.
    printed: list[dict[str, Any]] = [
        {"name": _conclusion(name), "published": study.published["matched"]}
        for name in names
        if "own matching" in name and "matched" in study.published
    ]
    spread = [
        f"{_conclusion(name)}: {format_ratio(fitting[name].min())} to {format_ratio(fitting[name].max())}"
        for name in names
    ]
    text = f"Each point is one of {len(fitting)} cohorts that give the published numbers about equally well."
    if printed:
        text += f" {PUBLISHED_NAME.capitalize()}: {format_ratio(study.published['matched'])}, as published."
    reading = (
        f"Each cohort gives {100 * fitting['near'].min():.1f}% of the published numbers, or more, within "
        "rounding or nearly. Rows are conclusions at the published cutoffs: of the arm alone; beside every "
        "variable that the paper tells of; and in the published model after the study’s own matching. How "
        "far the points of a row lie apart is the least that the print leaves open about it: all cohorts "
        "start from the same sizes, rates and late survivors."
    )
    limits = limits_of([*rows, *(_point(row["published"]) for row in printed)])
    spec = ensemble_spec([*rows, *printed], names=[_conclusion(name) for name in names], limits=limits)
    title = TITLES["ensemble_members"]
    return Chart("ensemble-chart", title, text, "; ".join(spread), spec, reading=reading)


def _conclusion(name: str) -> str:
    return name.removeprefix("hazard ratio, ").capitalize()


def _point(ratio: float) -> dict[str, float]:
    """Return a row for a hazard ratio that an axis has to show."""
    return {"estimate": ratio, "ci_lower": ratio, "ci_upper": ratio}
