"""Weighted Cox regression on intervals (start, stop], several to a patient, with errors by patient."""

from dataclasses import dataclass, replace

import numpy as np

from survival_multiverse.estimators.cox import CoxFit
from survival_multiverse.kernels.linear import independent_columns, inflated, invert_spd
from survival_multiverse.settings.schema import Status

_TOLERANCE = 1e-10
"""Newton step, in standard errors, at which the iterations end."""
_MOST_ITERATIONS = 60
_LARGEST_SCALED = 10.0
_HOPELESS = 25.0
_ALONG = 1e-7


@dataclass(frozen=True, slots=True)
class _Intervals:
    """Rows at risk of some death, columns scaled, and the places of deaths among them.

    Attributes
    ----------
    Z, products : np.ndarray
        Columns centred and scaled, (n, k); 1, the columns and their products (a >= b), (n, 1 + k + ...).
    weight, cluster, start, stop : np.ndarray
        Shape (n,).
    times : np.ndarray
        Distinct times of death, ascending, shape (t,).
    dead, at : np.ndarray
        Rows that die, in order of time, and the place of their time in `times`, shape (d,).
    lag : np.ndarray
        Efron's share of the dying that has left the risk set: 0, 1/m, ... of m tied deaths, shape (d,).
    mean_weight : np.ndarray
        Mean weight of those who die together, shape (d,).
    """

    Z: np.ndarray
    products: np.ndarray
    weight: np.ndarray
    cluster: np.ndarray
    start: np.ndarray
    stop: np.ndarray
    times: np.ndarray
    dead: np.ndarray
    at: np.ndarray
    lag: np.ndarray
    mean_weight: np.ndarray


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """Log partial likelihood at some coefficients, its derivatives, and what residuals need."""

    loglik: float
    score: np.ndarray
    information: np.ndarray
    relative: np.ndarray
    hazard: np.ndarray
    mean: np.ndarray


def _products(Z: np.ndarray) -> np.ndarray:
    """Return 1, the columns, and the products of column a with column b <= a."""
    pairs = [Z[:, a] * Z[:, b] for a in range(Z.shape[1]) for b in range(a + 1)]
    return np.column_stack([np.ones(len(Z)), Z, *pairs])


def _intervals(
    start: np.ndarray,
    stop: np.ndarray,
    event: np.ndarray,
    Z: np.ndarray,
    weight: np.ndarray,
    cluster: np.ndarray,
) -> _Intervals:
    dead = np.flatnonzero(event == 1)
    dead = dead[np.argsort(stop[dead], kind="stable")]
    times, first, at, together = np.unique(
        stop[dead], return_index=True, return_inverse=True, return_counts=True
    )
    lag = (np.arange(dead.size) - first[at]) / together[at]
    mean_weight = (np.bincount(at, weights=weight[dead]) / together)[at]
    return _Intervals(Z, _products(Z), weight, cluster, start, stop, times, dead, at, lag, mean_weight)


def _from_here_on(values: np.ndarray, place: np.ndarray, times: np.ndarray) -> np.ndarray:
    """Sum the rows whose place is at or after each time, shape (t, m)."""
    order = np.argsort(place, kind="stable")
    sums = np.zeros((len(values) + 1, values.shape[1]))
    sums[:-1] = np.cumsum(values[order][::-1], axis=0)[::-1]
    return sums[np.searchsorted(place[order], times, side="left")]


