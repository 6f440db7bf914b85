"""Estimates after matching, caliper by caliper."""

from collections.abc import Sequence

import numpy as np

from survival_multiverse.comparability import (
    balance_of,
    match,
    matched_sample,
    undefined_balance,
    write_balance,
    write_gates,
    write_matching,
)
from survival_multiverse.matching import Matching
from survival_multiverse.rows import Context, RowBlock, RowWriter
from survival_multiverse.sample import reaches
from survival_multiverse.scenario import (
    LANDMARK_FIRST,
    MATCH_FIRST,
    NO_LANDMARK,
    Candidate,
    after_landmark,
    subgroup_blocks,
    write_comparison,
    write_fingerprint,
    write_tables,
)
from survival_multiverse.schema import Estimator, Population, Status
from survival_multiverse.sensitivity import write_rosenbaum
from survival_multiverse.study import Study
from survival_multiverse.tie_break import TieBreaks, envelope_log_ratios, write_envelope


class MatchedBlocks:
    """Blocks after matching; calipers that give the very same pairs share them."""

    def __init__(self, population: Population, study: Study, priority: np.ndarray, ties: TieBreaks) -> None:
        self._population = population
        self._study = study
        self._priority = priority
        self._ties = ties
        self._known: dict[tuple, list[RowBlock]] = {}

    def of(self, candidate: Candidate, calipers: Sequence[float]) -> list[list[RowBlock]]:
        """Match within each caliper and evaluate."""
        scored, analysis = candidate.scored, self._study.analysis
        matchings = [match(scored, self._priority, caliper=c, analysis=analysis) for c in calipers]
        envelopes = self._envelopes(candidate, calipers, matchings)
        return [
            self._within(candidate, matching, log_ratios)
            for matching, log_ratios in zip(matchings, envelopes, strict=True)
        ]

    def _envelopes(
        self, candidate: Candidate, calipers: Sequence[float], matchings: Sequence[Matching | None]
    ) -> list[np.ndarray | None]:
        """Log hazard ratios over the tie-breaks of each caliper that has pairs; none beyond a landmark."""
        if candidate.landmark != NO_LANDMARK:
            return [None] * len(calipers)
        paired = [m is not None and m.status is Status.OK for m in matchings]
        if not any(paired):
            return [None] * len(calipers)
        widths = [caliper for caliper, some in zip(calipers, paired, strict=True) if some]
        sd = next(m.sd_logit for m in matchings if m is not None)
        found = iter(envelope_log_ratios(candidate.scored, widths, sd, self._ties))
        return [next(found) if some else None for some in paired]

    def _within(
        self, candidate: Candidate, matching: Matching | None, log_ratios: np.ndarray | None
    ) -> list[RowBlock]:
        """Rows of one caliper."""
        failure = candidate.scored.status if matching is None else matching.status
        context = self._context(candidate)
        writer = RowWriter(context, flags=candidate.flags, failure=failure)
        write_matching(writer, candidate.scored, matching)
        if candidate.landmark == NO_LANDMARK:
            write_envelope(writer, log_ratios)
        pairs = b"" if matching is None else matching.pair_of.tobytes()
        key = (candidate.adjustment_set, candidate.landmark, failure, pairs)
        if key not in self._known:
            self._known[key] = self._evaluate(candidate, matching, context, failure)
        return [writer.freeze(), *self._known[key]]

    def _context(self, candidate: Candidate) -> Context:
        order = None if candidate.landmark == NO_LANDMARK else LANDMARK_FIRST
        return Context(
            self._population, candidate.adjustment_set, Estimator.MATCHED, candidate.landmark, order
        )

    def _evaluate(
        self, candidate: Candidate, matching: Matching | None, context: Context, failure: Status
    ) -> list[RowBlock]:
        study = self._study
        sample = matched_sample(candidate.scored, matching)
        writer = RowWriter(context, flags=candidate.flags, failure=failure)
        self._write_balance(writer, candidate, matching, candidate.landmark)
        write_fingerprint(writer, sample)
        if candidate.landmark != NO_LANDMARK:
            write_comparison(writer, sample, study)
            return [writer.freeze()]
        write_tables(writer, sample, study)
        write_rosenbaum(writer, sample)
        blocks = [writer.freeze(), *subgroup_blocks(sample, context, study, candidate.flags, failure)]
        for landmark in study.analysis.landmarks:
            part = after_landmark(sample, landmark)
            later = context._replace(landmark=landmark, landmark_order=MATCH_FIRST)
            writer = RowWriter(later, flags=candidate.flags, failure=failure)
            self._write_balance(writer, candidate, matching, landmark)
            write_comparison(writer, part, study)
            write_fingerprint(writer, part)
            blocks.append(writer.freeze())
        return blocks

    def _write_balance(
        self, writer: RowWriter, candidate: Candidate, matching: Matching | None, landmark: float
    ) -> None:
        """Gates of the matched patients beyond the landmark, and without one every column's balance."""
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
