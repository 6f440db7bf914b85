"""The part of the page about the paper behind a reconstructed cohort: published beside reproduced."""

from collections.abc import Mapping

import pandas as pd
from markupsafe import Markup, escape

from survival_multiverse.consistency import AGREES
from survival_multiverse.reproduction import NEAR, WITHIN
from survival_multiverse.style import format_ratio
from survival_multiverse.table_cells import GAP, count_text, is_number, to_html

ANCHOR_TABLES = ("score", "reproduction", "consistency", "matching")
"""Tables of `results/anchor` that the section shows, those that are there."""

HONESTY = (
    "The patients are reconstructed from published aggregates; no row describes a person. Only the published "
    "cutoffs are informed by data: at every other cutoff the page shows what follows from the assumption "
    "about exact values within a published category. What agrees with the paper was fitted to it, and P "
    "values over the multiverse are not inference."
)
STATISTICS = {
    "n": "patients",
    "pct": "per cent",
    "survival_pct": "survival, %",
    "logrank_chi2": "log-rank chi-square",
    "logrank_p": "log-rank P",
    "pearson_p": "chi-square P",
    "cox_hr": "hazard ratio",
    "cox_ci_lower": "hazard ratio, lower limit",
    "cox_ci_upper": "hazard ratio, upper limit",
    "cox_p": "Cox P",
    "median": "median",
    "median_ci_lower": "median, lower limit",
    "median_ci_upper": "median, upper limit",
}


def anchor_section(tables: Mapping[str, pd.DataFrame]) -> Markup:
    """The section as HTML; empty text where there is no table of a paper.

    Parameters
    ----------
    tables
        Frames under the names in `ANCHOR_TABLES`.
    """
    makers = {
        "score": (score_table, "Published numbers, reproduced.", 1),
        "reproduction": (misses_table, "Numbers that are not within the rounding of the print.", 3),
        "consistency": (contradictions_table, "Where the paper contradicts itself.", 2),
        "matching": (matching_table, "The study's own matching beside the published pairs.", 1),
    }
    parts = []
    for name, (make, title, index) in makers.items():
        if name in tables:
            table = make(tables[name])
            html = to_html(table, index=index) if len(table) else '<p class="empty">None.</p>'
            parts.append(_figure(title, html))
    if not parts:
        return Markup("")
    opening = (
        f'<section id="paper">\n<h2>The paper and the reconstructed cohort</h2>\n<p>{escape(HONESTY)}</p>\n'
    )
    return Markup(opening + "\n".join(parts) + "\n</section>")


def _figure(title: str, html: str) -> str:
    caption = f"<figcaption><strong>{escape(title)}</strong></figcaption>"
    scroll = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}">{html}</div>'
    return f'<figure class="table">\n{caption}\n{scroll}\n</figure>'


def score_table(score: pd.DataFrame) -> pd.DataFrame:
    """How many numbers of each kind are met; those that provably contradict others counted apart."""
    rows = []
    for row in score.to_dict("records"):
        kept, within = row["numbers"] - row["set_aside"], row["within_rounding_of_rest"]
        rows.append(
            [
                row["kind"],
                count_text(row["numbers"]),
                count_text(row["set_aside"]),
                f"{within} of {kept} ({_share(within, kept)})",
                f"{row['near_of_rest']} of {kept} ({_share(row['near_of_rest'], kept)})",
                f"{row['largest_difference']:.3g}" if is_number(row["largest_difference"]) else GAP,
            ]
        )
    columns = [
        "Kind",
        "Published",
        "Set aside",
        "Within rounding",
        "Within rounding or near",
        "Largest difference",
    ]
    return pd.DataFrame(rows, columns=columns)


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.1f} %" if of else GAP


def misses_table(reproduction: pd.DataFrame) -> pd.DataFrame:
    """Published, reproduced, difference and flag of each number that is not met."""
    rows = [
        [
            _words(row["cohort"]),
            " ".join(filter(None, [_words(row["variable"]), _words(row["level"])])),
            _statistic(row),
            _printed(row),
            f"{row['reproduced']:.{int(row['decimals']) + 1}f}",
            f"{row['difference']:+.{int(row['decimals']) + 1}f}".replace("-", "−"),
            "near" if row["verdict"] == NEAR else "not met",
            _words(row["contradiction"]) + (" (set aside)" if row["set_aside"] else ""),
        ]
        for row in reproduction[reproduction.verdict != WITHIN].to_dict("records")
    ]
    columns = [
        "Cohort",
        "Variable",
        "Number",
        "Published",
        "Reproduced",
        "Difference",
        "Verdict",
        "Contradiction",
    ]
    return pd.DataFrame(rows, columns=columns)


def _words(name: str) -> str:
    return name.replace("_", " ").replace(";", ", ")


def _printed(row: Mapping[str, object]) -> str:
    sign = "<" if row["relation"] == "<" else ""
    return f"{sign}{row['value']:.{int(row['decimals'])}f}"


def _statistic(row: Mapping[str, object]) -> str:
    name = STATISTICS.get(str(row["statistic"]), _words(str(row["statistic"])))
    return f"{name} at {row['time']:g}" if is_number(row["time"]) else name


def contradictions_table(consistency: pd.DataFrame) -> pd.DataFrame:
    """Comparisons of published numbers with each other that fail."""
    rows = [
        [
            _words(row["cohort"]),
            " ".join(filter(None, [_words(row["variable"]), _words(row["level"])])),
            row["check"],
            row["printed"],
            row["implied"] or GAP,
            row["verdict"],
        ]
        for row in consistency[consistency.verdict != AGREES].to_dict("records")
    ]
    return pd.DataFrame(
        rows, columns=["Cohort", "Variable", "It should hold that", "Published", "Implied", "Verdict"]
    )


def matching_table(matching: pd.DataFrame) -> pd.DataFrame:
    """Pairs and hazard ratio of the published model, on the stored pairs and over orders of equal scores."""
    rows = [
        [
            row["matching"],
            count_text(row["pairs"]),
            format_ratio(row["hazard_ratio"]),
            f"{format_ratio(row['envelope_2.5'])} to {format_ratio(row['envelope_97.5'])}"
            if is_number(row["envelope_2.5"])
            else GAP,
            f"{100 * row['share_below_published']:.0f} %" if is_number(row["share_below_published"]) else GAP,
        ]
        for row in matching.to_dict("records")
    ]
    columns = ["Matching", "Pairs", "HR, published model", "Over tie-breaks", "Below the published HR"]
    return pd.DataFrame(rows, columns=columns)
