"""Times of treatment: settings, columns, the table of the ways to count the time before it, and the page."""

import copy
import dataclasses

import numpy as np
import pandas as pd
import pytest
from cohorts import (
    study_treatment,
    transplant_config,
    transplant_frame,
    transplant_patients,
    transplant_study,
)
from lifelines.datasets import load_stanford_heart_transplants
from report_frames import estimate, grid, patients_study, small_study, specifications
from test_claim import joint_of, primary_rows

from survival_multiverse.cohort.preparation import InputError, prepare_cohort
from survival_multiverse.cohort.treatment_course import COMPLETION, START, derived_completion
from survival_multiverse.emulation.emulate import emulate
from survival_multiverse.emulation.immortal_time import immortal_time, primary_ways
from survival_multiverse.emulation.study_treatment import grace_periods
from survival_multiverse.emulation.treatment_times import treatment_times
from survival_multiverse.files.study_files import IMMORTAL_TIME, charted_files, treatment_tables
from survival_multiverse.report.charts.immortal_charts import immortal_chart
from survival_multiverse.report.charts.summary import summary_svg
from survival_multiverse.report.release import release
from survival_multiverse.report.tables.decision_tables import decisions_table
from survival_multiverse.report.tables.treatment_tables import immortal_table, ways_table
from survival_multiverse.report.words.claim import evidence
from survival_multiverse.report.words.immortal_time import (
    everybody_alive,
    no_treatment_times,
    treatment_caution,
    treatment_methods,
)
from survival_multiverse.report.words.methods import references
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import validate_config


@pytest.fixture(scope="module")
def table():
    return immortal_time(transplant_patients(), transplant_study())


@pytest.fixture(scope="module")
def shared(table):
    return release({"immortal_time": table}, transplant_study())["immortal_time"]


def test_the_primary_scenario_comes_first(table):
    """Other tests read its nine rows there."""
    assert primary_ways(table).index.tolist() == list(range(9))
    # Nine ways, two forms of age and of year, with and without those who had surgery before.
    assert len(table) == 9 * 2 * 2 * 2
    assert table["caliper"].isna().all()


def ratio(table, method, parameter=None):
    rows = table[table["method"] == method]
    rows = rows if parameter is None else rows[rows["parameter"] == parameter]
    return float(rows["hazard_ratio"].iloc[0])


# A course of radiotherapy: dose in fractions, or dated.


def course_config(treatment, **changes):
    config = transplant_config(source="file", file="patients.csv", treatment=treatment, **changes)
    config["cohort"].pop("dataset")
    config["cohort"]["dose"] = {"column": "gray", "label": "Dose", "unit": "Gy"}
    config["study"] = {**config["study"], "primary": {"dose_cutoff": 60}}
    config["decisions"] = {
        "dose_cutoff": {"varies": "dose", "type": "non_equivalent", "options": [{"value": 60, "reason": ""}]}
    }
    return config


def course_study(treatment, **changes):
    config = course_config(treatment, **changes)
    validate_config(config)
    return Study.from_config(config)


def course_frame(n=60):
    random = np.random.default_rng(5)
    frame = transplant_frame().iloc[:n].drop(columns=["transplant", "wait"])
    return frame.assign(
        time=np.round(random.uniform(60, 500, n)),
        gray=random.choice([0.0, 40.0, 60.0, 66.0], n, p=[0.2, 0.2, 0.3, 0.3]),
        began=lambda rows: np.where(rows["gray"] > 0, np.round(random.uniform(0, 8, n)), np.nan),
        ended=lambda rows: rows["began"] + np.ceil(rows["gray"] / 2) * 7 / 5,
        fraction=2.0,
    )


FRACTIONS = {"fraction_dose": 2, "fractions_per_week": 5}
BEGAN, ENDED = {"start": {"column": "began"}}, {"completion": {"column": "ended"}}
GROUPS = {"column": "transplant", "levels": [0, 1, 2]}


