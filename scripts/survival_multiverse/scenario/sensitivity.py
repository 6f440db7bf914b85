"""Sensitivity to unmeasured confounding: E-values and Rosenbaum bounds."""

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from scipy.special import betainc, betaincinv, ndtr, ndtri

from survival_multiverse.cohort.sample import Sample
from survival_multiverse.scenario.rows import NAN, RowWriter
from survival_multiverse.settings.schema import Status

ALPHA = 0.05
RARE_RISK = 0.15
"""Risk at the end of follow-up below which a hazard ratio is close to a risk ratio (VanderWeele 2017)."""
NOT_DEFINED = "delayed entry: not defined"
PRENTICE_WILCOXON, SIGN = "prentice_wilcoxon", "sign"


def risk_ratio(hazard_ratio: float, *, rare: bool) -> float:
    """Return the risk ratio of a hazard ratio, on the side above 1 [1]_.

    With a rare outcome it is the hazard ratio, else (1 - 0.5^sqrt(HR)) / (1 - 0.5^sqrt(1 / HR)).

    Parameters
    ----------
    hazard_ratio
        On either side of 1.
    rare
        Whether the outcome is rare.

    Returns
    -------
    float
        1 or more; NaN if undefined.

    References
    ----------
    .. [1] VanderWeele TJ, Ding P. Sensitivity analysis in observational research: introducing the E-value.
       Annals of Internal Medicine 2017;167:268–274.
    """
    if math.isnan(hazard_ratio) or hazard_ratio <= 0 or math.isinf(hazard_ratio):
        return NAN
    above = max(hazard_ratio, 1.0 / hazard_ratio)
    if rare:
        return above
    return (1.0 - 0.5 ** math.sqrt(above)) / (1.0 - 0.5 ** math.sqrt(1.0 / above))


def e_value(hazard_ratio: float, *, rare: bool) -> float:
    """Return the E-value of a hazard ratio [1]_.

    Parameters
    ----------
    hazard_ratio
        On either side of 1.
    rare
        Whether the outcome is rare.

    Returns
    -------
    float
        Risk ratio with exposure and outcome that would explain the estimate away; NaN if undefined.

    References
    ----------
    .. [1] VanderWeele TJ, Ding P. Sensitivity analysis in observational research: introducing the E-value.
       Annals of Internal Medicine 2017;167:268–274.
    """
    ratio = risk_ratio(hazard_ratio, rare=rare)
    return ratio + math.sqrt(ratio * (ratio - 1.0))


def e_value_of_limit(hazard_ratio: float, ci_lower: float, ci_upper: float, *, rare: bool) -> float:
    """Return the E-value of the confidence limit nearest 1; 1 if the interval holds 1.

    Parameters
    ----------
    hazard_ratio, ci_lower, ci_upper
        The estimate and its confidence limits.
    rare
        Whether the outcome is rare.

    Returns
    -------
    float
        As `e_value`.
    """
    if math.isnan(ci_lower) or math.isnan(ci_upper):
        return NAN
    if ci_lower <= 1.0 <= ci_upper:
        return 1.0
    return e_value(ci_lower if hazard_ratio > 1.0 else ci_upper, rare=rare)


@dataclass(frozen=True, slots=True)
class RosenbaumBound:
    """Sensitivity of a test of matched pairs to hidden bias (Rosenbaum 2002, chapter 4).

    Attributes
    ----------
    informative
        Pairs that count in the test.
    direction
        1 if they speak for longer survival with the high dose, -1 for shorter, 0 for neither.
    p_value
        One-sided P in that direction, without hidden bias.
    p_two_sided
        Two-sided P without hidden bias.
    gamma
        Largest odds ratio of a hidden bias at which the one-sided P stays at or below 0.05; NaN unless ok.
    status
        ok, no_pairs (none is informative), or not_applicable (P exceeds 0.05 without any bias).
    """

    informative: int
    direction: int
    p_value: float
    p_two_sided: float
    gamma: float
    status: Status


_NOTHING = RosenbaumBound(0, 0, NAN, NAN, NAN, Status.NO_PAIRS)


def prentice_wilcoxon_scores(time: np.ndarray, event: np.ndarray) -> np.ndarray:
    """Return the scores of the generalised Wilcoxon test of censored times [1]_.

    With S the product over event times of (at risk - events + 1) / (at risk + 1), an event at t scores
    2 S(t) - 1 and a time censored at t scores S(t) - 1: early events score high.

    Parameters
    ----------
    time, event
        Shape (n,), ascending in time; tied times are exactly equal.

    Returns
    -------
    np.ndarray
        Shape (n,).

    References
    ----------
    .. [1] Prentice RL. Linear rank tests with right censored data. Biometrika 1978;65:167–179.
    """
    first = np.flatnonzero(np.append(True, time[1:] != time[:-1])) if time.size else np.empty(0, dtype=int)
    group = np.repeat(np.arange(first.size), np.diff(np.append(first, time.size)))
    events = np.bincount(group, weights=event, minlength=first.size)
    at_risk = time.size - first
    survival = np.cumprod((at_risk - events + 1.0) / (at_risk + 1.0))[group]
    return np.where(event == 1, 2.0 * survival - 1.0, survival - 1.0)


