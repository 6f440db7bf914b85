"""Counts in classes, and tables of declared columns."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_frames import canonical_patients, small_study
from report_page import kept_tables

from survival_multiverse.cohort.disclosure import count_words, shown_count
from survival_multiverse.report.release import (
    MEASURED,
    SCHEMA,
    Kind,
    cohort_counts,
    kind_of,
    release,
    significant,
)
from survival_multiverse.report.words.measures import RATIOS


@pytest.mark.parametrize(
    ("count", "shown", "words"),
    [
        (0, 0, "0"),
        (1, 2, "<5"),
        (4, 2, "<5"),
        (5, 7, "7"),
        (9, 7, "7"),
        (183, 182, "182"),
        (1234, 1232, "1,232"),
    ],
)
def test_a_count_is_the_middle_of_its_class(count, shown, words):
    assert shown_count(count, minimum=5) == shown
    assert count_words(count, minimum=5) == words


@pytest.mark.parametrize("minimum", [0, 1])
def test_without_a_minimum_counts_are_as_they_are(minimum):
    assert shown_count([0, 1, 7], minimum=minimum).tolist() == [0, 1, 7]


@given(st.integers(0, 10_000), st.integers(0, 10_000), st.integers(2, 20))
def test_no_difference_is_known_better_than_to_a_class(one, other, minimum):
    shown = shown_count([one, other, np.nan], minimum=minimum)
    assert np.isnan(shown[2])
    assert np.array_equal(shown_count(shown, minimum=minimum), shown, equal_nan=True)
    assert abs(shown[0] - one) <= minimum / 2
    same = shown_count(np.arange(minimum * (one // minimum), minimum * (one // minimum + 1)), minimum=minimum)
    assert len(set(same) - {0.0}) == 1


@given(st.floats(-1e6, 1e6).filter(lambda value: value == 0 or abs(value) > 1e-9))
def test_three_digits_that_stay_on_their_side(value):
    (shown,) = significant(np.array([value]))
    assert abs(shown - value) <= 0.00501 * abs(value)
    for boundary in (1.0, 0.05):
        if abs(value - boundary) > 1e-5:
            assert np.sign(shown - boundary) == np.sign(value - boundary)
    assert significant(np.array([0.67549, 1234.5, 0.0])).tolist() == [0.675, 1230.0, 0.0]
    assert significant(np.array([0.99996])).tolist() == [0.99996]


def test_what_is_not_declared_cannot_be_shared():
    study = small_study()
    patients = canonical_patients(study)
    with pytest.raises(ValueError, match=r"survival_curves\.doctor is not declared"):
        release({"survival_curves": pd.DataFrame({"curve": [], "doctor": []})}, study)
    with pytest.raises(ValueError, match=r"patients\.time is not declared"):
        release({"patients": patients[["time"]]}, study)


@pytest.mark.slow
def test_released_tables_hold_no_exact_count_and_no_patient():
    study = small_study()
    patients = canonical_patients(study)
    kept = kept_tables(study, patients)
    shared = release(kept, study)
    measured = {own: name for name, own in MEASURED.items()} | {RATIOS: "specifications"}
    assert set(shared) == {*kept, *measured}
    for own, frame in shared.items():
        name = measured.get(own, own)
        if name not in SCHEMA:
            continue
        # The columns of decisions hold options, which count nobody.
        for column in set(frame) - set(study.decisions):
            if kind_of(name, column) is Kind.COUNT:
                counts = frame[column].dropna().to_numpy()
                assert np.isin(counts, shown_count(np.arange(1000), minimum=study.minimum_count)).all()
    primary = shared["primary"]
    times = primary[
        (primary.analysis == "follow_up") & primary.statistic.isin(["alive_minimum", "alive_maximum"])
    ]
    assert len(times)
    assert times.estimate.isna().all()
    assert set(shared["cohort"]["patients"]) == set(shown_count([len(patients)], minimum=study.minimum_count))
    exact = cohort_counts(patients).set_index("variable")["n_missing"]
    assert exact["response"] == patients["response"].isna().sum()


def test_cutoffs_are_apart_by_enough_patients():
    rows = pd.DataFrame({"cutoff": [1.0, 2, 3, 4, 5], "n_above": [30, 27, 25, 21, 18], "n_below": 0})
    rows = rows.assign(population="all", variable="dose", status=["ok"] * 4 + ["ok"])
    shared = release({"cutpoints": rows}, small_study())["cutpoints"]
    assert shared["cutoff"].tolist() == [1, 3, 5]
    assert shared["n_above"].tolist() == [32, 27, 17]
