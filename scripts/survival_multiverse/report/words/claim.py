"""The first words of the page: one claim made of the numbers, and what speaks for it and against it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from survival_multiverse.inference.joint_summary import primary_tests
from survival_multiverse.inference.specification_summary import (
    Summary,
    estimated,
    estimators_present,
    headline,
    of_set,
    passing,
    primary_block,
    primary_options,
    strictest_gate,
    summarise,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, display_unit, format_ratio, p_phrase
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.words.immortal_time import credited_ratios, treatment_caution
from survival_multiverse.report.words.labels import arm_labels, of_arm, with_unit
from survival_multiverse.report.words.measures import MeasureWords, measure_words, ratio_words
from survival_multiverse.report.words.narrative import ANALYSES, percent
from survival_multiverse.report.words.table_cells import is_number
from survival_multiverse.settings.measures import RMST_DIFFERENCE
from survival_multiverse.settings.study import Study

LONGEST = 30
"""Words of the claim at most."""
SHOWN = 3
"""Entries of each list at most."""
NAMED = 3
"""Other cutoffs that are named one by one."""
WORDS = {True: "longer", False: "shorter"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """One finding beside the claim: whether it speaks for it, and how soon a reader should hear of it."""

    supports: bool
    rank: int
    text: str


def claim(specifications: pd.DataFrame, study: Study, immortal_time: pd.DataFrame | None = None) -> str:
    """Say in one sentence what holds at the primary options, and where it stops.

    It stops at another cutoff, or once the time before treatment is no longer credited to it.

    Parameters
    ----------
    specifications
        The table of that name, of the primary measure.
    study
        Names what is compared.
    immortal_time
        The table of that name, where times of treatment are known.

    Returns
    -------
    str
        At most `LONGEST` words, if the names of the study allow it.
    """
    others = strips(specifications, study)
    primary = others.pop(study.primary_cutoffs.dose, {})
    holds, longer = _at_primary(primary, study)
    if not primary and _selected_alone(specifications, study):
        holds = "not all analyses could be estimated, and the others are a selected rest"
    elif not primary and _unadjusted_alone(specifications, study):
        holds = "nothing could be estimated that adjusts for covariates"
    stops, high = _elsewhere(others, primary, longer, study), arm_labels(study)[1]
    credited = credited_ratios(immortal_time, study) if longer else None
    if credited:
        stops = f"; counted from its start, the hazard ratio is {format_ratio(credited[1])}"
    sentences = [f"{opening} {holds}{stops}." for opening in (f"With {of_arm(study, high)}", f"With {high}")]
    return next((text for text in sentences if len(text.split()) <= LONGEST), sentences[-1])


def _unadjusted_alone(specifications: pd.DataFrame, study: Study) -> bool:
    """Say whether the primary cutoff has an unadjusted estimate, where it has no other."""
    here = dict(by_cutoff(hero_rows(specifications, study), study)).get(study.primary_cutoffs.dose)
    return here is not None and len(estimated(here[here["estimator"] == "unadjusted"])) > 0


def _selected_alone(specifications: pd.DataFrame, study: Study) -> bool:
    """Say whether the primary cutoff has adjusted estimates, but only selected rests of them."""
    here = dict(by_cutoff(hero_rows(specifications, study), study)).get(study.primary_cutoffs.dose)
    if here is None:
        return False
    adjusted = here[here["estimator"] != "unadjusted"]
    return len(estimated(adjusted)) > 0 and study.primary_measure.leaves_selected_rest(adjusted["status"])


def strips(specifications: pd.DataFrame, study: Study) -> dict[float, dict[str, Summary]]:
    """Return the summary of each estimator by exposure cutoff: primary options, population and covariates.

    What is not adjusted for anything stands aside where something is, and an estimator whose estimates are a
    selected rest everywhere. Without cutoffs that are shown apart
    all analyses stand under the primary one.
    """
    rows = hero_rows(specifications, study)
    names = estimators_present(rows)
    kept = [name for name in names if name != "unadjusted"] or names
    return {
        cutoff: {
            name: summary
            for name in kept
            if (summary := summarise(here[here["estimator"] == name], study.primary_measure)).estimated
            and not summary.selected
        }
        for cutoff, here in by_cutoff(rows, study)
    }


def by_cutoff(rows: pd.DataFrame, study: Study) -> Iterator[tuple[float, pd.DataFrame]]:
    """Yield each exposure cutoff that is shown apart, with its rows; the primary one where none is."""
    decision = study.decision_of("dose")
    if decision is None or decision.name not in study.outside:
        yield study.primary_cutoffs.dose, rows
        return
    for cutoff, here in rows.groupby(decision.name, sort=True):
        yield float(cutoff), here


def hero_rows(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the analyses of the primary options, population and covariates, at every exposure cutoff."""
    rows = of_set(headline(specifications, study), study.primary_set)
    decision = study.decision_of("dose")
    return primary_options(rows, study, but=[decision.name] if decision else [])


