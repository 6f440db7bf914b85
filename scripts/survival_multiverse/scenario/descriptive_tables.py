"""Rows that describe a sample: counts, means, chi-square tests between the arms, missing values."""

import numpy as np

from survival_multiverse.cohort.sample import Factor, Sample, measured
from survival_multiverse.estimators.contingency import chi_square_of_counts
from survival_multiverse.kernels.distribution import distribution
from survival_multiverse.scenario.rows import RowWriter
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.study import Study

DISTRIBUTION = ("mean", "standard_deviation", "quartile_1", "median", "quartile_3")


def write_counts(writer: RowWriter, sample: Sample) -> None:
    """Write patients by arm and level, Pearson's chi-square without correction, gaps by variable."""
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
    """Write and return patients of each arm at each level: arm 0 and arm 1 of each level in turn."""
    # A gap, -1, counts before the first level.
    cells = np.bincount(codes * 2 + sample.arm + 2, minlength=2 * len(factor.levels) + 2)[2:]
    n = int(cells.sum())
    for position, count in enumerate(cells.tolist()):
        level = factor.levels[position // 2]
        statistic = f"patients_{position % 2}"
        writer.add("descriptive", statistic, float(count), variable=factor.name, level=level, n=n)
    return cells


def write_distributions(writer: RowWriter, sample: Sample, study: Study) -> None:
    """Write mean, SD and quartiles of the continuous variables by arm, where they were measured."""
    if not measured(study):
        return
    for name, column in zip(sample.names, np.ascontiguousarray(sample.values.T), strict=True):
        for arm in (0, 1):
            n, *numbers = distribution(column, sample.arm, arm)
            for statistic, value in zip(DISTRIBUTION, numbers, strict=True):
                status = Status.OK if n else Status.EMPTY_ARM
                # One patient has no spread.
                if n == 1 and statistic == "standard_deviation":
                    status = Status.NOT_APPLICABLE
                writer.add(
                    "descriptive", statistic, value, variable=name, level=f"arm {arm}", n=n, status=status
                )
