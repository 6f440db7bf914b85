"""Clones of patients, one for each of two strategies, censored when they deviate, and their weights."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from survival_multiverse.balancing.propensity import fit_propensity
from survival_multiverse.emulation.remaining import Untreated, untreated_probability
from survival_multiverse.emulation.treatment_times import TreatmentTimes
from survival_multiverse.estimators.limits import at_most
from survival_multiverse.settings.schema import STATUS_REASON, Status


class CloneRows(NamedTuple):
    """Intervals (start, stop] of clones.

    Attributes
    ----------
    patient : int array
        Row of the patient in the cohort.
    arm : int array
        1: treatment starts within the grace period; 0: it does not.
    start, stop, weight : float arrays
    event : int array
        1 where the interval ends with a death.
    """

    patient: np.ndarray
    arm: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    event: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True, slots=True)
class Clones:
    """Both arms of an emulated trial.

    Attributes
    ----------
    rows : CloneRows or None
        None unless `status` is ok.
    alive : int
        Patients followed beyond the end of the grace period.
    sums : tuple of float
        Weights of the clones still followed just after the grace period, of arm 0 and arm 1. That of arm 1
        estimates `alive`, that of arm 0 how many would be alive if nobody had started.
    status : Status
    reason : str
    """

    rows: CloneRows | None
    alive: int
    sums: tuple[float, float]
    status: Status
    reason: str


def clone(cohort: TreatmentTimes, grace: float) -> Clones:
    """Clone, censor and weight the patients for one grace period [1]_ [2]_ [3]_.

    Arm 1 starts treatment within the grace period: who has not started is censored at its end. There the
    censoring is one leap, so the weight from then on is 1 / P(started by then | alive then, covariates), a
    logistic model of those alive then. Arm 0 does not start within the grace period: who starts is censored
    at the start, and the weight is 1 / P(not started so far | covariates) by `untreated_probability`; after
    the grace period it stays.

    Parameters
    ----------
    cohort : TreatmentTimes
    grace : float
        Length of the grace period from time zero, 0 or more; a start or a death at its very end lies in it.

    Returns
    -------
    Clones
        Status beyond_follow_up (nobody alive after the grace period), empty_arm (nobody, or everybody, of
        those had started), or that of the model whose weights could not be estimated.

    References
    ----------
    .. [1] Cain LE, Robins JM, Lanoy E, Logan R, Costagliola D, Hernán MA. When to start treatment? A
       systematic approach to the comparison of dynamic regimes using observational data. International
       Journal of Biostatistics 2010;6(2):18.
    .. [2] Hernán MA. How to estimate the effect of treatment duration on survival outcomes using
       observational data. BMJ 2018;360:k182.
    .. [3] Maringe C, Benitez Majano S, Exarchakou A, et al. Reflection on modern methods: trial emulation in
       the presence of immortal-time bias. International Journal of Epidemiology 2020;49:1719–1729.
    """
    # A comparison with NaN (never treated) is False.
    started = at_most(cohort.start, grace)
    alive = ~at_most(cohort.time, grace)
    n_alive = int(alive.sum())

    def failed(status: Status, reason: str) -> Clones:
        return Clones(None, n_alive, (np.nan, np.nan), status, reason)

    if n_alive == 0:
        return failed(Status.BEYOND_FOLLOW_UP, "nobody was followed beyond the grace period")
    if not (alive & started).any():
        return failed(Status.EMPTY_ARM, "nobody alive at the end of the grace period had started treatment")
    if not (alive & ~started).any():
        return failed(
            Status.EMPTY_ARM, "everybody alive at the end of the grace period had started treatment"
        )
    score = fit_propensity(cohort.X[alive], started[alive].astype(np.int64))
    if score.status is not Status.OK:
        return failed(score.status, f"weights of those who start in time: {STATUS_REASON[score.status]}")
    # A clone is followed to its start, so deaths come first: who dies then could not start any more.
    last = np.where(alive, grace, np.nextafter(cohort.time, 0.0))
    until = np.where(started, np.minimum(cohort.start, grace), last)
    model = untreated_probability(until, started, cohort.X)
    if model.status is not Status.OK:
        return failed(model.status, f"weights of those who do not start: {STATUS_REASON[model.status]}")
    weight = np.ones(alive.size)
    weight[alive] = 1.0 / score.probability
    in_time = _starting_in_time(cohort, grace, started, alive, weight)
    not_started = _not_starting(cohort, np.where(started, until, cohort.time), started, model)
    rest = np.flatnonzero(alive & ~started)
    sums = (
        float((1.0 / model.after(np.full(rest.size, grace), rest)).sum()),
        float(weight[alive & started].sum()),
    )
    rows = CloneRows(*(np.concatenate(parts) for parts in zip(in_time, not_started, strict=True)))
    return Clones(rows, n_alive, sums, Status.OK, "")


def _starting_in_time(
    cohort: TreatmentTimes, grace: float, started: np.ndarray, alive: np.ndarray, weight: np.ndarray
) -> CloneRows:
    """Return arm 1: everybody to the end of the grace period, then those who had started, weighted."""
    early = np.arange(alive.size) if grace > 0 else np.empty(0, dtype=np.int64)
    late = np.flatnonzero(alive & started)
    patient = np.r_[early, late]
    stop = np.r_[np.where(alive, grace, cohort.time)[early], cohort.time[late]]
    event = np.r_[np.where(alive, 0, cohort.event)[early], cohort.event[late]]
    start = np.r_[np.zeros(early.size), np.full(late.size, float(grace))]
    own = np.r_[np.ones(early.size), weight[late]]
    return CloneRows(patient, np.ones(patient.size, dtype=np.int64), start, stop, event, own)


def _not_starting(
    cohort: TreatmentTimes, end: np.ndarray, started: np.ndarray, model: Untreated
) -> CloneRows:
    """Return arm 0: until the start, where it lies in the grace period; cut where weights change."""
    event = np.where(started, 0, cohort.event)
    # Weights matter when somebody dies, in either arm: of the starts between two deaths the last will do.
    deaths = np.searchsorted(model.times, np.unique(cohort.time[cohort.event == 1]), side="left")
    cuts = np.unique(np.r_[0.0, model.times[np.unique(deaths[deaths > 0]) - 1]])
    patient, piece = np.nonzero(cuts[None, :] < end[:, None])
    start = cuts[piece]
    stop = np.minimum(np.r_[cuts[1:], np.inf][piece], end[patient])
    dies = np.where(stop == end[patient], event[patient], 0)
    weight = 1.0 / model.after(start, patient)
    return CloneRows(patient, np.zeros(patient.size, dtype=np.int64), start, stop, dies, weight)
