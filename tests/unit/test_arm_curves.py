import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_frames import canonical_patients, small_study

from survival_multiverse.cohort.coarse_curves import coarse_curve, time_step
from survival_multiverse.estimators.curves import kaplan_meier
from survival_multiverse.scenario.arm_curves import describe_arms
from survival_multiverse.scenario.multiverse import primary_samples

PATIENTS = st.lists(st.tuples(st.integers(1, 30), st.integers(0, 1)), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(PATIENTS, st.integers(1, 7), st.sampled_from([0.5, 1.0, 4.0]))
def test_steps_fall_on_the_grid_hold_enough_deaths_and_lie_on_the_estimate(rows, minimum, step):
    time, event = (np.array(column) for column in zip(*rows, strict=True))
    time = time * 1.3
    curve = coarse_curve(time, event, minimum=minimum, step=step)
    assert curve.iloc[0].tolist() == [0.0, 1.0, 1.0, 1.0, len(rows)]
    whole = kaplan_meier(time, event)
    edges, levels = curve["time"].to_numpy(), curve["survival"].to_numpy()
    np.testing.assert_allclose(edges / step, np.round(edges / step))
    for before, after, level, survival in zip(edges[:-1], edges[1:], levels[:-1], levels[1:], strict=True):
        assert survival == np.append(whole.survival[whole.time <= after], 1.0).min()
        deaths = event[(time > before) & (time <= after)].sum()
        assert deaths >= minimum or (deaths == 0 and survival == level and after == edges[-1])
    np.testing.assert_array_equal(curve["at_risk"], [(time >= edge).sum() for edge in edges])
    # What is left at the end is fewer deaths than a step holds; after the last of all, enough are at risk.
    left = event[time > edges[-1]].sum()
    assert left < minimum
    if len(edges) > 1 and levels[-1] == levels[-2]:
        assert left == 0
        assert (time >= edges[-1]).sum() >= minimum


def test_limits_are_those_of_the_estimate_and_the_grid_is_of_the_settings():
    study = small_study()
    patients = canonical_patients(study)
    time, event = patients["time"].to_numpy(), patients["event"].to_numpy()
    step = time_step(study)
    assert step == 1.0
    curve = coarse_curve(time, event, minimum=5, step=step, conf_type="log", level=0.9)
    whole = kaplan_meier(time, event, conf_type="log", level=0.9)
    for row in curve.iloc[1:].itertuples():
        place = np.flatnonzero(whole.time <= row.time)[-1]
        assert (row.ci_lower, row.ci_upper) == (whole.ci_lower[place], whole.ci_upper[place])


def test_curves_of_all_scenarios_share_the_grid(found):
    _, tables = found
    times = tables["survival_curves"]["time"] / time_step(small_study())
    np.testing.assert_allclose(times, np.round(times))


@pytest.fixture(scope="module")
def found():
    patients = canonical_patients(small_study())
    return patients, describe_arms(patients, small_study())


def test_arms_are_those_of_the_scenarios(found):
    patients, tables = found
    links = tables["arm_curves"]
    samples = primary_samples(patients, small_study())
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
    small = links[links["n"] < small_study().minimum_count]
    assert len(small)
    assert set(small["curve"]) == {""}


def test_score_overlap_counts_the_patients(found):
    patients, tables = found
    overlap = tables["score_overlap"]
    known = patients[(patients["lesions"] >= 5) & patients["response"].notna()]
    first = overlap[(overlap["adjustment_set"] == "as_published") & (overlap["estimator"] == "unadjusted")]
    for arm in (0, 1):
        total = int(((known["dose"] >= 63) == bool(arm)).sum())
        assert first.loc[first["arm"] == arm, "patients"].sum() == total


def test_row_order_changes_nothing(found):
    patients, tables = found
    again = describe_arms(patients.sample(frac=1, random_state=1), small_study())
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, again[name])
