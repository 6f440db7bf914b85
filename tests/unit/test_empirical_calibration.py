"""Empirical calibration against a published example, direct maximisation, and simulated controls."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import kstest, norm

from survival_multiverse.inference.empirical_calibration import (
    MINIMUM_CONTROLS,
    SIMULATED_SIZES,
    SystematicError,
    calibrated_p_value,
    fit_systematic_error,
    log_likelihood,
)


def test_the_p_value_of_the_published_example():
    # Sertraline and bleeding, by the vignette of the R package EmpiricalCalibration 3.0.0 (Schuemie et al.
    # 2014): its null distribution, the estimate, and the calibrated P value, all as printed there.
    error = SystematicError(mean=0.7920, standard_deviation=0.2835, log_likelihood=math.nan)
    assert calibrated_p_value(0.7326235, 0.07371708, error) == pytest.approx(0.839405, abs=2e-4)


def test_the_likelihood_is_that_of_normal_estimates():
    y, s = np.array([0.1, -0.3, 0.8]), np.array([0.1, 0.2, 0.4])
    expected = norm.logpdf(y, 0.2, np.sqrt(0.09 + s**2)).sum()
    assert log_likelihood(0.2, 0.09, y, s) == pytest.approx(expected, rel=1e-12)


def by_direct_maximisation(y, s):
    """The highest likelihood over mean and logarithm of the standard deviation, from many starts."""

    def loss(parameters):
        return -log_likelihood(parameters[0], math.exp(2 * parameters[1]), y, s)

    starts = [(start, scale) for start in (y.min(), y.mean(), y.max()) for scale in (-6, -3, -1.5, -0.5, 1)]
    options = {"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000, "maxfev": 4000}
    found = [minimize(loss, start, method="Nelder-Mead", options=options) for start in starts]
    return min(found, key=lambda own: own.fun)


CONTROLS = st.lists(
    st.tuples(st.floats(-2, 2), st.floats(0.02, 1.0)), min_size=MINIMUM_CONTROLS, max_size=12
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(CONTROLS)
def test_no_direct_maximisation_finds_a_better_fit(controls):
    y, s = np.array(controls).T
    fit, other = fit_systematic_error(y, s), by_direct_maximisation(y, s)
    assert fit.log_likelihood >= -other.fun - 1e-7
    assert fit.log_likelihood == pytest.approx(
        log_likelihood(fit.mean, fit.standard_deviation**2, y, s), rel=1e-12
    )


@pytest.mark.parametrize("seed", range(5))
def test_mean_and_spread_are_those_of_direct_maximisation(seed):
    random = np.random.default_rng(seed)
    s = random.uniform(0.05, 0.3, 30)
    y = random.normal(0.3, np.hypot(s, 0.25))
    fit, other = fit_systematic_error(y, s), by_direct_maximisation(y, s)
    assert fit.mean == pytest.approx(other.x[0], abs=1e-6)
    assert fit.standard_deviation == pytest.approx(math.exp(other.x[1]), abs=1e-6)


def test_equal_errors_have_a_closed_form():
    y, s = np.array([0.0, 0.4, 0.8, -0.2]), np.full(4, 0.1)
    fit = fit_systematic_error(y, s)
    assert fit.mean == pytest.approx(y.mean())
    assert fit.standard_deviation**2 == pytest.approx(y.var() - 0.01)


def test_controls_that_vary_by_chance_alone_have_no_spread():
    fit = fit_systematic_error([0.01, -0.01, 0.0], [0.3, 0.3, 0.3])
    assert fit.standard_deviation == 0.0
    assert calibrated_p_value(0.5, 0.2, fit) == pytest.approx(2 * norm.sf(2.5), rel=1e-9)
    assert fit_systematic_error([0.2, 0.2], [0.1, 0.3]).mean == pytest.approx(0.2)


def test_the_order_of_the_controls_makes_no_difference():
    random = np.random.default_rng(3)
    y, s = random.normal(0, 0.4, 9), random.uniform(0.1, 0.3, 9)
    one, other = fit_systematic_error(y, s), fit_systematic_error(y[::-1], s[::-1])
    assert one.mean == pytest.approx(other.mean, rel=1e-12)
    assert one.standard_deviation == pytest.approx(other.standard_deviation, rel=1e-9)


@pytest.mark.parametrize(
    ("estimates", "errors", "message"),
    [
        ([0.1], [0.2], "two controls"),
        ([0.1, 0.2], [0.2], "two controls"),
        ([0.1, math.nan], [0.2, 0.2], "finite"),
        ([0.1, 0.2], [0.2, 0.0], "above 0"),
    ],
)
def test_what_cannot_be_fitted_is_refused(estimates, errors, message):
    with pytest.raises(ValueError, match=message):
        fit_systematic_error(estimates, errors)


def simulated(controls, *, mean, spread, repeats, seed):
    """Calibrated and ordinary P values of studies without an effect, each with so many controls."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        s = random.uniform(0.08, 0.3, controls + 1)
        y = random.normal(mean, np.hypot(s, spread))
        fit = fit_systematic_error(y[1:], s[1:])
        found.append((float(calibrated_p_value(y[0], s[0], fit)), 2 * norm.sf(abs(y[0] / s[0]))))
    return np.array(found).T


@pytest.mark.slow
def test_calibrated_p_values_of_simulated_controls_are_uniform():
    calibrated, ordinary = simulated(100, mean=0.3, spread=0.2, repeats=1500, seed=2014)
    assert kstest(calibrated, "uniform").pvalue > 0.01
    assert abs((calibrated < 0.05).mean() - 0.05) < 3 * math.sqrt(0.05 * 0.95 / 1500) + 0.005
    # As they stand they are not.
    assert (ordinary < 0.05).mean() > 0.3


@pytest.mark.slow
@pytest.mark.parametrize("controls", SIMULATED_SIZES)
def test_with_few_controls_calibrated_p_values_are_as_much_too_small_as_is_said(controls):
    assert min(SIMULATED_SIZES) == MINIMUM_CONTROLS
    repeats, said = 1500, SIMULATED_SIZES[controls]
    calibrated, ordinary = simulated(controls, mean=0.3, spread=0.2, repeats=repeats, seed=100 + controls)
    found = (calibrated < 0.05).mean()
    assert abs(found - said) < 0.005 + 3 * math.sqrt(said * (1 - said) / repeats)
    assert found < (ordinary < 0.05).mean()
