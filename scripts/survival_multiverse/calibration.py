"""Cohorts whose dose effect is known, with their joint tests and the intervals of every estimator."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtri

from survival_multiverse.cohort import prepare_cohort
from survival_multiverse.comparability import match, matched_sample, score, weights
from survival_multiverse.cox import CoxFit, cox, hazard_ratio
from survival_multiverse.joint_inference import (
    BLOCK_KEYS,
    NULLS,
    adjust_specifications,
    bootstrap_intervals,
    jointly_test,
)
from survival_multiverse.matching import priority
from survival_multiverse.null_models import fit_covariate_null
from survival_multiverse.resampling import Cell, Resample, cells_of, draw, evaluate, specification_keys
from survival_multiverse.sample import (
    Cohort,
    Sample,
    design_matrix,
    encode_cohort,
    select_population,
    whole_sample,
)
from survival_multiverse.scenario import covariate_names
from survival_multiverse.schema import Estimator, Population
from survival_multiverse.simulation import simulate_cohort
from survival_multiverse.study import Study, axis_number

NO_EFFECT, KNOWN_EFFECT = "no_effect", "known_effect"
SETTINGS = (NO_EFFECT, KNOWN_EFFECT)
TESTS = ("median", "share_significant", "mean_z", "abs_median", "abs_mean_z", "max_t")
ESTIMATORS = (Estimator.MATCHED, Estimator.OVERLAP, Estimator.IPTW, Estimator.ADJUSTED)
PRIMARY = next(iter(Population))
ALL_SETS = "all of the block"


def calibration_config(config: Mapping[str, Any], setting: str) -> dict[str, Any]:
    """The configuration narrowed to one block of each estimator, with patients whose dose effect is known.

    The block has the anchor's population and dose, its lowest, anchor's and highest volume cutoff, and every
    caliper and adjustment set. The dose acts on survival alone, or with ``no_effect`` on nothing; baseline
    covariates move it as configured.

    Raises
    ------
    ValueError
        If the setting is unknown.
    """
    if setting not in SETTINGS:
        raise ValueError(f"the setting is one of {SETTINGS}, not {setting!r}")
    anchor, axes, cohort = config["study"]["anchor"], config["axes"], config["cohort"]
    volumes = sorted(axis_number(entry["value"]) for entry in axes["gtv_cutoff"])
    kept = {
        "oligo_threshold": [anchor["oligo_threshold"]],
        "dose_cutoff": [anchor["dose_cutoff"]],
        "gtv_cutoff": sorted({volumes[0], axis_number(anchor["gtv_cutoff"]), volumes[-1]}),
        "caliper": [entry["value"] for entry in axes["caliper"]],
    }
    simulation = cohort["simulation"] | {
        "dose_effect_from": anchor["dose_cutoff"],
        "dose_changes_post_treatment": False,
    }
    if setting == NO_EFFECT:
        simulation["dose_hazard_ratio"] = 1.0
    inference = {
        "populations": [str(PRIMARY)],
        "estimators": list(map(str, ESTIMATORS)),
        "landmarks": [0],
    }
    return {
        **config,
        "axes": {name: [{"value": value} for value in values] for name, values in kept.items()},
        "cohort": {**cohort, "source": "simulated", "simulation": simulation},
        "inference": config["inference"] | inference,
    }


def run_replicates(
    config: Mapping[str, Any], setting: str, replicates: Iterable[int], *, draws: int
) -> Iterator[pd.DataFrame]:
    """Simulate cohorts one by one; test them where there is no effect, and put intervals round each estimate.

    Parameters
    ----------
    config
        A validated configuration with `cohort.simulation`.
    setting
        ``no_effect``: joint tests and intervals; ``known_effect``: intervals, with the bootstrap's.
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
    study = Study.from_config(narrowed)
    for replicate in replicates:
        frame = simulate_cohort(narrowed["cohort"]["simulation"], study, replicate=replicate)
        # A seed of its own for the draws too: otherwise all cohorts would share theirs.
        own = replace(study, seed=study.seed + replicate)
        patients = prepare_cohort(frame, own).patients
        records = anchor_intervals(patients, own)
        if setting == NO_EFFECT:
            records += joint_p_values(patients, own, draws=draws)
        else:
            records += percentile_intervals(patients, own, draws=draws)
        yield pd.DataFrame(records).assign(setting=setting, replicate=replicate)


