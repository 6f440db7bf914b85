"""From a table to the canonical frame: equal data give equal bytes, and faults are told all at once."""

from copy import deepcopy
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from survival_multiverse.cohort.preparation import InputError, dataset_names, prepare_cohort
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import merge_configs, validate_config

ROOT = Path(__file__).parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
DEFAULT |= yaml.safe_load((ROOT / "config/examples/simulated.yaml").read_text(encoding="utf-8"))
EXAMPLE = yaml.safe_load((ROOT / "config/examples/breast_gbsg2.yaml").read_text(encoding="utf-8"))
USER = {
    "cohort": {
        "source": "file",
        "file": "patients.csv",
        "time": {"column": "os", "label": "Survival", "unit": "months"},
        "event": {"column": "dead", "label": "Death"},
        "dose": {"column": "dose", "label": "Dose", "unit": "Gy", "range": [1, 100]},
        "gtv": {"column": "volume", "label": "Volume", "unit": "cm3"},
        "lesions": {"column": "mets", "label": "Lesions", "range": [1, 50]},
    },
    "covariates": {
        "age": {"column": "age", "type": "continuous", "cut": 60, "role": "baseline"},
        "grade": {"column": "grade", "type": "categorical", "levels": [1, 2, 3], "role": "baseline"},
        "sex": {"column": "sex", "type": "categorical", "levels": ["male", "female"], "role": "baseline"},
    },
    "adjustment_sets": {"baseline": {"covariates": ["age", "grade", "gtv"]}},
    "analysis": {"multivariable": ["gtv"], "interactions": ["gtv"]},
}


def study_of(**cohort: object) -> Study:
    """The small study, with more keys in its cohort."""
    user = deepcopy(USER)
    user["cohort"] |= cohort
    config = merge_configs(DEFAULT, user)
    validate_config(config)
    return Study.from_config(config)


def table(n: int = 8, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "os": random.integers(1, 400, n) / 10,
            "dead": random.integers(0, 2, n),
            "dose": np.where(np.arange(n) % 2, 66, 50),
            "volume": random.integers(10, 4000, n) / 10,
            "mets": random.integers(1, 12, n),
            "age": random.integers(30, 80, n),
            "grade": random.integers(1, 4, n),
            "sex": random.choice(["male", "female"], n),
        }
    )


def faults_of(frame: pd.DataFrame, study: Study | None = None) -> list[str]:
    with pytest.raises(InputError) as caught:
        prepare_cohort(frame, study or study_of())
    return caught.value.faults


def same_bytes(one: pd.DataFrame, other: pd.DataFrame) -> bool:
    return one.columns.equals(other.columns) and one.to_csv().encode() == other.to_csv().encode()


def test_the_canonical_frame():
    patients = prepare_cohort(table(), study_of()).patients
    assert list(patients) == ["patient_id", "time", "event", "dose", "gtv", "lesions", "age", "grade", "sex"]
    kinds = ["O", "f", "i", "f", "f", "f", "f", "O", "O"]
    assert [patients[name].dtype.kind for name in patients] == kinds
    assert patients["patient_id"].is_monotonic_increasing
    assert set(patients["grade"]) <= {"1", "2", "3"}


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 20))
def test_order_of_rows_and_columns_and_spare_columns_make_no_difference(random, seed):
    frame = pd.concat([table(12, seed), table(3, seed)], ignore_index=True)  # with identical rows
    rows, columns = list(range(len(frame))), list(frame.columns)
    random.shuffle(rows)
    random.shuffle(columns)
    shuffled = frame.iloc[rows][columns].assign(spare=range(len(frame)))
    assert same_bytes(
        prepare_cohort(frame, study_of()).patients, prepare_cohort(shuffled, study_of()).patients
    )


def test_identical_rows_are_told_apart_and_any_change_gives_another_id():
    frame = pd.concat([table(2), table(2)], ignore_index=True)
    ids = list(prepare_cohort(frame, study_of()).patients["patient_id"])
    assert len(set(ids)) == 4
    assert sorted(name.split("-")[1] for name in ids) == ["1", "1", "2", "2"]
    for column, value in {
        "os": 99.0,
        "dead": 1 - frame["dead"][0],
        "sex": None,
        "age": 1,
        "mets": 50,
    }.items():
        other = frame.astype({column: object})
        other.loc[0, column] = value
        assert set(prepare_cohort(other, study_of()).patients["patient_id"]) != set(ids), column


def test_ids_are_pinned():
    """An id decides tie-breaks, so that a new spelling of ids would change results."""
    frame = table(2).assign(sex=["male", None])
    ids = list(prepare_cohort(frame, study_of()).patients["patient_id"])
    assert ids == ["854b6547eb598a71-1", "cf2e9638bfa1e477-1"]


