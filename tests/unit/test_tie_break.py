"""Estimates over tie-breaks against plain matching and Cox models under every permuted order."""

import math
from dataclasses import replace

import numpy as np
import pytest
from cohorts import small_patients, small_study
from hypothesis import given, settings
from hypothesis import strategies as st
from test_matching import loops
from test_scenario import frame_of

from survival_multiverse.balancing.matching import integer_score, priority
from survival_multiverse.cohort.sample import encode_cohort, select_population, whole_sample
from survival_multiverse.estimators.cox import cox
from survival_multiverse.kernels.matching import caliper_units
from survival_multiverse.kernels.tie_breaks import combine_orders
from survival_multiverse.scenario import tie_break
from survival_multiverse.scenario.comparability import match, score
from survival_multiverse.scenario.tie_break import tie_break_ratios, tie_breaks
from survival_multiverse.settings.schema import Population, Status
from survival_multiverse.settings.values import Cutoffs

COARSE, FINE = ("sex", "gtv", "response"), ("sex", "years", "gtv")
TIE_BREAK_RANGE = ["tie_break_median", "tie_break_2.5", "tie_break_97.5", "draws_estimated"]
ESTIMATE = ["hazard_ratio", "variance_between_orders", "draws_estimated"]


def scored_of(patients, names=COARSE, *, study=None, population=Population.NON_OLIGOMETASTATIC):
    study = study or small_study()
    cohort = encode_cohort(patients, study)
    sample = whole_sample(cohort, Cutoffs(lesions=3, dose=60, gtv=100))
    scored = score(select_population(sample, population), names)
    return scored, priority(cohort.ids, seed=study.seed)


def tie_break_range(patients, *, draws=20, caliper=0.2, minimum_events=5, seed=3, **options):
    scored, ranks = scored_of(patients, **options)
    matching = match(scored, ranks, caliper=caliper, analysis=small_study().analysis)
    ties = tie_breaks(ranks, seed=seed, draws=draws, minimum_events=minimum_events)
    return scored, matching, ties, tie_break_ratios(scored, [caliper], matching.sd_logit, ties)[0, 0]


def orders_of(ties):
    return np.concatenate(list(ties.blocks()))


def matched_ratio(sample, pairs, *, start=0):
    """Log hazard ratio and clustered variance of these pairs by the general Cox model; NaN without."""
    rows = np.array(pairs, dtype=np.int64).ravel()
    order = np.argsort(rows)
    order = order[rows[order] >= start]
    fit = cox(
        sample.time[rows[order]],
        sample.event[rows[order]],
        sample.arm[rows[order]][:, None].astype(float),
        cluster=order // 2,
    )
    ok = fit.status is Status.OK
    return (fit.coefficients[0], fit.variance_robust[0, 0]) if ok else (math.nan, math.nan)


def by_loops(scored, matching, ties, caliper, minimum_events=5, *, start=0):
    """Match under each order by looking at every candidate, then fit; rows before `start` leave then."""
    sample, found = scored.sample, []
    units = integer_score(scored.fit.logit)
    for order in orders_of(ties):
        placed = np.empty(len(order), dtype=np.int64)
        placed[order] = np.arange(len(order))
        pairs = loops(units, sample.arm, placed[sample.index], caliper_units(caliper, matching.sd_logit))
        rows = np.array(pairs, dtype=np.int64).ravel()
        rows = rows[rows >= start]
        deaths = [int(sample.event[rows][sample.arm[rows] == side].sum()) for side in (0, 1)]
        enough = min(deaths) >= minimum_events
        found.append(matched_ratio(sample, pairs, start=start) if enough else (math.nan, math.nan))
    return np.array(found)


@pytest.mark.parametrize("caliper", [0.05, 0.2, 1.0, math.inf])
@pytest.mark.parametrize("seed", [1, 2])
def test_tie_break_range_is_plain_matching_under_each_order(caliper, seed):
    patients = small_patients(seed=seed)
    patients.loc[::17, "gtv"] = np.nan
    scored, matching, ties, found = tie_break_range(patients, caliper=caliper, draws=12)
    np.testing.assert_allclose(found, by_loops(scored, matching, ties, caliper), rtol=1e-9, atol=1e-12)
    # With few distinct scores the order does decide who is matched.
    assert np.unique(found[:, 0].round(12)).size > 1


