"""The cutpoints themselves: every possible cutoff, the most favourable one, and the dose as a curve."""

from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from survival_multiverse.cohort.sample import Sample
from survival_multiverse.estimators.cox import CoxFit, cox, hazard_ratio, likelihood_ratio_test
from survival_multiverse.estimators.curves import normal_quantile
from survival_multiverse.estimators.limits import merge_rounded
from survival_multiverse.estimators.splines import quantile_knots, restricted_cubic_spline
from survival_multiverse.kernels.arms import arm_counts
from survival_multiverse.kernels.cutpoints import maximal_log_rank, standardised_log_rank
from survival_multiverse.scenario.cautions import flags_of_arms
from survival_multiverse.scenario.encoded_study import encode_study
from survival_multiverse.settings.schema import Population, Status
from survival_multiverse.settings.study import Study

SELECTED_RANGE = (0.1, 0.9)
CUTPOINT_KIND = 5
EMPTY = {
    "cutpoints": (
        "cutoff n_above n_below hazard_ratio ci_lower ci_upper p_value status flags population variable"
    ),
    "selected_cutoffs": (
        "cutoff statistic p_naive p_value candidates permutations status population variable n"
    ),
    "dose_response": (
        "value hazard_ratio ci_lower ci_upper status knots p_nonlinear population variable reference"
    ),
}
"""Columns of each table, of an exposure that no cutoff divides: without a row."""


def candidate_cutoffs(values: np.ndarray) -> np.ndarray:
    """Return the distinct values that leave at least a tenth of the patients on either side.

    A heaped variable has few of them; a cutoff is always the lowest value of the upper group.
    """
    distinct, counts = np.unique(values, return_counts=True)
    below = (np.cumsum(counts) - counts) / max(values.size, 1)
    return distinct[(below >= SELECTED_RANGE[0]) & (below <= SELECTED_RANGE[1])]


@dataclass(frozen=True, slots=True)
class SelectedCutoff:
    """The cutoff with the largest log-rank statistic (Lausen and Schumacher 1992).

    Attributes
    ----------
    cutoff
        NaN unless ok.
    statistic
        Largest standardised log-rank |z|.
    p_naive
        P value that forgets the search.
    p_value
        Share of permutations of survival among patients with at least as large a maximum.
    status
        ok, or constant (no cutoff), or too_few_events, or not_applicable (patients enter late: the order of
        survival, which is permuted, is not that of risk sets).
    """

    cutoff: float
    statistic: float
    p_naive: float
    p_value: float
    candidates: int
    permutations: int
    status: Status


def select_cutoff(
    sample: Sample, values: np.ndarray, *, permutations: int, seed: int, key: int
) -> SelectedCutoff:
    """Test a continuous variable by its maximally selected log-rank statistic [1]_, by permutation.

    Parameters
    ----------
    sample
        Patients in ascending time.
    values
        The variable, shape (n,), no gaps.
    permutations
        Number of permutations of survival among the patients.
    seed, key
        Seed of the study, and a number that tells the variables apart.

    Returns
    -------
    SelectedCutoff
        In the unit of the variable.

    References
    ----------
    .. [1] Lausen B, Schumacher M. Maximally selected rank statistics. Biometrics 1992;48:73–85.
    """
    cutoffs = candidate_cutoffs(values)
    nothing = (np.nan, np.nan, np.nan, np.nan, len(cutoffs), permutations)
    if sample.entry is not None:
        return SelectedCutoff(*nothing, Status.NOT_APPLICABLE)
    if not cutoffs.size or np.unique(values).size < 2:
        return SelectedCutoff(*nothing, Status.CONSTANT)
    z = standardised_log_rank(sample.time, sample.event, values, cutoffs)
    if np.isnan(z).all():
        return SelectedCutoff(*nothing, Status.TOO_FEW_EVENTS)
    best = int(np.nanargmax(np.abs(z)))
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(CUTPOINT_KIND, key)))
    reached = 0
    for _ in range(permutations):
        largest = maximal_log_rank(sample.time, sample.event, rng.permutation(values), cutoffs)
        reached += int(largest >= abs(z[best]) - 1e-12)
    return SelectedCutoff(
        cutoff=float(cutoffs[best]),
        statistic=float(abs(z[best])),
        p_naive=_two_sided(z[best]),
        p_value=(1 + reached) / (permutations + 1),
        candidates=len(cutoffs),
        permutations=permutations,
        status=Status.OK,
    )


