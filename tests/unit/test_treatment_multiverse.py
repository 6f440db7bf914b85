"""The ways to count the time before treatment through a grid: against one study after the other."""

import dataclasses
from functools import cache
from itertools import product

import numpy as np
import pandas as pd
import pytest
from cohorts import study_treatment, transplant_config, transplant_frame
from test_treatment_times import BEGAN, ENDED, FRACTIONS, course_config, course_frame, course_study

from survival_multiverse.cli.compare import ways_moved
from survival_multiverse.cohort.preparation import InputError, prepare_cohort
from survival_multiverse.cohort.treatment_course import RECEIVED
from survival_multiverse.emulation.emulate import emulate
from survival_multiverse.emulation.immortal_time import (
    decision_record,
    immortal_time,
    immortal_time_summary,
    primary_ways,
)
from survival_multiverse.emulation.study_treatment import grace_periods
from survival_multiverse.emulation.treatment_times import treatment_times
from survival_multiverse.files.parquet_files import write_table
from survival_multiverse.files.study_files import IMMORTAL_TIME
from survival_multiverse.report.charts.immortal_charts import immortal_chart
from survival_multiverse.report.release import release
from survival_multiverse.report.tables.treatment_tables import immortal_summary_table
from survival_multiverse.report.words.immortal_time import treatment_caution, treatment_methods
from survival_multiverse.report.words.target import trial_table
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import validate_config

YOUNG = {"value": "young", "keep": "age < 0"}
FEW = {"value": "few", "keep": "year > 6.3"}
NOBODY_EARLIER = {"value": "no_surgery", "keep": "surgery == 0"}
RELAPSE = {"value": "relapse", "endpoint": {"time": "relapse", "event": "event", "plural": "relapses"}}


def decision(*options, type="non_equivalent"):
    return {"type": type, "options": list(options)}


@cache
def grid_study():
    """Six decisions of the transplants, of which three matter to the ways."""
    config = transplant_config()
    config["decisions"] = {name: config["decisions"][name] for name in ("age_form", "caliper")} | {
        "who": decision("everybody", YOUNG, NOBODY_EARLIER, FEW),
        "endpoint": decision("death", RELAPSE),
        "sets": decision("both", {"value": "one", "adjustment_sets": ["at_acceptance"]}),
        "score": decision("line", {"value": "spline", "score": "splines"}, type="equivalent"),
    }
    config["study"] = config["study"] | {"primary": {"caliper": 0.2}}
    config["adjustment_sets"] = config["adjustment_sets"] | {"year_alone": {"covariates": ["year"]}}
    config["analysis"] = config["analysis"] | {"landmarks": [30], "grace_periods": [30, 60]}
    validate_config(config)
    return Study.from_config(config)


@cache
def grid_patients():
    frame = transplant_frame().assign(relapse=lambda rows: np.minimum(rows["time"], 300.0))
    return prepare_cohort(frame, grid_study()).patients


@cache
def grid_table():
    return immortal_time(grid_patients(), grid_study())


def test_each_scenario_is_what_a_study_of_it_alone_finds():
    """Whatever the caliper and the form of the score."""
    study, table = grid_study(), grid_table()
    names = list(study.decisions)
    compared = 0
    for scenario in study.grid[::7]:
        for name in study.under(study.variant(scenario)).adjustment_sets:
            alone = dataclasses.replace(study, primary=scenario, primary_set=name)
            expected = emulate(
                study_treatment(grid_patients(), alone),
                landmarks=study.analysis.landmarks,
                graces=grace_periods(study),
                minimum_events=study.analysis.minimum_events,
                unit="days",
            )
            mask = table["adjustment_set"] == name
            for option, value in zip(names, scenario, strict=True):
                mask &= table[option].isna() | (table[option] == value).fillna(False)
            found = table.loc[mask, expected.columns].reset_index(drop=True)
            pd.testing.assert_frame_equal(found, expected, check_exact=True)
            compared += 1
    assert compared > 20


