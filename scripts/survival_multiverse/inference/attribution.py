"""Attribution of the spread of estimates to decisions: sums of squares, or Shapley shares."""

import math
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.inference.robustness import block_columns, blocks_of
from survival_multiverse.inference.shapley import shapley_intervals, shapley_shares
from survival_multiverse.settings.schema import PASSES, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

DESCRIPTIVE = ["population", "estimator", "landmark", "landmark_order", "measure"]
TIE_BREAK = "tie_break"
"""Term of the order in which patients of equal score are matched, which is no choice of the analyst."""
REST = "interactions"
"""Term of what the main effects leave, where the combinations of options have gaps."""
BOOTSTRAP_DRAWS = 500
ATTRIBUTION_KIND = 8
_TERM_COLUMNS = [
    *("term", "order", "degrees_of_freedom", "sum_of_squares", "share", "share_lower", "share_upper"),
    *("cells", "dropped_levels", "method"),
]


def attribute(specs: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Attribute the spread of effects to decisions: inside each block, and descriptively over all of them.

    Over a full factorial the decomposition is that of the functional analysis of variance [1]_. Where
    conditions or a sample leave gaps in it, each decision has its Shapley share of R2 of the main effects
    [2]_, the same number in a full factorial, and `interactions` is the rest; of a sample with an interval.

    A matched estimate also varies with the order in which patients of equal score are matched. That is a
    term of its own, `TIE_BREAK` of order 0: the sum over the cells of the variance between the orders, on the
    scale of the other sums of squares. Shares are of the total of them all.

    Parameters
    ----------
    specs
        `robustness.specifications`.
    study
        Gives the decisions.

    Returns
    -------
    pd.DataFrame
        One row a term: scope (block | multiverse), the block, `gate` (all, or the gate whose specifications
        alone count), `term` (decisions joined by ' x '), `order`, `degrees_of_freedom`, `sum_of_squares`, its
        share, the limits of a share that a sample estimates, levels dropped to complete the factorial, and
        `method` (factorial or shapley).

    References
    ----------
    .. [1] Hoeffding W. A class of statistics with asymptotically normal distribution. Annals of Mathematical
       Statistics 1948;19:293–325.
    .. [2] Lindeman RH, Merenda PF, Gold RZ. Introduction to bivariate and multivariate analysis. Glenview:
       Scott, Foresman; 1980.
    """
    estimated = (specs["status"] == str(Status.OK)).to_numpy()
    values = np.where(estimated, specs["effect"].to_numpy(dtype=float), np.nan)
    gates = {"all": values}
    for name in specs.columns[specs.columns.str.startswith(PASSES)]:
        passes = specs[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        gates[name] = np.where(passes == 1.0, values, np.nan)
    within, names = block_columns(study), [*study.decisions, "adjustment_set"]
    columns = {name: specs[name].to_numpy() for name in {*within, *names}}
    between = specs["variance_between_orders"].to_numpy(dtype=float)
    records = []
    for scope, keys in (("block", within), ("multiverse", DESCRIPTIVE)):
        for block, rows in blocks_of(specs, keys, study):
            factors = [name for name in names if name not in block or _pooled(block, name, study)]
            levels, position = _factorial({name: columns[name][rows] for name in factors})
            if not levels:
                continue
            shape = [len(entries) for entries in levels.values()]
            full = math.prod(shape) == len(set(zip(*position, strict=True))) == len(rows)
            for gate, log_ratios in gates.items():
                shared = {"scope": scope, **block, "gate": gate}
                if full:
                    # The estimates, and the variance of each between the orders.
                    array = np.full([2, *shape], np.nan)
                    array[0][position], array[1][position] = log_ratios[rows], between[rows]
                    terms = _terms(array[0], array[1], levels)
                else:
                    coded = dict(zip(levels, position, strict=True))
                    terms = _shapley_terms(log_ratios[rows], between[rows], coded, study)
                records += [{**shared, **term} for term in terms]
    return pd.DataFrame(records, columns=["scope", *within, "gate", *_TERM_COLUMNS])


def _pooled(block: Mapping[str, Any], name: str, study: Study) -> bool:
    """Return whether a decision that others are apart in is pooled in a block."""
    return name in study.uncertain and block[name] is None


def _shapley_terms(
    log_ratios: np.ndarray, between: np.ndarray, factors: Mapping[str, np.ndarray], study: Study
) -> list[dict[str, Any]]:
    """Return the share of each decision over the specifications that exist, of the rest and of tie-breaks."""
    known = ~np.isnan(log_ratios)
    if not known.any():
        return []
    values = log_ratios[known]
    own = {name: codes[known] for name, codes in factors.items()}
    shares = shapley_shares(values, own)
    squares = float(((values - values.mean()) ** 2).sum())
    noise = between[known]
    tie_breaks = float(noise.sum()) if noise.size and not np.isnan(noise).any() else None
    total = squares + (tie_breaks or 0.0)
    scale = squares / total if total > 0 else np.nan
    limits: Mapping[str, tuple[float, float]] = {}
    if study.sampled:
        seed = int(np.random.SeedSequence(study.seed, spawn_key=(ATTRIBUTION_KIND,)).generate_state(1)[0])
        level = study.analysis.confidence_level
        limits = shapley_intervals(values, own, draws=BOOTSTRAP_DRAWS, seed=seed, level=level)
    rest = 1.0 - sum(shares.values())
    terms = [(name, 1, share, limits.get(name, (np.nan, np.nan))) for name, share in shares.items()]
    terms.append((REST, len(shares), rest, (np.nan, np.nan)))
    if tie_breaks is not None and scale > 0:
        terms.append((TIE_BREAK, 0, tie_breaks / squares if squares > 0 else np.nan, (np.nan, np.nan)))
    return [
        {
            "term": name,
            "order": order,
            "degrees_of_freedom": len(np.unique(own[name])) - 1 if name in own else np.nan,
            "sum_of_squares": share * squares,
            "share": share * scale,
            "share_lower": low * scale,
            "share_upper": high * scale,
            "cells": len(values),
            "dropped_levels": "",
            "method": "shapley",
        }
        for name, order, share, (low, high) in terms
    ]


def _factorial(columns: dict[str, np.ndarray]) -> tuple[dict[str, list[Any]], tuple[np.ndarray, ...]]:
    """Return the levels of the factors that vary, and each row's cell."""
    levels, position = {}, []
    for name, values in columns.items():
        known = [value for value in values.tolist() if value == value and value is not None]
        distinct = sorted(set(known))
        if len(distinct) > 1 and len(known) == len(values):
            rank = {value: index for index, value in enumerate(distinct)}
            levels[name] = distinct
            position.append(np.array([rank[value] for value in values.tolist()]))
    return levels, tuple(position)


def _terms(array: np.ndarray, between: np.ndarray, levels: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """Return the terms of a factorial after dropping levels until it has no gaps, and that of tie-breaks."""
    if np.isnan(array).all():
        return []
    array, kept, dropped, between = complete_levels(array, levels, between)
    used = list(kept)
    if array.size == 0:
        return []
    squares: dict[str, tuple[int, float, float]] = {
        " x ".join(used[axis] for axis in axes): (
            len(axes),
            int(np.prod([array.shape[axis] - 1 for axis in axes])),
            value,
        )
        for axes, value in sums_of_squares(array).items()
    }
    # Only a match has an order.
    if not np.isnan(between).any():
        squares[TIE_BREAK] = (0, np.nan, float(between.sum()))
    total = float(((array - array.mean()) ** 2).sum()) + squares.get(TIE_BREAK, (0, 0, 0.0))[2]
    return [
        {
            "term": term,
            "order": order,
            "degrees_of_freedom": degrees,
            "sum_of_squares": value,
            "share": value / total if total > 0 else np.nan,
            "share_lower": np.nan,
            "share_upper": np.nan,
            "cells": array.size,
            "dropped_levels": "; ".join(dropped),
            "method": "factorial",
        }
        for term, (order, degrees, value) in squares.items()
    ]


def complete_levels(
    array: np.ndarray, levels: dict[str, list[Any]], beside: np.ndarray
) -> tuple[np.ndarray, dict[str, list[Any]], list[str], np.ndarray]:
    """Drop again and again the level with the largest share of gaps, until no cell is a gap.

    Of equals the first factor's first level goes.

    Parameters
    ----------
    array
        One value a cell, NaN for a gap; an axis a factor.
    levels
        Levels of each factor, in the order of the axes.
    beside
        Another value a cell, of which the same levels are dropped.

    Returns
    -------
    tuple
        The complete array, the levels that are left, the names of those dropped, and what is left beside.
    """
    kept = {name: list(entries) for name, entries in levels.items()}
    names, dropped = list(levels), []
    while array.size and np.isnan(array).any():
        gaps = np.isnan(array)
        axes = range(array.ndim)
        shares = [gaps.mean(axis=tuple(other for other in axes if other != axis)) for axis in axes]
        axis = max(axes, key=lambda candidate: shares[candidate].max())
        index = int(shares[axis].argmax())
        level = kept[names[axis]].pop(index)
        array, beside = np.delete(array, index, axis=axis), np.delete(beside, index, axis=axis)
        dropped.append(f"{names[axis]} {level if isinstance(level, str) else canonical_text(level)}")
    return array, kept, dropped, beside


def sums_of_squares(array: np.ndarray) -> dict[tuple[int, ...], float]:
    """Return the sum of squares of each main effect and interaction of a full factorial, one value a cell.

    They add up to the total sum of squares (the functional analysis of variance with equal weights).
    """
    effects: dict[tuple[int, ...], np.ndarray] = {(): np.asarray(array.mean())}
    result = {}
    axes = range(array.ndim)
    for order in range(1, array.ndim + 1):
        for term in combinations(axes, order):
            others = tuple(axis for axis in axes if axis not in term)
            effect = array.mean(axis=others, keepdims=True) if others else array.copy()
            for smaller, value in effects.items():
                if set(smaller) < set(term):
                    effect = effect - value
            effects[term] = effect
            cells = array.size / effect.size
            result[term] = float((effect**2).sum() * cells)
    return result
