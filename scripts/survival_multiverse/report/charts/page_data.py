"""What the page's interactive charts and scenario cards read: compact columns instead of rows."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.cohort.sample import GTV_LEVELS, measured
from survival_multiverse.inference.attribution import REST, TIE_BREAK
from survival_multiverse.inference.specification_summary import direction, headline, strictest_gate
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.contrasts import compared_arms, exposure_decision, told_by_cutoff
from survival_multiverse.report.charts.theme import plain
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, ORIGIN_NOTES, format_p
from survival_multiverse.report.words.answer import term_label
from survival_multiverse.report.words.labels import (
    arm_labels,
    in_sentence,
    level_label,
    option_label,
    population_label,
    with_unit,
)
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.report.words.table_cells import set_label
from survival_multiverse.scenario.cautions import care
from survival_multiverse.settings.schema import SELECTS, Estimator, Population
from survival_multiverse.settings.study import NON_EQUIVALENT, Decision, Study
from survival_multiverse.settings.values import canonical_text

CARD_ROWS = 50_000
"""With more specifications than this the cards leave the landmarks to the scenario files."""
ORDERS = {"match_then_landmark": "matched, then landmark", "landmark_then_match": "landmark, then matched"}
NUMBERS = {
    "estimate": "estimate",
    "ci_lower": "ci_lower",
    "ci_upper": "ci_upper",
    "patients": "n",
    "events": "events",
    "pairs": "pairs",
    "matched_share": "matched_share",
    "smd": "max_abs_smd_baseline",
    "smd_of_score": "max_abs_smd_propensity",
    "orders_from": "tie_break_2.5",
    "orders_to": "tie_break_97.5",
    "gamma": "rosenbaum_gamma",
    "e_value": "e_value",
    "e_value_of_limit": "e_value_of_limit",
    "focal_arm": "focal_arm",
}
"""Numbers of a specification by the page's names."""
COUNTS, HELD_BACK = ("patients", "events", "pairs"), -1.0
"""Counts of patients, and what stands for one too small to be shown."""
SIDES = ("longer", "shorter", "includes")
"""Which way an interval points, by code."""
HEADLINE_ONLY = ("pairs", "matched_share", "smd", "smd_of_score", "orders_from", "orders_to", "gamma",
                 "e_value", "e_value_of_limit", "focal_arm")  # fmt: skip
ADJUSTED_FOR = "adjustment_set"
"""The choice of covariates, which every study has beside its decisions."""
GATE = "gate"
"""What the filter calls the balance of an analysis."""
_TAKEN = frozenset((
    "i", "choices", "matching", "inverse", "estimate", "p_text", "smd", "matched_share",
    "orders_from", "orders_to", "patients", "events", "caution", "gate", "primary", "side", "cells",
    "measure", "group", "chosen", "decide", "rank", "part", "place", "shown", "tone", "choice", "published",
    "words", "question", "pooling", "count", "lower", "upper", "name", "time", "datum", "event", "item",
    "parent", "unit", "width", "height", "padding", "autosize", "background", "cursor", "style", "data",
    "if", "indexof", "isValid", "length", "log", "exp", "pow", "min", "max", "abs", "format", "test",
    "now", "random", "break", "case", "catch", "class", "const", "continue", "debugger", "default",
    "delete", "do", "else", "enum", "export", "extends", "false", "finally", "for", "function",
    "import", "in", "instanceof", "let", "new", "null", "return", "static", "super", "switch", "this",
    "throw", "true", "try", "typeof", "var", "void", "while", "with", "yield", "undefined", "NaN",
    "Infinity", "E", "PI", "LN2", "LN10", "LOG2E", "LOG10E", "SQRT2", "SQRT1_2", "absent", "apart",
    "end",
))  # fmt: skip
"""Fields of the charts' rows, the page's controls, names that Vega knows, and words of its expressions."""


def field(name: str) -> str:
    """Return what charts and the page's script call a decision: its name, unless it means something else."""
    return f"{name}_" if name in _TAKEN else name


