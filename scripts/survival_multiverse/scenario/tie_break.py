"""The tie-break range: how far the matched hazard ratio depends on who, among equals, is matched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from survival_multiverse.balancing.matching import integer_score
from survival_multiverse.cohort.sample import Sample
from survival_multiverse.estimators.cox import HazardRatio, wald_hazard_ratio
from survival_multiverse.estimators.quantiles import quantiles
from survival_multiverse.kernels.matching import caliper_units, focal_arm_of, rank_scores
from survival_multiverse.kernels.tie_breaks import (
    LOG_RATIO,
    between_orders,
    combine_orders,
    tie_break_estimates,
)
from survival_multiverse.scenario.comparability import Scored
from survival_multiverse.scenario.contrasts import Readings
from survival_multiverse.scenario.rows import NAN, RowWriter
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import Status

TIE_BREAK_KIND = 1
RATIO_ALONE = Readings.of((RATIO,))
# Drawing an order costs less than a tenth of matching by it, so large cohorts do it again each time.
HELD_BYTES = 1 << 26
QUANTILES = {"tie_break_median": 0.5, "tie_break_2.5": 0.025, "tie_break_97.5": 0.975}


@dataclass(frozen=True, slots=True)
class TieBreaks:
    """Seeded orders of all patients of the cohort, best placed first.

    Attributes
    ----------
    base
        Patients in the order of the primary tie-break, shape (patients,): the draws permute them, not rows.
    draws, seed
        How many orders; each is seeded by itself, so more draws extend the fewer.
    minimum_events
        Fewer in an arm: no hazard ratio.
    held
        All orders, shape (draws, patients), or None where they would take more than `HELD_BYTES`.
    """

    base: np.ndarray
    draws: int
    seed: int
    minimum_events: int
    held: np.ndarray | None

    def blocks(self, draws: int | None = None) -> Iterator[np.ndarray]:
        """Yield the first orders (or all), some at a time, (some, patients); drawn again unless held."""
        draws = self.draws if draws is None else draws
        if self.held is not None:
            yield self.held[:draws]
            return
        for draw in range(draws):
            yield _order(self.base, self.seed, draw)[np.newaxis]


def tie_breaks(priority: np.ndarray, *, seed: int, draws: int, minimum_events: int) -> TieBreaks:
    """Return seeded orders of tie-breaking, from the ranks of the primary one.

    Parameters
    ----------
    priority
        Ranks of the primary order, shape (patients,).
    seed
        Seed of the study.
    draws
        Number of orders.
    minimum_events
        Fewer in an arm: no hazard ratio.

    Returns
    -------
    TieBreaks
    """
    base = np.argsort(priority, kind="stable").astype(np.int32)
    held = None
    if base.nbytes * draws <= HELD_BYTES:
        held = np.empty((draws, base.size), dtype=np.int32)
        for draw in range(draws):
            held[draw] = _order(base, seed, draw)
    return TieBreaks(base, draws, seed, minimum_events, held)


def _order(base: np.ndarray, seed: int, draw: int) -> np.ndarray:
    sequence = np.random.SeedSequence(seed, spawn_key=(TIE_BREAK_KIND, draw))
    return np.random.default_rng(sequence).permutation(base)


def write_tie_breaks(
    writer: RowWriter, estimates: np.ndarray | None, sample: Sample, *, level: float, ranges: bool = True
) -> None:
    """Write the matched estimate of a scenario: its median over the tie-breaks, its error, and their range.

    Parameters
    ----------
    estimates
        Log hazard ratio and clustered variance under each order, shape (orders, 2); None: no pairs.
    sample
        Patients matched by the primary order, for the counts.
    ranges
        Whether the percentiles are worth a row: not of the few orders of a landmark.
    """
    labels: dict[str, Any] = {"level": "1 vs 0", "model": "arm_only", "ties": "efron"}
    counts: dict[str, Any] = {"n": len(sample), "events": int(sample.event.sum())}
    if estimates is None:
        estimates = np.full((0, 2), NAN)
    log_ratios = estimates[:, LOG_RATIO]
    estimated = np.exp(log_ratios[~np.isnan(log_ratios)])
    failure = Status.TOO_FEW_EVENTS if len(estimates) else Status.NO_PAIRS
    log_ratio, std_error = combine_orders(np.ascontiguousarray(estimates))
    ratio = HazardRatio(*(NAN,) * 7, failure)
    if not np.isnan(log_ratio):
        ratio = wald_hazard_ratio(log_ratio, std_error, level=level)
    numbers: dict[str, Any] = {
        name: getattr(ratio, name) for name in ("std_error", "ci_lower", "ci_upper", "p_value")
    }
    writer.add(
        "tie_break",
        "hazard_ratio",
        ratio.estimate,
        status=ratio.status,
        variance="outputation",
        **labels,
        **numbers,
        **counts,
    )
    between = between_orders(np.ascontiguousarray(log_ratios))
    status = failure if np.isnan(between) else Status.OK
    writer.add("tie_break", "variance_between_orders", between, status=status, **labels)
    if ranges:
        values = quantiles(estimated, list(QUANTILES.values())) if estimated.size else [NAN] * len(QUANTILES)
        status = Status.OK if estimated.size else failure
        for statistic, value in zip(QUANTILES, values, strict=True):
            writer.add("tie_break", statistic, value, status=status, **labels)
    writer.add("tie_break", "draws_estimated", float(estimated.size), **labels)


def over_orders(
    scored: Scored,
    calipers: Sequence[float],
    sd: float,
    ties: TieBreaks,
    *,
    draws: int | None = None,
    starts: Sequence[int] = (0,),
    readings: Readings = RATIO_ALONE,
) -> tuple[np.ndarray, np.ndarray]:
    """Compute matched estimates under every tie-break: hazard ratios [1]_, and contrasts of the curves.

    Parameters
    ----------
    scored
        Patients with a propensity score.
    calipers
        In units of ``sd``, the SD of the logit.
    sd
        In logits.
    ties
        The orders of tie-breaking.
    draws
        Take the first orders only.
    starts
        Rows from which on matched patients are analysed, one or more: everybody, or who reaches a landmark.
    readings
        What is read off the curves.

    Returns
    -------
    tuple of np.ndarray
        Log hazard ratio and its clustered variance, shape (starts, calipers, draws, 2), NaN where not
        estimable; estimate, variance by pair and code of each contrast, (starts, calipers, draws, measures,
        3).

    References
    ----------
    .. [1] Lin DY, Wei LJ. The robust inference for the Cox proportional hazards model. Journal of the
       American Statistical Association 1989;84:1074–1078.
    """
    sample = scored.sample
    draws = ties.draws if draws is None else min(draws, ties.draws)
    focal = focal_arm_of(sample.arm)
    rank, keys = rank_scores(integer_score(scored.fit.logit), focal)
    position = np.full(ties.base.size, -1, dtype=np.int64)
    position[sample.index] = np.arange(len(sample))
    widths = np.array([caliper_units(caliper, sd) for caliper in calipers], dtype=np.int64)
    ratios = np.full((len(starts), len(widths), draws, 2), NAN)
    contrasts = np.full((*ratios.shape[:3], readings.size - 1, 3), NAN)
    done = 0
    for orders in ties.blocks(draws):
        part = np.empty((*ratios.shape[:2], len(orders), 2))
        curves = np.empty((*part.shape[:3], readings.size - 1, 3))
        tie_break_estimates(
            sample.time,
            sample.event,
            sample.arm,
            rank,
            keys,
            focal,
            widths,
            orders,
            position,
            np.array(starts, dtype=np.int64),
            ties.minimum_events,
            readings.horizons,
            readings.times,
            part,
            curves,
            sample.entry,
        )
        ratios[:, :, done : done + len(orders)] = part
        contrasts[:, :, done : done + len(orders)] = curves
        done += len(orders)
    return ratios, contrasts


def tie_break_ratios(
    scored: Scored,
    calipers: Sequence[float],
    sd: float,
    ties: TieBreaks,
    *,
    draws: int | None = None,
    starts: Sequence[int] = (0,),
) -> np.ndarray:
    """Return the hazard ratios of `over_orders`."""
    return over_orders(scored, calipers, sd, ties, draws=draws, starts=starts)[0]
