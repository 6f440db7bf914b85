"""Names of the Kaplan-Meier figures, and of whom each of their panels is."""

import pandas as pd

from survival_multiverse.report.words.labels import factor_levels, level_label, variable_label
from survival_multiverse.report.words.table_cells import set_label
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Population
from survival_multiverse.settings.study import Study

PREFIX = "survival_curves_"
STATE, DOSE, BY, MATCHED = "oligometastatic_state", "dose", "dose_by_", "dose_matched_"
BALANCED = "dose_balanced_"


def figure_names(study: Study) -> list[str]:
    """Return the figures' names: the paper's Figures 1 to 4, and the arms balanced by each set.

    They are balanced by matching, by weights, and by standardising. Where nothing is counted there is no
    state, and no figure of it.
    """
    parts = [STATE, DOSE] if study.lesions else [DOSE]
    parts += [BY + name for name in study.analysis.interactions]
    parts += [MATCHED + name for name in study.adjustment_sets]
    parts += [BALANCED + name for name in study.adjustment_sets]
    return [PREFIX + part for part in parts]


def whom_of(name: str, study: Study) -> list[tuple[str, dict[str, str]]]:
    """Return the title of each panel of a figure, and whom its numbers describe (see `_about`)."""
    part = name.removeprefix(PREFIX)
    if part == STATE:
        return [("All patients", {"population": str(Population.ALL), "variable": "state"})]
    primary = {"population": str(study.primary_population)}
    if part == DOSE:
        return [("Before matching", primary)]
    if part.startswith(MATCHED):
        chosen = part.removeprefix(MATCHED)
        matched = primary | {"estimator": "matched", "adjustment_set": chosen}
        return [(f"Matched 1:1, {set_label(study, chosen)}", matched)]
    if part.startswith(BALANCED):
        chosen = part.removeprefix(BALANCED)
        return [
            (estimator.label, primary | {"estimator": str(estimator), "adjustment_set": chosen})
            for estimator in (*WEIGHTED, Estimator.ADJUSTED)
        ]
    factor = part.removeprefix(BY)
    return [
        (
            f"{variable_label(study, factor)}: {level_label(study, factor, level)}",
            primary | {"subgroup": f"{factor}={level}"},
        )
        for level in factor_levels(study, factor)
    ]


def published_in(name: str, published: pd.DataFrame, study: Study) -> set[str]:
    """Return the kinds of published numbers that a figure marks: survival, median, log_rank_p."""
    found = [about_whom(published, **whom) for _, whom in whom_of(name, study)]
    return {kind for rows in found for kind in rows["quantity"]} & {"survival", "median", "log_rank_p"}


def about_whom(
    rows: pd.DataFrame,
    *,
    population: str = str(Population.NON_OLIGOMETASTATIC),
    variable: str = "arm",
    estimator: str = "unadjusted",
    adjustment_set: str | None = None,
    subgroup: str | None = None,
) -> pd.DataFrame:
    """Return rows of a population, estimator, set and subgroup about a variable: by default, of the arms."""
    wanted: dict[str, str | None] = {"population": population, "variable": variable, "estimator": estimator}
    wanted |= {"adjustment_set": adjustment_set, "subgroup": subgroup}
    for column, value in wanted.items():
        rows = rows[rows[column].isna() if value is None else rows[column] == value]
    return rows
