"""Tables of the primary scenario in time: curves, follow-up, restricted means, hazards, landmarks."""

import math
from typing import Any

import pandas as pd

from survival_multiverse.cohort.disclosure import count_words
from survival_multiverse.inference.specification_summary import ESTIMATOR_ORDER
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, display_unit, format_p, format_ratio
from survival_multiverse.report.words.labels import arm_labels, variable_label, with_unit
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.report.words.table_cells import (
    GAP,
    count_text,
    interval,
    is_number,
    reason_text,
    set_label,
)
from survival_multiverse.scenario.cautions import marked
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import canonical_text

ORDER_LABELS = {
    "match_then_landmark": "matched, then landmark",
    "landmark_then_match": "landmark, then matched",
}


def primary_rows(
    estimates: pd.DataFrame, study: Study, *, analysis: str, landmark: float = 0.0
) -> pd.DataFrame:
    """Return the rows of one analysis, primary population, no subgroup."""
    return estimates[
        (estimates["population"] == study.primary_population)
        & (estimates["landmark"] == landmark)
        & (estimates["analysis"] == analysis)
        & estimates["subgroup"].isna()
    ]


def stages(study: Study) -> list[tuple[str, str | None, str]]:
    """Return the stages before and after matching on each adjustment set: estimator, set, label."""
    matched = [("matched", name, f"Matched, {set_label(study, name)}") for name in study.adjustment_sets]
    return [("unadjusted", None, "Before matching"), *matched]


def of_stage(rows: pd.DataFrame, estimator: str, name: str | None) -> pd.DataFrame:
    """Return the rows of one stage."""
    chosen = rows["adjustment_set"]
    return rows[(rows["estimator"] == estimator) & (chosen.isna() if name is None else chosen == name)]


