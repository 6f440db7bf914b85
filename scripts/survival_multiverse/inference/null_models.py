"""Two null models: the dose permuted among alike patients, or survival from a model of covariates alone."""

from dataclasses import dataclass

import numpy as np

from survival_multiverse.cohort.sample import Sample, design_matrix
from survival_multiverse.estimators.baseline_hazard import breslow_baseline
from survival_multiverse.estimators.cox import cox
from survival_multiverse.estimators.curves import kaplan_meier
from survival_multiverse.kernels.linear import cholesky_solve, independent_columns
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import OPTIONAL_ROLES

STRATA = 5


def dose_strata(sample: Sample, dose: np.ndarray, priority: np.ndarray, study: Study) -> list[np.ndarray]:
    """Group patients alike in the dose that baseline covariates predict: fifths of a linear regression.

    Covariates with levels count by them; the volume, the lesions and the others count as they are. Cells of
    the covariates themselves would hold one patient each in a cohort of usual size. Patients with a gap in a
    baseline covariate form a stratum of their own. Equal predictions are divided by the primary tie-break
    (`priority`, ranks of shape (n,)), never by the order of rows, which is that of survival.
    """
    names = [name for name, covariate in study.covariates.items() if covariate.role == "baseline"]
    known = sample.known(names)
    volume_and_lesions = [sample.names.index(name) for name in OPTIONAL_ROLES if name in sample.names]
    values = np.hstack([design_matrix(sample, names)[0], sample.values[:, volume_and_lesions]])
    complete = ~np.isnan(values).any(axis=1)
    if known is not None:
        complete &= known
    rows = np.flatnonzero(complete)
    ranked = rows[_by_prediction(values[rows], dose[rows], priority[rows])]
    strata = [part for part in np.array_split(ranked, STRATA) if part.size]
    rest = np.flatnonzero(~complete)
    return [*strata, rest] if rest.size else strata


def _by_prediction(values: np.ndarray, dose: np.ndarray, priority: np.ndarray) -> np.ndarray:
    """Return the positions in ascending order of the dose predicted by least squares, ties by priority."""
    if dose.size == 0:
        return np.empty(0, dtype=np.int64)
    kept = values[:, independent_columns(np.ascontiguousarray(values))]
    centred = kept - kept.mean(axis=0)
    scale = np.sqrt((centred**2).sum(axis=0))
    centred = np.ascontiguousarray(centred / scale)
    # Sums by einsum: a BLAS product may differ in the last digit with the number of threads.
    gram = np.einsum("ij,ik->jk", centred, centred)
    moment = np.einsum("ij,i->j", centred, dose - dose.mean())
    predicted = (
        np.einsum("ij,j->i", centred, cholesky_solve(gram, moment)) if kept.shape[1] else np.zeros(dose.size)
    )
    # Rounded so that patients alike in every covariate are tied exactly.
    return np.lexsort((priority, np.round(predicted, 9)))


@dataclass(frozen=True, slots=True)
class CovariateNull:
    """Survival and censoring as the covariates of one model alone would have them.

    Attributes
    ----------
    rows
        Patients with all covariates, shape (n,): positions in the sample.
    event_times, cumulative_hazard
        Breslow's baseline, shape (events,), at the mean of the covariates.
    risk
        Hazard of each relative to that mean, shape (n,).
    censor_times, censor_survival
        Curve of the time to censoring, shape (steps,): Kaplan-Meier's, with delayed entry Nelson and Aalen's.
    last
        Last observed time; who outlives it is censored then.
    entry
        Time of each patient's entry, shape (n,), or None: survival and censoring are those of a patient who
        was under observation then.
    """

    rows: np.ndarray
    event_times: np.ndarray
    cumulative_hazard: np.ndarray
    risk: np.ndarray
    censor_times: np.ndarray
    censor_survival: np.ndarray
    last: float
    entry: np.ndarray | None = None


