"""Paths of scenarios: one canonical text, read back, and the nearest to what is none."""

import math
import re

import pytest

from survival_multiverse.files.scenario_paths import (
    legal_patterns,
    outside_pattern,
    refusal,
    scenario_id,
    scenario_values,
)

AXES = {
    "oligo_threshold": ("3", "5"),
    "dose_cutoff": ("57", "63"),
    "gtv_cutoff": ("100", "146"),
    "caliper": ("0.05", "0.2", "none"),
}
LEGAL = "oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~0.2"


def test_a_scenario_is_read_back_from_its_path():
    values = (5.0, 63.0, 146.0, math.inf)
    assert scenario_id(values) == "oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~none"
    assert scenario_values(f"results/scenarios/{scenario_id(values)}.parquet") == values
    assert scenario_values(f"/elsewhere/x~1/{LEGAL}.parquet") == (5.0, 63.0, 146.0, 0.2)


@pytest.mark.parametrize("path", ["results/a.parquet", f"results/{LEGAL}.csv", "caliper~0.2.parquet"])
def test_other_paths_are_no_scenarios(path):
    with pytest.raises(ValueError, match="not the path of a scenario"):
        scenario_values(path)


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
    assert refusal(outside, AXES).endswith(f"Nearest: results/scenarios/{nearest}.parquet")


def test_a_path_matches_the_legal_patterns_or_the_outside_one_and_never_both():
    legal = re.compile("/".join(f"{name}~({pattern})" for name, pattern in legal_patterns(AXES).items()))
    outside = re.compile(outside_pattern(AXES))
    for text in (LEGAL, LEGAL.replace("0.2", "none")):
        assert legal.fullmatch(text)
        assert not outside.match(f"{text}.parquet")
    for text in (LEGAL.replace("0.2", "0x2"), LEGAL + "1", "x" + LEGAL, LEGAL.replace("146", "147")):
        assert not legal.fullmatch(text)
        assert outside.match(f"{text}.parquet")
