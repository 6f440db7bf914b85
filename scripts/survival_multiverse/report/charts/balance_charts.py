"""Charts of the arms' balance with their words: love plots, overlap of the scores, all analyses."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from survival_multiverse.cohort.disclosure import count_words
from survival_multiverse.inference.specification_summary import GATE, GATED, headline, passing
from survival_multiverse.paper.published_marks import LARGEST, NO_MARKS
from survival_multiverse.report.charts.balance import STAGES, love_spec, overlap_spec, smd_spec
from survival_multiverse.report.charts.grid_charts import Chart, printed_numbers
from survival_multiverse.report.charts.page_data import (
    Choices,
    axis_labels,
    balance_terms,
    before_balancing,
    primary_choices,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.tables.time_tables import primary_rows
from survival_multiverse.report.words.captions import dagger
from survival_multiverse.report.words.labels import arm_labels, judged_forms
from survival_multiverse.report.words.table_cells import is_number, set_label
from survival_multiverse.settings.study import Study


def love_chart(
    primary: pd.DataFrame, specifications: pd.DataFrame, study: Study, published: pd.DataFrame = NO_MARKS
) -> Chart | None:
    """Draw the balance of the primary scenario; `published` as in `published_marks`."""
    choices = primary_choices(specifications, study)
    found = _computed(primary, choices, study)
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
    printed = _printed(published, choices, study)
    text = (
        "Absolute standardised mean differences in the primary scenario before and after matching and "
        f"weighting; dashed: the gates at {' and '.join(f'{gate:g}' for gate in gates)}."
        + (" Hollow and purple: published, by the printed counts." if printed else "")
        + " Every covariate is shown, also those a score leaves out. † known only after treatment began: "
        f"shown, never gated but in a score that holds it. {judged_forms(study)}"
    )
    spec = love_spec([*found, *printed], names, sets, gates)
    return Chart("love-chart", "Balance of the primary scenario", text, "; ".join(worst), spec)


def _computed(
    primary: pd.DataFrame, choices: Mapping[tuple[str, str | None], Choices], study: Study
) -> list[dict[str, Any]]:
    """Return the rows of the love plots: set, stage, name of the covariate, smd."""
    terms = balance_terms(study)
    rows = primary_rows(primary, analysis="balance")
    rows = rows[(rows["statistic"] == "smd") & rows["adjustment_set"].notna()]
    return [
        {
            "set": set_label(study, row["adjustment_set"]),
            "stage": STAGES[row["estimator"]],
            "name": terms[row["variable"], row["level"]],
            "smd": abs(row["estimate"]),
            **_choices(choices, row),
        }
        for row in rows.to_dict("records")
        if (row["variable"], row["level"]) in terms
        and row["estimator"] in STAGES
        and is_number(row["estimate"])
    ]


def _printed(
    published: pd.DataFrame, choices: Mapping[tuple[str, str | None], Choices], study: Study
) -> list[dict[str, Any]]:
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
                        **_choices(choices, row | {"adjustment_set": chosen}),
                    }
                )
    return rows


def _choices(choices: Mapping[tuple[str, str | None], Choices], row: Mapping[str, Any]) -> Choices:
    """Return the values that the reader's filter uses in a row of one stage and set."""
    if row["estimator"] == "unadjusted":
        return before_balancing(choices, row["adjustment_set"])
    return choices[row["estimator"], row["adjustment_set"]]


def overlap_chart(overlap: pd.DataFrame, specifications: pd.DataFrame, study: Study) -> Chart | None:
    """Draw the propensity scores of both arms, before and after matching; None without scores."""
    if overlap.empty:
        return None
    arms = arm_labels(study, dose_cutoff=study.primary.dose_cutoff)
    choices = primary_choices(specifications, study)
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
                **_choices(choices, row),
            }
        )
    sets = list(dict.fromkeys(row["set"] for row in rows))
    text = (
        f"Patients of the primary scenario by propensity score, {arms[1]} above and {arms[0]} below the "
        "line. Where only one arm has patients, nobody can be compared. Pale: a class of fewer than "
        f"{study.minimum_count} patients, drawn alike whatever their number." + dagger(study)
    )
    alternative = (
        "Counts of patients by class of the propensity score in both arms, before and after matching."
    )
    spec = overlap_spec(rows, sets, arms)
    return Chart("overlap-chart", "Overlap of the propensity scores", text, alternative, spec)


def smd_chart(specifications: pd.DataFrame, study: Study, published: pd.DataFrame = NO_MARKS) -> Chart | None:
    """Draw the largest difference of every analysis; `published` as in `published_marks`."""
    rows = headline(specifications)
    rows = rows[rows["estimator"].isin(GATED) & rows["max_abs_smd_baseline"].notna()]
    if rows.empty:
        return None
    words = []
    for estimator in GATED:
        here = rows[rows["estimator"] == estimator]
        if here.empty:
            continue
        for gate in study.analysis.balance_thresholds:
            through = len(passing(here, gate=f"{GATE}{gate:g}"))
            passed = f"{through:,} of {len(here):,} pass" if through else f"none of {len(here):,} passes"
            words.append(f"{ESTIMATOR_LABELS[estimator]}: {passed} {gate:g}")
    text = (
        "The largest absolute standardised difference of the baseline covariates, over all analyses of the "
        "primary population without a landmark that are kept above; dashed: the gates; diamonds: the "
        f"primary scenario. Of all of them {'; '.join(words)}."
    )
    # Before matching there is nothing to compare it with.
    printed = {name: value for name, value in printed_numbers(published, LARGEST).items() if name in GATED}
    if printed:
        numbers = ", ".join(f"{ESTIMATOR_LABELS[name]} {value:.2f}" for name, value in printed.items())
        text += f" Dashed in purple: published, by the printed counts ({numbers})."
    text += dagger(study)
    spec = smd_spec(study, axis_labels(study), printed)
    return Chart("smd-chart", "Balance over all analyses", text, "; ".join(words), spec)
