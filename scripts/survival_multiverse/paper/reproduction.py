"""Recomputation of every published number from a cohort by the study's own estimators.

The conventions are those that the paper seems to have used (log-rank, uncorrected chi-square, Breslow's ties,
symmetric limits of the median); where the study's own differ, its number is given, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.estimators.contingency import pearson_chi_square
from survival_multiverse.estimators.cox import cox, hazard_ratio
from survival_multiverse.estimators.curves import kaplan_meier, normal_quantile, quantile, survival_at
from survival_multiverse.estimators.limits import at_least
from survival_multiverse.estimators.log_rank import log_rank
from survival_multiverse.paper.published import Description, limits, within_arm

NEAR_SHARE, NEAR_CHI_SQUARE, NEAR_P = 0.01, 0.1, 0.001
WITHIN, NEAR, NOT = "within rounding", "near", "not"
PERCENTILE_SPREAD = 0.05
"""Half the width in S over which the density at the median is taken (SPSS algorithms, KM)."""

KINDS = {
    "n": "counts",
    "pct": "percentages",
    "survival_pct": "survival rates",
    "logrank_chi2": "chi-square",
    "logrank_p": "P, log-rank",
    "pearson_p": "P, chi-square",
    "cox_p": "P, Cox",
    "cox_hr": "hazard ratios",
    "cox_ci_lower": "limits of hazard ratios",
    "cox_ci_upper": "limits of hazard ratios",
    "median": "medians",
    "median_ci_lower": "limits of medians",
    "median_ci_upper": "limits of medians",
    "followup_min": "follow-up",
    "followup_median": "follow-up",
    "followup_max": "follow-up",
}


@dataclass(frozen=True, slots=True)
class PaperCohort:
    """Patients in the paper's own terms.

    Attributes
    ----------
    time, event
        Survival and death, shape (n,).
    codes
        Level code of each variable of the description, shape (n,) each; -1 = unknown.
    marks
        Levels of other variables, as text joined by ``;``, shape (n,) each: causes of death, sites.
    """

    time: np.ndarray
    event: np.ndarray
    codes: Mapping[str, np.ndarray]
    marks: Mapping[str, np.ndarray]


def reproduce(table: pd.DataFrame, cohort: PaperCohort, description: Description) -> pd.DataFrame:
    """Recompute the scored numbers of a table.

    Returns
    -------
    DataFrame
        The table's rows that are scored, with `kind`, `reproduced`, `own_convention` (the study's; NaN where
        it is the paper's), `difference` (reproduced less published) and `verdict`.
    """
    scored = table[table.scored]
    calculator = _Calculator(cohort, description)
    values = [calculator.value(row) for row in scored.itertuples()]
    reproduced = np.array([value for value, _ in values], dtype=np.float64)
    own = np.array([other for _, other in values], dtype=np.float64)
    return scored.assign(
        kind=scored.statistic.map(KINDS),
        reproduced=reproduced,
        own_convention=own,
        difference=reproduced - scored.value,
        verdict=verdicts(scored, reproduced),
    ).reset_index(drop=True)


def verdicts(table: pd.DataFrame, reproduced: np.ndarray) -> np.ndarray:
    """Return verdicts: within rounding; near (1 %, 0.1 of a chi-square, 0.001 of a P); or not."""
    lower, upper = limits(table)
    slack = 1e-9 * np.maximum(1.0, np.abs(reproduced))
    within = (reproduced >= lower - slack) & (reproduced <= upper + slack)
    value = table.value.to_numpy()
    tolerance = NEAR_SHARE * np.abs(value)
    tolerance[table.statistic.str.endswith("_chi2")] = NEAR_CHI_SQUARE
    tolerance[table.statistic.str.endswith("_p")] = NEAR_P
    near = np.abs(reproduced - value) <= tolerance + slack
    return np.select([within, near], [WITHIN, NEAR], default=NOT)


def score_by_kind(reproduction: pd.DataFrame, aside: set[str]) -> pd.DataFrame:
    """Count the numbers of each kind that are met, with and without those set aside; last row: all kinds."""
    lines = []
    kinds = [*dict.fromkeys(KINDS.values()), "all"]
    for kind in kinds:
        rows = reproduction if kind == "all" else reproduction[reproduction.kind == kind]
        if len(rows) == 0:
            continue
        kept = rows[~rows.id.isin(aside)]
        within, near = (rows.verdict == WITHIN), rows.verdict.isin([WITHIN, NEAR])
        lines.append(
            {
                "kind": kind,
                "numbers": len(rows),
                "within_rounding": int(within.sum()),
                "near": int(near.sum()),
                "set_aside": len(rows) - len(kept),
                "within_rounding_of_rest": int((kept.verdict == WITHIN).sum()),
                "near_of_rest": int(kept.verdict.isin([WITHIN, NEAR]).sum()),
                "largest_difference": float(kept.difference.abs().max()) if len(kept) else np.nan,
            }
        )
    return pd.DataFrame(lines)


def mark_contradictions(reproduction: pd.DataFrame, inconsistencies: pd.DataFrame) -> pd.DataFrame:
    """Add `contradiction`, the names of those that a number takes part in, and `set_aside`."""
    aside = set(filter(None, ";".join(inconsistencies.set_aside).split(";")))
    names: dict[str, list[str]] = {}
    for row in inconsistencies.itertuples():
        for identifier in row.ids.split(";"):
            names.setdefault(identifier, []).append(row.contradiction)
    found = reproduction.id.map(lambda identifier: ";".join(names.get(identifier, [])))
    return reproduction.assign(contradiction=found, set_aside=reproduction.id.isin(aside))


def symmetric_median_limits(time: np.ndarray, event: np.ndarray) -> tuple[float, float, float]:
    """Return the median and its limits, median +- z SE, with SE = SE(S) / density (SPSS algorithms, KM).

    The density is the slope of S between the last time with S >= 0.55 and the first with S <= 0.45.
    """
    curve = kaplan_meier(time, event)
    dying = curve.n_event > 0
    times, survival = curve.time[dying], curve.survival[dying]
    below = np.flatnonzero(survival <= 0.5 + 1e-12)
    late = np.flatnonzero(survival <= 0.5 - PERCENTILE_SPREAD + 1e-12)
    early = np.flatnonzero(survival >= 0.5 + PERCENTILE_SPREAD - 1e-12)
    if below.size == 0 or late.size == 0 or early.size == 0:
        return np.nan, np.nan, np.nan
    middle = below[0]
    density = (survival[early[-1]] - survival[late[0]]) / (times[late[0]] - times[early[-1]])
    error = survival[middle] * curve.std_error[dying][middle] / density
    half = normal_quantile(0.95) * error
    return times[middle], times[middle] - half, times[middle] + half


class _Calculator:
    """Computes single numbers of a cohort; models and tests are kept, since several numbers share one."""

    def __init__(self, cohort: PaperCohort, description: Description) -> None:
        self.cohort = cohort
        self.description = description
        self.kept: dict[tuple[Any, ...], Any] = {}

    def value(self, row: Any) -> tuple[float, float]:
        """Return the number in the paper's convention, and in the study's own if that differs (else NaN)."""
        if row.cohort not in self.description.cohorts:
            return np.nan, np.nan
        rows = self._members(row.cohort)
        match row.statistic:
            case "n" | "pct":
                count = self._count(row, rows)
                return (100.0 * count / row.denominator if row.statistic == "pct" else count), np.nan
            case "survival_pct":
                return self._survival(row, rows), np.nan
            case "logrank_chi2" | "logrank_p":
                test = self._log_rank(row, rows)
                return (test.chi2 if row.statistic == "logrank_chi2" else test.p_value), np.nan
            case "pearson_p":
                return self._pearson(row, rows), np.nan
            case "median" | "median_ci_lower" | "median_ci_upper":
                return self._median(row, rows)
            case "followup_min" | "followup_median" | "followup_max":
                return self._follow_up(row, rows), np.nan
            case _:
                return self._model(row, rows)

    def _once(self, key: tuple[Any, ...], make: Any) -> Any:
        if key not in self.kept:
            self.kept[key] = make()
        return self.kept[key]

    def _members(self, name: str) -> np.ndarray:
        def make() -> np.ndarray:
            inside = np.ones(self.cohort.time.size, dtype=bool)
            for variable, level in self.description.cohorts[name].items():
                inside &= self.cohort.codes[variable] == self.description.code(variable, level)
            return inside

        return self._once(("members", name), make)

    def _codes(self, row: Any) -> np.ndarray:
        """Return the codes of the row's variable, unrecorded ones -1."""
        variable, known = self.description.view_of(row.id, row.variable)
        codes = self.cohort.codes[variable]
        return codes if not known else np.where(self.cohort.codes[known] == 1, codes, -1)

    def _at_level(self, row: Any, rows: np.ndarray) -> np.ndarray:
        variable, _ = self.description.view_of(row.id, row.variable)
        # Else the row is about everybody.
        if variable not in self.description.variables:
            return rows
        levels = self.description.unions.get(variable, {}).get(row.level, (row.level,))
        wanted = [self.description.code(variable, level) for level in levels]
        return rows & np.isin(self._codes(row), wanted)

    def _count(self, row: Any, rows: np.ndarray) -> float:
        if row.variable == "alive":
            return float((self.cohort.event[rows] == 0).sum())
        if row.variable in self.cohort.marks:
            levels = self.description.unions.get(row.variable, {}).get(row.level, (row.level,))
            texts = self.cohort.marks[row.variable][rows]
            return float(sum(not set(text.split(";")).isdisjoint(levels) for text in texts))
        inside = self._at_level(row, rows)
        arm, level = within_arm(row.within)
        if arm:
            inside = inside & (self.cohort.codes[arm] == self.description.code(arm, level))
        return float(inside.sum())

    def _survival(self, row: Any, rows: np.ndarray) -> float:
        inside = self._at_level(row, rows)
        curve = kaplan_meier(self.cohort.time[inside], self.cohort.event[inside])
        at = survival_at(curve, [row.time]).estimate[0]
        # Printed rates stay where the curve was last, after the last patient too.
        return 100.0 * float(curve.survival[-1] if np.isnan(at) and len(curve.survival) else at)

    def _log_rank(self, row: Any, rows: np.ndarray) -> Any:
        landmark = 0.0 if np.isnan(row.time) else row.time
        variable = self.description.view_of(row.id, row.variable)

        def make() -> Any:
            inside = rows & at_least(self.cohort.time, landmark)
            return log_rank(self.cohort.time[inside], self.cohort.event[inside], self._codes(row)[inside])

        return self._once(("log_rank", row.cohort, variable, landmark), make)

    def _pearson(self, row: Any, rows: np.ndarray) -> float:
        variable, _ = self.description.view_of(row.id, row.variable)
        arm = self.cohort.codes[self.description.arm][rows]
        levels = len(self.description.variables[variable].levels)
        return pearson_chi_square(self._codes(row)[rows], arm, levels).p_value

    def _median(self, row: Any, rows: np.ndarray) -> tuple[float, float]:
        time, event = self.cohort.time[rows], self.cohort.event[rows]
        place = ("median", "median_ci_lower", "median_ci_upper").index(row.statistic)
        own = quantile(kaplan_meier(time, event), 0.5)
        return symmetric_median_limits(time, event)[place], (own.estimate, own.lower, own.upper)[place]

    def _follow_up(self, row: Any, rows: np.ndarray) -> float:
        alive = rows & (self.cohort.event == 0) if row.level == "alive" else rows
        summaries: dict[str, Callable[[np.ndarray], float]]
        summaries = {"min": np.min, "median": np.median, "max": np.max}
        summary = summaries[row.statistic.removeprefix("followup_")]
        return float(summary(self.cohort.time[alive])) if alive.any() else np.nan

    def _model(self, row: Any, rows: np.ndarray) -> tuple[float, float]:
        model = self.description.models.get(row.cohort, ())
        if row.variable not in model:
            return np.nan, np.nan
        code = self.description.contrast(row.variable, row.level)
        numbers = []
        for ties in ("breslow", "efron"):
            fit = self._once(("cox", row.cohort, ties), partial(self._fit, model, rows, ties))
            ratio = hazard_ratio(fit, model.index(row.variable))
            # The models hold the last level; a printed contrast of the first is the reciprocal.
            last = code == len(self.description.variables[row.variable].levels) - 1
            numbers.append(_of_ratio(row.statistic, ratio, inverted=not last))
        return numbers[0], numbers[1]

    def _fit(self, model: tuple[str, ...], rows: np.ndarray, ties: str) -> Any:
        last = {name: len(self.description.variables[name].levels) - 1 for name in model}
        X = np.column_stack([self.cohort.codes[name][rows] == last[name] for name in model]).astype(float)
        return cox(self.cohort.time[rows], self.cohort.event[rows], X, ties=ties, names=model)


def _of_ratio(statistic: str, ratio: Any, *, inverted: bool) -> float:
    if statistic == "cox_p":
        return ratio.p_value
    lower, upper = (1 / ratio.ci_upper, 1 / ratio.ci_lower) if inverted else (ratio.ci_lower, ratio.ci_upper)
    value = 1 / ratio.estimate if inverted else ratio.estimate
    return {"cox_hr": value, "cox_ci_lower": lower, "cox_ci_upper": upper}[statistic]
