"""Guesses of which columns say when patients were treated: by their names, and only where they fit."""

import re
from collections.abc import Collection, Mapping

import numpy as np

from survival_multiverse.cohort.treatment_course import derived_completion
from survival_multiverse.settings.cells import Cells
from survival_multiverse.settings.treatment_checks import RATES, TIMES

WORDS = {
    "start": (
        *("treatmentstart", "starttreatment", "startoftreatment", "timetotreatment", "treatmentbegan"),
        *("rtstart", "startrt", "startofrt", "timetort", "radiotherapystart", "timetoradiotherapy"),
        *("txstart", "timetotx", "timetotransplant", "wait", "waitingtime", "waittime"),
    ),
    "completion": (
        *("completion", "treatmentcompletion", "treatmentend", "endoftreatment", "endtreatment"),
        *("rtcompletion", "rtend", "endrt", "endofrt", "rtstop", "radiotherapyend", "txend", "lastfraction"),
    ),
    "fraction_dose": ("fractiondose", "doseperfraction", "doseperfx", "dosefraction", "fxdose"),
    "fractions_per_week": ("fractionsperweek", "fxperweek", "fractionsweek", "weeklyfractions"),
}
"""Names of columns, without marks and capitals, that speak for a time or a rate of treatment."""
UNFIT = (
    "it seems to be a time of treatment, which no covariate is, but does not fit the exposure and the times"
)
"""Why a column of such a name becomes nothing."""


def guess_treatment(
    cells: Mapping[str, Cells], roles: Mapping[str, str], *, levels: tuple[str, ...], unit: str
) -> tuple[dict[str, str], dict[str, str]]:
    """Guess the columns of `cohort.treatment`; none that the checks of the patients would refuse.

    Parameters
    ----------
    cells
        Columns by name.
    roles
        Columns that are taken, by role; time and dose among them.
    levels
        Of an exposure in groups, the reference first; empty for a number.
    unit
        Of the survival time.

    Returns
    -------
    dict, dict
        Column by key of `cohort.treatment`; and times of treatment that do not fit, each with the reason for
        leaving it out.
    """
    named = {
        key: min(found, key=lambda name: words.index(bare(name)))
        for key, words in WORDS.items()
        if (found := _named(cells, words, roles.values()))
    }
    times = {key: name for key, name in named.items() if key in TIMES}
    fits = _grouped(cells, roles, times, levels) if levels else _numeric(cells, roles, named, unit)
    if "entry" in roles:
        fits = {}
    return fits, {name: UNFIT for name in times.values() if name not in fits.values()}


def bare(name: str) -> str:
    """Return a name without marks and capitals."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _named(cells: Mapping[str, Cells], words: Collection[str], taken: Collection[str]) -> list[str]:
    return [
        name
        for name, own in cells.items()
        if bare(name) in words
        and name not in taken
        and bool((np.isnan(own.numbers) == own.gaps).all())
        and not own.gaps.all()
    ]


def _grouped(
    cells: Mapping[str, Cells], roles: Mapping[str, str], times: Mapping[str, str], levels: tuple[str, ...]
) -> dict[str, str]:
    """Return the start of an exposure in two groups: within follow-up, and of the treated group alone."""
    if "start" not in times or len(levels) != 2:
        return {}
    exposure, time = cells[roles["dose"]], cells[roles["time"]]
    start = cells[times["start"]].numbers
    known = ~exposure.gaps & ~time.gaps
    treated = np.array([str(text) == levels[1] for text in exposure.texts])
    right = _within(start, 0.0, time.numbers) & (np.isnan(start) != treated)
    return {"start": times["start"]} if right[known].all() and (start > 0).any() else {}


def _numeric(
    cells: Mapping[str, Cells], roles: Mapping[str, str], named: Mapping[str, str], unit: str
) -> dict[str, str]:
    """Return what fits an exposure that is a number: times within follow-up, or rates that give one."""
    dose, time = cells[roles["dose"]].numbers, cells[roles["time"]].numbers
    known = ~np.isnan(dose) & ~np.isnan(time)
    found: dict[str, str] = {}
    start = np.where(dose > 0, 0.0, np.nan)
    if "start" in named:
        own = cells[named["start"]].numbers
        right = _within(own, 0.0, time) & ~(np.isnan(own) & (dose > 0))
        if right[known].all() and (own > 0).any():
            found["start"], start = named["start"], own
    if "completion" in named:
        own = cells[named["completion"]].numbers
        right = _within(own, start, time) & (np.isnan(start) | ~np.isnan(own))
        if right[known].all() and (own > 0).any():
            return found | {"completion": named["completion"]}
    if set(RATES) <= set(named):
        fraction, per_week = (cells[named[rate]].numbers for rate in RATES)
        given = np.isnan(start) | ~(dose > 0) | ((fraction > 0) & (per_week > 0))
        with np.errstate(divide="ignore", invalid="ignore"):
            own = start + derived_completion(dose, fraction, per_week, unit)
        if (given & _within(own, start, time))[known].all():
            return found | {rate: named[rate] for rate in RATES}
    return found


def _within(when: np.ndarray, earliest: np.ndarray | float, latest: np.ndarray) -> np.ndarray:
    """Return where a time lies between two others, or is not known."""
    return ~((when < earliest) | (when > latest))
