"""The hazard-ratio surface: matched estimates over the cutoffs, a map for each threshold and caliper."""

import math
from dataclasses import dataclass
from typing import cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullLocator
from matplotlib.typing import ColorType

from survival_multiverse.inference.specification_summary import direction, estimated, surface_cells
from survival_multiverse.report.style.formats import format_ratio, mark_origin, styled
from survival_multiverse.report.style.palette import (
    BLUE,
    INK,
    MUTED,
    PAPER,
    PUBLISHED,
    PUBLISHED_NAME,
    VERMILION,
)
from survival_multiverse.report.style.ratio_axis import RATIO_TICKS
from survival_multiverse.report.words.labels import axis_label, axis_value
from survival_multiverse.report.words.table_cells import set_label
from survival_multiverse.scenario.cautions import marked
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import AXES, canonical_text

COLOURS = LinearSegmentedColormap.from_list("hazard", [BLUE, "#9cc7e0", "#f4f2ee", "#efb38d", VERMILION])
DARK = "#16191d"
"""Ink on the cells, which are light in dark mode too."""
CELL = (0.36, 0.235)
"""Width and height of a cell, inches."""
GAP = (0.18, 0.16)
"""Space between maps, inches."""
LEFT, BLOCK, KEY = 1.1, 1.15, 0.75
"""Inches: left margin, what a block needs above and below its maps, the key at the foot."""


@dataclass(frozen=True, slots=True)
class Frame:
    """Where one adjustment set's maps stand on the page, in inches from its lower left corner."""

    left: float
    bottom: float
    width: float
    height: float


@styled
def draw_hazard_ratio_surface(specifications: pd.DataFrame, study: Study) -> Figure:
    """Draw matched hazard ratios over dose x GTV cutoffs, one block of maps for each adjustment set.

    Thresholds are rows, calipers columns. A dot marks a confidence interval that excludes 1, hatching
    what could not be estimated, a frame the primary scenario. Colours are symmetric about 1 on the log
    scale, the same in all maps, and end at the largest effect or at a factor of 5.
    """
    cells = surface_cells(specifications, study)
    size = {name: len(axis.values) for name, axis in study.axes.items()}
    width = size["caliper"] * (size["dose_cutoff"] * CELL[0] + GAP[0])
    height = size["oligo_threshold"] * (size["gtv_cutoff"] * CELL[1] + GAP[1])
    sets = list(study.adjustment_sets)
    total = (max(width + LEFT + 0.15, 6.6), (height + BLOCK) * len(sets) + KEY)
    figure = Figure(figsize=total)
    norm = _norm(cells)
    for position, name in enumerate(sets):
        below = len(sets) - 1 - position
        frame = Frame(LEFT, KEY + 0.5 + below * (height + BLOCK), width, height)
        here = cells[cells["adjustment_set"] == name]
        _draw_block(figure, frame, here, study, norm)
        figure.text(
            frame.left / total[0],
            (frame.bottom + height + 0.36) / total[1],
            f"Matched 1:1, {set_label(study, name)}",
            fontsize=9,
            fontweight="bold",
        )
    _draw_key(figure, norm, published="matched" in study.published)
    mark_origin(figure, study.source)
    return figure


def _draw_block(figure: Figure, frame: Frame, cells: pd.DataFrame, study: Study, norm: Normalize) -> None:
    total = figure.get_size_inches()
    thresholds, doses, volumes, calipers = (study.axes[name].values for name in AXES)
    grid = figure.add_gridspec(
        len(thresholds),
        len(calipers),
        left=frame.left / total[0],
        right=(frame.left + frame.width) / total[0],
        bottom=frame.bottom / total[1],
        top=(frame.bottom + frame.height) / total[1],
        wspace=GAP[0] / (len(doses) * CELL[0]),
        hspace=GAP[1] / (len(volumes) * CELL[1]),
    )
    for i, threshold in enumerate(thresholds):
        for j, caliper in enumerate(calipers):
            axes = figure.add_subplot(grid[i, j])
            here = cells[(cells["oligo_threshold"] == threshold) & (cells["caliper"] == caliper)]
            _draw_map(axes, here, doses, volumes, norm, "matched" in study.published)
            last = i == len(thresholds) - 1
            axes.set_xticks(
                range(len(doses)), [canonical_text(value) for value in doses] if last else [""] * len(doses)
            )
            axes.set_yticks(range(len(volumes)), [canonical_text(v) if j == 0 else "" for v in volumes])
            if i == 0:
                text = axis_value(study, "caliper", caliper)
                axes.set_title(text[0].upper() + text[1:], fontsize=7.5, loc="center")
            if j == 0:
                label = axis_value(study, "oligo_threshold", threshold)
                axes.set_ylabel(label, fontweight="bold", labelpad=5)
    across = (frame.left + frame.width / 2) / total[0], (frame.bottom - 0.36) / total[1]
    up = (frame.left - 0.85) / total[0], (frame.bottom + frame.height / 2) / total[1]
    figure.text(*across, axis_label(study, "dose_cutoff"), ha="center", fontsize=8)
    figure.text(*up, axis_label(study, "gtv_cutoff"), rotation=90, ha="center", va="center", fontsize=8)


