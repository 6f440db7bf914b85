"""Print a configuration with two options of each decision, the primary one among them, and a small sample."""

import sys
from pathlib import Path

import yaml

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))

from survival_multiverse.files.config_files import merged_config
from survival_multiverse.settings.grid import options_of, primary_texts
from survival_multiverse.settings.validation import merge_configs
from survival_multiverse.settings.values import canonical_text


def two_options(decision: dict, primary: str) -> list:
    """The primary option of a decision and another."""
    options = options_of(decision)
    other = [option for option in options if canonical_text(option["value"]) != primary][:1]
    return [option for option in options if option in other or canonical_text(option["value"]) == primary]


def small_grid(config: dict) -> dict:
    """The decisions of a whole configuration, each cut to the primary option and another."""
    return {
        name: {**decision, "options": two_options(decision, primary)}
        for (name, decision), primary in zip(config["decisions"].items(), primary_texts(config), strict=True)
    }


if __name__ == "__main__":
    files = [Path("config/config.yaml"), *map(Path, sys.argv[1:])]
    own: dict = {}
    for file in files[1:]:
        own = merge_configs(own, yaml.safe_load(file.read_text(encoding="utf-8")))
    if "sample" in own:
        own["sample"]["size"] = 12
    yaml.safe_dump({**own, "decisions": small_grid(merged_config(files, {}))}, sys.stdout, sort_keys=False)
