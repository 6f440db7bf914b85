"""Where a number stands that somebody has read."""

import pandas as pd
import pytest

from number_search import find_number
from parquet_files import write_table

ROWS = pd.DataFrame(
    {
        "oligo_threshold": [5.0, 5.0, None],
        "dose_cutoff": [63.0, 63.0, 63.0],
        "gtv_cutoff": [146.0, 146.0, 146.0],
        "caliper": [0.2, float("inf"), 0.2],
        "population": ["all", "all", "all"],
        "hazard_ratio": [0.7361, 0.744, -0.736],
        "share": [0.4821, None, 0.3],
        "n": [274, 63, 1],
        "is_anchor": [True, False, False],
    }
)


@pytest.fixture
def study(tmp_path):
    write_table(ROWS, tmp_path / "table.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.74", [("hazard_ratio", 0.7361), ("hazard_ratio", 0.744)]),
        ("0.736", [("hazard_ratio", 0.7361)]),
        ("−0.736", [("hazard_ratio", -0.736)]),
        ("48 %", [("share", 0.4821)]),
        ("48.2%", [("share", 0.4821)]),
        ("274", [("n", 274)]),
        ("9", []),
    ],
)
def test_numbers_are_found_as_they_are_rounded(study, text, found):
    assert [(place.column, place.value) for place in find_number(text, ["table.parquet"], study)] == found


def test_a_place_names_its_row_its_scenario_and_whether_it_is_the_primary_one(study):
    first, second = find_number("0.74", ["table.parquet"], study)
    assert first.scenario == "oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~0.2"
    assert second.scenario.endswith("caliper~none")
    assert (first.primary, second.primary) == (True, False)
    assert first.row["population"] == "all"
    (third,) = find_number("-0.74", ["table.parquet"], study)
    assert third.scenario is None


def test_what_is_no_number_is_refused(study):
    with pytest.raises(ValueError, match="hello"):
        list(find_number("hello", ["table.parquet"], study))
