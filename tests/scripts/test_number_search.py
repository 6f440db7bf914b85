"""Where a number stands that somebody has read."""

import pandas as pd
import pytest

from survival_multiverse.files.parquet_files import write_table
from survival_multiverse.provenance.number_search import Primary, find_number
from survival_multiverse.settings.faults import InputError

ROWS = pd.DataFrame(
    {
        "oligo_threshold": [5.0, 5.0, None],
        "dose_cutoff": [63.0, 63.0, 63.0],
        "gtv_cutoff": [146.0, 146.0, 146.0],
        "caliper": [0.2, float("inf"), 0.2],
        "population": ["all", "all", "all"],
        "landmark": [0, 0, 8],
        "gate": [None, "all", "baseline"],
        "median_estimate": [0.7361, 0.744, -0.736],
        "share_below": [0.4821, None, 0.3],
    }
)
COUNTS = pd.DataFrame({"population": ["all", "all"], "n": [273, 1274]})
TABLES = ["blocks.parquet", "specifications.parquet"]


@pytest.fixture
def study(tmp_path):
    write_table(ROWS, tmp_path / "blocks.parquet")
    write_table(COUNTS, tmp_path / "specifications.parquet")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("0.74", [("median_estimate", 0.736), ("median_estimate", 0.744)]),
        ("0.736", [("median_estimate", 0.736)]),
        ("0.7361", []),
        ("−0.736", [("median_estimate", -0.736)]),
        ("48 %", [("share_below", 0.482)]),
        ("48.2%", [("share_below", 0.482)]),
        ("273", []),
        ("272", [("n", 272)]),
        ("1,272", [("n", 1272)]),
        (".3", [("share_below", 0.3)]),
        ("9", []),
    ],
)
def test_numbers_are_found_as_they_are_shared_and_rounded(study, text, found):
    places = find_number(text, TABLES, study, minimum=5)
    assert [(place.column, place.value) for place in places] == found


def test_a_table_that_is_never_shared_holds_no_number(study):
    write_table(COUNTS, study / "cohort.parquet")
    write_table(COUNTS, study / "adjusted_p_values.parquet")
    assert not list(find_number("1272", ["cohort.parquet", "adjusted_p_values.parquet"], study, minimum=5))


def test_a_place_names_its_row_its_scenario_and_how_far_it_is_from_the_primary_one(study):
    options = {"oligo_threshold": "5", "dose_cutoff": "63", "gtv_cutoff": "146", "caliper": "0.2"}
    primary = Primary(options, ["all"])
    first, second = find_number("0.74", TABLES, study, minimum=5, primary=primary)
    assert first.scenario == "oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~0.2"
    assert second.scenario.endswith("caliper~none")
    assert first.row["population"] == "all"
    (third,) = find_number("-0.74", TABLES, study, minimum=5, primary=primary)
    assert third.scenario is None
    assert first.distance == (False, False, False, False)
    assert second.distance == (True, False, False, False)
    assert third.distance == (False, False, True, True)
    (other,) = find_number("0.736", TABLES, study, minimum=5, primary=Primary(options, ["none"]))
    assert other.distance == (False, True, False, False)


@pytest.mark.parametrize("text", ["hello", "", "-", "nan", "inf", "1e5", "12,34", "<0.001", "0.5 to 0.7"])
def test_what_is_no_number_is_refused(study, text):
    with pytest.raises(InputError, match="is not a number"):
        list(find_number(text, TABLES, study, minimum=5))


def test_a_damaged_table_is_one_message(study):
    (study / "blocks.parquet").write_bytes((study / "blocks.parquet").read_bytes()[:500])
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        list(find_number("1", TABLES, study, minimum=5))
