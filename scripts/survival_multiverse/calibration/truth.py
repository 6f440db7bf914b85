"""True values of each estimator, from simulated patients with both potential outcomes."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.calibration.replicates import KNOWN_EFFECT, calibration_config
from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.cohort.sample import design_matrix
from survival_multiverse.cohort.simulation import PotentialOutcomes, potential_outcomes
from survival_multiverse.estimators.cox import cox, hazard_ratio
from survival_multiverse.kernels.weighted_cox import tilt
from survival_multiverse.scenario.comparability import Scored, matched_sample
from survival_multiverse.scenario.encoded_study import encode_study
from survival_multiverse.settings.schema import WEIGHTED, Estimator
from survival_multiverse.settings.study import Study

TRUTH_REPLICATE = 0
"""Number of the patients who give the truth; the cohorts that are estimated are numbered from 1."""


def true_log_ratios(config: Mapping[str, Any], *, patients: int) -> pd.DataFrame:
    """Return the log hazard ratio that each estimator estimates where the dose has its configured effect.

    Everybody counts twice, once with each potential outcome, so that the arms are alike. The marginal
    ratios are those of a Cox model of the arm, weighted by 1 (unadjusted, IPTW), by e(1 - e) (overlap; Li,
    Morgan and Zaslavsky 2018), or of the patients whom the primary caliper matches; the adjusted one is
    that of the arm beside the covariates of the set. All under the follow-up of the cohorts: a marginal
    hazard ratio is an average over time, and depends on it.

    Parameters
    ----------
    config
        A validated configuration with `cohort.simulation`.
    patients
        Patients to simulate, of whom the primary population is a part.

    Returns
    -------
    pd.DataFrame
        estimator, adjustment_set (empty: none), truth (log hazard ratio), std_error of the simulation.
    """
    narrowed = calibration_config(config, KNOWN_EFFECT)
    simulation = narrowed["cohort"]["simulation"] | {"patients": patients}
    # Numbers as ids lead from the canonical patients back to their potential outcomes.
    study = replace(Study.from_config(narrowed), id_column="patient number")
    outcomes = potential_outcomes(simulation, study, replicate=TRUTH_REPLICATE)
    encoded = encode_study(prepare_cohort(outcomes.patients, study).patients, study, study.primary)
    number = encoded.cohort.ids.astype(np.int64) - 1
    sample = encoded.sample(study.primary)
    everybody = _doubled_log_ratio(outcomes, number[sample.index])
    rows = [(str(Estimator.UNADJUSTED), "", *everybody)]
    for name, scored in encoded.scores(sample):
        matched = matched_sample(scored, encoded.match(scored, study.primary_cutoffs.caliper))
        own = number[scored.sample.index]
        tilts = {estimator: tilt(scored.fit.probability, kind) for kind, estimator in enumerate(WEIGHTED)}
        ratios = {
            Estimator.MATCHED: _doubled_log_ratio(outcomes, number[matched.index]),
            **{name: _doubled_log_ratio(outcomes, own, weight=weight) for name, weight in tilts.items()},
            Estimator.ADJUSTED: _doubled_log_ratio(outcomes, own, covariates=_design(scored)),
        }
        rows += [(str(estimator), name, *ratio) for estimator, ratio in ratios.items()]
    return pd.DataFrame(rows, columns=["estimator", "adjustment_set", "truth", "std_error"])


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
