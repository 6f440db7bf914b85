"""From patients to what a scenario analyses: encode, select a population, score, match."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from survival_multiverse.balancing.matching import Matching, priority
from survival_multiverse.cohort.sample import Cohort, Sample, encode_cohort, select_population, whole_sample
from survival_multiverse.scenario.comparability import Scored, match, score
from survival_multiverse.settings.schema import Population
from survival_multiverse.settings.study import AdjustmentSet, Study
from survival_multiverse.settings.values import Cutoffs, Scenario


@dataclass(frozen=True, slots=True)
class EncodedStudy:
    """Patients as arrays, from which the samples of all scenarios are taken.

    Attributes
    ----------
    study
        Its settings.
    cohort
        The patients whom the options keep.
    ranks
        Rank of each in the primary tie-break, shape (patients,).
    """

    study: Study
    cohort: Cohort
    ranks: np.ndarray

    def sample(self, scenario: Scenario, population: Population | None = None) -> Sample:
        """Patients of a population, or the primary one, with the groupings of the scenario's cutoffs."""
        return self.sample_at(self.study.cutoffs(scenario), population)

    def sample_at(self, cutoffs: Cutoffs, population: Population | None = None) -> Sample:
        """Patients of a population, or the primary one, with the groupings that these cutoffs make."""
        everybody = whole_sample(self.cohort, cutoffs)
        return select_population(everybody, population or self.study.primary_population)

    def scores(self, sample: Sample) -> Iterator[tuple[str, Scored]]:
        """Propensity score by each adjustment set, of patients of the primary population."""
        for name, adjustment_set in self.study.adjustment_sets.items():
            names = covariate_names(adjustment_set, self.study.primary_population)
            yield name, score(sample, names)

    def match(self, scored: Scored, caliper: float) -> Matching | None:
        """Match in the order of the primary tie-break; None without a score."""
        return match(scored, self.ranks, caliper=caliper, analysis=self.study.analysis)


def encode_study(patients: pd.DataFrame, study: Study, scenario: Scenario | None = None) -> EncodedStudy:
    """Encode the canonical frame of `cohort.prepare_cohort` and draw the primary tie-break.

    With a scenario, or a variant of one, under its options; otherwise as the cohort and covariates declare
    it.
    """
    study = study if scenario is None else study.under(study.variant(scenario))
    cohort = encode_cohort(patients, study)
    return EncodedStudy(study, cohort, priority(cohort.ids, seed=study.seed))


def covariate_names(adjustment_set: AdjustmentSet, population: Population) -> tuple[str, ...]:
    """Covariates of a set in a population."""
    extra = adjustment_set.covariates_in_all if population is Population.ALL else ()
    return adjustment_set.covariates + extra
