"""Four ways to compare treated and untreated patients where treatment starts after time zero."""

from dataclasses import dataclass

import numpy as np

from survival_multiverse.emulation.clones import clone
from survival_multiverse.emulation.interval_cox import interval_cox
from survival_multiverse.emulation.method_names import Method
from survival_multiverse.emulation.treatment_times import TreatmentTimes
from survival_multiverse.estimators.cox import CoxFit, HazardRatio, cox, hazard_ratio
from survival_multiverse.estimators.limits import at_least, at_most
from survival_multiverse.settings.schema import STATUS_REASON, Status


@dataclass(frozen=True, slots=True)
class Emulated:
    """A hazard ratio of the treatment, and what it rests on.

    Attributes
    ----------
    ratio : HazardRatio
        Its status says whether there is one.
    n, events : int
        Patients, and deaths among them; a patient with two clones counts once.
    reason : str
        Why there is no ratio; empty where there is one.
    largest_weight : float
        NaN without weights, as is what follows.
    alive_at_grace : float
        Patients followed beyond the grace period.
    sum_of_weights_at_grace, sum_of_weights_unstarted : float
        Of the clones followed just after it. Of those who start in time it estimates `alive_at_grace`, of
        those who do not, how many would be alive then if nobody started in time.
    """

    ratio: HazardRatio
    n: int
    events: int
    reason: str = ""
    largest_weight: float = np.nan
    alive_at_grace: float = np.nan
    sum_of_weights_at_grace: float = np.nan
    sum_of_weights_unstarted: float = np.nan


def _none(status: Status, n: int, events: int, reason: str = "", alive: float = np.nan) -> Emulated:
    ratio = HazardRatio(*(np.nan,) * 7, status)
    return Emulated(ratio, n, events, reason or STATUS_REASON[status], alive_at_grace=alive)


def _of_last_column(fit: CoxFit, method: Method, n: int, events: int, level: float) -> Emulated:
    """Return the ratio of the last column: treatment, after the covariates that may determine it."""
    ratio = hazard_ratio(fit, fit.coefficients.size - 1, variance=method.variance, level=level)
    return Emulated(ratio, n, events, "" if ratio.status is Status.OK else STATUS_REASON[ratio.status])


def _unfit(
    arm: np.ndarray, event: np.ndarray, minimum_events: int, treated: str, untreated: str
) -> tuple[Status, str] | None:
    """Say why two arms cannot be compared: one is empty, or has too few deaths."""
    words = {1: treated, 0: untreated}
    for code, name in words.items():
        if not (arm == code).any():
            return Status.EMPTY_ARM, f"nobody was {name}"
    for code, name in words.items():
        deaths = int(event[arm == code].sum())
        if deaths < minimum_events:
            return (
                Status.TOO_FEW_EVENTS,
                f"{deaths} deaths among those {name}, at least {minimum_events} are asked for",
            )
    return None


def naive(cohort: TreatmentTimes, *, level: float, minimum_events: int) -> Emulated:
    """Compare patients ever treated with those never treated, from time zero: biased by immortal time [1]_.

    Parameters
    ----------
    cohort : TreatmentTimes
    level : float
        Confidence level.
    minimum_events : int
        Fewest deaths asked of either arm.

    Returns
    -------
    Emulated

    References
    ----------
    .. [1] Suissa S. Immortal time bias in pharmacoepidemiology. American Journal of Epidemiology
       2008;167:492–499.
    """
    arm = cohort.treated.astype(np.int64)
    n, events = arm.size, int(cohort.event.sum())
    unfit = _unfit(arm, cohort.event, minimum_events, "treated at any time", "never treated")
    if unfit:
        return _none(unfit[0], n, events, unfit[1])
    fit = cox(cohort.time, cohort.event, np.column_stack([cohort.X, arm]))
    return _of_last_column(fit, Method.NAIVE, n, events, level)


