"""Rows on survival of everybody in either arm: standardised from the adjusted model, and doubly robust."""

from collections.abc import Sequence
from typing import Any

from survival_multiverse.cohort.sample import Sample, design_matrix
from survival_multiverse.estimators.curve_measures import SURVIVAL, Contrast, wald_numbers
from survival_multiverse.estimators.doubly_robust import doubly_robust
from survival_multiverse.estimators.standardised import (
    ArmSurvival,
    OutcomeModel,
    outcome_model,
    standardised,
    without_model,
)
from survival_multiverse.scenario.comparability import Scored
from survival_multiverse.scenario.rows import NAN, RowWriter
from survival_multiverse.scenario.survival_tables import ARM_LEVELS
from survival_multiverse.settings.models import Analysis
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.values import canonical_text


def adjusted_model(scored: Scored, analysis: Analysis) -> OutcomeModel:
    """Return the adjusted model with its baseline, or why there is none."""
    sample = scored.sample
    gate = sample.arm_status(analysis.minimum_events)
    if gate is not Status.OK:
        return without_model(gate)
    covariates = design_matrix(sample, scored.names)[0]
    return outcome_model(sample.time, sample.event, sample.arm, covariates, sample.entry)


def write_standardised(writer: RowWriter, scored: Scored, model: OutcomeModel, analysis: Analysis) -> None:
    """Write survival by arm and its contrasts, standardised and doubly robust, at the study's times."""
    sample = scored.sample
    at: dict[str, Any] = {"horizons": [analysis.rmst_horizon], "times": analysis.survival_times}
    _write(writer, "standardised", sample, analysis, *standardised(model, **at))
    both = (
        model if model.status is not Status.OK or scored.status is Status.OK else without_model(scored.status)
    )
    _write(writer, "doubly_robust", sample, analysis, *doubly_robust(both, scored.fit.probability, **at))


def _write(
    writer: RowWriter,
    name: str,
    sample: Sample,
    analysis: Analysis,
    arms: Sequence[Sequence[ArmSurvival]],
    contrasts: Sequence[Contrast],
) -> None:
    level_of = analysis.confidence_level
    labels: dict[str, Any] = {"model": "adjusted", "ties": "efron", "variance": "robust"}
    labels |= {"n": len(sample), "events": int(sample.event.sum())}
    for level, readings in zip(ARM_LEVELS, arms, strict=True):
        for when, (estimate, error, status) in zip(analysis.survival_times, readings, strict=True):
            numbers = wald_numbers(estimate, error, level=level_of) | {"p_value": NAN}
            statistic = f"survival_{canonical_text(when)}"
            writer.add(name, statistic, estimate, level=level, status=status, **numbers, **labels)
    for measure, when, estimate, error, _, status in contrasts:
        statistic = f"{measure}_{canonical_text(when)}" if measure == SURVIVAL else measure
        numbers = wald_numbers(estimate, error, level=level_of)
        writer.add(name, statistic, estimate, level="1 vs 0", status=status, **numbers, **labels)
