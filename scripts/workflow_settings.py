"""Settings on their way from configuration files to jobs: merged, then cut to what each step uses."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from survival_multiverse.faults import InputError
from survival_multiverse.settings import merge_configs
from survival_multiverse.study import AXES

SHOWN_IN_ORDER = ("covariates", "adjustment_sets", "descriptives")
PATHS = ("file", "paper")
"""Settings of the cohort that say where something is, not what it is."""
ROLES = ("time", "event", "dose", "gtv", "lesions")


def read_config(path: Path) -> dict[str, Any]:
    """Read one configuration file; relative paths of its cohort become relative to the file."""
    try:
        config = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError([f"{path} cannot be read as a configuration: {error}"]) from error
    if not isinstance(config, Mapping):
        raise InputError([f"{path} holds no settings: a configuration is a mapping of keys to values"])
    return located(config, path.parent)


def located(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """The configuration with relative paths of its cohort made absolute from a folder."""
    cohort = config.get("cohort")
    if not isinstance(cohort, Mapping):
        return dict(config)
    paths = {key: cohort[key] for key in PATHS if isinstance(cohort.get(key), str)}
    absolute = {key: str((folder / path).absolute()) for key, path in paths.items()}
    return {**config, "cohort": {**cohort, **absolute}}


def merged_config(files: Iterable[Path], command_line: Mapping[str, Any]) -> dict[str, Any]:
    """One configuration out of several files, each over the one before, and ``--config`` over them all."""
    layers = [read_config(path) for path in files]
    if command_line:
        layers.append(located(_typed(command_line), Path.cwd()))
    merged: dict[str, Any] = {}
    for layer in layers:
        merged = merge_configs(merged, layer)
    return merged


def _typed(value: Any) -> Any:
    """Numbers inside ``--config key={...}``, which Snakemake hands on as text."""
    if isinstance(value, Mapping):
        return {key: _typed(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_typed(entry) for entry in value]
    if isinstance(value, str):
        for convert in (int, float):
            try:
                return convert(value)
            except ValueError:
                continue
    return value


def study_settings(config: Mapping[str, Any]) -> str:
    """Canonical JSON of what a summary of the study depends on: not where files are, nor how jobs are cut."""
    settings = {key: value for key, value in config.items() if key != "execution"}
    return _canonical({**settings, "cohort": _without_file(config["cohort"])})


def cohort_settings(config: Mapping[str, Any]) -> str:
    """Canonical JSON of what decides the canonical cohort: not the grid, nor what was published."""
    cohort = {key: value for key, value in _without_file(config["cohort"]).items() if key != "published"}
    own = {"cohort": cohort, "covariates": config["covariates"]}
    return _canonical({**_any_scenario(config), **own})


def scenario_settings(config: Mapping[str, Any]) -> str:
    """Canonical JSON of the settings that decide the rows of a scenario.

    Which other scenarios there are, which is the anchor, and every title, reason, label and column name are
    left out, so that changing one of them leaves the scenarios as they are.
    """
    cohort = config["cohort"]
    used = {role: {"column": role, "unit": cohort[role].get("unit", "")} for role in ROLES}
    used["source"] = cohort["source"]
    used["missing_values"] = cohort.get("missing_values", "complete_case")
    used["descriptives"] = {name: {"column": name} for name in cohort.get("descriptives", {})}
    return _canonical({**_any_scenario(config), "cohort": used, "covariates": _plain(config["covariates"])})


def inference_settings(config: Mapping[str, Any]) -> str:
    """Canonical JSON of the settings that decide a resampled draw; the number of draws is none of them."""
    shared = json.loads(scenario_settings(config))
    axes = {
        name: [entry["value"] if isinstance(entry, Mapping) else entry for entry in entries]
        for name, entries in config["axes"].items()
    }
    inference = {**config["inference"], "draws": 0, "bootstrap_draws": 0}
    return _canonical({**shared, "axes": axes, "inference": inference})


def _without_file(cohort: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cohort.items() if key not in PATHS}


def _any_scenario(config: Mapping[str, Any]) -> dict[str, Any]:
    """What every scenario shares, as a configuration that ``Study.from_config`` reads."""
    return {
        "study": {"title": "", "seed": config["study"]["seed"], "anchor": dict.fromkeys(AXES, "none")},
        "axes": {name: [] for name in AXES},
        "adjustment_sets": _plain(config["adjustment_sets"]),
        "analysis": config["analysis"],
        "inference": {
            "populations": [],
            "estimators": [],
            "landmarks": [],
            "predicted": "longer",
            "draws": 0,
            "bootstrap_draws": 0,
        },
        "sharing": {"minimum_cell": 0},
    }


def _plain(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Entries under their own names, without the labels and columns that a reader or a file gives them."""
    return {
        name: {key: name if key == "column" else value for key, value in entry.items() if key != "label"}
        for name, entry in entries.items()
    }


def _canonical(settings: Mapping[str, Any]) -> str:
    return json.dumps(_sorted(settings), separators=(",", ":"), ensure_ascii=False)


def _sorted(value: Any, name: str = "") -> Any:
    """Mappings by their keys, so that only content counts; but the user's order where tables show it."""
    if not isinstance(value, Mapping):
        return value
    keys = value if name in SHOWN_IN_ORDER else sorted(value)
    return {key: _sorted(value[key], key) for key in keys}
