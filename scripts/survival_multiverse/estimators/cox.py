"""Cox proportional hazards regression: fit, hazard ratios, likelihood ratio and Wald tests."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.special import chdtrc, ndtri

from survival_multiverse.estimators.baseline_hazard import BaselineHazard, breslow_baseline
from survival_multiverse.estimators.cox_rows import cox_rows
from survival_multiverse.estimators.proportional_hazards import PhTest, proportional_hazards_test
from survival_multiverse.kernels.counting_process import cox_binary_late, fit_late
from survival_multiverse.kernels.cox import collinear_coefficients, fit_cox
from survival_multiverse.kernels.cox_binary import cox_binary
from survival_multiverse.kernels.linear import cholesky_solve
from survival_multiverse.settings.schema import Status

__all__ = [
    "BaselineHazard",
    "ChiSquareTest",
    "CoxFit",
    "HazardRatio",
    "PhTest",
    "binary_cox",
    "breslow_baseline",
    "cox",
    "cox_binary",
    "hazard_ratio",
    "likelihood_ratio_test",
    "proportional_hazards_test",
    "status_of_code",
    "wald_test",
]

# In the order of the kernels' codes 0 to 5.
_STATUSES = (
    Status.OK,
    Status.TOO_FEW_EVENTS,
    Status.CONSTANT,
    Status.SEPARATION,
    Status.NO_CONVERGENCE,
    Status.NEAR_SEPARATION,
)


# For a larger one exp, or 1 / exp, leaves the range of normal numbers.
_LARGEST_LOG = 700.0


@dataclass(frozen=True, slots=True)
class CoxFit:
    """A Cox model. Every number that could not be estimated is NaN, and `status` says why.

    Attributes
    ----------
    coefficients : np.ndarray
        Log hazard ratios per unit of each column, shape (k,); NaN for dropped columns.
    variance_model, variance_robust : np.ndarray
        Inverse information and sandwich, shape (k, k); `variance_robust` is None unless asked for.
    loglik, loglik_null, score_chi2 : float
        Log partial likelihood at the estimate and at 0, and the score statistic against 0.
    n, events : int
        Rows of positive weight, and deaths among them.
    iterations : int
    status : Status
        ok; too_few_events (no death); constant (no column left); separation (no finite maximum);
        near_separation (|beta| > 10 on a column of SD 1); no_convergence.
    dropped : tuple of int
        Columns that are constant or aliased, within strata and among the rows ever at risk of an event.
    collinear : tuple of int
        Columns whose variance the others inflate more than 10,000 times; the rest of the model stands.
    names : tuple of str or None
    ties : str
    level : float
        Default confidence level.
    """

    coefficients: np.ndarray
    variance_model: np.ndarray
    variance_robust: np.ndarray | None
    loglik: float
    loglik_null: float
    score_chi2: float
    n: int
    events: int
    iterations: int
    status: Status
    dropped: tuple[int, ...]
    collinear: tuple[int, ...]
    names: tuple[str, ...] | None
    ties: str
    level: float


class HazardRatio(NamedTuple):
    """A hazard ratio per unit of a column; `std_error` is that of its logarithm, `p_value` is Wald's."""

    estimate: float
    log_estimate: float
    std_error: float
    ci_lower: float
    ci_upper: float
    p_value: float
    z: float
    status: Status


class ChiSquareTest(NamedTuple):
    """A chi-square statistic with its degrees of freedom and P value."""

    chi2: float
    df: int
    p_value: float
    status: Status


def status_of_code(code: int) -> Status:
    """Return the `Status` of a return code of the Cox kernels (`cox_binary`).

    Parameters
    ----------
    code : int
        0 to 5.

    Returns
    -------
    Status
    """
    return _STATUSES[code]


