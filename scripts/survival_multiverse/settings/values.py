"""The axes and roles of every study, and the canonical text of their values."""

import math
from functools import lru_cache
from typing import NamedTuple


class Scenario(NamedTuple):
    """One value of each axis; an infinite caliper is none."""

    oligo_threshold: float
    dose_cutoff: float
    gtv_cutoff: float
    caliper: float = math.inf


AXES = Scenario._fields
"""The four axes of a scenario, outermost first; fixed roles without a unit."""
ROLES = ("time", "event", "dose", "gtv", "lesions")
"""What every study knows of a patient, in the order of the tables."""


def axis_number(value: float | str) -> float:
    """Return the number of an axis value; ``none`` (no caliper) is infinity."""
    return math.inf if value == "none" else float(value)


@lru_cache(maxsize=1024)
def canonical_text(value: float | str) -> str:
    """Return the canonical text of an axis value in a path: ``146``, ``0.2``, ``none``."""
    number = axis_number(value)
    return "none" if math.isinf(number) else f"{number:.15g}"


def level_text(level: str | float) -> str:
    """Return the canonical text of a category: the numbers 1 and 1.0 and the text ``1`` are all ``1``."""
    return level if isinstance(level, str) else f"{float(level):.15g}"
