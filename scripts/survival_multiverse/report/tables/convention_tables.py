"""The primary scenario as different programs report it: one analysis, several conventions."""

import math

import pandas as pd

from survival_multiverse.report.style.formats import format_p, format_ratio
from survival_multiverse.report.tables.time_tables import of_stage, primary_rows, stages
from survival_multiverse.report.words.labels import arm_labels
from survival_multiverse.report.words.table_cells import GAP, interval, is_number
from survival_multiverse.scenario.cautions import marked
from survival_multiverse.settings.study import Study

COX = (
    ("efron", "clustered", "R coxph(cluster = pair), Efron’s ties"),
    ("efron", "model", "R coxph, Efron’s ties, model-based"),
    ("breslow", "clustered", "Stata stcox, vce(cluster pair), Breslow’s ties"),
    ("breslow", "model", "SPSS, SAS and Stata defaults, Breslow’s ties"),
)
LOG_RANKS = (
    (None, "R survdiff, log-rank"),
    ("pair_stratified", "R survdiff with strata(pair)"),
)
SMDS = (
    ("smd", "SD pooled over both arms before matching (Austin)"),
    ("smd_att", "MatchIt’s default for the ATT: SD of the arm matched for"),
)


def convention_table(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return ties, standard errors, log-rank strata and SMD by convention, before and after matching."""
    table = []
    for estimator, name, label in stages(study):
        cox = of_stage(primary_rows(estimates, study, analysis="cox"), estimator, name)
        cox = cox[(cox["model"] == "arm_only") & (cox["statistic"] == "hazard_ratio")]
        for ties, variance, words in COX:
            found = cox[(cox["ties"] == ties) & (cox["variance"] == variance)].to_dict("records")
            table += [
                [label, words, marked(interval(row), row["flags"]), format_p(row["p_value"])]
                for row in found[:1]
            ]
        table += _log_rank_rows(estimates, study, estimator, name, label)
        table += _smd_rows(estimates, study, estimator, name, label)
    return pd.DataFrame(table, columns=["Patients", "Convention", "Value", "P"])


def _log_rank_rows(
    estimates: pd.DataFrame, study: Study, estimator: str, name: str | None, label: str
) -> list[list[str]]:
    rows = of_stage(primary_rows(estimates, study, analysis="log_rank"), estimator, name)
    rows = rows[(rows["variable"] == "arm") & rows["level"].isna()]
    table = []
    for model, words in LOG_RANKS:
        here = rows[rows["model"].isna() if model is None else rows["model"] == model]
        for row in here[here["statistic"] == "chi_square"].to_dict("records")[:1]:
            known = is_number(row["estimate"])
            shown = f"chi-square {row['estimate']:.2f}" if known else GAP
            table.append([label, words, shown, format_p(row["p_value"])])
    return table


def _smd_rows(
    estimates: pd.DataFrame, study: Study, estimator: str, name: str | None, label: str
) -> list[list[str]]:
    rows = primary_rows(estimates, study, analysis="balance")
    if name is None:
        return []
    rows = of_stage(rows, estimator, name)
    table = []
    for statistic, words in SMDS:
        values = rows.loc[rows["statistic"] == statistic, "estimate"].abs()
        largest = values.max() if len(values) else math.nan
        shown = f"largest |SMD| {largest:.3f}" if is_number(largest) else GAP
        table.append([label, words, shown, ""])
    return table


def inverse_table(estimates: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the primary hazard ratios in both directions: at or above against below, and the inverse."""
    low, high = arm_labels(study)
    rows = primary_rows(estimates, study, analysis="cox")
    table = []
    for estimator, name, label in stages(study):
        variance = "model" if estimator == "unadjusted" else "clustered"
        here = of_stage(rows, estimator, name)
        here = here[
            (here["model"] == "arm_only") & (here["ties"] == "efron") & (here["variance"] == variance)
        ]
        for row in here[here["statistic"] == "hazard_ratio"].to_dict("records")[:1]:
            if not is_number(row["estimate"]):
                continue
            inverse = (1 / row["estimate"], 1 / row["ci_upper"], 1 / row["ci_lower"])
            text = f"{format_ratio(inverse[0])} ({format_ratio(inverse[1])} to {format_ratio(inverse[2])})"
            table.append([label, marked(interval(row), row["flags"]), text, format_p(row["p_value"])])
    columns = ["Patients", f"HR, {high} against {low}", f"HR, {low} against {high}", "P"]
    return pd.DataFrame(table, columns=columns)
