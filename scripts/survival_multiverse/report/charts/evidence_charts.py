"""Charts of the primary scenario with their words: time, strata, what was not measured, the joint test."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.inference.joint_summary import NULL_LABELS
from survival_multiverse.inference.specification_summary import (
    estimated,
    headline,
    primary_block,
)
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.balance_charts import love_chart, overlap_chart, smd_chart
from survival_multiverse.report.charts.bias_charts import bias_surface_chart
from survival_multiverse.report.charts.contrasts import told_by_cutoff
from survival_multiverse.report.charts.control_charts import control_chart
from survival_multiverse.report.charts.cutpoint_charts import cutpoint_chart
from survival_multiverse.report.charts.evidence import bias_spec, forest_spec, joint_spec
from survival_multiverse.report.charts.grid_charts import Chart, limits_of, published_points
from survival_multiverse.report.charts.immortal_charts import immortal_chart
from survival_multiverse.report.charts.page_data import balance_terms
from survival_multiverse.report.charts.time_charts import landmark_chart
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_ratio
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.tables.time_tables import of_stage, primary_rows, stages
from survival_multiverse.report.words.captions import dagger
from survival_multiverse.report.words.labels import (
    arm_labels,
    factor_levels,
    in_sentence,
    level_label,
    variable_label,
)
from survival_multiverse.report.words.measures import RATIOS, measure_words
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.table_cells import interval, is_number, set_label
from survival_multiverse.scenario.cautions import NOTE, care, marked
from survival_multiverse.scenario.sensitivity import RARE_RISK, e_value, risk_ratio
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.study import ONE_UNIT, Study


def evidence_charts(tables: Mapping[str, pd.DataFrame], study: Study) -> dict[str, Chart]:
    """Return the charts of the primary scenario and of its block; no filter of the page reaches them."""
    primary, specifications = tables["primary"], tables["specifications"]
    published = tables.get("published", NO_MARKS)
    made = [
        love_chart(primary, study, published),
        overlap_chart(tables["score_overlap"], study),
        smd_chart(specifications, study, published),
        landmark_chart(specifications, study),
        immortal_chart(tables.get("immortal_time"), study),
        _forest(primary, study),
        _bias(primary, tables[RATIOS], study),
        bias_surface_chart(tables, study),
        control_chart(tables, study),
        *(cutpoint_chart(tables, study, name) for name in ("dose", "gtv")),
        _joint(tables["null_curves"], specifications, study),
    ]
    return {chart.name: chart for chart in made if chart is not None}


def _forest(primary: pd.DataFrame, study: Study) -> Chart | None:
    rows = primary[
        (primary["population"] == study.primary_population) & (primary["landmark"] == 0)
        & (primary["analysis"] == "cox") & (primary["statistic"] == "hazard_ratio")
        & (primary["variable"] == "arm")
        & (primary["model"] == "arm_only") & (primary["ties"] == "efron")
    ]  # fmt: skip
    found, names, words = [], ["All patients"], []
    for estimator, chosen, label in stages(study):
        here = of_stage(rows, estimator, chosen)
        variance = "model" if estimator == "unadjusted" else "clustered"
        here = here[here["variance"] == variance]
        strata = [("All patients", here[here["subgroup"].isna()])]
        for factor in study.analysis.interactions:
            late = " †" if study.flags((factor,)) else ""
            for level in factor_levels(study, factor):
                name = f"{variable_label(study, factor)}{late}: {level_label(study, factor, level)}"
                strata.append((name, here[here["subgroup"] == f"{factor}={level}"]))
        for name, part in strata:
            printed = study.published.get(estimator) if name == "All patients" else None
            found += [
                _stratum(row, label, name, study) | {"published": printed}
                for row in part.to_dict("records")[:1]
            ]
            names += [name] if name not in names else []
    found = [row for row in found if is_number(row["estimate"])]
    if not found:
        return None
    words = [f"{row['column']}, {row['name']}: {format_ratio(row['estimate'])}" for row in found]
    text = (
        f"Hazard ratios of {in_sentence(study.dose.label)} with {percent(study)} intervals, in strata of the "
        f"primary scenario. They compare {_arms(study)}."
        + (f" {PUBLISHED_NAME.capitalize()}: published." if any(row["published"] for row in found) else "")
    )
    reading = (
        "Whether strata differ is a question for the interaction test, not for their own P values. One "
        "stratum can be significant and the other not, with the same effect in both." + dagger(study)
    )
    columns = [label for _, _, label in stages(study)]
    # Few rows: the axis holds every interval that is not absurdly wide.
    ends = [
        min(max(row[end], 0.1), 10.0)
        for row in found
        for end in ("ci_lower", "ci_upper")
        if is_number(row[end])
    ]
    limits = limits_of(
        [*found, *({"estimate": ratio, "ci_lower": ratio, "ci_upper": ratio} for ratio in ends)]
    )
    spec = forest_spec(found, names=names, columns=columns, limits=limits, percent=percent(study))
    title = f"{study.dose.label} within strata"
    return Chart("forest-chart", title, text, "; ".join(words), spec, reading=reading)


def _arms(study: Study) -> str:
    low, high = arm_labels(study)
    return "at or above the cutoff with below it" if told_by_cutoff(study) else f"{high} with {low}"


def _stratum(row: dict[str, Any], column: str, name: str, study: Study) -> dict[str, Any]:
    small = min(row["n"], row["events"]) < study.minimum_count
    return {
        "column": column,
        "name": name,
        "estimate": row["estimate"],
        "ci_lower": row["ci_lower"],
        "ci_upper": row["ci_upper"],
        "text": interval(row),
        "caution": care(row["flags"]),
        "counts": f"<{study.minimum_count}" if small else f"{row['n']:,.0f}, {row['events']:,.0f}",
    }


def _bias(primary: pd.DataFrame, specifications: pd.DataFrame, study: Study) -> Chart | None:
    rows = headline(specifications, study)
    rows = estimated(rows[rows["is_primary"].astype(bool)])
    rows = rows[rows["estimator"].isin(["matched", "overlap"])]
    rare = bool((rows["risk_at_end"] < RARE_RISK).any())
    measured = _measured(primary, study, rare=rare)
    strengths, styles = {}, {}
    for row in rows.to_dict("records"):
        label = f"{ESTIMATOR_LABELS[row['estimator']]}, {set_label(study, row['adjustment_set'])}"
        label = marked(f"{label} (E-value {format_ratio(row['e_value'])})", row["flags"])
        away = risk_ratio(row["estimate"], rare=rare)
        if away > 1.01:
            strengths[label] = away
            styles[label] = (row["estimator"], list(study.adjustment_sets).index(row["adjustment_set"]))
    if "matched" in study.published:
        ratio = study.published["matched"]
        strength = format_ratio(e_value(ratio, rare=rare))
        label = f"Published, {in_sentence(ESTIMATOR_LABELS['matched'])} (E-value {strength})"
        strengths[label], styles[label] = risk_ratio(ratio, rare=rare), ("published", 0)
    if not strengths or not measured:
        return None
    largest = max(away + math.sqrt(away * (away - 1)) for away in strengths.values())
    reach = max(1.35 * largest, 1.1 * max(max(row["exposure"], row["outcome"]) for row in measured))
    # From where the curve enters the chart at its top to where it leaves it at the right: never cut.
    curves = [
        {"name": name, "exposure": float(dose), "outcome": float(away * (dose - 1) / (dose - away))}
        for name, away in strengths.items()
        for dose in np.geomspace(away * (reach - 1) / (reach - away), reach, 60)
    ]
    text = (
        "Curves: how strong a hidden confounder would have to be to explain the hazard ratio of the primary "
        "scenario away. Points: how strong the measured baseline covariates are, each alone."
    )
    reading = (
        "A hidden confounder needs a link with the arm (across) and one with the event (up). Where both are "
        "equal on a curve, they are the E-value. A point beyond a curve is a covariate that could have "
        "explained the result, had it been left out. The key gives both ratios of each. One that enters as a "
        "number counts per standard deviation, its |SMD| d as the ratio exp(0.91 d) (VanderWeele and Ding "
        "2017)." + dagger(study)
    )
    alternative = (
        "; ".join(strengths)
        + ". Strongest measured, by the smaller of its two ratios: "
        + _strongest(measured)
    )
    spec = bias_spec(curves, measured, styles, reach)
    title = "What was not measured, beside what was"
    return Chart("bias-chart", title, text, alternative, spec, reading=reading)


def _strongest(measured: list[dict[str, Any]]) -> str:
    row = max(measured, key=lambda row: min(row["exposure"], row["outcome"]))
    return f"{row['name']}, {row['exposure']:.2f} with the arm and {row['outcome']:.2f} with the event."


def _measured(primary: pd.DataFrame, study: Study, *, rare: bool) -> list[dict[str, Any]]:
    """Return the ratio of each baseline covariate's share between the arms, and its risk ratio for death."""
    terms = balance_terms(study)
    balance = primary_rows(primary, study, analysis="balance")
    balance = balance[(balance["estimator"] == "unadjusted") & balance["adjustment_set"].notna()]
    cox = of_stage(primary_rows(primary, study, analysis="cox"), "unadjusted", None)
    cox = cox[
        (cox["model"] == "univariate") & (cox["ties"] == "efron") & (cox["statistic"] == "hazard_ratio")
    ]
    found: dict[str, dict[str, Any]] = {}
    for (variable, level), name in terms.items():
        if name.endswith("†"):
            continue
        here = balance[(balance["variable"] == variable) & (balance["level"] == level)]
        shares = here.drop_duplicates("statistic").set_index("statistic")["estimate"]
        death = cox[cox["variable"] == variable]
        covariate = study.covariates.get(variable)
        if level == "continuous" and (covariate is None or covariate.type == "continuous"):
            per = study.per.get(variable, ONE_UNIT)
            linear = death[death["level"] == (per.words or "per unit")]
            strengths = _per_deviation(primary, study, variable, shares, linear, units=per.units, rare=rare)
            found |= {name: {"name": name} | strengths} if strengths else {}
            continue
        death = death[death["level"].astype(str).str.startswith(f"{level} vs ")]
        if death.empty or not {"mean_0", "mean_1"} <= set(shares.index):
            continue
        low, high, ratio = shares["mean_0"], shares["mean_1"], death["estimate"].iloc[0]
        if min(low, high) > 0 and is_number(ratio):
            strength = max(low, high) / min(low, high)
            found[name] = {"name": name, "exposure": strength, "outcome": risk_ratio(ratio, rare=rare)}
    return list(found.values())


