"""Summaries over scenarios, against plain recounts of the scenarios' own rows."""

import math
from itertools import product

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from cohorts import small_patients, small_study
from test_multiverse import plain

from survival_multiverse.inference.robustness import (
    SPECIFICATION_ANALYSES,
    count_failures,
    distinct_rows,
    specifications,
    summarise_balance,
    summarise_blocks,
)
from survival_multiverse.scenario.multiverse import evaluate_panel

CALIPERS = (0.1, 0.2, math.inf)
PANEL = list(product((3, 5), (60, 66), (100, 150), CALIPERS))
STUDY = small_study(tie_break_draws=2)
CELLS = ["oligo_threshold", "dose_cutoff", "gtv_cutoff"]
VARIANCE = {
    "unadjusted": "model",
    "adjusted": "model",
    "matched": "outputation",
    "overlap": "stacked",
    "iptw": "stacked",
}
BLOCK = [
    "population",
    "oligo_threshold",
    "dose_cutoff",
    "adjustment_set",
    "estimator",
    "landmark",
    "landmark_order",
]


def collect(patients):
    tables = list(evaluate_panel(patients, STUDY, PANEL))
    kept = [distinct_rows(table, STUDY, first=scenario[-1] == CALIPERS[0]) for scenario, table in tables]
    everything = pa.concat_tables(table for _, table in tables).unify_dictionaries().to_pandas()
    return plain(everything), pa.concat_tables(kept).unify_dictionaries().to_pandas()


def summaries(estimates):
    specs = specifications(estimates[estimates.analysis.isin(SPECIFICATION_ANALYSES)], STUDY)
    return specs, summarise_blocks(specs, STUDY)


@pytest.fixture(scope="module")
def collected():
    return collect(small_patients(140, seed=2))


@pytest.fixture(scope="module")
def everything(collected):
    return collected[0]


@pytest.fixture(scope="module")
def estimates(collected):
    return collected[1]


@pytest.fixture(scope="module")
def specs(estimates):
    return summaries(estimates)[0]


@pytest.fixture(scope="module")
def blocks(estimates):
    return summaries(estimates)[1]


def headlines(everything):
    rows = everything[
        (everything.analysis == np.where(everything.estimator == "matched", "tie_break", "cox"))
        & (everything.statistic == "hazard_ratio")
        & (everything.variable == "arm")
        & (everything.ties == "efron")
        & everything.subgroup.isna()
        & everything.model.isin(["arm_only", "adjusted"])
    ]
    return rows[rows.variance == rows.estimator.map(VARIANCE)]


def test_unmatched_rows_are_kept_once_for_all_calipers(everything, estimates):
    matched = everything.estimator == "matched"
    assert (estimates.estimator == "matched").sum() == matched.sum()
    assert (estimates.estimator != "matched").sum() * len(CALIPERS) == (~matched).sum()
    assert estimates.caliper[estimates.estimator != "matched"].isna().all()
    assert set(estimates.caliper[estimates.estimator == "matched"]) == set(CALIPERS)


def test_each_specification_is_counted_once(specs):
    # Thresholds, dose cutoffs, volume cutoffs, sets, calipers and landmarks, where each applies.
    populations = 2 * 2 + 1
    doses, volumes, sets, orders = 2, 2, 2, 2
    matched = doses * volumes * sets * len(CALIPERS) * (1 + orders)
    other = 3 * doses * volumes * sets * (1 + 1)
    unadjusted = doses * (1 + 1)
    assert len(specs) == populations * (matched + other + unadjusted)
    assert specs.oligo_threshold[specs.population == "all"].isna().all()
    assert specs.caliper.notna().eq(specs.estimator == "matched").all()
    assert specs.gtv_cutoff.isna().eq(specs.estimator == "unadjusted").all()
    assert specs.adjustment_set.isna().eq(specs.estimator == "unadjusted").all()


def test_specifications_hold_the_numbers_of_their_scenario(everything, specs):
    rows = headlines(everything)
    for _, spec in specs.sample(120, random_state=1).iterrows():
        mine = rows[(rows.population == spec.population) & (rows.estimator == spec.estimator)]
        for name in [*CELLS, "caliper", "landmark"]:
            mine = mine if pd.isna(spec[name]) else mine[mine[name] == spec[name]]
        for name in ("adjustment_set", "landmark_order"):
            mine = mine[mine[name].isna() if pd.isna(spec[name]) else mine[name] == spec[name]]
        assert len(mine)
        assert set(mine.status) == {spec.status}
        numbers = mine[["estimate", "std_error", "ci_lower", "ci_upper", "p_value", "n", "events"]]
        expected = spec[["estimate", "std_error", "ci_lower", "ci_upper", "p_value", "n", "events"]]
        for _, found in numbers.iterrows():
            np.testing.assert_array_equal(found.to_numpy(float), expected.to_numpy(float))
        if spec.status == "ok":
            assert spec.effect == pytest.approx(math.log(spec.estimate), abs=1e-15)


