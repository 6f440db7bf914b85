"""What is in an archive that leaves the page, as its README.md: the study, each file, and how it is read."""

import html
import re
from collections.abc import Iterable, Mapping

from survival_multiverse.cohort.disclosure import class_words
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.report.words.narrative import origin
from survival_multiverse.settings.study import Study

EXHIBIT = re.compile(r'data-exhibit="([^"]*)" data-title="([^"]*)" id="([^"]*)"')
TABLES = (
    "Each table of the page is here as CSV and as Parquet, one number a cell. An estimate and its limits "
    "have columns of their own (`, lower limit`, `, upper limit`; of a range `, lowest`, `, highest` or "
    "`, from`, `, to`). A percentage stands in a column that ends in `, %`; of `3 of 4` the 4 in one that "
    "ends in `, of`; what is no number, such as `<0.001`, a small count, a reason or a mark, in one that "
    "ends in `, note`. A cell without a number is empty. The first column of a CSV, `data_origin`, and the "
    "footer of a Parquet file say where the patients come from. A text that a spreadsheet would run as a "
    "formula begins with `'`."
)
CHARTS = (
    "Each chart of the page is here as SVG and as PNG, with all analyses: nothing is filtered out. Blue "
    "belongs to the higher exposure and {plural} {longer}, orange to the lower one and {plural} {shorter}, "
    "grey to intervals that include {null}, pink to published numbers; a diamond is the primary scenario."
)


def exhibits(page: str) -> dict[str, str]:
    """Return number and title of everything that a page numbers, by its id: ``Table 3. Survival by arm``."""
    return {
        html.unescape(name): f"{html.unescape(number)}. {html.unescape(title)}"
        for number, title, name in EXHIBIT.findall(page)
    }


def tables_readme(study: Study, columns: Mapping[str, Iterable[str]], titles: Mapping[str, str]) -> str:
    """Describe the archive of the page's tables.

    Parameters
    ----------
    columns
        Names of each table's columns, by the table's name.
    titles
        Of `exhibits`.

    Returns
    -------
    str
        Markdown.
    """
    files = [
        f"- `{name}.csv`, `{name}.parquet`: {_line(titles.get(f'table-{name}', name))}\n"
        f"  Columns: {'; '.join(_code(column) for column in names)}"
        for name, names in columns.items()
    ]
    return _readme(study, "The tables of the page `robustness.html`.", TABLES, files)


def charts_readme(study: Study, titles: Mapping[str, str]) -> str:
    """Describe the archive of the page's charts; `titles` by the names of the files."""
    files = [
        f"- `{name}.svg`, `{name}.png`: {_line(title)}{', P values' if name.endswith('-p') else ''}"
        for name, title in titles.items()
    ]
    words = measure_words(study)
    sides = {side: words.side(longer=side == "longer") for side in ("longer", "shorter")}
    reading = CHARTS.format(plural=words.plural, null=words.null, **sides)
    return _readme(study, "The charts of the page `robustness.html`.", reading, files)


def _readme(study: Study, what: str, reading: str, files: list[str]) -> str:
    heading, _, text = origin(study)
    parts = [
        f"# {_line(study.title)}",
        f"**{heading}.** {text}",
        f"{what} {class_words(study.minimum_count)}",
        "## How to read it",
        reading,
        "## Files",
        "\n".join(files),
    ]
    return "\n\n".join(parts) + "\n"


def _line(text: str) -> str:
    """Return a text on one line that Markdown shows as it is."""
    return re.sub(r"([\\`*\[\]<>])", r"\\\1", " ".join(text.split()))


def _code(name: str) -> str:
    """Return a name as code, which Markdown shows as it is."""
    return f"`{' '.join(name.split()).replace('`', chr(39))}`"
