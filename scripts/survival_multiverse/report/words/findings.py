"""The sentence that heads each chapter of the page: a finding, made of the numbers."""

from collections.abc import Mapping

import pandas as pd

from survival_multiverse.inference.attribution import REST, TIE_BREAK
from survival_multiverse.inference.specification_summary import (
    GATED,
    Summary,
    estimated,
    estimators_present,
    headline,
    passing,
    primary_block,
    strictest_gate,
    summarise,
)
from survival_multiverse.report.style.formats import format_ratio, p_phrase
from survival_multiverse.report.words.answer import TOGETHER, TOGETHER_WORDS, whole_grid
from survival_multiverse.report.words.claim import mean_difference, restricted_mean
from survival_multiverse.report.words.decisions import grid_size, grid_words
from survival_multiverse.report.words.labels import decision_words, in_sentence, with_unit
from survival_multiverse.report.words.measures import MeasureWords, measure_words
from survival_multiverse.report.words.narrative import ANALYSES, percent
from survival_multiverse.report.words.table_cells import is_number
from survival_multiverse.settings.study import Study

LARGE = 0.5
"""A choice with more of the spread than this is said to decide the answer."""


def findings(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, str]:
    """Return the finding of each chapter but the first, by the chapter's name in the page's address.

    Parameters
    ----------
    tables
        As `render_page` takes them.
    """
    specifications = tables["specifications"]
    return {
        "explore": _explored(tables["attribution"], specifications, study),
        "balance": _balanced(specifications, study),
        "time": _held(tables["primary"], study),
        "paper": _reproduced(tables.get("score", pd.DataFrame())),
        "patients": _patients(tables["flow"], tables["primary"], study),
        "methods": _audited(specifications, tables["cross_checks"], study),
    }


def _first(specifications: pd.DataFrame, study: Study) -> str | None:
    """Return the estimator that the page opens with."""
    present = estimators_present(headline(specifications, study))
    return "matched" if "matched" in present else next(iter(present), None)


def _explored(attribution: pd.DataFrame, specifications: pd.DataFrame, study: Study) -> str:
    """Say which choice moves the estimate most over the whole grid."""
    name = _first(specifications, study)
    count = len(headline(specifications, study))
    shares = whole_grid(attribution, study, name) if name else {}
    if name is None or not shares:
        return f"{count:,} analysis: nothing varies" if count == 1 else f"{count:,} analyses to look at"
    term, share = next(iter(shares.items()))
    words = _choice(study, term)
    does = "decides most of the result" if share > LARGE else "moves the result most"
    if term == TOGETHER:
        does = does.replace("decides", "decide").replace("moves", "move")
    return (
        f"{words[0].upper()}{words[1:]} {does}: {round(100 * share)}% of the spread of "
        f"{ANALYSES[name]} {measure_words(study).plural}{_drawn(study)}"
    )


def _drawn(study: Study) -> str:
    """Say of how many scenarios a number is, where they are a sample of the grid."""
    count, whole = grid_size(study)
    return f", estimated from {count:,} of {whole:,} scenarios" if study.sampled else ""


def _choice(study: Study, name: str) -> str:
    """Return a decision as it stands in a sentence."""
    others = {
        "adjustment_set": "the choice of covariates",
        TIE_BREAK: "the order of equal scores",
        TOGETHER: TOGETHER_WORDS,
        REST: TOGETHER_WORDS,
    }
    return others[name] if name in others else decision_words(study, name)


def _balanced(specifications: pd.DataFrame, study: Study) -> str:
    """Say how many matchings of the primary block balanced every baseline covariate, with their median."""
    block = primary_block(headline(specifications, study), study)
    gate = strictest_gate(study)
    judged = [name for name in estimators_present(block) if _judged(block, name, gate)]
    if not judged:
        return "No analysis here balances the arms; models adjust for their differences"
    name = "matched" if "matched" in judged else judged[0]
    rows = block[block["estimator"] == name]
    words = measure_words(study)
    through, every = (summarise(found, words.measure) for found in (passing(rows, gate=gate), rows))
    limit = f"{min(study.analysis.balance_thresholds):g} SD"
    what = f"{ANALYSES[name]} analys{'is' if len(rows) == 1 else 'es'} balanced every baseline covariate"
    if not through.attempted:
        return f"None of {len(rows):,} {what} within {limit}{_median(every, words)}"
    if through.attempted == len(rows):
        return f"All {len(rows):,} {what} within {limit}{_median(every, words)}"
    known = through.estimated and not every.selected
    medians = f" ({words.median(through, named=True)}, of all {words.told(every.median)})" if known else ""
    return f"{through.attempted:,} of {len(rows):,} {what} within {limit}{medians}"


