"""Weights against their formulas and against the property that defines overlap weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lifelines.datasets import load_gbsg2

from survival_multiverse.balancing.balance import balance_of_arms
from survival_multiverse.balancing.propensity import fit_propensity
from survival_multiverse.balancing.weighting import (
    effective_sample_size,
    propensity_weights,
    summarise_weights,
)
from survival_multiverse.settings.schema import Estimator

P = np.array([0.2, 0.5, 0.9, 0.25])
ARM = np.array([0, 1, 1, 0])


def gbsg2():
    frame = load_gbsg2()
    X = frame[["age", "tsize", "pnodes", "progrec"]].to_numpy(float)
    return X, (frame["horTh"] == "yes").to_numpy(np.int64)


def test_formulas():
    for estimator, weight in (
        (Estimator.OVERLAP, [0.2, 0.5, 0.1, 0.25]),
        (Estimator.IPTW, [0.5 / 0.8, 0.5 / 0.5, 0.5 / 0.9, 0.5 / 0.75]),
    ):
        np.testing.assert_allclose(propensity_weights(P, ARM, estimator), weight, rtol=1e-15)
    assert effective_sample_size(np.array([1.0, 2, 3])) == pytest.approx(36 / 14, rel=1e-15)


def test_overlap_weights_balance_the_model_s_covariates_exactly():
    X, arm = gbsg2()
    weight = propensity_weights(fit_propensity(X, arm).probability, arm, Estimator.OVERLAP)
    kinds = np.ones(4, dtype=np.int64)
    assert np.abs(balance_of_arms(X, kinds, arm, np.ones(len(arm)), 1).smd).max() > 0.1
    np.testing.assert_allclose(balance_of_arms(X, kinds, arm, weight, 1).smd, 0, atol=1e-10)


def test_stabilised_weights_sum_to_about_the_arms_and_are_one_without_covariates():
    X, arm = gbsg2()
    weight = propensity_weights(fit_propensity(X, arm).probability, arm, Estimator.IPTW)
    assert weight.mean() == pytest.approx(1, abs=0.05)
    constant = propensity_weights(fit_propensity(X[:, :0], arm).probability, arm, Estimator.IPTW)
    np.testing.assert_allclose(constant, 1, rtol=1e-12)


def test_impossible_arm_has_an_infinite_weight_and_no_effective_size():
    weight = propensity_weights(np.array([1.0, 0.5, 0.5]), np.array([0, 1, 0]), Estimator.IPTW)
    assert weight[0] == np.inf
    summary = summarise_weights(weight, np.array([0, 1, 0]))
    assert np.isnan(summary.effective_0)
    assert np.isnan(summary.effective_all)
    assert (summary.effective_1, summary.largest, summary.n_extreme) == (1, np.inf, 1)


def test_summary_by_arm():
    weight = np.array([1.0, 1, 2, 20, 20.5])
    summary = summarise_weights(weight, np.array([0, 0, 0, 1, 1]))
    assert summary.effective_0 == pytest.approx(16 / 6)
    assert summary.effective_1 == pytest.approx(40.5**2 / (400 + 20.5**2))
    assert summary.effective_all == pytest.approx(44.5**2 / (6 + 400 + 20.5**2))
    assert (summary.largest, summary.n_extreme) == (20.5, 1)


def test_empty_and_zero_weights():
    assert np.isnan(effective_sample_size(np.empty(0)))
    assert np.isnan(effective_sample_size(np.zeros(3)))
    assert propensity_weights(np.empty(0), np.empty(0), Estimator.IPTW).shape == (0,)
    assert np.isnan(summarise_weights(np.empty(0), np.empty(0)).largest)


def test_shapes_must_agree():
    with pytest.raises(ValueError, match="one shape"):
        propensity_weights(P, ARM[:3], Estimator.OVERLAP)


@given(weight=st.lists(st.floats(0, 1e300), max_size=6))
def test_effective_size_lies_between_one_and_n(weight):
    size = effective_sample_size(np.array(weight))
    if max(weight, default=0) > 0:
        assert 1 - 1e-12 <= size <= len(weight) + 1e-9
    else:
        assert np.isnan(size)


def test_a_single_weight():
    assert effective_sample_size(np.array([0.3])) == 1
    # The share of the arm is 1 where everybody is in it.
    assert propensity_weights(np.array([0.25]), np.array([1]), Estimator.IPTW).tolist() == [4]
    assert propensity_weights(np.array([0.75]), np.array([0]), Estimator.IPTW).tolist() == [4]
    summary = summarise_weights(np.array([21.0]), np.array([1]))
    assert (summary.effective_1, summary.effective_all, summary.largest, summary.n_extreme) == (1, 1, 21, 1)
    assert np.isnan(summary.effective_0)
