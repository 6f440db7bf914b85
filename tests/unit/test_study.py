"""The study's settings as values."""

import math
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
import yaml

from survival_multiverse.settings.study import Criterion, Descriptive, Study
from survival_multiverse.settings.values import Cutoffs, canonical_text, level_text, option_number

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config/config.yaml"


@pytest.fixture
def config() -> dict:
    return deepcopy(yaml.safe_load(CONFIG.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("value", "text"),
    [(146, "146"), (146.0, "146"), (0.2, "0.2"), (0.1 + 0.2, "0.3"), ("none", "none"), (math.inf, "none")],
)
def test_an_option_has_one_spelling(value, text):
    assert canonical_text(value) == text
    assert canonical_text(option_number(text)) == text


@pytest.mark.parametrize(("level", "text"), [(1, "1"), (1.0, "1"), (0.5, "0.5"), ("1", "1"), ("no", "no")])
def test_a_level_has_one_spelling(level, text):
    assert level_text(level) == text


def test_the_default_study(config):
    study = Study.from_config(config)
    assert study.primary == (5.0, 63.0, 146.0, 0.2)
    assert study.decisions["caliper"].values[-1] == math.inf
    assert list(study.decisions) == ["oligo_threshold", "dose_cutoff", "gtv_cutoff", "caliper"]
    for decision in study.decisions.values():
        assert len(decision.reasons) == len(decision.values)
        assert all(decision.reasons)
    assert len(study.grid) == 4 * 4 * 6 * 6
    assert study.inside == ["gtv_cutoff", "caliper"]
    assert study.outside == ["oligo_threshold", "dose_cutoff"]
    assert study.uncertain == []
    assert study.primary_cutoffs == Cutoffs(lesions=5, dose=63, gtv=146, caliper=0.2)
    assert study.covariates["age"].levels == ("<60", ">=60")
    assert study.covariates["kps"].levels == ("<=80", ">80")
    assert study.id_column == "patient_id"
    assert study.eligibility == study.descriptives == ()


def test_post_treatment_covariates_are_known(config):
    study = Study.from_config(config)
    assert study.adjustment_sets["as_published"].covariates == ("kps", "gtv", "cycles", "response")
    assert study.flags(study.adjustment_sets["as_published"].covariates) == ("post_treatment_covariate",)
    assert study.flags(study.adjustment_sets["baseline_only"].covariates) == ()


def test_numbers_as_levels_and_optional_parts(config):
    config["covariates"]["sex"] |= {"levels": [1, 2.0]}
    config["cohort"]["id"] = "patient"
    config["cohort"]["descriptives"] = {"cause": {"column": "cause_of_death", "label": "Cause of death"}}
    config["cohort"]["eligibility"] = [
        {"variable": "age", "minimum": 18, "reason": "younger than 18"},
        {"variable": "sex", "levels": [1], "reason": "women"},
    ]
    study = Study.from_config(config)
    assert study.covariates["sex"].levels == ("1", "2")
    assert study.id_column == "patient"
    assert study.descriptives == (Descriptive(name="cause", column="cause_of_death", label="Cause of death"),)
    assert study.eligibility == (
        Criterion(variable="age", minimum=18.0, maximum=math.inf, levels=(), reason="younger than 18"),
        Criterion(variable="sex", minimum=-math.inf, maximum=math.inf, levels=("1",), reason="women"),
    )


def test_a_published_ratio_of_the_lower_dose_is_turned_round(config):
    cohort = config["cohort"] | {
        "published": {
            "matched": {"hazard_ratio": 2.0, "of": "below"},
            "adjusted": {"hazard_ratio": 0.8, "of": "at_or_above"},
        }
    }
    assert Study.from_config({**config, "cohort": cohort}).published == {"matched": 0.5, "adjusted": 0.8}


def test_the_settings_hold_the_published_ratios_of_the_table(config):
    numbers = pd.read_csv(ROOT / "resources" / "published_statistics.csv", index_col="id")["value"]
    for name, cohort in {"matched": "non_oligo_post_psm", "adjusted": "non_oligo_pre_psm"}.items():
        entry = config["cohort"]["published"][name]
        assert entry["of"] == "below"
        assert entry["hazard_ratio"] == float(numbers[f"table3__{cohort}__dose__lt63_vs_ge63__cox_hr"])
