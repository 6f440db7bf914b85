"""The patients' way into the study and through the primary scenario, in the manner of a CONSORT diagram."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from survival_multiverse.cohort.disclosure import count_words
from survival_multiverse.report.tables.time_tables import of_stage, primary_rows
from survival_multiverse.report.words.labels import arm_labels, axis_value, in_sentence, population_label
from survival_multiverse.report.words.table_cells import is_number, set_label
from survival_multiverse.settings.schema import PRIMARY, Population
from survival_multiverse.settings.study import Study

START, EXCLUDED, ANALYSED, POPULATION, ARM = "start", "excluded", "analysed", "population", "arm"
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

    The counts of each kind of box add up: populations to those analysed, arms to the primary population, and
    of each adjustment set the matched, the unmatched and those without a score.

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
    for step in steps:
        if step["n_excluded"] > 0:
            yield EXCLUDED, str(step["reason"]), step["n_excluded"], nan
    total = float(steps[-1]["n_remaining"])
    yield ANALYSED, "", total, nan
    populations = {
        name: _patients(primary, name, "all", "all") for name in (PRIMARY, Population.OLIGOMETASTATIC)
    }
    for population, count in populations.items():
        yield POPULATION, str(population), count, nan
    yield POPULATION, "", total - sum(populations.values()), nan
    for arm in ("1", "0"):
        yield ARM, arm, _patients(primary, PRIMARY, "arm", arm), nan
    rows = primary_rows(primary, analysis="matching")
    for name in study.adjustment_sets:
        here = of_stage(rows, "matched", name)
        scored = float(here["n"].max()) if len(here) else 0.0
        statistics = here.set_index("statistic")["estimate"]
        pairs, share = (statistics.get(key, nan) for key in ("pairs", "matched_share"))
        matched = 2 * pairs if is_number(pairs) else 0.0
        yield MATCHED, name, matched, share
        yield UNMATCHED, name, scored - matched, nan
        yield UNSCORED, name, populations[PRIMARY] - scored, nan


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
    low, high = arm_labels(study, dose_cutoff=study.primary.dose_cutoff)
    arms = tuple(
        f"{study.dose.label} {high if row['name'] == '1' else low}: {row['words']}" for row in boxes[ARM]
    )
    sets = tuple(
        _set(*rows, study) for rows in zip(boxes[MATCHED], boxes[UNMATCHED], boxes[UNSCORED], strict=True)
    )
    populations = tuple(_population(row, study) for row in boxes[POPULATION] if row["name"] or row["count"])
    return [
        FlowStep(reason[0].upper() + reason[1:], first["words"]),
        FlowStep("Analysed", analysed["words"], out),
        FlowStep(f"By {in_sentence(study.lesions.label)}, primary threshold", "", branches=populations),
        FlowStep("Primary population by arm", "", branches=arms),
        FlowStep(f"Matched 1:1, {axis_value(study, 'caliper', study.primary.caliper)}", "", branches=sets),
    ]


def _population(row: dict[str, Any], study: Study) -> str:
    if not row["name"]:
        return f"{study.lesions.label} not known, in neither: {row['words']}"
    population = Population(row["name"])
    sign, role = ("≥", ", primary population") if population is PRIMARY else ("<", "")
    limit = axis_value(study, "oligo_threshold", study.primary.oligo_threshold).replace("≥", sign)
    return f"{population_label(study, population)} ({limit}){role}: {row['words']}"


def _set(matched: dict[str, Any], unmatched: dict[str, Any], unscored: dict[str, Any], study: Study) -> str:
    share = matched["share"]
    of = f" ({100 * share:.0f}% of the smaller arm)" if is_number(share) else ""
    lacking = f", a covariate not known {unscored['words']}" if unscored["count"] else ""
    found = f"matched {matched['words']}{of}, unmatched {unmatched['words']}{lacking}"
    return f"{set_label(study, matched['name'])}: {found}"
