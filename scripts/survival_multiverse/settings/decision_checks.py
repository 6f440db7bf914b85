"""Checks of the decisions: their options, what these change, and the grid that they span."""

import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from survival_multiverse.settings.conditions import Condition, ConditionError, parse
from survival_multiverse.settings.decision_models import CHANGES
from survival_multiverse.settings.faults import nearest
from survival_multiverse.settings.grid import (
    MOST_SCENARIOS,
    decision_texts,
    legality,
    options_of,
    primary_texts,
    scenario_grid,
    whole_size,
)
from survival_multiverse.settings.schema import FIXED_COLUMNS
from survival_multiverse.settings.values import OPTIONAL_ROLES, canonical_text, level_text, option_number

OPTION_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.+-]*")
WILDCARDS = ("outside", "kind", "shard", "setting", "seed")
LIMITS = {"gtv": "size", "lesions": "count"}
Intact = Callable[..., bool]


def check_decisions(config: Mapping[str, Any], intact: Intact) -> list[str]:
    """Return the faults of the decisions; of those that are whole, also those of the grid."""
    decisions = {name: own for name, own in config["decisions"].items() if intact("decisions", name)}
    faults = [fault for name, own in decisions.items() for fault in _check_decision(name, own)]
    if intact("cohort") and len(decisions) == len(config["decisions"]):
        faults += _check_roles(decisions, config["cohort"])
    if all(map(intact, ("covariates", "cohort", "adjustment_sets"))):
        for where, option in _options(decisions):
            faults += _check_changes(where, option, config)
    if len(decisions) < len(config["decisions"]) or not intact("study") or not intact("sample"):
        return faults
    faults += _check_conditions(decisions)
    faults += _check_primary(config)
    return faults or list(_check_grid(config))


