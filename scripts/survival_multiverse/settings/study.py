"""The study's settings as typed, immutable values, read from a validated configuration."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from survival_multiverse.settings.cohort_models import (
    CountColumn,
    CovariateSettings,
    EligibilityCriterion,
    EventColumn,
    PublishedRatio,
    Treatment,
)
from survival_multiverse.settings.control_models import NegativeControl
from survival_multiverse.settings.decision_models import CHANGES, Coding, DecisionSettings, Option
from survival_multiverse.settings.fields import Untold
from survival_multiverse.settings.grid import options_of, scenario_grid
from survival_multiverse.settings.measures import RATIO, Measure, measures_of
from survival_multiverse.settings.models import Analysis, Inference, Settings
from survival_multiverse.settings.names import table_name
from survival_multiverse.settings.schema import (
    ESTIMATE_COLUMNS,
    VARIED_COLUMNS,
    Column,
    Estimator,
    Population,
)
from survival_multiverse.settings.steps import JOINT, Step
from survival_multiverse.settings.values import (
    OPTIONAL_ROLES,
    ROLES,
    Cutoffs,
    Scenario,
    Value,
    canonical_text,
    level_text,
    option_value,
)

EQUIVALENT, NON_EQUIVALENT, UNCERTAIN = "equivalent", "non_equivalent", "uncertain"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the analyst could have decided otherwise.

    Attributes
    ----------
    varies
        Number that its options are (one of `VARIED`), or empty.
    type
        equivalent, non_equivalent or uncertain.
    values
        Its options: numbers, ascending, or names.
    reasons
        Why each was chosen, or empty.
    changes
        What an option changes beside that number, by option.
    """

    name: str
    label: str
    varies: str
    type: str
    values: tuple[Value, ...]
    reasons: tuple[str, ...] = ()
    changes: Mapping[Value, Option] = field(default_factory=dict)

    @property
    def numeric(self) -> bool:
        """Say whether its options are numbers."""
        return bool(self.varies)

    @property
    def kinds(self) -> set[str]:
        """Return what its options change."""
        return {kind for option in self.changes.values() for kind in changed(option)} | {self.varies} - {""}

    @property
    def of_matching(self) -> bool:
        """Say whether its options concern matching alone."""
        return all(_TOUCHED.get(kind) == _MATCHED for kind in self.kinds)

    def touches(self, estimator: Estimator) -> bool:
        """Say whether another option can change an estimator's estimate."""
        return any(estimator in _TOUCHED.get(kind, tuple(Estimator)) for kind in self.kinds)


_MATCHED = (Estimator.MATCHED,)
_SCORED = tuple(estimator for estimator in Estimator if estimator.balances)
_WITH_COVARIATES = tuple(estimator for estimator in Estimator if estimator is not Estimator.UNADJUSTED)
_TOUCHED = {
    "caliper": _MATCHED,
    "caliper_sd": _MATCHED,
    "score": _SCORED,
    "gtv": _WITH_COVARIATES,
    "coding": _WITH_COVARIATES,
    "adjustment_sets": _WITH_COVARIATES,
    "estimators": _WITH_COVARIATES,
}
"""Estimators whose analyses a change concerns; of others, all."""


def changed(option: Option) -> list[str]:
    """Return what an option changes beside its number, as far as the step is told."""
    given = {name: getattr(option, name) for name in CHANGES}
    return [name for name, own in given.items() if not isinstance(own, Untold) and own not in (None, (), {})]


@dataclass(frozen=True, slots=True)
class Quantity:
    """A fixed role of the cohort: time, event, dose, gtv or lesions."""

    role: str
    column: str
    label: str
    unit: str
    range: tuple[float, float] | None


@dataclass(frozen=True, slots=True)
class Terminology:
    """What a study calls its events and its two populations; see `CountColumn` for each."""

    events: str
    state: str
    below: str
    at_or_above: str


