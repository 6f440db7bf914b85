"""What cells say, whatever the file: every right value is counted by hand."""

import copy
import gzip

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from cohorts import small_config, small_patients

from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.files.source_patients import read_patients
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.settings_checks import check_settings
from survival_multiverse.settings.study import Study

ABSENT = ["None", "NA", "N/A", "n/a", "null", "NULL", "nan", "NaN", "<NA>", "#N/A"]


def study_of(**cohort):
    """The small study with ids, a descriptive and what the test changes of its cohort."""
    config = copy.deepcopy(small_config())
    config["cohort"] |= {"id": "patient_id", "descriptives": {"note": {"column": "note"}}} | cohort
    return Study.from_config(config)


def patients_of(n=60):
    """Raw columns of the small study, all as text."""
    frame = small_patients(n).assign(note="plain")
    return frame.astype(object).map(str)


def read(tmp_path, frame):
    """The frame through a CSV file."""
    path = tmp_path / "patients.csv"
    frame.to_csv(path, index=False)
    return read_patients(path)


def faults_of(frame, study):
    with pytest.raises(InputError) as caught:
        prepare_cohort(frame, study)
    return caught.value.faults


@pytest.mark.parametrize("word", ABSENT)
def test_a_word_is_a_level_a_note_and_an_id(tmp_path, word):
    config = copy.deepcopy(small_config())
    config["covariates"]["sex"]["levels"] = [word, "female"]
    config["cohort"] |= {"id": "patient_id", "descriptives": {"note": {"column": "note"}}}
    frame = patients_of()
    frame["sex"] = frame["sex"].replace("male", word)
    frame.loc[0, "note"] = frame.loc[1, "patient_id"] = word
    found = prepare_cohort(read(tmp_path, frame), Study.from_config(config)).patients
    assert (found["sex"] == word).sum() == (frame["sex"] == word).sum() > 0
    assert word in set(found["note"])
    assert word in set(found["patient_id"])
    assert not found.isna().any(axis=None)


@pytest.mark.parametrize("column", ["dose", "gtv", "time", "event"])
def test_an_undeclared_word_among_numbers_is_one_message_that_names_the_key(tmp_path, column):
    frame = patients_of()
    frame.loc[[3, 7], column] = "NA"
    (fault,) = faults_of(read(tmp_path, frame), study_of())
    assert f"column `{column}`" in fault
    assert "in 2 rows" in fault
    assert "4, 8" in fault
    assert "cohort.missing" in fault


def test_declared_words_are_missing_and_nothing_else(tmp_path):
    frame = patients_of()
    frame.loc[[3, 7], "gtv"] = ["NA", "."]
    frame.loc[9, "gtv"] = ""
    frame.loc[[5, 6], "sex"] = ["NA", "  "]
    found = prepare_cohort(read(tmp_path, frame), study_of(missing=["NA", "."])).patients
    assert found["gtv"].isna().sum() == 3
    assert found["sex"].isna().sum() == 2


def typed():
    """One table with every type that a file of patients has."""
    n = 24
    random = np.random.default_rng(3)
    gaps = np.arange(n) % 7 == 3
    return pa.table(
        {
            "patient_id": pa.array([f"{i:03d}" for i in range(n)]),
            "time": pa.array(random.integers(1, 40, n).astype(np.float64)),
            "event": pa.array(random.random(n) < 0.7),
            "dose": pa.array(random.choice([59.4, 66.6, 70.2], n).astype(np.float32)),
            "gtv": pa.array(np.where(gaps, None, np.arange(n)).tolist(), pa.int32()),
            "lesions": pa.array(np.where(gaps, np.nan, np.arange(n) % 9 + 1.0)),
            "sex": pa.array(random.choice(["male", "female"], n)).dictionary_encode(),
            "age": pa.array(random.integers(40, 80, n), pa.int16()),
            "response": pa.array(random.choice(["no", "yes"], n)),
            "note": pa.array([None if gap else 7.0 + i for i, gap in enumerate(gaps)]),
        }
    )


