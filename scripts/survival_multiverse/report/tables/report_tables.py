"""Tables on the specifications: counts, blocks, the primary scenario, the balance gates, the failures."""

from typing import Any

import pandas as pd

from survival_multiverse.inference.specification_summary import (
    ESTIMATOR_ORDER,
    GATE,
    GATED,
    estimated,
    headline,
    is_selected,
    middle,
    other_sets,
    passing,
    primary_block,
    primary_options,
    strictest_gate,
    summarise,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_p, format_ratio
from survival_multiverse.report.tables.decision_tables import beside_estimator, option_cell, split_by
from survival_multiverse.report.words.decisions import apart
from survival_multiverse.report.words.labels import population_label
from survival_multiverse.report.words.measures import MeasureWords, measure_words
from survival_multiverse.report.words.table_cells import (
    GAP,
    count_text,
    interval,
    is_number,
    reason_text,
    set_label,
    share_text,
)
from survival_multiverse.scenario.cautions import marked
from survival_multiverse.settings.schema import Population
from survival_multiverse.settings.study import Study

ANALYSES = {
    "balance": "balance",
    "balance_gate": "limit of balance",
    "chi_square": "chi-square test",
    "cox": "Cox model",
    "fingerprint": "fingerprint",
    "follow_up": "follow-up",
    "interaction": "interaction test",
    "kaplan_meier": "Kaplan-Meier",
    "log_rank": "log-rank test",
    "matching": "matching",
    "ph_test": "test of proportional hazards",
    "propensity": "propensity score",
    "rmst": "restricted mean",
    "standardised": "standardised survival",
    "doubly_robust": "doubly robust survival",
    "rosenbaum": "Rosenbaum bound",
    "selection": "selected model",
    "tie_break": "orders of equal scores",
    "weights": "weights",
}
OF_RATIOS = ("Over tie-breaks (95%)", "E-value (of the limit)", "Rosenbaum’s Γ")
"""Columns that are known of hazard ratios alone."""
_TIE_BREAK_RANGE = {"estimate": "tie_break_median", "ci_lower": "tie_break_2.5", "ci_upper": "tie_break_97.5"}


def counts_table(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Count attempted, estimated and not estimable, by population, estimator and landmark or none."""
    rows, measure = [], study.primary_measure
    for population in map(str, study.populations):
        for estimator in ESTIMATOR_ORDER:
            here = specifications[
                (specifications["population"] == population) & (specifications["estimator"] == estimator)
            ]
            if here.empty:
                continue
            early, late = (
                summarise(here[mask], measure) for mask in (here["landmark"] == 0, here["landmark"] > 0)
            )
            rows.append(
                [population_label(study, population), ESTIMATOR_LABELS[estimator]]
                + [f"{n:,}" for s in (early, late) for n in (s.attempted, s.estimated, s.not_estimable)]
            )
    words = ["attempted", "estimated", "not estimable"]
    columns = ["Population", "Estimator", *words, *[f"landmarks: {word}" for word in words]]
    return _unsplit(pd.DataFrame(rows, columns=columns), study)


def _unsplit(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Drop the column of the population where everybody is the only one."""
    return table if len(study.populations) > 1 else table.drop(columns="Population")


def blocks_table(blocks: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the blocks of the primary population at the primary threshold, without landmark."""
    gate, words = strictest_gate(study), measure_words(study)
    threshold = split_by(study)
    # Every other decision has a column of its own, and pooled options a row.
    free = [name for name in study.outside if threshold is None or name != threshold.name]
    here = primary_options(headline(blocks, study), study, but=free)
    first, last = beside_estimator(study)
    here = here.assign(
        adjustment_set=here["adjustment_set"].astype(object).where(here["adjustment_set"].notna(), "")
    )
    keys = ["adjustment_set", "estimator", *(decision.name for decision in (*first, *last))]
    through = {_key(row, keys): row for row in here[here["gate"] == gate].to_dict("records")}
    rows = []
    for name in ("", study.primary_set, *other_sets(study)):
        block = here[(here["gate"] == "all") & (here["adjustment_set"] == name)]
        block = block.assign(order=block["estimator"].map(ESTIMATOR_ORDER.index))
        for row in block.sort_values(["order", *keys[2:]], kind="stable").to_dict("records"):
            # Of a selected rest there are counts alone.
            known, estimator = is_number(row["median_estimate"]), row["estimator"]
            passed = through.get(_key(row, keys), {}) if estimator in GATED else {}
            rows.append(
                [
                    set_label(study, name) if name else "none",
                    ESTIMATOR_LABELS[estimator],
                    *(option_cell(study, decision, row) for decision in (*first, *last)),
                    f"{row['estimated']:,.0f} of {row['attempted']:,.0f}",
                    count_text(row["effective"]),
                    words.text(row["median_estimate"]) if known else GAP,
                    f"{words.text(row['estimate_01'])} to {words.text(row['estimate_99'])}" if known else GAP,
                    share_text(row["share_longer"]) if known else GAP,
                    share_text(row["share_ci_longer"]) if known else GAP,
                    share_text(row["share_ci_shorter"]) if known else GAP,
                    count_text(passed.get("estimated")),
                    _median_of(passed, words),
                ]
            )
    unit = f", {words.unit}" if words.unit else ""
    columns = [
        "Adjusted for",
        "Estimator",
        *(decision.label for decision in (*first, *last)),
        "Estimated",
        "Distinct analyses",
        f"Median {words.short}{unit}",
        f"1st to 99th percentile{unit}",
    ]
    better, worse = (words.side(longer=longer) for longer in (True, False))
    short = words.short if words.measure.ratio else words.short.capitalize()
    columns += [f"{short} {better}", f"CI {better}", f"CI {worse}", "Balanced"]
    columns.append(f"Their median {words.short}{unit}")
    return pd.DataFrame(rows, columns=columns)


def _key(row: dict[str, Any], names: list[str]) -> tuple[Any, ...]:
    """Return the values of some columns, a gap as None."""
    return tuple(None if pd.isna(row[name]) else row[name] for name in names)


def _median_of(block: dict[str, Any], words: MeasureWords) -> str:
    """Return the median estimate of a block, or that it holds none; a dash if no balance is judged."""
    if not block:
        return GAP
    return words.text(block["median_estimate"]) if block["estimated"] else "none"


def primary_table(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the primary scenario by every estimator and adjustment set."""
    rows = []
    gate, words = strictest_gate(study), measure_words(study)
    primary = headline(specifications, study)
    primary = primary[primary["is_primary"].astype(bool)]
    for estimator in ESTIMATOR_ORDER:
        for row in primary[primary["estimator"] == estimator].to_dict("records"):
            ok = row["status"] == "ok"
            name = row["adjustment_set"] if isinstance(row["adjustment_set"], str) else None
            judged = name is not None and gate in row and not pd.isna(row[gate])
            rows.append(
                [
                    ESTIMATOR_LABELS[estimator],
                    set_label(study, name) if name else "none",
                    marked(words.interval(row), row["flags"]) if ok else reason_text(row),
                    format_p(row["p_value"]) if ok else GAP,
                    interval({name: row.get(column) for name, column in _TIE_BREAK_RANGE.items()}),
                    _e_values(row),
                    format_ratio(row["rosenbaum_gamma"]) if is_number(row["rosenbaum_gamma"]) else GAP,
                    count_text(row["n"]),
                    count_text(row["events"]),
                    count_text(row["pairs"]),
                    f"{row['max_abs_smd_baseline']:.2f}" if is_number(row["max_abs_smd_baseline"]) else GAP,
                    ("yes" if row[gate] else "no") if judged else GAP,
                ]
            )
    percent = f"{100 * study.analysis.confidence_level:g}%"
    columns = [
        "Estimator",
        "Adjusted for",
        f"{words.headed} ({percent} CI)",
        "P",
        "Over tie-breaks (95%)",
        "E-value (of the limit)",
        "Rosenbaum’s Γ",
        "Patients",
        study.terms.events.capitalize(),
        "Pairs",
    ]
    columns += ["Largest |SMD|, baseline", "Balanced"]
    table = pd.DataFrame(rows, columns=columns)
    return table if words.measure.ratio else table.drop(columns=list(OF_RATIOS))


def _e_values(row: dict[str, Any]) -> str:
    """Return ``2.02 (1.15)``: of the estimate, and of the confidence limit nearest 1."""
    if not is_number(row["e_value"]):
        return GAP
    return f"{format_ratio(row['e_value'])} ({format_ratio(row['e_value_of_limit'])})"


def reasons_table(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the specifications without an estimate, by population, estimator and reason."""
    failed = specifications[specifications["status"] != "ok"]
    keys = ["population", "estimator", "reason", "status"]
    rows = []
    for (population, estimator, reason, status), here in failed.groupby(keys, dropna=False, observed=True):
        early = int((here["landmark"] == 0).sum())
        why = reason_text({"reason": reason, "status": status})
        place = (list(map(str, Population)).index(population), ESTIMATOR_ORDER.index(estimator), why)
        words = [population_label(study, population), ESTIMATOR_LABELS[estimator], why]
        rows.append((place, [*words, count_text(early), count_text(len(here) - early)]))
    columns = ["Population", "Estimator", "Reason", "Without landmark", "At landmarks"]
    return _unsplit(pd.DataFrame([row for _, row in sorted(rows)], columns=columns), study)


def failures_table(failures: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the analyses without a number, by population, estimator, kind and reason."""
    rows = []
    for row in failures.to_dict("records"):
        name = row["adjustment_set"] if isinstance(row["adjustment_set"], str) else None
        rows.append(
            [
                population_label(study, row["population"]),
                ESTIMATOR_LABELS.get(row["estimator"], row["estimator"]),
                set_label(study, name) if name in study.adjustment_sets else GAP,
                ANALYSES.get(row["analysis"], str(row["analysis"]).replace("_", " ")),
                reason_text(row),
                count_text(row["rows"]),
                count_text(row["scenarios"]),
            ]
        )
    columns = ["Population", "Estimator", "Adjusted for", "Analysis", "Reason", "Rows", "Scenarios"]
    return _unsplit(pd.DataFrame(rows, columns=columns), study)


def gate_table(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Count specifications that pass each balance gate; give estimates of those in the primary block."""
    rows, words = [], measure_words(study)
    for estimator in GATED:
        everywhere = headline(specifications, study, estimator=estimator)
        here = primary_block(everywhere, study)
        for kind, label in (
            ("passes_propensity_", "propensity covariates"),
            (GATE, "all baseline covariates"),
        ):
            for threshold in study.analysis.balance_thresholds:
                gate = f"{kind}{threshold:g}"
                if here.empty or gate not in here or here[gate].isna().all():
                    continue
                through = passing(here, gate=gate)
                values = estimated(through)["estimate"]
                span = "none"
                if len(values):
                    median = middle(values, words.measure)
                    span = f"{words.text(median)} ({words.text(values.min())} to {words.text(values.max())})"
                    span = GAP if is_selected(through, words.measure) else span
                rows.append(
                    [
                        ESTIMATOR_LABELS[estimator],
                        label,
                        f"<{threshold:g}",
                        f"{len(through):,} of {len(here):,}",
                        span,
                        f"{len(passing(everywhere, gate=gate)):,} of {len(everywhere):,}",
                    ]
                )
    columns = ["Estimator", "Covariates", "Largest |SMD|", "Balanced"]
    unit = f", {words.unit}" if words.unit else ""
    columns.append(f"Their median {words.short}{unit} (range)")
    kinds = {decision.varies in ("lesions", "dose") for decision in apart(study)}
    columns.append(f"Balanced at all {'options' if False in kinds else 'cutoffs'}")
    table = pd.DataFrame(rows, columns=columns)
    return table if kinds else table.iloc[:, :-1]
