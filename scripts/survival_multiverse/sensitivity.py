"""What an unmeasured confounder would have to be: E-values and Rosenbaum bounds."""

import math
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv

from survival_multiverse.rows import NAN, RowWriter
from survival_multiverse.sample import Sample
from survival_multiverse.schema import Status

ALPHA = 0.05


def e_value(hazard_ratio: float) -> float:
    """E-value of a hazard ratio with a common outcome (VanderWeele and Ding 2017).

    The risk ratio is approximated as (1 - 0.5^sqrt(HR)) / (1 - 0.5^sqrt(1 / HR)) on the side above 1.
    """
    if math.isnan(hazard_ratio) or hazard_ratio <= 0 or math.isinf(hazard_ratio):
        return NAN
    above = max(hazard_ratio, 1.0 / hazard_ratio)
    ratio = (1.0 - 0.5 ** math.sqrt(above)) / (1.0 - 0.5 ** math.sqrt(1.0 / above))
    return ratio + math.sqrt(ratio * (ratio - 1.0))


def e_value_of_limit(hazard_ratio: float, ci_lower: float, ci_upper: float) -> float:
    """E-value of the confidence limit nearest 1; 1 if the interval holds 1."""
    if math.isnan(ci_lower) or math.isnan(ci_upper):
        return NAN
    if ci_lower <= 1.0 <= ci_upper:
        return 1.0
    return e_value(ci_lower if hazard_ratio > 1.0 else ci_upper)


@dataclass(frozen=True, slots=True)
class RosenbaumBound:
    """Sign-score sensitivity of matched pairs (Rosenbaum 2002, section 4.3).

    Attributes
    ----------
    informative
        Pairs in which it is known who died first.
    low_dose_first
        Those among them whose low-dose member died first.
    p_value
        One-sided P that the high dose prolongs survival, without hidden bias.
    gamma
        Largest odds ratio of a hidden bias at which that P stays at or below 0.05; NaN unless ok.
    status
        ok, no_pairs (none is informative), or not_applicable (P exceeds 0.05 without any bias).
    """

    informative: int
    low_dose_first: int
    p_value: float
    gamma: float
    status: Status


def rosenbaum_bound(sample: Sample) -> RosenbaumBound:
    """Bound of a matched sample; pairs broken by a landmark and tied deaths do not count."""
    low, high = _pair_members(sample)
    time_low, time_high = sample.time[low], sample.time[high]
    died_low, died_high = sample.event[low] == 1, sample.event[high] == 1
    # Somebody censored at a time is alive then, so a death at that time came first.
    low_first = died_low & ((time_low < time_high) | ((time_low == time_high) & ~died_high))
    high_first = died_high & ((time_high < time_low) | ((time_low == time_high) & ~died_low))
    first, informative = int(low_first.sum()), int(low_first.sum() + high_first.sum())
    if informative == 0:
        return RosenbaumBound(0, 0, NAN, NAN, Status.NO_PAIRS)
    p_value = _binomial_tail(first, informative, 0.5)
    if p_value > ALPHA:
        return RosenbaumBound(informative, first, p_value, NAN, Status.NOT_APPLICABLE)
    share = float(betaincinv(first, informative - first + 1, ALPHA))
    return RosenbaumBound(informative, first, p_value, share / (1.0 - share), Status.OK)


def _pair_members(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Rows of the low- and of the high-dose member of every whole pair."""
    rows = np.lexsort((sample.arm, sample.pair))
    pair, arm = sample.pair[rows], sample.arm[rows]
    whole = np.flatnonzero((pair[1:] == pair[:-1]) & (arm[:-1] == 0) & (arm[1:] == 1))
    return rows[whole], rows[whole + 1]


def _binomial_tail(successes: int, trials: int, share: float) -> float:
    """P(X >= successes) of a binomial."""
    return 1.0 if successes == 0 else float(betainc(successes, trials - successes + 1, share))


def write_rosenbaum(writer: RowWriter, sample: Sample) -> None:
    """Rows of the bound of a matched sample."""
    bound = rosenbaum_bound(sample)
    counts = {"n": 2 * bound.informative}
    known = Status.OK if bound.informative else bound.status
    writer.add("rosenbaum", "informative_pairs", float(bound.informative), **counts)
    writer.add("rosenbaum", "low_dose_first", float(bound.low_dose_first), **counts)
    writer.add(
        "rosenbaum", "p_value_without_bias", bound.p_value, p_value=bound.p_value, status=known, **counts
    )
    writer.add("rosenbaum", "gamma", bound.gamma, status=bound.status, **counts)