@dataclass(frozen=True, slots=True)
class Covariate:
    """A covariate as the user declared it.

    Attributes
    ----------
    levels
        Categories, the reference first. A continuous covariate with a cut has two (below, at or above);
        one without a cut has none and enters models linearly.
    merge
        Levels of the data that become one of `levels`, each with it.
    knots
        Those of the restricted cubic spline as which it enters models, or none.
    joined
        Declared levels that a coding puts together, each with the level that it becomes.
    """

    name: str
    column: str
    label: str
    unit: str
    type: Literal["categorical", "continuous"]
    cut: float | None
    levels: tuple[str, ...]
    role: Literal["baseline", "post_treatment"]
    range: tuple[float, float] | None = None
    merge: tuple[tuple[str, str], ...] = ()
    per: float = 1.0
    knots: tuple[float, ...] = ()
    joined: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Per:
    """Units to which a hazard ratio of a linear covariate refers, and how a table says so if not one."""

    units: float
    words: str = ""


ONE_UNIT = Per(1.0)


@dataclass(frozen=True, slots=True)
class Descriptive:
    """A column that is tabulated and enters no model."""

    name: str
    column: str
    label: str


@dataclass(frozen=True, slots=True)
class Criterion:
    """An eligibility criterion: limits (inclusive) of a number, or legal categories (empty = any)."""

    variable: str
    minimum: float
    maximum: float
    levels: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class AdjustmentSet:
    """A named list of covariates that a propensity score or an adjusted model holds."""

    name: str
    label: str
    covariates: tuple[str, ...]
    covariates_in_all: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Study:
    """Settings of a study as the library uses them; `from_config` reads them.

    Attributes
    ----------
    title : str
    seed : int
        Decides simulated patients, tie-breaks and resamples.
    primary_set : str
        Adjustment set of the primary block.
    primary : tuple
        The primary scenario: an option of each decision.
    decisions : dict of Decision
        By name, in the order of a scenario's options.
    grid : tuple of tuple
        The scenarios, in the order of their files.
    time, event, dose : Quantity
        Columns, labels and units of the fixed roles.
    gtv, lesions, entry : Quantity or None
        The same of the roles that a cohort may do without; entry is that of delayed entry.
    exposure_levels : tuple of str
        Levels of an exposure in groups, the reference first; none where it is a number.
    arm_names : tuple of str
        Names of the arms 0 and 1, or none.
    terms : Terminology
        Names of the events and of the two populations.
    id_column : str or None
    covariates : dict of Covariate
    adjustment_sets : dict of AdjustmentSet
    analysis : Analysis
        Settings of the estimators.
    inference : Inference
        Settings of the joint tests.
    missing_values : str
        ``complete_case`` or ``refuse``.
    minimum_count : int
        Width of the classes in which counts of patients are shown.
    source : str
        Where the patients come from: ``reconstructed``, ``simulated``, ``file`` or ``dataset``.
    missing : tuple of str
        Texts of cells that stand for a missing value, beside the empty cell.
    descriptives : tuple of Descriptive
    eligibility : tuple of Criterion
        In the order in which they are applied.
    published : mapping of str to float
        Published hazard ratio of A = 1 against A = 0 of the primary threshold and dose, by estimator.
    """

    title: str
    seed: int
    primary_set: str
    primary: Scenario
    decisions: dict[str, Decision]
    grid: tuple[Scenario, ...]
    time: Quantity
    event: Quantity
    dose: Quantity
    gtv: Quantity | None
    lesions: Quantity | None
    terms: Terminology
    id_column: str | None
    covariates: dict[str, Covariate]
    adjustment_sets: dict[str, AdjustmentSet]
    analysis: Analysis
    inference: Inference
    missing_values: str
    minimum_count: int
    source: str
    missing: tuple[str, ...] = ()
    """Texts of cells that stand for a missing value, beside the empty cell."""
    descriptives: tuple[Descriptive, ...] = ()
    eligibility: tuple[Criterion, ...] = ()
    published: Mapping[str, float] = field(default_factory=dict)
    """Published hazard ratio of A = 1 against A = 0 of the primary threshold and dose, by estimator."""
    exposure_levels: tuple[str, ...] = ()
    arm_names: tuple[str, ...] = ()
    compared: tuple[str, ...] = ()
    """Levels of the exposure that are compared, where an option says so."""
    score_splines: bool = False
    """Whether continuous covariates enter the score as splines."""
    estimators: tuple[str, ...] = ()
    """Estimators that an option leaves beside the unadjusted one; empty: all."""
    every_covariate: bool = False
    """Whether all analyses leave out whoever has a gap in any covariate."""
    endpoint: str = ""
    exposure: str = ""
    """Columns of the canonical frame for the endpoint and the exposure of an option; empty: its own."""
    sampled: bool = False
    """Whether the grid is a sample."""
    sample_method: Literal["sobol", "random"] = "sobol"
    """How a sample of it is drawn."""
    entry: Quantity | None = None
    target_trial: Mapping[str, str] = field(default_factory=dict)
    """What the study says of the trial that it emulates, by part."""
    treatment: Treatment | None = None
    """When patients were treated."""
    filters: tuple[str, ...] = ()
    """Columns of the canonical frame that say who meets the conditions of the options."""
    negative_controls: Mapping[str, NegativeControl] = field(default_factory=dict)
    """Outcomes and exposures whose true hazard ratio is 1, by name."""
    measures: tuple[Measure, ...] = (RATIO,)
    """What is estimated, the primary measure first."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Study":
        """Read a configuration that has passed validation, or the part of it that a step is told.

        What the step is not told is `Untold`: who uses it gets a LookupError.
        """
        step = Step(config["step"]) if "step" in config else None
        settings = Settings.read(config, step)
        cohort, analysis = settings.cohort, settings.analysis
        whole = step is None or step in JOINT
        decisions = {name: _decision(name, own, cohort, whole) for name, own in settings.decisions.items()}
        lists = {name: _table_names(getattr(analysis, name)) for name in ("multivariable", "interactions")}
        landmarks = settings.inference.landmarks
        landmarks = (0, *analysis.landmarks) if landmarks is None else landmarks
        populations = settings.inference.populations
        if populations is None or cohort.lesions is None:
            everybody = cohort.lesions is None
            populations = ("all",) if everybody else ("non_oligometastatic",)
        return cls(
            title=settings.study.title,
            seed=settings.study.seed,
            primary_set=_if_told(settings.study.adjustment_set, lambda own: own or _first_set(settings)),
            primary=_primary(settings, decisions),
            decisions=decisions,
            grid=_grid(config, step),
            target_trial=_if_told(
                settings.study.target_trial, lambda own: own.model_dump(exclude_none=True) if own else {}
            ),
            sampled="sample" in config,
            sample_method=config.get("sample", {}).get("method", "sobol"),
            **{role: _quantity(role, getattr(cohort, role)) for role in ROLES},
            entry=_quantity("entry", cohort.entry),
            treatment=cohort.treatment,
            exposure_levels=_texts(cohort.dose.levels),
            arm_names=_arm_names(cohort.dose),
            terms=_terms(cohort.event, cohort.lesions),
            id_column=cohort.id,
            covariates={table_name(name): _covariate(name, own) for name, own in settings.covariates.items()},
            adjustment_sets={
                name: AdjustmentSet(
                    name=name,
                    label=_label(own, name),
                    covariates=_table_names(own.covariates),
                    covariates_in_all=_table_names(own.covariates_in_all),
                )
                for name, own in settings.adjustment_sets.items()
            },
            analysis=analysis.model_copy(update=lists),
            inference=settings.inference.model_copy(
                update={"landmarks": landmarks, "populations": populations}
            ),
            missing_values=cohort.missing_values,
            minimum_count=settings.disclosure.minimum_count,
            source=cohort.source,
            missing=_if_told(cohort.missing, _texts),
            descriptives=tuple(
                Descriptive(name=table_name(name), column=own.column, label=_label(own, name))
                for name, own in cohort.descriptives.items()
            ),
            eligibility=_if_told(cohort.eligibility, lambda own: tuple(map(_criterion, own))),
            published=_if_told(cohort.published, _of_the_higher),
            negative_controls=settings.negative_controls,
            measures=_if_told(
                settings.measures,
                lambda own: measures_of(own, analysis.rmst_horizon, analysis.survival_times),
            ),
        )

    @property
    def primary_measure(self) -> Measure:
        """Return the measure by which the study answers."""
        return self.measures[0]

    def answering_by(self, measure: Measure) -> "Study":
        """Return the study with another of its measures as the primary one."""
        others = tuple(own for own in self.measures if own != measure)
        return replace(self, measures=(measure, *others))

    @property
    def published_estimates(self) -> Mapping[str, float]:
        """Return published estimates of the primary measure, by estimator; only ratios are known."""
        return self.published if self.primary_measure.ratio else {}

    @property
    def differences(self) -> tuple[Measure, ...]:
        """Return the measures that are read off survival curves, which the hazard ratio is not."""
        return tuple(measure for measure in self.measures if not measure.ratio)

    @property
    def populations(self) -> tuple[Population, ...]:
        """Return who is analysed: without a count, everybody alone."""
        return tuple(Population) if self.lesions else (Population.ALL,)

    @property
    def has_treatment_times(self) -> bool:
        """Say whether it is known of each patient when treatment was received."""
        return self.treatment is not None and self.source not in ("reconstructed", "simulated")

    @property
    def dose_is_planned(self) -> bool:
        """Say whether the dose is the planned one, beside which it is known what was received."""
        return self.has_treatment_times and self.treatment is not None and bool(self.treatment.dose_so_far)

    @property
    def primary_population(self) -> Population:
        """Return the population that the question is about."""
        return self.populations[0]

    @property
    def primary_cutoffs(self) -> Cutoffs:
        """Return the numbers of the primary scenario."""
        return self.cutoffs(self.primary)

    @property
    def inside(self) -> list[str]:
        """Return the decisions between equivalent options, which vary inside a block."""
        return [name for name, decision in self.decisions.items() if decision.type == EQUIVALENT]

    @property
    def outside(self) -> list[str]:
        """Return the decisions whose options are shown apart."""
        return [name for name, decision in self.decisions.items() if decision.type != EQUIVALENT]

    @property
    def uncertain(self) -> list[str]:
        """Return the decisions whose options are shown apart and pooled."""
        return [name for name, decision in self.decisions.items() if decision.type == UNCERTAIN]

    @property
    def estimate_columns(self) -> tuple[Column, ...]:
        """Return the columns of the estimates: the options of the decisions, then `ESTIMATE_COLUMNS`."""
        roles = {role: getattr(self, role) for role in ("time", "dose", *OPTIONAL_ROLES)}
        units = {role: own.unit for role, own in roles.items() if own is not None}
        options = [
            Column(name, "number", *VARIED_COLUMNS[decision.varies])
            if decision.varies
            else Column(name, "category", f"option of the decision {name}")
            for name, decision in self.decisions.items()
        ]
        every = (*options, *ESTIMATE_COLUMNS)
        return tuple(replace(column, unit=column.unit.format(**units)) for column in every)

    def decision_of(self, varied: str) -> Decision | None:
        """Return the decision that varies a number (one of `VARIED`), if there is one."""
        return next((decision for decision in self.decisions.values() if decision.varies == varied), None)

    def values_of(self, varied: str) -> tuple[float, ...]:
        """Return the numbers that a decision varies, or the default alone."""
        decision = self.decision_of(varied)
        if decision is None:
            return (getattr(Cutoffs(), varied),)
        return tuple(map(float, decision.values))

    def cutoffs(self, scenario: Scenario) -> Cutoffs:
        """Return the numbers that a scenario gives the analysis."""
        given: dict[str, Any] = {
            decision.varies: value
            for decision, value in zip(self.decisions.values(), scenario, strict=True)
            if decision.varies
        }
        return Cutoffs(**given)

    def applying(self, scenario: Scenario, estimator: Estimator) -> tuple[Value | None, ...]:
        """Return the options of a scenario, those that do not touch an estimator's analyses as None."""
        return tuple(
            value if decision.touches(estimator) else None
            for decision, value in zip(self.decisions.values(), scenario, strict=True)
        )

    def with_options(self, decisions: Mapping[str, Any]) -> "Study":
        """Return the study with all options of its decisions, of which a step may be told some."""
        told = {}
        for name, own in self.decisions.items():
            options = [Option.read(option) for option in options_of(decisions[name])]
            by_value = {_option(option.value, own.varies): option for option in options}
            changes = {value: option for value, option in by_value.items() if changed(option)}
            told[name] = replace(own, values=tuple(by_value), changes=changes)
        return replace(self, decisions=told)

    def variant(self, scenario: Scenario) -> Scenario:
        """Return the options of a scenario that change more than a number; empty in place of the others."""
        return tuple(
            value if value in decision.changes else ""
            for decision, value in zip(self.decisions.values(), scenario, strict=True)
        )

    def under(self, variant: Scenario) -> "Study":
        """Return the study with what the options of a scenario, or of a variant of it, change."""
        study = self
        for (name, decision), value in zip(self.decisions.items(), variant, strict=True):
            if value in decision.changes:
                study = _changed(study, name, value, decision.changes[value])
        return study

    def with_analysis(self, **changes: Any) -> "Study":
        """Return the study with other settings of the estimators."""
        return replace(self, analysis=self.analysis.model_copy(update=changes))

    @property
    def per(self) -> dict[str, Per]:
        """Return by name the units of the linear covariates whose hazard ratio is not per one unit."""
        return {
            name: Per(covariate.per, f"per {covariate.per:.15g} {covariate.unit or 'units'}")
            for name, covariate in self.covariates.items()
            if covariate.per != 1.0
        }

    def flags(self, names: Iterable[str]) -> tuple[str, ...]:
        """Return the warning for results adjusted for what is known only after treatment has begun."""
        late = any(
            name in self.covariates and self.covariates[name].role == "post_treatment" for name in names
        )
        return ("post_treatment_covariate",) if late else ()


