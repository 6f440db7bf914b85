"""Tables for a manuscript as a Word document; python-docx writes the format."""

import io
import itertools
import zipfile
from collections.abc import Sequence

import pandas as pd
from docx import Document
from docx.document import Document as Page
from docx.enum.section import WD_ORIENT
from docx.shared import Pt
from docx.table import _Cell

from survival_multiverse.cohort.disclosure import class_words
from survival_multiverse.report.tables.convention_tables import inverse_table
from survival_multiverse.report.tables.patient_tables import multivariable_table, table_one, univariate_table
from survival_multiverse.report.tables.report_tables import primary_table
from survival_multiverse.report.words.captions import dagger
from survival_multiverse.report.words.labels import judged_forms
from survival_multiverse.report.words.narrative import origin
from survival_multiverse.settings.study import Study

EPOCH = (1980, 1, 1, 0, 0, 0)


def manuscript_tables(primary: pd.DataFrame, specifications: pd.DataFrame, study: Study) -> bytes:
    """Return Table 1 with standardised differences, survival by factor, and the regression tables.

    Parameters
    ----------
    primary
        Rows of the primary scenario.

    Returns
    -------
    bytes
        A ``.docx`` file; equal tables give equal bytes.
    """
    late = dagger(study).strip()
    small = f"{class_words(study.minimum_count)} “*”: would give a small count away."
    titled = [
        ("Table 1. Patients by arm, before and after matching, with standardised mean differences.",
         f"Pearson's chi-square without correction; |SMD|: largest over the levels. {judged_forms(study)} "
         f"{small} {late}",
         table_one(primary, study)),
        ("Table 2. Survival by factor, before matching.", late, univariate_table(primary, study)),
        ("Table 3. Multivariable Cox models, before matching.", "Efron's ties, model-based intervals.",
         multivariable_table(primary, study)),
        ("Table 4. Hazard ratios of the primary scenario by estimator.",
         f"Each estimator answers its own question. {late}", primary_table(specifications, study)),
        ("Table 5. The hazard ratios in both directions.", late, inverse_table(primary, study)),
    ]  # fmt: skip
    page = Document()
    _set_up(page, study)
    for title, note, table in titled:
        _add_table(page, title, note, table)
    return _without_dates(page)


def _set_up(page: Page, study: Study) -> None:
    section = page.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = section.page_height, section.page_width
    page.styles["Normal"].font.size = Pt(9)
    page.core_properties.title = study.title
    page.core_properties.author = ""
    page.add_heading(study.title, level=1)
    heading, _, text = origin(study)
    page.add_paragraph(f"{heading}. {text}")


def _add_table(page: Page, title: str, note: str, table: pd.DataFrame) -> None:
    page.add_heading(title, level=2)
    levels = table.columns.nlevels
    drawn = page.add_table(rows=levels + len(table), cols=len(table.columns), style="Light List")
    for level in range(levels):
        _fill_heading(drawn.rows[level].cells, [str(name) for name in table.columns.get_level_values(level)])
    # Row by row: asking a table for one cell walks through all of it. A group is named once.
    before = None
    for line, values in zip(drawn.rows[levels:] if len(table) else [], table.to_numpy(), strict=True):
        for cell, value in zip(
            line.cells, ["" if values[0] == before else values[0], *values[1:]], strict=True
        ):
            cell.text = str(value)
        before = values[0]
    for line in drawn.rows:
        for cell in line.cells:
            for run in (run for paragraph in cell.paragraphs for run in paragraph.runs):
                run.font.size = Pt(7.5)
    if note:
        page.add_paragraph(note)


def _fill_heading(cells: Sequence[_Cell], names: Sequence[str]) -> None:
    """Name the columns; neighbours of one name share a cell."""
    start = 0
    for name, group in itertools.groupby(names):
        end = start + len(list(group)) - 1
        cell = cells[start].merge(cells[end]) if name and end > start else cells[start]
        cell.text = name
        start = end + 1


def _without_dates(page: Page) -> bytes:
    """Date every part of the document alike: the format is a zip archive, which dates its parts."""
    written, dated = io.BytesIO(), io.BytesIO()
    page.save(written)
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(dated, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(zipfile.ZipInfo(name, EPOCH), source.read(name), zipfile.ZIP_DEFLATED)
    return dated.getvalue()
