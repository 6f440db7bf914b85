"""Charts of the grid with their words: curve, blocks, surface, caliper, ties, attribution."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from survival_multiverse.inference.attribution import TIE_BREAK
from survival_multiverse.inference.robustness import INNER
from survival_multiverse.inference.specification_summary import (
    direction,
    estimated,
    estimators_present,
    headline,
    middle_ratio,
    of_set,
    primary_block,
)
from survival_multiverse.paper.published_marks import LARGEST, NO_MARKS, SHARE
from survival_multiverse.report.charts.grid import attribution_spec, caliper_spec, surface_spec, ties_spec
from survival_multiverse.report.charts.page_data import axis_labels, choice_labels
from survival_multiverse.report.charts.specification import blocks_spec, curve_spec
from survival_multiverse.report.charts.theme import Spec, sides, values
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_ratio
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.style.ratio_axis import ratio_limits
from survival_multiverse.report.words.answer import TOGETHER, first_order, term_label, whole_grid
from survival_multiverse.report.words.captions import dagger
from survival_multiverse.report.words.labels import axis_value, in_sentence
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.narrative import reading as reading_of
from survival_multiverse.report.words.table_cells import share_text
from survival_multiverse.scenario.cautions import NOTE
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import AXES

LEAST = 0.005
"""A smaller share is not written out."""
DENSE = 5_000
"""With more analyses than this the small charts of the blocks leave the intervals out."""


@dataclass(frozen=True, slots=True)
class Chart:
    """A Vega-Lite specification with its title, caption, and the words read out instead of it.

    `least` is how narrow it may be, in pixels, where that hangs on what it shows.
    """

    name: str
    title: str
    text: str
    alternative: str
    spec: Spec
    least: int = 0
    reading: str = ""


def first_view(specifications: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Return the initial values of the page's controls: the primary block, nothing filtered out."""
    labels = axis_labels(study)
    present = estimators_present(headline(specifications))
    opening = "matched" if "matched" in present else next(iter(present), "matched")
    primary = {
        axis: labels[axis][study.axes[axis].values.index(value)] if value in study.axes[axis].values else ""
        for axis, value in zip(AXES, study.primary, strict=True)
    }
    sets = dict(zip(study.adjustment_sets, labels["adjustment_set"], strict=True))
    primary["adjustment_set"] = sets.get(study.primary_set, "")
    return {
        **{name: value for name, value in primary.items() if name not in INNER},
        "estimator": ESTIMATOR_LABELS[opening],
        "chosen": {**{name: labels[name] for name in INNER}, "gate": "all"},
    }


def grid_charts(
    specifications: pd.DataFrame,
    attribution: pd.DataFrame,
    study: Study,
    published: pd.DataFrame = NO_MARKS,
) -> dict[str, Chart]:
    """Return the charts that follow the page's controls, and what moves the answer.

    `published` is what `published_marks` gives.
    """
    rows = headline(specifications)
    limits = ratio_limits(rows)
    first = first_view(specifications, study)
    made = [
        _decisions(rows, attribution, study),
        _curve(rows, study, first, limits),
        _blocks(rows, study, first, limits),
        _surface(rows, study),
        _caliper(rows, study, first, limits, published),
        _ties(rows, study, first, limits),
        _attribution(rows, attribution, study),
    ]
    return {chart.name: chart for chart in made if chart is not None}


def _curve(rows: pd.DataFrame, study: Study, first: dict[str, Any], limits: tuple[float, float]) -> Chart:
    spec = curve_spec(study, first, choices=choice_labels(study), limits=limits, colour=_colour(rows, study))
    block = primary_block(rows, study)
    parts = [
        f"{ESTIMATOR_LABELS[name]}: {reading_of(block[block['estimator'] == name], study)}"
        for name in estimators_present(block)
    ]
    text = (
        f"Each line is an analysis with its {percent(study)} interval; beneath stand its patients, darker "
        "its events, and the choices behind it. Diamond: primary scenario. A click opens an analysis; "
        "dragging over choices keeps them."
    )
    reading = (
        f"One curve for one question: a population, a cutoff of {in_sentence(study.dose.label)}, a set of "
        "covariates and an estimator. What is chosen above changes the pictures of this chapter and no other."
    )
    reading += published_words(study) + dagger(study)
    return Chart("curve-chart", "Specification curve", text, " ".join(parts), spec, reading=reading)


def _colour(rows: pd.DataFrame, study: Study) -> Spec:
    """Colour by the side of 1, of those that some analysis of the grid has."""
    return sides(percent(study), set(direction(rows)))


def published_words(study: Study, estimators: Iterable[str] = ESTIMATOR_LABELS) -> str:
    """Explain the dashed lines of these estimators; empty if no hazard ratio was published."""
    ratios = [
        f"{ESTIMATOR_LABELS[name]} {format_ratio(study.published[name])}"
        for name in estimators
        if name in study.published
    ]
    if not ratios:
        return ""
    return (
        f" Dashed, at the primary cutoffs: published hazard ratios ({', '.join(ratios)}), "
        "of the paper’s own models."
    )