def _if_told(value: Any, convert: Callable[[Any], Any]) -> Any:
    """Return what becomes of a value, or that it is untold."""
    return value if isinstance(value, Untold) else convert(value)


def _primary(settings: Settings, decisions: Mapping[str, Decision]) -> Scenario:
    """Return the primary scenario; an option that the step is not told stays untold."""
    named = settings.study.primary
    if isinstance(named, Untold):
        return tuple(Untold(f"study.primary.{name}") for name in decisions)

    def chosen(name: str, decision: Decision) -> Value:
        if name in named:
            return _option(named[name], decision.varies)
        untold: Any = Untold(f"study.primary.{name}")
        return untold if isinstance(decision.values, Untold) else decision.values[0]

    return tuple(chosen(name, decision) for name, decision in decisions.items())


def _option(value: Value, varies: str) -> Value:
    """Return an option as its decision has it: a number where it varies one, else a name."""
    return option_value(value) if varies else canonical_text(value)


def _grid(config: Mapping[str, Any], step: Step | None) -> Any:
    if step is not None and step not in JOINT:
        return Untold("the grid")
    varies = [decision.get("varies", "") for decision in config["decisions"].values()]
    return tuple(tuple(map(_option, texts, varies)) for texts in scenario_grid(config))


def _decision(name: str, own: DecisionSettings, cohort: Any, whole: bool) -> Decision:
    """Read a decision; a step that is told some of its options alone is not told its values."""
    values: Any = Untold(f"decisions.{name}.options")
    reasons: Any = values
    varies = own.varies or ""
    options = [(_option(option.value, varies), option) for option in own.options]
    label = own.label
    if label is None or isinstance(label, Untold):
        role = getattr(cohort, varies, None) if varies in ROLES else None
        label = name.replace("_", " ").capitalize() if role is None else _label(role, role.column)
    if whole:
        values = tuple(value for value, _ in options)
        reasons = tuple(option.reason for _, option in options)
    return Decision(
        name=name,
        label=label,
        varies=varies,
        type=own.type,
        values=values,
        reasons=reasons,
        changes={value: option for value, option in options if changed(option)},
    )


