"""Patients and deaths by arm."""

import numpy as np
from numba import njit


@njit(cache=True)
def arm_counts(event, arm):
    """Count patients and deaths in arm 0 and arm 1: n_0, n_1, deaths_0, deaths_1."""
    n_1 = deaths = deaths_1 = 0
    for i in range(event.shape[0]):
        n_1 += arm[i]
        deaths += event[i]
        deaths_1 += event[i] * arm[i]
    return event.shape[0] - n_1, n_1, deaths - deaths_1, deaths_1


@njit(cache=True)
def arms_suffice(event, arm, minimum_events):
    """Return whether both arms have patients and enough deaths."""
    n_0, n_1, deaths_0, deaths_1 = arm_counts(event, arm)
    return min(n_0, n_1) > 0 and min(deaths_0, deaths_1) >= minimum_events


@njit(cache=True)
def whole_pairs(event, pair):
    """Count patients and deaths among the rows whose partner is there as well."""
    members = np.zeros(np.max(pair) + 1 if pair.shape[0] else 0, dtype=np.int64)
    for code in pair:
        members[code] += 1
    patients = deaths = 0
    for i in range(pair.shape[0]):
        if members[pair[i]] == 2:
            patients += 1
            deaths += event[i]
    return patients, deaths