def _two_sided(z: float) -> float:
    return float(2 * ndtr(-abs(z)))


def ratio_by_cutoff(sample: Sample, values: np.ndarray, *, minimum_events: int, level: float) -> pd.DataFrame:
    """Return the unadjusted hazard ratio of at or above against below each possible cutoff.

    Returns
    -------
    pd.DataFrame
        `cutoff`, `n_above`, `n_below`, `hazard_ratio`, `ci_lower`, `ci_upper`, `p_value`, `status`, `flags`.
    """
    records = []
    for cutoff in candidate_cutoffs(values):
        arm = (values >= cutoff).astype(np.int64)
        n_below, n_above, *deaths = arm_counts(sample.event, arm)
        record = {"cutoff": cutoff, "n_above": n_above, "n_below": n_below}
        if min(deaths) < minimum_events:
            records.append({**record, "status": str(Status.TOO_FEW_EVENTS)})
            continue
        fit = cox(sample.time, sample.event, arm[:, None].astype(np.float64), entry=sample.entry)
        ratio = hazard_ratio(fit, 0, level=level)
        records.append(
            record
            | {"hazard_ratio": ratio.estimate, "ci_lower": ratio.ci_lower, "ci_upper": ratio.ci_upper}
            | {"p_value": ratio.p_value, "status": str(ratio.status)}
            | {"flags": ";".join(flags_of_arms(sample.event, arm)) or None}
        )
    counts, numbers = ("n_above", "n_below"), ("hazard_ratio", "ci_lower", "ci_upper", "p_value")
    frame = pd.DataFrame(records, columns=["cutoff", *counts, *numbers, "status", "flags"])
    types = dict.fromkeys(("cutoff", *numbers), np.float64) | dict.fromkeys(counts, np.int64)
    return frame.astype(types | {"status": object, "flags": object})


def spline_of(sample: Sample, values: np.ndarray, *, reference: float, level: float) -> pd.DataFrame:
    """Return the hazard ratio along a continuous variable against a reference, with a test of its curvature.

    A variable so heaped that two of the knots (10, 50 and 90 %) coincide gets one ratio per value instead.

    Returns
    -------
    pd.DataFrame
        `value`, `hazard_ratio`, `ci_lower`, `ci_upper`, `knots` (in words), `p_nonlinear`, `status`.
    """
    knots = quantile_knots(values)
    if not knots:
        return _by_value(sample, values, reference=reference, level=level)
    low, high = np.quantile(values, (0.02, 0.98))
    grid = np.linspace(low, high, 41)
    matrix = restricted_cubic_spline(values, knots)
    fit = cox(sample.time, sample.event, matrix, entry=sample.entry)
    linear = cox(sample.time, sample.event, matrix[:, :1], entry=sample.entry)
    bend = likelihood_ratio_test(fit, linear)
    contrast = restricted_cubic_spline(grid, knots) - restricted_cubic_spline(np.array([reference]), knots)
    return _contrasts(grid, contrast, fit, level).assign(
        knots=", ".join(f"{knot:.4g}" for knot in knots), p_nonlinear=bend.p_value
    )


