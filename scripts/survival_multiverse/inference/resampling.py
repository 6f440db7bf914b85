"""Draws under a null, and bootstrap draws, of every specification of the inference's blocks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
import pandas as pd

from survival_multiverse.cohort.sample import Sample, design_matrix
from survival_multiverse.estimators.limits import at_least
from survival_multiverse.inference.null_models import (
    CovariateNull,
    dose_strata,
    draw_variates,
    fit_covariate_null,
    simulate_times,
)
from survival_multiverse.kernels.cell import evaluate_design, fit_score, match_orders
from survival_multiverse.scenario.encoded_study import EncodedStudy, covariate_names, encode_study
from survival_multiverse.scenario.tie_break import tie_breaks
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Population
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Scenario

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
_OTHERS = (*WEIGHTED, Estimator.ADJUSTED)
HELD_BYTES = 1 << 28


class Resample(StrEnum):
    """How a draw is made."""

    PERMUTATION = "permutation"
    SIMULATION = "simulation"
    BOOTSTRAP_PATIENTS = "bootstrap_patients"
    BOOTSTRAP_PAIRS = "bootstrap_pairs"

    @property
    def spawn_key(self) -> int:
        """Return the first part of the seed of its draws; numbers never change once given."""
        return 2 + list(Resample).index(self)


@dataclass(frozen=True, slots=True)
class CutoffCell:
    """A population whose specifications are evaluated together.

    Attributes
    ----------
    population, oligo_threshold
        Who it is; the threshold of the population of all is NaN.
    sample
        Its patients, ascending in time; the arm is not used.
    dose
        Dose of each, shape (n,).
    ranks
        Rank of each among all patients of the cohort in the primary tie-break, shape (n,).
    places
        The same in each repeated tie-breaking order, shape (orders, n).
    designs, widths, complete
        Columns of each (volume cutoff, adjustment set), shape (designs, n, columns), of which the first
        `widths` (designs,) count; who has all of them, shape (designs, n).
    times, events
        Survival under the null model of each design, shape (designs, n), or that of the sample under all of
        them, shape (1, n).
    pair_uniform
        Uniform variates that draw matched pairs with replacement, shape (n,), or none.
    patients
        How many the whole cohort has.
    """

    population: Population
    oligo_threshold: float
    sample: Sample
    dose: np.ndarray
    ranks: np.ndarray
    places: np.ndarray
    designs: np.ndarray
    widths: np.ndarray
    complete: np.ndarray
    times: np.ndarray
    events: np.ndarray
    pair_uniform: np.ndarray
    patients: int

    def rows(self, rows: np.ndarray) -> "CutoffCell":
        """Return these patients (repeats allowed), in ascending time."""
        return replace(
            self,
            sample=self.sample.take(rows),
            dose=self.dose[rows],
            ranks=self.ranks[rows],
            places=self.places[:, rows],
            designs=np.ascontiguousarray(self.designs[:, rows]),
            complete=np.ascontiguousarray(self.complete[:, rows]),
            times=self.times[:, rows],
            events=self.events[:, rows],
        )


def cutoff_cells(patients: pd.DataFrame, study: Study) -> list[CutoffCell]:
    """Return one cell for each population and threshold of the inference.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Gives populations, thresholds and covariates.

    Returns
    -------
    list of CutoffCell
    """
    encoded = encode_study(patients, study)
    places = repeated_places(encoded.ranks, study)
    cells = []
    for name in study.inference.populations:
        population = Population(name)
        thresholds = study.axes["oligo_threshold"].values
        if population is Population.ALL:
            thresholds = thresholds[:1]
        cells += [_cell(encoded, places, population, threshold) for threshold in thresholds]
    return cells


def repeated_places(ranks: np.ndarray, study: Study) -> np.ndarray:
    """Return the rank of every patient in each order of repeated matching, shape (orders, patients)."""
    analysis = study.analysis
    ties = tie_breaks(
        ranks,
        seed=study.seed,
        draws=analysis.few_orders,
        minimum_events=analysis.minimum_events,
    )
    orders = np.vstack(list(ties.blocks()))
    return np.argsort(orders, axis=1, kind="stable").astype(np.int32)


def _cell(encoded: EncodedStudy, places: np.ndarray, population: Population, threshold: float) -> CutoffCell:
    study = encoded.study
    matrices, complete = [], []
    for gtv_cutoff in study.axes["gtv_cutoff"].values:
        dose_cutoff = study.axes["dose_cutoff"].values[0]
        sample = encoded.sample(Scenario(threshold, dose_cutoff, gtv_cutoff), population)
        for adjustment_set in study.adjustment_sets.values():
            names = covariate_names(adjustment_set, population)
            matrices.append(design_matrix(sample, names)[0])
            known = sample.known(names)
            complete.append(np.ones(len(sample), dtype=bool) if known is None else known)
    widths = np.array([matrix.shape[1] for matrix in matrices])
    designs = np.zeros((len(matrices), len(sample), int(widths.max())))
    for design, matrix in zip(designs, matrices, strict=True):
        design[:, : matrix.shape[1]] = matrix
    return CutoffCell(
        population=population,
        oligo_threshold=np.nan if population is Population.ALL else threshold,
        sample=sample,
        dose=encoded.cohort.dose[sample.index],
        ranks=encoded.ranks[sample.index],
        places=places[:, sample.index],
        designs=designs,
        widths=widths,
        complete=np.array(complete),
        times=sample.time[None],
        events=sample.event[None],
        pair_uniform=np.empty(0),
        patients=len(encoded.ranks),
    )


def tested(cell: CutoffCell, study: Study) -> list[tuple[float, list[int]]]:
    """Return each landmark that is tested in a cell, with the positions of its dose cutoffs.

    Beyond landmarks only blocks of the primary threshold and dose cutoff are tested: they ask whether the
    answer is owed to early deaths.
    """
    doses = study.axes["dose_cutoff"].values
    primary = np.isnan(cell.oligo_threshold) or cell.oligo_threshold == study.primary.oligo_threshold
    beyond = [doses.index(study.primary.dose_cutoff)] if primary else []
    everywhere = list(range(len(doses)))
    wanted = [(mark, everywhere if mark == 0 else beyond) for mark in study.inference.landmarks or ()]
    return [(landmark, positions) for landmark, positions in wanted if positions]


def specification_keys(cell: CutoffCell, study: Study) -> pd.DataFrame:
    """Return the specifications of a cell in the order in which `evaluate` gives them.

    Parameters
    ----------
    cell
        A population and threshold.
    study
        Gives axes, adjustment sets and estimators.

    Returns
    -------
    pd.DataFrame
        Columns `KEYS`.
    """
    calipers, doses = study.axes["caliper"].values, study.axes["dose_cutoff"].values
    rows = [
        (
            str(cell.population),
            cell.oligo_threshold,
            doses[position],
            gtv_cutoff,
            caliper,
            name,
            str(estimator),
            landmark,
        )
        for landmark, positions in tested(cell, study)
        for position in positions
        for gtv_cutoff in study.axes["gtv_cutoff"].values
        for name in study.adjustment_sets
        for estimator, caliper in (
            *((Estimator.MATCHED, caliper) for caliper in calipers),
            *((estimator, np.nan) for estimator in _OTHERS),
        )
    ]
    keys = pd.DataFrame(rows, columns=KEYS)
    return keys[keys["estimator"].isin(study.inference.estimators)]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Arms made comparable by one covariate list: what does not depend on survival.

    Attributes
    ----------
    arm, X
        Shape (n,) and (n, columns).
    predictor, usable
        The propensity score's linear predictor, shape (n,), and its columns, from `kernels.cell.fit_score`.
    pairs
        Pairs within each caliper under each order, from `kernels.cell.match_orders`.
    """

    arm: np.ndarray
    X: np.ndarray
    predictor: np.ndarray
    usable: np.ndarray
    pairs: np.ndarray

    def rows(self, rows: np.ndarray) -> "Comparison":
        """Return the same comparison with its rows in another order."""
        pairs = np.ascontiguousarray(self.pairs[:, :, rows])
        return Comparison(self.arm[rows], self.X[rows], self.predictor[rows], self.usable, pairs)