def test_beyond_a_landmark_the_matched_who_reach_it_are_analysed():
    scored, matching, ties, _ = tie_break_range(small_patients(seed=2), draws=6)
    start = len(scored.sample) // 3
    found = tie_break_ratios(scored, [0.2], matching.sd_logit, ties, draws=4, starts=(0, start))
    assert found.shape == (2, 1, 4, 2)
    for place, first in enumerate((0, start)):
        expected = by_loops(scored, matching, ties, 0.2, start=first)[:4]
        np.testing.assert_allclose(found[place, 0], expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("orders", [1, 2, 7, 10])
def test_orders_are_combined_by_multiple_outputation(orders):
    random = np.random.default_rng(orders)
    ratios, variances = random.normal(-0.3, 0.05, orders), random.uniform(0.03, 0.05, orders)
    median, error = combine_orders(np.column_stack([ratios, variances]))
    assert median == pytest.approx(np.median(ratios))
    between = ratios.var(ddof=1) if orders > 1 else 0.0
    assert error**2 == pytest.approx(variances.mean() - between + between / orders)


def test_the_variance_of_the_median_has_a_floor_and_half_of_the_orders_must_be_estimable():
    wide = np.column_stack([np.array([-2.0, 0.0, 2.0, 0.5]), np.full(4, 0.04)])
    assert combine_orders(wide)[1] ** 2 == pytest.approx(0.02)
    half = wide.copy()
    half[:2] = np.nan
    assert not np.isnan(combine_orders(half)[0])
    half[2] = np.nan
    assert np.isnan(combine_orders(half)).all()


def test_orders_are_permutations_that_extend():
    ranks = priority([f"{i}" for i in range(60)], seed=1)
    few, many = (orders_of(tie_breaks(ranks, seed=1, draws=draws, minimum_events=5)) for draws in (50, 200))
    np.testing.assert_array_equal(few, many[:50])
    np.testing.assert_array_equal(np.sort(many, axis=1), np.tile(np.arange(60), (200, 1)))
    assert len({tuple(order) for order in many}) == 200
    other = orders_of(tie_breaks(ranks, seed=2, draws=50, minimum_events=5))
    assert (other != few).any(axis=1).all()
    # Every patient comes first about equally often.
    ties = tie_breaks(ranks, seed=1, draws=3000, minimum_events=5)
    firsts = np.bincount(orders_of(ties)[:, 0], minlength=60)
    assert ((firsts - 50) ** 2 / 50).sum() < 110


def test_orders_too_large_to_hold_are_drawn_again_and_the_same(monkeypatch):
    *_, held, ratios = tie_break_range(small_patients())
    monkeypatch.setattr(tie_break, "HELD_BYTES", 120 * 4 * 20 - 1)
    *_, drawn, again = tie_break_range(small_patients())
    assert held.held is not None
    assert drawn.held is None
    assert {len(block) for block in drawn.blocks()} == {1}
    np.testing.assert_array_equal(orders_of(drawn), orders_of(held))
    np.testing.assert_array_equal(again, ratios)


def test_orders_follow_the_patients_whatever_their_rows():
    ids = np.array([f"{i}" for i in range(60)])
    shuffled = np.random.default_rng(0).permutation(60)
    one, other = (
        orders_of(tie_breaks(priority(names, seed=1), seed=1, draws=5, minimum_events=5))
        for names in (ids, ids[shuffled])
    )
    np.testing.assert_array_equal(ids[one], ids[shuffled][other])


def study_with_years():
    """Age without a cut enters as it is."""
    study = small_study()
    linear = replace(study.covariates["age"], name="years", cut=None, levels=())
    return replace(study, covariates={**study.covariates, "years": linear})


def test_distinct_scores_leave_nothing_to_the_order():
    patients = small_patients().assign(years=np.random.default_rng(6).normal(60, 9, 120))
    scored, matching, _, found = tie_break_range(patients, names=FINE, study=study_with_years())
    assert np.unique(scored.fit.logit).size == len(scored.sample)
    primary = matched_ratio(scored.sample, matching.pairs)
    np.testing.assert_allclose(found, np.tile(primary, (20, 1)), rtol=1e-9)


def test_too_few_deaths_leave_a_gap():
    patients = small_patients()
    _, matching, ties, found = tie_break_range(patients, minimum_events=1)
    assert not np.isnan(found).any()
    beyond = len(matching.pairs) + 1
    assert np.isnan(tie_break_range(patients, minimum_events=beyond)[3]).all()
    # A limit that some orders pass and others do not.
    gaps = [
        np.isnan(tie_break_range(patients, minimum_events=limit)[3][:, 0]).sum() for limit in range(beyond)
    ]
    limit = next(limit for limit, count in enumerate(gaps) if 0 < count < 20)
    scored, matching, ties, found = tie_break_range(patients, minimum_events=limit)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(by_loops(scored, matching, ties, 0.2, limit)))


def tie_break_rows(frame, **labels):
    frame = frame[(frame.analysis == "tie_break")]
    for name, value in labels.items():
        frame = frame[frame[name] == value]
    return frame.set_index("statistic")


