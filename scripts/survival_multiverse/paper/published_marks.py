"""Published numbers in the study's own terms: what charts and figures mark beside what was computed."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.cohort.sample import GTV_LEVELS, STATE_LEVELS
from survival_multiverse.paper.published import Description, Variable, within_arm
from survival_multiverse.settings.schema import PRIMARY, Population
from survival_multiverse.settings.study import Study

COLUMNS = ("quantity", "population", "estimator", "adjustment_set", "subgroup", "variable", "level")
NUMBERS = ("time", "relation", "value", "lower", "upper")
LARGEST, SHARE = "max_abs_smd_baseline", "matched_share"
NO_MARKS = pd.DataFrame(columns=[*COLUMNS, *NUMBERS])
"""Of a study without a paper."""
ROLES = {"lesions": "state", "dose": "arm", "gtv": "gtv"}
"""What a scenario makes of the columns that its cutoffs divide."""


def published_marks(numbers: pd.DataFrame, paper: Description, study: Study) -> pd.DataFrame:
    """Return the published numbers of the primary scenario.

    What the paper divides at other cutoffs than the primary ones is left out.

    Parameters
    ----------
    numbers
        As `published.read_published` types them.

    Returns
    -------
    DataFrame
        `quantity`: survival and median (of a group, `variable` = arm or state), log_rank_p, hazard_ratio
        (from a model of several factors, of the higher level against the lower), smd and max_abs_smd_baseline
        (by the printed counts, over the pooled SD before matching), matched_share (of the smaller arm);
        of whom (`population`, `estimator`, `adjustment_set`, `subgroup`), of what (`variable`, `level`),
        `time`, `relation` (= or <), `value` and, where they are printed, its limits `lower` and `upper`.
    """
    terms = _Terms(paper, study)
    found = [*_of_groups(numbers, terms), *_ratios(numbers, terms), *_balance(numbers, terms)]
    marks = pd.DataFrame(found, columns=list(NO_MARKS.columns))
    for name in ("time", "value", "lower", "upper"):
        marks[name] = marks[name].astype(np.float64)
    return marks.drop_duplicates([*COLUMNS, "time"]).reset_index(drop=True)


class _Terms:
    """The paper's cohorts, variables and levels as the study calls them."""

    def __init__(self, paper: Description, study: Study) -> None:
        self.paper, self.study = paper, study
        held = {self.name(paper.variables[name]) for name in paper.matching.get("variables", ())}
        sets = (name for name, entry in study.adjustment_sets.items() if set(entry.covariates) == held)
        self.matched_set = next(sets, None)

    def name(self, variable: Variable) -> str | None:
        """Return its name, if the study divides it at the same place."""
        if variable.column in ROLES:
            cutoff = getattr(self.study.primary_cutoffs, variable.column)
            return ROLES[variable.column] if variable.cut == cutoff else None
        covariate = self.study.covariates.get(variable.column)
        if covariate is None or (covariate.cut != variable.cut):
            return None
        return covariate.name if variable.cut is not None or variable.texts == covariate.levels else None

    def level(self, variable: Variable, level: str) -> str:
        """Return the name of one of its levels."""
        code, name = variable.levels.index(level), self.name(variable)
        if name is not None and name in ROLES.values():
            return {"state": STATE_LEVELS, "arm": ("0", "1"), "gtv": GTV_LEVELS}[name][code]
        return self.study.covariates[variable.column].levels[code]

    def group(self, variable: str, level: str) -> tuple[str, str] | None:
        """Return the variable and level, if both are known."""
        known = self.paper.variables.get(variable)
        name = self.name(known) if known else None
        if known is None or name is None or level not in known.levels:
            return None
        return name, self.level(known, level)

    def whom(self, cohort: str) -> dict[str, str | None] | None:
        """Return population, estimator, adjustment set and subgroup of a cohort; None if it has none."""
        found: dict[str, str | None] = {"population": str(Population.ALL), "estimator": "unadjusted"}
        found |= {"adjustment_set": None, "subgroup": None}
        recorded = {view.known for view in self.paper.views.values()}
        for variable, level in self.paper.cohorts.get(cohort, {"": ""}).items():
            group = self.group(variable, level)
            if variable == self.paper.pairs and self.paper.code(variable, level) == 1:
                found |= {"estimator": "matched", "adjustment_set": self.matched_set}
            elif group and group[0] == "state":
                found["population"] = group[1]
            elif group and found["subgroup"] is None:
                found["subgroup"] = "=".join(group)
            elif variable not in recorded:
                return None
        return found


