import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import vl_convert
import yaml
from jinja2 import Environment, StrictUndefined
from lifelines.datasets import load_gbsg2
from matplotlib.text import Text
from report_frames import (
    CONFIG,
    GATES,
    canonical_patients,
    estimate,
    grid,
    patients_study,
    small_config,
    small_study,
    specifications,
)
from report_page import evil_page, page_of

from survival_multiverse.cohort.disclosure import shown_count
from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.files.csv_files import csv_bytes
from survival_multiverse.inference.robustness import summarise_blocks
from survival_multiverse.report.charts.packed import unpacked
from survival_multiverse.report.page import CHAPTERS, TABLES, inline_svg, render_page
from survival_multiverse.report.tables.layout import laid_out
from survival_multiverse.report.tables.page_tables import page_tables, shown_tables
from survival_multiverse.report.tables.patient_tables import table_one
from survival_multiverse.report.tables.report_tables import (
    blocks_table,
    counts_table,
    gate_table,
    primary_table,
    reasons_table,
)
from survival_multiverse.report.templates import environment
from survival_multiverse.report.words.captions import caption
from survival_multiverse.report.words.checklists import CHECKLIST_REFERENCES
from survival_multiverse.report.words.figure_names import figure_names
from survival_multiverse.report.words.glossary import Explanations, terms
from survival_multiverse.report.words.labels import level_label, variable_label
from survival_multiverse.report.words.methods import methods, references
from survival_multiverse.report.words.table_cells import interval
from survival_multiverse.settings.study import Study, Terminology
from survival_multiverse.settings.validation import merge_configs

CAPTIONS = Path(__file__).parents[2] / "workflow" / "report"


@pytest.fixture(scope="module")
def page():
    return evil_page()