def test_what_no_way_depends_on_multiplies_no_rows():
    study, table = grid_study(), grid_table()
    assert len(study.grid) == 128
    # Five ways; four groups of patients, two endpoints; two forms of age, and the set without it.
    assert len(table) == 5 * 4 * 2 * (2 + 1)
    assert table[["caliper", "sets", "score"]].isna().all(axis=None)
    assert table.loc[table["adjustment_set"] == "year_alone", "age_form"].isna().all()
    keys = [*study.decisions, "adjustment_set", "method", "parameter"]
    assert not table.duplicated(keys).any()
    assert primary_ways(table)["method"].value_counts().to_dict() == {
        "naive": 1, "landmark": 1, "time_dependent": 1, "clone_censor_weight": 2,
    }  # fmt: skip
    assert set(primary_ways(table)["who"]) == {"everybody"}


def test_what_cannot_be_estimated_has_a_status():
    rows = grid_table()[grid_table()["who"] == "few"]
    assert set(rows["status"]) <= {"too_few_events", "empty_arm", "beyond_follow_up"}
    assert rows["hazard_ratio"].isna().all()
    assert (rows["reason"] != "").all()


def test_nobody_with_the_covariates_is_a_status():
    config = transplant_config(missing_values="complete_case")
    config["decisions"] = {"who": decision("everybody", YOUNG)}
    config["study"] = {**config["study"], "primary": {}}
    frame = transplant_frame()
    frame["year"] = frame["year"].mask(frame["age"] < 0)
    study = Study.from_config(config)
    rows = immortal_time(prepare_cohort(frame, study).patients, study)
    rows = rows[rows["who"] == "young"]
    assert rows["status"].tolist() == ["empty_arm"] * 9
    assert rows["n"].tolist() == [0] * 9


def test_the_summary_counts_within_a_question():
    study, table = grid_study(), grid_table()
    summary = immortal_time_summary(table, study)
    assert len(summary) == 5 * 4 * 2 * 2
    one = {"who": "young", "endpoint": "relapse", "adjustment_set": "at_acceptance", "method": "naive"}
    mask, rows = np.ones(len(summary), dtype=bool), np.ones(len(table), dtype=bool)
    for name, value in one.items():
        mask &= (summary[name] == value).to_numpy(dtype=bool)
        rows &= (table[name] == value).to_numpy(dtype=bool)
    (found,) = summary[mask].to_dict("records")
    ratios = table.loc[rows, "hazard_ratio"]
    assert (found["analyses"], found["estimated"]) == (2, 2)
    assert found["median_hazard_ratio"] == pytest.approx(np.sqrt(ratios.prod()))
    assert (found["lowest"], found["highest"]) == (ratios.min(), ratios.max())
    assert found["ci_below_1"] == (table.loc[rows, "ci_upper"] < 1).sum() == 2
    assert found["ci_above_1"] == 0
    lost = summary[summary["who"] == "few"]
    assert (lost["estimated"] == 0).all()
    assert lost["median_hazard_ratio"].isna().all()


def test_the_page_summarises_the_primary_question():
    study = grid_study()
    tables = {"immortal_time_summary": immortal_time_summary(grid_table(), study)}
    shared = release(tables, study)["immortal_time_summary"]
    shown = immortal_summary_table(shared, study)
    assert shown["Adjusted for"].value_counts().to_dict() == {"At acceptance": 5, "year_alone": 5}
    first = shown.iloc[0]
    assert first["Way"] == "Naive: treated at any time"
    assert (first["Analyses"], first["CI below 1"], first["CI above 1"]) == ("2", "2", "0")
    assert first["Median hazard ratio (range)"] == "0.19 (0.18 to 0.20)"
    assert immortal_summary_table(None, study).empty


def test_the_table_records_the_decision():
    record = decision_record(grid_study())
    assert record["Time before treatment"].startswith("estimand: each option answers another")
    assert list(record)[1:] == [
        "naive", "landmark 30 days", "time_dependent", "clone_censor_weight 30 days",
        "clone_censor_weight 60 days",
    ]  # fmt: skip
    assert "at 30 days, hazard" in record["landmark 30 days"]


# A dose that is a number, of which cutoffs are reached one after the other.


def cutoffs_config(treatment, *cutoffs, **changes):
    config = course_config(treatment, **changes)
    config["decisions"]["dose_cutoff"]["options"] = [{"value": value, "reason": ""} for value in cutoffs]
    config["study"]["primary"] = {"dose_cutoff": cutoffs[0]}
    return config