def compare_arms(
    cell: CutoffCell, design: int, rows: np.ndarray, positions: Sequence[int], study: Study
) -> Iterator[Comparison]:
    """Score and match these rows of a cell by one of its covariate lists, at each of these dose cutoffs."""
    X = np.ascontiguousarray(cell.designs[design][rows, : cell.widths[design]])
    calipers = np.array(study.axes["caliper"].values)
    within_arm = study.analysis.caliper_sd == "within_arm"
    matched = str(Estimator.MATCHED) in study.inference.estimators
    orders = np.argsort(cell.places[: len(cell.places) if matched else 0, rows], axis=1, kind="stable")
    for position in positions:
        arm = at_least(cell.dose[rows], study.axes["dose_cutoff"].values[position]).astype(np.int64)
        predictor, usable = fit_score(arm, X)
        pairs = match_orders(arm, predictor, orders, calipers, within_arm)
        yield Comparison(arm, X, predictor, usable, pairs)


def prepare(cell: CutoffCell, study: Study) -> list[list[Comparison]]:
    """Compare everybody by design and dose cutoff, once for all draws that leave the dose as it is.

    Parameters
    ----------
    cell
        A population and threshold.
    study
        Gives axes and analysis.

    Returns
    -------
    list
        Comparisons by design and dose cutoff. Empty where they would take more than `HELD_BYTES`; then each
        draw makes them again.
    """
    doses, calipers = study.axes["dose_cutoff"].values, study.axes["caliper"].values
    if 4 * len(doses) * len(cell.designs) * len(calipers) * cell.places.size > HELD_BYTES:
        return []
    return [
        list(compare_arms(cell, design, np.flatnonzero(known), range(len(doses)), study))
        for design, known in enumerate(cell.complete)
    ]


