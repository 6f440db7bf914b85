"""Charts of the grid with their words: curve, blocks, surface, caliper, ties, attribution."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from survival_multiverse.inference.attribution import REST, TIE_BREAK
from survival_multiverse.inference.specification_summary import (
    direction,
    estimated,
    estimators_present,
    headline,
    of_set,
    primary_block,
    summarise,
)
from survival_multiverse.paper.published_marks import LARGEST, NO_MARKS, SHARE
from survival_multiverse.report.charts.contrasts import told_by_cutoff
from survival_multiverse.report.charts.estimate_words import varying
from survival_multiverse.report.charts.grid import (
    REACH,
    MapLayout,
    attribution_spec,
    caliper_spec,
    enough_cells,
    map_layout,
    surface_spec,
    ties_spec,
)
from survival_multiverse.report.charts.page_data import (
    ADJUSTED_FOR,
    axis_labels,
    choice_labels,
    choice_names,
    field,
    has_gaps,
    has_rest,
    primary_place,
    term_words,
)
from survival_multiverse.report.charts.specification import (
    NAMES,
    across_and_down,
    blocks_spec,
    curve_spec,
    question_names,
)
from survival_multiverse.report.charts.theme import Spec, sides, values
from survival_multiverse.report.style.estimate_axis import estimate_limits
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_ratio
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.words.answer import TOGETHER, first_order, terms_of_grid, whole_grid
from survival_multiverse.report.words.captions import dagger
from survival_multiverse.report.words.labels import decision_words, in_sentence, option_words
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.narrative import reading as reading_of
from survival_multiverse.report.words.table_cells import share_text
from survival_multiverse.scenario.cautions import NOTE
from survival_multiverse.settings.measures import RATIO, Measure
from survival_multiverse.settings.study import Decision, Study

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
    present = estimators_present(headline(specifications, study))
    opening = "matched" if "matched" in present else next(iter(present), "matched")
    primary = {field(name): labels[name][primary_place(study, name)] for name in study.outside}
    sets = dict(zip(study.adjustment_sets, labels[ADJUSTED_FOR], strict=True))
    return {
        **primary,
        ADJUSTED_FOR: sets.get(study.primary_set, ""),
        "estimator": ESTIMATOR_LABELS[opening],
        "chosen": {**{field(name): labels[name] for name in study.inside}, "gate": "all"},
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
    rows = headline(specifications, study)
    limits = estimate_limits(rows, study.primary_measure)
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
        f"One curve for one question: {_question(study)}a set of covariates and an estimator. What is chosen "
        f"above changes the pictures of this chapter and no other.{_pooling(study)}"
    )
    reading += published_words(study) + dagger(study)
    return Chart("curve-chart", "Specification curve", text, " ".join(parts), spec, reading=reading)


def _question(study: Study) -> str:
    """Name what makes a question, beside covariates and estimator."""
    across, down = across_and_down(study)
    words = ["a population" if own.varies == "lesions" else _one_of(own) for own in down]
    words += [_one_of(across)] if across else []
    return "".join(f"{text}, " for text in words)


def _one_of(decision: Decision) -> str:
    kind = "a cutoff" if decision.numeric and decision.varies != "caliper" else "an option"
    return f"{kind} of {in_sentence(decision.label)}"


def _pooling(study: Study) -> str:
    """Say what stands for uncertain options taken together; nothing without any."""
    uncertain = [own for own in across_and_down(study)[1] if own.name in study.uncertain]
    if not uncertain:
        return ""
    names = " and ".join(in_sentence(own.label) for own in uncertain)
    return f" Options that are uncertain ({names}) are shown apart and pooled."


def _colour(rows: pd.DataFrame, study: Study) -> Spec:
    """Colour by the way that an interval points, of those that some analysis of the grid has."""
    return sides(measure_words(study), percent(study), set(direction(rows, study.primary_measure)))


def published_words(study: Study, estimators: Iterable[str] = ESTIMATOR_LABELS) -> str:
    """Explain the dashed lines of these estimators; empty if no estimate was published."""
    ratios = [
        f"{ESTIMATOR_LABELS[name]} {format_ratio(study.published_estimates[name])}"
        for name in estimators
        if name in study.published_estimates
    ]
    if not ratios:
        return ""
    return (
        f" Dashed, at the primary cutoffs: published hazard ratios ({', '.join(ratios)}), "
        "of the paper’s own models."
    )


def _blocks(
    rows: pd.DataFrame, study: Study, first: dict[str, Any], limits: tuple[float, float]
) -> Chart | None:
    across, down = across_and_down(study)
    if across is None and not down:
        return None
    dense = len(rows) > DENSE
    spec = blocks_spec(study, first, limits=limits, colour=_colour(rows, study), dense=dense)
    opened = of_set(rows[rows["estimator"] == _opening(rows)], study.primary_set)
    names = [decision.name for decision in (*down, *([across] if across else []))]
    words = []
    for key, here in opened.groupby(names, dropna=False):
        if len(estimated(here)):
            found = zip(names, key if isinstance(key, tuple) else (key,), strict=True)
            named = [option_words(study, name, option) for name, option in found if option == option]
            words.append(f"{' and '.join(named)}: {_median(here, study)}")
    places = [f"Down: {' and '.join(decision_words(study, own.name) for own in down)}"] if down else []
    places += [f"across: {decision_words(study, across.name)}"] if across else []
    place = "; ".join(places)
    apart = "Each asks something else, so they are not pooled."
    text = f"One small curve for each question. {place[0].upper()}{place[1:]}. "
    text += f"{_pooling(study).strip() or apart} A click shows its curve above."
    columns = len(across.values) if across else 1
    rows_of = len(question_names(study, down)) if down else 1
    least = 60 + NAMES + 80 * columns if columns > 5 or (rows_of > 1 and len(down) > 1) else 0
    reading = published_words(study) + NOTE
    return Chart("blocks-chart", "All questions", text, "; ".join(words), spec, least, reading)


def _median(rows: pd.DataFrame, study: Study) -> str:
    """Say the median of a question's analyses; a selected rest has none."""
    words, summary = measure_words(study), summarise(rows, study.primary_measure)
    return words.median(summary) if summary.selected else f"median {words.told(summary.median)}"


