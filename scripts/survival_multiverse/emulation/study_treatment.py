"""The times of treatment of a study, and its ways to deal with the time before it, as one table."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from survival_multiverse.cohort.sample import Sample, design_matrix
from survival_multiverse.cohort.treatment_course import COMPLETION, START
from survival_multiverse.emulation.emulate import emulate
from survival_multiverse.emulation.treatment_times import TreatmentTimes, treatment_times
from survival_multiverse.scenario.encoded_study import EncodedStudy, covariate_names, encode_study
from survival_multiverse.settings.study import Study


def grace_periods(study: Study) -> Sequence[float]:
    """Return the grace periods of a study: without any of its own, its landmarks."""
    own = study.analysis.grace_periods
    return study.analysis.landmarks if own is None else own


def study_treatment(patients: pd.DataFrame, study: Study) -> TreatmentTimes:
    """Return the times of treatment in the primary scenario, with the covariates of the primary set.

    An exposure in groups is received at the start of treatment. Of one that is a number the dose grows
    evenly from start to completion, and is received when it reaches the primary cutoff; without a completion
    it is received at the start. Who receives it after the event of the primary endpoint is not treated.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Names the primary scenario and its adjustment set.

    Returns
    -------
    TreatmentTimes
        The primary population, without patients who lack a covariate of the set; in the unit of the survival
        time.
    """
    encoded = encode_study(patients, study, study.primary)
    names = covariate_names(study.adjustment_sets[study.primary_set], study.primary_population)
    sample = encoded.sample(study.primary)
    known = sample.known(names)
    part = sample if known is None else sample.take(known)
    X, terms = design_matrix(part, names)
    received = np.where(part.arm == 1, _received(patients, encoded, part), np.nan)
    # An interpolated time may lie a rounding error after the last one.
    in_time = received <= part.time * (1 + 1e-9)
    start = np.where(in_time, np.minimum(received, part.time), np.nan)
    labels = [f"{variable}: {contrast}" for variable, contrast in terms]
    return treatment_times(part.time, part.event, start, X, labels)


def _received(patients: pd.DataFrame, encoded: EncodedStudy, part: Sample) -> np.ndarray:
    """Return when each patient received the exposure, if ever."""
    rows = encoded.cohort.rows[part.index]
    start = patients[START].to_numpy(dtype=np.float64)[rows]
    if COMPLETION not in patients:
        return start
    completion = patients[COMPLETION].to_numpy(dtype=np.float64)[rows]
    cutoff, dose = encoded.study.primary_cutoffs.dose, encoded.cohort.dose[part.index]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(cutoff / dose, 0.0, 1.0)
    return start + share * (completion - start)


def immortal_time(patients: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Compare treated and untreated patients of the primary scenario in every way to deal with time.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Has times of treatment.

    Returns
    -------
    pd.DataFrame
        population, adjustment_set, then the columns of `emulate`: a row each method with each landmark or
        grace period.

    Raises
    ------
    ValueError
        If the study has no times of treatment.
    """
    if not study.has_treatment_times:
        raise ValueError("this study has no times of treatment (cohort.treatment)")
    table = emulate(
        study_treatment(patients, study),
        landmarks=study.analysis.landmarks,
        graces=grace_periods(study),
        level=study.analysis.confidence_level,
        minimum_events=study.analysis.minimum_events,
        bootstrap=study.inference.bootstrap_draws,
        seed=study.seed,
        unit=study.time.unit,
    )
    table.insert(0, "population", str(study.primary_population))
    table.insert(1, "adjustment_set", study.primary_set)
    return table
