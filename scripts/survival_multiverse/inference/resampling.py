"""Draws under a null, and bootstrap draws, of every specification of the inference's blocks."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from survival_multiverse.cohort.sample import Sample, design_matrix, exposure_codes
from survival_multiverse.estimators.limits import at_least
from survival_multiverse.inference.null_models import (
    CovariateNull,
    dose_strata,
    draw_variates,
    fit_covariate_null,
    simulate_times,
)
from survival_multiverse.kernels.arms import arms_suffice
from survival_multiverse.kernels.cell import adjusted_estimate, evaluate_design, fit_score, match_orders
from survival_multiverse.scenario.contrasts import Readings
from survival_multiverse.scenario.encoded_study import EncodedStudy, covariate_names, encode_study
from survival_multiverse.scenario.tie_break import tie_breaks
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Population
from survival_multiverse.settings.study import NON_EQUIVALENT, Study
from survival_multiverse.settings.values import Cutoffs, Scenario, Value

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


def resampled_keys(study: Study) -> list[str]:
    """Return the columns that tell resampled specifications apart; matching comes after the landmark."""
    return ["population", *study.decisions, "adjustment_set", "estimator", "landmark"]


@dataclass(frozen=True, slots=True)
class Domain:
    """Patients among whom draws are made, so that all specifications of a block see the same draw.

    Attributes
    ----------
    sample, dose, ranks
        Patients in ascending time, their dose, and their ranks in the primary tie-break, shape (n,) each.
    rows
        Place of each in the canonical frame, shape (n,).
    threshold
        Of the count, for the seed; 0 for everybody.
    study
        Its settings, under the options of non-equivalent decisions.
    patients
        How many the canonical frame has.
    """

    sample: Sample
    dose: np.ndarray
    ranks: np.ndarray
    rows: np.ndarray
    threshold: float
    study: Study
    patients: int


class Values(NamedTuple):
    """Values of each number over the scenarios of a cell, ascending."""

    dose: tuple[float, ...]
    gtv: tuple[float, ...]
    caliper: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class CutoffCell:
    """Specifications that are evaluated together: a population, a threshold and the options of a variant.

    Attributes
    ----------
    population
        Who it is.
    scenarios
        Scenarios of the grid that fall into it.
    cutoffs
        The values of each number over these scenarios.
    study
        The study under its options.
    sample
        Its patients, ascending in time; the arm is not used.
    rows
        Place of each in the canonical frame, shape (n,).
    dose
        Dose of each, shape (n,), and of every row of the canonical frame.
    ranks
        Rank of each among all patients of the cohort in the primary tie-break, shape (n,).
    places
        The same in each repeated tie-breaking order, shape (orders, n).
    designs, widths, complete
        Columns of each (volume cutoff, adjustment set), shape (designs, n, columns), of which the first
        `widths` (designs,) count; who has all of them, shape (designs, n).
    scores, score_widths
        The same of the propensity score, where it has other columns than the adjusted model; else `designs`.
    times, events
        Survival under the null model of each design, shape (designs, n), or that of the sample under all of
        them, shape (1, n).
    pair_uniform
        Uniform variates that draw matched pairs with replacement, shape (n,), or none.
    domain
        Patients among whom its draws are made.
    """

    population: Population
    scenarios: tuple[Scenario, ...]
    cutoffs: Values
    study: Study
    sample: Sample
    rows: np.ndarray
    dose: np.ndarray
    doses: np.ndarray
    ranks: np.ndarray
    places: np.ndarray
    designs: np.ndarray
    widths: np.ndarray
    complete: np.ndarray
    scores: np.ndarray
    score_widths: np.ndarray
    times: np.ndarray
    events: np.ndarray
    pair_uniform: np.ndarray
    domain: Domain

    def take(self, rows: np.ndarray) -> "CutoffCell":
        """Return these patients (repeats allowed), in ascending time."""
        designs = np.ascontiguousarray(self.designs[:, rows])
        same = self.scores is self.designs
        return replace(
            self,
            sample=self.sample.take(rows),
            rows=self.rows[rows],
            dose=self.dose[rows],
            ranks=self.ranks[rows],
            places=self.places[:, rows],
            designs=designs,
            scores=designs if same else np.ascontiguousarray(self.scores[:, rows]),
            complete=np.ascontiguousarray(self.complete[:, rows]),
            times=self.times[:, rows],
            events=self.events[:, rows],
        )


def cutoff_cells(patients: pd.DataFrame, study: Study) -> list[CutoffCell]:
    """Return one cell for each population, threshold and variant of the inference.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Gives populations, scenarios and covariates.

    Returns
    -------
    list of CutoffCell
    """
    variants = list(dict.fromkeys(map(study.variant, study.grid)))
    encoded = {variant: encode_study(patients, study, variant) for variant in variants}
    places = {variant: repeated_places(own.ranks, study) for variant, own in encoded.items()}
    domains: dict[tuple[Any, ...], Domain] = {}
    cells = []
    for name in study.inference.populations or ():
        population = Population(name)
        for cell in _by_threshold(study, population):
            variant, threshold = study.variant(cell[0]), study.cutoffs(cell[0]).lesions
            domain = _domain(patients, study, domains, population, cell[0])
            own = encoded[variant]
            cells.append(_cell(own, places[variant], population, threshold, cell, domain, patients))
    return cells


def _by_threshold(study: Study, population: Population) -> list[tuple[Scenario, ...]]:
    """Return the scenarios of each cell; everybody is analysed once, not once a threshold."""
    cells: dict[tuple[Any, ...], list[Scenario]] = {}
    for scenario in study.grid:
        threshold = 0.0 if population is Population.ALL else study.cutoffs(scenario).lesions
        cells.setdefault((threshold, study.variant(scenario)), []).append(scenario)
    return [tuple(own) for own in cells.values()]


def _domain(
    patients: pd.DataFrame,
    study: Study,
    known: dict[tuple[Any, ...], Domain],
    population: Population,
    scenario: Scenario,
) -> Domain:
    """Return the patients among whom the draws of a cell are made, the same for all cells of a block."""
    counts = study.decision_of("lesions")
    # Blocks that span thresholds need draws that do.
    apart = population is not Population.ALL and counts is not None and counts.type == NON_EQUIVALENT
    who = population if apart else Population.ALL
    # Only options that are one within a block may say who is drawn: a filter on the exposure is among them.
    settled = tuple(
        value if decision.type == NON_EQUIVALENT else ""
        for decision, value in zip(study.decisions.values(), study.variant(scenario), strict=True)
    )
    cutoffs = study.cutoffs(scenario)
    threshold = cutoffs.lesions if apart else 0.0
    key = (who, threshold, settled)
    if key not in known:
        encoded = encode_study(patients, study, settled)
        sample = encoded.sample_at(cutoffs, who)
        known[key] = Domain(
            sample=sample,
            dose=encoded.cohort.dose[sample.index],
            ranks=encoded.ranks[sample.index],
            rows=encoded.cohort.rows[sample.index],
            threshold=threshold,
            study=encoded.study,
            patients=len(patients),
        )
    return known[key]


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


def _cell(
    encoded: EncodedStudy,
    places: np.ndarray,
    population: Population,
    threshold: float,
    scenarios: tuple[Scenario, ...],
    domain: Domain,
    patients: pd.DataFrame,
) -> CutoffCell:
    study = encoded.study
    models: list[np.ndarray] = []
    scores: list[np.ndarray] = []
    complete = []
    each = [study.cutoffs(scenario) for scenario in scenarios]
    _, doses, sizes, calipers = (tuple(sorted(set(values))) for values in zip(*each, strict=True))
    cutoffs = Values(doses, sizes, calipers)
    for size in sizes:
        sample = encoded.sample_at(Cutoffs(lesions=threshold, gtv=size), population)
        for adjustment_set in study.adjustment_sets.values():
            names = covariate_names(adjustment_set, population)
            models.append(design_matrix(sample, names)[0])
            scores.append(design_matrix(sample, names, score=True)[0] if study.score_splines else models[-1])
            known = sample.known(names)
            complete.append(np.ones(len(sample), dtype=bool) if known is None else known)
    designs, widths = _stacked(models)
    stacked = _stacked(scores) if study.score_splines else (designs, widths)
    exposure = patients[study.exposure or "dose"].to_numpy(dtype=np.float64)
    return CutoffCell(
        population=population,
        scenarios=scenarios,
        cutoffs=cutoffs,
        study=study,
        sample=sample,
        rows=encoded.cohort.rows[sample.index],
        dose=encoded.cohort.dose[sample.index],
        doses=exposure_codes(exposure, study),
        ranks=encoded.ranks[sample.index],
        places=places[:, sample.index],
        designs=designs,
        widths=widths,
        complete=np.array(complete),
        scores=stacked[0],
        score_widths=stacked[1],
        times=sample.time[None],
        events=sample.event[None],
        pair_uniform=np.empty(0),
        domain=domain,
    )


def _stacked(matrices: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return matrices of one height as one array, and how many columns of each count."""
    widths = np.array([matrix.shape[1] for matrix in matrices])
    designs = np.zeros((len(matrices), len(matrices[0]), int(widths.max())))
    for design, matrix in zip(designs, matrices, strict=True):
        design[:, : matrix.shape[1]] = matrix
    return designs, widths


