import dataclasses
import itertools
import json
import math
import re

import numpy as np
import pandas as pd
import pytest
from report_frames import (
    estimate,
    failure,
    grid,
    joint_row,
    patients_study,
    small_config,
    small_study,
    specifications,
)

from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.specification_summary import (
    headline,
    primary_block,
    primary_options,
    summarise,
)
from survival_multiverse.report.charts.evidence import BIAS_HEIGHT, BIAS_LEAST, CHARACTER, LINE
from survival_multiverse.report.charts.evidence import apart as apart_names
from survival_multiverse.report.charts.evidence_charts import risk_ratio
from survival_multiverse.report.charts.page_data import (
    CARD_ROWS,
    ORDERS,
    axis_labels,
    balance_columns,
    choice_labels,
    decisions,
    other_columns,
    shared_curves,
    specification_columns,
)
from survival_multiverse.report.release import cohort_counts
from survival_multiverse.report.tables import time_tables
from survival_multiverse.report.tables.flow import flow_counts, flow_steps
from survival_multiverse.report.tables.time_tables import follow_up_table, landmark_table
from survival_multiverse.report.words.answer import answer_table, answers, first_order, silence
from survival_multiverse.report.words.checklists import cutpoint_items, propensity_table, strobe_table
from survival_multiverse.report.words.narrative import readings
from survival_multiverse.report.words.table_cells import GAP
from survival_multiverse.scenario.sensitivity import e_value
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.study import Study


def unpacked(columns, name):
    values = columns["columns"][name]
    return values if isinstance(values, list) else [values["all"]] * columns["rows"]


def test_columns_give_back_the_specifications():
    frame = grid()
    columns = specification_columns(frame, small_study())
    assert columns["rows"] == len(frame)
    labels = axis_labels(small_study())
    for position, row in enumerate(frame.to_dict("records")):
        known = row["status"] == "ok"
        assert (unpacked(columns, "estimate")[position] is not None) == known
        if known:
            assert unpacked(columns, "estimate")[position] == pytest.approx(row["estimate"], rel=1e-3)
        assert (
            labels["dose_cutoff"][unpacked(columns, "dose_cutoff")[position]] == f"≥{row['dose_cutoff']:g} Gy"
        )
        place = unpacked(columns, "caliper")[position]
        assert (place == -1) == math.isnan(row["caliper"])
    assert json.dumps(columns, allow_nan=False)


def test_other_populations_and_landmarks_stand_apart():
    rows = [
        estimate(0.9, population="all"),
        estimate(0.8),
        estimate(0.7, landmark=8.0, landmark_order=next(iter(ORDERS))),
    ]
    assert unpacked(specification_columns(specifications(rows), small_study()), "estimate") == [0.8]
    others = other_columns(specifications(rows), small_study())
    assert unpacked(others, "estimate") == [0.9, 0.7]
    assert unpacked(others, "landmark_order") == [-1, 0]


def test_small_counts_never_reach_the_page():
    rows = [estimate(0.9, n=12, events=4, pairs=3.0), estimate(0.8, n=0, events=0, pairs=0.0)]
    columns = specification_columns(specifications(rows), small_study())
    assert [unpacked(columns, name) for name in ("patients", "events", "pairs")] == [
        [12, 0],
        [-1, 0],
        [-1, 0],
    ]