def test_parquet_and_csv_of_one_table_give_one_cohort(tmp_path):
    table = typed()
    pq.write_table(table, tmp_path / "patients.parquet")
    frame = table.to_pandas()
    frame["dose"] = [str(dose) for dose in frame["dose"]]
    study = study_of()
    by_csv, by_parquet = (
        prepare_cohort(found, study)
        for found in (read(tmp_path, frame), read_patients(tmp_path / "patients.parquet"))
    )
    pd.testing.assert_frame_equal(by_csv.patients, by_parquet.patients)
    found = by_parquet.patients
    # Whole numbers beside gaps have no decimals, and codes keep their zeros.
    assert "7" in set(found["note"])
    assert found["patient_id"].iloc[0] == "000"
    assert (found["dose"] == 66.6).sum() == (np.isclose(table["dose"].to_numpy(), 66.6)).sum() > 0


def test_an_index_of_a_parquet_file_is_a_column(tmp_path):
    frame = typed().to_pandas().set_index("patient_id")
    frame.to_parquet(tmp_path / "patients.parquet")
    found = prepare_cohort(read_patients(tmp_path / "patients.parquet"), study_of()).patients
    assert found["patient_id"].iloc[0] == "000"


def test_a_nested_column_is_a_message_where_it_is_used(tmp_path):
    table = typed().append_column("spare", pa.array([[1, 2]] * 24))
    pq.write_table(table, tmp_path / "patients.parquet")
    prepare_cohort(read_patients(tmp_path / "patients.parquet"), study_of())
    (fault,) = faults_of(
        read_patients(tmp_path / "patients.parquet"),
        study_of(descriptives={"note": {"column": "spare"}}),
    )
    assert "column `spare`" in fault


@pytest.mark.parametrize(("code", "others"), [("1.10", "1.1"), ("001", "1"), ("1E1", "10"), ("TRUE", "yes")])
def test_codes_stay_text_in_criteria(tmp_path, code, others):
    frame = patients_of()
    frame["note"] = np.where(np.arange(60) % 3 == 0, code, others)
    criterion = {"variable": "note", "levels": [code], "reason": "ours"}
    found = prepare_cohort(read(tmp_path, frame), study_of(eligibility=[criterion]))
    assert len(found.patients) == 20
    assert set(found.patients["note"]) == {code}


def test_a_misspelt_level_in_a_criterion_is_a_fault_with_the_nearest(tmp_path):
    frame = patients_of()
    frame["note"] = np.where(np.arange(60) % 2, "squamous", "adeno")
    criterion = {"variable": "note", "levels": ["squamus", "adeno"], "reason": "ours"}
    (fault,) = faults_of(read(tmp_path, frame), study_of(eligibility=[criterion]))
    assert "did you mean `squamous`?" in fault


def test_a_declared_level_that_no_row_has_is_a_fault(tmp_path):
    config = copy.deepcopy(small_config())
    config["covariates"]["sex"]["levels"] = ["male", "female", "femal"]
    (fault,) = faults_of(read(tmp_path, patients_of()), Study.from_config(config))
    assert "`femal`" in fault
    assert "covariates.sex.levels" in fault


@pytest.mark.parametrize(
    ("column", "cell"),
    [("time", "12\0" + "99"), ("event", "1\0" + "0"), ("sex", "male\0evil"), ("sex", "ma\x1fle")],
)
def test_a_nul_byte_or_control_character_is_one_message(tmp_path, column, cell):
    frame = patients_of()
    frame.loc[2, column] = cell
    (fault,) = faults_of(read(tmp_path, frame), study_of())
    assert f"column `{column}`" in fault
    assert "NUL byte, or another control character in 1 row (first: 3)" in fault


