"""All estimates of one population under one set of cutoffs, block by block."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np

from survival_multiverse.cohort.sample import Sample, design_matrix, reaches
from survival_multiverse.estimators.log_rank import log_rank, log_rank_many
from survival_multiverse.kernels.matching import focal_arm_of
from survival_multiverse.scenario.cautions import flags_of_arms, flags_of_weights
from survival_multiverse.scenario.comparability import (
    BalanceDesign,
    Scored,
    balance_design,
    balance_of,
    score,
    score_columns,
    undefined_balance,
    weights,
    write_balance,
    write_gates,
    write_propensity,
    write_weights,
)
from survival_multiverse.scenario.contrasts import (
    write_adjusted_contrasts,
    write_unadjusted_contrasts,
    write_weighted_contrasts,
)
from survival_multiverse.scenario.cox_tables import (
    Model,
    univariate_p_values,
    write_arm_model,
    write_interaction,
    write_model,
    write_proportional_hazards,
    write_selected,
    write_stacked_model,
    write_univariate,
)
from survival_multiverse.scenario.descriptive_tables import write_counts, write_distributions
from survival_multiverse.scenario.encoded_study import covariate_names
from survival_multiverse.scenario.rows import NAN, Context, RowBlock, RowWriter
from survival_multiverse.scenario.standardised_tables import adjusted_model, write_standardised
from survival_multiverse.scenario.survival_tables import (
    write_arm_log_rank,
    write_curves,
    write_log_ranks,
    write_restricted_means,
    write_weighted_curves,
    write_weighted_log_rank,
)
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Population, Status
from survival_multiverse.settings.study import Study

NO_LANDMARK = 0.0
MATCH_FIRST, LANDMARK_FIRST = "match_then_landmark", "landmark_then_match"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A scored sample from which pairs are drawn, caliper by caliper.

    Attributes
    ----------
    adjustment_set, landmark
        What the score adjusts for and whom it leaves out.
    scored, design, gated
        The score, the columns on which balance is judged, and those of them that the gates judge.
    flags
        Warnings that go with every row made from it.
    """

    adjustment_set: str
    landmark: float
    scored: Scored
    design: BalanceDesign
    gated: BalanceDesign
    flags: tuple[str, ...]


def after_landmark(sample: Sample, landmark: float) -> Sample:
    """Return the patients whose survival time is at least the landmark."""
    if landmark == NO_LANDMARK:
        return sample
    # Rows ascend in time, and a slice costs no copy.
    return sample.take(slice(int(np.count_nonzero(~reaches(sample.time, landmark))), None))


def candidates_of(sample: Sample, population: Population, study: Study) -> Iterator[Candidate]:
    """Yield scores of every adjustment set, for everybody and for those beyond each landmark, one by one."""
    for adjustment_set in study.adjustment_sets.values():
        names = covariate_names(adjustment_set, population)
        for landmark in (NO_LANDMARK, *study.analysis.landmarks):
            scored = score(after_landmark(sample, landmark), names)
            flags = (*study.flags(names), *scored.dropped)
            design = balance_design(scored.sample, names, study)
            yield Candidate(adjustment_set.name, landmark, scored, design, design.gated(), flags)


def unadjusted_blocks(sample: Sample, population: Population, study: Study) -> list[RowBlock]:
    """Evaluate everything before matching, landmarks included."""
    context = Context(population, estimator=Estimator.UNADJUSTED)
    writer = RowWriter(context, flags=flags_of_arms(sample.event, sample.arm))
    write_sample_tables(writer, sample, study)
    write_unadjusted_contrasts(writer, sample, study)
    write_fingerprint(writer, sample)
    blocks = [writer.freeze(), *subgroup_blocks(sample, context, study, ())]
    for landmark in study.analysis.landmarks:
        part = after_landmark(sample, landmark)
        writer = RowWriter(context._replace(landmark=landmark), flags=flags_of_arms(part.event, part.arm))
        write_comparison(writer, part, study)
        write_unadjusted_contrasts(writer, part, study)
        write_fingerprint(writer, part)
        blocks.append(writer.freeze())
    return blocks