def _evaluate(rows: _Intervals, beta: np.ndarray) -> _Evaluation:
    """Evaluate the partial likelihood; tied deaths by Efron, with their mean weight (as in R)."""
    k = beta.size
    predictor = (rows.Z * beta).sum(axis=1)
    predictor -= predictor.max()
    relative = np.exp(predictor)
    values = (rows.weight * relative)[:, None] * rows.products
    # Who is at risk at t: start < t <= stop.
    sums = _from_here_on(values, rows.stop, rows.times) - _from_here_on(values, rows.start, rows.times)
    dying = np.zeros_like(sums)
    np.add.at(dying, rows.at, values[rows.dead])
    left = sums[rows.at] - rows.lag[:, None] * dying[rows.at]
    total, mean = left[:, 0], left[:, 1 : k + 1] / left[:, :1]
    lower = np.tril_indices(k)
    spread = left[:, k + 1 :] / left[:, :1] - mean[:, lower[0]] * mean[:, lower[1]]
    information = np.zeros((k, k))
    information[lower] = (rows.mean_weight[:, None] * spread).sum(axis=0)
    information = information + np.tril(information, -1).T
    own = rows.weight[rows.dead]
    loglik = float((own * predictor[rows.dead] - rows.mean_weight * np.log(total)).sum())
    score = (own[:, None] * rows.Z[rows.dead] - rows.mean_weight[:, None] * mean).sum(axis=0)
    return _Evaluation(loglik, score, information, relative, rows.mean_weight / total, mean)


def _maximize(rows: _Intervals) -> tuple[np.ndarray, _Evaluation, np.ndarray, bool, int]:
    """Climb by Newton's method, steps halved until the likelihood does not fall."""
    beta = np.zeros(rows.Z.shape[1])
    here = _evaluate(rows, beta)
    for iteration in range(_MOST_ITERATIONS):
        inverse, ok = invert_spd(here.information)
        step = (inverse * here.score).sum(axis=1)
        if not ok or np.abs(beta).max() > _HOPELESS:
            return beta, here, inverse, False, iteration
        if float((step * here.score).sum()) <= _TOLERANCE**2:
            return beta, here, inverse, True, iteration
        for _ in range(30):
            there = _evaluate(rows, beta + step)
            if there.loglik >= here.loglik - 1e-12 * abs(here.loglik):
                break
            step = step / 2
        beta, here = beta + step, there
    return beta, here, inverse, False, _MOST_ITERATIONS


def _rises_for_ever(rows: _Intervals, direction: np.ndarray) -> bool:
    """Say whether whoever dies has the largest predictor of the risk set, always: then no maximum exists."""
    predictor = (rows.Z * direction).sum(axis=1)
    for number, time in enumerate(rows.times):
        risk = (rows.start < time) & (time <= rows.stop)
        if predictor[rows.dead[rows.at == number]].min() < predictor[risk].max() - _ALONG * np.ptp(predictor):
            return False
    return True


def _score_residuals(rows: _Intervals, found: _Evaluation) -> np.ndarray:
    """Return each row's score residual, unweighted, shape (n, k); Efron's weights where deaths are tied."""

    def by_time(values: np.ndarray) -> np.ndarray:
        sums = np.zeros((rows.times.size, values.shape[1]))
        np.add.at(sums, rows.at, values)
        return sums

    def until(when: np.ndarray) -> np.ndarray:
        return lived[np.searchsorted(rows.times, when, side="right")]

    # The first column is the hazard, the others the hazard times the mean of the risk set.
    steps = found.hazard[:, None] * np.column_stack([np.ones(rows.at.size), found.mean])
    lived = np.vstack([np.zeros(steps.shape[1]), np.cumsum(by_time(steps), axis=0)])
    suffered = until(rows.stop) - until(rows.start)
    suffered[rows.dead] -= by_time(rows.lag[:, None] * steps)[rows.at]
    residual = -found.relative[:, None] * (rows.Z * suffered[:, :1] - suffered[:, 1:])
    together = np.bincount(rows.at)[:, None]
    residual[rows.dead] += rows.Z[rows.dead] - (by_time(found.mean) / together)[rows.at]
    return residual


def _sandwich(rows: _Intervals, found: _Evaluation, inverse: np.ndarray) -> np.ndarray:
    """Return the robust variance, dfbetas summed by cluster, without a small-sample factor."""
    influence = rows.weight[:, None] * _score_residuals(rows, found)
    changes = np.einsum("ij,jl->il", influence, inverse)
    sums = np.zeros((int(rows.cluster.max()) + 1, inverse.shape[0]))
    np.add.at(sums, rows.cluster, changes)
    return np.einsum("ij,il->jl", sums, sums)


def _widened(matrix: np.ndarray, scale: np.ndarray, kept: np.ndarray, k: int) -> np.ndarray:
    """Return a variance on the scale of all columns, NaN for those dropped."""
    wide = np.full((k, k), np.nan)
    wide[np.ix_(kept, kept)] = matrix / np.outer(scale, scale)
    return wide


