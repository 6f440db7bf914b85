"""Quantiles of small vectors are numpy's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from survival_multiverse.estimators.quantiles import quantiles


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), st.lists(st.floats(0, 1), max_size=4))
def test_quantiles_are_those_of_numpy(values, probabilities):
    expected = np.quantile(values, probabilities)
    np.testing.assert_allclose(quantiles(np.array(values), probabilities), expected, rtol=1e-12, atol=1e-9)


def test_nothing_has_no_quantile():
    with pytest.raises(ValueError, match="no values"):
        quantiles(np.empty(0), (0.5,))
