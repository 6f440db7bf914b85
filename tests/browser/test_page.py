"""The page in a real browser: what a reader sees, filters, opens, prints and hears."""

import dataclasses
import re
from itertools import pairwise

import pytest
from report_page import EVIL, evil_page

from survival_multiverse.report.charts.chart_files import share_rows, specification_rows
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.words.answer import first_order, term_label

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")


def drawn(page):
    """Rows of the block that is drawn, as its chart holds them."""
    return page.evaluate(
        """() => { const view = robustness.views.get('curve-chart').view;
            const name = Object.keys(view.getState({data: () => true}).data).find((key) =>
                view.data(key).length && view.data(key).every((row) => row.rank));
            return view.data(name).map(({hr, side, S, C, rank}) => ({hr, side, S, C, rank})); }"""
    )


def judged(page):
    """Analyses in the chart of the balance over all of them."""
    return page.evaluate(
        """() => { let sum = 0;
            const walk = (item) => { for (const part of item.items || []) {
                if (part.items) walk(part);
                else if (part.datum?.count && part.datum.lower !== undefined) sum += part.datum.count; } };
            walk(robustness.views.get('smd-chart').view.scenegraph().root);
            return sum; }"""
    )


DIAMOND = "path[fill='var(--paper)'][stroke='var(--ink)']"
PRINTED_SYMBOL = "path[stroke='#CC79A7'][fill='transparent']"
PRINTED_LINE, PRINTED_TICK = "line[stroke-dasharray='7,4']", "path[aria-roledescription='tick']"


def settle(page):
    page.evaluate("() => robustness.settled()")


def test_it_opens_quickly_and_alone(opened):
    page = opened()
    ready = page.evaluate("() => performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd")
    assert ready < 2000
    assert page.evaluate("() => robustness.specs.length") > 50


@pytest.mark.slow
def test_the_text_agrees_with_the_chart(opened):
    page = opened()
    rows = drawn(page)
    below = sum(row["hr"] < 1 for row in rows)
    card = page.locator("ul.answer > li", has=page.get_by_role("heading", name="Matched 1:1")).inner_text()
    card = card.replace("\u00a0", " ")
    said = re.search(r"(\d+) of (\d+) \(\d+ %\) found|(all|none) of the (\d+) found", card)
    whole = int(said[2] or said[4])
    assert whole == len(rows)
    assert (int(said[1]) if said[1] else {"all": whole, "none": 0}[said[3]]) == below
    significant = sum(row["side"] == "below" for row in rows)
    inside = re.search(r"\), (\w+) of them with", card)
    assert {"none": 0, "all": below}.get(inside[1], inside[1]) in (significant, str(significant))
    words = page.locator("#block-words").inner_text()
    assert words.startswith(f"{len(rows)} of ")
    assert f"hazard ratio below 1 in {below}," in words
    assert "none is through the balance gate" in words
    assert f"None of the {whole} balanced every baseline covariate" in card
    ranks = [row["hr"] for row in sorted(rows, key=lambda row: row["rank"])]
    assert ranks == sorted(ranks)


