"""Kaplan-Meier figures of the primary scenario, with the numbers at risk under the axes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator, PercentFormatter

from survival_multiverse.coarse_curves import SMALL_ARM, coarse_curve
from survival_multiverse.curves import kaplan_meier
from survival_multiverse.disclosure import printed_counts
from survival_multiverse.labels import arm_labels, factor_levels, level_label, variable_label
from survival_multiverse.palette import ARM_COLOURS, INK, LINE_STYLES, MUTED, STATE_COLOURS
from survival_multiverse.sample import STATE_LEVELS
from survival_multiverse.study import Study
from survival_multiverse.style import display_label, mark_origin, p_phrase, styled
from survival_multiverse.table_cells import set_label

PREFIX = "survival_curves_"
STATE, DOSE, BY, MATCHED = "oligometastatic_state", "dose", "dose_by_", "dose_matched_"


@dataclass(frozen=True, slots=True)
class Curve:
    """One group of patients in a panel; `time` in the study's unit, `event` 1 = death, shapes (n,)."""

    label: str
    colour: str
    line: object
    time: np.ndarray
    event: np.ndarray


@dataclass(frozen=True, slots=True)
class Panel:
    """Curves drawn in one pair of axes, and the log-rank P value printed in them (NaN: none)."""

    title: str
    curves: tuple[Curve, ...]
    p_value: float


def figure_names(study: Study) -> list[str]:
    """Names of the figures: the paper's Figures 1 to 4, and the arms after matching on each set."""
    parts = [STATE, DOSE]
    parts += [BY + name for name in study.analysis.interactions]
    parts += [MATCHED + name for name in study.adjustment_sets]
    return [PREFIX + part for part in parts]


def survival_panels(
    name: str, samples: Mapping[str, pd.DataFrame], estimates: pd.DataFrame, study: Study
) -> list[Panel]:
    """What a figure shows: its panels, groups and log-rank P values.

    Parameters
    ----------
    name
        One of `figure_names`.
    samples
        Patients of the primary scenario (`multiverse.anchor_samples`): frames with time, event, arm
        and a column for each grouping, under `population`, `all` and `matched:<set>`.
    estimates
        Rows of the primary scenario; the P values are read here, never computed anew.
    """
    part = name.removeprefix(PREFIX)
    if part == STATE:
        p_value = log_rank_p(estimates, population="all", variable="state")
        return [Panel("All patients", _state_curves(samples["all"], study), p_value)]
    if part.startswith(MATCHED):
        chosen = part.removeprefix(MATCHED)
        p_value = log_rank_p(estimates, estimator="matched", adjustment_set=chosen)
        label = set_label(study, chosen)
        return [Panel(f"Matched 1:1, {label}", _arm_curves(samples[f"matched:{chosen}"], study), p_value)]
    patients = samples["population"]
    if part == DOSE:
        return [Panel("Before matching", _arm_curves(patients, study), log_rank_p(estimates))]
    factor = part.removeprefix(BY)
    return [
        Panel(
            f"{variable_label(study, factor)}: {level_label(study, factor, level)}",
            _arm_curves(patients[patients[factor].astype(object) == level], study),
            log_rank_p(estimates, subgroup=f"{factor}={level}"),
        )
        for level in factor_levels(study, factor)
    ]


def log_rank_p(
    estimates: pd.DataFrame,
    *,
    population: str = "non_oligometastatic",
    variable: str = "arm",
    estimator: str = "unadjusted",
    adjustment_set: str | None = None,
    subgroup: str | None = None,
) -> float:
    """Unstratified log-rank P value of the estimates table; NaN if there is none."""
    wanted = {
        "population": population,
        "variable": variable,
        "estimator": estimator,
        "adjustment_set": adjustment_set,
        "subgroup": subgroup,
    }
    mask = (estimates["analysis"] == "log_rank") & (estimates["landmark"] == 0) & estimates["level"].isna()
    mask &= estimates["model"].isna() & (estimates["statistic"] == "chi_square")
    for column, value in wanted.items():
        mask &= estimates[column].isna() if value is None else estimates[column] == value
    values = estimates.loc[mask, "p_value"]
    return float(values.iloc[0]) if len(values) else float("nan")


def _arm_curves(patients: pd.DataFrame, study: Study) -> tuple[Curve, ...]:
    labels = arm_labels(study, dose_cutoff=study.anchor[1])
    return tuple(
        _curve(patients[patients["arm"] == arm], labels[arm], ARM_COLOURS[arm], LINE_STYLES[arm])
        for arm in (1, 0)
    )