def _of_groups(numbers: pd.DataFrame, terms: _Terms) -> Iterable[dict[str, Any]]:
    """Yield the survival rates, medians and log-rank P values of arms and states."""
    quantities = {"survival_pct": "survival", "median": "median", "logrank_p": "log_rank_p"}
    limits = {
        (row.cohort, row.variable, row.level, row.statistic): row.value
        for row in numbers[numbers.statistic.str.startswith("median_ci_")].itertuples()
    }
    for row in numbers[numbers.statistic.isin(quantities)].itertuples():
        whom = terms.whom(row.cohort)
        if whom is None or (row.statistic == "logrank_p" and np.isfinite(row.time)):
            continue
        what = _what(row, whom, terms)
        if what is None or what["variable"] not in ("arm", "state"):
            continue
        ends = [
            limits.get((row.cohort, row.variable, row.level, f"median_ci_{end}"))
            for end in ("lower", "upper")
        ]
        yield {
            "quantity": quantities[row.statistic],
            **whom,
            **what,
            "time": row.time,
            "relation": row.relation,
            "value": row.value / 100 if row.statistic == "survival_pct" else row.value,
            **dict(zip(("lower", "upper"), ends if row.statistic == "median" else (None, None), strict=True)),
        }


def _what(row: Any, whom: dict[str, str | None], terms: _Terms) -> dict[str, str | None] | None:
    """Return the variable and level that a number is about; a whole population is a level of the state."""
    if row.statistic == "logrank_p":
        variable = terms.paper.variables.get(row.variable)
        name = terms.name(variable) if variable else None
        return {"variable": name, "level": None} if name else None
    group = terms.group(row.variable, row.level)
    if group:
        return dict(zip(("variable", "level"), group, strict=True))
    whole = whom["population"] in STATE_LEVELS and whom["estimator"] == "unadjusted" and not whom["subgroup"]
    if whole and row.variable not in terms.paper.variables and row.level == "total":
        state = {"variable": "state", "level": whom["population"]}
        whom["population"] = str(Population.ALL)
        return state
    return None


def _ratios(numbers: pd.DataFrame, terms: _Terms) -> Iterable[dict[str, Any]]:
    """Yield hazard ratios of the models, inverted where they are printed for the lower level."""
    printed = {(row.cohort, row.variable, row.statistic): row.value for row in numbers.itertuples()}
    for row in numbers[numbers.statistic == "cox_hr"].itertuples():
        whom, variable = terms.whom(row.cohort), terms.paper.variables.get(row.variable)
        name = terms.name(variable) if variable else None
        if whom is None or variable is None or name is None or len(variable.levels) != 2:
            continue
        ends = [
            printed.get((row.cohort, row.variable, f"cox_ci_{end}"), np.nan) for end in ("lower", "upper")
        ]
        turned = terms.paper.contrast(row.variable, row.level) == 0
        lower, upper = (1 / end for end in reversed(ends)) if turned else ends
        if whom["estimator"] == "unadjusted":
            whom["estimator"] = "adjusted"
        yield {
            "quantity": "hazard_ratio",
            **whom,
            "variable": name,
            "level": terms.level(variable, variable.levels[1]),
            "relation": row.relation,
            "value": 1 / row.value if turned else row.value,
            "lower": lower,
            "upper": upper,
        }


