"""The answer first: a few sentences for each estimator at the primary options, and the same as a table."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from survival_multiverse.inference.attribution import REST, TIE_BREAK
from survival_multiverse.inference.joint_summary import NULL_LABELS, primary_tests
from survival_multiverse.inference.specification_summary import (
    Summary,
    estimated,
    estimators_present,
    headline,
    of_set,
    passing,
    pooled_options,
    primary_block,
    strictest_gate,
    summarise,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_p, format_ratio
from survival_multiverse.report.words.decisions import apart, pooled_words
from survival_multiverse.report.words.delayed_entry import unseen
from survival_multiverse.report.words.labels import arm_labels, decision_words, in_sentence
from survival_multiverse.report.words.measures import MeasureWords, measure_words
from survival_multiverse.report.words.narrative import (
    ANALYSES,
    beside,
    excluding,
    joint_readings,
    of_all,
    percent,
    towards,
)
from survival_multiverse.report.words.table_cells import GAP, set_label, share_text
from survival_multiverse.scenario.cautions import marked
from survival_multiverse.settings.study import UNCERTAIN, Study

SILENT = {
    "simulated": "The patients are simulated, so these numbers hold no answer about real patients.",
    "reconstructed": (
        "The patients were reconstructed from published statistics. With the published pairs these numbers "
        "are reproduced by construction. Other cutoffs follow from an assumption about values within each "
        "published category."
    ),
}
TOGETHER = "only together"
"""Stands for what choices explain only together."""
TOGETHER_WORDS = "choices that act only together"
UNTESTED = "They were not tested together: the settings name other estimators for that."
ALONE = "One analysis: nothing to test together."
ASSUMED = (
    "Other cutoffs follow from an assumption about values within each published category. No P value over "
    "all of them is given here."
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What one estimator says at the primary options: its name, its paragraphs, and a row of the table."""

    name: str
    sentences: tuple[str, ...]
    row: dict[str, str]


def answers(
    specifications: pd.DataFrame, study: Study, joint: pd.DataFrame, attribution: pd.DataFrame
) -> list[Answer]:
    """Return one answer per estimator of the primary population and options, no landmark."""
    everything = headline(specifications, study)
    rows = primary_block(everything, study)
    tested = joint_readings(joint, study)
    blocks = primary_tests(joint, study)
    found = []
    for name in estimators_present(rows):
        here = rows[rows["estimator"] == name]
        shares = first_order(attribution, study, name)
        together = _cell(here, name, study) if is_fitted(study) else tested.get(name, UNTESTED)
        own = everything[everything["estimator"] == name]
        others, pooled = beside(own, study), pooled_words(of_set(own, study.primary_set), study)
        moves = _moves(shares, here, study) if len(here) > 1 else ""
        together = together if len(here) > 1 else ALONE
        sentences = (_favour(here, name, study), pooled, together, f"{moves} {others}".strip())
        last = (
            _printed_cells(here, name, study)
            if is_fitted(study)
            else _joint_cells(blocks.get(name, {}), study)
        )
        row = _row(name, here, study) | _pooled(own, study) | last | _most(shares, here, study)
        found.append(Answer(ESTIMATOR_LABELS[name], tuple(filter(None, sentences)), row))
    return found


def answer_table(found: list[Answer]) -> pd.DataFrame:
    """Return the answers as a small table."""
    return pd.DataFrame([answer.row for answer in found])


def is_fitted(study: Study) -> bool:
    """Return whether the patients were fitted to published numbers, so that nothing here is inference."""
    return study.source == "reconstructed"


def silence(study: Study) -> str:
    """Say what the evidence can't say, whatever the numbers are."""
    text = (
        f"What the evidence can’t say: whether {in_sentence(study.dose.label)} made a difference, or "
        "something not measured that decided who received it."
    )
    return " ".join(filter(None, (text, unseen(study), SILENT.get(study.source, ""))))


def first_order(attribution: pd.DataFrame, study: Study, estimator: str) -> dict[str, float]:
    """Return each term's share of the primary block's spread, largest first; empty if there is none."""
    here = attribution[
        (attribution["scope"] == "block")
        & (attribution["gate"] == "all")
        & (attribution["estimator"] == estimator)
        & attribution["share"].notna()
    ]
    ordered = primary_block(headline(here, study), study).sort_values("share", ascending=False, kind="stable")
    return dict(zip(ordered["term"], ordered["share"], strict=True))


def terms_of_grid(attribution: pd.DataFrame, study: Study, estimator: str) -> pd.DataFrame:
    """Return the terms over all analyses of an estimator."""
    return attribution[
        (attribution["scope"] == "multiverse")
        & (attribution["gate"] == "all")
        & (attribution["population"] == study.primary_population)
        & (attribution["landmark"] == 0)
        & (attribution["estimator"] == estimator)
        & attribution["share"].notna()
    ]


