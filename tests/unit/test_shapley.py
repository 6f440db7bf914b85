"""Shapley shares against least squares in every order, and their bootstrap against a grid that is known."""

from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from survival_multiverse.inference.attribution import sums_of_squares
from survival_multiverse.inference.shapley import MOST_FACTORS, shapley_intervals, shapley_shares


def indicators(levels):
    return (levels[:, None] == np.unique(levels)).astype(float)


def explained(values, columns):
    """R² of a linear model with intercept."""
    X = np.hstack([np.ones((values.size, 1)), *columns])
    left = values - X @ np.linalg.lstsq(X, values, rcond=None)[0]
    return 1 - (left**2).sum() / ((values - values.mean()) ** 2).sum()


def by_every_order(values, factors):
    """The definition: gains of R² as the factors enter, averaged over all orders."""
    total, orders = dict.fromkeys(factors, 0.0), list(permutations(factors))
    for order in orders:
        columns = [indicators(factors[name]) for name in order]
        steps = [explained(values, columns[:entered]) for entered in range(len(order) + 1)]
        for name, gain in zip(order, np.diff(steps), strict=True):
            total[name] += gain / len(orders)
    return total


def linked_grid(seed=0, rows=60):
    """Rows of a grid of four choices, of which one rules out levels of another."""
    rng = np.random.default_rng(seed)
    grid = [row for row in product(range(3), range(4), range(2), range(3)) if row[0] or row[1] < 2]
    chosen = np.array(grid)[rng.choice(len(grid), rows, replace=False)]
    factors = dict(zip(["estimator", "caliper", "gtv_cutoff", "covariates"], chosen.T, strict=True))
    values = factors["estimator"] + 0.5 * (factors["caliper"] == 1) * factors["gtv_cutoff"]
    return values + 0.4 * rng.normal(size=rows), factors


def grid_of(array):
    cells = np.indices(array.shape).reshape(array.ndim, -1)
    return array.ravel(), {str(axis): levels for axis, levels in enumerate(cells)}


@pytest.mark.parametrize("seed", range(3))
def test_shares_are_the_gains_of_every_order(seed):
    values, factors = linked_grid(seed)
    assert shapley_shares(values, factors) == pytest.approx(by_every_order(values, factors), abs=1e-12)


def test_two_linked_factors_by_hand():
    # Of the total 14/3 the first leaves 1/2, the second 2, both together nothing.
    factors = {"a": np.array([0, 0, 1]), "b": np.array([0, 1, 1])}
    expected = {"a": (25 / 28 + 12 / 28) / 2, "b": (16 / 28 + 3 / 28) / 2}
    assert shapley_shares(np.array([0.0, 1.0, 3.0]), factors) == pytest.approx(expected)


@settings(deadline=None, max_examples=50, derandomize=True)
@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.integers(0, 2**31))
def test_in_a_full_factorial_they_are_the_sums_of_squares(shape, seed):
    array = np.random.default_rng(seed).normal(size=shape)
    values, factors = grid_of(array)
    shares, squares = shapley_shares(values, factors), sums_of_squares(array)
    total = sum(squares.values())
    for axis in range(array.ndim):
        expected = squares[(axis,)] / total if array.size > 1 else np.nan
        assert shares[str(axis)] == pytest.approx(expected, abs=1e-12, nan_ok=True)


@settings(deadline=None, max_examples=40, derandomize=True)
@given(st.integers(2, 60), st.lists(st.integers(1, 5), min_size=1, max_size=6), st.integers(0, 2**31))
def test_they_add_up_to_what_all_factors_explain(rows, levels, seed):
    rng = np.random.default_rng(seed)
    values = rng.normal(size=rows)
    factors = {str(i): rng.integers(0, count, rows) for i, count in enumerate(levels)}
    shares = shapley_shares(values, factors)
    every = explained(values, [indicators(codes) for codes in factors.values()])
    assert sum(shares.values()) == pytest.approx(every, abs=1e-9)
    assert min(shares.values()) > -1e-12


