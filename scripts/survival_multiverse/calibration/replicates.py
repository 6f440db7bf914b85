"""Cohorts whose dose effect is known, with their joint tests and the intervals of every estimator."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from survival_multiverse.balancing.matching import Matching
from survival_multiverse.balancing.weighting import weighted_arm_model
from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.cohort.sample import Sample, design_matrix
from survival_multiverse.cohort.simulation import simulate_cohort
from survival_multiverse.estimators.cox import CoxFit, cox, hazard_ratio
from survival_multiverse.inference.joint_inference import (
    NULLS,
    adjust_specifications,
    bootstrap_intervals,
    joint_columns,
    jointly_test,
)
from survival_multiverse.inference.resampling import Resample, all_keys, cutoff_cells, evaluate, resample
from survival_multiverse.kernels.tie_breaks import VARIANCE, combine_orders
from survival_multiverse.scenario.comparability import Scored, matched_sample, score_columns, weights
from survival_multiverse.scenario.encoded_study import EncodedStudy, encode_study
from survival_multiverse.scenario.tie_break import tie_break_ratios, tie_breaks
from survival_multiverse.settings.grid import options_of, primary_texts
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import WITH_COVARIATES, Estimator, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

NO_EFFECT, KNOWN_EFFECT, EFFECT_ON_COURSE = "no_effect", "known_effect", "effect_on_course"
SETTINGS = (NO_EFFECT, KNOWN_EFFECT, EFFECT_ON_COURSE)
"""Of the dose: none; on survival alone; on survival and on covariates known only after treatment began."""
TESTS = ("abs_median", "abs_mean_z", "median", "share_significant", "mean_z", "max_t")


def calibration_config(config: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """Narrow the configuration to one block of each set and estimator, its dose effect known.

    The block has the primary population and dose, its lowest, primary and highest volume cutoff, and every
    caliper; of any other decision it has the primary option. Baseline covariates move the dose as configured;
    what it acts on depends on the setting (see `SETTINGS`).

    Raises
    ------
    ValueError
        If the setting is unknown.
    """
    if setting not in SETTINGS:
        raise ValueError(f"the setting is one of {SETTINGS}, not {setting!r}")
    study = Study.from_config(config)
    simulation = config["cohort"]["simulation"] | {
        "dose_effect_from": study.primary_cutoffs.dose,
        "dose_changes_post_treatment": setting == EFFECT_ON_COURSE,
    }
    if setting == NO_EFFECT:
        simulation["dose_hazard_ratio"] = 1.0
    inference = {
        "populations": [str(study.primary_population)],
        "estimators": list(map(str, WITH_COVARIATES)),
        "landmarks": [0],
    }
    decisions = config["decisions"].items()
    return {
        # A sample is of the whole grid.
        **{name: group for name, group in config.items() if name != "sample"},
        "decisions": {
            name: _narrowed(decision, primary)
            for (name, decision), primary in zip(decisions, primary_texts(config), strict=True)
        },
        "cohort": {**config["cohort"], "source": "simulated", "simulation": simulation},
        "inference": config["inference"] | inference,
    }


def _narrowed(decision: Mapping[str, Any], primary: str) -> dict[str, Any]:
    """Return a decision with the options of the block: three volume cutoffs, every caliper, else one."""
    options = options_of(decision)
    varies = decision.get("varies")
    wanted = {primary}
    if varies == "caliper":
        wanted |= {canonical_text(option["value"]) for option in options}
    if varies == "gtv":
        wanted |= {canonical_text(options[end]["value"]) for end in (0, -1)}
    return {**decision, "options": [own for own in options if canonical_text(own["value"]) in wanted]}


def run_replicates(
    config: Mapping[str, Any], setting: str, replicates: Iterable[int], *, draws: int
) -> Iterator[pd.DataFrame]:
    """Simulate cohorts one by one, test them jointly, and put intervals round each estimate.

    Parameters
    ----------
    config
        A validated configuration with `cohort.simulation`.
    setting
        ``no_effect``: joint tests and intervals; ``known_effect``: the same, with the bootstrap's intervals;
        ``effect_on_course``: joint tests.
    replicates
        Numbers of the cohorts, from 1; each is its own seed, so further ones extend the fewer.
    draws
        Draws of each null, and of the bootstrap.

    Yields
    ------
    pd.DataFrame
        A cohort's tests (`p_value`) and intervals (`log_hazard_ratio`, `lower`, `upper`, of its logarithm).
    """
    narrowed = calibration_config(config, setting)
    study = replace(Study.from_config(narrowed), measures=(RATIO,))
    for replicate in replicates:
        frame = simulate_cohort(narrowed["cohort"]["simulation"], study, replicate=replicate)
        # A seed of its own for the draws too: otherwise all cohorts would share theirs.
        own = replace(study, seed=study.seed + replicate)
        patients = prepare_cohort(frame, own).patients
        records = joint_p_values(patients, own, draws=draws)
        if setting != EFFECT_ON_COURSE:
            records += primary_intervals(patients, own)
        if setting == KNOWN_EFFECT:
            records += percentile_intervals(patients, own, draws=draws)
        yield pd.DataFrame(records).assign(setting=setting, replicate=replicate)


def joint_p_values(patients: pd.DataFrame, study: Study, *, draws: int) -> list[dict[str, Any]]:
    """Return P of every joint test of each block, and the smallest one of max-T, under both nulls."""
    keys, observed = _observed(patients, study)
    block_keys = joint_columns(study)
    records = []
    for null in NULLS:
        drawn = _draws(patients, null, study, draws)
        blocks = jointly_test(keys, observed, drawn, study, str(null))
        adjusted = adjust_specifications(keys, observed, drawn, study, str(null))
        smallest = adjusted.groupby(block_keys, dropna=False)["p_value_max_t"].min()
        blocks = blocks.merge(smallest.rename("p_max_t").reset_index(), on=block_keys, validate="1:1")
        for block in blocks.itertuples():
            records += [
                {
                    "estimator": block.estimator,
                    "adjustment_set": block.adjustment_set,
                    "null": str(null),
                    "test": test,
                    "p_value": getattr(block, f"p_{test}"),
                }
                for test in TESTS
            ]
    return records


def _observed(patients: pd.DataFrame, study: Study) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the specifications of the joint tests and their estimates."""
    cells = cutoff_cells(patients, study)
    keys, kept = all_keys(cells, study)
    observed = np.concatenate([evaluate(cell, study) for cell in cells])[kept, 0]
    return keys.assign(measure=study.primary_measure.name), observed


