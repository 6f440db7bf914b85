"""Cells of the report's tables: every cell is text."""

import math
from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np

from survival_multiverse.report.style.formats import format_ratio
from survival_multiverse.settings.study import Study

HELD = "*"
"""Stands for what would give a small count away."""
GAP = "–"
"""Stands where there is no number."""


def interval(row: dict[str, Any], *, form: Callable[[float], str] = format_ratio) -> str:
    """Return ``0.68 (0.52 to 0.90)``; a dash without an estimate or a lower limit of one not reached."""
    if not is_number(row.get("estimate")):
        lower = row.get("ci_lower")
        return f"not reached (lower limit {form(lower)})" if is_number(lower) else GAP
    limits = [form(row[name]) if is_number(row[name]) else "?" for name in ("ci_lower", "ci_upper")]
    if limits == ["?", "?"]:
        return form(row["estimate"])
    # An upper limit that is not reached is unbounded, not unknown.
    return f"{form(row['estimate'])} ({limits[0]} to {limits[1].replace('?', 'not reached')})"


def set_label(study: Study, name: str) -> str:
    """Return the label of an adjustment set, with a dagger if it holds a post-treatment covariate."""
    entry = study.adjustment_sets[name]
    return entry.label + (" †" if study.flags(entry.covariates) else "")


def reason_text(row: dict[str, Any]) -> str:
    """Say why a row has no number."""
    reason = row.get("reason")
    return reason if isinstance(reason, str) and reason else str(row.get("status", "")).replace("_", " ")


def is_number(value: object) -> TypeGuard[float]:
    """Return whether a value is a number other than NaN."""
    return isinstance(value, int | float | np.number) and not math.isnan(float(value))


def count_text(value: object) -> str:
    """Return a count with thousands separated, or a dash."""
    return f"{int(value):,}" if is_number(value) else GAP


def share_text(value: float) -> str:
    """Return a share of 1 as a percentage, or a dash."""
    return f"{100 * value:.0f}%" if is_number(value) else GAP
