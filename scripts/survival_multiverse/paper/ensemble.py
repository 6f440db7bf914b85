"""Conclusions that published numbers leave open: those of many cohorts that fit about equally well."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from survival_multiverse.estimators.cox import cox
from survival_multiverse.paper.matching_comparison import compare_matchings
from survival_multiverse.paper.published import Description
from survival_multiverse.paper.reproduction import NEAR, WITHIN, PaperCohort, reproduce

NEAR_SHARE_NEEDED = 0.95
"""Share of the numbers not set aside that a cohort must give, near at least, to belong to the ensemble."""

SEED = "seed"
"""Column that tells the cohorts of an ensemble apart."""


def summarise_ensemble(
    cohorts: Mapping[int, PaperCohort],
    table: pd.DataFrame,
    description: Description,
    aside: set[str],
    *,
    caliper: float,
    draws: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the conclusions of each cohort at the published cutoffs, and their range over those that fit.

    Parameters
    ----------
    cohorts
        Reconstructed cohorts by their seed.
    aside
        Ids of the numbers that are not counted.
    caliper, draws
        Of the study's own matching, and how many orders of equal scores its median is taken over.

    Returns
    -------
    tuple of DataFrame
        One row a cohort: `seed`, `within_rounding`, `near` (shares of the numbers not set aside), `fits`,
        and a column for each conclusion. One row a conclusion over the cohorts that fit: `conclusion`,
        `cohorts`, `lowest`, `median`, `highest`.
    """
    lines = []
    for seed, cohort in cohorts.items():
        found = reproduce(table, cohort, description)
        verdict = found.verdict[~found.id.isin(aside)]
        near = float(verdict.isin([WITHIN, NEAR]).mean())
        line = {"seed": seed, "within_rounding": float((verdict == WITHIN).mean()), "near": near}
        line["fits"] = near >= NEAR_SHARE_NEEDED
        lines.append(line | _conclusions(cohort, table, description, caliper, draws, seed))
    members = pd.DataFrame(lines)
    names = [name for name in members.columns if name not in ("seed", "within_rounding", "near", "fits")]
    fitting = members[members.fits]
    ranges = [
        (name, len(fitting), fitting[name].min(), fitting[name].median(), fitting[name].max())
        for name in names
    ]
    return members, pd.DataFrame(ranges, columns=["conclusion", "cohorts", "lowest", "median", "highest"])


def _conclusions(
    cohort: PaperCohort, table: pd.DataFrame, description: Description, caliper: float, draws: int, seed: int
) -> dict[str, float]:
    """Return the hazard ratios of arm 1 against arm 0 that the paper does not print."""
    rows = np.ones(cohort.time.size, dtype=bool)
    where = description.matching.get("cohort", description.everybody)
    for variable, level in description.cohorts[where].items():
        rows &= cohort.codes[variable] == description.code(variable, level)
    others = [
        name
        for name, variable in description.variables.items()
        if variable.column and name != description.arm and name not in description.cohorts[where]
    ]
    conclusions = {
        "hazard ratio, unadjusted": _ratio(cohort, rows, description.arm, []),
        "hazard ratio, adjusted for every variable": _ratio(cohort, rows, description.arm, others),
    }
    matching = compare_matchings(cohort, table, description, calipers=(caliper,), seed=seed, draws=draws)
    if len(matching):
        own = matching.iloc[-1]
        conclusions["hazard ratio, own matching, median of tie-breaks"] = 1 / own["tie_break_median"]
        conclusions["pairs, own matching"] = float(own["pairs"])
    return conclusions


def _ratio(cohort: PaperCohort, rows: np.ndarray, arm: str, others: list[str]) -> float:
    """Return the hazard ratio of arm 1, Efron's ties, beside indicators of each other level of the others."""
    columns = [cohort.codes[arm][rows] == 1]
    for name in others:
        codes = cohort.codes[name][rows]
        columns += [codes == code for code in range(1, codes.max() + 1)]
    fit = cox(cohort.time[rows], cohort.event[rows], np.column_stack(columns).astype(np.float64))
    return float(np.exp(fit.coefficients[0]))