def joint_p_values(patients: pd.DataFrame, study: Study, *, draws: int) -> list[dict[str, Any]]:
    """P values of every joint test of each block, and the smallest one of max-T, under both nulls."""
    (cell,) = cells_of(patients, study)
    keys = specification_keys(cell, study).reset_index(drop=True)
    observed = evaluate(cell, study)
    records = []
    for null in NULLS:
        drawn = _draws(cell, null, study, draws)
        blocks = jointly_test(keys, observed, drawn, study, str(null))
        adjusted = adjust_specifications(keys, observed, drawn, str(null))
        smallest = adjusted.groupby(BLOCK_KEYS, dropna=False)["p_value_max_t"].min()
        blocks = blocks.merge(smallest.rename("p_max_t").reset_index(), on=BLOCK_KEYS, validate="1:1")
        for block in blocks.itertuples():
            records += [
                {
                    "estimator": block.estimator,
                    "adjustment_set": ALL_SETS,
                    "null": str(null),
                    "test": test,
                    "p_value": getattr(block, f"p_{test}"),
                }
                for test in TESTS
            ]
    return records


def _draws(cell: Cell, kind: Resample, study: Study, draws: int) -> np.ndarray:
    null = fit_covariate_null(cell.sample, study) if kind is Resample.SIMULATION else None
    return np.stack([evaluate(draw(cell, kind, number, study, null), study) for number in range(draws)])


def percentile_intervals(patients: pd.DataFrame, study: Study, *, draws: int) -> list[dict[str, Any]]:
    """Bootstrap percentile intervals under the anchor's cutoffs: of patients, and of pairs after matching."""
    axes = {
        name: replace(axis, values=(value,))
        for (name, axis), value in zip(study.axes.items(), study.anchor, strict=True)
    }
    records = []
    for kind, estimators in (
        (Resample.BOOTSTRAP_PATIENTS, ESTIMATORS),
        (Resample.BOOTSTRAP_PAIRS, (Estimator.MATCHED,)),
    ):
        inference = replace(study.inference, estimators=tuple(map(str, estimators)))
        anchor = replace(study, axes=axes, inference=inference)
        (cell,) = cells_of(patients, anchor)
        keys = specification_keys(cell, anchor).reset_index(drop=True)
        drawn = _draws(cell, kind, anchor, draws)
        each, _ = bootstrap_intervals(keys, evaluate(cell, anchor), drawn, anchor, str(kind))
        records += [
            {
                "estimator": row.estimator,
                "adjustment_set": row.adjustment_set,
                "test": str(kind),
                "log_hazard_ratio": np.log(row.hazard_ratio),
                "lower": np.log(row.ci_lower),
                "upper": np.log(row.ci_upper),
            }
            for row in each.itertuples()
        ]
    return records


def anchor_intervals(patients: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Wald interval of the log hazard ratio of every estimator under the anchor's cutoffs."""
    cohort = encode_cohort(patients, study)
    ranks = priority(cohort.ids, seed=study.seed)
    sample = anchor_sample(cohort, study)
    fits = [_wald(Estimator.UNADJUSTED, "", "model", _arm_fit(sample), study)]
    for name in study.adjustment_sets:
        scored = score(sample, anchor_covariates(name, study))
        pairs = matched_sample(
            scored, match(scored, ranks, caliper=study.anchor[-1], analysis=study.analysis)
        )
        fit = _arm_fit(pairs, cluster=pairs.pair)
        fits += [_wald(Estimator.MATCHED, name, kind, fit, study) for kind in ("clustered", "naive")]
        for estimator, weight in weights(scored).items():
            fits.append(_wald(estimator, name, "robust", _arm_fit(scored.sample, weight=weight), study))
        covariates = design_matrix(scored.sample, scored.names)[0]
        fit = _arm_fit(scored.sample, covariates=covariates)
        fits.append(_wald(Estimator.ADJUSTED, name, "model", fit, study))
    return fits


def anchor_sample(cohort: Cohort, study: Study) -> Sample:
    """Primary population under the anchor's cutoffs."""
    oligo_threshold, dose_cutoff, gtv_cutoff, _ = study.anchor
    everybody = whole_sample(
        cohort, oligo_threshold=oligo_threshold, dose_cutoff=dose_cutoff, gtv_cutoff=gtv_cutoff
    )
    return select_population(everybody, PRIMARY)


def anchor_covariates(name: str, study: Study) -> tuple[str, ...]:
    """Covariates of an adjustment set in the primary population."""
    return covariate_names(study.adjustment_sets[name], PRIMARY)


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
    """Record of an interval; ``naive`` names the model's error where another one is right."""
    variance = "robust" if error in ("robust", "clustered") else "model"
    ratio = hazard_ratio(fit, 0, variance=variance)
    half = float(ndtri(0.5 + study.analysis.confidence_level / 2)) * ratio.std_error
    return {
        "estimator": str(estimator),
        "adjustment_set": adjustment_set,
        "test": f"wald_{error}",
        "log_hazard_ratio": ratio.log_estimate,
        "lower": ratio.log_estimate - half,
        "upper": ratio.log_estimate + half,
    }
