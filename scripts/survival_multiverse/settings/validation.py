"""Validation of a study's settings: every fault at once, each with what to do about it."""

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from survival_multiverse.settings.faults import InputError, nearest
from survival_multiverse.settings.schema import PATHS
from survival_multiverse.settings.settings_checks import check_settings

REPLACED_WHOLE = (
    ("cohort",),
    ("covariates",),
    ("adjustment_sets",),
    ("axes", "oligo_threshold"),
    ("axes", "dose_cutoff"),
    ("axes", "gtv_cutoff"),
    ("axes", "caliper"),
)
"""Paths at which the user's value takes the place of the default one; all else is merged key by key."""

LONGEST_NAME, LONGEST_TEXT = 100, 1000
BREAKING = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""What a line, a picture or a file in UTF-8 cannot hold: half a character (a lone surrogate) is none."""
BROKEN = "holds a backslash, a line break or another control character; leave it out"

TYPE_WORDS = {
    "string": "text",
    "number": "a number",
    "integer": "a whole number",
    "array": "a list",
    "object": "a group of keys",
    "boolean": "true or false",
}


def merge_configs(default: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """The default settings with the user's on top, both left as they are; see `REPLACED_WHOLE`."""
    return _merge(default, user, ())


def validate_config(config: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check a merged configuration against the schema and against itself.

    Parameters
    ----------
    config
        Settings as read from YAML, defaults merged in.
    schema
        JSON schema (draft 2020-12), ``workflow/schemas/config.schema.yaml``.

    Raises
    ------
    InputError
        Naming all faults.
    """
    faults = [*_keys_that_are_not_text(config, ()), *_words_that_break(config, ()), *_not_finite(config, ())]
    if faults:
        raise InputError(faults)
    errors = list(Draft202012Validator(schema).iter_errors(config))
    faults = [fault for error in errors for fault in _describe(error)]
    faults += check_settings(config, broken=_broken_places(errors))
    if faults:
        raise InputError(sorted(set(faults), key=faults.index))


def place(path: Iterable[str | int]) -> str:
    """A path in the settings as readers write it: ``axes.dose_cutoff[2].value``, counted from 1."""
    text = ""
    for step in path:
        text += f"[{step + 1}]" if isinstance(step, int) else f".{step}"
    return text.lstrip(".") or "the settings"


def _merge(default: Any, user: Any, path: tuple[str, ...]) -> Any:
    if path in REPLACED_WHOLE or not (isinstance(default, Mapping) and isinstance(user, Mapping)):
        return deepcopy(user)
    merged = {key: deepcopy(value) for key, value in default.items() if key not in user}
    for key, value in user.items():
        merged[key] = _merge(default[key], value, (*path, key)) if key in default else deepcopy(value)
    return merged


def _keys_that_are_not_text(value: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if not isinstance(key, str):
                yield f"{place(path)}: YAML reads the key {_shown(key)} as no text; put it in quotes"
            elif len(key) > LONGEST_NAME:
                yield f"{place(path)}: {_shown(key)} is longer than {LONGEST_NAME} characters; shorten it"
            elif BREAKING.search(key):
                yield f"{place(path)}: the name {key!a} {BROKEN}"
            yield from _keys_that_are_not_text(item, (*path, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _keys_that_are_not_text(item, (*path, number))


def _words_that_break(value: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """Texts of one line without a backslash are what a picture can show; names of files may hold one."""
    if isinstance(value, str):
        text = value.replace("\\", "") if path[-1] in PATHS else value
        if BREAKING.search(text):
            yield f"{place(path)}: {BROKEN}"
        if len(text) > LONGEST_TEXT:
            yield f"{place(path)}: the text has {len(text)} characters; give at most {LONGEST_TEXT}"
    items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from _words_that_break(item, (*path, key))


def _not_finite(value: Any, path: tuple[str | int, ...]) -> Iterator[str]:
    """Numbers without an end; an infinite caliper has a message of its own."""
    if isinstance(value, int | float) and not isinstance(value, bool) and "caliper" not in path:
        if isinstance(value, int) and abs(value) >= 10**300:
            yield f"{place(path)}: the number has more than 300 digits; give a smaller one"
        elif not math.isfinite(value):
            yield f"{place(path)}: {value} is no finite number; give one"
        return
    items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from _not_finite(item, (*path, key))


def _broken_places(errors: list[ValidationError]) -> set[tuple[str | int, ...]]:
    """Where the settings lack the form that the cross checks rely on; a stray key breaks nothing."""
    places = set()
    for error in errors:
        path = tuple(error.absolute_path)
        if error.validator == "required":
            places |= {(*path, key) for key in error.validator_value if key not in error.instance}
        elif error.validator != "additionalProperties":
            places.add(path)
    return places


def _describe(error: ValidationError) -> list[str]:
    where = place(error.absolute_path)
    value, limit = error.instance, error.validator_value
    if error.validator == "additionalProperties":
        legal = error.schema["properties"]
        return [f"{where}: unknown key `{key}`; {nearest(key, legal)}" for key in value if key not in legal]
    if error.validator == "required":
        return [_absent(error, where)]
    # Faults inside the alternative that the user meant, told from those that only say it is no other one.
    deeper = [inner for inner in error.context or () if inner.validator != "type" or inner.relative_path]
    if deeper:
        return [fault for inner in deeper for fault in _describe(inner)]
    if error.validator in ("type", "anyOf"):
        return [f"{where}: {_shown(value)} is {_type_of(value)}; give {_wanted(error)}{_hint(value)}"]
    if error.validator == "enum":
        return [f"{where}: {_shown(value)} is unknown; {nearest(value, limit)}"]
    rules = {
        "minimum": "below {}; give {} or more",
        "exclusiveMinimum": "not above {}; give more than {}",
        "maximum": "above {}; give {} or less",
        "exclusiveMaximum": "not below {}; give less than {}",
    }
    if error.validator in rules:
        return [f"{where}: {_shown(value)} is {rules[error.validator].format(limit, limit)}"]
    return [_form(error, where)]


def _form(error: ValidationError, where: str) -> str:
    """Faults of length or spelling."""
    value = error.instance
    if error.validator == "pattern":
        return f"{where}: {_shown(value)} is no simple name; use letters, digits and _, a letter first"
    size = {
        "minItems": f"the list has {len(value)} entries; give at least {error.validator_value}",
        "maxItems": f"the list has {len(value)} entries; give at most {error.validator_value}",
        "minLength": "the text is empty; fill it in",
        "minProperties": f"it is empty; name at least {error.validator_value}",
    }
    return f"{where}: {size.get(error.validator, error.message)}"


def _absent(error: ValidationError, where: str) -> str:
    key = error.message.split("'")[1]
    meaning = error.schema.get("properties", {}).get(key, {}).get("description", "")
    return f"{where}: the key `{key}` is missing; add it{f' ({meaning})' if meaning else ''}"


def _wanted(error: ValidationError) -> str:
    if error.validator == "anyOf":
        types = [TYPE_WORDS[choice["type"]] for choice in error.validator_value if "type" in choice]
        return error.schema["description"] if "items" in error.schema_path else " or ".join(types)
    types = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    return " or ".join(TYPE_WORDS[item] for item in types)


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


def _type_of(value: Any) -> str:
    if value is None:
        return "empty"
    kinds = {bool: "boolean", str: "string", int: "number", float: "number", list: "array", dict: "object"}
    return TYPE_WORDS[kinds.get(type(value), "string")]


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else f"{text[:57]}..."
