"""The work unit by the project's own kernels."""

from functools import partial

import numpy as np
from unit_cohort import CALIPERS, ESTIMATES, LANDMARK, SURVIVAL_TIMES, UnitCohort
from work_unit import work_units


def estimates(cohort: UnitCohort, calipers: tuple[float, ...] = CALIPERS) -> np.ndarray:
    """Estimates before and after matching, shape (calipers, 2, 21); calipers share what they do not touch."""
    run, out = prepared(cohort, calipers)
    run(out)
    return out


def prepared(cohort: UnitCohort, calipers: tuple[float, ...]) -> tuple[partial, np.ndarray]:
    """The kernel with its arguments, and the array it fills: a unit takes too little time to prepare them."""
    run = partial(
        work_units,
        cohort.time,
        cohort.event,
        cohort.arm,
        cohort.scores,
        cohort.groups,
        cohort.design,
        np.argsort(cohort.priority),
        cohort.priority,
        np.array(calipers),
        np.array(SURVIVAL_TIMES),
        LANDMARK,
    )
    return run, np.empty((len(calipers), 2, ESTIMATES))
