"""Rows of what is read off two curves: differences of restricted means, of survival and of medians."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from survival_multiverse.cohort.sample import Sample
from survival_multiverse.estimators.curve_measures import wald_numbers
from survival_multiverse.estimators.standardised import OutcomeModel, standardised
from survival_multiverse.kernels.curve_measures import NO_CLUSTER, curve_contrasts, stacked_contrasts
from survival_multiverse.kernels.curves import OK, STATUS_OF_CODE, TOO_FEW_EVENTS
from survival_multiverse.kernels.tie_breaks import CODE, NO_WEIGHT, between_orders, combine_contrasts
from survival_multiverse.scenario.rows import NAN, RowWriter
from survival_multiverse.settings.measures import (
    HAZARD_RATIO,
    MEDIAN_DIFFERENCE,
    RMST_DIFFERENCE,
    SURVIVAL_DIFFERENCE,
    Measure,
)
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Status
from survival_multiverse.settings.study import Study


@dataclass(frozen=True, slots=True)
class Readings:
    """What the kernels estimate: the hazard ratio, then differences of restricted means, survival, medians.

    Attributes
    ----------
    horizons, times
        As the kernels take them, in the unit of the survival time.
    places
        Place of each measure of the study among these estimates.
    size
        How many there are; the hazard ratio alone: 1.
    """

    horizons: np.ndarray
    times: np.ndarray
    places: list[int]
    size: int

    @classmethod
    @cache
    def of(cls, measures: tuple[Measure, ...]) -> "Readings":
        """Return what is to be read for these measures."""
        horizons, times = (
            [measure.at for measure in measures if measure.kind == kind]
            for kind in (RMST_DIFFERENCE, SURVIVAL_DIFFERENCE)
        )
        every = [HAZARD_RATIO]
        if any(measure.kind != HAZARD_RATIO for measure in measures):
            every += [Measure(RMST_DIFFERENCE, at).name for at in horizons]
            every += [Measure(SURVIVAL_DIFFERENCE, at).name for at in times]
            every += [MEDIAN_DIFFERENCE]
        places = [every.index(measure.name) for measure in measures]
        return cls(np.array(horizons, dtype=float), np.array(times, dtype=float), places, len(every))


def write_unadjusted_contrasts(writer: RowWriter, sample: Sample, study: Study) -> None:
    """Write the contrasts of the arms as they are."""
    if not study.differences:
        return
    read = Readings.of(study.measures)
    rows = sample.time, sample.event, sample.arm, NO_WEIGHT, NO_CLUSTER
    found, codes = curve_contrasts(
        *rows, read.horizons, read.times, study.analysis.minimum_events, sample.entry
    )
    _write(writer, found, codes, sample, study, "model")


def write_weighted_contrasts(
    writer: RowWriter,
    sample: Sample,
    estimator: Estimator,
    columns: np.ndarray,
    probability: np.ndarray,
    study: Study,
    failure: Status,
) -> None:
    """Write the contrasts of weighted curves; arguments as of `cox_tables.write_stacked_model`."""
    if not study.differences:
        return
    read = Readings.of(study.measures)
    found, codes = np.full((read.size - 1, 2), NAN), np.full(read.size - 1, TOO_FEW_EVENTS)
    if failure is Status.OK:
        rows = sample.time, sample.event, sample.arm, columns, probability, WEIGHTED.index(estimator)
        every, codes = stacked_contrasts(
            *rows, read.horizons, read.times, study.analysis.minimum_events, sample.entry
        )
        found = every[:, [0, 2]]
    _write(writer, found, codes, sample, study, "stacked", failure)


def write_adjusted_contrasts(writer: RowWriter, sample: Sample, model: OutcomeModel, study: Study) -> None:
    """Write the contrasts of the curves that the adjusted model gives everybody, standardised."""
    if not study.differences:
        return
    read = Readings.of(study.measures)
    found = standardised(model, horizons=read.horizons.tolist(), times=read.times.tolist())[1]
    numbers = np.array([(own.estimate, own.std_error) for own in found])
    codes = np.array(
        [STATUS_OF_CODE.index(own.status) if own.status in STATUS_OF_CODE else -1 for own in found]
    )
    failure = Status.OK if (codes >= 0).all() else model.status
    _write(writer, numbers, codes, sample, study, "robust", failure)


def write_matched_contrasts(
    writer: RowWriter, contrasts: np.ndarray | None, sample: Sample, study: Study
) -> None:
    """Write the contrasts of matched curves, combined over the tie-breaks, and their variance between these.

    Parameters
    ----------
    writer
        Of the matched patients' context.
    contrasts
        From `tie_break.over_orders`, shape (orders, measures, 3); None: no pairs.
    sample
        Patients matched by the primary order, for the counts.
    study
        Names the measures.
    """
    if not study.differences:
        return
    size = Readings.of(study.measures).size - 1
    found, codes, failure = np.full((size, 2), NAN), np.full(size, OK), Status.NO_PAIRS
    between = np.full(size, NAN)
    if contrasts is not None:
        failure = Status.OK
        combine_contrasts(contrasts, found)
        between = np.array([between_orders(np.ascontiguousarray(contrasts[:, j, 0])) for j in range(size)])
        codes = np.array([_code_over_orders(contrasts[:, j], found[j, 0]) for j in range(size)])
    _write(writer, found, codes, sample, study, "outputation", failure)
    for measure, place in _placed(study):
        status = Status.OK if np.isfinite(between[place]) else _status(codes[place], failure)
        writer.add("measure_between_orders", measure.name, between[place], level="1 vs 0", status=status)


def _placed(study: Study) -> Iterator[tuple[Measure, int]]:
    """Yield each measure that is read off curves, with its place among the contrasts."""
    for measure, place in zip(study.measures, Readings.of(study.measures).places, strict=True):
        if not measure.ratio:
            yield measure, place - 1


def _code_over_orders(contrasts: np.ndarray, estimate: float) -> int:
    """Return OK, or the code of most orders without an estimate, shape (orders, 3)."""
    if np.isfinite(estimate):
        return OK
    codes = contrasts[:, CODE].astype(np.int64)
    return int(np.bincount(codes[codes != OK]).argmax())


def _status(code: int, failure: Status) -> Status:
    return STATUS_OF_CODE[int(code)] if failure is Status.OK else failure


def _write(
    writer: RowWriter,
    found: np.ndarray,
    codes: np.ndarray,
    sample: Sample,
    study: Study,
    variance: str,
    failure: Status = Status.OK,
) -> None:
    """Write a row each measure of the study: estimate, error, Wald limits and P."""
    counts: dict[str, Any] = {"n": len(sample), "events": int(np.count_nonzero(sample.event))}
    for measure, place in _placed(study):
        estimate, error = found[place]
        status = _status(codes[place], failure)
        if status is Status.OK and not np.isfinite(error):
            status = Status.NO_CONVERGENCE
        numbers = wald_numbers(estimate, error, level=study.analysis.confidence_level)
        writer.add(
            "measure",
            measure.name,
            estimate,
            level="1 vs 0",
            variance=variance,
            status=status,
            **numbers,
            **counts,
        )