def _opening(rows: pd.DataFrame) -> str:
    present = estimators_present(rows)
    return "matched" if "matched" in present else next(iter(present), "matched")


def _surface(rows: pd.DataFrame, study: Study) -> Chart | None:
    matched, layout = primary_block(rows[rows["estimator"] == "matched"], study), map_layout(study)
    if matched.empty or layout is None or not enough_cells(study, layout):
        return None
    x, y, named = layout.x, layout.y, measure_words(study)
    text = (
        f"Matched {named.noun}s by {decision_words(study, x.name)} (across) and "
        f"{decision_words(study, y.name)} (up). {_large(layout)}Bold: the interval excludes {named.null}. "
        "Framed: primary scenario."
    )
    gaps = " Cells that the grid lacks are empty." if has_gaps(study) else ""
    fixed = " and ".join(in_sentence(own.label) for own in layout.fixed)
    gaps += f" Of {fixed} the primary option is shown." if fixed else ""
    reading = f"A dash: not estimable. A click opens the analysis{_published_there(study)}.{gaps}" + dagger(
        study
    )
    alternative = f"Maps of matched {named.plural}. {_with_primary(study)}{reading_of(matched, study)}"
    labels = axis_labels(study)
    columns = len(labels[layout.columns.name]) if layout.columns else 1
    # So wide that the numbers in its cells have room.
    least = max(760, 150 + columns * (8 + 40 * len(labels[x.name])))
    spec = surface_spec(study, layout, _reach(rows, study))
    both = x.varies in ("dose", "gtv") and y.varies in ("dose", "gtv")
    over = "the cutoffs" if both else f"{in_sentence(x.label)} and {in_sentence(y.label)}"
    title = f"{named.heading} and P over {over}"
    return Chart("surface-chart", title, text, alternative, spec, least, reading)


def _reach(rows: pd.DataFrame, study: Study) -> float:
    """Return the effect that has the full colour: of differences the largest that is mapped."""
    if study.primary_measure.ratio:
        return REACH
    sizes = estimated(rows[rows["estimator"] == "matched"])["estimate"].abs()
    return float(sizes.max()) if (sizes > 0).any() else 1.0


def _large(layout: MapLayout) -> str:
    if layout.rows is None:
        return ""
    name = "caliper" if layout.rows.varies == "caliper" else f"option of {in_sentence(layout.rows.label)}"
    return f"Large: the primary {name}; small: the others. "