def whole_grid(attribution: pd.DataFrame, study: Study, estimator: str) -> dict[str, float]:
    """Return each decision's share of the spread over all analyses of an estimator, largest first.

    Under `TOGETHER` stands what decisions explain only together; empty where there is no spread.
    """
    here = terms_of_grid(attribution, study, estimator)
    together = (here["order"] > 1) | (here["term"] == REST)
    found = dict(zip(here.loc[~together, "term"], here.loc[~together, "share"], strict=True))
    if together.any():
        found[TOGETHER] = float(here.loc[together, "share"].sum())
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def term_label(study: Study, term: str) -> str:
    """Return the label of a choice, or of choices together, as readers know them."""
    names = {name: decision.label for name, decision in study.decisions.items()}
    names |= {"adjustment_set": "Covariates", TIE_BREAK: "Order of equal scores"}
    names |= dict.fromkeys((TOGETHER, REST), "Only together")
    return " × ".join(names[part] for part in term.split(" x "))


def _favour(rows: pd.DataFrame, name: str, study: Study) -> str:
    words = measure_words(study)
    summary = summarise(rows, words.measure)
    low, high = arm_labels(study)
    what = f"{summary.attempted:,} {ANALYSES[name]} analys{'is' if summary.attempted == 1 else 'es'}"
    compares = f"compare{'s' if summary.attempted == 1 else ''} {high} with {low}"
    opening = f"{what}{_adjusted(name, study)} {compares}"
    if not summary.estimated:
        return f"{opening}; none gave {words.given}."
    some = "" if summary.estimated == summary.attempted else f"; {summary.estimated:,} gave {words.given}"
    limits = f"a {percent(study)} confidence interval {words.side(longer=True)}"
    published = _published(name, study)
    if summary.estimated == 1:
        low_end, high_end = (words.text(summary.lowest[name]) for name in ("ci_lower", "ci_upper"))
        found = f"the {words.name} is {words.told(summary.lowest['estimate'])}"
        found += f" ({percent(study)} CI {low_end} to {high_end})"
        return f"{opening}{some}: {found}.{published} {_like(rows, study)}".strip()
    better = f"{of_all(summary.longer, summary.estimated)} found longer survival"
    better += f" ({words.noun} {words.side(longer=True)})"
    median = "The rest is selected, so no median is given."
    if not summary.selected:
        median = f"The median is {words.told(summary.median)}."
    return (
        f"{opening}{some}: {better}{excluding(summary.ci_longer, summary.longer, limits)}. "
        f"{median}{published} {_like(rows, study)}"
    ).strip()


def _adjusted(name: str, study: Study) -> str:
    """Say which covariates the primary block holds."""
    entry = study.adjustment_sets.get(study.primary_set)
    return f", adjusted for “{entry.label}”," if entry and name != "unadjusted" else ""


def _published(name: str, study: Study) -> str:
    found = study.published_estimates.get(name)
    return f" Published was {format_ratio(found)}." if found and not is_fitted(study) else ""


def _like(rows: pd.DataFrame, study: Study) -> str:
    """Say whether the arms are balanced, and what the balanced analyses say; nothing if none is judged."""
    through = _through_gate(rows, study)
    if through is None:
        return ""
    limit = f"all standardised differences below {min(study.analysis.balance_thresholds):g}"
    if not through.attempted:
        few = "It did not balance" if len(rows) == 1 else f"None of the {len(rows):,} balanced"
        return (
            f"{few} every baseline covariate ({limit}). The arms compared differ, whatever the "
            f"{measure_words(study).noun}."
        )
    if len(rows) == 1:
        return f"It balanced every baseline covariate ({limit})."
    count = "All" if through.attempted == len(rows) else f"Only {through.attempted:,} of the {len(rows):,}"
    words = measure_words(study)
    whose = f"Its {words.noun}" if through.attempted == 1 else "Their median"
    known = through.estimated and not through.selected
    found = f" {whose} is {words.told(through.median)}." if known else ""
    return f"{count} balanced every baseline covariate ({limit}).{found}"


def _through_gate(rows: pd.DataFrame, study: Study) -> Summary | None:
    gate = strictest_gate(study)
    judged = gate in rows and rows[gate].notna().any()
    return summarise(passing(rows, gate=gate), study.primary_measure) if judged else None


