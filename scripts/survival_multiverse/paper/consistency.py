"""Arithmetic consistency checks of published numbers with each other."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtri

from survival_multiverse.estimators.contingency import pearson_chi_square
from survival_multiverse.paper.event_order import order_feasibility
from survival_multiverse.paper.levels_and_whole import whole_rates
from survival_multiverse.paper.published import Description, limits, within_arm

AGREES, IMPOSSIBLE, DOUBTFUL = "agrees", "impossible", "doubtful"
COLUMNS = ["check", "verdict", "cohort", "variable", "level", "printed", "implied", "ids"]
HALF_A_PATIENT = 0.5


def audit_consistency(table: pd.DataFrame, description: Description) -> pd.DataFrame:
    """Recompute what published numbers imply about each other, from their printed roundings alone.

    Parameters
    ----------
    table
        `published.read_published`.

    Returns
    -------
    DataFrame
        One row a comparison: `check`; `verdict`: agrees, impossible (no true values print as these), or
        doubtful (Kaplan-Meier rates of levels need not add up exactly once somebody is censored); whom and
        what it is about; `printed` and `implied` in words; the `ids` of the numbers, joined by ``;``.
    """
    lower, upper = limits(table)
    rows = table.assign(lower=lower, upper=upper)
    rows = rows[rows.scored]
    checks = [
        *_sizes(rows, description),
        *_arms(rows, description),
        *_feasible_rates(rows, description),
        *_falling_rates(rows),
        *_alive(rows, description),
        *_levels_and_whole(rows, description),
        *_event_orders(rows, description),
        *_chi_squares(rows, description),
        *_pearson(rows, description),
        *_hazard_ratios(rows),
        *_percentages(rows),
    ]
    return pd.DataFrame(checks, columns=COLUMNS)


def _line(
    check: str, fine: bool, row: Any, printed: str, implied: str, ids: Any, bad: str = IMPOSSIBLE
) -> tuple[Any, ...]:
    verdict = AGREES if fine else bad
    return check, verdict, row.cohort, row.variable, row.level, printed, implied, ";".join(ids)


def _sizes_of(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the printed sizes of levels, arms together."""
    return rows[(rows.statistic == "n") & (rows.within == "")]


def _exclusive(
    rows: pd.DataFrame, description: Description
) -> Iterator[tuple[tuple[str, str, str], pd.DataFrame]]:
    """Yield sizes by source, cohort and variable, where the variable's levels exclude each other."""
    sizes = _sizes_of(rows)
    known = sizes[sizes.variable.isin(description.variables)]
    for key, group in known.groupby(["source", "cohort", "variable"], sort=False):
        levels = description.variables[key[2]].levels
        group = group[group.level.isin(levels)]
        if set(group.level) == set(levels):
            yield key, group


def _total(rows: pd.DataFrame, cohort: str) -> pd.DataFrame:
    return rows[
        (rows.cohort == cohort) & (rows.variable == "cohort") & (rows.statistic == "n") & (rows.within == "")
    ]


def _sizes(rows: pd.DataFrame, description: Description) -> Iterator[tuple[Any, ...]]:
    """Check that levels add up to the cohort."""
    for (_, cohort, _), group in _exclusive(rows, description):
        total = _total(rows, cohort)
        if len(total):
            summed, printed = group.value.sum(), total.value.iloc[0]
            ids = [*group.id, total.id.iloc[0]]
            row = group.iloc[0].copy()
            row["level"] = ""
            yield _line(
                "levels add up to the cohort", summed == printed, row, f"{printed:g}", f"{summed:g}", ids
            )


def _arms(rows: pd.DataFrame, description: Description) -> Iterator[tuple[Any, ...]]:
    """Check that the arms of a level add up to its size in another table."""
    split = rows[(rows.statistic == "n") & (rows.within != "")]
    sizes = _sizes_of(rows)
    for (cohort, variable, level), group in split.groupby(["cohort", "variable", "level"], sort=False):
        whole = sizes[(sizes.cohort == cohort) & (sizes.variable == variable) & (sizes.level == level)]
        arm, _ = within_arm(group.within.iloc[0])
        if len(whole) and len(group) == len(description.variables[arm].levels):
            summed, printed = group.value.sum(), whole.value.iloc[0]
            ids = [*group.id, whole.id.iloc[0]]
            words = " + ".join(f"{value:g}" for value in group.value)
            yield _line(
                "arms add up to the level",
                summed == printed,
                whole.iloc[0],
                f"{printed:g}",
                f"{words} = {summed:g}",
                ids,
            )


def _first_end(rows: pd.DataFrame) -> float:
    """Return when the first of the living was last seen; 0 if it is not printed, and so not known."""
    living = rows[(rows.statistic == "followup_min") & (rows.level == "alive")]
    return float(living.value.min()) if len(living) else 0.0