def _blocks(rows: pd.DataFrame, study: Study, first: dict[str, Any], limits: tuple[float, float]) -> Chart:
    dense = len(rows) > DENSE
    spec = blocks_spec(
        study, first, labels=axis_labels(study), limits=limits, colour=_colour(rows, study), dense=dense
    )
    usable = estimated(rows)
    usable = of_set(usable[usable["estimator"] == _opening(rows)], study.primary_set)
    medians = usable.groupby(["oligo_threshold", "dose_cutoff"])["hazard_ratio"].agg(middle_ratio)
    words = [
        f"{axis_value(study, 'oligo_threshold', threshold)} and {axis_value(study, 'dose_cutoff', dose)}: "
        f"median {format_ratio(value)}"
        for (threshold, dose), value in medians.items()
    ]
    text = (
        f"One small curve for each question. Down: the threshold of {in_sentence(study.lesions.label)}; "
        f"across: the cutoff of {in_sentence(study.dose.label)}. Each asks something else, so they are not "
        "pooled. A click shows its curve above."
    )
    return Chart(
        "blocks-chart", "All questions", text, "; ".join(words), spec, reading=published_words(study) + NOTE
    )


def _opening(rows: pd.DataFrame) -> str:
    present = estimators_present(rows)
    return "matched" if "matched" in present else next(iter(present), "matched")


def _surface(rows: pd.DataFrame, study: Study) -> Chart | None:
    matched = primary_block(rows[rows["estimator"] == "matched"], study)
    if matched.empty:
        return None
    text = (
        f"Matched hazard ratios by cutoff of {in_sentence(study.dose.label)} (across) and of "
        f"{in_sentence(study.gtv.label)} (up). Large: the primary caliper; small: the others. Bold: the "
        "interval excludes 1. Framed: primary scenario."
    )
    reading = f"A dash: not estimable. A click opens the analysis{_published_there(study)}." + dagger(study)
    threshold = axis_value(study, "oligo_threshold", study.primary.oligo_threshold)
    dose = axis_value(study, "dose_cutoff", study.primary.dose_cutoff)
    where = f"{threshold}, {in_sentence(study.dose.label)} {dose}"
    alternative = f"Maps of matched hazard ratios. With {where}: {reading_of(matched, study)}"
    labels = axis_labels(study)
    # So wide that the numbers in its cells have room.
    least = max(760, 150 + len(labels["oligo_threshold"]) * (8 + 40 * len(labels["dose_cutoff"])))
    values, calipers = study.axes["caliper"].values, labels["caliper"]
    primary = study.primary.caliper
    large = calipers[values.index(primary)] if primary in values else calipers[0]
    spec = surface_spec(study, labels, large)
    title = "Hazard ratio and P over the cutoffs"
    return Chart("surface-chart", title, text, alternative, spec, least, reading)


def _published_there(study: Study) -> str:
    ratio = study.published.get("matched")
    return f"; {PUBLISHED_NAME}: {format_ratio(ratio)} was published" if ratio else ""


def _caliper(
    rows: pd.DataFrame,
    study: Study,
    first: dict[str, Any],
    limits: tuple[float, float],
    published: pd.DataFrame,
) -> Chart | None:
    matched = estimated(primary_block(rows[rows["estimator"] == "matched"], study))
    if matched.empty:
        return None
    words = []
    for caliper, here in matched.groupby("caliper"):
        words.append(
            f"{axis_value(study, 'caliper', caliper)}: median largest SMD "
            f"{here['max_abs_smd_baseline'].median():.2f}, median matched share "
            f"{share_text(here['matched_share'].median())}"
        )
    text = (
        "Left: the largest standardised difference of the baseline covariates. Middle: the share of the "
        "smaller arm that found a partner. Right: the hazard ratio. One line for each cutoff of "
        f"{in_sentence(study.gtv.label)}."
    )
    printed = {"smd": printed_numbers(published, LARGEST), "matched": printed_numbers(published, SHARE)}
    reading = (
        "A tighter caliper matches patients more alike on the score, if not in every covariate, and loses "
        "more of them. Dashed at the left: the limits of balance."
        + _published_trade(study, printed)
        + dagger(study)
    )
    spec = caliper_spec(study, first, labels=axis_labels(study), limits=limits, printed=printed)
    title = "What the caliper buys and costs"
    return Chart("caliper-chart", title, text, "; ".join(words), spec, reading=reading)


def _published_trade(study: Study, printed: Mapping[str, Mapping[str, float]]) -> str:
    parts = []
    if "matched" in printed["smd"]:
        parts.append(f"largest |SMD| {format_ratio(printed['smd']['matched'])} by the printed counts")
    if "matched" in printed["matched"]:
        parts.append(f"{share_text(printed['matched']['matched'])} of the smaller arm")
    if "matched" in study.published:
        parts.append(f"hazard ratio {format_ratio(study.published['matched'])}")
    return (
        f" Dashed in {PUBLISHED_NAME}, at the primary cutoffs: published ({', '.join(parts)})."
        if parts
        else ""
    )


