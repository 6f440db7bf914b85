"""Checks of the settings that a schema cannot express: names and counts that must fit together."""

import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from survival_multiverse.settings.control_models import check_controls
from survival_multiverse.settings.covariate_checks import (
    check_columns,
    check_merge,
    check_name,
)
from survival_multiverse.settings.decision_checks import check_decisions
from survival_multiverse.settings.faults import nearest
from survival_multiverse.settings.level_checks import check_texts
from survival_multiverse.settings.simulation_checks import check_simulation
from survival_multiverse.settings.treatment_checks import SO_FAR, TIMES, check_treatment
from survival_multiverse.settings.values import OPTIONAL_ROLES, ROLES, level_text

Path = tuple[str | int, ...]
Intact = Callable[..., bool]


def check_settings(config: Mapping[str, Any], *, broken: Collection[Path] = ()) -> list[str]:
    """Return the faults of a configuration; what lies at or around a `broken` place is left out."""

    def intact(*path: str | int) -> bool:
        return not any(path[: len(other)] == other[: len(path)] for other in broken)

    faults: list[str] = []
    faults += check_decisions(config, intact) if intact("decisions") else []
    if intact("covariates"):
        for name, entry in config["covariates"].items():
            faults += check_name(f"covariates.{name}", name)
            if entry["type"] == "categorical":
                faults += check_merge(name, entry)
        faults += [*_check_lists(config, intact), *_check_interactions(config, intact)]
    if intact("measures"):
        faults += _check_measures(config.get("measures", ()))
    if intact("cohort"):
        faults += _check_cohort(config["cohort"])
        faults += check_treatment(config, intact("analysis", "grace_periods"))
    if intact("cohort") and intact("covariates"):
        faults += _check_eligibility(config["cohort"], config["covariates"])
        faults += check_texts(config["cohort"], config["covariates"])
        faults += check_columns(config["cohort"], config["covariates"])
        if all(map(intact, ("negative_controls", "decisions", "adjustment_sets"))):
            faults += check_controls(config)
        if config["cohort"]["source"] == "simulated":
            faults += check_simulation(config["cohort"], config["covariates"])
    return faults


def _check_measures(measures: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield a fault if a measure is given twice."""
    given = [(own["measure"], own.get("at")) for own in measures]
    for place, own in enumerate(given):
        if own in given[:place]:
            yield f"measures[{place + 1}]: {own[0]} is given twice; leave one out"


def _check_primary_set(config: Mapping[str, Any], intact: Intact) -> Iterator[str]:
    if not intact("study", "adjustment_set") or not intact("adjustment_sets"):
        return
    name, sets = config["study"].get("adjustment_set"), config["adjustment_sets"]
    if name is not None and name not in sets:
        yield f"study.adjustment_set: `{name}` is no adjustment set of this study; {nearest(name, sets)}"


def _check_lists(config: Mapping[str, Any], intact: Intact) -> Iterator[str]:
    """Check lists of covariates, in adjustment sets and the analysis, and the set of the primary block."""
    yield from _check_primary_set(config, intact)
    cohort = config["cohort"] if intact("cohort") else {}
    legal = [*config["covariates"], *(role for role in OPTIONAL_ROLES if not cohort or role in cohort)]
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
    for role in (role for role in (*ROLES, "entry") if role in cohort):
        column = cohort[role]["column"]
        if column in columns:
            yield f"cohort.{role}.column: `{column}` is cohort.{columns[column]} already; give another"
        columns.setdefault(column, role)
    for name in (name for name in (*TIMES, SO_FAR) if name in cohort.get("treatment", {})):
        column = cohort["treatment"][name]["column"]
        if column in columns:
            where = f"cohort.treatment.{name}.column"
            yield f"{where}: `{column}` is cohort.{columns[column]} already; give another"
        columns.setdefault(column, f"treatment.{name}")
    if "entry" in cohort and cohort["source"] in ("simulated", "reconstructed"):
        yield f"cohort.entry: {cohort['source']} patients have no entry times; remove it"


def _check_eligibility(cohort: Mapping[str, Any], covariates: Mapping[str, Any]) -> Iterator[str]:
    """Check the names of the descriptives, and the criteria that use them."""
    descriptives = cohort.get("descriptives", {})
    for name in descriptives:
        if name in covariates:
            yield f"cohort.descriptives.{name}: the name `{name}` is taken; choose another"
        yield from check_name(f"cohort.descriptives.{name}", name)
    levels: dict[str, list[str]] = {name: [] for name in ("time", "dose", *OPTIONAL_ROLES) if name in cohort}
    levels["dose"] = [level_text(level) for level in cohort["dose"].get("levels", ())]
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
