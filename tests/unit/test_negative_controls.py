"""Negative controls: what is refused, which study each of them is, and what the page says of them."""

import copy
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from report_frames import canonical_patients, small_config
from report_page import estimates_of

from survival_multiverse.cohort.preparation import InputError, prepare_cohort
from survival_multiverse.inference.empirical_calibration import calibrated_p_value, fit_systematic_error
from survival_multiverse.inference.negative_controls import calibrated_p_values, control_specifications
from survival_multiverse.inference.robustness import specifications
from survival_multiverse.report.charts.control_charts import control_chart
from survival_multiverse.report.release import release
from survival_multiverse.report.tables.control_tables import calibrated_table, control_table
from survival_multiverse.report.words.controls import controls_reasons, controls_seen
from survival_multiverse.report.words.methods import methods, references
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.slices import cohort_settings, scenario_settings, study_settings
from survival_multiverse.settings.study import Study, control_study
from survival_multiverse.settings.validation import validate_config

CONTROLS = {
    "code": {
        "label": "Hospital code",
        "reason": "Codes are arbitrary.",
        "exposure": {"column": "code", "cutoff": 5},
    },
    "ward": {"reason": "so are wards", "exposure": {"column": "ward", "levels": ["south", "north"]}},
    "flu": {"reason": "dose cannot cause it", "endpoint": {"time": "to_flu", "event": "had_flu"}},
}


def controlled_config(controls=None):
    config = small_config(negative_controls=copy.deepcopy(CONTROLS if controls is None else controls))
    config["cohort"] = config["cohort"] | {"source": "file", "file": "patients.csv"}
    config["cohort"].pop("treatment", None)
    config["analysis"] = config["analysis"] | {"tie_break_draws": 5, "repeated_tie_breaks": 2}
    return config


@cache
def controlled():
    """The study, its patients with the columns of the controls, and both tables."""
    study = Study.from_config(controlled_config())
    patients = canonical_patients(study)
    random = np.random.default_rng(17)
    n = len(patients)
    patients["dose:=code"] = (random.integers(1, 10, n) >= 5).astype(float)
    patients["dose:=ward"] = np.where(np.arange(n) % 40 == 7, np.nan, random.integers(0, 2, n))
    patients["time:=flu"] = np.round(random.exponential(10, n) + 0.1, 1)
    patients["event:=flu"] = random.integers(0, 2, n).astype(float)
    controls = control_specifications(patients, study)
    found = specifications(estimates_of(patients, study), study)
    return study, patients, controls, found, calibrated_p_values(controls, found, study)


def faults_of(config):
    with pytest.raises(InputError) as caught:
        validate_config(config)
    return caught.value.faults


def test_these_settings_are_valid():
    assert validate_config(controlled_config()) is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"reason": None}, "negative_controls.code: the key `reason` is missing"),
        ({"exposure": None}, "negative_controls.code: give one of endpoint and exposure"),
        (
            {"endpoint": {"time": "a", "event": "b"}},
            "negative_controls.code: give one of endpoint and exposure",
        ),
        ({"exposure": {"column": "code"}}, "negative_controls.code.exposure: give one of cutoff and levels"),
        (
            {"exposure": {"column": "code", "levels": [1, 2, 3]}},
            "negative_controls.code.exposure.levels: give two levels, the reference first, not 3",
        ),
        (
            {"exposure": {"column": "dose_gy", "cutoff": 60}},
            "negative_controls.code.exposure.column: `dose_gy` is the exposure of the study; "
            "give one that cannot affect the outcome",
        ),
        (
            {"exposure": {"column": "kps", "cutoff": 90}},
            "negative_controls.code.exposure.column: `kps` is adjusted for, as kps; "
            "give one that no adjustment set holds",
        ),
        (
            {"label": "ward"},
            "negative_controls.ward.label: `ward` is that of code already; give another",
        ),
        ({"cut": 5}, "negative_controls.code: unknown key `cut`"),
    ],
)
def test_what_is_no_control_is_refused(change, message):
    config = controlled_config()
    code = config["negative_controls"]["code"]
    for key, value in change.items():
        code[key] = value
        if value is None:
            del code[key]
    assert any(fault.startswith(message) for fault in faults_of(config)), faults_of(config)


def test_a_decision_that_also_changes_something_else_is_refused():
    config = controlled_config()
    config["decisions"]["outcome"] = {
        "type": "non_equivalent",
        "options": [
            {"value": "death"},
            {"value": "progression", "keep": "age >= 50", "endpoint": {"time": "ttp", "event": "progressed"}},
        ],
    }
    (fault,) = faults_of(config)
    assert fault.startswith(
        "negative_controls.flu: the options of decisions.outcome change the endpoint and more"
    )


def test_controls_touch_the_cohort_and_no_scenario():
    with_controls, without = controlled_config(), controlled_config({})
    without.pop("negative_controls")
    assert scenario_settings(with_controls) == scenario_settings(without)
    assert cohort_settings(with_controls) != cohort_settings(without)
    assert study_settings(with_controls) != study_settings(without)
    renamed = copy.deepcopy(with_controls)
    renamed["negative_controls"]["code"] |= {"label": "Code", "reason": "another"}
    assert cohort_settings(renamed) == cohort_settings(with_controls)


