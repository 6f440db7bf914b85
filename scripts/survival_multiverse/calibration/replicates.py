"""Cohorts whose dose effect is known, with the joint tests and intervals of every estimator and measure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.calibration.intervals import interval, primary_intervals
from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.cohort.simulation import simulate_cohort
from survival_multiverse.inference.joint_inference import (
    NULLS,
    adjust_specifications,
    bootstrap_intervals,
    failures,
    joint_columns,
    jointly_test,
)
from survival_multiverse.inference.resampling import Resample, all_keys, cutoff_cells, evaluate, resample
from survival_multiverse.settings.grid import options_of, primary_texts
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import WITH_COVARIATES, Estimator, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

NO_EFFECT, KNOWN_EFFECT, EFFECT_ON_COURSE = "no_effect", "known_effect", "effect_on_course"
SETTINGS = (NO_EFFECT, KNOWN_EFFECT, EFFECT_ON_COURSE)
"""Of the dose: none; on survival alone; on survival and on covariates known only after treatment began."""
WITH_DRAWS = 100
"""So many cohorts with a known effect are tested and resampled; of the others differences are estimated."""
BY_MEASURE = 100
"""So many cohorts without an effect are tested in every measure, with a Monte-Carlo error of 0.022."""
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
        ``no_effect``: joint tests, of the first `BY_MEASURE` cohorts in every measure, else of hazard ratios;
        and intervals; ``known_effect``: the same of hazard ratios, and all intervals, also a bootstrap's, of
        the first `WITH_DRAWS` cohorts, of the others those of differences alone; ``effect_on_course``:
        joint tests.
    replicates
        Numbers of the cohorts, from 1; each is its own seed, so further ones extend the fewer.
    draws
        Draws of each null, and of the bootstrap.

    Yields
    ------
    pd.DataFrame
        A cohort's tests (`p_value`) and intervals (`effect`, the logarithm of a ratio, `lower`, `upper`,
        `status`), by `measure`.
    """
    narrowed = calibration_config(config, setting)
    study = Study.from_config(narrowed)
    study = replace(study, measures=(RATIO, *study.differences))
    for replicate in replicates:
        frame = simulate_cohort(narrowed["cohort"]["simulation"], study, replicate=replicate)
        # A seed of its own for the draws too: otherwise all cohorts would share theirs.
        own = replace(study, seed=study.seed + replicate)
        patients = prepare_cohort(frame, own).patients
        if setting == KNOWN_EFFECT and replicate > WITH_DRAWS:
            records = [row for row in primary_intervals(patients, own) if row["measure"] != RATIO.name]
            yield pd.DataFrame(records).assign(setting=setting, replicate=replicate)
            continue
        every = setting == NO_EFFECT and replicate <= BY_MEASURE
        records = joint_p_values(patients, own if every else replace(own, measures=(RATIO,)), draws=draws)
        if setting != EFFECT_ON_COURSE:
            records += primary_intervals(patients, own)
        if setting == KNOWN_EFFECT:
            records += percentile_intervals(patients, own, draws=draws)
        yield pd.DataFrame(records).assign(setting=setting, replicate=replicate)


def joint_p_values(patients: pd.DataFrame, study: Study, *, draws: int) -> list[dict[str, Any]]:
    """Return P of every joint test of each block and measure, and the smallest one of max-T, by null."""
    keys, observed = _observed(patients, study)
    records = []
    for null in NULLS:
        drawn = _draws(patients, null, study, draws)
        for place, measure in enumerate(study.measures):
            named = keys.assign(measure=measure.name, status=_statuses(observed, place, study))
            found = named, observed[:, place], drawn[:, :, place], study, str(null)
            of: dict[str, Any] = {"measure": measure, "failed": failures(drawn, study)}
            records += _tests(jointly_test(*found, **of), adjust_specifications(*found, **of), study)
    return records


def _tests(blocks: pd.DataFrame, adjusted: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    columns = joint_columns(study)
    smallest = adjusted.groupby(columns, dropna=False)["p_value_max_t"].min()
    blocks = blocks.merge(smallest.rename("p_max_t").reset_index(), on=columns, validate="1:1")
    names = ["estimator", "adjustment_set", "measure", "null"]
    return [
        {name: block[name] for name in names} | {"test": test, "p_value": block[f"p_{test}"]}
        for block in blocks.to_dict("records")
        for test in TESTS
    ]


def _statuses(observed: np.ndarray, place: int, study: Study) -> np.ndarray:
    """Return the statuses of a measure: where arms have a hazard ratio, a gap is owed to their curves."""
    known, arms = (~np.isnan(observed[:, at, 0]) for at in (place, study.measures.index(RATIO)))
    statuses = np.array([Status.OK, Status.NOT_REACHED, Status.TOO_FEW_EVENTS], dtype=object)
    return statuses[np.select([known, arms], [0, 1], 2)]


def _observed(patients: pd.DataFrame, study: Study) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the specifications of the joint tests and their estimates, (specifications, measures, 2)."""
    cells = cutoff_cells(patients, study)
    keys, kept = all_keys(cells, study)
    return keys, np.concatenate([evaluate(cell, study) for cell in cells])[kept]


def _draws(patients: pd.DataFrame, kind: Resample, study: Study, draws: int) -> np.ndarray:
    return np.stack([drawn for _, drawn in resample(patients, study, kind, range(draws))])


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
        for place, measure in enumerate(study.measures):
            named = keys.assign(measure=measure.name, status=_statuses(observed, place, study))
            found = observed[:, place], drawn[:, :, place], primary, str(kind)
            each, _ = bootstrap_intervals(named, *found, measure, failures(drawn, study))
            for row in each.to_dict("records"):
                limits = [float(measure.effect(row[name])) for name in ("estimate", "ci_lower", "ci_upper")]
                about = row["estimator"], row["adjustment_set"], measure, str(kind)
                records.append(interval(*about, limits, Status(row["status"])))
    return records
