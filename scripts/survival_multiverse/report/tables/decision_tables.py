"""The decisions with their options: of which type each is, and why an option is one."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from survival_multiverse.emulation.immortal_time import ways
from survival_multiverse.emulation.method_names import DECISION, TYPE
from survival_multiverse.inference.specification_summary import idle
from survival_multiverse.report.words.decisions import apart
from survival_multiverse.report.words.immortal_time import method_label
from survival_multiverse.report.words.labels import decision_label, option_label
from survival_multiverse.report.words.measures import words_of
from survival_multiverse.report.words.table_cells import GAP
from survival_multiverse.settings.study import EQUIVALENT, NON_EQUIVALENT, UNCERTAIN, Decision, Study
from survival_multiverse.settings.values import Value

TYPES = {
    EQUIVALENT: "equivalent: summarised together",
    NON_EQUIVALENT: "non-equivalent: shown apart",
    UNCERTAIN: "uncertain: shown apart and pooled",
}
"""What a type says, and what follows of it."""
SETTLED = "one option: nothing varies"
"""Stands for the type of a decision that was made."""
POOLED = "pooled"
"""Stands for all options of an uncertain decision together."""


@dataclass(frozen=True, slots=True)
class OptionRow:
    """An option as readers know it, why it is one, and whether it belongs to the primary scenario."""

    text: str
    reason: str
    primary: bool


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision as readers know it, its type with what follows of it, and its options."""

    label: str
    type: str
    options: tuple[OptionRow, ...]


def decision_rows(study: Study) -> list[DecisionRow]:
    """Return the decisions in the order of a scenario, then the one between ways to count time, if any."""
    rows = [
        DecisionRow(decision_label(study, name), _type(decision), _options(study, decision, primary))
        for (name, decision), primary in zip(study.decisions.items(), study.primary, strict=True)
    ]
    return [*rows, DecisionRow(DECISION, TYPE, _ways(study))] if study.has_treatment_times else rows


def _ways(study: Study) -> tuple[OptionRow, ...]:
    """Return the ways to count the time before treatment, each with its estimand in place of a reason."""
    return tuple(
        OptionRow(
            method_label({"method": str(method), "parameter": when}, study),
            method.estimand_at(when, study.time.unit),
            primary=False,
        )
        for method, when in ways(study)
    )


def _type(decision: Decision) -> str:
    return TYPES[decision.type] if len(decision.values) > 1 else SETTLED


def _options(study: Study, decision: Decision, primary: Value) -> tuple[OptionRow, ...]:
    reasons = decision.reasons or ("",) * len(decision.values)
    return tuple(
        OptionRow(option_label(study, decision.name, value), reason, value == primary)
        for value, reason in zip(decision.values, reasons, strict=True)
    )


def decisions_table(study: Study) -> pd.DataFrame:
    """Return the decisions as a table, a row an option."""
    rows = [
        [
            row.label,
            row.type,
            f"{option.text} (primary)" if option.primary else option.text,
            option.reason or GAP,
        ]
        for row in decision_rows(study)
        for option in row.options
    ]
    if study.differences:
        rows += [
            [
                "Measure",
                "of its own kind: never pooled",
                words_of(measure, study).heading + (" (primary)" if measure == study.primary_measure else ""),
                measure.reason or GAP,
            ]
            for measure in study.measures
        ]
    return pd.DataFrame(rows, columns=["Decision", "Type", "Option", "Reason"])


def split_by(study: Study) -> Decision | None:
    """Return the threshold of the count if it divides tables in two: the primary one, and the others."""
    decision = study.decision_of("lesions")
    return decision if decision is not None and decision.type == NON_EQUIVALENT else None


def beside_estimator(study: Study) -> tuple[list[Decision], list[Decision]]:
    """Return the decisions with columns of their own before and after the estimator; `split_by` has none.

    The exposure cutoff is always one, if its options are apart.
    """
    exposure = study.decision_of("dose")
    last = [exposure] if exposure and exposure.name in study.outside else []
    first = [own for own in apart(study) if own not in (split_by(study), *last)]
    return first, last


def option_cell(study: Study, decision: Decision, row: dict[str, Any]) -> str:
    """Return the option of a block: that they are pooled, or a dash where it makes no difference."""
    value = row[decision.name]
    if value is None or value != value:
        return GAP if idle(decision, str(row["estimator"])) else POOLED
    return option_label(study, decision.name, value)
