"""The study on one page, for a talk: the answer in words beside every analysis of the primary block."""

import textwrap
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from survival_multiverse.inference.specification_summary import (
    direction,
    estimated,
    estimators_present,
    headline,
    middle_ratio,
    primary_block,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_ratio, styled
from survival_multiverse.report.style.palette import DIRECTION_COLOURS, INK, MUTED, PAPER, PUBLISHED
from survival_multiverse.report.style.ratio_axis import ratio_limits, ratio_ticks
from survival_multiverse.report.words.answer import Answer, answers, silence
from survival_multiverse.report.words.labels import arm_labels, axis_value, in_sentence
from survival_multiverse.report.words.narrative import origin, percent
from survival_multiverse.scenario.cautions import MARK, NOTE, cautions
from survival_multiverse.settings.study import Study

SIZE = (13.33, 7.5)
"""Inches: a slide of 16 to 9."""
WORDS = 56
"""Characters of a line of the answer."""
ANSWER_TOP, ANSWER_END = 0.715, 0.1
"""Between which heights of the figure the answer stands."""
LARGEST, LINE_HEIGHT = 12.5, 1.45
"""Size of its text in points where there is room, and a line's height in sizes."""


@styled
def draw_summary(
    specifications: pd.DataFrame, joint: pd.DataFrame, attribution: pd.DataFrame, study: Study
) -> Figure:
    """Draw the page: words at the left, at the right the hazard ratios of each estimator."""
    figure = Figure(figsize=SIZE)
    found = answers(specifications, study, joint, attribution)
    heading, _, text = origin(study)
    _write(figure, study.title, 0.93, size=19, weight="bold", width=85)
    _write(figure, f"{heading}. {text}", 0.865, size=10.5, colour=MUTED, width=150)
    _write_answer(figure, _first(found), study)
    rows = primary_block(headline(specifications), study)
    note = NOTE if sum(_cautioned(rows)) else ""
    _write(figure, silence(study) + note, 0.085, size=10.5, colour=INK, width=150)
    _draw_strips(figure.add_axes((0.61, 0.235, 0.355, 0.53)), rows, study)
    return figure


def _first(found: list[Answer]) -> Answer | None:
    matched = [answer for answer in found if answer.name == ESTIMATOR_LABELS["matched"]]
    return next(iter(matched + found), None)


def _write(
    figure: Figure,
    text: str,
    top: float,
    *,
    size: float,
    width: int,
    weight: str = "normal",
    colour: str = INK,
) -> None:
    lines = textwrap.fill(text, width)
    figure.text(0.04, top, lines, fontsize=size, fontweight=weight, color=colour, va="top", linespacing=1.35)


def _write_answer(figure: Figure, answer: Answer | None, study: Study) -> None:
    if answer is None:
        figure.text(0.04, 0.7, "Nothing was analysed.", fontsize=14)
        return
    paragraphs = [textwrap.fill(sentence, WORDS) for sentence in answer.sentences]
    figure.text(0.04, 0.765, answer.name, fontsize=14, fontweight="bold", va="top")
    words = "\n\n".join(paragraphs)
    fitting = 72 * (ANSWER_TOP - ANSWER_END) * SIZE[1] / (LINE_HEIGHT * (words.count("\n") + 1))
    size = min(LARGEST, fitting)
    figure.text(0.04, ANSWER_TOP, words, fontsize=size, va="top", linespacing=1.35)


def _draw_strips(axes: Axes, rows: pd.DataFrame, study: Study) -> None:
    """Draw one line of points per estimator: all its hazard ratios, their median, the primary scenario."""
    names = estimators_present(rows)
    for place, name in enumerate(reversed(names)):
        here = estimated(rows[rows["estimator"] == name]).sort_values("hazard_ratio", kind="stable")
        if here.empty:
            continue
        ratios = here["hazard_ratio"].to_numpy(dtype=np.float64)
        heights = place + 0.22 * np.linspace(-1, 1, len(ratios)) if len(ratios) > 1 else np.array([place])
        colours = [DIRECTION_COLOURS[side] for side in direction(here)]
        axes.scatter(ratios, heights, c=colours, s=16, linewidths=0).set_gid(f"strip-{name}")
        median = middle_ratio(ratios)
        axes.plot([median, median], [place - 0.34, place + 0.34], color=INK, linewidth=1.6)
        axes.annotate(
            format_ratio(median), (median, place + 0.36), ha="center", va="bottom", fontsize=9, color=INK
        )
        if name in study.published:
            ends = [place - 0.34, place + 0.34]
            axes.plot([study.published[name]] * 2, ends, color=PUBLISHED, linewidth=1.6, linestyle="--")
        primary = here["is_primary"].to_numpy(dtype=bool)
        marks: dict[str, Any] = {
            "marker": "D",
            "s": 40,
            "facecolor": PAPER,
            "edgecolor": INK,
            "linewidths": 1.1,
            "zorder": 4,
        }
        axes.scatter(ratios[primary], heights[primary], **marks)
    _dress(axes, rows, names, study)


def _cautioned(rows: pd.DataFrame) -> list[bool]:
    return [bool(cautions(flags)) for flags in estimated(rows)["flags"]]


def _of_them(rows: pd.DataFrame) -> str:
    """Say on a line of its own how many of an estimator's hazard ratios are to be read with caution."""
    found = _cautioned(rows)
    return f"\n{MARK} {sum(found)} of {len(found)}" if any(found) else ""


def _dress(axes: Axes, rows: pd.DataFrame, names: list[str], study: Study) -> None:
    limits = ratio_limits(rows)
    low, high = arm_labels(study, dose_cutoff=study.primary.dose_cutoff)
    axes.axvline(1, color=INK, linewidth=0.9)
    axes.set_xscale("log")
    axes.set_xlim(limits)
    axes.xaxis.set_major_locator(FixedLocator(ratio_ticks(limits)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    labels = [ESTIMATOR_LABELS[name] + _of_them(rows[rows["estimator"] == name]) for name in reversed(names)]
    axes.set_yticks(range(len(names)), labels, fontsize=10.5)
    axes.set_ylim(-0.6, max(len(names) - 0.3, 0.6))
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(True, axis="x")
    axes.set_axisbelow(True)
    axes.set_xlabel(f"Hazard ratio, {in_sentence(study.dose.label)} {high} against {low}", fontsize=10.5)
    threshold = axis_value(study, "oligo_threshold", study.primary.oligo_threshold)
    axes.set_title(f"Every analysis of patients with {threshold}", fontsize=11.5)
    words = {"below": "below 1", "includes": "includes 1", "above": "above 1"}
    dot: dict[str, Any] = {"marker": "o", "linestyle": "", "markersize": 5, "markeredgewidth": 0}
    handles = [
        Line2D([], [], color=DIRECTION_COLOURS[key], label=f"{percent(study)} CI {text}", **dot)
        for key, text in words.items()
    ]
    handles.append(
        Line2D([], [], marker="D", color=INK, markerfacecolor=PAPER, linestyle="", label="primary scenario")
    )
    if study.published:
        handles.append(Line2D([], [], color=PUBLISHED, linestyle="--", label="published"))
    axes.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.4, -0.14), ncols=len(handles), fontsize=8.5
    )
