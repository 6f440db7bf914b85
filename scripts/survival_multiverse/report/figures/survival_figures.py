"""Kaplan-Meier figures of the primary scenario, with the numbers at risk under the axes."""

import math
from collections.abc import Mapping
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from survival_multiverse.cohort.coarse_curves import coarse_curve, time_step
from survival_multiverse.cohort.disclosure import count_words, shown_survival
from survival_multiverse.estimators.limits import at_least
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.figures.survival_panels import Curve, Panel, survival_panels
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
def draw_survival_curves(
    name: str,
    samples: Mapping[str, pd.DataFrame],
    estimates: pd.DataFrame,
    study: Study,
    published: pd.DataFrame = NO_MARKS,
) -> Figure:
    """Draw one Kaplan-Meier figure; arguments as in `survival_panels`."""
    panels = survival_panels(name, samples, estimates, study, published)
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
    step = time_step(study)
    last = max([0.0, *(curve.time.max() for panel in panels for curve in panel.curves if curve.time.size)])
    # The axis ends at a time of the grid: the longest follow-up is one patient's.
    longest = step * max(math.ceil(last / step), 1)
    for position, panel in enumerate(panels):
        band, column = divmod(position, columns)
        axes = figure.add_subplot(grid[2 * band, column])
        risk = figure.add_subplot(grid[2 * band + 1, column])
        _draw_panel(axes, panel, study, longest=longest)
        risk.set_xlim(axes.get_xlim())
        ticks = [tick for tick in axes.get_xticks() if 0 <= tick <= axes.get_xlim()[1]]
        _draw_numbers_at_risk(risk, panels, position, study, ticks=ticks, labelled=column == 0)
        if column == 0:
            axes.set_ylabel(study.time.label)
    mark_origin(figure, study.source)
    return figure


def _draw_panel(axes: Axes, panel: Panel, study: Study, *, longest: float) -> None:
    for curve in panel.curves:
        if curve.time.size:
            _draw_curve(axes, curve, study, label=_label(panel, curve, study))
    axes.set_title(panel.title)
    axes.set_xlim(-0.015 * longest, longest * 1.02)
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
    # Steps of a year read better than steps of ten where time is counted in months.
    monthly = study.time.unit.lower().startswith("month") and 12 <= longest <= 144
    axes.xaxis.set_major_locator(
        MultipleLocator(6 if longest <= 48 else 12) if monthly else MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])
    )
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    axes.set_xlabel(display_label("Time", study.time.unit))
    _draw_published(axes, panel.published)
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


def _draw_published(axes: Axes, published: pd.DataFrame) -> None:
    """Draw printed survival rates as rings and medians as ticks, both in the colour of published numbers."""
    style: dict[str, Any] = {"color": PUBLISHED, "linestyle": "", "markeredgewidth": 1.3, "zorder": 5}
    rates = published[published["quantity"] == "survival"]
    medians = published[published["quantity"] == "median"]
    if len(rates):
        ring: dict[str, Any] = {"marker": "o", "markersize": 4.5, "fillstyle": "none"}
        axes.plot(rates["time"], rates["value"], label="Published", **ring, **style)
    if len(medians):
        label = "Published median" if len(rates) else "Published"
        axes.plot(medians["value"], [0.5] * len(medians), marker="|", markersize=9, label=label, **style)


def _draw_curve(axes: Axes, curve: Curve, study: Study, *, label: str) -> None:
    """Draw the curve in steps of the grid; where they begin and end tells nobody's time."""
    analysis = study.analysis
    limits: dict[str, Any] = {"conf_type": analysis.survival_conf_type, "level": analysis.confidence_level}
    steps = coarse_curve(
        curve.time, curve.event, minimum=study.minimum_count, step=time_step(study), **limits
    )
    columns = ["survival", "ci_lower", "ci_upper"]
    patients = np.full((len(steps), len(columns)), len(curve.time))
    steps[columns] = shown_survival(steps[columns], patients, minimum=study.minimum_count)
    band: dict[str, Any] = {"step": "post", "color": curve.colour, "alpha": 0.13, "linewidth": 0}
    axes.fill_between(steps["time"], steps["ci_lower"], steps["ci_upper"], **band)
    style: dict[str, Any] = {
        "color": curve.colour,
        "linestyle": curve.line,
        "linewidth": 1.5,
        "label": label,
    }
    axes.plot(steps["time"], steps["survival"], drawstyle="steps-post", **style)


def _draw_numbers_at_risk(
    axes: Axes, panels: list[Panel], position: int, study: Study, *, ticks: list[float], labelled: bool
) -> None:
    """Draw the number of patients under observation just before each tick."""
    curves = panels[position].curves
    for tick in ticks:
        for row, curve in enumerate(curves):
            count = int(np.count_nonzero(at_least(curve.time, tick)))
            shown = count_words(count, minimum=study.minimum_count)
            axes.text(tick, row, shown, ha="center", va="center", color=INK, fontsize=TEXT)
    axes.set_ylim(len(curves) - 0.4, -0.6)
    axes.set_yticks(range(len(curves)))
    axes.set_yticklabels([curve.label for curve in curves] if labelled else [""] * len(curves))
    axes.set_title("Number at risk", fontsize=TEXT, fontweight="normal", color=MUTED, pad=3)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, pad=14)
    axes.spines[:].set_visible(False)
