"""The parts of a target trial and of its emulation, in words, as far as the settings know them."""

from survival_multiverse.cohort.sample import measured
from survival_multiverse.report.words.checklists import capital, gap
from survival_multiverse.report.words.decisions import apart, grid_words
from survival_multiverse.report.words.eligibility import eligible, eligible_here, known_late, listed
from survival_multiverse.report.words.labels import (
    arm_labels,
    decision_words,
    in_sentence,
    joined,
    named_arms,
    of_arm,
    option_words,
    with_unit,
)
from survival_multiverse.report.words.measures import measures_in_sentence
from survival_multiverse.settings.schema import Estimator
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

WHO = {
    Estimator.UNADJUSTED: "no causal contrast",
    Estimator.MATCHED: "patients of the smaller arm with a partner",
    Estimator.OVERLAP: "patients who could have been in either arm",
    Estimator.IPTW: "all patients",
    Estimator.ADJUSTED: "a hazard ratio given the covariates",
}
"""Whom the effect of each estimator is about."""


def trial(study: Study) -> dict[str, str]:
    """Return each part of the target trial, by the key of `study.target_trial`, which replaces it.

    Parameters
    ----------
    study
        Settings.

    Returns
    -------
    dict of str
    """
    made = {
        "eligibility": eligible(study),
        "strategies": _strategies(study),
        "assignment": _assignment(),
        "time_zero": _time_zero(),
        "end_of_follow_up": _end(study),
        "outcome": _outcome(study),
        "contrast": _contrast(study),
        "assumptions": _assumptions(),
        "analysis": _plan(study),
    }
    return made | dict(study.target_trial)


def emulation(study: Study) -> dict[str, str]:
    """Return how each part is emulated, by the same keys.

    Parameters
    ----------
    study
        Settings.

    Returns
    -------
    dict of str
    """
    return {
        "eligibility": eligible_here(study),
        "strategies": _strategies_here(study),
        "assignment": _assignment_here(study),
        "time_zero": _time_zero_here(study),
        "end_of_follow_up": _end_here(study),
        "outcome": _outcome_here(study),
        "contrast": _contrast_here(study),
        "assumptions": _assumptions_here(study),
        "analysis": _plan_here(study),
    }


def _strategies(study: Study) -> str:
    low, high = arm_labels(study)
    how = gap("how treatment is given, for how long, and when it may stop")
    return f"{capital(of_arm(study, high))}, or {of_arm(study, low)}. {how}"


def _strategies_here(study: Study) -> str:
    """Say what stands for the strategies, and which other strategies are compared."""
    own = study.under(study.primary)
    how = "its groups" if named_arms(study) else "its cutoff"
    sentences = [
        f"{capital(own.dose.label)} as recorded (column {study.dose.column}) and {how}: "
        f"what was {_given(study)}."
    ]
    if own.exposure:
        sentences = [f"{capital(own.dose.label)} as recorded and {how}: what was {_given(study)}."]
    others = [decision for decision in apart(study) if decision.kinds & {"dose", "exposure", "compare"}]
    for decision in others:
        primary = study.primary[list(study.decisions).index(decision.name)]
        options = [option_words(study, decision.name, value) for value in decision.values if value != primary]
        sentences.append(f"Other strategies make other trials: {'; '.join(options)}.")
    missing = (
        "departures from it" if study.has_treatment_times else "dates of treatment, and departures from it"
    )
    return " ".join([*sentences, gap(missing)])


def _given(study: Study) -> str:
    return "planned" if study.dose_is_planned else "received"


def _assignment() -> str:
    return "Each eligible patient is assigned at random. Patients and physicians may know to what."


def _assignment_here(study: Study) -> str:
    """Say by what assignment is emulated, and which covariates cannot stand for it."""
    entry = study.adjustment_sets[study.primary_set]
    sentences = []
    if not measured(study):
        sentences.append(
            "Patients are reconstructed from published numbers, and nobody was assigned: assignment cannot "
            "be aligned with time zero."
        )
    sentences += [
        f"By what was {_given(study)}, not at random.",
        f"Given the covariates of “{entry.label}”, it is taken as random: {listed(study, entry.covariates)}.",
    ]
    for own in study.adjustment_sets.values():
        late = [name for name in own.covariates if known_late(study, name)]
        if late:
            sentences.append(
                f"“{own.label}” holds what is known only after assignment: {listed(study, late)}."
            )
    return " ".join(sentences)


def _time_zero() -> str:
    return "Assignment: a patient is eligible, is assigned and is followed from the same moment."


