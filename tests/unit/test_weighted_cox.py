"""Errors of weighted models that account for the estimated score: R (reference/stacked.R), derivatives, simulation."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines.datasets import load_lung

from survival_multiverse.cox import cox
from survival_multiverse.kernels.cox import OK
from survival_multiverse.kernels.weighted_cox import IPTW, OVERLAP, weighted_arm
from survival_multiverse.propensity import fit_propensity
from survival_multiverse.weighting import overlap_weights, stabilised_weights

REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "stacked.json").read_text())
KINDS = {"overlap": OVERLAP, "iptw": IPTW}
WEIGHTS = {"overlap": overlap_weights, "iptw": stabilised_weights}


def veteran():
    frame = pd.read_csv(REFERENCE / "veteran.csv")
    frame["squamous"], frame["large"] = frame["celltype"] == "squamous", frame["celltype"] == "large"
    X = frame[["karno", "diagtime", "age", "prior", "squamous", "large"]].to_numpy(float)
    return frame["time"], frame["status"], frame["trt"] == 2, X


def lung():
    columns = ["age", "ph.ecog", "ph.karno", "wt.loss"]
    frame = load_lung()[["time", "status", "sex", *columns]].dropna()
    return frame["time"], frame["status"], frame["sex"] == 2, frame[columns].to_numpy(float)


def cohort(name, month=0):
    """Time, event, arm and columns, ascending in time."""
    time, event, arm, X = {"veteran": veteran, "lung": lung}[name]()
    time = np.ceil(time / month) if month else time
    order = np.argsort(time.to_numpy(), kind="stable")
    parts = time.to_numpy(float), event.to_numpy(np.int64), arm.to_numpy(np.int64), X
    return tuple(np.ascontiguousarray(part[order]) for part in parts)


def estimate(time, event, arm, X, kind):
    return weighted_arm(time, event, arm, X, fit_propensity(X, arm).probability, KINDS[kind])


def values(row):
    return [row["beta"], row["robust"], row["stacked"]]


@pytest.mark.parametrize("row", R, ids=lambda row: f"{row['cohort']} {row['kind']} {row['month']:g}")
def test_agrees_with_r(row):
    *numbers, code = estimate(*cohort(row["cohort"], row["month"]), row["kind"])
    assert code == OK
    np.testing.assert_allclose(numbers, values(row), rtol=1e-8)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_reference_is_what_r_prints():
    command = ["Rscript", str(REFERENCE / "stacked.R")]
    live = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for row, stored in zip(live, R, strict=True):
        np.testing.assert_allclose(values(row), values(stored), rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_estimate_and_robust_error_are_those_of_the_weighted_model(kind):
    time, event, arm, X = cohort("lung", 30.4375)
    weight = WEIGHTS[kind](fit_propensity(X, arm).probability, arm)
    fit = cox(time, event, arm[:, None], weight=weight, robust=True)
    beta, robust, _, _ = estimate(time, event, arm, X, kind)
    np.testing.assert_allclose([beta, robust**2], [fit.coefficients[0], fit.variance_robust[0, 0]], rtol=1e-9)
