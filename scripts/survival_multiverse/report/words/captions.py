"""Titles, captions and alternative texts of the figures, made from the settings and the numbers."""

from dataclasses import dataclass, replace

import pandas as pd

from survival_multiverse.cohort.coarse_curves import time_step
from survival_multiverse.inference.specification_summary import (
    estimators_present,
    headline,
    primary_block,
    primary_cutoffs,
    surface_cells,
)
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.words.figure_names import (
    BY,
    DOSE,
    MATCHED,
    PREFIX,
    STATE,
    published_in,
)
from survival_multiverse.report.words.labels import (
    arm_labels,
    axis_value,
    in_sentence,
    variable_label,
    with_unit,
)
from survival_multiverse.report.words.narrative import reading
from survival_multiverse.report.words.table_cells import set_label
from survival_multiverse.scenario.cautions import NOTE
from survival_multiverse.settings.study import Study

CURVE, SURFACE = "specification_curve", "hazard_ratio_surface"


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
    if name == CURVE:
        return _curve_caption(specifications, study)
    if name == SURFACE:
        return _surface_caption(specifications, study)
    words = _survival_caption(name.removeprefix(PREFIX), study, _printed(name, study, published))
    compared = name.removeprefix(PREFIX).startswith(BY) and published_in(name, published, study)
    return replace(words, reading=words.reading + filled_in(study)) if compared else words


def filled_in(study: Study) -> str:
    """Say what reconstructed patients have that the paper does not know."""
    if study.source != "reconstructed":
        return ""
    return (
        " Where the paper does not know a value of some patients, it was filled in here, and these numbers "
        "count more patients than the published ones. What is held against the published numbers leaves them "
        "out, as the paper did."
    )


def _printed(name: str, study: Study, published: pd.DataFrame) -> str:
    """Say which published numbers a figure of survival curves marks."""
    words = {"survival": "survival rates (rings)", "median": "medians (ticks)"}
    kinds = published_in(name, published, study)
    found = [text for kind, text in words.items() if kind in kinds]
    return f" {PUBLISHED_NAME.capitalize()}: published {', '.join(found)}." if found else ""


def _curve_caption(specifications: pd.DataFrame, study: Study) -> Caption:
    percent = f"{100 * study.analysis.confidence_level:g}%"
    text = (
        "Every specification of the primary population at the primary threshold, one curve for each "
        f"estimator and cutoff of {in_sentence(study.dose.label)} because each estimates something else. "
        "Above, hazard ratios with "
        f"{percent} confidence intervals, sorted, and the median of each curve (dotted); the few widest "
        "intervals are cut at the edge. Below, the choices behind each estimate. Diamonds: primary "
        "scenario, once for each adjustment set." + dagger(study)
    )
    rows = headline(specifications)
    parts = [
        f"{ESTIMATOR_LABELS[name]}: {reading(primary_block(rows[rows['estimator'] == name], study), study)}"
        for name in estimators_present(rows)
    ]
    return Caption("Specification curve", text, "Specification curve. " + " ".join(parts))


def _surface_caption(specifications: pd.DataFrame, study: Study) -> Caption:
    text = (
        f"Matched hazard ratios over {in_sentence(study.dose.label)} cutoffs (across) and "
        f"{in_sentence(study.gtv.label)} cutoffs (up), one block for each adjustment set; each row of "
        "maps is a threshold of the primary population, each column a caliper. Blue favours the arm at "
        "or above the cutoff. A dot marks a confidence interval that excludes 1, hatching what "
        "could not be estimated, the frame the primary scenario"
        + (f" ({PUBLISHED_NAME}: its hazard ratio was published)." if "matched" in study.published else ".")
        + dagger(study)
    )
    cells = primary_cutoffs(surface_cells(specifications, study), study)
    where = f"{axis_value(study, 'oligo_threshold', study.primary.oligo_threshold)}, "
    where += f"{in_sentence(study.dose.label)} {axis_value(study, 'dose_cutoff', study.primary.dose_cutoff)}"
    parts = [
        f"{set_label(study, name)}, {where}: {reading(cells[cells['adjustment_set'] == name], study)}"
        for name in study.adjustment_sets
    ]
    return Caption("Hazard-ratio surface", text, f"Maps of matched hazard ratios. {' '.join(parts)}")


def dagger(study: Study) -> str:
    """Explain the marks: a dagger, if one can occur, and that of an estimate to be read with caution."""
    late = any(study.flags(entry.covariates) for entry in study.adjustment_sets.values())
    return (" † holds covariates known only after treatment began." if late else "") + NOTE


def _survival_caption(part: str, study: Study, printed: str) -> Caption:
    threshold, cutoff, _, caliper = study.primary
    low, high = arm_labels(study, dose_cutoff=cutoff)
    population = f"patients with {axis_value(study, 'oligo_threshold', threshold)}"
    arms = f"{study.dose.label} {high} (solid) against {low} (dashed)"
    text, note = f"{arms}, {population}, before matching.", ""
    if part == STATE:
        title = f"{study.time.label} by {in_sentence(study.terms.state)}"
        text = f"All patients: at least {with_unit(threshold, study.lesions.unit)} against fewer."
    elif part == DOSE:
        title = f"{study.time.label} by {in_sentence(study.dose.label)}"
    elif part.startswith(MATCHED):
        label = set_label(study, part.removeprefix(MATCHED))
        title = f"{study.time.label} after matching: {label}"
        text = f"{arms}, {population}, matched 1:1 ({axis_value(study, 'caliper', caliper)})."
        note = dagger(study) if label.endswith("†") else ""
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
    step = with_unit(time_step(study), study.time.unit)
    reading = (
        f"Kaplan-Meier curves. Bands: {percent} confidence limits ({study.analysis.survival_conf_type}). "
        f"Numbers at risk below {study.minimum_count} are not shown. Curves step at multiples of {step} and "
        f"by at least {study.minimum_count} events, so that no step is one patient’s. A curve ends where "
        f"fewer follow.{note}"
    )
    return Caption(title, text + printed, f"Kaplan-Meier curves. {text}", reading)
