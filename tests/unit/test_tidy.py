"""Tables for other programs: numbers in columns of numbers, and nothing lost."""

import io
import math
import zipfile

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.api.types import is_numeric_dtype
from report_page import evil_page

from survival_multiverse.files.archives import write_tables
from survival_multiverse.report.style.formats import format_ratio
from survival_multiverse.report.tables.page_tables import shown_tables
from survival_multiverse.report.tables.tidy import tidy


def split(head, *cells):
    """Columns of one column, with gaps as None."""
    made = tidy(pd.DataFrame({head: cells}))
    return {name: [None if pd.isna(value) else value for value in made[name]] for name in made}


@pytest.mark.parametrize(
    ("head", "cells", "expected"),
    [
        (
            "Hazard ratio (CI)",
            ("0.65 (0.56 to 0.88)", "0.70 (0.50 to 0.98) ‡", "no pair within the caliper", "–"),
            {
                "Hazard ratio": [0.65, 0.7, None, None],
                "Hazard ratio, lower limit": [0.56, 0.5, None, None],
                "Hazard ratio, upper limit": [0.88, 0.98, None, None],
                "Hazard ratio, note": ["", "‡", "no pair within the caliper", ""],
            },
        ),
        (
            "Hazard ratio (95\u00a0% CI)",
            ("no pair", "–"),
            {
                "Hazard ratio": [None, None],
                "Hazard ratio, lower limit": [None, None],
                "Hazard ratio, upper limit": [None, None],
                "Hazard ratio, note": ["no pair", ""],
            },
        ),
        (
            "Median, months (CI)",
            ("52.0 (39.0 to not reached)", "not reached (lower limit 39.0)", "12.0"),
            {
                "Median, months": [52, None, 12],
                "Median, months, lower limit": [39, 39, None],
                "Median, months, upper limit": [None, None, None],
                "Median, months, note": ["upper limit not reached", "not reached", ""],
            },
        ),
        (
            "At 12 months (CI)",
            ("9\u00a0% (−5 to 24)", "11 %"),
            {
                "At 12 months, %": [9, 11],
                "At 12 months, lower limit, %": [-5, None],
                "At 12 months, upper limit, %": [24, None],
            },
        ),
        ("P", ("0.012", "<0.001"), {"P": [0.012, None], "P, note": ["", "<0.001"]}),
        ("Cox P", ("–", ""), {"Cox P": [None, None]}),
        ("At risk", ("1,152", "<5"), {"At risk": [1152, None], "At risk, note": ["", "<5"]}),
        ("Pass", ("3 of 1,152", "–"), {"Pass": [3, None], "Pass, of": [1152, None]}),
        (
            "Within rounding",
            ("150 of 158 (94.9 %)",),
            {"Within rounding": [150], "Within rounding, of": [158], "Within rounding, %": [94.9]},
        ),
        (
            "<63 Gy (n = 92)",
            ("67 (71 %)", "42", "<5", "*"),
            {
                "<63 Gy (n = 92)": [67, 42, None, None],
                "<63 Gy (n = 92), %": [71, None, None, None],
                "<63 Gy (n = 92), note": ["", "", "<5", "*"],
            },
        ),
        ("E-value (of the limit)", ("2.06 (1.43)",), {"E-value": [2.06], "E-value, of the limit": [1.43]}),
        ("Observed (± SE)", ("0.044 (±0.009)",), {"Observed": [0.044], "Observed, SE": [0.009]}),
        ("Observed", ("0.032 to 0.046",), {"Observed, from": [0.032], "Observed, to": [0.046]}),
        (
            "Median HR (range)",
            ("0.67 (0.58 to 0.85)",),
            {"Median HR": [0.67], "Median HR, lowest": [0.58], "Median HR, highest": [0.85]},
        ),
        (
            "CI excludes 1",
            ("30 below, 0 above",),
            {"CI excludes 1, below": [30], "CI excludes 1, above": [0]},
        ),
        (
            "Moves it most",
            ("Volume × Caliper (43 %)", "–"),
            {"Moves it most": ["Volume × Caliper", "–"], "Moves it most, %": [43, None]},
        ),
        (
            "Value",
            ("0.64 (0.47 to 0.87)", "chi-square 8.20"),
            {
                "Value": [0.64, 8.2],
                "Value, lower limit": [0.47, None],
                "Value, upper limit": [0.87, None],
                "Value, note": ["", "chi-square"],
            },
        ),
        ("Difference", ("−14", "+0.05"), {"Difference": [-14, 0.05]}),
        ("HR", ("1 (reference)", "1.2e-03"), {"HR": [1, 0.0012], "HR, note": ["reference", ""]}),
        # Words stay words, whatever they look like.
        ("Level", ("1", "2"), {"Level": ["1", "2"]}),
        ("Gate on", ("<0.1", "<0.25"), {"Gate on": ["<0.1", "<0.25"]}),
        ("About", ("Age: 60 years", "Stage 3", "2"), {"About": ["Age: 60 years", "Stage 3", "2"]}),
        ("Estimator", ("–", "Matched 1:1"), {"Estimator": ["–", "Matched 1:1"]}),
    ],
)
def test_cells_as_they_are_split(head, cells, expected):
    assert split(head, *cells) == expected


