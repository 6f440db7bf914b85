"""Settings of jobs: the part of the settings that each step uses."""

import json
from collections.abc import Mapping
from typing import Any

from survival_multiverse.settings.schema import PATHS
from survival_multiverse.settings.values import ROLES

SHOWN_IN_ORDER = ("covariates", "adjustment_sets", "descriptives")


def study_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of what a summary depends on: not where files are, nor how jobs are cut."""
    settings = {key: value for key, value in config.items() if key != "execution"}
    return canonical_settings({**settings, "cohort": _without_file(config["cohort"])})


def cohort_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of what decides the canonical cohort: not the grid, nor what was published."""
    cohort = {key: value for key, value in _without_file(config["cohort"]).items() if key != "published"}
    own = {"cohort": cohort, "covariates": config["covariates"]}
    return canonical_settings({**_any_scenario(config), **own})


def scenario_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of the settings that decide the rows of a scenario.

    Which other scenarios there are, which is primary, and every title, reason, label and column name are
    left out, so that changing one of them leaves the scenarios as they are. Of a reconstructed cohort the
    primary's cutoffs of volume and lesions, the published ones, decide how balance is judged.
    """
    cohort = config["cohort"]
    shared = _any_scenario(config)
    if cohort["source"] == "reconstructed":
        published = {axis: config["study"]["primary"][axis] for axis in ("oligo_threshold", "gtv_cutoff")}
        shared["study"] |= {"primary": published}
    used: dict[str, Any] = {role: {"column": role, "unit": cohort[role].get("unit", "")} for role in ROLES}
    used |= {key: cohort[key] for key in ("source", "missing_values") if key in cohort}
    used["descriptives"] = {name: {"column": name} for name in cohort.get("descriptives", {})}
    return canonical_settings({**shared, "cohort": used, "covariates": _plain(config["covariates"])})


def draw_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of the settings that decide a resampled draw, not how many there are."""
    return _inference_settings(config, draws=0, bootstrap_draws=0)


def inference_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of the settings that decide the joint inference."""
    return _inference_settings(config)


def _inference_settings(config: Mapping[str, Any], **numbers: int) -> str:
    shared = json.loads(scenario_settings(config))
    axes = {
        name: [entry["value"] if isinstance(entry, Mapping) else entry for entry in entries]
        for name, entries in config["axes"].items()
    }
    # Beyond landmarks only blocks of the primary scenario's threshold and dose cutoff are tested.
    study = {**shared["study"], "primary": config["study"]["primary"]}
    inference = {**config["inference"], **numbers}
    return canonical_settings({**shared, "study": study, "axes": axes, "inference": inference})


SLICES = (cohort_settings, scenario_settings, draw_settings, inference_settings, study_settings)
"""What a job's settings may be."""


def _without_file(cohort: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in cohort.items() if key not in PATHS}


def _any_scenario(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what every scenario shares."""
    return {
        "study": {"seed": config["study"]["seed"]},
        "adjustment_sets": _plain(config["adjustment_sets"]),
        "analysis": config["analysis"],
    }


def _plain(entries: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return entries by name, without the labels and columns that a reader or a file gives them."""
    return {
        name: {key: name if key == "column" else value for key, value in entry.items() if key != "label"}
        for name, entry in entries.items()
    }


def canonical_settings(settings: Mapping[str, Any]) -> str:
    """Return canonical JSON; settings that were read from it give the same."""
    return json.dumps(_sorted(settings), separators=(",", ":"), ensure_ascii=False)


def _sorted(value: Any, name: str = "") -> Any:
    """Sort mappings by their keys, so that only content counts; keep the user's order if tables show it."""
    if not isinstance(value, Mapping):
        return value
    keys = value if name in SHOWN_IN_ORDER else sorted(value)
    return {key: _sorted(value[key], key) for key in keys}
