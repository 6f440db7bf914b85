"""The table of the calibration: size and power of the joint tests, coverage of the intervals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from survival_multiverse.calibration.replicates import (
    EFFECT_ON_COURSE,
    NO_EFFECT,
    SETTINGS,
    TESTS,
)
from survival_multiverse.settings.schema import Estimator
from survival_multiverse.settings.study import Study

TYPE_I_ERROR, POWER, COVERAGE = "type I error", "power", "coverage"
SIZES = (0.05, 0.01)
CLEARLY = 3.0
"""Monte-Carlo standard errors beyond which a frequency is said to differ from its nominal value."""

TESTED = ["setting", "null", "estimator", "adjustment_set", "test"]
COLUMNS = [
    "setting",
    "quantity",
    "estimator",
    "adjustment_set",
    "null",
    "test",
    "nominal",
    "observed",
    "monte_carlo_se",
    "cohorts",
    "draws",
    "truth",
    "note",
]


def calibration_table(
    records: pd.DataFrame, truths: pd.DataFrame, config: Mapping[str, Any], *, draws: int
) -> pd.DataFrame:
    """Return the share of the cohorts in which each test rejects and each interval holds the truth.

    Parameters
    ----------
    records
        Rows of `calibration.run_replicates`.
    truths
        Rows of `calibration_truth.true_log_ratios`, for the cohorts with an effect.
    config
        The configuration of both.
    draws
        Draws of each null and of the bootstrap.

    Returns
    -------
    pd.DataFrame
        Columns `COLUMNS`; `truth` is a hazard ratio, `monte_carlo_se` that of the observed share (Morris,
        White and Crowther 2019, table 6). The adjusted estimator has a second row where there is an effect:
        its interval against the simulated parameter, which is conditional on every variable and not on those
        of its set alone.
    """
    study = Study.from_config(config)
    # By name: a test without a P value is still a test.
    is_test = records["test"].isin(TESTS)
    lines = []
    for _, group in _in_order(records[is_test], TESTED):
        first = group.iloc[0]
        notes = _left_out(first["adjustment_set"], first["estimator"], config, study)
        notes += _acted_through(first["setting"], first["adjustment_set"], config, study)
        lines += _rejections(group, draws, notes)
    known = {(row.estimator, row.adjustment_set): row.truth for row in truths.itertuples()}
    parameter = float(np.log(config["cohort"]["simulation"]["dose_hazard_ratio"]))
    made = records.groupby("setting")["replicate"].nunique()
    for _, group in _in_order(records[~is_test], ["setting", "test", "estimator", "adjustment_set"]):
        first = group.iloc[0]
        missed = _left_out(first["adjustment_set"], first["estimator"], config, study)
        common = {
            "nominal": study.analysis.confidence_level,
            "draws": draws,
            "made": made[first["setting"]],
            "notes": missed,
        }
        if first["setting"] == NO_EFFECT:
            lines.append(_coverage(group, 0.0, **common))
            continue
        lines.append(_coverage(group, known[first["estimator"], first["adjustment_set"]], **common))
        if first["estimator"] == Estimator.ADJUSTED:
            notes = [*missed, "truth is the parameter, conditional on every variable"]
            lines.append(_coverage(group, parameter, **common | {"notes": notes}))
    return pd.DataFrame(lines, columns=COLUMNS)


def _in_order(records: pd.DataFrame, keys: list[str]) -> DataFrameGroupBy:
    """Group records by keys, in the order in which the keys first occur; settings in theirs."""
    return records.sort_values(
        "setting", key=lambda column: column.map(SETTINGS.index), kind="stable"
    ).groupby(keys, sort=False, dropna=False)


def _rejections(group: pd.DataFrame, draws: int, notes: list[str]) -> list[dict[str, Any]]:
    """Count how often a test rejects: its size where there is no effect, else its power.

    Cohorts without a P value are named and not counted.
    """
    first, p_values = group.iloc[0], group["p_value"].dropna().to_numpy()
    notes = [*notes, *_lost(len(group) - len(p_values), "a P value")]
    kept = {name: first[name] for name in ("setting", "estimator", "adjustment_set", "null", "test")}
    size = first["setting"] == NO_EFFECT
    return [
        {
            **kept,
            "quantity": TYPE_I_ERROR if size else POWER,
            "draws": draws,
            "truth": 1.0 if size else np.nan,
        }
        # P values are multiples of 1 / (draws + 1), which binary fractions only approximate.
        | share(p_values <= level + 1e-12, level, notes, judged=size)
        for level in SIZES
    ]


def _coverage(
    group: pd.DataFrame, truth: float, *, nominal: float, draws: int, made: int, notes: list[str]
) -> dict[str, Any]:
    """Return an estimator's line; of the cohorts `made`, those without an interval are named, not counted."""
    first = group.iloc[0]
    estimated = group[group["log_hazard_ratio"].notna() & group["lower"].notna()]
    mean = np.exp(estimated["log_hazard_ratio"].mean())
    notes = [f"mean hazard ratio {mean:.3f}", *notes, *_lost(made - len(estimated), "an interval")]
    held = estimated["lower"].le(truth) & estimated["upper"].ge(truth)
    resampled = first["test"].startswith("bootstrap")
    return {
        **{name: first[name] for name in ("setting", "estimator", "adjustment_set", "test")},
        "quantity": COVERAGE,
        "null": "",
        "draws": draws if resampled else 0,
        "truth": float(np.exp(truth)),
    } | share(held.to_numpy(), nominal, notes)


