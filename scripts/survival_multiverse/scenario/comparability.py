"""Comparability of the arms: propensity score, matching, weights, and the resulting balance."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from survival_multiverse.balancing.balance import BalanceTable, balance_of_arms, indicator_columns
from survival_multiverse.balancing.matching import Matching, greedy_match
from survival_multiverse.balancing.propensity import PropensityFit, fit_propensity, overlap_summary
from survival_multiverse.balancing.weighting import propensity_weights, summarise_weights
from survival_multiverse.cohort.sample import MISSING, Factor, Sample, design_matrix, measured
from survival_multiverse.estimators.limits import at_least
from survival_multiverse.scenario.rows import NAN, RowWriter
from survival_multiverse.scenario.separation import dropped_flags, why_no_score
from survival_multiverse.settings.models import Analysis
from survival_multiverse.settings.schema import WEIGHTED, Estimator, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

BALANCE_STATISTICS = ("mean_0", "mean_1", "smd", "smd_att", "variance_ratio", "ks")
CONTINUOUS_ONLY = ("variance_ratio", "ks")
CONTINUOUS = "continuous"
STATE, LESIONS = "state", "lesions"


@dataclass(frozen=True, slots=True)
class Scored:
    """Patients with a propensity score.

    Attributes
    ----------
    sample
        Complete cases of the score's covariates.
    names
        Those covariates.
    fit
        The propensity model.
    status
        ok, or why there is no score.
    dropped
        Flags of the covariates and levels that the model left out.
    because
        What is behind a status other than ok, and what to do.
    """

    sample: Sample
    names: tuple[str, ...]
    fit: PropensityFit
    status: Status
    dropped: tuple[str, ...]
    because: str = ""


def score(sample: Sample, names: Sequence[str]) -> Scored:
    """Fit the propensity score [1]_ on the complete cases of its covariates.

    Parameters
    ----------
    sample
        Patients of one population.
    names
        Covariates of the score.

    Returns
    -------
    Scored
        With a status other than ok where there is no score.

    References
    ----------
    .. [1] Rosenbaum PR, Rubin DB. The central role of the propensity score in observational studies for
       causal effects. Biometrika 1983;70:41–55.
    """
    known = sample.known(names)
    part = sample if known is None else sample.take(known)
    matrix, terms = design_matrix(part, names, score=True)
    fit = fit_propensity(matrix, part.arm)
    dropped = dropped_flags(part, terms, fit.dropped.tolist())
    because = why_no_score(part, names, matrix, fit.status)
    return Scored(
        sample=part,
        names=tuple(names),
        fit=fit,
        status=fit.status,
        dropped=dropped,
        because=because,
    )


def score_columns(scored: Scored) -> np.ndarray:
    """Return the columns that the score kept.

    Parameters
    ----------
    scored
        Patients with a propensity score.

    Returns
    -------
    np.ndarray
        Shape (n, k).
    """
    matrix = design_matrix(scored.sample, scored.names, score=True)[0]
    return np.delete(matrix, scored.fit.dropped, axis=1)


def match(scored: Scored, priority: np.ndarray, *, caliper: float, analysis: Analysis) -> Matching | None:
    """Match 1:1 within the caliper.

    Parameters
    ----------
    scored
        Patients with a propensity score.
    priority
        Rank of each patient of the whole cohort in the tie-break, shape (patients,).
    caliper
        Multiple of the logit's SD, or inf for none.
    analysis
        Says over whom the SD is taken.

    Returns
    -------
    Matching or None
        None without a score.
    """
    if scored.status is not Status.OK:
        return None
    return greedy_match(
        scored.fit.logit,
        scored.sample.arm,
        priority[scored.sample.index],
        caliper=caliper,
        caliper_sd=analysis.caliper_sd,
    )


def matched_sample(scored: Scored, matching: Matching | None) -> Sample:
    """Return the matched patients, with their pair numbers.

    Parameters
    ----------
    scored
        Patients with a propensity score.
    matching
        Their match, or None.

    Returns
    -------
    Sample
        Nobody if there is no match.
    """
    if matching is None:
        none = np.zeros(len(scored.sample), dtype=bool)
        return scored.sample.take(none, pair=np.empty(0, dtype=np.int64))
    rows = matching.pair_of >= 0
    return scored.sample.take(rows, pair=matching.pair_of[rows])


def weights(scored: Scored) -> dict[Estimator, np.ndarray]:
    """Return the weights of every estimator that weights.

    Parameters
    ----------
    scored
        Patients with a propensity score.

    Returns
    -------
    dict
        Weights by estimator, shape (n,) each; empty without a score.
    """
    if scored.status is not Status.OK:
        return {}
    probability, arm = scored.fit.probability, scored.sample.arm
    return {estimator: propensity_weights(probability, arm, estimator) for estimator in WEIGHTED}


@dataclass(frozen=True, slots=True)
class BalanceDesign:
    """Columns on which balance is judged.

    Attributes
    ----------
    matrix
        Indicators and continuous values, shape (n, columns).
    kinds
        0 indicator, 1 continuous, shape (columns,).
    labels
        (variable, level) of each column; the level of a continuous one is ``continuous``.
    gates
        By gate (``propensity``, ``baseline``) the columns it judges: covariates by levels and as measured.
    """

    matrix: np.ndarray
    kinds: np.ndarray
    labels: tuple[tuple[str, str], ...]
    gates: dict[str, np.ndarray]

    def gated(self) -> "BalanceDesign":
        """Return the gated columns alone."""
        kept = np.union1d(*self.gates.values())
        return BalanceDesign(
            matrix=np.ascontiguousarray(self.matrix[:, kept]),
            kinds=self.kinds[kept],
            labels=tuple(self.labels[column] for column in kept),
            gates={gate: np.searchsorted(kept, columns) for gate, columns in self.gates.items()},
        )


def balance_design(sample: Sample, names: Sequence[str], study: Study) -> BalanceDesign:
    """Return all groupings, two-level ones by one indicator, and what was measured as a number.

    A covariate with a cut, the volume and the count are judged in both forms: two arms may hold equal shares
    beyond a cut and still differ. Values of a reconstructed cohort were drawn within published categories,
    so that only its groupings are columns, those of the volume and the count by the published cutoffs.

    Parameters
    ----------
    sample
        Patients with a score.
    names
        Covariates of the score.
    """
    columns, kinds, labels = [], [], []
    for factor, codes in zip(sample.factors, sample.codes, strict=True):
        indicators = indicator_columns(_published(sample, factor, codes, study), len(factor.levels))
        for code in range(1 if len(factor.levels) == 2 else 0, len(factor.levels)):
            columns.append(indicators[:, code])
            kinds.append(0)
            labels.append((factor.name, factor.levels[code]))
    if measured(study):
        columns += list(sample.values.T)
        kinds += [1] * len(sample.names)
        labels += [(name, CONTINUOUS) for name in sample.names]
    late = {covariate.name for covariate in study.covariates.values() if covariate.role != "baseline"}
    # The count and the state that the threshold makes of it are one measurement, as the volume and its cut.
    scored = {*names, *((STATE, LESIONS) if not {STATE, LESIONS}.isdisjoint(names) else ())}
    judged = {
        "propensity": [variable in scored for variable, _ in labels],
        "baseline": [variable not in late for variable, _ in labels],
    }
    return BalanceDesign(
        matrix=np.ascontiguousarray(np.array(columns).T) if columns else np.empty((len(sample), 0)),
        kinds=np.array(kinds, dtype=np.int64),
        labels=tuple(labels),
        gates={gate: np.flatnonzero(members) for gate, members in judged.items()},
    )


def _published(sample: Sample, factor: Factor, codes: np.ndarray, study: Study) -> np.ndarray:
    """Return the codes of a grouping, shape (n,); in a reconstructed cohort by the published cutoff alone."""
    if measured(study) or factor.name not in ("gtv", STATE):
        return codes
    primary = study.primary_cutoffs
    cutoffs = {"gtv": ("gtv", primary.gtv), STATE: (LESIONS, primary.lesions)}
    column, cutoff = cutoffs[factor.name]
    reached = at_least(sample.values[:, sample.names.index(column)], cutoff)
    return np.where(codes == MISSING, MISSING, reached).astype(np.int64)


def write_balance(writer: RowWriter, design: BalanceDesign, table: BalanceTable, rows: np.ndarray) -> None:
    """Write means and standardised differences; variance ratio and KS distance of continuous columns.

    `rows` (n,) masks the patients compared; each column counts those in whom it is known.
    """
    known = np.count_nonzero(~np.isnan(design.matrix[rows]), axis=0).tolist()
    for statistic in BALANCE_STATISTICS:
        values = getattr(table, statistic).tolist()
        columns = zip(values, known, design.labels, design.kinds.tolist(), strict=True)
        for value, n, (variable, level), kind in columns:
            # Recognised by its kind: a level of a category may be called ``continuous``, too.
            if statistic in CONTINUOUS_ONLY and not kind:
                continue
            status = Status.NOT_APPLICABLE if math.isnan(value) else Status.OK
            writer.add("balance", statistic, value, variable=variable, level=level, n=n, status=status)


def write_gates(writer: RowWriter, design: BalanceDesign, table: BalanceTable, analysis: Analysis) -> None:
    """Write the largest |SMD| of the score's covariates and of all baseline ones, against each threshold."""
    for gate, columns in design.gates.items():
        # NaN if any of them is: whether max() alone returns NaN depends on its position.
        differences = [abs(value) for value in table.smd[columns].tolist()]
        largest = NAN if not differences or any(map(math.isnan, differences)) else max(differences)
        status = Status.NOT_APPLICABLE if math.isnan(largest) else Status.OK
        writer.add("balance_gate", f"max_abs_smd_{gate}", largest, variable="all", status=status)
        for threshold in analysis.balance_thresholds:
            passes = float(largest < threshold)
            statistic = f"passes_{gate}_{canonical_text(threshold)}"
            writer.add("balance_gate", statistic, passes, variable="all", status=status)


