"""The plain-language reading of the study, made from its numbers."""

import math
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.inference.joint_summary import median_estimate, primary_tests
from survival_multiverse.inference.specification_summary import (
    GATE,
    Summary,
    estimated,
    estimators_present,
    headline,
    middle,
    of_set,
    other_sets,
    passing,
    primary_block,
    primary_options,
    strictest_gate,
    summarise,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_p, format_ratio, p_phrase
from survival_multiverse.report.words.decisions import NOUNS, apart
from survival_multiverse.report.words.labels import (
    arm_labels,
    at_arm,
    describe_specification,
    in_sentence,
    joined,
    named_arms,
    option_words,
    with_more,
)
from survival_multiverse.report.words.measures import MeasureWords, measure_words
from survival_multiverse.report.words.table_cells import is_number
from survival_multiverse.scenario.cautions import cautions
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import Estimator
from survival_multiverse.settings.study import NON_EQUIVALENT, Decision, Study

ORIGIN = {
    "simulated": (
        "Simulated patients",
        "not a clinical finding",
        "Patients are simulated; nothing here is a clinical finding. "
        "The page shows what the study would report, not what is true of any treatment.",
    ),
    "reconstructed": (
        "Reconstructed patients",
        "not a clinical finding",
        "Patients are reconstructed from published aggregates; none is a person. Nothing here is a clinical "
        "finding. Only the published cutoffs are informed by data. Other cutoffs follow from an assumption "
        "about values within each published category. What agrees with the publication was fitted to it. "
        "No P value here is inference about patients.",
    ),
    "dataset": (
        "Public example data",
        "associations, not effects proven",
        "Patients come from a public data set, used here as a worked example. The exposure was not "
        "randomised: associations are described, not effects proven.",
    ),
    "file": (
        "A cohort from a file",
        "associations, not effects proven",
        "Patients come from a cohort file of the study’s owner. The exposure was not randomised: "
        "associations are described, not effects proven. Nothing adjusts for confounders that were not "
        "measured.",
    ),
}

ANALYSES = {str(estimator): estimator.adjective for estimator in Estimator}
FITTED = (
    "These patients were fitted to published numbers, so no P value here is inference about patients. The "
    "section shows how the test works. "
)
NULLS = {
    "permutation": "With {exposure} permuted among similar patients",
    "simulation": "With survival simulated from the covariates",
}


def origin(study: Study) -> tuple[str, str, str]:
    """Return where the patients come from: a heading, what follows of it in short, and the text."""
    return ORIGIN.get(study.source, ORIGIN["file"])


def readings(specifications: pd.DataFrame, study: Study) -> list[tuple[str, str]]:
    """Return the name and reading of each estimator: primary population, no landmark.

    The primary options are read out. Every option of a decision between questions estimates something else,
    so of the others only the medians are set side by side.
    """
    everything = headline(specifications, study)
    rows = of_set(everything, study.primary_set)
    found = []
    for name in estimators_present(rows):
        here = rows[rows["estimator"] == name]
        parts = [reading(primary_block(here, study), study)]
        if name == "matched":
            parts.append(_focal(here, study))
        parts.append(_other_blocks(here, study))
        parts.append(beside(everything[everything["estimator"] == name], study))
        found.append((ESTIMATOR_LABELS[name], " ".join(part for part in parts if part)))
    return found


def beside(rows: pd.DataFrame, study: Study) -> str:
    """Say what the other adjustment sets give at the primary options; sets are never pooled."""
    here, words = primary_options(rows, study), measure_words(study)
    sentences = []
    for name in other_sets(study):
        summary = summarise(here[here["adjustment_set"] == name], words.measure)
        if not summary.attempted:
            continue
        entry = study.adjustment_sets[name]
        found = f"{_analyses(summary.attempted)} gave no {words.given.partition(' ')[2]}"
        if summary.estimated == 1:
            found = f"the {words.name} is {words.told(summary.lowest['estimate'])}"
        elif summary.selected:
            found = f"{summary.estimated:,} of {_analyses(summary.attempted)} gave {words.given}"
        elif summary.estimated:
            found = f"{summary.estimated:,} analyses have a median of {words.told(summary.median)}"
        sentences.append(f"Adjusted for “{entry.label}”, {found}.")
        if study.flags(entry.covariates):
            sentences.append("That set holds covariates known only after treatment began.")
    return " ".join(sentences)


def _focal(rows: pd.DataFrame, study: Study) -> str:
    """Say whom the matched analyses describe: how many were matched, and where the smaller arm changes."""
    here = primary_block(rows, study)
    shares = here["matched_share"].dropna()
    if shares.empty:
        return ""
    text = (
        f"A partner was found for {_percentages(shares)} of the smaller arm. The matched analyses describe "
        "those patients, not all."
    )
    decision = study.decision_of("dose")
    known = rows.dropna(subset=["focal_arm"])
    if decision is None or named_arms(study):
        return f"{text} {_smaller_arm({int(arm) for arm in primary_block(known, study)['focal_arm']}, study)}"
    arms = known.groupby(decision.name)["focal_arm"].agg(lambda arm: set(map(int, arm)))
    flips = [option_words(study, decision.name, dose) for dose, found in arms.items() if found != {1}]
    if not flips:
        return f"{text} At every cutoff the arm at or above it is the smaller one."
    others = " At other cutoffs it is the arm above." if len(flips) < len(arms) else ""
    return (
        f"{text} Partners are sought for the smaller arm. It is the arm below the cutoff in some or all "
        f"analyses at {in_sentence(study.dose.label)} {', '.join(flips)}.{others}"
    )


def _smaller_arm(found: set[int], study: Study) -> str:
    """Say which arm is the smaller one, of arms with names."""
    if len(found) > 1:
        return "Partners are sought for the smaller arm, which is not the same in all analyses."
    return f"Partners are sought for the smaller arm, {arm_labels(study)[found.pop()]}."


def _percentages(shares: pd.Series) -> str:
    low, high = (f"{100 * share:.0f}" for share in (shares.min(), shares.max()))
    return f"{low}%" if low == high else f"{low} to {high}%"


def _other_blocks(rows: pd.DataFrame, study: Study) -> str:
    """Return medians of every other question, side by side and not pooled; uncertain decisions ask none."""
    questions = [decision for decision in apart(study) if decision.type == NON_EQUIVALENT]
    names = [decision.name for decision in questions]
    usable = primary_options(estimated(rows), study, but=names)
    usable = usable.drop(primary_block(usable, study).index)
    if usable.empty:
        return ""
    words = measure_words(study)
    medians = usable.groupby(names, dropna=False)["estimate"].agg(middle, measure=words.measure)
    better = sum(words.agrees(value, longer=True) for value in medians)
    if len(medians) == 1:
        one = _other(questions, study, plural=False)
        return f"At the one other {one} the median is {words.told(medians.iloc[0])}."
    others = _other(questions, study, plural=True)
    return (
        f"The {len(medians):,} other {others} answer other questions. They have "
        f"medians from {words.text(medians.min())} to {words.told(medians.max())}; "
        f"{of_all(better, len(medians))} are {words.side(longer=True)}."
    )


def _other(questions: list[Decision], study: Study, *, plural: bool) -> str:
    """Return what other questions are: ``cutoffs of dose``, ``pairs of a threshold and a cutoff of dose``."""
    labels = [f"option of “{in_sentence(decision.label)}”" for decision in questions]
    for place, decision in enumerate(questions):
        if decision.varies in NOUNS:
            named = decision.varies == "dose" and plural
            of = f" of {in_sentence(study.dose.label)}" if named else ""
            labels[place] = f"{NOUNS[decision.varies]}{of}"
    if len(labels) == 1:
        noun, of, rest = labels[0].partition(" of ")
        return f"{noun}{'s' if plural else ''}{of}{rest}"
    kind = "pair" if len(labels) == 2 else "combination"
    if plural:
        return f"{kind}s of {joined([_article(label) for label in labels])}"
    return f"{kind} of {joined(labels)}"


def _article(noun: str) -> str:
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def joint_readings(joint: pd.DataFrame, study: Study) -> dict[str, str]:
    """Return a sentence on the joint test of each estimator at the primary options."""
    return {name: _tested_together(block, study) for name, block in primary_tests(joint, study).items()}


def _tested_together(block: dict[str, dict[str, Any]], study: Study) -> str:
    row = next(iter(block.values()))
    what = f"the {row['specifications']:,} {ANALYSES[row['estimator']]} analyses"
    if row["specifications"] == 1:
        what = f"the one {ANALYSES[row['estimator']]} analysis"
    if not is_number(row["median"]):
        if study.primary_measure.ratio:
            return f"Of {what} none gave a hazard ratio, so they could not be tested together."
        return f"Of {what} not all gave an estimate, so they could not be tested together."
    exposure = in_sentence(study.dose.label)
    nulls = " ".join(
        f"{words.format(exposure=exposure)}, the two-sided test gives "
        f"{_p_or_none(block[null], 'p_abs_median')}; one-sided, {towards(study)}, "
        f"{_p_or_none(block[null], 'p_median')}."
        for null, words in NULLS.items()
        if null in block
    )
    has, words = "has" if row["specifications"] == 1 else "have", measure_words(study)
    return (
        f"Tested together, {what} {has} a median {words.noun} of {words.told(median_estimate(row, study))}. "
        f"{nulls} {'Each test' if len(block) > 1 else 'The test'} takes {row['draws']:,} draws."
    )


def towards(study: Study) -> str:
    """Return the direction of the one-sided tests: ``towards longer survival``."""
    return f"towards {study.inference.predicted} survival"


def _p_or_none(row: dict[str, Any], name: str) -> str:
    if not is_number(row[name]):
        return "no P value"
    least = round(row[name] * (row["draws"] + 1)) <= 1
    return p_phrase(row[name]) + (" (the smallest possible)" if least else "")


def joint_null(joint: pd.DataFrame, study: Study) -> str:
    """Say what the joint tests test, and what their P values can be."""
    if joint.empty:
        return ""
    draws, exposure = int(joint["draws"].max()), in_sentence(study.dose.label)
    return (
        f"{FITTED if study.source == 'reconstructed' else ''}"
        f"The null hypothesis: {exposure} has no effect on survival. Data without an effect are drawn in two "
        f"ways. One permutes {exposure} among patients whose baseline covariates predict about the same "
        "value. The other simulates survival from the covariates of the adjustment set. The two-sided P is "
        f"the share of draws whose median lies at least as far from {measure_words(study).null}, "
        "in either direction. The observed "
        f"result counts as a draw. The one-sided P counts only draws as far {towards(study)} "
        f"{with_more(study)}. With {draws:,} draws none can be "
        f"below 1/{draws + 1:,} = {format_p(1 / (draws + 1))}. The two-sided test of the median is the "
        "primary one. No P value is corrected for the other tests. A "
        "small P says that the null model does not explain the numbers, not why. Confounding that was not "
        f"measured can cause it too. A large P does not show that there is no effect.{_beyond(study)}"
    )


def _beyond(study: Study) -> str:
    """Say what the simulated null of a set with post-treatment covariates is."""
    sets = []
    for entry in study.adjustment_sets.values():
        late = [
            in_sentence(study.covariates[name].label)
            for name in entry.covariates
            if name in study.covariates and study.covariates[name].role == "post_treatment"
        ]
        if late:
            sets.append(
                f" For “{entry.label}”, simulated survival means: no effect beyond {' and '.join(late)}."
            )
    return "".join(sets)


def reading(specifications: pd.DataFrame, study: Study) -> str:
    """Return sentences on the analyses of one estimator."""
    words = measure_words(study)
    summary = summarise(specifications, words.measure)
    sentences = [_counts(summary, words)]
    if summary.estimated == 1:
        low = summary.lowest
        limits = f"{words.text(low['ci_lower'])} to {words.text(low['ci_upper'])}"
        found = f"It is {words.told(low['estimate'])} ({percent(study)} CI {limits})"
        shaky = cautions(low["flags"])
        sentences.append(f"{found}. It rests on {' and '.join(shaky)}." if shaky else f"{found}.")
    elif summary.estimated:
        sentences += [_range(summary, study), _sides(summary, study)]
    gate = strictest_gate(study)
    # A model that adjusts for covariates balances nothing, so there is no gate to pass.
    if summary.estimated and gate in specifications and specifications[gate].notna().any():
        sentences.append(_gate(specifications, study))
    return " ".join(sentences)


def _counts(summary: Summary, words: MeasureWords) -> str:
    if summary.estimated == 0:
        return f"None of {_analyses(summary.attempted)} gave {words.given}."
    if summary.estimated == summary.attempted == 1:
        return f"The only analysis gave {words.given}."
    if summary.estimated == summary.attempted:
        return f"All {summary.attempted:,} analyses gave {words.given}."
    return (
        f"{summary.estimated:,} of {_analyses(summary.attempted)} gave {words.given}; "
        f"{summary.not_estimable:,} could not be estimated."
    )


def _range(summary: Summary, study: Study) -> str:
    low, high = summary.lowest, summary.highest
    # The options that all of them share need not be said again.
    settled = [name for name, decision in study.decisions.items() if len(decision.values) == 1]
    same = [name for name in study.outside if low[name] == high[name]]
    low, high = ({**row, **dict.fromkeys([*same, *settled])} for row in (low, high))
    exposed = f"{in_sentence(study.dose.label)} at or above the cutoff"
    exposed = arm_labels(study)[1] if named_arms(study) else exposed
    words = measure_words(study)
    means = f"fewer {study.terms.events}" if words.measure.ratio else "longer survival"
    median = f" The median is {words.told(summary.median)}." if not summary.selected else ""
    return (
        f"A {words.noun} {words.side(longer=True)} means {means} with {exposed}. "
        f"The lowest is {words.told(low['estimate'])} "
        f"({describe_specification(study, low)}). The highest is {words.told(high['estimate'])} "
        f"({describe_specification(study, high)}).{median}"
    )


def _sides(summary: Summary, study: Study) -> str:
    words = measure_words(study)
    longer = f"{of_all(summary.longer, summary.estimated)} lie {words.side(longer=True)}"
    shorter = f"{of_all(summary.shorter, summary.estimated)} lie {words.side(longer=False)}"
    interval = f"a {percent(study)} confidence interval that excludes {words.null}"
    again = "such an interval" if summary.longer else interval
    longer += excluding(summary.ci_longer, summary.longer, interval)
    longer = longer[0].upper() + longer[1:]
    return f"{longer}; {shorter}{excluding(summary.ci_shorter, summary.shorter, again)}."


def _gate(specifications: pd.DataFrame, study: Study) -> str:
    threshold = min(study.analysis.balance_thresholds)
    gate = f"{GATE}{threshold:g}"
    words = measure_words(study)
    through = summarise(passing(specifications, gate=gate), words.measure)
    rule = f"balanced every baseline covariate (|SMD| below {threshold:g})"
    if through.attempted == 0:
        return f"None {rule}, so none compares similar patients."
    text = f"{through.attempted:,} of {len(specifications):,} {rule}"
    if through.estimated == 0:
        return f"{text}, none of them with {words.given}."
    if through.estimated == 1:
        return f"{text}; the {words.noun} there is {words.told(through.lowest['estimate'])}."
    if through.selected:
        return f"{text}."
    low, high = (words.text(row["estimate"]) for row in (through.lowest, through.highest))
    return f"{text}; the median there is {words.told(through.median)} ({low} to {high})."


def _analyses(count: int) -> str:
    return f"{count:,} analys{'is' if count == 1 else 'es'}"


def percent(study: Study) -> str:
    """Return the confidence level: ``95%``."""
    return f"{100 * study.analysis.confidence_level:g}%"


def excluding(count: int, side: int, interval: str) -> str:
    """Say how many of those on one side have an interval there: ``, 3 of them with …``; nothing of nobody."""
    if side == 0:
        return ""
    share = "none" if count == 0 else "all" if count == side else f"{count:,}"
    return f", {share} of them with {interval}"


def of_all(part: int, whole: int) -> str:
    """Return ``3 of 4 (75%)``, or all or none of them."""
    if part in (0, whole):
        return f"{'none' if part == 0 else 'all'} of the {whole:,}"
    share = 100 * part / whole
    # Not "100%" if one disagrees, nor "0%" if one agrees.
    shown = "<1" if share < 1 else ">99" if share > 99 else f"{math.floor(share + 0.5)}"
    return f"{part:,} of {whole:,} ({shown}%)"


def hidden_bias(specifications: pd.DataFrame, study: Study) -> str:
    """Say the Rosenbaum bounds of the primary block's matched analyses; nothing if none was matched.

    `specifications` are those of the hazard ratio, whatever the primary measure is.
    """
    rows = estimated(primary_block(headline(specifications, study, estimator="matched"), study))
    rows = rows[rows["rosenbaum_direction"].notna()]
    if rows.empty:
        return ""
    sentences = [
        "Rosenbaum bounds use Prentice-Wilcoxon scores of the pairs. They assume that both members of a pair "
        "are censored alike."
    ]
    for direction, words in ((1, "longer"), (-1, "shorter")):
        sentences += _bounds_towards(rows, direction, words, study)
    return " ".join(sentences)


def _bounds_towards(rows: pd.DataFrame, direction: int, words: str, study: Study) -> list[str]:
    """Say what hidden bias would have to be in the analyses whose pairs support one direction."""
    here, high = rows[rows["rosenbaum_direction"] == direction], arm_labels(study)[1]
    if here.empty:
        return []
    bounds = here["rosenbaum_gamma"].dropna()
    median = format_ratio(middle(here["estimate"], RATIO))
    sign = np.count_nonzero(here["sign_test_gamma"].notna() & (here["sign_test_direction"] == direction))
    sentences = [
        f"In {len(here):,} of {len(rows):,} matched analyses the pairs speak for {words} survival "
        f"{at_arm(study, high)} (median hazard ratio {median}).",
        f"The one-sided P, if nothing is hidden, is 0.05 or less in {len(bounds):,} of them.",
        f"The sign test agrees in {sign:,}.",
    ]
    if bounds.empty:
        return [*sentences, "Chance alone can explain the difference within pairs."]
    least, most = format_ratio(bounds.min()), format_ratio(bounds.max())
    span = f"Γ = {least}" if least == most else f"Γ between {least} and {most}"
    return [
        *sentences,
        f"A hidden factor that multiplies the odds of {high} within a pair by {span} would take that away.",
    ]
