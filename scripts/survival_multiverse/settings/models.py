"""The settings of a study, typed: checks, defaults, documentation and JSON schema derive from them."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pydantic import ConfigDict

from survival_multiverse.settings.cohort_models import AdjustmentList, CohortSettings, CovariateSettings
from survival_multiverse.settings.control_models import NegativeControl
from survival_multiverse.settings.decision_models import CHANGES, DecisionSettings, Sample
from survival_multiverse.settings.fields import (
    Ascending,
    EachOnce,
    Group,
    Landmark,
    Name,
    Names,
    NumberOrName,
    Positive,
    SomeAscending,
    Text,
    Whole,
    key,
)
from survival_multiverse.settings.grid import options_of
from survival_multiverse.settings.measures import MeasureSettings
from survival_multiverse.settings.schema import CovariateEstimatorName
from survival_multiverse.settings.steps import JOINT, PATIENTS, READER, Step

FINEST_CLASS = 5
"""Narrowest class of counts: an even number of 1 to 3 matched patients would be one pair."""


class TargetTrial(Group):
    """The randomised trial that the study emulates, where the other settings cannot know it."""

    eligibility: Text | None = key(None, otherwise="cohort.eligibility")
    """Who could enter it."""
    strategies: Text | None = key(None, otherwise="the arms of the exposure")
    """The treatments compared: how they are given, for how long, and when they may stop."""
    assignment: Text | None = key(None, otherwise="at random, open label")
    """How patients are assigned."""
    time_zero: Text | None = key(None, otherwise="assignment")
    """When follow-up starts."""
    end_of_follow_up: Text | None = key(None, otherwise="the event or loss to follow-up")
    """When it ends."""
    outcome: Text | None = key(None, otherwise="cohort.event")
    """What is counted, and how it is ascertained."""
    contrast: Text | None = key(None, otherwise="a gap, and the measures of the analysis")
    """Intention to treat or per protocol, and the measures of effect."""
    assumptions: Text | None = key(None, otherwise="those of any randomised trial")
    """What identifies the effect."""
    analysis: Text | None = key(None, otherwise="the estimators without balancing")
    """How the trial would be analysed, missing values included."""


class StudyHeading(Group):
    """Name, seed and primary scenario."""

    title: Text = key(steps=READER)
    """Title of the report."""
    seed: Whole = key(ge=0, le=9_007_199_254_740_991)
    """Decides simulated patients, tie-breaks and resamples; any will do."""
    primary: dict[Name, NumberOrName] = key(
        {}, otherwise="the first options", steps=(Step.RECONSTRUCTED, *JOINT)
    )
    """The primary scenario: an option of each decision, by its name; of a decision that is not named, the
    first.
    """
    adjustment_set: Text | None = key(
        None, otherwise="the first with baseline covariates alone", steps=READER
    )
    """Adjustment set of the primary block, whose estimates the report answers with."""
    target_trial: TargetTrial | None = key(None, otherwise="what the settings say", steps=READER)
    """The randomised trial that is emulated, for the page's table after TARGET (Cashin et al. 2025)."""


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
    grace_periods: Ascending[Landmark] | None = key(
        None, otherwise="the landmarks", unit="of the survival time", steps=READER
    )
    """Where `cohort.treatment` says when patients were treated: times by which the emulated strategy starts
    treatment; ascending, may be empty."""
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

    confounder_prevalence: float = key(0.5, steps=READER, gt=0, lt=1)
    """Mean of both arms' shares with a hidden binary confounder, fixed on the bias surface. At 0.5 every
    difference between the arms is possible, and it makes no odds which level is called present."""

    @property
    def few_orders(self) -> int:
        """Return how many orders repeated matching takes: the first of those of a scenario's estimate."""
        return min(self.repeated_tie_breaks, self.tie_break_draws)


class Inference(Group):
    """Which blocks the joint inference is about, and how many draws it takes."""

    populations: EachOnce[Literal["non_oligometastatic", "oligometastatic", "all"]] | None = key(
        None, otherwise="the primary one"
    )
    """Whose blocks are tested; a cohort without a count has the population of all alone."""
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
    decisions_per_job: Whole = key(ge=0, le=100)
    """Of how many decisions, counted from the last, one job evaluates all options; 0 = one job per scenario.
    In a grid with gaps a job evaluates as many scenarios as there would be without them."""


class Settings(Group):
    """The merged configuration: the defaults of config/config.yaml with the user's file on top."""

    model_config = ConfigDict(title="Settings of a study")

    study: StudyHeading
    """What the study is called, its seed and its primary scenario."""
    decisions: dict[Name, DecisionSettings] = key(min_length=1)
    """What could have been decided otherwise, by name: every combination is a scenario, 100,000 at most. A
    list
    in place of a group replaces the options of a default decision; a default decision about a role that your
    cohort does not have is left out."""
    sample: Sample | None = key(None, otherwise="every combination", steps=JOINT)
    """Scenarios to draw in place of running every combination."""
    cohort: CohortSettings
    """Where the patients come from, and which column plays which role. Yours replaces the default whole."""
    covariates: dict[Name, CovariateSettings]
    """Everything known of a patient beside the roles above, by name. Yours replace the default ones whole."""
    adjustment_sets: dict[Name, AdjustmentList] = key(min_length=1)
    """Named lists of what a propensity score or an adjusted model holds. Yours replace the default ones
    whole."""
    analysis: Analysis
    """Settings of the estimators."""
    measures: tuple[MeasureSettings, ...] = key(
        (), otherwise="the hazard ratio alone", steps=tuple(step for step in Step if step is not Step.COHORT)
    )
    """What is estimated; the first is the primary measure, by which the report answers. Each is a decision of
    its own kind: analyses of different measures are never pooled. The hazard ratio is always estimated, last
    if it is not named."""
    inference: Inference = key(steps=JOINT)
    """The test of all analyses of a block together, under null models in which the dose has no effect."""
    negative_controls: dict[Name, NegativeControl] = key({}, otherwise="none", steps=PATIENTS)
    """Outcomes that cannot be affected and exposures that cannot affect, by name: each goes through the grid
    like the study, and is shown beside it."""
    disclosure: Disclosure = key(steps=READER)
    """What may be shown."""
    execution: Execution = key(steps=())
    """How the work is divided; changes no number."""

    @classmethod
    def part_for(cls, keys: Mapping[str, Any], step: Step) -> dict[str, Any]:
        """Return what a step is told: of options that are a number alone, only who summarises them.

        So a new cutoff leaves the other scenarios as they are. Balance of reconstructed patients is judged by
        the primary cutoffs of size and count.
        """
        part = super().part_for(keys, step)
        if step in JOINT:
            return part
        decisions = part["decisions"]
        for decision in decisions.values():
            decision["options"] = tuple(
                own for own in decision["options"] if not own.keys().isdisjoint(CHANGES)
            )
        if step is Step.RECONSTRUCTED:
            judged = {name for name, own in decisions.items() if own.get("varies") in ("gtv", "lesions")}
            first = {name: options_of(own)[0]["value"] for name, own in keys["decisions"].items()}
            primary = first | part["study"].get("primary", {})
            part["study"]["primary"] = {name: value for name, value in primary.items() if name in judged}
        return part