def _draws(patients: pd.DataFrame, kind: Resample, study: Study, draws: int) -> np.ndarray:
    return np.stack([drawn[:, 0] for _, drawn in resample(patients, study, kind, range(draws))])


def percentile_intervals(patients: pd.DataFrame, study: Study, *, draws: int) -> list[dict[str, Any]]:
    """Bootstrap percentile intervals under the primary cutoffs: of patients, and of pairs after matching."""
    records = []
    for kind, estimators in (
        (Resample.BOOTSTRAP_PATIENTS, WITH_COVARIATES),
        (Resample.BOOTSTRAP_PAIRS, (Estimator.MATCHED,)),
    ):
        inference = study.inference.model_copy(update={"estimators": tuple(map(str, estimators))})
        primary = replace(study, grid=(study.primary,), inference=inference)
        keys, observed = _observed(patients, primary)
        drawn = _draws(patients, kind, primary, draws)
        each, _ = bootstrap_intervals(keys, observed, drawn, primary, str(kind))
        records += [
            {
                "estimator": row.estimator,
                "adjustment_set": row.adjustment_set,
                "test": str(kind),
                "log_hazard_ratio": np.log(row.estimate),
                "lower": np.log(row.ci_lower),
                "upper": np.log(row.ci_upper),
            }
            for row in each.itertuples()
        ]
    return records


def primary_intervals(patients: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return the Wald interval of the log hazard ratio of every estimator under the primary cutoffs."""
    encoded = encode_study(patients, study, study.primary)
    sample = encoded.sample(study.primary)
    fits = [_wald(Estimator.UNADJUSTED, "", "model", _arm_fit(sample), study)]
    for name, scored in encoded.scores(sample):
        matching = encoded.match(scored, study.primary_cutoffs.caliper)
        pairs = matched_sample(scored, matching)
        fit = _arm_fit(pairs, cluster=pairs.pair)
        fits += [_wald(Estimator.MATCHED, name, kind, fit, study) for kind in ("clustered", "naive")]
        fits += _over_orders(name, scored, matching, encoded)
        for estimator, weight in weights(scored).items():
            fits.append(_wald(estimator, name, "robust", _arm_fit(scored.sample, weight=weight), study))
            fits.append(_stacked(estimator, name, scored, study))
        covariates = design_matrix(scored.sample, scored.names)[0]
        fit = _arm_fit(scored.sample, covariates=covariates)
        fits.append(_wald(Estimator.ADJUSTED, name, "model", fit, study))
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
    ((estimates,),) = tie_break_ratios(scored, [study.primary_cutoffs.caliper], matching.sd_logit, ties)
    log_ratio, std_error = combine_orders(estimates)
    mean_error = float(np.sqrt(np.nanmean(estimates[:, VARIANCE])))
    return [
        _interval(Estimator.MATCHED, name, "mean_of_orders", log_ratio, mean_error, study),
        _interval(Estimator.MATCHED, name, "outputation", log_ratio, std_error, study),
    ]


def _stacked(estimator: Estimator, name: str, scored: Scored, study: Study) -> dict[str, Any]:
    """Return the weighted interval whose error accounts for the estimated score."""
    sample = scored.sample
    log_ratio, _, error, _ = weighted_arm_model(
        sample.time, sample.event, sample.arm, score_columns(scored), scored.fit.probability, estimator
    )
    return _interval(estimator, name, "stacked", log_ratio, error, study)


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
    return _interval(estimator, adjustment_set, error, ratio.log_estimate, ratio.std_error, study)


def _interval(
    estimator: str, adjustment_set: str, error: str, log_ratio: float, std_error: float, study: Study
) -> dict[str, Any]:
    half = float(ndtri(0.5 + study.analysis.confidence_level / 2)) * std_error
    return {
        "estimator": str(estimator),
        "adjustment_set": adjustment_set,
        "test": f"wald_{error}",
        "log_hazard_ratio": log_ratio,
        "lower": log_ratio - half,
        "upper": log_ratio + half,
    }
