"""The tie-break envelope: how far the matched hazard ratio depends on who, among equals, is matched."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from survival_multiverse.comparability import Scored
from survival_multiverse.kernels.matching import focal_arm_of, rank_scores
from survival_multiverse.kernels.tie_breaks import tie_break_log_ratios
from survival_multiverse.matching import caliper_units, integer_score
from survival_multiverse.quantiles import quantiles
from survival_multiverse.rows import NAN, RowWriter
from survival_multiverse.schema import Status

TIE_BREAK_KIND = 1
# Drawing an order costs less than a tenth of matching by it, so large cohorts do it again each time.
HELD_BYTES = 1 << 26
QUANTILES = {"envelope_median": 0.5, "envelope_2.5": 0.025, "envelope_97.5": 0.975}


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

    def blocks(self) -> Iterator[np.ndarray]:
        """All orders in turn, a few at a time, shape (some, patients); drawn anew unless they are held."""
        if self.held is not None:
            yield self.held
            return
        for draw in range(self.draws):
            yield _order(self.base, self.seed, draw)[np.newaxis]


def tie_breaks(priority: np.ndarray, *, seed: int, draws: int, minimum_events: int) -> TieBreaks:
    """Orders of tie-breaking, from the ranks of the primary one, shape (patients,)."""
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


def write_envelope(writer: RowWriter, log_ratios: np.ndarray | None) -> None:
    """Median and 2.5 to 97.5 % of the matched hazard ratio over the tie-breaks; None: no pairs."""
    labels = {"level": "1 vs 0", "model": "arm_only", "ties": "efron"}
    if log_ratios is None:
        for statistic in (*QUANTILES, "draws_estimated"):
            writer.add("tie_break", statistic, NAN, status=Status.NO_PAIRS, **labels)
        return
    estimated = np.exp(log_ratios[~np.isnan(log_ratios)])
    n = len(estimated)
    values = quantiles(estimated, QUANTILES.values()) if n else [NAN] * len(QUANTILES)
    for statistic, value in zip(QUANTILES, values, strict=True):
        status = Status.OK if n else Status.TOO_FEW_EVENTS
        writer.add("tie_break", statistic, value, status=status, **labels)
    writer.add("tie_break", "draws_estimated", float(n), **labels)


def envelope_log_ratios(scored: Scored, calipers: Sequence[float], sd: float, ties: TieBreaks) -> np.ndarray:
    """Matched log hazard ratio under every tie-break, shape (calipers, draws); NaN where not estimable.

    ``calipers`` count in ``sd``, the SD of the logit.
    """
    sample = scored.sample
    focal = focal_arm_of(sample.arm)
    rank, keys = rank_scores(integer_score(scored.fit.logit), focal)
    position = np.full(ties.base.size, -1, dtype=np.int64)
    position[sample.index] = np.arange(len(sample))
    widths = np.array([caliper_units(caliper, sd) for caliper in calipers], dtype=np.int64)
    log_ratios = np.empty((len(widths), ties.draws))
    done = 0
    for orders in ties.blocks():
        tie_break_log_ratios(
            sample.time,
            sample.event,
            sample.arm,
            rank,
            keys,
            focal,
            widths,
            orders,
            position,
            ties.minimum_events,
            log_ratios[:, done : done + len(orders)],
        )
        done += len(orders)
    return log_ratios
