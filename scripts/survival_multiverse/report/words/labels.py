"""Names of variables, levels and axis values as readers see them."""

import math
from typing import Any

from survival_multiverse.cohort.sample import GTV_LEVELS, STATE_LEVELS, measured
from survival_multiverse.report.style.formats import display_label, display_unit
from survival_multiverse.settings.schema import Population
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import AXES, canonical_text


def with_unit(value: float, unit: str) -> str:
    """Return a number with its unit: ``12 months``."""
    return f"{canonical_text(value)} {display_unit(unit)}".strip()


def in_sentence(label: str) -> str:
    """Return a label for use inside a sentence: its capital goes, except in abbreviations (``T stage``)."""
    return label[0].lower() + label[1:] if label[1:2].islower() else label


def arm_labels(study: Study, *, dose_cutoff: float) -> tuple[str, str]:
    """Return the names of the arms 0 and 1: below the cutoff, and at or above it."""
    cutoff = with_unit(dose_cutoff, study.dose.unit)
    return f"<{cutoff}", f"≥{cutoff}"


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
    if name in ("gtv", "lesions"):
        return getattr(study, name).label
    labels = {item.name: item.label for item in study.covariates.values()}
    labels |= {item.name: item.label for item in study.descriptives}
    return labels.get(name, name)


def level_label(study: Study, name: str, level: str) -> str:
    """Return the label of one level of a grouping; a cutoff is that of the primary."""
    primary = study.primary
    if name == "arm" and level in ("0", "1"):
        return arm_labels(study, dose_cutoff=primary.dose_cutoff)[int(level)]
    if name == "gtv" and level in GTV_LEVELS:
        return "<≥"[GTV_LEVELS.index(level)] + with_unit(primary.gtv_cutoff, study.gtv.unit)
    if level in STATE_LEVELS:
        sign = "<≥"[STATE_LEVELS.index(level)]
        threshold = with_unit(primary.oligo_threshold, study.lesions.unit)
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
        unit = getattr(study, name).unit if name in ("gtv", "lesions") else unit
        if name in study.per:
            return f"per {with_unit(study.per[name].units, unit or 'units')}"
        return f"per {display_unit(unit)}" if unit else contrast
    level, reference = contrast.split(" vs ", 1)
    return f"{level_label(study, name, level)} vs {level_label(study, name, reference)}"


def axis_label(study: Study, axis: str) -> str:
    """Return the name of an axis of the multiverse, with its unit."""
    if axis == "oligo_threshold":
        return f"{study.lesions.label}: {in_sentence(study.terms.at_or_above)} from"
    if axis == "dose_cutoff":
        return display_label(f"{study.dose.label}, cutoff", study.dose.unit)
    if axis == "gtv_cutoff":
        return display_label(f"{study.gtv.label}, cutoff", study.gtv.unit)
    return "Caliper (SD of the propensity logit)"


def axis_value(study: Study, axis: str, value: float) -> str:
    """Return one value of an axis, in a sentence: ``≥20 mm``, ``caliper 0.2``."""
    text = bare_value(study, axis, value)
    return f"caliper {text}" if axis == "caliper" and not math.isinf(value) else text


def bare_value(study: Study, axis: str, value: float) -> str:
    """Return one value of an axis, beside the axis's name: ``≥20 mm``, ``0.2``, ``no caliper``."""
    if axis == "caliper":
        return "no caliper" if math.isinf(value) else canonical_text(value)
    role = {"oligo_threshold": study.lesions, "dose_cutoff": study.dose, "gtv_cutoff": study.gtv}[axis]
    return f"≥{with_unit(value, role.unit)}"


def describe_specification(study: Study, row: dict[str, Any]) -> str:
    """Return the choices of one specification in words, without those that do not apply."""
    parts = []
    for axis in AXES:
        value = row.get(axis)
        if isinstance(value, float | int) and not math.isnan(value):
            text = axis_value(study, axis, float(value))
            role = {"dose_cutoff": study.dose, "gtv_cutoff": study.gtv}.get(axis)
            text = f"{in_sentence(role.label)} {text}" if role else text
            parts.append(text)
    name = row.get("adjustment_set")
    if isinstance(name, str):
        late = " †" if study.flags(study.adjustment_sets[name].covariates) else ""
        parts.append(f"“{study.adjustment_sets[name].label}{late}” covariates")
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
    cut += [f"{in_sentence(study.gtv.label)} at the scenario’s cutoff"] if "gtv" in held else []
    text = "What was measured as a number is judged as measured, too, not only by its categories."
    return f"{text} Entered the scores cut: {', '.join(cut)}." if cut else text
