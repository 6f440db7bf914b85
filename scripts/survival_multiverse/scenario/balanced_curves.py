"""Survival curves under weights and standardised, on a grid of times, for drawing."""

import math

import numpy as np
import pandas as pd

from survival_multiverse.cohort.coarse_curves import time_step
from survival_multiverse.cohort.sample import design_matrix
from survival_multiverse.estimators.curve_measures import weighted_survival
from survival_multiverse.estimators.curves import normal_quantile
from survival_multiverse.estimators.standardised import outcome_model, standardised
from survival_multiverse.scenario.comparability import Scored, score_columns
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Status
from survival_multiverse.settings.study import Study

BALANCED_COLUMNS = ("estimator", "arm", "time", "survival", "ci_lower", "ci_upper")
_Line = tuple[str, int, float, float, float, float]


def balanced_curves(scored: Scored, study: Study) -> pd.DataFrame:
    """Return the curves of both arms under each kind of weights, and standardised from the adjusted model.

    Parameters
    ----------
    scored
        Patients with a propensity score.
    study
        Gives the grid of times (`coarse_curves.time_step`) and the limits.

    Returns
    -------
    pd.DataFrame
        Columns `BALANCED_COLUMNS`, a row a time of the grid, as far as an arm is followed; of `adjusted` as
        far as both are. Limits allow for the estimated score, or model. No rows where there is none.
    """
    sample, step = scored.sample, time_step(study)
    rows: list[_Line] = []
    # A step that fills up at the last time of an arm is told at the next time of the grid.
    grids = {a: _grid(sample.time[sample.arm == a], step) for a in (0, 1)}
    if scored.status is Status.OK:
        for estimator in WEIGHTED:
            rows += _weighted(scored, estimator, grids, study)
    model = outcome_model(
        sample.time, sample.event, sample.arm, design_matrix(sample, scored.names)[0], sample.entry
    )
    if model.status is Status.OK:
        z = normal_quantile(study.analysis.confidence_level)
        for a, (grid, read) in grids.items():
            arms, _ = standardised(model, horizons=[], times=read)
            for when, (s, error, status) in zip(grid, arms[a], strict=True):
                if status is Status.OK:
                    limits = (max(s - z * error, 0.0), min(s + z * error, 1.0))
                    rows.append((str(Estimator.ADJUSTED), a, when, s, *limits))
    return pd.DataFrame(rows, columns=list(BALANCED_COLUMNS))


def _grid(time: np.ndarray, step: float) -> tuple[list[float], list[float]]:
    """Return the times of the grid, and when they are read: at the last by the end of follow-up."""
    last = float(time[-1]) if len(time) else 0.0
    grid = step * np.arange(math.ceil(last / step * (1 - 1e-12)) + 1)
    return np.round(grid, 9).tolist(), np.minimum(grid, last).tolist()


def _weighted(
    scored: Scored,
    estimator: Estimator,
    grids: dict[int, tuple[list[float], list[float]]],
    study: Study,
) -> list[_Line]:
    sample, analysis = scored.sample, study.analysis
    rows: list[_Line] = []
    for a, (grid, read) in grids.items():
        readings = weighted_survival(
            sample.time,
            sample.event,
            sample.arm,
            score_columns(scored),
            scored.fit.probability,
            estimator,
            times=read,
            entry=sample.entry,
            conf_type=analysis.survival_conf_type,
            level=analysis.confidence_level,
        )[a][1]
        rows += [
            (str(estimator), a, when, one.estimate, one.ci_lower, one.ci_upper)
            for when, one in zip(grid, readings, strict=True)
        ]
    return rows
