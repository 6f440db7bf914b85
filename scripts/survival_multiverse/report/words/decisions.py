"""What could have been decided otherwise, in words: the grid, and the decisions that are shown apart."""

import math

import pandas as pd

from survival_multiverse.inference.specification_summary import (
    Summary,
    pooled_options,
    primary_options,
    summarise,
)
from survival_multiverse.report.words.labels import in_sentence, joined, option_label
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.settings.measures import Measure
from survival_multiverse.settings.study import UNCERTAIN, Decision, Study

SAMPLED = {"sobol": "drawn evenly over the decisions (scrambled Sobol points)", "random": "drawn at random"}
"""How a sample of the grid was drawn."""
NOUNS = {"lesions": "threshold", "dose": "cutoff"}
"""Options of decisions that change the question by themselves, in short."""


def grid_size(study: Study) -> tuple[int, int]:
    """Return how many scenarios are analysed, and how many combinations of options there are."""
    return len(study.grid), math.prod(len(decision.values) for decision in study.decisions.values())


def grid_words(study: Study) -> str:
    """Say how many scenarios there are, and of how many where a sample or conditions leave some out.

    ``all 576 scenarios``, ``60 of 7,776 scenarios, drawn at random``.
    """
    count, whole = grid_size(study)
    if study.sampled:
        return f"{count:,} of {whole:,} scenarios, {SAMPLED[study.sample_method]}"
    if count < whole:
        return f"{count:,} of {whole:,} scenarios, those whose options can be combined"
    return {1: "one scenario", 2: "both scenarios"}.get(count, f"all {count:,} scenarios")


def apart(study: Study) -> list[Decision]:
    """Return the decisions with several options that are shown apart."""
    found = (study.decisions[name] for name in study.outside)
    return [decision for decision in found if len(decision.values) > 1]


def primary_words(study: Study) -> str:
    """Return what fixes the primary question: ``primary threshold and cutoff``, ``primary options``."""
    found = apart(study)
    if not found:
        return "primary scenario"
    nouns = [NOUNS.get(decision.varies, "") for decision in found]
    return f"primary {joined(nouns)}" if all(nouns) else "primary options"


def caliper_words(study: Study) -> str:
    """Return the caliper of the primary scenario: ``caliper 0.2``, ``no caliper``."""
    caliper = study.primary_cutoffs.caliper
    return "no caliper" if caliper == math.inf else f"caliper {caliper:.15g}"


def whom(study: Study) -> str:
    """Return whom the primary scenario analyses: ``patients with ≥5 lesions``, ``all patients``."""
    decision = study.decision_of("lesions")
    if study.lesions is None or decision is None:
        return "all patients"
    return f"patients with {option_label(study, decision.name, study.primary_cutoffs.lesions)}"


def pooled_words(rows: pd.DataFrame, study: Study) -> str:
    """Say the medians over the options of the uncertain decisions, pooled and apart; nothing without any.

    Parameters
    ----------
    rows
        Specifications of one estimator and adjustment set, at every option.
    study
        Names the uncertain decisions.
    """
    uncertain = [decision for decision in apart(study) if decision.type == UNCERTAIN]
    names = [decision.name for decision in uncertain if rows[decision.name].notna().any()]
    words, pooled = measure_words(study), pooled_options(rows, study)
    every = summarise(pooled, words.measure)
    if not names or not every.estimated or every.selected:
        return ""
    what = f"{every.estimated:,} analys{'is' if every.estimated == 1 else 'es'}"
    opening = f"Pooled over {_options_of(study, names)}, the median is {words.told(every.median)} ({what})"
    if len(names) > 1:
        medians = [found.median for found in _apart(pooled, names, words.measure) if found.estimated]
        low, high = words.text(min(medians)), words.text(max(medians))
        return f"{opening}; apart, the medians of {len(medians):,} combinations run from {low} to {high}."
    (name,) = names
    found = {
        value: summarise(primary_options(pooled[pooled[name] == value], study, but=[name]), words.measure)
        for value in study.decisions[name].values
    }
    medians_apart = [
        f"{words.text(summary.median)} ({option_label(study, name, value)})"
        for value, summary in found.items()
        if summary.estimated
    ]
    return f"{opening}; apart {joined(medians_apart)}."


def _apart(rows: pd.DataFrame, names: list[str], measure: Measure) -> list[Summary]:
    return [summarise(here, measure) for _, here in rows.groupby(names, dropna=False)]


def _options_of(study: Study, names: list[str]) -> str:
    labels = [in_sentence(study.decisions[name].label) for name in names]
    if len(names) > 1:
        return f"the options of {joined(labels)}"
    count = len(study.decisions[names[0]].values)
    return f"{'both' if count == 2 else f'all {count}'} options of {labels[0]}"
