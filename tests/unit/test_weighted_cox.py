"""Errors of weighted models that account for the estimated score: R (reference/stacked.R), derivatives."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines.datasets import load_lung

from survival_multiverse.balancing.propensity import fit_propensity
from survival_multiverse.balancing.weighting import propensity_weights
from survival_multiverse.estimators.cox import cox
from survival_multiverse.kernels.cox import CONSTANT, NO_CONVERGENCE, OK, SEPARATION, TOO_FEW_EVENTS
from survival_multiverse.kernels.weighted_cox import IPTW, OVERLAP, weighted_arm
from survival_multiverse.settings.schema import Estimator

REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "stacked.json").read_text())
KINDS = {"overlap": OVERLAP, "iptw": IPTW}


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


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_reference_is_what_r_prints():
    command = ["Rscript", str(REFERENCE / "stacked.R")]
    live = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    for row, stored in zip(live, R, strict=True):
        np.testing.assert_allclose(values(row), values(stored), rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_estimate_and_robust_error_are_those_of_the_weighted_model(kind):
    time, event, arm, X = cohort("lung", 30.4375)
    weight = propensity_weights(fit_propensity(X, arm).probability, arm, Estimator(kind))
    fit = cox(time, event, arm[:, None], weight=weight, robust=True)
    beta, robust, _, _ = estimate(time, event, arm, X, kind)
    np.testing.assert_allclose([beta, robust**2], [fit.coefficients[0], fit.variance_robust[0, 0]], rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_origin_and_scale_of_the_score_s_columns_do_not_matter(kind):
    time, event, arm, X = cohort("veteran")
    probability = fit_propensity(X, arm).probability
    plain = weighted_arm(time, event, arm, X, probability, KINDS[kind])
    moved = weighted_arm(time, event, arm, 1e3 * X + 1e11, probability, KINDS[kind])
    np.testing.assert_allclose(moved, plain, rtol=1e-8)


def test_without_covariates_weights_are_one_and_the_errors_agree():
    time, event, arm, X = cohort("veteran")
    beta, robust, stacked, code = estimate(time, event, arm, X[:, :0], "iptw")
    assert code == OK
    # Every weight is 1, whatever the share: what its estimation adds and what the score's adds cancel.
    np.testing.assert_allclose(stacked, robust, rtol=1e-9)
    fit = cox(time, event, arm[:, None], robust=True)
    np.testing.assert_allclose([beta, robust**2], [fit.coefficients[0], fit.variance_robust[0, 0]], rtol=1e-9)


def test_codes_of_what_cannot_be_estimated():
    time = np.arange(1.0, 9)
    arm = np.array([0, 1] * 4)
    event = np.ones(8, dtype=np.int64)
    X, half = np.empty((8, 0)), np.full(8, 0.5)
    for kind in (OVERLAP, IPTW):
        assert weighted_arm(time, event, arm, X, half, kind)[3] == OK
        for case, probability, code in (
            ((time, 0 * event, arm), half, TOO_FEW_EVENTS),
            ((time, event, 0 * arm), half, CONSTANT),
            ((time, event, np.array([1, 1, 1, 1, 0, 0, 0, 0])), half, SEPARATION),
            ((time, event, arm), np.full(8, np.nan), NO_CONVERGENCE),
            ((time[:0], event[:0], arm[:0]), half[:0], TOO_FEW_EVENTS),
        ):
            *numbers, found = weighted_arm(*case, X[: len(case[0])], probability, kind)
            assert found == code
            assert np.isnan(numbers).all()


def test_a_weight_without_bound_is_no_estimate():
    time, event, arm = np.arange(1.0, 5), np.ones(4, dtype=np.int64), np.array([0, 1, 0, 1])
    for probability in ([0.5, 0.5, 1.0, 0.5], [0.5, 0.0, 0.5, 0.5]):
        found = weighted_arm(time, event, arm, np.empty((4, 0)), np.array(probability), IPTW)
        assert found[3] == NO_CONVERGENCE


def test_an_aliased_column_leaves_the_stacked_error_alone_undefined():
    time, event, arm, X = cohort("veteran")
    probability = fit_propensity(X, arm).probability
    beta, robust, stacked, code = weighted_arm(time, event, arm, np.c_[X, X[:, 0]], probability, OVERLAP)
    assert code == OK
    assert np.isfinite([beta, robust]).all()
    assert np.isnan(stacked)


def drawn(generator, n):
    """A cohort without an effect whose arm and survival depend on two covariates."""
    X = generator.normal(size=(n, 2))
    arm = (generator.uniform(size=n) < 1 / (1 + np.exp(-X @ [0.6, -0.5]))).astype(np.int64)
    time = generator.exponential(np.exp(-X @ [1.0, -0.8]))
    limit = generator.uniform(0.5, 4, size=n)
    order = np.argsort(np.minimum(time, limit), kind="stable")
    seen = np.minimum(time, limit)[order], (time <= limit).astype(np.int64)[order]
    return *seen, arm[order], np.ascontiguousarray(X[order])


@pytest.mark.parametrize("kind", KINDS)
def test_stacked_errors_are_those_of_repeated_sampling_and_robust_ones_are_too_large(kind):
    generator = np.random.default_rng(8)
    found = np.array([estimate(*drawn(generator, 200), kind)[:3] for _ in range(400)])
    spread = found[:, 0].std(ddof=1)
    robust, stacked = np.sqrt((found[:, 1:] ** 2).mean(axis=0))
    # The standard deviation of 400 draws is known to 3.5 %.
    assert stacked / spread == pytest.approx(1, abs=0.12)
    assert robust / spread > 1.2
