"""Random studies that are hard on estimators: few patients, ties, gaps, rare levels, near-collinearity."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from cohorts import decisions, small_config

from survival_multiverse.estimators.curves import timefix
from survival_multiverse.settings.names import table_name
from survival_multiverse.settings.study import Study

NAMES = ("global", "all terms", "arm_", "median", "x;y", "a=b", "Größe", "year", "7")


def random_study(seed: int) -> tuple[pd.DataFrame, Study]:
    """Canonical patients and a study of them, decided by the seed alone."""
    random = np.random.default_rng(seed)
    n = int(random.choice([0, 1, 2, 5, 12, 30, 60, 120, 250]))
    dose = random.choice([50.0, 60.0, 63.0, 66.0], n, p=random.dirichlet(np.ones(4)))
    patients = pd.DataFrame(
        {
            "patient_id": np.array([f"p{i:04d}" for i in range(n)], dtype=object),
            "time": timefix(_times(random, n)),
            "event": (random.random(n) < random.choice([0.0, 0.1, 0.5, 0.9, 1.0])).astype("int64"),
            "dose": dose,
            "gtv": random.choice([50.0, 99.9999999999, 100.0, 250.0], n),
            "lesions": random.integers(1, 10, n).astype(float),
        }
    )
    covariates = {}
    for name in random.choice(NAMES, int(random.integers(1, 5)), replace=False):
        entry, values = _covariate(random, str(name), patients)
        covariates[str(name)], patients[table_name(str(name))] = entry, values
    for column in ("gtv", "lesions"):
        patients[column] = patients[column].mask(random.random(n) < random.choice([0.0, 0.0, 0.3]))
    return patients, Study.from_config(_config(covariates, random))


def _times(random: np.random.Generator, n: int) -> np.ndarray:
    kind = random.integers(4)
    if kind == 0:
        return random.integers(1, 6, n) * 6.0
    if kind == 1:
        return np.maximum(random.exponential(12, n), 1e-3)
    if kind == 2:
        return np.minimum(np.maximum(random.exponential(15, n), 0.1), 24.0) + random.choice([0, 4e-15], n)
    return np.round(random.exponential(300, n) + 0.1, 1)


def _covariate(
    random: np.random.Generator, name: str, patients: pd.DataFrame
) -> tuple[dict[str, Any], np.ndarray]:
    n, role = len(patients), str(random.choice(["baseline", "post_treatment"]))
    if random.random() < 0.5:
        levels = ["a", "b", "c", "d"][: int(random.integers(2, 5))]
        share = random.dirichlet(np.full(len(levels), random.choice([0.1, 1.0, 5.0])))
        values = random.choice(levels, n, p=share).astype(object)
        values[random.random(n) < random.choice([0.0, 0.2])] = None
        return {"column": name, "type": "categorical", "levels": levels, "role": role}, values
    high = (patients["dose"] >= 60).to_numpy(dtype=float)
    values = [
        random.normal(size=n),
        random.normal(size=n) * 10.0 ** random.integers(-6, 6) + 10.0 ** random.integers(0, 6),
        50 + 20 * high + random.normal(size=n) * 10.0 ** -random.integers(1, 8),
        np.full(n, 3.0),
        patients["time"].to_numpy() + random.normal(size=n) * 1e-3,
        random.integers(2018, 2023, n).astype(float),
    ][int(random.integers(6))]
    entry = {"column": name, "type": "continuous", "role": role}
    if n and random.random() < 0.4:
        entry["cut"] = float(np.median(values))
    return entry, values


def _config(covariates: Mapping[str, Any], random: np.random.Generator) -> dict[str, Any]:
    config = small_config(
        minimum_events=int(random.choice([1, 2, 5])), tie_break_draws=3, repeated_tie_breaks=2
    )
    config["study"]["primary"] |= {"oligo_threshold": 3, "dose_cutoff": 60}
    config["decisions"] = decisions(
        oligo_threshold=[3], dose_cutoff=[60], gtv_cutoff=[100], caliper=[0.2, "none"]
    )
    config["covariates"] = dict(covariates)
    grouped = [name for name, entry in covariates.items() if entry["type"] == "categorical" or "cut" in entry]
    config["adjustment_sets"] = {
        "all": {"covariates": [*covariates, "gtv"], "covariates_in_all": ["lesions"]}
    }
    config["analysis"] |= {"multivariable": ["gtv", *covariates], "interactions": ["gtv", *grouped]}
    return config
