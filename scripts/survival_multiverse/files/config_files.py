"""Configuration files, read and merged."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from survival_multiverse.files.bounded_yaml import check_bounds, read_yaml
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.former_names import present_names, renaming_message
from survival_multiverse.settings.schema import PATHS
from survival_multiverse.settings.validation import merge_configs, without_absent_roles


def read_config(path: Path) -> dict[str, Any]:
    """Read one configuration file; relative paths of its cohort become relative to the file."""
    try:
        config = read_yaml(path)
    except ValueError as error:
        raise InputError([f"{path} cannot be read as a configuration: {error}"]) from error
    if not isinstance(config, Mapping):
        raise InputError([f"{path} holds no settings: a configuration is a mapping of keys to values"])
    return located(config, path.parent)


def located(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the configuration with the relative paths of its cohort made absolute from a folder."""
    cohort = config.get("cohort")
    if not isinstance(cohort, Mapping):
        return dict(config)
    paths = {key: cohort[key] for key in PATHS if isinstance(cohort.get(key), str)}
    absolute = {key: str((folder / path).absolute()) for key, path in paths.items()}
    return {**config, "cohort": {**cohort, **absolute}}


def merged_config(
    files: Iterable[Path],
    command_line: Mapping[str, Any],
    module: Mapping[str, Any] | None = None,
    tell: Callable[[str], object] | None = None,
) -> dict[str, Any]:
    """Merge several configuration files, each overriding the one before, and ``--config`` overriding all.

    Parameters
    ----------
    module
        What another workflow gives the study as its module; relative paths are those of the run's directory.
    tell
        Gets a message for each former name of a setting, which stands for the present one.
    """
    layers = [read_config(path) for path in files]
    if command_line:
        layers.append(located(_typed(_bounded(command_line)), Path.cwd()))
    if module:
        layers.append(located(module, Path.cwd()))
    merged: dict[str, Any] = {}
    default: dict[str, Any] = {}
    for layer in layers:
        present, former = present_names(layer)
        merged = merge_configs(merged, present)
        default = default or merged
        for name in former:
            if tell:
                tell(renaming_message(name))
    return without_absent_roles(merged, default)


def _bounded(command_line: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        check_bounds(command_line)
    except ValueError as error:
        raise InputError([f"--config: {error}"]) from error
    return command_line


def _typed(value: Any) -> Any:
    """Convert numbers inside ``--config key={...}``, which Snakemake passes on as text."""
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