def _with_primary(study: Study) -> str:
    """Name the primary options of the questions: ``With ≥5 lesions, thoracic radiation dose ≥63 Gy: ``."""
    primary = dict(zip(study.decisions, study.primary, strict=True))
    across, down = across_and_down(study)
    words = [option_words(study, own.name, primary[own.name]) for own in down]
    if across:
        text = option_words(study, across.name, primary[across.name])
        words.append(f"{in_sentence(across.label)} {text}" if across.varies else text)
    return f"With {', '.join(words)}: " if words else ""


def _published_there(study: Study) -> str:
    ratio = study.published_estimates.get("matched")
    return f"; {PUBLISHED_NAME}: {format_ratio(ratio)} was published" if ratio else ""


def _caliper(
    rows: pd.DataFrame,
    study: Study,
    first: dict[str, Any],
    limits: tuple[float, float],
    published: pd.DataFrame,
) -> Chart | None:
    matched = estimated(primary_block(rows[rows["estimator"] == "matched"], study))
    caliper = study.decision_of("caliper")
    if caliper is None or matched[caliper.name].nunique() < 2:
        return None
    words = []
    for value, here in matched.groupby(caliper.name):
        words.append(
            f"{option_words(study, caliper.name, float(value))}: median largest SMD "
            f"{here['max_abs_smd_baseline'].median():.2f}, median matched share "
            f"{share_text(here['matched_share'].median())}"
        )
    text = (
        "Left: the largest standardised difference of the baseline covariates. Middle: the share of the "
        f"smaller arm that found a partner. Right: the {measure_words(study).noun}.{_lines(study, caliper)}"
    )
    printed = {"smd": printed_numbers(published, LARGEST), "matched": printed_numbers(published, SHARE)}
    reading = (
        "A tighter caliper matches patients more alike on the score, if not in every covariate, and loses "
        "more of them. Dashed at the left: the limits of balance."
        + _published_trade(study, printed)
        + dagger(study)
    )
    spec = caliper_spec(study, first, caliper, limits=limits, printed=printed)
    title = "What the caliper buys and costs"
    return Chart("caliper-chart", title, text, "; ".join(words), spec, reading=reading)


def _lines(study: Study, caliper: Decision) -> str:
    """Say what tells the lines of the caliper's chart apart."""
    others = [name for name in choice_names(study) if name != caliper.name]
    if not others:
        return ""
    if len(others) > 1:
        return " One line for each combination of the other choices."
    return f" One line for each {_one_of(study.decisions[others[0]]).split(' ', 1)[1]}."


def _published_trade(study: Study, printed: Mapping[str, Mapping[str, float]]) -> str:
    parts = []
    if "matched" in printed["smd"]:
        parts.append(f"largest |SMD| {format_ratio(printed['smd']['matched'])} by the printed counts")
    if "matched" in printed["matched"]:
        parts.append(f"{share_text(printed['matched']['matched'])} of the smaller arm")
    if "matched" in study.published_estimates:
        parts.append(f"hazard ratio {format_ratio(study.published_estimates['matched'])}")
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
        most = in_sentence(term_words(study, term))
        words.append(f"{ESTIMATOR_LABELS[name]}: most by {most}, {share_text(share)}")
    text = (
        f"Share of the spread of the {varying(measure_words(study))} that each choice explains, alone and "
        "with others, among the analyses shown above."
    )
    left_out = "Levels are left out until every combination has an estimate. "
    reading = (
        "Of matched analyses also the order in which patients of equal score are taken, which nobody "
        f"chooses. {shapley_words() if has_rest(study) else left_out}Other values would give other shares."
    )
    spec = attribution_spec([ESTIMATOR_LABELS[name] for name in shares], {"name": "shares"})
    alternative = "At the primary cutoffs. " if told_by_cutoff(study) else "At the primary options. "
    title = "What moves the answer among the analyses shown"
    return Chart("attribution-chart", title, text, alternative + "; ".join(words), spec, reading=reading)


def shapley_words() -> str:
    """Say what a share is where combinations are missing."""
    return (
        "Where combinations are missing, a share is what a choice adds to the R² of all main effects, over "
        "all orders of adding them; interactions and rest are what these leave. "
    )