def _balance(numbers: pd.DataFrame, terms: _Terms) -> Iterable[dict[str, Any]]:
    """Yield standardised differences by the printed counts, the largest of them, and the share matched."""
    before = next((name for name in _compared(numbers, terms) if _stage(name, terms) == "unadjusted"), None)
    after = next((name for name in _compared(numbers, terms) if _stage(name, terms) == "matched"), None)
    if before is None or terms.name(terms.paper.variables[terms.paper.arm]) != "arm":
        return
    spread: dict[tuple[str, str], float] = {}
    for cohort in filter(None, (before, after)):
        whom, largest = terms.whom(cohort) or {}, []
        for variable, name, level, one, other in _shares_of_levels(numbers, cohort, terms):
            if cohort == before:
                spread[variable.name, level] = ((one * (1 - one) + other * (1 - other)) / 2) ** 0.5
            if not spread.get((variable.name, level)):
                continue
            value = abs(one - other) / spread[variable.name, level]
            yield _mark("smd", whom, value, variable=name, level=terms.level(variable, level))
            covariate = terms.study.covariates.get(name)
            largest += [value] if covariate is None or covariate.role == "baseline" else []
        if largest:
            yield _mark(LARGEST, whom, max(largest))
    if after is not None:
        sizes = [_sizes(numbers, cohort, terms.paper.arm) for cohort in (before, after)]
        if all(len(size) == 2 for size in sizes):
            yield _mark(SHARE, terms.whom(after) or {}, min(sizes[1]) / min(sizes[0]))


def _shares_of_levels(
    numbers: pd.DataFrame, cohort: str, terms: _Terms
) -> Iterable[tuple[Variable, str, str, float, float]]:
    """Yield the levels of what the study divides alike, each with its share in one arm and in the other."""
    for variable in terms.paper.variables.values():
        name = terms.name(variable)
        if name is not None and name != "arm":
            for level, (one, other) in _shares(numbers, cohort, variable, terms.paper.arm).items():
                yield variable, name, level, one, other


def _mark(quantity: str, whom: dict[str, str | None], value: float, **what: str) -> dict[str, Any]:
    return {"quantity": quantity, **whom, **what, "relation": "=", "value": value}


def _compared(numbers: pd.DataFrame, terms: _Terms) -> list[str]:
    """Return the cohorts of the primary population whose arms are counted."""
    counted = numbers[(numbers.statistic == "n") & (numbers.within != "")]
    primary = {"population": str(PRIMARY), "subgroup": None}
    return [name for name in counted.cohort.unique() if primary.items() <= (terms.whom(name) or {}).items()]


def _stage(cohort: str, terms: _Terms) -> str | None:
    return (terms.whom(cohort) or {}).get("estimator")


def _counts(numbers: pd.DataFrame, cohort: str, arm: str) -> pd.DataFrame:
    """Return counts of a cohort within its arms: variable, level, `arm` (its level) and value."""
    here = numbers[(numbers.cohort == cohort) & (numbers.statistic == "n") & (numbers.within != "")]
    columns = pd.DataFrame(
        [within_arm(text) for text in here.within], columns=["of", "arm"], index=here.index
    )
    counts = pd.concat([here[["variable", "level", "value"]], columns], axis=1)
    return counts[counts["of"] == arm]


def _shares(
    numbers: pd.DataFrame, cohort: str, variable: Variable, arm: str
) -> dict[str, tuple[float, float]]:
    """Return the share of each level in either arm, where the counts of both are printed."""
    counts = _counts(numbers, cohort, arm)
    table = counts[counts.variable == variable.name].pivot_table(index="level", columns="arm", values="value")
    if table.shape != (len(variable.levels), 2) or table.isna().to_numpy().any():
        return {}
    shares = table / table.sum()
    return {
        level: (float(one), float(other))
        for level, (one, other) in zip(table.index, shares.to_numpy(), strict=True)
    }


def _sizes(numbers: pd.DataFrame, cohort: str, arm: str) -> list[float]:
    """Return the number of patients in each arm."""
    counts = _counts(numbers, cohort, arm)
    return counts[counts.level == "total"]["value"].tolist()
