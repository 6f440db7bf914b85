"""Checks of the times of treatment against the rest of the settings, and the units in which they are."""

from collections.abc import Iterator, Mapping
from typing import Any

WEEKS = {"day": 1 / 7, "week": 1.0, "month": 365.25 / 12 / 7, "year": 365.25 / 7}
"""Weeks in a unit of time, by its name in the singular; a year has 365.25 days."""
TIMES, RATES = ("start", "completion"), ("fraction_dose", "fractions_per_week")
"""Keys of `cohort.treatment`: columns of times, and what a completion is derived from."""
SO_FAR = "dose_so_far"
"""Its key for the dose that was received."""


def weeks_in(unit: str) -> float | None:
    """Return how many weeks a unit of time has, or None for a word that is no such unit."""
    return WEEKS.get(unit.strip().lower().removesuffix("s"))


def check_treatment(config: Mapping[str, Any], analysis: bool) -> Iterator[str]:
    """Check that times of treatment fit the source, the exposure and the units.

    Parameters
    ----------
    config
        The configuration, its cohort intact.
    analysis
        Whether the settings of the analysis are intact, too.
    """
    cohort = config["cohort"]
    treatment = cohort.get("treatment")
    if treatment is None:
        if analysis and "grace_periods" in config["analysis"]:
            yield "analysis.grace_periods: no time of treatment is known; give cohort.treatment, or remove it"
        return
    columns = [name for name in (*TIMES, SO_FAR) if name in treatment]
    columns += [name for name in RATES if isinstance(treatment.get(name), str)]
    if cohort["source"] in ("simulated", "reconstructed") and columns:
        yield (
            f"cohort.treatment.{columns[0]}: {cohort['source']} patients have no such column; give "
            "fraction_dose and fractions_per_week as numbers, or remove it"
        )
    if "entry" in cohort:
        yield (
            "cohort.treatment: the ways to deal with the time before treatment follow everybody from time "
            "zero, and cohort.entry says that some enter later; remove one of them"
        )
    yield from _check_exposure(cohort, treatment)


def _check_exposure(cohort: Mapping[str, Any], treatment: Mapping[str, Any]) -> Iterator[str]:
    """Check what is given of the exposure, in groups or as a number."""
    levels = cohort["dose"].get("levels", ())
    if not levels:
        if "fraction_dose" in treatment and weeks_in(cohort["time"]["unit"]) is None:
            yield (
                f"cohort.treatment.fractions_per_week: the survival time is in {cohort['time']['unit']}, of "
                f"which it is not known how many make a week; use {', '.join(f'{name}s' for name in WEEKS)}, "
                "or give completion"
            )
        return
    if len(levels) > 2:
        yield (
            f"cohort.treatment: the exposure has {len(levels)} groups; times of treatment tell two apart, "
            "not treated and treated: give two levels, or remove it"
        )
    if "start" not in treatment:
        yield "cohort.treatment.start: an exposure in groups begins then; give its column"
    for name in ("completion", SO_FAR, *RATES):
        if name in treatment:
            yield f"cohort.treatment.{name}: an exposure in groups begins at the start; remove it"