def test_each_cutoff_is_reached_at_a_time_of_its_own():
    config = cutoffs_config(BEGAN | ENDED, 40, 60)
    validate_config(config)
    study, frame = Study.from_config(config), course_frame()
    table = immortal_time(prepare_cohort(frame, study).patients, study)
    X = frame[["age", "year", "surgery"]].to_numpy(float)
    ratios = {}
    for cutoff in (40, 60):
        share = np.where(frame["gray"] >= cutoff, cutoff / frame["gray"], np.nan)
        starts = frame["began"] + share * (frame["ended"] - frame["began"])
        own = treatment_times(frame["time"], frame["event"], starts, X, ("age", "year", "surgery"))
        expected = emulate(own, landmarks=study.analysis.landmarks, graces=grace_periods(study))
        found = table[table["dose_cutoff"] == cutoff]
        assert found["status"].tolist() == expected["status"].tolist()
        ratios[cutoff] = found["hazard_ratio"].to_numpy()
        np.testing.assert_allclose(ratios[cutoff], expected["hazard_ratio"], rtol=1e-7)
    assert np.isfinite(ratios[40]).sum() > 5
    assert not np.isclose(ratios[40], ratios[60]).any()


def test_another_exposure_without_times_of_its_own_is_a_status():
    config = course_config(BEGAN | ENDED)
    other = {"value": "cycles", "exposure": {"column": "cycles"}}
    config["decisions"]["exposure"] = decision("dose", other)
    validate_config(config)
    study = Study.from_config(config)
    frame = course_frame().assign(cycles=70.0)
    table = immortal_time(prepare_cohort(frame, study).patients, study)
    rows = table[table["exposure"] == "cycles"]
    assert set(rows["status"]) == {"not_applicable"}
    assert set(rows["reason"]) == {"who has this exposure has no time of treatment"}
    assert (table.loc[table["exposure"] == "dose", "status"] == "ok").any()


# The dose that was received, where the dose of the cohort is the planned one.

GIVEN = {"dose_so_far": {"column": "given", "label": "Dose given"}}


def received_frame():
    """Some stop early: half of their dose, at half of the time; some never start."""
    frame = course_frame()
    stops, never = frame.index % 4 == 1, frame.index % 10 == 3
    given = frame["gray"].where(~stops, frame["gray"] / 2).mask(never, 0.0)
    ended = frame["ended"].where(~stops, (frame["began"] + frame["ended"]) / 2)
    return frame.assign(given=given, began=frame["began"].mask(never), ended=ended.mask(never))


def times_by_hand(frame, cutoff, *, course=None):
    """When each patient's dose so far reaches a cutoff: one patient after the other."""
    found = []
    for row in frame.to_dict("records"):
        reached = row["given"] >= cutoff and row["began"] == row["began"]
        length = row["ended"] - row["began"] if course is None else course(row["given"])
        when = row["began"] + length * cutoff / row["given"] if reached else np.nan
        found.append(when if when <= row["time"] else np.nan)
    return np.array(found)


def weeks(given):
    """Days of a course of 2 Gy a fraction, 5 a week."""
    return np.ceil(given / 2) / 5 * 7


@pytest.mark.parametrize(
    ("treatment", "course"),
    [(BEGAN | ENDED | GIVEN, None), (BEGAN | FRACTIONS | GIVEN, weeks), (BEGAN | GIVEN, lambda given: 0.0)],
    ids=["dated", "derived", "at the start"],
)
@pytest.mark.parametrize("cutoff", [30, 60])
def test_the_dose_so_far_reaches_a_cutoff_or_not(treatment, course, cutoff):
    config = cutoffs_config(treatment, cutoff)
    validate_config(config)
    study, frame = Study.from_config(config), received_frame()
    own = study_treatment(prepare_cohort(frame, study).patients, study)
    expected = times_by_hand(frame, cutoff, course=course)
    planned = (frame["gray"] >= cutoff).sum()
    assert 0 < np.isfinite(expected).sum() < planned
    np.testing.assert_allclose(np.sort(own.start[own.treated]), np.sort(expected[np.isfinite(expected)]))
    order = np.argsort(own.time, kind="stable")
    by_time = dict(zip(frame["time"], expected, strict=True))
    for place in order[frame["time"].value_counts()[own.time[order]].to_numpy() == 1]:
        np.testing.assert_allclose(own.start[place], by_time[own.time[place]])