@pytest.mark.parametrize(
    ("cohort", "fault"),
    [
        ({"treatment": {}}, "cohort.treatment.start: no time is given"),
        ({"treatment": {"completion": {"column": "wait"}}}, "cohort.treatment.start: an exposure in groups"),
        ({"treatment": BEGAN | ENDED}, "cohort.treatment.completion: an exposure in groups begins"),
        ({"treatment": {"start": {"column": "time"}}}, "start.column: `time` is cohort.time already"),
        ({"dose": GROUPS}, "cohort.treatment: the exposure has 3 groups"),
        ({"entry": {"column": "entered"}}, "cohort.treatment: the ways to deal with the time before"),
        ({"source": "reconstructed"}, "cohort.treatment.start: reconstructed patients have no such column"),
    ],
)
def test_faults_of_the_settings(cohort, fault):
    with pytest.raises(InputError) as found:
        validate_config(transplant_config(**cohort))
    assert fault in str(found.value)


@pytest.mark.parametrize(
    ("treatment", "fault"),
    [
        ({"fraction_dose": 2}, "cohort.treatment.fraction_dose: the completion follows from both"),
        (FRACTIONS | ENDED, "cohort.treatment.fraction_dose: with completion there is nothing to derive"),
        (FRACTIONS | {"fraction_dose": 0}, "cohort.treatment.fraction_dose: is a number above 0"),
    ],
)
def test_faults_of_a_course(treatment, fault):
    with pytest.raises(InputError) as found:
        validate_config(course_config(treatment))
    assert fault in str(found.value)


def test_weeks_need_a_unit_of_time():
    config = course_config(FRACTIONS)
    config["cohort"]["time"] = config["cohort"]["time"] | {"unit": "cycles"}
    with pytest.raises(InputError, match="it is not known how many make a week; use days, weeks, months"):
        validate_config(config)


def test_grace_periods_need_times_of_treatment():
    config = transplant_config()
    del config["cohort"]["treatment"]
    with pytest.raises(InputError, match=r"analysis.grace_periods: no time of treatment is known"):
        validate_config(config)


@pytest.mark.parametrize(
    ("column", "value", "fault"),
    [
        ("wait", -1.0, "column `wait` (start of treatment): negative in 1 row (first: 4)"),
        ("wait", 40.0, "column `wait` (start of treatment): after the survival time in 1 row (first: 4)"),
        ("wait", np.nan, "none, though column `transplant` says 1, in 1 row (first: 4); give the start"),
        ("transplant", 0, "given, though column `transplant` says 0, in 1 row (first: 4); leave it empty"),
        ("wait", "soon", "text where a number is needed"),
    ],
)
def test_faults_of_the_start(column, value, fault):
    frame = transplant_frame().astype({column: object})
    assert (frame.loc[3, "time"], frame.loc[3, "wait"]) == (39.0, 36.0)
    frame.loc[3, column] = value
    with pytest.raises(InputError) as found:
        prepare_cohort(frame, transplant_study())
    assert fault in str(found.value)


@pytest.mark.parametrize(
    ("treatment", "change", "fault"),
    [
        (BEGAN, {"began": np.nan}, "none, though column `gray` (dose) is above 0, in 1 row"),
        (
            BEGAN | ENDED,
            {"ended": np.nan},
            "column `ended` (completion of treatment): none, though",
        ),
        (BEGAN | ENDED, {"ended": -3.0}, "column `ended` (completion of treatment): before the start in 1"),
        (BEGAN | ENDED, {"ended": 1e3}, "column `ended` (completion of treatment): after the survival time"),
        (
            FRACTIONS,
            {"time": 20.0},
            "the total dose, with its fractions, would be complete after",
        ),
        (
            FRACTIONS | {"fraction_dose": "fraction"},
            {"fraction": 0.0},
            "column `fraction` (fraction dose)",
        ),
    ],
)
def test_faults_of_a_course_in_the_file(treatment, change, fault):
    frame, study = course_frame(), course_study(treatment)
    prepare_cohort(frame, study)
    (row,) = np.flatnonzero(frame["gray"] > 0)[:1]
    frame.loc[row, list(change)] = list(change.values())
    with pytest.raises(InputError) as found:
        prepare_cohort(frame, study)
    assert fault in str(found.value)


