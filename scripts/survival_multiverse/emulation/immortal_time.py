"""The ways to deal with the time before treatment, through the multiverse of a study."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from survival_multiverse.emulation.emulate import emulate, no_estimates
from survival_multiverse.emulation.method_names import DECISION, TYPE, Method
from survival_multiverse.emulation.study_treatment import NoTimesError, grace_periods, scenario_treatment
from survival_multiverse.inference.specification_summary import summarise
from survival_multiverse.scenario.encoded_study import EncodedStudy, covariate_names, encode_study
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import STATUS_REASON, Status
from survival_multiverse.settings.study import Decision, Study
from survival_multiverse.settings.values import Scenario, Value

IDLE = frozenset(("caliper", "caliper_sd", "score", "estimators", "adjustment_sets"))
"""What an option may change that these analyses do not know: matching, scores, and estimators. The adjustment
set stands in a column of its own."""
KEYS = ("method", "parameter", "estimand")
"""Columns that tell the ways apart."""
Key = tuple[tuple[Value | None, ...], str]
"""Options that matter to the ways, the others as None, and the adjustment set."""


def immortal_time(patients: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Compare treated and untreated patients of every scenario in every way to deal with time.

    Scenarios that differ in what no way depends on are one. Bootstrap intervals are made in the primary one.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Has times of treatment.

    Returns
    -------
    pd.DataFrame
        The options of the decisions (null where they make no difference), population, adjustment_set,
        is_primary, the columns of `emulate`, and flags: a row each scenario and adjustment set with each
        method and its landmark or grace period.

    Raises
    ------
    ValueError
        If the study has no times of treatment.
    """
    if not study.has_treatment_times:
        raise ValueError("this study has no times of treatment (cohort.treatment)")
    primary = _key(study, study.primary, study.primary_set)
    parts = []
    for key, scenario, encoded in _distinct(patients, study):
        options, name = key
        table = _ways(patients, encoded, scenario, name, bootstrap=key == primary)
        own = encoded.study
        flags = own.flags(covariate_names(own.adjustment_sets[name], own.primary_population))
        keys: dict[str, object] = {**dict(zip(study.decisions, options, strict=True))}
        keys |= {"population": str(study.primary_population), "adjustment_set": name}
        keys |= {"is_primary": key == primary}
        parts.append(pd.DataFrame(keys, index=table.index).join(table).assign(flags=",".join(flags)))
    return _typed(pd.concat(parts, ignore_index=True), study)


def _distinct(patients: pd.DataFrame, study: Study) -> Iterator[tuple[Key, Scenario, EncodedStudy]]:
    """Yield the first scenario of each that differ, for every adjustment set, with what it analyses."""
    seen: set[Key] = set()
    encoded: EncodedStudy | None = None
    variant: Scenario | None = None
    for scenario in study.grid:
        for name in study.under(study.variant(scenario)).adjustment_sets:
            key = _key(study, scenario, name)
            if key in seen:
                continue
            seen.add(key)
            if encoded is None or study.variant(scenario) != variant:
                variant = study.variant(scenario)
                encoded = encode_study(patients, study, scenario)
            yield key, scenario, encoded


def _key(study: Study, scenario: Scenario, adjustment_set: str) -> Key:
    names = covariate_names(study.adjustment_sets[adjustment_set], study.primary_population)
    options = zip(study.decisions.values(), scenario, strict=True)
    return tuple(value if touches(own, names) else None for own, value in options), adjustment_set


def touches(decision: Decision, names: tuple[str, ...]) -> bool:
    """Say whether another option of a decision can change a way that adjusts for these covariates.

    Parameters
    ----------
    decision
        Of the study.
    names
        Covariates of an adjustment set.

    Returns
    -------
    bool
    """
    coded = {name for option in decision.changes.values() for name in option.coding}
    unused = IDLE | ({"gtv"} - {*names}) | (set() if coded & {*names} else {"coding"})
    return bool(decision.kinds - unused)


