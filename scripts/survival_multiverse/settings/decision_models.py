"""The settings of decisions, typed: what an analyst could have chosen otherwise."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from survival_multiverse.settings.fields import (
    Ascending,
    Group,
    Level,
    Levels,
    Name,
    Names,
    OneOf,
    Range,
    Text,
    key,
)
from survival_multiverse.settings.schema import CovariateEstimatorName
from survival_multiverse.settings.steps import JOINT, PATIENTS, READER, Step

ANALYSES = tuple(step for step in Step if step is not Step.COHORT)
"""For what changes an analysis and not who the patients are."""


class Endpoint(Group):
    """Another outcome: when and whether something happened."""

    time: Text = key(steps=PATIENTS)
    """Column of its time, in the unit of the survival time."""
    event: Text = key(steps=PATIENTS)
    """Column of its event: 1 or 0, true or false."""
    label: Text | None = key(None, otherwise="the option", steps=PATIENTS)
    """Name in tables and figures."""
    plural: Text = key("events", steps=PATIENTS)
    """Several events inside a sentence."""


class Exposure(Group):
    """Another column of the exposure, which the cutoffs of the dose divide."""

    column: Text = key(steps=PATIENTS)
    """Column of the file."""
    label: Text | None = key(None, otherwise="the column", steps=PATIENTS)
    """Name in tables and figures."""
    unit: str = key("", otherwise="that of the cohort's dose")
    """Unit in tables and figures."""
    range: Range | None = key(None, otherwise="nothing below 0", unit="of the column", steps=PATIENTS)
    """Lowest and highest plausible value; one outside is an error."""


class Coding(Group):
    """Another way in which a covariate enters the models; give one of the keys."""

    cut: float | None = key(None, otherwise="no cut", unit="of the covariate")
    """Divides a continuous covariate in two."""
    linear: Literal[True] | None = key(None, otherwise="not linear")
    """A straight line."""
    knots: Ascending[float] = key((), otherwise="no spline", unit="of the covariate")
    """Three or more knots of a restricted cubic spline; ascending."""
    merge: dict[str, Levels] = key({}, otherwise="none")
    """Levels of a category to put together: by the name of the common level the levels that become it; it
    takes the place of the first of them."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield a fault unless exactly one way is given, and if the knots make no spline."""
        given = [name for name in ("cut", "linear", "knots", "merge") if name in self.model_fields_set]
        if len(given) != 1:
            yield "", "give one of cut, linear, knots and merge"
        if "knots" in given and len(self.knots) < 3:
            yield "knots", f"a spline needs three knots or more, not {len(self.knots)}"


class Option(Group):
    """An option of a decision: its number or name, why it is one, and what it changes."""

    value: float | str
    """A cutoff or caliper; of any other decision a short name, which stands in the paths of the scenarios."""
    reason: str = key("", otherwise="none", steps=READER)
    """Why this option."""
    when: Text | None = key(None, otherwise="always", steps=JOINT)
    """A condition on the other decisions, such as `endpoint == death and caliper <= 0.2`: where it does not
    hold, the option is not combined with them."""
    keep: Text | None = key(None, otherwise="everybody")
    """A condition on the patients, such as `age >= 18 and not (site == elsewhere)`: who does not meet it, or
    of whom it is not known, is left out. Names are roles, covariates, descriptives or columns of the file."""
    endpoint: Endpoint | None = key(None, otherwise="that of the cohort")
    """Another outcome."""
    exposure: Exposure | None = key(None, otherwise="that of the cohort")
    """Another column of the exposure."""
    compare: tuple[Level, ...] = key((), otherwise="all, which are two", max_length=2)
    """Two levels of an exposure in groups, the reference first: patients of the others are left out."""
    coding: dict[Name, Coding] = key({}, otherwise="as declared", steps=ANALYSES)
    """Another coding of covariates, by name."""
    score: Literal["main_effects", "splines"] | None = key(None, otherwise="main_effects", steps=ANALYSES)
    """How continuous covariates without a cut enter the propensity score: as a straight line, or as a
    restricted cubic spline with knots at their 10, 50 and 90 % quantiles."""
    caliper_sd: Literal["all", "within_arm"] | None = key(
        None, otherwise="analysis.caliper_sd", steps=ANALYSES
    )
    """SD that a caliper multiplies."""
    complete_cases: Literal["each_analysis", "every_covariate"] | None = key(
        None, otherwise="each_analysis", steps=ANALYSES
    )
    """Who has a gap: each analysis uses the patients it can, or all analyses use those without a gap in any
    covariate."""
    adjustment_sets: Names = key((), otherwise="all of the study", steps=ANALYSES)
    """Names of the adjustment sets that are used."""
    estimators: tuple[CovariateEstimatorName, ...] = key((), otherwise="all", steps=ANALYSES)
    """Estimators that are used, beside the unadjusted one."""


CHANGES = (
    *("keep", "endpoint", "exposure", "compare", "coding", "score", "caliper_sd", "complete_cases"),
    *("adjustment_sets", "estimators"),
)
"""What an option may change, beside the number that its decision varies."""


def _long(value: Any) -> Any:
    return value if isinstance(value, Mapping) else {"value": value}


OptionEntry = Annotated[
    Option,
    OneOf((int, float, str, Mapping), "a number, a name, or value and reason", ("number", "string"), _long),
]


class DecisionSettings(Group):
    """A decision that the analyst could have made otherwise."""

    label: Text | None = key(None, otherwise="the role, or the name", steps=READER)
    """Name in tables and figures."""
    varies: Literal["lesions", "dose", "gtv", "caliper"] | None = key(
        None, otherwise="what its options change"
    )
    """What its options are: cutoffs of the count, of the exposure or of the size, or calipers."""
    type: Literal["equivalent", "non_equivalent", "uncertain"] = key(steps=JOINT)
    """equivalent: options estimate the same thing equally well, and are summarised together; non_equivalent:
    each estimates something else, in blocks of its own; uncertain: shown apart and together (Del Giudice and
    Gangestad 2021)."""
    options: tuple[OptionEntry, ...]
    """What could have been chosen. Numbers ascend; a caliper of `none` (no limit) comes last."""


class Sample(Group):
    """A sample of a grid that is too large to run whole."""

    size: int = key(ge=1, le=100_000)
    """How many scenarios, the primary one among them."""
    method: Literal["sobol", "random"] = "sobol"
    """Drawn evenly over the decisions (scrambled Sobol points), or at random without replacement."""