def test_without_a_start_treatment_begins_at_time_zero():
    config = cutoffs_config(FRACTIONS | GIVEN, 30)
    study, frame = Study.from_config(config), received_frame()
    own = study_treatment(prepare_cohort(frame, study).patients, study)
    reached = frame["given"] >= 30
    expected = weeks(frame.loc[reached, "given"]) * 30 / frame.loc[reached, "given"]
    np.testing.assert_allclose(np.sort(own.start[own.treated]), np.sort(expected))


def test_a_death_during_the_course_is_no_fault_where_the_dose_so_far_is_known():
    frame = received_frame()
    (row,) = np.flatnonzero(frame["given"] == 66.0)[:1]
    frame.loc[row, ["time", "given", "began"]] = [20.0, 20.0, 2.0]
    with pytest.raises(InputError, match="the total dose, with its fractions, would be complete"):
        prepare_cohort(frame.assign(began=frame["began"].fillna(0)), course_study(BEGAN | FRACTIONS))
    prepare_cohort(frame, course_study(BEGAN | FRACTIONS | GIVEN))


@pytest.mark.parametrize(
    ("treatment", "change", "fault"),
    [
        (BEGAN, {"given": -1.0}, "column `given` (dose so far): negative in 1 row (first: "),
        (BEGAN, {"given": 70.0}, "column `given` (dose so far): above the dose in column `gray` in 1 row"),
        (BEGAN, {"given": np.nan}, "none above 0, though column `began` (start of treatment) is given, in 1"),
        (BEGAN, {"given": 0.0}, "none above 0, though column `began` (start of treatment) is given, in 1"),
        (BEGAN, {"began": np.nan}, "above 0, though column `began` (start of treatment) is empty, in 1 row"),
        (FRACTIONS, {"given": np.nan}, "column `given` (dose so far): none, though the dose is above 0, in"),
        (FRACTIONS, {"time": 20.0}, "the dose so far, with its fractions, would be complete after"),
        (BEGAN, {"given": "much"}, "text where a number is needed"),
    ],
)
def test_faults_of_the_dose_so_far(treatment, change, fault):
    frame, study = received_frame().astype({"given": object}), course_study(treatment | GIVEN)
    prepare_cohort(frame, study)
    (row,) = np.flatnonzero(frame["given"] == 66.0)[:1]
    frame.loc[row, list(change)] = list(change.values())
    with pytest.raises(InputError) as found:
        prepare_cohort(frame, study)
    assert fault in str(found.value)
    assert str(found.value).count("dose so far") <= 2


def test_a_dose_so_far_above_the_plausible_doses():
    config = course_config(BEGAN | GIVEN)
    config["cohort"]["dose"] = config["cohort"]["dose"] | {"range": [0, 80]}
    study, frame = Study.from_config(config), received_frame()
    (row,) = np.flatnonzero(frame["given"] == 66.0)[:1]
    frame.loc[row, "given"] = 90.0
    with pytest.raises(InputError, match=r"column `given` \(dose so far\): above 80 in 1 row"):
        prepare_cohort(frame, study)


@pytest.mark.parametrize(
    ("cohort", "fault"),
    [
        ({"treatment": GIVEN}, "cohort.treatment.start: no time is given"),
        (
            {"treatment": {"start": {"column": "wait"}} | GIVEN},
            "cohort.treatment.dose_so_far: an exposure in groups begins at the start; remove it",
        ),
        (
            {"treatment": {"start": {"column": "wait"}, "dose_so_far": {"column": "time"}}},
            "dose_so_far.column: `time` is cohort.time already",
        ),
    ],
)
def test_faults_of_the_settings(cohort, fault):
    with pytest.raises(InputError) as found:
        validate_config(transplant_config(**cohort))
    assert fault in str(found.value)


def test_the_methods_say_that_the_dose_was_received():
    text = treatment_methods(course_study(BEGAN | FRACTIONS | GIVEN))
    assert "it is derived from the dose received, 2 Gy a fraction" in text
    assert "The dose is the one received (dose given); all other analyses compare the planned one." in text
    assert "planned" not in treatment_methods(course_study(BEGAN | FRACTIONS))


