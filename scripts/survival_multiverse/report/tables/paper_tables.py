"""Tables about the paper behind a reconstructed cohort: published beside reproduced."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from survival_multiverse.paper.consistency import AGREES
from survival_multiverse.paper.reproduction import KINDS, NEAR, WITHIN
from survival_multiverse.report.style.formats import format_ratio
from survival_multiverse.report.words.table_cells import GAP, count_text, is_number

PAPER_TABLES = (
    "score",
    "reproduction",
    "consistency",
    "matching",
    "ensemble",
    "ensemble_members",
    "published",
)
"""Tables of `results/paper` that the page shows or its charts mark, those that are there."""

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
    "followup_min": "shortest",
    "followup_median": "median",
    "followup_max": "longest",
}
VERDICTS = {WITHIN: "within rounding", NEAR: "near"}


def paper_tables(tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[pd.DataFrame, int]]:
    """Return the tables of the page and how many of their columns name the row; empty ones if absent.

    Parameters
    ----------
    tables
        Frames, among them those of `PAPER_TABLES`.
    """
    makers = {
        "paper_score": ("score", score_table, 1),
        "paper_misses": ("reproduction", misses_table, 3),
        "paper_numbers": ("reproduction", numbers_table, 3),
        "paper_contradictions": ("consistency", contradictions_table, 2),
        "paper_matching": ("matching", matching_table, 1),
        "paper_ensemble": ("ensemble", ensemble_table, 1),
    }
    return {
        name: (make(tables[key]) if key in tables else pd.DataFrame(), index)
        for name, (key, make, index) in makers.items()
    }


def score_table(score: pd.DataFrame) -> pd.DataFrame:
    """Count the numbers of each kind that are met; those that provably contradict others separately."""
    rows = []
    for row in score.to_dict("records"):
        kept = row["numbers"] - row["set_aside"]
        within, near = row["within_rounding_of_rest"], row["near_of_rest"]
        rows.append(
            {
                "Kind": row["kind"],
                "Published": count_text(row["numbers"]),
                "Set aside": count_text(row["set_aside"]),
                "Within rounding": f"{within} of {kept} ({_share(within, kept)})",
                "Within rounding or near": f"{near} of {kept} ({_share(near, kept)})",
                "Largest difference": (
                    f"{row['largest_difference']:.3g}" if is_number(row["largest_difference"]) else GAP
                ),
            }
        )
    return pd.DataFrame(rows)


def _share(count: int, of: int) -> str:
    return f"{100 * count / of:.1f}%" if of else GAP


def numbers_table(reproduction: pd.DataFrame) -> pd.DataFrame:
    """Return each published number beside the reproduced one, in the paper's conventions and the study's own.

    Kinds in the order of the score, numbers in that of the print.
    """
    order = list(KINDS.values())
    ordered = reproduction.sort_values("kind", key=lambda kinds: kinds.map(order.index), kind="stable")
    rows = [
        {
            "Kind": row["kind"],
            "Patients": row["patients"],
            "About": row["about"],
            "Number": _statistic(row),
            "Published": _printed(row),
            "Reproduced": _more_digits(row, "reproduced"),
            "Difference": _more_digits(row, "difference", sign="+"),
            "In the study’s convention": _more_digits(row, "own_convention"),
            "Verdict": VERDICTS.get(str(row["verdict"]), "not met"),
            "Contradiction": _words(row["contradiction"]) + (" (set aside)" if row["set_aside"] else ""),
        }
        for row in ordered.to_dict("records")
    ]
    return pd.DataFrame(rows)


def misses_table(reproduction: pd.DataFrame) -> pd.DataFrame:
    """Return the same for the numbers that are not met within rounding."""
    missed = reproduction[reproduction["verdict"] != WITHIN]
    return numbers_table(missed).drop(columns="Kind", errors="ignore")


def _words(name: str) -> str:
    return name.replace("_", " ").replace(";", ", ")


def _printed(row: Mapping[str, Any]) -> str:
    sign = "<" if row["relation"] == "<" else ""
    return f"{sign}{row['value']:.{int(row['decimals'])}f}"


def _more_digits(row: Mapping[str, Any], name: str, sign: str = "") -> str:
    """Return a recomputed number with one digit more than was printed; counts have none."""
    if not is_number(row[name]):
        return GAP
    digits = 0 if row["statistic"] == "n" else int(row["decimals"]) + 1
    return f"{row[name]:{sign}.{digits}f}".replace("-", "−")


def _statistic(row: Mapping[str, Any]) -> str:
    name = STATISTICS.get(str(row["statistic"]), _words(str(row["statistic"])))
    return f"{name} at {row['time']:g}" if is_number(row["time"]) else name


def contradictions_table(consistency: pd.DataFrame) -> pd.DataFrame:
    """Return the failed comparisons of published numbers with each other."""
    rows = [
        {
            "Patients": row["patients"],
            "About": row["about"],
            "It should hold that": row["check"],
            "Published": row["printed"],
            "Implied": row["implied"] or GAP,
            "Verdict": row["verdict"],
        }
        for row in consistency[consistency.verdict != AGREES].to_dict("records")
    ]
    return pd.DataFrame(rows)


def matching_table(matching: pd.DataFrame) -> pd.DataFrame:
    """Return pairs and hazard ratio of the published model, on stored pairs and over tie-breaks."""
    rows = [
        {
            "Matching": row["matching"],
            "Pairs": count_text(row["pairs"]),
            "HR, published model": format_ratio(row["hazard_ratio"]),
            "Over tie-breaks": (
                f"{format_ratio(row['tie_break_2.5'])} to {format_ratio(row['tie_break_97.5'])}"
                if is_number(row["tie_break_2.5"])
                else GAP
            ),
            "Below the published HR": (
                f"{100 * row['share_below_published']:.0f}%"
                if is_number(row["share_below_published"])
                else GAP
            ),
        }
        for row in matching.to_dict("records")
    ]
    return pd.DataFrame(rows)


def ensemble_table(ensemble: pd.DataFrame) -> pd.DataFrame:
    """Return the range of each conclusion over the cohorts that reproduce the paper about equally well."""
    rows = [
        {
            "Conclusion": row["conclusion"],
            "Cohorts": count_text(row["cohorts"]),
            **{
                name.capitalize(): (count_text if row["conclusion"].startswith("pairs") else format_ratio)(
                    row[name]
                )
                for name in ("lowest", "median", "highest")
            },
        }
        for row in ensemble.to_dict("records")
    ]
    return pd.DataFrame(rows)
