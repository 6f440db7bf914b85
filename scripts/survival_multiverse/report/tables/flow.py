"""The patients' way into the study and through the primary scenario, in the manner of a CONSORT diagram."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from survival_multiverse.cohort.disclosure import count_words
from survival_multiverse.report.tables.time_tables import of_stage, primary_rows
from survival_multiverse.report.words.decisions import caliper_words
from survival_multiverse.report.words.labels import (
    arm_labels,
    in_sentence,
    named_arms,
    option_label,
    population_label,
    with_unit,
)
from survival_multiverse.report.words.table_cells import is_number, set_label
from survival_multiverse.settings.schema import Population
from survival_multiverse.settings.study import Study

START, EXCLUDED, ANALYSED, POPULATION, ARM = "start", "excluded", "analysed", "population", "arm"
OPTION, CHOSEN = "option", "primary options"
MATCHED, UNMATCHED, UNSCORED = "matched", "unmatched", "not scored"


@dataclass(frozen=True, slots=True)
class FlowStep:
    """A box of the flow: its words, its count as printed, who left before it, and what it divides into."""

    title: str
    count: str
    out: tuple[tuple[str, str], ...] = ()
    branches: tuple[str, ...] = field(default=())


def flow_counts(flow: pd.DataFrame, primary: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Count everybody from those in the data to the matched pairs of the primary scenario.

    The counts of each kind of box add up: populations to those whom the primary options keep of those
    analysed, arms to the primary population, and of each adjustment set the matched, the unmatched and those
    without a score. An option says how many of those analysed it leaves out.

    Parameters
    ----------
    flow
        ``results/cohort/flow.parquet``: step, reason, n_excluded, n_remaining.
    primary
        Rows of the primary scenario.

    Returns
    -------
    DataFrame
        box (what is counted), name (of the reason, population, arm or set), count, and share of the smaller
        arm that is matched.
    """
    rows = list(_counted(flow.to_dict("records"), primary, study))
    return pd.DataFrame(rows, columns=["box", "name", "count", "share"]).astype(
        {"count": float, "share": float}
    )


def _counted(
    steps: list[dict[str, Any]], primary: pd.DataFrame, study: Study
) -> Iterator[tuple[str, str, float, float]]:
    nan = float("nan")
    yield START, str(steps[0]["reason"]), steps[0]["n_remaining"], nan
    entry = [step for step in steps if step["step"] != OPTION]
    for step in entry:
        if step["n_excluded"] > 0:
            yield EXCLUDED, str(step["reason"]), step["n_excluded"], nan
    total = float(entry[-1]["n_remaining"])
    yield ANALYSED, "", total, nan
    for step in steps:
        if step["step"] == OPTION:
            yield OPTION, str(step["reason"]), step["n_excluded"], nan
    everybody = _patients(primary, Population.ALL, "all", "all")
    if study.lesions is not None:
        yield from _by_population(primary, everybody)
    if everybody != total:
        yield CHOSEN, "", everybody, nan
    population = study.primary_population
    for arm in ("1", "0"):
        yield ARM, arm, _patients(primary, population, "arm", arm), nan
    of_primary = _patients(primary, population, "all", "all")
    rows = primary_rows(primary, study, analysis="matching")
    for name in study.adjustment_sets:
        here = of_stage(rows, "matched", name)
        scored = float(here["n"].max()) if len(here) else 0.0
        statistics = here.set_index("statistic")["estimate"]
        pairs, share = (statistics.get(key, nan) for key in ("pairs", "matched_share"))
        matched = 2 * pairs if is_number(pairs) else 0.0
        yield MATCHED, name, matched, share
        yield UNMATCHED, name, scored - matched, nan
        yield UNSCORED, name, of_primary - scored, nan


def _by_population(primary: pd.DataFrame, everybody: float) -> Iterator[tuple[str, str, float, float]]:
    counts = [
        (str(name), _patients(primary, name, "all", "all"))
        for name in (Population.NON_OLIGOMETASTATIC, Population.OLIGOMETASTATIC)
    ]
    for name, count in (*counts, ("", everybody - sum(count for _, count in counts))):
        yield POPULATION, name, count, float("nan")


