"""Sums of squares against least squares on dummy columns, and which levels an incomplete factorial loses."""

import math
from functools import partial
from itertools import chain, combinations, product

import numpy as np
import pandas as pd
import pytest
from cohorts import small_study
from hypothesis import given, settings
from hypothesis import strategies as st

from survival_multiverse.inference import attribution
from survival_multiverse.inference.attribution import complete_levels, sums_of_squares

SETS = ("baseline", "published")


STUDY = small_study()
attribute = partial(attribution.attribute, study=STUDY)


def specs_of(values, **options):
    """Specifications of one matched block, `values` a function of the options."""
    names = ["oligo_threshold", "dose_cutoff", "gtv_cutoff", "caliper", "adjustment_set"]
    defaults = {
        "oligo_threshold": [5.0],
        "dose_cutoff": [63.0],
        "gtv_cutoff": [100.0, 146.0, 200.0],
        "caliper": [0.1, 0.2, math.inf],
        "adjustment_set": list(SETS),
    } | options
    frame = pd.DataFrame(list(product(*(defaults[name] for name in names))), columns=names)
    frame["effect"] = [values(row) for row in frame.itertuples()]
    return frame.assign(
        population="non_oligometastatic",
        estimator="matched",
        landmark=0.0,
        landmark_order=np.nan,
        measure="hazard_ratio",
        status="ok",
        variance_between_orders=0.0,
    )


def noise(seed=0):
    random = np.random.default_rng(seed)
    return lambda row: random.normal()


def terms(frame, scope="multiverse"):
    """Terms of the choices: of a single threshold and dose, volume, caliper and adjustment set."""
    return frame[(frame.scope == scope) & (frame.order > 0)].set_index("term")


def by_least_squares(array):
    """Sequential sums of squares of a balanced design: what each term's dummy columns add to the fit."""
    cells = np.indices(array.shape).reshape(array.ndim, -1)
    y = array.ravel()
    columns, left, result = np.ones((y.size, 1)), ((y - y.mean()) ** 2).sum(), {}
    axes = range(array.ndim)
    for term in chain.from_iterable(combinations(axes, order) for order in range(1, array.ndim + 1)):
        codes = np.ravel_multi_index([cells[a] for a in term], [array.shape[a] for a in term])
        columns = np.hstack([columns, codes[:, None] == np.unique(codes)])
        fitted = columns @ np.linalg.lstsq(columns, y, rcond=None)[0]
        rest = ((y - fitted) ** 2).sum()
        result[term], left = left - rest, rest
    return result


@pytest.mark.parametrize("shape", [(4,), (3, 2), (4, 6, 2), (2, 3, 2, 3), (1, 3), (5, 1, 2)])
def test_sums_of_squares_are_those_of_least_squares(shape):
    array = np.random.default_rng(len(shape)).normal(size=shape)
    found, expected = sums_of_squares(array), by_least_squares(array)
    assert list(found) == list(expected)
    np.testing.assert_allclose(list(found.values()), list(expected.values()), atol=1e-10)


def test_two_by_two_by_hand():
    # Means 2 and 6 by row, 3 and 5 by column, nothing left over but +-1.
    found = sums_of_squares(np.array([[2.0, 2.0], [4.0, 8.0]]))
    assert found == pytest.approx({(0,): 16.0, (1,): 4.0, (0, 1): 4.0})


@settings(deadline=None, derandomize=True)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 2**31))
def test_sums_of_squares_add_up(shape, seed):
    array = np.random.default_rng(seed).normal(size=shape)
    total = ((array - array.mean()) ** 2).sum()
    assert sum(sums_of_squares(array).values()) == pytest.approx(total, abs=1e-10)


def test_an_additive_surface_has_no_interaction_and_an_idle_factor_no_share():
    frame = attribute(specs_of(lambda row: row.gtv_cutoff / 100 + (row.adjustment_set == "baseline")))
    found = terms(frame)
    assert len(found) == 7
    assert found.loc["caliper", "sum_of_squares"] == pytest.approx(0, abs=1e-12)
    gtv = 6 * sum((x - np.mean([1, 1.46, 2])) ** 2 for x in (1, 1.46, 2))
    assert found.loc["gtv_cutoff", "sum_of_squares"] == pytest.approx(gtv)
    assert found.loc["adjustment_set", "sum_of_squares"] == pytest.approx(18 * 0.25)
    assert found[found.order > 1].sum_of_squares.max() == pytest.approx(0, abs=1e-12)
    assert found.share.sum() == pytest.approx(1)
    degrees = found.degrees_of_freedom
    assert degrees["gtv_cutoff"] == 2
    assert degrees["gtv_cutoff x caliper x adjustment_set"] == 4
    assert degrees.sum() == 17
    assert set(found.cells) == {18}
    assert set(found.dropped_levels) == {""}


