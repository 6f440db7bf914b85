"""The files of a paper: its numbers, where they contradict each other, and what they are about."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from survival_multiverse.files.bounded_yaml import read_yaml
from survival_multiverse.paper.paper_models import Contradiction, PaperSettings, PublishedNumber
from survival_multiverse.paper.published import Description, read_description, read_published
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.fields import Group
from survival_multiverse.settings.form_faults import form_faults

MOST_FAULTS = 20


def read_text_table(path: str | Path) -> pd.DataFrame:
    """Read a CSV file as text, empty cells as empty text."""
    return _read(path, lambda: pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8"))


def read_numbers(path: str | Path) -> pd.DataFrame:
    """Return the published numbers, checked and typed."""
    return read_published(_read_rows(path, PublishedNumber))


def read_contradictions(path: str | Path) -> pd.DataFrame:
    """Where the published numbers contradict each other, checked."""
    return _read_rows(path, Contradiction)


def read_settings(path: str | Path) -> dict[str, Any]:
    """Return the description of the numbers and the recipe of the fit, checked."""
    settings = _read(path, lambda: read_yaml(Path(path)))
    if not isinstance(settings, dict):
        settings = {}
    if "outline" in settings and "initial_state" not in settings:
        print(f"{path}: outline is now called initial_state: rename it", file=sys.stderr)
        settings["initial_state"] = settings.pop("outline")
    _refuse(path, form_faults(settings, PaperSettings)[0])
    return settings


def read_paper_description(path: str | Path) -> Description:
    """Read the description of what the published numbers are about."""
    return read_description(read_settings(path))


def _read(path: str | Path, reader: Callable[[], Any]) -> Any:
    try:
        return reader()
    except (OSError, ValueError) as error:
        raise InputError([f"{path} cannot be read: {error}"], subject="the published numbers") from error


def _read_rows(path: str | Path, model: type[Group]) -> pd.DataFrame:
    """Read a table of texts whose rows are checked one by one."""
    table = read_text_table(path)
    rows = (form_faults(row, model)[0] for row in table.to_dict("records"))
    _refuse(path, [f"row {number}: {fault}" for number, faults in enumerate(rows, 1) for fault in faults])
    return table


def _refuse(path: str | Path, faults: list[str]) -> None:
    if faults:
        told = [f"{path}: {fault}" for fault in faults[:MOST_FAULTS]]
        raise InputError(told, subject="the published numbers")