def cox(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    X: npt.ArrayLike,
    *,
    ties: str = "efron",
    weight: npt.ArrayLike | None = None,
    cluster: npt.ArrayLike | None = None,
    robust: bool = False,
    stratum: npt.ArrayLike | None = None,
    entry: npt.ArrayLike | None = None,
    names: Sequence[str] | None = None,
    level: float = 0.95,
) -> CoxFit:
    """Fit a Cox model [1]_ by Newton's method on columns centred and scaled to SD 1.

    Parameters
    ----------
    time : array_like, shape (n,)
        Follow-up, in any unit; tied times are exactly equal. Sorted here only if not yet sorted by
        (stratum, time).
    event : array_like, shape (n,)
        1 for a death, 0 for a censored time.
    X : array_like, shape (n, k)
        Covariates. Constant and aliased columns are dropped and reported.
    ties : {"efron", "breslow"}
        Efron [2]_ or Breslow [3]_; with weights, tied deaths share their mean weight as in R.
    weight : array_like, shape (n,), optional
        Case weights >= 0; a row of weight 0 counts as absent.
    cluster : array_like of int, shape (n,), optional
        Asks for the robust variance [4]_ with dfbetas summed by cluster, without a small-sample
        factor: R `coxph(..., cluster = )`.
    robust : bool
        Robust variance with each row its own cluster, unless `cluster` is given.
    stratum : array_like of int, shape (n,), optional
        Strata with their own baseline hazards.
    entry : array_like, shape (n,), optional
        Times of delayed entry: who enters at a time or later is not at risk then (R's ``Surv(entry, time,
        event)``).
    names : sequence of str, optional
        One per column; they are only stored in the fit.
    level : float
        Confidence level that `hazard_ratio` uses by default.

    Returns
    -------
    CoxFit
        Log hazard ratios per unit of each column; NaN, with a status, if the model could not be fitted.

    Raises
    ------
    ValueError
        If `ties` is unknown, shapes do not match, or a value is missing or impossible, such as an entry that
        is not before its time.

    References
    ----------
    .. [1] Cox DR. Regression models and life-tables. Journal of the Royal Statistical Society, Series B
       1972;34:187–220.
    .. [2] Efron B. The efficiency of Cox’s likelihood function for censored data. Journal of the American
       Statistical Association 1977;72:557–565.
    .. [3] Breslow NE. Covariance analysis of censored survival data. Biometrics 1974;30:89–99.
    .. [4] Lin DY, Wei LJ. The robust inference for the Cox proportional hazards model. Journal of the
       American Statistical Association 1989;84:1074–1078.
    """
    if ties not in ("efron", "breslow"):
        raise ValueError(f"ties must be 'efron' or 'breslow', not {ties!r}")
    rows = cox_rows(
        time, event, X, weight=weight, cluster=cluster, robust=robust, stratum=stratum, entry=entry
    )
    if names is not None and len(names) != rows.X.shape[1]:
        raise ValueError(f"{len(names)} names for {rows.X.shape[1]} columns")
    others = (rows.event, rows.X, rows.weight, rows.stratum, rows.cluster, rows.clusters, ties == "efron")
    late = rows.entry
    fitted = fit_cox(rows.time, *others) if late is None else fit_late(rows.time, late, *others)
    coefficients, model, sandwich, kept, logliks, iterations, code = fitted
    status = _STATUSES[code]
    shared = (
        collinear_coefficients(model, kept) if status is Status.OK else np.zeros(kept.size, dtype=np.bool_)
    )
    return CoxFit(
        coefficients=coefficients,
        variance_model=model,
        variance_robust=sandwich if robust or cluster is not None else None,
        loglik=logliks[0],
        loglik_null=logliks[1],
        score_chi2=logliks[2],
        n=rows.time.size,
        events=int(rows.event.sum()),
        iterations=iterations,
        status=status,
        dropped=tuple(np.flatnonzero(~kept).tolist()),
        collinear=tuple(np.flatnonzero(shared).tolist()),
        names=None if names is None else tuple(names),
        ties=ties,
        level=level,
    )


def binary_cox(
    time: np.ndarray,
    event: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    cluster: np.ndarray,
    efron: bool,
    entry: np.ndarray | None = None,
) -> tuple[float, float, float, int]:
    """Fit a Cox model of one 0/1 covariate: `kernels.cox_binary`, or with delayed entry its counterpart."""
    if entry is None:
        return cox_binary(time, event, x, weight, cluster, efron)
    return cox_binary_late(time, entry, event, x, weight, cluster, efron)


def _variance(fit: CoxFit, variance: str) -> np.ndarray:
    """Return the covariance matrix of the given name."""
    if variance == "model":
        return fit.variance_model
    if variance != "robust":
        raise ValueError(f"variance must be 'model' or 'robust', not {variance!r}")
    if fit.variance_robust is None:
        raise ValueError("the fit has no robust variance: give cluster or robust=True")
    return fit.variance_robust


@lru_cache(maxsize=32)
def _normal_quantile(level: float) -> float:
    """Return the two-sided standard normal quantile of a confidence level."""
    if not 0.0 < level < 1.0:
        raise ValueError(f"a confidence level lies between 0 and 1, not {level}")
    return float(ndtri(0.5 + level / 2))


def hazard_ratio(
    fit: CoxFit, j: int, *, variance: str = "model", level: float | None = None, per: float = 1.0
) -> HazardRatio:
    """Return the hazard ratio per unit of column j, or per several, with a Wald interval and P value.

    Parameters
    ----------
    fit : CoxFit
        The fitted model.
    j : int
        Position of the column.
    variance : {"model", "robust"}
        Inverse information, or the sandwich.
    level : float, optional
        Confidence level, by default that of the fit.
    per : float
        Units of the column to which the ratio refers: the fit stays, coefficient and error are scaled.

    Returns
    -------
    HazardRatio
        NaN with status `constant` for a dropped column, `collinear` for one that others all but determine,
        `out_of_range` where the ratio or a limit is 0 or infinite as a number, else the status of the fit.

    Raises
    ------
    ValueError
        If a robust variance is asked of a fit without one, or `level` is not between 0 and 1.
    """
    covariance = _variance(fit, variance)
    status = fit.status
    if status is Status.OK and j in fit.dropped:
        status = Status.CONSTANT
    elif status is Status.OK and j in fit.collinear:
        status = Status.COLLINEAR
    if status is not Status.OK:
        return HazardRatio(*(math.nan,) * 7, status)
    level = fit.level if level is None else level
    return wald_hazard_ratio(per * float(fit.coefficients[j]), per * math.sqrt(covariance[j, j]), level=level)