def option_column(kind: str, decision: str, value: Value) -> str:
    """Return the column of the canonical frame that an option needs: ``keep:decision=option``."""
    return f"{kind}:{decision}={canonical_text(value)}"


def control_column(kind: str, control: str) -> str:
    """Return the column of the canonical frame that a negative control needs; no decision has no name."""
    return option_column(kind, "", control)


_OF_CONTROL = {"endpoint": {"endpoint"}, "exposure": {"dose", "exposure", "compare"}}


def control_study(study: Study, name: str) -> Study:
    """Return the study of a negative control: its outcome or exposure, under the other decisions.

    Decisions about what the control replaces, such as cutoffs of the exposure, are left out.
    """
    kind = "endpoint" if study.negative_controls[name].endpoint is not None else "exposure"
    kept = {key: not own.kinds or not own.kinds <= _OF_CONTROL[kind] for key, own in study.decisions.items()}

    def others(scenario: Scenario) -> Scenario:
        return tuple(value for value, stays in zip(scenario, kept.values(), strict=True) if stays)

    new: dict[str, Any] = {kind: control_column("" if kind == "endpoint" else "dose", name)}
    if kind == "exposure":
        new |= {"exposure_levels": (), "compared": ()}
    return replace(
        study,
        decisions={key: own for key, own in study.decisions.items() if kept[key]},
        grid=tuple(dict.fromkeys(map(others, study.grid))),
        primary=others(study.primary),
        **new,
    )


