"""Pages that answer by a difference of survival curves, in a real browser."""

import re

import pytest
from conftest import SOME
from report_measures import DIFFERENCES, MEAN, MEDIAN, SURVIVAL, answering_by, without_some_medians

from survival_multiverse.inference.specification_summary import headline, primary_block, summarise
from survival_multiverse.report.charts.chart_files import specification_rows
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.words.answer import first_order, term_label
from survival_multiverse.report.words.measures import measure_words

pytestmark = pytest.mark.slow
OF_THREE_DIGITS = 0.02


@pytest.fixture
def open_answering(opened, answering):
    return lambda name: opened(answering(name).as_uri())


def settle(page):
    page.evaluate("() => robustness.settled()")


def matched(study, tables):
    return primary_block(headline(tables["specifications"], study, estimator="matched"), study)


@pytest.mark.parametrize("name", [*DIFFERENCES, "hazard_ratio"])
def test_the_words_of_what_is_shown_are_its_numbers(open_answering, name):
    page = open_answering(name)
    study, tables = answering_by(name)
    words, found = measure_words(study), summarise(matched(study, tables), study.primary_measure)
    low, high = words.text(found.lowest["estimate"]), words.told(found.highest["estimate"])
    expected = f"the median {words.name} is {words.text(found.median)}, from {low} to {high}; "
    side = "below 1" if name == "hazard_ratio" else "above 0"
    expected += f"{found.longer} of {found.estimated} lie {side}."
    assert expected in page.locator("#block-words").inner_text()
    assert page.evaluate("() => robustness.specs") == specification_rows(tables["specifications"], study)


@pytest.mark.parametrize("name", DIFFERENCES)
@pytest.mark.parametrize("estimator", ["matched", "adjusted"])
def test_what_moves_a_difference_is_worked_out_as_in_the_tables(open_answering, name, estimator):
    page = open_answering(name)
    page.evaluate("() => robustness.drawAll()")
    study, tables = answering_by(name)
    rows = page.evaluate("() => robustness.views.get('attribution-chart').view.data('shares')")
    found = {row["term"]: row["share"] for row in rows if row["estimator"] == ESTIMATOR_LABELS[estimator]}
    expected = first_order(tables["attribution"], study, estimator)
    named = {term_label(study, term): share for term, share in expected.items()}
    # The medians of the adjusted model do not vary.
    assert found or (name, estimator) == (MEDIAN, "adjusted")
    assert found == pytest.approx(named, abs=OF_THREE_DIGITS)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_chapter_of_all_analyses_speaks_of_no_hazard_ratio(open_answering, name):
    page = open_answering(name)
    page.evaluate("() => robustness.drawAll()")
    page.locator("#block-table > summary").click()
    head = page.locator("#block-table thead").inner_text()
    assert measure_words(answering_by(name)[0]).heading in head
    assert "1/HR" not in head
    # But in the list of what can be chosen.
    page.locator("[data-control=measure]").evaluate("(control) => control.remove()")
    assert not re.search(r"hazard ratio|\bHR\b", page.locator("#explore").inner_text(), re.IGNORECASE)


def test_the_list_of_ratios_has_them_both_ways(open_answering):
    page = open_answering("hazard_ratio")
    page.locator("#block-table > summary").click()
    head = page.locator("#block-table thead").inner_text()
    assert re.split(r"\t", head)[1:4] == ["Hazard ratio (CI)", "1/HR", "P"]


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_drawer_tells_a_difference_with_its_unit(open_answering, name):
    page = open_answering(name)
    study, tables = answering_by(name)
    words, rows = measure_words(study), matched(study, tables)
    row = rows[rows["is_primary"].astype(bool)].to_dict("records")[0]
    page.evaluate("() => robustness.open(robustness.specs.find((row) => row.primary && row.matching).i)")
    page.wait_for_selector("#analysis [data-chart=scenario-beside] svg")
    facts = page.locator("#analysis-facts").inner_text()
    assert f"{words.heading}\n{words.interval(row)} {words.unit}, P " in facts
    for alone in ("E-value", "other way round", "Rosenbaum", "orders of equal scores"):
        assert alone not in facts
    page.locator("#analysis-related > summary").click()
    assert page.locator("#analysis-related > summary").inner_text() == "All estimates of this scenario"
    table = page.locator("#analysis-estimates").inner_text()
    assert words.interval(row) in table
    assert "1/HR" not in table
    assert words.heading in page.locator("#analysis [data-chart=scenario-beside] svg").inner_html()


