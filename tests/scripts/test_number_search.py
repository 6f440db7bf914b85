"""Where a number stands that somebody has read."""

import pandas as pd
import pytest

from number_search import Primary, find_number
from parquet_files import write_table
from survival_multiverse.faults import InputError

ROWS = pd.DataFrame(
    {
        "oligo_threshold": [5.0, 5.0, None],
        "dose_cutoff": [63.0, 63.0, 63.0],
        "gtv_cutoff": [146.0, 146.0, 146.0],
        "caliper": [0.2, float("inf"), 0.2],
        "population": ["all", "all", "all"],
        "landmark": [0, 0, 8],
        "gate": [None, "all", "baseline"],
        "hazard_ratio": [0.7361, 0.744, -0.736],
        "share": [0.4821, None, 0.3],
        "n": [274, 63, 1274],
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
        ("1,274", [("n", 1274)]),
        (".3", [("share", 0.3)]),
        ("9", []),
    ],
)
def test_numbers_are_found_as_they_are_rounded(study, text, found):
    assert [(place.column, place.value) for place in find_number(text, ["table.parquet"], study)] == found


def test_a_place_names_its_row_its_scenario_and_how_far_it_is_from_the_primary_one(study):
    anchor = {"oligo_threshold": "5", "dose_cutoff": "63", "gtv_cutoff": "146", "caliper": "0.2"}
    primary = Primary(anchor, ["all"])
    first, second = find_number("0.74", ["table.parquet"], study, primary)
    assert first.scenario == "oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~0.2"
    assert second.scenario.endswith("caliper~none")
    assert first.row["population"] == "all"
    (third,) = find_number("-0.74", ["table.parquet"], study, primary)
    assert third.scenario is None
    assert first.distance == (False, False, False, False)
    assert second.distance == (True, False, False, False)
    assert third.distance == (False, False, True, True)
    (other,) = find_number("0.736", ["table.parquet"], study, Primary(anchor, ["none"]))
    assert other.distance == (False, True, False, False)


@pytest.mark.parametrize("text", ["hello", "", "-", "nan", "inf", "1e5", "12,34", "<0.001", "0.5 to 0.7"])
def test_what_is_no_number_is_refused(study, text):
    with pytest.raises(InputError, match="is no number"):
        list(find_number(text, ["table.parquet"], study))


def test_a_damaged_table_is_one_message(study):
    (study / "table.parquet").write_bytes((study / "table.parquet").read_bytes()[:500])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        list(find_number("1", ["table.parquet"], study))