def _changed(study: Study, name: str, value: Value, option: Option) -> Study:
    """Return the study with what one option changes."""
    new: dict[str, Any] = {}
    if option.keep is not None:
        new["filters"] = (*study.filters, option_column("keep", name, value))
    if option.endpoint is not None:
        label = option.endpoint.label
        words = canonical_text(value).replace("_", " ").capitalize() if label is None else label
        new["endpoint"] = option_column("", name, value)
        new["time"] = replace(study.time, label=words)
        new["event"] = replace(study.event, label=words)
        new["terms"] = replace(study.terms, events=option.endpoint.plural)
    if option.exposure is not None:
        own = option.exposure
        new["exposure"] = option_column("dose", name, value)
        new["dose"] = replace(study.dose, label=_label(own, own.column), unit=own.unit or study.dose.unit)
    if option.compare:
        new["compared"] = _texts(option.compare)
    return replace(study, **new, **_analysed_otherwise(study, option))


def _analysed_otherwise(study: Study, option: Option) -> dict[str, Any]:
    """Return what one option changes of the analysis of the same patients."""
    new: dict[str, Any] = {}
    if option.coding:
        coded = {table_name(key): own for key, own in option.coding.items()}
        new["covariates"] = study.covariates | {
            key: _recoded(study.covariates[key], own) for key, own in coded.items()
        }
    if option.score is not None:
        new["score_splines"] = option.score == "splines"
    if option.caliper_sd is not None:
        new["analysis"] = study.analysis.model_copy(update={"caliper_sd": option.caliper_sd})
    if option.adjustment_sets:
        new["adjustment_sets"] = {key: study.adjustment_sets[key] for key in option.adjustment_sets}
    if option.estimators:
        new["estimators"] = option.estimators
    if option.complete_cases is not None:
        new["every_covariate"] = option.complete_cases == "every_covariate"
    return new


