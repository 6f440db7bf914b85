"""The page in a real browser: what a reader sees, filters, opens, prints and hears."""

import dataclasses
import re
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import vl_convert
from report_page import EVIL, EXTRA, evil_page

from survival_multiverse.report.charts.chart_files import share_rows, specification_rows
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, ORIGIN_NOTES
from survival_multiverse.report.words.answer import first_order, term_label
from survival_multiverse.report.words.claim import hero_rows
from survival_multiverse.report.words.figure_names import MATCHED, PREFIX

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe is not installed")


def drawn(page):
    """Rows of the block that is drawn, as its chart holds them."""
    return page.evaluate(
        """() => { const view = robustness.views.get('curve-chart').view;
            const name = Object.keys(view.getState({data: () => true}).data).find((key) =>
                view.data(key).length && view.data(key).every((row) => row.rank));
            return view.data(name).map(({estimate, side, adjustment_set, caliper, rank}) =>
                ({estimate, side, adjustment_set, caliper, rank})); }"""
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
    below = sum(row["estimate"] < 1 for row in rows)
    page.locator("#reading > summary").click()
    card = page.locator("ul.answer > li", has=page.get_by_role("heading", name="Matched 1:1")).inner_text()
    card = card.replace("\u00a0", " ")
    said = re.search(r"(\d+) of (\d+) \(\d+%\) found|(all|none) of the (\d+) found", card)
    whole = int(said[2] or said[4])
    assert whole == len(rows)
    assert (int(said[1]) if said[1] else {"all": whole, "none": 0}[said[3]]) == below
    significant = sum(row["side"] == "longer" for row in rows)
    inside = re.search(r"\), (\w+) of them with", card)
    assert {"none": 0, "all": below}.get(inside[1], inside[1]) in (significant, str(significant))
    assert page.locator("#shown-count").inner_text() == f"{len(rows)} of {len(rows)} shown"
    words = page.locator("#block-words").inner_text()
    assert f"; {below} of {len(rows)} lie below 1." in words
    assert words.endswith("None balances every baseline covariate.")
    assert f"None of the {whole} balanced every baseline covariate" in card
    ranks = [row["estimate"] for row in sorted(rows, key=lambda row: row["rank"])]
    assert ranks == sorted(ranks)


def uncheck(page, decision, value):
    """Leave out a value of a decision that stays within a block."""
    box = page.locator(f"input[data-choice={decision}][value='{value}']")
    if not box.is_visible():
        page.locator(f"[data-field={decision}] > summary").click()
    box.uncheck()
    page.keyboard.press("Escape")
    assert not box.is_visible()
    settle(page)


OF_EXPLORING = ("curve-chart", "blocks-chart", "surface-chart", "caliper-chart", "ties-chart")
ELSEWHERE = ("love-chart", "overlap-chart", "smd-chart", "landmark-chart", "forest-chart", "bias-chart",
             "joint-chart")  # fmt: skip


@pytest.mark.slow
def test_a_choice_filters_the_charts_of_its_chapter_and_no_other(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    before = {chart: shown(page, chart) for chart in (*OF_EXPLORING, *ELSEWHERE)}
    count = page.locator("#shown-count").inner_text()
    uncheck(page, "caliper", "no caliper")
    for chart in OF_EXPLORING:
        assert 0 < sum(shown(page, chart).values()) < sum(before[chart].values()), chart
    for chart in ELSEWHERE:
        assert shown(page, chart) == before[chart], chart
    assert page.locator("#shown-count").inner_text() != count
    # What is read out in place of the curve follows, too.
    assert (
        page.locator("#curve-chart [data-alternative]").inner_text()
        == page.locator("#block-words").inner_text()
    )
    page.get_by_role("button", name="Reset").click()
    settle(page)
    assert {chart: shown(page, chart) for chart in (*OF_EXPLORING, *ELSEWHERE)} == before


@pytest.mark.slow
def test_a_chip_is_removed_alone(opened):
    page = opened()
    whole = len(drawn(page))
    uncheck(page, "caliper", "no caliper")
    uncheck(page, "gtv_cutoff", "≥100 cm³")
    chips = page.locator("#chips button")
    assert [chip.inner_text() for chip in chips.all()] == [
        *("without gross tumour volume ≥100 cm³", "without no caliper"),
    ]
    chips.last.click()
    settle(page)
    assert {row["caliper"] for row in drawn(page)} == {"0.2", "no caliper"}
    assert 0 < len(drawn(page)) < whole
    assert chips.count() == 1


@pytest.mark.slow
def test_a_view_has_an_address_and_back_undoes(opened, report):
    page = opened()
    page.locator("select[data-control=estimator]").select_option(label=ESTIMATOR_LABELS["overlap"])
    page.locator("select[data-control=dose_cutoff]").select_option(index=0)
    uncheck(page, "gtv_cutoff", "≥100 cm³")
    page.locator("select[data-control=group]").select_option(value="gtv_cutoff")
    settle(page)
    words, rows, address = page.locator("#block-words").inner_text(), drawn(page), page.url
    other = opened(address=address)
    settle(other)
    assert other.locator("#block-words").inner_text() == words
    assert drawn(other) == rows
    page.go_back()
    settle(page)
    assert page.locator("select[data-control=group]").input_value() == ""
    for _ in range(3):
        page.go_back()
    settle(page)
    assert page.locator("select[data-control=estimator]").input_value() == ESTIMATOR_LABELS["matched"]
    assert page.locator("#chips button").count() == 0
    assert page.url == report.as_uri()


@pytest.mark.slow
def test_a_link_to_a_figure_keeps_what_was_chosen_and_opens_it(opened):
    page = opened()
    page.locator("select[data-control=estimator]").select_option(label=ESTIMATOR_LABELS["overlap"])
    page.evaluate("() => { location.hash = '#table-cross_checks'; }")
    page.wait_for_function("() => document.getElementById('table-cross_checks').checkVisibility()")
    assert not page.locator("#explore").is_visible()
    page.evaluate("() => { location.hash = '#smd-chart'; }")
    page.wait_for_selector("#smd-chart svg")
    assert page.locator("#smd-chart").evaluate("(part) => part.open")
    assert page.locator("select[data-control=estimator]").input_value() == ESTIMATOR_LABELS["overlap"]


@pytest.mark.slow
def test_what_does_nothing_for_an_estimator_is_not_there(opened):
    page = opened()
    assert page.locator("[data-field=caliper]").is_visible()
    page.locator("select[data-control=estimator]").select_option(label=ESTIMATOR_LABELS["overlap"])
    settle(page)
    assert not page.locator("[data-field=caliper]").is_visible()
    assert page.locator("[data-field=gtv_cutoff]").is_visible()
    page.locator("select[data-control=estimator]").select_option(label=ESTIMATOR_LABELS["unadjusted"])
    settle(page)
    for name in ("caliper", "gtv_cutoff", "adjustment_set", "gate", "group"):
        assert not page.locator(f"[data-field={name}]").is_visible(), name


@pytest.mark.slow
def test_groups_stand_side_by_side(opened):
    page = opened()
    page.locator("select[data-control=group]").select_option(value="caliper")
    settle(page)
    rows = sorted(drawn(page), key=lambda row: row["rank"])
    groups = [row["caliper"] for row in rows]
    assert groups == sorted(groups, key=["0.2", "no caliper"].index)
    for group in set(groups):
        ratios = [row["estimate"] for row in rows if row["caliper"] == group]
        assert ratios == sorted(ratios)


@pytest.mark.slow
def test_every_figure_and_table_can_be_taken_away(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    with page.expect_download() as waited:
        page.get_by_role("button", name="Figure 4 as SVG").click()
    text = Path(waited.value.path()).read_text(encoding="utf-8")
    assert text.startswith("<svg")
    assert "var(" not in text
    assert "Figure 4. Specification curve" in text
    assert ORIGIN_NOTES["reconstructed"] in text
    assert vl_convert.svg_to_png(text)
    with page.expect_download() as waited:
        page.get_by_role("button", name="Figure 4 as PNG").click()
    assert Path(waited.value.path()).read_bytes().startswith(b"\x89PNG")
    with page.expect_download() as waited:
        page.get_by_role("button", name="Figure 4 as CSV").click()
    frame = pd.read_csv(waited.value.path())
    assert set(frame["data_origin"]) == {"reconstructed"}
    assert frame["estimate"].tolist() == pytest.approx(sorted(row["estimate"] for row in drawn(page)))
    with page.expect_download() as waited:
        page.get_by_role("button", name="Figure 1 as CSV").click()
    made = evil_page()
    dots = hero_rows(made.tables["specifications"], made.study)
    assert len(pd.read_csv(waited.value.path())) == len(dots)
    name = f"{PREFIX}{MATCHED}{made.study.primary_set}"
    with page.expect_download() as waited:
        page.locator(f"#{name}").get_by_role("button", name="as CSV").click()
    assert waited.value.suggested_filename == f"{name}.csv"
    assert Path(waited.value.path()).read_text(encoding="utf-8") == made.extra["downloads"][name]
    with page.expect_download() as waited:
        page.get_by_role("button", name="Table 1 as CSV").click()
    assert Path(waited.value.path()).read_text(encoding="utf-8") == EXTRA["downloads"]["answer"]


@pytest.mark.slow
def test_a_search_finds_figures_tables_and_terms(opened):
    page = opened()
    page.locator("#search").fill("landmark")
    found = [item.inner_text() for item in page.locator("#found a").all()]
    assert any(text.startswith("Figure") for text in found)
    assert any(text.startswith("Table") for text in found)
    assert "Landmark" in found or "landmark" in found
    page.locator("#found a", has_text="beyond each landmark").click()
    assert page.locator("#table-landmarks").evaluate("(part) => part.open")
    page.locator("#search").fill("no such thing at all")
    assert page.locator("#found").inner_text() == "Nothing found."


@pytest.mark.slow
def test_analyses_follow_each_other_in_the_drawer(opened):
    page = opened()
    rows = page.evaluate(
        """() => robustness.shown().filter((row) => row.estimate)
            .sort((a, b) => a.estimate - b.estimate)"""
    )
    page.evaluate(f"() => robustness.open({rows[0]['i']})")
    page.wait_for_selector("#analysis [data-chart=scenario-beside] svg")
    assert page.get_by_role("button", name="Previous").is_disabled()
    first = page.locator("#analysis-facts").inner_text()
    address = page.url
    page.get_by_role("button", name="Next").click()
    page.wait_for_function(
        "(text) => document.getElementById('analysis-facts').innerText !== text", arg=first
    )
    assert f"{rows[1]['estimate']:.2f} (" in page.locator("#analysis-facts").inner_text()
    assert page.url != address
    page.go_back()
    page.wait_for_function(
        "(text) => document.getElementById('analysis-facts').innerText === text", arg=first
    )
    other = opened(address=address)
    other.locator("#analysis").wait_for(state="visible")
    assert other.locator("#analysis-facts").inner_text() == first


@pytest.mark.slow
def test_without_javascript_the_answer_and_still_pictures_are_there(opened):
    page = opened(java_script_enabled=False)
    assert page.locator("#hero svg").first.is_visible()
    assert page.locator("#curve-chart svg").is_visible()
    assert page.locator("#love-chart svg").is_visible()
    assert page.locator("#table-cross_checks").is_visible()


@pytest.mark.slow
def test_brushing_a_decision_keeps_it_alone(opened):
    page = opened()
    before = len(drawn(page))
    label = page.locator("#curve-chart svg text", has_text=re.compile("^0.2$"))
    label.scroll_into_view_if_needed()
    box = label.bounding_box()
    x, y = box["x"] + box["width"] + 60, box["y"] + box["height"] / 2
    page.mouse.move(x, y - 4)
    page.mouse.down()
    page.mouse.move(x + 20, y + 4, steps=4)
    page.mouse.up()
    page.wait_for_function("() => robustness.state.chosen.caliper.length === 1")
    settle(page)
    rows = drawn(page)
    assert 0 < len(rows) < before
    assert {row["caliper"] for row in rows} == {"0.2"}
    assert page.locator("input[data-choice=caliper]").first.is_checked()
    assert not page.locator("input[data-choice=caliper]").last.is_checked()


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


PLACES = """([chart, key]) => {
    const found = [];
    const walk = (item, facet, x, y) => {
        for (const part of item.items) {
            if (item.marktype !== 'group') {
                const {oligo_threshold, [key]: own, estimate} = part.datum || {};
                if (facet && estimate)
                    found.push([facet.oligo_threshold, facet[key], oligo_threshold, own, x, y]);
                continue;
            }
            const named = part.datum?.oligo_threshold !== undefined && part.datum[key] !== undefined;
            const here = named ? part.datum : facet;
            for (const inner of part.items) walk(inner, here, x + (part.x || 0), y + (part.y || 0));
        }
    };
    walk(robustness.views.get(chart).view.scenegraph().root, null, 0, 0);
    return found;
}"""
"""Of each mark: threshold and dose of the facet around it, its own, and where the facet is."""


@pytest.mark.slow
def test_what_is_kept_stays_in_its_place(opened):
    page, chart, key = opened(), "blocks-chart", "dose_cutoff"
    page.evaluate("() => robustness.drawAll()")
    page.locator("select[data-control=adjustment_set]").first.select_option(label="Baseline only")
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
def test_a_chart_without_anything_shown_says_so(opened):
    page = opened()
    note = page.locator("#curve-chart [data-emptied]")
    assert not note.is_visible()
    for value in ("≥100 cm³", "≥146 cm³"):
        uncheck(page, "gtv_cutoff", value)
    page.wait_for_function("() => !document.querySelector('#curve-chart [data-emptied]').hidden")
    assert note.is_visible()
    assert page.locator("#shown-count").inner_text().startswith("0 of ")
    page.locator("#reset").click()
    page.wait_for_function("() => document.querySelector('#curve-chart [data-emptied]').hidden")


@pytest.mark.slow
def test_another_set_of_covariates_is_another_block(opened):
    page = opened()
    page.evaluate("() => robustness.drawAll()")
    first, words = drawn(page), page.locator("#block-words").inner_text()
    chosen = page.locator("select[data-control=adjustment_set]").first
    chosen.select_option(label="Baseline only")
    settle(page)
    other = drawn(page)
    assert (
        {row["adjustment_set"] for row in other}
        == {"Baseline only"}
        != {row["adjustment_set"] for row in first}
    )
    assert len(other) == len(first)
    assert page.locator("#block-words").inner_text() != words
    assert "adjusted for Baseline only" in page.locator("#block-words").inner_text()
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
    page.locator("select[data-control=adjustment_set]").first.select_option(label="Baseline only")
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
    page.locator("select[data-control=dose_cutoff]").select_option(index=0)
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
    # The legend has such symbols, too.
    printed = page.locator(f"#analysis [data-chart=scenario-love] svg .role-mark {PRINTED_SYMBOL}").count()
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
    page.locator("select[data-control=dose_cutoff]").select_option(index=0)
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
    card.wait_for(state="visible")
    page.wait_for_selector("#analysis [data-chart=scenario-km] svg")
    page.wait_for_selector("#analysis [data-chart=scenario-love] svg")
    assert (
        page.locator("#analysis-command")
        .text_content()
        .startswith("snakemake --cores 2 --force results/scenarios/oligo_threshold~5/dose_cutoff~63/")
    )
    rows = drawn(page)
    assert f"{min(row['estimate'] for row in rows):.2f} (" in page.locator("#analysis-facts").inner_text()
    assert page.locator("#analysis-estimates tbody tr").count() > 20
    page.keyboard.press("Escape")
    assert not card.is_visible()


@pytest.mark.slow
def test_the_keyboard_opens_an_analysis_too(opened):
    page = opened()
    page.locator("#block-table > summary").focus()
    page.keyboard.press("Enter")
    page.locator("#block-table button").first.focus()
    page.keyboard.press("Enter")
    page.locator("#analysis").wait_for(state="visible")
    assert page.evaluate("() => document.getElementById('analysis').contains(document.activeElement)")


@pytest.mark.slow
def test_the_primary_analysis_names_its_file_and_digest(opened):
    page = opened()
    page.evaluate("() => robustness.open(robustness.specs.find((row) => row.primary && row.matching).i)")
    page.wait_for_selector("#analysis [data-chart=scenario-km] svg")
    assert page.locator("#analysis-digest").text_content() == "f00dbeef"
    assert page.locator("#analysis-command").text_content().endswith("gtv_cutoff~146/caliper~0.2.parquet")


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
    assert page.locator("select[data-control=adjustment_set] option").first.inner_text().startswith(EVIL)
    assert (
        EVIL in page.locator("#balance").inner_html()
        or "&lt;script&gt;" in page.locator("#balance").inner_html()
    )
    assert page.evaluate("() => document.querySelectorAll('#main script, svg script').length") == 0
    point = page.locator("#curve-chart svg [aria-roledescription='point']").first
    point.scroll_into_view_if_needed()
    box = point.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_function("() => document.querySelector('.readout').textContent.includes('<script>')")
    page.evaluate("() => robustness.open(0)")
    assert "<script>" in page.locator("#analysis-title").inner_text()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_accessible_in_either_scheme(opened, scheme):
    page = opened(color_scheme=scheme)
    page.evaluate("() => robustness.drawAll()")
    found = axe.Axe().run(page).response["violations"]
    page.evaluate("() => robustness.show('audit')")
    page.evaluate("() => robustness.drawAll()")
    found += axe.Axe().run(page).response["violations"]
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
def test_it_prints_with_the_charts_that_are_open(opened):
    page = opened()
    made = page.pdf(format="A4")
    assert made.startswith(b"%PDF")
    page.wait_for_function(
        "() => [...document.querySelectorAll('[data-chart]:not([data-on-demand])')].every((p) => "
        "p.dataset.drawn || !p.checkVisibility())"
    )
    # What is folded stays folded: the report in short.
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", made)) <= 10


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
            chart.closest('[id]').id)"""
    )
    assert wide == []
