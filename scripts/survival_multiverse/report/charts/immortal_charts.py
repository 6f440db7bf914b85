"""The ways to deal with the time before treatment as a chart with its words."""

from typing import Any

import pandas as pd

from survival_multiverse.emulation.immortal_time import primary_ways
from survival_multiverse.emulation.method_names import Method
from survival_multiverse.inference.specification_summary import primary_question
from survival_multiverse.report.charts.grid_charts import DENSE, Chart, limits_of
from survival_multiverse.report.charts.time import immortal_spec
from survival_multiverse.report.style.formats import format_ratio
from survival_multiverse.report.tables.treatment_tables import treated_counts
from survival_multiverse.report.words.captions import late_note
from survival_multiverse.report.words.immortal_time import CREDITED, NOT_CREDITED, method_label
from survival_multiverse.report.words.labels import arm_labels, describe_specification
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.table_cells import interval, is_number, set_label
from survival_multiverse.settings.study import Study


def immortal_chart(table: pd.DataFrame | None, study: Study) -> Chart | None:
    """Draw treated against untreated patients in every way; None without times of treatment or estimates.

    Parameters
    ----------
    table
        ``immortal_time`` as it may be shared, or None.
    study
        Gives units and labels.
    """
    if table is None:
        return None
    known = table[table["hazard_ratio"].map(is_number)]
    rows = [_row(row, study) for row in primary_ways(known).to_dict("records")]
    others = _others(known, study)
    if not rows:
        return None
    text = (
        f"Hazard ratios of {study.arm_names[1] if study.arm_names else 'treatment'} with {percent(study)} "
        f"intervals, adjusted for “{set_label(study, study.primary_set)}”. Who is treated had to live until "
        f"then; the naive way credits treatment with that time.{_dots(others)}"
    )
    reading = (
        "Each way answers a question of its own, told in a table below, so they are not averaged. "
        "Landmarks leave out who is gone by then. Clones keep everybody and compare two strategies from time "
        f"zero on.{_treated(study)}" + late_note(study)
    )
    spec = immortal_spec(
        rows,
        others,
        names=[row["name"] for row in rows],
        credits=(CREDITED, NOT_CREDITED),
        limits=limits_of([*rows, *_ends(rows), *map(_point, others)]),
        percent=percent(study),
    )
    alternative = "; ".join(f"{row['name']}: {format_ratio(row['estimate'])}" for row in rows)
    title = "One treatment, four ways to count the time before it"
    return Chart("immortal-chart", title, text, alternative + ".", spec, least=640, reading=reading)


def _treated(study: Study) -> str:
    """Say who is treated where the exposure is a number."""
    if study.exposure_levels:
        return ""
    planned = ", not who was planned to" if study.dose_is_planned else ""
    return f" Treated is who received {arm_labels(study)[1]}{planned}."


def _others(known: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return the analyses beside the primary one, those that answer its question marked as the same."""
    question = primary_question(known, study)
    same = known.index.isin(question.index[question["adjustment_set"] == study.primary_set])
    drawn = {method_label(row, study) for row in primary_ways(known).to_dict("records")}
    found = []
    for row, own in zip(known.to_dict("records"), same.tolist(), strict=True):
        name = method_label(row, study)
        if not row["is_primary"] and name in drawn:
            options = {key: None if pd.isna(row[key]) else row[key] for key in study.decisions}
            words = describe_specification(study, options | {"adjustment_set": row["adjustment_set"]})
            found.append(
                {
                    "name": name,
                    "credit": _credit(row),
                    "options": words,
                    "same": own,
                    "estimate": row["hazard_ratio"],
                    **{end: row[end] for end in ("ci_lower", "ci_upper")},
                }
            )
    return _thinned(found) if len(found) > DENSE else found


def _thinned(dots: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return one of all dots of a way that lie on each other as they are shown, without words."""
    kept = {(dot["name"], dot["same"], dot["estimate"]): dot for dot in dots}
    return [{key: value for key, value in dot.items() if key != "options"} for dot in kept.values()]


def _credit(row: dict[str, Any]) -> str:
    return CREDITED if row["method"] == Method.NAIVE else NOT_CREDITED


def _dots(others: list[dict[str, Any]]) -> str:
    """Say what the dots are."""
    if not others:
        return ""
    if all(row["same"] for row in others):
        return " Dots: analyses beside the primary one."
    return " Dots: analyses beside the primary one, light where they ask another question."


def _point(row: dict[str, Any]) -> dict[str, float]:
    """Return an estimate as a point, so that the axis holds it unless it is absurd."""
    return dict.fromkeys(("estimate", "ci_lower", "ci_upper"), min(max(row["estimate"], 0.05), 20.0))


def _ends(rows: list[dict[str, Any]]) -> list[dict[str, float]]:
    """Return the ends of the intervals as points, so that the axis holds all that are not absurdly wide."""
    ends = [min(max(row[end], 0.05), 20.0) for row in rows for end in ("ci_lower", "ci_upper")]
    return [dict.fromkeys(("estimate", "ci_lower", "ci_upper"), end) for end in ends]


def _row(row: dict[str, Any], study: Study) -> dict[str, Any]:
    return {
        "name": method_label(row, study),
        "estimand": row["estimand"],
        "credit": _credit(row),
        "estimate": row["hazard_ratio"],
        **{name: row[name] for name in ("ci_lower", "ci_upper")},
        "text": interval(row | {"estimate": row["hazard_ratio"]}),
        "counts": ", ".join(treated_counts(row, study)),
    }
