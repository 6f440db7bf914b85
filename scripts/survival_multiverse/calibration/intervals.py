"""Wald intervals of every estimator and measure under the primary cutoffs of a cohort."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from survival_multiverse.balancing.matching import Matching
from survival_multiverse.balancing.weighting import weighted_arm_model
from survival_multiverse.cohort.sample import Sample, design_matrix
from survival_multiverse.estimators.cox import CoxFit, cox, hazard_ratio
from survival_multiverse.estimators.curve_measures import Contrast, contrasts, weighted_contrasts
from survival_multiverse.estimators.doubly_robust import doubly_robust
from survival_multiverse.estimators.standardised import outcome_model, standardised
from survival_multiverse.kernels.tie_breaks import VARIANCE, combine_contrasts, combine_orders
from survival_multiverse.scenario.comparability import Scored, matched_sample, score_columns, weights
from survival_multiverse.scenario.contrasts import Readings
from survival_multiverse.scenario.encoded_study import EncodedStudy, encode_study
from survival_multiverse.scenario.tie_break import over_orders, tie_breaks
from survival_multiverse.settings.measures import RATIO, Measure
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Status
from survival_multiverse.settings.study import Study

DOUBLY_ROBUST = "doubly_robust"
"""Beside the estimators of the grid."""
OWN_ERRORS = ("wald_model", "wald_outputation", "wald_stacked", "wald_influence")
"""Of the errors of an estimator the one that the study reports."""


def primary_intervals(patients: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return the Wald intervals of the measures of a study, by estimator and kind of error, as records.

    What the adjusted model says of survival is standardised; beside it stands what is doubly robust.
    """
    encoded = encode_study(patients, study, study.primary)
    sample = encoded.sample(study.primary)
    fits = [_wald(Estimator.UNADJUSTED, "", "model", _arm_fit(sample), study)]
    fits += _differences(Estimator.UNADJUSTED, "", "model", _contrasts(sample, study), study)
    for name, scored in encoded.scores(sample):
        matching = encoded.match(scored, study.primary_cutoffs.caliper)
        pairs = matched_sample(scored, matching)
        fit = _arm_fit(pairs, cluster=pairs.pair)
        for kind, cluster in (("clustered", pairs.pair), ("naive", None)):
            fits.append(_wald(Estimator.MATCHED, name, kind, fit, study))
            found = _contrasts(pairs, study, cluster)
            fits += _differences(Estimator.MATCHED, name, kind, found, study)
        fits += _over_orders(name, scored, matching, encoded)
        for estimator, weight in weights(scored).items():
            fits.append(_wald(estimator, name, "robust", _arm_fit(scored.sample, weight=weight), study))
            fits.append(_stacked(estimator, name, scored, study))
        covariates = design_matrix(scored.sample, scored.names)[0]
        fit = _arm_fit(scored.sample, covariates=covariates)
        fits.append(_wald(Estimator.ADJUSTED, name, "model", fit, study))
        fits += _of_score(name, scored, study)
    return fits


def _over_orders(
    name: str, scored: Scored, matching: Matching | None, encoded: EncodedStudy
) -> list[dict[str, Any]]:
    """Return matched intervals of the median over the orders: by their mean variance, and the study's."""
    if matching is None or matching.status is not Status.OK:
        return []
    study, analysis = encoded.study, encoded.study.analysis
    ties = tie_breaks(
        encoded.ranks, seed=study.seed, draws=analysis.few_orders, minimum_events=analysis.minimum_events
    )
    readings = Readings.of(study.measures)
    caliper = study.primary_cutoffs.caliper
    ((estimates,),), ((curves,),) = over_orders(scored, [caliper], matching.sd_logit, ties, readings=readings)
    log_ratio, std_error = combine_orders(estimates)
    mean_error = float(np.sqrt(np.nanmean(estimates[:, VARIANCE])))
    about = Estimator.MATCHED, name, RATIO
    found = [
        _wald_interval(*about, "mean_of_orders", log_ratio, mean_error, study),
        _wald_interval(*about, "outputation", log_ratio, std_error, study),
    ]
    combined = np.full((readings.size - 1, 2), np.nan)
    combine_contrasts(curves, combined)
    rows = [
        Contrast("", np.nan, estimate, error, np.nan, Status.NOT_REACHED if np.isnan(error) else Status.OK)
        for estimate, error in combined
    ]
    return found + _differences(Estimator.MATCHED, name, "outputation", rows, study)


