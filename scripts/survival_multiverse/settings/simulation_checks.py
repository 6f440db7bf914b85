"""Checks of the settings of a simulated cohort against its covariates."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from survival_multiverse.settings.faults import nearest
from survival_multiverse.settings.values import OPTIONAL_ROLES, level_text


def check_simulation(cohort: Mapping[str, Any], covariates: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of `cohort.simulation`, one line each."""
    settings = cohort["simulation"]
    where = "cohort.simulation"
    descriptives = cohort.get("descriptives", {})
    wanted = [*_roles(cohort), *covariates, *descriptives]
    for name in settings["variables"]:
        if name not in wanted:
            yield f"{where}.variables: unknown variable `{name}`; {nearest(name, wanted)}"
    for name in wanted:
        if name not in settings["variables"]:
            yield f"{where}.variables: `{name}` is missing; say how it is drawn"
            continue
        entry = settings["variables"][name]
        levels = _levels(name, covariates)
        yield from _check_margin(f"{where}.variables.{name}", entry, levels, text=name in descriptives)
        role = covariates[name]["role"] if name in covariates else "baseline"
        yield from _check_effects(
            f"{where}.variables.{name}", entry, levels, role=role, is_dose=name == "dose"
        )
    yield from _check_columns(cohort, covariates)


def _roles(cohort: Mapping[str, Any]) -> list[str]:
    return [role for role in ("dose", *OPTIONAL_ROLES) if role in cohort]


def _levels(name: str, covariates: Mapping[str, Any]) -> list[str]:
    if name in covariates and covariates[name]["type"] == "categorical":
        return [level_text(level) for level in covariates[name].get("levels", ())]
    return []


def _check_margin(
    where: str, entry: Mapping[str, Any], levels: Sequence[str], *, text: bool
) -> Iterator[str]:
    """Check that one of the three ways to draw a variable is complete and without the others' keys."""
    probabilities = entry.get("probabilities", ())
    if levels and "values" in entry:
        yield f"{where}.values: the levels are those of the covariate; remove it"
    elif not levels and ("values" in entry) == ("median" in entry):
        yield f"{where}: give either values and probabilities or median, sd, minimum and maximum"
    drawn = levels or entry.get("values", ())
    if drawn and len(probabilities) != len(drawn):
        yield f"{where}.probabilities: {len(probabilities)} for {len(drawn)} values; give one for each"
    if drawn and probabilities and not math.isclose(sum(probabilities), 1, abs_tol=1e-6):
        yield f"{where}.probabilities: they sum to {sum(probabilities):.6g}; make it 1"
    if not levels and not text:
        yield from _check_numbers(where, entry)


def _check_numbers(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    values = entry.get("values", ())
    words = [value for value in values if isinstance(value, str)]
    if words:
        yield f'{where}.values: "{words[0]}" is text; give numbers'
    elif any(later <= earlier for earlier, later in pairwise(values)):
        yield f"{where}.values: they must ascend, each once; sort them with their probabilities"
    if "median" not in entry:
        return
    for key in ("sd", "minimum", "maximum"):
        if key not in entry:
            yield f"{where}: the key `{key}` is missing; add it"
    low, high = entry.get("minimum", -math.inf), entry.get("maximum", math.inf)
    if not low < high:
        yield f"{where}: minimum {low} is not below maximum {high}; exchange them"
    if entry.get("distribution") == "log_normal" and not (low > 0 and entry["median"] > 0):
        yield f"{where}: log_normal needs a median and a minimum above 0; correct them or use normal"


def _check_effects(
    where: str, entry: Mapping[str, Any], levels: Sequence[str], *, role: str, is_dose: bool
) -> Iterator[str]:
    for key in ("hazard_ratio", "dose_shift"):
        effect = entry.get(key)
        if isinstance(effect, list) and len(effect) != len(levels):
            wanted = f"{len(levels)}, one per level" if levels else "one number: it has no levels"
            yield f"{where}.{key}: {len(effect)} numbers are given; give {wanted}"
        elif levels and effect is not None and not isinstance(effect, list):
            yield f"{where}.{key}: one number is given; give {len(levels)}, one per level"
        if is_dose and effect is not None:
            yield f"{where}.{key}: the dose has none of its own; use cohort.simulation.dose_hazard_ratio"
    if levels and "effect_from" in entry:
        yield f"{where}.effect_from: a categorical variable has levels; remove it"
    if role == "post_treatment" and "dose_shift" in entry:
        yield f"{where}.dose_shift: what comes after treatment cannot move the dose; use dose_effect"
    if role == "baseline" and "dose_effect" in entry:
        yield f"{where}.dose_effect: the dose cannot move what was known before; use dose_shift"


def _check_columns(cohort: Mapping[str, Any], covariates: Mapping[str, Any]) -> Iterator[str]:
    columns: dict[str, str] = {}
    entries = {role: cohort[role] for role in (*_roles(cohort), "time", "event")}
    entries |= {**covariates, **cohort.get("descriptives", {})}
    for name, entry in entries.items():
        column = entry["column"]
        if column in columns:
            yield f"cohort: simulated {columns[column]} and {name} share the column `{column}`; give each one"
        columns.setdefault(column, name)
