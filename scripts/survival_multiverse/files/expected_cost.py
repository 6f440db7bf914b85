"""What a study will cost, told before it runs: scenarios, processor time, disk."""

from collections.abc import Mapping
from typing import Any

from survival_multiverse.files.study_files import numbers_of_draws
from survival_multiverse.settings.grid import scenario_grid, whole_size
from survival_multiverse.settings.schema import Population

# Measured on the default study (495 patients) and the examples (228 and 686), on a processor of 2.5 GHz.
SECONDS_AT_LEAST = 110.0
SECONDS_PER_ANALYSIS = 0.003
SECONDS_PER_DRAWN_ESTIMATE = 3e-5
KILOBYTES_PER_ANALYSIS = 12.0


def cost_words(config: Mapping[str, Any]) -> str:
    """Return in one sentence how many scenarios there are, and about what they take.

    Parameters
    ----------
    config
        Merged settings. How many patients there will be is not known; the rates are of some hundred.
    """
    scenarios, combinations = len(scenario_grid(config)), whole_size(config)
    analysis, inference = config["analysis"], config["inference"]
    populations = len(Population) if "lesions" in config["cohort"] else 1
    sets = len(config["adjustment_sets"])
    analyses = scenarios * populations * sets * (1 + len(analysis["landmarks"]))
    # Each scenario has one matched estimate a set; the other estimators repeat less than that.
    drawn = 2 * scenarios * sets * len(inference.get("populations", ("primary",)))
    draws = sum(numbers_of_draws(config).values())
    seconds = SECONDS_AT_LEAST + SECONDS_PER_ANALYSIS * analyses + SECONDS_PER_DRAWN_ESTIMATE * drawn * draws
    share = f" of {combinations:,}" if "sample" in config else ""
    plural = "" if combinations == 1 else "s"
    megabytes = max(KILOBYTES_PER_ANALYSIS * analyses / 1000, 1.0)
    needs = f"about {_duration(seconds)} of processor time and {_round(megabytes):,} MB"
    return f"{scenarios:,}{share} scenario{plural}: {needs} for some hundred patients"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{_round(minutes):,} min" if minutes < 100 else f"{_round(minutes / 60):,} h"


def _round(number: float) -> int:
    """Round to one digit, above 20 to two, as befits an estimate."""
    digits = 1 if number < 20 else 2
    magnitude = 10 ** max(len(str(int(number))) - digits, 0)
    return max(round(number / magnitude) * magnitude, 1)
