"""The terms of the page: their definitions, and how a page explains them."""

import re
from pathlib import Path

import pytest
from report_frames import CONFIG, small_study
from report_page import EVIL, evil_page
from test_report import breast_config

from survival_multiverse.report.templates import environment
from survival_multiverse.report.words.glossary import LONGEST, Explanations, Term, terms
from survival_multiverse.settings.study import Study

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.md"
TERMS = [Term("caliper", "A limit."), Term("scenario", "One."), Term("primary scenario", "The “first”.")]


@pytest.mark.parametrize("study", [None, small_study(), Study.from_config(breast_config())])
def test_definitions_are_short_sentences(study):
    for term in terms(study):
        assert len(term.definition.split()) <= LONGEST, term.name
        assert term.definition.endswith("."), term.name
        assert term.definition[0].isupper(), term.name
        assert "'" not in term.name + term.definition, term.name


def test_no_form_stands_for_two_terms():
    forms = [form.lower() for term in terms() for form in term.spoken]
    assert len(forms) == len(set(forms))
    anchors = [term.anchor for term in terms()]
    assert len(anchors) == len(set(anchors))


def test_terms_take_the_labels_of_the_study():
    default, other = (" ".join(t.definition for t in terms(s)) for s in (small_study(), None))
    assert "thoracic radiation dose" in default
    assert "deaths" in default
    words = [CONFIG["cohort"][role]["label"].lower() for role in ("dose", "gtv", "lesions")]
    assert [word for word in [*words, "deaths"] if word in other.lower()] == []


def test_the_document_has_no_term_twice():
    names = re.findall(r"^\| ([^|]+?) (?=\|)", GLOSSARY.read_text(encoding="utf-8"), re.MULTILINE)
    names = [name for name in names if name != "term"]
    assert len(names) == len(set(names))
    assert {"multiverse", "caliper", "block"} <= set(names)
    code = GLOSSARY.read_text(encoding="utf-8").partition("## Of the code")[2]
    own = {name.lower() for name in re.findall(r"^\| ([^|]+?) (?=\|)", code, re.MULTILINE)}
    assert own & {term.name.lower() for term in terms()} == set()


def test_a_term_is_explained_where_it_is_first_used():
    explained = Explanations(TERMS)
    first = explained("No caliper, one caliper; two Calipers.")
    assert first.count("<dfn") == 1
    assert first.startswith('No <dfn class="term" tabindex="0" title="A limit.">')
    assert explained("Another caliper.") == "Another caliper."
    assert Explanations(TERMS)("Calipers.").count("<dfn") == 1


def test_the_longest_term_is_explained_and_no_part_of_a_word():
    explained = Explanations(TERMS)
    text = explained("The primary scenario and a scenario, calipered.")
    assert ">primary scenario</dfn> and a <dfn" in text
    assert "calipered." in text
    assert text.count("<dfn") == 2


def test_text_and_definitions_are_escaped_and_markup_kept():
    explained = Explanations([Term("caliper", 'A "limit" <b>.'), Term("|x|", "Of it.")])
    text = explained(f"{EVIL} caliper |x|")
    assert "<script>" not in text
    assert 'title="A &#34;limit&#34; &lt;b&gt;."' in text
    assert ">|x|</dfn>" in text
    template = "{{ '<a title=\"scenario\">scenario</a>' | safe | explained }}"
    marked = environment(Explanations(TERMS)).from_string(template)
    assert re.fullmatch(r'<a title="scenario"><dfn [^>]*>scenario</dfn></a>', marked.render())


def test_the_list_has_an_anchor_for_each_term():
    html = environment(Explanations(terms())).get_template("glossary.jinja").render()
    assert html.count('<div id="term-') == len(terms())
    assert 'id="term-hazard-ratio"' in html


def test_the_page_explains_each_term_once():
    found = re.findall(r'<dfn class="term" tabindex="0" title="([^"]*)"', evil_page().html)
    assert len(found) == len(set(found)) > 3