def write_matching(writer: RowWriter, scored: Scored, matching: Matching | None) -> None:
    """Write what the match was and how many it left out."""
    n = len(scored.sample)
    names = ("pairs", "focal_arm", "focal_patients", "matched_share", "caliper_width", "logit_sd")
    numbers = dict.fromkeys(names, NAN)
    if matching is not None:
        pairs, n_focal = len(matching.pairs), matching.n_focal
        share = pairs / n_focal if n_focal else NAN
        values = (pairs, matching.focal_arm, n_focal, share, matching.caliper_width, matching.sd_logit)
        numbers = dict(zip(names, map(float, values), strict=True))
    for statistic, value in numbers.items():
        status = Status.OK if not math.isnan(value) else Status.NOT_APPLICABLE
        if matching is None:
            status = scored.status
        writer.add("matching", statistic, value, n=n, status=status)


def write_propensity(writer: RowWriter, scored: Scored) -> None:
    """Write how far the score separates the arms, and who has a counterpart in the other arm."""
    n, status = len(scored.sample), scored.status
    why: dict[str, Any] = {"status": status, "because": scored.because}
    writer.add("propensity", "c_statistic", scored.fit.c_statistic, n=n, **why)
    shares = (NAN, NAN, NAN)
    if status is Status.OK:
        overlap = overlap_summary(scored.fit.logit, scored.sample.arm)
        shares = (*overlap.share_by_arm, overlap.share)
    for level, share in zip(("0", "1", "all"), shares, strict=True):
        writer.add("propensity", "common_support_share", share, level=level, n=n, **why)


