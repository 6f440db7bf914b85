"""The tables of a manuscript: prepared once, the same for Word and for LaTeX."""

import io
import re
import zipfile
from dataclasses import replace
from itertools import pairwise

import pandas as pd
import pytest
from docx import Document
from docx.oxml.ns import qn
from hypothesis import given
from hypothesis import strategies as st
from report_page import EVIL, evil_page

from survival_multiverse.report.charts.summary import picture_png
from survival_multiverse.report.tables.convention_tables import inverse_table
from survival_multiverse.report.tables.latex import SPECIAL, escaped, latex_document
from survival_multiverse.report.tables.manuscript import PAGE_WIDTH, Row, manuscript_tables
from survival_multiverse.report.tables.patient_tables import multivariable_table, table_one, univariate_table
from survival_multiverse.report.tables.report_tables import primary_table
from survival_multiverse.report.tables.word import Picture, word_document
from survival_multiverse.report.words.claim import hero_caption
from survival_multiverse.report.words.narrative import origin


@pytest.fixture(scope="module")
def prepared():
    study, tables = evil_page().study, evil_page().tables
    return manuscript_tables(tables["primary"], tables["specifications"], study)


@pytest.fixture(scope="module")
def picture():
    study, tables = evil_page().study, evil_page().tables
    return Picture(picture_png(tables["specifications"], study), hero_caption(study), "What is drawn.")


@pytest.fixture(scope="module")
def word(prepared, picture):
    return word_document(prepared, picture, evil_page().study)


@pytest.fixture(scope="module")
def page(word):
    return Document(io.BytesIO(word))


def sources():
    study, tables = evil_page().study, evil_page().tables
    primary = tables["primary"]
    made = [table_one(primary, study), univariate_table(primary, study), multivariable_table(primary, study)]
    return [*made, primary_table(tables["specifications"], study), inverse_table(primary, study)]


def plain(text):
    return str(text).replace("\u00a0", " ")


def test_every_cell_of_the_page_is_printed_once(prepared):
    """Group names stand on lines of their own, and a test of a whole group beside its name."""
    for table, source in zip(prepared, sources(), strict=True):
        printed = sorted(plain(cell) for row in table.rows for cell in row.cells if cell)
        names = source.iloc[:, 0]
        if any(row.is_group for row in table.rows):
            names = names[names != names.shift()]
        expected = [*names, *source.iloc[:, 1:].to_numpy().ravel()]
        assert printed == sorted(plain(cell) for cell in expected if cell)


def test_rows_stand_under_the_name_of_their_variable(prepared):
    source = table_one(evil_page().tables["primary"], evil_page().study)
    rows = iter(prepared[0].rows)
    for variable, levels in source.groupby(source.iloc[:, 0], sort=False):
        name = next(rows)
        assert (name.is_group, name.indented, name.cells[0]) == (True, False, variable)
        below = [next(rows) for _ in range(len(levels))]
        assert [plain(row.cells[0]) for row in below] == [plain(level) for level in levels.iloc[:, 1]]
        assert all(row.indented for row in below)
        if len(levels) > 1 and not levels.iloc[1, 5]:
            assert name.cells[4] == levels.iloc[0, 5]
    assert next(rows, None) is None


def test_no_word_is_split_and_the_page_is_wide_enough(prepared):
    for table in prepared[1:3]:
        assert sum(table.widths) <= PAGE_WIDTH + 1e-6
        for place, width in enumerate(table.widths):
            cells = [table.heads[place], *(row.cells[place] for row in table.rows if not row.is_group)]
            longest = max(len(word) for cell in cells for word in cell.split(" "))
            # Letters of 8 points are at most 1.5 mm wide in the mean of a word.
            assert width >= 1.5 * longest + 2


def borders(cell):
    found = cell._tc.tcPr.find(qn("w:tcBorders"))
    return {} if found is None else {rule.tag.split("}")[1]: rule.get(qn("w:sz")) for rule in found}