@pytest.mark.parametrize("seed", [11, 31])
def test_what_rounding_leaves_of_nested_factors_explains_nothing(seed):
    values, factors = linked_grid(seed)
    factors["cell"] = factors["caliper"] + 5 * factors["estimator"]
    factors["other cell"] = 2 * factors["caliper"] + factors["gtv_cutoff"]
    every = explained(values, [indicators(codes) for codes in factors.values()])
    assert sum(shapley_shares(values, factors).values()) == pytest.approx(every, abs=1e-12)


def test_a_single_row_tells_two_factors_apart():
    codes = np.arange(600) % 3
    factors = {"a": codes, "b": np.where(np.arange(600) == 7, 0, codes)}
    values = 1.0 * (factors["a"] != factors["b"])
    shares = shapley_shares(values, factors)
    assert shares == pytest.approx(by_every_order(values, factors), abs=1e-12)
    assert sum(shares.values()) > 0.3


def test_a_factor_named_twice_shares_equally():
    values, factors = linked_grid()
    twice = shapley_shares(values, factors | {"again": factors["caliper"]})
    assert twice["again"] == pytest.approx(twice["caliper"], abs=1e-12)
    assert sum(twice.values()) == pytest.approx(sum(shapley_shares(values, factors).values()), abs=1e-12)


def test_order_of_rows_names_and_labels_do_not_matter():
    values, factors = linked_grid()
    shares = shapley_shares(values, factors)
    shuffled = np.random.default_rng(1).permutation(values.size)
    rows = shapley_shares(values[shuffled], {name: codes[shuffled] for name, codes in factors.items()})
    assert rows == pytest.approx(shares, abs=1e-12)
    backwards = shapley_shares(values, dict(reversed(factors.items())))
    assert list(backwards) == list(factors)[::-1]
    assert backwards == shares
    labels = {
        "estimator": np.array(["matched", "overlap", None], dtype=object),
        "caliper": np.array([0.2, np.nan, np.inf, 0.1]),
        "gtv_cutoff": np.array([True, False]),
        "covariates": np.array(["published", "baseline", "none"]),
    }
    spelled = shapley_shares(values, {name: labels[name][codes] for name, codes in factors.items()})
    assert spelled == pytest.approx(shares, abs=1e-12)
    assert shapley_shares(1e3 - 5 * values, factors) == pytest.approx(shares, abs=1e-9)


def test_what_a_level_rules_out_is_divided_between_both():
    # Only matching has a caliper; the others are told apart by the estimator alone.
    estimator = np.repeat(["matched", "overlap", "adjusted"], [6, 2, 2])
    caliper = np.array([0.1, 0.2, np.inf] * 2 + [np.nan] * 4)
    gtv_cutoff = np.array([100] * 3 + [146] * 3 + [100, 146] * 2)
    factors = {"estimator": estimator, "caliper": caliper, "gtv_cutoff": gtv_cutoff}
    shares = shapley_shares((estimator == "matched").astype(float), factors)
    assert shares == pytest.approx({"estimator": 0.5, "caliper": 0.5, "gtv_cutoff": 0}, abs=1e-12)
    within = shapley_shares(np.where(caliper == 0.1, 1.0, 0.0), factors)
    assert sum(within.values()) == pytest.approx(1)
    assert within["caliper"] > 0.8
    assert within["estimator"] > 0.02


def test_rows_without_a_value_are_left_out_with_their_levels():
    values, factors = linked_grid()
    gap = (factors["caliper"] == 3) | (np.arange(values.size) % 7 == 0)
    with_gaps, kept = np.where(gap, np.nan, values), {name: codes[~gap] for name, codes in factors.items()}
    assert shapley_shares(with_gaps, factors) == shapley_shares(values[~gap], kept)
    groups = np.arange(values.size) // 4
    found = shapley_intervals(with_gaps, factors, draws=20, seed=1, level=0.9, groups=groups)
    assert found == shapley_intervals(values[~gap], kept, draws=20, seed=1, level=0.9, groups=groups[~gap])


