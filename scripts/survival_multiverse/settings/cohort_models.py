"""The settings of the cohort and its covariates, typed."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import ConfigDict

from survival_multiverse.settings.fields import (
    Group,
    Level,
    Levels,
    Name,
    Names,
    NumberOrName,
    Positive,
    Range,
    Text,
    key,
)
from survival_multiverse.settings.schema import EstimatorName
from survival_multiverse.settings.simulation_model import Simulation
from survival_multiverse.settings.steps import PATIENTS, READER
from survival_multiverse.settings.values import level_text


class RoleColumn(Group):
    """A column with a fixed role."""

    column: Text = key(steps=PATIENTS)
    """Column of the file."""
    label: str | None = key(None, otherwise="the column", steps=PATIENTS)
    """Name in tables and figures."""


class TimeColumn(RoleColumn):
    """The survival time."""

    range: Range | None = key(None, otherwise="none", unit="of the column", steps=PATIENTS)
    """Lowest and highest plausible time; one outside is an error. Without it, so is one more than 20 times
    the 90th percentile."""
    unit: Text
    """Unit; landmarks, survival_times and rmst_horizon are in it too."""


class EntryColumn(RoleColumn):
    """The time at which patients came under observation."""


class TreatmentColumn(RoleColumn):
    """A time at which something of the treatment happens."""


class ReceivedColumn(RoleColumn):
    """How much of the exposure was received."""


class Treatment(Group):
    """When the exposure was received, where it takes time."""

    start: TreatmentColumn | None = key(None, otherwise="time zero", unit="of the survival time")
    """Start of treatment, counted from time zero: 0 or above, not after the survival time; an empty cell:
    never treated. An exposure in two groups begins then."""
    completion: TreatmentColumn | None = key(
        None, otherwise="derived, or the start", unit="of the survival time"
    )
    """Last dose, counted from time zero. A numeric exposure is taken to grow evenly from the start to it, so
    that each cutoff is reached at a time of its own."""
    fraction_dose: NumberOrName | None = key(None, otherwise="none", unit="of the dose")
    """Dose of a fraction, or the name of a column that holds it; with `fractions_per_week` it gives the
    completion of a total dose."""
    fractions_per_week: NumberOrName | None = key(None, otherwise="none", unit="a week")
    """Fractions in a week, or the name of a column that holds them."""
    dose_so_far: ReceivedColumn | None = key(None, otherwise="the dose", unit="of the dose")
    """Dose that a patient had received when treatment ended, or follow-up if that was earlier; the dose of
    the cohort is then the planned total, and at least as much. 0: none; it may be empty where `start` is. It
    is reached at the completion, which can be derived from it, and a cutoff above it was never reached."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the faults of what is given together."""
        rates = {name: getattr(self, name) for name in ("fraction_dose", "fractions_per_week")}
        given = [name for name, own in rates.items() if own is not None]
        if self.start is None and self.completion is None and not given:
            yield "start", "no time is given; give start, completion, or fraction_dose and fractions_per_week"
        if len(given) == 1:
            (other,) = set(rates) - set(given)
            yield given[0], f"the completion follows from both; give {other}, too"
        if given and self.completion is not None:
            yield given[0], "with completion there is nothing to derive; remove one of them"
        for name in given:
            if not isinstance(rates[name], str) and not 0 < rates[name] < math.inf:
                yield name, "is a number above 0, or the name of a column; correct it"

    @property
    def derived(self) -> bool:
        """Say whether completion follows from the dose and the fractions."""
        return self.fraction_dose is not None


class EventColumn(RoleColumn):
    """The event."""

    plural: Text = key("events", steps=PATIENTS)
    """Several events inside a sentence."""


class QuantityColumn(RoleColumn):
    """A measured role."""

    unit: str = key("", otherwise="no unit")
    """Unit in tables and figures."""
    range: Range | None = key(None, otherwise="nothing below 0", unit="of the column", steps=PATIENTS)
    """Lowest and highest plausible value; one outside is an error."""


class ExposureColumn(QuantityColumn):
    """The exposure: a number that cutoffs divide, or groups."""

    levels: Levels = key((), otherwise="a number")
    """Levels of an exposure in groups, the reference first: two, or more of which an option of a decision
    compares two."""
    names: tuple[Text, ...] = key((), otherwise="the cutoff, or the levels", steps=READER)
    """Names of the groups, in the order of the levels; of a number, of the lower and the higher arm."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the faults of levels and names."""
        if len(self.levels) == 1:
            yield "levels", "one group has none to be compared with; list two or more, the reference first"
        expected = len(self.levels) or 2
        if self.names and len(self.names) != expected:
            yield "names", f"{len(self.names)} names for {expected} groups; give one for each"
        if self.levels and self.model_fields_set & {"range", "unit"}:
            yield "levels", "an exposure in groups has no unit and no range; remove them"