def tested(cell: CutoffCell, study: Study) -> list[tuple[float, list[int]]]:
    """Return each landmark that is tested in a cell, with the positions of its dose cutoffs.

    Beyond landmarks only blocks of the primary options are tested, those of equivalent decisions aside: they
    ask whether the answer is owed to early deaths.
    """
    doses = cell.cutoffs.dose
    primary = dict(zip(study.decisions, study.primary, strict=True))
    place = {name: position for position, name in enumerate(study.decisions)}
    by_cell = ("",) if cell.population is Population.ALL else ("", "lesions")
    settled = [name for name in study.outside if study.decisions[name].varies in by_cell]
    first = cell.scenarios[0]
    beyond = []
    if all(first[place[name]] == primary[name] for name in settled) and study.primary_cutoffs.dose in doses:
        beyond = [doses.index(study.primary_cutoffs.dose)]
    everywhere = list(range(len(doses)))
    wanted = [(mark, everywhere if mark == 0 else beyond) for mark in study.inference.landmarks or ()]
    return [(landmark, positions) for landmark, positions in wanted if positions]


def specification_keys(cell: CutoffCell, study: Study) -> pd.DataFrame:
    """Return the specifications of a cell in the order in which `evaluate` gives them.

    Parameters
    ----------
    cell
        A population, threshold and variant.
    study
        Gives decisions, adjustment sets and estimators.

    Returns
    -------
    pd.DataFrame
        Columns `resampled_keys`, and `legal`: whether the grid has such a scenario.
    """
    cutoffs, decisions = cell.cutoffs, study.decisions
    # Everybody is analysed at every threshold.
    of_cell = {study.cutoffs(scenario)[1:]: scenario for scenario in reversed(cell.scenarios)}
    rows = []
    for landmark, positions in tested(cell, study):
        for position in positions:
            for size in cutoffs.gtv:
                for name in cell.study.adjustment_sets:
                    within = [
                        of_cell.get((cutoffs.dose[position], size, caliper)) for caliper in cutoffs.caliper
                    ]
                    some = next((scenario for scenario in within if scenario), None)
                    each = [(Estimator.MATCHED, scenario) for scenario in within]
                    each += [(estimator, some) for estimator in _OTHERS]
                    for estimator, scenario in each:
                        options = _options(scenario or cell.scenarios[0], estimator, cell.population, study)
                        used = cell.study.estimators or tuple(map(str, Estimator))
                        legal = scenario is not None and str(estimator) in used
                        rows.append((str(cell.population), *options, name, str(estimator), landmark, legal))
    keys = pd.DataFrame(rows, columns=[*resampled_keys(study), "legal"])
    for name, decision in decisions.items():
        if decision.numeric:
            keys[name] = keys[name].astype(np.float64)
    return keys[keys["estimator"].isin(study.inference.estimators)]


