"""Joint tests, adjusted P values, bands and percentile intervals, recounted on small arrays by hand."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from cohorts import small_study
from hypothesis import given, settings
from hypothesis import strategies as st

from survival_multiverse.inference.joint_inference import (
    adjust_specifications,
    block_rows,
    block_statistics,
    bootstrap_intervals,
    comparable,
    curve_bands,
    failures,
    gates_of,
    infer,
    joint_columns,
    jointly_test,
    p_value,
    statuses_of,
)
from survival_multiverse.inference.resampling import Resample, resampled_keys
from survival_multiverse.settings.measures import RATIO, Measure

STUDY = small_study()
KEYS = [*resampled_keys(STUDY), "measure"]
NONE = (np.nan, np.nan)
LONGER = {"predicted": "longer", "level": 0.95}
MEDIANS = Measure("median_difference")
STATISTICS = ("abs_median", "abs_mean_z", "median", "share_significant", "mean_z")


def keys_of(*estimators):
    """Specifications of one dose cutoff; those of one estimator make a block."""
    return pd.DataFrame(
        {
            "population": "non_oligometastatic",
            "measure": "hazard_ratio",
            "oligo_threshold": 5.0,
            "dose_cutoff": 60.0,
            "gtv_cutoff": np.arange(len(estimators), dtype=float),
            "caliper": [0.2 if name == "matched" else np.nan for name in estimators],
            "adjustment_set": "early",
            "estimator": estimators,
            "landmark": 0.0,
        }
    )[KEYS]


def one_block(specifications):
    return keys_of(*["matched"] * specifications)


def pairs(*estimates):
    return np.array(estimates, dtype=float)


def random_draws(draws, specifications, *, seed=0, gaps=0.0):
    random = np.random.default_rng(seed)
    beta = random.normal(0, 0.3, (draws, specifications)) + random.normal(0, 0.3, (draws, 1))
    error = random.uniform(0.1, 0.4, (draws, specifications))
    out = np.stack([beta, error], axis=-1)
    out[random.random((draws, specifications)) < gaps] = np.nan
    return out


def test_statistics_by_hand():
    # z = -2, -1.959 (just short) and 3.
    estimates = pairs((-0.4, 0.2), (-0.1959, 0.1), (0.3, 0.1))
    found = block_statistics(estimates, **LONGER)
    np.testing.assert_allclose(found, [0.1959, 0.959 / 3, 0.1959, 1 / 3, 0.959 / 3], rtol=1e-12)
    other = block_statistics(estimates, predicted="shorter", level=0.95)
    np.testing.assert_allclose(other, [0.1959, 0.959 / 3, -0.1959, 1 / 3, -0.959 / 3], rtol=1e-12)


def test_level_decides_what_is_significant():
    estimates = pairs((-0.18, 0.1), (-0.15, 0.1))
    shares = [block_statistics(estimates, predicted="longer", level=level)[3] for level in (0.8, 0.9, 0.95)]
    assert shares == [1.0, 0.5, 0.0]


def test_a_failed_specification_leaves_the_median_and_counts_0_elsewhere():
    kept = pairs((-0.4, 0.2), (-0.3, 0.1))
    found = block_statistics(np.vstack([kept, [NONE, NONE]]), **LONGER)
    whole = block_statistics(kept, **LONGER)
    assert found[2] == whole[2] == pytest.approx(0.35)
    assert (found[3], whole[3]) == (0.5, 1.0)
    assert (found[4], whole[4]) == (pytest.approx(5 / 4), pytest.approx(5 / 2))


def test_statistics_of_many_draws_are_those_of_each():
    draws = random_draws(20, 5, gaps=0.3)
    draws[3] = np.nan
    together = block_statistics(draws, **LONGER)
    assert together.shape == (20, 5)
    for one, row in zip(draws, together, strict=True):
        np.testing.assert_array_equal(block_statistics(one, **LONGER), row)
    assert together[3].tolist() == [0, 0, 0, 0, 0]


def test_p_value_counts_the_observed_one_and_ties():
    draws = np.array([0.1, 0.2, 0.3, 0.3 - 1e-15, 0.4])
    assert p_value(np.array(0.3), draws) == 4 / 6
    assert p_value(np.array(9.0), draws) == 1 / 6
    assert p_value(np.array(-9.0), draws) == 1.0


@settings(derandomize=True, deadline=None)
@given(st.integers(1, 40), st.integers(0, 2**31), st.floats(-3, 3), st.floats(0, 3))
def test_p_value_is_a_share_and_falls_as_the_statistic_grows(draws, seed, observed, more):
    values = np.random.default_rng(seed).normal(size=draws)
    p, smaller = (float(p_value(np.array(value), values)) for value in (observed, observed + more))
    assert 1 / (draws + 1) <= smaller <= p <= 1
    assert p * (draws + 1) == pytest.approx(round(p * (draws + 1)))


def test_joint_test_by_hand():
    keys = one_block(2)
    observed = pairs((-0.4, 0.1), (-0.2, 0.1))
    draws = np.array(
        [
            [(0.1, 0.1), (0.3, 0.1)],
            [(-0.5, 0.1), (-0.3, 0.1)],
            [(0.4, 0.1), (0.5, 0.1)],
            [NONE, (-0.35, 0.4)],
        ]
    )
    found = jointly_test(keys, observed, draws, STUDY, "permutation")
    assert len(found) == 1
    row = found.iloc[0]
    # T1: 0.3; draws -0.2, 0.4, -0.45, 0.35. T2: 1; 0, 1, 0, 0. T3: 3; -2, 4, -4.5, 0.4375.
    assert (row["median"], row.share_significant, row.mean_z) == pytest.approx((0.3, 1.0, 3.0))
    assert (row.p_median, row.p_share_significant, row.p_mean_z) == (3 / 5, 2 / 5, 2 / 5)
    assert (row.p_abs_median, row.p_abs_mean_z) == (4 / 5, 3 / 5)
    assert (row.draws, row.specifications, row["null"]) == (4, 2, "permutation")
    low, high = np.quantile([-0.2, 0.4, -0.45, 0.35], (0.025, 0.975))
    assert (row["null_median_2.5"], row["null_median_97.5"]) == pytest.approx((low, high))


def test_direction_of_the_prediction_turns_the_one_sided_tests_round():
    keys, observed, draws = one_block(4), random_draws(1, 4, seed=5)[0], random_draws(99, 4)
    shorter = replace(STUDY, inference=STUDY.inference.model_copy(update={"predicted": "shorter"}))
    mirror = np.array([-1.0, 1.0])
    one = jointly_test(keys, observed, draws, STUDY, "x")
    other = jointly_test(keys, observed * mirror, draws * mirror, shorter, "x")
    pd.testing.assert_frame_equal(
        one[[f"p_{name}" for name in STATISTICS]], other[[f"p_{name}" for name in STATISTICS]]
    )
    same = jointly_test(keys, observed, draws, shorter, "x")
    assert same.p_abs_median[0] == one.p_abs_median[0]
    assert same.p_median[0] != one.p_median[0]


def test_blocks_are_tested_apart():
    keys = keys_of("matched", "overlap", "matched", "iptw", "overlap")
    observed, draws = random_draws(1, 5, seed=2)[0], random_draws(39, 5)
    found = jointly_test(keys, observed, draws, STUDY, "x").set_index("estimator")
    assert found.specifications.to_dict() == {"iptw": 1, "matched": 2, "overlap": 2}
    for name in found.index:
        rows = np.flatnonzero(keys.estimator == name)
        alone = jointly_test(
            keys.iloc[rows].reset_index(drop=True), observed[rows], draws[:, rows], STUDY, "x"
        )
        for column in ("median", "p_median", "p_mean_z", "p_share_significant"):
            assert found.loc[name, column] == alone[column][0]


def test_adjustment_sets_are_tested_apart():
    keys = one_block(5).assign(adjustment_set=["late", "early", "late", "early", "early"])
    observed, draws = random_draws(1, 5, seed=2)[0], random_draws(39, 5)
    found = jointly_test(keys, observed, draws, STUDY, "x").set_index("adjustment_set")
    assert found.specifications.to_dict() == {"early": 3, "late": 2}
    for name in found.index:
        rows = np.flatnonzero(keys.adjustment_set == name)
        alone = jointly_test(one_block(len(rows)), observed[rows], draws[:, rows], STUDY, "x")
        for test in STATISTICS:
            assert found.loc[name, f"p_{test}"] == alone[f"p_{test}"][0]


GATE = "passes_baseline_0.1"


def test_what_passes_the_gate_is_tested_like_a_block_of_its_own():
    keys = keys_of("matched", "overlap", "matched", "matched", "adjusted")
    observed, draws = random_draws(1, 5, seed=3)[0], random_draws(39, 5)
    gates = {GATE: np.array([1.0, 0.0, 0.0, 1.0, np.nan])}
    found = jointly_test(keys, observed, draws, STUDY, "simulation", gates)
    assert list(zip(found.estimator, found.gate, found.specifications, strict=True)) == [
        ("adjusted", "all", 1),
        ("matched", "all", 3),
        ("matched", GATE, 2),
        ("overlap", "all", 1),
        ("overlap", GATE, 0),
    ]
    alone = jointly_test(one_block(2), observed[[0, 3]], draws[:, [0, 3]], STUDY, "simulation")
    through = found[(found.estimator == "matched") & (found.gate == GATE)].reset_index(drop=True)
    pd.testing.assert_frame_equal(through.drop(columns="gate"), alone.drop(columns="gate"))
    numbers = [*STATISTICS, *(f"p_{name}" for name in STATISTICS)]
    assert found.loc[found.specifications == 0, numbers].isna().all(axis=None)
    whole = found[found.gate == "all"].reset_index(drop=True)
    pd.testing.assert_frame_equal(whole, jointly_test(keys, observed, draws, STUDY, "simulation"))


@pytest.mark.parametrize(("null", "landmark"), [("permutation", 0.0), ("simulation", 8.0)])
def test_where_draws_have_other_arms_what_passes_the_gate_has_no_p_value(null, landmark):
    keys = one_block(3).assign(landmark=landmark)
    observed, draws = random_draws(1, 3, seed=3)[0], random_draws(39, 3)
    gates = {GATE: np.array([1.0, 1.0, 0.0])}
    whole, through = jointly_test(keys, observed, draws, STUDY, null, gates).to_dict("records")
    assert through["median"] == pytest.approx(-observed[:2, 0].mean())
    assert through["specifications"] == 2
    for name in STATISTICS:
        assert math.isnan(through[f"p_{name}"])
        assert not math.isnan(whole[f"p_{name}"])


def test_the_gates_are_found_whatever_the_order_of_the_specifications():
    keys = keys_of("matched", "matched", "adjusted").assign(caliper=[0.2, math.inf, math.nan])
    table = keys.assign(**{GATE: pd.array([True, False, None], dtype="boolean"), "landmark_order": None})
    for order in ([0, 1, 2], [2, 0, 1]):
        found = gates_of(keys, table.iloc[order], STUDY)
        assert list(found) == [GATE]
        np.testing.assert_array_equal(found[GATE], [1.0, 0.0, np.nan])
    assert np.isnan(gates_of(keys, table.iloc[1:], STUDY)[GATE][0])


def test_block_rows_are_positions_whatever_the_index_and_the_gaps():
    keys = keys_of("matched", "overlap", "matched").assign(oligo_threshold=np.nan)
    keys.index = [7, 7, 9]
    found = {block["estimator"]: rows.tolist() for block, rows in block_rows(keys, STUDY)}
    assert found == {"matched": [0, 2], "overlap": [1]}
    assert all(list(block) == joint_columns(STUDY) for block, _ in block_rows(keys, STUDY))


def test_a_block_without_an_estimate_has_no_number():
    keys, observed = one_block(2), pairs(NONE, NONE)
    row = jointly_test(keys, observed, random_draws(9, 2), STUDY, "x").iloc[0]
    assert all(math.isnan(row[name]) and math.isnan(row[f"p_{name}"]) for name in STATISTICS)
    each, blocks = bootstrap_intervals(keys, observed, np.full((9, 2, 2), np.nan), STUDY, "patients")
    assert each[["estimate", "ci_lower", "ci_upper"]].isna().all(axis=None)
    assert blocks[["median_estimate", "ci_lower", "ci_upper"]].isna().all(axis=None)


def test_draws_without_an_estimate_do_not_count_as_a_median_of_1():
    observed, draws = pairs((-0.5, 0.1), (-0.7, 0.1)), random_draws(40, 2) - [5.0, 0.0]
    draws[::4] = np.nan
    _, blocks = bootstrap_intervals(one_block(2), observed, draws, STUDY, "patients")
    medians = np.exp(np.median(draws[~np.isnan(draws[:, 0, 0])][:, :, 0], axis=1))
    expected = np.exp(np.quantile(np.log(medians), (0.025, 0.975)))
    assert blocks[["ci_lower", "ci_upper"]].iloc[0].tolist() == pytest.approx(list(expected))


def test_maximum_adjusts_each_specification_for_its_block():
    keys = keys_of("matched", "matched", "overlap")
    observed = pairs((0.3, 0.1), (-0.1, 0.1), (0.2, 0.1))
    draws = np.array(
        [
            [(-0.4, 0.1), (0.1, 0.1), (0.9, 0.1)],
            [(0.2, 0.1), NONE, (0.1, 0.1)],
            [NONE, NONE, NONE],
        ]
    )
    found = adjust_specifications(keys, observed, draws, STUDY, "permutation")
    # Largest |z| of the matched ones: 4, 2, 0; of the overlap one: 9, 1, 0.
    assert found.p_value_max_t.tolist() == [2 / 4, 3 / 4, 2 / 4]
    pd.testing.assert_frame_equal(found[KEYS], keys)


def test_adjusted_values_are_never_below_the_unadjusted_and_gaps_stay_gaps():
    observed, draws = random_draws(1, 6, seed=9)[0], random_draws(99, 6, gaps=0.1)
    observed[2] = np.nan
    adjusted = adjust_specifications(one_block(6), observed, draws, STUDY, "x").p_value_max_t.to_numpy()
    assert np.isnan(adjusted[2])
    z = np.abs(np.nan_to_num(draws[..., 0] / draws[..., 1]))
    for j in (0, 1, 3, 4, 5):
        assert adjusted[j] >= p_value(np.abs(observed[j, 0] / observed[j, 1]), z[:, j])
    order = np.argsort(-np.abs(observed[:, 0] / observed[:, 1])[[0, 1, 3, 4, 5]])
    assert (np.diff(adjusted[[0, 1, 3, 4, 5]][order]) >= 0).all()


def test_p_values_are_uniform_where_the_observed_one_is_a_draw():
    keys, trials, draws = one_block(5), 400, 19
    found = np.empty((trials, 5))
    maximal = np.empty(trials)
    for trial in range(trials):
        everything = random_draws(draws + 1, 5, seed=trial, gaps=0.05)
        row = jointly_test(keys, everything[0], everything[1:], STUDY, "x").iloc[0]
        found[trial] = [row[f"p_{name}"] for name in STATISTICS]
        maximal[trial] = np.nanmin(
            adjust_specifications(keys, everything[0], everything[1:], STUDY, "x").p_value_max_t
        )
    # Ranks of 20 exchangeable values: each level is right within four Monte-Carlo errors.
    for level in (0.05, 0.1, 0.25, 0.5):
        error = 4 * math.sqrt(level * (1 - level) / trials)
        for j in (0, 1, 2, 4):
            assert (found[:, j] <= level + 1e-9).mean() == pytest.approx(level, abs=error)
        assert (maximal <= level + 1e-9).mean() == pytest.approx(level, abs=error)
        # The share takes few values, so its test errs towards 1.
        assert (found[:, 3] <= level + 1e-9).mean() <= level + error


def test_band_is_the_null_by_rank():
    keys = one_block(3)
    observed = pairs((0.2, 0.1), (-0.2, 0.1), (0.0, 0.1))
    draws = random_draws(50, 3)
    frame = curve_bands(keys, observed, draws, STUDY, "x")
    assert frame["rank"].tolist() == [1, 2, 3]
    np.testing.assert_allclose(frame.estimate, np.exp([-0.2, 0.0, 0.2]))
    ranked = np.sort(draws[:, :, 0], axis=1)
    for name, share in (("2.5", 0.025), ("50", 0.5), ("97.5", 0.975)):
        np.testing.assert_allclose(frame[f"null_{name}"], np.exp(np.quantile(ranked, share, axis=0)))


def test_band_leaves_out_what_was_not_estimated():
    keys = one_block(3)
    observed = pairs((0.2, 0.1), NONE, (0.0, 0.1))
    draws = random_draws(50, 3, gaps=0.3)
    draws[4] = np.nan
    frame = curve_bands(keys, observed, draws, STUDY, "x")
    assert frame["rank"].tolist() == [1, 2]
    assert np.isfinite(frame.filter(like="null_").to_numpy()).all()
    assert (np.diff(frame.filter(like="null_"), axis=0) >= 0).all()
    empty = curve_bands(keys, np.full((3, 2), np.nan), draws, STUDY, "x")
    assert empty.empty


def test_bootstrap_intervals_are_percentiles():
    keys, observed, draws = one_block(3), pairs((0.1, 0.1), (0.2, 0.1), (0.6, 0.1)), random_draws(101, 3)
    draws[:60, 2] = np.nan
    each, blocks = bootstrap_intervals(keys, observed, draws, STUDY, "patients")
    assert each.draws_estimated.tolist() == [101, 101, 41]
    np.testing.assert_allclose(each.estimate, np.exp([0.1, 0.2, 0.6]))
    for j, rows in ((0, slice(None)), (2, slice(60, None))):
        expected = np.exp(np.quantile(draws[rows, j, 0], (0.025, 0.975)))
        np.testing.assert_allclose(each.loc[j, ["ci_lower", "ci_upper"]].astype(float), expected)
    medians = [np.median(row[~np.isnan(row)]) for row in draws[:, :, 0]]
    np.testing.assert_allclose(
        blocks[["ci_lower", "ci_upper"]].iloc[0].astype(float), np.exp(np.quantile(medians, (0.025, 0.975)))
    )
    assert blocks.median_estimate[0] == pytest.approx(math.exp(0.2))


def test_everything_is_told_for_each_kind_that_was_drawn():
    keys, observed = keys_of("matched", "matched", "overlap"), random_draws(1, 3, seed=4)[0]
    draws = {kind: random_draws(9, 3, seed=seed) for seed, kind in enumerate(Resample)}
    study = replace(STUDY, measures=(RATIO,))
    draws, observed = {kind: values[:, :, None] for kind, values in draws.items()}, observed[:, None]
    tables = infer(keys, observed, draws, study, {GATE: np.array([1.0, 0.0, 1.0])})
    sizes = {name: len(table) for name, table in tables.items()}
    assert sizes == {
        "joint_inference": 8,
        "adjusted_p_values": 6,
        "null_curves": 6,
        "bootstrap_intervals": 5,
        "bootstrap_medians": 3,
    }
    assert set(tables["joint_inference"]["null"]) == {"permutation", "simulation"}
    assert set(tables["bootstrap_medians"].kind) == {"bootstrap_patients", "bootstrap_pairs"}
    none = {
        kind: values if kind in ("permutation", "simulation") else values[:0]
        for kind, values in draws.items()
    }
    without = infer(keys, observed, none, study, {})
    assert without["bootstrap_intervals"].empty
    assert list(without["bootstrap_medians"].columns) == list(tables["bootstrap_medians"].columns)
    assert list(without["bootstrap_intervals"].columns) == list(tables["bootstrap_intervals"].columns)


def test_a_null_without_any_estimate_has_no_p_value():
    keys, observed = one_block(2), pairs((-0.4, 0.1), (-0.2, 0.1))
    row = jointly_test(keys, observed, np.full((9, 2, 2), np.nan), STUDY, "simulation").iloc[0]
    assert row["median"] == pytest.approx(0.3)
    assert all(math.isnan(row[f"p_{name}"]) for name in STATISTICS)
    adjusted = adjust_specifications(keys, observed, np.full((9, 2, 2), np.nan), STUDY, "simulation")
    assert adjusted.p_value_max_t.isna().all()
    bands = curve_bands(keys, observed, np.full((9, 2, 2), np.nan), STUDY, "simulation")
    assert len(bands) == 2
    assert bands.filter(like="null_").isna().all(axis=None)


def test_the_gate_after_a_landmark_is_that_of_the_patients_matched_again():
    keys = one_block(1).assign(landmark=8.0)
    both = pd.concat([keys, keys], ignore_index=True)
    table = both.assign(
        landmark_order=["match_then_landmark", "landmark_then_match"],
        **{GATE: pd.array([True, False], dtype="boolean")},
    )
    assert gates_of(keys, table, STUDY)[GATE].tolist() == [0.0]


def test_a_selected_rest_is_not_tested():
    keys = one_block(3).assign(status=["ok", "not_reached", "ok"])
    observed, draws = pairs((4.0, 1.0), NONE, (5.0, 1.0)), random_draws(19, 3)
    rest = jointly_test(keys, observed, draws, STUDY, "x", measure=MEDIANS).iloc[0]
    assert rest["status"] == "selected_rest"
    numbers = ["null_median_2.5", *STATISTICS, *(f"p_{name}" for name in STATISTICS)]
    assert rest[numbers].isna().all()
    assert rest["draws_compared"] == 0
    adjusted = adjust_specifications(keys, observed, draws, STUDY, "x", MEDIANS)
    assert adjusted["p_value_max_t"].isna().all()
    assert adjusted["status"].tolist() == ["selected_rest", "not_reached", "selected_rest"]
    bands = curve_bands(keys, observed, draws, STUDY, "x", MEDIANS)
    assert bands["estimate"].tolist() == [4, 5]
    assert bands.filter(like="null_").isna().all(axis=None)
    assert set(bands["status"]) == {"selected_rest"}
    each, blocks = bootstrap_intervals(keys, observed, draws, STUDY, "patients", MEDIANS)
    assert blocks[["median_estimate", "ci_lower", "ci_upper"]].isna().all(axis=None)
    assert blocks["status"].tolist() == ["selected_rest"]
    # Each estimate is what it is.
    assert each["status"].tolist() == ["ok", "not_reached", "ok"]


def test_what_fails_for_its_arms_leaves_a_block_that_is_tested():
    keys = one_block(3).assign(status=["ok", "no_pairs", "ok"])
    observed, draws = pairs((4.0, 1.0), NONE, (5.0, 1.0)), random_draws(19, 3)
    found = jointly_test(keys, observed, draws, STUDY, "x", measure=MEDIANS).iloc[0]
    assert (found["status"], found["median"], found["draws_compared"]) == ("ok", 4.5, 19)
    ratios = jointly_test(keys.assign(status="not_reached"), observed, draws, STUDY, "x").iloc[0]
    assert (ratios["status"], ratios["median"]) == ("ok", -4.5)


def test_a_block_without_an_estimate_says_why():
    keys = one_block(3).assign(status=["not_reached", "no_pairs", "not_reached"])
    found = jointly_test(keys, np.full((3, 2), np.nan), random_draws(9, 3), STUDY, "x", measure=MEDIANS)
    assert found["status"].tolist() == ["not_reached"]


def test_draws_are_compared_where_they_have_what_the_study_has():
    observed = pairs((4.0, 1.0), NONE, (5.0, 1.0))
    draws = np.array(
        [
            [(1.0, 1.0), (9.0, 1.0), (2.0, 1.0)],
            [NONE, (9.0, 1.0), (7.0, 1.0)],
            [(6.0, 1.0), NONE, (6.0, 1.0)],
        ]
    )
    kept = comparable(observed, draws, MEDIANS)
    np.testing.assert_array_equal(kept[:, :, 0], [[1, np.nan, 2], [6, np.nan, 6]])
    assert comparable(observed, draws, RATIO) is draws
    # Arms without a hazard ratio fail, and count as they do there.
    failed = np.array([[False] * 3, [True, False, False], [False] * 3])
    kept = comparable(observed, draws, MEDIANS, failed)
    np.testing.assert_array_equal(kept[:, :, 0], [[1, np.nan, 2], [np.nan, np.nan, 7], [6, np.nan, 6]])
    both = np.stack([np.where(failed[:, :, None], np.nan, 1.0) * np.ones(2), draws], axis=2)
    np.testing.assert_array_equal(failures(both, replace(STUDY, measures=(RATIO, MEDIANS))), failed)
    keys = one_block(3).assign(status=["ok", "no_pairs", "ok"])
    found = jointly_test(keys, observed, draws, STUDY, "x", measure=MEDIANS).iloc[0]
    # Medians of the two draws: 1.5 and 6.
    assert found[["draws", "draws_compared", "p_median"]].tolist() == [3, 2, 2 / 3]
    adjusted = adjust_specifications(keys, observed, draws, STUDY, "x", MEDIANS)
    np.testing.assert_array_equal(adjusted["p_value_max_t"], [2 / 3, np.nan, 2 / 3])
    band = curve_bands(keys, observed, draws, STUDY, "x", MEDIANS)
    np.testing.assert_allclose(band["null_50"], [3.5, 4])
    none = jointly_test(keys, observed, draws[1:2], STUDY, "x", measure=MEDIANS).iloc[0]
    assert (none["status"], none["draws_compared"]) == ("ok", 0)
    assert none[[f"p_{name}" for name in STATISTICS]].isna().all()


def test_where_large_differences_have_no_estimate_the_test_is_exact_given_that_there_is_one():
    keys, trials, draws = one_block(3), 1500, 19
    found, without = [], []
    for trial in range(trials):
        everything = random_draws(draws + 1, 3, seed=trial)
        # An arm that does well does not reach its median: a gap where the largest differences would be.
        everything[everything[:, :, 0] > 0.25] = np.nan
        if np.isnan(everything[0]).any():
            continue
        own = jointly_test(keys, everything[0], everything[1:], STUDY, "x", measure=MEDIANS).iloc[0]
        found.append([own[f"p_{name}"] for name in ("abs_median", "abs_mean_z", "median", "mean_z")])
        seen, drawn = (block_statistics(part, **LONGER) for part in (everything[0], everything[1:]))
        without.append(p_value(seen, drawn)[2])
    tested = len(found)
    assert tested > 500
    p_values = np.array(found)
    for level in (0.1, 0.25, 0.5):
        error = 4 * math.sqrt(level * (1 - level) / tested)
        # Ranks of fewer draws err towards 1.
        shares = (p_values <= level + 1e-9).mean(axis=0)
        assert (shares <= level + error).all()
        assert (shares >= level - error - 0.06).all()
    # Draws with gaps, counted by what is left of them, are a null that is too narrow.
    assert (np.array(without) <= 0.25).mean() > 0.25 + 0.1


def test_draws_without_a_difference_may_lie_on_either_side_of_an_interval():
    keys, observed = one_block(2), pairs((0.1, 0.1), (0.2, 0.1))
    draws = random_draws(200, 2)
    draws[:3, 0] = np.nan
    draws[:30, 1] = np.nan
    each, blocks = bootstrap_intervals(keys, observed, draws, STUDY, "patients", MEDIANS)
    ordered = np.sort(draws[3:, 0, 0])
    # 2.5 % of 200 draws, of which three may be the lowest, or the highest.
    assert ordered[1] <= each["ci_lower"][0] <= ordered[2]
    assert ordered[-3] <= each["ci_upper"][0] <= ordered[-2]
    assert each["status"].tolist() == ["ok", "selected_rest"]
    assert each.loc[1, ["ci_lower", "ci_upper"]].isna().all()
    assert each["draws_estimated"].tolist() == [197, 170]
    assert blocks["draws_estimated"].tolist() == [170]
    assert blocks["status"].tolist() == ["selected_rest"]
    assert blocks["median_estimate"][0] == pytest.approx(0.15)
    ratios, _ = bootstrap_intervals(keys, observed, draws, STUDY, "patients")
    assert set(ratios["status"]) == {"ok"}
    failed = np.isnan(draws[:, :, 0])
    each, blocks = bootstrap_intervals(keys, observed, draws, STUDY, "patients", MEDIANS, failed)
    limits = np.log(ratios[["ci_lower", "ci_upper"]])
    np.testing.assert_allclose(each[["ci_lower", "ci_upper"]], limits, rtol=1e-12)
    assert set(each["status"]) == set(blocks["status"]) == {"ok"}


def test_the_statuses_are_those_of_each_measure_in_the_study():
    study = replace(STUDY, measures=(RATIO, MEDIANS))
    keys = one_block(2)[resampled_keys(STUDY)]
    rows = keys.assign(landmark_order=None, measure=RATIO.name, status=["ok", "no_pairs"])
    medians = rows.iloc[::-1].assign(measure=MEDIANS.name, status=["no_pairs", "not_reached"])
    found = statuses_of(keys, pd.concat([rows, medians]), study)
    assert found.tolist() == [["ok", "not_reached"], ["no_pairs", "no_pairs"]]
