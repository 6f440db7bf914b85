"""Kaplan-Meier figures of the primary scenario, with the numbers at risk under the axes."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from survival_multiverse.report.figures.survival_numbers import AT_RISK, CURVE, MEDIAN, RATE, SurvivalNumbers
from survival_multiverse.report.figures.survival_panels import Curve, Panel
from survival_multiverse.report.style.formats import display_label, mark_origin, p_phrase, styled
from survival_multiverse.report.style.palette import INK, MUTED, PUBLISHED
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.table_cells import interval, is_number
from survival_multiverse.settings.study import Study

TEXT = 8.6
"""Size of the smaller text in points."""
SHORT = 14
"""Longest name of a curve, in letters, that has its median beside it."""
SIZES: dict[Any, Any] = {
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.labelsize": 9.0,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "legend.fontsize": TEXT,
}


@styled
@mpl.rc_context(SIZES)
def draw_survival_curves(panels: Sequence[Panel], numbers: SurvivalNumbers, study: Study) -> Figure:
    """Draw one Kaplan-Meier figure: the numbers in the panels' colours and words, no patient."""
    rows = len(panels[0].curves)
    # Wrapped after three, so that a factor with many levels stays legible.
    columns = min(len(panels), 3)
    bands = -(-len(panels) // columns)
    risk_height = 0.14 + 0.18 * rows
    figure = Figure(
        figsize=(6.8 if columns == 1 else 4.3 * columns + 0.7, (3.7 + risk_height) * bands),
        layout="constrained",
    )
    grid = figure.add_gridspec(2 * bands, columns, height_ratios=[3.0, risk_height] * bands)
    for position, (panel, drawn) in enumerate(zip(panels, numbers.panels, strict=True)):
        band, column = divmod(position, columns)
        axes = figure.add_subplot(grid[2 * band, column])
        risk = figure.add_subplot(grid[2 * band + 1, column])
        for part in (axes, risk):
            part.set_xlim(numbers.limits)
        axes.set_xticks(numbers.ticks)
        _draw_panel(axes, panel, drawn, study)
        _draw_numbers_at_risk(risk, panel, drawn, labelled=column == 0)
        if column == 0:
            axes.set_ylabel(study.time.label)
    mark_origin(figure, study.source)
    return figure


def _draw_panel(axes: Axes, panel: Panel, drawn: pd.DataFrame, study: Study) -> None:
    for curve in panel.curves:
        steps = drawn[(drawn["mark"] == CURVE) & (drawn["group"] == curve.label)]
        if len(steps):
            _draw_curve(axes, curve, steps, label=_label(panel, curve, study))
    axes.set_title(panel.title)
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    axes.set_xlabel(display_label("Time", study.time.unit))
    _draw_published(axes, drawn)
    handles, labels = axes.get_legend_handles_labels()
    title = "\n".join(_tests(panel, study))
    axes.legend(handles, labels, loc="upper right", title=title, title_fontsize=TEXT, alignment="left")


def _label(panel: Panel, curve: Curve, study: Study) -> str:
    """Return the name of a curve with its median survival."""
    row = panel.medians.get(curve.level)
    if row is None or not is_number(row["estimate"]):
        return curve.label
    median = interval(row, form=lambda value: f"{value:.1f}")
    parts = [f"{curve.label}:", f"median {median} {study.time.unit}".rstrip()]
    # A long name has a line of its own, so that the legend stays clear of the curves.
    return (" " if len(curve.label) <= SHORT else "\n").join(parts)


def _tests(panel: Panel, study: Study) -> list[str]:
    """Return what stands above the names of the curves: hazard ratio, P value, and the published one."""
    lines = []
    if panel.ratio:
        lines.append(f"Hazard ratio {interval(panel.ratio)}, {percent(study)} CI")
    if not np.isnan(panel.p_value):
        lines.append(f"Log-rank {p_phrase(panel.p_value)}")
    printed = panel.published[panel.published["quantity"] == "log_rank_p"]
    return lines + [f"Published: P {row.relation} {row.value:g}" for row in printed.itertuples()]


def _draw_published(axes: Axes, drawn: pd.DataFrame) -> None:
    """Draw printed survival rates as rings and medians as ticks, both in the colour of published numbers."""
    style: dict[str, Any] = {"color": PUBLISHED, "linestyle": "", "markeredgewidth": 1.3, "zorder": 5}
    rates, medians = (drawn[drawn["mark"] == mark] for mark in (RATE, MEDIAN))
    if len(rates):
        ring: dict[str, Any] = {"marker": "o", "markersize": 4.5, "fillstyle": "none"}
        axes.plot(rates["time"], rates["survival"], label="Published", **ring, **style)
    if len(medians):
        label = "Published median" if len(rates) else "Published"
        axes.plot(medians["time"], medians["survival"], marker="|", markersize=9, label=label, **style)


def _draw_curve(axes: Axes, curve: Curve, steps: pd.DataFrame, *, label: str) -> None:
    band: dict[str, Any] = {"step": "post", "color": curve.colour, "alpha": 0.13, "linewidth": 0}
    axes.fill_between(steps["time"], steps["ci_lower"], steps["ci_upper"], **band)
    style: dict[str, Any] = {
        "color": curve.colour,
        "linestyle": curve.line,
        "linewidth": 1.5,
        "label": label,
    }
    axes.plot(steps["time"], steps["survival"], drawstyle="steps-post", **style)


def _draw_numbers_at_risk(axes: Axes, panel: Panel, drawn: pd.DataFrame, *, labelled: bool) -> None:
    """Draw the number of patients under observation just before each tick."""
    places = {curve.label: row for row, curve in enumerate(panel.curves)}
    for row in drawn[drawn["mark"] == AT_RISK].to_dict("records"):
        shown = row["at_risk_note"] or f"{row['at_risk']:,}"
        axes.text(
            row["time"], places[row["group"]], shown, ha="center", va="center", color=INK, fontsize=TEXT
        )
    axes.set_ylim(len(places) - 0.4, -0.6)
    axes.set_yticks(range(len(places)))
    axes.set_yticklabels(list(places) if labelled else [""] * len(places))
    axes.set_title("Number at risk", fontsize=TEXT, fontweight="normal", color=MUTED, pad=3)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, pad=14)
    axes.spines[:].set_visible(False)
