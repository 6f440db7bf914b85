"""Names of variables, levels and options as readers see them."""

import math
from collections.abc import Sequence
from typing import Any

from survival_multiverse.cohort.sample import GTV_LEVELS, STATE_LEVELS, measured
from survival_multiverse.report.style.formats import display_label, display_unit
from survival_multiverse.settings.schema import Population
from survival_multiverse.settings.study import Decision, Quantity, Study
from survival_multiverse.settings.values import OPTIONAL_ROLES, Value, canonical_text


def with_unit(value: float, unit: str) -> str:
    """Return a number with its unit: ``12 months``."""
    return f"{canonical_text(value)} {display_unit(unit)}".strip()


def joined(words: list[str]) -> str:
    """Return words as a list in a sentence: ``a, b and c``."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def in_sentence(label: str) -> str:
    """Return a label for use inside a sentence: its capital goes, except in abbreviations (``T stage``)."""
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def arm_labels(study: Study, *, dose_cutoff: float | None = None) -> tuple[str, str]:
    """Return the names of arms 0 and 1: below a cutoff (the primary one) and at or above it, or groups."""
    if study.exposure_levels:
        return group_names(study, study.under(study.primary).compared)
    if named_arms(study):
        return study.arm_names[0], study.arm_names[1]
    cutoff = with_unit(study.primary_cutoffs.dose if dose_cutoff is None else dose_cutoff, study.dose.unit)
    return f"<{cutoff}", f"≥{cutoff}"


def named_arms(study: Study) -> bool:
    """Return whether the arms have names, and not the limits of the exposure."""
    decision = study.decision_of("dose")
    # Names tell the arms apart at one cutoff only.
    one_cutoff = decision is None or len(decision.values) == 1
    return bool(study.exposure_levels) or (bool(study.arm_names) and one_cutoff)


def of_arm(study: Study, arm: str) -> str:
    """Return an arm of `arm_labels` inside a sentence: ``thoracic radiation dose ≥63 Gy``, ``surgery``."""
    return arm if named_arms(study) else f"{in_sentence(study.dose.label)} {arm}"


def at_arm(study: Study, arm: str) -> str:
    """Return an arm of `arm_labels` after a noun: ``at ≥63 Gy``, ``with surgery``."""
    return f"{'with' if named_arms(study) else 'at'} {arm}"


def with_more(study: Study) -> str:
    """Return with what a one-sided prediction is made: ``with higher dose``, ``with surgery``."""
    if named_arms(study):
        return f"with {arm_labels(study)[1]}"
    return f"with higher {in_sentence(study.dose.label)}"


def group_names(study: Study, compared: Sequence[str]) -> tuple[str, str]:
    """Return the names of two compared groups of the exposure, the reference first."""
    names = dict(zip(study.exposure_levels, study.arm_names or study.exposure_levels, strict=True))
    low, high = compared or study.exposure_levels
    return names[low], names[high]


def population_label(study: Study, population: str) -> str:
    """Return the name of a population."""
    return {
        Population.NON_OLIGOMETASTATIC: study.terms.at_or_above,
        Population.OLIGOMETASTATIC: study.terms.below,
        Population.ALL: "All patients",
    }[Population(population)]


def variable_label(study: Study, name: str) -> str:
    """Return the label of a grouping: the arm, the state, a fixed role or a covariate."""
    if name == "arm":
        return study.dose.label
    if name in ("state", "population"):
        return study.terms.state
    if name in OPTIONAL_ROLES and getattr(study, name) is not None:
        return str(getattr(study, name).label)
    labels = {item.name: item.label for item in study.covariates.values()}
    labels |= {item.name: item.label for item in study.descriptives}
    return labels.get(name, name)


def level_label(study: Study, name: str, level: str) -> str:
    """Return the label of one level of a grouping; a cutoff is that of the primary."""
    primary = study.primary_cutoffs
    if name == "arm" and level in ("0", "1"):
        return arm_labels(study)[int(level)]
    if study.gtv and name == "gtv" and level in GTV_LEVELS:
        return "<≥"[GTV_LEVELS.index(level)] + with_unit(primary.gtv, study.gtv.unit)
    if study.lesions and level in STATE_LEVELS:
        sign = "<≥"[STATE_LEVELS.index(level)]
        threshold = with_unit(primary.lesions, study.lesions.unit)
        return f"{population_label(study, level)} ({sign}{threshold})"
    covariate = study.covariates.get(name)
    text = level
    if covariate is not None and covariate.type == "continuous" and level in covariate.levels:
        text = f"{level} {display_unit(covariate.unit)}".strip()
    return text.replace(">=", "≥").replace("<=", "≤")


def factor_levels(study: Study, factor: str) -> tuple[str, ...]:
    """Return the levels of a grouping, the reference first."""
    return GTV_LEVELS if factor == "gtv" else study.covariates[factor].levels


def contrast_label(study: Study, name: str, contrast: str) -> str:
    """Return the label of a model term: ``level vs reference``, or the unit of a linear term."""
    if " vs " not in contrast:
        unit = study.covariates[name].unit if name in study.covariates else ""
        unit = getattr(study, name).unit if name in OPTIONAL_ROLES else unit
        if name in study.per:
            return f"per {with_unit(study.per[name].units, unit or 'units')}"
        return f"per {display_unit(unit)}" if unit else contrast
    level, reference = contrast.split(" vs ", 1)
    return f"{level_label(study, name, level)} vs {level_label(study, name, reference)}"


def decision_label(study: Study, name: str) -> str:
    """Return the name of a decision as the title of its options, with their unit."""
    decision = study.decisions[name]
    if decision.varies == "lesions" and study.lesions:
        return f"{study.lesions.label}: {in_sentence(study.terms.at_or_above)} from"
    if decision.varies in ("dose", "gtv"):
        return display_label(f"{decision.label}, cutoff", _role(study, decision).unit)
    if decision.varies == "caliper":
        return "Caliper (SD of the propensity logit)"
    return decision.label


def decision_words(study: Study, name: str) -> str:
    """Return the name of a decision inside a sentence: ``the cutoff of tumour size``, ``the caliper``."""
    decision = study.decisions[name]
    if decision.varies == "caliper":
        return "the caliper"
    label = in_sentence(decision.label)
    kind = {"lesions": "the threshold of ", "dose": "the cutoff of ", "gtv": "the cutoff of "}
    return f"{kind[decision.varies]}{label}" if decision.varies in kind else f"the decision on {label}"


def option_words(study: Study, name: str, value: Value) -> str:
    """Return one option in a sentence: ``≥20 mm``, ``caliper 0.2``, ``endpoint: recurrence``."""
    text, decision = option_label(study, name, value), study.decisions[name]
    if decision.varies == "caliper":
        return text if value == math.inf else f"caliper {text}"
    return text if decision.varies else f"{in_sentence(decision.label)}: {text}"


def option_label(study: Study, name: str, value: Value) -> str:
    """Return one option beside the name of its decision: ``≥20 mm``, ``0.2``, ``recurrence``."""
    decision = study.decisions[name]
    if decision.varies == "caliper":
        return "no caliper" if value == math.inf else canonical_text(value)
    if decision.varies:
        return f"≥{with_unit(float(value), _role(study, decision).unit)}"
    return str(value).replace("_", " ")


def _role(study: Study, decision: Decision) -> Quantity:
    own = getattr(study, decision.varies)
    if not isinstance(own, Quantity):
        raise LookupError(f"the study has no {decision.varies}, which {decision.name} varies")
    return own


def describe_specification(study: Study, row: dict[str, Any]) -> str:
    """Return the choices of one specification in words, without those that do not apply."""
    parts = []
    for name, decision in study.decisions.items():
        value = row.get(name)
        if value is None or value != value:
            continue
        text = option_words(study, name, value)
        parts.append(f"{in_sentence(decision.label)} {text}" if decision.varies in ("dose", "gtv") else text)
    chosen = row.get("adjustment_set")
    if isinstance(chosen, str):
        late = " †" if study.flags(study.adjustment_sets[chosen].covariates) else ""
        parts.append(f"“{study.adjustment_sets[chosen].label}{late}” covariates")
    return ", ".join(parts)


def judged_forms(study: Study) -> str:
    """Say in which forms covariates are tabulated and judged, and which of them entered the scores cut."""
    if not measured(study):
        return (
            "Published categories only, whatever the scenario’s own cutoffs: values within them were drawn, "
            "not measured."
        )
    held = {
        name
        for entry in study.adjustment_sets.values()
        for name in (*entry.covariates, *entry.covariates_in_all)
    }
    cut = [
        f"{in_sentence(covariate.label)} at {with_unit(covariate.cut, covariate.unit)}"
        for covariate in study.covariates.values()
        if covariate.cut is not None and covariate.name in held
    ]
    cut += [f"{in_sentence(study.gtv.label)} at the scenario’s cutoff"] if study.gtv and "gtv" in held else []
    text = "What was measured as a number is judged as measured, too, not only by its categories."
    return f"{text} Entered the scores cut: {', '.join(cut)}." if cut else text
