"""Settings of jobs: the part of the settings that each step is told, as the models say key by key."""

import json
from collections.abc import Mapping
from typing import Any

from survival_multiverse.settings.steps import Step

SHOWN_IN_ORDER = ("decisions", "covariates", "adjustment_sets", "descriptives", "negative_controls")


def study_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of what a summary depends on: not where files are, nor how jobs are cut."""
    return step_settings(config, Step.STUDY)


def cohort_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of what decides the canonical cohort: not the grid, nor what was published."""
    return step_settings(config, Step.COHORT)


def scenario_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of the settings that decide the rows of a scenario.

    Which other scenarios there are, which is primary, and every title, reason, label and column name are
    left out, so that changing one of them leaves the scenarios as they are. Of a reconstructed cohort the
    primary's cutoffs of volume and lesions, the published ones, decide how balance is judged.
    """
    reconstructed = config["cohort"]["source"] == "reconstructed"
    return step_settings(config, Step.RECONSTRUCTED if reconstructed else Step.SCENARIO)


def draw_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of the settings that decide a resampled draw, not how many there are."""
    return step_settings(config, Step.DRAWS)


def inference_settings(config: Mapping[str, Any]) -> str:
    """Return canonical JSON of the settings that decide the joint inference."""
    return step_settings(config, Step.INFERENCE)


SLICES = (cohort_settings, scenario_settings, draw_settings, inference_settings, study_settings)
"""What a job's settings may be."""


def step_settings(config: Mapping[str, Any], step: Step) -> str:
    """Return canonical JSON of the settings that a step is told, and of which step it is."""
    # What only parses the workflow does without the models.
    from survival_multiverse.settings.models import Settings

    return canonical_settings({"step": step, **Settings.part_for(config, step)})


def canonical_settings(settings: Mapping[str, Any]) -> str:
    """Return canonical JSON; settings that were read from it give the same."""
    return json.dumps(_sorted(settings), separators=(",", ":"), ensure_ascii=False)


def _sorted(value: Any, name: str = "") -> Any:
    """Sort mappings by their keys, so that only content counts; keep the user's order if tables show it."""
    if not isinstance(value, Mapping):
        return value
    keys = value if name in SHOWN_IN_ORDER else sorted(value)
    return {key: _sorted(value[key], key) for key in keys}