def test_word_tables_have_three_rules_and_heads_on_every_page(page, prepared):
    assert len(page.tables) == len(prepared)
    for drawn, table in zip(page.tables, prepared, strict=True):
        levels = 2 if table.spans else 1
        lines = list(drawn.rows)
        repeated = [line._tr.trPr.find(qn("w:tblHeader")) is not None for line in lines]
        assert repeated == [place < levels for place in range(len(lines))]
        assert all(line._tr.trPr.find(qn("w:cantSplit")) is not None for line in lines)
        assert all("top" in borders(cell) for cell in lines[0].cells)
        assert all("bottom" in borders(cell) for cell in lines[levels - 1].cells)
        assert all("bottom" in borders(cell) for cell in lines[-1].cells)
        for line in lines[levels:-1]:
            assert not any(borders(cell) for cell in line.cells)
        assert not any({"left", "right"} & set(borders(cell)) for line in lines for cell in line.cells)
        sizes = {
            run.font.size.pt for line in lines for c in line.cells for p in c.paragraphs for run in p.runs
        }
        assert min(sizes) >= 8


def test_word_prints_what_was_prepared(page, prepared):
    for drawn, table in zip(page.tables, prepared, strict=True):
        levels = 2 if table.spans else 1
        assert [cell.text for cell in drawn.rows[levels - 1].cells] == list(table.heads)
        for line, row in zip(list(drawn.rows)[levels:], table.rows, strict=True):
            texts = [cell.text for cell in line.cells]
            # The name of a group has the empty cells beside it.
            joined = (
                next((at for at, text in enumerate(row.cells) if at and text), len(texts))
                if row.is_group
                else 1
            )
            assert texts == [row.cells[0]] * joined + list(row.cells[joined:])
        if table.spans:
            heads = [cell.text for cell in drawn.rows[0].cells]
            assert heads == [name for name, count in table.spans for _ in range(count)]
            assert drawn.rows[0].cells[1]._tc is drawn.rows[0].cells[5]._tc


def test_the_document_begins_with_title_origin_and_figure_1(page, picture):
    study = evil_page().study
    texts = [paragraph.text for paragraph in page.paragraphs]
    assert texts[0] == EVIL
    assert texts[1] == "{}. {}".format(*origin(study)[::2])
    assert texts[3] == f"Figure 1. {hero_caption(study)}"
    (shape,) = page.inline_shapes
    assert shape._inline.docPr.get("descr") == picture.alternative
    assert any(part.blob == picture.png for part in page.part.package.iter_parts() if "png" in part.partname)
    assert page.paragraphs[2]._p.xpath(".//w:drawing")


def test_equal_tables_give_equal_files(word, prepared, picture):
    study = evil_page().study
    assert word_document(prepared, picture, study) == word
    with zipfile.ZipFile(io.BytesIO(word)) as parts:
        assert {part.date_time for part in parts.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    assert latex_document(prepared, study) == latex_document(prepared, study)


def read_back(text):
    """What LaTeX prints, for the commands that are written here."""
    for sign, command in sorted(SPECIAL.items(), key=lambda item: -len(item[1])):
        if command not in ("", "~"):
            text = text.replace(command, f"\0{ord(sign)};")
    text = text.replace("~", "\u00a0").replace("{}", "")
    return re.sub(r"\0(\d+);", lambda found: chr(int(found[1])), text)


@given(st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="\0")))
def test_any_text_is_printed_as_it_is(text):
    shown = escaped(text)
    bare = shown
    for command in sorted(SPECIAL.values(), key=len, reverse=True):
        if command:
            bare = bare.replace(command, "")
    bare = bare.replace("{}", "")
    assert not set("\\{}$&#_%^~") & set(bare)
    assert read_back(shown) == text
    assert "--" not in shown
    assert ",," not in shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("50 % & more_of #1", r"50 \% \& more\_of \#1"),
        ("≥63 Gy, 146 cm³", r"\ensuremath{\geq}63 Gy, 146 cm\textsuperscript{3}"),
        ("two\n\nlines", "two lines"),
        ("\\input{secret}", r"\textbackslash{}input\{secret\}"),
        ("a--b", "a-{}-b"),
    ],
)
def test_latex_as_it_reads(text, shown):
    assert escaped(text) == shown