def test_rows_of_a_scenario_are_quantiles_of_the_ratios():
    patients, study = small_patients(), small_study(tie_break_draws=40)
    frame = frame_of(patients, study, (3, 60, 100, 0.2))
    *_, found = tie_break_range(patients, draws=40)
    rows = tie_break_rows(
        frame, population="non_oligometastatic", adjustment_set="late", landmark=0, estimator="matched"
    )
    assert sorted(rows.index) == sorted({*TIE_BREAK_RANGE, *ESTIMATE})
    logs = found[~np.isnan(found[:, 0]), 0]
    ratios = np.exp(logs)
    median, error = combine_orders(found)
    headline = rows.loc["hazard_ratio"]
    assert headline.estimate == pytest.approx(np.exp(median))
    assert headline.std_error == pytest.approx(error)
    assert headline.ci_lower == pytest.approx(np.exp(median - 1.959963984540054 * error))
    assert headline.variance == "outputation"
    assert rows.loc["variance_between_orders", "estimate"] == pytest.approx(logs.var(ddof=1))
    expected = [*np.quantile(ratios, (0.5, 0.025, 0.975)), len(ratios)]
    np.testing.assert_allclose(rows.loc[TIE_BREAK_RANGE, "estimate"].astype(float), expected, rtol=1e-12)
    assert set(rows.status) == {"ok"}


def test_every_matched_block_has_a_tie_break_range_and_no_other():
    frame = frame_of(small_patients(), small_study(), (5, 60, 100, 0.2))
    ties = frame[frame.analysis == "tie_break"]
    assert set(ties.estimator) == {"matched"}
    heads = ["population", "adjustment_set", "landmark", "landmark_order"]
    assert set(ties[ties.landmark == 0].groupby(heads, dropna=False).size()) == {
        len({*TIE_BREAK_RANGE, *ESTIMATE})
    }
    assert set(ties[ties.landmark > 0].groupby(heads, dropna=False).size()) == {len(ESTIMATE)}
    assert set(ties.landmark_order.dropna()) == {"match_then_landmark", "landmark_then_match"}
    everybody = ties[ties.landmark == 0].groupby(["population", "adjustment_set"]).ngroups
    assert everybody == 6
    low, middle, high = (
        ties[ties.statistic == name].estimate.to_numpy()
        for name in ("tie_break_2.5", "tie_break_median", "tie_break_97.5")
    )
    known = ~np.isnan(middle)
    assert known.any()
    assert (low[known] <= middle[known]).all()
    assert (middle[known] <= high[known]).all()


@pytest.mark.parametrize(
    "spoiled", [{"dose": 50.0}, {"event": 0}, {"sex": "male", "gtv": np.nan}, {"time": 3.0}]
)
def test_what_cannot_be_matched_has_a_status(spoiled):
    frame = frame_of(small_patients().assign(**spoiled), small_study(), (5, 60, 100, 0.2))
    rows = frame[(frame.analysis == "tie_break") & (frame.statistic != "draws_estimated")]
    assert len(rows)
    assert (rows.estimate.isna() == (rows.status != "ok")).all()
    assert (rows.reason.isna() == (rows.status == "ok")).all()


@settings(deadline=None, max_examples=60, derandomize=True)
@given(
    st.integers(0, 24), st.integers(1, 4), st.sampled_from([0.0, 0.1, 1.0, math.inf]), st.integers(0, 2**31)
)
def test_small_cohorts_never_fail(n, times, caliper, seed):
    random = np.random.default_rng(seed)
    patients = small_patients(n, seed=seed).assign(
        time=random.integers(1, times + 1, n).astype(float), lesions=7.0
    )
    scored, ranks = scored_of(patients, ("sex", "gtv"))
    matching = match(scored, ranks, caliper=caliper, analysis=small_study().analysis)
    if matching is None:
        return
    ties = tie_breaks(ranks, seed=seed, draws=4, minimum_events=1)
    found = tie_break_ratios(scored, [caliper], matching.sd_logit, ties)[0, 0]
    np.testing.assert_allclose(
        found, by_loops(scored, matching, ties, caliper, minimum_events=1), rtol=1e-7, atol=1e-9
    )


def test_calipers_together_give_what_each_gives_alone():
    patients = small_patients(120, seed=2)
    patients["years"] = patients["age"] // 5 * 5
    scored, matching, ties, _ = tie_break_range(
        patients, caliper=math.inf, names=FINE, study=study_with_years(), minimum_events=1
    )
    calipers = (0.0, 0.1, 0.2, 0.2, 0.5, math.inf)
    (together,) = tie_break_ratios(scored, calipers, matching.sd_logit, ties)
    for caliper, found in zip(calipers, together, strict=True):
        alone = tie_break_ratios(scored, [caliper], matching.sd_logit, ties)[0, 0]
        np.testing.assert_array_equal(found, alone)
    assert not np.array_equal(together[1], together[-1])
