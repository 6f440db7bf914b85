"""Estimates after matching, caliper by caliper."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from survival_multiverse.balancing.matching import Matching
from survival_multiverse.cohort.sample import Sample, reaches
from survival_multiverse.scenario.cautions import flags_of_arms
from survival_multiverse.scenario.comparability import (
    Scored,
    balance_of,
    matched_sample,
    undefined_balance,
    write_balance,
    write_gates,
    write_matching,
)
from survival_multiverse.scenario.contrasts import Readings, write_matched_contrasts
from survival_multiverse.scenario.encoded_study import EncodedStudy
from survival_multiverse.scenario.evaluation import (
    LANDMARK_FIRST,
    MATCH_FIRST,
    NO_LANDMARK,
    Candidate,
    after_landmark,
    subgroup_blocks,
    write_comparison,
    write_fingerprint,
    write_sample_tables,
)
from survival_multiverse.scenario.rows import Context, RowBlock, RowWriter
from survival_multiverse.scenario.sensitivity import write_rosenbaum
from survival_multiverse.scenario.tie_break import TieBreaks, over_orders, write_tie_breaks
from survival_multiverse.settings.schema import Estimator, Population, Status

_OverOrders = tuple[np.ndarray | None, np.ndarray | None]
"""Hazard ratios (draws, 2) and contrasts (draws, measures, 3) under each order, or None without pairs."""


class MatchedBlocks:
    """Blocks after matching; calipers that give the very same pairs share them."""

    def __init__(self, population: Population, encoded: EncodedStudy, ties: TieBreaks) -> None:
        self._population = population
        self._encoded = encoded
        self._study = encoded.study
        self._ties = ties
        self._readings = Readings.of(encoded.study.measures)
        self._known: dict[tuple[Any, ...], list[RowBlock]] = {}

    def of(self, candidate: Candidate, calipers: Sequence[float]) -> list[list[RowBlock]]:
        """Match within each caliper and evaluate."""
        scored, analysis = candidate.scored, self._study.analysis
        matchings = [self._encoded.match(scored, caliper) for caliper in calipers]
        # With few orders where matched analyses are repeated: beyond landmarks, as in the draws of a null.
        few = analysis.few_orders
        draws = self._ties.draws if candidate.landmark == NO_LANDMARK else few
        everybody = self._over_orders(candidate, calipers, matchings, (0,), draws)
        later: list[Sequence[_OverOrders]] = [()] * len(calipers)
        if candidate.landmark == NO_LANDMARK and analysis.landmarks:
            starts = [_first_row(scored, landmark) for landmark in analysis.landmarks]
            later = self._over_orders(candidate, calipers, matchings, starts, few)
        return [
            self._within(candidate, matching, estimates, beyond)
            for matching, (estimates,), beyond in zip(matchings, everybody, later, strict=True)
        ]

    def _over_orders(
        self,
        candidate: Candidate,
        calipers: Sequence[float],
        matchings: Sequence[Matching | None],
        starts: Sequence[int],
        draws: int,
    ) -> list[Sequence[_OverOrders]]:
        """Return by caliper and start what is estimated under each order, or nothing without pairs."""
        nothing = [(None, None)] * len(starts)
        paired = [m is not None and m.status is Status.OK for m in matchings]
        if not any(paired):
            return [nothing] * len(calipers)
        widths = [caliper for caliper, some in zip(calipers, paired, strict=True) if some]
        sd = next(m.sd_logit for m in matchings if m is not None)
        ratios, contrasts = over_orders(
            candidate.scored, widths, sd, self._ties, draws=draws, starts=starts, readings=self._readings
        )
        by_caliper = zip(ratios.swapaxes(0, 1), contrasts.swapaxes(0, 1), strict=True)
        each = iter([list(zip(*own, strict=True)) for own in by_caliper])
        return [next(each) if some else nothing for some in paired]

    def _within(
        self,
        candidate: Candidate,
        matching: Matching | None,
        estimates: _OverOrders,
        beyond: Sequence[_OverOrders],
    ) -> list[RowBlock]:
        """Return the rows of one caliper; `beyond` has estimates of matched patients past each landmark."""
        study = self._study
        failure = candidate.scored.status if matching is None else matching.status
        context = self._context(candidate)
        sample = matched_sample(candidate.scored, matching)
        writer = self._writer(context, candidate, sample, failure)
        write_matching(writer, candidate.scored, matching)
        self._write_tie_breaks(writer, estimates, sample, ranges=candidate.landmark == NO_LANDMARK)
        blocks = [writer.freeze()]
        for landmark, later in zip(study.analysis.landmarks, beyond, strict=False):
            part = after_landmark(sample, landmark)
            writer = self._writer(_beyond(context, landmark), candidate, part, failure)
            self._write_tie_breaks(writer, later, part, ranges=False)
            blocks.append(writer.freeze())
        pairs = b"" if matching is None else matching.pair_of.tobytes()
        key = (candidate.adjustment_set, candidate.landmark, failure, pairs)
        if key not in self._known:
            self._known[key] = self._evaluate(candidate, matching, sample, context, failure)
        return [*blocks, *self._known[key]]

    def _write_tie_breaks(
        self, writer: RowWriter, estimates: _OverOrders, sample: Sample, *, ranges: bool
    ) -> None:
        """Write the estimate over the orders, and what identifies it: the same pairs under all of them."""
        ratios, contrasts = estimates
        write_tie_breaks(writer, ratios, sample, level=self._study.analysis.confidence_level, ranges=ranges)
        write_matched_contrasts(writer, contrasts, sample, self._study)
        write_fingerprint(writer, sample, ratios)

    def _context(self, candidate: Candidate) -> Context:
        order = None if candidate.landmark == NO_LANDMARK else LANDMARK_FIRST
        return Context(
            self._population, candidate.adjustment_set, Estimator.MATCHED, candidate.landmark, order
        )

    @staticmethod
    def _writer(context: Context, candidate: Candidate, sample: Sample, failure: Status) -> RowWriter:
        because = candidate.scored.because
        flags = (*candidate.flags, *flags_of_arms(sample.event, sample.arm))
        return RowWriter(context, flags=flags, failure=failure, because=because)

    def _evaluate(
        self,
        candidate: Candidate,
        matching: Matching | None,
        sample: Sample,
        context: Context,
        failure: Status,
    ) -> list[RowBlock]:
        """Return the rows that the pairs of the primary order decide."""
        study = self._study
        writer = self._writer(context, candidate, sample, failure)
        self._write_balance(writer, candidate, matching, candidate.landmark)
        if candidate.landmark != NO_LANDMARK:
            write_comparison(writer, sample, study)
            return [writer.freeze()]
        write_sample_tables(writer, sample, study)
        write_rosenbaum(writer, sample)
        because = candidate.scored.because
        blocks = [
            writer.freeze(),
            *subgroup_blocks(sample, context, study, candidate.flags, failure, because),
        ]
        for landmark in study.analysis.landmarks:
            part = after_landmark(sample, landmark)
            writer = self._writer(_beyond(context, landmark), candidate, part, failure)
            self._write_balance(writer, candidate, matching, landmark)
            write_comparison(writer, part, study)
            blocks.append(writer.freeze())
        return blocks

    def _write_balance(
        self, writer: RowWriter, candidate: Candidate, matching: Matching | None, landmark: float
    ) -> None:
        """Write gates of the matched patients beyond the landmark, and without one every column's balance."""
        scored = candidate.scored
        design = candidate.design if landmark == NO_LANDMARK else candidate.gated
        kept = np.zeros(len(scored.sample), dtype=bool)
        table = undefined_balance(design)
        if matching is not None and matching.status is Status.OK:
            kept = (matching.pair_of >= 0) & reaches(scored.sample.time, landmark)
            table = balance_of(design, scored, subset=kept, focal_arm=matching.focal_arm)
        write_gates(writer, design, table, self._study.analysis)
        if landmark == candidate.landmark == NO_LANDMARK:
            write_balance(writer, design, table, kept)


def _first_row(scored: Scored, landmark: float) -> int:
    """Return the first of the scored patients, ascending in time, who reaches the landmark."""
    return int(np.count_nonzero(~reaches(scored.sample.time, landmark)))


def _beyond(context: Context, landmark: float) -> Context:
    """Return the context of the patients matched first, of whom those who reach the landmark are analysed."""
    return context._replace(landmark=landmark, landmark_order=MATCH_FIRST)