def weighted_blocks(candidate: Candidate, population: Population, study: Study) -> list[RowBlock]:
    """Evaluate weighted and covariate-adjusted estimates of one score."""
    scored, analysis = candidate.scored, study.analysis
    focal_arm = int(focal_arm_of(scored.sample.arm))
    context = Context(population, candidate.adjustment_set, landmark=candidate.landmark)
    design = candidate.design if candidate.landmark == NO_LANDMARK else candidate.gated
    everybody = np.ones(len(scored.sample), dtype=bool)
    by_estimator, columns, fit = weights(scored), score_columns(scored), scored.fit
    few = flags_of_arms(scored.sample.event, scored.sample.arm)
    blocks = []
    for estimator in WEIGHTED:
        weight = by_estimator.get(estimator)
        flags = (*candidate.flags, *flags_of_weights(weight, scored.sample.arm), *few)
        writer = RowWriter(
            context._replace(estimator=estimator), flags=flags, failure=scored.status, because=scored.because
        )
        model = Model("arm_only", ("arm",), ("efron",), np.ones(len(everybody)), status=scored.status)
        table = undefined_balance(design)
        if weight is not None:
            model = replace(model, weight=weight)
            table = balance_of(design, scored, weight=weight, focal_arm=focal_arm)
        write_model(writer, scored.sample, model, analysis)
        weighting = (scored.sample, estimator, columns, fit.probability, analysis, scored.status)
        write_stacked_model(writer, *weighting)
        write_weighted_contrasts(
            writer, scored.sample, estimator, columns, fit.probability, study, scored.status
        )
        write_weighted_log_rank(writer, *weighting)
        if candidate.landmark == NO_LANDMARK:
            write_weighted_curves(writer, *weighting)
        write_weights(writer, scored, weight)
        write_gates(writer, design, table, analysis)
        if candidate.landmark == NO_LANDMARK:
            write_balance(writer, design, table, everybody)
        write_fingerprint(writer, scored.sample, weight)
        blocks.append(writer.freeze())
    writer = RowWriter(context._replace(estimator=Estimator.ADJUSTED), flags=(*candidate.flags, *few))
    write_model(writer, scored.sample, Model("adjusted", ("arm", *scored.names), per=study.per), analysis)
    outcome = adjusted_model(scored, analysis)
    write_adjusted_contrasts(writer, scored.sample, outcome, study)
    if candidate.landmark == NO_LANDMARK:
        write_standardised(writer, scored, outcome, analysis)
    write_fingerprint(writer, scored.sample, design_matrix(scored.sample, scored.names)[0])
    blocks.append(writer.freeze())
    # Before matching, on the patients who have a score.
    unadjusted = context._replace(estimator=Estimator.UNADJUSTED)
    writer = RowWriter(unadjusted, flags=candidate.flags)
    write_propensity(writer, scored)
    if candidate.landmark == NO_LANDMARK:
        table = balance_of(design, scored, focal_arm=focal_arm)
        write_balance(writer, design, table, everybody)
        write_gates(writer, design, table, analysis)
    blocks.append(writer.freeze())
    return blocks


def write_sample_tables(writer: RowWriter, sample: Sample, study: Study) -> None:
    """Write the published tables on one sample: description, survival, regression."""
    analysis = study.analysis
    write_counts(writer, sample)
    write_distributions(writer, sample, study)
    write_curves(writer, sample, analysis)
    write_log_ranks(writer, sample, analysis)
    write_univariate(writer, sample, study)
    multivariable = ("arm", *analysis.multivariable)
    flags = study.flags(multivariable)
    write_model(writer, sample, Model("pre_specified", multivariable, flags=flags, per=study.per), analysis)
    write_selected(writer, sample, univariate_p_values(sample, log_rank_p_values(sample)), study)
    for name in _factors(sample, study):
        write_interaction(writer, sample, name, study)
    write_proportional_hazards(writer, sample, "arm_only", ("arm",), study)
    write_proportional_hazards(writer, sample, "pre_specified", multivariable, study)
    write_restricted_means(writer, sample, analysis)


def log_rank_p_values(sample: Sample) -> dict[str, float]:
    """Return the log-rank P of the arm and of every grouping."""
    p_values = {"arm": log_rank(sample.time, sample.event, sample.arm, entry=sample.entry).p_value}
    if sample.factors:
        many = log_rank_many(sample.time, sample.event, sample.codes, entry=sample.entry)[2]
        p_values |= {factor.name: float(p) for factor, p in zip(sample.factors, many, strict=True)}
    return p_values


def write_comparison(writer: RowWriter, sample: Sample, study: Study) -> None:
    """Write the comparison of the arms: log-rank and Cox."""
    write_arm_log_rank(writer, sample, study.analysis)
    write_arm_model(writer, sample, study.analysis)


def _factors(sample: Sample, study: Study) -> list[str]:
    """Return the factors that are tested for interaction: none that an option codes as a number."""
    return [name for name in study.analysis.interactions if sample.has_levels(name)]


def subgroup_blocks(
    sample: Sample,
    context: Context,
    study: Study,
    flags: Sequence[str],
    failure: Status = Status.OK,
    because: str = "",
) -> list[RowBlock]:
    """Compare the arms within each level of the factors tested for interaction."""
    blocks = []
    for name in _factors(sample, study):
        factor = sample.factors[sample.position(name)]
        for code, level in enumerate(factor.levels):
            part = sample.take(sample.factor_codes(name) == code)
            writer = RowWriter(
                context._replace(subgroup=f"{name}={level}"),
                flags=(*flags, *study.flags((name,)), *flags_of_arms(part.event, part.arm)),
                failure=failure,
                because=because,
            )
            write_comparison(writer, part, study)
            blocks.append(writer.freeze())
    return blocks


def write_fingerprint(writer: RowWriter, sample: Sample, extra: np.ndarray | None = None) -> None:
    """Write a 48-bit fingerprint of the patients, their arms and pairs, and weights or a design matrix.

    Specifications with equal fingerprints are the very same analysis.
    """
    if not len(sample):
        writer.add("fingerprint", "analysis", NAN, n=0, status=Status.EMPTY_ARM)
        return
    parts = [sample.index, sample.arm]
    parts += [part for part in (sample.pair, sample.entry, extra) if part is not None]
    digest = blake2b(b"".join(np.ascontiguousarray(part).tobytes() for part in parts), digest_size=6)
    writer.add("fingerprint", "analysis", float(int.from_bytes(digest.digest(), "big")), n=len(sample))
