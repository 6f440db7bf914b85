"""Summary of the specifications of one estimator, for text and charts alike."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from survival_multiverse.estimators.quantiles import known_median
from survival_multiverse.settings.measures import Measure
from survival_multiverse.settings.schema import PASSES, Estimator, Status
from survival_multiverse.settings.study import Decision, Study

ESTIMATOR_ORDER = tuple(str(estimator) for estimator in Estimator)
GATE = f"{PASSES}baseline_"
GATED = tuple(str(estimator) for estimator in Estimator if estimator.balances)
"""Estimators that balance the arms, so that there is a gate to pass."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts and range of the estimates of one estimator, all of one measure.

    Attributes
    ----------
    attempted, estimated
        Specifications tried, and those with an estimate.
    longer, shorter
        Estimates by which arm 1 survives longer, or shorter, than arm 0.
    ci_longer, ci_shorter
        Those of them whose confidence interval leaves out the value without a difference.
    lowest, highest
        Rows of the smallest and the largest estimate (empty when nothing was estimated).
    median
        Median estimate; NaN when nothing was estimated, or only a selected rest.
    selected
        Whether the estimated are a selected rest: of the others a curve does not fall far enough, or
        follow-up ends too early, so that those with an estimate are not like those without.
    """

    attempted: int
    estimated: int
    longer: int
    shorter: int
    ci_longer: int
    ci_shorter: int
    lowest: dict[str, Any]
    highest: dict[str, Any]
    median: float
    selected: bool

    @property
    def not_estimable(self) -> int:
        """Count the specifications without an estimate."""
        return self.attempted - self.estimated


def headline(specifications: pd.DataFrame, study: Study, *, estimator: str | None = None) -> pd.DataFrame:
    """Return the specifications of the primary population without a landmark, of one estimator or of all.

    Parameters
    ----------
    specifications
        From `robustness.specifications`.
    study
        Says which population is the primary one.
    estimator
        Keep this one only.

    Returns
    -------
    pd.DataFrame
    """
    mask = (specifications["population"] == study.primary_population) & (specifications["landmark"] == 0)
    if estimator is not None:
        mask &= specifications["estimator"] == estimator
    return specifications[mask]


def primary_block(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return rows of the primary options and adjustment set: one estimand per estimator.

    Parameters
    ----------
    rows
        Specifications.
    study
        Names the primary scenario and adjustment set.

    Returns
    -------
    pd.DataFrame
    """
    return primary_options(of_set(rows, study.primary_set), study)


def primary_options(rows: pd.DataFrame, study: Study, *, but: Collection[str] = ()) -> pd.DataFrame:
    """Return the rows of the primary options, those of equivalent decisions aside.

    Parameters
    ----------
    rows
        Specifications, or a table with their decisions; an option that a row does not depend on is null.
    study
        Names the primary scenario.
    but
        Further decisions that may have any option.

    Returns
    -------
    pd.DataFrame
        Of whatever the rows adjust for.
    """
    kept = np.ones(len(rows), dtype=bool)
    for name, value in zip(study.decisions, study.primary, strict=True):
        if name in study.outside and name not in but:
            kept &= ((rows[name] == value) | _idle(rows, name, study)).to_numpy()
    return rows[kept]


