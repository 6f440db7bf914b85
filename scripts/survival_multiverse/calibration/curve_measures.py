"""Coverage of the intervals of restricted means, survival and medians, in cohorts whose truth is known."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.calibration.replicates import KNOWN_EFFECT, NO_EFFECT, calibration_config
from survival_multiverse.calibration.truth import TRUTH_REPLICATE
from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.cohort.sample import Sample, design_matrix
from survival_multiverse.cohort.simulation import PotentialOutcomes, potential_outcomes, simulate_cohort
from survival_multiverse.estimators.curve_measures import Contrast, contrasts, weighted_contrasts
from survival_multiverse.estimators.curves import normal_quantile
from survival_multiverse.estimators.doubly_robust import doubly_robust
from survival_multiverse.estimators.standardised import outcome_model, standardised
from survival_multiverse.kernels.weighted_cox import tilt
from survival_multiverse.scenario.comparability import Scored, matched_sample, score_columns
from survival_multiverse.scenario.encoded_study import encode_study
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Status
from survival_multiverse.settings.study import Study

STANDARDISED, DOUBLY_ROBUST = "standardised", "doubly_robust"
KEYS = ["setting", "estimator", "adjustment_set", "error", "measure", "at"]
COLUMNS = [
    *KEYS,
    "truth",
    "mean",
    "nominal",
    "observed",
    "monte_carlo_se",
    "mean_error",
    "spread",
    "cohorts",
    "not_estimated",
]


def measure_replicates(
    config: Mapping[str, Any], setting: str, replicates: Iterable[int]
) -> Iterator[pd.DataFrame]:
    """Simulate cohorts one by one and contrast the arms in every measure under the primary cutoffs.

    Parameters
    ----------
    config
        A validated configuration with `cohort.simulation`.
    setting
        no_effect or known_effect; see `replicates`.
    replicates
        Numbers of the cohorts, from 1; each is its own seed.

    Yields
    ------
    pd.DataFrame
        A cohort's estimates and standard errors, NaN where there is none, by `KEYS`.
    """
    narrowed = calibration_config(config, setting)
    study = Study.from_config(narrowed)
    for replicate in replicates:
        frame = simulate_cohort(narrowed["cohort"]["simulation"], study, replicate=replicate)
        patients = prepare_cohort(frame, study).patients
        rows = pd.DataFrame(_estimates(patients, study))
        yield rows.assign(setting=setting, replicate=replicate)


def _estimates(patients: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    encoded = encode_study(patients, study, study.primary)
    sample = encoded.sample(study.primary)
    at = _at(study)
    rows = _records(Estimator.UNADJUSTED, "", "greenwood", contrasts(*_outcome(sample), **at))
    for name, scored in encoded.scores(sample):
        pairs = matched_sample(scored, encoded.match(scored, study.primary_cutoffs.caliper))
        for error, cluster in (("clustered", pairs.pair), ("greenwood", None)):
            found = contrasts(*_outcome(pairs), cluster=cluster, **at)
            rows += _records(Estimator.MATCHED, name, error, found)
        if scored.status is Status.OK:
            rows += _of_score(name, scored, at)
    return rows


def _of_score(name: str, scored: Scored, at: Mapping[str, Any]) -> list[dict[str, Any]]:
    sample, probability = scored.sample, scored.fit.probability
    rows = []
    for estimator in WEIGHTED:
        found = weighted_contrasts(*_outcome(sample), score_columns(scored), probability, estimator, **at)
        rows += _records(estimator, name, "robust", found)
        stacked = [one._replace(std_error=one.stacked_error) for one in found]
        rows += _records(estimator, name, "stacked", stacked)
    model = outcome_model(*_outcome(sample), design_matrix(sample, scored.names)[0])
    rows += _records(STANDARDISED, name, "influence", standardised(model, **at)[1])
    return rows + _records(DOUBLY_ROBUST, name, "influence", doubly_robust(model, probability, **at)[1])


def _at(study: Study) -> dict[str, Any]:
    return {"horizons": [study.analysis.rmst_horizon], "times": study.analysis.survival_times}


def _outcome(sample: Sample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return sample.time, sample.event, sample.arm


def _records(
    estimator: str, adjustment_set: str, error: str, found: Iterable[Contrast]
) -> list[dict[str, Any]]:
    about = {"estimator": str(estimator), "adjustment_set": adjustment_set, "error": error}
    return [
        about | {"measure": one.measure, "at": one.at, "estimate": one.estimate, "std_error": one.std_error}
        for one in found
    ]


def true_measures(config: Mapping[str, Any], *, patients: int) -> pd.DataFrame:
    """Return the measures that each estimator estimates where the dose has its configured effect.

    Everybody counts twice, once with each potential outcome, weighted as in `truth.true_log_ratios`; the
    standardised and doubly robust contrasts are of everybody, as those of IPTW are.

    Parameters
    ----------
    config
        A validated configuration with `cohort.simulation`.
    patients
        Patients to simulate, of whom the primary population is a part.

    Returns
    -------
    pd.DataFrame
        estimator, adjustment_set, measure, at, estimate (the truth) and std_error.
    """
    narrowed = calibration_config(config, KNOWN_EFFECT)
    simulation = narrowed["cohort"]["simulation"] | {"patients": patients}
    study = replace(Study.from_config(narrowed), id_column="patient number")
    outcomes = potential_outcomes(simulation, study, replicate=TRUTH_REPLICATE)
    encoded = encode_study(prepare_cohort(outcomes.patients, study).patients, study, study.primary)
    number = encoded.cohort.ids.astype(np.int64) - 1
    sample, at = encoded.sample(study.primary), _at(study)
    rows = _records(Estimator.UNADJUSTED, "", "", _doubled(outcomes, number[sample.index], None, at))
    for name, scored in encoded.scores(sample):
        matched = matched_sample(scored, encoded.match(scored, study.primary_cutoffs.caliper))
        rows += _records(Estimator.MATCHED, name, "", _doubled(outcomes, number[matched.index], None, at))
        own = number[scored.sample.index]
        for kind, estimator in enumerate(WEIGHTED):
            found = _doubled(outcomes, own, tilt(scored.fit.probability, kind), at)
            rows += _records(estimator, name, "", found)
        everybody = _doubled(outcomes, own, None, at)
        for label in (STANDARDISED, DOUBLY_ROBUST):
            rows += _records(label, name, "", everybody)
    return pd.DataFrame(rows)


def _doubled(
    outcomes: PotentialOutcomes, rows: np.ndarray, weight: np.ndarray | None, at: Mapping[str, Any]
) -> list[Contrast]:
    """Contrast the curves of both potential outcomes of the same patients."""
    return contrasts(
        outcomes.time[rows].T.ravel(),
        outcomes.event[rows].T.ravel(),
        np.repeat([0, 1], len(rows)),
        weight=None if weight is None else np.concatenate([weight, weight]),
        cluster=np.tile(np.arange(len(rows)), 2),
        **at,
    )


def measure_table(records: pd.DataFrame, truths: pd.DataFrame, *, level: float) -> pd.DataFrame:
    """Return the share of the cohorts in which each interval holds the truth.

    Parameters
    ----------
    records
        Rows of `measure_replicates`.
    truths
        Rows of `true_measures`; without an effect the truth is 0.
    level
        Confidence level of the intervals.

    Returns
    -------
    pd.DataFrame
        Columns `COLUMNS`: truth and mean estimate, nominal and observed coverage with its Monte-Carlo error,
        mean standard error and the standard deviation of the estimates, cohorts with and without an interval.
    """
    z = normal_quantile(level)
    known = {
        (row.estimator, row.adjustment_set, row.measure, f"{row.at:g}"): row.estimate
        for row in truths.itertuples()
    }
    lines = []
    for key, group in records.groupby(KEYS, sort=False, dropna=False):
        setting, estimator, adjustment_set, _, measure, at = key
        truth = 0.0 if setting == NO_EFFECT else known[estimator, adjustment_set, measure, f"{at:g}"]
        here = group[group["std_error"].notna() & group["estimate"].notna()]
        observed = float(((here["estimate"] - truth).abs() <= z * here["std_error"]).mean())
        error = float(np.sqrt(observed * (1 - observed) / max(len(here), 1)))
        numbers = (truth, here["estimate"].mean(), level, observed, error)
        spread = (here["std_error"].mean(), here["estimate"].std(), len(here), len(group) - len(here))
        lines.append((*key, *numbers, *spread))
    return pd.DataFrame(lines, columns=COLUMNS)