def evaluate(cell: CutoffCell, study: Study, prepared: Sequence[Sequence[Comparison]] = ()) -> np.ndarray:
    """Estimate the log hazard ratio and its standard error in every specification of a cell.

    A matched estimate is combined over the repeated tie-breaking orders (`kernels.tie_breaks`) [1]_.

    Parameters
    ----------
    cell
        A population and threshold, as observed or drawn.
    study
        Gives axes and analysis.
    prepared
        From `prepare`, if the dose of the cell is the observed one.

    Returns
    -------
    np.ndarray
        Shape (specifications, 2), in the order of `specification_keys`; NaN without an estimate.

    References
    ----------
    .. [1] Follmann D, Proschan M, Leifer E. Multiple outputation: inference for complex clustered data by
       averaging analyses from independent data. Biometrics 2003;59:420–429.
    """
    inference, calipers = study.inference, study.axes["caliper"].values
    wanted = np.array([str(name) in inference.estimators for name in (Estimator.MATCHED, *_OTHERS)])
    # Drawing pairs again leaves the estimates without pairs unchanged, which gives no distribution of them.
    needed = wanted if not cell.pair_uniform.size else wanted & (np.arange(len(wanted)) == 0)
    parts = []
    for landmark, positions in tested(cell, study):
        out = np.full((len(positions), len(cell.designs), len(calipers) + len(_OTHERS), 2), np.nan)
        for design, known in enumerate(cell.complete):
            survival = design if len(cell.times) > 1 else 0
            time, event = cell.times[survival], cell.events[survival]
            rows = np.flatnonzero(known & at_least(time, landmark))
            by_time = np.argsort(time[rows], kind="stable")
            comparisons: Iterable[Comparison]
            # A landmark that everybody reaches leaves the comparisons as they are.
            if prepared and rows.size == np.count_nonzero(known):
                comparisons = [prepared[design][position] for position in positions]
            else:
                comparisons = compare_arms(cell, design, rows, positions, study)
            for at, comparison in enumerate(comparisons):
                compared = comparison.rows(by_time)
                evaluate_design(
                    time[rows[by_time]],
                    event[rows[by_time]],
                    compared.arm,
                    compared.X,
                    compared.predictor,
                    compared.usable,
                    compared.pairs,
                    cell.pair_uniform,
                    study.analysis.minimum_events,
                    needed,
                    out[at, design],
                )
        parts.append(out)
    used = np.repeat(wanted, [len(calipers), 1, 1, 1])
    return np.concatenate(parts)[:, :, used].reshape(-1, 2)


