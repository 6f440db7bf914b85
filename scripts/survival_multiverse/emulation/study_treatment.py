"""The times of treatment of a study in one of its scenarios, with the covariates of an adjustment set."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from survival_multiverse.cohort.sample import Sample, design_matrix
from survival_multiverse.cohort.treatment_course import COMPLETION, RECEIVED, START
from survival_multiverse.emulation.treatment_times import TreatmentTimes, treatment_times
from survival_multiverse.estimators.limits import at_least
from survival_multiverse.scenario.encoded_study import EncodedStudy, covariate_names
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Scenario


class NoTimesError(ValueError):
    """The times of treatment are not those of the exposure that a scenario analyses."""


def grace_periods(study: Study) -> Sequence[float]:
    """Return the grace periods of a study: without any of its own, its landmarks."""
    own = study.analysis.grace_periods
    return study.analysis.landmarks if own is None else own


def scenario_treatment(
    patients: pd.DataFrame, encoded: EncodedStudy, scenario: Scenario, adjustment_set: str
) -> TreatmentTimes:
    """Return the times of treatment in a scenario, with the covariates of an adjustment set.

    An exposure in groups is received at the start of treatment. Of one that is a number the dose grows
    evenly from start to completion, and is received when it reaches the scenario's cutoff; without a
    completion it is received at the start. The dose at completion is the one that was received so far where
    the cohort has it, otherwise the exposure itself. Who receives it after the event is not treated.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    encoded
        The same under the options of the scenario.
    scenario
        Gives the cutoffs.
    adjustment_set
        Its name.

    Returns
    -------
    TreatmentTimes
        The primary population, without patients who lack a covariate of the set; in the unit of the survival
        time.

    Raises
    ------
    NoTimesError
        If who has the exposure has no time of treatment, or the dose so far is that of another exposure.
    """
    study = encoded.study
    names = covariate_names(study.adjustment_sets[adjustment_set], study.primary_population)
    sample = encoded.sample(scenario)
    known = sample.known(names)
    part = sample if known is None else sample.take(known)
    X, terms = design_matrix(part, names)
    received = _received(patients, encoded, part, study.cutoffs(scenario).dose)
    # An interpolated time may lie a rounding error after the last one.
    in_time = received <= part.time * (1 + 1e-9)
    start = np.where(in_time, np.minimum(received, part.time), np.nan)
    labels = [f"{variable}: {contrast}" for variable, contrast in terms]
    return treatment_times(part.time, part.event, start, X, labels)


def _received(patients: pd.DataFrame, encoded: EncodedStudy, part: Sample, cutoff: float) -> np.ndarray:
    """Return when each patient received the exposure; NaN: never."""
    rows = encoded.cohort.rows[part.index]
    start, exposed = patients[START].to_numpy(dtype=np.float64)[rows], part.arm == 1
    dose = encoded.cohort.dose[part.index]
    if RECEIVED in patients:
        if encoded.study.exposure:
            raise NoTimesError("the dose so far is that of another exposure")
        dose = np.nan_to_num(patients[RECEIVED].to_numpy(dtype=np.float64)[rows])
        exposed = at_least(dose, cutoff)
    if np.isnan(start[exposed]).any():
        raise NoTimesError("who has this exposure has no time of treatment")
    if COMPLETION not in patients:
        return np.where(exposed, start, np.nan)
    completion = patients[COMPLETION].to_numpy(dtype=np.float64)[rows]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(cutoff / dose, 0.0, 1.0)
    return np.where(exposed, start + share * (completion - start), np.nan)
