"""Parts of the Cox kernels against plain loops: when there is no maximum, and what cannot be told apart."""

import itertools

import numpy as np
import pytest

from survival_multiverse.kernels.cox import collinear_coefficients, is_recession_direction
from survival_multiverse.kernels.cox_binary import _rises_for_ever
from survival_multiverse.kernels.cox_newton import risk_blocks


def never_falls(time, event, weight, stratum, margin):
    """Whether every death has the highest margin of those at risk, and any is above another at risk."""
    rises = False
    for i in np.flatnonzero((event == 1) & (weight > 0)):
        at_risk = margin[(stratum == stratum[i]) & (time >= time[i]) & (weight > 0)]
        if margin[i] < at_risk.max():
            return False
        rises |= bool(at_risk.max() > at_risk.min())
    return rises


@pytest.mark.parametrize("strata", [1, 3])
def test_a_direction_in_which_the_likelihood_never_falls_is_that_of_a_plain_loop(strata):
    random = np.random.default_rng(strata)
    answers = set()
    for _ in range(2000):
        n = int(random.integers(2, 9))
        order = np.lexsort((time := random.integers(1, 5, n), stratum := random.integers(0, strata, n)))
        time, stratum = time[order].astype(float), stratum[order]
        event = random.integers(0, 2, n)
        weight = random.choice([0.0, 0.25, 0.5, 3.0], n, p=[0.1, 0.3, 0.3, 0.3])
        X = random.integers(0, 2, (n, 2)).astype(float)
        direction = random.integers(-1, 2, 2).astype(float)
        blocks = risk_blocks(time, event, weight, np.arange(n), stratum)
        expected = never_falls(time, event, weight, stratum, X @ direction)
        assert is_recession_direction(blocks, X, direction) == expected
        answers.add(expected)
    assert answers == {True, False}


def test_one_arm_s_deaths_alone_count_while_both_arms_are_at_risk():
    """Columns: at risk and dying of arm 0, at risk and dying of arm 1."""
    for rows in itertools.product([(2, 1, 2, 0), (2, 0, 2, 1), (0, 0, 2, 1), (2, 1, 0, 0)], repeat=3):
        both = [(dead_0, dead_1) for risk_0, dead_0, risk_1, dead_1 in rows if risk_0 and risk_1]
        expected = not (any(dead_0 for dead_0, _ in both) and any(dead_1 for _, dead_1 in both))
        assert _rises_for_ever(np.array(rows, dtype=float)) == expected


def test_coefficients_that_others_all_but_determine_are_named_among_all_columns():
    random = np.random.default_rng(5)
    X = random.normal(size=(200, 3))
    X[:, 2] = X[:, 0] + 1e-9 * random.normal(size=200)
    narrow = np.linalg.inv(np.corrcoef(X, rowvar=False) + 1e-13 * np.eye(3))
    kept = np.array([True, False, True, True])
    variance = np.full((4, 4), np.nan)
    variance[np.ix_(kept, kept)] = narrow
    assert collinear_coefficients(variance, kept).tolist() == [True, False, False, True]
    variance[np.ix_(kept, kept)] = np.eye(3)
    assert not collinear_coefficients(variance, kept).any()