def draw(
    cell: CutoffCell, kind: Resample, number: int, study: Study, nulls: Sequence[CovariateNull | None] = ()
) -> CutoffCell:
    """Draw one resampled cell; its seed names the draw (and the population), never the job that makes it.

    Parameters
    ----------
    cell
        The observed cell.
    kind
        How to draw.
    number
        Number of the draw.
    study
        Gives the seed.
    nulls
        From `covariate_nulls`, for draws that simulate survival.

    Returns
    -------
    CutoffCell
    """
    if kind is Resample.SIMULATION:
        return _simulated(cell, number, study, nulls)
    threshold = 0 if np.isnan(cell.oligo_threshold) else round(cell.oligo_threshold * 1000)
    place = list(Population).index(cell.population)
    sequence = np.random.SeedSequence(study.seed, spawn_key=(kind.spawn_key, number, place, threshold))
    rng = np.random.default_rng(sequence)
    if kind is Resample.BOOTSTRAP_PATIENTS:
        return cell.rows(np.sort(rng.integers(0, len(cell.dose), len(cell.dose))))
    if kind is Resample.BOOTSTRAP_PAIRS:
        return replace(cell, pair_uniform=rng.random(len(cell.dose)))
    dose = cell.dose.copy()
    for rows in dose_strata(cell.sample, cell.dose, cell.ranks, study):
        dose[rows] = rng.permutation(dose[rows])
    return replace(cell, dose=dose)


def covariate_nulls(cell: CutoffCell) -> list[CovariateNull | None]:
    """Fit the null model of each design of a cell: its adjustment set with its volume cutoff.

    Parameters
    ----------
    cell
        The observed cell.

    Returns
    -------
    list of CovariateNull or None
        None for a design whose model has no finite maximum.
    """
    sample = cell.sample
    return [
        fit_covariate_null(sample.time, sample.event, design[:, :width], complete)
        for design, width, complete in zip(cell.designs, cell.widths, cell.complete, strict=True)
    ]


def _simulated(
    cell: CutoffCell, number: int, study: Study, nulls: Sequence[CovariateNull | None]
) -> CutoffCell:
    """Draw survival from each design's null for the cell: one set of patients, who keep their variates."""
    # Keyed by patient and draw alone: the seed depends on neither population nor model, ranks not on rows.
    sequence = np.random.SeedSequence(study.seed, spawn_key=(Resample.SIMULATION.spawn_key, number))
    exponential, uniform = draw_variates(cell.ranks, cell.patients, np.random.default_rng(sequence))
    times = np.tile(cell.sample.time, (len(nulls), 1))
    events = np.zeros(times.shape, dtype=np.int64)
    complete = np.zeros_like(cell.complete)
    for design, null in enumerate(nulls):
        # Without a model nothing can be simulated; without patients there is no estimate.
        if null is not None:
            complete[design, null.rows] = True
            times[design, null.rows], events[design, null.rows] = simulate_times(
                null, exponential[null.rows], uniform[null.rows]
            )
    return replace(cell, times=times, events=events, complete=complete)


def resample(
    patients: pd.DataFrame, study: Study, kind: Resample, draws: range
) -> Iterator[tuple[int, np.ndarray]]:
    """Estimate all specifications (`specification_keys` of `cutoff_cells`, joined) in each draw.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Gives axes, analysis and seed.
    kind
        How to draw.
    draws
        Numbers of the draws.

    Yields
    ------
    tuple
        Number of the draw, and log hazard ratios with standard errors, shape (specifications, 2).
    """
    cells = cutoff_cells(patients, study)
    simulated = kind is Resample.SIMULATION
    nulls = [covariate_nulls(cell) if simulated else () for cell in cells]
    prepared = [prepare(cell, study) if simulated else () for cell in cells]
    for number in draws:
        parts = [
            evaluate(draw(cell, kind, number, study, own), study, held)
            for cell, own, held in zip(cells, nulls, prepared, strict=True)
        ]
        yield number, np.concatenate(parts)


def stacked_draws(parts: Iterable[pd.DataFrame], specifications: int) -> np.ndarray:
    """Stack the estimates in all draws.

    Parameters
    ----------
    parts
        Tables with a row for each draw and specification.
    specifications
        How many there are.

    Returns
    -------
    ndarray
        Log hazard ratio and its error, shape (draws, specifications, 2).
    """
    tables = list(parts)
    if not tables:
        return np.empty((0, specifications, 2))
    rows = pd.concat(tables, ignore_index=True).sort_values(["draw", "specification"])
    return rows[["log_hazard_ratio", "std_error"]].to_numpy().reshape(-1, specifications, 2)