def _no_fit(kept: np.ndarray, k: int, n: int, events: int, level: float) -> CoxFit:
    """Return a model of which nothing could be estimated."""
    return CoxFit(
        coefficients=np.full(k, np.nan),
        variance_model=np.full((k, k), np.nan),
        variance_robust=np.full((k, k), np.nan),
        loglik=np.nan,
        loglik_null=np.nan,
        score_chi2=np.nan,
        n=n,
        events=events,
        iterations=0,
        status=Status.NOT_APPLICABLE,
        dropped=tuple(np.setdiff1d(np.arange(k), kept).tolist()),
        collinear=(),
        names=None,
        ties="efron",
        level=level,
    )


def interval_cox(
    start: np.ndarray,
    stop: np.ndarray,
    event: np.ndarray,
    X: np.ndarray,
    *,
    cluster: np.ndarray,
    weight: np.ndarray | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Fit a Cox model to intervals of follow-up [1]_, weighted, with a robust variance by cluster [2]_.

    As R's ``coxph(Surv(start, stop, event) ~ X, weights = weight, cluster = cluster)`` with Efron's ties:
    tied deaths share their mean weight. An interval's columns and weight hold within it.

    Parameters
    ----------
    start, stop : float array, shape (n,)
        start < stop. At risk at t: start < t <= stop. Times that are tied are exactly equal.
    event : int array, shape (n,)
        1 where the interval ends with a death.
    X : float array, shape (n, k)
        Constant and aliased columns are dropped, later ones first.
    cluster : int array, shape (n,)
        Number of the patient, from 0.
    weight : float array, shape (n,), optional
        Above 0.
    level : float
        Confidence level that `estimators.cox.hazard_ratio` uses by default.

    Returns
    -------
    CoxFit
        `n` counts clusters, `events` intervals that end with a death. Status ok, too_few_events (none),
        constant, separation, near_separation or no_convergence.

    References
    ----------
    .. [1] Andersen PK, Gill RD. Cox’s regression model for counting processes: a large sample study. The
       Annals of Statistics 1982;10:1100–1120.
    .. [2] Lin DY, Wei LJ. The robust inference for the Cox proportional hazards model. Journal of the
       American Statistical Association 1989;84:1074–1078.
    """
    weight = np.ones(stop.size) if weight is None else weight
    times = np.unique(stop[event == 1])
    risked = np.searchsorted(times, stop, side="right") > np.searchsorted(times, start, side="right")
    columns = np.ascontiguousarray(X[risked], dtype=np.float64)
    kept = np.flatnonzero(independent_columns(columns))
    none = _no_fit(kept, X.shape[1], np.unique(cluster).size, int(event.sum()), level)
    if times.size == 0 or kept.size == 0:
        return replace(none, status=Status.CONSTANT if times.size else Status.TOO_FEW_EVENTS)
    Z = columns[:, kept] - columns[:, kept].mean(axis=0)
    scale = np.sqrt((Z**2).mean(axis=0))
    rows = _intervals(start[risked], stop[risked], event[risked], Z / scale, weight[risked], cluster[risked])
    beta, found, inverse, converged, iterations = _maximize(rows)
    if not converged or np.abs(beta).max() > _LARGEST_SCALED:
        if _rises_for_ever(rows, beta):
            return replace(none, status=Status.SEPARATION)
        return replace(none, status=Status.NEAR_SEPARATION if converged else Status.NO_CONVERGENCE)
    coefficients = none.coefficients.copy()
    coefficients[kept] = beta / scale
    return replace(
        none,
        coefficients=coefficients,
        variance_model=_widened(inverse, scale, kept, X.shape[1]),
        variance_robust=_widened(_sandwich(rows, found, inverse), scale, kept, X.shape[1]),
        loglik=found.loglik,
        loglik_null=_evaluate(rows, np.zeros(kept.size)).loglik,
        iterations=iterations,
        status=Status.OK,
        collinear=tuple(kept[inflated(found.information, inverse)].tolist()),
    )