def test_never_treated_is_no_gap():
    """The example refuses gaps, and a third of its patients have no start."""
    patients = transplant_patients()
    assert patients[START].isna().sum() == 34
    assert (patients[START].isna() == (patients["dose"] == 0)).all()
    assert COMPLETION not in patients


def test_patients_who_come_in_intervals_have_one_row_each():
    frame, raw = transplant_frame(), load_stanford_heart_transplants()
    assert len(frame) == raw["id"].nunique() == 103
    for patient, rows in raw.groupby("id"):
        own = frame[frame["id"] == patient].iloc[0]
        under = rows[rows["transplant"] == 1]
        assert (own["time"], own["event"]) == (rows["stop"].max(), rows["event"].max())
        assert own["transplant"] == len(under)
        assert own["wait"] == pytest.approx(under["start"].iloc[0] if len(under) else np.nan, nan_ok=True)


def test_completion_of_a_total_dose():
    # 35 fractions of 1.8 Gy, 7 weeks; the last fraction may be smaller; none takes no time.
    found = derived_completion(np.array([63.0, 62.99999999999996, 62.0, 1.0, 0.0]), 1.8, 5.0, "days")
    np.testing.assert_allclose(found, [49, 49, 49, 7 / 5, 0])
    assert derived_completion(63.0, 1.8, 5.0, "months") == pytest.approx(49 / (365.25 / 12))
    assert derived_completion(60.0, 1.5, 10.0, "Weeks") == pytest.approx(4)
    # Added up, 12 fractions of 2.67 Gy are a little more than 12 times as much.
    assert sum([2.67] * 12) / 2.67 > 12
    assert derived_completion(sum([2.67] * 12), 2.67, 1.0, "weeks") == 12
    with pytest.raises(ValueError, match="cycles is no unit of time"):
        derived_completion(63.0, 1.8, 5.0, "cycles")


def test_a_dose_is_received_when_it_reaches_the_cutoff():
    frame = course_frame()
    dated, derived = course_study(BEGAN | ENDED), course_study(BEGAN | FRACTIONS)
    own = study_treatment(prepare_cohort(frame, dated).patients, dated)
    high = frame["gray"] >= 60
    # 60 of 66 Gy after 60/66 of the course: 30 fractions of 2 Gy, 6 weeks.
    np.testing.assert_allclose(np.sort(own.start[own.treated]), np.sort(frame["began"][high] + 42))
    assert own.treated.sum() == high.sum()
    other = study_treatment(prepare_cohort(frame, derived).patients, derived)
    np.testing.assert_allclose(other.start, own.start)
    # Without a completion all of it counts at the start; without a start the course begins at time zero.
    begun = course_study(BEGAN)
    own = study_treatment(prepare_cohort(frame, begun).patients, begun)
    np.testing.assert_allclose(np.sort(own.start[own.treated]), np.sort(frame["began"][high]))
    zero = course_study(FRACTIONS)
    own = study_treatment(prepare_cohort(frame, zero).patients, zero)
    np.testing.assert_allclose(own.start[own.treated], 42)


def test_who_is_treated_after_another_endpoint_was_not_treated_before_it():
    config = transplant_config()
    endpoint = {"time": "relapse", "event": "event", "label": "Relapse", "plural": "relapses"}
    config["decisions"] = {
        "endpoint": {
            "type": "non_equivalent",
            "options": [{"value": "relapse", "reason": "", "endpoint": endpoint}],
        }
    }
    config["study"] = {**config["study"], "primary": {}}
    validate_config(config)
    study = Study.from_config(config)
    frame = transplant_frame().assign(relapse=lambda rows: np.minimum(rows["time"], 30.0))
    own = study_treatment(prepare_cohort(frame, study).patients, study)
    assert own.time.max() == 30
    assert own.treated.sum() == (frame["wait"] <= frame["relapse"]).sum() < frame["wait"].notna().sum()