def test_one_level_has_no_share_and_values_that_do_not_vary_have_none_to_divide():
    values, factors = linked_grid()
    shares = shapley_shares(values, {"idle": np.full(values.size, 0.2), **factors})
    assert list(shares) == ["idle", *factors]
    assert shares["idle"] == 0
    assert {name: shares[name] for name in factors} == shapley_shares(values, factors)
    assert shapley_shares(values, {"idle": np.zeros(values.size)}) == {"idle": 0}
    for flat in (np.full(values.size, 0.1), np.full(values.size, np.nan), np.empty(0)):
        levels = {name: codes[: flat.size] for name, codes in factors.items()}
        assert np.isnan(list(shapley_shares(flat, levels).values())).all()
        limits = shapley_intervals(flat, levels, draws=3, seed=0, level=0.9)
        assert np.isnan(list(limits.values())).all()


def test_more_factors_than_can_be_told_apart_are_refused():
    rng = np.random.default_rng(0)
    factors = {str(i): rng.integers(0, 2, 50) for i in range(MOST_FACTORS)}
    values = rng.normal(size=50) + factors["3"]
    found = shapley_shares(values, {"idle": np.zeros(50), **factors})
    every = explained(values, [indicators(codes) for codes in factors.values()])
    assert sum(found.values()) == pytest.approx(every, abs=1e-12)
    with pytest.raises(ValueError, match="13 factors"):
        shapley_shares(values, {**factors, "one more": rng.integers(0, 2, 50)})


def by_copies(values, factors, picks, level):
    """The bootstrap with the drawn rows copied, not weighted."""
    draws = [
        shapley_shares(values[rows], {name: codes[rows] for name, codes in factors.items()}) for rows in picks
    ]
    tails = [(1 - level) / 2, (1 + level) / 2]
    return {name: np.quantile([shares[name] for shares in draws], tails) for name in factors}


def drawn(seed, draw, units):
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(7, draw)))
    return rng.integers(0, units, units)


def test_intervals_are_quantiles_over_rows_drawn_again():
    values, factors = linked_grid()
    found = shapley_intervals(values, factors, draws=40, seed=3, level=0.8)
    expected = by_copies(values, factors, [drawn(3, draw, values.size) for draw in range(40)], 0.8)
    assert list(found) == list(factors)
    for name, limits in expected.items():
        assert found[name] == pytest.approx(tuple(limits), abs=1e-12)
    assert found == shapley_intervals(values, factors, draws=40, seed=3, level=0.8)
    assert found != shapley_intervals(values, factors, draws=40, seed=4, level=0.8)


def test_groups_are_drawn_whole():
    values, factors = linked_grid()
    names = np.array([f"scenario {row % 15}" for row in range(values.size)])
    found = shapley_intervals(values, factors, draws=30, seed=3, level=0.9, groups=names)
    members = np.arange(values.size).reshape(-1, 15).T
    picks = [members[drawn(3, draw, 15)].ravel() for draw in range(30)]
    for name, limits in by_copies(values, factors, picks, 0.9).items():
        assert found[name] == pytest.approx(tuple(limits), abs=1e-12)


def test_draws_in_which_nothing_varies_do_not_count():
    limits = shapley_intervals(
        np.array([0.0, 1.0]), {"a": np.array([0, 1]), "idle": np.zeros(2)}, draws=20, seed=0, level=0.9
    )
    assert limits == {"a": pytest.approx((1, 1)), "idle": (0, 0)}


def test_intervals_cover_the_shares_of_the_grid_that_was_sampled():
    rng = np.random.default_rng(2)
    effects = [np.array([0.0, 1.0, 2.0]), np.array([0.0, 0.7, 0.1, 0.4]), np.array([0.0, 1.0])]
    array = sum(np.ix_(*effects))[..., None] + rng.normal(scale=0.8, size=(3, 4, 2, 200))
    values, factors = grid_of(array)
    factors.pop("3")
    truth, covered, widths = shapley_shares(values, factors), [], []
    for seed in range(40):
        rows = rng.choice(values.size, 250, replace=False)
        sample = {name: codes[rows] for name, codes in factors.items()}
        limits = shapley_intervals(values[rows], sample, draws=60, seed=seed, level=0.9)
        covered += [low <= truth[name] <= high for name, (low, high) in limits.items()]
        widths += [high - low for low, high in limits.values()]
    assert 0.8 < np.mean(covered) < 0.97
    assert 0.02 < np.mean(widths) < 0.2
