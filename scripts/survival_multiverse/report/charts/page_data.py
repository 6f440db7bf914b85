"""What the page's interactive charts and scenario cards read: compact columns instead of rows."""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.cohort.sample import GTV_LEVELS, measured
from survival_multiverse.inference.attribution import TIE_BREAK
from survival_multiverse.inference.robustness import INNER
from survival_multiverse.inference.specification_summary import direction, headline, strictest_gate
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.theme import plain
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_p
from survival_multiverse.report.words.answer import term_label
from survival_multiverse.report.words.labels import (
    arm_labels,
    bare_value,
    in_sentence,
    level_label,
    population_label,
    with_unit,
)
from survival_multiverse.report.words.table_cells import set_label
from survival_multiverse.scenario.cautions import care
from survival_multiverse.settings.schema import PRIMARY, Population
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import AXES, canonical_text

CARD_ROWS = 50_000
"""With more specifications than this the cards leave the landmarks to the scenario files."""
ORDERS = {"match_then_landmark": "matched, then landmark", "landmark_then_match": "landmark, then matched"}
NUMBERS = {
    "hr": "hazard_ratio",
    "lo": "ci_lower",
    "hi": "ci_upper",
    "n": "n",
    "events": "events",
    "pairs": "pairs",
    "matched": "matched_share",
    "smd": "max_abs_smd_baseline",
    "smdp": "max_abs_smd_propensity",
    "el": "tie_break_2.5",
    "eh": "tie_break_97.5",
    "gamma": "rosenbaum_gamma",
    "ev": "e_value",
    "evl": "e_value_of_limit",
    "focal": "focal_arm",
}
COUNTS, HELD_BACK = ("n", "events", "pairs"), -1.0
"""Counts of patients, and what stands for one too small to be shown."""
Choices = dict[str, str | bool]
HEADLINE_ONLY = ("pairs", "matched", "smd", "smdp", "el", "eh", "gamma", "ev", "evl", "focal")


def axis_labels(study: Study) -> dict[str, list[str]]:
    """Return values of the four axes and the adjustment sets as the charts name them, each name once."""
    found = {
        key: [bare_value(study, axis, value) for value in study.axes[axis].values]
        for key, axis in zip("TDGC", AXES, strict=True)
    }
    labels = [set_label(study, name) for name in study.adjustment_sets]
    doubled = len(set(labels)) < len(labels)
    found["S"] = [
        f"{label} [{name}]" if doubled else label
        for label, name in zip(labels, study.adjustment_sets, strict=True)
    ]
    return found


def choice_labels(study: Study) -> list[dict[str, str]]:
    """Return rows of the decision panel: the words, and the field of a specification that they belong to."""
    labels = axis_labels(study)
    rows = [{"label": f"{study.gtv.label} {text}", "field": "G", "value": text} for text in labels["G"]]
    rows += [
        {"label": text if text == "no caliper" else f"Caliper {text}", "field": "C", "value": text}
        for text in labels["C"]
    ]
    return [*rows, {"label": "Through the gate", "field": "gate", "value": "through"}]


def attribution_terms(study: Study) -> dict[str, str]:
    """Return choices inside a block, alone and together, as the attribution names them: by keys, joined."""
    keys = dict(zip("GC", INNER, strict=True))
    return {"tie": term_label(study, TIE_BREAK)} | {
        "".join(part): term_label(study, " x ".join(keys[key] for key in part))
        for order in range(1, len(keys) + 1)
        for part in combinations(keys, order)
    }


def kept_by(rows: pd.DataFrame, study: Study) -> list[Choices]:
    """Return what the reader's filter uses of each analysis: its choices by the page's names, the gate."""
    labels = axis_labels(study)
    names = {
        "gtv_cutoff": ("G", dict(zip(study.axes["gtv_cutoff"].values, labels["G"], strict=True))),
        "caliper": ("C", dict(zip(study.axes["caliper"].values, labels["C"], strict=True))),
    }
    return [
        {"gate": bool(passed)}
        | {key: found[row[column]] for column, (key, found) in names.items() if row[column] in found}
        for row, passed in zip(rows.to_dict("records"), _through(rows, study), strict=True)
    ]