def test_the_table_is_that_of_the_library(table):
    """`emulate` on the data set as its authors coded it; test_emulation.py compares that with R."""
    frame = transplant_frame()
    X = frame[["age", "year", "surgery"]].to_numpy(float)
    own = treatment_times(frame["time"], frame["event"], frame["wait"], X, ("age", "year", "surgery"))
    expected = emulate(own, landmarks=[15, 30, 60], graces=[15, 30, 60, 90])
    table = primary_ways(table)
    assert table["method"].tolist() == expected["method"].tolist()
    numbers = expected.select_dtypes("number").columns
    np.testing.assert_allclose(table[numbers], expected[numbers], rtol=1e-7)
    assert set(table["population"]) == {"all"}
    assert set(table["adjustment_set"]) == {"at_acceptance"}
    assert "at 30 days, hazard" in table["estimand"][2]
    assert "treated by 90 days against" in table["estimand"].iloc[-1]


def test_the_naive_way_flatters(table):
    assert ratio(table, "naive") == pytest.approx(0.182, abs=5e-4)
    assert ratio(table, "time_dependent") == pytest.approx(0.990, abs=5e-4)
    assert ratio(table, "clone_censor_weight", 30) == pytest.approx(0.974, abs=5e-4)


def test_the_order_of_the_rows_makes_no_difference(table):
    frame = transplant_frame().sample(frac=1, random_state=2)
    other = immortal_time(prepare_cohort(frame, transplant_study()).patients, transplant_study())
    pd.testing.assert_frame_equal(other, table, check_exact=True)


def test_patients_without_a_covariate_of_the_set_are_left_out():
    config = transplant_config(missing_values="complete_case")
    study = Study.from_config(config)
    frame = transplant_frame()
    frame.loc[[1, 2], "year"] = np.nan
    own = study_treatment(prepare_cohort(frame, study).patients, study)
    assert own.time.size == 101


def test_bootstrap_draws_are_those_of_the_study():
    study = transplant_study()
    few = study.inference.model_copy(update={"bootstrap_draws": 3})
    analysis = study.analysis.model_copy(update={"landmarks": (30,), "grace_periods": ()})
    study = dataclasses.replace(study, inference=few, analysis=analysis)
    found = immortal_time(transplant_patients(), study)
    assert found["method"].tolist() == ["naive", "landmark", "time_dependent"] * 8
    # In the primary scenario alone.
    assert found["draws_estimated"].tolist() == [3] * 3 + [0] * 21
    assert immortal_table(found, study)["Bootstrap CI"].str.contains(" to ").all()


def test_grace_periods_are_the_landmarks_unless_given():
    config = transplant_config()
    assert grace_periods(Study.from_config(config)) == (15, 30, 60, 90)
    config["analysis"] = {key: own for key, own in config["analysis"].items() if key != "grace_periods"}
    assert grace_periods(Study.from_config(config)) == (15, 30, 60)


def test_only_cohorts_with_times_have_the_table():
    config = transplant_config()
    assert treatment_tables(config) == IMMORTAL_TIME
    assert charted_files(config)["immortal_time"] == "results/robustness/immortal_time.parquet"
    without = copy.deepcopy(config)
    del without["cohort"]["treatment"]
    for other in (without, transplant_config(source="reconstructed"), transplant_config(source="simulated")):
        assert treatment_tables(other) == {}
        assert not Study.from_config(other).has_treatment_times
    with pytest.raises(ValueError, match=r"no times of treatment \(cohort.treatment\)"):
        immortal_time(transplant_patients(), Study.from_config(without))


def test_no_count_is_shared(table):
    study = transplant_study()
    few = table.assign(
        status=["too_few_events", *["ok"] * 71], reason=["2 deaths among those never treated", *[""] * 71]
    )
    found = release({"immortal_time": few}, study)["immortal_time"]
    assert found["reason"][0] == "too few events in an arm, or none at all"
    assert not found["reason"].str.contains(r"\d").any()
    # In classes of five: 103 patients, 75 events, 79 alive after 30 days and weights that sum to 78.9.
    assert found["n"][0] == 102
    assert found["events"][0] == 77
    found = found[(found["method"] == "clone_censor_weight") & (found["parameter"] == 30)]
    row, *others = found.to_dict("records")
    assert (row["alive_at_grace"], row["sum_of_weights_at_grace"]) == (77, 77)
    assert row["hazard_ratio"] == 0.974
    assert len(others) == 7
    assert not any(np.isnan(other["hazard_ratio"]) for other in others)
    counts = ("n", "events", "largest_weight", "alive_at_grace", "sum_of_weights_at_grace")
    assert np.isnan([[own[name] for name in (*counts, "sum_of_weights_unstarted")] for own in others]).all()


