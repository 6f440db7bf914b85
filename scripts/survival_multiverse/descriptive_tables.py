"""Rows that describe a sample: counts, means, chi-square tests between the arms, missing values."""

import numpy as np

from survival_multiverse.contingency import chi_square_of_counts
from survival_multiverse.quantiles import quantiles
from survival_multiverse.rows import NAN, RowWriter
from survival_multiverse.sample import Factor, Sample
from survival_multiverse.schema import Status


def write_counts(writer: RowWriter, sample: Sample) -> None:
    """Patients by arm and level, Pearson's chi-square without correction, gaps by variable."""
    groups = {("all", "all"): np.ones(len(sample), dtype=bool)}
    groups |= {("arm", str(arm)): sample.arm == arm for arm in (0, 1)}
    for (variable, level), rows in groups.items():
        n, events = int(rows.sum()), int(sample.event[rows].sum())
        writer.add("descriptive", "patients", float(n), variable=variable, level=level, n=n, events=events)
    for note, codes in zip(sample.notes, sample.note_codes, strict=True):
        _write_levels(writer, sample, note, codes)
    for factor, codes in zip(sample.factors, sample.codes, strict=True):
        cells = _write_levels(writer, sample, factor, codes)
        n, test = int(cells.sum()), chi_square_of_counts(cells)
        writer.add(
            "chi_square",
            "chi_square",
            test.chi2,
            variable=factor.name,
            p_value=test.p_value,
            df=test.df,
            n=n,
            status=test.status,
        )
        _write_missing(writer, len(sample), n, factor.name)
    for name, values in zip(sample.names, sample.values.T, strict=True):
        if not sample.has_levels(name) and name != "lesions":
            _write_missing(writer, len(sample), int((~np.isnan(values)).sum()), name)


def _write_missing(writer: RowWriter, n: int, known: int, variable: str) -> None:
    if known < n:
        writer.add("missing", "patients", float(n - known), variable=variable, n=n)


def _write_levels(writer: RowWriter, sample: Sample, factor: Factor, codes: np.ndarray) -> np.ndarray:
    """Patients of each arm at each level; returns them, arm 0 and arm 1 of each level in turn."""
    # A gap, -1, counts before the first level.
    cells = np.bincount(codes * 2 + sample.arm + 2, minlength=2 * len(factor.levels) + 2)[2:]
    n = int(cells.sum())
    for position, count in enumerate(cells.tolist()):
        level = factor.levels[position // 2]
        statistic = f"patients_{position % 2}"
        writer.add("descriptive", statistic, float(count), variable=factor.name, level=level, n=n)
    return cells


def write_distributions(writer: RowWriter, sample: Sample) -> None:
    """Mean, SD and quartiles of the continuous variables by arm."""
    for name, column in zip(sample.names, sample.values.T, strict=True):
        for arm in (0, 1):
            values = column[(sample.arm == arm) & ~np.isnan(column)]
            for statistic, value, status in _summaries(values):
                writer.add(
                    "descriptive",
                    statistic,
                    value,
                    variable=name,
                    level=f"arm {arm}",
                    n=values.size,
                    status=status,
                )


def _summaries(values: np.ndarray) -> list[tuple[str, float, Status]]:
    if values.size == 0:
        names = ("mean", "standard_deviation", "quartile_1", "median", "quartile_3")
        return [(name, NAN, Status.EMPTY_ARM) for name in names]
    quartiles = quantiles(values, (0.25, 0.5, 0.75))
    spread = (
        ("standard_deviation", float(values.std(ddof=1)), Status.OK)
        if values.size > 1
        else ("standard_deviation", NAN, Status.NOT_APPLICABLE)
    )
    return [
        ("mean", float(values.mean()), Status.OK),
        spread,
        ("quartile_1", quartiles[0], Status.OK),
        ("median", quartiles[1], Status.OK),
        ("quartile_3", quartiles[2], Status.OK),
    ]