def _recoded(covariate: Covariate, coding: Coding) -> Covariate:
    """Return a covariate under another coding."""
    if coding.merge:
        joined = {part: name for name, parts in coding.merge.items() for part in _texts(parts)}
        levels = tuple(dict.fromkeys(joined.get(level, level) for level in covariate.levels))
        return replace(covariate, levels=levels, joined=tuple(joined.items()))
    if coding.cut is not None:
        levels = (f"<{coding.cut:.15g}", f">={coding.cut:.15g}")
        return replace(covariate, cut=coding.cut, levels=levels, knots=())
    return replace(covariate, cut=None, levels=(), knots=tuple(coding.knots))


def _first_set(settings: Settings) -> str:
    """Return the first adjustment set with only baseline covariates, or the first of all."""
    late = {name for name, own in settings.covariates.items() if own.role == "post_treatment"}
    sets = settings.adjustment_sets
    early = [name for name, own in sets.items() if not late & {*own.covariates, *own.covariates_in_all}]
    return next(iter([*early, *sets]), "")


def _of_the_higher(published: Mapping[str, PublishedRatio]) -> dict[str, float]:
    """Return published hazard ratios, inverted if they are those of the lower dose."""
    return {
        name: ratio.hazard_ratio if ratio.of == "at_or_above" else 1 / ratio.hazard_ratio
        for name, ratio in published.items()
    }