def landmark(cohort: TreatmentTimes, at: float, *, level: float, minimum_events: int) -> Emulated:
    """Compare, among patients followed to a landmark or beyond, those treated by then with the others [1]_.

    Parameters
    ----------
    cohort : TreatmentTimes
    at : float
        The landmark, from time zero.
    level, minimum_events
        As in `naive`.

    Returns
    -------
    Emulated

    References
    ----------
    .. [1] Anderson JR, Cain KC, Gelber RD. Analysis of survival by tumor response. Journal of Clinical
       Oncology 1983;1:710–719.
    """
    there = cohort.take(at_least(cohort.time, at))
    n, events = there.time.size, int(there.event.sum())
    if n == 0:
        return _none(Status.BEYOND_FOLLOW_UP, n, events, "nobody was followed to the landmark")
    arm = at_most(there.start, at).astype(np.int64)
    unfit = _unfit(arm, there.event, minimum_events, "treated by the landmark", "not treated by the landmark")
    if unfit:
        return _none(unfit[0], n, events, unfit[1])
    fit = cox(there.time, there.event, np.column_stack([there.X, arm]))
    return _of_last_column(fit, Method.LANDMARK, n, events, level)


def time_dependent(cohort: TreatmentTimes, *, level: float, minimum_events: int) -> Emulated:
    """Compare patients already treated with those not yet treated, at each death [1]_.

    Parameters
    ----------
    cohort : TreatmentTimes
        Who dies at the very start of treatment dies untreated.
    level, minimum_events
        As in `naive`.

    Returns
    -------
    Emulated

    References
    ----------
    .. [1] Crowley J, Hu M. Covariance analysis of heart transplant survival data. Journal of the American
       Statistical Association 1977;72:27–36.
    """
    change = np.where(cohort.treated, cohort.start, cohort.time)
    before, after = np.flatnonzero(change > 0), np.flatnonzero(change < cohort.time)
    patient = np.r_[before, after]
    start = np.r_[np.zeros(before.size), change[after]]
    stop = np.r_[change[before], cohort.time[after]]
    event = np.where(stop == cohort.time[patient], cohort.event[patient], 0)
    arm = np.repeat([0, 1], [before.size, after.size])
    n, events = cohort.time.size, int(cohort.event.sum())
    unfit = _unfit(arm, event, minimum_events, "followed under treatment", "followed without treatment")
    if unfit:
        return _none(unfit[0], n, events, unfit[1])
    fit = interval_cox(start, stop, event, np.column_stack([cohort.X[patient], arm]), cluster=patient)
    return _of_last_column(fit, Method.TIME_DEPENDENT, n, events, level)


def clone_censor_weight(
    cohort: TreatmentTimes, grace: float, *, level: float, minimum_events: int
) -> Emulated:
    """Compare treatment within a grace period with none within it, by weighted clones (`clones.clone`).

    Parameters
    ----------
    cohort : TreatmentTimes
    grace : float
        Length of the grace period, from time zero.
    level : float
        Confidence level.
    minimum_events : int
        Fewest deaths asked of either arm, of those that do not lie in both (deaths untreated during the grace
        period tell the strategies apart no more than they do the clones).

    Returns
    -------
    Emulated
        The error is robust, by patient, and takes the weights as known, which makes it too large rather than
        too small.
    """
    n, events = cohort.time.size, int(cohort.event.sum())
    made = clone(cohort, grace)
    if made.rows is None:
        return _none(made.status, n, events, made.reason, made.alive)
    rows = made.rows
    started = at_most(cohort.start, grace)
    telling = started | ~at_most(cohort.time, grace)
    unfit = _unfit(
        started[telling].astype(np.int64),
        cohort.event[telling],
        minimum_events,
        "treated within the grace period",
        "untreated beyond the grace period",
    )
    if unfit:
        return _none(unfit[0], n, events, unfit[1], made.alive)
    fit = interval_cox(
        rows.start, rows.stop, rows.event, rows.arm[:, None], weight=rows.weight, cluster=rows.patient
    )
    found = _of_last_column(fit, Method.CLONE_CENSOR_WEIGHT, n, events, level)
    return Emulated(
        found.ratio, n, events, found.reason, float(rows.weight.max()), made.alive, made.sums[1], made.sums[0]
    )
