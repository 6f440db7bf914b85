"""Paths of scenarios: one canonical text, read back, and the nearest to what is none."""

import math
import re

import pytest
from cohorts import small_config, small_study

from survival_multiverse.files.scenario_paths import (
    chosen_scenarios,
    legal_patterns,
    outside_pattern,
    refusal,
    scenario_id,
    scenario_values,
)
from survival_multiverse.files.study_files import scenario_files
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.study import Study

OPTIONS = {
    "oligo_threshold": ("3", "5"),
    "dose_cutoff": ("57", "63"),
    "gtv_cutoff": ("100", "146"),
    "caliper": ("0.05", "0.2", "none"),
}
PATHS = scenario_files({"decisions": {name: {"options": texts} for name, texts in OPTIONS.items()}})
STUDY = small_study()
LEGAL = "oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~0.2"


def test_a_scenario_is_read_back_from_its_path():
    values = (5.0, 63.0, 146.0, math.inf)
    text = scenario_id(STUDY.decisions, values)
    assert text == "oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~none"
    assert scenario_values(f"results/scenarios/{text}.parquet", STUDY) == values
    assert scenario_values(f"/elsewhere/x~1/results/scenarios/{LEGAL}.parquet", STUDY) == (
        5.0,
        63.0,
        146.0,
        0.2,
    )


def test_an_option_by_name_stays_a_name():
    config = small_config()
    changes = [{"value": "two"}, {"value": "linear", "coding": {"age": {"linear": True}}}]
    config["decisions"]["coding"] = {"type": "equivalent", "options": changes}
    study = Study.from_config(config)
    values = (5.0, 60.0, 100.0, math.inf, "linear")
    text = scenario_id(study.decisions, values)
    assert text.endswith("/caliper~none/coding~linear")
    assert scenario_values(f"results/scenarios/{text}.parquet", study) == values


@pytest.mark.parametrize(
    "path",
    [
        "results/a.parquet",
        f"results/{LEGAL}.csv",
        "caliper~0.2.parquet",
        f"results/scenarios/{LEGAL}/coding~linear.parquet",
        f"results/scenarios/{'/'.join(reversed(LEGAL.split('/')))}.parquet",
    ],
)
def test_other_paths_are_no_scenarios(path):
    with pytest.raises(ValueError, match="not the path of a scenario"):
        scenario_values(path, STUDY)


@pytest.mark.parametrize(
    ("outside", "nearest"),
    [
        (LEGAL.replace("146", "146.0"), LEGAL),
        (LEGAL.replace("0.2", "0.20"), LEGAL),
        (LEGAL.replace("0.2", "0.4"), LEGAL),
        (LEGAL.replace("0.2", "inf"), LEGAL.replace("0.2", "none")),
        (LEGAL.replace("~5/", "~4.5/"), LEGAL),
        (LEGAL.replace("63", "1e3"), LEGAL),
        (LEGAL.replace("63", "high"), LEGAL.replace("63", "57")),
    ],
)
def test_the_nearest_scenario_is_named(outside, nearest):
    assert refusal(outside, OPTIONS).endswith(f"Nearest: results/scenarios/{nearest}.parquet")


def test_a_path_matches_the_legal_patterns_or_the_outside_one_and_never_both():
    legal = re.compile("/".join(f"{name}~({pattern})" for name, pattern in legal_patterns(OPTIONS).items()))
    outside = re.compile(outside_pattern(OPTIONS))
    for text in (LEGAL, LEGAL.replace("0.2", "none")):
        assert legal.fullmatch(text)
        assert not outside.match(f"{text}.parquet")
    for text in (LEGAL.replace("0.2", "0x2"), LEGAL + "1", "x" + LEGAL, LEGAL.replace("146", "147")):
        assert not legal.fullmatch(text)
        assert outside.match(f"{text}.parquet")


@pytest.mark.parametrize(
    ("words", "number"),
    [
        (["dose_cutoff==63"], 12),
        (["dose_cutoff==63 & caliper<=0.2"], 8),
        (["dose_cutoff == 63&caliper != none"], 8),
        (["caliper>0.2"], 8),
        (["caliper==none"], 8),
        (["dose_cutoff==63 or caliper==0.2"], 16),
        (["dose_cutoff == 63 and not (caliper in (0.05, none))"], 4),
        (["oligo_threshold>=3&oligo_threshold<5"], 12),
        (["dose_cutoff==63", "dose_cutoff<63"], 24),
        ([f"results/scenarios/{LEGAL}.parquet", f"results/scenarios/{LEGAL}.parquet"], 1),
        ([f"results/scenarios/{LEGAL}.parquet", "caliper==0.05"], 9),
    ],
)
def test_scenarios_are_chosen_by_their_paths_or_by_conditions(words, number):
    chosen = chosen_scenarios(words, PATHS, OPTIONS)
    assert len(chosen) == number
    assert chosen == [path for path in PATHS if path in chosen]


@pytest.mark.parametrize(
    ("word", "fault"),
    [
        (
            "dose_cutoff==64",
            "no scenario meets 'dose_cutoff==64'; there are oligo_threshold: 3, 5; dose_cutoff: 57",
        ),
        ("caliper==nan", "no scenario meets"),
        ("dose==63", "neither the path of a scenario nor a condition"),
        ("dose_cutoff=63", "neither"),
        ("dose_cutoff==63 &", "neither"),
        ("__import__('os')", "neither"),
        ("", "neither"),
        (f"results/scenarios/{LEGAL.replace('63', '64')}.parquet", "Nearest: results/scenarios/oligo"),
        (f"{LEGAL}.parquet", "Nearest"),
    ],
)
def test_what_chooses_no_scenario_is_refused(word, fault):
    with pytest.raises(InputError, match=re.escape(fault)):
        chosen_scenarios(["caliper==0.2", word], PATHS, OPTIONS)
