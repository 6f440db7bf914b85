"""Decisions and roles: what the code knows of every study, and the canonical text of values."""

import math
from functools import lru_cache
from typing import NamedTuple

Value = float | str
"""An option of a decision: a number (a cutoff, a caliper), or its name."""
Scenario = tuple[Value, ...]
"""One option of each decision, in the order of the decisions; an infinite caliper is none."""


class Cutoffs(NamedTuple):
    """Numbers that a scenario gives the analysis; one that no decision varies keeps its default.

    Attributes
    ----------
    lesions
        Lowest count of the upper population; NaN where the cohort has no count.
    dose
        Lowest exposure of arm 1; 1 for an exposure in two groups, coded 0 and 1.
    gtv
        Lowest size of the upper group; NaN where the cohort has no size.
    caliper
        Greatest distance of a matched pair, in SD of the logit; infinity is none.
    """

    lesions: float = math.nan
    dose: float = 1.0
    gtv: float = math.nan
    caliper: float = math.inf


VARIED = Cutoffs._fields
"""What a decision between numbers may vary."""
ROLES = ("time", "event", "dose", "gtv", "lesions")
"""What a study may know of a patient, in the order of the tables."""
OPTIONAL_ROLES = ("gtv", "lesions")
"""What a cohort may do without."""


def option_number(value: Value) -> float:
    """Return the number of an option; ``none`` (no caliper) is infinity."""
    return math.inf if value == "none" else float(value)


def option_value(value: Value) -> Value:
    """Return the number of an option, or its name where it is none."""
    try:
        return option_number(value)
    except ValueError:
        return value


@lru_cache(maxsize=4096)
def canonical_text(value: Value) -> str:
    """Return the canonical text of an option in a path: ``146``, ``0.2``, ``none``, ``spline``."""
    number = option_value(value)
    if isinstance(number, str):
        return number
    return "none" if math.isinf(number) else f"{number:.15g}"


def level_text(level: Value) -> str:
    """Return the canonical text of a category: the numbers 1 and 1.0 and the text ``1`` are all ``1``."""
    return level if isinstance(level, str) else f"{float(level):.15g}"
