"""Scenarios, evaluated by job panel so that what they share is computed once."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from survival_multiverse.cohort.sample import Sample
from survival_multiverse.scenario.balanced_curves import balanced_curves
from survival_multiverse.scenario.comparability import matched_sample
from survival_multiverse.scenario.encoded_study import EncodedStudy, encode_study
from survival_multiverse.scenario.evaluation import candidates_of, unadjusted_blocks, weighted_blocks
from survival_multiverse.scenario.matched_blocks import MatchedBlocks
from survival_multiverse.scenario.rows import RowBlock, arrow_schema, scenario_table
from survival_multiverse.scenario.tie_break import TieBreaks, tie_breaks
from survival_multiverse.settings.schema import Estimator, Population
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Scenario


def evaluate_panel(
    patients: pd.DataFrame, study: Study, scenarios: Iterable[Scenario]
) -> Iterator[tuple[Scenario, pa.Table]]:
    """Evaluate scenarios, sharing what does not depend on the caliper.

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
    schema = arrow_schema(study)
    for variant, members in groupby(sorted(scenarios, key=study.variant), key=study.variant):
        encoded = encode_study(patients, study, variant)
        ties = tie_breaks(
            encoded.ranks,
            seed=study.seed,
            draws=study.analysis.tie_break_draws,
            minimum_events=study.analysis.minimum_events,
        )
        # A score holds for every caliper.
        for _, cell in groupby(sorted(members, key=study.cutoffs), key=lambda own: study.cutoffs(own)[:-1]):
            alike = list(cell)
            shared, matched = _cell(encoded, ties, alike)
            for scenario, blocks in zip(alike, matched, strict=True):
                table = scenario_table(scenario, [*shared, *blocks], schema)
                yield scenario, _used(table, encoded.study.estimators)


def _used(table: pa.Table, estimators: Sequence[str]) -> pa.Table:
    """Return the rows of the estimators that an option leaves, and the unadjusted ones."""
    if not estimators:
        return table
    kept = pa.array([str(Estimator.UNADJUSTED), *estimators])
    rows = table.filter(pc.is_in(table["estimator"].cast(pa.string()), kept))
    columns = [
        column.cast(pa.string()).dictionary_encode().cast(field.type)
        if pa.types.is_dictionary(field.type)
        else column
        for column, field in zip(rows.columns, table.schema, strict=True)
    ]
    return pa.table(columns, schema=table.schema)


def _cell(
    encoded: EncodedStudy, ties: TieBreaks, scenarios: Sequence[Scenario]
) -> tuple[list[RowBlock], list[list[RowBlock]]]:
    """Return the blocks that the caliper does not affect, and those of each scenario of one cutoff cell."""
    study, calipers = encoded.study, [encoded.study.cutoffs(own).caliper for own in scenarios]
    shared: list[RowBlock] = []
    matched: list[list[RowBlock]] = [[] for _ in calipers]
    for population in study.populations:
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
        Frames with time, event, arm, pair, entry where patients enter late, and one column a grouping (level
        names): ``all``, ``population`` (the primary one), and ``matched:<adjustment set>``.
        ``scored:<adjustment set>`` has who is scored, ``balanced:<adjustment set>`` their `balanced_curves`.
    """
    encoded = encode_study(patients, study, study.primary)
    primary = encoded.sample(study.primary)
    frames = {"all": _frame(encoded.sample(study.primary, Population.ALL)), "population": _frame(primary)}
    for name, scored in encoded.scores(primary):
        matching = encoded.match(scored, study.primary_cutoffs.caliper)
        frames[f"matched:{name}"] = _frame(matched_sample(scored, matching))
        frames[f"scored:{name}"] = _frame(scored.sample)
        frames[f"balanced:{name}"] = balanced_curves(scored, study)
    return frames


def _frame(sample: Sample) -> pd.DataFrame:
    groupings = {
        factor.name: pd.Categorical.from_codes(codes, categories=list(factor.levels), ordered=True)
        for factor, codes in zip(sample.factors, sample.codes, strict=True)
    }
    pair = np.full(len(sample), -1) if sample.pair is None else sample.pair
    late = {} if sample.entry is None else {"entry": sample.entry}
    return pd.DataFrame(
        {"time": sample.time, "event": sample.event, "arm": sample.arm, "pair": pair, **late, **groupings}
    )
