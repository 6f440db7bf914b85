"""Checks of the settings that a schema cannot express: axes, names and counts that must fit together."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from survival_multiverse.settings.covariate_checks import (
    check_columns,
    check_merge,
    check_name,
)
from survival_multiverse.settings.faults import nearest
from survival_multiverse.settings.level_checks import check_texts
from survival_multiverse.settings.simulation_checks import check_simulation
from survival_multiverse.settings.values import AXES, axis_number, canonical_text, level_text

Path = tuple[str | int, ...]
Intact = Callable[..., bool]
MOST_SCENARIOS = 100_000


def check_settings(config: Mapping[str, Any], *, broken: Collection[Path] = ()) -> list[str]:
    """Return the faults of a configuration; what lies at or around a `broken` place is left out."""

    def intact(*path: str | int) -> bool:
        return not any(path[: len(other)] == other[: len(path)] for other in broken)

    faults: list[str] = []
    faults += _check_axes(config, intact)
    if intact("covariates"):
        for name, entry in config["covariates"].items():
            faults += check_name(f"covariates.{name}", name)
            if entry["type"] == "categorical":
                faults += check_merge(name, entry)
        faults += [*_check_lists(config, intact), *_check_interactions(config, intact)]
    if intact("cohort"):
        faults += _check_cohort(config["cohort"])
    if intact("cohort") and intact("covariates"):
        faults += _check_eligibility(config["cohort"], config["covariates"])
        faults += check_texts(config["cohort"], config["covariates"])
        faults += check_columns(config["cohort"], config["covariates"])
        if config["cohort"]["source"] == "simulated":
            faults += check_simulation(config["cohort"], config["covariates"])
    return faults


def _check_axes(config: Mapping[str, Any], intact: Intact) -> Iterator[str]:
    axes = {name: config["axes"][name] for name in AXES if intact("axes", name)}
    scenarios = math.prod(map(len, axes.values()))
    if scenarios > MOST_SCENARIOS:
        yield f"axes: they make {scenarios:,} scenarios; give fewer values, {MOST_SCENARIOS:,} are the most"
        return
    for name, entries in axes.items():
        yield from _check_axis(name, entries)
        if intact("study", "primary", name):
            yield from _check_primary(name, config["study"]["primary"][name], entries)


def _check_axis(name: str, entries: Sequence[Any]) -> Iterator[str]:
    where = f"axes.{name}"
    if not entries:
        yield f"{where}: the axis is empty; give at least one value"
    numbers: list[float] = []
    for position, entry in enumerate(entries, start=1):
        value = entry["value"] if isinstance(entry, Mapping) else entry
        fault = _value_fault(name, value)
        if fault:
            yield f"{where}[{position}]: {fault}"
            continue
        number = axis_number(value)
        if number in numbers:
            first = numbers.index(number) + 1
            yield f"{where}[{position}]: {value} repeats entry {first}; remove one (146 and 146.0 are one)"
        numbers.append(number)
    if numbers != sorted(numbers):
        ascending = ", ".join(canonical_text(number) for number in sorted(set(numbers)))
        yield f"{where}: the values are not ascending; write them in the order {ascending}"


def _value_fault(name: str, value: Any) -> str:
    if isinstance(value, str):
        if name == "caliper" and value == "none":
            return ""
        return f'"{value}" is text; give a number{" or none" if name == "caliper" else ""}, without quotes'
    if math.isinf(value) and value > 0 and name == "caliper":
        return "infinity is a second spelling of none; write none"
    if not math.isfinite(value):
        return f"{value} is no finite number; give one"
    if value <= 0:
        return f"{value} is not positive; give a number above 0"
    if float(canonical_text(value)) != float(value):
        return f"{value!r} has more than 15 digits; write {canonical_text(value)}"
    return ""


def _check_primary(name: str, value: Any, entries: Sequence[Any]) -> Iterator[str]:
    where = f"study.primary.{name}"
    fault = _value_fault(name, value)
    if fault:
        yield f"{where}: {fault}"
        return
    values = [entry["value"] if isinstance(entry, Mapping) else entry for entry in entries]
    numbers = [axis_number(item) for item in values if not _value_fault(name, item)]
    number = axis_number(value)
    if not numbers or number in numbers:
        return
    close = numbers[-1] if math.isinf(number) else min(numbers, key=lambda item: abs(item - number))
    yield (
        f"{where}: {canonical_text(value)} is not on axes.{name}; the nearest value there is "
        f"{canonical_text(close)}: use it, or add yours to the axis"
    )


def _check_primary_set(config: Mapping[str, Any], intact: Intact) -> Iterator[str]:
    if not intact("study", "adjustment_set") or not intact("adjustment_sets"):
        return
    name, sets = config["study"].get("adjustment_set"), config["adjustment_sets"]
    if name is not None and name not in sets:
        yield f"study.adjustment_set: `{name}` is no adjustment set of this study; {nearest(name, sets)}"


def _check_lists(config: Mapping[str, Any], intact: Intact) -> Iterator[str]:
    """Check lists of covariates, in adjustment sets and the analysis, and the set of the primary block."""
    yield from _check_primary_set(config, intact)
    legal = [*config["covariates"], "gtv", "lesions"]
    stale: dict[str, None] = {}
    for path in _lists_of_covariates(config, intact):
        names: Any = config
        for step in path:
            names = names[step]
        where = ".".join(path)
        for name in dict.fromkeys(names):
            if name not in legal:
                stale[".".join(path[:2])] = None
                yield f"{where}: `{name}` is no covariate of this study; {nearest(name, legal)}"
            if names.count(name) > 1:
                yield f"{where}: `{name}` is named {names.count(name)} times; name it once"
    if stale:
        yield (
            "covariates: if you replaced the default covariates, replace every list that names them as well; "
            f"these still name covariates that are gone: {', '.join(stale)}"
        )


def _lists_of_covariates(config: Mapping[str, Any], intact: Intact) -> list[tuple[str, ...]]:
    paths: list[tuple[str, ...]] = []
    if intact("adjustment_sets"):
        for name, entry in config["adjustment_sets"].items():
            keys = [key for key in ("covariates", "covariates_in_all") if key in entry]
            paths += [("adjustment_sets", name, key) for key in keys]
    paths += [("analysis", "multivariable"), ("analysis", "interactions")]
    return [path for path in paths if intact(*path)]


def _check_interactions(config: Mapping[str, Any], intact: Intact) -> Iterator[str]:
    """Check that interactions are with groupings."""
    if not intact("analysis", "interactions"):
        return
    for name in config["analysis"]["interactions"]:
        entry = config["covariates"].get(name, {})
        ungrouped = name == "lesions" or (entry.get("type") == "continuous" and "cut" not in entry)
        if ungrouped:
            yield f"analysis.interactions: `{name}` forms no groups; give the covariate a cut or leave it out"


def _check_cohort(cohort: Mapping[str, Any]) -> Iterator[str]:
    columns: dict[str, str] = {}
    for role in ("time", "event", "dose", "gtv", "lesions"):
        column = cohort[role]["column"]
        if column in columns:
            yield f"cohort.{role}.column: `{column}` is cohort.{columns[column]} already; give another"
        columns.setdefault(column, role)


def _check_eligibility(cohort: Mapping[str, Any], covariates: Mapping[str, Any]) -> Iterator[str]:
    """Check the names of the descriptives, and the criteria that use them."""
    descriptives = cohort.get("descriptives", {})
    for name in descriptives:
        if name in covariates:
            yield f"cohort.descriptives.{name}: the name `{name}` is taken; choose another"
        yield from check_name(f"cohort.descriptives.{name}", name)
    levels: dict[str, list[str]] = {name: [] for name in ("time", "dose", "gtv", "lesions")}
    for name, entry in covariates.items():
        categorical = entry["type"] == "categorical"
        levels[name] = [level_text(level) for level in entry.get("levels", ())] if categorical else []
    legal = [*levels, *descriptives]
    for position, entry in enumerate(cohort.get("eligibility", ()), start=1):
        where, name = f"cohort.eligibility[{position}]", entry["variable"]
        if name not in legal:
            yield f"{where}.variable: `{name}` is unknown; {nearest(name, legal)}"
        elif levels.get(name) == []:
            yield from _check_limits(where, name, entry)
        else:
            yield from _check_levels(where, name, entry, levels.get(name, []))


def _check_limits(where: str, name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Check a criterion on a number."""
    if "levels" in entry:
        yield f"{where}.levels: `{name}` is a number; use minimum and maximum"
    elif not {"minimum", "maximum"} & set(entry):
        yield f"{where}: the criterion excludes nobody; give minimum or maximum"
    low, high = entry.get("minimum", -math.inf), entry.get("maximum", math.inf)
    if low > high:
        yield f"{where}: minimum {low} is above maximum {high}; exchange them"


def _check_levels(where: str, name: str, entry: Mapping[str, Any], legal: Sequence[str]) -> Iterator[str]:
    """Check a criterion on a category; a descriptive has any levels."""
    for key in ("minimum", "maximum"):
        if key in entry:
            yield f"{where}.{key}: `{name}` is no number; use levels"
    if "levels" not in entry:
        yield f"{where}: the criterion excludes nobody; give levels"
    for level in entry.get("levels", ()):
        if legal and level_text(level) not in legal:
            yield f"{where}.levels: `{level}` is no level of {name}; {nearest(level_text(level), legal)}"
