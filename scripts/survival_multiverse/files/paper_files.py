"""The files of a paper: its numbers, where they contradict each other, and what they are about."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from jsonschema import Draft202012Validator

from survival_multiverse.files.bounded_yaml import read_yaml
from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.paper.published import Description, read_description, read_published
from survival_multiverse.settings.faults import InputError

SCHEMAS = WORKFLOW_ROOT / "workflow" / "schemas"


def read_text_table(path: str | Path) -> pd.DataFrame:
    """A CSV file as text, empty cells empty text."""
    return _read(path, lambda: pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8"))


def read_numbers(path: str | Path) -> pd.DataFrame:
    """The published numbers, checked against their schema and typed."""
    table = read_text_table(path)
    _validate(table.to_dict("records"), "published_statistics", path)
    return read_published(table)


def read_contradictions(path: str | Path) -> pd.DataFrame:
    """Where the published numbers contradict each other, checked against its schema."""
    table = read_text_table(path)
    _validate(table.to_dict("records"), "published_inconsistencies", path)
    return table


def read_settings(path: str | Path) -> dict[str, Any]:
    """The description of the numbers and the recipe of the fit, checked against their schema."""
    settings = _read(path, lambda: read_yaml(Path(path)))
    _validate(settings, "reconstruction", path)
    return settings


def read_paper_description(path: str | Path) -> Description:
    """What the published numbers are about."""
    return read_description(read_settings(path))


def _read(path: str | Path, reader: Callable[[], Any]) -> Any:
    try:
        return reader()
    except (OSError, ValueError) as error:
        raise InputError([f"{path} cannot be read: {error}"], subject="the published numbers") from error


def _validate(content: Any, name: str, path: str | Path) -> None:
    schema = yaml.safe_load((SCHEMAS / f"{name}.schema.yaml").read_text(encoding="utf-8"))
    errors = list(Draft202012Validator(schema).iter_errors(content))
    if errors:
        places = [".".join(str(step) for step in error.absolute_path) or "the file" for error in errors]
        faults = [f"{path}: {place}: {error.message}" for place, error in zip(places, errors, strict=True)]
        raise InputError(faults[:20], subject="the published numbers")
