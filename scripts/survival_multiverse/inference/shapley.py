"""Shapley shares of the spread of estimates among choices, from whichever specifications there are."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb

import numpy as np
import pandas as pd

MOST_FACTORS = 12
SHAPLEY_KIND = 7
"""First part of the seed of a bootstrap draw; numbers never change once given."""
_COLLINEAR = 1e-9
"""Share of an indicator's squares that the others leave of it, below which it adds nothing to them."""


@dataclass(frozen=True, slots=True)
class _Design:
    """The rows that have a value, and their distinct combinations of levels.

    Attributes
    ----------
    values, cell
        Value and combination of each of these rows, shape (rows,).
    indicators
        Of each combination and each level but the first of each factor, shape (combinations, columns).
    widths
        How many columns each factor has, in their order; none for a factor of one level, which comes last.
    """

    values: np.ndarray
    cell: np.ndarray
    indicators: np.ndarray
    widths: dict[str, int]


def shapley_shares(values: np.ndarray, factors: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Divide the R² of the main-effects linear model among its factors.

    A factor's share is what its indicators add to R², averaged over all orders in which the factors can enter
    [1]_ [2]_: the Shapley value of the factor. The shares add up to R². In a balanced full factorial they are
    those of the main effects in `attribution.sums_of_squares`; where rows are missing, factors that go
    together divide between them what either would explain.

    Parameters
    ----------
    values
        Shape (n,), NaN where there is no estimate. Rows without one are left out.
    factors
        Level of each factor in each row, shape (n,) each. A gap is a level, too: the choice does not apply.

    Returns
    -------
    dict
        Share of the total sum of squares by factor; 0 for a factor of one level. NaN for all where the
        values do not vary.

    Raises
    ------
    ValueError
        If more than `MOST_FACTORS` factors have more than one level.

    References
    ----------
    .. [1] Lindeman RH, Merenda PF, Gold RZ. Introduction to bivariate and multivariate analysis. Scott,
       Foresman, 1980, p. 119–127.
    .. [2] Grömping U. Estimators of relative importance in linear regression based on variance
       decomposition. American Statistician 2007;61:139–147.
    """
    design = _design(values, factors)
    found = dict(zip(design.widths, _shares(design, np.ones(len(design.values))).tolist(), strict=True))
    return {name: found[name] for name in factors}


def shapley_intervals(
    values: np.ndarray,
    factors: Mapping[str, np.ndarray],
    *,
    draws: int,
    seed: int,
    level: float,
    groups: np.ndarray | None = None,
) -> dict[str, tuple[float, float]]:
    """Estimate percentile bootstrap intervals of the shares, for rows that are a random sample.

    They tell how far the shares depend on which rows were sampled. R² is not adjusted for the number of
    levels: in a small sample the share of a weak factor is too large, and its interval lies too high.

    Parameters
    ----------
    values, factors
        As for `shapley_shares`.
    draws, seed
        Number of bootstrap draws, and seed of the study.
    level
        Level of the intervals, between 0 and 1.
    groups
        What was sampled, shape (n,), if that was groups of rows: all rows of a scenario, say. All rows of a
        group are drawn together.

    Returns
    -------
    dict
        Limits by factor, over the draws in which the values vary; NaN if there is none.
    """
    design = _design(values, factors)
    units = np.arange(len(values)) if groups is None else groups
    unit, distinct = pd.factorize(units[~np.isnan(values)], use_na_sentinel=False)
    shares = np.empty((draws, len(factors)))
    for draw in range(draws):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(SHAPLEY_KIND, draw)))
        counts = np.bincount(rng.integers(0, len(distinct), len(distinct)), minlength=len(distinct))
        shares[draw] = _shares(design, counts[unit].astype(float))
    known = shares[~np.isnan(shares).any(axis=1)]
    tails = [(1 - level) / 2, (1 + level) / 2]
    lower, upper = np.quantile(known, tails, axis=0) if len(known) else np.full((2, len(factors)), np.nan)
    found = dict(zip(design.widths, zip(lower.tolist(), upper.tolist(), strict=True), strict=True))
    return {name: found[name] for name in factors}


def _design(values: np.ndarray, factors: Mapping[str, np.ndarray]) -> _Design:
    """Return the rows that have a value; the factor of most levels comes first, so that few fits hold it."""
    rows = np.flatnonzero(~np.isnan(values))
    codes = {name: pd.factorize(levels[rows], use_na_sentinel=False)[0] for name, levels in factors.items()}
    widths = {name: int(code.max(initial=0)) for name, code in codes.items()}
    widths = dict(sorted(widths.items(), key=lambda entry: (-entry[1], entry[0])))
    varying = [name for name, width in widths.items() if width]
    if len(varying) > MOST_FACTORS:
        raise ValueError(f"Shares of {len(varying)} factors are too many, {MOST_FACTORS} are possible")
    table = np.array([np.zeros(rows.size, dtype=np.int64), *(codes[name] for name in varying)])
    cells, cell = np.unique(table, axis=1, return_inverse=True)
    columns = [cells[at, :, None] == np.arange(widths[name]) + 1 for at, name in enumerate(varying, 1)]
    indicators = np.hstack([np.empty((cells.shape[1], 0)), *columns])
    return _Design(values[rows], cell.ravel(), indicators, widths)


def _shares(design: _Design, weights: np.ndarray) -> np.ndarray:
    """Return the share of each factor, rows counted as often as they weigh (whole numbers)."""
    drawn = design.values[weights > 0]
    shares = np.zeros(len(design.widths))
    if not drawn.size or drawn.min() == drawn.max():
        return np.full_like(shares, np.nan)
    widths = [width for width in design.widths.values() if width]
    left = _residual_squares(_moments(design, weights), widths)
    subsets, factors = np.arange(left.size), len(widths)
    # Of all orders, the share in which just the factors of one subset of this size come before a given one.
    orders = np.array([1 / (factors * comb(factors - 1, size)) for size in range(factors)])
    for factor in range(factors):
        before = subsets[(subsets >> factor) & 1 == 0]
        gains = left[before] - left[before | (1 << factor)]
        shares[factor] = (orders[np.bitwise_count(before)] * gains).sum() / left[0]
    return shares


def _moments(design: _Design, weights: np.ndarray) -> np.ndarray:
    """Return squares and products about the means of the indicators and, last, of the values."""
    indicators, cells = design.indicators, len(design.indicators)
    mass = np.bincount(design.cell, weights, minlength=cells)
    counts = mass @ indicators
    deviations = design.values - (weights * design.values).sum() / weights.sum()
    in_cells = np.bincount(design.cell, weights * deviations, minlength=cells)
    moments = np.empty((len(counts) + 1, len(counts) + 1))
    # Sums of whole numbers are exact in any order, so on any number of cores.
    products = indicators.T @ (mass[:, None] * indicators)
    moments[:-1, :-1] = products - np.outer(counts, counts) / weights.sum()
    moments[-1, :-1] = moments[:-1, -1] = (in_cells[:, None] * indicators).sum(axis=0)
    moments[-1, -1] = (weights * deviations**2).sum()
    return moments


def _residual_squares(moments: np.ndarray, widths: list[int]) -> np.ndarray:
    """Return the squares of the values that each subset of the factors leaves, shape (2 ** factors,).

    Factor j is in a subset if bit j of its position is set. Each factor in turn is swept out of a copy of
    what its predecessors left, for all their subsets at once, and its columns are cut off.
    """
    scale, left = np.diag(moments), moments[None]
    for width in widths:
        swept = left
        for column in range(width):
            pivot, beside = swept[:, 0, 0], swept[:, 0, 1:]
            divisor = np.where(pivot > _COLLINEAR * scale[column], pivot, np.inf)
            swept = swept[:, 1:, 1:] - beside[:, :, None] * (beside / divisor[:, None])[:, None, :]
        left, scale = np.concatenate([left[:, width:, width:], swept]), scale[width:]
    return left[:, 0, 0]