def test_means_have_their_standard_deviation():
    frame = pd.DataFrame(
        {"Level": ["<60", "Mean (SD), years"], "≥63 Gy (n = 92)": ["47 (53 %)", "61.5 (9.9)"]}
    )
    made = tidy(frame)
    assert made["≥63 Gy (n = 92)"].tolist() == [47, 61.5]
    assert made["≥63 Gy (n = 92), SD"].tolist()[1] == 9.9


def test_whole_numbers_are_integers_and_others_floats():
    made = tidy(pd.DataFrame({"Pass": ["3 of 4", "–"], "Ratio": ["0.5", "1"]}))
    assert [str(kind) for kind in made.dtypes] == ["Int64", "Int64", "float64"]


@given(
    st.lists(
        st.tuples(*[st.floats(0.001, 1e6)] * 3, st.booleans(), st.sampled_from([" ", "\u00a0"])),
        min_size=1,
    )
)
def test_any_interval_comes_back(rows):
    cells = []
    for ratio, low, high, marked, space in rows:
        text = f"{format_ratio(ratio)} ({format_ratio(low)} to {format_ratio(high)})"
        cells.append(text.replace(" ", space) + (" ‡" if marked else ""))
    made = tidy(pd.DataFrame({"Hazard ratio (CI)": cells}))
    for place, name in enumerate(("Hazard ratio", "Hazard ratio, lower limit", "Hazard ratio, upper limit")):
        assert made[name].tolist() == [float(format_ratio(row[place])) for row in rows]
    if "Hazard ratio, note" in made:
        assert made["Hazard ratio, note"].tolist() == ["‡" if row[3] else "" for row in rows]
    else:
        assert not any(row[3] for row in rows)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 100))
def test_any_count_comes_back(part, whole, share):
    assert split("Pass", f"{part:,} of {whole:,} ({share} %)") == {
        "Pass": [part],
        "Pass, of": [whole],
        "Pass, %": [share],
    }


@given(
    st.lists(st.lists(st.text(max_size=12), min_size=3, max_size=3), max_size=5),
    st.lists(st.text(max_size=8), min_size=3, max_size=3, unique=True),
)
def test_any_texts_keep_their_rows_and_have_names_of_their_own(rows, heads):
    made = tidy(pd.DataFrame(rows, columns=heads))
    assert len(made) == len(rows)
    assert len(set(made.columns)) == made.shape[1] >= 3
    assert all(isinstance(name, str) for name in made.columns)


def test_names_that_meet_are_numbered():
    made = tidy(pd.DataFrame({"Pass": ["3 of 4"], "Pass, of": ["7"]}))
    assert made.iloc[0].tolist() == [3, 4, 7]
    assert made.columns.is_unique


def test_no_cell_of_the_page_hides_a_number_in_words():
    """Of the tables of numbers; what is left in notes are bounds, marks, reasons and what is withheld."""
    page = evil_page()
    frames = shown_tables(page.study, page.tables)
    for name in (
        "primary_scenario",
        "inverse",
        "survival",
        "rmst",
        "table_one",
        "blocks",
        "joint",
        "landmarks",
    ):
        made = tidy(frames[name])
        assert len(made) == len(frames[name])
        for column in made.columns[made.columns.str.endswith(", note")]:
            numbers = pd.to_numeric(made[column], errors="coerce")
            assert numbers.isna().all(), (name, column)
        heads = {head: column for head, column in made.items() if is_numeric_dtype(column)}
        assert len(heads) >= 2, name


def test_the_archive_holds_numbers(tmp_path):
    page = evil_page()
    frame = tidy(shown_tables(page.study, page.tables)["primary_scenario"])
    write_tables(
        {"primary": frame}, tmp_path / "a.zip", data_origin="file", metadata={"a": "b"}, readme="What it is."
    )
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        csv = pd.read_csv(io.BytesIO(archive.read("primary.csv")))
        parquet = pq.read_table(io.BytesIO(archive.read("primary.parquet")))
    ratios = csv["Hazard ratio"]
    assert ratios.dtype == "float64"
    assert str(parquet.schema.field("Hazard ratio").type) == "double"
    assert str(parquet.schema.field("Patients").type) == "int64"
    for text, ratio in zip(
        shown_tables(page.study, page.tables)["primary_scenario"].iloc[:, 2], ratios, strict=True
    ):
        assert text.startswith(f"{ratio:.2f} (") or math.isnan(ratio)