def test_specifications_know_how_they_were_matched_and_balanced(everything, specs):
    row = specs[
        (specs.population == "non_oligometastatic")
        & (specs.estimator == "matched")
        & (specs.landmark == 0)
        & (specs.caliper == 0.2)
        & (specs.adjustment_set == "early")
        & (specs.oligo_threshold == 3)
        & (specs.dose_cutoff == 66)
        & (specs.gtv_cutoff == 150)
    ]
    rows = everything[
        (everything.population == "non_oligometastatic")
        & (everything.estimator == "matched")
        & (everything.landmark == 0)
        & (everything.adjustment_set == "early")
        & everything.analysis.isin(["matching", "balance_gate"])
        & (everything[[*CELLS, "caliper"]] == [3, 66, 150, 0.2]).all(axis=1)
    ]
    numbers = rows.set_index("statistic").estimate
    for name in ("pairs", "matched_share", "focal_arm", "max_abs_smd_propensity", "max_abs_smd_baseline"):
        assert row[name].item() == numbers[name]
    assert row.n.item() == 2 * numbers["pairs"]
    for name in (
        "passes_propensity_0.1",
        "passes_propensity_0.25",
        "passes_baseline_0.1",
        "passes_baseline_0.25",
    ):
        assert row[name].item() == bool(numbers[name])
    assert row["passes_baseline_0.25"].item() == (numbers["max_abs_smd_baseline"] < 0.25)


def test_primary_specifications_are_of_the_primary_scenario(specs):
    primary = specs[specs.is_primary]
    # Three populations, of which each has matched (2 sets x 3), three others (2 sets x 2) and unadjusted (2).
    assert len(primary) == 3 * (2 * 3 + 3 * 2 * 2 + 2)
    assert set(primary.dose_cutoff) == {60}
    assert set(primary.oligo_threshold.dropna()) == {5}
    assert set(primary.caliper.dropna()) == {0.2}
    assert set(primary.gtv_cutoff.dropna()) == {100}


def members(specs, block):
    rows = specs
    for name in BLOCK:
        rows = rows[rows[name].isna() if pd.isna(block[name]) else rows[name] == block[name]]
    return (
        rows if block.gate == "all" else rows[rows[block.gate].astype("boolean").fillna(False).astype(bool)]
    )


@pytest.mark.slow
def test_a_block_counts_its_comparable_analyses(specs, blocks):
    for _, block in blocks.iterrows():
        rows = members(specs, pd.Series({**block, "gate": "all"}))
        passes = rows["passes_baseline_0.1"]
        if passes.isna().all():
            assert block.comparable is pd.NA
        else:
            assert block.comparable == ((rows.status == "ok") & passes.fillna(False)).sum()
    assert blocks.comparable.isna().any()
    assert (blocks.comparable == 0).any()
    judged = blocks.estimator[blocks.comparable.notna()]
    assert set(judged) == {"matched", "overlap", "iptw"}


def test_blocks_hold_every_specification_once(specs, blocks):
    everyone = blocks[blocks.gate == "all"]
    assert not everyone[BLOCK].duplicated().any()
    assert everyone.attempted.sum() == len(specs)
    assert (blocks.attempted == blocks.estimated + blocks.not_estimable).all()
    assert (everyone.not_estimable.sum()) == (specs.status != "ok").sum() > 0


def test_blocks_are_plain_counts_and_quantiles(specs, blocks):
    for _, block in blocks.iterrows():
        rows = members(specs, block)
        assert len(rows) == block.attempted
        usable = rows[rows.status == "ok"]
        assert len(usable) == block.estimated
        assert block.effective <= block.estimated
        failed = "; ".join(
            f"{status}: {count}"
            for status, count in sorted(rows[rows.status != "ok"].status.value_counts().items())
        )
        assert block.not_estimable_by_status == failed
        if not len(usable):
            assert pd.isna(block.median_estimate)
            assert pd.isna(block.lowest)
            continue
        ratio = usable.estimate.to_numpy()
        low, high = np.quantile(ratio, [0.01, 0.99])
        assert block.median_estimate == pytest.approx(math.exp(np.median(np.log(ratio))), rel=1e-14)
        assert (block.estimate_01, block.estimate_99) == pytest.approx((low, high), rel=1e-14)
        assert block.spread == pytest.approx(high / low, rel=1e-14)
        assert block.janus == (low < 1 < high)
        assert block.share_longer == (ratio < 1).mean()
        assert block.share_shorter == (ratio > 1).mean()
        assert block.share_ci_longer == (usable.ci_upper < 1).mean()
        assert block.share_ci_shorter == (usable.ci_lower > 1).mean()
        for name in ("e_value", "e_value_of_limit", "rosenbaum_gamma"):
            known = usable[name].dropna()
            median = np.median(known) if len(known) else np.nan
            assert block[f"median_{name}"] == pytest.approx(median, nan_ok=True), name
        assert block.rosenbaum_bounds == usable.rosenbaum_gamma.notna().sum()
        assert block.lowest.startswith(f"HR {ratio.min():.3f}")
        assert block.highest.startswith(f"HR {ratio.max():.3f}")
    assert (blocks.gate != "all").any()
    bounded = blocks.rosenbaum_bounds > 0
    assert bounded.any()
    assert (blocks.estimator[bounded] == "matched").all()
    assert (blocks.gate[bounded] != "all").any()


