"""A first configuration from a table of patients: every guess is one, and says so."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from survival_multiverse.cohort.guessed_roles import (
    FEW_LEVELS,
    GAPS,
    Guess,
    distinct_texts,
    guess_roles,
    guessed_levels,
    guessed_unit,
    is_grouped,
    is_numeric,
    level_order,
)
from survival_multiverse.settings.cells import Cells
from survival_multiverse.settings.names import table_name
from survival_multiverse.settings.treatment_checks import TIMES

PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_ +/-]*")
YAML_WORDS = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan"}
BAD_NAME = re.compile(r"[^A-Za-z0-9_]+")
GUESSED = "# guessed: the first is the reference"


def first_configuration(frame: pd.DataFrame, *, file: str, folder: str, given: Mapping[str, str]) -> str:
    """Return a first configuration of a study as YAML: roles guessed, every guess commented, ready to run.

    Parameters
    ----------
    frame
        Raw columns, one row a patient.
    file
        Path of the table, as the configuration is to have it.
    folder
        Of the study.
    given
        Columns of roles that need no guess.

    Returns
    -------
    str
        Ends with a newline.
    """
    guess = guess_roles(frame, given)
    cells = {str(name): Cells(frame[name], GAPS) for name in frame.columns}
    names, cutoffs = _names(guess.covariates), _guessed_cutoffs(guess, cells)
    lines = [
        "# A first configuration, guessed from the columns of the file. Check each line that says `guessed`,",
        "# above all what was known before treatment and what was not. All settings: config/README.md; run",
        "# it with",
        f"#   snakemake --cores 4 --directory {folder} --configfile {folder}/config.yaml",
        "",
        "study:",
        f"  title: {_text(folder.rpartition('/')[2].replace('_', ' ').strip() or 'A study')} # of the report",
        "  seed: 20260101 # any whole number will do",
        _primary_line(cutoffs),
        "",
        *_decision_lines(guess, cells, cutoffs),
        "",
        *_cohort_lines(guess, cells, file),
        "",
        *_covariate_lines(guess, cells, names),
        "",
        *_analysis_lines(guess, cells, names),
    ]
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Return a text as YAML reads it back."""
    if PLAIN.fullmatch(value) and value.lower() not in YAML_WORDS and not value.endswith(" "):
        return value
    return json.dumps(value, ensure_ascii=False)


def _level(value: str) -> str:
    try:
        number = float(value)
    except ValueError:
        return _text(value)
    return value if f"{number:.15g}" == value else json.dumps(value)


def _names(columns: Iterable[str]) -> dict[str, str]:
    """Return a legal name for each column."""
    names: dict[str, str] = {}
    for column in columns:
        name = BAD_NAME.sub("_", column).strip("_").lower() or "column"
        name = name if name[0].isalpha() else f"c_{name}"
        while name in names.values() or table_name(name) != name:
            name += "_"
        names[column] = name
    return names


def _numbers(cells: Cells) -> np.ndarray:
    return cells.numbers[~np.isnan(cells.numbers)]


def _cuts(values: np.ndarray, quantiles: Sequence[float]) -> list[str]:
    """Return distinct round cutoffs near some quantiles, each of which divides the patients."""
    found: dict[float, None] = {}
    for value in np.quantile(values, quantiles):
        digits = max(1 - int(np.floor(np.log10(abs(value)))), 0) if value else 0
        cut = float(np.round(value, min(digits, 6)))
        if values.min() < cut <= values.max():
            found[cut] = None
    return [f"{cut:.15g}" for cut in sorted(found)] or [f"{np.median(values):.15g}"]


def _guessed_cutoffs(guess: Guess, cells: Mapping[str, Cells]) -> dict[str, list[str]]:
    """Return cutoffs by decision, of the roles that there are."""
    found = {}
    if "lesions" in guess.roles:
        found["oligo_threshold"] = _cuts(_numbers(cells[guess.roles["lesions"]]), (0.5,))
    if not is_grouped(cells[guess.roles["dose"]]):
        found["dose_cutoff"] = _cuts(_numbers(cells[guess.roles["dose"]]), (0.33, 0.5, 0.67))
    if "gtv" in guess.roles:
        found["gtv_cutoff"] = _cuts(_numbers(cells[guess.roles["gtv"]]), (0.33, 0.5, 0.67))
    return found


def _primary_line(cutoffs: Mapping[str, Sequence[str]]) -> str:
    named = [f"{name}: {values[len(values) // 2]}" for name, values in cutoffs.items()]
    return f"  primary: {{{', '.join([*named, 'caliper: 0.2'])}}} # the scenario that the report answers with"


def _decision_lines(
    guess: Guess, cells: Mapping[str, Cells], cutoffs: Mapping[str, Sequence[str]]
) -> list[str]:
    lines = ["decisions: # what could have been decided otherwise; more kinds: config/README.md"]
    meant = {
        "oligo_threshold": "about the median; at or above it is the primary population",
        "dose_cutoff": "thirds and the median of the exposure; give the field's cutoffs",
        "gtv_cutoff": "thirds and the median of the size",
    }
    lines += [f"  {name}: [{', '.join(values)}] # guessed: {meant[name]}" for name, values in cutoffs.items()]
    levels = sorted(distinct_texts(cells[guess.roles["dose"]]), key=level_order)
    if "dose_cutoff" not in cutoffs and len(levels) > 2:
        lines += [
            "  comparison: # the exposure has more than two groups, of which two are compared at a time",
            "    type: non_equivalent",
            "    options:",
        ]
        lines += [
            f"      - {{value: group_{place}, compare: [{_level(levels[0])}, {_level(level)}]}}"
            for place, level in enumerate(levels[1:], start=2)
        ]
    return [
        *lines,
        "  caliper: [0.1, 0.2, none] # greatest distance of a pair, in SD of the propensity logit",
    ]