def _options(
    scenario: Scenario, estimator: Estimator, population: Population, study: Study
) -> tuple[Value | None, ...]:
    """Return the options of a specification, those that it does not depend on as None."""
    found = study.applying(scenario, estimator)
    if population is not Population.ALL:
        return found
    varies = [decision.varies for decision in study.decisions.values()]
    return tuple(None if own == "lesions" else value for own, value in zip(varies, found, strict=True))


def all_keys(cells: Sequence[CutoffCell], study: Study) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the specifications of all cells, each once, and which of the joined ones of `evaluate` they are.

    Parameters
    ----------
    cells
        From `cutoff_cells`.
    study
        Gives decisions, adjustment sets and estimators.

    Returns
    -------
    tuple
        Columns `resampled_keys`, and a mask of shape (joined specifications,).
    """
    keys = pd.concat([specification_keys(cell, study) for cell in cells], ignore_index=True)
    kept = keys["legal"].to_numpy() & ~keys.duplicated(resampled_keys(study)).to_numpy()
    return keys.loc[kept, resampled_keys(study)].reset_index(drop=True), kept


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
        pairs = np.take(self.pairs, rows, axis=2)
        return Comparison(self.arm[rows], self.X[rows], self.predictor[rows], self.usable, pairs)


def compare_arms(
    cell: CutoffCell, design: int, rows: np.ndarray, positions: Sequence[int], study: Study
) -> Iterator[Comparison]:
    """Score and match these rows of a cell by one of its covariate lists, at each of these dose cutoffs."""
    X = np.ascontiguousarray(cell.scores[design][rows, : cell.score_widths[design]])
    cutoffs = cell.cutoffs
    calipers = np.array(cutoffs.caliper)
    within_arm = cell.study.analysis.caliper_sd == "within_arm"
    matched = str(Estimator.MATCHED) in study.inference.estimators
    orders = np.argsort(cell.places[: len(cell.places) if matched else 0, rows], axis=1, kind="stable")
    for position in positions:
        arm = at_least(cell.dose[rows], cutoffs.dose[position]).astype(np.int64)
        predictor, usable = fit_score(arm, X)
        pairs = match_orders(arm, predictor, orders, calipers, within_arm)
        yield Comparison(arm, X, predictor, usable, pairs)


def prepare(cell: CutoffCell, study: Study) -> list[list[Comparison]]:
    """Compare everybody by design and dose cutoff, once for all draws that leave the dose as it is.

    Parameters
    ----------
    cell
        A population, threshold and variant.
    study
        Gives the analysis.

    Returns
    -------
    list
        Comparisons by design and dose cutoff. Empty where they would take more than `HELD_BYTES`; then each
        draw makes them again.
    """
    doses, calipers = cell.cutoffs.dose, cell.cutoffs.caliper
    if 4 * len(doses) * len(cell.designs) * len(calipers) * cell.places.size > HELD_BYTES:
        return []
    return [
        list(compare_arms(cell, design, np.flatnonzero(known), range(len(doses)), study))
        for design, known in enumerate(cell.complete)
    ]


def evaluate(cell: CutoffCell, study: Study, prepared: Sequence[Sequence[Comparison]] = ()) -> np.ndarray:
    """Estimate every measure and its standard error in every specification of a cell.

    A matched estimate is combined over the repeated tie-breaking orders (`kernels.tie_breaks`) [1]_.

    Parameters
    ----------
    cell
        A population, threshold and variant, as observed or drawn.
    study
        Gives the analysis.
    prepared
        From `prepare`, if the dose of the cell is the observed one.

    Returns
    -------
    np.ndarray
        Effects and their errors, shape (specifications, measures, 2), in the order of `specification_keys`
        and of the study's measures; NaN without an estimate.

    References
    ----------
    .. [1] Follmann D, Proschan M, Leifer E. Multiple outputation: inference for complex clustered data by
       averaging analyses from independent data. Biometrics 2003;59:420–429.
    """
    inference, calipers = study.inference, cell.cutoffs.caliper
    wanted = np.array([str(name) in inference.estimators for name in (Estimator.MATCHED, *_OTHERS)])
    # Drawing pairs again leaves the estimates without pairs unchanged, which gives no distribution of them.
    needed = wanted if not cell.pair_uniform.size else wanted & (np.arange(len(wanted)) == 0)
    # The kernels know the hazard ratio first, then what is read off the curves.
    read = Readings.of(study.measures)
    # The score has columns of its own; the adjusted model comes after.
    apart, balanced = cell.scores is not cell.designs, np.arange(len(wanted)) < len(wanted) - 1
    parts = []
    for landmark, positions in tested(cell, study):
        out = np.full((len(positions), len(cell.designs), len(calipers) + len(_OTHERS), read.size, 2), np.nan)
        for design, known in enumerate(cell.complete):
            survival = design if len(cell.times) > 1 else 0
            time, event = cell.times[survival], cell.events[survival]
            rows = np.flatnonzero(known & at_least(time, landmark))
            by_time = np.argsort(time[rows], kind="stable")
            entry = cell.sample.entry_of(rows[by_time])
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
                    needed & balanced if apart else needed,
                    read.horizons,
                    read.times,
                    out[at, design],
                    entry,
                )
                if apart and needed[-1] and len(rows):
                    survival_of = time[rows[by_time]], event[rows[by_time]]
                    if arms_suffice(survival_of[1], compared.arm, study.analysis.minimum_events):
                        model = np.ascontiguousarray(
                            cell.designs[design][rows[by_time], : cell.widths[design]]
                        )
                        adjusted_estimate(
                            *survival_of,
                            compared.arm,
                            model,
                            read.horizons,
                            read.times,
                            out[at, design, -1],
                            entry,
                        )
        parts.append(out)
    used = np.repeat(wanted, [len(calipers), 1, 1, 1])
    every = np.concatenate(parts)[:, :, used].reshape(-1, read.size, 2)
    return every[:, read.places]


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
    domain = cell.domain
    threshold = round(abs(domain.threshold) * 1000)
    place = list(Population).index(cell.population)
    sequence = np.random.SeedSequence(study.seed, spawn_key=(kind.spawn_key, number, place, threshold))
    rng = np.random.default_rng(sequence)
    n = len(domain.rows)
    if kind is Resample.BOOTSTRAP_PATIENTS:
        times_drawn = np.bincount(domain.rows[rng.integers(0, n, n)], minlength=domain.patients)
        return cell.take(np.repeat(np.arange(len(cell.rows)), times_drawn[cell.rows]))
    if kind is Resample.BOOTSTRAP_PAIRS:
        uniform = np.full(domain.patients, np.nan)
        uniform[domain.rows] = rng.random(n)
        return replace(cell, pair_uniform=uniform[cell.rows])
    source = np.arange(domain.patients)
    for rows in dose_strata(domain.sample, domain.dose, domain.ranks, domain.study):
        source[domain.rows[rows]] = rng.permutation(domain.rows[rows])
    dose = cell.doses[source[cell.rows]]
    # Who gets an exposure that is not known is in no arm.
    return replace(cell, dose=dose, complete=cell.complete & ~np.isnan(dose))


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
        fit_covariate_null(sample.time, sample.event, design[:, :width], complete, sample.entry)
        for design, width, complete in zip(cell.designs, cell.widths, cell.complete, strict=True)
    ]


def _simulated(
    cell: CutoffCell, number: int, study: Study, nulls: Sequence[CovariateNull | None]
) -> CutoffCell:
    """Draw survival from each design's null for the cell: one set of patients, who keep their variates."""
    # Keyed by patient and draw alone: the seed depends on neither population nor model, ranks not on rows.
    sequence = np.random.SeedSequence(study.seed, spawn_key=(Resample.SIMULATION.spawn_key, number))
    domain = cell.domain
    ranks = np.zeros(domain.patients, dtype=np.int64)
    ranks[domain.rows] = domain.ranks
    exponential, uniform = draw_variates(ranks[cell.rows], domain.patients, np.random.default_rng(sequence))
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
    """Estimate all specifications (`all_keys`) in each draw.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Gives decisions, analysis and seed.
    kind
        How to draw.
    draws
        Numbers of the draws.

    Yields
    ------
    tuple
        Number of the draw, and effects with standard errors, shape (specifications, measures, 2).
    """
    cells = cutoff_cells(patients, study)
    kept = all_keys(cells, study)[1]
    simulated = kind is Resample.SIMULATION
    nulls = [covariate_nulls(cell) if simulated else () for cell in cells]
    prepared = [prepare(cell, study) if simulated else () for cell in cells]
    for number in draws:
        parts = [
            evaluate(draw(cell, kind, number, study, own), study, held)
            for cell, own, held in zip(cells, nulls, prepared, strict=True)
        ]
        yield number, np.concatenate(parts)[kept]


