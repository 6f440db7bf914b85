"""Pearson's chi-square against scipy and all 20 P values of the paper's Table 1."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency

from survival_multiverse.estimators.contingency import pearson_chi_square
from survival_multiverse.settings.schema import Status

# Counts by level, dose < 63 Gy and >= 63 Gy, with the printed P: before matching (93, 90), after (59, 59).
TABLE_1 = {
    "sex": ([(66, 59), (27, 31)], 0.431, [(47, 38), (12, 21)], 0.065),
    "age": ([(52, 48), (41, 42)], 0.726, [(31, 27), (28, 32)], 0.461),
    "kps": ([(58, 52), (35, 38)], 0.526, [(32, 32), (27, 27)], 1.000),
    "histology": ([(35, 24), (47, 61), (11, 5)], 0.048, [(24, 20), (30, 35), (5, 4)], 0.651),
    "t_stage": ([(33, 36), (60, 54)], 0.529, [(19, 22), (40, 37)], 0.562),
    "n_stage": ([(11, 14), (82, 76)], 0.463, [(5, 12), (54, 47)], 0.066),
    "response": ([(64, 68), (29, 22)], 0.309, [(43, 43), (16, 16)], 1.000),
    # Printed as < 0.001.
    "cycles": ([(63, 32), (30, 58)], 0.000, [(30, 30), (29, 29)], 1.000),
    "gtv": ([(44, 40), (49, 50)], 0.697, [(23, 23), (36, 36)], 1.000),
    "organs": ([(37, 41), (56, 49)], 0.430, [(23, 27), (36, 32)], 0.456),
}


def rows(counts):
    """Return (codes, arm), one row a patient."""
    counts = np.array(counts)
    codes = np.repeat(np.arange(counts.size) // 2, counts.ravel())
    return codes, np.repeat(np.arange(counts.size) % 2, counts.ravel())


@pytest.mark.parametrize("covariate", TABLE_1)
@pytest.mark.parametrize("matched", [False, True])
def test_published_p_values(covariate, matched):
    counts, printed = TABLE_1[covariate][2 * matched : 2 * matched + 2]
    assert tuple(np.sum(counts, axis=0)) == ((59, 59) if matched else (93, 90))
    test = pearson_chi_square(*rows(counts), len(counts))
    assert test.status is Status.OK
    assert abs(test.p_value - printed) <= 0.0005 + 1e-12


def test_agrees_with_scipy():
    rng = np.random.default_rng(1)
    for _ in range(200):
        counts = rng.integers(0, 30, size=(rng.integers(2, 6), 2)) + 1
        expected = chi2_contingency(counts, correction=False)
        test = pearson_chi_square(*rows(counts), len(counts))
        assert test.chi2 == pytest.approx(expected.statistic, rel=1e-12, abs=1e-12)
        assert test.p_value == pytest.approx(expected.pvalue, rel=1e-10)
        assert test.df == expected.dof


def test_missing_codes_and_absent_levels_are_left_out():
    codes, arm = rows([(8, 3), (4, 9)])
    plain = pearson_chi_square(codes, arm, 2)
    holes = pearson_chi_square(np.r_[codes * 3, -1, -1], np.r_[arm, 0, 1], 5)
    assert holes == plain
    assert plain.df == 1


@pytest.mark.parametrize(
    ("codes", "arm", "status"),
    [
        ([0, 1, 1], [1, 1, 1], Status.EMPTY_ARM),
        ([0, 1, -1], [0, 0, 1], Status.EMPTY_ARM),
        ([], [], Status.EMPTY_ARM),
        ([2, 2, 2], [0, 1, 1], Status.CONSTANT),
    ],
)
def test_untestable_tables_have_a_status(codes, arm, status):
    test = pearson_chi_square(np.array(codes, dtype=int), np.array(arm, dtype=int), 3)
    assert test.status is status
    assert np.isnan([test.chi2, test.p_value]).all()


@pytest.mark.parametrize(
    ("codes", "arm"), [([0, 3], [0, 1]), ([0, -2], [0, 1]), ([0, 1], [0, 2]), ([0], [0, 1])]
)
def test_programming_errors_raise(codes, arm):
    with pytest.raises(ValueError, match="codes"):
        pearson_chi_square(np.array(codes), np.array(arm), 3)


@given(st.lists(st.tuples(st.integers(-1, 3), st.integers(0, 1)), max_size=8))
def test_tiny_inputs_never_crash(patients):
    codes = np.array([p[0] for p in patients], dtype=int)
    arm = np.array([p[1] for p in patients], dtype=int)
    test = pearson_chi_square(codes, arm, 4)
    assert np.isnan(test.p_value) != (test.status is Status.OK)
    assert test.status is not Status.OK or 0 <= test.p_value <= 1
