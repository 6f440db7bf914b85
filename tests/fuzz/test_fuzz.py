"""A few of the random studies; `run.py` checks thousands, against R too."""

import pytest
from invariants import check_study
from random_studies import random_study


@pytest.mark.parametrize("seed", range(1, 13))
def test_no_estimate_is_wrong_in_silence(seed):
    assert check_study(*random_study(seed)) == []
