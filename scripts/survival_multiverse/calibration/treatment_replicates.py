"""Bias and coverage of every way to count the time before treatment, on cohorts of known truth."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.calibration.immortal_time import (
    TreatmentModel,
    simulate_treatment_times,
    true_strategy_log_ratio,
)
from survival_multiverse.calibration.table import COLUMNS, interval_lines
from survival_multiverse.emulation.emulate import emulate
from survival_multiverse.emulation.method_names import Method
from survival_multiverse.settings.measures import RATIO

TREATMENT_MODELS = {
    "treatment_without_effect": TreatmentModel(),
    "treatment_with_effect": TreatmentModel(log_hazard_ratio=float(np.log(0.6))),
}
"""Cohorts whose treatment starts at random times, by setting."""
PATIENTS, TIMES, LEVEL = 300, (3.0, 6.0), 0.95
"""Patients of a cohort; landmarks and grace periods, in months; of the intervals."""
NOTES = {
    Method.NAIVE: "truth is the parameter, from the start of treatment on",
    Method.LANDMARK: "truth is the parameter; who is treated later counts as untreated",
    Method.TIME_DEPENDENT: "truth is the parameter, conditional on every variable",
    Method.CLONE_CENSOR_WEIGHT: "truth is a trial of both strategies, all of whose patients comply",
}


def run_treatment_replicates(setting: str, replicates: Iterable[int], *, seed: int) -> Iterator[pd.DataFrame]:
    """Simulate cohorts one by one, and estimate the hazard ratio of treatment in every way.

    Parameters
    ----------
    setting : str
        Of `TREATMENT_MODELS`.
    replicates : iterable of int
        Numbers of the cohorts, from 1; each is its own seed, so further ones extend the fewer.
    seed : int

    Yields
    ------
    pd.DataFrame
        A row each way: estimator (method and, in months, landmark or grace period), test (which error),
        effect (log hazard ratio), lower, upper (NaN without an estimate), measure, setting, replicate.
    """
    model = TREATMENT_MODELS[setting]
    for replicate in replicates:
        cohort = simulate_treatment_times(model, patients=PATIENTS, seed=seed, replicate=replicate)
        found = emulate(cohort, landmarks=TIMES, graces=TIMES, level=LEVEL)
        yield pd.DataFrame(
            {
                "estimator": [_name(*way) for way in zip(found["method"], found["parameter"], strict=True)],
                "adjustment_set": "",
                "test": "wald_" + found["variance"],
                "measure": RATIO.name,
                "effect": found["log_hazard_ratio"],
                "lower": np.log(found["ci_lower"]),
                "upper": np.log(found["ci_upper"]),
                "setting": setting,
                "replicate": replicate,
            }
        )


def _name(method: str, parameter: float) -> str:
    return method if np.isnan(parameter) else f"{method} {parameter:g}"


def treatment_calibration(records: pd.DataFrame, *, patients: int, seed: int) -> pd.DataFrame:
    """Return bias and coverage of each way.

    Parameters
    ----------
    records : pd.DataFrame
        Rows of `run_treatment_replicates`.
    patients : int
        Of each arm of the trial that gives the truth of the strategies.
    seed : int

    Returns
    -------
    pd.DataFrame
        Columns `COLUMNS`; the observed bias is that of the mean log hazard ratio, its `monte_carlo_se` the
        standard deviation over the root of the number of cohorts (Morris, White and Crowther 2019, table 6).
    """
    lines: list[dict[str, Any]] = []
    for (setting, name, _), group in records.groupby(["setting", "estimator", "test"], sort=False):
        method, _, parameter = str(name).partition(" ")
        truth = _truth(TREATMENT_MODELS[str(setting)], method, parameter, patients=patients, seed=seed)
        notes = [NOTES[Method[method.upper()]]]
        lines += interval_lines(group, truth, RATIO, nominal=LEVEL, made=len(group), notes=notes)
    return pd.DataFrame(lines, columns=COLUMNS)


def _truth(model: TreatmentModel, method: str, parameter: str, *, patients: int, seed: int) -> float:
    # Without an effect no strategy has one.
    if method != Method.CLONE_CENSOR_WEIGHT or model.log_hazard_ratio == 0:
        return model.log_hazard_ratio
    return true_strategy_log_ratio(model, float(parameter), patients=patients, seed=seed)