def raw_patients(n=40):
    study = Study.from_config(controlled_config({}))
    patients = canonical_patients(study, n)
    names = {"time": study.time.column, "event": study.event.column, "dose": study.dose.column}
    names |= {"gtv": "gtv_cm3", "lesions": "lesions"}
    names |= {name: own.column for name, own in study.covariates.items()}
    random = np.random.default_rng(4)
    return patients.rename(columns=names).assign(
        code=random.integers(1, 10, n),
        ward=random.choice(["south", "north"], n),
        to_flu=random.integers(1, 30, n) / 10,
        had_flu=random.integers(0, 2, n),
    )


def test_columns_of_controls_are_read_from_the_file():
    study = Study.from_config(controlled_config() | {"step": "cohort"})
    study = study.with_options(controlled_config()["decisions"])
    raw = raw_patients()
    raw.loc[3, "ward"] = None
    patients = prepare_cohort(raw, study).patients
    order = patients["patient_id"]
    plain = prepare_cohort(raw, Study.from_config(controlled_config({})))
    # Neither who the patients are nor their ids depend on the controls.
    assert order.tolist() == plain.patients["patient_id"].tolist()
    assert sorted(patients["dose:=code"]) == sorted((raw["code"] >= 5).astype(float))
    assert patients["dose:=ward"].isna().sum() == 1
    assert patients["dose:=ward"].sum() == (raw["ward"] == "north").sum()
    assert sorted(patients["time:=flu"]) == pytest.approx(sorted(raw["to_flu"]))
    assert set(patients["event:=flu"]) == {0.0, 1.0}


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("code", "many", "column `code`"),
        ("ward", "west", "column `ward`"),
        ("to_flu", -1, "column `to_flu`"),
        ("had_flu", 2, "column `had_flu`"),
        ("code", ..., "column `code`"),
    ],
)
def test_a_column_that_does_not_hold_a_control_is_one_message(column, value, message):
    raw = raw_patients()
    if value is ...:
        raw = raw.drop(columns=column)
    else:
        raw[column] = raw[column].astype(object)
        raw.loc[2, column] = value
    study = Study.from_config(controlled_config()).with_options(controlled_config()["decisions"])
    with pytest.raises(InputError) as caught:
        prepare_cohort(raw, study)
    assert any(message in fault for fault in caught.value.faults)


def test_a_control_takes_the_place_of_what_it_replaces():
    study = controlled()[0]
    code, flu = control_study(study, "code"), control_study(study, "flu")
    assert list(code.decisions) == ["oligo_threshold", "gtv_cutoff", "caliper"]
    assert len(code.grid) == len(study.grid) / 2
    assert code.primary == (study.primary[0], *study.primary[2:])
    assert list(flu.decisions) == list(study.decisions)
    assert flu.grid == study.grid


def test_a_control_is_analysed_as_a_study_of_its_own():
    _, patients, controls, _, _ = controlled()
    # By hand: the control in the place of the outcome, and of an exposure that the study's cutoffs divide.
    flu = patients.assign(time=patients["time:=flu"], event=patients["event:=flu"].astype(int))
    ward = patients.assign(dose=np.where(patients["dose:=ward"] == 1, 70.0, 10.0))[
        patients["dose:=ward"].notna()
    ]
    plain = Study.from_config(controlled_config({})).with_analysis(landmarks=(), interactions=())
    plain = replace(plain, measures=(RATIO,))
    for name, made in (("flu", flu), ("ward", ward)):
        expected = specifications(estimates_of(made, plain), plain)
        expected = expected[(expected["population"] == "non_oligometastatic") & (expected["landmark"] == 0)]
        own = controls[controls["control"] == name]
        if name == "ward":
            expected = expected[expected["dose_cutoff"].eq(63.0)]
            assert own["dose_cutoff"].isna().all()
        assert len(own) == len(expected) > 10
        keys = ["gtv_cutoff", "caliper", "adjustment_set", "estimator", "oligo_threshold"]
        keys += ["dose_cutoff"] if name == "flu" else []
        joined = own.merge(expected, on=keys, suffixes=("", "_expected"))
        assert len(joined) == len(own)
        for column in ("estimate", "std_error", "ci_lower", "p_value"):
            np.testing.assert_allclose(joined[column], joined[f"{column}_expected"], rtol=1e-9)
        assert (joined["status"] == joined["status_expected"]).all()
        assert own["is_primary"].sum() >= 5


def test_the_order_of_patients_and_of_controls_makes_no_difference():
    _, patients, controls, _, _ = controlled()
    turned = {name: CONTROLS[name] for name in reversed(CONTROLS)}
    other = Study.from_config(controlled_config(turned))
    again = control_specifications(patients.iloc[::-1].reset_index(drop=True), other)
    for name in CONTROLS:
        pd.testing.assert_frame_equal(
            controls[controls["control"] == name].reset_index(drop=True),
            again[again["control"] == name].reset_index(drop=True),
        )