def _arm_names(dose: Any) -> tuple[str, ...]:
    """Return the names of arms 0 and 1: of a graded exposure, or of one in two groups."""
    if isinstance(dose.names, Untold):
        return ()
    return tuple(dose.names) or (_texts(dose.levels) if len(dose.levels) == 2 else ())


def _table_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(table_name, names))


def _texts(levels: Iterable[str | float]) -> tuple[str, ...]:
    return tuple(map(level_text, levels))


def _label(own: Any, otherwise: str) -> str:
    return otherwise if own.label is None else own.label


def _quantity(role: str, own: Any) -> Any:
    if own is None:
        return None
    # An event has neither unit nor range.
    unit, limits = getattr(own, "unit", ""), getattr(own, "range", None)
    return Quantity(role=role, column=own.column, label=_label(own, own.column), unit=unit, range=limits)


def _terms(event: EventColumn, lesions: CountColumn | None) -> Terminology:
    if lesions is None:
        return Terminology(events=event.plural, state="", below="", at_or_above="")
    state = _label(lesions, lesions.column) if lesions.state is None else lesions.state
    return Terminology(events=event.plural, state=state, below=lesions.below, at_or_above=lesions.at_or_above)


def _covariate(name: str, own: CovariateSettings) -> Covariate:
    levels = _texts(own.levels)
    if own.cut is not None and not levels:
        levels = (f"<{own.cut:.15g}", f">={own.cut:.15g}")
    return Covariate(
        **{key: getattr(own, key) for key in ("column", "unit", "type", "cut", "role", "range")},
        name=table_name(name),
        label=_label(own, name),
        levels=levels,
        merge=tuple((level, merged) for merged, parts in own.merge.items() for level in _texts(parts)),
        per=float(own.per),
    )


def _criterion(own: EligibilityCriterion) -> Criterion:
    return Criterion(
        variable=table_name(own.variable),
        minimum=-math.inf if own.minimum is None else float(own.minimum),
        maximum=math.inf if own.maximum is None else float(own.maximum),
        levels=_texts(own.levels),
        reason=own.reason,
    )