def _lost(cohorts: int, what: str) -> list[str]:
    return [f"{cohorts} cohorts without {what}"] if cohorts else []


def share(hits: np.ndarray, nominal: float, notes: list[str], *, judged: bool = True) -> dict[str, Any]:
    """Return the observed share with its Monte-Carlo error and, if `judged`, a note if it is clearly off."""
    n = len(hits)
    observed = float(np.mean(hits)) if n else np.nan
    off = (observed - nominal) / np.sqrt(nominal * (1 - nominal) / max(n, 1))
    if judged and abs(off) > CLEARLY:
        notes = [f"{'above' if off > 0 else 'below'} nominal beyond Monte-Carlo error", *notes]
    return {
        "nominal": nominal,
        "observed": observed,
        "monte_carlo_se": float(np.sqrt(observed * (1 - observed) / max(n, 1))),
        "cohorts": n,
        "note": "; ".join(notes),
    }


def _left_out(adjustment_set: str, estimator: str, config: Mapping[str, Any], study: Study) -> list[str]:
    """Return the variables that move both the dose and the hazard and that the estimator leaves out."""
    used = study.adjustment_sets[adjustment_set].covariates if adjustment_set else ()
    variables = config["cohort"]["simulation"]["variables"]
    # The lesions are left out: the population has them all on one side of the limit from which they act.
    left_out = [
        name
        for name, entry in variables.items()
        if name not in (*used, "lesions")
        and _acts(entry, "dose_shift", 0)
        and _acts(entry, "hazard_ratio", 1)
    ]
    return [f"leaves out confounders: {', '.join(left_out)}"] if left_out else []


def _acted_through(setting: str, adjustment_set: str, config: Mapping[str, Any], study: Study) -> list[str]:
    """Return the variables of the set through which the dose acts: estimates lack this part of its effect."""
    if setting != EFFECT_ON_COURSE:
        return []
    variables = config["cohort"]["simulation"]["variables"]
    moved = [
        name
        for name in study.adjustment_sets[adjustment_set].covariates
        if name in study.covariates
        and study.covariates[name].role == "post_treatment"
        and _acts(variables[name], "dose_effect", 0)
    ]
    return [f"adjusts for what the dose acts through: {', '.join(moved)}"] if moved else []


def _acts(entry: Mapping[str, Any], key: str, nothing: float) -> bool:
    return bool(np.any(np.asarray(entry.get(key, nothing), dtype=np.float64) != nothing))
