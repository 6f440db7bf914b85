"""The patients' way into the study and through the primary scenario, in the manner of a CONSORT diagram."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from survival_multiverse.disclosure import printed_counts
from survival_multiverse.labels import arm_labels, axis_value, in_sentence, population_label
from survival_multiverse.schema import Population
from survival_multiverse.study import Study
from survival_multiverse.table_cells import is_number, set_label
from survival_multiverse.time_tables import of_stage, primary_rows


@dataclass(frozen=True, slots=True)
class Step:
    """A box of the flow: its words, its count as printed, who left before it, and what it divides into."""

    title: str
    count: str
    out: tuple[tuple[str, str], ...] = ()
    branches: tuple[str, ...] = field(default=())


def flow_steps(flow: pd.DataFrame, anchor: pd.DataFrame, study: Study) -> list[Step]:
    """Boxes from everybody in the data to the matched pairs of the primary scenario; small counts held back.

    Parameters
    ----------
    flow
        ``results/cohort/flow.parquet``: step, reason, n_excluded, n_remaining.
    anchor
        Rows of the primary scenario.
    """
    rows = flow.to_dict("records")
    minimum = study.minimum_cell
    left = [row for row in rows if row["n_excluded"] > 0]
    total = float(rows[-1]["n_remaining"])
    out = tuple((str(row["reason"]), _count(row["n_excluded"], minimum)) for row in left)
    # One small exclusion could be worked out from the totals before and after it.
    few = any(row["n_excluded"] < minimum for row in left)
    start = "" if few else f"{rows[0]['n_remaining']:,.0f}"
    first = str(rows[0]["reason"])
    steps = [Step(first[0].upper() + first[1:], start), Step("Analysed", f"{total:,.0f}", out)]
    return [*steps, _populations(anchor, study, total), _arms(anchor, study), _pairs(anchor, study)]


def _count(value: float, minimum: int) -> str:
    return f"<{minimum}" if 0 < value < minimum else f"{value:,.0f}"


def _patients(anchor: pd.DataFrame, population: Population, variable: str, level: str) -> float:
    rows = anchor[
        (anchor["population"] == str(population)) & (anchor["landmark"] == 0) & anchor["subgroup"].isna()
        & (anchor["estimator"] == "unadjusted") & (anchor["analysis"] == "descriptive")
        & (anchor["statistic"] == "patients") & (anchor["variable"] == variable) & (anchor["level"] == level)
    ]  # fmt: skip
    return float(rows["estimate"].iloc[0]) if len(rows) else 0.0


def _printed(counts: list[float], study: Study) -> list[str]:
    """Counts that make up a total which is known, none of them small and none to be worked out from it."""
    texts = ["0"] * len(counts)
    some = [place for place, count in enumerate(counts) if count > 0]
    numbers = np.array([counts[place] for place in some], dtype=np.int64)[:, None]
    for place, text in zip(some, printed_counts(numbers, minimum=study.minimum_cell)[:, 0], strict=True):
        texts[place] = str(text)
    return texts


def _populations(anchor: pd.DataFrame, study: Study, total: float) -> Step:
    """Both populations, and who is in neither as the count is not known: together everybody analysed."""
    names, counts = [], []
    for population, sign in ((Population.NON_OLIGOMETASTATIC, "≥"), (Population.OLIGOMETASTATIC, "<")):
        words = axis_value(study, "oligo_threshold", study.anchor[0]).replace("≥", sign)
        role = ", primary population" if population is Population.NON_OLIGOMETASTATIC else ""
        names.append(f"{population_label(study, population)} ({words}){role}")
        counts.append(_patients(anchor, population, "all", "all"))
    if total > sum(counts):
        names.append(f"{study.lesions.label} not known, in neither")
        counts.append(total - sum(counts))
    branches = [f"{name}: {text}" for name, text in zip(names, _printed(counts, study), strict=True)]
    return Step(f"By {in_sentence(study.lesions.label)}, primary threshold", "", branches=tuple(branches))


def _arms(anchor: pd.DataFrame, study: Study) -> Step:
    low, high = arm_labels(study, dose_cutoff=study.anchor[1])
    primary = Population.NON_OLIGOMETASTATIC
    counts = [_patients(anchor, primary, "arm", level) for level in ("1", "0")]
    branches = tuple(
        f"{study.dose.label} {name}: {text}"
        for name, text in zip((high, low), _printed(counts, study), strict=True)
    )
    return Step("Primary population by arm", "", branches=branches)


def _pairs(anchor: pd.DataFrame, study: Study) -> Step:
    """Of each set the matched, the unmatched and those without a score: together the primary population."""
    rows = primary_rows(anchor, analysis="matching")
    everybody = _patients(anchor, Population.NON_OLIGOMETASTATIC, "all", "all")
    branches = []
    for name in study.adjustment_sets:
        here = of_stage(rows, "matched", name)
        scored = float(here["n"].max()) if len(here) else 0.0
        statistics = here.set_index("statistic")["estimate"]
        pairs, share = (statistics.get(key, float("nan")) for key in ("pairs", "matched_share"))
        matched = 2 * pairs if is_number(pairs) else 0.0
        texts = _printed([matched, scored - matched, everybody - scored], study)
        of = f" ({100 * share:.0f} % of the smaller arm)" if is_number(share) else ""
        lacking = f", a covariate not known {texts[2]}" if everybody > scored else ""
        branches.append(f"{set_label(study, name)}: matched {texts[0]}{of}, unmatched {texts[1]}{lacking}")
    caliper = axis_value(study, "caliper", study.anchor[3])
    return Step(f"Matched 1:1, {caliper}", "", branches=tuple(branches))
