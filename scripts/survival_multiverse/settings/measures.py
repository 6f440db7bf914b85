"""Measures: what is estimated of the two arms. Each is a question of its own, never pooled with another."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from survival_multiverse.settings.fields import Group, Positive, key
from survival_multiverse.settings.schema import SELECTS
from survival_multiverse.settings.steps import READER
from survival_multiverse.settings.values import canonical_text

HAZARD_RATIO = "hazard_ratio"
RMST_DIFFERENCE = "rmst_difference"
SURVIVAL_DIFFERENCE = "survival_difference"
MEDIAN_DIFFERENCE = "median_difference"


@dataclass(frozen=True, slots=True)
class Measure:
    """What an analysis estimates, always of arm 1 against arm 0.

    Attributes
    ----------
    kind : str
        ``hazard_ratio``, ``rmst_difference``, ``survival_difference`` or ``median_difference``.
    at : float
        Horizon of a restricted mean, or the time at which survival is compared; NaN of the others.
    reason : str
        Why it is estimated.
    """

    kind: str
    at: float = math.nan
    reason: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """Return its name in tables: ``rmst_difference_24``."""
        return self.kind if math.isnan(self.at) else f"{self.kind}_{canonical_text(self.at)}"

    @property
    def ratio(self) -> bool:
        """Say whether it is a ratio, so that its logarithm is what analyses are summarised by."""
        return self.kind == HAZARD_RATIO

    @property
    def null(self) -> float:
        """Return the value without any difference between the arms."""
        return 1.0 if self.ratio else 0.0

    @property
    def scale(self) -> float:
        """Return how many of the unit in which it is shown an estimate of 1 is: probabilities in percent."""
        return 100.0 if self.kind == SURVIVAL_DIFFERENCE else 1.0

    @property
    def longer(self) -> float:
        """Return the sign of an effect by which arm 1 survives longer."""
        return -1.0 if self.ratio else 1.0

    def leaves_selected_rest(self, statuses: Iterable[str]) -> bool:
        """Say whether analyses with these statuses have no summary: those with an estimate are selected.

        Where a curve falls too little for a median, or follow-up is too short, the arm does well: those with
        an estimate are not like those without.
        """
        return not self.ratio and not set(map(str, SELECTS)).isdisjoint(map(str, statuses))

    def effect(self, estimate: np.ndarray) -> np.ndarray:
        """Return estimates on the scale by which analyses are summarised: the logarithm of a ratio."""
        return np.log(estimate) if self.ratio else estimate

    def estimate(self, effect: np.ndarray) -> np.ndarray:
        """Return estimates from what `effect` makes of them."""
        return np.exp(effect) if self.ratio else effect


RATIO = Measure(HAZARD_RATIO)


def measure_named(name: str) -> Measure:
    """Return the measure of this name, see `Measure.name`."""
    kind, _, at = name.rpartition("_")
    return Measure(kind, float(at)) if kind in (RMST_DIFFERENCE, SURVIVAL_DIFFERENCE) else Measure(name)


class MeasureSettings(Group):
    """A measure that the study estimates."""

    measure: Literal["hazard_ratio", "rmst_difference", "survival_difference", "median_difference"]
    """hazard_ratio; rmst_difference: of the restricted mean survival times; survival_difference: of the
    probabilities to survive a time; median_difference: of the median survival times."""
    at: Positive | None = key(
        None,
        otherwise="analysis.rmst_horizon, or each of analysis.survival_times",
        unit="of the survival time",
    )
    """Horizon of the restricted mean, or the time at which survival is compared."""
    reason: str = key("", otherwise="none", steps=READER)
    """Why this measure."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield a fault if a measure has a time that knows of none."""
        if self.at is not None and self.measure in (HAZARD_RATIO, MEDIAN_DIFFERENCE):
            yield "at", f"{self.measure} is of the whole follow-up and has no time"


def measures_of(
    declared: Sequence[MeasureSettings], horizon: float, times: Sequence[float]
) -> tuple[Measure, ...]:
    """Return the measures that a study declares, the primary one first.

    Parameters
    ----------
    declared
        Of the settings. The hazard ratio comes last where it is not among them: E-values, cross-checks
        and comparisons with published numbers are of it.
    horizon, times
        Where restricted means end and survival is read off, unless a measure says otherwise.

    Returns
    -------
    tuple of Measure
    """
    found = []
    for own in declared:
        otherwise: Sequence[float] = {RMST_DIFFERENCE: [horizon], SURVIVAL_DIFFERENCE: times}.get(
            own.measure, [math.nan]
        )
        for at in otherwise if own.at is None else [own.at]:
            found.append(Measure(own.measure, float(at), own.reason))
    if not any(measure.ratio for measure in found):
        found.append(RATIO)
    return tuple({measure.name: measure for measure in found}.values())