def test_a_vertical_tab_in_a_note_is_shown_as_a_space(tmp_path):
    frame = patients_of()
    frame.loc[2, "note"] = "first\x0bsecond"
    found = prepare_cohort(read(tmp_path, frame), study_of()).patients
    assert "first second" in set(found["note"])


def test_rows_without_any_value_are_dropped_and_counted(tmp_path):
    frame = patients_of()
    empty = pd.DataFrame("", index=range(3), columns=frame.columns)
    found = prepare_cohort(read(tmp_path, pd.concat([frame, empty])), study_of())
    assert len(found.patients) == 60
    assert found.flow[["step", "n_excluded", "n_remaining"]].iloc[:2].to_numpy().tolist() == [
        ["all", 0, 63],
        ["empty", 3, 60],
    ]


@pytest.mark.parametrize(("name", "words"), [("p.csv.gz", "gzip"), ("p.xlsx", "Excel"), ("p.csv", "gzip")])
def test_other_formats_are_told_by_name(tmp_path, name, words):
    with gzip.open(tmp_path / name, "wt") as file:
        file.write("a,b\n1,2\n")
    with pytest.raises(InputError, match=words):
        read_patients(tmp_path / name)


@pytest.mark.parametrize("levels", [["1", "1.0"], ["01", "1"], ["Yes", "yes"], ["a", "a "]])
def test_levels_that_could_be_confused_are_a_fault(levels):
    config = copy.deepcopy(small_config())
    config["covariates"]["sex"]["levels"] = levels
    assert any("covariates.sex.levels" in fault for fault in check_settings(config))


def test_a_time_far_beyond_all_others_is_a_fault_unless_a_range_holds_it(tmp_path):
    frame = patients_of()
    frame.loc[11, "time"] = "9999999999"
    (fault,) = faults_of(read(tmp_path, frame), study_of())
    assert "column `time`" in fault
    assert "first: 12" in fault
    wide = {"column": "time", "unit": "months", "range": [0.1, 1e11]}
    assert len(prepare_cohort(read(tmp_path, frame), study_of(time=wide)).patients) == 60


def test_a_range_of_a_covariate_is_kept(tmp_path):
    config = copy.deepcopy(small_config())
    config["covariates"]["age"]["range"] = [18, 60]
    old = (small_patients(60)["age"] > 60).sum()
    (fault,) = faults_of(read(tmp_path, patients_of()), Study.from_config(config))
    assert f"outside 18 to 60 in {old} rows" in fault


def test_times_in_days_with_the_settings_of_months_warn(tmp_path):
    frame = patients_of()
    frame["time"] = (small_patients(60)["time"] * 30).map(str)
    found = prepare_cohort(read(tmp_path, frame), study_of())
    (warning,) = found.warnings
    assert "column `time`" in warning
    assert "months" in warning
    assert not prepare_cohort(read(tmp_path, patients_of()), study_of()).warnings


def test_levels_are_merged_as_the_settings_say(tmp_path):
    config = copy.deepcopy(small_config())
    frame = patients_of()
    frame.loc[:3, "sex"] = "other"
    config["covariates"]["sex"] |= {
        "levels": ["male", "not male"],
        "merge": {"not male": ["female", "other"]},
    }
    found = prepare_cohort(read(tmp_path, frame), Study.from_config(config)).patients
    assert (found["sex"] == "not male").sum() == frame["sex"].isin(["female", "other"]).sum()
    config["covariates"]["sex"]["merge"]["not male"] = ["femal"]
    (fault,) = faults_of(read(tmp_path, frame), Study.from_config(config))[:1]
    assert "did you mean `female`?" in fault


@pytest.mark.parametrize("column", ["time", "event"])
def test_a_covariate_on_the_outcome_is_a_fault(column):
    config = copy.deepcopy(small_config())
    config["covariates"]["age"]["column"] = column
    assert any("covariates.age.column" in fault for fault in check_settings(config))
