"""Patterns of covariates: every row has one, equal rows share it, and nothing else does."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from survival_multiverse.kernels.patterns import row_patterns


@given(
    arrays(
        np.float64,
        st.tuples(st.integers(0, 40), st.integers(0, 4)),
        elements=st.sampled_from([0.0, 1.0, 2.5, -3.0, 1e-300, np.nan]),
    )
)
def test_patterns_are_the_distinct_rows_in_order(X):
    pattern, first = row_patterns(np.ascontiguousarray(X))
    seen = {}
    for row in X:
        seen.setdefault(row.tobytes(), len(seen))
    assert pattern.tolist() == [seen[row.tobytes()] for row in X]
    assert [X[row].tobytes() for row in first] == list(seen)


@pytest.mark.parametrize("columns", [1, 6])
def test_many_distinct_rows_keep_apart(columns):
    X = np.random.default_rng(1).normal(size=(5_000, columns))
    pattern, first = row_patterns(np.vstack([X, X]))
    np.testing.assert_array_equal(pattern, np.tile(np.arange(5_000), 2))
    np.testing.assert_array_equal(first, np.arange(5_000))
