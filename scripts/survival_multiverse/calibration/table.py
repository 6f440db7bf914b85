"""The table of the calibration: size and power of joint tests, bias of estimates, coverage of intervals."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from survival_multiverse.calibration.intervals import OWN_ERRORS
from survival_multiverse.calibration.replicates import (
    EFFECT_ON_COURSE,
    NO_EFFECT,
    SETTINGS,
    TESTS,
)
from survival_multiverse.settings.measures import RATIO, Measure
from survival_multiverse.settings.schema import Estimator
from survival_multiverse.settings.study import Study

TYPE_I_ERROR, POWER, COVERAGE, BIAS = "type I error", "power", "coverage", "bias"
SIZES = (0.05, 0.01)
CLEARLY = 3.0
"""Monte-Carlo standard errors beyond which a frequency is said to differ from its nominal value."""

TESTED = ["setting", "measure", "null", "estimator", "adjustment_set", "test"]
ESTIMATED = ["setting", "measure", "test", "estimator", "adjustment_set"]
COLUMNS = [
    "setting",
    "quantity",
    "measure",
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
    """Return how often each test rejects and each interval holds the truth, and the bias of each estimate.

    Parameters
    ----------
    records
        Rows of `calibration.run_replicates`.
    truths
        Rows of `truth.true_effects`, for the cohorts with an effect.
    config
        The configuration of both.
    draws
        Draws of each null and of the bootstrap.

    Returns
    -------
    pd.DataFrame
        Columns `COLUMNS`; `truth` is in the unit of the measure, a bias of hazard ratios that of logarithms,
        `monte_carlo_se` that of the observed share or bias (Morris, White and Crowther 2019, table 6). The
        adjusted hazard ratio has a second row where there is an effect: its interval against the simulated
        parameter, which is conditional on every variable and not on those of its set alone.
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
    measures = {measure.name: measure for measure in (RATIO, *study.differences)}
    known = {(row.estimator, row.adjustment_set, row.measure): row.truth for row in truths.itertuples()}
    parameter = float(np.log(config["cohort"]["simulation"]["dose_hazard_ratio"]))
    intervals = records[~is_test]
    resampled = intervals["test"].str.startswith("bootstrap")
    # A cohort in which an estimator has no interval has one of another.
    made = intervals.groupby(["setting", "measure", resampled])["replicate"].nunique()
    for _, group in _in_order(intervals, ESTIMATED):
        first = group.iloc[0]
        measure = measures[first["measure"]]
        missed = _left_out(first["adjustment_set"], first["estimator"], config, study)
        drawn = first["test"].startswith("bootstrap")
        common = {
            "nominal": study.analysis.confidence_level,
            "draws": draws if drawn else 0,
            "made": made[first["setting"], measure.name, drawn],
            "notes": missed,
        }
        truth = 0.0
        if first["setting"] != NO_EFFECT:
            truth = known[first["estimator"], first["adjustment_set"], measure.name]
        biased = first["test"] in OWN_ERRORS
        lines += interval_lines(group, truth, measure, **common, biased=biased)
        if first["estimator"] == Estimator.ADJUSTED and measure.ratio and first["setting"] != NO_EFFECT:
            notes = [*missed, "truth is the parameter, conditional on every variable"]
            lines += interval_lines(group, parameter, measure, **common | {"notes": notes}, biased=False)
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
    kept = {name: first[name] for name in TESTED}
    size = first["setting"] == NO_EFFECT
    ratio = first["measure"] == RATIO.name
    return [
        {
            **kept,
            "quantity": TYPE_I_ERROR if size else POWER,
            "draws": draws,
            "truth": float(ratio) if size else np.nan,
        }
        # P values are multiples of 1 / (draws + 1), which binary fractions only approximate.
        | share(p_values <= level + 1e-12, level, notes, judged=size)
        # The other measures are tested in too few cohorts for the lower level.
        for level in (SIZES if ratio else SIZES[:1])
    ]


def interval_lines(
    group: pd.DataFrame,
    truth: float,
    measure: Measure,
    *,
    nominal: float,
    made: int,
    notes: list[str],
    draws: int = 0,
    biased: bool = True,
) -> list[dict[str, Any]]:
    """Return the lines of the intervals of an estimator: the bias of what is in their middle, the coverage.

    Parameters
    ----------
    group
        Rows `effect`, `lower`, `upper` and, of differences, `status`, one a cohort.
    truth
        Like `effect`.
    measure
        Of which they are.
    nominal
        Confidence level.
    made
        Cohorts; those without an interval are named, and not counted.
    notes
        What else is to be said.
    draws
        Of a bootstrap.
    biased
        Whether the bias has a line.
    """
    first = group.iloc[0]
    estimated = group[group["effect"].notna() & group["lower"].notna()]
    effect = estimated["effect"]
    notes = [*_mean_words(estimated, measure), *notes, *_gaps(group, made - len(estimated), measure)]
    common = {name: first[name] for name in ("setting", "estimator", "adjustment_set")}
    common |= {"measure": measure.name, "null": "", "truth": float(measure.estimate(np.asarray(truth)))}
    held = estimated["lower"].le(truth) & estimated["upper"].ge(truth)
    coverage = {"quantity": COVERAGE, "test": first["test"], "draws": draws}
    coverage |= share(held.to_numpy(), nominal, notes)
    bias = {
        "quantity": BIAS,
        "test": "log_hazard_ratio" if measure.ratio else "difference",
        "nominal": 0.0,
        "observed": float(effect.mean() - truth),
        "monte_carlo_se": float(effect.std() / np.sqrt(max(len(effect), 1))),
        "cohorts": len(effect),
        "draws": 0,
        "note": "; ".join(notes),
    }
    return [common | bias, common | coverage] if biased else [common | coverage]


def _mean_words(estimated: pd.DataFrame, measure: Measure) -> list[str]:
    """Return the mean estimate in words, of differences also how far they vary."""
    if estimated.empty:
        return []
    mean = estimated["effect"].mean()
    if measure.ratio:
        return [f"mean hazard ratio {np.exp(mean):.3f}"]
    return [f"mean {mean:.3g}, standard deviation {estimated['effect'].std():.3g}"]


def _gaps(group: pd.DataFrame, lost: int, measure: Measure) -> list[str]:
    """Say how many cohorts have no interval, and whether that selects the others."""
    words = _lost(lost, "an interval")
    if words and not measure.ratio and measure.leaves_selected_rest(group["status"]):
        words.append("the others are a selected rest")
    return words


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
