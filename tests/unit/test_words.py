"""What holds of every sentence that the page's words make: its length, its signs, and its words."""

import dataclasses
import re
from html.parser import HTMLParser

import pandas as pd
import pytest
from report_frames import (
    estimate,
    failure,
    grid,
    joint_row,
    patients_study,
    small_config,
    small_study,
    specifications,
)
from report_page import EVIL, evil_page
from test_claim import STUDIES, joint_of, primary_rows

from survival_multiverse.inference.attribution import attribute
from survival_multiverse.report.page import NO_CUTOFFS
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.tables.paper_tables import HONESTY
from survival_multiverse.report.words.answer import answers, silence
from survival_multiverse.report.words.captions import caption
from survival_multiverse.report.words.claim import claim, evidence, hero_caption
from survival_multiverse.report.words.figure_names import figure_names
from survival_multiverse.report.words.glossary import terms
from survival_multiverse.report.words.introduction import introduction, introduction_caption
from survival_multiverse.report.words.methods import methods
from survival_multiverse.report.words.narrative import (
    hidden_bias,
    joint_null,
    joint_readings,
    origin,
    readings,
)
from survival_multiverse.settings.study import Study

CAPTION = 40
"""Words of a caption at most."""
LONGEST = 22
"""Words of a sentence at most; what stands between stops, semicolons and colons is one."""
PRIVATE = re.compile(r"\b(gates?|blocks?|mechanical|witness\w*|kept|specifications?|purple)\b", re.IGNORECASE)
ALONE = specifications([estimate(0.6, is_primary=True), failure(estimator="adjusted")])


def sentences(text):
    """The sentences of a text, without citations: a stop inside a number has no blank behind it."""
    text = re.sub(r" \([^()]*\d{4}[^()]*\)", "", text)
    return [part for part in re.split(r"(?<=[.;:])\s+", text) if part]


def length(sentence):
    return sum(any(sign.isalnum() for sign in word) for word in sentence.split())


def joint(*, predicted=0.9):
    rows = [joint_row(null=null, estimator=name) for null in ("permutation", "simulation")
            for name in ("matched", "adjusted")]  # fmt: skip
    return pd.DataFrame([*rows, joint_row(adjustment_set="baseline_only", p_median=predicted / 200)])


def words_of(study, frame):
    """Every text that the page's words make of a study and its analyses, in sentences."""
    found = answers(frame, study, joint(), attribute(grid(), small_study()))
    texts = [paragraph for answer in found for paragraph in answer.sentences]
    texts += [silence(study), joint_null(joint(), study), hidden_bias(frame, study), origin(study)[2]]
    texts += [text for _, text in readings(frame, study)]
    texts += [text for _, text in methods(study)]
    texts += [*joint_readings(joint(), study).values(), HONESTY, *NO_CUTOFFS.values()]
    texts += [*introduction(frame, study), introduction_caption(frame, study)]
    return texts + [term.definition for term in terms(study)]


def of_source(source):
    return Study.from_config(small_config(cohort=small_config()["cohort"] | {"source": source}))


CASES = {
    "fitted": (small_study(), grid()),
    "patients": (patients_study(), grid()),
    "simulated": (of_source("simulated"), grid()),
    "public": (of_source("dataset"), grid()),
    "one analysis": (patients_study(), ALONE),
    "other covariates": (dataclasses.replace(small_study(), primary_set="baseline_only"), grid()),
}


def texts_of(case):
    study, frame = case
    return words_of(study, frame)


@pytest.fixture(params=CASES.values(), ids=CASES)
def texts(request):
    return texts_of(request.param)


@pytest.fixture(params=STUDIES.values(), ids=STUDIES)
def first_screen(request):
    study, frame = request.param
    sides = evidence(frame, primary_rows(), joint_of(0.01), study)
    return [claim(frame, study), hero_caption(study), *sides[0], *sides[1]]


def too_long(texts):
    return [part for text in texts for part in sentences(text) if length(part) > LONGEST]


def test_sentences_are_short(texts):
    assert too_long(texts) == []


def test_sentences_of_the_first_screen_are_short(first_screen):
    assert too_long(first_screen) == []


def test_signs_are_written_in_one_way(texts, first_screen):
    for text in texts + first_screen:
        assert not re.search(r"\d\s%", text), text
        assert not re.search(r"\w'\w", text), text


def test_private_words_stay_in_the_glossary(texts, first_screen):
    defined = {term.definition for term in terms(small_study())}
    for text in texts + first_screen:
        assert text in defined or not PRIVATE.search(text), text


def test_captions_and_tables_write_signs_in_one_way():
    made = evil_page()
    for name in figure_names(made.study):
        words = caption(name, made.tables["specifications"], made.study, made.tables["published"])
        assert not re.search(r"\d\s%", words.text + words.alternative)
        assert "urple" not in words.text
    assert PUBLISHED_NAME in hero_caption(made.study)
    for cell in re.findall(r"<t[dh][^>]*>([^<]*)<", made.html):
        assert not re.search(r"\d\s+%", cell), cell


class Paragraphs(HTMLParser):
    """Texts of a page outside its tables, lists of sources, scripts and pictures."""

    ENDS, UNREAD = ("p", "dd", "li", "summary", "h2"), ("table", "script", "style", "svg", "pre", "select")

    def __init__(self, text):
        super().__init__()
        self.unread, self.parts, self.found = 0, [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.unread += tag in self.UNREAD or dict(attrs).get("class") in ("references", "methods")
        if tag in self.ENDS:
            self.parts = []

    def handle_endtag(self, tag):
        self.unread -= tag in (*self.UNREAD, "dl") and self.unread > 0
        if tag in self.ENDS:
            self.found.append(" ".join("".join(self.parts).split()))
            self.parts = []

    def handle_data(self, data):
        if not self.unread:
            self.parts.append(data)


def test_sentences_of_the_page_are_short():
    texts = Paragraphs(evil_page().html).found
    assert len(texts) > 100
    assert [part for part in too_long(texts) if EVIL not in part] == []


def test_captions_of_the_page_are_short():
    captions = re.findall(r'<p class="caption">(.*?)</p>', evil_page().html, re.S)
    shown = [re.sub(r"<[^>]+>", "", text) for text in captions]
    assert len(shown) > 30
    # The labels of the evil page are markup.
    assert [text for text in shown if length(text) > CAPTION and "script" not in text] == []


def test_the_splitter_sees_sentences():
    text = "P = 0.05 (95% CI 0.5 to 1.0), as in Cox (Efron 1977; Breslow 1974). Next: one; two."
    assert [length(part) for part in sentences(text)] == [10, 1, 1, 1]