def survival_table(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return median survival by arm, survival at the study's times, and its difference between the arms."""
    rows = primary_rows(estimates, study, analysis="kaplan_meier")
    rows = rows[rows["variable"] == "arm"]
    low, high = arm_labels(study)
    times = study.analysis.survival_times
    table = []
    for estimator, name, label in stages(study):
        here = of_stage(rows, estimator, name)
        for level, arm in (("1", high), ("0", low)):
            found = _by_statistic(here[here["level"] == level])
            small = not found or found["median"]["n"] < study.minimum_count
            cells = [GAP if small else interval(found["median"], form=_one_decimal)]
            cells += [
                GAP if small else _share(found.get(f"survival_{canonical_text(time)}")) for time in times
            ]
            table.append([label, arm, *cells])
        found = _by_statistic(here[here["level"] == "1 vs 0"])
        differences = [_share(found.get(f"survival_difference_{canonical_text(time)}")) for time in times]
        table.append([label, "difference", "", *differences])
    unit = f", {display_unit(study.time.unit)}" if study.time.unit else ""
    columns = ["Patients", study.dose.label, f"Median{unit} (CI)"]
    return pd.DataFrame(
        table, columns=[*columns, *(f"At {with_unit(time, study.time.unit)} (CI)" for time in times)]
    )


def _by_statistic(rows: pd.DataFrame) -> dict[str, dict[str, Any]]:
    return {row["statistic"]: row for row in rows.to_dict("records")}


def _one_decimal(value: float) -> str:
    return f"{value:.1f}"


def _share(row: dict[str, Any] | None) -> str:
    if row is None or not is_number(row["estimate"]):
        return GAP if row is None else reason_text(row)
    cells = [row["estimate"], row["ci_lower"], row["ci_upper"]]
    words = [f"{100 * value:.0f}".replace("-", "−") if is_number(value) else "?" for value in cells]
    if words[1:] == ["?", "?"]:
        return f"{words[0]}%"
    return f"{words[0]}% ({words[1]} to {words[2]})"


def follow_up_table(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the reverse Kaplan-Meier median of follow-up, and the median of those still under observation.

    Their shortest and longest follow-up are single patients' and are not shown.
    """
    rows = primary_rows(estimates, study, analysis="follow_up")
    low, high = arm_labels(study)
    table = []
    for estimator, name, label in stages(study):
        here = of_stage(rows, estimator, name)
        groups = [
            _by_statistic(here[(here["variable"] == variable) & (here["level"] == level)])
            for variable, level in (("all", "all"), ("arm", "1"), ("arm", "0"))
        ]
        if all(groups):
            alive = [int(group["alive"]["estimate"]) for group in groups]
            shown = [count_words(count, minimum=study.minimum_count) for count in alive]
            for group, words, text in zip(groups, ("all", high, low), shown, strict=True):
                table.append([label, words, *_follow_up(group, text)])
    unit = f", {display_unit(study.time.unit)}" if study.time.unit else ""
    columns = ["Patients", study.dose.label, "Number", f"Median follow-up{unit} (CI)"]
    return pd.DataFrame(table, columns=[*columns, "Without the event", f"Their median{unit}"])


def _follow_up(group: dict[str, dict[str, Any]], alive: str) -> list[str]:
    """Return number, reverse median, those without the event and their median; nothing for small groups."""
    reverse = group["reverse_kaplan_meier_median"]
    few = not alive[0].isdigit()
    value = group["alive_median"]["estimate"]
    median = GAP if few or not is_number(value) else _one_decimal(value)
    return [count_text(reverse["n"]), GAP if few else interval(reverse, form=_one_decimal), alive, median]


def rmst_table(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the restricted mean survival of both arms and its difference."""
    rows = primary_rows(estimates, study, analysis="rmst")
    low, high = arm_labels(study)
    table = []
    for estimator, name, label in stages(study):
        here = of_stage(rows, estimator, name)
        found = {row["level"]: row for row in here.to_dict("records")}
        if not found:
            continue
        means = [
            f"{found[arm]['estimate']:.1f}" if arm in found and is_number(found[arm]["estimate"]) else GAP
            for arm in ("1", "0")
        ]
        row = found.get("1 vs 0", {"estimate": math.nan})
        if is_number(row["estimate"]):
            words = [f"{row[key]:.1f}".replace("-", "−") for key in ("estimate", "ci_lower", "ci_upper")]
            shown = [f"{words[0]} ({words[1]} to {words[2]})", format_p(row["p_value"])]
        else:
            shown = [reason_text(row) or GAP, GAP]
        table.append([label, *means, *shown])
    columns = ["Patients", f"Mean, {high}", f"Mean, {low}", "Difference (CI)", "P"]
    return pd.DataFrame(table, columns=columns)  # fmt: skip


def proportional_hazards_table(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Score tests of proportional hazards: of the arm alone, and of the pre-specified model."""
    rows = primary_rows(estimates, study, analysis="ph_test")
    table = []
    for estimator, name, label in stages(study):
        here = of_stage(rows, estimator, name)
        for model, variable, words in (
            ("arm_only", "arm", f"{study.dose.label} alone"),
            ("pre_specified", "arm", f"{study.dose.label} in the pre-specified model"),
            ("pre_specified", "global", "Pre-specified model, all terms"),
        ):
            found = here[(here["model"] == model) & (here["variable"] == variable)].to_dict("records")
            if found:
                row = found[0]
                known = is_number(row["estimate"])
                table.append(
                    [
                        label,
                        words,
                        f"{row['estimate']:.2f}" if known else reason_text(row),
                        count_text(row["df"]),
                        format_p(row["p_value"]),
                    ]
                )
    return pd.DataFrame(table, columns=["Patients", "Term", "Chi-square", "df", "P"])


def landmark_table(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return estimates of the primary scenario beyond each landmark, with the patients at risk there."""
    rows = specifications[
        (specifications["population"] == study.primary_population) & specifications["is_primary"].astype(bool)
    ]
    table, words = [], measure_words(study)
    for landmark, here in rows.groupby("landmark"):
        for estimator in ESTIMATOR_ORDER:
            for row in here[here["estimator"] == estimator].to_dict("records"):
                name, ok = row["adjustment_set"], is_number(row["estimate"])
                small = row["n"] < study.minimum_count
                label = ESTIMATOR_LABELS[estimator]
                if isinstance(row["landmark_order"], str):
                    label = f"{label}: {ORDER_LABELS[row['landmark_order']]}"
                table.append(
                    [
                        with_unit(landmark, study.time.unit) if landmark else "none",
                        label,
                        set_label(study, name) if isinstance(name, str) else "none",
                        f"<{study.minimum_count}" if small else count_text(row["n"]),
                        f"<{study.minimum_count}" if row["events"] < study.minimum_count
                        else count_text(row["events"]),
                        marked(words.interval(row), row["flags"])
                        if ok
                        else reason_text(row),
                        format_ratio(1 / row["estimate"]) if ok and words.measure.ratio else GAP,
                        format_p(row["p_value"]) if ok else GAP,
                    ]
                )  # fmt: skip
    columns = ["Landmark", "Estimator", "Adjusted for", "At risk", "Events", "Hazard ratio (CI)", "1/HR", "P"]
    made = pd.DataFrame(table, columns=columns)
    if words.measure.ratio:
        return made
    title = f"{words.headed} (CI)"
    return made.drop(columns="1/HR").rename(columns={"Hazard ratio (CI)": title})


def interaction_table(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return tests of interaction between the arm and each factor, before and after matching."""
    rows = primary_rows(estimates, study, analysis="interaction")
    names = {"likelihood_ratio": "likelihood ratio", "wald_clustered": "Wald, clustered by pair"}
    table = []
    for factor in study.analysis.interactions:
        late = " †" if study.flags((factor,)) else ""
        for estimator, name, label in stages(study):
            here = of_stage(rows, estimator, name)
            for row in here[here["variable"] == factor].to_dict("records"):
                known = is_number(row["estimate"])
                table.append(
                    [
                        variable_label(study, factor) + late,
                        label,
                        names.get(row["model"], str(row["model"])),
                        f"{row['estimate']:.2f}" if known else reason_text(row),
                        count_text(row["df"]),
                        format_p(row["p_value"]),
                    ]
                )
    columns = ["Factor", "Patients", "Test", "Chi-square", "df", "P of the interaction"]
    return pd.DataFrame(table, columns=columns)
