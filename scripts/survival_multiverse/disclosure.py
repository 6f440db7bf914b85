"""Suppression of small counts, so that a published table cannot point at a patient."""

import numpy as np

HELD = "*"
"""Stands for what is hidden to protect something else."""


def suppressed(counts: np.ndarray, *, minimum: int) -> np.ndarray:
    """Cells of a table of counts that must not be printed.

    Every count below `minimum` goes. Because row and column totals are published elsewhere, a row
    or column that hid a single cell would give it away by subtraction, or two cells whose sum is
    still below `minimum` would bound each other closely: the next smallest cells go too, until
    what is hidden in each line is at least two cells that sum to `minimum` or more
    (Hundepool et al. 2012, Statistical Disclosure Control, section 4.2).

    Parameters
    ----------
    counts : int array of shape (levels, arms)

    Returns
    -------
    bool array of the same shape, True where hidden.
    """
    counts = np.asarray(counts)
    hidden = counts < minimum
    while True:
        before = hidden.sum()
        for line, mask in [*zip(counts, hidden, strict=True), *zip(counts.T, hidden.T, strict=True)]:
            _complement(line, mask, minimum)
        if hidden.sum() == before:
            return hidden


def _complement(line: np.ndarray, mask: np.ndarray, minimum: int) -> None:
    while mask.any() and not mask.all() and (mask.sum() < 2 or line[mask].sum() < minimum):
        candidates = np.flatnonzero(~mask)
        mask[candidates[np.argmin(line[candidates])]] = True


def printed_counts(counts: np.ndarray, *, minimum: int) -> np.ndarray:
    """The counts as text: ``<5`` where too small, ``*`` where hidden to protect another cell."""
    counts = np.asarray(counts)
    hidden = suppressed(counts, minimum=minimum)
    text = np.full(counts.shape, "", dtype=object)
    for cell, count in np.ndenumerate(counts):
        text[cell] = (f"<{minimum}" if count < minimum else HELD) if hidden[cell] else str(int(count))
    return text
