"""Arrays of the compiled loss from published numbers: which number is computed where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtri, ndtri
from scipy.stats import chi2

from survival_multiverse.kernels.reconstruction import (
    CELLS,
    COUNTS,
    COX,
    FOLLOW_UP,
    GROUPS,
    MEDIAN,
    Problem,
)
from survival_multiverse.paper.published import Description, limits, within_arm
from survival_multiverse.settings.faults import InputError

UNIT = {
    "n": 0.05,
    "pairs": 0.02,
    "survival_pct": 0.05,
    "logrank_chi2": 0.005,
    "cox_hr": 0.0005,
    "cox_ci_lower": 0.0005,
    "cox_ci_upper": 0.0005,
    "cox_p": 0.0002,
    "cox_se": 0.0002,
    "median": 0.05,
    "median_ci_lower": 0.01,
    "median_ci_upper": 0.01,
    "followup_min": 0.05,
    "followup_median": 0.05,
    "followup_max": 0.05,
}
"""How far outside its rounding a number of each kind costs one unit of loss. They balance the kinds; where
every number can be met they make no difference in the end."""

GROUP_STATISTICS = ("survival_pct", "logrank_chi2")
MODEL_STATISTICS = ("cox_hr", "cox_ci_lower", "cox_ci_upper", "cox_p")
STANDARD_ERROR = "cox_se"
"""Of a log hazard ratio, as its printed limits imply it. It says who is at risk when, whatever the ratio."""
MEDIAN_STATISTICS = ("median", "median_ci_lower", "median_ci_upper")
FOLLOW_UP_PLACES = {
    ("all", "followup_min"): 0,
    ("all", "followup_max"): 1,
    ("at_last_follow_up", "n"): 2,
    ("alive", "followup_min"): 3,
    ("alive", "followup_median"): 4,
    ("alive", "followup_max"): 5,
}
CONDITIONS, COVARIATES = 4, 8


@dataclass(frozen=True, slots=True)
class Targets:
    """The compiled problem, and what its blocks are about.

    Attributes
    ----------
    problem
        Arrays for `kernels.reconstruction`.
    rows
        Row of each variable in the labels.
    blocks
        kind, cohort, variable, landmark of each block, in their order.
    statistics
        What each target is, shape (targets,); empty where nothing is printed.
    """

    problem: Problem
    rows: dict[str, int]
    blocks: pd.DataFrame
    statistics: np.ndarray


@dataclass(slots=True)
class _Block:
    kind: int
    cohort: str
    variable: str = ""
    known: str = ""
    landmark: int = 0
    levels: int = 1
    model: tuple[str, ...] = ()
    codes: list[int] = field(default_factory=list)
    start: list[float] = field(default_factory=list)
    targets: dict[int, tuple[float, float, str, float]] = field(default_factory=dict)
    size: int = 0


def compile_targets(table: pd.DataFrame, description: Description) -> Targets:
    """Put every scored number that a cohort decides into a block of numbers that are computed together.

    Parameters
    ----------
    table
        `published.read_published`, with the corrections that the fit aims at.

    Notes
    -----
    Pearson's P is left out: the counts decide it. A log-rank P narrows the limits of its chi-square.
    """
    scored = table[table.scored]
    lower, upper = limits(scored)
    unit = scored.statistic.map(UNIT)
    scored = _narrowed(scored.assign(lower=lower, upper=upper, unit=unit), description)
    printed = np.unique(scored.time[scored.statistic == "survival_pct"])
    rate_times = np.rint(printed / description.step).astype(np.int64)
    collector = _Collector(description, rate_times)
    for row in scored.itertuples():
        collector.add(row)
    for entry in description.inferred:
        collector.add_inferred(entry)
    collector.add_cells()
    collector.add_standard_errors()
    return collector.finish()


def _narrowed(rows: pd.DataFrame, description: Description) -> pd.DataFrame:
    """Cut the limits of each log-rank chi-square to those of its P, if the two agree at all.

    Its unit is no coarser than half the rounding of the P either.
    """
    tests = rows[rows.statistic == "logrank_chi2"]
    beside = rows[rows.statistic == "logrank_p"]
    keys = ["cohort", "variable", "time"]
    both = tests.reset_index().merge(beside, on=keys, suffixes=("", "_p")).drop_duplicates("index")
    levels = [len(description.levels_of(row.id, row.variable)) for row in both.itertuples()]
    degrees = np.array(levels, dtype=np.int64) - 1
    lower = np.maximum(both.lower, chdtri(degrees, both.upper_p))
    upper = np.minimum(both.upper, chdtri(degrees, np.maximum(both.lower_p, np.finfo(float).tiny)))
    agree = (lower <= upper).to_numpy()
    rows = rows.copy()
    steepness = chi2.pdf(both.value[agree], degrees[agree])
    half = (both.upper_p - both.lower_p).to_numpy()[agree] / 2.0
    unit = np.minimum(UNIT["logrank_chi2"], half / steepness)
    rows.loc[both["index"][agree], "unit"] = unit
    rows.loc[both["index"][agree], "lower"] = lower[agree].to_numpy()
    rows.loc[both["index"][agree], "upper"] = upper[agree].to_numpy()
    return rows


class _Collector:
    """Gathers the blocks of a table."""

    def __init__(self, description: Description, rate_times: np.ndarray) -> None:
        self.description = description
        self.rate_times = rate_times
        self.rows = {name: row for row, name in enumerate(description.variables)}
        self.blocks: dict[tuple[Any, ...], _Block] = {}

    def add(self, row: Any) -> None:
        """Add a published number to the block that computes it."""
        if row.cohort not in self.description.cohorts:
            return
        if row.variable in ("followup", "alive"):
            block = self._block(FOLLOW_UP, row.cohort, size=6 + self.rate_times.size)
            self._target(block, self._follow_up_place(row), row)
        elif row.statistic in GROUP_STATISTICS:
            self._add_group(row)
        elif row.statistic in MODEL_STATISTICS:
            self._add_model(row)
        elif row.statistic in MEDIAN_STATISTICS:
            block = self._block(MEDIAN, row.cohort, size=3)
            self._target(block, MEDIAN_STATISTICS.index(row.statistic), row)
        elif row.statistic == "n":
            self._add_count(row)

    def _block(self, kind: int, cohort: str, *key: object, **values: Any) -> _Block:
        return self.blocks.setdefault((kind, cohort, *key), _Block(kind, cohort, **values))

    def _target(self, block: _Block, place: int, row: Any) -> None:
        block.targets[place] = (row.lower, row.upper, row.statistic, row.unit)

    def _follow_up_place(self, row: Any) -> int:
        if row.level == "ended":
            return 6 + self._rate(row.time)
        return FOLLOW_UP_PLACES[row.level, row.statistic]

    def _rate(self, time: float) -> int:
        """Return the place of the printed time nearest to a time."""
        return int(np.argmin(np.abs(self.rate_times - time / self.description.step)))

    def _add_group(self, row: Any) -> None:
        whole = row.variable not in (*self.description.variables, *self.description.views)
        variable, known = ("", "") if whole else self.description.view_of(row.id, row.variable)
        levels = 1 if whole else len(self.description.variables[variable].levels)
        rates = self.rate_times.size
        survival = row.statistic == "survival_pct"
        landmark = 0 if survival or np.isnan(row.time) else round(row.time / self.description.step)
        block = self._block(
            GROUPS,
            row.cohort,
            variable,
            known,
            landmark,
            variable=variable,
            known=known,
            landmark=landmark,
            levels=levels,
            size=levels * rates + 1,
        )
        if survival:
            code = 0 if whole else self.description.code(variable, row.level)
            place = code * rates + self._rate(row.time)
            self._target(block, place, row)
        elif row.statistic == "logrank_chi2":
            self._target(block, levels * rates, row)

    def _add_model(self, row: Any) -> None:
        model = self.description.models.get(row.cohort, ())
        if row.variable not in model:
            return
        block = self._block(COX, row.cohort, model=model, size=5 * len(model))
        if not block.codes:
            block.codes = [len(self.description.variables[name].levels) - 1 for name in model]
            block.start = [np.nan] * len(model)
        place = model.index(row.variable)
        if "_vs_" in row.level:
            block.codes[place] = self.description.contrast(row.variable, row.level)
        if row.statistic == "cox_hr":
            block.start[place] = float(np.log(row.value))
        self._target(block, 5 * place + MODEL_STATISTICS.index(row.statistic), row)

    def add_standard_errors(self) -> None:
        """Add the standard error of every log hazard ratio with two limits, as exact as they are printed."""
        width = 2.0 * ndtri(0.975)
        for block in self.blocks.values():
            for place in range(len(block.model) if block.kind == COX else 0):
                low, high = (block.targets.get(5 * place + limit) for limit in (1, 2))
                if low and high:
                    smallest, largest = np.log(high[0] / low[1]) / width, np.log(high[1] / low[0]) / width
                    block.targets[5 * place + 4] = (
                        float(smallest),
                        float(largest),
                        STANDARD_ERROR,
                        UNIT[STANDARD_ERROR],
                    )

    def _add_count(self, row: Any) -> None:
        variable, known = self.description.view_of(row.id, row.variable)
        arm, arm_level = within_arm(row.within)
        column = self.description.code(arm, arm_level) if arm else 2
        if variable in self.description.variables:
            if row.level not in self.description.variables[variable].levels:
                return
            levels = len(self.description.variables[variable].levels)
            code = self.description.code(variable, row.level)
        elif row.level == "total":
            variable, known, levels, code = "", "", 1, 0
        else:
            return
        block = self._block(
            COUNTS,
            row.cohort,
            variable,
            known,
            variable=variable,
            known=known,
            levels=levels,
            size=3 * levels,
        )
        self._target(block, 3 * code + column, row)

    def add_inferred(self, entry: Mapping[str, Any]) -> None:
        """Add a size that is not printed but follows from what is."""
        limit = {"lower": entry["n"] - 0.5, "upper": entry["n"] + 0.5, "unit": UNIT["n"]}
        self.add(pd.Series({"id": "", "within": "", "statistic": "n", **entry, **limit}))

    def add_cells(self) -> None:
        """Add the cells of equal matching variables: how many pairs they allow, and that arms are equal."""
        matching = self.description.matching
        if not matching:
            return
        block = self._block(CELLS, matching["cohort"], model=tuple(matching["variables"]), size=2)
        block.targets = {
            0: (matching["pairs"] - 0.5, matching["pairs"] + 0.5, "pairs", UNIT["pairs"]),
            1: (-0.5, 0.5, "pairs", UNIT["pairs"]),
        }

    def finish(self) -> Targets:
        """Turn the blocks into arrays."""
        blocks = list(self.blocks.values())
        cohorts = list(self.description.cohorts)
        sizes = [block.size for block in blocks]
        first = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.int64)
        lower, upper, weight = (np.zeros(sum(sizes)) for _ in range(3))
        statistics = np.full(sum(sizes), "", dtype=object)
        for block, start in zip(blocks, first, strict=True):
            for place, (low, high, statistic, unit) in block.targets.items():
                lower[start + place], upper[start + place] = low, high
                weight[start + place], statistics[start + place] = 1.0 / unit, statistic
        conditions = self._conditions()
        problem = Problem(
            kind=_integers(blocks, lambda block: block.kind),
            cohort=_integers(blocks, lambda block: cohorts.index(block.cohort)),
            row=_integers(blocks, lambda block: self._row(block.variable)),
            mask=_integers(blocks, lambda block: self._row(block.known)),
            landmark=_integers(blocks, lambda block: -1 if block.kind in (COUNTS, CELLS) else block.landmark),
            levels=_integers(blocks, lambda block: block.levels),
            first_target=first,
            **self._models(blocks),
            condition_rows=conditions[0],
            condition_codes=conditions[1],
            lower=lower,
            upper=upper,
            weight=weight,
            miss=0.0,
            uses=np.array([self._uses(block) for block in blocks]).T.copy(),
            rate_times=self.rate_times,
            last_time=self.description.last_time,
            step=float(self.description.step),
            normal=float(ndtri(0.975)),
            arm_row=self.rows[self.description.arm],
            pair_row=self._row(self.description.pairs),
        )
        frame = pd.DataFrame(
            [(block.kind, block.cohort, block.variable, block.landmark) for block in blocks],
            columns=["kind", "cohort", "variable", "landmark"],
        )
        return Targets(problem, self.rows, frame, statistics)

    def _row(self, name: str) -> int:
        return self.rows[name] if name else -1

    def _conditions(self) -> tuple[np.ndarray, np.ndarray]:
        cohorts = self.description.cohorts
        rows = np.full((len(cohorts), CONDITIONS), -1, np.int64)
        codes = np.zeros_like(rows)
        for c, conditions in enumerate(cohorts.values()):
            for place, (name, level) in enumerate(conditions.items()):
                rows[c, place] = self.rows[name]
                codes[c, place] = self.description.code(name, level)
        return rows, codes

    def _models(self, blocks: list[_Block]) -> dict[str, np.ndarray]:
        rows = np.full((len(blocks), COVARIATES), -1, np.int64)
        codes = np.zeros_like(rows)
        start = np.zeros(rows.shape)
        steps = np.ones(len(blocks), np.int64)
        for b, block in enumerate(blocks):
            for place, name in enumerate(block.model):
                rows[b, place] = self.rows[name]
                if block.kind == COX:
                    codes[b, place] = block.codes[place]
                    start[b, place] = np.nan_to_num(block.start[place])
            # From printed coefficients one step of Newton's is exact where it counts, at the solution.
            if block.kind == COX and np.isnan(block.start).any():
                steps[b] = 4
        return {"model_rows": rows, "model_codes": codes, "model_start": start, "model_steps": steps}

    def _uses(self, block: _Block) -> list[bool]:
        """Return which rows of the labels a block reads."""
        names = {block.variable, block.known, *block.model, *self.description.cohorts[block.cohort]}
        if block.kind in (COUNTS, CELLS):
            names.add(self.description.arm)
        if block.kind == CELLS:
            names.add(self.description.pairs)
        return [name in names for name in self.rows]


def _integers(blocks: list[_Block], value: Callable[[_Block], int]) -> np.ndarray:
    return np.array([value(block) for block in blocks], dtype=np.int64)


def total_patients(table: pd.DataFrame, description: Description) -> int:
    """Return the printed size of the cohort that everybody is in.

    Raises
    ------
    InputError
        If it is not printed.
    """
    sizes = table[(table.statistic == "n") & (table.level == "total") & (table.within == "")]
    sizes = sizes[(sizes.variable == "cohort") & (sizes.cohort == description.everybody)]
    if sizes.empty:
        raise InputError(
            [
                "no row gives the size of the whole cohort; add one (variable cohort, level total, "
                "statistic n)"
            ],
            subject="the published numbers",
        )
    return int(sizes.value.iloc[0])