def write_weights(writer: RowWriter, scored: Scored, weight: np.ndarray | None) -> None:
    """Write the effective sample sizes and the largest weight."""
    n, status = len(scored.sample), scored.status
    numbers = [NAN] * 5
    if weight is not None:
        summary = summarise_weights(weight, scored.sample.arm)
        numbers = [summary.effective_0, summary.effective_1, summary.effective_all]
        numbers += [summary.largest, float(summary.n_extreme)]
    for level, value in zip(("0", "1", "all"), numbers[:3], strict=True):
        writer.add("weights", "effective_sample_size", value, level=level, n=n, status=status)
    writer.add("weights", "largest_weight", numbers[3], n=n, status=status)
    writer.add("weights", "extreme_weights", numbers[4], n=n, status=status)


def undefined_balance(design: BalanceDesign) -> BalanceTable:
    """Return a table without numbers, for when there is nobody to compare."""
    missing = np.full(len(design.labels), NAN)
    return BalanceTable(*(missing for _ in BALANCE_STATISTICS))


def balance_of(
    design: BalanceDesign,
    scored: Scored,
    *,
    subset: np.ndarray | None = None,
    weight: np.ndarray | None = None,
    focal_arm: int,
) -> BalanceTable:
    """Compute balance of the scored patients: all of them, a matched subset, or all of them weighted."""
    arm = scored.sample.arm
    if weight is None:
        weight = np.ones(arm.size) if subset is None else subset.astype(np.float64)
    return balance_of_arms(design.matrix, design.kinds, arm, weight, focal_arm)