class CountColumn(QuantityColumn):
    """The count of lesions, and names of the populations that it makes."""

    state: Text | None = key(None, otherwise="the label", steps=PATIENTS)
    """What tells the populations apart."""
    below: Text = key("Low count", steps=PATIENTS)
    """Name of the population below the threshold."""
    at_or_above: Text = key("High count", steps=PATIENTS)
    """Name of the primary population, at or above the threshold."""


class PublishedRatio(Group):
    """A published hazard ratio."""

    hazard_ratio: Positive
    """As printed."""
    of: Literal["at_or_above", "below"]
    """The arm whose hazard is the numerator."""


class EligibilityCriterion(Group):
    """A criterion of eligibility."""

    variable: str
    """time, dose, gtv, lesions, or the name of a covariate or descriptive."""
    minimum: float | None = key(None, otherwise="no limit", unit="of the variable")
    """Lowest eligible value."""
    maximum: float | None = key(None, otherwise="no limit", unit="of the variable")
    """Highest eligible value."""
    levels: Levels = key((), otherwise="all")
    """Eligible categories."""
    reason: Text
    """What the flow says of those who leave."""


class DescriptiveColumn(Group):
    """A column that is tabulated."""

    column: Text = key(steps=PATIENTS)
    """Column of the file."""
    label: str | None = key(None, otherwise="the name", steps=PATIENTS)
    """Name in tables and figures."""


NEEDED = {"file": "file", "dataset": "dataset", "simulated": "simulation"}
"""Key that a source of patients cannot do without."""


def _needs(source: str, needed: str) -> dict[str, Any]:
    chosen = {"properties": {"source": {"const": source}}, "required": ["source"]}
    return {"if": chosen, "then": {"required": [needed]}}


class CohortSettings(Group):
    """Where the patients come from, and the roles of their columns."""

    model_config = ConfigDict(
        json_schema_extra={"allOf": [_needs(source, needed) for source, needed in NEEDED.items()]}
    )

    source: Literal["reconstructed", "simulated", "file", "dataset"]
    """patients reconstructed from published numbers, simulated patients, your own file, or a data set that
    comes with lifelines."""
    paper: Text | None = key(None, otherwise="resources", steps=())
    """Folder of the paper behind a reconstructed cohort: published_statistics.csv,
    published_inconsistencies.csv, reconstruction.yaml and reconstructed_cohort.csv (resources/README.md);
    relative to the config file."""
    published: dict[EstimatorName, PublishedRatio] = key({}, otherwise="none", steps=READER)
    """Published hazard ratios of the primary lesion threshold and dose cutoff, by the estimator that they are
    to stand beside; dashed lines in the charts."""
    assumed_dose_slope: float = key(0, ge=-1, le=1, steps=PATIENTS)
    """Of a reconstructed cohort: correlation between exact dose and survival within a published dose
    category, which no published number informs; 0 = independent, 1 = who lives longest had the highest dose.
    """
    file: Text | None = key(None, otherwise="none", steps=())
    """CSV or Parquet file of patients, one row each; relative to the config file that names it."""
    dataset: str | None = key(None, otherwise="none", pattern="^[a-z0-9_]+$", steps=PATIENTS)
    """Name of a data set of lifelines, such as gbsg2."""
    id: Text | None = key(None, otherwise="no column", steps=PATIENTS)
    """Column that tells patients apart. Without one the rows' content does."""
    time: TimeColumn
    """Survival time from the start of treatment; above zero."""
    event: EventColumn
    """1 (or true) = the event, 0 (or false) = censored."""
    entry: EntryColumn | None = key(None, otherwise="everybody is under observation from time 0")
    """Delayed entry (left truncation): from when on a patient could be seen to have the event, in the unit of
    the survival time; 0 or above, and before the survival time."""
    dose: ExposureColumn
    """The exposure: a number that cutoffs divide, or groups."""
    treatment: Treatment | None = key(None, otherwise="no times of treatment", steps=PATIENTS)
    """When patients received the exposure, where that is after time zero: four ways to deal with the time
    before it (immortal time) are then shown side by side."""
    gtv: QuantityColumn | None = key(None, otherwise="no size")
    """The size, such as a tumour volume, that cutoffs divide."""
    lesions: CountColumn | None = key(None, otherwise="no count: everybody is one population")
    """The count by which thresholds tell two populations apart."""
    missing: tuple[Level, ...] = key((), otherwise="none", steps=PATIENTS)
    """Texts of cells that stand for a missing value beside the empty cell, such as NA or "."; compared
    exactly, blanks around them aside."""
    missing_values: Literal["complete_case", "refuse"] = "complete_case"
    """complete_case: each analysis uses the patients it can, and counts the others; refuse: a missing value
    is an error."""
    eligibility: tuple[EligibilityCriterion, ...] = key((), otherwise="no criteria", steps=PATIENTS)
    """Criteria applied in this order; who fails one leaves the cohort, and the flow counts them."""
    descriptives: dict[Name, DescriptiveColumn] = key({}, otherwise="no columns")
    """Columns that are tabulated and enter no model, such as the cause of death."""
    simulation: Simulation | None = key(None, otherwise="none", steps=PATIENTS)
    """How simulated patients are drawn; needed where source is simulated."""


