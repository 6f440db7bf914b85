"""The audit of the cutpoints as a chart with its words."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from survival_multiverse.cohort.sample import measured
from survival_multiverse.inference.specification_summary import direction, middle
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.evidence import cutpoint_spec
from survival_multiverse.report.charts.grid_charts import Chart, limits_of
from survival_multiverse.report.charts.theme import sides
from survival_multiverse.report.style.formats import display_label, format_p, format_ratio
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.words.labels import in_sentence, option_words, with_unit
from survival_multiverse.report.words.measures import ratio_words
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.table_cells import is_number
from survival_multiverse.scenario.cautions import NOTE, care
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.study import Study


def cutpoint_chart(tables: Mapping[str, pd.DataFrame], study: Study, name: str) -> Chart | None:
    """Draw hazard ratios over the cutoffs of dose or volume, and the continuous variable; None without any.

    None of reconstructed patients either: within a published category their values were drawn.
    """
    role, decision, rows = getattr(study, name), study.decision_of(name), tables["cutpoints"]
    if not measured(study) or role is None or decision is None:
        return None
    rows = rows[(rows["population"] == study.primary_population) & (rows["variable"] == name)]
    rows = rows[rows["status"] == "ok"].rename(columns={"hazard_ratio": "estimate"})
    if rows.empty:
        return None
    points = [
        {
            "cutoff": row["cutoff"],
            "estimate": row["estimate"],
            "ci_lower": row["ci_lower"],
            "ci_upper": row["ci_upper"],
            "p": format_p(row["p_value"]),
            "caution": care(row["flags"]),
            "side": side,
            "split": _split(row, study),
        }
        for row, side in zip(rows.to_dict("records"), direction(rows, RATIO), strict=True)
    ]
    smooth, spline = _smooth(tables["dose_response"], study, name)
    primary = getattr(study.primary_cutoffs, name)
    grid = [{"cutoff": value, "primary": value == primary} for value in study.values_of(name)]
    below = int((rows["estimate"] < 1).sum())
    printed = _printed(tables.get("published", NO_MARKS), study, name)
    text = _words(study, name, uncut=len(smooth) > 0)
    text += f" {PUBLISHED_NAME.capitalize()}: published." if printed else ""
    alternative = (
        f"At {below:,} of the {len(rows):,} cutoffs shown the hazard ratio is below 1; its median is "
        f"{format_ratio(middle(rows['estimate'], RATIO))}."
    )
    spec = cutpoint_spec(
        points,
        spline,
        grid=grid,
        title=display_label(role.label, role.unit),
        limits=limits_of([*points, *printed, *(row for row in spline if is_number(row["ci_lower"]))]),
        printed=printed,
        colour=sides(ratio_words(study), percent(study), {str(row["side"]) for row in points}),
    )
    title = f"Other cutoffs of {in_sentence(role.label)}"
    reading = _reading(study, name, smooth) + _printed_words(printed) + NOTE
    return Chart(f"cutpoint-{name}-chart", title, text, alternative, spec, reading=reading)


def _printed(published: pd.DataFrame, study: Study, name: str) -> list[dict[str, Any]]:
    """Return the cutoff that a paper used and the hazard ratio that it prints there, before matching."""
    variable = {"dose": "arm"}.get(name, name)
    rows = published[(published["quantity"] == "hazard_ratio") & (published["variable"] == variable)]
    rows = rows[(rows["estimator"] == "adjusted") & (rows["population"] == study.primary_population)]
    cutoff = getattr(study.primary_cutoffs, name)
    return [
        {"cutoff": cutoff, "estimate": row["value"], "ci_lower": row["lower"], "ci_upper": row["upper"]}
        for row in rows.to_dict("records")
    ]


def _printed_words(printed: list[dict[str, Any]]) -> str:
    if not printed:
        return ""
    row = printed[0]
    interval = (
        f", {format_ratio(row['ci_lower'])} to {format_ratio(row['ci_upper'])}"
        if is_number(row["ci_lower"])
        else ""
    )
    return (
        f" Published there is {format_ratio(row['estimate'])}{interval}, which a model adjusts for other "
        "factors as nothing else in this chart is."
    )


def _words(study: Study, name: str, *, uncut: bool) -> str:
    """Return the caption of the cutoffs, and of the curve beside them if there is one."""
    text = (
        f"Unadjusted hazard ratios at or above against below each cutoff of "
        f"{in_sentence(getattr(study, name).label)}. Dashed: the cutoffs of this study; thick: the primary."
    )
    return text + (" Right: the variable uncut." if uncut else "")


def _reading(study: Study, name: str, smooth: pd.DataFrame) -> str:
    """Say whose cutoffs are shown, that none was picked, and how the curve was fitted."""
    role = getattr(study, name)
    decision = study.decision_of("lesions")
    where = (
        f"Patients with {option_words(study, decision.name, study.primary_cutoffs.lesions)}"
        if decision
        else ""
    )
    text = (
        f"{where or 'All patients'}. A cutoff is shown with enough patients on both sides, and at least "
        f"{study.minimum_count} between it and the next. No cutoff was picked from it."
    )
    if len(smooth):
        row = smooth.iloc[0]
        knots = f"knots {row['knots']}; " if isinstance(row["knots"], str) and row["knots"] else ""
        text += (
            " The curve is a restricted cubic spline against "
            f"{with_unit(row['reference'], role.unit)} ({knots}P of the curvature "
            f"{format_p(row['p_nonlinear'])})."
        )
    return text


def _smooth(
    dose_response: pd.DataFrame, study: Study, name: str
) -> tuple[pd.DataFrame, list[dict[str, Any]]]:
    """Return the curve of the continuous variable: its rows, and the same for the chart."""
    here = (dose_response["population"] == study.primary_population) & (dose_response["variable"] == name)
    smooth = dose_response.rename(columns={"hazard_ratio": "estimate"})[here]
    smooth = smooth[smooth["estimate"].notna()]
    spline = [
        {
            "value": row["value"],
            "estimate": row["estimate"],
            "ci_lower": row["ci_lower"],
            "ci_upper": row["ci_upper"],
        }
        for row in smooth.to_dict("records")
    ]
    return smooth, spline


def _split(row: dict[str, Any], study: Study) -> str:
    counts = [row["n_above"], row["n_below"]]
    return ", ".join(f"<{study.minimum_count}" if n < study.minimum_count else f"{n:,.0f}" for n in counts)
