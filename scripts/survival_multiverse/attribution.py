"""Which choice moves the log hazard ratio: exact sums of squares over a full factorial."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from survival_multiverse.schema import Status
from survival_multiverse.study import spelling

BLOCK = ["population", "oligo_threshold", "dose_cutoff", "estimator", "landmark", "landmark_order"]
INNER = ["gtv_cutoff", "caliper", "adjustment_set"]
DESCRIPTIVE = ["population", "estimator", "landmark", "landmark_order"]
OUTER = ["oligo_threshold", "dose_cutoff", *INNER]


def attribute(specs: pd.DataFrame) -> pd.DataFrame:
    """Sums of squares of log HR: inside each block, and descriptively over the cutoffs that make the blocks.

    Parameters
    ----------
    specs
        `robustness.specifications`.

    Returns
    -------
    pd.DataFrame
        One row a term: scope (block | multiverse), the block, `term` (factors joined by ' x '), `order`,
        `degrees_of_freedom`, `sum_of_squares`, its share, and levels dropped to complete the factorial.
    """
    scopes = (("block", BLOCK, INNER), ("multiverse", DESCRIPTIVE, OUTER))
    records = []
    for scope, keys, factors in scopes:
        for values, part in specs.groupby(keys, dropna=False, sort=True):
            block = dict(zip(keys, values, strict=True))
            records += [{"scope": scope, **block, **term} for term in _terms(part, factors)]
    columns = ["scope", *OUTER[:2], *DESCRIPTIVE]
    return pd.DataFrame(records).reindex(columns=[*columns, *_TERM_COLUMNS])


_TERM_COLUMNS = ["term", "order", "degrees_of_freedom", "sum_of_squares", "share", "cells", "dropped_levels"]


def _terms(part: pd.DataFrame, factors: Sequence[str]) -> list[dict]:
    """Terms of the factorial of those factors that vary in this part."""
    used = [name for name in factors if part[name].nunique(dropna=True) > 1]
    if not used:
        return []
    estimated = part[part["status"] == str(Status.OK)]
    levels, dropped = complete_levels(estimated, part, used)
    if any(len(values) < 1 for values in levels.values()):
        return []
    array = _factorial(estimated, levels)
    total = float(((array - array.mean()) ** 2).sum())
    shared = {"cells": array.size, "dropped_levels": "; ".join(dropped)}
    return [
        {
            "term": " x ".join(used[axis] for axis in axes),
            "order": len(axes),
            "degrees_of_freedom": int(np.prod([array.shape[axis] - 1 for axis in axes])),
            "sum_of_squares": value,
            "share": value / total if total > 0 else np.nan,
            **shared,
        }
        for axes, value in sums_of_squares(array).items()
    ]


def complete_levels(
    estimated: pd.DataFrame, attempted: pd.DataFrame, factors: Sequence[str]
) -> tuple[dict[str, list], list[str]]:
    """Levels of a full factorial, after dropping again and again the level that misses most cells.

    Returns
    -------
    tuple
        Remaining levels by factor, and the names of those dropped.
    """
    levels = {name: sorted(attempted[name].dropna().unique()) for name in factors}
    dropped = []
    while True:
        cells = estimated
        for name in factors:
            cells = cells[cells[name].isin(levels[name])]
        full = int(np.prod([len(values) for values in levels.values()]))
        if len(cells) == full or full == 0:
            return levels, dropped
        gaps = {
            (name, level): full / len(levels[name]) - int((cells[name] == level).sum())
            for name in factors
            for level in levels[name]
        }
        # The level with the largest share of gaps; of equals the first factor's first level.
        name, level = max(gaps, key=lambda key: gaps[key] / (full / len(levels[key[0]])))
        levels[name] = [value for value in levels[name] if value != level]
        dropped.append(f"{name} {level if isinstance(level, str) else spelling(level)}")


def _factorial(estimated: pd.DataFrame, levels: dict[str, list]) -> np.ndarray:
    index = pd.MultiIndex.from_product(levels.values(), names=list(levels))
    values = estimated.set_index(list(levels))["log_hazard_ratio"].reindex(index)
    return values.to_numpy().reshape([len(entries) for entries in levels.values()])


def sums_of_squares(array: np.ndarray) -> dict[tuple[int, ...], float]:
    """Sum of squares of every main effect and interaction of a complete factorial, one value a cell.

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