def _cohort_lines(guess: Guess, cells: Mapping[str, Cells], file: str) -> list[str]:
    roles, time = guess.roles, cells[guess.roles["time"]]
    unit = guessed_unit(time)
    exposure = cells[roles["dose"]]
    gaps = sorted({text for own in cells.values() for text in own.texts_of_gaps})
    lines = ["cohort:", "  source: file", f"  file: {_text(file)}"]
    if "id" in roles:
        lines.append(f"  id: {_text(roles['id'])}")
    lines += [
        f"  time: {{column: {_text(roles['time'])}, label: Survival, unit: {unit}}} # guessed: the unit",
        f"  event: {{column: {_text(roles['event'])}, label: Event}} # guessed: 1 = it happened",
    ]
    if "entry" in roles:
        lines.append(
            f"  entry: {{column: {_text(roles['entry'])}, label: Entry}} # guessed: at risk from then on"
        )
    if is_grouped(exposure):
        levels = ", ".join(map(_level, guessed_levels(exposure)))
        lines.append(f"  dose: {{column: {_text(roles['dose'])}, levels: [{levels}]}} {GUESSED}")
    else:
        lines.append(f"  dose: {{column: {_text(roles['dose'])}{_range(exposure)}}} # any exposure; guessed")
    lines += [
        f"  {role}: {{column: {_text(roles[role])}{_range(cells[roles[role]])}}} # guessed"
        for role in ("gtv", "lesions")
        if role in roles
    ]
    if guess.treatment:
        lines.append("  treatment: # guessed: when it was received; the time before it is immortal time")
        lines += [_treatment_line(key, column) for key, column in guess.treatment.items()]
    if gaps:
        lines.append(f"  missing: [{', '.join(json.dumps(text) for text in gaps)}] # found in the file")
    return lines


def _treatment_line(key: str, column: str) -> str:
    said = {
        "start": "counted from time zero; empty: never treated",
        "completion": "time of the last dose",
        "fraction_dose": "in the unit of the dose; completion is derived",
        "fractions_per_week": "the same",
    }
    value = f"{{column: {_text(column)}}}" if key in TIMES else _text(column)
    return f"    {key}: {value} # guessed: {said[key]}"


def _range(cells: Cells) -> str:
    lowest, highest = float(_numbers(cells).min()), float(_numbers(cells).max())
    return f", range: [{lowest:.15g}, {highest:.15g}]" if lowest < 0 and lowest < highest else ""


def _covariate_lines(guess: Guess, cells: Mapping[str, Cells], names: Mapping[str, str]) -> list[str]:
    lines = ["covariates: # baseline: known before treatment; post_treatment: known only after it began"]
    for column in guess.covariates:
        own, head = cells[column], f"  {names[column]}: {{column: {_text(column)}, "
        if is_numeric(own) and len(distinct_texts(own)) > FEW_LEVELS:
            lines.append(
                f"{head}type: continuous, role: baseline}} # guessed: a straight line, known before treatment"
            )
            continue
        levels = sorted(distinct_texts(own), key=level_order)
        listed = ", ".join(map(_level, levels))
        lines.append(f"{head}type: categorical, levels: [{listed}], role: baseline}} {GUESSED}")
    if not guess.covariates:
        lines.append("  # none was found: add what is known of the patients")
    return [*lines, *(f"  # {column} was left out: {reason}" for column, reason in guess.left.items())]


def _analysis_lines(guess: Guess, cells: Mapping[str, Cells], names: Mapping[str, str]) -> Iterator[str]:
    times = _numbers(cells[guess.roles["time"]])
    early, middle, late = (float(f"{value:.2g}") for value in np.quantile(times, (0.1, 0.5, 0.75)))
    grouped = [
        column
        for column in guess.covariates
        if not is_numeric(cells[column]) or len(distinct_texts(cells[column])) <= FEW_LEVELS
    ]
    held = [names[column] for column in guess.covariates] + (["gtv"] if "gtv" in guess.roles else [])
    yield "adjustment_sets:"
    yield "  all_baseline: # guessed: whatever there is"
    yield "    label: All baseline covariates"
    yield f"    covariates: [{', '.join(held)}]"
    if "lesions" in guess.roles:
        yield "    covariates_in_all: [lesions] # added where both populations are analysed together"
    yield ""
    yield "analysis:"
    read = [middle, *([late] if late > middle else [])]
    yield f"  survival_times: [{', '.join(f'{time:.15g}' for time in read)}] # guessed from the times"
    yield f"  rmst_horizon: {late:.15g} # guessed: three quarters of the times are shorter"
    yield f"  landmarks: [{early:.15g}] # guessed: a tenth of the times is shorter"
    yield f"  multivariable: [{', '.join(held[:4])}] # the pre-specified model beside the exposure"
    yield f"  interactions: [{', '.join(names[column] for column in grouped[:1])}] # what may change it"