SPELLINGS = {
    "floats": lambda frame: frame.assign(dead=frame["dead"].astype(float), grade=frame["grade"] * 1.0),
    "booleans": lambda frame: frame.assign(dead=frame["dead"] == 1),
    "words": lambda frame: frame.assign(dead=frame["dead"].map({0: "False", 1: "true"})),
    "decimals": lambda frame: frame.assign(dose=[Decimal(str(value)) for value in frame["dose"]]),
    "categories": lambda frame: frame.astype("category"),
    "arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "nullable": lambda frame: frame.convert_dtypes(),
    "single precision": lambda frame: frame.astype(dict.fromkeys(("os", "volume"), np.float32)),
    "booleans of R": lambda frame: frame.assign(dead=frame["dead"].map({0: "FALSE", 1: "TRUE"})),
    "exponents": lambda frame: frame.assign(volume=[f"{value * 10:.15g}e-1" for value in frame["volume"]]),
    "text": lambda frame: pd.DataFrame({name: [f" {value} " for value in frame[name]] for name in frame}),
    "float text": lambda frame: frame.assign(mets=frame["mets"].astype(float).astype(str)),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_same_values_in_another_spelling_are_the_same_patients(spelling):
    expected = prepare_cohort(table(), study_of()).patients
    assert same_bytes(prepare_cohort(SPELLINGS[spelling](table()), study_of()).patients, expected)


def test_ids_of_the_user_are_kept_and_sorted_as_text():
    patients = prepare_cohort(table(3).assign(id=[10.0, 9.0, 2.0]), study_of(id="id")).patients
    assert list(patients["patient_id"]) == ["10", "2", "9"]
    assert list(patients["dose"]) == [50, 50, 66]


def test_rounding_makes_no_two_times_of_one():
    frame = table(3).assign(os=[0.3, 0.1 + 0.2, 5.0])
    assert sorted(prepare_cohort(frame, study_of()).patients["time"]) == [0.3, 0.3, 5.0]


def put(column: str, values: dict[int, object]) -> pd.DataFrame:
    """The table with values of one column replaced, by data row from 1."""
    frame = table().astype({column: object})
    for row, value in values.items():
        frame.loc[row - 1, column] = value
    return frame


FAULTS = {
    "time": (
        put("os", {2: 0, 5: -1, 6: "x"}),
        [
            "column `os` (time): text where a number is needed in 1 row (first: 6); ",
            "column `os` (time): zero or negative in 2 rows (first: 2, 5); give a value above 0",
        ],
    ),
    "infinite": (put("os", {3: np.inf}), ["column `os` (time): infinite value in 1 row (first: 3)"]),
    "event": (
        put("dead", {1: 2, 4: "yes"}),
        ["column `dead` (event): neither 0 nor 1 in 2 rows (first: 1, 4); "],
    ),
    "dose": (
        put("dose", {1: 6600}),
        ["column `dose` (dose): outside 1 to 100 in 1 row (first: 1); correct them"],
    ),
    "gtv": (
        put("volume", {8: -3}),
        ["column `volume` (gtv): negative in 1 row (first: 8); correct them, or widen"],
    ),
    "lesions": (put("mets", {8: 0}), ["column `mets` (lesions): outside 1 to 50 in 1 row (first: 8)"]),
    "comma": (
        put("volume", dict.fromkeys(range(1, 8), "12,5")),
        [
            "column `volume` (gtv): text where a number is needed in 7 rows (first: 1, 2, 3, 4, 5, ...); "
            "write numbers with a decimal point and no unit"
        ],
    ),
    "level": (
        put("sex", {3: "Male", 4: "?"}),
        ["column `sex` (sex): unknown level in 2 rows: `?`, `Male` (first: 3, 4); the levels are male, "],
    ),
    "number level": (
        put("grade", {3: 4}),
        ["column `grade` (grade): unknown level in 1 row: `4` (first: 3)"],
    ),
    "absent": (
        table().rename(columns={"volume": "volumes"}),
        ["column `volume` (gtv): the data have no such column; did you mean `volumes`?"],
    ),
    "twice": (
        pd.concat([table(), table()[["age"]]], axis=1),
        ["column `age`: the data have 2 columns of this name; rename one"],
    ),
    "empty": (table(0), ["the data hold no patients; give a table with one row a patient"]),
    "one arm": (
        table().assign(dose=40),
        ["column `dose` (dose): one arm is empty in every scenario, since doses run from 40 to 40 Gy"],
    ),
    "no arm": (table().assign(dose=66.5), ["column `dose` (dose): one arm is empty in every scenario"]),
    "nobody": (
        table().assign(os=np.nan),
        ["no patient is left after eligibility criteria and missing values"],
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_one_line(name):
    frame, expected = FAULTS[name]
    faults = faults_of(frame)
    assert len(faults) == len(expected), faults
    for fault, start in zip(faults, expected, strict=True):
        assert fault.startswith(start)


def test_all_faults_come_at_once_and_name_nobody():
    frame = put("os", {2: 0}).assign(id=["Ann", "Bob", "Ann", "Eve", None, "Joe", "Kim", "Lea"])
    frame.loc[3, "mets"] = 99
    frame = frame.drop(columns="age")
    faults = faults_of(frame, study_of(id="id"))
    starts = [
        "`age`",
        "`os`",
        "`mets`",
        "`id` (id): id shared with another row in 2 rows (first: 1, 3)",
        "`id` (id): no id",
    ]
    assert [
        fault.removeprefix("column ").startswith(start) for fault, start in zip(faults, starts, strict=True)
    ]
    assert not any(name in "\n".join(faults) for name in ("Ann", "Bob"))


def test_many_unknown_values_are_counted_and_not_shown():
    frame = table(40).assign(sex=[f"patient {number}" for number in range(40)])
    (fault,) = faults_of(frame)
    assert "(40 different values)" in fault
    assert "patient" not in fault


def test_the_flow_counts_who_leaves_and_why():
    frame = table(10).assign(age=[17, 18, 30, 81, None, 40, 50, 60, 70, 80])
    frame["sex"] = ["male"] * 7 + ["female", "female", "male"]
    frame = frame.astype({"os": object})
    frame.loc[5, "os"] = " "
    frame.loc[0, "os"] = -5  # who leaves anyway is checked for the type only
    criteria = [
        {"variable": "age", "minimum": 18, "maximum": 80, "reason": "age outside 18 to 80"},
        {"variable": "sex", "levels": ["male"], "reason": "not male"},
    ]
    prepared = prepare_cohort(frame, study_of(eligibility=criteria))
    assert prepared.flow.to_dict("split")["data"] == [
        ["all", "patients in the data", 0, 10],
        ["eligibility", "age outside 18 to 80: not recorded", 1, 9],
        ["eligibility", "age outside 18 to 80", 2, 7],
        ["eligibility", "not male", 2, 5],
        ["missing", "Survival is missing", 1, 4],
        ["missing", "Death is missing", 0, 4],
        ["missing", "Dose is missing", 0, 4],
        ["analysed", "patients analysed", 0, 4],
    ]
    assert sorted(prepared.patients["age"]) == [18, 30, 50, 80]


def test_an_unknown_level_is_a_fault_even_where_a_criterion_asks_for_the_level():
    criteria = [{"variable": "sex", "levels": ["male"], "reason": "not male"}]
    (fault,) = faults_of(put("sex", {1: "mael"}), study_of(eligibility=criteria))
    assert fault.startswith("column `sex` (sex): unknown level in 1 row: `mael` (first: 1)")


def test_gaps_stay_and_are_counted_or_are_refused():
    frame = put("age", {1: None, 2: np.nan, 3: ""}).assign(sex=["male", None] * 4)
    prepared = prepare_cohort(frame, study_of())
    missing = prepared.missing.set_index("variable")
    assert missing["n_missing"].to_dict() == {"gtv": 0, "lesions": 0, "age": 3, "grade": 0, "sex": 4}
    assert set(missing["n"]) == {8}
    assert prepared.patients["age"].isna().sum() == 3
    assert prepared.patients["sex"].isna().sum() == 4
    faults = faults_of(frame, study_of(missing_values="refuse"))
    assert [fault[: fault.index(")")] for fault in faults] == ["column `age` (age", "column `sex` (sex"]
    assert "no value in 3 rows (first: 1, 2, 3); fill them in" in faults[0]


def test_descriptives_are_kept_as_text():
    frame = table(2).assign(cause=["tumour", None], code=[1.0, 2.0])
    study = study_of(descriptives={"cause_of_death": {"column": "cause"}, "site": {"column": "code"}})
    patients = prepare_cohort(frame, study).patients
    assert set(patients["cause_of_death"]) == {"tumour", None}
    assert set(patients["site"]) == {"1", "2"}


def test_the_example_runs_on_the_data_of_lifelines():
    from lifelines.datasets import load_gbsg2

    assert EXAMPLE["cohort"]["dataset"] in dataset_names()
    study = Study.from_config(merge_configs(DEFAULT, EXAMPLE))
    patients = prepare_cohort(load_gbsg2(), study).patients
    assert (len(patients), patients["event"].sum()) == (686, 299)
    for threshold in study.decisions["oligo_threshold"].values:
        for cutoff in study.decisions["dose_cutoff"].values:
            arm = patients[patients["lesions"] >= threshold]
            events = arm["event"].groupby(arm["dose"] >= cutoff).sum()
            assert events.min() >= study.analysis.minimum_events
