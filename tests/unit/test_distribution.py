"""Mean, spread and quartiles of one arm, against numpy."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from survival_multiverse.kernels.distribution import distribution

rows = st.lists(st.tuples(st.floats(-50, 50) | st.just(np.nan), st.integers(0, 1)), max_size=20)


@given(rows)
def test_every_number_is_numpys(patients):
    column = np.array([value for value, _ in patients], dtype=np.float64)
    arm = np.array([code for _, code in patients], dtype=np.int64)
    for which in (0, 1):
        n, mean, deviation, *quartiles = distribution(column, arm, which)
        values = column[(arm == which) & ~np.isnan(column)]
        assert n == values.size
        if n == 0:
            assert np.isnan([mean, deviation, *quartiles]).all()
            continue
        np.testing.assert_allclose(mean, values.mean(), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(quartiles, np.quantile(values, (0.25, 0.5, 0.75)), rtol=1e-12, atol=1e-12)
        if n == 1:
            assert np.isnan(deviation)
        else:
            np.testing.assert_allclose(deviation, values.std(ddof=1), rtol=1e-9, atol=1e-9)