def _judged(block: pd.DataFrame, name: str, gate: str) -> bool:
    rows = block[block["estimator"] == name]
    return name in GATED and gate in rows and bool(rows[gate].notna().any())


def _median(summary: Summary, words: MeasureWords) -> str:
    return f" ({text})" if (text := words.median(summary, named=True)) else ""


def _held(primary: pd.DataFrame, study: Study) -> str:
    """Say the difference of the restricted means, and whether the hazard ratio is the same over time."""
    parts = []
    row = restricted_mean(primary, study)
    if row is not None:
        horizon = with_unit(study.analysis.rmst_horizon, study.time.unit)
        difference, least, most, unit = mean_difference(row, study)
        parts.append(
            f"Within {horizon} mean survival differs by {difference} {unit} "
            f"({percent(study)} CI {least} to {most})"
        )
    tests = primary[
        (primary["analysis"] == "interaction")
        & (primary["population"] == study.primary_population)
        & (primary["landmark"] == 0)
        & (primary["estimator"] == "unadjusted")
    ]
    values = [float(p) for p in tests["p_value"] if is_number(p)]
    if values:
        factors = f"{len(values)} factors" if len(values) > 1 else "one factor"
        parts.append(
            f"the smallest interaction P of {factors} is {p_phrase(min(values)).removeprefix('P = ')}"
        )
    text = "; ".join(parts)
    return text[0].upper() + text[1:] if text else "Nothing could be estimated over time or within strata"


def _reproduced(score: pd.DataFrame) -> str:
    """Say how many published numbers come back within the rounding of the print."""
    if score.empty:
        return ""
    row = score[score["kind"] == "all"].to_dict("records")[0]
    rest = row["numbers"] - row["set_aside"]
    aside = f"; {row['set_aside']} contradict others in the paper" if row["set_aside"] else ""
    return (
        f"{row['within_rounding_of_rest']} of {rest} published numbers come back within rounding, "
        f"{row['near_of_rest']} nearly{aside}"
    )


def _patients(flow: pd.DataFrame, primary: pd.DataFrame, study: Study) -> str:
    """Say what the arms differ in most before anything is done about it."""
    rows = primary[
        (primary["analysis"] == "balance")
        & (primary["statistic"] == "smd")
        & (primary["estimator"] == "unadjusted")
        & (primary["population"] == study.primary_population)
        & (primary["landmark"] == 0)
        & primary["estimate"].notna()
    ]
    if rows.empty:
        return "Who was studied"
    covariates = rows[[name in study.covariates for name in rows["variable"]]]
    if covariates.empty:
        return "Who was studied"
    row = covariates.loc[covariates["estimate"].abs().idxmax()]
    label = in_sentence(study.covariates[row["variable"]].label)
    return (
        f"Before matching the arms differ most in {label}, by "
        f"{format_ratio(abs(float(row['estimate'])))} standard deviations"
    )


def _audited(specifications: pd.DataFrame, cross_checks: pd.DataFrame, study: Study) -> str:
    """Say how much was estimated, and whether other libraries agree."""
    done, count = len(estimated(specifications)), len(specifications)
    text = f"{done:,} of {count:,} analyses have an estimate"
    text += f" ({grid_words(study)})" if study.sampled else ""
    judged = cross_checks[cross_checks["agrees"].notna()] if len(cross_checks) else cross_checks
    if judged.empty:
        return text
    agreeing = int(judged["agrees"].astype(bool).sum())
    return f"{text}; {agreeing} of {len(judged)} cross-checks with other libraries agree"