def _ways(
    patients: pd.DataFrame, encoded: EncodedStudy, scenario: Scenario, name: str, *, bootstrap: bool
) -> pd.DataFrame:
    study = encoded.study
    landmarks, graces, unit = study.analysis.landmarks, grace_periods(study), study.time.unit
    unestimated = partial(no_estimates, landmarks=landmarks, graces=graces, unit=unit)
    try:
        own = scenario_treatment(patients, encoded, scenario, name)
    except NoTimesError as reason:
        return unestimated(Status.NOT_APPLICABLE, str(reason))
    if own.time.size == 0:
        return unestimated(Status.EMPTY_ARM, STATUS_REASON[Status.EMPTY_ARM])
    return emulate(
        own,
        landmarks=landmarks,
        graces=graces,
        level=study.analysis.confidence_level,
        minimum_events=study.analysis.minimum_events,
        bootstrap=study.inference.bootstrap_draws if bootstrap else 0,
        seed=study.seed,
        unit=unit,
    )


def _typed(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the table with numbers and texts as types of the options, also where all are null."""
    kinds = {name: "float64" if own.numeric else "string" for name, own in study.decisions.items()}
    return table.astype(kinds)


def primary_ways(table: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the primary scenario and adjustment set.

    Parameters
    ----------
    table
        From `immortal_time`.

    Returns
    -------
    pd.DataFrame
    """
    return table[table["is_primary"].astype(bool)]


def immortal_time_summary(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Summarise the analyses of each way that answer one question; ways are never put together.

    Parameters
    ----------
    table
        From `immortal_time`.
    study
        Says which decisions are between equivalent options: they vary inside a summary.

    Returns
    -------
    pd.DataFrame
        The options of the other decisions, population, adjustment_set, `KEYS`, analyses, estimated,
        median_hazard_ratio, lowest, highest, ci_below_1, ci_above_1 (intervals on that side).
    """
    keys = [*study.outside, "population", "adjustment_set", *KEYS]
    groups = table.groupby(keys, sort=False, dropna=False)
    found = pd.DataFrame([dict(zip(keys, key, strict=True)) | _summary(own) for key, own in groups])
    kinds = {name: "float64" if study.decisions[name].numeric else "string" for name in study.outside}
    return found.astype(kinds)


def _summary(rows: pd.DataFrame) -> dict[str, object]:
    found = summarise(rows.rename(columns={"hazard_ratio": "estimate"}), RATIO)
    ends = {
        name: row.get("estimate", np.nan)
        for name, row in {"lowest": found.lowest, "highest": found.highest}.items()
    }
    return {
        "analyses": found.attempted,
        "estimated": found.estimated,
        "median_hazard_ratio": found.median,
        **ends,
        "ci_below_1": found.ci_longer,
        "ci_above_1": found.ci_shorter,
    }


def ways(study: Study) -> list[tuple[Method, float]]:
    """Return the options of the decision between the ways: methods with landmark or grace period, or NaN.

    Parameters
    ----------
    study
        Gives landmarks and grace periods.

    Returns
    -------
    list of tuple
        In the order of `immortal_time`.
    """
    times = {Method.LANDMARK: study.analysis.landmarks, Method.CLONE_CENSOR_WEIGHT: grace_periods(study)}
    return [(method, float(when)) for method in Method for when in times.get(method, (np.nan,))]


def decision_record(study: Study) -> dict[str, str]:
    """Return the decision between the ways, and what each option estimates, for the footer of a file.

    Parameters
    ----------
    study
        Gives landmarks and grace periods, and the unit of time.

    Returns
    -------
    dict
    """
    options = {
        f"{method} {when:g} {study.time.unit}" if when == when else str(method): method.estimand_at(
            when, study.time.unit
        )
        for method, when in ways(study)
    }
    return {DECISION: TYPE} | options
