"""The published pairs beside the study's own matching, judged by the published model of the matched."""

import math

import numpy as np
import pandas as pd

from survival_multiverse.balancing.matching import greedy_match, priority
from survival_multiverse.balancing.propensity import fit_propensity
from survival_multiverse.estimators.cox import cox
from survival_multiverse.estimators.quantiles import quantiles
from survival_multiverse.paper.published import Description
from survival_multiverse.paper.reproduction import PaperCohort
from survival_multiverse.settings.values import canonical_text

STORED = "as reconstructed (published pairs)"
ORDER = 6
"""Spawn key of the orders in which patients of equal score are matched."""


def compare_matchings(
    cohort: PaperCohort,
    table: pd.DataFrame,
    description: Description,
    *,
    calipers: tuple[float, ...],
    seed: int,
    draws: int,
) -> pd.DataFrame:
    """Return the low dose's hazard ratio in the published multivariable model, on different matched patients.

    The propensity score holds the published matching variables in their published levels. Patients of
    equal score are taken in `draws` seeded orders.

    Returns
    -------
    DataFrame
        `matching` (the stored pairs, or a caliper), `pairs`, `hazard_ratio` (the first order's),
        `tie_break_2.5`, `tie_break_median`, `tie_break_97.5`, `published`, `share_below_published`; empty
        without a matching.
    """
    columns = ["matching", "pairs", "hazard_ratio", "tie_break_2.5", "tie_break_median", "tie_break_97.5"]
    columns += ["published", "share_below_published"]
    matched_cohort = _matched_cohort(description)
    if not description.matching or matched_cohort not in description.models:
        return pd.DataFrame(columns=columns)
    published = _published_ratio(table, matched_cohort, description)
    model = description.models[matched_cohort]
    stored = cohort.codes[description.pairs] == 1
    nothing = [np.nan] * 3
    lines = [[STORED, int(stored.sum()) // 2, _ratio(cohort, stored, model), *nothing, published, np.nan]]
    rows = _members(cohort, description)
    X = np.column_stack([cohort.codes[name][rows] for name in description.matching["variables"]])
    arm = cohort.codes[description.arm][rows]
    logit = fit_propensity(X.astype(np.float64), arm).logit
    orders = _orders(rows.size, seed, draws)
    for caliper in calipers:
        matches = [greedy_match(logit, arm, order, caliper=caliper).pairs for order in orders]
        ratios = np.array([_ratio(cohort, rows[pairs.ravel()], model) for pairs in matches])
        lower, middle, upper = quantiles(np.sort(ratios), (0.025, 0.5, 0.975))
        below = float((ratios < published).mean())
        lines.append(
            [matching_name(caliper), len(matches[0]), ratios[0], lower, middle, upper, published, below]
        )
    return pd.DataFrame(lines, columns=columns)


def matching_name(caliper: float) -> str:
    """How the table names the study's own matching within a caliper."""
    return "no caliper" if math.isinf(caliper) else f"caliper {canonical_text(caliper)}"


def _matched_cohort(description: Description) -> str:
    """Return the cohort that differs from that of the matching by being matched."""
    if not description.matching:
        return ""
    level = description.variables[description.pairs].levels[1]
    conditions = {**description.cohorts[description.matching["cohort"]], description.pairs: level}
    return next((name for name, entry in description.cohorts.items() if entry == conditions), "")


def _published_ratio(table: pd.DataFrame, cohort: str, description: Description) -> float:
    """Return the printed hazard ratio of arm 0 against arm 1; NaN if there is none."""
    rows = table[
        (table.cohort == cohort) & (table.variable == description.arm) & (table.statistic == "cox_hr")
    ]
    if rows.empty:
        return np.nan
    row = rows.iloc[0]
    return float(row.value if description.contrast(description.arm, row.level) == 0 else 1 / row.value)


def _members(cohort: PaperCohort, description: Description) -> np.ndarray:
    inside = np.ones(cohort.time.size, dtype=bool)
    for variable, level in description.cohorts[description.matching["cohort"]].items():
        inside &= cohort.codes[variable] == description.code(variable, level)
    return np.flatnonzero(inside)


def _orders(patients: int, seed: int, draws: int) -> list[np.ndarray]:
    """Return priorities of tie-breaking; the first is the keyed one of the patients' numbers."""
    orders = [priority(range(patients), seed=seed)]
    for draw in range(draws):
        random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(ORDER, draw)))
        orders.append(random.permutation(patients))
    return orders


def _ratio(cohort: PaperCohort, rows: np.ndarray, model: tuple[str, ...]) -> float:
    """Return the hazard ratio of the first variable's code 0 against 1 (Breslow, as published)."""
    X = np.column_stack([cohort.codes[name][rows] == 0 for name in model]).astype(np.float64)
    fit = cox(cohort.time[rows], cohort.event[rows], X, ties="breslow")
    return float(np.exp(fit.coefficients[0]))
