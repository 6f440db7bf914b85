"""The tie-break envelope: how far the matched hazard ratio depends on who, among equals, is matched."""

from dataclasses import dataclass

import numpy as np

from survival_multiverse.comparability import Scored
from survival_multiverse.kernels.matching import focal_arm_of, rank_scores
from survival_multiverse.kernels.tie_breaks import tie_break_log_ratios
from survival_multiverse.matching import Matching, caliper_units, integer_score
from survival_multiverse.quantiles import quantiles
from survival_multiverse.rows import NAN, RowWriter
from survival_multiverse.schema import Status

TIE_BREAK_KIND = 1
QUANTILES = {"envelope_median": 0.5, "envelope_2.5": 0.025, "envelope_97.5": 0.975}


@dataclass(frozen=True, slots=True)
class TieBreaks:
    """Seeded orders of all patients of the cohort, shape (draws, patients), best placed first."""

    orders: np.ndarray
    minimum_events: int


def tie_breaks(priority: np.ndarray, *, seed: int, draws: int, minimum_events: int) -> TieBreaks:
    """Draw orders of tie-breaking; each draw is seeded by itself, so more draws extend the fewer.

    Parameters
    ----------
    priority
        Ranks of the primary tie-break, shape (patients,): the draws permute them, not the rows.
    """
    base = np.argsort(priority, kind="stable").astype(np.int32)
    orders = np.empty((draws, base.size), dtype=np.int32)
    for draw in range(draws):
        sequence = np.random.SeedSequence(seed, spawn_key=(TIE_BREAK_KIND, draw))
        orders[draw] = np.random.default_rng(sequence).permutation(base)
    return TieBreaks(orders, minimum_events)


def write_envelope(
    writer: RowWriter, scored: Scored, matching: Matching | None, caliper: float, ties: TieBreaks
) -> None:
    """Median and 2.5 to 97.5 % of the matched hazard ratio over the tie-breaks."""
    labels = {"level": "1 vs 0", "model": "arm_only", "ties": "efron"}
    if matching is None or matching.status is not Status.OK:
        for statistic in (*QUANTILES, "draws_estimated"):
            writer.add("tie_break", statistic, NAN, status=Status.NO_PAIRS, **labels)
        return
    ratios = np.exp(envelope_log_ratios(scored, matching, caliper, ties))
    estimated = ratios[~np.isnan(ratios)]
    n = len(estimated)
    values = quantiles(estimated, QUANTILES.values()) if n else [NAN] * len(QUANTILES)
    for statistic, value in zip(QUANTILES, values, strict=True):
        status = Status.OK if n else Status.TOO_FEW_EVENTS
        writer.add("tie_break", statistic, value, status=status, **labels)
    writer.add("tie_break", "draws_estimated", float(n), **labels)


def envelope_log_ratios(scored: Scored, matching: Matching, caliper: float, ties: TieBreaks) -> np.ndarray:
    """Matched log hazard ratio under every tie-break, shape (draws,); NaN where not estimable."""
    sample = scored.sample
    focal = focal_arm_of(sample.arm)
    rank, keys = rank_scores(integer_score(scored.fit.logit), focal)
    position = np.full(ties.orders.shape[1], -1, dtype=np.int64)
    position[sample.index] = np.arange(len(sample))
    log_ratios = np.empty(len(ties.orders))
    tie_break_log_ratios(
        sample.time,
        sample.event,
        sample.arm,
        rank,
        keys,
        focal,
        caliper_units(caliper, matching.sd_logit),
        ties.orders,
        position,
        ties.minimum_events,
        log_ratios,
    )
    return log_ratios