def rows_of(latex):
    """Cells of the body of each longtable, with as many columns as they take up."""
    for body in re.findall(r"\\endfoot\n(.*?)\\end\{longtable\}", latex, re.S):
        yield [
            re.split(r"(?<!\\) & ", re.sub(r"^\{\}| \\\\\*?$", "", line))
            for line in body.strip().splitlines()
        ]


def test_latex_prints_what_was_prepared(prepared):
    latex = latex_document(prepared, evil_page().study)
    found = list(rows_of(latex))
    assert len(found) == len(prepared)
    for lines, table in zip(found, prepared, strict=True):
        assert len(lines) == len(table.rows)
        for cells, row in zip(lines, table.rows, strict=True):
            taken = int(match[1]) if (match := re.match(r"\\multicolumn\{(\d+)\}", cells[0])) else 1
            assert taken + len(cells) - 1 == len(table.heads)
            assert cells[1:] == [escaped(text) for text in row.cells[taken:]]
            assert escaped(row.cells[0]) in cells[0]
            assert not any(row.cells[1:taken])
    assert "<script" not in latex


def test_latex_is_balanced(prepared):
    latex = latex_document(prepared, evil_page().study)
    depth = 0
    for sign in re.sub(r"\\[\\{}]", "", latex):
        depth += (sign == "{") - (sign == "}")
        assert depth >= 0
    assert depth == 0
    opened = re.findall(r"\\(begin|end)(?:\{(\w+)\}|group)", latex)
    stack = []
    for kind, name in opened:
        if kind == "begin":
            stack.append(name)
        else:
            assert stack.pop() == name
    assert not stack
    for before, after in pairwise(latex.splitlines()):
        # A star or bracket would be an argument of the end of the row.
        assert not (before.endswith("\\\\") and after.startswith(("*", "[")))


def test_a_table_without_rows_has_its_heads(prepared, picture):
    bare = replace(prepared[2], rows=())
    drawn = Document(io.BytesIO(word_document([bare], picture, evil_page().study))).tables[0]
    assert len(drawn.rows) == 1
    assert [rule.get(qn("w:sz")) for rule in drawn._tbl.iter(qn("w:bottom"))] == ["8"] * len(bare.heads)
    assert latex_document([bare], evil_page().study).count(r"\midrule") == 2


def test_a_row_that_begins_with_a_star_does_not_change_the_one_before(prepared):
    starred = replace(prepared[4], rows=(Row(("* a", "b", "c", "d")), Row(("[b]", "b", "c", "d"))))
    latex = latex_document([starred], evil_page().study)
    assert "\n{}* a &" in latex
    assert "\n{}[b] &" in latex


def test_two_equal_models_are_said_once():
    study, primary = evil_page().study, evil_page().tables["primary"]
    rows = primary[primary["model"] == "pre_specified"]
    others = primary[primary["model"] != "selected"]
    twice = pd.concat([others, rows.iloc[::-1].assign(model="selected")])
    once = multivariable_table(twice, study)
    assert once["Model"].nunique() == 1
    assert not once.duplicated().any()
    assert "selection" in once["Model"].iloc[0]
    assert len(once) == (multivariable_table(others, study)["Model"] == "Pre-specified").sum() > 0
    chosen = rows.assign(model="selected")
    cox = (chosen["analysis"] == "cox") & (chosen["statistic"] == "hazard_ratio")
    chosen.loc[chosen.index[cox], "estimate"] += 0.1
    assert multivariable_table(pd.concat([others, chosen]), study)["Model"].nunique() == 2