def _at_primary(primary: dict[str, Summary], study: Study) -> tuple[str, bool | None]:
    """Say what the estimators find, and whether all find longer survival; None if they do not agree."""
    if not primary:
        return "nothing could be estimated", None
    words = measure_words(study)
    medians = [summary.median for summary in primary.values()]
    what = f"median hazard ratio{'s' if len(medians) > 1 else ''}" if words.measure.ratio else words.brief
    found = f"({what} {words.span(medians)})"
    who = (
        f"all {len(primary)}{'' if 'unadjusted' in primary else ' adjusted'} estimators find"
        if len(primary) > 1
        else f"{ANALYSES[next(iter(primary))]} analyses find"
    )
    longer = _agree(medians, words)
    if longer is None:
        return f"the estimators disagree on survival {found}", None
    beyond = any(_excluding(summary, longer) for summary in primary.values())
    silent = "" if beyond else f", but no interval excludes {words.null}"
    return f"{who} {WORDS[longer]} survival {found}{silent}", longer


def _elsewhere(
    others: dict[float, dict[str, Summary]], primary: dict[str, Summary], longer: bool | None, study: Study
) -> str:
    """Say at which other cutoffs it stops, by the gravest reason there is; or that it stops at none."""
    others, words = {cutoff: found for cutoff, found in others.items() if found}, measure_words(study)
    if longer is None or not others:
        return ""
    against = [c for c, found in others.items() if any(_excluding(s, not longer) for s in found.values())]
    silent = [c for c, found in others.items() if not any(_excluding(s, longer) for s in found.values())]
    turned = [
        c for c, found in others.items() if _agree([s.median for s in found.values()], words) is not longer
    ]
    if against:
        return f"; at {_cutoffs(against, others, study)} some intervals point the other way"
    if silent and any(_excluding(summary, longer) for summary in primary.values()):
        return f"; at {_cutoffs(silent, others, study)} no interval excludes {words.null}"
    if silent:
        return f"; nor does any at {_cutoffs(silent, others, study)}"
    if turned:
        return f"; at {_cutoffs(turned, others, study)} the estimators disagree"
    medians = [summary.median for found in others.values() for summary in found.values()]
    which = "the other cutoff" if len(others) == 1 else "every other cutoff"
    which += " that was drawn" if study.sampled else ""
    return f"; {which} agrees ({words.span(medians)})"


def _agree(medians: list[float], words: MeasureWords) -> bool | None:
    for longer in (True, False):
        if all(words.agrees(value, longer=longer) for value in medians):
            return longer
    return None


def _excluding(summary: Summary, longer: bool) -> int:
    return summary.ci_longer if longer else summary.ci_shorter


def _cutoffs(chosen: list[float], others: dict[float, dict[str, Summary]], study: Study) -> str:
    if len(chosen) == len(others) > NAMED:
        return f"all {len(others)} other cutoffs"
    if len(chosen) > NAMED:
        return f"{len(chosen)} of {len(others)} other cutoffs"
    *most, last = [with_unit(value, "") for value in chosen]
    text = f"{', '.join(most)} and {last}" if most else last
    return with_unit_text(text, study.dose.unit)


