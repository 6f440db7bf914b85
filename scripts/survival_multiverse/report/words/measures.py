"""Measures in words: what they are called, and their estimates as text."""

import math

from survival_multiverse.report.style.formats import display_unit, format_ratio
from survival_multiverse.report.words.labels import in_sentence, with_unit
from survival_multiverse.settings.measures import (
    MEDIAN_DIFFERENCE,
    RMST_DIFFERENCE,
    SURVIVAL_DIFFERENCE,
    Measure,
)
from survival_multiverse.settings.study import Study

PERCENT = "percentage points"


def measure_label(measure: Measure, study: Study) -> str:
    """Return the name of a measure, as a heading."""
    when = with_unit(measure.at, study.time.unit)
    return {
        RMST_DIFFERENCE: f"Difference in restricted mean survival up to {when}",
        SURVIVAL_DIFFERENCE: f"Difference in survival at {when}",
        MEDIAN_DIFFERENCE: "Difference in median survival",
    }.get(measure.kind, "Hazard ratio")


def measure_unit(measure: Measure, study: Study) -> str:
    """Return the unit in which estimates of a measure are shown; none of a ratio."""
    if measure.ratio:
        return ""
    return PERCENT if measure.kind == SURVIVAL_DIFFERENCE else display_unit(study.time.unit)


def shown_estimate(measure: Measure, value: float) -> float:
    """Return an estimate in the unit in which it is shown."""
    return 100.0 * value if measure.kind == SURVIVAL_DIFFERENCE else value


def format_estimate(measure: Measure, value: float) -> str:
    """Format an estimate: a ratio to two decimals, a difference to one, with its sign."""
    if measure.ratio or not math.isfinite(value):
        return format_ratio(value)
    text = f"{abs(shown_estimate(measure, value)):.1f}"
    if float(text) == 0:
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def measures_in_sentence(study: Study) -> str:
    """Return the names of the measures of a study, the primary one first."""
    names = [in_sentence(measure_label(measure, study)) for measure in study.measures]
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1]