def primary_choices(specifications: pd.DataFrame, study: Study) -> dict[tuple[str, str | None], Choices]:
    """Return the same for the primary scenario, by estimator and adjustment set (None: without one)."""
    primary = headline(specifications)
    primary = primary[primary["is_primary"].astype(bool)]
    sets = [name if isinstance(name, str) else None for name in primary["adjustment_set"]]
    return dict(zip(zip(primary["estimator"], sets, strict=True), kept_by(primary, study), strict=True))


def before_balancing(choices: Mapping[tuple[str, str | None], Choices], name: str) -> Choices:
    """Return the same for patients before a set is balanced: kept if an analysis with it is kept."""
    shared = [found for (_, chosen), found in choices.items() if chosen == name]
    kept = {key: found[key] for found in shared for key in "G" if key in found}
    return kept | {"gate": any(found["gate"] for found in shared)}


def _through(rows: pd.DataFrame, study: Study) -> np.ndarray:
    """Return whether the rows pass the strictest gate of the baseline covariates."""
    gate = strictest_gate(study)
    return rows[gate].astype("boolean").fillna(False).to_numpy(dtype=bool)


def specification_columns(specifications: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Return specifications by column, headline first: codes of labels, numbers to four digits or more."""
    first = (specifications["population"] == PRIMARY) & (specifications["landmark"] == 0)
    others = ~first
    if len(specifications) > CARD_ROWS:
        others &= specifications["landmark"] == 0
    rows = pd.concat([specifications[first], specifications[others]], ignore_index=True)
    count = int(first.sum())
    columns: dict[str, list[Any]] = {}
    for key, axis in zip("TDGC", AXES, strict=True):
        columns[key] = _codes(rows[axis].to_numpy(dtype=np.float64), study.axes[axis].values)
    columns["S"] = _codes(rows["adjustment_set"].to_numpy(dtype=object), list(study.adjustment_sets))
    columns["E"] = _codes(rows["estimator"].to_numpy(dtype=object), list(ESTIMATOR_LABELS))
    columns["P"] = _codes(rows["population"].to_numpy(dtype=object), list(map(str, Population)))
    columns["O"] = _codes(rows["landmark_order"].to_numpy(dtype=object), list(ORDERS))
    columns["L"] = [plain(value) for value in rows["landmark"]]
    for key, name in NUMBERS.items():
        values = rows[name].to_numpy(dtype=np.float64)
        if key in COUNTS:
            values = np.where((values > 0) & (values < study.minimum_count), HELD_BACK, values)
        columns[key] = _short(values[:count] if key in HEADLINE_ONLY else values)
    # Of these the page works out what moves the answer.
    ratios = rows["hazard_ratio"].to_numpy(dtype=np.float64)
    columns["hr"] = _short(ratios[:count], digits=7) + _short(ratios[count:])
    columns["tb"] = _short(rows["variance_between_orders"].to_numpy(dtype=np.float64)[:count], digits=7)
    columns["p"] = _short(rows["p_value"].to_numpy(dtype=np.float64)[:count])
    columns["pt"] = [format_p(value) for value in rows["p_value"].to_numpy(dtype=np.float64)]
    columns["gate"] = [int(value) for value in _through(rows, study)[:count]]
    columns["primary"] = [int(value) for value in rows["is_primary"].to_numpy(dtype=bool)[:count]]
    sides = ["below", "above", "includes"]
    columns["side"] = [sides.index(side) for side in direction(rows)[:count]]
    columns["care"] = [care(flags) or 0 for flags in rows["flags"]]
    columns["why"] = [reason if isinstance(reason, str) else 0 for reason in rows["reason"]]
    packed = {name: _packed(values) for name, values in columns.items()}
    return {"headline": count, "rows": len(rows), "columns": packed}


def _packed(values: list[Any]) -> object:
    """Return a column; one that holds a single value throughout becomes that value alone."""
    return {"all": values[0]} if values and all(value == values[0] for value in values) else values


def _codes(column: np.ndarray, values: Sequence[object]) -> list[int]:
    """Return the position of each value, or -1."""
    place = {value: position for position, value in enumerate(values)}
    return [place.get(value, -1) for value in column.tolist()]


def _short(values: np.ndarray, *, digits: int = 4) -> list[float | int | None]:
    text = (f"{value:.{digits}g}" if math.isfinite(value) else "" for value in values)
    return [
        None if not word else int(float(word)) if float(word).is_integer() else float(word) for word in text
    ]


def shared_curves(links: pd.DataFrame, curves: pd.DataFrame, study: Study) -> dict[str, dict[str, Any]]:
    """Return curves by digest, and whose they are by ``T.D.G.C.S`` (-1 where an axis does not apply)."""
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
    """Return ``T.D.G.C.S`` of each row."""
    parts = [_codes(rows[axis].to_numpy(dtype=np.float64), study.axes[axis].values) for axis in AXES]
    parts.append(_codes(rows["adjustment_set"].to_numpy(dtype=object), list(study.adjustment_sets)))
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
    cutoff = "cutoff" if numbers else with_unit(study.primary.gtv_cutoff, study.gtv.unit)
    terms["gtv", GTV_LEVELS[1]] = f"{study.gtv.label} at or above {cutoff}"
    if numbers:
        terms["gtv", "continuous"] = f"{study.gtv.label}, as measured"
        terms["lesions", "continuous"] = study.lesions.label
    return terms


def balance_columns(balance: pd.DataFrame, study: Study) -> dict[str, Any]:
    """Return absolute standardised differences by ``T.D.G.C.S.E`` of a scenario, in the order of the names.

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

    `kind` (survival or smd), whether it is of the `matched` and with which set `S` (-1: none), `published`,
    and what the charts call it: `arm` and `time`, or `name`.
    """
    terms, sets = balance_terms(study), list(study.adjustment_sets)
    arms = arm_labels(study, dose_cutoff=study.primary.dose_cutoff)
    found = []
    for row in published[published["population"] == PRIMARY].to_dict("records"):
        term = (row["variable"], row["level"])
        matched = row["estimator"] == "matched"
        chosen = sets.index(row["adjustment_set"]) if row["adjustment_set"] in sets else -1
        shared = {"kind": row["quantity"], "matched": matched, "S": chosen, "published": plain(row["value"])}
        if (
            row["quantity"] == "survival"
            and row["variable"] == "arm"
            and not isinstance(row["subgroup"], str)
        ):
            found.append(shared | {"arm": arms[int(row["level"])], "time": plain(row["time"])})
        elif row["quantity"] == "smd" and term in terms:
            found.append(shared | {"name": terms[term]})
    return found


def page_data(
    study: Study, tables: Mapping[str, pd.DataFrame], *, provenance: Mapping[str, Any]
) -> dict[str, Any]:
    """Return everything that the page's script reads, ready for JSON."""
    labels = axis_labels(study)
    return {
        "labels": labels,
        "texts": {
            key: [canonical_text(value) for value in study.axes[axis].values]
            for key, axis in zip("TDGC", AXES, strict=True)
        },
        "axes": dict(zip("TDGC", AXES, strict=True)),
        "estimators": list(ESTIMATOR_LABELS.values()),
        "populations": [population_label(study, population) for population in Population],
        "orders": list(ORDERS.values()),
        "choices": choice_labels(study),
        "terms": attribution_terms(study),
        "names": {
            "dose": in_sentence(study.dose.label),
            "gtv": in_sentence(study.gtv.label),
            "time": study.time.unit,
            "percent": f"{100 * study.analysis.confidence_level:g} %",
            "minimum": study.minimum_count,
        },
        "matched": list(ESTIMATOR_LABELS).index("matched"),
        "primary": [
            study.axes[axis].values.index(value) if value in study.axes[axis].values else 0
            for axis, value in zip(AXES, study.primary, strict=True)
        ],
        "specifications": specification_columns(tables["specifications"], study),
        "curves": shared_curves(tables["arm_curves"], tables["survival_curves"], study),
        "balance": balance_columns(tables["scenario_balance"], study),
        "printed": printed_rows(tables.get("published", NO_MARKS), study),
        "provenance": dict(provenance),
    }