def with_unit_text(text: str, unit: str) -> str:
    """Return numbers in words with the unit of all of them."""
    return f"{text} {with_unit(0, unit).partition(' ')[2]}".strip()


def evidence(
    specifications: pd.DataFrame,
    primary: pd.DataFrame,
    joint: pd.DataFrame,
    study: Study,
    immortal_time: pd.DataFrame | None = None,
) -> tuple[list[str], list[str]]:
    """Return what speaks for the predicted effect and what against it, the weightiest first.

    Parameters
    ----------
    specifications, joint
        The tables of that name (``joint_inference``).
    primary
        All rows of the primary scenario.
    immortal_time
        The table of that name, where times of treatment are known.
    """
    found = sorted(_found(specifications, primary, joint, study), key=lambda item: item.rank)
    sides = ([item.text for item in found if item.supports is side][:SHOWN] for side in (True, False))
    supporting, opposing = sides
    return supporting, [*treatment_caution(immortal_time, study), *opposing][:SHOWN]


def _found(
    specifications: pd.DataFrame, primary: pd.DataFrame, joint: pd.DataFrame, study: Study
) -> Iterator[Evidence]:
    longer = study.inference.predicted == "longer"
    block = primary_block(headline(specifications, study), study)
    yield from _joint(joint, block, study)
    yield from _intervals(block, study, longer)
    yield from _balance(block, study)
    yield from _other_measure(primary, study, longer)
    yield from _within_pairs(primary, block, study, longer)
    yield from _cutoff_evidence(strips(specifications, study), study, longer)


def _joint(joint: pd.DataFrame, block: pd.DataFrame, study: Study) -> Iterator[Evidence]:
    """Both null models, of the matched analyses or the first estimator; of fitted patients they come last.

    The median is that of the analyses as the page shows them, in few digits.
    """
    tests = primary_tests(joint, study)
    name = "matched" if "matched" in tests else next(iter(tests), None)
    rank = 9 if study.source == "reconstructed" else 0
    words = {"permutation": "exposure permuted", "simulation": "survival drawn from covariates"}
    shown = summarise(block[block["estimator"] == name], study.primary_measure)
    for null, row in tests.get(name or "", {}).items():
        p = row["p_abs_median"]
        if is_number(p) and is_number(row["median"]):
            for_it = p < 1 - study.analysis.confidence_level and row["median"] > 0
            one = row["specifications"] == 1
            count = f"{row['specifications']:,} {ANALYSES[row['estimator']]} analys{'is' if one else 'es'}"
            median = measure_words(study).median(shown)
            count += f" ({median})" if median else ""
            fitted = " (fitted, so no inference)" if study.source == "reconstructed" else ""
            yield Evidence(for_it, rank, f"Joint test of {count}, {words[null]}: {p_phrase(p)}{fitted}.")


def _intervals(block: pd.DataFrame, study: Study, longer: bool) -> Iterator[Evidence]:
    """How many intervals exclude no difference, of the estimator with the most analyses."""
    names = [name for name in estimators_present(block) if name != "unadjusted"]
    found = {name: summarise(block[block["estimator"] == name], study.primary_measure) for name in names}
    found = {name: summary for name, summary in found.items() if summary.estimated}
    if not found:
        return
    name = max(found, key=lambda key: found[key].estimated)
    summary = found[name]
    count = _excluding(summary, longer)
    words = measure_words(study)
    side = words.side(longer=longer)
    text = (
        f"{count:,} of {summary.estimated:,} {ANALYSES[name]} analyses have a {percent(study)} interval "
        f"{side} ({words.median(summary)})."
    )
    if summary.estimated == 1:
        has = "has a" if count else "has no"
        text = f"The one {ANALYSES[name]} analysis {has} {percent(study)} interval {side}"
        text += f" ({words.brief} {words.told(summary.median)})."
    yield Evidence(2 * count > summary.estimated, 1, text)


