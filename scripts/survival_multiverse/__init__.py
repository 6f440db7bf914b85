"""Survival analysis over a multiverse of cohort definitions, cutoffs and matchings."""

from importlib import import_module
from typing import Any

__version__ = "1.0.0"

_PLACES = {
    "Scenario": "settings.values",
    "Study": "settings.study",
    "cox": "estimators.cox",
    "encode_cohort": "cohort.sample",
    "evaluate_panel": "scenario.multiverse",
    "kaplan_meier": "estimators.curves",
    "log_rank": "estimators.log_rank",
    "prepare_cohort": "cohort.preparation",
    "release": "report.release",
    "simulate_cohort": "cohort.simulation",
    "specifications": "inference.robustness",
}
__all__ = ["__version__", *_PLACES]


def __getattr__(name: str) -> Any:
    """Load a public name where it is first asked for: none costs more than it is used."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
