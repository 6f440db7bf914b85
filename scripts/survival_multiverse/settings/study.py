"""The study's settings as typed, immutable values, read from a validated configuration."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from survival_multiverse.settings.names import table_name

AXES = ("oligo_threshold", "dose_cutoff", "gtv_cutoff", "caliper")
"""The four axes of a scenario, outermost first; fixed roles without a unit."""


def axis_number(value: float | str) -> float:
    """Number of an axis value; ``none`` (no caliper) is infinity."""
    return math.inf if value == "none" else float(value)


def level_text(level: str | float) -> str:
    """The one spelling of a category: the number 1, the number 1.0 and the text ``1`` are all ``1``."""
    return level if isinstance(level, str) else f"{float(level):.15g}"


@lru_cache(maxsize=1024)
def spelling(value: float | str) -> str:
    """The one spelling of an axis value in a path: ``146``, ``0.2``, ``none``."""
    number = axis_number(value)
    return "none" if math.isinf(number) else f"{number:.15g}"


@dataclass(frozen=True, slots=True)
class Axis:
    """One axis of the multiverse: its legal values, ascending, and why each was chosen."""

    name: str
    values: tuple[float, ...]
    reasons: tuple[str, ...]

    @property
    def spellings(self) -> tuple[str, ...]:
        return tuple(spelling(value) for value in self.values)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A fixed role of the cohort: time, event, dose, gtv or lesions."""

    role: str
    column: str
    label: str
    unit: str
    range: tuple[float, float] | None

    @property
    def label_with_unit(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label


@dataclass(frozen=True, slots=True)
class Words:
    """What a study calls its event and the two populations that the thresholds make of its patients.

    Attributes
    ----------
    events
        Several of them inside a sentence: ``deaths``.
    state
        What tells the populations apart: ``Metastatic state``.
    below, at_or_above
        Names of the population under the threshold, and of the primary one.
    """

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
    range
        Lowest and highest plausible value, or None.
    merge
        Levels of the data that become one of `levels`, each with it.
    per
        Units to which its hazard ratio refers.
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

    @property
    def label_with_unit(self) -> str:
        return f"{self.label} ({self.unit})" if self.unit else self.label


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
class Analysis:
    """Settings of the estimators; see ``workflow/schemas/config.schema.yaml`` for each meaning."""

    confidence_level: float
    survival_times: tuple[float, ...]
    survival_conf_type: str
    rmst_horizon: float
    landmarks: tuple[float, ...]
    caliper_sd: str
    minimum_events: int
    selection_p: float
    multivariable: tuple[str, ...]
    interactions: tuple[str, ...]
    balance_thresholds: tuple[float, ...]
    tie_break_draws: int
    repeated_tie_breaks: int

    @property
    def few_orders(self) -> int:
        """Tie-breaking orders where matching is repeated: the first of those of a scenario's estimate."""
        return min(self.repeated_tie_breaks, self.tie_break_draws)


@dataclass(frozen=True, slots=True)
class Inference:
    """Which blocks the joint inference is about, and how many draws it takes."""

    populations: tuple[str, ...]
    estimators: tuple[str, ...]
    landmarks: tuple[float, ...]
    predicted: Literal["longer", "shorter"]
    draws: int
    bootstrap_draws: int


@dataclass(frozen=True, slots=True)
class Study:
    """Everything the library needs to know of a study."""

    title: str
    seed: int
    primary_set: str
    anchor: tuple[float, ...]
    axes: dict[str, Axis]
    time: Quantity
    event: Quantity
    dose: Quantity
    gtv: Quantity
    lesions: Quantity
    words: Words
    id_column: str | None
    covariates: dict[str, Covariate]
    adjustment_sets: dict[str, AdjustmentSet]
    analysis: Analysis
    inference: Inference
    missing_values: str
    minimum_cell: int
    source: str
    missing: tuple[str, ...] = ()
    """Texts of cells that stand for a missing value, beside the empty cell."""
    descriptives: tuple[Descriptive, ...] = ()
    eligibility: tuple[Criterion, ...] = ()
    published: Mapping[str, float] = field(default_factory=dict)
    """Published hazard ratio of A = 1 against A = 0 of the primary threshold and dose, by estimator."""

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Study":
        """Read a configuration that has passed validation."""
        cohort = config["cohort"]
        anchor = config["study"]["anchor"]
        return cls(
            title=config["study"]["title"],
            seed=config["study"]["seed"],
            primary_set=_primary_set(config),
            anchor=tuple(axis_number(anchor[name]) for name in AXES),
            axes={name: _axis(name, config["axes"][name]) for name in AXES},
            **{role: _quantity(role, cohort[role]) for role in ("time", "event", "dose", "gtv", "lesions")},
            words=_words(cohort["event"], cohort["lesions"]),
            id_column=cohort.get("id"),
            covariates={
                table_name(name): _covariate(name, entry) for name, entry in config["covariates"].items()
            },
            adjustment_sets={
                name: AdjustmentSet(
                    name=name,
                    label=entry.get("label", name),
                    covariates=tuple(map(table_name, entry["covariates"])),
                    covariates_in_all=tuple(map(table_name, entry.get("covariates_in_all", ()))),
                )
                for name, entry in config["adjustment_sets"].items()
            },
            analysis=Analysis(**_with_names(_with_tuples(config["analysis"]))),
            inference=Inference(
                **{"landmarks": (0, *config["analysis"]["landmarks"]), **_with_tuples(config["inference"])}
            ),
            missing_values=cohort.get("missing_values", "complete_case"),
            minimum_cell=config["sharing"]["minimum_cell"],
            source=cohort["source"],
            missing=tuple(level_text(text) for text in cohort.get("missing", ())),
            descriptives=tuple(
                Descriptive(name=table_name(name), column=entry["column"], label=entry.get("label", name))
                for name, entry in cohort.get("descriptives", {}).items()
            ),
            eligibility=tuple(_criterion(entry) for entry in cohort.get("eligibility", ())),
            published={name: _of_the_higher(entry) for name, entry in cohort.get("published", {}).items()},
        )

    @property
    def per(self) -> dict[str, Per]:
        """By name, the units of the linear covariates whose hazard ratio is not per one unit."""
        return {
            name: Per(covariate.per, f"per {covariate.per:.15g} {covariate.unit or 'units'}")
            for name, covariate in self.covariates.items()
            if covariate.per != 1.0
        }

    def flags(self, names: Iterable[str]) -> tuple[str, ...]:
        """Warning that goes with results adjusted for what is known only after treatment has begun."""
        late = any(
            name in self.covariates and self.covariates[name].role == "post_treatment" for name in names
        )
        return ("post_treatment_covariate",) if late else ()


def _primary_set(config: Mapping[str, Any]) -> str:
    """Adjustment set of the primary block: the one named, else the first with baseline covariates alone."""
    late = {name for name, entry in config["covariates"].items() if entry["role"] == "post_treatment"}
    sets = config["adjustment_sets"]
    used = {name: {*entry["covariates"], *entry.get("covariates_in_all", ())} for name, entry in sets.items()}
    early = [name for name, covariates in used.items() if not late & covariates]
    return config["study"].get("adjustment_set") or next(iter([*early, *sets]), "")


def _of_the_higher(entry: Mapping[str, Any]) -> float:
    """A published hazard ratio, turned round where it is that of the lower dose."""
    return entry["hazard_ratio"] if entry["of"] == "at_or_above" else 1 / entry["hazard_ratio"]


def _with_tuples(section: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in section.items()}


def _with_names(analysis: dict[str, Any]) -> dict[str, Any]:
    lists = ("multivariable", "interactions")
    return analysis | {name: tuple(map(table_name, analysis[name])) for name in lists}


def _axis(name: str, entries: list[Any]) -> Axis:
    values = [entry["value"] if isinstance(entry, Mapping) else entry for entry in entries]
    reasons = [entry.get("reason", "") if isinstance(entry, Mapping) else "" for entry in entries]
    return Axis(name=name, values=tuple(axis_number(value) for value in values), reasons=tuple(reasons))


def _quantity(role: str, entry: Mapping[str, Any]) -> Quantity:
    limits = entry.get("range")
    return Quantity(
        role=role,
        column=entry["column"],
        label=entry.get("label", entry["column"]),
        unit=entry.get("unit", ""),
        range=tuple(limits) if limits else None,
    )


def _words(event: Mapping[str, Any], lesions: Mapping[str, Any]) -> Words:
    return Words(
        events=event.get("plural", "events"),
        state=lesions.get("state", lesions.get("label", lesions["column"])),
        below=lesions.get("below", "Low count"),
        at_or_above=lesions.get("at_or_above", "High count"),
    )


def _covariate(name: str, entry: Mapping[str, Any]) -> Covariate:
    cut = entry.get("cut")
    levels = tuple(level_text(level) for level in entry.get("levels", ()))
    if cut is not None and not levels:
        levels = (f"<{cut:.15g}", f">={cut:.15g}")
    return Covariate(
        name=table_name(name),
        column=entry["column"],
        label=entry.get("label", name),
        unit=entry.get("unit", ""),
        type=entry["type"],
        cut=cut,
        levels=levels,
        role=entry["role"],
        range=tuple(entry["range"]) if "range" in entry else None,
        merge=tuple(
            (level_text(level), merged) for merged, own in entry.get("merge", {}).items() for level in own
        ),
        per=float(entry.get("per", 1.0)),
    )


def _criterion(entry: Mapping[str, Any]) -> Criterion:
    return Criterion(
        variable=table_name(entry["variable"]),
        minimum=float(entry.get("minimum", -math.inf)),
        maximum=float(entry.get("maximum", math.inf)),
        levels=tuple(level_text(level) for level in entry.get("levels", ())),
        reason=entry["reason"],
    )