def _feasible_rates(rows: pd.DataFrame, description: Description) -> Iterator[tuple[Any, ...]]:
    """Check that a rate is a share k / n of its level while nobody is censored."""
    early = rows[(rows.statistic == "survival_pct") & (rows.time <= _first_end(rows))]
    for row in early.itertuples():
        size = _size_of_level(rows, row)
        if size is None:
            continue
        alive = np.arange(size.value + 1)
        fits = (100 * alive / size.value >= row.lower - 1e-9) & (100 * alive / size.value <= row.upper + 1e-9)
        near = (
            100
            * np.array([math.floor(row.value / 100 * size.value), math.ceil(row.value / 100 * size.value)])
            / size.value
        )
        implied = f"n = {size.value:g}: {near[0]:.1f} or {near[1]:.1f}"
        yield _line(
            "a rate is a share of its level", fits.any(), row, f"{row.value:g}", implied, [row.id, size.id]
        )


def _size_of_level(rows: pd.DataFrame, row: Any) -> Any:
    sizes = _sizes_of(rows)
    level = "total" if row.variable == "cohort" else row.level
    found = sizes[(sizes.cohort == row.cohort) & (sizes.variable == row.variable) & (sizes.level == level)]
    return found.iloc[0] if len(found) else None


def _falling_rates(rows: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Check that survival does not rise."""
    rates = rows[rows.statistic == "survival_pct"]
    for _, group in rates.groupby(["source", "cohort", "variable", "level"], sort=False):
        group = group.sort_values("time")
        fine = bool((np.diff(group.value) <= 0).all())
        printed = ", ".join(f"{value:g}" for value in group.value)
        yield _line("survival does not rise", fine, group.iloc[0], printed, "", group.id)


def _alive(rows: pd.DataFrame, description: Description) -> Iterator[tuple[Any, ...]]:
    """Check that every variable implies the same number alive."""
    rates = rows[(rows.statistic == "survival_pct") & (rows.variable.isin(description.variables))]
    for (_, time), group in rates.groupby(["cohort", "time"], sort=False):
        limits = {name: _implied_alive(rows, part) for name, part in group.groupby("variable", sort=False)}
        implied = {name: value for name, value in limits.items() if value is not None}
        if len(implied) < 3:
            continue
        middle = float(np.median([sum(value) / 2 for value in implied.values()]))
        for name, (low, high) in implied.items():
            gap = max(low - middle, middle - high, 0.0)
            part = group[group.variable == name]
            row = part.iloc[0].copy()
            row["level"] = f"at {time:g}"
            printed = ", ".join(f"{value:g}" for value in part.value)
            words = f"{low:.1f} to {high:.1f} alive; the {len(implied)} variables' median is {middle:.1f}"
            bad = IMPOSSIBLE if time <= _first_end(rows) else DOUBTFUL
            yield _line(
                "variables imply one number alive", gap <= HALF_A_PATIENT, row, printed, words, part.id, bad
            )


def _implied_alive(rows: pd.DataFrame, part: pd.DataFrame) -> tuple[float, float] | None:
    sizes = [_size_of_level(rows, row) for row in part.itertuples()]
    known = [size.value for size in sizes if size is not None]
    if len(known) < len(sizes):
        return None
    n = np.array(known)
    return float((n * part.lower).sum() / 100), float((n * part.upper).sum() / 100)


def _levels_and_whole(rows: pd.DataFrame, description: Description) -> Iterator[tuple[Any, ...]]:
    """Check that rates of the levels can be those of parts of the whole."""
    for whole, levels, low, high in whole_rates(_with_inferred(rows, description), description):
        fine = low <= whole.upper + 1e-9 and high >= whole.lower - 1e-9
        row = levels.iloc[0].copy()
        row["level"] = f"at {whole.time:g}"
        words = f"{low:.2f} to {high:.2f} in all" if low <= high else "no rate in all"
        words += ", by every order in which the levels can lose their patients"
        printed = ", ".join(f"{value:g}" for value in [*levels.value[levels.time == whole.time], whole.value])
        yield _line("levels make up the whole", fine, row, printed, words, [*levels.id, whole.id])


def _event_orders(rows: pd.DataFrame, description: Description) -> Iterator[tuple[Any, ...]]:
    """Check that some order in which a cohort's patients leave gives the rates of all its variables."""
    for found in order_feasibility(_with_inferred(rows, description), description):
        row = found.rates.iloc[0].copy()
        row["variable"], row["level"] = "", f"at {row.time:g}"
        blamed = found.rates[found.rates.variable.isin(found.any_of or found.rates.variable)]
        words = f"{found.at_risk} at risk, at most {found.censored} censored: "
        words += "some event order gives all" if found.possible else "no event order gives all"
        if found.any_of:
            names = ", ".join(map(description.words, found.any_of))
            words += f"; some does if one of these is left out: {names}"
        printed = f"{len(found.rates)} rates of {found.rates.variable.nunique()} variables"
        ids = (found.rates if found.possible else blamed).id
        yield _line("one event order gives all rates", found.possible, row, printed, words, ids)


def _with_inferred(rows: pd.DataFrame, description: Description) -> pd.DataFrame:
    """Add to the rows the sizes of levels that are not printed but follow from what is."""
    sizes = [entry for entry in description.inferred if entry["variable"] in description.variables]
    inferred = pd.DataFrame(sizes).rename(columns={"n": "value"})
    return pd.concat([rows, inferred.assign(statistic="n", within="")], ignore_index=True)


def _levels_tested(rows: pd.DataFrame, row: Any, description: Description) -> int:
    known = description.variables.get(row.variable)
    return len(known.levels) if known else 2


def _chi_squares(rows: pd.DataFrame, description: Description) -> Iterator[tuple[Any, ...]]:
    """Check that each log-rank chi-square gives its P."""
    tests = rows[rows.statistic == "logrank_chi2"]
    for row in tests.itertuples():
        same = (rows.cohort == row.cohort) & (rows.variable == row.variable) & (rows.statistic == "logrank_p")
        same &= (rows.time == row.time) | (np.isnan(row.time) & rows.time.isna())
        df = _levels_tested(rows, row, description) - 1
        high, low = float(chdtrc(df, max(row.lower, 0.0))), float(chdtrc(df, row.upper))
        for other in rows[same].itertuples():
            fine = low <= other.upper + 1e-9 and high >= other.lower - 1e-9
            implied = f"chi-square {row.value:g} with {df} df: P {float(chdtrc(df, row.value)):.3f}"
            printed = f"P {'<' if other.relation == '<' else ''}{other.value:g}"
            yield _line("a chi-square gives its P", fine, row, printed, implied, [row.id, other.id])


def _pearson(rows: pd.DataFrame, description: Description) -> Iterator[tuple[Any, ...]]:
    """Check that printed counts give Pearson's P, without correction."""
    split = rows[(rows.statistic == "n") & (rows.within != "")]
    for row in rows[rows.statistic == "pearson_p"].itertuples():
        part = split[(split.cohort == row.cohort) & (split.variable == row.variable)]
        levels = description.variables[row.variable].levels
        arms = description.variables[description.arm].levels
        codes = [levels.index(level) for level in part.level]
        sides = [arms.index(within_arm(text)[1]) for text in part.within]
        counts = part.value.astype(int).to_numpy()
        test = pearson_chi_square(np.repeat(codes, counts), np.repeat(sides, counts), len(levels))
        fine = row.lower - 1e-9 <= test.p_value <= row.upper + 1e-9
        yield _line(
            "counts give Pearson's P",
            fine,
            row,
            f"P {row.value:g}",
            f"P {test.p_value:.3f}",
            [*part.id, row.id],
        )


def _hazard_ratios(rows: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Check that each hazard ratio is the geometric mean of its limits, and that they give its P."""
    normal = float(ndtri(0.975))
    for row in rows[rows.statistic == "cox_hr"].itertuples():
        same = rows[
            (rows.cohort == row.cohort) & (rows.variable == row.variable) & (rows.source == row.source)
        ]
        parts = {name: same[same.statistic == name] for name in ("cox_ci_lower", "cox_ci_upper", "cox_p")}
        if any(len(part) != 1 for part in parts.values()):
            continue
        low, high, p = (part.iloc[0] for part in parts.values())
        middle = math.sqrt(low.lower * high.lower), math.sqrt(low.upper * high.upper)
        fine = middle[0] <= row.upper and middle[1] >= row.lower
        words = f"limits {low.value:g} and {high.value:g}: {math.sqrt(low.value * high.value):.3f}"
        yield _line(
            "limits surround their hazard ratio",
            fine,
            row,
            f"{row.value:g}",
            words,
            [row.id, low.id, high.id],
        )
        logs = sorted(abs(math.log(value)) for value in (row.lower, row.upper))
        errors = [
            (math.log(a) - math.log(b)) / (2 * normal)
            for a, b in ((high.upper, low.lower), (high.lower, low.upper))
        ]
        smallest, largest = (
            math.erfc(logs[1] / errors[1] / math.sqrt(2)),
            math.erfc(logs[0] / errors[0] / math.sqrt(2)),
        )
        fine = smallest <= p.upper and largest >= p.lower
        words = f"hazard ratio and limits: P {smallest:.4f} to {largest:.4f}"
        yield _line(
            "a hazard ratio gives its P", fine, row, f"P {p.value:g}", words, [row.id, low.id, high.id, p.id]
        )


def _percentages(rows: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    """Check that each percentage is its count over its denominator."""
    sizes = _sizes_of(rows)
    for row in rows[rows.statistic == "pct"].itertuples():
        same = (sizes.cohort == row.cohort) & (sizes.variable == row.variable) & (sizes.level == row.level)
        for size in sizes[same].itertuples():
            share = 100 * size.value / row.denominator
            fine = row.lower - 1e-9 <= share <= row.upper + 1e-9
            words = f"{size.value:g} / {row.denominator:g} = {share:.2f}"
            yield _line("a percentage is a share", fine, row, f"{row.value:g}", words, [row.id, size.id])
