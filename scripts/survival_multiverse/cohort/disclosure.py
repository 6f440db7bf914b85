"""Counts of patients as they are shown: in classes, so that tables together identify no patient."""

import numpy as np
import numpy.typing as npt

PARTS = np.array([1.0, 2, 5, 10, 20, 50, 100, 200, 500, 1000])
"""Into how many steps survival may be divided."""


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

    Returns
    -------
    np.ndarray
        Of the shape of `counts`.
    """
    numbers = np.asarray(counts, dtype=np.float64)
    if minimum <= 1:
        return numbers
    middle = np.floor(numbers / minimum) * minimum + (minimum - 1) // 2
    return np.where(numbers == 0, 0.0, np.where(numbers < minimum, minimum // 2, middle))


def shown_share(part: npt.ArrayLike, whole: npt.ArrayLike, *, minimum: int) -> np.ndarray:
    """Return the share that shown counts make, at most 1; it tells nothing that they do not tell.

    Parameters
    ----------
    part, whole : array_like
        Counts of patients; a gap is NaN.
    minimum : int
        As in `shown_count`.

    Returns
    -------
    np.ndarray
        Of the shape of `part`.
    """
    shown = shown_count(part, minimum=minimum), shown_count(whole, minimum=minimum)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.minimum(np.divide(*shown), 1.0)


def shown_survival(survival: npt.ArrayLike, patients: npt.ArrayLike, *, minimum: int) -> np.ndarray:
    """Return survival rounded to a step of at least one patient's share.

    Survival is a ratio of counts until somebody is censored: with more digits it would tell where in their
    class (see `shown_count`) the patients are.

    Parameters
    ----------
    survival : array_like
        Product-limit estimates or their limits.
    patients : array_like
        How many patients each rests on, at time 0.
    minimum : int
        As in `shown_count`; up to 1, every step is .001.

    Returns
    -------
    np.ndarray
        Of the shape of `survival`.
    """
    numbers = np.asarray(patients, dtype=np.float64)
    fewest = np.floor(numbers / minimum) * minimum if minimum > 1 else np.full_like(numbers, PARTS[-1])
    parts = PARTS[np.maximum(np.searchsorted(PARTS, fewest, side="right") - 1, 0)]
    return np.round(np.asarray(survival) * parts) / parts


def class_words(minimum: int) -> str:
    """Explain in a sentence how counts are shown.

    Parameters
    ----------
    minimum
        As in `shown_count`.

    Returns
    -------
    str
    """
    if minimum <= 1:
        return "Counts are exact."
    low = 36 * minimum
    middle = int(shown_count(low, minimum=minimum))
    return (
        f"Counts of patients are the middle of classes of {minimum} ({low} to {low + minimum - 1}: {middle}; "
        f"1 to {minimum - 1}: <{minimum}). So no difference of two of them tells of a few patients."
    )


def about(count: float, *, minimum: int) -> str:
    """Return a count for a sentence: with ``about`` if only its class is shown.

    Parameters
    ----------
    count
        Patients.
    minimum
        As in `shown_count`.

    Returns
    -------
    str
    """
    words = count_words(count, minimum=minimum)
    return f"about {words}" if minimum > 1 and "<" not in words else words


def count_words(count: float, *, minimum: int) -> str:
    """Return a count as shown, in words: ``<5`` if it is small.

    Parameters
    ----------
    count
        Patients.
    minimum
        As in `shown_count`.

    Returns
    -------
    str
    """
    return f"<{minimum}" if 0 < count < minimum else f"{shown_count(count, minimum=minimum):,.0f}"
