"""First configurations from files of patients: they are valid, run, and say what was guessed."""

import numpy as np
import pandas as pd
import pytest
import yaml
from lifelines.datasets import load_gbsg2, load_lung, load_rossi

from survival_multiverse.cli.init import main
from survival_multiverse.cohort.guessed_roles import guess_roles
from survival_multiverse.files.source_patients import load_dataset
from survival_multiverse.settings.faults import InputError

PATIENTS = {
    "graded": (load_lung, ["--exposure", "wt.loss"], {"dose": "wt.loss", "time": "time", "event": "status"}),
    "groups": (load_gbsg2, ["--exposure", "tgrade"], {"dose": "tgrade", "gtv": "tsize", "lesions": "pnodes"}),
    "two groups": (
        load_rossi,
        ["--time", "week", "--event", "arrest", "--exposure", "fin"],
        {"dose": "fin", "time": "week", "event": "arrest"},
    ),
}


@pytest.mark.parametrize("name", PATIENTS)
def test_a_first_configuration_is_valid_as_it_is(name, tmp_path, capsys):
    load, options, roles = PATIENTS[name]
    frame = load()
    frame.to_csv(tmp_path / "patients.csv", index=False)
    assert main([str(tmp_path / "study"), str(tmp_path / "patients.csv"), *options]) == 0
    assert "is written, for" in capsys.readouterr().out
    text = (tmp_path / "study" / "config.yaml").read_text(encoding="utf-8")
    cohort = yaml.safe_load(text)["cohort"]
    assert {role: cohort[role]["column"] for role in roles} == roles
    assert cohort["file"] == "../patients.csv"
    assert "guessed" in text
    used = {entry["column"] for entry in yaml.safe_load(text)["covariates"].values()}
    assert not used & set(roles.values())


def patients_with_entry(name="entry", **changes):
    rng = np.random.default_rng(5)
    time = rng.exponential(20, 60).round(2) + 1
    frame = pd.DataFrame(
        {
            "os": time,
            name: (time * rng.uniform(0, 0.5, 60)).round(2),
            "died": rng.integers(0, 2, 60),
            "dose": rng.uniform(50, 70, 60).round(1),
            "age": rng.uniform(40, 80, 60).round(),
        }
    )
    return frame.assign(**changes)


@pytest.mark.parametrize("name", ["entry", "Entry_Time", "delayed.entry", "left_truncation"])
def test_delayed_entry_is_a_role_and_no_covariate(name, tmp_path):
    patients_with_entry(name).to_csv(tmp_path / "patients.csv", index=False)
    assert main([str(tmp_path / "study"), str(tmp_path / "patients.csv")]) == 0
    config = yaml.safe_load((tmp_path / "study" / "config.yaml").read_text(encoding="utf-8"))
    assert config["cohort"]["entry"] == {"column": name, "label": "Entry"}
    assert [entry["column"] for entry in config["covariates"].values()] == ["age"]


@pytest.mark.parametrize(
    "values",
    [np.full(60, 900.0), np.full(60, -1.0), np.zeros(60), ["left", "right"] * 30],
    ids=["after the time", "below zero", "always zero", "text"],
)
def test_what_cannot_be_an_entry_is_none_whatever_its_name(values):
    guess = guess_roles(patients_with_entry(entry=values), {})
    assert "entry" not in guess.roles


def test_an_entry_of_another_name_is_given(tmp_path):
    patients_with_entry("enrolled").to_csv(tmp_path / "patients.csv", index=False)
    call = [str(tmp_path / "study"), str(tmp_path / "patients.csv"), "--entry", "enrolled"]
    assert main(call) == 0
    config = yaml.safe_load((tmp_path / "study" / "config.yaml").read_text(encoding="utf-8"))
    assert config["cohort"]["entry"]["column"] == "enrolled"


def test_it_asks_for_what_it_cannot_guess_and_overwrites_nothing(tmp_path):
    frame = pd.DataFrame({"a": np.arange(1.0, 31), "b": [0, 1] * 15, "c": list("xyz") * 10})
    with pytest.raises(InputError) as error:
        guess_roles(frame, {})
    assert [fault.split(";")[0] for fault in error.value.faults] == [
        f"no column seems to be the {role}" for role in ("time", "event", "exposure")
    ]
    with pytest.raises(InputError, match="there is no column `d`"):
        guess_roles(frame, {"time": "d"})
    (tmp_path / "config.yaml").write_text("mine", encoding="utf-8")
    frame.to_csv(tmp_path / "patients.csv", index=False)
    with pytest.raises(InputError, match="is there already"):
        main([str(tmp_path), str(tmp_path / "patients.csv")])
    assert (tmp_path / "config.yaml").read_text(encoding="utf-8") == "mine"


