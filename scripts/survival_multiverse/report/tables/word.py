"""A manuscript as a Word document; python-docx writes the format."""

import io
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass

from docx import Document
from docx.document import Document as Page
from docx.enum.section import WD_ORIENT
from docx.enum.table import WD_TABLE_ALIGNMENT
from docx.enum.text import WD_ALIGN_PARAGRAPH
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.table import Table, _Cell, _Row

from survival_multiverse.report.tables.manuscript import PAGE_WIDTH, ManuscriptTable, Row
from survival_multiverse.report.words.narrative import origin
from survival_multiverse.settings.study import Study

EPOCH = (1980, 1, 1, 0, 0, 0)
A4 = (297, 210)
MARGIN = (A4[0] - PAGE_WIDTH) / 2
SIZE, SMALL = Pt(10), Pt(8)
"""Sizes of the text, and of tables and their notes."""
FONT = "Times New Roman"
INDENT = 3.0
"""Millimetres by which the rows of a group stand in."""
THICK, THIN = 8, 4
"""Rules in eighths of a point."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure of the manuscript: PNG, its legend, and what is read out in its place."""

    png: bytes
    legend: str
    alternative: str


def word_document(tables: Iterable[ManuscriptTable], picture: Picture, study: Study) -> bytes:
    """Return a document of title, origin of the patients, Figure 1 and the tables.

    Returns
    -------
    bytes
        A ``.docx`` file; equal content gives equal bytes.
    """
    page = Document()
    _set_up(page, study)
    _add_picture(page, picture)
    for table in tables:
        _add_table(page, table)
    return _without_dates(page)


def _set_up(page: Page, study: Study) -> None:
    section = page.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = map(Mm, A4)
    section.left_margin = section.right_margin = section.top_margin = section.bottom_margin = Mm(MARGIN)
    for name, size in {"Normal": SIZE, "Heading 1": Pt(14), "Heading 2": SIZE}.items():
        font = page.styles[name].font
        font.name, font.size, font.color.rgb = FONT, size, RGBColor(0, 0, 0)
        fonts = page.styles[name].element.get_or_add_rPr().get_or_add_rFonts()
        for kind in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme", "cstheme"):
            fonts.attrib.pop(qn(f"w:{kind}"), None)
    page.core_properties.title = study.title
    page.core_properties.author = ""
    page.add_heading(study.title, level=1)
    heading, _, text = origin(study)
    page.add_paragraph(f"{heading}. {text}")


def _add_picture(page: Page, picture: Picture) -> None:
    shape = page.add_picture(io.BytesIO(picture.png), width=Mm(PAGE_WIDTH - 40))
    shape._inline.docPr.set("descr", picture.alternative)
    page.paragraphs[-1].paragraph_format.keep_with_next = True
    legend = page.add_paragraph()
    legend.add_run("Figure 1. ").bold = True
    legend.add_run(picture.legend)


def _add_table(page: Page, table: ManuscriptTable) -> None:
    page.add_heading(f"{table.number}. {table.title}", level=2).paragraph_format.page_break_before = True
    levels = 2 if table.spans else 1
    drawn = page.add_table(rows=levels + len(table.rows), cols=len(table.heads))
    drawn.alignment, drawn.autofit = WD_TABLE_ALIGNMENT.CENTER, False
    for column, width in zip(drawn.columns, table.widths, strict=True):
        column.width = Mm(width)
    # Row by row: asking a table for one cell walks through all of it.
    lines = list(drawn.rows)
    for line in lines:
        _whole(line)
        for cell, width in zip(line.cells, table.widths, strict=True):
            cell.width = Mm(width)
    heads = Row(table.heads)
    _fill(lines[levels - 1], heads, table.labels, bold=True)
    for line, row in zip(lines[levels:], table.rows, strict=True):
        _fill(line, row, table.labels, bold=row.is_group)
    for line in lines[:levels]:
        line._tr.get_or_add_trPr().append(OxmlElement("w:tblHeader"))
    _draw_rules(drawn, lines, levels)
    if table.spans:
        _span(lines[0], table.spans)
    _join_groups(lines[levels:], table.rows)
    note = page.add_paragraph()
    note.add_run(table.note).font.size = SMALL


def _whole(line: _Row) -> None:
    """Keep a row on one page."""
    line._tr.get_or_add_trPr().append(OxmlElement("w:cantSplit"))


def _fill(line: _Row, row: Row, labels: int, *, bold: bool) -> None:
    for place, (cell, text) in enumerate(zip(line.cells, row.cells, strict=True)):
        _write(cell, text, bold=bold and (place == 0 or not row.is_group), centred=place >= labels)
        if place == 0 and row.indented:
            cell.paragraphs[0].paragraph_format.left_indent = Mm(INDENT)


def _write(cell: _Cell, text: str, *, bold: bool, centred: bool) -> None:
    paragraph = cell.paragraphs[0]
    paragraph.paragraph_format.space_after = paragraph.paragraph_format.space_before = Pt(0)
    if centred:
        paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    run = paragraph.add_run(text)
    run.font.size, run.bold = SMALL, bold


def _draw_rules(drawn: Table, lines: list[_Row], levels: int) -> None:
    """Draw the three rules of the table: above the heads, below them, and at its end."""
    for line, side, size in ((lines[0], "top", THICK), (lines[levels - 1], "bottom", THIN)):
        for cell in line.cells:
            _rule(cell, side, size)
    for cell in lines[-1].cells:
        _rule(cell, "bottom", THICK)


def _rule(cell: _Cell, side: str, size: int) -> None:
    properties = cell._tc.get_or_add_tcPr()
    borders = properties.find(qn("w:tcBorders"))
    if borders is None:
        borders = OxmlElement("w:tcBorders")
        properties.append(borders)
    # A table without rows ends with its heads.
    for before in borders.findall(qn(f"w:{side}")):
        borders.remove(before)
    rule = OxmlElement(f"w:{side}")
    for name, value in {"val": "single", "sz": str(size), "space": "0", "color": "000000"}.items():
        rule.set(qn(f"w:{name}"), value)
    borders.append(rule)


def _span(line: _Row, spans: tuple[tuple[str, int], ...]) -> None:
    """Write the heads over several columns, each with a rule below."""
    cells, start = line.cells, 0
    for name, count in spans:
        if name:
            cell = cells[start].merge(cells[start + count - 1]) if count > 1 else cells[start]
            _write(cell, name, bold=True, centred=True)
            _rule(cell, "bottom", THIN)
        start += count


def _join_groups(lines: list[_Row], rows: tuple[Row, ...]) -> None:
    """Give the name of a group the empty cells beside it, and keep it on the page of its first row."""
    for line, row in zip(lines, rows, strict=True):
        if not row.is_group:
            continue
        cells = line.cells
        cells[0].paragraphs[0].paragraph_format.keep_with_next = True
        empty = next((at for at, text in enumerate(row.cells) if at and text), len(row.cells))
        if empty > 1:
            merged = cells[0].merge(cells[empty - 1])
            for paragraph in merged.paragraphs[1:]:
                paragraph._p.getparent().remove(paragraph._p)


def _without_dates(page: Page) -> bytes:
    """Date every part of the document alike: the format is a zip archive, which dates its parts."""
    written, dated = io.BytesIO(), io.BytesIO()
    page.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(dated, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, EPOCH), source.read(name), zipfile.ZIP_DEFLATED)
    return dated.getvalue()
