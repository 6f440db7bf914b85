"""The work unit as a loop over lifelines and scikit-learn."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from lifelines import CoxPHFitter, KaplanMeierFitter
from lifelines.statistics import logrank_test
from sklearn.linear_model import LogisticRegression
from unit_cohort import CALIPERS, LANDMARK, SURVIVAL_TIMES, UnitCohort

SCORE_SCALE = 1e9


def estimates(
    cohort: UnitCohort,
    calipers: tuple[float, ...] = CALIPERS,
    *,
    cox_options: Mapping[str, float] | None = None,
) -> np.ndarray:
    """Estimates before and after matching, shape (calipers, 2, 21); nothing is shared between calipers.

    It is timed with the convergence criteria of lifelines; ``cox_options`` (see its ``fit_options``) gives
    others, as the comparison to 1e-6 needs.
    """
    return np.array([_unit(cohort, caliper, cox_options) for caliper in calipers])


def _unit(cohort: UnitCohort, caliper: float, cox_options: Mapping[str, float] | None) -> list[np.ndarray]:
    score = _score(cohort)
    width = np.inf if np.isinf(caliper) else np.rint(caliper * np.std(score, ddof=1))
    matched = _match(score, cohort.arm, cohort.priority, width)
    everybody = np.arange(cohort.time.size)
    return [_describe(cohort, rows, cox_options) for rows in (everybody, matched)]


def _score(cohort: UnitCohort) -> np.ndarray:
    """Logit in units of 1e-9, so that patients with the same covariates tie."""
    # C = inf is no penalty; the tolerance is as tight as that of the other implementations.
    model = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10)
    model.fit(cohort.scores, cohort.arm)
    return np.rint(model.decision_function(cohort.scores) * SCORE_SCALE)


def _match(score: np.ndarray, arm: np.ndarray, priority: np.ndarray, width: float) -> np.ndarray:
    """Rows matched 1:1, greedily from the hardest to match, to the nearest patient still free."""
    focal = 1 if 2 * arm.sum() <= arm.size else 0
    descending = -score if focal == 1 else score
    order = np.lexsort((priority, descending))
    takers = order[arm[order] == focal]
    # By priority, so that the first of equally near patients is the one who comes first.
    others = np.flatnonzero(arm != focal)
    others = others[np.argsort(priority[others])]
    free = score[others].copy()
    rows = []
    for taker in takers:
        distance = np.abs(free - score[taker])
        nearest = np.argmin(distance)
        if distance[nearest] <= width and np.isfinite(free[nearest]):
            rows += [taker, others[nearest]]
            free[nearest] = np.inf
    return np.sort(np.array(rows, dtype=np.int64))


def _describe(cohort: UnitCohort, rows: np.ndarray, cox_options: Mapping[str, float] | None) -> np.ndarray:
    time, event, groups = cohort.time[rows], cohort.event[rows], cohort.groups[:, rows]
    tests = [_log_rank(time, event, group) for group in groups]
    survival = []
    for side in (0, 1):
        arm = groups[0] == side
        curve = KaplanMeierFitter().fit(time[arm], event[arm])
        survival += list(curve.survival_function_at_times(SURVIVAL_TIMES))
    frame = pd.DataFrame(cohort.design[rows]).assign(time=time, event=event)
    model = CoxPHFitter().fit(frame, "time", "event", fit_options=cox_options)
    late = time >= LANDMARK
    landmark = _log_rank(time[late], event[late], groups[0, late])
    return np.array([*tests, *survival, *model.params_, landmark])


def _log_rank(time: np.ndarray, event: np.ndarray, group: np.ndarray) -> float:
    first = group == 0
    return logrank_test(time[first], time[~first], event[first], event[~first]).test_statistic
