"""True values of each estimator, from simulated patients with both potential outcomes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.calibration.intervals import DOUBLY_ROBUST, differences_of, read_at
from survival_multiverse.calibration.replicates import KNOWN_EFFECT, calibration_config
from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.cohort.sample import design_matrix
from survival_multiverse.cohort.simulation import PotentialOutcomes, potential_outcomes
from survival_multiverse.estimators.cox import cox, hazard_ratio
from survival_multiverse.estimators.curve_measures import contrasts
from survival_multiverse.kernels.weighted_cox import tilt
from survival_multiverse.scenario.comparability import Scored, matched_sample
from survival_multiverse.scenario.encoded_study import encode_study
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import WEIGHTED, Estimator
from survival_multiverse.settings.study import Study

TRUTH_REPLICATE = 0
"""Number of the patients who give the truth; the cohorts that are estimated are numbered from 1."""


def true_effects(config: Mapping[str, Any], *, patients: int) -> pd.DataFrame:
    """Return what each estimator estimates, by measure, where the dose has its configured effect.

    Everybody counts twice, once with each potential outcome, so that the arms are alike. The marginal
    ratios are those of a Cox model of the arm, weighted by 1 (unadjusted, IPTW), by e(1 - e) (overlap; Li,
    Morgan and Zaslavsky 2018), or of the patients whom the primary caliper matches; the adjusted one is
    that of the arm beside the covariates of the set. All under the follow-up of the cohorts: a marginal
    hazard ratio is an average over time, and depends on it. Differences are of curves weighted alike; the
    standardised and the doubly robust ones are of everybody, as those of IPTW are.

    Parameters
    ----------
    config
        A validated configuration with `cohort.simulation`.
    patients
        Patients to simulate, of whom the primary population is a part.

    Returns
    -------
    pd.DataFrame
        estimator, adjustment_set (empty: none), measure, truth (on the scale of `Measure.effect`), std_error
        of the simulation.
    """
    narrowed = calibration_config(config, KNOWN_EFFECT)
    simulation = narrowed["cohort"]["simulation"] | {"patients": patients}
    # Numbers as ids lead from the canonical patients back to their potential outcomes.
    study = replace(Study.from_config(narrowed), id_column="patient number")
    outcomes = potential_outcomes(simulation, study, replicate=TRUTH_REPLICATE)
    encoded = encode_study(prepare_cohort(outcomes.patients, study).patients, study, study.primary)
    number = encoded.cohort.ids.astype(np.int64) - 1
    sample = encoded.sample(study.primary)
    own = number[sample.index]
    rows = _truths(Estimator.UNADJUSTED, "", outcomes, own, study)
    for name, scored in encoded.scores(sample):
        matched = matched_sample(scored, encoded.match(scored, study.primary_cutoffs.caliper))
        own = number[scored.sample.index]
        rows += _truths(Estimator.MATCHED, name, outcomes, number[matched.index], study)
        for kind, estimator in enumerate(WEIGHTED):
            weight = tilt(scored.fit.probability, kind)
            rows += _truths(estimator, name, outcomes, own, study, weight)
        ratio = _doubled_log_ratio(outcomes, own, covariates=_design(scored))
        rows.append((str(Estimator.ADJUSTED), name, RATIO.name, *ratio))
        everybody = _doubled_differences(outcomes, own, study)
        for label in (Estimator.ADJUSTED, DOUBLY_ROBUST):
            rows += [(str(label), name, *difference) for difference in everybody]
    return pd.DataFrame(rows, columns=["estimator", "adjustment_set", "measure", "truth", "std_error"])


def _truths(
    estimator: Estimator,
    adjustment_set: str,
    outcomes: PotentialOutcomes,
    rows: np.ndarray,
    study: Study,
    weight: np.ndarray | None = None,
) -> list[tuple[Any, ...]]:
    found = [(RATIO.name, *_doubled_log_ratio(outcomes, rows, weight=weight))]
    found += _doubled_differences(outcomes, rows, study, weight=weight)
    return [(str(estimator), adjustment_set, *one) for one in found]


def _design(scored: Scored) -> np.ndarray:
    return design_matrix(scored.sample, scored.names)[0]


def _doubled_log_ratio(
    outcomes: PotentialOutcomes,
    rows: np.ndarray,
    *,
    weight: np.ndarray | None = None,
    covariates: np.ndarray | None = None,
) -> tuple[float, float]:
    """Return the log hazard ratio of high against low dose if each patient has both, and its error."""
    n = len(rows)
    columns = np.repeat([0.0, 1.0], n)[:, None]
    if covariates is not None:
        columns = np.hstack([columns, np.vstack([covariates, covariates])])
    fit = cox(
        outcomes.time[rows].T.ravel(),
        outcomes.event[rows].T.ravel(),
        columns,
        weight=None if weight is None else np.concatenate([weight, weight]),
        # A patient's two outcomes share their variates.
        cluster=np.tile(np.arange(n), 2),
    )
    ratio = hazard_ratio(fit, 0, variance="robust")
    return ratio.log_estimate, ratio.std_error


def _doubled_differences(
    outcomes: PotentialOutcomes, rows: np.ndarray, study: Study, *, weight: np.ndarray | None = None
) -> list[tuple[str, float, float]]:
    """Contrast the curves of both potential outcomes of the same patients: name, estimate and its error."""
    if not study.differences:
        return []
    found = contrasts(
        outcomes.time[rows].T.ravel(),
        outcomes.event[rows].T.ravel(),
        np.repeat([0, 1], len(rows)),
        weight=None if weight is None else np.concatenate([weight, weight]),
        cluster=np.tile(np.arange(len(rows)), 2),
        **read_at(study),
    )
    return [(measure.name, own.estimate, own.std_error) for measure, own in differences_of(found, study)]
