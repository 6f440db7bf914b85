"""Tables on the joint tests, the spread, the selected cutoffs and the cross-checks."""

import math
from typing import Any

import pandas as pd

from survival_multiverse.cohort.sample import measured
from survival_multiverse.inference.attribution import REST, TIE_BREAK
from survival_multiverse.inference.joint_summary import NULL_LABELS, joint_blocks, median_estimate
from survival_multiverse.inference.specification_summary import (
    GATED,
    estimators_present,
    headline,
    strictest_gate,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_p
from survival_multiverse.report.tables.decision_tables import beside_estimator, option_cell, split_by
from survival_multiverse.report.words.labels import option_words, population_label, with_unit
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.report.words.table_cells import (
    GAP,
    count_text,
    is_number,
    reason_text,
    set_label,
    share_text,
)
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.study import Decision, Study
from survival_multiverse.settings.values import option_value

SPELT_OUT = 3
"""Levels left out of a factorial that a table names; more are counted."""
TESTS = {
    "abs_median": "Two-sided P, median",
    "abs_mean_z": "Two-sided P, mean z",
    "median": "One-sided P, median",
}


def joint_table(joint: pd.DataFrame, study: Study, *, primary_threshold: bool) -> pd.DataFrame:
    """Return the joint tests at the primary threshold of the count, or at the others.

    Without a threshold that is shown apart all tests are at the primary one.
    """
    threshold, primary = split_by(study), study.primary_cutoffs.lesions
    at_primary = pd.Series(True, joint.index) if threshold is None else joint[threshold.name] == primary
    joint = joint[at_primary == primary_threshold]
    first, last = beside_estimator(study)
    if threshold is not None and not primary_threshold:
        # The title says the primary one.
        first = [threshold, *first]
    nulls = [name for name in NULL_LABELS if name in set(joint["null"])]
    words = measure_words(study)
    unit = f", {words.unit}" if words.unit else ""
    gated = joint_blocks(joint, strictest_gate(study), study)
    rows = []
    for key, block in joint_blocks(joint, "all", study).items():
        rows.append(_joint_row(block, "all", nulls, study, first, last))
        if key in gated:
            rows.append(_joint_row(gated[key], "balanced", nulls, study, first, last))
    columns = [*(own.label for own in first), "Adjusted for", "Estimator", *(own.label for own in last)]
    columns += [
        "Analyses",
        "Number",
        f"Median {words.short}{unit}",
        "Significant as predicted",
        "Mean z as predicted",
    ]
    headings = [("", name) for name in columns]
    side = {"median": f" ({study.inference.predicted} survival)"}
    headings += [
        (f"{heading}{side.get(test, '')}", NULL_LABELS[null])
        for test, heading in TESTS.items()
        for null in nulls
    ]
    return pd.DataFrame(rows, columns=pd.MultiIndex.from_tuples(headings))


def _joint_row(
    block: dict[str, dict[str, Any]],
    analyses: str,
    nulls: list[str],
    study: Study,
    first: list[Decision],
    last: list[Decision],
) -> list[str]:
    row = next(iter(block.values()))
    known = is_number(row["median"])
    label = ESTIMATOR_LABELS[row["estimator"]]
    if row["landmark"] > 0:
        label += f", landmark {with_unit(row['landmark'], study.time.unit)}"
    return [
        *(option_cell(study, decision, row) for decision in first),
        set_label(study, row["adjustment_set"]),
        label,
        *(option_cell(study, decision, row) for decision in last),
        analyses,
        count_text(row["specifications"]),
        measure_words(study).text(median_estimate(row, study)) if known else GAP,
        share_text(row["share_significant"]) if known else GAP,
        f"{row['mean_z']:.2f}".replace("-", "−") if known else GAP,
        *(format_p(block[null][f"p_{test}"]) if null in block else GAP for test in TESTS for null in nulls),
    ]


def attribution_table(attribution: pd.DataFrame, specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return what each choice alone explains of the spread, and what they explain only together.

    A share that a sample of the grid estimates has its interval.
    """
    here = attribution[
        (attribution["scope"] == "multiverse")
        & (attribution["population"] == study.primary_population)
        & (attribution["landmark"] == 0)
    ]
    gate = strictest_gate(study)
    varying = [name for name, decision in study.decisions.items() if len(decision.values) > 1]
    varying.append("adjustment_set")
    rows = []
    present = estimators_present(headline(specifications, study))
    for estimator, kept in [(name, kept) for name in present for kept in ("all", gate)]:
        terms = here[(here["estimator"] == estimator) & (here["gate"] == kept)]
        if kept == gate and (terms.empty or estimator not in GATED):
            continue
        rest = (terms["order"] > 1) | (terms["term"] == REST)
        alone = terms[(terms["order"] == 1) & ~rest].set_index("term").to_dict("index")
        together = terms.loc[rest, "share"].sum() if len(alone) > 1 else math.nan
        first: Any = terms.iloc[0] if len(terms) else {"cells": math.nan, "dropped_levels": ""}
        rows.append(
            [
                ESTIMATOR_LABELS[estimator],
                "all" if kept == "all" else "balanced",
                *(_estimated_share(alone.get(name, {})) for name in varying),
                _small_share(together),
                _small_share(_order_share(terms)),
                count_text(first["cells"]),
                _dropped(first["dropped_levels"], study),
            ]
        )
    labels = {name: decision.label for name, decision in study.decisions.items()}
    labels |= {"adjustment_set": "Adjusted for"}
    columns = [
        "Estimator",
        "Analyses",
        *(labels[name] for name in varying),
        "Only together",
        "Order of equal scores",
        "Cells",
        "Left out",
    ]
    return pd.DataFrame(rows, columns=columns)


def _order_share(terms: pd.DataFrame) -> float:
    """Return the share of the order in which patients of equal score are matched; NaN without matching."""
    share = terms.loc[terms["term"] == TIE_BREAK, "share"]
    return float(share.iloc[0]) if len(share) else math.nan


def _estimated_share(term: dict[Any, Any]) -> str:
    """Return the share of a term, with its limits where a sample estimates it."""
    share = _small_share(term.get("share", math.nan))
    limits = [term.get(f"share_{end}", math.nan) for end in ("lower", "upper")]
    if not all(map(is_number, limits)):
        return share
    low, high = (f"{100 * limit:.0f}" for limit in limits)
    return f"{share} ({low} to {high})"


def _small_share(share: float) -> str:
    """Format a share as a percentage; a small one is not said to be none."""
    return "<1%" if is_number(share) and 0 < share < 0.005 else share_text(share)


def _dropped(levels: str, study: Study) -> str:
    """Return the levels that were dropped to complete the factorial, as readers know them."""
    if not levels:
        return "nothing"
    words, dropped = [], levels.split("; ")
    if len(dropped) > SPELT_OUT:
        return f"{len(dropped)} levels"
    for entry in dropped:
        name, _, level = entry.partition(" ")
        if name in study.decisions:
            numeric = study.decisions[name].numeric
            words.append(option_words(study, name, option_value(level) if numeric else level))
        else:
            words.append(f"“{study.adjustment_sets[level].label}”")
    return ", ".join(words)


def selected_table(selected: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the cutoff with the largest log-rank statistic, before and after the search is counted.

    Empty for reconstructed patients: their values were drawn within published categories.
    """
    if not measured(study):
        return pd.DataFrame()
    rows, split = [], len(study.populations) > 1
    for row in selected.to_dict("records"):
        role = getattr(study, row["variable"])
        ok = row["status"] == str(Status.OK)
        rows.append(
            [
                *([population_label(study, row["population"])] if split else []),
                role.label,
                f"≥{with_unit(row['cutoff'], role.unit)}" if ok else reason_text(row),
                format_p(row["p_naive"]),
                format_p(row["p_value"]),
                count_text(row["candidates"]),
                count_text(row["permutations"]),
            ]
        )
    columns = [*(["Population"] if split else []), "Variable", "Cutoff"]
    columns += ["P without the search", "P with the search"]
    return pd.DataFrame(rows, columns=[*columns, "Cutoffs tried", "Permutations"])


def cross_check_table(cross_checks: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the study's own numbers beside those of other people's code."""
    rows = []
    for row in cross_checks.to_dict("records"):
        name, estimator = row["adjustment_set"], row["estimator"]
        what = str(row["quantity"])
        ok = row["status"] == str(Status.OK)
        difference = row["largest_relative_difference"]
        rows.append(
            [
                what[0].upper() + what[1:],
                ESTIMATOR_LABELS[estimator] if isinstance(estimator, str) else GAP,
                set_label(study, name) if isinstance(name, str) else "none",
                row["library"],
                count_text(row["numbers"]),
                (f"{difference:.1e}" if difference > 0 else "<1e-9") if ok else reason_text(row),
                ("yes" if row["agrees"] else "NO") if ok else GAP,
            ]
        )
    columns = ["Quantity", "Estimator", "Adjusted for", "Checked against", "Numbers"]
    return pd.DataFrame(rows, columns=[*columns, "Largest relative difference", "Agrees"])