class CovariateSettings(DescriptiveColumn):
    """A covariate, as a user declares it."""

    unit: str = key("", otherwise="no unit")
    """Unit in tables and figures."""
    type: Literal["categorical", "continuous"]
    """categorical (needs levels) or continuous."""
    cut: float | None = key(None, otherwise="no cut", unit="of the covariate")
    """Where models divide a continuous covariate in two; without it, it enters as a straight line."""
    per: Positive = key(1, unit="of the covariate")
    """Units to which the hazard ratio of a continuous covariate without a cut refers, such as 10 years; the
    fit stays as it is."""
    range: Range | None = key(None, otherwise="none", unit="of the column")
    """Lowest and highest plausible value of a continuous covariate; one outside is an error. Without it, so
    are 999, 9999 and the like where they are more than five times the next value."""
    merge: dict[str, Levels] = key({}, otherwise="none", min_length=1)
    """Levels of the data to put together: by the name of the common level, which `levels` lists, the levels
    that become it (`merge: {other: [b, c]}`); for a rare level that separates the arms."""
    levels: Levels = key((), otherwise="the cut in words")
    """Categories, the reference first; for a continuous covariate with a cut the names of its two halves, the
    lower first."""
    role: Literal["baseline", "post_treatment"]
    """baseline = known before treatment; post_treatment = known only after it began."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the faults of the levels and of what belongs to the type of the covariate."""
        levels = [level_text(level) for level in self.levels]
        repeated = sorted(level for level, times in Counter(levels).items() if times > 1)
        if repeated:
            yield "levels", f"{', '.join(repeated)} occurs more than once; name each level once"
        own = self._of_categories(levels) if self.type == "categorical" else self._of_numbers(levels)
        yield from own

    def _of_categories(self, levels: Sequence[str]) -> Iterator[tuple[str, str]]:
        for key_, words in (("cut", "no cut"), ("per", "no units"), ("range", "no range")):
            if key_ in self.model_fields_set:
                remedy = "remove it, or make the type continuous"
                yield key_, f"a categorical covariate has {words}; {remedy}"
        if len(levels) < 2:
            yield "levels", "a category needs two or more levels; list them, the reference first"

    def _of_numbers(self, levels: Sequence[str]) -> Iterator[tuple[str, str]]:
        given = self.model_fields_set
        if "merge" in given:
            yield "merge", "a continuous covariate has no levels to merge; remove it"
        if {"cut", "per"} <= given:
            yield "per", "with a cut the hazard ratio is between levels, not per units; remove one of them"
        if {"cut", "levels"} <= given and len(levels) != 2:
            yield "levels", f"a cut makes two levels, not {len(levels)}; name the lower and the upper"
        elif "cut" not in given and levels:
            yield "levels", "levels without a cut; add the cut, or remove the levels"


class AdjustmentList(Group):
    """Covariates of a propensity score or an adjusted model."""

    label: str | None = key(None, otherwise="the name", steps=READER)
    """Name in tables and figures."""
    covariates: Names = key(min_length=1)
    """Covariates by name; gtv and lesions are legal too."""
    covariates_in_all: Names = key((), otherwise="none")
    """Added where both populations are analysed together."""
