"""Reasons why a model has no estimate: levels that separate, collinear columns."""

from collections.abc import Iterator, Sequence

import numpy as np

from survival_multiverse.cohort.sample import Sample
from survival_multiverse.kernels.linear import collinear_columns
from survival_multiverse.settings.names import settings_name
from survival_multiverse.settings.schema import Status

SEPARATED = (Status.SEPARATION, Status.NEAR_SEPARATION)
# Neither is a covariate with levels that the settings could merge.
MADE_BY_CUTOFFS = ("arm", "gtv", "state", "lesions")


def dropped_flags(
    sample: Sample, terms: Sequence[tuple[str, str]], dropped: Sequence[int]
) -> tuple[str, ...]:
    """Flag what a model left out: ``dropped:<name>``, or ``dropped_level:<name>=<level>`` of a factor.

    Parameters
    ----------
    sample, terms
        Patients, and the variable and contrast of each column (`sample.design_matrix`).
    dropped
        Columns that are constant or that others determine.
    """
    columns: dict[str, list[int]] = {}
    for column, (name, _) in enumerate(terms):
        columns.setdefault(name, []).append(column)
    flags = []
    for name, own in columns.items():
        gone = [place for place, column in enumerate(own) if column in set(dropped)]
        if len(gone) == len(own):
            flags.append(f"dropped:{name}")
        elif gone and not sample.has_levels(name):
            flags += [f"dropped_term:{name}={place + 1}" for place in gone]
        elif gone:
            levels = sample.factors[sample.position(name)].levels[1:]
            flags += [f"dropped_level:{name}={_in_flag(levels[place])}" for place in gone]
    return tuple(sorted(flags))


def why_no_score(sample: Sample, names: Sequence[str], matrix: np.ndarray, status: Status) -> str:
    """Say what separates the arms or makes columns collinear, and what to do; empty if nothing alone does.

    No count is named: these words are published.
    """
    if status is Status.COLLINEAR:
        return why_collinear(names, sample, matrix)
    if status not in SEPARATED:
        return ""
    return "; ".join(part for name in names for part in _apart(sample, name))


def why_no_model(sample: Sample, names: Sequence[str], status: Status) -> str:
    """Name the levels without an event behind a Cox model without a finite maximum."""
    if status not in SEPARATED:
        return ""
    parts = []
    for name in names:
        if not sample.has_levels(name):
            continue
        codes = sample.factor_codes(name)
        for code, level in enumerate(sample.factors[sample.position(name)].levels):
            if (codes == code).any() and not sample.event[codes == code].any():
                parts.append(f"{name}: no event in level `{level}`; {_remedy(name)}")
    return "; ".join(parts)


def why_collinear(names: Sequence[str], sample: Sample, matrix: np.ndarray) -> str:
    """Name the covariates whose columns the others all but determine."""
    centred = matrix - matrix.mean(axis=0)
    spread = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    scaled = centred / np.where(spread > 0, spread, 1.0)
    varies = spread > 0
    found = np.zeros(len(spread), dtype=bool)
    found[varies] = collinear_columns(np.einsum("ij,ik->jk", scaled[:, varies], scaled[:, varies]))
    widths = [_width(sample, name) for name in names]
    starts = np.cumsum([0, *widths])
    own = {
        name: slice(start, start + width) for name, start, width in zip(names, starts, widths, strict=False)
    }
    shared = [name for name, columns in own.items() if found[columns].any()]
    return f"{', '.join(shared)} say the same; leave one of them out" if shared else ""


def _width(sample: Sample, name: str) -> int:
    return len(sample.factors[sample.position(name)].levels) - 1 if sample.has_levels(name) else 1


def _apart(sample: Sample, name: str) -> Iterator[str]:
    if sample.has_levels(name):
        codes = sample.factor_codes(name)
        for code, level in enumerate(sample.factors[sample.position(name)].levels):
            arms = sample.arm[codes == code]
            if len(arms) and arms.min() == arms.max():
                yield f"{name}: level `{level}` is in one arm only; {_remedy(name)}"
        return
    values = sample.values[:, sample.names.index(name)]
    low, high = values[sample.arm == 0], values[sample.arm == 1]
    if len(low) and len(high) and (low.max() < high.min() or high.max() < low.min()):
        yield f"{name}: its values in the two arms do not overlap; leave it out of the set"


def _remedy(name: str) -> str:
    if name in MADE_BY_CUTOFFS:
        return "leave it out of the set"
    return f"merge levels in covariates.{settings_name(name)}.merge"


def _in_flag(level: str) -> str:
    """Return a level as it stands in a list separated by semicolons."""
    return level.replace(";", "%3B")