def decision_names(study: Study) -> list[str]:
    """Return everything that was decided, in the order of the page."""
    return [*study.decisions, ADJUSTED_FOR]


def estimand_names(study: Study) -> list[str]:
    """Return what changes the question: a block has one value of each."""
    return [*study.outside, ADJUSTED_FOR]


def choice_names(study: Study) -> list[str]:
    """Return the decisions between several options within a block, or in which blocks are pooled."""
    return [
        name
        for name, decision in study.decisions.items()
        if (name in study.inside or name in study.uncertain) and len(decision.values) > 1
    ]


def pooled_label(decision: Decision) -> str:
    """Return what stands for an option where those of an uncertain decision are taken together."""
    return f"pooled over {in_sentence(decision.label)}"


def axis_labels(study: Study) -> dict[str, list[str]]:
    """Return the options of every decision as the charts name them, each name once."""
    found = {
        name: [option_label(study, name, value) for value in decision.values]
        for name, decision in study.decisions.items()
    }
    labels = [set_label(study, name) for name in study.adjustment_sets]
    doubled = len(set(labels)) < len(labels)
    found[ADJUSTED_FOR] = [
        f"{label} [{name}]" if doubled else label
        for label, name in zip(labels, study.adjustment_sets, strict=True)
    ]
    return found


def decision_titles(study: Study) -> dict[str, str]:
    """Return the name of every decision."""
    return {name: own.label for name, own in study.decisions.items()} | {ADJUSTED_FOR: "Adjusted for"}


def primary_place(study: Study, name: str) -> int:
    """Return the position of the primary option among those of a decision."""
    values, primary = study.decisions[name].values, study.primary[list(study.decisions).index(name)]
    return values.index(primary) if primary in values else 0


def decisions(study: Study) -> list[dict[str, Any]]:
    """Return every decision for the page's script.

    Each with its `name` in the charts, title, values, what it is in a sentence, `type`, and whether it stays
    in a block; those of the study with their column, how options stand in paths, which is the primary one,
    which estimators they touch (by code), and what options of uncertain ones are called together.
    """
    labels, titles = axis_labels(study), decision_titles(study)
    named = [name for name, decision in study.decisions.items() if not decision.numeric]
    found = [
        {
            "name": field(name),
            "title": titles[name],
            "words": in_sentence(titles[name]),
            "spoken": [_spoken(titles[name], value, named=name in named) for value in labels[name]],
            "inside": name in study.inside,
            "type": NON_EQUIVALENT,
            "values": labels[name],
        }
        for name in decision_names(study)
        if labels[name]
    ]
    for entry, (name, decision) in zip(found, study.decisions.items(), strict=False):
        entry |= {"type": decision.type, "column": name, "primary": primary_place(study, name)}
        entry["texts"] = [canonical_text(value) for value in decision.values]
        entry["touches"] = [place for place, own in enumerate(Estimator) if decision.touches(own)]
        if name in study.uncertain and len(decision.values) > 1:
            entry["pooled"] = pooled_label(decision)
    return found


def _spoken(title: str, value: str, *, named: bool) -> str:
    """Return a value of a decision as it stands in a sentence: the decision is named once."""
    if named:
        return f"{in_sentence(title)}: {value}"
    unit = title.split()[-1].lower()
    alone = value.startswith("no ") or value.lower().endswith(unit)
    return value if alone else f"{in_sentence(title)} {value}"


def choice_labels(study: Study) -> list[dict[str, str]]:
    """Return rows of the decision panel: the decision's title, and the field and value that it stands for."""
    labels, titles = axis_labels(study), decision_titles(study)
    rows = [
        {"group": titles[name], "field": field(name), "value": text, "choice": f"{field(name)}: {text}"}
        for name in choice_names(study)
        for text in labels[name]
    ]
    through = {"group": "Baseline covariates balanced", "field": GATE, "value": "through"}
    return [*rows, through | {"choice": f"{GATE}: through"}]


MOST_TOGETHER = 5
"""Of more choices the page tells apart what each does alone, and what is left."""


def has_rest(study: Study) -> bool:
    """Return whether choices have a share of their own and a rest, instead of all that they do together."""
    return has_gaps(study) or len(choice_names(study)) > MOST_TOGETHER