def prentice_wilcoxon_bound(sample: Sample) -> RosenbaumBound:
    """Bound the signed sum of the pairs' differences of Prentice-Wilcoxon scores under a hidden bias [1]_.

    The scores are those of all matched patients together. Under a bias of Gamma each pair's difference has
    the observed sign with probability Gamma / (1 + Gamma) at most; the sum is taken as normal. That the
    members of a pair are censored alike is assumed. Pairs broken by a landmark do not count.

    Parameters
    ----------
    sample
        Matched patients.

    Returns
    -------
    RosenbaumBound

    References
    ----------
    .. [1] Rosenbaum PR. Observational Studies. 2nd ed. New York: Springer; 2002.
    """
    low, high = _pair_members(sample)
    scores = prentice_wilcoxon_scores(sample.time, sample.event)
    difference = scores[low] - scores[high]
    difference = difference[np.abs(difference) > 1e-12]
    if not difference.size:
        return _NOTHING
    total, squares = float(np.abs(difference).sum()), float((difference**2).sum())
    signed = float(difference.sum())
    direction = 1 if signed > 1e-12 * total else -1 if signed < -1e-12 * total else 0
    # Evidence for the observed direction: T, with mean p * total and variance p (1 - p) * squares.
    favourable = (total + abs(signed)) / 2.0
    deviate = abs(signed) / math.sqrt(squares)
    p_value, p_two_sided = float(ndtr(-deviate)), float(2.0 * ndtr(-deviate))
    critical = float(ndtri(1.0 - ALPHA)) ** 2 * squares
    if p_value > ALPHA:
        return RosenbaumBound(difference.size, direction, p_value, p_two_sided, NAN, Status.NOT_APPLICABLE)
    # (T - p total)^2 = z^2 p (1 - p) squares, the smaller root.
    a, b = total**2 + critical, 2.0 * favourable * total + critical
    root = math.sqrt(max(b * b - 4.0 * a * favourable**2, 0.0))
    share = (b - root) / (2.0 * a)
    return RosenbaumBound(difference.size, direction, p_value, p_two_sided, share / (1 - share), Status.OK)


def sign_bound(sample: Sample) -> RosenbaumBound:
    """Bound the sign test of who died first in a pair, where that is known, under a hidden bias; exact [1]_.

    Pairs broken by a landmark and tied deaths do not count.

    Parameters
    ----------
    sample
        Matched patients.

    Returns
    -------
    RosenbaumBound

    References
    ----------
    .. [1] Rosenbaum PR. Observational Studies. 2nd ed. New York: Springer; 2002.
    """
    low, high = _pair_members(sample)
    time_low, time_high = sample.time[low], sample.time[high]
    died_low, died_high = sample.event[low] == 1, sample.event[high] == 1
    # A patient censored at a time is alive then, so a death at that time came first.
    low_first = int((died_low & ((time_low < time_high) | ((time_low == time_high) & ~died_high))).sum())
    high_first = int((died_high & ((time_high < time_low) | ((time_low == time_high) & ~died_low))).sum())
    informative, first = low_first + high_first, max(low_first, high_first)
    if informative == 0:
        return _NOTHING
    direction = (low_first > high_first) - (low_first < high_first)
    p_value = _binomial_tail(first, informative, 0.5)
    p_two_sided = min(1.0, 2.0 * p_value)
    if p_value > ALPHA:
        return RosenbaumBound(informative, direction, p_value, p_two_sided, NAN, Status.NOT_APPLICABLE)
    share = float(betaincinv(first, informative - first + 1, ALPHA))
    return RosenbaumBound(informative, direction, p_value, p_two_sided, share / (1.0 - share), Status.OK)


def _pair_members(sample: Sample) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of the low- and of the high-dose member of every whole pair."""
    # A matched sample has them.
    pairs = cast(np.ndarray, sample.pair)
    rows = np.lexsort((sample.arm, pairs))
    pair, arm = pairs[rows], sample.arm[rows]
    whole = np.flatnonzero((pair[1:] == pair[:-1]) & (arm[:-1] == 0) & (arm[1:] == 1))
    return rows[whole], rows[whole + 1]


def _binomial_tail(successes: int, trials: int, share: float) -> float:
    """Return P(X >= successes) of a binomial."""
    return 1.0 if successes == 0 else float(betainc(successes, trials - successes + 1, share))


BOUND = ("informative_pairs", "direction", "p_value_without_bias", "p_two_sided_without_bias", "gamma")
"""Statistics of a bound, in the order of their rows."""


def write_rosenbaum(writer: RowWriter, sample: Sample) -> None:
    """Write the rows of both bounds of a matched sample; none is defined where patients enter late."""
    if sample.entry is not None:
        for model in (PRENTICE_WILCOXON, SIGN):
            for name in BOUND:
                undefined: dict[str, Any] = {"status": Status.NOT_APPLICABLE, "because": NOT_DEFINED}
                writer.add("rosenbaum", name, NAN, model=model, n=len(sample), **undefined)
        return
    for model, bound in ((PRENTICE_WILCOXON, prentice_wilcoxon_bound(sample)), (SIGN, sign_bound(sample))):
        labels: dict[str, Any] = {"model": model, "n": 2 * bound.informative}
        known = Status.OK if bound.informative else bound.status
        writer.add("rosenbaum", "informative_pairs", float(bound.informative), **labels)
        writer.add("rosenbaum", "direction", float(bound.direction), status=known, **labels)
        for name in ("p_value", "p_two_sided"):
            p = getattr(bound, name)
            writer.add("rosenbaum", f"{name}_without_bias", p, p_value=p, status=known, **labels)
        writer.add("rosenbaum", "gamma", bound.gamma, status=bound.status, **labels)
