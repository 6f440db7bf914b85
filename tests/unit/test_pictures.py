"""Pictures outside the chapter of all analyses: they follow no filter, and their captions are short."""

import json
import re
from dataclasses import replace
from functools import cache

import pytest
from report_page import evil_page

from draw_charts import svg_of
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.chart_files import chart_specs
from survival_multiverse.report.charts.evidence_charts import evidence_charts
from survival_multiverse.report.charts.page_charts import opening, page_charts
from survival_multiverse.report.charts.paper_charts import paper_charts
from survival_multiverse.report.words.captions import caption
from survival_multiverse.report.words.figure_names import figure_names


@cache
def pictures():
    made = evil_page()
    return {**evidence_charts(made.tables, made.study), **paper_charts(made.tables, made.study)}


OF_THE_PRIMARY = ("love", "overlap", "smd", "landmark", "forest", "bias", "joint")


@pytest.mark.parametrize("name", [f"{name}-chart" for name in OF_THE_PRIMARY])
def test_no_picture_outside_the_grid_knows_the_filter(name):
    made = evil_page()
    spec = page_charts(made.study, made.tables)[name].spec
    assert "params" not in spec
    text = json.dumps(spec)
    # Tooltips may name a decision; no test may.
    tests = [part["filter"] for part in transforms(spec) if "filter" in part]
    for signal in opening(made.study, made.tables["specifications"]):
        assert not [test for test in tests if signal in test.replace("datum.", "")]
        assert f'"param": "{signal}"' not in text


def transforms(part):
    """Every transform of a specification."""
    if isinstance(part, list):
        return [found for item in part for found in transforms(item)]
    if not isinstance(part, dict):
        return []
    return [
        *part.get("transform", []),
        *(found for key in part if key != "data" for found in transforms(part[key])),
    ]


def test_no_row_of_a_picture_holds_a_choice():
    for name, chart in pictures().items():
        rows = [row for data in inline(chart.spec) for row in data]
        assert not {"caliper", "gtv_cutoff", "gate"} & {key for row in rows for key in row}, name


def inline(part):
    """Every table inside a specification."""
    if isinstance(part, list):
        return [found for item in part for found in inline(item)]
    if not isinstance(part, dict):
        return []
    own = [part["data"]["values"]] if "values" in part.get("data", {}) else []
    return own + [found for key in part if key != "data" for found in inline(part[key])]


def studies():
    """The study of a paper, one of patients, and one that knows no paper."""
    made = evil_page()
    return {
        "paper": (made.study, made.tables),
        "patients": (replace(made.study, source="patients"), made.tables),
        "no paper": (
            replace(made.study, published={}, source="simulated"),
            made.tables | {"published": NO_MARKS},
        ),
    }


@pytest.mark.parametrize("kind", ["paper", "patients", "no paper"])
def test_captions_are_short(kind):
    study, tables = studies()[kind]
    charts = {**evidence_charts(tables, study), **paper_charts(tables, study)}
    assert len(charts) >= 7
    for name, chart in charts.items():
        assert 5 < len(chart.text.split()) <= 40, (name, len(chart.text.split()))
        assert max(len(part.split()) for part in chart.text.split(". ")) <= 22, (name, chart.text)
        assert not re.search(r"\b(gates?|blocks?|kept)\b", chart.text), name
        assert "95 %" not in chart.text + chart.reading + chart.alternative, name
        assert chart.reading, name
        assert chart.text.endswith("."), name


def test_captions_of_survival_curves_are_short():
    names = figure_names(evil_page().study)
    assert len(names) > 4
    for name in names:
        words = survival_words(name)
        assert len(words.text.split()) <= 40, name
        assert max(len(part.split()) for part in words.text.split(". ")) <= 22, (name, words.text)
        assert "not shown" in words.reading, name
    assert any(words.reading.endswith("as the paper did.") for words in map(survival_words, names))


def survival_words(name):
    made = evil_page()
    return caption(name, made.tables["specifications"], made.study, made.tables["published"])


@pytest.mark.parametrize("name", [f"{name}-chart" for name in OF_THE_PRIMARY])
def test_text_of_a_picture_is_legible(name):
    made = evil_page()
    drawn = svg_of(chart_specs(made.study, made.tables)[name])
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)px"', drawn)]
    assert len(sizes) > 10
    assert min(sizes) >= 11


def test_the_legend_of_the_love_plot_has_every_mark():
    chart = pictures()["love-chart"]
    points = chart.spec["spec"]["layer"][-1]
    rows = chart.spec["data"]["values"]
    marks = {row["stage"] + (", published" if row.get("published") is not None else "") for row in rows}
    assert len(marks) > 4
    for channel in ("fill", "stroke", "shape", "yOffset"):
        assert set(points["encoding"][channel]["scale"]["domain"]) == marks
    # One legend: what merges has one domain, and every mark has a lane.
    assert (
        len({json.dumps(points["encoding"][channel]["legend"]) for channel in ("fill", "stroke", "shape")})
        == 1
    )


def test_the_forest_writes_the_numbers_of_each_interval():
    rows = pictures()["forest-chart"].spec["data"]["values"]
    assert len(rows) > 4
    for row in rows:
        assert row["text"] == f"{row['estimate']:.2f} ({row['ci_lower']:.2f} to {row['ci_upper']:.2f})"
    assert all(re.fullmatch(r"<\d+|[\d,]+, [\d,]+", row["counts"]) for row in rows)


def test_no_curve_of_hidden_confounders_leaves_the_picture():
    top, key = pictures()["bias-chart"].spec["vconcat"]
    curves = top["layer"][0]["data"]["values"]
    reach = top["layer"][0]["encoding"]["x"]["scale"]["domain"][1]
    assert len(curves) > 60
    assert all(1 < row[axis] <= 1.0001 * reach for row in curves for axis in ("exposure", "outcome"))
    # Every numbered point is in the key.
    numbers = [row["number"] for row in top["layer"][1]["data"]["values"]]
    assert [row["text"].split()[0] for row in key["data"]["values"]] == numbers


def test_counts_of_analyses_stand_beside_their_median():
    reading = pictures()["smd-chart"].reading
    counts = re.findall(r"[\d,]+ of [\d,]+ stays? below [\d.]+(, median hazard ratio \d\.\d\d)?", reading)
    assert counts
    assert all(counts)