def test_order_of_specifications_does_not_matter():
    specs = specs_of(noise())
    shuffled = specs.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(attribute(specs), attribute(shuffled))


def test_the_whole_multiverse_is_attributed_to_the_outer_cutoffs_too():
    specs = specs_of(
        lambda row: row.dose_cutoff * row.oligo_threshold,
        oligo_threshold=[3.0, 5.0],
        dose_cutoff=[60.0, 63.0, 66.0],
    )
    frame = attribute(specs)
    whole = terms(frame)
    assert len(whole) == 31
    assert set(whole.cells) == {108}
    expected = sums_of_squares(np.outer([3.0, 5.0], [60.0, 63.0, 66.0]))
    for term, key in (
        ("oligo_threshold", (0,)),
        ("dose_cutoff", (1,)),
        ("oligo_threshold x dose_cutoff", (0, 1)),
    ):
        assert whole.loc[term, "sum_of_squares"] == pytest.approx(18 * expected[key])
    # Inside the blocks nothing varies, so nothing has a share.
    inside = terms(frame, "block")
    assert len(inside) == 6 * len(SETS) * 3
    assert inside.sum_of_squares.max() == pytest.approx(0, abs=1e-9)


def test_blocks_are_kept_apart():
    random = np.random.default_rng(3)
    specs = specs_of(lambda row: random.normal(), dose_cutoff=[60.0, 66.0])
    both = terms(attribute(specs), "block")
    for cutoff, name in product((60.0, 66.0), SETS):
        mine = (specs.dose_cutoff == cutoff) & (specs.adjustment_set == name)
        alone = terms(attribute(specs[mine]), "block")
        assert len(alone) == 3
        here = both[(both.dose_cutoff == cutoff) & (both.adjustment_set == name)]
        pd.testing.assert_frame_equal(here, alone)


def with_orders(specs, *, seed=5):
    return specs.assign(variance_between_orders=np.random.default_rng(seed).uniform(0, 0.01, len(specs)))


@pytest.mark.parametrize("scope", ["block", "multiverse"])
def test_the_order_of_equal_scores_is_a_component_of_its_own(scope):
    specs = with_orders(specs_of(noise()))
    frame = attribute(specs)
    frame = frame[frame.scope == scope]
    blocks = frame.groupby("adjustment_set", dropna=False)
    for name, here in blocks:
        mine = specs if scope == "multiverse" else specs[specs.adjustment_set == name]
        here = here.set_index("term")
        logs = mine.effect
        between = mine.variance_between_orders.sum()
        assert here.loc["tie_break", "sum_of_squares"] == pytest.approx(between)
        assert here.sum_of_squares.sum() == pytest.approx(((logs - logs.mean()) ** 2).sum() + between)
        assert here.share.sum() == pytest.approx(1)
        assert here.loc["tie_break", "order"] == 0
    assert blocks.ngroups == (2 if scope == "block" else 1)


def test_levels_that_are_dropped_take_their_orders_with_them():
    specs = with_orders(specs_of(noise()))
    lost = (specs.caliper == 0.1) & (specs.gtv_cutoff != 100)
    frame = attribute(specs.assign(status=np.where(lost, "no_pairs", "ok")))
    kept = attribute(specs[specs.caliper != 0.1])
    pd.testing.assert_series_equal(
        *(f[f.term == "tie_break"].sum_of_squares.reset_index(drop=True) for f in (frame, kept))
    )


def test_a_total_far_below_1_is_shared_out():
    small = attribute(specs_of(lambda row: 1e-6 * row.gtv_cutoff))
    assert terms(small).share.sum() == pytest.approx(1)
    assert terms(small).loc["gtv_cutoff", "share"] == pytest.approx(1)


def test_where_nobody_is_matched_no_order_has_a_share():
    specs = specs_of(noise(), caliper=[np.nan]).assign(estimator="overlap", variance_between_orders=np.nan)
    assert "tie_break" not in set(attribute(specs).term)


def test_missing_cells_cost_the_level_that_misses_most_by_name():
    specs = specs_of(noise())
    lost = (specs.caliper == 0.1) & (specs.gtv_cutoff != 100)
    frame = attribute(specs.assign(status=np.where(lost, "no_pairs", "ok")))
    found = terms(frame)
    assert set(found.dropped_levels) == {"caliper 0.1"}
    assert set(found.cells) == {12}
    kept = terms(attribute(specs[specs.caliper != 0.1]))
    np.testing.assert_allclose(found.sum_of_squares, kept.sum_of_squares, atol=1e-12)
    assert found.loc["caliper", "degrees_of_freedom"] == 1