def has_gaps(study: Study) -> bool:
    """Return whether some combinations of options are no scenario, or lack covariates or estimators."""
    whole = math.prod(len(decision.values) for decision in study.decisions.values())
    kinds = {kind for decision in study.decisions.values() for kind in decision.kinds}
    return len(study.grid) < whole or bool(kinds & {"adjustment_sets", "estimators"})


def attribution_terms(study: Study) -> dict[str, str]:
    """Return choices inside a block, alone and together, as the attribution names them."""
    names = choice_names(study)
    most = min(len(names), MOST_TOGETHER)
    parts = [part for order in range(1, most + 1) for part in combinations(names, order)]
    terms = {TIE_BREAK: term_words(study, TIE_BREAK)}
    terms |= {" x ".join(map(field, part)): term_words(study, " x ".join(part)) for part in parts}
    return terms | ({REST: term_words(study, REST)} if has_rest(study) else {})


def term_words(study: Study, term: str) -> str:
    """Return the label of a term of the attribution."""
    return "Interactions and rest" if term == REST else term_label(study, term)


def _through(rows: pd.DataFrame, study: Study) -> np.ndarray:
    """Return whether the rows pass the strictest gate of the baseline covariates."""
    gate = strictest_gate(study)
    return rows[gate].astype("boolean").fillna(False).to_numpy(dtype=bool)


