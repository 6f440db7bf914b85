"""The page of more than 5,000 scenarios opens, filters and opens an analysis as a small one does."""

import importlib
import math
import sys
from pathlib import Path

import pytest
from large_page import VALUES, large_page

from bundle_scripts import bundle_scripts

sys.path.append(str(Path(__file__).parents[2] / "benchmarks"))
time_page = importlib.import_module("time_page")

pytestmark = pytest.mark.slow


SCENARIOS = math.prod(map(len, VALUES.values()))


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("large")
    bundle_scripts(bundle=str(folder / "vega.js"))
    study, html = large_page((folder / "vega.js").read_text(encoding="utf-8"))
    path = folder / "robustness.html"
    path.write_text(html, encoding="utf-8")
    return study, path


@pytest.fixture
def page(browser, made):
    noise = []
    found = browser.new_page(viewport={"width": 1280, "height": 900})
    found.on("console", lambda message: noise.append(message.text))
    found.on("pageerror", lambda error: noise.append(str(error)))
    found.goto(made[1].as_uri())
    found.wait_for_selector("html[data-ready]")
    yield found
    found.close()
    assert noise == []


def test_it_holds_every_scenario_and_each_curve_once(page, made):
    assert SCENARIOS >= 5_000
    assert made[1].stat().st_size < 10e6
    study, _ = made
    matched = page.evaluate("() => robustness.specs.filter((row) => row.matching).length")
    assert matched == SCENARIOS * len(study.adjustment_sets)
    curves = page.evaluate("async () => (await robustness.unpack('analysis')).curves")
    assert len(curves["whose"]) == matched
    arms = 2 * len(VALUES["oligo_threshold"]) * len(VALUES["dose_cutoff"])
    assert len(curves["shapes"]) == arms


def test_it_draws_filters_and_opens(page, made):
    page.evaluate("() => robustness.drawAll()")
    for chart in page.locator("[data-chart]:not([data-on-demand])").all():
        assert chart.locator("svg").count() == 1
    within = len(VALUES["gtv_cutoff"]) * len(VALUES["caliper"])
    assert page.locator("#shown-count").inner_text() == f"{within} of {within} shown"
    page.locator("[data-field=caliper] > summary").click()
    page.get_by_role("checkbox", name="no caliper").uncheck()
    page.evaluate("() => robustness.settled()")
    left = within * (len(VALUES["caliper"]) - 1) // len(VALUES["caliper"])
    assert page.locator("#shown-count").inner_text() == f"{left} of {within} shown"
    page.evaluate("() => robustness.open(robustness.specs.findLast((row) => row.matching).i)")
    page.wait_for_selector("#analysis [data-chart=scenario-km] svg")
    page.wait_for_selector("#analysis [data-chart=scenario-love] svg")
    assert (
        page.locator("#analysis-command")
        .text_content()
        .endswith("oligo_threshold~8/dose_cutoff~66/gtv_cutoff~250/caliper~none.parquet")
    )


def test_the_benchmark_of_pages_measures_what_a_reader_waits_for(browser, made):
    (row,) = time_page.time_pages(browser, {"large": made[1]}, rounds=1)
    assert row["analyses"] > SCENARIOS
    assert 0 < row["ready"] < row["curve"]
    assert row["all_charts"] > 0
    assert row["filter"] > 0
