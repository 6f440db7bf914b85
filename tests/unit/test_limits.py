"""Limits count values that miss them by rounding only."""

import numpy as np
import pytest

from survival_multiverse.limits import at_least, at_most


def test_a_sum_of_fractions_reaches_its_decimal():
    total = float(np.cumsum(np.full(35, 1.8))[-1])
    assert total < 63
    assert at_least([total], 63).all()
    assert at_most([63 + (63 - total)], 63).all()


@pytest.mark.parametrize("limit", [63.0, 0.1, -2.5])
def test_values_beyond_rounding_stay_outside(limit):
    step = 1e-8 * abs(limit)
    assert not at_least([limit - step], limit).any()
    assert not at_most([limit + step], limit).any()


def test_gaps_meet_no_limit_and_infinite_limits_exclude_nobody():
    assert at_least([np.nan, 1.0], -np.inf).tolist() == [False, True]
    assert at_most([np.nan, 1.0], np.inf).tolist() == [False, True]
