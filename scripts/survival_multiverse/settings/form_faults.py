"""Faults of form: what models refuse, in words that say what to do."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from survival_multiverse.settings.cohort_models import NEEDED
from survival_multiverse.settings.faults import EMPTY, nearest, place, shown
from survival_multiverse.settings.fields import FORMS, Group
from survival_multiverse.settings.json_schema import entry_at
from survival_multiverse.settings.models import Settings

Path = tuple[str | int, ...]
KINDS = {
    "string_type": "text",
    "float_type": "a number",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    "dict_type": "a group of keys",
    "model_type": "a group of keys",
}
LIMITS = {
    "greater_than_equal": ("ge", "below {0}; give {0} or more"),
    "greater_than": ("gt", "not above {0}; give more than {0}"),
    "less_than_equal": ("le", "above {0}; give {0} or less"),
    "less_than": ("lt", "not below {0}; give less than {0}"),
}


def form_faults(config: Mapping[str, Any], model: type[Group] = Settings) -> tuple[list[str], set[Path]]:
    """Return the faults that a model finds, and the places that other checks cannot rely on."""
    faults, broken = [], set()
    errors: list[Any] = list(_needed(config)) if model is Settings else []
    try:
        model.model_validate(_typed(config))
    except ValidationError as found:
        errors = [*found.errors(include_url=False), *errors]
    for error in filter(_counts, errors):
        # A fault of a name is one of the group that holds it; the forms of a value are no place.
        path = error["loc"][:-2] if error["loc"][-1] == "[key]" else error["loc"]
        path = tuple(step for step in path if step not in FORMS)
        if error["type"] == "faults":
            own = error["ctx"]["faults"]
            faults += [f"{place((*path, key) if key else path)}: {text}" for key, text in own]
            continue
        faults.append(_described(error, path, model))
        if error["type"] != "extra_forbidden":
            broken.add(path)
    return faults, broken


def _counts(error: Mapping[str, Any]) -> bool:
    """Tell whether a list is too short by itself, and not for entries that are faults of their own."""
    return error["type"] != "too_short" or len(error["input"]) < error["ctx"]["min_length"]


def _typed(value: Any) -> Any:
    """Convert lists to the models' tuples, and remove null, which would pass for an absent key."""
    if isinstance(value, Mapping):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return tuple(map(_typed, value))
    return EMPTY if value is None else value


def _needed(config: Mapping[str, Any]) -> Iterable[dict[str, Any]]:
    """Yield what the source of the patients needs, as an error of the models."""
    cohort = config.get("cohort")
    source = cohort.get("source") if isinstance(cohort, Mapping) else None
    needed = NEEDED.get(source) if isinstance(source, str) else None
    if needed and isinstance(cohort, Mapping) and needed not in cohort:
        yield {"type": "missing", "loc": ("cohort", needed), "input": cohort}


def _described(error: Mapping[str, Any], path: Path, model: type[Group]) -> str:
    kind, value, facts = error["type"], error["input"], error.get("ctx", {})
    if kind in ("missing", "extra_forbidden"):
        return f"{place(path[:-1])}: {_key_fault(kind, path, model)}"
    wanted = KINDS.get(kind) or facts.get("wanted")
    if wanted:
        text = f"{shown(value)} is {_kind_of(value)}; give {_wanted(path, wanted, model)}{_hint(value)}"
    elif kind in LIMITS:
        name, words = LIMITS[kind]
        limit = facts[name] if isinstance(facts[name], int) else f"{facts[name]:.15g}"
        text = f"{shown(value)} is {words.format(limit)}"
    elif kind == "literal_error":
        legal = re.findall("'([^']*)'", facts["expected"])
        text = f"{shown(value)} is unknown; {nearest(value, legal)}"
    elif kind == "string_pattern_mismatch":
        text = f"{shown(value)} {_pattern_fault(facts['pattern'])}"
    else:
        text = _size_fault(kind, value, facts) or error["msg"]
    return f"{place(path)}: {text}"


def _key_fault(kind: str, path: Path, model: type[Group]) -> str:
    """Report a key that is missing, or one that no group has."""
    legal = entry_at(model, path[:-1]).get("properties", {})
    if kind == "extra_forbidden":
        return f"unknown key `{path[-1]}`; {nearest(path[-1], legal)}"
    meaning = legal.get(path[-1], {}).get("description", "")
    return f"the key `{path[-1]}` is missing; add it{f' ({meaning})' if meaning else ''}"


def _pattern_fault(pattern: str) -> str:
    if pattern.startswith("^[A-Za-z][") or pattern == "^[a-z0-9_]+$":
        return "is no simple name; use letters, digits and _, a letter first"
    return f"is not of the form {pattern}"


def _size_fault(kind: str, value: Any, facts: Mapping[str, Any]) -> str:
    if kind == "string_too_short":
        return "the text is empty; fill it in"
    if kind == "too_short" and isinstance(value, Mapping):
        return f"it is empty; name at least {facts['min_length']}"
    limits = {"too_short": ("min_length", "least"), "too_long": ("max_length", "most")}
    if kind not in limits:
        return ""
    name, bound = limits[kind]
    return f"the list has {len(value)} entries; give at {bound} {facts[name]}"


def _wanted(path: Path, wanted: str, model: type[Group]) -> str:
    """Say what to give: of a value with two forms, both."""
    forms = entry_at(model, path[:-1]).get("properties", {}).get(path[-1], {}).get("anyOf", ())
    return "a number or a list" if any(form.get("type") == "array" for form in forms) else wanted


def _hint(value: Any) -> str:
    if isinstance(value, bool):
        return " (YAML reads yes, no, on and off as true and false: put words in quotes)"
    if isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return ""
        return " (without quotes)"
    return ""


def _kind_of(value: Any) -> str:
    if value is EMPTY:
        return "empty"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, tuple):
        return "a list"
    return "a group of keys" if isinstance(value, dict) else "text"