def _cell(rows: pd.DataFrame, name: str, study: Study) -> str:
    """Describe the published cutoffs instead of a joint test: what was fitted to a print can’t be tested."""
    cells = [f"{text} ({in_sentence(label)})" for label, text in _primary_estimates(rows, study).items()]
    if not cells:
        return f"Nothing could be estimated at the published cutoffs. {ASSUMED}"
    ratio = study.published_estimates.get(name)
    whose = "the paper’s own pairs and model" if name == "matched" else "the paper’s own model"
    printed = f" There {whose} gave {format_ratio(ratio)}." if ratio else ""
    return f"At the published cutoffs they give {' and '.join(cells)}.{printed} {ASSUMED}"


def _primary_estimates(rows: pd.DataFrame, study: Study) -> dict[str, str]:
    """Return the estimate of the primary scenario by adjustment set."""
    primary = estimated(rows[rows["is_primary"].astype(bool)])
    sets = [name if isinstance(name, str) else None for name in primary["adjustment_set"]]
    labels = [set_label(study, name) if name else "unadjusted" for name in sets]
    texts = map(marked, map(measure_words(study).told, primary["estimate"]), primary["flags"])
    return dict(zip(labels, texts, strict=True))


def _moves(shares: dict[str, float], rows: pd.DataFrame, study: Study) -> str:
    if summarise(rows, study.primary_measure).estimated < 2 or not shares:
        return "Too few estimates to say which choice moves it."
    term, share = next(iter(shares.items()))
    words = " together with ".join(_choice(study, part) for part in term.split(" x "))
    together = sum(value for name, value in shares.items() if " x " in name or name == REST)
    shown = together >= 0.005 and term != REST
    spread = measure_words(study).spread
    return f"What moves it most is {words}: {share_text(share)} of the spread of the {spread}" + (
        f"; {share_text(together)} comes from interactions between choices." if shown else "."
    )


def _choice(study: Study, term: str) -> str:
    if term == TIE_BREAK:
        return "the order in which patients of equal score are matched"
    return TOGETHER_WORDS if term == REST else decision_words(study, term)


def _row(name: str, rows: pd.DataFrame, study: Study) -> dict[str, str]:
    words, through = measure_words(study), _through_gate(rows, study)
    summary = summarise(rows, words.measure)
    below, above = (summary.ci_longer, summary.ci_shorter)[:: -int(words.measure.longer)]
    noun = f"{words.noun[0].upper()}{words.noun[1:]}"
    own, unit = words.short, f", {words.unit}" if words.unit else ""
    return {
        "Estimator": ESTIMATOR_LABELS[name],
        "Analyses": f"{summary.estimated:,} of {summary.attempted:,}",
        f"{noun} {words.side(longer=True)}": f"{summary.longer:,} of {summary.estimated:,}",
        f"CI excludes {words.null}": f"{below:,} below, {above:,} above",
        f"Median {own}{unit} (range)": _span(summary, words),
        "Balanced": GAP if through is None else f"{through.attempted:,} of {len(rows):,}",
        f"Their median {own}{unit} (range)": GAP if through is None else _span(through, words, none="none"),
    }


def _span(summary: Summary, words: MeasureWords, none: str = GAP) -> str:
    if not summary.estimated:
        return none
    if summary.selected:
        return GAP
    low, high = (words.text(row["estimate"]) for row in (summary.lowest, summary.highest))
    return f"{words.text(summary.median)} ({low} to {high})"


def _pooled(rows: pd.DataFrame, study: Study) -> dict[str, str]:
    """Return the median over the options of the uncertain decisions, if there are any."""
    if not any(decision.type == UNCERTAIN for decision in apart(study)):
        return {}
    words, pooled = measure_words(study), pooled_options(of_set(rows, study.primary_set), study)
    unit = f", {words.unit}" if words.unit else ""
    return {f"Pooled median {words.short}{unit} (range)": _span(summarise(pooled, words.measure), words)}


def _printed_cells(rows: pd.DataFrame, name: str, study: Study) -> dict[str, str]:
    ratio = study.published_estimates.get(name)
    return {
        "Primary scenario": ", ".join(_primary_estimates(rows, study).values()) or GAP,
        "Published": format_ratio(ratio) if ratio else GAP,
    }


def _joint_cells(test: dict[str, dict[str, Any]], study: Study) -> dict[str, str]:
    return {
        f"{sides}, {label}": format_p(test[null][name]) if null in test else "not tested"
        for sides, name in (
            ("Joint two-sided P", "p_abs_median"),
            (f"One-sided P {towards(study)}", "p_median"),
        )
        for null, label in NULL_LABELS.items()
    }


def _most(shares: dict[str, float], rows: pd.DataFrame, study: Study) -> dict[str, str]:
    most = next(iter(shares.items()), None) if summarise(rows, study.primary_measure).estimated > 1 else None
    return {"Moves it most": f"{term_label(study, most[0])} ({share_text(most[1])})" if most else GAP}