def test_some_medians_are_no_median(open_answering):
    page = open_answering(SOME)
    study, tables = without_some_medians()
    rows = matched(study, tables)
    known = int(rows["estimate"].notna().sum())
    assert 0 < known < len(rows)
    words = page.locator("#block-words").inner_text()
    assert f"the difference in median survival is known in {known} of {len(rows)}." in words
    assert "so no median is given" in words
    assert "the median difference" not in words
    # Without those that lack one, the others are all that is asked.
    page.locator("[data-field=caliper] > summary").click()
    page.locator("input[data-choice=caliper][value='0.2']").uncheck()
    settle(page)
    assert "the median difference in median survival is " in page.locator("#block-words").inner_text()


def captions(page):
    """Titles, captions and the words read out of the charts that can change."""
    return page.locator("#explore [data-said], #explore [data-alternative]").all_text_contents()


def read(page):
    """Rows of the charts, and the words above the curve."""
    return [page.evaluate("() => robustness.specs"), page.locator("#block-words").inner_text()]


def choose(page, name):
    page.locator("select[data-control=measure]").select_option(value=name)
    settle(page)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_reader_who_chooses_a_measure_sees_the_page_that_opens_with_it(open_answering, name):
    """Numbers, words and captions are those of the page of a study that answers by the measure."""
    there = open_answering(name)
    there.evaluate("() => robustness.drawAll()")
    wanted, titled = read(there), r'id="([\w-]+-chart)"[^>]*>.*?data-said="title">([^<]*)<'
    titles = dict(re.findall(titled, there.content(), re.DOTALL))
    page = open_answering("hazard_ratio")
    page.evaluate("() => robustness.drawAll()")
    before = [*read(page), *captions(page)]
    choose(page, name)
    assert read(page) == wanted
    for chart in ("decisions-chart", "curve-chart", "attribution-chart", "blocks-chart", "surface-chart"):
        assert page.locator(f"#{chart} [data-said=title]").first.inner_text() == titles[chart]
    # The range over the orders of equal scores is of ratios alone.
    assert not page.locator("#ties-chart").is_visible()
    axis = page.locator("#curve-chart svg .role-axis-title").first.text_content()
    assert "Hazard ratio" not in axis
    assert page.url.endswith(f"#explore?measure={name}")
    choose(page, "hazard_ratio")
    assert [*read(page), *captions(page)] == before
    assert page.locator("#ties-chart").is_visible()
    assert "Hazard ratio" in page.locator("#curve-chart svg .role-axis-title").first.text_content()


def test_a_link_keeps_the_measure_and_the_browser_goes_back_to_the_first(open_answering):
    page = open_answering("hazard_ratio")
    words = page.locator("#block-words")
    first = words.inner_text()
    choose(page, MEAN)
    chosen, address = words.inner_text(), page.url
    page.go_back()
    page.wait_for_function("(text) => document.getElementById('block-words').innerText === text", arg=first)
    page.goto("about:blank")
    page.goto(address)
    page.wait_for_selector("html[data-ready]")
    assert words.inner_text() == chosen
    page.evaluate("() => robustness.open(robustness.specs.find((row) => row.primary && row.matching).i)")
    page.wait_for_selector("#analysis [data-chart=scenario-beside] svg")
    study, tables = answering_by(MEAN)
    rows = matched(study, tables)
    row = rows[rows["is_primary"].astype(bool)].to_dict("records")[0]
    assert measure_words(study).interval(row) in page.locator("#analysis-facts").inner_text()


def test_the_maps_show_p_values_and_the_address_says_so(open_answering):
    page = open_answering(SURVIVAL)
    page.evaluate("() => robustness.drawAll()")
    control = page.locator("select[data-control=cells]")
    assert [option.inner_text() for option in control.locator("option").all()] == ["estimates", "P values"]
    legend = page.locator("#surface-chart svg .role-legend-label")
    assert not legend.get_by_text(re.compile("^P = ")).count()
    control.select_option(label="P values")
    settle(page)
    assert legend.get_by_text(re.compile("^P = ")).count() > 1
    assert page.url.endswith("#explore?cells=p")


@pytest.mark.parametrize("name", [MEAN, MEDIAN])
def test_a_click_on_a_reset_brings_the_words_back(open_answering, name):
    page = open_answering(name)
    before = page.locator("#block-words").inner_text()
    page.locator("select[data-control=estimator]").select_option(label=ESTIMATOR_LABELS["overlap"])
    settle(page)
    assert page.locator("#block-words").inner_text() != before
    page.get_by_role("button", name="Reset").click()
    settle(page)
    assert page.locator("#block-words").inner_text() == before
