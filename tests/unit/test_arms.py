"""Counts by arm and by pair, against counts made the long way."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from survival_multiverse.kernels.arms import arm_counts, arms_suffice, whole_pairs

rows = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1), st.integers(0, 5)), max_size=12)


@given(rows, st.integers(1, 3))
def test_counts_are_those_of_the_rows(patients, minimum):
    event, arm, pair = np.array(patients, dtype=np.int64).reshape(-1, 3).T.copy()
    found = arm_counts(event, arm)
    assert found == tuple(
        int(np.sum(of[arm == code])) for of in (np.ones_like(arm), event) for code in (0, 1)
    )
    assert arms_suffice(event, arm, minimum) == (min(found[2:]) >= minimum)
    whole = np.array([np.sum(pair == code) == 2 for code in pair], dtype=bool)
    assert whole_pairs(event, pair) == (whole.sum(), event[whole].sum())
