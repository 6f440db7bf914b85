"""Restricted cubic splines: straight beyond the outer knots, cubic between them, as wide as their knots."""

import numpy as np
import pytest
from scipy.interpolate import CubicSpline

from survival_multiverse.estimators.splines import quantile_knots, restricted_cubic_spline

KNOTS = {3: [35.0, 53.0, 68.0], 4: [-2.0, 0.5, 1.0, 4.0], 5: [1.0, 2.0, 4.0, 7.0, 11.0]}


@pytest.mark.parametrize("number", KNOTS)
def test_straight_beyond_the_outer_knots_and_smooth_between(number):
    knots = KNOTS[number]
    for side in (np.linspace(knots[0] - 9, knots[0], 50), np.linspace(knots[-1], knots[-1] + 9, 50)):
        np.testing.assert_allclose(np.diff(restricted_cubic_spline(side, knots), 2, axis=0), 0, atol=1e-10)
    basis = restricted_cubic_spline(np.linspace(knots[0] - 1, knots[-1] + 1, 400), knots)
    assert np.linalg.matrix_rank(np.column_stack([np.ones(400), basis])) == number


@pytest.mark.parametrize("number", KNOTS)
def test_every_natural_cubic_spline_of_these_knots_is_one(number):
    knots = KNOTS[number]
    values = np.linspace(knots[0], knots[-1], 200)
    curve = CubicSpline(knots, np.random.default_rng(1).normal(size=number), bc_type="natural")(values)
    design = np.column_stack([np.ones(200), restricted_cubic_spline(values, knots)])
    fitted = design @ np.linalg.lstsq(design, curve, rcond=None)[0]
    np.testing.assert_allclose(fitted, curve, atol=1e-9)


def test_knots_of_a_heaped_variable_are_none():
    assert quantile_knots(np.repeat([1.0, 2.0], 50)) == ()
    assert quantile_knots(np.empty(0)) == ()
    assert quantile_knots(np.arange(101.0)) == (10.0, 50.0, 90.0)
