"""The models of the settings: what they read, refuse, and need."""

import json
import re
import subprocess
import sys
import time
from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.models import Settings
from survival_multiverse.settings.slices import scenario_settings
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import merge_configs, validate_config

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
ABSENT = """
import sys
sys.modules |= dict.fromkeys(["pydantic", "pydantic_core", "numpy", "pandas", "pyarrow", "rocrate", "numba"])
for name in sys.argv[1:]:
    __import__(name)
from survival_multiverse.settings.validation import validate_config
try:
    validate_config({})
except ModuleNotFoundError as error:
    print(error.name)
"""


def faults_of(config: dict) -> list[str]:
    with pytest.raises(InputError) as caught:
        validate_config(config)
    return caught.value.faults


@pytest.mark.parametrize(
    ("section", "key", "fault"),
    [
        ("study", "adjustment_set", "study.adjustment_set: null is empty; give text"),
        ("inference", "landmarks", "inference.landmarks: null is empty; give a list"),
        ("disclosure", "minimum_count", "disclosure.minimum_count: null is empty; give a whole number"),
        ("cohort", "published", "cohort.published: null is empty; give a group of keys"),
    ],
)
def test_a_key_without_a_value_is_no_absent_key(section, key, fault):
    config = deepcopy(DEFAULT)
    config[section][key] = None
    assert faults_of(config) == [fault]


def test_what_is_read_without_checks_is_what_is_checked():
    read = Settings.read(DEFAULT)
    assert read == Settings.model_validate(read.model_dump(exclude_unset=True, warnings=False))
    assert read.covariates["age"].per == 1
    assert isinstance(read.analysis.survival_times[0], int)
    assert read.decisions["caliper"].options[-1].value == "none"


def test_whole_numbers_may_be_written_with_a_point():
    assert validate_config(merge_configs(DEFAULT, {"inference": {"draws": 199.0}})) is None


def test_a_kind_of_block_is_named_once():
    config = merge_configs(DEFAULT, {"inference": {"estimators": ["iptw", "iptw"]}})
    assert faults_of(config) == ["inference.estimators: `iptw` is named 2 times; name it once"]


def test_a_fault_of_one_covariate_hides_none_of_another():
    config = deepcopy(DEFAULT)
    config["covariates"]["sex"]["cut"] = 1
    del config["covariates"]["age"]["column"]
    assert [fault.partition(":")[0] for fault in faults_of(config)] == [
        "covariates.sex.cut",
        "covariates.age",
    ]


def test_many_levels_are_one_line_in_a_moment():
    config = deepcopy(DEFAULT)
    config["covariates"]["sex"]["levels"] = ["male", *map(str, range(9000)), "male"]
    begin = time.perf_counter()
    assert faults_of(config) == ["covariates.sex.levels: male occurs more than once; name each level once"]
    assert time.perf_counter() - begin < 2


def test_parsing_the_workflow_needs_no_package_beside_snakemake():
    rules = (ROOT / "workflow" / "rules" / "common.smk").read_text(encoding="utf-8")
    names = re.findall(r"^from (survival_multiverse[\w.]+) import", rules, re.M)
    assert len(names) > 5
    call = [sys.executable, "-c", ABSENT, *names]
    done = subprocess.run(call, cwd=ROOT / "scripts", capture_output=True, text=True, check=False)
    assert done.stdout == "pydantic\n", done.stderr


def test_a_step_that_uses_what_it_is_not_told_stops():
    scenario = Study.from_config(json.loads(scenario_settings(DEFAULT)))
    assert scenario.primary_cutoffs.gtv == DEFAULT["study"]["primary"]["gtv_cutoff"]
    for use in (
        lambda: scenario.primary_cutoffs.dose + 1,
        lambda: scenario.minimum_count > 5,
        lambda: list(scenario.eligibility),
        lambda: scenario.published.get("matched"),
        lambda: max(scenario.decisions["caliper"].values),
        lambda: scenario.grid[0],
        lambda: scenario.primary_set == "baseline_only",
        lambda: f"{scenario.title}",
    ):
        with pytest.raises(LookupError, match="is not told the setting"):
            use()
