import io
import re

import numpy as np
import pytest
import vl_convert
from matplotlib.image import imread
from test_claim import STUDIES, joint_of, primary_rows, study_of

from survival_multiverse.report.charts.summary import LEGIBLE, SLIDE, summary_svg
from survival_multiverse.report.style.palette import PAPER
from survival_multiverse.report.words.claim import claim, evidence, hero_caption
from survival_multiverse.report.words.narrative import origin


def slide_of(study, frame):
    return summary_svg(frame, primary_rows(), joint_of(0.01), study)


def words_of(svg):
    """All words of a drawing, as one text."""
    drawn = re.sub(r"[\u200b\u2002•]", "", " ".join(re.findall(r"<t(?:ext|span)[^>]*>([^<]+)<", svg)))
    return " ".join(drawn.replace("&lt;", "<").replace("&gt;", ">").split())


def told(text, words):
    return " ".join(text.split()) in words


@pytest.mark.parametrize("name", STUDIES)
def test_the_slide_says_the_claim_its_origin_and_the_evidence(name):
    study, frame = STUDIES[name]
    words = words_of(slide_of(study, frame))
    supporting, opposing = evidence(frame, primary_rows(), joint_of(0.01), study)
    assert told(claim(frame, study), words)
    assert told(": ".join(origin(study)[:2]), words)
    assert told(hero_caption(study), words)
    assert all(told(text, words) for text in supporting + opposing)
    before, _, after = words.partition("Against")
    assert all(told(text, before) for text in supporting)
    assert all(told(text, after) for text in opposing)


@pytest.mark.parametrize("name", STUDIES)
def test_the_slide_is_legible_and_nothing_is_cut(name):
    svg = slide_of(*STUDIES[name])
    assert least_size(svg) >= LEGIBLE
    pixels = imread(io.BytesIO(vl_convert.svg_to_png(svg, scale=1)))
    assert pixels.shape[:2] == SLIDE[::-1]
    paper = [int(PAPER[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    for edge in (pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]):
        assert np.allclose(edge[..., :3], paper, atol=0.01)


def least_size(svg):
    """Size of the smallest text in pixels of the slide."""
    shown = float(re.search(r'viewBox="\S+ \S+ ([\d.]+) ', svg)[1])
    return min(map(float, re.findall(r'font-size="([\d.]+)px"', svg))) * SLIDE[0] / shown


def test_a_slide_with_too_many_words_keeps_the_claim_and_leaves_out_evidence():
    study = study_of(unit="units of a name that takes up more room than any slide has for it " * 3)
    frame = STUDIES["holds at the primary and stops below"][1]
    words = words_of(slide_of(study, frame))
    assert told(claim(frame, study), words)
    supporting, opposing = evidence(frame, primary_rows(), joint_of(0.01), study)
    assert not all(told(text, words) for text in supporting + opposing)


def test_equal_tables_give_an_equal_slide():
    study, frame = STUDIES["reconstructed"]
    assert slide_of(study, frame) == slide_of(study, frame)