def _of_score(name: str, scored: Scored, study: Study) -> list[dict[str, Any]]:
    """Return the differences of weighted, standardised and doubly robust survival."""
    if scored.status is not Status.OK or not study.differences:
        return []
    sample, probability, at = scored.sample, scored.fit.probability, read_at(study)
    survival, fewest = (sample.time, sample.event, sample.arm), study.analysis.minimum_events
    columns, rows = score_columns(scored), []
    for estimator in WEIGHTED:
        found = weighted_contrasts(*survival, columns, probability, estimator, **at, minimum_events=fewest)
        rows += _differences(estimator, name, "robust", found, study)
        found = [own._replace(std_error=own.stacked_error) for own in found]
        rows += _differences(estimator, name, "stacked", found, study)
    model = outcome_model(*survival, design_matrix(sample, scored.names)[0])
    found = standardised(model, **at)[1]
    rows += _differences(Estimator.ADJUSTED, name, "influence", found, study)
    found = doubly_robust(model, probability, **at)[1]
    return rows + _differences(DOUBLY_ROBUST, name, "influence", found, study)


def _contrasts(sample: Sample, study: Study, cluster: np.ndarray | None = None) -> list[Contrast]:
    if not study.differences:
        return []
    survival, fewest = (sample.time, sample.event, sample.arm), study.analysis.minimum_events
    return contrasts(*survival, cluster=cluster, minimum_events=fewest, **read_at(study))


def read_at(study: Study) -> dict[str, Any]:
    """Return where curves are read off."""
    read = Readings.of(study.measures)
    return {"horizons": read.horizons.tolist(), "times": read.times.tolist()}


def differences_of(found: Iterable[Contrast], study: Study) -> list[tuple[Measure, Contrast]]:
    """Return the contrasts of all that is read off curves with the measures of the study that they are."""
    rows, places = list(found), Readings.of(study.measures).places
    pairs = zip(study.measures, places, strict=True)
    # Doubly robust curves need not fall, so have no medians.
    return [(measure, rows[at - 1]) for measure, at in pairs if not measure.ratio and at <= len(rows)]


def _differences(
    estimator: str, adjustment_set: str, error: str, found: Iterable[Contrast], study: Study
) -> list[dict[str, Any]]:
    return [
        _wald_interval(
            estimator, adjustment_set, measure, error, own.estimate, own.std_error, study, own.status
        )
        for measure, own in differences_of(found, study)
    ]


def _stacked(estimator: Estimator, name: str, scored: Scored, study: Study) -> dict[str, Any]:
    """Return the weighted interval whose error accounts for the estimated score."""
    sample = scored.sample
    log_ratio, _, error, _ = weighted_arm_model(
        sample.time, sample.event, sample.arm, score_columns(scored), scored.fit.probability, estimator
    )
    return _wald_interval(estimator, name, RATIO, "stacked", log_ratio, error, study)


def _arm_fit(
    sample: Sample,
    *,
    covariates: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    cluster: np.ndarray | None = None,
) -> CoxFit:
    arm = sample.arm[:, None].astype(np.float64)
    columns = arm if covariates is None else np.hstack([arm, covariates])
    return cox(sample.time, sample.event, columns, weight=weight, cluster=cluster, robust=True)


def _wald(estimator: str, adjustment_set: str, error: str, fit: CoxFit, study: Study) -> dict[str, Any]:
    """Return the record of an interval; ``naive`` names the model's error where another one is right."""
    variance = "robust" if error in ("robust", "clustered") else "model"
    ratio = hazard_ratio(fit, 0, variance=variance)
    found = ratio.log_estimate, ratio.std_error
    return _wald_interval(estimator, adjustment_set, RATIO, error, *found, study)


def _wald_interval(
    estimator: str,
    adjustment_set: str,
    measure: Measure,
    error: str,
    effect: float,
    std_error: float,
    study: Study,
    status: Status = Status.OK,
) -> dict[str, Any]:
    half = float(ndtri(0.5 + study.analysis.confidence_level / 2)) * std_error
    limits = effect, effect - half, effect + half
    return interval(estimator, adjustment_set, measure, f"wald_{error}", limits, status)


def interval(
    estimator: str,
    adjustment_set: str,
    measure: Measure,
    test: str,
    limits: Sequence[float],
    status: Status = Status.OK,
) -> dict[str, Any]:
    """Return the record of an interval: effect, lower and upper limit, on the scale of `Measure.effect`.

    The status says why there is none.
    """
    effect, lower, upper = limits
    return {
        "estimator": str(estimator),
        "adjustment_set": adjustment_set,
        "measure": measure.name,
        "test": test,
        "effect": effect,
        "lower": lower,
        "upper": upper,
        "status": str(status),
    }