def _norm(cells: pd.DataFrame) -> Normalize:
    ratios = estimated(cells)["hazard_ratio"].to_numpy(dtype=np.float64)
    reach = max([math.log(1.5), *np.abs(np.log(ratios))])
    return Normalize(-min(reach, math.log(5)), min(reach, math.log(5)))


def _draw_map(
    axes: Axes,
    cells: pd.DataFrame,
    doses: tuple[float, ...],
    volumes: tuple[float, ...],
    norm: Normalize,
    published: bool,
) -> None:
    usable = estimated(cells)
    sides = dict(zip(usable.index, direction(usable), strict=True))
    for index, cell in zip(cells.index, cells.to_dict("records"), strict=True):
        x, y = doses.index(cell["dose_cutoff"]), volumes.index(cell["gtv_cutoff"])
        if index not in sides:
            axes.add_patch(
                Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=PAPER, edgecolor=MUTED, hatch="/////", lw=0)
            )
        else:
            colour = COLOURS(norm(math.log(cell["hazard_ratio"])))
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=colour, edgecolor=PAPER, lw=0.6))
            ink = "#ffffff" if _luminance(colour) < 0.3 else DARK
            text = marked(format_ratio(cell["hazard_ratio"]), cell["flags"]).replace(" ", "")
            axes.text(x, y, text, ha="center", va="center", fontsize=6.2, color=ink)
            if sides[index] != "includes":
                axes.plot(x + 0.36, y + 0.32, marker="o", markersize=1.9, color=ink, markeredgewidth=0)
        if cell["is_primary"]:
            _frame(axes, x, y, published=published)
    axes.set_xlim(-0.5, len(doses) - 0.5)
    axes.set_ylim(-0.5, len(volumes) - 0.5)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, pad=2, labelsize=6.8)


def _frame(axes: Axes, x: int, y: int, *, published: bool) -> None:
    """Outline the primary scenario; with a rim, if its hazard ratio was published."""
    for width, colour in [*([(3.6, PUBLISHED)] if published else []), (1.6, DARK)]:
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fill=False, edgecolor=colour, lw=width, zorder=5))


def _luminance(colour: ColorType) -> float:
    """Return the relative luminance of a colour (WCAG 2.1), to choose black or white text."""
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def _draw_key(figure: Figure, norm: Normalize, *, published: bool) -> None:
    width, height = figure.get_size_inches()
    axes = figure.add_axes((LEFT / width, 0.3 / height, 2.4 / width, 0.11 / height))
    bar = figure.colorbar(ScalarMappable(norm, COLOURS), cax=axes, orientation="horizontal")
    low, high = cast(float, norm.vmin), cast(float, norm.vmax)
    ticks = [tick for tick in RATIO_TICKS if low <= math.log(tick) <= high]
    bar.set_ticks([math.log(tick) for tick in ticks], labels=[f"{tick:g}" for tick in ticks])
    bar.ax.xaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)
    if bar.solids is not None:
        bar.solids.set_rasterized(True)
    axes.set_title("Hazard ratio, at or above the cutoff against below", fontsize=7, fontweight="normal")
    framed = "primary scenario" + (f" ({PUBLISHED_NAME}: published)" if published else "")
    text = f"dot: CI excludes 1\nframe: {framed}\nhatched: not estimable"
    figure.text((LEFT + 3.1) / width, 0.14 / height, text, fontsize=7, color=INK, linespacing=1.35)