def _per_deviation(
    primary: pd.DataFrame,
    study: Study,
    variable: str,
    balance: pd.Series,
    death: pd.DataFrame,
    *,
    units: float,
    rare: bool,
) -> dict[str, float]:
    """Return the strengths of a continuous covariate per SD (VanderWeele and Ding 2017); {} if unknown.

    `death` has its hazard ratio per so many `units`.
    """
    rows = of_stage(primary_rows(primary, study, analysis="descriptive"), "unadjusted", None)
    rows = rows[(rows["variable"] == variable) & (rows["statistic"] == "standard_deviation")]
    if death.empty or len(rows) < 2 or not is_number(balance.get("smd", math.nan)):
        return {}
    deviation = math.sqrt(float((rows["estimate"] ** 2).mean()))
    ratio = death["estimate"].iloc[0] ** (deviation / units)
    if not is_number(ratio):
        return {}
    return {"exposure": math.exp(0.91 * abs(balance["smd"])), "outcome": risk_ratio(ratio, rare=rare)}


def _joint(null_curves: pd.DataFrame, specifications: pd.DataFrame, study: Study) -> Chart | None:
    here = primary_block(null_curves[null_curves["landmark"] == 0], study)
    here = here[here["population"] == study.primary_population]
    # A selected rest has no null to stand before.
    here = here[here["estimate"].notna() & (here["status"] == Status.OK)]
    if here.empty:
        return None
    observed = _observed(specifications, study)
    rows = [
        {
            "estimator": ESTIMATOR_LABELS[row["estimator"]],
            "null": NULL_LABELS[row["null"]],
            "rank": row["rank"],
            "estimate": row["estimate"],
            "ci_lower": row["null_2.5"],
            "mid": row["null_50"],
            "ci_upper": row["null_97.5"],
            "published": study.published_estimates.get(row["estimator"]),
            **observed.get((row["estimator"], row["rank"]), {}),
        }
        for row in here.to_dict("records")
    ]
    words = measure_words(study)
    printed = [
        f"{ESTIMATOR_LABELS[name]} {format_ratio(value)}" for name, value in study.published_estimates.items()
    ]
    text = (
        f"Points: {words.noun}s of the analyses at the primary {_fixed(study)}, in ascending order; "
        "diamonds: primary scenario. Band and dotted line: the middle 95% and the median of the same curve "
        "without an effect."
    )
    reading = (
        "Each rank is compared with the same rank under a null model. The band is wide where analyses share "
        "their patients. It is no test by itself: the table of joint tests holds the P values."
        + (f" Dashed: published hazard ratios ({', '.join(printed)})." if printed else "")
        + NOTE
    )
    alternative = f"Observed ranks outside the band: {'; '.join(_outside(here))}."
    estimators = [label for label in ESTIMATOR_LABELS.values() if label in {row["estimator"] for row in rows}]
    nulls = [label for label in NULL_LABELS.values() if label in {row["null"] for row in rows}]
    limits = limits_of([*rows, *published_points(study)], words.measure)
    spec = joint_spec(rows, words, estimators=estimators, nulls=nulls, limits=limits)
    return Chart("joint-chart", "Observed against no effect", text, alternative, spec, reading=reading)


