"""Published numbers in the study's own terms, by hand from the print, and where the charts mark them."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from papers import SETTINGS, printed_numbers
from report_frames import small_config, small_study
from report_page import RESOURCES, evil_page, printed_marks

from survival_multiverse.paper.published import read_description, read_published
from survival_multiverse.paper.published_marks import NO_MARKS, published_marks
from survival_multiverse.report.charts.page_charts import page_charts
from survival_multiverse.report.style.palette import PUBLISHED, PUBLISHED_NAME
from survival_multiverse.report.words.captions import caption
from survival_multiverse.report.words.figure_names import figure_names
from survival_multiverse.settings.study import Study

PRIMARY = "non_oligometastatic"


def found(quantity, **wanted):
    rows = printed_marks(small_study())
    rows = rows[rows["quantity"] == quantity]
    for column, value in wanted.items():
        rows = rows[rows[column].isna() if value is None else rows[column] == value]
    return rows


@pytest.mark.slow
def test_differences_are_those_of_the_printed_counts():
    # Of 59 and 59 matched 12 and 21 are women, of 93 and 90 before 27 and 31.
    before = ((27 / 93) * (66 / 93) + (31 / 90) * (59 / 90)) / 2
    women = found("smd", estimator="matched", variable="sex", level="female")
    assert women["value"].item() == pytest.approx((21 / 59 - 12 / 59) / np.sqrt(before))
    assert women["adjustment_set"].item() == "as_published"
    assert found("smd", estimator="matched", variable="cycles")["value"].tolist() == [0, 0]
    stage = found("smd", estimator="matched", variable="n_stage")["value"].max()
    assert found("max_abs_smd_baseline", estimator="matched")["value"].item() == stage
    assert round(stage, 3) == 0.346
    assert found("matched_share")["value"].item() == 59 / 90


def test_rates_belong_to_their_arm_and_stage():
    rates = found("survival", population=PRIMARY, variable="arm", level="1")
    assert rates[rates["estimator"] == "unadjusted"].set_index("time")["value"].to_dict() == pytest.approx(
        {12: 0.511, 24: 0.211, 36: 0.112}
    )
    assert rates[rates["estimator"] == "matched"].set_index("time")["value"].to_dict() == pytest.approx(
        {12: 0.475, 24: 0.203, 36: 0.108}
    )
    state = found("median", population="all", variable="state", level="oligometastatic")
    assert state[["value", "lower", "upper"]].to_numpy().tolist() == [[14.0, 11.25, 16.75]]


def test_p_values_belong_to_their_panel():
    p_values = found("log_rank_p", population=PRIMARY, variable="arm").set_index("subgroup")["value"]
    assert p_values["response=yes"] == 0.036
    assert p_values["gtv=at or above cutoff"] == 0.005
    whole = found("log_rank_p", population="all", variable="arm")
    assert whole[["relation", "value"]].to_numpy().tolist() == [["<", 0.001]]


def test_hazard_ratios_are_of_the_higher_level():
    dose = found("hazard_ratio", estimator="adjusted", variable="arm")
    assert dose[["value", "lower", "upper"]].to_numpy()[0] == pytest.approx([1 / 1.481, 1 / 2.047, 1 / 1.071])
    volume = found("hazard_ratio", estimator="adjusted", variable="gtv")
    assert volume[["value", "lower", "upper"]].to_numpy()[0] == pytest.approx([1.479, 1.082, 2.021])


def test_other_cutoffs_have_no_published_numbers():
    config = small_config()
    config["study"]["primary"] = config["study"]["primary"] | {"dose_cutoff": 60}
    marks = printed_marks(Study.from_config(config))
    assert set(marks["variable"].dropna()) == {"state", "response", "kps_change", "cycles", "gtv"}
    assert set(marks["quantity"]) == {"survival", "median", "log_rank_p", "hazard_ratio"}


def test_a_paper_about_other_variables_has_nothing_to_mark():
    numbers, paper = read_published(printed_numbers()), read_description(SETTINGS)
    marks = published_marks(numbers, paper, small_study())
    assert marks.empty
    assert marks.columns.tolist() == NO_MARKS.columns.tolist()


def test_a_chart_without_a_published_number_speaks_of_none():
    made = evil_page()
    charts = page_charts(made.study, made.tables)
    assert len(charts) == 16
    lacking = {}
    for name, chart in charts.items():
        spec = json.dumps(chart.spec)
        value = PUBLISHED in spec
        assert value or PUBLISHED_NAME not in chart.text.lower(), name
        assert "Not marked" not in chart.text, name
        lacking[name] = not value
    assert [name for name, without in lacking.items() if without] == [
        *("decisions-chart", "attribution-chart", "measures-chart", "overlap-chart", "bias-surface-chart"),
    ]


def test_without_a_paper_no_chart_speaks_of_one():
    made = evil_page()
    study = replace(made.study, published={}, source="simulated")
    tables = made.tables | {"published": NO_MARKS}
    for name, chart in page_charts(study, tables).items():
        assert "ublished" not in chart.text.replace("As published", ""), name
        assert PUBLISHED not in json.dumps(chart.spec), name
    for name in figure_names(study):
        words = caption(name, tables["specifications"], study, NO_MARKS)
        assert "ublished" not in words.text + words.reading


def test_the_captions_of_survival_curves_name_the_published_numbers():
    made = evil_page()
    text = {
        name.removeprefix("survival_curves_"): caption(
            name, made.tables["specifications"], made.study, made.tables["published"]
        ).text
        for name in figure_names(made.study)
    }
    assert "Pink: published survival rates (rings), medians (ticks)." in text["oligometastatic_state"]
    assert "Pink: published survival rates (rings)." in text["dose_matched_as_published"]
    # A printed P value is words in the figure, without a mark.
    assert "Pink" not in text["dose_by_gtv"]
    assert "ublished" not in text["dose_matched_baseline_only"]


def test_the_numbers_are_those_of_the_committed_print():
    printed = pd.read_csv(RESOURCES / "published_statistics.csv")
    rates = printed[(printed["statistic"] == "survival_pct") & printed["variable"].isin(["dose"])]
    marked = found("survival", variable="arm")
    assert sorted(marked["value"]) == pytest.approx(sorted(rates["value"] / 100))
