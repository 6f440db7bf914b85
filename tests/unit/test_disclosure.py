import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from survival_multiverse.disclosure import printed_counts, suppressed


def test_complement_protects_rows_and_columns():
    counts = np.array([[3, 40], [20, 30], [50, 60]])
    hidden = suppressed(counts, minimum=5)
    # 3 is hidden; alone in its row and its column it could be subtracted, so a rectangle goes.
    np.testing.assert_array_equal(hidden, [[True, True], [True, True], [False, False]])
    assert printed_counts(counts, minimum=5).tolist() == [["<5", "*"], ["*", "*"], ["50", "60"]]


def test_nothing_is_hidden_without_need():
    assert not suppressed(np.array([[5, 9], [7, 8]]), minimum=5).any()


@pytest.mark.parametrize("minimum", [0, 1])
def test_no_minimum_hides_nothing_but_zero(minimum):
    counts = np.array([[1, 2], [3, 4]])
    assert printed_counts(counts, minimum=minimum).tolist() == [["1", "2"], ["3", "4"]]


@given(
    npst.arrays(np.int64, st.tuples(st.integers(1, 5), st.integers(1, 3)), elements=st.integers(0, 30)),
    st.integers(1, 10),
)
def test_no_hidden_count_follows_from_totals(counts, minimum):
    hidden = suppressed(counts, minimum=minimum)
    assert hidden[counts < minimum].all()
    for line, mask in [*zip(counts, hidden, strict=True), *zip(counts.T, hidden.T, strict=True)]:
        if mask.any() and not mask.all():
            assert mask.sum() >= 2
            assert line[mask].sum() >= minimum