def test_effective_counts_different_analyses(specs, blocks):
    for _, block in blocks[(blocks.gate == "all") & (blocks.estimated > 0)].iterrows():
        rows = members(specs, block)
        rows = rows[rows.status == "ok"]
        # The very same analysis gives the very same numbers.
        numbers = rows[["estimate", "std_error"]].drop_duplicates()
        assert len(numbers) <= block.effective <= len(rows)
    # A wide caliper and none give the same pairs here more often than not.
    matched = blocks[(blocks.gate == "all") & (blocks.estimator == "matched")]
    assert (matched.effective < matched.estimated).any()


def test_an_unadjusted_block_is_one_specification(blocks):
    unadjusted = blocks[(blocks.estimator == "unadjusted") & (blocks.gate == "all")]
    assert set(unadjusted.attempted) == {1}


def test_failures_are_the_rows_without_a_number(estimates):
    failures = count_failures(estimates, STUDY)
    failed = plain(estimates[estimates.status != "ok"])
    assert failures.rows.sum() == len(failed)
    labels = ["population", "estimator", "adjustment_set", "analysis", "status", "reason"]
    assert not failures[labels].duplicated().any()
    for _, failure in failures.iterrows():
        rows = failed
        for name in labels:
            rows = rows[rows[name].isna() if pd.isna(failure[name]) else rows[name] == failure[name]]
        assert len(rows) == failure.rows
        assert len(rows[[*CELLS, "caliper"]].drop_duplicates()) == failure.scenarios


def test_no_failures_is_an_empty_table(estimates):
    failures = count_failures(estimates[estimates.status == "ok"], STUDY)
    assert len(failures) == 0
    assert list(failures.columns) == list(count_failures(estimates, STUDY).columns)


def test_balance_is_summarised_by_absolute_difference(estimates):
    summary = summarise_balance(estimates, STUDY)
    rows = plain(estimates[(estimates.analysis == "balance") & (estimates.statistic == "smd")])
    chosen = summary[
        (summary.population == "all") & (summary.adjustment_set == "early") & (summary.level == "female")
    ]
    assert set(chosen.estimator) == {"unadjusted", "matched", "overlap", "iptw"}
    for _, line in chosen.iterrows():
        size = rows[
            (rows.population == "all")
            & (rows.adjustment_set == "early")
            & (rows.level == "female")
            & (rows.estimator == line.estimator)
        ].estimate.abs()
        assert line.estimates == len(size)
        assert (line.minimum, line["median"], line.maximum) == (size.min(), size.median(), size.max())
        assert line["share_below_0.1"] == (size < 0.1).mean()
        assert line["share_below_0.25"] == (size < 0.25).mean()


def test_balance_says_which_estimates_were_flagged(estimates):
    summary = summarise_balance(estimates, STUDY)
    late = summary.adjustment_set == "late"
    assert summary.loc[late, "flags"].str.contains("post_treatment_covariate").all()
    assert not summary.loc[~late, "flags"].fillna("").str.contains("post_treatment").any()
    again = summarise_balance(
        estimates.assign(flags=estimates["flags"].astype(object).where(estimates.gtv_cutoff == 100)), STUDY
    )
    pd.testing.assert_series_equal(summary["flags"], again["flags"])


def test_when_nothing_can_be_estimated_every_block_says_so():
    patients = small_patients(60)
    patients["dose"] = 50.0
    _, estimates = collect(patients)
    specs, blocks = summaries(estimates)
    assert set(specs.status) == {"empty_arm"}
    assert specs.estimate.isna().all()
    assert (blocks.estimated == 0).all()
    assert (blocks.effective == 0).all()
    assert blocks[blocks.gate == "all"].attempted.sum() == len(specs)
    assert len(count_failures(estimates, STUDY)) > 0
    summarise_balance(estimates, STUDY)
    for name in ("median_estimate", "estimate_01", "estimate_99", "share_longer", "janus", "lowest"):
        assert name in blocks.columns, name
        assert blocks[name].isna().all()
