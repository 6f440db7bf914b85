"""Cross-checks: the primary scenario fitted again by other people's code, scikit-learn and lifelines."""

import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter
from lifelines.exceptions import ConvergenceError
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression

from survival_multiverse.cohort.sample import Sample, design_matrix
from survival_multiverse.estimators.cox import binary_cox, cox, status_of_code
from survival_multiverse.scenario.comparability import matched_sample
from survival_multiverse.scenario.encoded_study import encode_study
from survival_multiverse.settings.schema import Estimator, Status
from survival_multiverse.settings.study import Study

LOGISTIC, COX = "scikit-learn LogisticRegression", "lifelines CoxPHFitter"
PROPENSITY, LOG_RATIO = "propensity coefficients", "log hazard ratio"
TOLERANCE = 1e-6
DECIMALS = 9


@dataclass(frozen=True, slots=True)
class Fitted:
    """Coefficients of the study's own code, and the data from which another library may fit them again.

    Attributes
    ----------
    quantity
        `PROPENSITY` or `LOG_RATIO`.
    adjustment_set, estimator
        None where none is used.
    sample
        The patients.
    matrix
        Columns of the model that it kept, shape (n, k).
    coefficients
        Theirs, shape (k,), the arm first in a Cox model.
    status
        Why there are none, unless ok.
    """

    quantity: str
    adjustment_set: str | None
    estimator: str | None
    sample: Sample
    matrix: np.ndarray
    coefficients: np.ndarray
    status: Status


@dataclass(frozen=True, slots=True)
class Comparison:
    """Coefficients beside those of another library.

    Attributes
    ----------
    adjustment_set, quantity, estimator, library
        What was fitted, and whose code fitted it again.
    numbers
        Coefficients compared.
    engine, other
        The study's and the other library's value of the one that differs most; NaN unless ok.
    largest_relative_difference
        |engine - other| / the larger of the two, to nine decimals: what is less depends on the machine.
    agrees
        Whether that is at most `TOLERANCE`.
    status
        ok, or why there was nothing to compare.
    """

    adjustment_set: str | None
    quantity: str
    estimator: str | None
    library: str
    numbers: int
    engine: float
    other: float
    largest_relative_difference: float
    agrees: bool
    status: Status


def compare_with_libraries(patients: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Fit the primary scenario's propensity scores and Cox models with other people's code.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Names the primary scenario.

    Returns
    -------
    pd.DataFrame
        One row a model, columns those of `Comparison`: primary population, no landmark, Efron's ties. Matched
        models are fitted to the same pairs.
    """
    rows = [asdict(compare(fitted)) for fitted in fitted_models(patients, study)]
    return pd.DataFrame(rows).astype({"status": str})


def fitted_models(patients: pd.DataFrame, study: Study) -> Iterator[Fitted]:
    """Yield the models of the primary scenario as the study's own code fits them."""
    encoded = encode_study(patients, study, study.primary)
    sample = encoded.sample(study.primary)
    minimum = study.analysis.minimum_events
    yield _arm_model(sample, None, Estimator.UNADJUSTED, minimum)
    for name, scored in encoded.scores(sample):
        matrix, _ = design_matrix(scored.sample, scored.names)
        kept = ~np.isnan(scored.fit.coefficients)
        yield Fitted(
            PROPENSITY,
            name,
            None,
            scored.sample,
            matrix[:, kept],
            scored.fit.coefficients[kept],
            scored.status,
        )
        yield _adjusted_model(scored.sample, scored.names, name, minimum)
        pairs = matched_sample(scored, encoded.match(scored, study.primary_cutoffs.caliper))
        yield _arm_model(pairs, name, Estimator.MATCHED, minimum)


def _arm_model(sample: Sample, name: str | None, estimator: Estimator, minimum_events: int) -> Fitted:
    status, beta = sample.arm_status(minimum_events), np.nan
    if status is Status.OK:
        pair = np.zeros(len(sample), dtype=np.int64) if sample.pair is None else sample.pair
        unit = np.ones(len(sample))
        rows = sample.time, sample.event, sample.arm, unit, pair
        beta, *_, code = binary_cox(*rows, True, sample.entry)
        status = status_of_code(code)
    matrix = sample.arm[:, None].astype(np.float64)
    return Fitted(LOG_RATIO, name, str(estimator), sample, matrix, np.array([beta]), status)


def _adjusted_model(sample: Sample, names: tuple[str, ...], name: str, minimum_events: int) -> Fitted:
    matrix, _ = design_matrix(sample, ("arm", *names))
    status, beta = sample.arm_status(minimum_events), np.full(matrix.shape[1], np.nan)
    if status is Status.OK:
        fit = cox(sample.time, sample.event, matrix, entry=sample.entry)
        # Without the arm's own column there is no ratio to compare.
        status = Status.CONSTANT if fit.status is Status.OK and 0 in fit.dropped else fit.status
        beta = fit.coefficients
    kept = ~np.isnan(beta)
    return Fitted(LOG_RATIO, name, str(Estimator.ADJUSTED), sample, matrix[:, kept], beta[kept], status)


def compare(fitted: Fitted) -> Comparison:
    """Fit the model again and compare; of a Cox model the log hazard ratio of the arm alone."""
    logistic = fitted.quantity == PROPENSITY
    labels = (fitted.adjustment_set, fitted.quantity, fitted.estimator, LOGISTIC if logistic else COX)
    engine, status = fitted.coefficients, fitted.status
    other = np.full(engine.shape, np.nan)
    if status is Status.OK:
        other = _logistic(fitted) if logistic else _cox(fitted)
        status = Status.NO_CONVERGENCE if np.isnan(other).any() else status
    if not logistic:
        engine, other = engine[:1], other[:1]
    if status is not Status.OK or not engine.size:
        return Comparison(*labels, 0, np.nan, np.nan, np.nan, False, status)
    scale = np.maximum(np.abs(engine), np.abs(other))
    difference = np.round(np.abs(engine - other) / np.where(scale > 0, scale, 1.0), DECIMALS)
    most = int(difference.argmax())
    largest = float(difference[most])
    values = (round(float(engine[most]), DECIMALS), round(float(other[most]), DECIMALS))
    return Comparison(*labels, len(engine), *values, largest, largest <= TOLERANCE, status)


def _logistic(fitted: Fitted) -> np.ndarray:
    """Maximise the unpenalised likelihood by scikit-learn, on columns of mean 0 and SD 1."""
    matrix, scale = _standardised(fitted.matrix)
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-12, max_iter=100)
    with warnings.catch_warnings():
        # At so small a tolerance it may warn of what floating point cannot improve.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(matrix, fitted.sample.arm)
    return model.coef_[0] / scale


def _cox(fitted: Fitted) -> np.ndarray:
    """Maximise the partial likelihood with Efron's ties by lifelines; NaN if it gives up."""
    matrix, scale = _standardised(fitted.matrix)
    names = [f"x{j}" for j in range(matrix.shape[1])]
    frame = pd.DataFrame(matrix, columns=names)
    frame = frame.assign(time=fitted.sample.time, event=fitted.sample.event)
    late = fitted.sample.entry
    if late is not None:
        frame = frame.assign(entry=late)
    options = {"precision": 1e-20, "r_precision": 1e-16, "max_steps": 100}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = CoxPHFitter().fit(
                frame, "time", "event", entry_col=None if late is None else "entry", fit_options=options
            )
    except ConvergenceError:
        return np.full(len(names), np.nan)
    return model.params_.to_numpy() / scale


def _standardised(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    scale = matrix.std(axis=0)
    return (matrix - matrix.mean(axis=0)) / scale, scale
