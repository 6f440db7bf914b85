"""All methods side by side, as a table, with bootstrap intervals on request."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survival_multiverse.emulation.method_names import Method
from survival_multiverse.emulation.methods import (
    Emulated,
    clone_censor_weight,
    landmark,
    naive,
    time_dependent,
)
from survival_multiverse.emulation.treatment_times import TreatmentTimes
from survival_multiverse.estimators.cox import HazardRatio
from survival_multiverse.settings.schema import Status

EMULATION_KIND = 9
"""First part of the seed of a bootstrap draw; numbers never change once given."""


@dataclass(frozen=True, slots=True)
class _Analysis:
    """A method with its landmark or grace period (NaN without), ready to be called with a cohort."""

    method: Method
    parameter: float
    estimate: Callable[[TreatmentTimes], Emulated]


def emulate(
    cohort: TreatmentTimes,
    *,
    landmarks: Sequence[float],
    graces: Sequence[float],
    level: float = 0.95,
    minimum_events: int = 5,
    bootstrap: int = 0,
    seed: int = 0,
    unit: str = "",
) -> pd.DataFrame:
    """Estimate the hazard ratio of the treatment in four ways that deal differently with the time before it.

    All use the same covariates. The first three are conditional: Cox models of treatment beside the
    covariates. Clone-censor-weight is marginal: the covariates enter by the weights. Without any bias these
    two kinds still differ where the effect is large, because hazard ratios are not collapsible.

    Parameters
    ----------
    cohort : TreatmentTimes
    landmarks, graces : sequence of float
        Landmarks, and lengths of the grace period, from time zero.
    level : float
        Confidence level.
    minimum_events : int
        Fewest deaths asked of either arm.
    bootstrap : int
        Draws of patients with replacement, in which everything is estimated anew, weights too.
    seed : int
        Of the draws; further draws extend the fewer.
    unit : str
        Of all times, for the words of the estimands.

    Returns
    -------
    pd.DataFrame
        A row each: method, parameter (landmark or grace period), estimand, hazard_ratio, log_hazard_ratio,
        std_error (of the logarithm), variance (`Method.variance`), ci_lower, ci_upper, p_value, n, events,
        largest_weight, alive_at_grace, sum_of_weights_at_grace, sum_of_weights_unstarted (see `Emulated`),
        bootstrap_lower, bootstrap_upper (percentiles), draws_estimated, status, reason.

    Raises
    ------
    ValueError
        If a landmark, a grace period, `bootstrap` or `level` is impossible, or there is no patient.
    """
    _check(cohort, landmarks, graces, level, bootstrap)
    analyses = _analyses(landmarks, graces, level, minimum_events)
    draws = bootstrap_log_ratios(cohort, [entry.estimate for entry in analyses], bootstrap, seed)
    tail = (1 - level) / 2
    records = []
    for entry, drawn in zip(analyses, draws.T, strict=True):
        found = entry.estimate(cohort)
        known = drawn[~np.isnan(drawn)]
        trusted = known if found.ratio.status is Status.OK else known[:0]
        low, high = np.exp(np.quantile(trusted, [tail, 1 - tail])) if trusted.size else (np.nan, np.nan)
        records.append(_record(entry, found, unit) | _intervals(low, high, known.size) | _status(found))
    return pd.DataFrame(records)


def no_estimates(
    status: Status, reason: str, *, landmarks: Sequence[float], graces: Sequence[float], unit: str = ""
) -> pd.DataFrame:
    """Return the rows of `emulate` where no method can be tried, all for one reason.

    Parameters
    ----------
    status, reason
        Of every row.
    landmarks, graces, unit
        As in `emulate`.

    Returns
    -------
    pd.DataFrame
        Without numbers; `n` and `events` are 0.
    """
    found = Emulated(HazardRatio(*(np.nan,) * 7, status), 0, 0, reason)
    records = [
        _record(entry, found, unit) | _intervals(np.nan, np.nan, 0) | _status(found)
        for entry in _analyses(landmarks, graces, 0.95, 0)
    ]
    return pd.DataFrame(records)


def _check(
    cohort: TreatmentTimes, landmarks: Sequence[float], graces: Sequence[float], level: float, bootstrap: int
) -> None:
    for name, values in (("landmark", landmarks), ("grace period", graces)):
        wrong = [value for value in values if not 0 <= value < math.inf]
        if wrong:
            raise ValueError(f"a {name} is a time of 0 or more, not {wrong[0]}")
    if not 0 < level < 1:
        raise ValueError(f"a confidence level lies between 0 and 1, not {level}")
    if bootstrap < 0:
        raise ValueError(f"the number of draws is 0 or more, not {bootstrap}")
    if cohort.time.size == 0:
        raise ValueError("there is no patient")


def _analyses(
    landmarks: Sequence[float], graces: Sequence[float], level: float, minimum_events: int
) -> list[_Analysis]:
    def ready(function: Callable[..., Emulated], *parameter: float) -> Callable[[TreatmentTimes], Emulated]:
        return lambda cohort: function(cohort, *parameter, level=level, minimum_events=minimum_events)

    return [
        _Analysis(Method.NAIVE, np.nan, ready(naive)),
        *(_Analysis(Method.LANDMARK, float(at), ready(landmark, float(at))) for at in landmarks),
        _Analysis(Method.TIME_DEPENDENT, np.nan, ready(time_dependent)),
        *(
            _Analysis(Method.CLONE_CENSOR_WEIGHT, float(grace), ready(clone_censor_weight, float(grace)))
            for grace in graces
        ),
    ]


def _record(entry: _Analysis, found: Emulated, unit: str) -> dict[str, object]:
    ratio = found.ratio
    return {
        "method": str(entry.method),
        "parameter": entry.parameter,
        "estimand": entry.method.estimand_at(entry.parameter, unit),
        "hazard_ratio": ratio.estimate,
        "log_hazard_ratio": ratio.log_estimate,
        "std_error": ratio.std_error,
        "variance": entry.method.variance,
        "ci_lower": ratio.ci_lower,
        "ci_upper": ratio.ci_upper,
        "p_value": ratio.p_value,
        "n": found.n,
        "events": found.events,
        "largest_weight": found.largest_weight,
        "alive_at_grace": found.alive_at_grace,
        "sum_of_weights_at_grace": found.sum_of_weights_at_grace,
        "sum_of_weights_unstarted": found.sum_of_weights_unstarted,
    }


def _intervals(low: float, high: float, estimated: int) -> dict[str, object]:
    return {"bootstrap_lower": low, "bootstrap_upper": high, "draws_estimated": estimated}


def _status(found: Emulated) -> dict[str, object]:
    return {"status": str(found.ratio.status), "reason": found.reason}


def bootstrap_log_ratios(
    cohort: TreatmentTimes, estimates: Sequence[Callable[[TreatmentTimes], Emulated]], draws: int, seed: int
) -> np.ndarray:
    """Estimate log hazard ratios in cohorts drawn from the patients with replacement.

    Parameters
    ----------
    cohort : TreatmentTimes
    estimates : sequence of callable
        Each gives an estimate for a cohort; all are given the same draws. A patient drawn twice is two.
    draws, seed : int
        The seed of a draw depends on its number alone.

    Returns
    -------
    np.ndarray
        Shape (draws, estimates); NaN where a draw allowed no estimate.
    """
    found = np.full((draws, len(estimates)), np.nan)
    n = cohort.time.size
    for draw in range(draws):
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(EMULATION_KIND, draw)))
        drawn = cohort.take(rng.integers(0, n, n))
        for place, estimate in enumerate(estimates):
            ratio = estimate(drawn).ratio
            if ratio.status is Status.OK:
                found[draw, place] = ratio.log_estimate
    return found
