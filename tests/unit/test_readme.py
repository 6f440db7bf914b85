"""The README of an archive, against the page and the files that it is about."""

import re

import pytest
from report_page import EVIL, evil_page

from survival_multiverse.report.charts.chart_files import chart_specs
from survival_multiverse.report.charts.page_charts import page_charts
from survival_multiverse.report.tables.page_tables import shown_tables
from survival_multiverse.report.tables.tidy import tidy
from survival_multiverse.report.words.narrative import origin
from survival_multiverse.report.words.readme import charts_readme, exhibits, tables_readme


@pytest.fixture(scope="module")
def frames():
    page = evil_page()
    return {name: tidy(frame) for name, frame in shown_tables(page.study, page.tables).items()}


def listed(readme):
    """Files and what is said of each."""
    return {
        name: text
        for names, text in re.findall(r"^- (`.*?`(?:, `.*?`)*): (.*)$", readme, re.M)
        for name in re.findall(r"`(.*?)`", names)
    }


def test_every_table_has_the_number_and_title_of_the_page(frames):
    page = evil_page()
    readme = tables_readme(page.study, frames, exhibits(page.html))
    files = listed(readme)
    assert set(files) == {f"{name}.{ending}" for name in frames for ending in ("csv", "parquet")}
    for name in frames:
        number, title = re.fullmatch(r"(Table \d+)\. (.+)", files[f"{name}.csv"]).groups()
        assert title
        assert re.search(rf'data-exhibit="{number}"[^>]* id="table-{name}"', page.html)
    assert "Table 1. " in readme


def test_every_column_is_named(frames):
    page = evil_page()
    readme = tables_readme(page.study, frames, exhibits(page.html))
    lines = re.findall(r"^  Columns: (.*)$", readme, re.M)
    for line, frame in zip(lines, frames.values(), strict=True):
        assert re.findall(r"`(.*?)`", line) == [
            " ".join(name.split()).replace("`", "'") for name in frame.columns
        ]


def test_every_chart_has_its_title():
    page = evil_page()
    specs = chart_specs(page.study, page.tables)
    readme = charts_readme(page.study, {name: spec["title"]["text"] for name, spec in specs.items()})
    files = listed(readme)
    assert set(files) == {f"{name}.{ending}" for name in specs for ending in ("svg", "png")}
    for name, chart in page_charts(page.study, page.tables).items():
        plain = files[f"{name}.svg"].replace("\\", "")
        assert plain == " ".join(chart.title.split())
    assert files["surface-chart-p.svg"] == files["surface-chart.svg"] + ", P values"


def test_a_readme_says_what_the_study_is_and_where_its_patients_come_from(frames):
    page = evil_page()
    heading, _, text = origin(page.study)
    for readme in (tables_readme(page.study, frames, {}), charts_readme(page.study, {})):
        assert readme.startswith("# ")
        assert readme.splitlines()[0].removeprefix("# ").replace("\\", "") == EVIL
        assert f"**{heading}.** {text}" in readme
        assert "<script" not in re.sub(r"\\<|`[^`\n]*`", "", readme)
