"""Quantiles of small vectors are numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survival_multiverse.estimators.quantiles import known_median, quantiles


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.lists(st.floats(0, 1), max_size=4))
def test_quantiles_are_those_of_numpy(values, probabilities):
    expected = np.quantile(values, probabilities)
    np.testing.assert_allclose(quantiles(np.array(values), probabilities), expected, rtol=1e-12, atol=1e-9)


def test_nothing_has_no_quantile():
    with pytest.raises(ValueError, match="no values"):
        quantiles(np.empty(0), (0.5,))


@given(st.lists(st.lists(st.floats(-1e6, 1e6) | st.just(np.nan), min_size=4, max_size=4), max_size=5))
def test_medians_leave_gaps_out(rows):
    known = [[value for value in row if not np.isnan(value)] for row in rows]
    expected = [np.median(row) if row else np.nan for row in known]
    np.testing.assert_array_equal(known_median(np.array(rows).reshape(-1, 4)), expected)
    np.testing.assert_array_equal([known_median(np.array(row)) for row in rows], expected)


def test_the_median_of_nothing_is_not_known():
    assert np.isnan(known_median(np.empty(0)))


@pytest.mark.parametrize("shape", [(0,), (3, 0), (2, 3, 0)])
def test_the_median_of_nothing_is_unknown(shape):
    found = known_median(np.empty(shape))
    assert found.shape == shape[:-1]
    assert np.isnan(found).all()
