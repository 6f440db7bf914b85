"""Cells of the report's tables, and tables as HTML: every cell is text before it gets here."""

import math
from collections.abc import Callable
from typing import Any, TypeGuard

import numpy as np
import pandas as pd
from markupsafe import escape

from survival_multiverse.report.style.formats import format_ratio
from survival_multiverse.settings.study import Study

HELD = "*"
"""Stands for what would give a small count away."""
GAP = "–"
"""Stands where there is no number."""
BLANK = "<th >&nbsp;</th>"
"""Styler's empty corner."""


def to_html(table: pd.DataFrame, *, index: int = 1, prose: bool = False) -> str:
    """Return a table as HTML; the first `index` columns are row headings, columns may have two levels.

    `prose` is for cells that hold sentences rather than numbers.

    Everything in it is escaped.
    """
    names = [name[-1] if isinstance(name, tuple) else name for name in table.columns[:index]]
    body = table.set_index(list(table.columns[:index])).rename_axis(index=[None] * index)
    styler = body.style.format(escape="html")
    styler = styler.format_index(escape="html", axis=0).format_index(escape="html", axis=1)
    html = styler.to_html(exclude_styles=True, sparse_index=True)
    # Styler leaves the corner empty and knows no scope; both are needed to have the table read out.
    head, rows = html.split("</thead>", 1)
    for name in reversed(names):
        before, _, after = head.rpartition(BLANK)
        head = f'{before}<th class="corner">{escape(name)}</th>{after}'
    head = head.replace(BLANK, "<td></td>")
    head = head.replace("<table>", f'<table class="data{" prose" if prose else ""}">').replace(
        "<th colspan", '<th scope="colgroup" colspan'
    )
    head = head.replace("<th >", '<th scope="col">').replace(
        '<th class="corner"', '<th scope="col" class="corner"'
    )
    rows = rows.replace("<th rowspan", '<th scope="rowgroup" rowspan').replace("<th >", '<th scope="row">')
    return _unbroken(f"{head}</thead>{rows}")


def _unbroken(text: str) -> str:
    """Prevent a line break between a name and its dagger."""
    return text.replace(" †", "\u00a0†")


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
