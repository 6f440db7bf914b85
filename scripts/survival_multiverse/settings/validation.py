"""Validation of a study's settings: every fault at once, each with what to do about it."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from survival_multiverse.settings.faults import InputError, place, shown
from survival_multiverse.settings.schema import PATHS
from survival_multiverse.settings.values import OPTIONAL_ROLES

REPLACED_WHOLE = (("cohort",), ("covariates",), ("adjustment_sets",), ("sample",))
"""Paths at which the user's value takes the place of the default one; all else is merged key by key."""

LONGEST_NAME, LONGEST_TEXT = 100, 1000
BREAKING = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]")
"""What a line, a figure or a file in UTF-8 cannot hold: half a character (a lone surrogate) is none."""
BROKEN = "holds a backslash, a line break or another control character; leave it out"


def merge_configs(default: Mapping[str, Any], user: Mapping[str, Any]) -> dict[str, Any]:
    """Return the default settings overridden by the user's, both unchanged; see `REPLACED_WHOLE`."""
    return _merge(default, user, ())


def validate_config(config: Mapping[str, Any]) -> None:
    """Check a merged configuration against the models and against itself.

    Parameters
    ----------
    config
        Settings as read from YAML, defaults merged in.

    Raises
    ------
    InputError
        Naming all faults.
    ModuleNotFoundError
        Where a package is absent that the checks need.
    """
    # Merging alone, and so parsing a workflow, does without the imports of the checks.
    from survival_multiverse.settings.form_faults import form_faults
    from survival_multiverse.settings.settings_checks import check_settings

    faults = [fault for path, value in _places(config) for fault in _unusable(path, value)]
    if faults:
        raise InputError(faults)
    faults, broken = form_faults(config)
    faults += check_settings(config, broken=broken)
    if faults:
        raise InputError(sorted(set(faults), key=faults.index))


def without_absent_roles(config: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out the default decisions about what the user's cohort does not have: size, count, or a dose.

    A decision that the user declares stays, and the checks say what it lacks. The primary option of a
    decision that is left out goes with it.
    """
    cohort, decisions = config.get("cohort"), config.get("decisions")
    declared = default.get("decisions", {})
    if not isinstance(cohort, Mapping) or not isinstance(decisions, Mapping):
        return dict(config)
    dose = cohort.get("dose")
    absent = {role for role in OPTIONAL_ROLES if role not in cohort}
    if isinstance(dose, Mapping) and "levels" in dose:
        absent.add("dose")
    gone = {
        name
        for name, own in decisions.items()
        if isinstance(own, Mapping) and own.get("varies") in absent and own == declared.get(name)
    }
    if not gone:
        return dict(config)
    result = {**config, "decisions": {name: own for name, own in decisions.items() if name not in gone}}
    study, given = config.get("study"), default.get("study", {}).get("primary", {})
    if isinstance(study, Mapping) and isinstance(study.get("primary"), Mapping):
        kept = {
            name: value
            for name, value in study["primary"].items()
            if name not in gone or value != given.get(name)
        }
        result["study"] = {**study, "primary": kept}
    return result


def _merge(default: Any, user: Any, path: tuple[str, ...]) -> Any:
    if path in REPLACED_WHOLE or not (isinstance(default, Mapping) and isinstance(user, Mapping)):
        # A list in place of a decision is its options.
        listed = path[:1] == ("decisions",) and len(path) == 2 and isinstance(user, list | tuple)
        if listed and isinstance(default, Mapping):
            return {**deepcopy(dict(default)), "options": deepcopy(user)}
        return {"options": deepcopy(user)} if listed else deepcopy(user)
    merged = {key: deepcopy(value) for key, value in default.items() if key not in user}
    for key, value in user.items():
        merged[key] = _merge(default.get(key), value, (*path, key))
    return _in_default_order(merged, default) if path == ("decisions",) else merged


def _in_default_order(merged: Mapping[str, Any], default: Mapping[str, Any]) -> dict[str, Any]:
    """Return the decisions in the order in which scenario paths name them: default ones first."""
    return {name: merged[name] for name in [*default, *(name for name in merged if name not in default)]}


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Yield every value of the settings with its path, groups and lists included."""
    yield path, value
    items: Iterable[tuple[Any, Any]] = value.items() if isinstance(value, Mapping) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        yield from _places(item, (*path, key if isinstance(value, list) else str(key)))


def _unusable(path: tuple[Any, ...], value: Any) -> Iterator[str]:
    """Yield the names, texts and numbers that no file and no figure can hold."""
    if isinstance(value, Mapping):
        yield from filter(None, (_name_fault(path, key) for key in value))
    elif isinstance(value, str):
        # Names of files may hold a backslash.
        text = value.replace("\\", "") if path[-1] in PATHS else value
        if BREAKING.search(text):
            yield f"{place(path)}: {BROKEN}"
        if len(text) > LONGEST_TEXT:
            yield f"{place(path)}: the text has {len(text)} characters; give at most {LONGEST_TEXT}"
    # An infinite caliper has a message of its own.
    elif isinstance(value, int | float) and "caliper" not in path:
        if isinstance(value, int) and abs(value) >= 10**300:
            yield f"{place(path)}: the number has more than 300 digits; give a smaller one"
        elif not math.isfinite(value):
            yield f"{place(path)}: {value} is no finite number; give one"


def _name_fault(path: tuple[Any, ...], key: Any) -> str:
    if not isinstance(key, str):
        return f"{place(path)}: YAML reads the key {shown(key)} as no text; put it in quotes"
    if len(key) > LONGEST_NAME:
        return f"{place(path)}: {shown(key)} is longer than {LONGEST_NAME} characters; shorten it"
    return f"{place(path)}: the name {key!a} {BROKEN}" if BREAKING.search(key) else ""