def _state_curves(patients: pd.DataFrame, study: Study) -> tuple[Curve, ...]:
    return tuple(
        _curve(
            patients[patients["state"].astype(object) == level],
            level_label(study, "state", level),
            STATE_COLOURS[level],
            LINE_STYLES[1 - position],
        )
        for position, level in enumerate(STATE_LEVELS)
    )


def _curve(patients: pd.DataFrame, label: str, colour: str, line: object) -> Curve:
    time = patients["time"].to_numpy(dtype=np.float64)
    return Curve(label, colour, line, time, patients["event"].to_numpy(dtype=np.int64))


@styled
def draw_survival_curves(
    name: str, samples: Mapping[str, pd.DataFrame], estimates: pd.DataFrame, study: Study
) -> Figure:
    """Draw one Kaplan-Meier figure; arguments as in `survival_panels`."""
    panels = survival_panels(name, samples, estimates, study)
    rows = len(panels[0].curves)
    # Wrapped after three, so that a factor with many levels stays legible.
    columns = min(len(panels), 3)
    bands = -(-len(panels) // columns)
    risk_height = 0.12 + 0.15 * rows
    figure = Figure(
        figsize=(5.6 if columns == 1 else 3.6 * columns + 0.7, (3.3 + risk_height) * bands),
        layout="constrained",
    )
    grid = figure.add_gridspec(2 * bands, columns, height_ratios=[3.0, risk_height] * bands)
    longest = max([1.0, *(curve.time.max() for panel in panels for curve in panel.curves if curve.time.size)])
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
            _draw_curve(axes, curve, study)
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
    text = "" if np.isnan(panel.p_value) else f"Log-rank {p_phrase(panel.p_value)}"
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles, labels, loc="upper right", title=text, title_fontsize=7.5, alignment="left")


def _draw_curve(axes: Axes, curve: Curve, study: Study) -> None:
    if curve.time.size < SMALL_ARM * study.minimum_cell:
        steps = coarse_curve(curve.time, curve.event, minimum=study.minimum_cell)
        style = {"color": curve.colour, "linestyle": curve.line, "linewidth": 1.5, "label": curve.label}
        axes.plot(steps["time"], steps["survival"], drawstyle="steps-post", **style)
        return
    # Here, because importing it takes as long as writing the page, which needs the figures' names alone.
    from lifelines import KaplanMeierFitter

    fitter = KaplanMeierFitter(label=curve.label).fit(curve.time, curve.event)
    analysis = study.analysis
    band = kaplan_meier(
        curve.time, curve.event, conf_type=analysis.survival_conf_type, level=analysis.confidence_level
    )
    axes.fill_between(
        np.concatenate([[0.0], band.time]),
        np.concatenate([[1.0], band.ci_lower]),
        np.concatenate([[1.0], band.ci_upper]),
        step="post",
        color=curve.colour,
        alpha=0.13,
        linewidth=0,
    )
    fitter.plot_survival_function(
        ax=axes,
        ci_show=False,
        show_censors=True,
        censor_styles={"marker": "|", "ms": 5, "mew": 0.8},
        color=curve.colour,
        linestyle=curve.line,
        linewidth=1.5,
    )


def _draw_numbers_at_risk(
    axes: Axes, panels: list[Panel], position: int, study: Study, *, ticks: list[float], labelled: bool
) -> None:
    """Patients under observation just before each tick."""
    curves = panels[position].curves
    for tick in ticks:
        counts = np.array([[np.count_nonzero(curve.time >= tick) for curve in p.curves] for p in panels])
        # At time zero the numbers are the sizes of the groups, whose totals are printed elsewhere;
        # later ones can be read off the curve anyway, and only the small ones are held back.
        texts = printed_counts(counts, minimum=study.minimum_cell)[position]
        for row, (text, count) in enumerate(zip(texts, counts[position], strict=True)):
            shown = text if tick == 0 or 0 < count < study.minimum_cell else str(count)
            axes.text(tick, row, shown, ha="center", va="center", color=INK, fontsize=7)
    axes.set_ylim(len(curves) - 0.4, -0.6)
    axes.set_yticks(range(len(curves)))
    axes.set_yticklabels([curve.label for curve in curves] if labelled else [""] * len(curves))
    axes.set_title("Number at risk", fontsize=7, fontweight="normal", color=MUTED, pad=3)
    axes.set_xticks([])
    axes.tick_params(axis="y", length=0, pad=14)
    axes.spines[:].set_visible(False)
