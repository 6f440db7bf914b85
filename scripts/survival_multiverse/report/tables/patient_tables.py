"""Tables on the patients of the primary scenario: who they are, how long they lived, and what predicts it."""

import math
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.cohort.disclosure import count_words
from survival_multiverse.report.style.formats import display_unit, format_p
from survival_multiverse.report.words.labels import (
    arm_labels,
    contrast_label,
    level_label,
    variable_label,
    with_unit,
)
from survival_multiverse.report.words.table_cells import (
    GAP,
    HELD,
    interval,
    is_number,
    reason_text,
    set_label,
)
from survival_multiverse.scenario.cautions import marked
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import OPTIONAL_ROLES, canonical_text

ARMS = (1, 0)
"""The order of the arms in every table: at or above the cutoff, then below; of groups the reference last."""


def table_one(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Make Table 1: patients by arm before and after matching, chi-square P, largest |SMD| by variable.

    Before matching they are also counted together. What was measured as a number stands below its levels as
    mean and standard deviation by arm.

    Counts are shown in classes; what could give a small one away is withheld.
    """
    stages = [("unadjusted", None), *(("matched", name) for name in study.adjustment_sets)]
    frames = [_stage(estimates, study, estimator, name) for estimator, name in stages]
    frames[0] = pd.concat([frames[0], _balance_before(estimates, study)])
    cells = frames[0]
    cells = cells[(cells["analysis"] == "descriptive") & (cells["statistic"] == "patients_0")]
    rows = []
    for variable in dict.fromkeys(cells["variable"]):
        levels = list(dict.fromkeys(cells.loc[cells["variable"] == variable, "level"]))
        together = _overall(frames[0], variable, levels, study.minimum_count)
        blocks = [_table_one_block(frame, variable, levels, study.minimum_count) for frame in frames]
        for position, level in enumerate(levels):
            row = [variable_label(study, variable), level_label(study, variable, level), together[position]]
            rows.append(row + [text for block in blocks for text in block[position]])
        rows += _measured_rows(frames, variable, study)
    for variable in (*study.covariates, "lesions"):
        if variable not in set(cells["variable"]):
            rows += _measured_rows(frames, variable, study)
    return pd.DataFrame(rows, columns=_heads(frames, study))


def _heads(frames: list[pd.DataFrame], study: Study) -> pd.MultiIndex:
    """Name the columns; arms and all patients with their number."""
    names = arm_labels(study)
    stages = ["Before matching", *(f"Matched, {set_label(study, name)}" for name in study.adjustment_sets)]
    columns = [("", "Variable"), ("", "Level")]
    columns.append((stages[0], "Overall" + _number(frames[0], "all", "all", study.minimum_count)))
    for stage, frame in zip(stages, frames, strict=True):
        columns += [
            (stage, names[arm] + _number(frame, "arm", str(arm), study.minimum_count)) for arm in ARMS
        ]
        columns += [(stage, name) for name in ("P", "|SMD|")]
    return pd.MultiIndex.from_tuples(columns)


def _number(frame: pd.DataFrame, variable: str, level: str, minimum: int) -> str:
    """Return `` (n = 92)``, as counts are shown; nothing where nobody was counted."""
    rows = frame[(frame["analysis"] == "descriptive") & (frame["statistic"] == "patients")]
    found = rows.loc[(rows["variable"] == variable) & (rows["level"] == level), "estimate"]
    if found.empty:
        return ""
    words = count_words(float(found.iloc[0]), minimum=minimum)
    return f" (n {words})" if words.startswith("<") else f" (n = {words})"


def _counts(frame: pd.DataFrame, variable: str, levels: list[str]) -> np.ndarray:
    """Return patients by level and arm."""
    here = frame[(frame["variable"] == variable) & (frame["analysis"] == "descriptive")]
    counts = np.zeros((len(levels), 2), dtype=np.int64)
    for arm in (0, 1):
        column = here[here["statistic"] == f"patients_{arm}"].set_index("level")["estimate"]
        counts[:, arm] = column.reindex(levels).fillna(0).to_numpy().astype(np.int64)
    return counts


def _overall(frame: pd.DataFrame, variable: str, levels: list[str], minimum: int) -> list[str]:
    """Return the patients of both arms by level: those that the Kaplan-Meier curves of the levels count.

    Beside a small count of an arm they are withheld, because they bound it.
    """
    rows = frame[(frame["analysis"] == "kaplan_meier") & (frame["statistic"] == "median")]
    found = rows[rows["variable"] == variable].set_index("level")["n"].reindex(levels)
    if found.isna().any():
        return [GAP] * len(levels)
    arms = _counts(frame, variable, levels)
    if ((arms > 0) & (arms < minimum)).any():
        return [HELD] * len(levels)
    counts = found.to_numpy().astype(np.int64)
    return [_with_share(counts, position, minimum) for position in range(len(levels))]


def _stage(estimates: pd.DataFrame, study: Study, estimator: str, adjustment_set: str | None) -> pd.DataFrame:
    mask = (estimates["population"] == study.primary_population) & (estimates["landmark"] == 0)
    mask &= estimates["subgroup"].isna() & (estimates["estimator"] == estimator)
    chosen = estimates["adjustment_set"]
    return estimates[mask & (chosen.isna() if adjustment_set is None else chosen == adjustment_set)]


def _balance_before(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return balance before matching, from the adjustment set whose score leaves out the fewest patients."""
    found = [_stage(estimates, study, "unadjusted", name) for name in study.adjustment_sets]
    found = [frame[frame["analysis"] == "balance"] for frame in found]
    return max(found, key=lambda frame: frame["n"].max() if len(frame) else -1)


def _table_one_block(
    frame: pd.DataFrame, variable: str, levels: list[str], minimum: int
) -> list[tuple[str, str, str, str]]:
    here = frame[frame["variable"] == variable]
    counts = _counts(frame, variable, levels)
    # A test of the counts could reveal a small one.
    held = bool(((counts > 0) & (counts < minimum)).any())
    p_values = here.loc[here["analysis"] == "chi_square", "p_value"].to_numpy(dtype=np.float64)
    smd = here[(here["analysis"] == "balance") & (here["statistic"] == "smd")]
    # As measured it has a row of its own.
    smd = smd[smd["level"].isin(levels)]
    largest = smd["estimate"].abs().max() if len(smd) else math.nan
    block = []
    for position in range(len(levels)):
        first = position == 0
        tests = (
            HELD if held else format_p(p_values[0]) if len(p_values) else GAP,
            HELD if held else f"{largest:.2f}" if is_number(largest) else GAP,
        )
        block.append(
            (
                _with_share(counts[:, ARMS[0]], position, minimum),
                _with_share(counts[:, ARMS[1]], position, minimum),
                *(tests if first else ("", "")),
            )
        )
    return block


def _measured_rows(frames: list[pd.DataFrame], variable: str, study: Study) -> list[list[str]]:
    """Return the row of a variable as measured, if it was: mean and standard deviation by arm, |SMD|."""
    first = frames[0]
    if not ((first["variable"] == variable) & (first["statistic"] == "standard_deviation")).any():
        return []
    role = study.covariates.get(variable) or getattr(study, variable)
    row = [variable_label(study, variable), f"Mean (SD), {display_unit(role.unit)}".removesuffix(", "), GAP]
    for frame in frames:
        row += _measured_block(frame[frame["variable"] == variable], study.minimum_count)
    return [row]


def _measured_block(here: pd.DataFrame, minimum: int) -> tuple[str, str, str, str]:
    """Return cells of both arms, no test, and |SMD|; none for an arm with under `minimum` known values."""
    cells = []
    for arm in ARMS:
        found = here[(here["level"] == f"arm {arm}") & (here["analysis"] == "descriptive")]
        values = found.set_index("statistic")["estimate"]
        mean, spread = values.get("mean", math.nan), values.get("standard_deviation", math.nan)
        if len(found) and found["n"].max() < minimum:
            cells.append(HELD)
        else:
            digits = 2 if spread < 1 else 1
            cells.append(f"{mean:.{digits}f} ({spread:.{digits}f})" if is_number(spread) else GAP)
    smd = here[(here["analysis"] == "balance") & (here["level"] == "continuous")]
    smd = smd.loc[smd["statistic"] == "smd", "estimate"].abs().max()
    difference = HELD if HELD in cells else f"{smd:.2f}" if is_number(smd) else GAP
    first, second = cells
    return first, second, GAP, difference


def _with_share(counts: np.ndarray, level: int, minimum: int) -> str:
    """Return count and percentage; no percentage if any count of the column is small."""
    text = count_words(counts[level], minimum=minimum)
    if ((counts > 0) & (counts < minimum)).any():
        return text
    return f"{text} ({100 * counts[level] / max(counts.sum(), 1):.0f}%)"


def univariate_table(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Make Table 2: survival by level of each factor, log-rank P, and the univariate hazard ratio."""
    frame = _stage(estimates, study, "unadjusted", None)
    curves = frame[frame["analysis"] == "kaplan_meier"]
    unit = f", {display_unit(study.time.unit)}" if study.time.unit else ""
    times = study.analysis.survival_times
    columns = [
        "Factor",
        "Level",
        f"Median{unit} (CI)",
        *(f"Survival at {with_unit(t, study.time.unit)}" for t in times),
    ]
    columns += ["Log-rank P", "Hazard ratio (CI)", "Cox P"]
    rows = []
    for variable in [name for name in dict.fromkeys(curves["variable"]) if name != "all"]:
        here = curves[curves["variable"] == variable]
        for position, level in enumerate(
            level for level in dict.fromkeys(here["level"]) if " vs " not in level
        ):
            found = {row["statistic"]: row for row in here[here["level"] == level].to_dict("records")}
            small = found["median"]["n"] < study.minimum_count
            row = [variable_label(study, variable), level_label(study, variable, level)]
            row.append(
                f"<{study.minimum_count} patients" if small else interval(found["median"], form=_one_decimal)
            )
            row += [GAP if small else _percentage(found.get(f"survival_{canonical_text(t)}")) for t in times]
            row.append(_log_rank(frame, variable) if position == 0 else "")
            rows.append(row + _univariate(frame, variable, level, reference=position == 0))
    return pd.DataFrame(rows, columns=columns)


def _log_rank(frame: pd.DataFrame, variable: str) -> str:
    rows = frame[(frame["analysis"] == "log_rank") & (frame["variable"] == variable) & frame["model"].isna()]
    return format_p(float(rows["p_value"].iloc[0])) if len(rows) else GAP


def _univariate(frame: pd.DataFrame, variable: str, level: str, *, reference: bool) -> list[str]:
    model = "arm_only" if variable == "arm" else "univariate"
    rows = _cox(frame, model)
    rows = rows[(rows["variable"] == variable) & rows["level"].astype(str).str.startswith(f"{level} vs ")]
    if reference:
        return ["1 (reference)", ""]
    if rows.empty:
        return [GAP, GAP]
    row = rows.iloc[0].to_dict()
    return [marked(interval(row), row["flags"]), format_p(float(rows["p_value"].iloc[0]))]


def _cox(frame: pd.DataFrame, model: str) -> pd.DataFrame:
    return frame[
        (frame["analysis"] == "cox") & (frame["model"] == model) & (frame["ties"] == "efron")
        & (frame["statistic"] == "hazard_ratio") & (frame["variance"] == "model")
    ]  # fmt: skip


def multivariable_table(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Make Table 3: the pre-specified and the selected multivariable Cox models, before matching.

    Where the selection gives the pre-specified model, it stands once.
    """
    frame = _stage(estimates, study, "unadjusted", None)
    pre_specified, selected = (_model_rows(frame, model, study) for model in ("pre_specified", "selected"))
    labelled = {"Pre-specified": pre_specified, "Selected by univariate P": selected}
    if pre_specified and sorted(pre_specified) == sorted(selected):
        labelled = {"Pre-specified, and the same by selection on univariate P": pre_specified}
    rows = [[label, *row] for label, found in labelled.items() for row in found]
    return pd.DataFrame(rows, columns=["Model", "Variable", "Contrast", "Hazard ratio (CI)", "P"])


def _model_rows(frame: pd.DataFrame, model: str, study: Study) -> list[list[str]]:
    """Return the terms of a multivariable model: variable, contrast, hazard ratio and P."""
    return [
        [
            variable_label(study, row["variable"]),
            contrast_label(study, row["variable"], row["level"] if isinstance(row["level"], str) else ""),
            marked(interval(row), row["flags"]) if row["status"] == "ok" else reason_text(row),
            format_p(row["p_value"]),
        ]
        for row in _cox(frame, model).to_dict("records")
    ]


def missing_table(cohort: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return missing values by variable of the analysed cohort, a table of `release.cohort_counts`."""
    found = cohort.set_index("variable")
    analysed = count_words(found["patients"].iloc[0], minimum=study.minimum_count)
    rows = []
    for name in (*OPTIONAL_ROLES, *study.covariates):
        count = found["n_missing"].get(name, 0.0)
        if count:
            shown = count_words(count, minimum=study.minimum_count)
            rows.append([variable_label(study, name), shown, analysed])
    return pd.DataFrame(rows, columns=["Variable", "Missing", "of patients"])


def _one_decimal(value: float) -> str:
    return f"{value:.1f}"


def _percentage(row: dict[str, Any] | None) -> str:
    return f"{100 * row['estimate']:.0f}%" if row is not None and is_number(row["estimate"]) else GAP