def _time_zero_here(study: Study) -> str:
    """Say from when survival counts, and what must be survived to be in an arm."""
    late = [name for name in study.covariates if known_late(study, name)]
    sentences = [_start(study)]
    if not measured(study):
        sentences.append(
            "The patients are reconstructed from published numbers, without times of treatment: time zero "
            "and assignment cannot be aligned."
        )
    elif study.has_treatment_times:
        sentences.append(
            "Treatment starts after time zero, at times that are known: naive contrast, landmarks, "
            "time-dependent exposure and clones that are censored and weighted stand beside each other."
        )
    else:
        sentences.append(gap("when treatment ended, so that the arm may be known only after time zero"))
    if late:
        sentences.append(
            f"Known only of those who survived to have them, which is immortal time: {listed(study, late)}."
        )
    return " ".join([*sentences, _landmarks(study)])


def _start(study: Study) -> str:
    """Say what time 0 is, and whether patients are under observation then."""
    label = study.under(study.primary).time.label
    if study.entry is None:
        return f"{label} is to count from the start of treatment."
    return (
        f"Time 0 of “{label}” comes before observation, from which on patients are at risk: "
        f"“{study.entry.label}”. Who had the event before it was never seen."
    )


def _landmarks(study: Study) -> str:
    if not study.analysis.landmarks:
        return gap("landmarks")
    times = ", ".join(map(canonical_text, study.analysis.landmarks))
    return (
        "Landmarks count survival anew, among those still under observation: "
        f"{times} {study.time.unit}. They remove immortal time before the landmark alone."
    )


def _end(study: Study) -> str:
    events = study.under(study.primary).terms.events
    return f"One of the {events}, or loss to follow-up. {gap('the date on which follow-up closes')}"


def _end_here(study: Study) -> str:
    column = "" if study.under(study.primary).endpoint else f" ({study.event.column} = 0)"
    return (
        f"The event, or censoring as recorded{column}. Restricted means stop at {horizon(study)}. "
        f"{gap('why patients were censored')}"
    )


def horizon(study: Study) -> str:
    """Return up to when restricted means are taken, with its unit."""
    return with_unit(study.analysis.rmst_horizon, study.time.unit)


def _outcome(study: Study) -> str:
    own = study.under(study.primary)
    label = own.time.label if own.endpoint else f"{own.time.label}: {in_sentence(own.event.label)}"
    return f"{label}, counted from assignment in {study.time.unit}. {gap('how it is ascertained')}"


def _outcome_here(study: Study) -> str:
    own = study.under(study.primary)
    columns = f": columns {study.time.column} and {study.event.column}"
    sentences = [f"{own.time.label} as recorded{'' if own.endpoint else columns}."]
    others = [name for name, decision in study.decisions.items() if "endpoint" in decision.kinds]
    several = [decision_words(study, name) for name in others if len(study.decisions[name].values) > 1]
    if several:
        sentences.append(f"Other outcomes: {joined(several)}.")
    return " ".join(sentences)


def _contrast(study: Study) -> str:
    return f"{gap('intention to treat, or per protocol')} Measures: {measures_in_sentence(study)}."


def _contrast_here(study: Study) -> str:
    """Say what is compared, and of whom each estimator speaks."""
    chosen = study.under(study.primary).estimators
    used = [own for own in Estimator if not chosen or own in chosen or own is Estimator.UNADJUSTED]
    words = "; ".join(f"{in_sentence(own.label)}: {WHO[own]}" for own in used)
    return (
        "Patients are compared by what they received: neither of the two. Each estimator has an estimand of "
        f"its own, and they are never pooled. {capital(words)}."
    )


def _assumptions() -> str:
    return (
        "Random assignment makes the arms exchangeable. Censoring is independent of prognosis. Each strategy "
        "is one well-defined treatment."
    )


def _assumptions_here(study: Study) -> str:
    sizes = "; ".join(
        f"“{own.label}”, {len(own.covariates)} covariates" for own in study.adjustment_sets.values()
    )
    return (
        f"No unmeasured confounding at time zero, given the covariates: {sizes}. Positivity, that every kind "
        "of patient could be in either arm: overlap of the scores. Censoring is independent of prognosis. "
        "E-values say how strong an unmeasured confounder would have to be."
    )


def _plan(study: Study) -> str:
    level = f"{100 * study.analysis.confidence_level:g}%"
    return (
        f"Kaplan-Meier curves and a Cox model of the arms, with {level} intervals. "
        f"{gap('how the trial would handle missing values')}"
    )


def _plan_here(study: Study) -> str:
    missing = (
        "each analysis uses the patients complete for it"
        if study.missing_values == "complete_case"
        else "a cohort with gaps is refused"
    )
    varying = [decision_words(study, name) for name, own in study.decisions.items() if len(own.values) > 1]
    sentences = [
        "The same after matching, weighting or adjustment: Methods.",
        f"Missing values: {missing}.",
        f"Sensitivity: {grid_words(study)}.",
    ]
    if varying:
        sentences.append(f"Decisions that vary: {'; '.join(varying)}.")
    return " ".join(sentences)