def _options(decisions: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, own in decisions.items():
        for position, option in enumerate(options_of(own), start=1):
            yield f"decisions.{name}.options[{position}]", option


def _check_decision(name: str, decision: Mapping[str, Any]) -> Iterator[str]:
    """Check the name of a decision, and its options one against the other."""
    where = f"decisions.{name}"
    if name in (*FIXED_COLUMNS, *WILDCARDS):
        yield f"{where}: the name `{name}` is taken; choose another"
    options = options_of(decision)
    if not options:
        yield f"{where}: the decision has no options; give at least one"
    seen: dict[str, int] = {}
    for position, option in enumerate(options, start=1):
        here, value = f"{where}.options[{position}]", option["value"]
        fault = value_fault(decision.get("varies", ""), value)
        if fault:
            yield f"{here}: {fault}"
            continue
        text = canonical_text(value)
        if text in seen:
            first = seen[text]
            yield f"{here}: {value} repeats option {first}; remove one (146 and 146.0 are one)"
        seen[text] = position
    if "varies" in decision:
        numbers = [option_number(text) for text in seen]
        if numbers != sorted(numbers):
            ascending = ", ".join(canonical_text(number) for number in sorted(set(numbers)))
            yield f"{where}: the options are not ascending; write them in the order {ascending}"
    else:
        yield from _check_difference(where, options)


def _check_difference(where: str, options: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Check that no two options of a decision that varies no number are the same analysis."""
    changes = [{key: _as_read(key, option[key]) for key in CHANGES if key in option} for option in options]
    for later, own in enumerate(changes):
        earlier = changes.index(own)
        if earlier < later:
            what = "both change nothing" if not own else "they change the same"
            yield (
                f"{where}: the options {options[earlier]['value']} and {options[later]['value']} are the "
                f"same analysis, {what}; remove one, or say what it changes ({', '.join(CHANGES)})"
            )


def _as_read(key: str, value: Any) -> Any:
    """Return a condition as it is read, however it is spaced; anything else as it is."""
    try:
        return str(parse(value)) if key == "keep" else value
    except ConditionError:
        return value


def value_fault(varies: str, value: Any) -> str:
    """Return what is wrong with an option, or nothing."""
    if not varies:
        return _name_fault(value)
    if isinstance(value, str):
        if varies == "caliper" and value == "none":
            return ""
        return f'"{value}" is text; give a number{" or none" if varies == "caliper" else ""}, without quotes'
    if math.isinf(value) and value > 0 and varies == "caliper":
        return "infinity is a second spelling of none; write none"
    if not math.isfinite(value):
        return f"{value} is no finite number; give one"
    if varies == "caliper" and value <= 0:
        return f"{value} is not positive; give a number above 0"
    if float(canonical_text(value)) != float(value):
        return f"{value!r} has more than 15 digits; write {canonical_text(value)}"
    return ""


def _name_fault(value: Any) -> str:
    if not isinstance(value, str):
        return f"{value} is a number, and the decision varies none; give the option a name, or `varies`"
    try:
        option_number(value)
    except ValueError:
        pass
    else:
        return f"`{value}` reads as a number; give the option another name"
    if not OPTION_NAME.fullmatch(value):
        return f"`{value}` is no name of an option; use letters, digits, _ . + and -, a letter first"
    return ""


def _check_roles(decisions: Mapping[str, Any], cohort: Mapping[str, Any]) -> Iterator[str]:
    """Check that each number is varied once, and that the cohort has what is varied."""
    varied: dict[str, str] = {}
    for name, own in decisions.items():
        number = own.get("varies")
        if number is None:
            continue
        if number in varied:
            yield f"decisions.{name}.varies: decisions.{varied[number]} varies {number} already; give another"
        varied.setdefault(number, name)
        if number in OPTIONAL_ROLES and number not in cohort:
            yield (
                f"decisions.{name}: it varies the cutoff of the {LIMITS[number]}, and the cohort has none; "
                f"add cohort.{number}, or remove the decision"
            )
        if number == "dose" and "levels" in cohort["dose"]:
            yield f"decisions.{name}: the exposure is in groups, which no cutoff divides; remove the decision"
    for role in OPTIONAL_ROLES:
        if role in cohort and role not in varied:
            yield f"decisions: none varies {role}, which cohort.{role} declares; give cutoffs, or remove it"
    levels = [level_text(level) for level in cohort["dose"].get("levels", ())]
    if not levels and "dose" not in varied:
        yield (
            "decisions: none varies dose, so that nothing makes the arms; give its cutoffs, or list the "
            "levels of an exposure in groups (cohort.dose.levels)"
        )
    if len(levels) > 2 and not any(
        all("compare" in option for option in options_of(own)) for own in decisions.values()
    ):
        yield (
            f"decisions: the exposure has {len(levels)} groups; add a decision whose options compare two "
            "(compare: [reference, other])"
        )


def _check_changes(where: str, option: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    """Check what an option changes against the cohort and the covariates."""
    cohort, covariates = config["cohort"], config["covariates"]
    if "keep" in option:
        condition = _parsed(f"{where}.keep", option["keep"])
        yield from [condition] if isinstance(condition, str) else ()
    yield from _check_groups(where, option, cohort)
    for name in option.get("adjustment_sets", ()):
        if name not in config["adjustment_sets"]:
            near = nearest(name, config["adjustment_sets"])
            yield f"{where}.adjustment_sets: `{name}` is no adjustment set of this study; {near}"
    for name, coding in option.get("coding", {}).items():
        here = f"{where}.coding.{name}"
        if name not in covariates:
            yield f"{here}: `{name}` is no covariate of this study; {nearest(name, covariates)}"
        else:
            yield from _check_coding(here, name, coding, covariates[name])


def _check_groups(where: str, option: Mapping[str, Any], cohort: Mapping[str, Any]) -> Iterator[str]:
    """Check what an option says of an exposure in groups."""
    levels = [level_text(level) for level in cohort["dose"].get("levels", ())]
    compared = [level_text(level) for level in option.get("compare", ())]
    if compared and not levels:
        yield f"{where}.compare: the exposure is a number; list its levels in cohort.dose.levels"
    elif compared and len(set(compared)) != 2:
        yield f"{where}.compare: give two levels, the reference first"
    for level in compared:
        if levels and level not in levels:
            yield f"{where}.compare: `{level}` is no level of the exposure; {nearest(level, levels)}"
    if "exposure" in option and levels:
        yield f"{where}.exposure: the exposure is in groups; another column of numbers cannot stand for it"


def _check_coding(
    where: str, name: str, coding: Mapping[str, Any], covariate: Mapping[str, Any]
) -> Iterator[str]:
    if covariate["type"] == "continuous":
        if "merge" in coding:
            yield f"{where}.merge: `{name}` is a number; give cut, linear or knots"
        return
    for key in ("cut", "linear", "knots"):
        if key in coding:
            yield f"{where}.{key}: `{name}` is a category; give merge"
    if "merge" in coding:
        levels = [level_text(level) for level in covariate.get("levels", ())]
        yield from _check_merge(f"{where}.merge", name, coding["merge"], levels)


def _check_merge(where: str, name: str, merge: Mapping[str, Any], levels: Sequence[str]) -> Iterator[str]:
    """Check that known levels are put together, each once, into one of them or a new one."""
    merged = [level_text(level) for parts in merge.values() for level in parts]
    for level in dict.fromkeys(merged):
        if level not in levels:
            yield f"{where}: `{level}` is no level of {name}; {nearest(level, levels)}"
        elif merged.count(level) > 1:
            yield f"{where}: `{level}` is put together twice; name it once"
    for common in merge:
        if common in levels and common not in map(level_text, merge[common]):
            yield f"{where}: `{common}` is a level that is not put together; list it, or choose another name"
    if len(levels) - len(set(merged)) + len(merge) < 2:
        yield f"{where}: a single level is left; keep two"


def _parsed(where: str, text: str) -> Condition | str:
    try:
        return parse(text)
    except ConditionError as error:
        return f"{where}: {error}"


def _check_conditions(decisions: Mapping[str, Any]) -> Iterator[str]:
    """Check that conditions name decisions and their options."""
    for where, option in _options(decisions):
        if "when" not in option:
            continue
        condition = _parsed(f"{where}.when", option["when"])
        if isinstance(condition, str):
            yield condition
        else:
            yield from _check_names(f"{where}.when", condition, decisions)


def _check_names(where: str, condition: Condition, decisions: Mapping[str, Any]) -> Iterator[str]:
    texts = decision_texts({"decisions": decisions})
    for name in condition.names:
        if name not in decisions:
            yield f"{where}: `{name}` is no decision of this study; {nearest(name, decisions)}"
    for name, values in condition.compared.items():
        for text in map(canonical_text, values if name in texts else ()):
            if text not in texts[name]:
                yield f"{where}: `{text}` is no option of {name}; {nearest(text, texts[name])}"
    for name in condition.ordered:
        if name in decisions and "varies" not in decisions[name]:
            yield f"{where}: {name} has no order, its options are names; use == or in (…)"


def _check_primary(config: Mapping[str, Any]) -> Iterator[str]:
    decisions = config["decisions"]
    for name, value in config["study"].get("primary", {}).items():
        where = f"study.primary.{name}"
        if name not in decisions:
            yield f"{where}: `{name}` is no decision of this study; {nearest(name, decisions)}"
            continue
        own = decisions[name]
        fault = value_fault(own.get("varies", ""), value)
        if fault:
            yield f"{where}: {fault}"
            continue
        right = [
            option["value"]
            for option in options_of(own)
            if not value_fault(own.get("varies", ""), option["value"])
        ]
        texts = [canonical_text(option) for option in right]
        text = canonical_text(value)
        if texts and text not in texts:
            yield f"{where}: {text} is not on decisions.{name}; {_closest(own, text, texts)}"


def _closest(decision: Mapping[str, Any], text: str, texts: Sequence[str]) -> str:
    if "varies" not in decision:
        return nearest(text, texts)
    number = option_number(text)
    close = (
        texts[-1] if math.isinf(number) else min(texts, key=lambda item: abs(option_number(item) - number))
    )
    return f"the nearest option there is {close}: use it, or add yours to the options"


def _without_sample(config: Mapping[str, Any]) -> dict[str, Any]:
    return {name: group for name, group in config.items() if name != "sample"}


def _check_grid(config: Mapping[str, Any]) -> Iterator[str]:
    """Check that the grid is not too large, and that every option and the primary scenario are in it."""
    size = whole_size(config)
    if "sample" not in config and size > MOST_SCENARIOS:
        yield (
            f"decisions: they make {size:,} scenarios; give fewer options, {MOST_SCENARIOS:,} at most, or "
            "draw a sample (sample: {size: 500})"
        )
        return
    if not any("when" in option for _, option in _options(config["decisions"])):
        return
    few = size <= MOST_SCENARIOS
    legal = scenario_grid({**_without_sample(config), **({} if few else {"sample": {"size": 2000}})})
    if not any(map(legality(config), legal)):
        yield "decisions: their conditions (when) forbid every combination of options; loosen one"
        return
    for place, (name, texts) in enumerate(decision_texts(config).items()):
        found = {chosen[place] for chosen in legal}
        for text in texts:
            if text not in found:
                yield f"decisions.{name}: no scenario has the option {text}: its conditions are never met"
    primary = primary_texts(config)
    if not legality(config)(primary):
        named = ", ".join(f"{name} {text}" for name, text in zip(config["decisions"], primary, strict=True))
        yield f"study.primary: the conditions (when) of its options forbid it ({named}); choose another"
