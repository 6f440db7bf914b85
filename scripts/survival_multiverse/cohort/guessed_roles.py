"""Guesses of what the columns of a table of patients are, by their names and by what they hold."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from survival_multiverse.cohort.guessed_treatment import bare, guess_treatment
from survival_multiverse.settings.cells import Cells
from survival_multiverse.settings.faults import InputError

GAPS = ("NA", "N/A", "NaN", "nan", "null", "NULL", "None", ".", "?", "unknown", "Unknown")
"""What other programs write where a value is missing."""
WORDS = {
    "id": ("id", "patient", "patientid", "subject", "subjid", "case", "pid", "record"),
    "time": (
        "time",
        "survival",
        "os",
        "ostime",
        "futime",
        "followup",
        "months",
        "days",
        "duration",
        "surv",
        "t",
    ),
    "event": (
        "event",
        "status",
        "died",
        "dead",
        "death",
        "censor",
        "cens",
        "fustat",
        "e",
        "delta",
        "osevent",
    ),
    "dose": (
        "dose",
        "exposure",
        "treatment",
        "treat",
        "trt",
        "arm",
        "rx",
        "therapy",
        "intervention",
        "exposed",
    ),
    "gtv": (
        "gtv",
        "volume",
        "tumourvolume",
        "tumorvolume",
        "size",
        "tsize",
        "tumoursize",
        "tumorsize",
        "diameter",
    ),
    "lesions": ("lesions", "metastases", "nodes", "pnodes", "positivenodes", "nmets", "count", "foci"),
    "entry": (
        "entry",
        "entrytime",
        "timeofentry",
        "timeentry",
        "delayedentry",
        "lefttruncation",
        "truncation",
    ),
}
"""Names of columns, without marks and capitals, that speak for a role."""
FEW_LEVELS, MANY_LEVELS = 6, 8
FEWEST_TIMES = 10


@dataclass
class Guess:
    """What the columns of a table seem to be.

    Attributes
    ----------
    roles
        Column by role: id, time, event, dose, gtv, lesions, entry.
    covariates
        Columns that become covariates.
    left
        Columns that become nothing, each with the reason.
    treatment
        Columns by key of `cohort.treatment`: when patients were treated.
    """

    roles: dict[str, str] = field(default_factory=dict)
    covariates: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    treatment: dict[str, str] = field(default_factory=dict)


def guess_roles(frame: pd.DataFrame, given: Mapping[str, str]) -> Guess:
    """Guess which column plays which role, by its name and by what it holds.

    Parameters
    ----------
    frame
        Raw columns, one row a patient.
    given
        Columns of roles that need no guess.

    Returns
    -------
    Guess

    Raises
    ------
    InputError
        If no column can be the time, the event or the exposure.
    """
    cells = {str(name): Cells(frame[name], GAPS) for name in frame.columns}
    unknown = [
        f"{role}: there is no column `{column}`" for role, column in given.items() if column not in cells
    ]
    if unknown:
        raise InputError([f"{text}; there are {', '.join(cells)}" for text in unknown], subject="the call")
    guess = Guess(roles=dict(given))
    for role, fits in ROLE_TESTS.items():
        free = [name for name in cells if name not in guess.roles.values()]
        named = [name for name in free if bare(name) in WORDS[role] and fits(cells[name])]
        if role not in guess.roles and named:
            guess.roles[role] = min(named, key=lambda name: WORDS[role].index(bare(name)))
    missing = [role for role in ("time", "event", "dose") if role not in guess.roles]
    if missing:
        options = {"time": "--time", "event": "--event", "dose": "--exposure"}
        raise InputError(
            [
                f"no column seems to be the {'exposure' if role == 'dose' else role}; name it with "
                f"{options[role]} COLUMN (there are {', '.join(cells)})"
                for role in missing
            ],
            subject="the data",
        )
    if "entry" not in guess.roles:
        guess.roles |= _entry(cells, guess.roles)
    guess.treatment, guess.left = guess_treatment(
        cells,
        guess.roles,
        levels=guessed_levels(cells[guess.roles["dose"]]),
        unit=guessed_unit(cells[guess.roles["time"]]),
    )
    taken = {*guess.roles.values(), *guess.treatment.values(), *guess.left}
    for name, own in cells.items():
        if name not in taken:
            reason = _useless(own)
            if reason:
                guess.left[name] = reason
            else:
                guess.covariates.append(name)
    return guess


def _entry(cells: Mapping[str, Cells], roles: Mapping[str, str]) -> dict[str, str]:
    """Return the column of delayed entry as a role, if there is one: named so, and before every time."""
    named = [
        name
        for name, own in cells.items()
        if name not in roles.values()
        and bare(name) in WORDS["entry"]
        and _is_entry(own, cells[roles["time"]])
    ]
    return {"entry": min(named, key=lambda name: WORDS["entry"].index(bare(name)))} if named else {}


def _is_entry(cells: Cells, time: Cells) -> bool:
    known = ~cells.gaps & ~time.gaps
    entry = cells.numbers[known]
    return is_numeric(cells) and bool(((entry >= 0) & (entry < time.numbers[known])).all()) and entry.any()


def level_order(level: str) -> tuple[bool, float, str]:
    """Return a key that sorts levels: numbers by size, then texts."""
    try:
        return False, float(level), level
    except ValueError:
        return True, 0.0, level


def is_grouped(cells: Cells) -> bool:
    """Say whether an exposure is in groups: text, or two values."""
    return not is_numeric(cells) or len(distinct_texts(cells)) == 2


def guessed_levels(cells: Cells) -> tuple[str, ...]:
    """Return the levels of an exposure in groups, the first as the reference; none of a number."""
    return tuple(sorted(distinct_texts(cells), key=level_order)) if is_grouped(cells) else ()


def guessed_unit(time: Cells) -> str:
    """Return the unit that survival times of such a size are likely in."""
    return "days" if float(np.nanmedian(time.numbers)) > 100 else "months"


def distinct_texts(cells: Cells) -> set[str]:
    """Return the distinct values of a column as texts."""
    return {str(text) for text in cells.texts if text is not None}


def is_numeric(cells: Cells) -> bool:
    """Say whether every cell that is no gap is a number."""
    return bool((np.isnan(cells.numbers) == cells.gaps).all()) and not cells.gaps.all()


def _is_time(cells: Cells) -> bool:
    return (
        is_numeric(cells)
        and len(distinct_texts(cells)) >= FEWEST_TIMES
        and bool(np.nanmin(cells.numbers) > 0)
    )


def _is_event(cells: Cells) -> bool:
    found = {text.lower() for text in distinct_texts(cells)}
    return len(found) == 2 and (found <= {"0", "1"} or found <= {"true", "false"})


def _is_exposure(cells: Cells) -> bool:
    return len(distinct_texts(cells)) >= 2 and (is_numeric(cells) or len(distinct_texts(cells)) <= FEW_LEVELS)


def _is_size(cells: Cells) -> bool:
    return (
        is_numeric(cells) and len(distinct_texts(cells)) > FEW_LEVELS and bool(np.nanmin(cells.numbers) >= 0)
    )


def _is_count(cells: Cells) -> bool:
    numbers = cells.numbers[~cells.gaps]
    return _is_size(cells) and bool((numbers == np.round(numbers)).all())


def _is_id(cells: Cells) -> bool:
    return not cells.gaps.any() and len(distinct_texts(cells)) == len(cells)


ROLE_TESTS = {
    "id": _is_id,
    "time": _is_time,
    "event": _is_event,
    "dose": _is_exposure,
    "gtv": _is_size,
    "lesions": _is_count,
}
"""What the values of a role must be, in the order in which roles are looked for."""


def _useless(cells: Cells) -> str:
    """Return why a column can be no covariate, or nothing."""
    distinct = distinct_texts(cells)
    if len(distinct) < 2:
        return "it has one value"
    if cells.gaps.mean() > 0.5:
        return "more than half of it is missing"
    if not is_numeric(cells) and len(distinct) > MANY_LEVELS:
        return f"it is text with {len(distinct)} different values"
    return ""