def _patients(primary: pd.DataFrame, population: Population, variable: str, level: str) -> float:
    rows = primary[
        (primary["population"] == str(population)) & (primary["landmark"] == 0) & primary["subgroup"].isna()
        & (primary["estimator"] == "unadjusted") & (primary["analysis"] == "descriptive")
        & (primary["statistic"] == "patients") & (primary["variable"] == variable)
        & (primary["level"] == level)
    ]  # fmt: skip
    return float(rows["estimate"].iloc[0]) if len(rows) else 0.0


def flow_steps(counts: pd.DataFrame, study: Study) -> list[FlowStep]:
    """Return the boxes of the flow, from the table of `flow_counts`."""
    words = [count_words(count, minimum=study.minimum_count) for count in counts["count"]]
    boxes: dict[str, list[dict[str, Any]]] = {}
    for row in counts.assign(words=words).to_dict("records"):
        boxes.setdefault(row["box"], []).append(row)
    (first,) = boxes[START]
    reason = str(first["name"])
    (analysed,) = boxes[ANALYSED]
    out = tuple((row["name"], row["words"]) for row in boxes.get(EXCLUDED, []))
    names, between = arm_labels(study), ", " if named_arms(study) else " "
    arms = tuple(
        f"{study.dose.label}{between}{names[int(row['name'])]}: {row['words']}" for row in boxes[ARM]
    )
    sets = tuple(
        _set(*rows, study) for rows in zip(boxes[MATCHED], boxes[UNMATCHED], boxes[UNSCORED], strict=True)
    )
    options = tuple(f"{_option(row['name'], study)}: {row['words']}" for row in boxes.get(OPTION, []))
    steps = [
        FlowStep(reason[0].upper() + reason[1:], first["words"]),
        FlowStep("Analysed", analysed["words"], out),
    ]
    if options:
        steps.append(FlowStep("Left out by an option", "", branches=options))
    steps += [FlowStep("Kept by the primary options", row["words"]) for row in boxes.get(CHOSEN, [])]
    if study.lesions is not None:
        by = f"By {in_sentence(study.lesions.label)}, primary threshold"
        found = (_population(row, study) for row in boxes[POPULATION] if row["name"] or row["count"])
        steps.append(FlowStep(by, "", branches=tuple(found)))
    whose = "Primary population" if study.lesions else "Patients"
    return [
        *steps,
        FlowStep(f"{whose} by arm", "", branches=arms),
        FlowStep(f"Matched 1:1, {caliper_words(study)}", "", branches=sets),
    ]


def _option(reason: str, study: Study) -> str:
    """Return the words of an option that leaves patients out, from its line of the flow."""
    known = {
        f"{decision.label}, {value}": f"{decision.label}, {option_label(study, name, value)}"
        for name, decision in study.decisions.items()
        for value in decision.changes
    }
    return known.get(reason, reason)


def _population(row: dict[str, Any], study: Study) -> str:
    assert study.lesions is not None, "without a count there are no populations"
    if not row["name"]:
        return f"{study.lesions.label} not known, in neither: {row['words']}"
    population = Population(row["name"])
    sign, role = ("≥", ", primary population") if population is study.primary_population else ("<", "")
    limit = with_unit(study.primary_cutoffs.lesions, study.lesions.unit)
    return f"{population_label(study, population)} ({sign}{limit}){role}: {row['words']}"


def _set(matched: dict[str, Any], unmatched: dict[str, Any], unscored: dict[str, Any], study: Study) -> str:
    share = matched["share"]
    of = f" ({100 * share:.0f}% of the smaller arm)" if is_number(share) else ""
    lacking = f", a covariate not known {unscored['words']}" if unscored["count"] else ""
    found = f"matched {matched['words']}{of}, unmatched {unmatched['words']}{lacking}"
    return f"{set_label(study, matched['name'])}: {found}"
