"""Tables of a manuscript as a journal prints them, in no format yet: heads, groups of rows, widths, notes."""

import itertools
from dataclasses import dataclass

import pandas as pd

from survival_multiverse.cohort.disclosure import class_words
from survival_multiverse.report.tables.convention_tables import inverse_table
from survival_multiverse.report.tables.patient_tables import multivariable_table, table_one, univariate_table
from survival_multiverse.report.tables.report_tables import primary_table
from survival_multiverse.report.words.captions import dagger
from survival_multiverse.report.words.labels import in_sentence, judged_forms
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.settings.study import Study

PAGE_WIDTH = 267.0
"""Millimetres between the margins: A4, landscape."""
LETTER, PADDING = 1.7, 2.4
"""Millimetres that a letter of a table and the edges of a cell take up."""
LONGEST = 34
"""Letters of the widest column that are given room before a line breaks."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table; the name of a group is bold, and what belongs to it is indented."""

    cells: tuple[str, ...]
    is_group: bool = False
    indented: bool = False


@dataclass(frozen=True, slots=True)
class ManuscriptTable:
    """A table in print.

    Attributes
    ----------
    number, title, note : str
        What stands above it and below.
    spans : tuple of (str, int)
        Heads over so many columns each, an empty one over what has none; empty where there is no such line.
    heads : tuple of str
        Heads of the columns.
    rows : tuple of Row
        Its lines.
    labels : int
        How many columns name the row; the others are centred.
    widths : tuple of float
        Of the columns, in millimetres.
    """

    number: str
    title: str
    note: str
    spans: tuple[tuple[str, int], ...]
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    labels: int
    widths: tuple[float, ...]


def manuscript_tables(
    primary: pd.DataFrame, specifications: pd.DataFrame, study: Study
) -> list[ManuscriptTable]:
    """Return Table 1 with standardised differences, survival by factor, and the regression tables.

    Parameters
    ----------
    primary
        Rows of the primary scenario, as they may be shared.
    specifications
        The table of that name, likewise.
    """
    late, ci = dagger(study).strip(), f"CI: {percent(study)} confidence interval."
    small = f"{class_words(study.minimum_count)} “*”: would give a small count away."
    return [
        _prepared(
            "Table 1",
            "Patients by arm, before and after matching, with standardised mean differences",
            "Patients (%) unless said otherwise. P: Pearson's chi-square without correction. |SMD|: absolute "
            f"standardised mean difference, largest over the levels. {judged_forms(study)} {small} {late}",
            table_one(primary, study),
            grouped=True,
            labels=2,
        ),
        _prepared(
            "Table 2",
            "Survival by factor, before matching",
            f"{ci} {late}",
            univariate_table(primary, study),
            grouped=True,
            labels=2,
        ),
        _prepared(
            "Table 3",
            "Multivariable Cox models, before matching",
            f"Efron's ties, model-based intervals. {ci} {late}",
            multivariable_table(primary, study),
            grouped=True,
            labels=3,
        ),
        _prepared(
            "Table 4",
            f"{measure_words(study).plural.capitalize()} of the primary scenario by estimator",
            f"Each estimator answers its own question. SMD: standardised mean difference. {late}",
            primary_table(specifications, study),
            grouped=True,
            labels=2,
        ),
        _prepared(
            "Table 5",
            "The hazard ratios of the primary scenario in both directions",
            f"HR: hazard ratio ({percent(study)} confidence interval). {late}",
            inverse_table(primary, study),
            grouped=False,
            labels=1,
        ),
    ]


def _prepared(
    number: str, title: str, note: str, table: pd.DataFrame, *, grouped: bool, labels: int
) -> ManuscriptTable:
    heads = [tuple(map(str, name)) if isinstance(name, tuple) else ("", str(name)) for name in table.columns]
    lines = [tuple(_unbroken(str(value)) for value in row) for row in table.to_numpy().tolist()]
    rows = tuple(Row(line) for line in lines)
    if grouped:
        first = (heads[1][0], f"{heads[0][1]}, {in_sentence(heads[1][1])}")
        rows, heads, labels = _in_groups(lines), [first, *heads[2:]], labels - 1
    spans = tuple((name, len(list(here))) for name, here in itertools.groupby(name for name, _ in heads))
    names = tuple(_unbroken(name) for _, name in heads)
    return ManuscriptTable(
        number=number,
        title=title,
        note=" ".join(note.split()),
        spans=spans if any(name for name, _ in spans) else (),
        heads=names,
        rows=rows,
        labels=labels,
        widths=_widths(names, rows),
    )


def _in_groups(lines: list[tuple[str, ...]]) -> tuple[Row, ...]:
    """Name each group on a line of its own, with what is said of the group once, and indent its rows."""
    rows: list[Row] = []
    for name, here in itertools.groupby(lines, key=lambda line: line[0]):
        group = [list(line[1:]) for line in here]
        own = [name, *[""] * (len(group[0]) - 1)]
        for place in range(1, len(own)):
            # What only the first row says, such as a P value, is about all of them.
            if len(group) > 1 and group[0][place] and not any(line[place] for line in group[1:]):
                own[place], group[0][place] = group[0][place], ""
        rows.append(Row(tuple(own), is_group=True))
        rows += [Row(tuple(line), indented=True) for line in group]
    return tuple(rows)


def _unbroken(text: str) -> str:
    """Keep a number and its unit or mark on one line."""
    for mark in ("%", "†", "‡"):
        text = text.replace(f" {mark}", f"\u00a0{mark}")
    return text


def _widths(heads: tuple[str, ...], rows: tuple[Row, ...]) -> tuple[float, ...]:
    """Share the page among the columns: no word is split, and the longest cells get what is left."""
    # The name of a group has the whole line.
    columns = [
        [head, *(row.cells[place] for row in rows if not (row.is_group and place == 0))]
        for place, head in enumerate(heads)
    ]
    least = [max((len(word) for cell in column for word in cell.split(" ")), default=1) for column in columns]
    wanted = [min(max(map(len, column)), LONGEST) for column in columns]
    narrow = [LETTER * letters + PADDING for letters in least]
    more = [LETTER * max(wide - short, 0) for wide, short in zip(wanted, least, strict=True)]
    room = PAGE_WIDTH - sum(narrow)
    if room < 0:
        return tuple(PAGE_WIDTH * width / sum(narrow) for width in narrow)
    given = min(1.0, room / sum(more)) if sum(more) else 0.0
    return tuple(width + given * extra for width, extra in zip(narrow, more, strict=True))
