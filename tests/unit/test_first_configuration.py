"""First configurations from files of patients: they are valid, run, and say what was guessed."""

import numpy as np
import pandas as pd
import pytest
import yaml
from lifelines.datasets import load_gbsg2, load_lung, load_rossi

from survival_multiverse.cli.init import main
from survival_multiverse.cohort.guessed_roles import guess_roles
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