class Elements(HTMLParser):
    """Tags, ids and visible text of a page."""

    def __init__(self, html):
        super().__init__()
        self.tags, self.ids, self.text, self.stack = [], [], [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_data(self, data):
        # What the page's script reads and does is shown nowhere.
        if self.tags and self.tags[-1][0] != "script":
            self.text.append(data)


def blocks_of(html):
    """What the page's script unpacks."""
    found = re.findall(r'<script type="application/gzip" id="block-(\w+)">([\w+/=]*)</script>', html)
    return {name: unpacked(block) for name, block in found}


def test_user_given_text_shows_as_text(page):
    found = Elements(page.html)
    # The page's own: compressed blocks, and the script that unpacks them.
    own = [attributes for tag, attributes in found.tags if tag == "script"]
    assert all(set(attributes) <= {"type", "id"} for attributes in own)
    assert [attributes for attributes in own if not attributes] == [{}]
    assert not {"i", "u"} & {tag for tag, _ in found.tags}
    shown = "".join(found.text)
    # Title, covariate label, dose label, adjustment set, reason of a value, reason of an exclusion.
    assert shown.count("<script>alert('x')</script>") >= 6
    assert "<script>N1</script>" in shown
    assert "<b>2</b>" in shown


def test_page_needs_nothing_else(page):
    found = Elements(page.html)
    for tag, attributes in found.tags:
        for name in ("src", "href", "xlink:href"):
            target = attributes.get(name) or "#"
            assert target.startswith(("#", "data:image/png;base64,")), (tag, name, target[:60])
    assert "@import" not in page.html
    assert not re.search(r"url\((?!#)", page.html)


def test_ids_are_unique_and_references_resolve(page):
    found = Elements(page.html)
    assert len(found.ids) == len(set(found.ids))
    targets = {
        a[n][1:] for _, a in found.tags for n in ("href", "xlink:href") if a.get(n, "").startswith("#")
    }
    targets |= set(re.findall(r"url\(#([^)]+)\)", page.html))
    assert targets <= set(found.ids)
    assert len(targets) > 20


def test_every_figure_is_there_with_words_for_it(page):
    found = Elements(page.html)
    figures = [a for tag, a in found.tags if tag == "svg" and a.get("role") == "img"]
    assert len(figure_names(page.study)) == 8
    # The first picture is there for a screen and for a phone; one more is for new readers.
    # The pictures of new readers, and those that open chapters without JavaScript, too.
    assert len(figures) == 8 + 2 + 1 + 3
    assert all(len(figure["aria-label"]) > 40 for figure in figures)
    drawn = {a["data-chart"] for _, a in found.tags if "data-chart" in a}
    assert drawn == {
        *("curve-chart", "blocks-chart", "surface-chart", "caliper-chart", "ties-chart", "love-chart"),
        *("overlap-chart", "smd-chart", "landmark-chart", "forest-chart", "bias-chart"),
        "bias-surface-chart",
        *("attribution-chart", "decisions-chart", "measures-chart"),
        *("joint-chart", "scenario-km", "scenario-love", "scenario-beside"),
    }
    assert drawn == set(blocks_of(page.html)["opening"]["charts"])


def test_every_figure_has_its_numbers(page):
    found = Elements(page.html)
    offered = {a["data-numbers"] for _, a in found.tags if "data-numbers" in a}
    assert offered == set(figure_names(page.study))
    held = blocks_of(page.html)["tables"]
    for name, numbers in page.numbers.items():
        assert held[name] == csv_bytes(numbers.table, page.study.source).decode()
    # Without them the page does not offer them.
    without = render_page(page.study, page.tables, page.svgs, scripts="")
    assert not [a for _, a in Elements(without).tags if "data-numbers" in a]


def test_every_chart_is_a_valid_specification(page):
    texts = blocks_of(page.html)["opening"]["charts"].values()
    assert len(texts) == 19
    for text in texts:
        spec = re.sub(r'"width":"@\d+:\d+"', '"width":200', text)
        assert vl_convert.vegalite_to_vega(json.loads(spec), vl_version="6.4")["marks"]


def test_figures_follow_the_theme(page):
    svg = inline_svg(page.svgs["survival_curves_dose"], prefix="x", alternative="a")
    assert "var(--ink)" in svg
    assert "#1f2329" not in svg
    assert "<metadata" not in svg


def test_headings_say_their_scope(page):
    cells = [a for tag, a in Elements(page.html).tags if tag == "th"]
    assert cells
    assert all(cell.get("scope") in {"row", "col", "rowgroup", "colgroup"} for cell in cells)


def test_every_result_has_its_place(page):
    shown = "".join(Elements(page.html).text)
    for words in (
        "At the published cutoffs they give",
        "These patients were fitted to published numbers",
        "What the evidence can’t say",
        "nothing to test together",
        "Restricted mean overall survival",
        "Are hazards proportional?",
        " differ between strata?",
        "The hazard ratios in both directions",
        "R coxph(cluster = pair)",
        "STROBE, cohort studies",
        "Primary population by arm",
        "c0ffee",
        "With 3 draws none can be below 1/4 = 0.25",
        "Joint tests at the primary threshold",
        "a search would find the cutoffs that were built in",
        "Joint tests at the other thresholds",
        "Spread of the log hazard ratio over all analyses",
        "The most favourable cutoffs",
        "Checked against other people’s code",
        "In simulated cohorts of known truth, not in these patients",
        "Simonsohn U",
    ):
        assert words in shown, words
    without = {name: table for name, table in page.tables.items() if name != "calibration"}
    html = render_page(page.study, without, page.svgs, scripts="")
    assert "In simulated cohorts of the default settings" not in html


def test_equal_input_gives_equal_bytes(page):
    again = render_page(page.study, page.tables, page.svgs, **page.extra)
    assert again == page.html


def test_origin_comes_first(page):
    text = "".join(Elements(page.html).text)
    assert text.index("Reconstructed patients: not a clinical finding") < text.index("hazard ratio")


@pytest.mark.parametrize(
    ("source", "short"), [("simulated", "not a clinical finding"), ("file", "not effects proven")]
)
def test_the_badge_says_what_the_patients_allow(page, source, short):
    study = Study.from_config(small_config(cohort=small_config()["cohort"] | {"source": source}))
    html = render_page(study, page.tables, page.svgs, **page.extra)
    badge = re.search(r'<details class="origin"><summary>(.*?)</summary>', html)[1]
    assert badge.endswith(short)


def test_missing_tables_are_named():
    with pytest.raises(ValueError, match="cohort, flow"):
        render_page(small_study(), {name: pd.DataFrame() for name in TABLES[2:]}, {}, scripts="")


def test_table_one_counts_are_those_of_the_patients(page):
    table = table_one(page.tables["primary"], page.study)
    table.columns = [" ".join(name).strip() for name in table.columns]
    patients = canonical_patients(page.study)
    patients = patients[patients["lesions"] >= 5]
    rows = table[table["Variable"] == "Age"]
    high = patients["dose"] >= 63
    groups = {"Overall": high | ~high, "≥63 <i>": high, "<63 <i>": ~high}
    columns = [name for name in table if name.startswith("Before matching")]
    for (name, chosen), column in zip(groups.items(), columns, strict=False):
        number = shown_count(chosen.sum(), minimum=page.study.minimum_count)
        assert column == f"Before matching {name} (n = {number:.0f})"
        for position, old in enumerate((False, True)):
            counts = [int((chosen & ((patients["age"] >= 60) == side)).sum()) for side in (False, True)]
            shown = shown_count(counts, minimum=page.study.minimum_count)
            share = 100 * shown[int(old)] / shown.sum()
            assert rows[column].iloc[position] == f"{shown[int(old)]:.0f} ({share:.0f}%)"
    assert set(rows["Before matching |SMD|"]) != {"–", ""}


def count_rows(cells, *, totals, estimator="unadjusted"):
    """Descriptive rows of one variable: `cells` by level, (arm 0, arm 1)."""
    head = {"population": "non_oligometastatic", "landmark": 0.0, "subgroup": None, "estimator": estimator}
    head |= {
        "adjustment_set": None,
        "analysis": "descriptive",
        "variable": "histology",
        "n": 1,
        "p_value": np.nan,
    }
    rows = [
        head | {"level": level, "statistic": f"patients_{arm}", "estimate": float(counts[arm])}
        for level, counts in cells.items()
        for arm in (0, 1)
    ]
    total = head | {"variable": "arm", "statistic": "patients"}
    return pd.DataFrame(
        rows + [total | {"level": str(arm), "estimate": float(totals[arm])} for arm in (0, 1)]
    )


def printed(cells, totals):
    table = table_one(count_rows(cells, totals=totals), small_study())
    return table.iloc[:, [4, 3]].to_numpy().tolist()


def test_counts_are_shown_in_classes_and_shares_only_without_small_ones():
    cells = {"squamous": (3, 30), "adenocarcinoma": (20, 25), "other": (40, 45)}
    assert printed(cells, (63, 100)) == [["<5", "32 (30%)"], ["22", "27 (25%)"], ["42", "47 (45%)"]]


def test_a_test_of_hidden_counts_is_hidden_too():
    def tests_of(small):
        frame = count_rows({"squamous": (small, 30), "other": (60, 70)}, totals=(60 + small, 100))
        row = frame.iloc[[0]].assign(level=None, statistic="statistic")
        chi_square = row.assign(analysis="chi_square", p_value=0.03)
        smd = row.assign(analysis="balance", statistic="smd", level="squamous", estimate=0.4)
        return table_one(pd.concat([frame, chi_square, smd]), small_study()).iloc[0, 5:7].tolist()

    assert tests_of(20) == ["0.030", "0.40"]
    assert tests_of(3) == ["*", "*"]


@pytest.mark.parametrize(("small", "shown"), [(20, ["52 (28%)", "132 (72%)"]), (3, ["*", "*"])])
def test_all_patients_are_not_counted_beside_a_small_count_of_an_arm(small, shown):
    cells = {"squamous": (small, 30), "other": (60, 70)}
    frame = count_rows(cells, totals=(60 + small, 100))
    curves = frame.iloc[[0, 2]].assign(analysis="kaplan_meier", statistic="median", n=[small + 30, 130])
    table = table_one(pd.concat([frame, curves]), small_study())
    assert table.iloc[:, 2].tolist() == shown
    assert table.columns[3:5].tolist() == [
        ("Before matching", "≥63 Gy (n = 102)"),
        ("Before matching", f"<63 Gy (n = {shown_count(60 + small, minimum=5):.0f})"),
    ]


def test_an_arm_of_few_is_not_numbered():
    heads = table_one(count_rows({"other": (3, 30)}, totals=(3, 30)), small_study()).columns
    assert heads[4] == ("Before matching", "<63 Gy (n <5)")


def test_counts_add_up():
    table = counts_table(grid(), small_study())
    frame = grid()
    assert table["attempted"].str.replace(",", "").astype(int).sum() == len(frame)
    assert table["not estimable"].astype(int).sum() == (frame["status"] != "ok").sum()


def test_primary_table_gives_reasons_and_flags():
    table = primary_table(grid(), small_study())
    assert set(table["Adjusted for"]) == {"As published †", "Baseline only"}
    assert list(table["Estimator"]) == [
        "Matched 1:1",
        "Matched 1:1",
        "Adjusted Cox model",
        "Adjusted Cox model",
    ]
    assert list(table["Balanced"]) == ["no", "no", "–", "–"]


def test_primary_table_shows_tie_break_range_and_sensitivity():
    rows = [
        estimate(0.7, is_primary=True),
        estimate(0.8, is_primary=True, rosenbaum_gamma=np.nan, e_value_of_limit=1.0),
        estimate(0.9, is_primary=True, estimator="adjusted", tie_break_median=np.nan, rosenbaum_gamma=np.nan)
        | {"tie_break_2.5": np.nan, "tie_break_97.5": np.nan},
    ]
    table = primary_table(specifications(rows), small_study())
    assert list(table["Over tie-breaks (95%)"]) == ["0.79 (0.74 to 0.85)"] * 2 + ["–"]
    assert list(table["E-value (of the limit)"]) == ["1.81 (1.21)", "1.81 (1.00)", "1.81 (1.21)"]
    assert list(table["Rosenbaum’s Γ"]) == ["1.30", "–", "–"]


def test_blocks_give_the_median_of_those_through_the_gate():
    gate = {"passes_baseline_0.1": True}
    rows = [estimate(0.5), estimate(0.7, caliper=np.inf, **gate), estimate(0.9, gtv_cutoff=100.0, **gate)]
    rows += [estimate(0.6, dose_cutoff=60.0), estimate(0.6, estimator="adjusted", **dict.fromkeys(GATES))]
    frame = specifications(rows).assign(fingerprint=range(len(rows)))
    table = blocks_table(summarise_blocks(frame, small_study()), small_study())
    assert set(table["Adjusted for"]) == {"As published †"}
    found = table.set_index(["Estimator", "Thoracic radiation dose"])[["Balanced", "Their median HR"]]
    assert found.loc[("Matched 1:1", "≥63 Gy")].tolist() == ["2", "0.79"]
    assert found.loc[("Matched 1:1", "≥60 Gy")].tolist() == ["0", "none"]
    assert found.loc[("Adjusted Cox model", "≥63 Gy")].tolist() == ["–", "–"]


def test_reasons_count_every_specification_without_a_ratio():
    frame = grid()
    table = reasons_table(frame, small_study())
    shown = table[["Without landmark", "At landmarks"]].astype(int).to_numpy().sum()
    assert shown == (frame["status"] != "ok").sum() > 0
    assert set(table["Reason"]) == {"no pair within the caliper"}


def test_contents_follow_the_page(page):
    parts = [part for tag, part in Elements(page.html).tags if tag == "section" and "id" in part]
    assert [part["id"] for part in parts] == [name for name in CHAPTERS if name != "paper"]


def test_figures_and_tables_are_numbered_in_order_with_an_address_each(page):
    found = [a for _, a in Elements(page.html).tags if "data-exhibit" in a]
    for kind in ("Figure", "Table"):
        numbers = [a["data-exhibit"] for a in found if a["data-exhibit"].startswith(kind)]
        assert numbers == [f"{kind} {place + 1}" for place in range(len(numbers))]
        assert len(numbers) > 10
    assert all(a["id"] and a["data-title"] for a in found)


@pytest.mark.parametrize("gaps", [False, True])
def test_every_reference_is_cited_and_every_citation_has_its_reference(gaps):
    study = patients_study()
    study = replace(study, grid=study.grid[1:]) if gaps else study
    text = " ".join(words for _, words in methods(study))
    listed = {
        (re.match(r"(Del )?[\w]+", entry)[0], re.search(r"(?:\. |; |: | )(\d{4})[;.]", entry)[1])
        for entry in references(study)
    }
    cited = re.findall(r"((?:Del )?[A-Z]\w+)(?:, \w+)*(?: and \w+)?(?:’s Γ)?,? \(?(\d{4})", text)
    assert listed == set(cited)
    assert (("Lindeman", "1980") in listed) is gaps


def test_the_page_lists_what_its_methods_cite(page):
    listed = re.search(r'<ul class="references">(.*?)</ul>', page.html, re.DOTALL)[1]
    works = re.findall(r"<li>(.*?)</li>", listed, re.DOTALL)
    assert sorted(works) == sorted({*references(page.study), *CHECKLIST_REFERENCES})


@pytest.mark.slow
def test_the_numbers_of_a_large_surface_have_room(page):
    config = small_config()
    config["decisions"]["oligo_threshold"]["options"] = list(range(1, 21))
    html = render_page(Study.from_config(config), page.tables, page.svgs, **page.extra)
    least = int(re.search(r'data-chart="surface-chart" data-least="(\d+)"', html)[1])
    cells = 20 * len(config["decisions"]["dose_cutoff"]["options"])
    assert least > 30 * cells


def test_gate_table_says_when_none_passes():
    table = gate_table(specifications([estimate(0.5), estimate(0.6)]), small_study())
    assert set(table["Balanced"]) == {"0 of 2"}
    assert set(table["Their median HR (range)"]) == {"none"}


def test_open_interval():
    assert interval({"estimate": 12.0, "ci_lower": 9.0, "ci_upper": np.nan}) == "12.00 (9.00 to not reached)"
    open_below = {"estimate": np.nan, "ci_lower": 9.0, "ci_upper": np.nan}
    assert interval(open_below) == "not reached (lower limit 9.00)"
    assert interval(open_below | {"ci_lower": np.nan}) == "–"


def test_a_table_is_laid_out_with_its_headings_once():
    frame = pd.DataFrame([["x", "a", "1"], ["x", "b", "2"], ["y", "b †", "3"]])
    frame.columns = pd.MultiIndex.from_tuples([("", "Group"), ("", "Row"), ("Before", "n")])
    layout = laid_out(frame, headings=2)
    assert [[(cell.text, cell.span) for cell in line] for line in layout.heads] == [
        [("", 1), ("", 1), ("Before", 1)],
        [("Group", 1), ("Row", 1), ("n", 1)],
    ]
    assert [([(cell.text, cell.span) for cell in names], cells) for names, cells in layout.rows] == [
        ([("x", 2), ("a", 1)], ("1",)),
        ([("b", 1)], ("2",)),
        ([("y", 1), ("b\u00a0†", 1)], ("3",)),
    ]


def test_table_html_escapes_and_heads():
    frame = pd.DataFrame({"<a>": ["x", "x"], "b": ["<i>", "2"], "<c>": ["<u>", "4"]})
    macros = environment(Explanations(terms(small_study()))).get_template("macros.jinja").module
    html = macros.grid(laid_out(frame, headings=2), "<title>")
    assert '<caption class="hidden">&lt;title&gt;</caption>' in html
    assert '<th scope="col" class="corner">&lt;a&gt;</th>' in html
    assert '<th scope="rowgroup" rowspan="2">x</th>' in html
    assert '<th scope="row">&lt;i&gt;</th>' in html
    assert '<th scope="col">&lt;c&gt;</th>' in html
    assert "<td>&lt;u&gt;</td>" in html


@pytest.mark.parametrize("path", sorted(CAPTIONS.glob("*.rst")), ids=lambda path: path.stem)
def test_captions_render_from_the_settings(path):
    template = Environment(undefined=StrictUndefined).from_string(path.read_text(encoding="utf-8"))
    assert template.render(snakemake=SimpleNamespace(config=CONFIG)).strip()
    # A number that the settings can change is never typed.
    typed = re.sub(r"\{\{.*?\}\}", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not re.search(r"\d", typed)


EXAMPLE = Path(__file__).parents[2] / "config" / "examples" / "breast_gbsg2.yaml"
# Words of the default study, which no other one has asked for.
OF_THE_PAPER = ("consistency", "ensemble", "matching", "score")
FOREIGN = re.compile(r"lung|\bGy\b|metasta|oligo|\bdeaths?\b|\bdied\b|tumou?r volume|radiat", re.IGNORECASE)


def breast_config():
    config = merge_configs(CONFIG, yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))
    primary = config["study"]["primary"]
    for name, value in primary.items():
        config["decisions"][name]["options"] = [{"value": value, "reason": "the only one"}]
    # What the example itself says may be said.
    config["cohort"]["event"]["label"] = "Event"
    config["cohort"]["event"]["plural"] = "recurrences"
    return config


def words_of(figure):
    return [text.get_text() for text in figure.findobj(Text)]


@pytest.mark.slow
def test_another_study_is_told_in_its_own_words():
    study = Study.from_config(breast_config())
    made = page_of(study, prepare_cohort(load_gbsg2(), study).patients)
    shown = Elements(made.html).text + [word for figure in made.figures.values() for word in words_of(figure)]
    for name in figure_names(study):
        words = caption(name, made.tables["specifications"], study)
        shown += [words.title, words.text, words.alternative]
    for path in CAPTIONS.glob("*.rst"):
        template = Environment(undefined=StrictUndefined).from_string(path.read_text(encoding="utf-8"))
        if path.stem not in OF_THE_PAPER:
            shown.append(template.render(snakemake=SimpleNamespace(config=breast_config())))
    assert [text for text in shown if re.search(r"\bdoses?\b", text, re.IGNORECASE)] == []
    shown += re.findall(r'id="spec-[\w-]+">(.*?)</script>', made.html, re.S)
    assert [text for text in shown if FOREIGN.search(text)] == []
    text = " ".join(shown)
    for word in ("Many nodes", "Few nodes", "nodal state", "recurrences", "Recurrences"):
        assert word in text, word


def test_words_that_nobody_gave_are_plain():
    config = breast_config()
    del config["cohort"]["event"]["plural"]
    for key in ("state", "below", "at_or_above"):
        del config["cohort"]["lesions"][key]
    study = Study.from_config(config)
    assert study.terms == Terminology("events", "Positive lymph nodes", "Low count", "High count")
    assert variable_label(study, "state") == "Positive lymph nodes"
    assert level_label(study, "state", "oligometastatic") == "Low count (<4 nodes)"


def words(text):
    return " ".join(text.replace("\u200b", "").replace("\u2060", "").split())


def test_tables_by_themselves_are_those_of_the_page(page):
    frames = shown_tables(page.study, page.tables)
    drawn = page_tables(page.study, page.tables)
    assert set(frames) == {name for name, table in drawn.items() if table}
    for name, frame in frames.items():
        assert len(set(frame.columns)) == frame.shape[1], name
        (headings, cells), *_ = drawn[name].rows
        assert len(drawn[name].rows) == len(frame), name
        shown = [*(cell.text for cell in headings), *cells]
        assert list(map(words, shown)) == list(map(words, frame.iloc[0])), name
