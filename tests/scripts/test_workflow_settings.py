"""Configuration files merged, and cut to what each step uses."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from snakemake.cli import parse_config
from snakemake.settings.types import ConfigSettings

from survival_multiverse.files.config_files import merged_config
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.slices import cohort_settings, scenario_settings, study_settings
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import validate_config

DEFAULT = Path(__file__).parents[2] / "config" / "config.yaml"


@pytest.fixture
def config() -> dict:
    return yaml.safe_load(DEFAULT.read_text(encoding="utf-8"))


def write(path: Path, settings: dict) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return path


def test_a_user_replaces_covariates_whole_and_an_analysis_key_by_key(tmp_path, config):
    own = {"covariates": {"sex": config["covariates"]["sex"]}, "analysis": {"landmarks": [6]}}
    merged = merged_config([DEFAULT, write(tmp_path / "config.yaml", own)], {})
    assert list(merged["covariates"]) == ["sex"]
    assert merged["analysis"] == {**config["analysis"], "landmarks": [6]}


def test_the_cohort_file_is_relative_to_the_configuration_that_names_it(tmp_path):
    first = write(tmp_path / "a" / "config.yaml", {"cohort": {"file": "patients.csv"}})
    second = write(tmp_path / "b" / "config.yaml", {"study": {"seed": 1}})
    assert merged_config([first, second], {})["cohort"]["file"] == str(tmp_path / "a" / "patients.csv")


@pytest.mark.parametrize("text", ["[1, 2]", "a: [", "", "just words"])
def test_a_file_that_is_no_configuration_is_refused(tmp_path, text):
    path = tmp_path / "config.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"config\.yaml"):
        merged_config([path], {})


@pytest.mark.parametrize(
    "given",
    [
        "execution={decisions_per_job: 1}",
        "study={seed: 7, title: '7 sites'}",
        "disclosure={minimum_count: 6}",
        "decisions={caliper: [0.1, none]}",
    ],
)
def test_a_job_started_by_snakemake_sees_the_command_line_of_its_parent(given):
    parent = ConfigSettings(config=parse_config([given]))
    child = ConfigSettings(config=parse_config(parent.config_args))
    merged = merged_config([DEFAULT], parent.config)
    assert merged_config([DEFAULT], child.config) == merged
    assert merged != merged_config([DEFAULT], {})
    Study.from_config(merged)


def test_a_scenario_depends_on_nothing_that_is_said_of_the_grid_or_to_the_reader(config):
    other = deepcopy(config)
    other["study"] |= {"title": "Another", "primary": {name: 1 for name in config["study"]["primary"]}}
    other["decisions"]["dose_cutoff"]["options"] = [1]
    other["execution"] = {"decisions_per_job": 0}
    other["disclosure"] = {"minimum_count": 1}
    other["covariates"]["sex"] |= {"label": "S", "column": "geschlecht"}
    other["adjustment_sets"]["as_published"]["label"] = "Published"
    other["cohort"] |= {"file": "/elsewhere.csv"}
    other["cohort"]["time"] |= {"label": "T", "column": "t"}
    # Balance of a reconstructed cohort is judged by the published cutoffs, those of the primary scenario.
    assert scenario_settings(other) != scenario_settings(config)
    for changed in (config, other):
        changed["cohort"]["source"] = "file"
    assert scenario_settings(other) == scenario_settings(config)
    assert study_settings(other) != study_settings(config)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("study", {"seed": 1}),
        ("analysis", {"minimum_events": 9}),
        (
            "covariates",
            {"sex": {"column": "sex", "type": "categorical", "levels": ["a"], "role": "baseline"}},
        ),
        ("adjustment_sets", {"as_published": {"covariates": ["kps"]}}),
        ("cohort", {"time": {"column": "t", "unit": "days"}}),
    ],
)
def test_a_scenario_depends_on_what_decides_its_numbers(config, section, change):
    other = {**config, section: {**config[section], **change}}
    assert scenario_settings(other) != scenario_settings(config)


def test_the_cohort_depends_on_its_columns_and_not_on_the_grid(config):
    other = deepcopy(config)
    other["decisions"]["dose_cutoff"]["options"] = [1]
    other["decisions"]["caliper"] |= {"type": "uncertain", "label": "Width"}
    assert cohort_settings(other) == cohort_settings(config)
    other = {**config, "cohort": {**config["cohort"], "file": "/elsewhere.csv"}}
    assert cohort_settings(other) == cohort_settings(config)
    other["cohort"]["dose"] = {**config["cohort"]["dose"], "range": [0, 1]}
    assert cohort_settings(other) != cohort_settings(config)


def test_the_user_s_order_of_covariates_is_kept_and_that_of_other_keys_is_not(config):
    for settings in (study_settings, scenario_settings):
        study = Study.from_config(json.loads(settings(config)))
        assert list(study.covariates) == list(config["covariates"])
        assert list(study.adjustment_sets) == list(config["adjustment_sets"])
        reversed_keys = {key: config[key] for key in reversed(config)}
        reversed_keys["analysis"] = dict(reversed(config["analysis"].items()))
        assert settings(reversed_keys) == settings(config)


FORMER = {"study": {"anchor": {"dose_cutoff": 60}, "seed": 3}, "sharing": {"minimum_cell": 8}}
PRESENT = {"study": {"primary": {"dose_cutoff": 60}, "seed": 3}, "disclosure": {"minimum_count": 8}}


def test_former_names_are_understood_and_their_present_ones_told(tmp_path):
    former = write(tmp_path / "former.yaml", FORMER)
    told: list[str] = []
    merged = merged_config([DEFAULT, former], {}, tell=told.append)
    assert merged == merged_config([DEFAULT, write(tmp_path / "present.yaml", PRESENT)], {})
    assert [message.split(":")[0] for message in told] == [
        "study.anchor is now called study.primary",
        "sharing.minimum_cell is now called disclosure.minimum_count",
    ]
    assert merged_config([DEFAULT], FORMER) == merged
    validate_config(merged)


def test_axes_of_an_earlier_version_are_decisions(tmp_path):
    axes = {
        "oligo_threshold": [{"value": 4, "reason": "a"}, {"value": 5, "reason": "b"}],
        "dose_cutoff": [{"value": 60, "reason": "c"}, {"value": 63, "reason": "d"}],
        "gtv_cutoff": [{"value": 100, "reason": "e"}, {"value": 146, "reason": "f"}],
        "caliper": [{"value": 0.2, "reason": "g"}, {"value": "none", "reason": "h"}],
    }
    former = write(tmp_path / "former.yaml", {"axes": axes, "execution": {"axes_per_job": 2}})
    present = {"decisions": axes, "execution": {"decisions_per_job": 2}}
    told: list[str] = []
    merged = merged_config([DEFAULT, former], {}, tell=told.append)
    assert merged == merged_config([DEFAULT, write(tmp_path / "present.yaml", present)], {})
    assert list(merged["decisions"]) == ["oligo_threshold", "dose_cutoff", "gtv_cutoff", "caliper"]
    assert told == [
        "execution.axes_per_job is now called execution.decisions_per_job: rename it, the next version "
        "will not know it",
        "axes is now called decisions: rename it, the next version will not know it",
    ]
    validate_config(merged)
    assert len(Study.from_config(merged).grid) == 16
    # On the command line, and a part of the axes alone.
    few = merged_config([DEFAULT], {"axes": {"caliper": [0.1]}})
    assert few == merged_config([DEFAULT], {"decisions": {"caliper": [0.1]}})


@pytest.mark.parametrize("axes", [{"dose_cutoff": 60}, {"dosecutoff": [60]}, [60], 5])
def test_axes_that_were_none_are_refused(tmp_path, axes):
    with pytest.raises(InputError, match="decisions"):
        validate_config(merged_config([DEFAULT, write(tmp_path / "config.yaml", {"axes": axes})], {}))


@pytest.mark.parametrize(
    ("own", "unknown"),
    [
        ({"axes": {"caliper": [0.1]}, "decisions": {"caliper": [0.2]}}, "unknown key `axes`"),
        ({"study": {"anchor": {"caliper": 0.1}, "primary": {"caliper": 0.2}}}, "study: unknown key `anchor`"),
        ({"sharing": {"minimum_cell": 8}, "disclosure": {"minimum_count": 9}}, "unknown key `sharing`"),
        ({"sharing": {"minimum_cell": 8, "other": 1}}, "unknown key `sharing`"),
        ({"sharing": 5}, "unknown key `sharing`"),
    ],
)
def test_a_former_name_beside_the_present_one_is_refused(tmp_path, own, unknown):
    with pytest.raises(InputError, match=unknown):
        validate_config(merged_config([DEFAULT, write(tmp_path / "config.yaml", own)], {}))
