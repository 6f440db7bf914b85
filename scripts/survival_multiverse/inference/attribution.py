"""Attribution of the log hazard ratio's spread to choices: exact sums of squares over a full factorial."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.inference.robustness import BLOCK, INNER
from survival_multiverse.settings.schema import PASSES, Status
from survival_multiverse.settings.values import canonical_text

DESCRIPTIVE = ["population", "estimator", "landmark", "landmark_order"]
OUTER = ["oligo_threshold", "dose_cutoff", *INNER, "adjustment_set"]
TIE_BREAK = "tie_break"
"""Term of the order in which patients of equal score are matched, which is no choice of the analyst."""
_TERM_COLUMNS = ["term", "order", "degrees_of_freedom", "sum_of_squares", "share", "cells", "dropped_levels"]


def attribute(specs: pd.DataFrame) -> pd.DataFrame:
    """Compute sums of squares of log HR: inside each block, and descriptively over what makes the blocks.

    The decomposition is that of the functional analysis of variance [1]_.

    A matched estimate also varies with the order in which patients of equal score are matched. That is a
    term of its own, `TIE_BREAK` of order 0: the sum over the cells of the variance between the orders, on the
    scale of the other sums of squares. Shares are of the total of them all.

    Parameters
    ----------
    specs
        `robustness.specifications`.

    Returns
    -------
    pd.DataFrame
        One row a term: scope (block | multiverse), the block, `gate` (all, or the gate whose specifications
        alone count), `term` (factors joined by ' x '), `order`, `degrees_of_freedom`, `sum_of_squares`, its
        share, and levels dropped to complete the factorial.

    References
    ----------
    .. [1] Hoeffding W. A class of statistics with asymptotically normal distribution. Annals of Mathematical
       Statistics 1948;19:293–325.
    """
    estimated = (specs["status"] == str(Status.OK)).to_numpy()
    values = np.where(estimated, specs["log_hazard_ratio"].to_numpy(dtype=float), np.nan)
    gates = {"all": values}
    for name in specs.columns[specs.columns.str.startswith(PASSES)]:
        passes = specs[name].astype("Float64").to_numpy(dtype=float, na_value=np.nan)
        gates[name] = np.where(passes == 1.0, values, np.nan)
    columns = {name: specs[name].to_numpy() for name in {*BLOCK, *OUTER}}
    between = specs["variance_between_orders"].to_numpy(dtype=float)
    records = []
    for scope, keys, factors in (("block", BLOCK, INNER), ("multiverse", DESCRIPTIVE, OUTER)):
        for rows in specs.groupby(keys, dropna=False, sort=True).indices.values():
            block = {name: columns[name][rows[0]] for name in keys}
            levels, position = _factorial({name: columns[name][rows] for name in factors})
            if not levels:
                continue
            for gate, log_ratios in gates.items():
                # The estimates, and the variance of each between the orders.
                array = np.full([2, *(len(entries) for entries in levels.values())], np.nan)
                array[0][position], array[1][position] = log_ratios[rows], between[rows]
                shared = {"scope": scope, **block, "gate": gate}
                records += [{**shared, **term} for term in _terms(array[0], array[1], levels)]
    heads = ["population", "oligo_threshold", "dose_cutoff", "adjustment_set", *DESCRIPTIVE[1:]]
    return pd.DataFrame(records, columns=["scope", *heads, "gate", *_TERM_COLUMNS])


def _factorial(columns: dict[str, np.ndarray]) -> tuple[dict[str, list[Any]], tuple[np.ndarray, ...]]:
    """Return the levels of the factors that vary, and each row's cell."""
    levels, position = {}, []
    for name, values in columns.items():
        known = [value for value in values.tolist() if value == value and value is not None]
        distinct = sorted(set(known))
        if len(distinct) > 1:
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
            "cells": array.size,
            "dropped_levels": "; ".join(dropped),
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
