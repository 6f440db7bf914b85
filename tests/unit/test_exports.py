import io
import re
import zipfile

import numpy as np
import pandas as pd
import pytest
from docx import Document
from report_frames import failure, grid, joint_row, small_study, specifications
from report_page import EVIL, evil_page

from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.specification_summary import headline, primary_block
from survival_multiverse.report.figures import summary_figure
from survival_multiverse.report.figures.summary_figure import draw_summary
from survival_multiverse.report.style.formats import svg_bytes
from survival_multiverse.report.tables.manuscript import manuscript_tables
from survival_multiverse.report.tables.patient_tables import table_one
from survival_multiverse.report.words.answer import SILENT, Answer


@pytest.fixture(scope="module")
def manuscript():
    study, tables = evil_page().study, evil_page().tables
    return manuscript_tables(tables["primary"], tables["specifications"], study)


def test_the_manuscript_holds_the_tables_of_the_page(manuscript):
    study, tables = evil_page().study, evil_page().tables
    page = Document(io.BytesIO(manuscript))
    assert len(page.tables) == 5
    expected = table_one(tables["primary"], study)
    first = page.tables[0]
    shown = [[cell.text for cell in row.cells] for row in first.rows[expected.columns.nlevels :]]
    first_column = expected.iloc[:, 0]
    expected.isetitem(0, first_column.where(first_column != first_column.shift(), ""))
    assert shown == expected.astype(str).to_numpy().tolist()
    heads = [cell.text for cell in first.rows[0].cells]
    assert heads.count("Before matching") == 4
    # One cell over four columns.
    assert first.rows[0].cells[2]._tc is first.rows[0].cells[5]._tc
    assert any("|SMD|" in cell.text for cell in first.rows[1].cells)
    assert EVIL in page.paragraphs[0].text


def test_equal_tables_give_an_equal_document(manuscript):
    study, tables = evil_page().study, evil_page().tables
    assert manuscript_tables(tables["primary"], tables["specifications"], study) == manuscript
    with zipfile.ZipFile(io.BytesIO(manuscript)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def strips(figure):
    """Hazard ratios that each estimator's strip shows."""
    found = {}
    for axes in figure.axes:
        for points in axes.collections:
            if str(points.get_gid()).startswith("strip-"):
                found[points.get_gid().removeprefix("strip-")] = np.asarray(points.get_offsets())[:, 0]
    return found


def test_the_summary_draws_what_it_says():
    figure = draw_summary(grid(), pd.DataFrame([joint_row()]), attribute(grid()), small_study())
    shown = strips(figure)
    block = primary_block(headline(grid()), small_study())
    for name, ratios in shown.items():
        here = block[(block["estimator"] == name) & (block["status"] == "ok")]
        assert sorted(ratios) == pytest.approx(sorted(here["hazard_ratio"]))
    words = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    said = re.search(r"(\d+) of (\d+) \(\d+.% ?\) found", words.replace("\u00a0", " "))
    assert (int(said[1]), int(said[2])) == ((shown["matched"] < 1).sum(), len(shown["matched"]))
    assert SILENT[small_study().source] in words
    assert "What the evidence can't say" in words


def test_a_summary_of_nothing():
    figure = draw_summary(
        specifications([failure()]), pd.DataFrame([joint_row()]), attribute(grid()).iloc[:0], small_study()
    )
    assert svg_bytes(figure)


def test_a_long_answer_stays_above_what_the_evidence_cannot_say(monkeypatch):
    long = Answer("Matched 1:1", ("many words " * 45, "and more of them " * 30, "and others " * 40), {})
    monkeypatch.setattr(summary_figure, "answers", lambda *_: [long])
    figure = draw_summary(grid(), pd.DataFrame([joint_row()]), attribute(grid()), small_study())
    boxes = {text.get_text()[:4]: text.get_window_extent() for text in figure.texts}
    assert boxes["many"].y0 >= boxes["What"].y1
