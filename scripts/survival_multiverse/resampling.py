"""Draws under a null, and bootstrap draws, of every specification of the inference's blocks."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from survival_multiverse.kernels.cell import WEIGHTED_AND_ADJUSTED, evaluate_cell
from survival_multiverse.matching import priority
from survival_multiverse.null_models import CovariateNull, dose_strata, fit_covariate_null, simulate_times
from survival_multiverse.sample import (
    Cohort,
    Sample,
    design_matrix,
    encode_cohort,
    reaches,
    select_population,
    whole_sample,
)
from survival_multiverse.scenario import covariate_names
from survival_multiverse.schema import Estimator, Population
from survival_multiverse.study import Study

KEYS = [
    "population",
    "oligo_threshold",
    "dose_cutoff",
    "gtv_cutoff",
    "caliper",
    "adjustment_set",
    "estimator",
    "landmark",
]
_OTHERS = (Estimator.OVERLAP, Estimator.IPTW, Estimator.ADJUSTED)


class Resample(StrEnum):
    """How a draw is made."""

    PERMUTATION = "permutation"
    SIMULATION = "simulation"
    BOOTSTRAP_PATIENTS = "bootstrap_patients"
    BOOTSTRAP_PAIRS = "bootstrap_pairs"

    @property
    def spawn_key(self) -> int:
        """First part of the seed of its draws; numbers once given stay."""
        return 2 + list(Resample).index(self)


@dataclass(frozen=True, slots=True)
class Cell:
    """A population whose specifications are evaluated together.

    Attributes
    ----------
    population, oligo_threshold
        Who it is; the threshold of the population of all is NaN.
    sample
        Its patients, ascending in time; the arm is not used.
    dose
        Dose of each, shape (n,).
    priority
        Rank in the primary tie-break, shape (n,).
    designs, widths, complete
        Columns of each (volume cutoff, adjustment set), see `kernels.cell.evaluate_cell`.
    pair_uniform
        Uniform variates that draw matched pairs with replacement, shape (n,), or none.
    """

    population: Population
    oligo_threshold: float
    sample: Sample
    dose: np.ndarray
    priority: np.ndarray
    designs: np.ndarray
    widths: np.ndarray
    complete: np.ndarray
    pair_uniform: np.ndarray

    def rows(self, rows: np.ndarray) -> "Cell":
        """These patients (repeats allowed), in ascending time."""
        return replace(
            self,
            sample=self.sample.take(rows),
            dose=self.dose[rows],
            priority=self.priority[rows],
            designs=np.ascontiguousarray(self.designs[:, rows]),
            complete=np.ascontiguousarray(self.complete[:, rows]),
        )


def cells_of(patients: pd.DataFrame, study: Study) -> list[Cell]:
    """One cell for each population and threshold of the inference."""
    cohort = encode_cohort(patients, study)
    ranks = priority(cohort.ids, seed=study.seed)
    cells = []
    for name in study.inference.populations:
        population = Population(name)
        thresholds = study.axes["oligo_threshold"].values
        if population is Population.ALL:
            thresholds = thresholds[:1]
        cells += [_cell(cohort, study, ranks, population, threshold) for threshold in thresholds]
    return cells


def _cell(cohort: Cohort, study: Study, ranks: np.ndarray, population: Population, threshold: float) -> Cell:
    matrices, complete = [], []
    for gtv_cutoff in study.axes["gtv_cutoff"].values:
        everybody = whole_sample(
            cohort,
            oligo_threshold=threshold,
            dose_cutoff=study.axes["dose_cutoff"].values[0],
            gtv_cutoff=gtv_cutoff,
        )
        sample = select_population(everybody, population)
        for adjustment_set in study.adjustment_sets.values():
            names = covariate_names(adjustment_set, population)
            matrices.append(design_matrix(sample, names)[0])
            known = sample.known(names)
            complete.append(np.ones(len(sample), dtype=bool) if known is None else known)
    widths = np.array([matrix.shape[1] for matrix in matrices])
    designs = np.zeros((len(matrices), len(sample), int(widths.max())))
    for design, matrix in zip(designs, matrices, strict=True):
        design[:, : matrix.shape[1]] = matrix
    return Cell(
        population=population,
        oligo_threshold=np.nan if population is Population.ALL else threshold,
        sample=sample,
        dose=cohort.dose[sample.index],
        priority=ranks[sample.index],
        designs=designs,
        widths=widths,
        complete=np.array(complete),
        pair_uniform=np.empty(0),
    )


def specification_keys(cell: Cell, study: Study) -> pd.DataFrame:
    """Specifications of a cell in the order in which `evaluate` gives them, columns `KEYS`."""
    calipers = study.axes["caliper"].values
    rows = [
        (
            str(cell.population),
            cell.oligo_threshold,
            dose_cutoff,
            gtv_cutoff,
            caliper,
            name,
            str(estimator),
            landmark,
        )
        for landmark in study.inference.landmarks
        for dose_cutoff in study.axes["dose_cutoff"].values
        for gtv_cutoff in study.axes["gtv_cutoff"].values
        for name in study.adjustment_sets
        for estimator, caliper in (
            *((Estimator.MATCHED, caliper) for caliper in calipers),
            *((estimator, np.nan) for estimator in _OTHERS),
        )
    ]
    keys = pd.DataFrame(rows, columns=KEYS)
    return keys[keys["estimator"].isin(study.inference.estimators)]


def evaluate(cell: Cell, study: Study) -> np.ndarray:
    """Log hazard ratio and standard error of every specification, shape (specifications, 2); NaN without."""
    analysis, inference = study.analysis, study.inference
    calipers = np.array(study.axes["caliper"].values)
    wanted = np.array([str(name) in inference.estimators for name in (Estimator.MATCHED, *_OTHERS)])
    # Pairs drawn again leave the estimates without pairs as they were, which is no distribution of theirs.
    needed = wanted if not cell.pair_uniform.size else wanted & np.array([True, False, False, False])
    doses = study.axes["dose_cutoff"].values
    shape = (
        len(inference.landmarks),
        len(doses),
        len(cell.designs),
        len(calipers) + WEIGHTED_AND_ADJUSTED,
        2,
    )
    out = np.full(shape, np.nan)
    for at, landmark in enumerate(inference.landmarks):
        start = int(np.count_nonzero(~reaches(cell.sample.time, landmark)))
        part = cell if start == 0 else cell.rows(np.arange(start, len(cell.dose)))
        order = np.argsort(part.priority, kind="stable")
        for position, dose_cutoff in enumerate(doses):
            evaluate_cell(
                part.sample.time,
                part.sample.event,
                (part.dose >= dose_cutoff).astype(np.int64),
                part.designs,
                part.widths,
                part.complete,
                order,
                calipers,
                analysis.caliper_sd == "within_arm",
                analysis.minimum_events,
                needed,
                part.pair_uniform,
                out[at, position],
            )
    used = np.repeat(wanted, [len(calipers), 1, 1, 1])
    return out[:, :, :, used].reshape(-1, 2)


def draw(cell: Cell, kind: Resample, number: int, study: Study, null: CovariateNull | None) -> Cell:
    """One resampled cell; its seed names the draw and the population, never the job that makes it."""
    threshold = 0 if np.isnan(cell.oligo_threshold) else round(cell.oligo_threshold * 1000)
    place = list(Population).index(cell.population)
    sequence = np.random.SeedSequence(study.seed, spawn_key=(kind.spawn_key, number, place, threshold))
    rng = np.random.default_rng(sequence)
    if kind is Resample.BOOTSTRAP_PATIENTS:
        return cell.rows(np.sort(rng.integers(0, len(cell.dose), len(cell.dose))))
    if kind is Resample.BOOTSTRAP_PAIRS:
        return replace(cell, pair_uniform=rng.random(len(cell.dose)))
    if kind is Resample.PERMUTATION:
        dose = cell.dose.copy()
        for rows in dose_strata(cell.sample, cell.dose, cell.priority, study):
            dose[rows] = rng.permutation(dose[rows])
        return replace(cell, dose=dose)
    if null is None:
        # Without a model nothing can be simulated; nobody has no estimate.
        return cell.rows(np.empty(0, dtype=np.int64))
    time, event = simulate_times(null, rng)
    order = np.argsort(time, kind="stable")
    simulated = cell.rows(null.rows[order])
    return replace(simulated, sample=replace(simulated.sample, time=time[order], event=event[order]))


def resample(
    patients: pd.DataFrame, study: Study, kind: Resample, draws: range
) -> Iterator[tuple[int, np.ndarray]]:
    """Estimates of all specifications (`specification_keys` of `cells_of`, joined) in each draw.

    Yields
    ------
    tuple
        Number of the draw, and log hazard ratios with standard errors, shape (specifications, 2).
    """
    cells = cells_of(patients, study)
    nulls = [
        fit_covariate_null(cell.sample, study) if kind is Resample.SIMULATION else None for cell in cells
    ]
    for number in draws:
        parts = [
            evaluate(draw(cell, kind, number, study, null), study)
            for cell, null in zip(cells, nulls, strict=True)
        ]
        yield number, np.concatenate(parts)
