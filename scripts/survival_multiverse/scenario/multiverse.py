"""Scenarios, evaluated panel by panel so that what they share is computed once."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from survival_multiverse.balancing.matching import priority
from survival_multiverse.cohort.sample import Cohort, Sample, encode_cohort, select_population, whole_sample
from survival_multiverse.scenario.comparability import match, matched_sample, score
from survival_multiverse.scenario.evaluation import (
    candidates_of,
    covariate_names,
    unadjusted_blocks,
    weighted_blocks,
)
from survival_multiverse.scenario.matched_blocks import MatchedBlocks
from survival_multiverse.scenario.rows import RowBlock, arrow_schema, scenario_table
from survival_multiverse.scenario.tie_break import TieBreaks, tie_breaks
from survival_multiverse.settings.schema import Population
from survival_multiverse.settings.study import Study


class Scenario(NamedTuple):
    """One combination of the axes.

    Attributes
    ----------
    oligo_threshold : float
        Number of lesions from which a patient is not oligometastatic.
    dose_cutoff : float
        Lowest dose of the high-dose arm, in the unit of the dose.
    gtv_cutoff : float
        Lowest volume that counts as large, in the unit of the volume.
    caliper : float
        Multiple of the SD of the propensity logit; infinity is no caliper.
    """

    oligo_threshold: float
    dose_cutoff: float
    gtv_cutoff: float
    caliper: float


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
    cohort = encode_cohort(patients, study)
    ranks = priority(cohort.ids, seed=study.seed)
    ties = tie_breaks(
        ranks,
        seed=study.seed,
        draws=study.analysis.tie_break_draws,
        minimum_events=study.analysis.minimum_events,
    )
    schema = arrow_schema(study)
    for cutoffs, group in groupby(sorted(scenarios), key=lambda scenario: scenario[:3]):
        members = list(group)
        shared, matched = _cell(cohort, study, ranks, ties, cutoffs, [member.caliper for member in members])
        for scenario, blocks in zip(members, matched, strict=True):
            yield scenario, scenario_table(scenario, [*shared, *blocks], schema)


def _cell(
    cohort: Cohort,
    study: Study,
    ranks: np.ndarray,
    ties: TieBreaks,
    cutoffs: tuple[float, float, float],
    calipers: list[float],
) -> tuple[list[RowBlock], list[list[RowBlock]]]:
    """Return the blocks that the caliper does not affect, and those of each caliper."""
    oligo_threshold, dose_cutoff, gtv_cutoff = cutoffs
    everybody = whole_sample(
        cohort, oligo_threshold=oligo_threshold, dose_cutoff=dose_cutoff, gtv_cutoff=gtv_cutoff
    )
    shared: list[RowBlock] = []
    matched: list[list[RowBlock]] = [[] for _ in calipers]
    for population in Population:
        sample = select_population(everybody, population)
        shared += unadjusted_blocks(sample, population, study)
        # One score at a time, for together they hold the cohort many times over.
        for candidate in candidates_of(sample, population, study):
            shared += weighted_blocks(candidate, population, study)
            matcher = MatchedBlocks(population, study, ranks, ties)
            for blocks, found in zip(matched, matcher.of(candidate, calipers), strict=True):
                blocks += found
    return shared, matched


def anchor_samples(patients: pd.DataFrame, study: Study) -> dict[str, pd.DataFrame]:
    """Return the patients of the anchor scenario, for drawing.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, one row a patient.
    study
        Names the anchor scenario.

    Returns
    -------
    dict
        Frames with time, event, arm, pair and one column a grouping (level names): ``all``,
        ``population`` (the primary one), and ``matched:<adjustment set>``.
    """
    cohort = encode_cohort(patients, study)
    ranks = priority(cohort.ids, seed=study.seed)
    oligo_threshold, dose_cutoff, gtv_cutoff, caliper = study.anchor
    everybody = whole_sample(
        cohort, oligo_threshold=oligo_threshold, dose_cutoff=dose_cutoff, gtv_cutoff=gtv_cutoff
    )
    population = next(iter(Population))
    primary = select_population(everybody, population)
    frames = {"all": _frame(everybody), "population": _frame(primary)}
    for name, adjustment_set in study.adjustment_sets.items():
        scored = score(primary, covariate_names(adjustment_set, population))
        matching = match(scored, ranks, caliper=caliper, analysis=study.analysis)
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
