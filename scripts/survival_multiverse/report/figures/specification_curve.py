"""The specification curve, with the choices behind every estimate under it."""

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpecFromSubplotSpec, SubplotSpec
from matplotlib.lines import Line2D

from survival_multiverse.inference.specification_summary import (
    direction,
    estimated,
    estimators_present,
    headline,
    middle_ratio,
    of_set,
    passes,
    strictest_gate,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_ratio, mark_origin, styled
from survival_multiverse.report.style.palette import DIRECTION_COLOURS, INK, MUTED, PAPER, PUBLISHED
from survival_multiverse.report.style.ratio_axis import ratio_axis, ratio_limits
from survival_multiverse.report.words.labels import axis_value, bare_value, in_sentence
from survival_multiverse.scenario.cautions import MARK, cautions
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import AXES

DENSE = 150
"""More specifications than this are drawn as pixels, so that the file stays small."""
WIDTH, ROW_INCHES = 10.4, 0.142
GAP = 0.035
"""Space between two blocks, as a share of all estimates of the curve."""
WITHIN_BLOCK = tuple(axis for axis in AXES if axis not in ("oligo_threshold", "dose_cutoff"))


@dataclass(frozen=True, slots=True)
class Choice:
    """One row of the decision panel: a label, and which estimates made this choice (None: a heading)."""

    label: str
    made: np.ndarray | None


def curve_order(specifications: pd.DataFrame) -> pd.DataFrame:
    """Return the estimated specifications, block by block (dose cutoff), each in ascending hazard ratio.

    Ties stay in the order of the table. The column `position` says where each is drawn: a gap parts the
    blocks, because each estimates something else.
    """
    usable = estimated(specifications)
    curve = usable.sort_values(["dose_cutoff", "hazard_ratio"], kind="stable").reset_index(drop=True)
    block = pd.factorize(curve["dose_cutoff"])[0]
    return curve.assign(position=np.arange(len(curve)) + block * max(2.0, GAP * len(curve)))


def decision_rows(curve: pd.DataFrame, study: Study) -> list[Choice]:
    """Return rows of the decision panel: the choices inside a block, and whether the arms are balanced.

    What does not apply is left out.
    """
    rows = []
    for axis in WITHIN_BLOCK:
        column = curve[axis].to_numpy(dtype=np.float64)
        if np.isnan(column).all():
            continue
        rows.append(Choice(_heading(study, axis), None))
        rows += [Choice(bare_value(study, axis, value), column == value) for value in study.axes[axis].values]
    gate = strictest_gate(study)
    if curve[gate].notna().any():
        rows.append(Choice("Balance", None))
        limit = min(study.analysis.balance_thresholds)
        rows.append(Choice(f"all |SMD| <{limit:g}", passes(curve, gate=gate)))
    return rows


def _heading(study: Study, axis: str) -> str:
    return study.gtv.label if axis == "gtv_cutoff" else "Caliper, SD of the logit"


@styled
def draw_specification_curve(specifications: pd.DataFrame, study: Study) -> Figure:
    """Draw one curve for each block of each estimator: primary population, threshold and adjustment set.

    Parameters
    ----------
    specifications
        Table of `robustness.specifications`; hazard ratios compare A = 1 with A = 0.
    """
    rows = of_set(headline(specifications), study.primary_set)
    rows = rows[rows["oligo_threshold"] == study.primary.oligo_threshold]
    present = estimators_present(rows)
    curves = {name: curve_order(rows[rows["estimator"] == name]) for name in present}
    decisions = {name: decision_rows(curve, study) for name, curve in curves.items()}
    # The estimator with the most specifications has a band of its own, the others share one.
    main = max(present, key=lambda name: len(curves[name]), default=None)
    bands = [group for group in ([main] if main else [], [n for n in present if n != main]) if group]
    counts = [max(len(decisions[name]) for name in group) for group in bands]
    figure, cells = _layout(counts)
    for group, count, cell in zip(bands, counts, cells, strict=True):
        # Wide enough for every curve to be read, wider where there is more of it.
        inner = GridSpecFromSubplotSpec(
            2,
            len(group),
            cell,
            height_ratios=[2.4, ROW_INCHES * count + 0.1],
            width_ratios=[math.sqrt(max(len(curves[name]), 40)) for name in group],
            hspace=0.04,
            wspace=0.22,
        )
        reference = max((decisions[name] for name in group), key=len)
        for column, name in enumerate(group):
            upper, lower = figure.add_subplot(inner[0, column]), figure.add_subplot(inner[1, column])
            attempted = int((rows["estimator"] == name).sum())
            _draw_blocks(upper, curves[name], study)
            _draw_published(upper, curves[name], study, name)
            words = f"{_counted(curves[name], attempted)}{_through_gate(curves[name], study)}"
            _draw_curve(upper, curves[name], name, words, ratio_limits(rows))
            _draw_decisions(lower, curves[name], decisions[name], reference, column == 0)
            if column == 0:
                upper.set_ylabel(
                    f"Hazard ratio, {in_sentence(study.dose.label)}\nat or above cutoff against below"
                )
    _draw_legend(figure, study)
    mark_origin(figure, study.source)
    return figure


def _layout(counts: list[int]) -> tuple[Figure, list[SubplotSpec]]:
    """Return a figure with one cell for each band, tall enough for its decision rows."""
    heights = [2.9 + ROW_INCHES * count for count in counts]
    height = max(sum(heights) + 0.9 * len(counts) + 0.3, 2.0)
    figure = Figure(figsize=(WIDTH, height))
    grid = figure.add_gridspec(
        max(len(counts), 1),
        1,
        height_ratios=heights or [1],
        left=1.95 / WIDTH,
        right=0.965,
        top=1 - 0.55 / height,
        bottom=0.35 / height,
        hspace=0.9 * len(counts) / max(sum(heights), 1),
    )
    return figure, [grid[band] for band in range(len(counts))]


def _draw_legend(figure: Figure, study: Study) -> None:
    percent = f"{100 * study.analysis.confidence_level:g}%"
    words = {
        "below": f"{percent} CI below 1",
        "includes": f"{percent} CI includes 1",
        "above": f"{percent} CI above 1",
    }
    handles = [
        Line2D([], [], color=DIRECTION_COLOURS[key], linewidth=3, label=text) for key, text in words.items()
    ]
    handles.append(
        Line2D(
            [],
            [],
            marker="D",
            color=INK,
            markerfacecolor=PAPER,
            linestyle="-",
            linewidth=0.7,
            label="primary scenario",
        )
    )
    if study.published:
        handles.append(Line2D([], [], color=PUBLISHED, linewidth=1.1, linestyle="--", label="published"))
    figure.legend(handles=handles, loc="lower center", ncols=5, bbox_to_anchor=(0.55, 0))


def _draw_curve(
    axes: Axes, curve: pd.DataFrame, estimator: str, words: str, limits: tuple[float, float]
) -> None:
    axes.axhline(1, color=INK, linewidth=0.8)
    if len(curve):
        _draw_estimates(axes, curve, estimator, limits)
    else:
        axes.text(0.5, 0.5, "nothing could be estimated", transform=axes.transAxes, ha="center", color=MUTED)
    _draw_primary_lines(axes, curve)
    for where in curve.loc[[bool(cautions(flags)) for flags in curve["flags"]], "position"]:
        mark: dict[str, Any] = {
            "transform": axes.get_xaxis_transform(),
            "ha": "center",
            "fontsize": 6,
            "color": INK,
        }
        axes.text(where, 0.01, MARK, **mark).set_gid(f"caution-{estimator}")
    ratio_axis(axes, limits)
    axes.grid(True, axis="y")
    axes.set_axisbelow(True)
    _x_limits(axes, curve)
    axes.set_title(ESTIMATOR_LABELS[estimator], pad=32)
    units: dict[str, Any] = {"xycoords": "axes fraction", "textcoords": "offset points"}
    axes.annotate(words, (0, 1), (0, 22), color=MUTED, fontsize=7, **units)


def _counted(curve: pd.DataFrame, attempted: int) -> str:
    estimates = f"{len(curve):,}" if len(curve) == attempted else f"{len(curve):,} of {attempted:,}"
    return f"{estimates} estimated"


def _through_gate(curve: pd.DataFrame, study: Study) -> str:
    gate = strictest_gate(study)
    if curve[gate].isna().all():
        return ""
    return f", {int(passes(curve, gate=gate).sum()) or 'none'} balanced"


def _draw_blocks(axes: Axes, curve: pd.DataFrame, study: Study) -> None:
    """Name each block above its curve, and draw its median; the blocks' medians are never pooled."""
    where = axes.get_xaxis_transform()
    for dose, block in curve.groupby("dose_cutoff"):
        left, right = block["position"].min(), block["position"].max()
        median = middle_ratio(block["hazard_ratio"])
        axes.hlines(median, left - 0.5, right + 0.5, color=INK, linewidth=0.7, linestyle=":", zorder=2)
        text = f"{axis_value(study, 'dose_cutoff', float(dose))}\n{format_ratio(median)}"
        axes.text(
            (left + right) / 2, 1.01, text, transform=where, ha="center", va="bottom", fontsize=6, color=INK
        )


def _draw_published(axes: Axes, curve: pd.DataFrame, study: Study, estimator: str) -> None:
    """Draw the published hazard ratio across the primary block."""
    block = curve[curve["dose_cutoff"] == study.primary.dose_cutoff]
    if estimator in study.published and len(block):
        left, right = block["position"].min() - 0.5, block["position"].max() + 0.5
        style: dict[str, Any] = {"color": PUBLISHED, "linewidth": 1.1, "linestyle": "--", "zorder": 3}
        axes.hlines(study.published[estimator], left, right, **style).set_gid(f"published-{estimator}")


def _draw_estimates(axes: Axes, curve: pd.DataFrame, estimator: str, limits: tuple[float, float]) -> None:
    position = curve["position"].to_numpy(dtype=np.float64)
    colours = _colours(curve)
    ratios = curve["hazard_ratio"].to_numpy(dtype=np.float64)
    dense = len(curve) > DENSE
    low = np.clip(curve["ci_lower"].to_numpy(dtype=np.float64), *limits)
    high = np.clip(curve["ci_upper"].to_numpy(dtype=np.float64), *limits)
    width = _line_width(axes, len(curve))
    axes.vlines(position, low, high, colors=list(colours), alpha=0.38, linewidth=width, rasterized=dense)
    points = axes.scatter(position, ratios, c=list(colours), s=3 if dense else 7, linewidths=0, zorder=3)
    points.set(gid=f"curve-{estimator}", rasterized=dense)
    primary = np.flatnonzero(curve["is_primary"].astype(bool))
    marks: dict[str, Any] = {
        "marker": "D",
        "s": 22,
        "facecolor": PAPER,
        "edgecolor": INK,
        "linewidths": 1,
        "zorder": 4,
    }
    axes.scatter(position[primary], ratios[primary], **marks)


def _draw_primary_lines(axes: Axes, curve: pd.DataFrame) -> None:
    for where in curve.loc[curve["is_primary"].astype(bool), "position"]:
        axes.axvline(where, color=INK, linewidth=0.6, alpha=0.7)


def _colours(curve: pd.DataFrame) -> np.ndarray:
    return np.array([DIRECTION_COLOURS[side] for side in direction(curve)], dtype=object)


def _x_limits(axes: Axes, curve: pd.DataFrame) -> None:
    end = curve["position"].max() if len(curve) else 0.0
    margin = max(0.5, 0.008 * end)
    axes.set_xlim(-margin - 0.5, end + 0.5 + margin)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _line_width(axes: Axes, count: int) -> float:
    points = 72 * axes.get_position().width * cast(Figure, axes.figure).get_figwidth()
    return float(np.clip(0.8 * points / max(count, 1), 0.45, 2.2))


def _draw_decisions(
    axes: Axes, curve: pd.DataFrame, rows: list[Choice], reference: list[Choice], labelled: bool
) -> None:
    """Draw which choice each estimate made."""
    colours = _colours(curve)
    position = curve["position"].to_numpy(dtype=np.float64)
    made = {(heading, row.label): row.made for heading, row in _with_heading(rows) if row.made is not None}
    _x_limits(axes, curve)
    width = _line_width(axes, len(curve))
    for y, (heading, row) in enumerate(_with_heading(reference)):
        choice = made.get((heading, row.label))
        if choice is None or not choice.any():
            continue
        where = np.flatnonzero(choice)
        dense = len(curve) > DENSE
        at = position[where]
        axes.vlines(at, y - 0.36, y + 0.36, colors=list(colours[where]), linewidth=width, rasterized=dense)
    _draw_primary_lines(axes, curve)
    axes.set_ylim(len(reference) - 0.4, -0.7)
    labels = [_short(row.label) if labelled else "" for row in reference]
    axes.set_yticks(range(len(reference)), labels)
    axes.tick_params(axis="y", length=0, labelsize=6.8, pad=3)
    for label, row in zip(axes.get_yticklabels(), reference, strict=True):
        if row.made is None:
            label.set(fontweight="bold", color=INK)
    axes.spines[:].set_visible(False)


def _short(label: str, limit: int = 34) -> str:
    return label if len(label) <= limit else label[: limit - 1].rstrip() + "…"


def _with_heading(rows: list[Choice]) -> list[tuple[str, Choice]]:
    heading, pairs = "", []
    for row in rows:
        heading = row.label if row.made is None else heading
        pairs.append((heading, row))
    return pairs