def draws_table(numbers: Sequence[int], estimates: Sequence[np.ndarray], study: Study) -> pa.Table:
    """Return the estimates of some draws as a table.

    Parameters
    ----------
    numbers, estimates
        Number of each draw, and what `resample` estimates in it.
    study
        Names the measures.

    Returns
    -------
    pa.Table
        A row each draw, specification (by its position) and measure, with effect and std_error.
    """
    values = np.array(estimates)
    draws, specifications, measures, _ = values.shape
    names = pa.array([measure.name for measure in study.measures])
    place = np.tile(np.arange(measures, dtype=np.int32), draws * specifications)
    return pa.table(
        {
            "draw": np.repeat(np.array(numbers, dtype=np.int32), specifications * measures),
            "specification": np.tile(np.repeat(np.arange(specifications, dtype=np.int32), measures), draws),
            "measure": pa.DictionaryArray.from_arrays(pa.array(place), names),
            "effect": np.ravel(values[..., 0]),
            "std_error": np.ravel(values[..., 1]),
        }
    )


def stacked_draws(parts: Iterable[pd.DataFrame], specifications: int, study: Study) -> np.ndarray:
    """Stack the estimates in all draws.

    Parameters
    ----------
    parts
        Tables of `draws_table`.
    specifications
        How many there are.
    study
        Names the measures.

    Returns
    -------
    ndarray
        Effect and its error, shape (draws, specifications, measures, 2).
    """
    tables, names = list(parts), [measure.name for measure in study.measures]
    if not tables:
        return np.empty((0, specifications, len(names), 2))
    rows = pd.concat(tables, ignore_index=True)
    rows["place"] = rows["measure"].map(names.index).astype(np.int32)
    rows = rows.sort_values(["draw", "specification", "place"])
    return rows[["effect", "std_error"]].to_numpy().reshape(-1, specifications, len(names), 2)