def test_a_planned_dose_counts_no_time_before_treatment():
    """So nothing of the kind speaks against a claim about it."""
    found = grid_table()
    assert len(treatment_caution(found, course_study(BEGAN | ENDED))) == 1
    assert treatment_caution(found, course_study(BEGAN | ENDED | GIVEN)) == []
    for treatment, word in ((BEGAN | ENDED, "received"), (BEGAN | ENDED | GIVEN, "planned")):
        here = " ".join(trial_table(course_study(treatment)).astype(str).to_numpy().ravel())
        assert here.count(f"what was {word}") == 2


def test_the_chart_says_who_is_treated():
    study = course_study(BEGAN | ENDED | GIVEN)
    table = immortal_time(prepare_cohort(received_frame(), study).patients, study)
    reading = immortal_chart(release({"immortal_time": table}, study)["immortal_time"], study).reading
    assert "Treated is who received ≥60 Gy, not who was planned to." in reading
    assert "Treated is" not in immortal_chart(grid_table(), grid_study()).reading


def test_the_dose_so_far_is_not_shared():
    study, frame = course_study(BEGAN | GIVEN), received_frame()
    patients = prepare_cohort(frame, study).patients
    assert RECEIVED in patients
    shared = release({"cohort": patients}, study)["cohort"]
    assert RECEIVED not in shared["variable"].tolist()


def test_the_dose_so_far_of_another_exposure_is_not_known():
    config = course_config(BEGAN | GIVEN)
    config["decisions"]["exposure"] = decision("dose", {"value": "bed", "exposure": {"column": "bed"}})
    study = Study.from_config(config)
    patients = prepare_cohort(received_frame().assign(bed=lambda rows: 1.2 * rows["gray"]), study).patients
    table = immortal_time(patients, study)
    reasons = set(table.loc[table["exposure"] == "bed", "reason"])
    assert reasons == {"the dose so far is that of another exposure"}


def test_the_order_of_the_rows_makes_no_difference():
    frame = transplant_frame().assign(relapse=lambda rows: np.minimum(rows["time"], 300.0))
    patients = prepare_cohort(frame.sample(frac=1, random_state=4), grid_study()).patients
    pd.testing.assert_frame_equal(immortal_time(patients, grid_study()), grid_table(), check_exact=True)


def test_every_option_that_matters_is_there():
    found = set(grid_table()[["who", "endpoint"]].itertuples(index=False, name=None))
    assert found == set(product(("everybody", "young", "no_surgery", "few"), ("death", "relapse")))


# study compare


def stored(folder, table):
    """A study that has this table alone."""
    path = folder / IMMORTAL_TIME["immortal_time"]
    path.parent.mkdir(parents=True)
    write_table(table, path)
    return folder


def test_the_comparison_tells_how_each_way_moved(tmp_path):
    table = grid_table()
    naive = (table["method"] == "naive") & table["is_primary"]
    moved = table.assign(log_hazard_ratio=table["log_hazard_ratio"] + np.where(naive, np.log(8), 0.0))
    moved = moved[~((moved["method"] == "landmark") & (moved["who"] == "few"))]
    lines = list(ways_moved(stored(tmp_path / "one", table), stored(tmp_path / "other", moved)))
    assert lines[0] == "time before treatment:"
    assert lines[1] == "  naive: 1 of 24 moved, 1 of them to the other side of 1"
    assert lines[2].endswith("the hazard ratio by a factor of 8 in the median, at most 8")
    assert lines[3] == (
        "  naive: 0.1819 → 1.455: age_form line, who everybody, endpoint death, population all, "
        "adjustment_set at_acceptance"
    )
    assert lines[4:] == ["  landmark: 24 analyses → 18, 18 of them in both"]


def test_equal_ways_are_no_difference(tmp_path):
    one, other = (stored(tmp_path / name, grid_table()) for name in ("one", "other"))
    assert list(ways_moved(one, other)) == ["time before treatment: no difference"]
    assert list(ways_moved(one, tmp_path)) == [
        "time before treatment: one of the studies has no times of treatment"
    ]
    assert list(ways_moved(tmp_path, tmp_path)) == []