def test_how_many_were_never_treated_is_not_among_the_gaps():
    patients = transplant_patients()
    shared = release({"cohort": patients}, transplant_study())["cohort"]
    assert not shared["variable"].isin([START, COMPLETION]).any()


def test_the_chart_shows_every_way(shared):
    chart = immortal_chart(shared, transplant_study())
    rows = chart.spec["data"]["values"]
    assert [row["name"] for row in rows[:2]] == ["Naive: treated at any time", "Landmark at 15 days"]
    assert len({row["name"] for row in rows}) == len(rows) == 9
    assert [row["credit"] for row in rows].count("Counts time before treatment as treated") == 1
    assert rows[0]["text"] == "0.18 (0.10 to 0.32)"
    assert "Clones, treated within 30 days: 0.97" in chart.alternative
    assert immortal_chart(None, transplant_study()) is None
    none = shared.assign(hazard_ratio=np.nan)
    assert immortal_chart(none, transplant_study()) is None
    assert immortal_table(none, transplant_study())["Hazard ratio (CI)"].tolist() == ["ok"] * 9


def dots_of(chart):
    (dots,) = [layer["data"]["values"] for layer in chart.spec["layer"] if "data" in layer]
    return dots


def test_the_chart_shows_all_analyses(shared):
    chart = immortal_chart(shared, transplant_study())
    dots = dots_of(chart)
    assert len(dots) == 9 * 7
    # Three of the seven have the patients of the primary scenario.
    assert [dot["same"] for dot in dots].count(True) == 9 * 3
    told = {dot["options"]: dot for dot in dots if dot["name"].startswith("Naive")}
    aged = "form of age: two groups, form of year: line, who is analysed: all, “At acceptance” covariates"
    assert told[aged]["estimate"] == 0.203
    assert told[aged]["same"]
    assert chart.text.endswith("light where they ask another question.")
    assert len(chart.text.split()) <= 40
    alone = immortal_chart(primary_ways(shared), transplant_study())
    assert not [layer for layer in alone.spec["layer"] if "data" in layer]
    assert "Dots" not in alone.text


def test_many_analyses_have_one_dot_where_they_lie_on_each_other(shared):
    few = dots_of(immortal_chart(shared, transplant_study()))
    many = pd.concat([shared, *[shared[~shared["is_primary"]]] * 90], ignore_index=True)
    dots = dots_of(immortal_chart(many, transplant_study()))
    places = {(dot["name"], dot["same"], dot["estimate"]) for dot in few}
    assert {(dot["name"], dot["same"], dot["estimate"]) for dot in dots} == places
    assert len(dots) == len(places)
    assert "options" not in dots[0]


def test_without_another_question_no_dot_is_light(shared):
    chart = immortal_chart(shared[shared["who"] == "all"], transplant_study())
    assert all(dot["same"] for dot in dots_of(chart))
    assert chart.text.endswith("Dots: analyses beside the primary one.")


def test_the_decision_stands_among_the_others_with_its_estimands(table):
    rows = decisions_table(transplant_study()).set_index("Decision").loc["Time before treatment"]
    assert set(rows["Type"]) == {"estimand: each option answers another question; never pooled"}
    assert len(rows) == 9
    assert rows["Reason"].tolist() == table["estimand"].tolist()[:9]
    assert rows["Option"].tolist()[:2] == ["Naive: treated at any time", "Landmark at 15 days"]
    assert "Time before treatment" not in decisions_table(small_study())["Decision"].tolist()


