"""The numbers of a Kaplan-Meier figure as they may be shared: it and its CSV are made from them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import Locator, MaxNLocator, MultipleLocator

from survival_multiverse.cohort.coarse_curves import coarse_curve, number_at_risk, time_step
from survival_multiverse.cohort.disclosure import count_words, shown_count, shown_survival
from survival_multiverse.report.figures.survival_panels import Curve, Panel
from survival_multiverse.settings.study import Study

CURVE, AT_RISK, RATE, MEDIAN = "curve", "at_risk", "published_survival", "published_median"
"""What a row is drawn as: a step, a number under the axes, a ring, a tick."""
KINDS = {"survival": RATE, "median": MEDIAN}
"""By the quantity that a paper prints."""
LINE = ["survival", "ci_lower", "ci_upper"]
COLUMNS = {
    **dict.fromkeys(("panel", "group", "mark"), "object"),
    **dict.fromkeys(("time", *LINE), "float64"),
    "at_risk": "Int64",
    "at_risk_note": "object",
}
"""Columns of the numbers, with their types."""


@dataclass(frozen=True, slots=True)
class SurvivalNumbers:
    """What a figure draws, without the patients behind it.

    Attributes
    ----------
    limits
        Of the axis of time, in the study's unit.
    ticks
        Times at which the numbers at risk stand.
    panels
        A frame for each panel with a row for each thing drawn, in the columns of `COLUMNS`: steps of a curve
        (`survival` from `time` on, with the limits of its band), the number at risk just before `time`
        (a small count is a note), and published survival: rates, and medians as the time of survival 0.5.
    """

    limits: tuple[float, float]
    ticks: tuple[float, ...]
    panels: tuple[pd.DataFrame, ...]

    @property
    def table(self) -> pd.DataFrame:
        """The rows of all panels."""
        return pd.concat(self.panels, ignore_index=True)


def survival_numbers(panels: Sequence[Panel], study: Study) -> SurvivalNumbers:
    """Return the numbers that the panels draw, after disclosure control (docs/disclosure.md)."""
    step = time_step(study)
    last = max([0.0, *(curve.time.max() for panel in panels for curve in panel.curves if curve.time.size)])
    # The axis ends at a time of the grid: the longest follow-up is one patient's.
    longest = step * max(math.ceil(last / step), 1)
    begin, end = -0.015 * longest, longest * 1.02
    found = np.round(_locator(longest, study).tick_values(begin, end), 9)
    ticks = tuple(float(tick) for tick in found if 0 <= tick <= end)
    return SurvivalNumbers(
        (begin, end), ticks, tuple(_frame(_panel_rows(panel, ticks, study)) for panel in panels)
    )


def _locator(longest: float, study: Study) -> Locator:
    """Return where ticks are: steps of a year read better than steps of ten where time is in months."""
    if study.time.unit.lower().startswith("month") and 12 <= longest <= 144:
        return MultipleLocator(6 if longest <= 48 else 12)
    return MaxNLocator(6, steps=[1, 2, 2.5, 5, 10])


def _frame(rows: Iterator[dict[str, Any]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return frame.assign(at_risk_note=frame["at_risk_note"].fillna("")).astype(COLUMNS)


def _panel_rows(panel: Panel, ticks: Sequence[float], study: Study) -> Iterator[dict[str, Any]]:
    for curve in panel.curves:
        about = {"panel": panel.title, "group": curve.label}
        if curve.time.size:
            for step in _steps(curve, study).to_dict("records"):
                yield about | {"mark": CURVE} | {str(name): value for name, value in step.items()}
        for tick in ticks:
            yield about | {"mark": AT_RISK, "time": tick} | _at_risk(curve, tick, study.minimum_count)
    labels = {curve.level: curve.label for curve in panel.curves}
    for row in panel.published[panel.published["quantity"].isin(KINDS)].to_dict("records"):
        rate = row["quantity"] == "survival"
        yield {
            "panel": panel.title,
            "group": labels.get(row["level"], ""),
            "mark": KINDS[row["quantity"]],
            "time": row["time"] if rate else row["value"],
            "survival": round(row["value"], 9) if rate else 0.5,
        }


def _steps(curve: Curve, study: Study) -> pd.DataFrame:
    """Return the curve in steps of the grid; where they begin and end tells nobody's time."""
    analysis, minimum = study.analysis, study.minimum_count
    limits: dict[str, Any] = {"conf_type": analysis.survival_conf_type, "level": analysis.confidence_level}
    steps = coarse_curve(
        curve.time, curve.event, entry=curve.entry, minimum=minimum, step=time_step(study), **limits
    )
    if curve.drawn is not None:
        # The steps are those of the patients' own curve, so that each rests on as many events.
        drawn = curve.drawn.set_index("time")[LINE]
        steps = steps[steps["time"].isin(drawn.index)]
        steps = steps.assign(**{name: drawn.loc[steps["time"], name].to_numpy() for name in LINE})
    patients = np.full((len(steps), len(LINE)), len(curve.time))
    steps[LINE] = shown_survival(steps[LINE], patients, minimum=minimum)
    # Who is at risk is told at the ticks alone.
    return steps[["time", *LINE]]


def _at_risk(curve: Curve, tick: float, minimum: int) -> dict[str, Any]:
    """Return how many are under observation just before a tick; a small count is a note."""
    count = number_at_risk(curve.time, tick, curve.entry)
    if 0 < count < minimum:
        return {"at_risk_note": count_words(count, minimum=minimum)}
    return {"at_risk": int(shown_count(count, minimum=minimum))}
