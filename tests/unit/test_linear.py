"""Small linear algebra of the kernels against numpy, and detection of columns without information."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survival_multiverse.kernels.linear import cholesky_solve, independent_columns, invert_spd

RUNS = settings(max_examples=60, deadline=None, derandomize=True)


@RUNS
@given(k=st.integers(1, 15), seed=st.integers(0, 10**6))
def test_solve_and_inverse(k, seed):
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(2 * k + 3, k))
    matrix, rhs = factor.T @ factor, rng.normal(size=k)
    inverse, ok = invert_spd(matrix)
    assert ok
    np.testing.assert_allclose(inverse @ matrix, np.eye(k), atol=1e-9)
    np.testing.assert_array_equal(inverse, inverse.T)
    np.testing.assert_allclose(cholesky_solve(matrix, rhs), np.linalg.solve(matrix, rhs), rtol=1e-8)


@pytest.mark.parametrize(
    "matrix", [[[1.0, 1.0], [1.0, 1.0]], [[1.0, 2.0], [2.0, 1.0]], [[0.0]], [[np.nan]], [[np.inf]], [[-1.0]]]
)
def test_not_positive_definite(matrix):
    matrix = np.array(matrix)
    inverse, ok = invert_spd(matrix)
    assert not ok
    assert np.isnan(inverse).all()
    assert np.isnan(cholesky_solve(matrix, np.ones(len(matrix)))).all()


@RUNS
@given(k=st.integers(1, 8), seed=st.integers(0, 10**6), size=st.sampled_from([1e-6, 1.0, 1e8]))
def test_aliased_columns_are_found_in_order(k, seed, size):
    rng = np.random.default_rng(seed)
    X = size * (rng.normal(size=(40, k)) + rng.normal(size=k))
    combination = X @ rng.normal(size=k) + 3.0 * size
    constant = np.full(40, 0.1 * size)
    wide = np.column_stack([constant, X, combination, rng.normal(size=40)])
    assert independent_columns(wide).tolist() == [False, *[True] * k, False, True]
    first = np.column_stack([combination, X])
    assert independent_columns(first).tolist() == [True] * k + [False]


@pytest.mark.parametrize(("noise", "kept"), [(1e-4, True), (1e-11, False)])
def test_tolerance(noise, kept):
    rng = np.random.default_rng(0)
    x = rng.normal(size=200)
    assert independent_columns(np.column_stack([x, 5.0 * x + noise * rng.normal(size=200)]))[1] == kept


def test_dummies_of_all_levels_lose_the_last():
    levels = np.arange(30) % 3
    assert independent_columns((levels[:, None] == np.arange(3)).astype(float)).tolist() == [
        True,
        True,
        False,
    ]


def test_empty_and_single_rows():
    assert independent_columns(np.empty((0, 2))).tolist() == [False, False]
    assert independent_columns(np.ones((1, 2))).tolist() == [False, False]
    assert independent_columns(np.ones((5, 0))).size == 0
