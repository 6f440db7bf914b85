"""The settings of a study, typed: checks, defaults, documentation and JSON schema derive from them."""

from collections.abc import Iterator
from typing import Literal

from pydantic import ConfigDict

from survival_multiverse.settings.cohort_models import AdjustmentList, CohortSettings, CovariateSettings
from survival_multiverse.settings.fields import (
    Ascending,
    AxisEntry,
    CaliperEntry,
    EachOnce,
    Group,
    Landmark,
    Name,
    Names,
    NumberOrNone,
    Positive,
    SomeAscending,
    Text,
    Whole,
    key,
)
from survival_multiverse.settings.schema import CovariateEstimatorName
from survival_multiverse.settings.steps import JOINT, READER, Step

FINEST_CLASS = 5
"""Narrowest class of counts: an even number of 1 to 3 matched patients would be one pair."""


class PrimaryScenario(Group):
    """The primary scenario."""

    oligo_threshold: float = key(unit="of the lesions")
    """Its value on axes.oligo_threshold."""
    dose_cutoff: float = key(unit="of the dose", steps=JOINT)
    """Its value on axes.dose_cutoff."""
    gtv_cutoff: float = key(unit="of the GTV")
    """Its value on axes.gtv_cutoff."""
    caliper: NumberOrNone = key(unit="SD of the propensity logit", steps=JOINT)
    """Its value on axes.caliper: a number, or none."""


class StudyHeading(Group):
    """Name, seed and primary scenario."""

    title: Text = key(steps=READER)
    """Title of the report."""
    seed: Whole = key(ge=0, le=9_007_199_254_740_991)
    """Decides simulated patients, tie-breaks and resamples; any will do."""
    primary: PrimaryScenario = key(steps=(Step.RECONSTRUCTED, *JOINT))
    """The primary scenario; each value must be on its axis."""
    adjustment_set: Text | None = key(
        None, otherwise="the first with baseline covariates alone", steps=READER
    )
    """Adjustment set of the primary block, whose estimates the report answers with."""


class Axes(Group):
    """The four axes."""

    oligo_threshold: tuple[AxisEntry, ...] = key(unit="of the lesions")
    """Fewest lesions of a patient of the primary population. Ascending; each entry a number, or value and
    reason."""
    dose_cutoff: tuple[AxisEntry, ...] = key(unit="of the dose")
    """Lowest dose of the high-dose arm. Ascending; each entry a number, or value and reason."""
    gtv_cutoff: tuple[AxisEntry, ...] = key(unit="of the GTV")
    """Lowest volume that counts as large. Ascending; each entry a number, or value and reason."""
    caliper: tuple[CaliperEntry, ...] = key(unit="SD of the propensity logit")
    """Greatest distance of a matched pair. Ascending; each entry a number, or value and reason; `none` (no
    limit) comes last."""


class Analysis(Group):
    """Settings of the estimators."""

    confidence_level: float = key(gt=0, lt=1)
    """Of every confidence interval."""
    survival_times: SomeAscending[Positive] = key(unit="of the survival time")
    """When survival is read off the curves; ascending."""
    survival_conf_type: Literal["log-log", "log", "plain"]
    """Scale on which confidence intervals of survival are symmetric."""
    rmst_horizon: Positive = key(unit="of the survival time")
    """Up to where restricted mean survival is taken."""
    landmarks: Ascending[Positive] = key(unit="of the survival time")
    """Landmark analyses keep patients with at least this survival; ascending, may be empty."""
    caliper_sd: Literal["all", "within_arm"]
    """SD a caliper multiplies: of all patients, or pooled within the arms."""
    minimum_events: Whole = key(unit="events", ge=1, le=1_000_000)
    """With fewer events in an arm there is no estimate."""
    selection_p: float = key(le=1, gt=0)
    """Univariate P below which a factor enters the selected multivariable model: log-rank for groups, Wald
    for a covariate without a cut."""
    multivariable: Names
    """The pre-specified multivariable model beside the dose: covariates, gtv, lesions."""
    interactions: Names
    """Factors whose interaction with the dose is tested: covariates that form groups, gtv."""
    tie_break_draws: Whole = key(ge=1, le=100_000)
    """Seeded orders in which patients of equal propensity score are matched; the matched estimate of a
    scenario is the median over them."""
    repeated_tie_breaks: Whole = key(ge=1, le=100_000)
    """How many of these orders matching takes where it is repeated: beyond landmarks, and in the cohort and
    every draw of the joint tests."""
    balance_thresholds: SomeAscending[Positive]
    """Below it the largest absolute standardised mean difference passes as balanced; ascending. Judged by
    categories and, unless patients are reconstructed, as measured, size and count included."""

    @property
    def few_orders(self) -> int:
        """Return how many orders repeated matching takes: the first of those of a scenario's estimate."""
        return min(self.repeated_tie_breaks, self.tie_break_draws)