def _balance(block: pd.DataFrame, study: Study) -> Iterator[Evidence]:
    rows, gate = block[block["estimator"] == "matched"], strictest_gate(study)
    if rows.empty or gate not in rows or not rows[gate].notna().any():
        return
    through = summarise(passing(rows, gate=gate), study.primary_measure)
    limit = f"{min(study.analysis.balance_thresholds):g}"
    median = measure_words(study).median(through)
    told = f" ({median})" if median else ""
    count = f"{through.attempted:,} of {len(rows):,}" if through.attempted else f"None of {len(rows):,}"
    did = f"{count} matchings balanced"
    if len(rows) == 1:
        did = f"The one matching {'balanced' if through.attempted else 'did not balance'}"
    yield Evidence(
        2 * through.attempted > len(rows),
        2,
        f"{did} every baseline covariate, all differences below {limit} SD{told}.",
    )


def _of_arms(primary: pd.DataFrame, study: Study, analysis: str) -> pd.DataFrame:
    """Return the rows of a test of the arms of the matched primary scenario, everybody, from the start."""
    return primary[
        (primary["analysis"] == analysis)
        & (primary["variable"] == "arm")
        & (primary["estimator"] == "matched")
        & (primary["population"] == study.primary_population)
        & (primary["adjustment_set"] == study.primary_set)
        & (primary["landmark"] == 0)
        & primary["subgroup"].isna()
    ]


def _other_measure(primary: pd.DataFrame, study: Study, longer: bool) -> Iterator[Evidence]:
    """Say what the primary scenario gives in another measure: the restricted mean, or the hazard ratio."""
    if study.primary_measure.kind == RMST_DIFFERENCE:
        yield from _ratio(primary, study, longer)
        return
    row = restricted_mean(primary, study)
    if row is None:
        return
    horizon = with_unit(study.analysis.rmst_horizon, study.time.unit)
    difference, least, most, unit = mean_difference(row, study)
    yield Evidence(
        bool(row["ci_lower"] > 0 if longer else row["ci_upper"] < 0),
        3,
        f"Mean survival within {horizon} differs by {difference} {unit} "
        f"({percent(study)} CI {least} to {most}).",
    )


def _ratio(primary: pd.DataFrame, study: Study, longer: bool) -> Iterator[Evidence]:
    """Say the hazard ratio of the matched primary scenario."""
    words, rows = ratio_words(study), _of_arms(primary, study, "tie_break")
    for row in rows[(rows["statistic"] == "hazard_ratio") & (rows["ties"] == "efron")].to_dict("records"):
        limits = row["ci_lower"], row["ci_upper"]
        if all(map(is_number, (row["estimate"], *limits))):
            yield Evidence(
                all(words.agrees(limit, longer=longer) for limit in limits),
                3,
                f"The {words.name} of the primary scenario is {words.text(row['estimate'])} "
                f"({percent(study)} CI {' to '.join(map(words.text, limits))}).",
            )


def restricted_mean(primary: pd.DataFrame, study: Study) -> dict[str, Any] | None:
    """Return the row of the difference of restricted means of the matched primary scenario, if known."""
    rows = _of_arms(primary, study, "rmst")
    for row in rows[rows["statistic"] == "restricted_mean_difference"].to_dict("records"):
        if all(map(is_number, (row["estimate"], row["ci_lower"], row["ci_upper"]))):
            return row
    return None


def mean_difference(row: dict[str, Any], study: Study) -> tuple[str, str, str, str]:
    """Return a difference of means and its limits as text, and the unit of time."""
    values = (row["estimate"], row["ci_lower"], row["ci_upper"])
    digits = 1 if max(map(abs, values[1:])) >= 1 else 2
    difference, least, most = (f"{value:.{digits}f}".replace("-", "−") for value in values)
    return difference, least, most, display_unit(study.time.unit)


