"""Print a configuration with two values on each axis, the primary one among them."""

import sys

import yaml


def value_of(entry: object) -> object:
    """Value of an entry of an axis, which may carry its reason."""
    return entry["value"] if isinstance(entry, dict) else entry


def small_grid(config: dict, default: dict) -> dict:
    """The configuration with each axis cut to the primary value and another."""
    axes = {**default["axes"], **config.get("axes", {})}
    primary = {**default["study"]["primary"], **config.get("study", {}).get("primary", {})}
    small = {}
    for name, entries in axes.items():
        values = [value_of(entry) for entry in entries]
        other = [value for value in values if value != primary[name]][:1]
        small[name] = [value for value in values if value in (primary[name], *other)]
    return {**config, "axes": small}


if __name__ == "__main__":
    with open("config/config.yaml", encoding="utf-8") as stream:
        default = yaml.safe_load(stream)
    with open(sys.argv[1], encoding="utf-8") as stream:
        config = yaml.safe_load(stream)
    yaml.safe_dump(small_grid(config, default), sys.stdout, sort_keys=False)