def test_each_way_is_told_with_what_it_compares(shared):
    shown = immortal_table(shared, transplant_study())
    assert shown["Patients"][0] == "102"
    assert shown["Way"][3] == "Landmark at 60 days"
    ways = ways_table(shared).set_index("Way")["Compares"]
    assert ways.index.tolist() == ["Naive", "Landmark", "Time-dependent treatment", "Clones"]
    assert ways["Landmark"].startswith("Among patients still followed at the landmark, hazard of death")
    assert "treated by the end of the grace period against" in ways["Clones"]
    assert not ways.str.contains("[{}]").any()
    assert ways_table(shared[:1]).index.tolist() == [0]
    assert immortal_table(None, transplant_study()).empty
    assert ways_table(None).empty


def test_the_page_warns_of_a_claim_that_rests_on_the_naive_way(shared):
    study = transplant_study()
    assert treatment_caution(shared, study) == [
        "Time before treatment is counted as treated: hazard ratio 0.18; counted from its start, 0.99."
    ]
    assert treatment_caution(shared.assign(hazard_ratio=1.0), study) == []
    assert treatment_caution(shared.assign(status="separation"), study) == []
    assert treatment_caution(None, study) == []


def test_the_methods_name_their_sources():
    study = transplant_study()
    text = treatment_methods(study)
    assert text.startswith("Treatment begins after time zero (wait for the transplant, days).")
    assert "“At acceptance”" in text
    named = " ".join(references(study))
    for author in ("Suissa", "Crowley", "Maringe", "Anderson"):
        assert author in text
        assert author in named
        assert author == "Anderson" or author not in " ".join(references(small_study()))
    assert treatment_methods(small_study()) == ""


def test_the_methods_say_what_is_derived():
    text = treatment_methods(course_study(FRACTIONS))
    assert "it is derived from the total dose, 2 Gy a fraction and 5 fractions a week." in text
    text = treatment_methods(course_study(FRACTIONS | {"fraction_dose": "fraction"}))
    assert "the dose of a fraction in “fraction” and 5 fractions a week" in text
    assert "derived" not in treatment_methods(course_study(BEGAN | ENDED))
    assert "counts as received at the start" in treatment_methods(course_study(BEGAN))


def landmarks(*ratios):
    rows = [
        estimate(own, estimator="unadjusted", adjustment_set=None, landmark=float(at), is_primary=True)
        for at, own in zip((0, 2, 3), ratios, strict=True)
    ]
    return specifications(rows)


def test_reconstructed_patients_have_two_sentences_instead():
    text = no_treatment_times(landmarks(0.8, 0.8, 0.9), small_study())
    first, second = text.split(". ", 1)
    assert first == "The paper prints no dates of treatment, so the time before it cannot be counted apart"
    assert "All patients survive the first 2 months and 63 Gy takes 1.6 of them" in second
    assert "(1.8 Gy a fraction, 5 a week)" in second
    assert "Chemotherapy cycles" in second
    assert no_treatment_times(landmarks(0.8, 0.8, 0.9), patients_study()) == ""


def test_the_sentences_follow_the_numbers():
    assert everybody_alive(landmarks(0.8, 0.8, 0.8), small_study()) == 3
    assert everybody_alive(landmarks(0.8, 0.81, 0.8), small_study()) == 3
    assert everybody_alive(landmarks(0.8, 0.81, 0.82), small_study()) is None
    assert everybody_alive(landmarks(np.nan, np.nan, np.nan), small_study()) is None
    slow = small_study().treatment.model_copy(update={"fractions_per_week": 2})
    study = dataclasses.replace(small_study(), treatment=slow)
    other = no_treatment_times(landmarks(0.8, 0.8, 0.9), study)
    assert other.endswith("Landmarks alone can stand in for it.")


def test_the_first_screen_and_the_slide_warn_first(shared):
    """Whatever else speaks against the claim."""
    study = small_study()
    against = evidence(grid(), primary_rows(), joint_of(0.01), study, shared)[1]
    assert against[0].startswith("Time before treatment is counted as treated")
    assert against[1:] == evidence(grid(), primary_rows(), joint_of(0.01), study)[1][:2]
    slide = summary_svg(grid(), primary_rows(), joint_of(0.01), study, shared)
    assert "Time before treatment" in slide
    assert "Time before treatment" not in summary_svg(grid(), primary_rows(), joint_of(0.01), study)