def printed_numbers(published: pd.DataFrame, quantity: str) -> dict[str, float]:
    """Return a paper's number about its patients as a whole, by estimator."""
    rows = published[(published["quantity"] == quantity) & published["variable"].isna()]
    return dict(zip(rows["estimator"], rows["value"], strict=True))


def _ties(
    rows: pd.DataFrame, study: Study, first: dict[str, Any], limits: tuple[float, float]
) -> Chart | None:
    matched = estimated(primary_block(rows[rows["estimator"] == "matched"], study))
    matched = matched[matched["tie_break_2.5"].notna()]
    if matched.empty:
        return None
    widest = (matched["tie_break_97.5"] / matched["tie_break_2.5"]).max()
    text = (
        f"Bars: the central 95% of the hazard ratios over {study.analysis.tie_break_draws:,} orders of "
        "patients with equal scores. Points: their median, which is the estimate."
    )
    reading = (
        "Many patients have the same propensity score, and which of them is taken is arbitrary. That spread "
        "is not sampling error." + published_words(study, ["matched"]) + NOTE
    )
    alternative = (
        "Over the orders the hazard ratio of a single matched analysis varies by a "
        f"factor of up to {widest:.2f}."
    )
    spec = ties_spec(study, first, limits=limits)
    title = "The order of equal scores"
    return Chart("ties-chart", title, text, alternative, spec, reading=reading)


def _attribution(rows: pd.DataFrame, attribution: pd.DataFrame, study: Study) -> Chart | None:
    names = [name for name in estimators_present(rows) if name != "unadjusted"]
    shares = {name: found for name in names if (found := first_order(attribution, study, name))}
    if not shares:
        return None
    words = []
    for name, found in shares.items():
        term, share = next(iter(found.items()))
        most = in_sentence(term_label(study, term))
        words.append(f"{ESTIMATOR_LABELS[name]}: most by {most}, {share_text(share)}")
    text = (
        "Share of the spread of the log hazard ratio that each choice explains, alone and with others, among "
        "the analyses shown above."
    )
    reading = (
        "Of matched analyses also the order in which patients of equal score are taken, which nobody "
        "chooses. Levels are left out until every combination has an estimate. Other values would give "
        "other shares."
    )
    spec = attribution_spec([ESTIMATOR_LABELS[name] for name in shares], {"name": "shares"})
    alternative = "At the primary cutoffs. " + "; ".join(words)
    title = "What moves the answer among the analyses shown"
    return Chart("attribution-chart", title, text, alternative, spec, reading=reading)


def _decisions(rows: pd.DataFrame, attribution: pd.DataFrame, study: Study) -> Chart | None:
    """Draw which choices matter over all analyses, whatever is chosen on the page."""
    names = [name for name in estimators_present(rows) if name != "unadjusted"]
    shares = {name: found for name in names if (found := whole_grid(attribution, name))}
    if not shares:
        return None
    drawn = [
        {
            "estimator": ESTIMATOR_LABELS[name],
            "term": term_label(study, term),
            "share": share,
            "kind": kind_of_share(term),
            "text": share_words(share),
        }
        for name, found in shares.items()
        for term, share in found.items()
    ]
    words = [
        f"{ESTIMATOR_LABELS[name]}: most by {in_sentence(term_label(study, next(iter(found))))}, "
        f"{share_words(next(iter(found.values())))}"
        for name, found in shares.items()
    ]
    text = (
        "Share of the spread of the log hazard ratio over all analyses that each decision explains. Cutoffs "
        f"of {in_sentence(study.dose.label)} and thresholds also change the question."
    )
    reading = (
        "Shares are of the sum of squares over all combinations of the choices. They describe this grid: "
        "other values would give other shares. Nobody chooses the order of equal scores."
    )
    spec = attribution_spec([ESTIMATOR_LABELS[name] for name in shares], values(drawn))
    title = "Which decisions move the answer"
    return Chart("decisions-chart", title, text, "; ".join(words), spec, reading=reading)


def kind_of_share(term: str) -> str:
    """Return what a share is of: one choice, choices together, or what nobody chooses."""
    if term == TIE_BREAK:
        return "no choice"
    return "only together" if " x " in term or term == TOGETHER else "one choice alone"


def share_words(share: float) -> str:
    """Return a share beside its bar; a small one is not said to be none."""
    return "<1%" if 0 < share < LEAST else share_text(share)


def published_points(study: Study) -> list[dict[str, float]]:
    """Return published hazard ratios as rows that an axis has to show."""
    return [
        {"hazard_ratio": ratio, "ci_lower": ratio, "ci_upper": ratio} for ratio in study.published.values()
    ]


def limits_of(rows: list[dict[str, Any]]) -> tuple[float, float]:
    """Return the limits of a hazard-ratio axis for rows with hazard_ratio, ci_lower and ci_upper."""
    frame = pd.DataFrame(rows).rename(
        columns={"hazard_ratio": "hazard_ratio", "ci_lower": "ci_lower", "ci_upper": "ci_upper"}
    )
    return ratio_limits(frame.assign(status="ok"))