def specification_columns(specifications: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Return the primary population's specifications without a landmark by column, for charts and filters.

    Columns hold codes of labels and numbers of four digits or more; counts that are too small to be shown
    are held back.
    """
    rows = headline(specifications, study)
    columns = _shared_columns(rows, study)
    for key in HEADLINE_ONLY:
        columns[key] = _short(rows[NUMBERS[key]].to_numpy(dtype=np.float64), held=key in COUNTS, study=study)
    # Of these the page works out what moves the answer.
    for key in ("estimate", "variance_between_orders"):
        columns[key] = _short(rows[key].to_numpy(dtype=np.float64), digits=7)
    columns["p_value"] = _short(rows["p_value"].to_numpy(dtype=np.float64))
    columns["gate"] = [int(value) for value in _through(rows, study)]
    columns["primary"] = [int(value) for value in rows["is_primary"].to_numpy(dtype=bool)]
    columns["side"] = [SIDES.index(side) for side in direction(rows, study.primary_measure)]
    columns["selects"] = [int(selects) for selects in rows["status"].isin(SELECTS)]
    return {"rows": len(rows), "columns": {name: _packed(values) for name, values in columns.items()}}


def other_columns(specifications: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Return all other specifications, which the analysis of a scenario lists: populations and landmarks."""
    others = (specifications["population"] != study.primary_population) | (specifications["landmark"] != 0)
    if len(specifications) > CARD_ROWS:
        others &= specifications["landmark"] == 0
    rows = specifications[others]
    columns = _shared_columns(rows, study)
    return {"rows": len(rows), "columns": {name: _packed(values) for name, values in columns.items()}}


def _shared_columns(rows: pd.DataFrame, study: Study) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {}
    for name, decision in study.decisions.items():
        columns[field(name)] = _options(rows, decision)
    for name, known in {
        ADJUSTED_FOR: list(study.adjustment_sets),
        "estimator": list(ESTIMATOR_LABELS),
        "population": list(map(str, Population)),
        "landmark_order": list(ORDERS),
    }.items():
        columns[name] = _codes(rows[name].to_numpy(dtype=object), known)
    columns["landmark"] = [plain(value) for value in rows["landmark"]]
    for key, name in NUMBERS.items():
        if key not in HEADLINE_ONLY:
            columns[key] = _short(rows[name].to_numpy(dtype=np.float64), held=key in COUNTS, study=study)
    columns["p_text"] = [format_p(value) for value in rows["p_value"].to_numpy(dtype=np.float64)]
    columns["caution"] = [care(flags) or 0 for flags in rows["flags"]]
    columns["reason"] = [reason if isinstance(reason, str) else 0 for reason in rows["reason"]]
    return columns


def _packed(values: list[Any]) -> object:
    """Return a column; one that holds a single value throughout becomes that value alone."""
    return {"all": values[0]} if values and all(value == values[0] for value in values) else values


def _options(rows: pd.DataFrame, decision: Decision) -> list[int]:
    """Return the position of each row's option, -1 where the decision does not apply."""
    kind: Any = np.float64 if decision.numeric else object
    return _codes(rows[decision.name].to_numpy(dtype=kind), decision.values)


def _codes(column: np.ndarray, values: Sequence[object]) -> list[int]:
    """Return the position of each value, or -1."""
    place = {value: position for position, value in enumerate(values)}
    return [place.get(value, -1) for value in column.tolist()]


def _short(
    values: np.ndarray, *, digits: int = 4, held: bool = False, study: Study | None = None
) -> list[float | int | None]:
    """Return numbers in few digits, gaps as None; of counts that are `held`, small ones as `HELD_BACK`."""
    if held and study is not None:
        values = np.where((values > 0) & (values < study.minimum_count), HELD_BACK, values)
    text = (f"{value:.{digits}g}" if math.isfinite(value) else "" for value in values)
    return [
        None if not word else int(float(word)) if float(word).is_integer() else float(word) for word in text
    ]


def shared_curves(links: pd.DataFrame, curves: pd.DataFrame, study: Study) -> dict[str, dict[str, Any]]:
    """Return curves by digest, and whose they are by codes of decisions (-1 where one does not apply)."""
    keys = _keys(links, study)
    whose: dict[str, list[Any]] = {}
    for key, arm, curve in zip(keys, links["arm"], links["curve"], strict=True):
        whose.setdefault(key, [None, None])[int(arm)] = curve or None
    shapes = {}
    for name, rows in curves.groupby("curve", sort=True):
        risk = [
            int(count) if count >= study.minimum_count else 0 for count in rows["at_risk"].to_numpy(dtype=int)
        ]
        shapes[str(name)] = [
            _short(rows["time"].to_numpy(dtype=np.float64)),
            [round(float(value), 3) for value in rows["survival"]],
            risk,
        ]
    return {"whose": whose, "shapes": shapes}


def _keys(rows: pd.DataFrame, study: Study) -> list[str]:
    """Return the codes of the decisions of each row, joined by points."""
    parts = [_options(rows, decision) for decision in study.decisions.values()]
    parts.append(_codes(rows[ADJUSTED_FOR].to_numpy(dtype=object), list(study.adjustment_sets)))
    return [".".join(map(str, key)) for key in zip(*parts, strict=True)]


def balance_terms(study: Study) -> dict[tuple[str, str], str]:
    """Return the columns of the love plots, with their names: covariates by their levels and as measured."""
    terms, numbers = {}, measured(study)
    for name, covariate in study.covariates.items():
        late = " †" if covariate.role == "post_treatment" else ""
        if numbers and covariate.type == "continuous":
            form = ", as measured" if covariate.levels else ""
            terms[name, "continuous"] = f"{covariate.label}{form}{late}"
        shown = covariate.levels[1:] if len(covariate.levels) == 2 else covariate.levels
        for level in shown:
            terms[name, level] = f"{covariate.label}: {level_label(study, name, level)}{late}"
    if study.gtv:
        cutoff = "cutoff" if numbers else with_unit(study.primary_cutoffs.gtv, study.gtv.unit)
        terms["gtv", GTV_LEVELS[1]] = f"{study.gtv.label} at or above {cutoff}"
        if numbers:
            terms["gtv", "continuous"] = f"{study.gtv.label}, as measured"
    if study.lesions and numbers:
        terms["lesions", "continuous"] = study.lesions.label
    return terms


def balance_columns(balance: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Return absolute standardised differences by codes of decisions and estimator, in order of the names.

    Parameters
    ----------
    balance
        Rows of the estimates: analysis balance, statistic smd, primary population, no landmark.
    """
    terms = balance_terms(study)
    place = {term: position for position, term in enumerate(terms)}
    estimators = list(ESTIMATOR_LABELS)
    keys = _keys(balance, study)
    found: dict[str, list[float | None]] = {}
    labels = zip(balance["variable"], balance["level"], strict=True)
    values = balance["estimate"].to_numpy(dtype=np.float64)
    for key, estimator, label, value in zip(keys, balance["estimator"], labels, values, strict=True):
        if label in place:
            row = found.setdefault(f"{key}.{estimators.index(estimator)}", [None] * len(terms))
            row[place[label]] = round(abs(float(value)), 3) if math.isfinite(value) else None
    return {"names": list(terms.values()), "smd": found}


def printed_rows(published: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return what a paper prints of the primary scenario, as rows of the charts that open with it.

    `kind` (survival or smd), whether it is of the `matched` and with which `adjustment_set` (-1: none),
    `published`, and what the charts call it: `arm` and `time`, or `name`.
    """
    terms, sets = balance_terms(study), list(study.adjustment_sets)
    arms = arm_labels(study)
    found = []
    for row in published[published["population"] == study.primary_population].to_dict("records"):
        term = (row["variable"], row["level"])
        matched = row["estimator"] == "matched"
        chosen = sets.index(row["adjustment_set"]) if row["adjustment_set"] in sets else -1
        shared = {
            "kind": row["quantity"],
            "matched": matched,
            "adjustment_set": chosen,
            "published": plain(row["value"]),
        }
        if (
            row["quantity"] == "survival"
            and row["variable"] == "arm"
            and not isinstance(row["subgroup"], str)
        ):
            found.append(shared | {"arm": arms[int(row["level"])], "time": plain(row["time"])})
        elif row["quantity"] == "smd" and term in terms:
            found.append(shared | {"name": terms[term]})
    return found


def measure_data(study: Study) -> dict[str, Any]:
    """Return the primary measure for the page's script: its names, and how estimates are read and written.

    `longer` is the sign of an effect by which arm 1 survives longer, `side` where such estimates lie, and
    `scale` how many of the unit an estimate of 1 is.
    """
    words = measure_words(study)
    return {
        "measure": words.measure.name,
        "name": words.name,
        "heading": words.heading,
        "head": words.headed,
        "plural": words.plural,
        "unit": words.unit,
        "ratio": words.measure.ratio,
        "null": words.measure.null,
        "longer": words.measure.longer,
        "side": words.side(longer=True),
        "digits": words.digits,
        "scale": words.measure.scale,
    }


def opening_data(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """Return what the page's script reads when it starts, ready for JSON."""
    exposure = exposure_decision(study)
    return {
        "decisions": decisions(study),
        "names": list(map(field, decision_names(study))),
        "exposure": field(exposure.name) if exposure else None,
        "arms": [list(compared_arms(study, value)) for value in (exposure.values if exposure else [None])],
        "cutoffs": told_by_cutoff(study),
        "choices": choice_labels(study),
        "measure": measure_data(study),
        "estimators": list(ESTIMATOR_LABELS.values()),
        "matched": list(ESTIMATOR_LABELS).index("matched"),
        "sides": list(SIDES),
        "terms": attribution_terms(study),
        "minimum_count": study.minimum_count,
        "data_origin": study.source,
        "origin_note": ORIGIN_NOTES.get(study.source, ""),
        "analyses": specification_columns(tables["specifications"], study),
    }


def analysis_data(
    study: Study, tables: Mapping[str, pd.DataFrame], *, scenarios: Mapping[str, str]
) -> dict[str, Any]:
    """Return what the script reads when an analysis is opened; `scenarios` holds digests by path."""
    return {
        "populations": [
            population_label(study, population) if population in study.populations else ""
            for population in Population
        ],
        "orders": list(ORDERS.values()),
        "time_unit": study.time.unit,
        "others": other_columns(tables["specifications"], study),
        "curves": shared_curves(tables["arm_curves"], tables["survival_curves"], study),
        "balance": balance_columns(tables["scenario_balance"], study),
        "printed": printed_rows(tables.get("published", NO_MARKS), study),
        "scenarios": dict(scenarios),
    }
