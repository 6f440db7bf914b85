"""Charts of the arms' balance with their words: love plots, overlap of the scores, all analyses."""

from typing import Any

import pandas as pd

from survival_multiverse.cohort.disclosure import count_words
from survival_multiverse.inference.specification_summary import (
    GATE,
    GATED,
    headline,
    passing,
    summarise,
)
from survival_multiverse.paper.published_marks import LARGEST, NO_MARKS
from survival_multiverse.report.charts.balance import STAGES, love_spec, overlap_spec, smd_spec
from survival_multiverse.report.charts.grid_charts import Chart, printed_numbers
from survival_multiverse.report.charts.page_data import axis_labels, balance_terms
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.tables.time_tables import primary_rows
from survival_multiverse.report.words.captions import dagger
from survival_multiverse.report.words.labels import arm_labels, judged_forms
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.report.words.table_cells import is_number, set_label
from survival_multiverse.settings.study import Study


def love_chart(primary: pd.DataFrame, study: Study, published: pd.DataFrame = NO_MARKS) -> Chart | None:
    """Draw the balance of the primary scenario; `published` as in `published_marks`."""
    found = _computed(primary, study)
    if not found:
        return None
    before = {entry["name"]: entry["smd"] for entry in found if entry["stage"] == STAGES["unadjusted"]}
    names = sorted({entry["name"] for entry in found}, key=lambda name: (-before.get(name, 0.0), name))
    sets = [set_label(study, name) for name in study.adjustment_sets]
    gates = study.analysis.balance_thresholds
    worst = [
        f"{chosen}, {stage.lower()}: largest {max(entry['smd'] for entry in here):.2f}"
        for chosen in sets
        for stage in STAGES.values()
        if (here := [entry for entry in found if (entry["set"], entry["stage"]) == (chosen, stage)])
    ]
    printed = _printed(published, study)
    text = (
        "Absolute standardised differences of the covariates between the arms, before and after matching and "
        f"weighting. Dashed: limits of balance at {' and '.join(f'{gate:g}' for gate in gates)}."
        + (f" Hollow and {PUBLISHED_NAME}: published." if printed else "")
    )
    reading = (
        "Every covariate is shown, also those a score leaves out. † Known only after treatment began: judged "
        f"only where the score includes it. {judged_forms(study)}"
        + (" Published differences are by the printed counts." if printed else "")
    )
    spec = love_spec([*found, *printed], names, sets, gates)
    title = "Balance of the primary scenario"
    return Chart("love-chart", title, text, "; ".join(worst), spec, reading=reading)


def _computed(primary: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return the rows of the love plots: set, stage, name of the covariate, smd."""
    terms = balance_terms(study)
    rows = primary_rows(primary, study, analysis="balance")
    rows = rows[(rows["statistic"] == "smd") & rows["adjustment_set"].notna()]
    return [
        {
            "set": set_label(study, row["adjustment_set"]),
            "stage": STAGES[row["estimator"]],
            "name": terms[row["variable"], row["level"]],
            "smd": abs(row["estimate"]),
        }
        for row in rows.to_dict("records")
        if (row["variable"], row["level"]) in terms
        and row["estimator"] in STAGES
        and is_number(row["estimate"])
    ]


def _printed(published: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return a paper's differences as rows of love plots: unmatched in each, matched in their own set's."""
    terms, rows = balance_terms(study), []
    for row in published[published["quantity"] == "smd"].to_dict("records"):
        term = (row["variable"], row["level"])
        matched = isinstance(row["adjustment_set"], str)
        for chosen in [row["adjustment_set"]] if matched else study.adjustment_sets:
            if term in terms and (row["estimator"] == "unadjusted" or matched):
                rows.append(
                    {
                        "set": set_label(study, chosen),
                        "stage": STAGES[row["estimator"]],
                        "name": terms[term],
                        "published": row["value"],
                    }
                )
    return rows


def overlap_chart(overlap: pd.DataFrame, study: Study) -> Chart | None:
    """Draw the propensity scores of both arms, before and after matching; None without scores."""
    if overlap.empty:
        return None
    arms = arm_labels(study)
    rows = []
    for row in overlap.to_dict("records"):
        count = row["patients"]
        hidden = 0 < count < study.minimum_count
        rows.append(
            {
                "set": set_label(study, row["adjustment_set"]),
                "stage": "Before matching" if row["estimator"] == "unadjusted" else "Matched 1:1",
                "arm": arms[row["arm"]],
                "lower": row["lower"],
                "upper": row["upper"],
                "height": count if row["arm"] == 1 else -count,
                "hidden": hidden,
                "text": count_words(count, minimum=study.minimum_count),
            }
        )
    sets = list(dict.fromkeys(row["set"] for row in rows))
    text = (
        f"Patients of the primary scenario by propensity score, {arms[1]} above and {arms[0]} below the "
        f"line. Pale: fewer than {study.minimum_count} patients."
    )
    reading = (
        "Where only one arm has patients, nobody can be compared. A pale bar has the same height whatever "
        "the number behind it." + dagger(study)
    )
    alternative = (
        "Counts of patients by class of the propensity score in both arms, before and after matching."
    )
    spec = overlap_spec(rows, sets, arms)
    title = "Overlap of the propensity scores"
    return Chart("overlap-chart", title, text, alternative, spec, reading=reading)


def smd_chart(specifications: pd.DataFrame, study: Study, published: pd.DataFrame = NO_MARKS) -> Chart | None:
    """Draw the largest difference of every analysis; `published` as in `published_marks`."""
    rows = headline(specifications, study)
    rows = rows[rows["estimator"].isin(GATED) & rows["max_abs_smd_baseline"].notna()]
    if rows.empty:
        return None
    words = [
        f"{ESTIMATOR_LABELS[estimator]}: {_through(here, gate, study)}"
        for estimator in GATED
        if len(here := rows[rows["estimator"] == estimator])
        for gate in study.analysis.balance_thresholds
    ]
    text = (
        "Analyses of the primary population by the largest absolute standardised difference of the baseline "
        "covariates. Dashed: limits of balance; diamonds: primary scenario."
    )
    # Before matching there is nothing to compare it with.
    printed = {name: value for name, value in printed_numbers(published, LARGEST).items() if name in GATED}
    if printed:
        text += f" {PUBLISHED_NAME.capitalize()}: published."
    numbers = ", ".join(f"{ESTIMATOR_LABELS[name]} {value:.2f}" for name, value in printed.items())
    reading = (
        f"Landmarks are left out. {'. '.join(words)}."
        + (f" Published, by the printed counts: {numbers}." if printed else "")
        + dagger(study)
    )
    spec = smd_spec(study, axis_labels(study), printed)
    return Chart("smd-chart", "Balance over all analyses", text, "; ".join(words), spec, reading=reading)


def _through(rows: pd.DataFrame, gate: float, study: Study) -> str:
    """Say how many analyses stay below a limit of balance, and their median estimate."""
    through = passing(rows, gate=f"{GATE}{gate:g}")
    if through.empty:
        return f"none of {len(rows):,} stays below {gate:g}"
    median = measure_words(study).median(summarise(through, study.primary_measure), named=True)
    return f"{len(through):,} of {len(rows):,} {'stays' if len(through) == 1 else 'stay'} below {gate:g}" + (
        f", {median}" if median else ""
    )