def test_a_control_that_cannot_be_estimated_is_a_status():
    study, patients, _, found, _ = controlled()
    nothing = patients.assign(**{"event:=flu": 0.0, "dose:=code": 1.0})
    controls = control_specifications(nothing, study)
    statuses = controls.groupby("control")["status"].unique()
    assert "too_few_events" in statuses["flu"]
    assert "empty_arm" in statuses["code"]
    assert controls.loc[controls["status"] != "ok", "reason"].notna().all()
    calibrated = calibrated_p_values(controls, found, study)
    assert (calibrated["status"] == "not_applicable").all()
    assert calibrated["reason"].str.contains("fewer than 3").all()
    assert calibrated["calibrated_p_value"].isna().all()


def test_p_values_are_calibrated_by_the_controls_of_the_same_estimator():
    _, _, controls, found, calibrated = controlled()
    row = calibrated.query("estimator == 'overlap' and adjustment_set == 'baseline_only'").iloc[0]
    same = controls.query("estimator == 'overlap' and adjustment_set == 'baseline_only' and is_primary")
    own = found.query(
        "estimator == 'overlap' and adjustment_set == 'baseline_only' and is_primary and landmark == 0 "
        "and population == 'non_oligometastatic'"
    ).iloc[0]
    fit = fit_systematic_error(same["effect"], same["std_error"])
    assert row["controls"] == 3
    assert row["mean"] == pytest.approx(fit.mean)
    expected = calibrated_p_value(own["effect"], own["std_error"], fit)
    assert row["calibrated_p_value"] == pytest.approx(float(expected))
    assert row["p_value"] == pytest.approx(own["p_value"])
    assert set(calibrated["estimator"]) >= {"unadjusted", "matched", "overlap", "iptw", "adjusted"}


def shared():
    study, _, controls, found, calibrated = controlled()
    kept = {"specifications": found, "negative_controls": controls, "calibrated_p_values": calibrated}
    return study, release(kept, study)


def test_no_count_of_patients_is_in_what_is_shared():
    _, tables = shared()
    for name in ("negative_controls", "calibrated_p_values"):
        assert not {"n", "events", "pairs", "fingerprint"} & set(tables[name])


def test_the_page_says_what_is_expected_and_what_was_seen():
    study, tables = shared()
    text = controls_seen(tables, study)
    assert "3 negative controls, whose true hazard ratio is 1" in text
    assert "About 95% of their intervals should include 1" in text
    chart = control_chart(tables, study)
    rows = chart.spec["data"]["values"]
    assert {row["who"] for row in rows} == {"The study", "Hospital code", "Ward", "Flu"}
    assert chart.alternative.count("intervals exclude 1") == 4
    table = control_table(tables, study)
    assert table["Of"].drop_duplicates().tolist() == ["The study", "Hospital code", "Ward", "Flu"]
    matched = [row for row in rows if row["who"] == "Flu" and row["estimator"] == "Matched 1:1"]
    shown = table[(table["Of"] == "Flu") & (table["Estimator"] == "Matched 1:1")]
    assert shown["Analyses"].tolist() == [str(len(matched))]
    assert "Ward: so are wards." in controls_reasons(study)
    assert "Codes are arbitrary. " in controls_reasons(study)
    assert len(calibrated_table(tables, study)) == len(tables["calibrated_p_values"])
    assert any("Schuemie" in entry for entry in references(study))
    assert "Negative controls" in dict(methods(study))


def test_without_controls_nothing_is_said():
    _, tables = shared()
    plain = Study.from_config(controlled_config({}))
    alone = {"specifications": tables["specifications"]}
    assert controls_seen(alone, plain) == ""
    assert control_chart(alone, plain) is None
    assert control_table(alone, plain).empty
    assert calibrated_table(alone, plain).empty
    assert "Negative controls" not in dict(methods(plain))
    assert not any("Schuemie" in entry for entry in references(plain))


def test_one_control_is_told_in_the_singular_and_calibrates_nothing():
    _, _, controls, found, _ = controlled()
    one = Study.from_config(controlled_config({"flu": CONTROLS["flu"]}))
    only = controls[controls["control"] == "flu"]
    kept = {"specifications": found, "negative_controls": only}
    kept["calibrated_p_values"] = calibrated_p_values(only, found, one)
    text = controls_seen(release(kept, one), one)
    assert "one negative control, whose" in text
    assert "of its intervals" in text
    assert "Calibrated" not in text


def test_scenarios_of_the_study_do_not_know_the_controls():
    study, patients, _, _, _ = controlled()
    plain = Study.from_config(controlled_config({}))
    first = study.grid[:2]
    ours = dict(evaluate_panel(patients, study, first))
    theirs = dict(evaluate_panel(patients[[name for name in patients if ":=" not in name]], plain, first))
    assert all(ours[scenario].equals(theirs[scenario]) for scenario in first)
