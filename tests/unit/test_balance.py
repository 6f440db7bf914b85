"""Balance against hand formulas, scipy, and the paper's own counts."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ks_2samp

from survival_multiverse.balancing.balance import BalanceTable, balance_of_arms, indicator_columns

BINARY, CONTINUOUS = 0, 1


def balance_table(X, kinds, arm, *, subset=None, weight=None, focal_arm=1) -> BalanceTable:
    """Balance of the rows of a subset, each of weight 1 unless weights are given."""
    weight = np.ones(len(arm)) if weight is None else weight
    kept = np.ones(len(arm), dtype=bool) if subset is None else subset
    X = np.ascontiguousarray(X, dtype=np.float64)
    return balance_of_arms(X, kinds, arm, np.where(kept, weight, 0.0), focal_arm)


def mixed_cohort(seed=1, n=120):
    rng = np.random.default_rng(seed)
    arm = (rng.random(n) < 0.4).astype(np.int64)
    X = np.c_[rng.random(n) < 0.3 + 0.2 * arm, rng.normal(0.3 * arm, 1 + arm), rng.integers(0, 6, n)].astype(
        float
    )
    return X, np.array([BINARY, CONTINUOUS, CONTINUOUS]), arm


def test_unmatched_table_follows_the_formulas():
    X, kinds, arm = mixed_cohort()
    for focal in (0, 1):
        table = balance_table(X, kinds, arm, focal_arm=focal)
        for j in range(3):
            x0, x1 = X[arm == 0, j], X[arm == 1, j]
            v0, v1 = ((x.mean() * (1 - x.mean()) if kinds[j] == BINARY else x.var(ddof=1)) for x in (x0, x1))
            gap = x1.mean() - x0.mean()
            assert table.mean_0[j] == pytest.approx(x0.mean(), rel=1e-12)
            assert table.mean_1[j] == pytest.approx(x1.mean(), rel=1e-12)
            assert table.smd[j] == pytest.approx(gap / np.sqrt((v0 + v1) / 2), rel=1e-12)
            assert table.smd_att[j] == pytest.approx(gap / np.sqrt(v1 if focal else v0), rel=1e-12)
            if kinds[j] == CONTINUOUS:
                assert table.variance_ratio[j] == pytest.approx(v1 / v0, rel=1e-12)
                assert table.ks[j] == pytest.approx(ks_2samp(x1, x0).statistic, abs=1e-12)
        assert np.isnan(table.variance_ratio[0])
        assert np.isnan(table.ks[0])


def test_matched_means_keep_the_unmatched_denominators():
    X, kinds, arm = mixed_cohort()
    subset = np.random.default_rng(2).random(len(arm)) < 0.5
    before = balance_table(X, kinds, arm)
    after = balance_table(X, kinds, arm, subset=subset)
    for j in range(3):
        x0, x1 = X[subset & (arm == 0), j], X[subset & (arm == 1), j]
        sd = (before.mean_1[j] - before.mean_0[j]) / before.smd[j]
        assert after.smd[j] == pytest.approx((x1.mean() - x0.mean()) / sd, rel=1e-10)
        if kinds[j] == CONTINUOUS:
            assert after.variance_ratio[j] == pytest.approx(x1.var(ddof=1) / x0.var(ddof=1), rel=1e-12)
            assert after.ks[j] == pytest.approx(ks_2samp(x1, x0).statistic, abs=1e-12)


def test_weights():
    X, kinds, arm = mixed_cohort()
    w = np.random.default_rng(3).gamma(2, size=len(arm))
    table = balance_table(X, kinds, arm, weight=w)
    for j in range(3):
        m0, m1 = (np.average(X[arm == a, j], weights=w[arm == a]) for a in (0, 1))
        assert (table.mean_0[j], table.mean_1[j]) == pytest.approx((m0, m1), rel=1e-12)
    # numpy's reliability weights ("aweights") are those of R's cov.wt, which MatchIt names as its source.
    v0, v1 = (np.cov(X[arm == a, 1], aweights=w[arm == a]) for a in (0, 1))
    assert table.variance_ratio[1] == pytest.approx(v1 / v0, rel=1e-12)
    for j in (1, 2):
        steps = [
            abs(
                w[(arm == 1) & (X[:, j] <= x)].sum() / w[arm == 1].sum()
                - w[(arm == 0) & (X[:, j] <= x)].sum() / w[arm == 0].sum()
            )
            for x in X[:, j]
        ]
        assert table.ks[j] == pytest.approx(max(steps), abs=1e-12)


def test_equal_weights_are_no_weights():
    X, kinds, arm = mixed_cohort()
    plain, weighted = (
        balance_table(X, kinds, arm),
        balance_table(X, kinds, arm, weight=np.full(len(arm), 0.25)),
    )
    for name in ("mean_0", "mean_1", "smd", "smd_att", "variance_ratio", "ks"):
        np.testing.assert_allclose(getattr(weighted, name), getattr(plain, name), rtol=1e-12)


def published(unmatched, matched):
    """Rows from the counts (arm 0: dose < 63 Gy, 93 and 59; arm 1: 90 and 59): indicator, arm, matched."""
    x, arm, kept = [], [], []
    for a, total in enumerate((93, 90)):
        inside = [1] * matched[a] + [0] * (59 - matched[a])
        outside_ones = unmatched[a] - matched[a]
        outside = [1] * outside_ones + [0] * (total - 59 - outside_ones)
        x += inside + outside
        arm += [a] * total
        kept += [True] * 59 + [False] * (total - 59)
    return np.array(x, float)[:, None], np.array(arm), np.array(kept)


@pytest.mark.parametrize(
    ("unmatched", "matched", "smd"),
    [((27, 31), (12, 21), 0.33), ((82, 76), (54, 47), -0.35)],
    ids=["female", "N2-3"],
)
def test_published_matched_arms_are_not_balanced(unmatched, matched, smd):
    x, arm, kept = published(unmatched, matched)
    table = balance_table(x, np.array([BINARY]), arm, subset=kept)
    p0, p1 = unmatched[0] / 93, unmatched[1] / 90
    by_hand = (matched[1] - matched[0]) / 59 / np.sqrt((p0 * (1 - p0) + p1 * (1 - p1)) / 2)
    assert table.smd[0] == pytest.approx(by_hand, rel=1e-12)
    assert round(table.smd[0], 2) == smd


def test_missing_values_leave_only_their_own_column():
    X, kinds, arm = mixed_cohort()
    holes = X.copy()
    holes[::7, 1] = np.nan
    table, full = balance_table(holes, kinds, arm), balance_table(X, kinds, arm)
    known = ~np.isnan(holes[:, 1])
    only = balance_table(X[known][:, [1]], kinds[[1]], arm[known])
    assert (table.smd[1], table.ks[1], table.variance_ratio[1]) == (
        only.smd[0],
        only.ks[0],
        only.variance_ratio[0],
    )
    np.testing.assert_array_equal(table.smd[[0, 2]], full.smd[[0, 2]])


def test_zero_spread():
    arm = np.array([0, 0, 0, 1, 1, 1])
    X = np.c_[np.full(6, 0.1), np.repeat([0.1, 0.3], 3), np.ones(6), arm].astype(float)
    table = balance_table(X, np.array([CONTINUOUS, CONTINUOUS, BINARY, BINARY]), arm)
    np.testing.assert_array_equal(table.smd, [0, np.nan, 0, np.nan])
    np.testing.assert_array_equal(table.smd_att, [0, np.nan, 0, np.nan])
    assert np.isnan(table.variance_ratio).all()
    np.testing.assert_array_equal(table.ks[:2], [0, 1])


def test_factor_counts_by_its_worst_level():
    codes = np.array([0, 0, 1, 2, 0, 1, 1, 2, -1, 2])
    arm = np.array([0, 0, 0, 0, 0, 1, 1, 1, 1, 1])
    levels = indicator_columns(codes, 3)
    assert np.isnan(levels[8]).all()
    assert (levels[[0, 2, 3]] == np.eye(3)).all()
    table = balance_table(np.c_[levels, arm == 0, codes], np.array([0, 0, 0, 0, 1]), arm)
    np.testing.assert_allclose(table.mean_1[:3], [0, 2 / 4, 2 / 4])
    assert np.abs(table.smd[:3]).max() == abs(table.smd[0])
    # Perfect imbalance has no SMD, so that it can't pass a gate.
    assert np.isnan(table.smd[3])
    with pytest.raises(ValueError, match="codes"):
        indicator_columns(codes, 2)


@settings(deadline=None, max_examples=150)
@given(data=st.data(), n=st.integers(0, 7))
def test_tiny_inputs_never_crash(data, n):
    def draw(cells):
        return np.array(data.draw(st.lists(cells, min_size=n, max_size=n)))

    arm = draw(st.integers(0, 1)).astype(np.int64)
    indicator = draw(st.sampled_from([0.0, 1.0, np.nan]))
    continuous = draw(st.floats(-1e6, 1e6) | st.just(np.nan))
    weight = draw(st.floats(0, 10))
    subset = draw(st.booleans()).astype(bool)
    X = np.c_[indicator, continuous]
    table = balance_table(X, np.array([BINARY, CONTINUOUS]), arm, subset=subset, weight=weight)
    known = table.ks[~np.isnan(table.ks)]
    assert ((known >= 0) & (known <= 1 + 1e-12)).all()


def test_an_indicator_that_nobody_has_is_balanced():
    table = balance_table(np.zeros((4, 2)), np.array([0, 1]), np.array([0, 0, 1, 1]))
    assert table.smd.tolist() == table.smd_att.tolist() == [0, 0]
