import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_frames import canonical_patients, small_study

from survival_multiverse.arm_curves import describe_arms
from survival_multiverse.coarse_curves import coarse_curve
from survival_multiverse.curves import kaplan_meier
from survival_multiverse.multiverse import anchor_samples

PATIENTS = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 1)), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(PATIENTS, st.integers(1, 7))
def test_every_step_holds_enough_deaths_and_lies_on_the_estimate(rows, minimum):
    time, event = (np.array(column) for column in zip(*rows, strict=True))
    curve = coarse_curve(time.astype(float), event, minimum=minimum)
    assert curve.iloc[0].tolist() == [0.0, 1.0, len(rows)]
    whole = kaplan_meier(time.astype(float), event)
    exact = dict(zip(whole.time, whole.survival, strict=True))
    edges = curve["time"].to_numpy()
    for before, after, survival in zip(edges[:-1], edges[1:], curve["survival"][1:], strict=True):
        assert survival == exact[after]
        assert event[(time > before) & (time <= after)].sum() >= minimum
    # No death is left out once there has been a step.
    if len(edges) > 1:
        assert not event[time > edges[-1]].any()
    else:
        assert event.sum() < minimum


@pytest.fixture(scope="module")
def found():
    patients = canonical_patients(small_study())
    return patients, describe_arms(patients, small_study())


def test_arms_are_those_of_the_scenarios(found):
    patients, tables = found
    links = tables["arm_curves"]
    samples = anchor_samples(patients, small_study())
    for name in small_study().adjustment_sets:
        here = links[(links["adjustment_set"] == name) & (links["oligo_threshold"] == 5)]
        here = here[(here["dose_cutoff"] == 63) & (here["gtv_cutoff"] == 146) & (here["caliper"] == 0.2)]
        counts = samples[f"matched:{name}"]["arm"].value_counts()
        assert dict(zip(here["arm"], here["n"], strict=True)) == counts.to_dict()
    unmatched = links[links["estimator"] == "unadjusted"]
    assert len(unmatched) == 2 * 2 * 2


def test_equal_curves_are_kept_once(found):
    _, tables = found
    links, curves = tables["arm_curves"], tables["survival_curves"]
    assert set(links["curve"]) - {""} == set(curves["curve"])
    assert curves["curve"].nunique() < len(links)
    contents = {tuple(map(tuple, rows[["time", "survival", "at_risk"]].to_numpy())) for _, rows in
                curves.groupby("curve")}  # fmt: skip
    assert len(contents) == curves["curve"].nunique()


def test_small_arms_have_no_curve():
    patients = canonical_patients(small_study())
    patients = patients[(patients["dose"] < 63) | (patients.index < 6)]
    links = describe_arms(patients, small_study())["arm_curves"]
    small = links[links["n"] < small_study().minimum_cell]
    assert len(small)
    assert set(small["curve"]) == {""}


def test_score_overlap_counts_the_patients_and_holds_back_small_classes(found):
    patients, tables = found
    overlap = tables["score_overlap"]
    assert not ((overlap["patients"] > 0) & (overlap["patients"] < small_study().minimum_cell)).any()
    known = patients[(patients["lesions"] >= 5) & patients["response"].notna()]
    first = overlap[(overlap["adjustment_set"] == "as_published") & (overlap["estimator"] == "unadjusted")]
    for arm in (0, 1):
        here = first[first["arm"] == arm]
        total = int(((known["dose"] >= 63) == bool(arm)).sum())
        assert here["patients"].sum() <= total
        # A single hidden class would follow from the total.
        assert here["patients"].isna().sum() != 1


def test_row_order_changes_nothing(found):
    patients, tables = found
    again = describe_arms(patients.sample(frac=1, random_state=1), small_study())
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, again[name])
