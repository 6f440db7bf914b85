r"""Tables of a manuscript as LaTeX, with the rules of booktabs; `manuscript` prepares them."""

import re
from collections.abc import Iterable

from survival_multiverse.report.tables.manuscript import ManuscriptTable, Row
from survival_multiverse.report.words.narrative import origin
from survival_multiverse.settings.study import Study

SPECIAL = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "{}$&#_%"},
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "\u00a0": "~",
    "\u200b": "",
    "≥": r"\ensuremath{\geq}",
    "≤": r"\ensuremath{\leq}",
    "≈": r"\ensuremath{\approx}",
    "×": r"\ensuremath{\times}",
    "±": r"\ensuremath{\pm}",
    "−": r"\ensuremath{-}",
    "∞": r"\ensuremath{\infty}",
    "→": r"\ensuremath{\rightarrow}",
    "²": r"\textsuperscript{2}",
    "³": r"\textsuperscript{3}",
    "µ": r"\textmu{}",
    "μ": r"\textmu{}",
    "Γ": r"\ensuremath{\Gamma}",
    "†": r"\textdagger{}",
    "‡": r"\textdaggerdbl{}",
    "–": r"\textendash{}",
    "—": r"\textemdash{}",
    "’": r"\textquoteright{}",
    "‘": r"\textquoteleft{}",
    "“": r"\textquotedblleft{}",
    "”": r"\textquotedblright{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
}
"""What LaTeX reads as something else, or not in every engine; other letters stand for themselves in UTF-8."""
PREAMBLE = r"""% Compile twice, with any engine; the widths of longtable need it.
\documentclass[10pt,a4paper]{article}
\usepackage[a4paper,landscape,margin=15mm]{geometry}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\usepackage{array}
\usepackage{booktabs}
\usepackage{longtable}
\setlength{\LTcapwidth}{\textwidth}
\setlength{\tabcolsep}{0.5mm}
\newcolumntype{L}[1]{>{\raggedright\arraybackslash}p{#1}}
\newcolumntype{C}[1]{>{\centering\arraybackslash}p{#1}}
"""


def escaped(text: str) -> str:
    """Return a text that LaTeX prints as it is.

    Parameters
    ----------
    text
        Any; white space becomes one space, and two hyphens or commas stay two.
    """
    words = " ".join(re.split(r"[ \t\r\n\f\v]+", text))
    parts = re.sub(r"(?<=-)(?=-)|(?<=,)(?=,)", "\0", words)
    return "".join("{}" if sign == "\0" else SPECIAL.get(sign, sign) for sign in parts)


def latex_document(tables: Iterable[ManuscriptTable], study: Study) -> str:
    """Return a whole document: title, origin of the patients, and the tables.

    Returns
    -------
    str
        LaTeX in UTF-8; equal tables give equal text.
    """
    heading, _, text = origin(study)
    parts = [
        PREAMBLE,
        r"\begin{document}",
        rf"\section*{{{escaped(study.title)}}}",
        escaped(f"{heading}. {text}"),
        *(latex_table(table) for table in tables),
        r"\end{document}",
    ]
    return "\n".join(parts) + "\n"


def latex_table(table: ManuscriptTable) -> str:
    """Return one table as a ``longtable``, its heads on every page and its note below."""
    kinds = ["L" if place < table.labels else "C" for place in range(len(table.heads))]
    # The space between columns is inside their widths.
    columns = "".join(f"{kind}{{{width - 1:.1f}mm}}" for kind, width in zip(kinds, table.widths, strict=True))
    heads = [r"\toprule", *_spans(table.spans), _line(rf"\textbf{{{escaped(h)}}}" for h in table.heads)]
    heads.append(r"\midrule")
    title = escaped(f"{table.number}. {table.title}")
    lines = [
        r"\clearpage",
        r"\begingroup\footnotesize",
        rf"\begin{{longtable}}{{{columns}}}",
        rf"\multicolumn{{{len(table.heads)}}}{{l}}{{\normalsize\textbf{{{title}}}}} \\",
        *heads,
        r"\endfirsthead",
        *heads,
        r"\endhead",
        r"\bottomrule",
        r"\endfoot",
        *(_row(row) for row in table.rows),
        r"\end{longtable}",
        rf"\noindent {escaped(table.note)}\par",
        r"\endgroup",
    ]
    return "\n".join(lines)


def _line(cells: Iterable[str]) -> str:
    # A star or a bracket after the end of a row would belong to it.
    return "{}" + " & ".join(cells) + r" \\"


def _spans(spans: tuple[tuple[str, int], ...]) -> list[str]:
    """Return the line of heads over several columns, and the rules below them."""
    if not spans:
        return []
    cells, rules, start = [], [], 1
    for name, count in spans:
        words = rf"\textbf{{{escaped(name)}}}" if name else ""
        cells.append(rf"\multicolumn{{{count}}}{{c}}{{{words}}}")
        if name:
            rules.append(rf"\cmidrule(lr){{{start}-{start + count - 1}}}")
        start += count
    return [" & ".join(cells) + r" \\", "".join(rules)]


def _row(row: Row) -> str:
    first, *others = map(escaped, row.cells)
    if row.indented:
        return _line([rf"\hspace*{{1em}}{first}", *others])
    if not row.is_group:
        return _line([first, *others])
    empty = next((at for at, text in enumerate(others) if text), len(others))
    name = rf"\textbf{{{first}}}"
    joined = rf"\multicolumn{{{empty + 1}}}{{l}}{{{name}}}" if empty else name
    line = " & ".join([joined, *others[empty:]])
    # A group is not parted from its first row.
    return (line if empty else "{}" + line) + r" \\*"
