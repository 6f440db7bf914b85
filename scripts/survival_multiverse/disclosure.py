"""Counts of patients as they are shown: in classes, so that no table or two of them point at a patient."""

import numpy as np
import numpy.typing as npt


def shown_count(counts: npt.ArrayLike, *, minimum: int) -> np.ndarray:
    """Return the middle of the class that a count is in.

    Classes are 0, 1 to `minimum` - 1, and from there on each so many counts wide that starts at a multiple of
    `minimum`: with 5, a count of 180 to 184 is shown as 182. The difference of two such numbers is known to
    a class, never to a patient (compare midpoint rounding in OpenSAFELY's output rules).

    Parameters
    ----------
    counts : array_like
        Counts of patients; a gap is NaN.
    minimum : int
        Smallest count that may be known; up to 1, counts stay as they are.
    """
    numbers = np.asarray(counts, dtype=np.float64)
    if minimum <= 1:
        return numbers
    middle = np.floor(numbers / minimum) * minimum + (minimum - 1) // 2
    return np.where(numbers == 0, 0.0, np.where(numbers < minimum, minimum // 2, middle))


def class_words(minimum: int) -> str:
    """How counts are shown, in a sentence."""
    if minimum <= 1:
        return "Counts are exact."
    low = 36 * minimum
    middle = int(shown_count(low, minimum=minimum))
    return (
        f"Counts of patients are the middle of classes of {minimum} ({low} to {low + minimum - 1}: {middle}; "
        f"1 to {minimum - 1}: <{minimum}), so that no two of them give a few patients away."
    )


def count_words(count: float, *, minimum: int) -> str:
    """A count as shown, in words: ``<5`` where it is small."""
    return f"<{minimum}" if 0 < count < minimum else f"{shown_count(count, minimum=minimum):,.0f}"
