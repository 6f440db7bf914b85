"""Measures in words: what they are called, and their estimates as text."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from survival_multiverse.inference.specification_summary import Summary
from survival_multiverse.report.style.formats import display_unit, format_ratio
from survival_multiverse.report.words.labels import joined, with_unit
from survival_multiverse.report.words.table_cells import interval
from survival_multiverse.settings.measures import (
    HAZARD_RATIO,
    MEDIAN_DIFFERENCE,
    RATIO,
    RMST_DIFFERENCE,
    SURVIVAL_DIFFERENCE,
    Measure,
)
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

MEASURED = {
    name: f"measured_{name}" for name in ("specifications", "blocks", "joint_inference", "attribution")
}
"""What the tables of all measures are called on a page, beside those of the primary one."""
RATIOS = "ratio_specifications"
"""What a page calls the specifications of the hazard ratio: E-values and bounds of hidden bias are of it."""
PERCENT = "percentage points"
FEW = 10
"""Times up to so many units are shown with a digit more."""


@dataclass(frozen=True, slots=True)
class MeasureWords:
    """A measure as readers know it: its names, its unit, and its estimates as text.

    Attributes
    ----------
    measure : Measure
    heading : str
        Its name as a heading; with `unit` behind it, `titled`.
    name, plural : str
        Inside a sentence: ``hazard ratio``.
    noun, short : str
        Where it was named before, in a sentence and in the head of a table: ``hazard ratio``, ``HR``.
    given, brief : str
        What an analysis gives, ``a hazard ratio``; and in few words before a number.
    spread : str
        What varies over the analyses: ``log hazard ratio``.
    unit, time_unit : str
        Of estimates as text, none of a ratio; and of the survival time.
    digits : int
        Decimals of an estimate.
    """

    measure: Measure
    heading: str
    unit: str
    digits: int
    time_unit: str

    @property
    def name(self) -> str:
        """Return its name inside a sentence."""
        return self.heading[0].lower() + self.heading[1:]

    @property
    def plural(self) -> str:
        """Return several inside a sentence."""
        return "hazard ratios" if self.measure.ratio else self.name.replace("difference", "differences", 1)

    @property
    def noun(self) -> str:
        """Return what stands for it where it was named before."""
        return "hazard ratio" if self.measure.ratio else "difference"

    @property
    def short(self) -> str:
        """Return what stands for it in the head of a table."""
        return "HR" if self.measure.ratio else "difference"

    @property
    def given(self) -> str:
        """Return what an analysis gives, with its article."""
        return "a hazard ratio" if self.measure.ratio else "an estimate"

    @property
    def brief(self) -> str:
        """Return it in few words before a number: ``24-month restricted mean +1.3 months``."""
        span = with_unit(self.measure.at, self.time_unit.removesuffix("s")).replace(" ", "-")
        return {
            RMST_DIFFERENCE: f"{span} restricted mean",
            SURVIVAL_DIFFERENCE: f"{span} survival",
            MEDIAN_DIFFERENCE: "median survival",
        }.get(self.measure.kind, self.noun)

    @property
    def spread(self) -> str:
        """Return what varies over the analyses."""
        return "log hazard ratio" if self.measure.ratio else self.name

    @property
    def titled(self) -> str:
        """Return its name as a heading, with its unit in brackets unless its time has it already."""
        return f"{self.heading} ({self.unit})" if self._unit_unsaid else self.heading

    @property
    def headed(self) -> str:
        """Return its name for the head of a column, with its unit unless its time has it already."""
        return f"{self.heading}, {self.unit}" if self._unit_unsaid else self.heading

    @property
    def _unit_unsaid(self) -> bool:
        return bool(self.unit) and not self.heading.endswith(self.unit)

    @property
    def null(self) -> str:
        """Return the estimate without a difference, as text."""
        return f"{self.measure.null:g}"

    @property
    def form(self) -> str:
        """Return the format of an estimate in a chart, as d3 knows it."""
        kind = "%" if self.measure.kind == SURVIVAL_DIFFERENCE else "f"
        return f".{self.digits}f" if self.measure.ratio else f"+.{self.digits}{kind}"

    def side(self, *, longer: bool) -> str:
        """Return where estimates lie by which arm 1 survives longer, or shorter: ``below 1``."""
        return f"{'above' if longer is (self.measure.longer > 0) else 'below'} {self.null}"

    def text(self, value: float) -> str:
        """Format an estimate without its unit: a ratio to two decimals, a difference with its sign."""
        if self.measure.ratio or not math.isfinite(value):
            return format_ratio(value)
        text = f"{abs(self.measure.scale * value):.{self.digits}f}"
        if float(text) == 0:
            return text
        return f"{'−' if value < 0 else '+'}{text}"

    def told(self, value: float) -> str:
        """Format an estimate with its unit: ``+1.3 months``."""
        return self._with_unit(self.text(value))

    def span(self, values: Iterable[float]) -> str:
        """Format the lowest and the highest estimate, with the unit once: ``0.66 to 0.70``."""
        known = list(values)
        ends = [self.text(min(known)), self.text(max(known))]
        return self._with_unit(" to ".join(dict.fromkeys(ends)))

    def interval(self, row: dict[str, Any]) -> str:
        """Format an estimate and its limits, without the unit: ``0.68 (0.52 to 0.90)``."""
        return interval(row, form=self.text)

    def median(self, summary: Summary, *, named: bool = False) -> str:
        """Say the median of a summary, or its only estimate, ``median 0.68``; nothing without estimates.

        Parameters
        ----------
        summary
            Of this measure.
        named
            With the measure: ``median hazard ratio 0.68``.
        """
        if summary.selected or not summary.estimated:
            return "no median: not all were estimable" if summary.selected else ""
        what = f"median {self.noun}" if named else "median" if summary.attempted > 1 else self.brief
        return f"{what} {self.told(summary.median)}"

    def agrees(self, value: float, *, longer: bool) -> bool:
        """Say whether an estimate is on the side of longer survival of arm 1, or of shorter."""
        towards = self.measure.longer * (value - self.measure.null)
        return towards > 0 if longer else towards < 0

    def _with_unit(self, text: str) -> str:
        return f"{text} {self.unit}" if self.unit else text


def words_of(measure: Measure, study: Study) -> MeasureWords:
    """Return a measure as readers of a study know it."""
    when = with_unit(measure.at, study.time.unit)
    heading = {
        HAZARD_RATIO: "Hazard ratio",
        RMST_DIFFERENCE: f"Difference in restricted mean survival up to {when}",
        SURVIVAL_DIFFERENCE: f"Difference in survival at {when}",
        MEDIAN_DIFFERENCE: "Difference in median survival",
    }[measure.kind]
    if measure.ratio:
        return MeasureWords(measure, heading, "", 2, study.time.unit)
    if measure.kind == SURVIVAL_DIFFERENCE:
        return MeasureWords(measure, heading, PERCENT, 1, study.time.unit)
    longest = study.analysis.rmst_horizon if math.isnan(measure.at) else measure.at
    unit, digits = display_unit(study.time.unit), 2 if longest <= FEW else 1
    return MeasureWords(measure, heading, unit, digits, study.time.unit)


def measure_words(study: Study) -> MeasureWords:
    """Return the measure by which the study answers."""
    return words_of(study.primary_measure, study)


def ratio_words(study: Study) -> MeasureWords:
    """Return the hazard ratio, by which some parts of the page answer whatever the primary measure is."""
    return words_of(RATIO, study)


def measures_in_sentence(study: Study) -> str:
    """Return the names of the measures of a study, parts with semicolons between them."""
    parts = ["hazard ratio"]
    kinds = dict.fromkeys(measure.kind for measure in study.differences)
    for place, kind in enumerate(kinds):
        whens = [canonical_text(own.at) for own in study.differences if own.kind == kind]
        when = f"{joined(whens)} {study.time.unit}"
        parts.append(
            ("differences " if place == 0 else "")
            + {
                RMST_DIFFERENCE: f"in restricted mean survival up to {when}",
                SURVIVAL_DIFFERENCE: f"in survival at {when}",
                MEDIAN_DIFFERENCE: "in median survival",
            }[kind]
        )
    return "; ".join(parts)