def primary_question(table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the rows of the primary options, those of equivalent decisions aside, of every adjustment set.

    Parameters
    ----------
    table
        With the decisions; an option that a row does not depend on is null, whichever estimator it is of.
    study
        Names the primary scenario.

    Returns
    -------
    pd.DataFrame
    """
    kept = np.ones(len(table), dtype=bool)
    for name, value in zip(study.decisions, study.primary, strict=True):
        if name in study.outside:
            kept &= (table[name].isna() | (table[name] == value).fillna(False)).to_numpy(dtype=bool)
    return table[kept]


def _idle(rows: pd.DataFrame, name: str, study: Study) -> pd.Series:
    """Return the rows whose estimator a decision does not touch: null, and not because they are pooled."""
    decision = study.decisions[name]
    untouched = [str(estimator) for estimator in Estimator if idle(decision, estimator)]
    return rows[name].isna() & rows["estimator"].isin(untouched)


def idle(decision: Decision, estimator: str) -> bool:
    """Return whether a decision changes nothing for an estimator, so that its option is null.

    Parameters
    ----------
    decision
        Of the study.
    estimator
        Its name.

    Returns
    -------
    bool
    """
    return estimator not in [str(touched) for touched in Estimator if decision.touches(touched)]


def pooled_options(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the rows of the primary options, those of equivalent and of uncertain decisions aside.

    Parameters
    ----------
    rows
        Specifications.
    study
        Names the primary scenario.

    Returns
    -------
    pd.DataFrame
    """
    return primary_options(rows, study, but=study.uncertain)


def of_set(rows: pd.DataFrame, name: str) -> pd.DataFrame:
    """Return the rows of one adjustment set, and those that adjust for nothing.

    Parameters
    ----------
    rows
        Specifications.
    name
        Of the adjustment set.

    Returns
    -------
    pd.DataFrame
    """
    return rows[rows["adjustment_set"].isna() | (rows["adjustment_set"] == name)]


def other_sets(study: Study) -> list[str]:
    """Return the adjustment sets beside the primary one, in the order of the settings.

    Parameters
    ----------
    study
        Names the adjustment sets and the primary one.

    Returns
    -------
    list of str
    """
    return [name for name in study.adjustment_sets if name != study.primary_set]


def estimators_present(specifications: pd.DataFrame) -> list[str]:
    """Return the estimators in the table, in the order of the study.

    Parameters
    ----------
    specifications
        From `robustness.specifications`.

    Returns
    -------
    list of str
    """
    present = set(specifications["estimator"])
    return [estimator for estimator in ESTIMATOR_ORDER if estimator in present]


def estimated(specifications: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with an estimate.

    Parameters
    ----------
    specifications
        From `robustness.specifications`.

    Returns
    -------
    pd.DataFrame
    """
    return specifications[(specifications["status"] == str(Status.OK)) & specifications["estimate"].notna()]


def direction(specifications: pd.DataFrame, measure: Measure) -> np.ndarray:
    """Return which way each confidence interval points.

    Parameters
    ----------
    specifications
        Rows with an estimate.
    measure
        Of which they are.

    Returns
    -------
    np.ndarray
        ``longer`` or ``shorter`` survival of arm 1, or ``includes`` (the value without a difference), shape
        (n,).
    """
    limits = specifications[["ci_lower", "ci_upper"]].to_numpy(dtype=np.float64)
    beyond = measure.longer * (limits - measure.null)
    return np.select([(beyond > 0).all(axis=1), (beyond < 0).all(axis=1)], ["longer", "shorter"], "includes")


def strictest_gate(study: Study) -> str:
    """Return the column of the gate on the pages: all baseline covariates, within the smallest threshold.

    Parameters
    ----------
    study
        Gives the balance thresholds.

    Returns
    -------
    str
    """
    return f"{GATE}{min(study.analysis.balance_thresholds):g}"


def passes(specifications: pd.DataFrame, *, gate: str) -> np.ndarray:
    """Return which rows pass a balance gate; a row without a judged balance does not.

    Parameters
    ----------
    specifications
        From `robustness.specifications`.
    gate
        Column of the gate.

    Returns
    -------
    np.ndarray
        Mask, shape (n,).
    """
    return specifications[gate].astype("boolean").fillna(False).to_numpy(dtype=bool)


def passing(specifications: pd.DataFrame, *, gate: str) -> pd.DataFrame:
    """Return the rows that pass a balance gate.

    Parameters
    ----------
    specifications
        From `robustness.specifications`.
    gate
        Column of the gate.

    Returns
    -------
    pd.DataFrame
    """
    return specifications[passes(specifications, gate=gate)]


def middle(estimates: npt.ArrayLike, measure: Measure) -> float:
    """Return the median estimate; of ratios that of the logarithms, as the joint test takes it.

    Of an even number of ratios it is the geometric mean of the middle two, so that inverting every ratio
    inverts the median.

    Parameters
    ----------
    estimates
        Of one measure, shape (n,).
    measure
        Of which they are.

    Returns
    -------
    float
        NaN without any.
    """
    effects = measure.effect(np.asarray(estimates, dtype=np.float64))
    return float(measure.estimate(np.asarray(known_median(effects))))


def summarise(specifications: pd.DataFrame, measure: Measure) -> Summary:
    """Summarise specifications of one estimator, population and landmark.

    Parameters
    ----------
    specifications
        From `robustness.specifications`, of one measure.
    measure
        Of which they are.

    Returns
    -------
    Summary
    """
    usable = estimated(specifications)
    values = usable["estimate"].to_numpy(dtype=np.float64)
    towards = measure.longer * (values - measure.null)
    sides = direction(usable, measure)
    selected = measure.leaves_selected_rest(specifications["status"])
    return Summary(
        attempted=len(specifications),
        estimated=len(usable),
        longer=int((towards > 0).sum()),
        shorter=int((towards < 0).sum()),
        ci_longer=int((sides == "longer").sum()),
        ci_shorter=int((sides == "shorter").sum()),
        lowest=usable.iloc[int(values.argmin())].to_dict() if values.size else {},
        highest=usable.iloc[int(values.argmax())].to_dict() if values.size else {},
        median=np.nan if selected else middle(values, measure),
        selected=selected,
    )