@pytest.mark.slow
def test_a_large_grid_leaves_the_landmarks_to_the_files():
    rows = specifications([estimate(0.8), estimate(0.7, landmark=8.0)])
    many = pd.concat([rows] * (CARD_ROWS // 2 + 1), ignore_index=True)
    assert specification_columns(many, small_study())["rows"] == CARD_ROWS // 2 + 1
    assert other_columns(many, small_study())["rows"] == 0


def test_equal_labels_stay_apart():
    config = small_config()
    sets = {name: entry | {"label": "Same"} for name, entry in config["adjustment_sets"].items()}
    study = Study.from_config(config | {"adjustment_sets": sets})
    assert len(set(axis_labels(study)["adjustment_set"])) == 2


def test_choices_are_the_values_of_the_axes():
    choices = choice_labels(small_study())
    assert [(choice["group"], choice["value"]) for choice in choices] == [
        *(("Gross tumour volume", "≥100 cm³"), ("Gross tumour volume", "≥146 cm³")),
        *(("Caliper", "0.2"), ("Caliper", "no caliper"), ("Baseline covariates balanced", "through")),
    ]
    labels = axis_labels(small_study())
    assert all(choice["value"] in labels[choice["field"]] for choice in choices[:-1])


def test_decisions_are_told_once_in_a_sentence():
    found = {entry["name"]: entry for entry in decisions(small_study())}
    assert found["oligo_threshold"]["spoken"] == ["≥4 lesions", "≥5 lesions"]
    assert found["dose_cutoff"]["spoken"][1] == "thoracic radiation dose ≥63 Gy"
    assert found["caliper"]["spoken"] == ["caliper 0.2", "no caliper"]
    assert [name for name, entry in found.items() if entry["inside"]] == ["gtv_cutoff", "caliper"]


def test_curves_are_shared_by_digest_and_small_counts_held_back():
    keys = {"oligo_threshold": 5.0, "dose_cutoff": 63.0, "gtv_cutoff": np.nan, "caliper": np.nan}
    links = pd.DataFrame(
        [keys | {"estimator": "unadjusted", "adjustment_set": None, "arm": arm, "n": 30, "curve": name}
         for arm, name in ((0, "a"), (1, ""))]
    )  # fmt: skip
    curves = pd.DataFrame(
        {"curve": ["a", "a"], "time": [0.0, 3.0], "survival": [1.0, 0.51234], "at_risk": [30, 4]}
    )
    shared = shared_curves(links, curves, small_study())
    assert shared["whose"] == {"1.1.-1.-1.-1": ["a", None]}
    assert shared["shapes"] == {"a": [[0, 3], [1.0, 0.512], [30, 0]]}


def test_balance_is_absolute_and_in_the_order_of_the_names():
    keys = {"oligo_threshold": 5.0, "dose_cutoff": 63.0, "gtv_cutoff": 146.0, "caliper": 0.2}
    keys |= {"adjustment_set": "baseline_only", "estimator": "matched"}
    rows = [keys | {"variable": "age", "level": ">=60", "estimate": -0.2},
            keys | {"variable": "age", "level": "continuous", "estimate": 0.9}]  # fmt: skip
    found = balance_columns(pd.DataFrame(rows), small_study())
    row = found["smd"]["1.1.1.0.1.1"]
    assert [value for value in row if value is not None] == [0.2]
    assert found["names"][row.index(0.2)] == "Age: ≥60 years"


# The answer


def joint(*rows):
    return pd.DataFrame(list(rows) or [joint_row()])


def test_the_answer_counts_what_is_in_the_block():
    found = answers(grid(), patients_study(), joint(), attribute(grid(), small_study()))
    block = primary_block(headline(grid(), small_study(), estimator="matched"), small_study())
    summary = summarise(block, RATIO)
    text = " ".join(found[0].sentences).replace("\u00a0", " ")
    who = f"{len(block)} matched analyses, adjusted for “As published”, compare ≥63 Gy with <63 Gy: "
    assert text.startswith(who)
    other = grid()[grid()["adjustment_set"] == "baseline_only"]
    other = primary_options(headline(other, small_study(), estimator="matched"), small_study())
    other = summarise(other, RATIO)
    count = f"{other.estimated} analyses have a median of {other.median:.2f}."
    assert f"Adjusted for “Baseline only”, {count}" in text
    assert f"{summary.longer} of {summary.estimated} (" in text
    assert f"The median is {summary.median:.2f}. Published was 0.60. None of the {len(block)} bal" in text
    assert "The arms compared differ, whatever the hazard ratio" in text
    row = answer_table(found).iloc[0]
    assert row["Hazard ratio below 1"] == f"{summary.longer} of {summary.estimated}"
    assert row["CI excludes 1"] == f"{summary.ci_longer} below, {summary.ci_shorter} above"
    assert row["Joint two-sided P, exposure permuted"] == "0.040"
    assert row["One-sided P towards longer survival, exposure permuted"] == "0.010"
    assert row["Joint two-sided P, survival from covariates"] == "not tested"


def test_the_answer_of_fitted_patients_is_that_at_the_published_cutoffs():
    frame = grid()
    matched, adjusted = answers(frame, small_study(), joint(), attribute(frame, small_study()))
    cell = headline(frame, small_study(), estimator="matched")
    cell = cell[cell["is_primary"]].set_index("adjustment_set")["estimate"]
    assert matched.sentences[1].startswith(
        f"At the published cutoffs they give {cell['as_published']:.2f} (as published †). There the paper’s "
        "own pairs and model gave 0.60."
    )
    assert "an assumption about values within each published category" in matched.sentences[1]
    assert "There the paper’s own model gave 0.68." in adjusted.sentences[1]
    assert "P =" not in " ".join(matched.sentences)
    assert not [name for name in answer_table([matched]) if "ided P" in name]
    assert matched.row["Published"] == "0.60"


def test_the_answer_says_what_is_through_the_gate():
    gate = {"passes_baseline_0.1": True}
    rows = [estimate(0.5), estimate(0.7, caliper=np.inf, **gate), estimate(0.9, gtv_cutoff=100.0, **gate)]
    (found,) = answers(
        specifications(rows), patients_study(), joint(), attribute(grid(), small_study()).iloc[:0]
    )
    assert found.sentences[0].endswith(
        "Only 2 of the 3 balanced every baseline covariate (all standardised differences below 0.1). Their "
        "median is 0.79."
    )
    assert found.row["Balanced"] == "2 of 3"
    assert found.row["Their median HR (range)"] == "0.79 (0.70 to 0.90)"
    (none,) = answers(
        specifications(rows[:1] * 2), patients_study(), joint(), attribute(grid(), small_study()).iloc[:0]
    )
    assert "None of the 2 balanced every baseline covariate" in none.sentences[0]
    assert none.row["Their median HR (range)"] == "none"


@pytest.mark.parametrize("study", [small_study, patients_study])
def test_every_answer_is_a_few_paragraphs(study):
    alone = estimate(0.6, estimator="unadjusted", adjustment_set=None, is_primary=True)
    frame = pd.concat([grid(), specifications([alone])], ignore_index=True)
    found = answers(frame, study(), joint(), attribute(grid(), small_study()))
    assert len(found) == 3
    for answer in found:
        # A full stop at the end, five more at most; those inside numbers have no blank behind them.
        assert all(part.endswith(".") and part.count(". ") <= 5 for part in answer.sentences)
        # Where there is one analysis, no choice can move it.
        assert len(answer.sentences) == (2 if answer.name == "Unadjusted" else 3)


def test_the_answer_names_the_largest_share():
    attribution = attribute(grid(), small_study())
    found = answers(grid(), small_study(), joint(), attribution)
    share = next(iter(first_order(attribution, small_study(), "matched").values()))
    assert share == max(first_order(attribution, small_study(), "matched").values())
    assert f"{100 * share:.0f}%" in found[0].sentences[2]


def test_the_answer_without_an_estimate():
    frame = specifications([failure(), failure(caliper=np.inf)])
    (found,) = answers(frame, small_study(), joint(), attribute(grid(), small_study()).iloc[:0])
    assert "none gave a hazard ratio" in found.sentences[0]
    assert found.row["Median HR (range)"] == "–"


def test_other_blocks_are_set_side_by_side_and_never_pooled():
    rows = [
        estimate(0.5),
        estimate(0.6, caliper=np.inf),
        estimate(3.0, dose_cutoff=60.0),
        estimate(1.5, oligo_threshold=4.0),
    ]
    text = dict(readings(specifications(rows), small_study()))["Matched 1:1"]
    assert "The median is 0.55." in text
    assert "The 2 other pairs of a threshold and a cutoff of" in text
    assert "medians from 1.50 to 3.00; none of the 2 are below 1" in text
    assert "3.00 (" not in text


def test_the_reading_flags_late_covariates_and_the_smaller_arm():
    rows = [
        estimate(0.5),
        estimate(0.9, adjustment_set="baseline_only"),
        estimate(0.8, dose_cutoff=60.0, focal_arm=0.0),
    ]
    text = dict(readings(specifications(rows), small_study()))["Matched 1:1"].replace("\u00a0", " ")
    assert "Adjusted for “Baseline only”, the hazard ratio is 0.90." in text
    early = dataclasses.replace(small_study(), primary_set="baseline_only")
    turned = dict(readings(specifications(rows), early))["Matched 1:1"]
    late = "That set holds covariates known only after treatment began."
    assert f"Adjusted for “As published”, the hazard ratio is 0.50. {late}" in turned
    assert late not in text
    assert "It is the arm below the cutoff in some" in text
    assert "thoracic radiation dose ≥60 Gy. At other" in text


@pytest.mark.parametrize(
    ("source", "words"),
    [("simulated", "simulated"), ("reconstructed", "reproduced by construction"), ("file", "not measured")],
)
def test_what_the_evidence_cannot_say(source, words):
    config = small_config()
    config["cohort"] = config["cohort"] | {"source": source}
    assert words in silence(Study.from_config(config))


# Charts and tables


def test_risk_ratio_is_that_of_the_e_value():
    for ratio in (0.4, 0.9, 1.481, 3.0):
        for rare in (True, False):
            away = risk_ratio(ratio, rare=rare)
            assert away + math.sqrt(away * (away - 1)) == pytest.approx(e_value(ratio, rare=rare))
    assert risk_ratio(1.0, rare=False) == pytest.approx(1)


def test_names_of_covariates_do_not_cover_each_other():
    random = np.random.default_rng(5)
    measured = [
        {"number": str(n), "exposure": 1 + random.random() / 3, "outcome": 1 + random.random() / 5}
        for n in range(12)
    ]
    reach = 3.0
    up = BIAS_HEIGHT / math.log(reach)
    heights = [up * math.log(height) for height in apart_names(measured, reach)]
    lefts = [(BIAS_LEAST - 70) / math.log(reach) * math.log(row["exposure"]) for row in measured]
    for one, other in itertools.combinations(range(12), 2):
        beside = abs(lefts[one] - lefts[other]) > CHARACTER * len(measured[0]["number"])
        assert beside or abs(heights[one] - heights[other]) > 0.99 * LINE
    for left, height in zip(lefts, heights, strict=True):
        for row, point in zip(measured, lefts, strict=True):
            covered = 6 < point - left < CHARACTER * len(row["number"])
            assert not covered or abs(height - up * math.log(row["outcome"])) > 0.99 * LINE
    alone = apart_names(measured[:1], reach)
    assert alone == pytest.approx([max(measured[0]["outcome"], math.exp(LINE / 2 / up))])


def follow_up_rows(*alive):
    """Rows of everybody and of the arms 1 and 0, with so many patients without the event."""
    groups = (("all", "all"), ("arm", "1"), ("arm", "0"))
    parts = [follow_up_of(count, *group) for count, group in zip(alive, groups, strict=True)]
    return pd.concat(parts, ignore_index=True)


def follow_up_of(alive, variable, level):
    head = {"population": "non_oligometastatic", "landmark": 0.0, "subgroup": None, "estimator": "unadjusted"}
    head |= {"adjustment_set": None, "analysis": "follow_up", "variable": variable, "level": level, "n": 50}
    head |= {"ci_lower": np.nan, "ci_upper": np.nan}
    numbers = {"alive": alive, "alive_minimum": 21.0, "alive_median": 25.0, "alive_maximum": 63.0}
    numbers |= {"reverse_kaplan_meier_median": 33.0}
    return pd.DataFrame([head | {"statistic": name, "estimate": value} for name, value in numbers.items()])


def test_follow_up_of_a_few_is_not_shown_and_extremes_never_are():
    few = follow_up_table(follow_up_rows(11.0, 10.0, 1.0), small_study())
    assert few.iloc[:, 3:].to_numpy().tolist() == [
        ["33.0", "12", "25.0"],
        ["33.0", "12", "25.0"],
        ["–", "<5", "–"],
    ]
    many = follow_up_table(follow_up_rows(40.0, 20.0, 20.0), small_study())
    assert many.iloc[:, 3:].to_numpy().tolist()[1:] == [["33.0", "22", "25.0"]] * 2
    assert not {"21.0", "63.0"} & {*few.to_numpy().ravel(), *many.to_numpy().ravel()}


def test_landmark_table_shows_both_directions_and_small_numbers_held_back():
    rows = [
        estimate(0.5, is_primary=True),
        estimate(0.8, is_primary=True, landmark=8.0, landmark_order="match_then_landmark", n=3),
    ]
    table = landmark_table(specifications(rows), small_study())
    assert table["1/HR"].tolist() == ["2.00", "1.25"]
    assert table["At risk"].tolist() == ["120", "<5"]
    assert table["Landmark"].tolist() == ["none", "8 months"]


def flow(excluded):
    return pd.DataFrame(
        {"step": ["all", "missing", "analysed"], "reason": ["in the data", "dose is missing", "analysed"],
         "n_excluded": [0, excluded, 0], "n_remaining": [100, 100 - excluded, 100 - excluded]}
    )  # fmt: skip


def test_totals_are_in_classes_like_the_exclusions_between_them():
    primary = pd.DataFrame(
        columns=["population", "landmark", "subgroup", "estimator", "analysis", "statistic", "variable",
                 "level", "adjustment_set", "estimate"]
    )  # fmt: skip
    study = small_study()
    start, analysed, *_ = flow_steps(flow_counts(flow(3), primary, study), study)
    assert (start.count, analysed.count, analysed.out) == ("102", "97", (("dose is missing", "<5"),))
    start, analysed, *_ = flow_steps(flow_counts(flow(10), primary, study), study)
    assert (start.count, analysed.count, analysed.out) == ("102", "92", (("dose is missing", "12"),))


def test_checklists_come_from_the_settings():
    tables = {"cohort": cohort_counts(pd.DataFrame({"event": [1, 0, 1]})), "specifications": grid()}
    strobe = strobe_table(small_study(), tables).set_index("Item")["Answer"]
    assert strobe["10"] == "<5 patients, <5 events"
    propensity = propensity_table(small_study(), grid()).set_index("Item (Yao et al. 2017)")["What was done"]
    assert propensity["Caliper"].startswith("0.2, none SD")
    assert propensity["Variables known only after treatment"] == "As published hold some (†)"
    assert "0 of 32 below 0.1," in propensity["Balance"]
    assert re.search(r"\d of 32 below 0.25 \(median hazard ratio 0\.\d\d\)", propensity["Balance"])
    remark = cutpoint_items(small_study()).set_index("Item (REMARK)")["Answer"]
    assert remark["Cutpoints of thoracic radiation dose"].startswith("60, 63; primary 63 Gy")


def test_follow_up_of_an_arm_in_which_everybody_died_shows_no_number_where_there_is_none():
    none = {"estimate": np.nan, "ci_lower": np.nan, "ci_upper": np.nan, "n": 62.0}
    group = {"reverse_kaplan_meier_median": none, "alive_median": none}
    number, _, alive, median = time_tables._follow_up(group, "0")
    assert (number, alive, median) == ("62", "0", GAP)
