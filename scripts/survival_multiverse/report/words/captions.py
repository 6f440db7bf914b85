"""Titles, captions and alternative texts of the figures, made from the settings and the numbers."""

from dataclasses import dataclass, replace

import pandas as pd

from survival_multiverse.cohort.coarse_curves import time_step
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.style.formats import display_unit
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.words.decisions import caliper_words, whom
from survival_multiverse.report.words.delayed_entry import rising_numbers
from survival_multiverse.report.words.figure_names import (
    BALANCED,
    BY,
    DOSE,
    MATCHED,
    PREFIX,
    STATE,
    published_in,
)
from survival_multiverse.report.words.labels import (
    arm_labels,
    in_sentence,
    named_arms,
    variable_label,
    with_unit,
)
from survival_multiverse.report.words.table_cells import set_label
from survival_multiverse.scenario.cautions import NOTE
from survival_multiverse.settings.study import Study


@dataclass(frozen=True, slots=True)
class Caption:
    """What stands under a figure, what is read out instead of it, and how to read it, which is folded."""

    title: str
    text: str
    alternative: str
    reading: str = ""


def caption(
    name: str, specifications: pd.DataFrame, study: Study, published: pd.DataFrame = NO_MARKS
) -> Caption:
    """Caption of a figure of the report; `published` as in `published_marks`."""
    words = _survival_caption(name.removeprefix(PREFIX), study, _printed(name, study, published))
    compared = name.removeprefix(PREFIX).startswith(BY) and published_in(name, published, study)
    return replace(words, reading=words.reading + filled_in(study)) if compared else words


def filled_in(study: Study) -> str:
    """Say what reconstructed patients have that the paper does not know."""
    if study.source != "reconstructed":
        return ""
    return (
        " Where the paper does not know a value of some patients, it was filled in here. These numbers count "
        "more patients than the published ones. What is held against the published numbers leaves them "
        "out, as the paper did."
    )


def _printed(name: str, study: Study, published: pd.DataFrame) -> str:
    """Say which published numbers a figure of survival curves marks."""
    words = {"survival": "survival rates (rings)", "median": "medians (ticks)"}
    kinds = published_in(name, published, study)
    found = [text for kind, text in words.items() if kind in kinds]
    return f" {PUBLISHED_NAME.capitalize()}: published {', '.join(found)}." if found else ""


def dagger(study: Study) -> str:
    """Explain the marks: a dagger, if one can occur, and that of an estimate to be read with caution."""
    return late_note(study) + NOTE


def late_note(study: Study) -> str:
    """Explain the dagger, if one can occur."""
    late = any(study.flags(entry.covariates) for entry in study.adjustment_sets.values())
    return " † holds covariates known only after treatment began." if late else ""


def _survival_caption(part: str, study: Study, printed: str) -> Caption:
    low, high = arm_labels(study)
    population = whom(study)
    arms = f"{study.dose.label}{': ' if named_arms(study) else ' '}{high} (solid) against {low} (dashed)"
    text, note = f"{arms}, {population}, before matching.", ""
    if part == STATE and study.lesions is not None:
        threshold = study.primary_cutoffs.lesions
        title = f"{study.time.label} by {in_sentence(study.terms.state)}"
        text = f"All patients: at least {with_unit(threshold, study.lesions.unit)} against fewer."
    elif part == DOSE:
        title = f"{study.time.label} by {in_sentence(study.dose.label)}"
    elif part.startswith(MATCHED):
        label = set_label(study, part.removeprefix(MATCHED))
        title = f"{study.time.label} after matching: {label}"
        text = f"{arms}, {population}, matched 1:1 ({caliper_words(study)})."
        note = dagger(study) if label.endswith("†") else ""
    elif part.startswith(BALANCED):
        label = set_label(study, part.removeprefix(BALANCED))
        title = f"{study.time.label} under weights and standardised: {label}"
        text = (
            f"{arms}, {population}. Patients weighted by the propensity score (Kaplan-Meier), and everybody "
            "in either arm by the adjusted Cox model."
        )
        note = " Numbers at risk are unweighted." + (dagger(study) if label.endswith("†") else "")
    else:
        factor = variable_label(study, part.removeprefix(BY))
        late = study.flags((part.removeprefix(BY),))
        factor += " †" if late else ""
        title = f"{study.time.label} by {in_sentence(study.dose.label)} within {in_sentence(factor)}"
        note = (
            " Two P values on different sides of a limit are no evidence that the effect differs: that takes "
            "a test of interaction."
        ) + (dagger(study) if late else "")
    percent = f"{100 * study.analysis.confidence_level:g}%"
    unit = display_unit(study.time.unit)
    width = time_step(study)
    step = f"whole {unit}" if width == 1 else f"multiples of {with_unit(width, study.time.unit)}"
    reading = (
        f"Kaplan-Meier curves. Bands: {percent} confidence limits ({study.analysis.survival_conf_type}). "
        f"Numbers at risk below {study.minimum_count} are not shown. Curves step at {step} and "
        f"by at least {study.minimum_count} events, so that no step is one patient’s. A curve ends where "
        f"fewer follow.{rising_numbers(study)}{note}"
    )
    return Caption(title, text + printed, f"Kaplan-Meier curves. {text}", reading)
