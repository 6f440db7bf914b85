"""Names, units and meanings that every other module reads."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Literal


class Status(StrEnum):
    """Why a row holds a number, or why it does not."""

    OK = "ok"
    EMPTY_ARM = "empty_arm"
    NO_PAIRS = "no_pairs"
    TOO_FEW_EVENTS = "too_few_events"
    SEPARATION = "separation"
    NEAR_SEPARATION = "near_separation"
    COLLINEAR = "collinear"
    NO_CONVERGENCE = "no_convergence"
    CONSTANT = "constant"
    NOT_REACHED = "not_reached"
    BEYOND_FOLLOW_UP = "beyond_follow_up"
    OUT_OF_RANGE = "out_of_range"
    NOT_APPLICABLE = "not_applicable"
    SELECTED_REST = "selected_rest"


STATUS_REASON = {
    Status.EMPTY_ARM: "a dose arm, or the group, has no patient",
    Status.NO_PAIRS: "no pair within the caliper",
    Status.TOO_FEW_EVENTS: "too few events in an arm, or none at all",
    Status.SEPARATION: "the likelihood has no finite maximum: covariates separate the arms, or the events",
    Status.NEAR_SEPARATION: (
        "a standardised coefficient exceeds 10: the arms, or the events, are all but separated"
    ),
    Status.COLLINEAR: "other variables all but determine it: its variance is inflated more than 10,000 times",
    Status.NO_CONVERGENCE: "the iterations did not converge",
    Status.CONSTANT: "the variable does not vary, or others determine it",
    Status.NOT_REACHED: "the curve does not fall that low",
    Status.BEYOND_FOLLOW_UP: "follow-up ends earlier",
    Status.OUT_OF_RANGE: "the ratio or a limit is 0 or infinite as a number; choose other units (`per`)",
    Status.NOT_APPLICABLE: "not defined for this variable or model",
    Status.SELECTED_REST: "some have no estimate for what they show: the others would be a selected rest",
}


SELECTS = (Status.NOT_REACHED, Status.BEYOND_FOLLOW_UP, Status.NOT_APPLICABLE)
"""Why a difference of curves has no estimate, or no error, so that the others are a selected rest."""
PATHS = ("file", "paper")
"""Settings of the cohort that say where something is, not what it is."""

PASSES = "passes_"
"""How the statistics and columns begin that say whether a balance gate is passed."""


class Population(StrEnum):
    """Who is analysed; `PRIMARY` first."""

    NON_OLIGOMETASTATIC = "non_oligometastatic"
    OLIGOMETASTATIC = "oligometastatic"
    ALL = "all"


PRIMARY = Population.NON_OLIGOMETASTATIC
"""The population that the question is about."""


class Estimator(StrEnum):
    """How the arms are made comparable. Each estimates something else, so they never share a summary.

    Attributes
    ----------
    label, adjective : str
        What the page calls it and its analyses.
    variance : str
        Of which the reported standard error is the root; see the column `variance`.
    """

    label: str
    adjective: str
    variance: str

    UNADJUSTED = "unadjusted", "Unadjusted", "unadjusted", "model"
    MATCHED = "matched", "Matched 1:1", "matched", "outputation"
    OVERLAP = "overlap", "Overlap weights", "overlap-weighted", "stacked"
    IPTW = "iptw", "Inverse probability weights", "inverse-probability-weighted", "stacked"
    ADJUSTED = "adjusted", "Adjusted Cox model", "covariate-adjusted", "model"

    def __new__(cls, name: str, label: str, adjective: str, variance: str) -> "Estimator":
        """Return a member that is its name."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.label, member.adjective, member.variance = label, adjective, variance
        return member

    @property
    def weighted(self) -> bool:
        """Say whether it weights patients by an estimated score."""
        return self.variance == "stacked"

    @property
    def balances(self) -> bool:
        """Say whether it balances the arms, so that there is a gate to pass."""
        return self.weighted or self is Estimator.MATCHED


WEIGHTED = tuple(estimator for estimator in Estimator if estimator.weighted)
"""Estimators of weights; a kernel knows the kind of weights by the place here."""
WITH_COVARIATES = tuple(estimator for estimator in Estimator if estimator is not Estimator.UNADJUSTED)
"""Estimators that use an adjustment set."""

if TYPE_CHECKING:
    EstimatorName = str
    CovariateEstimatorName = str
else:
    EstimatorName = Literal[tuple(map(str, Estimator))]
    CovariateEstimatorName = Literal[tuple(map(str, WITH_COVARIATES))]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a result table."""

    name: str
    type: str
    description: str
    unit: str = ""


# `unit` may name a role of the study in braces, filled in when a table is written.
VARIED_COLUMNS = {
    "lesions": ("lowest count of the population non_oligometastatic", "{lesions}"),
    "dose": ("lowest dose of the high-dose arm (A = 1)", "{dose}"),
    "gtv": ("lowest volume of those at or above the cutoff", "{gtv}"),
    "caliper": ("greatest distance of a pair; infinity = no caliper", "SD of the propensity logit"),
}
"""Description and unit of the column of a decision, by the number that it varies."""
ESTIMATE_COLUMNS = (
    Column("population", "category", "non_oligometastatic, oligometastatic or all"),
    Column("adjustment_set", "category", "named covariate list; null where none is used"),
    Column("estimator", "category", f"{', '.join([*Estimator][:-1])} or {[*Estimator][-1]}"),
    Column("landmark", "number", "patients with at least this survival; 0 = everybody", "{time}"),
    Column(
        "landmark_order",
        "category",
        "match_then_landmark, landmark_then_match, or null without matching or landmark",
    ),
    Column("subgroup", "category", "variable=level to which the analysis is confined; null = none"),
    Column("analysis", "category", "what was computed"),
    Column(
        "model",
        "category",
        "Cox: arm_only, univariate, pre_specified, selected, adjusted (also of standardised survival); "
        "tests: see analysis; else null",
    ),
    Column(
        "ties",
        "category",
        "Cox: efron or breslow (weighted, landmark and subgroup models, standardised: efron); else null",
    ),
    Column(
        "variance",
        "category",
        "model, clustered (by pair), robust, stacked (for the estimated score too), outputation (clustered, "
        "over the tie-breaks); else null",
    ),
    Column("variable", "category", "factor or covariate; `arm` is the dose arm"),
    Column("level", "category", "level of the variable, or the contrast against its reference"),
    Column("statistic", "category", "what the estimate is"),
    Column("estimate", "number", "the value"),
    Column("std_error", "number", "its standard error; of log HR for hazard ratios"),
    Column("ci_lower", "number", "lower confidence limit"),
    Column("ci_upper", "number", "upper confidence limit"),
    Column("p_value", "number", "two-sided P value"),
    Column("df", "count", "degrees of freedom of a chi-square"),
    Column("n", "count", "patients analysed"),
    Column("events", "count", "events among them"),
    Column("status", "category", "ok, or why there is no number"),
    Column("reason", "category", "the status in words; null when ok"),
    Column("flags", "category", "warnings, joined by ';'; null when none"),
)
"""Columns of the estimates after those of the decisions; `study.estimate_columns` has all."""
FIXED_COLUMNS = (
    *(column.name for column in ESTIMATE_COLUMNS),
    "is_primary",
    "gate",
    "scope",
    "null",
    "curve",
    "arm",
)
"""Names that no decision can have."""
