"""Flags of estimates to be read with caution, and how tables, charts and figures show them."""

from collections.abc import Iterable

import numpy as np

from survival_multiverse.balancing.weighting import EXTREME_WEIGHT, summarise_weights
from survival_multiverse.kernels.arms import arm_counts

FEW_EVENTS, SMALL_SAMPLE = 10, 10.0
"""Fewer events in an arm, or a smaller effective sample of weighted patients in one, are worth a warning."""
WORDS = {
    "extreme_weights": f"a weight above {EXTREME_WEIGHT:g}",
    "small_effective_sample": f"an effective sample below {SMALL_SAMPLE:g} in an arm",
    "few_events": f"fewer than {FEW_EVENTS} events in an arm",
}
"""Meaning of each flag of this kind."""
MARK = "‡"
NOTE = f" {MARK} rests on {', '.join([*WORDS.values()][:-1])} or {[*WORDS.values()][-1]}."


def flags_of_arms(event: np.ndarray, arm: np.ndarray) -> tuple[str, ...]:
    """Return flags of the patients compared; none if an arm is empty.

    Parameters
    ----------
    event, arm
        0 or 1, shape (n,).

    Returns
    -------
    tuple of str
    """
    n_0, n_1, deaths_0, deaths_1 = arm_counts(event, arm)
    few = min(n_0, n_1) > 0 and min(deaths_0, deaths_1) < FEW_EVENTS
    return ("few_events",) if few else ()


def flags_of_weights(weight: np.ndarray | None, arm: np.ndarray) -> tuple[str, ...]:
    """Return flags of weights, shape (n,); none without weights."""
    if weight is None:
        return ()
    summary = summarise_weights(weight, arm)
    small = min(summary.effective_0, summary.effective_1) < SMALL_SAMPLE
    return ("extreme_weights",) * (summary.n_extreme > 0) + ("small_effective_sample",) * bool(small)


def cautions(flags: object) -> list[str]:
    """Return in words the cautions among the flags of a row.

    Parameters
    ----------
    flags
        Text with semicolons between flags, or a gap.

    Returns
    -------
    list of str
        Empty for a gap.
    """
    found: Iterable[str] = flags.split(";") if isinstance(flags, str) else ()
    return [WORDS[flag] for flag in found if flag in WORDS]


def care(flags: object) -> str | None:
    """Return the cautions of a row as the charts read them out.

    Parameters
    ----------
    flags
        Text with semicolons between flags, or a gap.

    Returns
    -------
    str or None
        None without a caution.
    """
    return "; ".join(cautions(flags)) or None


def marked(text: str, flags: object) -> str:
    """Return the text of an estimate, with a mark if there is a caution.

    Parameters
    ----------
    text
        The estimate as shown.
    flags
        Text with semicolons between flags, or a gap.

    Returns
    -------
    str
    """
    return f"{text} {MARK}" if cautions(flags) else text
