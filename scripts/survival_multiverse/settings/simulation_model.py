"""The settings of simulated patients, typed."""

from collections.abc import Iterator
from typing import Literal

from survival_multiverse.settings.fields import (
    Group,
    Name,
    NumberOrName,
    NumberOrNumbers,
    NumberOrPositives,
    Positive,
    Share,
    Whole,
    key,
)


class SimulatedVariable(Group):
    """How one variable is drawn."""

    values: tuple[NumberOrName, ...] | None = key(
        None, otherwise="none", unit="of the variable", min_length=1
    )
    """The values that occur, ascending."""
    probabilities: tuple[Share, ...] | None = key(None, otherwise="none", min_length=1)
    """Their probabilities, or those of the levels; they sum to 1."""
    distribution: Literal["normal", "log_normal"] = "normal"
    """Of a continuous variable."""
    median: float | None = key(None, otherwise="none", unit="of the variable")
    """Its median before truncation."""
    sd: Positive | None = key(None, otherwise="none", unit="of the variable")
    """Its standard deviation; of the natural logarithm where log_normal."""
    minimum: float | None = key(None, otherwise="none", unit="of the variable")
    """Lowest value."""
    maximum: float | None = key(None, otherwise="none", unit="of the variable")
    """Highest value."""
    step: Positive | None = key(None, otherwise="not rounded", unit="of the variable")
    """Values are rounded to a multiple of it."""
    effect_from: float | None = key(None, otherwise="per unit", unit="of the variable")
    """hazard_ratio and dose_shift count for values at or above this; without it they count per unit."""
    hazard_ratio: NumberOrPositives = 1
    """Conditional hazard ratio; for a categorical variable one per level."""
    dose_shift: NumberOrNumbers = key(0, unit="SD of the latent dose")
    """How far it moves the dose (baseline variables only); for a categorical variable one per level."""
    dose_effect: float = key(0, unit="SD of the latent covariate")
    """How far a high dose moves this post-treatment covariate towards higher values or later levels."""
    missing: float = key(0, ge=0, lt=1)
    """Share of patients in whom it is missing, at random."""


class Simulation(Group):
    """How simulated patients are drawn."""

    patients: Whole = key(unit="patients", ge=1, le=1_000_000)
    """How many."""
    median_survival: Positive = key(unit="of the survival time")
    """Median of all patients together, before censoring; fixes the baseline hazard."""
    weibull_shape: Positive = 1
    """Shape of the Weibull baseline; 1 = exponential, above 1 the hazard rises."""
    follow_up: tuple[Positive, ...] = key(unit="of the survival time", min_length=2, max_length=2)
    """Shortest and longest time to the end of the study; censoring is uniform between them."""
    time_step: Positive = key(0.1, unit="of the survival time")
    """Survival is rounded to a multiple of it; nobody has less than one step."""
    dose_hazard_ratio: Positive
    """Conditional hazard ratio of a high against a low dose, given all else; 1 = no effect."""
    dose_effect_from: float = key(unit="of the dose")
    """Lowest dose that counts as high."""
    dose_changes_post_treatment: bool = False
    """Whether a high dose shifts the post-treatment covariates by their dose_effect; false in a null cohort.
    """
    variables: dict[Name, SimulatedVariable]
    """How each variable is drawn: dose, gtv, lesions, every covariate and every descriptive, by name.
    Categorical: probabilities in the order of the levels. Heaped numbers: values and probabilities.
    Continuous: median, sd, minimum, maximum."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield a fault if the shortest follow-up is above the longest."""
        shortest, longest = self.follow_up
        if shortest > longest:
            yield "follow_up", f"{shortest:.15g} is above {longest:.15g}; write the shortest first"