def _decisions(rows: pd.DataFrame, attribution: pd.DataFrame, study: Study) -> Chart | None:
    """Draw which choices matter over all analyses, whatever is chosen on the page."""
    names = [name for name in estimators_present(rows) if name != "unadjusted"]
    shares = {name: found for name in names if (found := _whole(attribution, study, name))}
    if not shares:
        return None
    if any(REST in found for found in shares.values()):
        # One name for what is left, whichever way the shares of an estimator were found.
        shares = {
            name: {REST if term == TOGETHER else term: share for term, share in found.items()}
            for name, found in shares.items()
        }
    drawn = [
        {
            "estimator": ESTIMATOR_LABELS[name],
            "term": term_words(study, term),
            "share": share,
            "kind": kind_of_share(term),
            "text": share_words(share),
            **_limits(attribution, study, name, term),
        }
        for name, found in shares.items()
        for term, share in found.items()
    ]
    words = [
        f"{ESTIMATOR_LABELS[name]}: most by {in_sentence(term_words(study, next(iter(found))))}, "
        f"{share_words(next(iter(found.values())))}"
        for name, found in shares.items()
    ]
    sampled = any("share_lower" in row for row in drawn)
    spread = f"spread of the {varying(measure_words(study))}"
    text = f"Share of the {spread} over all analyses that each decision explains."
    text += f" {_also(study)}" + (f" Lines: {percent(study)} intervals of the sample." if sampled else "")
    over = "Shares are of the sum of squares over all combinations of the choices. "
    if any(REST in found for found in shares.values()):
        over = shapley_words()
    reading = (
        f"{over}They describe this grid: other values would give other shares. Nobody chooses the order of "
        "equal scores."
    )
    labels = [ESTIMATOR_LABELS[name] for name in shares]
    spec = attribution_spec(labels, values(drawn), intervals=sampled)
    title = "Which decisions move the answer"
    return Chart("decisions-chart", title, text.rstrip(), "; ".join(words), spec, reading=reading)


def _also(study: Study) -> str:
    """Say which decisions also change the question."""
    across, down = across_and_down(study)
    words = [f"cutoffs of {in_sentence(across.label)}"] if across and across.varies else []
    words += [decision_words(study, across.name)] if across and not across.varies else []
    words += ["thresholds" if own.varies == "lesions" else decision_words(study, own.name) for own in down]
    if not words:
        return ""
    *most, last = words
    named = f"{', '.join(most)} and {last}" if most else last
    return f"{named[0].upper()}{named[1:]} also change the question."


def _whole(attribution: pd.DataFrame, study: Study, estimator: str) -> dict[str, float]:
    """Return the shares of all analyses; with gaps in the grid the rest has a name of its own."""
    found, rest = whole_grid(attribution, study, estimator), terms_of_grid(attribution, study, estimator)
    names = {TOGETHER: REST} if REST in set(rest["term"]) else {}
    return {names.get(term, term): share for term, share in found.items()}


def _limits(attribution: pd.DataFrame, study: Study, estimator: str, term: str) -> dict[str, float]:
    """Return the limits of a share that a sample estimates; {} without any."""
    rows = terms_of_grid(attribution, study, estimator)
    rows = rows[(rows["term"] == term) & rows["share_lower"].notna()]
    return {name: float(rows[name].iloc[0]) for name in ("share_lower", "share_upper")} if len(rows) else {}


def kind_of_share(term: str) -> str:
    """Return what a share is of: one choice, choices together, or what nobody chooses."""
    if term == TIE_BREAK:
        return "no choice"
    return "only together" if " x " in term or term in (TOGETHER, REST) else "one choice alone"


def share_words(share: float) -> str:
    """Return a share beside its bar; a small one is not said to be none."""
    return "<1%" if 0 < share < LEAST else share_text(share)


def published_points(study: Study) -> list[dict[str, float]]:
    """Return published estimates as rows that an axis has to show."""
    ratios = study.published_estimates.values()
    return [{"estimate": ratio, "ci_lower": ratio, "ci_upper": ratio} for ratio in ratios]


def limits_of(rows: list[dict[str, Any]], measure: Measure = RATIO) -> tuple[float, float]:
    """Return the limits of an axis of estimates for rows with estimate, ci_lower and ci_upper."""
    return estimate_limits(pd.DataFrame(rows).assign(status="ok"), measure)
