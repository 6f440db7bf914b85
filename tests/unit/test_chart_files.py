"""The page's charts without a browser: complete, light, and the page's own."""

import json
import re
from dataclasses import replace

import pytest
from report_page import EVIL, evil_page

from draw_charts import svg_of
from survival_multiverse.inference.specification_summary import headline
from survival_multiverse.report.charts.chart_files import (
    FIGURES,
    chart_specs,
    figure_spec,
    specification_rows,
)
from survival_multiverse.report.charts.cutpoint_charts import cutpoint_chart
from survival_multiverse.report.charts.page_charts import page_charts
from survival_multiverse.report.style.formats import ORIGIN_NOTES
from survival_multiverse.scenario.cautions import MARK


@pytest.fixture(scope="module")
def specs():
    made = evil_page()
    return chart_specs(made.study, made.tables)


def test_every_chart_of_the_page_has_a_file(specs):
    made = evil_page()
    assert list(specs) == [*page_charts(made.study, made.tables), "surface-chart-p"]
    maps = [svg_of(specs[name]) for name in ("surface-chart", "surface-chart-p")]
    assert ["P = 1" in drawn for drawn in maps] == [False, True]


def test_a_file_needs_no_page(specs):
    for name, spec in specs.items():
        text = json.dumps(spec)
        assert "var(--" not in text, name
        assert not re.search(r"@\d+:\d+", text), name
        named = set(re.findall(r'"data": \{"name": "(\w+)"\}', text))
        assert named == set(spec["datasets"]), name
        assert all(spec["datasets"].values()), name


def test_a_file_says_what_it_shows_and_that_the_patients_are_none(specs):
    charts = page_charts(evil_page().study, evil_page().tables)
    for name, spec in specs.items():
        assert spec["title"]["text"] == charts[name.removesuffix("-p")].title
        assert spec["title"]["subtitle"] == ORIGIN_NOTES["reconstructed"]


@pytest.mark.parametrize("name", ["curve-chart", "love-chart", "attribution-chart"])
def test_equal_charts_give_equal_bytes(specs, name):
    first = svg_of(specs[name])
    assert svg_of(specs[name]) == first
    assert "NaN" not in first
    assert "Reconstructed from published aggregates" in first
    assert len(set(re.findall(r'aria-roledescription="(\w+)"', first))) > 1
    ids = re.findall(r' id="([^"]+)"', first)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r"url\(#([^)]+)\)", first)) <= set(ids)


def test_the_null_band_is_told_for_each_estimator_and_world():
    made = evil_page()
    words = page_charts(made.study, made.tables)["joint-chart"].alternative
    curves = made.tables["null_curves"]
    curves = curves[(curves["oligo_threshold"] == 5) & (curves["dose_cutoff"] == 63)]
    curves = curves[curves["adjustment_set"] == made.study.primary_set]
    curves = curves[(curves["population"] == "non_oligometastatic") & (curves["landmark"] == 0)]
    for estimator, name in (("matched", "Matched 1:1"), ("overlap", "Overlap weights")):
        here = curves[(curves["estimator"] == estimator) & (curves["null"] == "permutation")]
        inside = here["estimate"].between(here["null_2.5"], here["null_97.5"])
        assert f"{name}, exposure permuted, {(~inside).sum()} of {len(here)}" in words


def test_a_selected_rest_does_not_stand_before_a_null():
    made = evil_page()
    curves = made.tables["null_curves"].assign(status="selected_rest")
    assert "joint-chart" not in page_charts(made.study, made.tables | {"null_curves": curves})


def test_given_text_is_text_in_a_file(specs):
    drawn = svg_of(specs["love-chart"])
    assert "<script" not in drawn
    assert EVIL.split("(")[0].replace("<", "&lt;").replace(">", "&gt;") in drawn


def test_a_figure_of_nothing_says_so(specs):
    study = evil_page().study
    for name, chart in FIGURES.items():
        assert figure_spec(name, specs, study) == specs[chart]
        assert "There is nothing to draw" in svg_of(figure_spec(name, {}, study))


def test_rows_are_those_of_the_table():
    made = evil_page()
    rows = specification_rows(made.tables["specifications"], made.study)
    table = headline(made.tables["specifications"], made.study)
    assert len(rows) == len(table)
    known = table["estimate"].notna()
    assert sum(row["estimate"] is not None for row in rows) == known.sum()
    assert sorted(row["estimate"] for row in rows if row["estimate"]) == pytest.approx(
        sorted(table.loc[known, "estimate"]), rel=1e-5
    )
    assert sum(row["primary"] for row in rows) == table["is_primary"].sum()


@pytest.mark.parametrize(
    "name",
    [
        "curve-chart", "blocks-chart", "surface-chart", "caliper-chart", "ties-chart", "landmark-chart",
        "forest-chart", "joint-chart",
    ],
)  # fmt: skip
def test_charts_of_estimates_mark_those_to_be_read_with_caution(specs, name):
    text = json.dumps(specs[name], ensure_ascii=False)
    assert MARK in text
    assert "datum.caution" in text


def test_searched_cutoffs_of_patients_mark_those_with_few_events():
    made = evil_page()
    study = replace(made.study, source="patients")
    drawn = cutpoint_chart(made.tables, study, "gtv")
    few = made.tables["cutpoints"].query("population == 'non_oligometastatic' and variable == 'gtv'")
    few = few.loc[few["flags"] == "few_events", "cutoff"].tolist()
    assert few
    marked = [
        row["cutoff"]
        for layer in drawn.spec["hconcat"][0]["layer"]
        for row in layer["data"].get("values", ())
        if layer["mark"]["type"] == "text" and row["caution"]
    ]
    assert marked == few
    assert MARK in drawn.reading
