"""Scenarios, evaluated by job panel so that what they share is computed once."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
import pandas as pd
import pyarrow as pa

from survival_multiverse.cohort.sample import Sample
from survival_multiverse.scenario.comparability import matched_sample
from survival_multiverse.scenario.encoded_study import EncodedStudy, encode_study
from survival_multiverse.scenario.evaluation import candidates_of, unadjusted_blocks, weighted_blocks
from survival_multiverse.scenario.matched_blocks import MatchedBlocks
from survival_multiverse.scenario.rows import RowBlock, arrow_schema, scenario_table
from survival_multiverse.scenario.tie_break import TieBreaks, tie_breaks
from survival_multiverse.settings.schema import Population
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Scenario


def evaluate_panel(
    patients: pd.DataFrame, study: Study, scenarios: Iterable[Scenario]
) -> Iterator[tuple[Scenario, pa.Table]]:
    """Evaluate scenarios, in ascending order, sharing what does not depend on the inner axes.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Gives the analysis.
    scenarios
        Any set of scenarios; the table of each does not depend on which others are asked for.

    Yields
    ------
    tuple
        The scenario and its table (see `schema.ESTIMATE_COLUMNS`).
    """
    encoded = encode_study(patients, study)
    ties = tie_breaks(
        encoded.ranks,
        seed=study.seed,
        draws=study.analysis.tie_break_draws,
        minimum_events=study.analysis.minimum_events,
    )
    schema = arrow_schema(study)
    for _, group in groupby(sorted(scenarios), key=lambda scenario: scenario[:3]):
        members = list(group)
        shared, matched = _cell(encoded, ties, members)
        for scenario, blocks in zip(members, matched, strict=True):
            yield scenario, scenario_table(scenario, [*shared, *blocks], schema)


def _cell(
    encoded: EncodedStudy, ties: TieBreaks, scenarios: Sequence[Scenario]
) -> tuple[list[RowBlock], list[list[RowBlock]]]:
    """Return the blocks that the caliper does not affect, and those of each scenario of one cutoff cell."""
    study, calipers = encoded.study, [scenario.caliper for scenario in scenarios]
    shared: list[RowBlock] = []
    matched: list[list[RowBlock]] = [[] for _ in calipers]
    for population in Population:
        sample = encoded.sample(scenarios[0], population)
        shared += unadjusted_blocks(sample, population, study)
        # One score at a time, for together they hold the cohort many times over.
        for candidate in candidates_of(sample, population, study):
            shared += weighted_blocks(candidate, population, study)
            matcher = MatchedBlocks(population, encoded, ties)
            for blocks, found in zip(matched, matcher.of(candidate, calipers), strict=True):
                blocks += found
    return shared, matched


def primary_samples(patients: pd.DataFrame, study: Study) -> dict[str, pd.DataFrame]:
    """Return the patients of the primary scenario, for drawing.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Names the primary scenario.

    Returns
    -------
    dict
        Frames with time, event, arm, pair and one column a grouping (level names): ``all``,
        ``population`` (the primary one), and ``matched:<adjustment set>``.
    """
    encoded = encode_study(patients, study)
    primary = encoded.sample(study.primary)
    frames = {"all": _frame(encoded.sample(study.primary, Population.ALL)), "population": _frame(primary)}
    for name, scored in encoded.scores(primary):
        matching = encoded.match(scored, study.primary.caliper)
        frames[f"matched:{name}"] = _frame(matched_sample(scored, matching))
    return frames


def _frame(sample: Sample) -> pd.DataFrame:
    groupings = {
        factor.name: pd.Categorical.from_codes(codes, categories=list(factor.levels), ordered=True)
        for factor, codes in zip(sample.factors, sample.codes, strict=True)
    }
    pair = np.full(len(sample), -1) if sample.pair is None else sample.pair
    return pd.DataFrame(
        {"time": sample.time, "event": sample.event, "arm": sample.arm, "pair": pair, **groupings}
    )