def _by_value(sample: Sample, values: np.ndarray, *, reference: float, level: float) -> pd.DataFrame:
    """Fit one indicator per value, the reference being the value nearest to it."""
    distinct = np.unique(values)
    base = distinct[np.abs(distinct - reference).argmin()] if distinct.size else reference
    others = distinct[distinct != base]
    columns = (values[:, None] == others).astype(np.float64)
    fit = cox(sample.time, sample.event, columns, entry=sample.entry)
    contrast = (distinct[:, None] == others).astype(np.float64)
    return _contrasts(distinct, contrast, fit, level).assign(knots="one ratio a value", p_nonlinear=np.nan)


def _contrasts(grid: np.ndarray, contrast: np.ndarray, fit: CoxFit, level: float) -> pd.DataFrame:
    """Return hazard ratios of linear combinations of the coefficients; none if one uses a dropped column."""
    dropped = np.isnan(fit.coefficients)
    beta = np.where(dropped, 0.0, fit.coefficients)
    log_ratio = np.einsum("ij,j->i", contrast, beta)
    variance = np.einsum("ij,jk,ik->i", contrast, np.nan_to_num(fit.variance_model), contrast)
    half = normal_quantile(level) * np.sqrt(np.maximum(variance, 0.0))
    failed = (contrast[:, dropped] != 0.0).any(axis=1) | (fit.status is not Status.OK)
    why = Status.CONSTANT if fit.status is Status.OK else fit.status
    numbers = {"hazard_ratio": log_ratio, "ci_lower": log_ratio - half, "ci_upper": log_ratio + half}
    return pd.DataFrame(
        {
            "value": grid,
            **{name: np.where(failed, np.nan, np.exp(value)) for name, value in numbers.items()},
            "status": np.where(failed, str(why), str(Status.OK)),
        }
    )


def audit_cutpoints(patients: pd.DataFrame, study: Study) -> dict[str, pd.DataFrame]:
    """Evaluate every possible cutoff of dose and volume, the most favourable one, and the dose as a curve.

    In each population at the primary threshold; patients without a value are left out.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Gives the primary scenario and the analysis.

    Returns
    -------
    dict
        ``cutpoints`` (a row a cutoff), ``selected_cutoffs`` (a population and variable), ``dose_response``
        (a value of dose or volume).
    """
    encoded, primary, cutoffs = (
        encode_study(patients, study, study.primary),
        study.primary,
        study.primary_cutoffs,
    )
    cohort = encoded.cohort
    tables: dict[str, list[pd.DataFrame]] = {"cutpoints": [], "selected_cutoffs": [], "dose_response": []}
    analysis = study.analysis
    variables = [
        (position, variable, values, cutoff)
        for position, (variable, values, cutoff) in enumerate(
            (("dose", cohort.dose, cutoffs.dose), ("gtv", cohort.gtv, cutoffs.gtv))
        )
        if values is not None and study.decision_of(variable)
    ]
    for place, population in zip(_places(study), study.populations, strict=True):
        sample = encoded.sample(primary, population)
        for position, variable, values, reference in variables:
            values = values[sample.index]
            known = ~np.isnan(values)
            part, values = sample.take(known), merge_rounded(values[known])
            labels = {"population": str(population), "variable": variable}
            ratios = ratio_by_cutoff(
                part, values, minimum_events=analysis.minimum_events, level=analysis.confidence_level
            )
            selected = select_cutoff(
                part,
                values,
                permutations=study.inference.draws,
                seed=study.seed,
                key=2 * place + position,
            )
            curve = spline_of(part, values, reference=reference, level=analysis.confidence_level)
            tables["cutpoints"].append(ratios.assign(**labels))
            tables["selected_cutoffs"].append(pd.DataFrame([asdict(selected) | labels | {"n": len(part)}]))
            tables["dose_response"].append(curve.assign(**labels, reference=reference))
    return {
        name: pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=EMPTY[name].split())
        for name, frames in tables.items()
    }


def _places(study: Study) -> list[int]:
    """Return the number of each population, which seeds its permutations."""
    return [list(Population).index(population) for population in study.populations]
