"""The cohort that every implementation of a work unit gets, and its exchange with R."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

CALIPERS = (0.05, 0.1, 0.2, 0.25, 0.5, np.inf)
SURVIVAL_TIMES = (12.0, 24.0, 36.0)
LANDMARK = 8.0
FACTORS = 8
SCORED = 4
# Nine log-ranks, survival at three times in two arms, five Cox coefficients, one landmark log-rank.
ESTIMATES = 9 + 6 + 5 + 1


@dataclass(frozen=True, slots=True)
class UnitCohort:
    """Patients in ascending time.

    Attributes
    ----------
    time : np.ndarray
        Months in tenths, so that times tie, shape (n,).
    event, arm : np.ndarray
        0 or 1, int64, shape (n,).
    factors : np.ndarray
        Dichotomous factors, shape (n, 8), int64.
    scores : np.ndarray
        Covariates of the propensity score, shape (n, 4).
    priority : np.ndarray
        Order in which patients of equal score are matched, int64, shape (n,).
    """

    time: np.ndarray
    event: np.ndarray
    arm: np.ndarray
    factors: np.ndarray
    scores: np.ndarray
    priority: np.ndarray

    @property
    def groups(self) -> np.ndarray:
        """The arm and the factors, each tested by a log-rank, shape (9, n)."""
        return np.ascontiguousarray(np.vstack([self.arm, self.factors.T]))

    @property
    def design(self) -> np.ndarray:
        """The arm and four factors, the covariates of the Cox model, shape (n, 5)."""
        return np.column_stack([self.arm, self.factors[:, :SCORED]]).astype(np.float64)


def unit_cohort(patients: int, *, continuous: bool = False, seed: int = 0) -> UnitCohort:
    """Simulate patients whose dose depends on what also drives survival.

    ``continuous`` gives the score four normal covariates in place of four of the factors: then nobody
    shares a score, and a score has as many patterns of covariates as patients.
    """
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, 2, (patients, FACTORS))
    scores = factors[:, :SCORED] + (rng.normal(size=(patients, SCORED)) if continuous else 0.0)
    arm = (rng.random(patients) < 1 / (1 + np.exp(0.5 - scores[:, 0]))).astype(np.int64)
    # Whole tenths from here on: a decimal time read back from text is the same time.
    death = np.ceil(10 * rng.exponential(18, patients) * np.exp(0.3 * arm - 0.3 * factors[:, 0]))
    censoring = rng.integers(120, 640, patients)
    tenths = np.minimum(death, censoring)
    order = np.argsort(tenths, kind="stable")
    return UnitCohort(
        time=tenths[order] / 10,
        event=(death <= censoring)[order].astype(np.int64),
        arm=arm[order],
        factors=factors[order].astype(np.int64),
        scores=np.ascontiguousarray(scores[order], dtype=np.float64),
        priority=rng.permutation(patients).astype(np.int64),
    )


def write_cohort(cohort: UnitCohort, path: Path) -> None:
    """Write the cohort for R, every number with all its digits."""
    columns = {"time": cohort.time, "event": cohort.event, "arm": cohort.arm, "priority": cohort.priority}
    columns |= {f"factor{j + 1}": column for j, column in enumerate(cohort.factors.T)}
    columns |= {f"score{j + 1}": column for j, column in enumerate(cohort.scores.T)}
    np.savetxt(
        path, np.column_stack([*columns.values()]), "%.17g", ",", header=",".join(columns), comments=""
    )