def _within_pairs(
    primary: pd.DataFrame, block: pd.DataFrame, study: Study, longer: bool
) -> Iterator[Evidence]:
    rows = _of_arms(primary, study, "log_rank")
    rows = rows[(rows["model"] == "pair_stratified") & (rows["statistic"] == "chi_square")]
    here = estimated(block[(block["estimator"] == "matched") & block["is_primary"].astype(bool)])
    for p in rows["p_value"]:
        if is_number(p) and len(here):
            agrees = measure_words(study).agrees(float(here["estimate"].iloc[0]), longer=longer)
            significant = p < 1 - study.analysis.confidence_level
            yield Evidence(
                bool(significant and agrees),
                4,
                f"The log-rank test within matched pairs gives {p_phrase(p)}.",
            )


def _cutoff_evidence(
    found_at: dict[float, dict[str, Summary]], study: Study, longer: bool
) -> Iterator[Evidence]:
    others = {c: found for c, found in found_at.items() if found and c != study.primary_cutoffs.dose}
    if not others:
        return
    silent = [c for c, found in others.items() if not any(_excluding(s, longer) for s in found.values())]
    words = measure_words(study)
    medians = [summary.median for found in others.values() for summary in found.values()]
    assumed = ". These cutoffs rest on an assumption" if study.source == "reconstructed" else ""
    more = f"{_partly(others, study, longer)}{assumed}."
    if silent:
        here = [summary.median for cutoff in silent for summary in others[cutoff].values()]
        text = f"At {_cutoffs(silent, others, study)} no interval lies {words.side(longer=longer)}"
        yield Evidence(False, 2, f"{text} (medians {words.span(here)}){more}")
    elif all(words.agrees(value, longer=longer) for value in medians):
        which = "the other" if len(others) == 1 else "every other"
        text = (
            f"At {which} cutoff ({_cutoffs(list(others), others, study)}) some intervals exclude {words.null}"
        )
        if len(others) > NAMED:
            text = f"At each of {len(others)} other cutoffs some intervals exclude {words.null}"
        yield Evidence(
            True, 2, f"{text} (medians {words.span(medians)}){_partly(others, study, longer)}{assumed}."
        )


def _partly(others: dict[float, dict[str, Summary]], study: Study, longer: bool) -> str:
    """Name the estimators with such an interval at the cutoffs where not all of them have one."""
    found: dict[tuple[str, ...], list[float]] = {}
    for cutoff, here in others.items():
        names = tuple(name for name, summary in here.items() if _excluding(summary, longer))
        if names and len(names) < len(here):
            found.setdefault(names, []).append(cutoff)
    parts = [
        f"at {_cutoffs(cutoffs, others, study)} only {' and '.join(ANALYSES[name] for name in names)} ones do"
        for names, cutoffs in found.items()
    ]
    return f"; {'; '.join(parts)}" if parts else ""


def hero_caption(study: Study) -> str:
    """Say how the first picture is read."""
    published = f", {PUBLISHED_NAME}: published" if study.published_estimates else ""
    words = measure_words(study)
    assumed = study.source == "reconstructed" and study.decision_of("dose") is not None
    hatched = " Hatched cutoffs rest on an assumption." if assumed else ""
    return (
        f"A dot is an analysis: its {percent(study)} interval lies {words.side(longer=True)} (blue), "
        f"{words.side(longer=False).split()[0]} (orange) or "
        f"includes it (grey). Line: median; diamond: primary scenario with interval{published}.{hatched}"
    )


def hero_alternative(specifications: pd.DataFrame, study: Study) -> str:
    """Describe the first picture: the median of each estimator at each cutoff."""
    shown, words = strips(specifications, study), measure_words(study)
    parts = [
        f"{arm_labels(study, dose_cutoff=cutoff)[1]}: "
        + ", ".join(f"{ESTIMATOR_LABELS[name]} {words.text(s.median)}" for name, s in found.items())
        for cutoff, found in shown.items()
        if found
    ]
    unit = f" ({words.unit})" if words.unit else ""
    title = f"Median {words.plural}{unit}{' by cutoff' if study.decision_of('dose') else ''}"
    return f"{title}. {'. '.join(parts)}." if parts else f"No {words.name} was estimated."