def _fixed(study: Study) -> str:
    numeric = all(study.decisions[name].numeric for name in study.outside)
    return "cutoffs" if numeric and study.outside else "options"


def _outside(curves: pd.DataFrame) -> list[str]:
    """Say how many ranks of each curve lie outside the band of each null model."""
    outside = (curves["estimate"] < curves["null_2.5"]) | (curves["estimate"] > curves["null_97.5"])
    counts = outside.groupby([curves["estimator"], curves["null"]], sort=False).agg(["sum", "size"])
    return [
        f"{ESTIMATOR_LABELS[estimator]}, {NULL_LABELS[null]}, {count} of {ranks}"
        for (estimator, null), (count, ranks) in zip(counts.index, counts.to_numpy(), strict=True)
    ]


def _observed(specifications: pd.DataFrame, study: Study) -> dict[tuple[str, int], dict[str, Any]]:
    """Return which ranks of the primary block's curves are the primary scenario's, and cautions."""
    block = estimated(primary_block(headline(specifications, study), study))
    block = block.sort_values("estimate", kind="stable")
    ranks = block.groupby("estimator").cumcount() + 1
    primary = block["is_primary"].astype(bool)
    return {
        (estimator, rank): {"primary": bool(is_primary), "caution": care(flags)}
        for estimator, rank, is_primary, flags in zip(
            block["estimator"], ranks, primary, block["flags"], strict=True
        )
    }