def test_a_single_missing_cell_costs_one_level():
    specs = specs_of(noise())
    specs.loc[len(specs) - 1, ["status", "effect"]] = ["no_pairs", np.nan]
    found = terms(attribute(specs))
    # A level of the volume holds 6 cells, one of the set 9: the same gap is a larger share of the former.
    assert set(found.dropped_levels) == {"gtv_cutoff 200"}
    assert set(found.cells) == {12}


def test_no_caliper_and_names_of_sets_are_spelled():
    specs = specs_of(noise())
    lost = ~((specs.caliper < 1) & (specs.adjustment_set == "baseline"))
    frame = attribute(specs.assign(status=np.where(lost, "no_pairs", "ok")))
    dropped = terms(frame).dropped_levels.iloc[0].split("; ")
    assert sorted(dropped) == ["adjustment_set published", "caliper none"]


def test_what_is_left_is_complete_and_named():
    array = np.arange(6.0).reshape(2, 3)
    array[0, 2] = array[1, 2] = np.nan
    beside = np.arange(6.0).reshape(2, 3) + 10
    left, levels, dropped, beside = complete_levels(
        array, {"row": ["a", "b"], "column": [1.0, 2.0, np.inf]}, beside
    )
    assert dropped == ["column none"]
    np.testing.assert_array_equal(beside, [[10, 11], [13, 14]])
    assert levels == {"row": ["a", "b"], "column": [1.0, 2.0]}
    np.testing.assert_array_equal(left, [[0, 1], [3, 4]])


def test_a_gate_counts_its_specifications_alone():
    specs = specs_of(noise())
    specs["passes_baseline_0.1"] = pd.array(specs.caliper != 0.1, dtype="boolean")
    frame = attribute(specs)
    alone = attribute(specs[specs.caliper != 0.1].drop(columns="passes_baseline_0.1"))
    gated = terms(frame[frame.gate == "passes_baseline_0.1"])
    np.testing.assert_allclose(gated.sum_of_squares, terms(alone).sum_of_squares, atol=1e-12)
    assert set(gated.dropped_levels) == {"caliper 0.1"}


def test_nothing_estimated_gives_no_term_and_equal_ratios_no_share():
    assert attribute(specs_of(noise()).assign(status="separation", effect=np.nan)).empty
    flat = terms(attribute(specs_of(lambda row: 0.25)))
    assert flat.share.isna().all()
    assert (flat.sum_of_squares == 0).all()


def test_decisions_that_do_not_apply_are_no_factor():
    specs = specs_of(noise(), caliper=[np.nan]).assign(estimator="overlap")
    assert set(terms(attribute(specs)).index) == {
        "gtv_cutoff",
        "adjustment_set",
        "gtv_cutoff x adjustment_set",
    }


@settings(deadline=None, max_examples=50, derandomize=True)
@given(st.lists(st.booleans(), min_size=18, max_size=18))
def test_whatever_is_missing_the_rest_is_a_full_factorial(kept):
    specs = specs_of(noise())
    specs.loc[~np.array(kept), ["status", "effect"]] = ["no_pairs", np.nan]
    found = terms(attribute(specs))
    if found.empty:
        return
    assert found.degrees_of_freedom.sum() == found.cells.iloc[0] - 1
    assert np.isfinite(found.sum_of_squares).all()


def test_the_largest_share_of_gaps_counts_not_the_largest_number():
    specs = specs_of(noise())
    published = specs.adjustment_set == "published"
    # The volume 100 misses 3 of its 6 cells, the published set 4 of its 9.
    lost = published & ((specs.gtv_cutoff == 100) | ((specs.gtv_cutoff == 146) & (specs.caliper == 0.1)))
    found = terms(attribute(specs.assign(status=np.where(lost, "no_pairs", "ok"))))
    assert found.dropped_levels.iloc[0].startswith("gtv_cutoff 100")


def test_a_single_specification_has_nothing_to_attribute():
    specs = specs_of(noise(), gtv_cutoff=[146.0], caliper=[0.2], adjustment_set=["baseline"])
    assert attribute(specs).empty


def test_shares_are_of_choices_and_tie_breaks_together_also_where_both_are_below_1():
    specs = specs_of(lambda row: 0.3 * (row.caliper == 0.2), gtv_cutoff=[146.0], adjustment_set=["baseline"])
    frame = attribute(specs.assign(variance_between_orders=0.01)).set_index(["scope", "term"])
    # Ratios 0, 0.3 and 0: their squares about the mean are 0.06, the orders' three variances 0.03.
    assert frame.loc[("multiverse", "caliper"), "share"] == pytest.approx(2 / 3)
    assert frame.loc[("multiverse", "tie_break"), "share"] == pytest.approx(1 / 3)