def wald_hazard_ratio(log_estimate: float, std_error: float, *, level: float) -> HazardRatio:
    """Return a hazard ratio with Wald interval and P value from its logarithm and standard error.

    Parameters
    ----------
    log_estimate : float
        Log hazard ratio.
    std_error : float
        Standard error of the log hazard ratio.
    level : float
        Confidence level.

    Returns
    -------
    HazardRatio
        Status `not_applicable` where the standard error is 0 or unknown, `out_of_range` where the ratio or a
        limit leaves the range of numbers: no ratio of 0 or infinity is ever ok.

    Raises
    ------
    ValueError
        If `level` is not between 0 and 1.
    """
    if not 0.0 < std_error < math.inf:
        return HazardRatio(math.nan, log_estimate, std_error, *(math.nan,) * 4, Status.NOT_APPLICABLE)
    half = _normal_quantile(level) * std_error
    if not abs(log_estimate) + half < _LARGEST_LOG:
        return HazardRatio(math.nan, log_estimate, std_error, *(math.nan,) * 4, Status.OUT_OF_RANGE)
    z = log_estimate / std_error
    # By position: keywords would double the time that this takes, and every row of a Cox model asks for it.
    return HazardRatio(
        math.exp(log_estimate),
        log_estimate,
        std_error,
        math.exp(log_estimate - half),
        math.exp(log_estimate + half),
        math.erfc(abs(z) / math.sqrt(2.0)),
        z,
        Status.OK,
    )


def likelihood_ratio_test(fit_full: CoxFit, fit_reduced: CoxFit | None = None) -> ChiSquareTest:
    """Test a model against one nested in it (by default against no covariates) by the likelihood ratio.

    Parameters
    ----------
    fit_full : CoxFit
        The larger model.
    fit_reduced : CoxFit, optional
        A model of some of its columns on the same rows.

    Returns
    -------
    ChiSquareTest
        `df` is the difference in kept columns; status `constant` when that is 0.

    Raises
    ------
    ValueError
        If the fits are of different rows or tie methods.
    """
    kept = fit_full.coefficients.size - len(fit_full.dropped)
    statuses: tuple[Status, ...]
    if fit_reduced is None:
        df, loglik, statuses = kept, fit_full.loglik_null, (fit_full.status,)
    else:
        rows = {(fit.n, fit.events, fit.ties) for fit in (fit_full, fit_reduced)}
        if len(rows) > 1:
            raise ValueError(f"not nested: (n, events, ties) are {sorted(rows)}")
        df = kept - (fit_reduced.coefficients.size - len(fit_reduced.dropped))
        loglik, statuses = fit_reduced.loglik, (fit_full.status, fit_reduced.status)
    # A reduced model without a usable column is the null model, and its likelihood is known.
    failed = [status for status in statuses if status not in (Status.OK, Status.CONSTANT)]
    if failed or df <= 0:
        return ChiSquareTest(math.nan, df, math.nan, failed[0] if failed else Status.CONSTANT)
    chi2 = max(0.0, 2.0 * (fit_full.loglik - loglik))
    return ChiSquareTest(chi2, df, float(chdtrc(df, chi2)), Status.OK)


def wald_test(fit: CoxFit, columns: Sequence[int], *, variance: str = "model") -> ChiSquareTest:
    """Test by Wald's statistic that the coefficients of some columns are all 0; leave out dropped columns.

    Parameters
    ----------
    fit : CoxFit
        The fitted model.
    columns : sequence of int
        Positions of the columns tested together.
    variance : {"model", "robust"}
        Inverse information, or the sandwich.

    Returns
    -------
    ChiSquareTest
        Status `constant` when all the columns were dropped; `not_applicable` when their covariance is
        singular (a robust variance from fewer clusters than columns).

    Raises
    ------
    ValueError
        If a robust variance is asked of a fit without one.
    """
    columns = [j for j in columns if j not in fit.dropped]
    covariance = _variance(fit, variance)
    if fit.status is not Status.OK or not columns:
        status = Status.CONSTANT if fit.status is Status.OK else fit.status
        return ChiSquareTest(math.nan, len(columns), math.nan, status)
    beta = fit.coefficients[columns]
    chi2 = float(
        np.sum(beta * cholesky_solve(np.ascontiguousarray(covariance[np.ix_(columns, columns)]), beta))
    )
    if not math.isfinite(chi2):
        return ChiSquareTest(math.nan, len(columns), math.nan, Status.NOT_APPLICABLE)
    return ChiSquareTest(chi2, len(columns), float(chdtrc(len(columns), chi2)), Status.OK)