@pytest.mark.slow
def test_a_choice_filters_every_chart(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    before = len(drawn(page))
    cells = page.locator("#surface-chart svg [aria-roledescription='rect mark']").count()
    analyses = judged(page)
    page.get_by_role("checkbox", name="no caliper").uncheck()
    settle(page)
    assert 0 < len(drawn(page)) < before
    assert 0 < judged(page) < analyses
    assert 0 < page.locator("#surface-chart svg [aria-roledescription='rect mark']").count() < cells
    page.get_by_role("button", name="Show all").click()
    settle(page)
    assert len(drawn(page)) == before


@pytest.mark.slow
def test_brushing_a_decision_keeps_it_alone(opened):
    page = opened()
    before = len(drawn(page))
    label = page.locator("#curve-chart svg text", has_text=re.compile("^Caliper 0.2$"))
    label.scroll_into_view_if_needed()
    box = label.bounding_box()
    x, y = box["x"] + box["width"] + 60, box["y"] + box["height"] / 2
    page.mouse.move(x, y - 4)
    page.mouse.down()
    page.mouse.move(x + 20, y + 4, steps=4)
    page.mouse.up()
    page.wait_for_function("() => robustness.state.chosen.C.length === 1")
    settle(page)
    rows = drawn(page)
    assert 0 < len(rows) < before
    assert {row["C"] for row in rows} == {"0.2"}
    assert page.locator("input[data-choice=C]").first.is_checked()
    assert not page.locator("input[data-choice=C]").last.is_checked()


def shown(page, chart):
    """How many marks of each kind a chart shows; lines of reference are none."""
    return page.evaluate(
        """(chart) => { const found = {};
            for (const mark of document.querySelectorAll(`#${chart} .role-mark > [aria-roledescription]`)) {
                const kind = mark.getAttribute('aria-roledescription');
                found[kind] = (found[kind] || 0) + 1; }
            return found; }""",
        chart,
    )


PRIMARY_ONLY = ("love-chart", "overlap-chart", "landmark-chart", "forest-chart", "bias-chart", "joint-chart")
"""Charts of the primary scenario, and of its block."""


@pytest.mark.slow
def test_a_choice_that_is_not_kept_leaves_the_charts_of_the_primary_scenario(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    before = {chart: shown(page, chart) for chart in PRIMARY_ONLY}
    curves = page.locator("figure[data-kept]")
    assert all(curve.is_visible() for curve in curves.all())
    page.locator("input[data-choice=C]").first.uncheck()
    settle(page)
    for chart in PRIMARY_ONLY:
        after = shown(page, chart)
        assert 0 < sum(after.values()) < sum(before[chart].values()), chart
    assert [curve.is_visible() for curve in curves.all()] == [False, False]
    page.locator("#reset").click()
    settle(page)
    assert {chart: shown(page, chart) for chart in PRIMARY_ONLY} == before


PLACES = """([chart, key]) => {
    const found = [];
    const walk = (item, facet, x, y) => {
        for (const part of item.items) {
            if (item.marktype !== 'group') {
                const {T, [key]: own, hr} = part.datum || {};
                if (facet && hr) found.push([facet.T, facet[key], T, own, x, y]);
                continue;
            }
            const here = part.datum?.T !== undefined && part.datum[key] !== undefined ? part.datum : facet;
            for (const inner of part.items) walk(inner, here, x + (part.x || 0), y + (part.y || 0));
        }
    };
    walk(robustness.views.get(chart).view.scenegraph().root, null, 0, 0);
    return found;
}"""
"""Of each mark: threshold and dose (or caliper) of the facet around it, its own, and where the facet is."""


@pytest.mark.slow
@pytest.mark.parametrize(("chart", "key"), [("blocks-chart", "D"), ("surface-chart", "C")])
def test_what_is_kept_stays_in_its_place(opened, chart, key):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    page.locator("select[data-control=set]").first.select_option(label="Baseline only")
    page.locator("select[data-control=estimator]").select_option(label=ESTIMATOR_LABELS["iptw"])
    settle(page)
    every = page.evaluate(PLACES, [chart, key])
    before = {(row, column): (x, y) for row, column, _, _, x, y in every}
    page.locator("input[data-choice=gate]").check()
    settle(page)
    gated = page.evaluate(PLACES, [chart, key])
    assert 0 < len(gated) < len(every)
    for row, column, own_row, own_column, x, y in gated:
        assert (row, column) == (own_row, own_column)
        assert (x, y) == pytest.approx(before[row, column], abs=2)


@pytest.mark.slow
def test_a_chart_without_anything_kept_says_so(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    note = page.locator("#overlap-chart [data-emptied]")
    assert not note.is_visible()
    for box in page.locator("input[data-choice=G]").all():
        box.uncheck()
    settle(page)
    page.wait_for_function("() => !document.querySelector('#overlap-chart [data-emptied]').hidden")
    assert note.is_visible()
    page.locator("#reset").click()
    page.wait_for_function("() => document.querySelector('#overlap-chart [data-emptied]').hidden")


@pytest.mark.slow
def test_another_set_of_covariates_is_another_block(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    first, words = drawn(page), page.locator("#block-words").inner_text()
    chosen = page.locator("select[data-control=set]").first
    chosen.select_option(label="Baseline only")
    settle(page)
    other = drawn(page)
    assert {row["S"] for row in other} == {"Baseline only"} != {row["S"] for row in first}
    assert len(other) == len(first)
    assert page.locator("#block-words").inner_text() != words
    assert "adjusted for Baseline only" in page.locator("#block-words").inner_text()
    assert page.locator("select[data-control=set]").last.input_value() == "Baseline only"
    assert shown(page, "surface-chart")["rect mark"] > 0


# The page has hazard ratios of three digits, the tables' shares are of all.
OF_THREE_DIGITS = 0.02


@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["matched", "overlap", "adjusted"])
def test_what_moves_the_answer_is_worked_out_as_in_the_tables(opened, estimator):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    study, name = evil_page().study, ESTIMATOR_LABELS[estimator]
    rows = page.evaluate("() => robustness.views.get('attribution-chart').view.data('shares')")
    found = {row["term"]: row["share"] for row in rows if row["estimator"] == name}
    expected = first_order(evil_page().tables["attribution"], study, estimator)
    assert found == pytest.approx(
        {term_label(study, term): share for term, share in expected.items()}, abs=OF_THREE_DIGITS
    )
    page.locator("select[data-control=set]").first.select_option(label="Baseline only")
    settle(page)
    kept = page.evaluate("() => robustness.views.get('attribution-chart').view.data('shares')")
    kept = {row["term"]: row["share"] for row in kept if row["estimator"] == name}
    other = dataclasses.replace(study, primary_set=list(study.adjustment_sets)[1])
    expected = first_order(evil_page().tables["attribution"], other, estimator)
    assert kept == pytest.approx(
        {term_label(study, term): share for term, share in expected.items()}, abs=OF_THREE_DIGITS
    )


@pytest.mark.slow
def test_the_published_ratio_stands_in_its_block_alone(opened):
    page = opened()
    line = page.locator("#curve-chart svg text", has_text=re.compile("^published 0.60$"))
    assert line.count() == 1
    page.locator("select[data-control=estimator]").select_option(label="Overlap weights")
    settle(page)
    assert line.count() == 0
    page.locator("select[data-control=estimator]").select_option(label="Matched 1:1")
    page.locator("select[data-control=dose]").select_option(index=0)
    settle(page)
    assert line.count() == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("chart", "marks"),
    [
        ("curve-chart", (DIAMOND, PRINTED_LINE)),
        ("blocks-chart", (PRINTED_LINE,)),
        ("caliper-chart", (DIAMOND, PRINTED_LINE)),
        ("ties-chart", (DIAMOND, PRINTED_LINE)),
        ("smd-chart", (DIAMOND, PRINTED_LINE)),
        ("love-chart", (PRINTED_SYMBOL,)),
        ("forest-chart", (PRINTED_TICK,)),
        ("landmark-chart", (PRINTED_TICK,)),
        ("joint-chart", (DIAMOND, PRINTED_LINE)),
    ],
)
def test_the_primary_scenario_and_the_published_ratio_are_marked(opened, chart, marks):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    for mark in marks:
        assert page.locator(f"#{chart} svg {mark}").count() > 0, mark


@pytest.mark.slow
def test_the_charts_of_the_primary_analysis_show_what_was_published(opened):
    page = opened()
    page.evaluate("() => robustness.open(robustness.specs.find((row) => row.primary && row.matching).i)")
    page.wait_for_selector("#analysis [data-chart=scenario-love] svg")
    assert "primary scenario" in page.locator("#analysis-title").inner_text()
    # Three rates of each arm; each covariate before and after.
    assert page.locator(f"#analysis [data-chart=scenario-km] svg {PRINTED_SYMBOL}").count() == 6
    printed = page.locator(f"#analysis [data-chart=scenario-love] svg {PRINTED_SYMBOL}").count()
    assert (
        printed
        == len(
            page.evaluate(
                "() => robustness.views.get('scenario-love').view.data('love')"
                ".filter((row) => row.published !== undefined)"
            )
        )
        > 10
    )
    page.evaluate("() => robustness.open(robustness.specs.find((row) => !row.primary && row.matching).i)")
    page.wait_for_function("() => !document.querySelector('#analysis-title').textContent.includes('primary')")
    page.wait_for_function(f"() => !document.querySelector(`#analysis ${{{PRINTED_SYMBOL!r}}}`)")


@pytest.mark.slow
def test_the_files_of_the_charts_are_drawn_from_the_same_rows(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    made = evil_page()
    rows = specification_rows(made.tables["specifications"], made.study)
    assert page.evaluate("() => robustness.specs") == rows
    shares = share_rows(made.tables["attribution"], made.tables["specifications"], made.study)
    drawn = page.evaluate("() => robustness.views.get('attribution-chart').view.data('shares')")
    place = "{estimator} {term}".format_map
    expected = {place(row): row for row in shares}
    assert {place(row) for row in drawn} == set(expected)
    for row in drawn:
        assert row["share"] == pytest.approx(expected[place(row)]["share"], abs=OF_THREE_DIGITS)
        assert {key: row[key] for key in ("kind", "text")} == {
            key: expected[place(row)][key] for key in ("kind", "text")
        }


@pytest.mark.slow
def test_another_block_has_a_curve_of_its_own(opened):
    page = opened()
    first = drawn(page)
    page.locator("select[data-control=dose]").select_option(index=0)
    settle(page)
    assert drawn(page) != first
    assert "≥60" in page.locator("#block-words").inner_text()


@pytest.mark.slow
def test_a_click_opens_the_analysis(opened):
    page = opened()
    points = page.locator("#curve-chart svg [aria-roledescription='point']").all()
    lowest = min(points, key=lambda point: point.bounding_box()["x"])
    lowest.scroll_into_view_if_needed()
    lowest.click()
    card = page.locator("#analysis")
    assert card.is_visible()
    page.wait_for_selector("#analysis [data-chart=scenario-km] svg")
    page.wait_for_selector("#analysis [data-chart=scenario-love] svg")
    assert (
        page.locator("#analysis-command")
        .inner_text()
        .startswith("snakemake --cores 2 --force results/scenarios/oligo_threshold~5/dose_cutoff~63/")
    )
    rows = drawn(page)
    assert f"{min(row['hr'] for row in rows):.2f} (" in page.locator("#analysis-facts").inner_text()
    assert page.locator("#analysis-estimates tbody tr").count() > 20
    page.keyboard.press("Escape")
    assert not card.is_visible()


@pytest.mark.slow
def test_the_keyboard_opens_an_analysis_too(opened):
    page = opened()
    page.locator("#block-table summary").focus()
    page.keyboard.press("Enter")
    page.locator("#block-table button").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("#analysis").is_visible()
    assert page.evaluate("() => document.getElementById('analysis').contains(document.activeElement)")


@pytest.mark.slow
def test_the_primary_analysis_names_its_file_and_digest(opened):
    page = opened()
    page.evaluate("() => robustness.open(robustness.specs.find((row) => row.primary && row.matching).i)")
    page.wait_for_selector("#analysis [data-chart=scenario-km] svg")
    assert page.locator("#analysis-digest").inner_text() == "f00dbeef"
    assert page.locator("#analysis-command").inner_text().endswith("gtv_cutoff~146/caliper~0.2.parquet")


@pytest.mark.slow
def test_no_step_of_a_curve_shows_a_single_patient(opened):
    page = opened()
    page.evaluate("() => robustness.open(robustness.specs.find((row) => row.primary && row.matching).i)")
    page.wait_for_selector("#analysis [data-chart=scenario-km] svg")
    rows = page.evaluate("() => robustness.views.get('scenario-km').view.data('km')")
    study, links = evil_page().study, evil_page().tables["arm_curves"]
    here = links[(links["estimator"] == "matched") & (links["caliper"] == 0.2) & (links["gtv_cutoff"] == 146)]
    here = here[(here["dose_cutoff"] == 63) & (here["oligo_threshold"] == 5)]
    sizes = here[here["adjustment_set"] == next(iter(study.adjustment_sets))].set_index("arm")["n"]
    for arm, name in ((0, "<63 <i>"), (1, "≥63 <i>")):
        steps = [row["survival"] for row in rows if row["arm"] == name and "survival" in row]
        drops = [before - after for before, after in pairwise(steps)]
        assert drops
        assert min(drops) > (study.minimum_count - 0.5) / sizes[arm]


def test_given_text_is_text(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    assert page.locator("h1").inner_text() == EVIL
    assert page.locator("select[data-control=set] option").first.inner_text().startswith(EVIL)
    assert (
        EVIL in page.locator("#balance").inner_html()
        or "&lt;script&gt;" in page.locator("#balance").inner_html()
    )
    assert page.evaluate("() => document.querySelectorAll('#main script, svg script').length") == 0
    page.locator("#curve-chart svg [aria-roledescription='point']").first.hover()
    assert "<script>" in page.locator("#vg-tooltip-element").inner_text()
    page.evaluate("() => robustness.open(0)")
    assert "<script>" in page.locator("#analysis-title").inner_text()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_in_either_scheme(opened, scheme):
    page = opened(color_scheme=scheme)
    page.evaluate("() => robustness.drawAll()")
    found = axe.Axe().run(page).response["violations"]
    bad = [
        f"{v['id']}: {v['nodes'][0]['html'][:120]}" for v in found if v["impact"] in ("serious", "critical")
    ]
    assert bad == []


@pytest.mark.slow
def test_the_open_analysis_is_accessible(opened):
    page = opened()
    page.evaluate("() => robustness.open(0)")
    page.wait_for_selector("#analysis [data-chart=scenario-km] svg")
    found = axe.Axe().run(page, context="#analysis").response["violations"]
    assert [v["id"] for v in found if v["impact"] in ("serious", "critical")] == []


@pytest.mark.slow
def test_dark_follows_the_reader(opened):
    light, dark = opened(color_scheme="light"), opened(color_scheme="dark")
    colour = "() => getComputedStyle(document.body).backgroundColor"
    assert light.evaluate(colour) != dark.evaluate(colour)
    label = "() => getComputedStyle(document.querySelector('#curve-chart svg text')).fill"
    assert light.evaluate(label) != dark.evaluate(label)


@pytest.mark.slow
def test_nothing_sticks_out_on_a_phone(opened):
    page = opened(viewport={"width": 375, "height": 700})
    page.evaluate("() => robustness.drawAll()")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 375
    page.evaluate("() => robustness.open(0)")
    page.wait_for_selector("#analysis [data-chart=scenario-km] svg")
    assert page.evaluate("() => document.documentElement.scrollWidth") <= 375


@pytest.mark.slow
def test_it_prints_with_every_chart(opened):
    page = opened()
    made = page.pdf(format="A4")
    assert made.startswith(b"%PDF")
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-chart]:not([data-on-demand])')].every((p) => "
        "p.dataset.drawn)"
    )
    assert len(re.findall(rb"/Type\s*/Page\b", made)) > 5


@pytest.mark.slow
def test_what_is_folded_is_printed_and_folded_again(opened):
    page = opened()
    page.evaluate(
        """() => { const parts = [...document.querySelectorAll('main details:not(.no-print, .long)')];
            window.folded = null;
            window.matchMedia('print').addEventListener('change', ({matches}) => {
                if (matches) window.folded = parts.filter((part) => !part.open).length; });
            window.count = parts.length; }"""
    )
    page.pdf(format="A4")
    page.wait_for_function("() => window.folded !== null")
    assert page.evaluate("() => [window.count > 3, window.folded]") == [True, 0]
    assert page.locator("main details[open]").count() == 0


@pytest.mark.slow
def test_no_chart_is_cut_in_print(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    page.emulate_media(media="print")
    # A4 less the page's margins, in CSS pixels.
    page.set_viewport_size({"width": 703, "height": 1000})
    page.wait_for_timeout(400)
    wide = page.evaluate(
        """() => [...document.querySelectorAll('.vega svg, svg.plot')].filter((chart) =>
            chart.getBoundingClientRect().right > document.body.clientWidth + 1).map((chart) =>
            chart.closest('figure').id)"""
    )
    assert wide == []