class Inference(Group):
    """Which blocks the joint inference is about, and how many draws it takes."""

    populations: EachOnce[Literal["non_oligometastatic", "oligometastatic", "all"]]
    """Whose blocks are tested."""
    estimators: EachOnce[CovariateEstimatorName]
    """Which estimates are tested, each kind in blocks of its own."""
    landmarks: SomeAscending[Landmark] | None = key(
        None, otherwise="0 and every landmark of the analysis", unit="of the survival time"
    )
    """Landmarks whose blocks are tested, matched beyond the landmark, those at the primary threshold and dose
    cutoff; 0 = everybody, at every cutoff. Ascending."""
    predicted: Literal["longer", "shorter"]
    """What the higher dose is expected to do to survival; one-sided P values look there."""
    draws: Whole = key(ge=1, le=100_000, steps=(Step.INFERENCE, Step.STUDY))
    """Draws of each null model."""
    bootstrap_draws: Whole = key(ge=0, le=100_000, steps=(Step.INFERENCE, Step.STUDY))
    """Bootstrap draws for percentile intervals; 0 = none."""


class Disclosure(Group):
    """What may be shown."""

    minimum_count: Whole = key(unit="patients", ge=0, le=1_000_000)
    """Counts of patients are shown in classes of so many, and curves step by at least so many events; 5 or
    more, or 1 to show exact counts (docs/disclosure.md)."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield a fault if the classes of counts could tell of one patient."""
        if 1 < self.minimum_count < FINEST_CLASS:
            yield (
                "minimum_count",
                f"classes of {self.minimum_count} can tell of one patient, as pairs hold two; "
                f"give {FINEST_CLASS} or more, or 1 to show exact counts",
            )


class Execution(Group):
    """How the work is divided."""

    draws_per_job: Whole = key(ge=1, le=100_000)
    """How many draws one resampling job makes."""
    axes_per_job: Whole = key(ge=0, le=3)
    """How many axes, counted from the last, one job evaluates; 0 = one job per scenario."""


class Settings(Group):
    """The merged configuration: the defaults of config/config.yaml with the user's file on top."""

    model_config = ConfigDict(title="Settings of a study")

    study: StudyHeading
    """What the study is called, its seed and its primary scenario."""
    axes: Axes = key(steps=JOINT)
    """The four axes of the multiverse, 100,000 scenarios at most; one of yours replaces the default one
    whole."""
    cohort: CohortSettings
    """Where the patients come from, and which column plays which role. Yours replaces the default whole."""
    covariates: dict[Name, CovariateSettings]
    """Everything known of a patient beside the roles above, by name. Yours replace the default ones whole."""
    adjustment_sets: dict[Name, AdjustmentList] = key(min_length=1)
    """Named lists of what a propensity score or an adjusted model holds. Yours replace the default ones
    whole."""
    analysis: Analysis
    """Settings of the estimators."""
    inference: Inference = key(steps=JOINT)
    """The test of all analyses of a block together, under null models in which the dose has no effect."""
    disclosure: Disclosure = key(steps=READER)
    """What may be shown."""
    execution: Execution = key(steps=())
    """How the work is divided; changes no number."""
