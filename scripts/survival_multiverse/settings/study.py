"""The study's settings as typed, immutable values, read from a validated configuration."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from survival_multiverse.settings.cohort_models import (
    CountColumn,
    CovariateSettings,
    EligibilityCriterion,
    EventColumn,
    PublishedRatio,
)
from survival_multiverse.settings.fields import AxisValue, Untold
from survival_multiverse.settings.models import Analysis, Inference, PrimaryScenario, Settings
from survival_multiverse.settings.names import table_name
from survival_multiverse.settings.steps import Step
from survival_multiverse.settings.values import AXES, ROLES, Scenario, axis_number, level_text


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the multiverse: its legal values, ascending, and why each was chosen."""

    name: str
    values: tuple[float, ...]
    reasons: tuple[str, ...]


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
    primary : tuple of float
        The primary scenario: its value on each axis.
    axes : dict of Axis
        The axes of the multiverse, by name.
    time, event, dose, gtv, lesions : Quantity
        Columns, labels and units of the fixed roles.
    words : Words
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
    axes: dict[str, Axis]
    time: Quantity
    event: Quantity
    dose: Quantity
    gtv: Quantity
    lesions: Quantity
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

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Study":
        """Read a configuration that has passed validation, or the part of it that a step is told.

        What the step is not told is `Untold`: who uses it gets a LookupError.
        """
        step = Step(config["step"]) if "step" in config else None
        settings = Settings.read(config, step)
        cohort, analysis = settings.cohort, settings.analysis
        lists = {name: _table_names(getattr(analysis, name)) for name in ("multivariable", "interactions")}
        landmarks = settings.inference.landmarks
        landmarks = (0, *analysis.landmarks) if landmarks is None else landmarks
        return cls(
            title=settings.study.title,
            seed=settings.study.seed,
            primary_set=_if_told(settings.study.adjustment_set, lambda own: own or _first_set(settings)),
            primary=_scenario(settings.study.primary),
            axes={name: _axis(name, getattr(settings.axes, name)) for name in AXES},
            **{role: _quantity(role, getattr(cohort, role)) for role in ROLES},
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
            inference=settings.inference.model_copy(update={"landmarks": landmarks}),
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
        )

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


def _scenario(own: PrimaryScenario) -> Scenario:
    return Scenario(*(_if_told(getattr(own, name), axis_number) for name in AXES))


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


def _table_names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(map(table_name, names))


def _texts(levels: Iterable[str | float]) -> tuple[str, ...]:
    return tuple(map(level_text, levels))


def _label(own: Any, otherwise: str) -> str:
    return otherwise if own.label is None else own.label


def _axis(name: str, entries: tuple[AxisValue, ...] | Untold) -> Any:
    if isinstance(entries, Untold):
        return entries
    values = tuple(axis_number(entry.value) for entry in entries)
    return Axis(name=name, values=values, reasons=tuple(entry.reason for entry in entries))


def _quantity(role: str, own: Any) -> Quantity:
    # An event has neither unit nor range.
    unit, limits = getattr(own, "unit", ""), getattr(own, "range", None)
    return Quantity(role=role, column=own.column, label=_label(own, own.column), unit=unit, range=limits)


def _terms(event: EventColumn, lesions: CountColumn) -> Terminology:
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