def test_what_says_nothing_is_left_out_with_the_reason():
    n = 40
    frame = pd.DataFrame(
        {
            "Patient ID": [f"p{number}" for number in range(n)],
            "os": np.arange(1.0, n + 1),
            "Died": ["TRUE", "FALSE"] * (n // 2),
            "arm": ["a", "b"] * (n // 2),
            "centre": "one",
            "notes": [f"text {number}" for number in range(n)],
            "mostly": [1.0, 2.0] + [np.nan] * (n - 2),
            "age": np.linspace(30, 80, n),
        }
    )
    guess = guess_roles(frame, {})
    assert guess.roles == {"id": "Patient ID", "time": "os", "event": "Died", "dose": "arm"}
    assert guess.covariates == ["age"]
    assert set(guess.left) == {"centre", "notes", "mostly"}


# When patients were treated


def transplants():
    frame = load_dataset("stanford_heart_transplants")
    return frame[["time", "event", "transplant", "wait", "age", "year", "surgery"]]


def course(**changes):
    """Radiotherapy: planned in fractions, dated; two patients have none."""
    rng = np.random.default_rng(8)
    dose = rng.choice([50.0, 60.0, 66.0, 70.0], 80)
    dose[[3, 40]] = 0.0
    began = np.where(dose > 0, rng.integers(0, 20, 80), np.nan)
    frame = pd.DataFrame(
        {
            "os": rng.integers(100, 900, 80),
            "died": rng.integers(0, 2, 80),
            "dose": dose,
            "RT_start": began,
            "rt.end": began + np.ceil(dose / 2) / 5 * 7,
            "dose_per_fraction": 2.0,
            "fractions_per_week": 5.0,
            "age": rng.uniform(40, 80, 80).round(),
        }
    )
    return frame.assign(**changes)


def written(frame, tmp_path, *options):
    """The configuration that is written, which holds for its patients."""
    frame.to_csv(tmp_path / "patients.csv", index=False)
    assert main([str(tmp_path / "study"), str(tmp_path / "patients.csv"), *options]) == 0
    text = (tmp_path / "study" / "config.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text), text


@pytest.mark.parametrize("name", ["wait", "rt_start", "Treatment Start", "time.to.treatment"])
def test_the_start_of_a_treatment_in_two_groups(name, tmp_path):
    frame = transplants().rename(columns={"wait": name})
    config, text = written(frame, tmp_path, "--exposure", "transplant")
    assert config["cohort"]["treatment"] == {"start": {"column": name}}
    assert {entry["column"] for entry in config["covariates"].values()} == {"age", "year", "surgery"}
    assert "# guessed: counted from time zero; empty: never treated" in text


@pytest.mark.parametrize(
    ("drop", "treatment"),
    [
        ([], {"start": {"column": "RT_start"}, "completion": {"column": "rt.end"}}),
        (
            ["rt.end"],
            {
                "start": {"column": "RT_start"},
                "fraction_dose": "dose_per_fraction",
                "fractions_per_week": "fractions_per_week",
            },
        ),
        (["rt.end", "dose_per_fraction"], {"start": {"column": "RT_start"}}),
        (["RT_start"], {"completion": {"column": "rt.end"}}),
        (
            ["RT_start", "rt.end"],
            {"fraction_dose": "dose_per_fraction", "fractions_per_week": "fractions_per_week"},
        ),
    ],
)
def test_a_course_of_a_dose(drop, treatment, tmp_path):
    config, _ = written(course().drop(columns=drop), tmp_path)
    assert config["cohort"]["treatment"] == treatment
    assert [entry["column"] for entry in config["covariates"].values()] == ["age"]


@pytest.mark.parametrize(
    "changes",
    [
        {"RT_start": 2000.0},
        {"RT_start": -1.0},
        {"RT_start": np.nan},
        {"RT_start": lambda rows: rows["RT_start"].mask(rows.index == 7)},
        {"RT_start": 0.0},
        {"RT_start": "soon"},
    ],
    ids=["after the time", "negative", "never", "not of all", "always zero", "text"],
)
def test_what_cannot_be_a_start_is_none_whatever_its_name(changes, tmp_path):
    frame = course(**changes).drop(columns=["rt.end", "dose_per_fraction"])
    config, text = written(frame, tmp_path)
    assert "treatment" not in config["cohort"]
    assert "RT_start" not in {entry["column"] for entry in config["covariates"].values()}
    assert "# RT_start was left out: " in text


@pytest.mark.parametrize(
    "changes",
    [
        {"rt.end": lambda rows: rows["rt.end"] + 2000},
        {"rt.end": lambda rows: rows["RT_start"] - 1},
        {"rt.end": lambda rows: rows["rt.end"].mask(rows.index == 7)},
    ],
    ids=["after the time", "before the start", "not of all"],
)
def test_a_completion_that_does_not_fit_is_left_out(changes, tmp_path):
    config, text = written(course(**changes).drop(columns="dose_per_fraction"), tmp_path)
    assert config["cohort"]["treatment"] == {"start": {"column": "RT_start"}}
    assert "# rt.end was left out: it seems to be a time of treatment, which no covariate is" in text


@pytest.mark.parametrize("per_week", [0.1, 0.0])
def test_rates_that_end_after_follow_up_are_no_guess(per_week, tmp_path):
    frame = course(fractions_per_week=per_week).drop(columns=["rt.end", "RT_start"])
    assert "treatment" not in written(frame, tmp_path)[0]["cohort"]


def test_a_start_of_the_untreated_is_no_guess(tmp_path):
    frame = transplants().assign(wait=lambda rows: rows["wait"].fillna(0.0))
    config, text = written(frame, tmp_path, "--exposure", "transplant")
    assert "treatment" not in config["cohort"]
    assert "# wait was left out" in text


def test_who_enters_late_has_no_guessed_treatment(tmp_path):
    frame = transplants().assign(entry=lambda rows: rows["time"] / 2)
    config, _ = written(frame, tmp_path, "--exposure", "transplant")
    assert "entry" in config["cohort"]
    assert "treatment" not in config["cohort"]
