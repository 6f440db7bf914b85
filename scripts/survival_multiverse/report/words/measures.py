"""Measures in words: what they are called, and their estimates as text."""

import math

from survival_multiverse.report.style.formats import display_unit, format_ratio
from survival_multiverse.report.words.decisions import joined
from survival_multiverse.report.words.labels import with_unit
from survival_multiverse.settings.measures import (
    MEDIAN_DIFFERENCE,
    RMST_DIFFERENCE,
    SURVIVAL_DIFFERENCE,
    Measure,
)
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

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
    """Return the names of the measures of a study, parts with semicolons between them."""
    parts = ["hazard ratio"] if any(measure.ratio for measure in study.measures) else []
    kinds = dict.fromkeys(measure.kind for measure in study.differences)
    for place, kind in enumerate(kinds):
        whens = [canonical_text(own.at) for own in study.differences if own.kind == kind]
        when = f"{joined(whens)} {study.time.unit}"
        parts.append(
            ("differences " if place == 0 else "")
            + {
                RMST_DIFFERENCE: f"in restricted mean survival up to {when}",
                SURVIVAL_DIFFERENCE: f"in survival at {when}",
                MEDIAN_DIFFERENCE: "in median survival",
            }[kind]
        )
    return "; ".join(parts)