def fit_covariate_null(
    time: np.ndarray,
    event: np.ndarray,
    design: np.ndarray,
    complete: np.ndarray,
    entry: np.ndarray | None = None,
) -> CovariateNull | None:
    """Fit the Cox model of survival on one specification's covariates, without the dose.

    Parameters
    ----------
    time, event
        Shape (n,), ascending in time.
    design
        Columns of the adjustment set with that specification's volume cutoff, shape (n, k). They are centred,
        so that a covariate far from zero (a year) changes nothing.
    complete
        Mask of the patients who have all covariates, shape (n,).
    entry
        Times of delayed entry, shape (n,), or None.

    Returns
    -------
    CovariateNull or None
        None if the model has no finite maximum: then there is no such null.
    """
    rows = np.flatnonzero(complete)
    if not rows.size:
        return None
    time, event, design = time[rows], event[rows], design[rows]
    centred = np.ascontiguousarray(design - design.mean(axis=0))
    entry = None if entry is None else entry[rows]
    fit = cox(time, event, centred, ties="breslow", entry=entry)
    if fit.status not in (Status.OK, Status.CONSTANT):
        return None
    baseline = breslow_baseline(time, event, centred, fit, entry=entry)
    beta = np.where(np.isnan(fit.coefficients), 0.0, fit.coefficients)
    censoring = kaplan_meier(time, 1 - event, entry=entry)
    uncensored = censoring.survival
    if entry is not None:
        # By the hazard: a product over small early risk sets may fall to 0 and stay there.
        at_risk = np.maximum(censoring.n_risk, 1)
        uncensored = np.exp(-np.cumsum(censoring.n_event / at_risk))
    return CovariateNull(
        rows=rows,
        event_times=baseline.times,
        cumulative_hazard=baseline.cumulative_hazard,
        risk=np.exp(np.einsum("ij,j->i", centred, beta)),
        censor_times=censoring.time,
        censor_survival=uncensored,
        last=float(time[-1]),
        entry=entry,
    )


def draw_variates(
    ranks: np.ndarray, patients: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw what decides the survival of each patient in one draw, whatever the null model.

    Parameters
    ----------
    ranks
        Ranks of some patients among all of the cohort, shape (n,): they keep their variates in every part of
        it, in any order of rows.
    patients
        How many the cohort has.

    Returns
    -------
    tuple of arrays, shape (n,) each
        Exponential variates, the cumulative hazard at death; uniform ones, the share still uncensored at
        censoring.
    """
    return rng.exponential(size=patients)[ranks], rng.uniform(size=patients)[ranks]


def simulate_times(
    null: CovariateNull, exponential: np.ndarray, uniform: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return time and event of each patient of the null, shape (n,) each, from their variates, shape (n,)."""
    if null.entry is not None:
        return _simulate_after(null, null.entry, exponential, uniform)
    # T is the first death time by which the patient's own cumulative hazard exceeds an exponential variate.
    step = np.searchsorted(null.cumulative_hazard, exponential / null.risk, side="left")
    death = np.append(null.event_times, np.inf)[step]
    # C is the first time at which the curve of censoring falls to a uniform variate.
    fall = np.searchsorted(-null.censor_survival, -uniform, side="left")
    censor = np.append(null.censor_times, np.inf)[fall]
    time = np.minimum(np.minimum(death, censor), null.last)
    return time, (death <= time).astype(np.int64)


def _simulate_after(
    null: CovariateNull, entry: np.ndarray, exponential: np.ndarray, uniform: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what `simulate_times` does, given that each patient is alive and uncensored at entry."""
    before = np.searchsorted(null.event_times, entry, side="right")
    lived = np.append(0.0, null.cumulative_hazard)[before]
    step = np.searchsorted(null.cumulative_hazard, lived + exponential / null.risk, side="left")
    # Rounding must not bring the end before the entry.
    death = np.append(null.event_times, np.inf)[np.maximum(step, before)]
    gone = np.searchsorted(null.censor_times, entry, side="right")
    left = np.append(1.0, null.censor_survival)[gone]
    fall = np.searchsorted(-null.censor_survival, -(uniform * left), side="left")
    censor = np.append(null.censor_times, np.inf)[np.maximum(fall, gone)]
    time = np.minimum(np.minimum(death, censor), null.last)
    return time, (death <= time).astype(np.int64)
