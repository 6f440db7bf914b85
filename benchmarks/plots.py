"""How the engine's time and memory grow."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from survival_multiverse.report.style.formats import styled
from survival_multiverse.report.style.palette import BLUE, GREEN, INK, MUTED, PINK, VERMILION

OTHERS = {"lifelines + scikit-learn": VERMILION, "R: survival + glm": PINK}


@styled
def growth_figure(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Four panels: time and memory against patients, time against units, and the gain of a second process."""
    figure = Figure(figsize=(7.2, 5.4), layout="constrained")
    axes = figure.subplots(2, 2)
    _draw_time(axes[0, 0], tables["by_n"])
    _draw_memory(axes[0, 1], tables["by_n"])
    _draw_units(axes[1, 0], tables["by_units"], tables["table"])
    _draw_processes(axes[1, 1], tables["by_cores"])
    return figure


def _draw_time(ax: Axes, table: pd.DataFrame) -> None:
    n, seconds = table["patients"].to_numpy(float), table["seconds_per_unit"].to_numpy()
    # Through the last point: there the fixed cost of a unit no longer counts.
    guide = seconds[-1] * n * np.log(n) / (n[-1] * np.log(n[-1]))
    ax.loglog(n, guide, color=MUTED, linestyle=(0, (4, 2)), linewidth=1, label="n log n")
    ax.loglog(n, seconds, color=BLUE, marker="o", markersize=4, label="engine")
    ax.set(title="Time of one unit", xlabel="Patients", ylabel="Seconds")
    _plain_decades(ax.xaxis, ax.yaxis)
    ax.legend()


def _draw_memory(ax: Axes, table: pd.DataFrame) -> None:
    ax.semilogx(table["patients"], table["peak_mib"], color=BLUE, marker="o", markersize=4)
    ax.set(title="Largest memory of its process", xlabel="Patients", ylabel="MiB", ylim=(0, None))
    _plain_decades(ax.xaxis)


def _draw_units(ax: Axes, table: pd.DataFrame, side_by_side: pd.DataFrame) -> None:
    units = table["units"].to_numpy(float)
    ax.loglog(units, table["seconds"], color=BLUE, marker="o", markersize=4, label="engine")
    measured = side_by_side.query("patients == 274 and score == 'categories'").set_index("implementation")
    for name, colour in OTHERS.items():
        if name in measured.index:
            seconds = units / measured.loc[name, "units_per_second"]
            # Dashed: they are not run for so long, their time follows from the rate in the table.
            ax.loglog(units, seconds, color=colour, linestyle=(0, (4, 2)), linewidth=1, label=name)
    ax.set(title="Time of many units (274 patients)", xlabel="Units", ylabel="Seconds")
    _plain_decades(ax.xaxis, ax.yaxis)
    # Room for the legend above the lines.
    ax.set_ylim(top=ax.get_ylim()[1] * 300)
    ax.legend(loc="upper left")


def _draw_processes(ax: Axes, table: pd.DataFrame) -> None:
    labels = {"idle_loop": ("loop without memory", GREEN), "engine": ("engine", BLUE)}
    for place, (work, (label, colour)) in enumerate(labels.items()):
        rows = table[table["work"] == work]
        left = rows["processes"] + (place - 0.5) * 0.3
        bars = ax.bar(left, rows["rate_against_one"], width=0.28, color=colour, label=label)
        ax.bar_label(bars, fmt="%.2f", fontsize=7.5, color=INK, padding=2)
    ax.set(title="Rate against one process", xlabel="Processes at the same time", xticks=[1, 2])
    ax.set_ylim(0, 2.5)
    ax.legend(loc="upper left")


def _plain_decades(*axes: Axis) -> None:
    """Powers of ten as numbers: the house style does not parse the mathematics of the default labels."""
    for axis in axes:
        axis.set_major_locator(LogLocator(10, numticks=12))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
