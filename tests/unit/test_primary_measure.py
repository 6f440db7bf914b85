"""The report of studies that answer by a difference of survival curves: words and tables against numbers."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from report_measures import DIFFERENCES, answering_by

from survival_multiverse.inference.specification_summary import headline, primary_block
from survival_multiverse.report.charts.hero import hero_spec
from survival_multiverse.report.release import by_measure
from survival_multiverse.report.tables.inference_tables import joint_table
from survival_multiverse.report.tables.report_tables import blocks_table, gate_table, primary_table
from survival_multiverse.report.tables.tidy import tidy
from survival_multiverse.report.tables.time_tables import landmark_table
from survival_multiverse.report.words.answer import answer_table, answers
from survival_multiverse.report.words.claim import claim, evidence, hero_caption
from survival_multiverse.report.words.findings import findings
from survival_multiverse.report.words.glossary import terms
from survival_multiverse.report.words.measures import measure_words, words_of
from survival_multiverse.report.words.methods import methods
from survival_multiverse.report.words.narrative import hidden_bias, readings
from survival_multiverse.report.words.readme import charts_readme
from survival_multiverse.settings.measures import RATIO, Measure


@pytest.fixture(params=DIFFERENCES)
def case(request):
    return answering_by(request.param)


def block_of(tables, study, estimator):
    rows = primary_block(headline(tables["specifications"], study), study)
    return rows[rows["estimator"] == estimator]


def shown(study, value):
    """An estimate to one decimal with its sign, probabilities in percentage points."""
    points = study.primary_measure.kind == "survival_difference"
    text = f"{100 * value if points else value:+.1f}".replace("-", "−")
    return text[1:] if text[1:] == "0.0" else text


def unit(study):
    return "percentage points" if study.primary_measure.kind == "survival_difference" else "months"


def test_the_tables_of_the_page_hold_the_primary_measure(case):
    study, tables = case
    assert set(tables["specifications"]["measure"]) == {study.primary_measure.name}
    assert set(tables["ratio_specifications"]["measure"]) == {"hazard_ratio"}
    assert tables["ratio_specifications"]["e_value"].notna().any()
    assert not tables["specifications"]["e_value"].notna().any()
    rows = len(tables["specifications"])
    assert len(tables["measured_specifications"]) == rows * len(study.measures)


def test_claim_answers_and_readings_tell_the_numbers(case):
    study, tables = case
    rows = block_of(tables, study, "matched")
    median, low, high = (
        shown(study, find(rows["estimate"])) for find in (np.nanmedian, np.nanmin, np.nanmax)
    )
    (answer,) = (
        found
        for found in answers(
            tables["specifications"], study, tables["joint_inference"], tables["attribution"]
        )
        if found.name == "Matched 1:1"
    )
    known = rows[rows["estimate"].notna()]
    longer = int((known["estimate"] > 0).sum())
    assert answer.row["Difference above 0"] == f"{longer} of {len(known)}"
    assert answer.row[f"Median difference, {unit(study)} (range)"] == f"{median} ({low} to {high})"
    text = dict(readings(tables["specifications"], study))["Matched 1:1"]
    assert f"The median is {median} {unit(study)}." in text
    assert f"The lowest is {low} {unit(study)} (" in text
    assert "lie above 0" in text
    said = claim(tables["specifications"], study)
    assert unit(study) in said
    assert len(said.split()) <= 30


def test_no_words_about_the_answer_speak_of_a_hazard_ratio(case):
    study, tables = case
    found = answers(tables["specifications"], study, tables["joint_inference"], tables["attribution"])
    words = [
        claim(tables["specifications"], study),
        hero_caption(study),
        *(sentence for answer in found for sentence in answer.sentences),
        *(text for _, text in readings(tables["specifications"], study)),
        *(name for name in answer_table(found)),
        *findings(study, tables).values(),
        charts_readme(study, {}),
        *blocks_table(tables["blocks"], study),
        *landmark_table(tables["specifications"], study),
        *gate_table(tables["specifications"], study),
        *primary_table(tables["specifications"], study),
        *(" ".join(name) for name in joint_table(tables["joint_inference"], study, primary_threshold=True)),
    ]
    said = [
        text
        for text in words
        if re.search(r"hazard ratio|\bHR\b|excludes? 1\b|(below|above|of) 1\b", text, re.I)
    ]
    assert not said


def test_the_other_measures_evidence_is_another_measure(case):
    study, tables = case
    found = evidence(tables["specifications"], tables["primary"], tables["joint_inference"], study)
    text = " ".join(found[0] + found[1])
    restricted = study.primary_measure.kind == "rmst_difference"
    assert "Mean survival within" not in text if restricted else "hazard ratio" not in text


def test_methods_and_terms_name_the_primary_measure(case):
    study, _ = case
    told = dict(methods(study))
    assert f"The study answers by the {measure_words(study).name}." in told["Measures"]
    assert "of the median log hazard ratio" not in told["Joint tests"]
    assert "log hazard ratio" not in told["Spread by choice"]
    definition = next(term.definition for term in terms(study) if term.name == "confidence interval")
    assert definition.endswith("an interval without 0 excludes equal survival.")


def test_hidden_bias_is_of_hazard_ratios_whatever_the_measure(case):
    study, tables = case
    alone, ratios = answering_by("hazard_ratio")
    assert hidden_bias(tables["ratio_specifications"], study)
    assert hidden_bias(tables["ratio_specifications"], study) == hidden_bias(ratios["specifications"], alone)


def test_a_table_of_differences_is_tidy(case):
    study, tables = case
    table = tidy(blocks_table(tables["blocks"], study))
    column = table[f"Median difference, {unit(study)}"]
    assert column.dtype == "float64"
    rows = block_of(tables, study, "matched")
    wanted = float(shown(study, np.nanmedian(rows["estimate"])).replace("−", "-"))
    # What is shared has three digits, here of the estimates and there of their median.
    assert np.abs(column.to_numpy() - wanted).min() < 0.11
    primary = tidy(primary_table(tables["specifications"], study))
    assert any(name.endswith(", lower limit") for name in primary)


def test_of_a_selected_rest_no_median_is_said():
    study, tables = answering_by("survival_difference_12")
    rows = tables["specifications"].copy()
    ended = rows.index[(rows["gtv_cutoff"] == 100) | rows["gtv_cutoff"].isna()]
    rows.loc[ended, ["estimate", "effect", "ci_lower", "ci_upper", "p_value"]] = np.nan
    rows.loc[ended, "status"] = "beyond_follow_up"
    assert claim(rows, study).endswith(
        "not all analyses could be estimated, and the others are a selected rest."
    )
    for answer in answers(rows, study, tables["joint_inference"], tables["attribution"]):
        assert answer.row["Median difference, percentage points (range)"] == "–"
        assert not any("The median is" in sentence for sentence in answer.sentences)
    for _, text in readings(rows, study):
        assert "The median is" not in text
    drawn = json.dumps(hero_spec(rows, study, width=980))
    assert '"text": "+' not in drawn
    assert '"text": "+' in json.dumps(hero_spec(tables["specifications"], study, width=980))


def test_times_in_few_units_have_a_digit_more():
    study, _ = answering_by("hazard_ratio")
    assert words_of(Measure("rmst_difference", 5.0), study).told(-0.126) == "−0.13 months"
    assert words_of(Measure("rmst_difference", 24.0), study).told(-0.126) == "−0.1 months"
    assert words_of(Measure("survival_difference", 12.0), study).told(0.1074) == "+10.7 percentage points"
    assert words_of(RATIO, study).told(0.7) == "0.70"
    assert words_of(Measure("survival_difference", 12.0), study).brief == "12-month survival"


def test_by_measure_gives_the_primary_one_alone():
    study, _ = answering_by("hazard_ratio")
    frame = pd.DataFrame({"measure": [own.name for own in study.measures]})
    shared = by_measure({"blocks": frame}, study)
    assert shared["blocks"]["measure"].tolist() == ["hazard_ratio"]
    assert len(shared["measured_blocks"]) == len(study.measures)
