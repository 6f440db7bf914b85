"""Tables and sentences on the joint tests, the spread, the selected cutoffs and the cross-checks."""

import math

import numpy as np
import pandas as pd
import pytest
from report_frames import grid, joint_row, patients_study, small_config, small_study

from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.specification_summary import strictest_gate
from survival_multiverse.report.tables.inference_tables import (
    attribution_table,
    cross_check_table,
    joint_table,
    selected_table,
)
from survival_multiverse.report.words.answer import answers
from survival_multiverse.report.words.narrative import joint_null, joint_readings
from survival_multiverse.settings.study import Study


def joint(*rows):
    return pd.DataFrame(rows or [joint_row(), joint_row(null="simulation", p_median=0.05)])


def flat(table):
    table.columns = [" ".join(name).strip() for name in table.columns]
    return table


def test_joint_table_gives_both_nulls_beside_each_other():
    table = flat(joint_table(joint(), small_study(), primary_threshold=True))
    assert len(table) == 1
    row = table.iloc[0]
    assert row["Estimator"] == "Matched 1:1"
    assert (row["Analyses"], row["Number"]) == ("all", "48")
    assert row["Median HR"] == "0.80"
    assert row["Significant as predicted"] == "25%"
    assert row["Mean z as predicted"] == "1.50"
    assert row["Adjusted for"] == "As published †"
    tests = [name for name in table.columns if "-sided P" in name]
    assert [name.split(" ")[0] for name in tests] == ["Two-sided"] * 4 + ["One-sided"] * 2
    assert row["Two-sided P, median exposure permuted"] == "0.040"
    assert row["Two-sided P, mean z exposure permuted"] == "0.050"
    assert row["One-sided P, median (longer survival) exposure permuted"] == "0.010"
    assert row["One-sided P, median (longer survival) survival from covariates"] == "0.050"


def test_joint_table_gives_what_passes_the_gate_below_all():
    gate = strictest_gate(small_study())
    none = {name: np.nan for name in joint_row() if name.startswith(("median", "p_", "mean", "share"))}
    rows = joint(
        joint_row(null="simulation"),
        joint_row(null="simulation", gate="passes_baseline_0.25", specifications=30),
        joint_row(null="simulation", gate=gate, specifications=12, median=-math.log(0.9), p_median=0.2),
        joint_row(null="simulation", estimator="iptw"),
        joint_row(null="simulation", estimator="iptw", gate=gate, specifications=0, **none),
    )
    table = flat(joint_table(rows, small_study(), primary_threshold=True))
    shown = table[["Estimator", "Analyses", "Number", "Median HR"]].to_numpy().tolist()
    iptw = "Inverse probability weights"
    assert shown == [
        ["Matched 1:1", "all", "48", "0.80"],
        ["Matched 1:1", "balanced", "12", "0.90"],
        [iptw, "all", "48", "0.80"],
        [iptw, "balanced", "0", "–"],
    ]
    one_sided = table["One-sided P, median (longer survival) survival from covariates"]
    assert one_sided.tolist() == ["0.010", "0.20", "0.010", "–"]


def test_joint_table_keeps_adjustment_sets_apart():
    rows = joint(joint_row(), joint_row(adjustment_set="baseline_only", median=-math.log(0.7)))
    table = flat(joint_table(rows, small_study(), primary_threshold=True))
    shown = dict(zip(table["Adjusted for"], table["Median HR"], strict=True))
    assert shown == {"As published †": "0.80", "Baseline only": "0.70"}
    assert joint_readings(rows.iloc[1:], small_study()) == {}


def test_the_median_turns_with_the_prediction():
    config = small_config()
    config["inference"] = config["inference"] | {"predicted": "shorter"}
    shorter = Study.from_config(config)
    rows = joint(joint_row(median=math.log(1.25)))
    assert flat(joint_table(rows, shorter, primary_threshold=True))["Median HR"].iloc[0] == "1.25"
    assert flat(joint_table(rows, small_study(), primary_threshold=True))["Median HR"].iloc[0] == "0.80"


def test_joint_table_parts_thresholds_and_keeps_other_populations_out():
    rows = joint(
        joint_row(), joint_row(oligo_threshold=4.0), joint_row(population="all", oligo_threshold=math.nan)
    )
    primary = flat(joint_table(rows.assign(specifications=[1, 2, 3]), small_study(), primary_threshold=True))
    assert list(primary["Number"]) == ["1"]
    assert "≥5 lesions" not in primary.iloc[0].tolist()
    others = joint_table(rows, small_study(), primary_threshold=False)
    assert list(others.iloc[:, 0]) == ["≥4 lesions"]


def test_a_block_without_an_estimate_has_dashes():
    nothing = {name: np.nan for name in joint_row() if name.startswith(("median", "p_", "mean", "share"))}
    table = joint_table(joint(joint_row(**nothing)), small_study(), primary_threshold=True)
    assert set(table.iloc[0, 6:]) == {"–"}
    assert "none gave a hazard ratio" in joint_readings(joint(joint_row(**nothing)), small_study())["matched"]


def test_sentence_of_the_joint_test():
    assert joint_readings(joint(), small_study()) == {
        "matched": "Tested together, the 48 matched analyses have a median hazard ratio of 0.80. "
        "With thoracic radiation dose permuted among similar patients, the two-sided test gives P = 0.040; "
        "one-sided, towards longer survival, P = 0.010. With survival simulated from the covariates, the "
        "two-sided test gives P = 0.040; one-sided, towards longer survival, P = 0.050. Each test takes 199 "
        "draws."
    }


def test_the_sentence_is_about_the_primary_block_alone():
    others = [joint_row(dose_cutoff=60.0), joint_row(oligo_threshold=4.0), joint_row(landmark=8.0)]
    assert joint_readings(joint(*others, joint_row(population="all")), small_study()) == {}
    found = answers(grid(), patients_study(), joint(*others, joint_row()), attribute(grid(), small_study()))
    texts = {answer.name: " ".join(answer.sentences) for answer in found}
    assert texts["Matched 1:1"].count("Tested together") == 1
    assert "not tested together" in texts["Adjusted Cox model"]


def test_joint_tests_of_fitted_patients_are_no_inference():
    words = "no P value here is inference about patients"
    assert joint_null(joint(), small_study()).startswith("These patients were fitted")
    assert words in joint_null(joint(), small_study())
    assert words not in joint_null(joint(), patients_study())


def test_the_least_p_value_is_called_that():
    text = joint_readings(joint(joint_row(p_median=1 / 200)), small_study())["matched"]
    assert "longer survival, P = 0.005 (the smallest possible)." in text
    assert text.endswith(" The test takes 199 draws.")
    text = joint_readings(joint(joint_row(p_median=2 / 200)), small_study())["matched"]
    assert "smallest" not in text


def test_a_null_that_could_not_be_drawn_has_no_p_value():
    nothing = joint_row(null="simulation", p_median=np.nan, p_abs_median=np.nan)
    text = joint_readings(joint(nothing), small_study())["matched"]
    assert "simulated from the covariates, the two-sided test gives no P value; one-sided" in text


@pytest.mark.parametrize(("draws", "least"), [(199, "1/200 = 0.005"), (999, "1/1,000 = 0.001")])
def test_the_null_says_how_small_p_can_be(draws, least):
    text = joint_null(joint(joint_row(draws=draws)), small_study())
    assert f"none can be below {least}." in text
    assert "no effect beyond chemotherapy cycles and response to chemotherapy" in text
    assert "towards longer survival" in text


def test_attribution_table_adds_up_and_names_what_was_left_out():
    specs = grid()
    terms = attribute(specs, small_study())
    table = attribution_table(terms, specs, small_study())
    matched = table[table["Estimator"] == "Matched 1:1"].iloc[0]
    everything = (terms["scope"] == "multiverse") & (terms["gate"] == "all")
    here = terms[everything & (terms["estimator"] == "matched")]
    percent = {row.term: f"{100 * row.share:.0f}%" for row in here.itertuples() if row.order == 1}
    assert matched["Caliper"] == percent.get("caliper", "–")
    assert matched["Adjusted for"] == percent["adjustment_set"]
    order = here.loc[here["term"] == "tie_break", "share"].item()
    assert matched["Order of equal scores"] == (f"{100 * order:.0f}%" if order >= 0.005 else "<1%")
    assert matched["Only together"] == f"{100 * here.loc[here['order'] > 1, 'share'].sum():.0f}%"
    # At that threshold nothing could be estimated without a caliper.
    assert matched["Left out"] == "≥4 lesions"
    adjusted = table[table["Estimator"] == "Adjusted Cox model"].iloc[0]
    assert (adjusted["Caliper"], adjusted["Left out"]) == ("–", "nothing")


def test_a_small_share_is_not_said_to_be_none():
    specs = grid()
    terms = attribute(specs, small_study())
    terms.loc[terms["term"] == "adjustment_set", "share"] = 0.004
    terms.loc[terms["term"] == "dose_cutoff", "share"] = 0.0
    table = attribution_table(terms, specs, small_study())
    assert set(table["Adjusted for"]) == {"<1%"}
    assert set(table[small_study().dose.label]) == {"0%"}


def test_attribution_table_without_a_factorial():
    specs = grid()
    table = attribution_table(attribute(specs, small_study()).iloc[:0], specs, small_study())
    assert set(table.iloc[:, 2:-1].to_numpy().ravel()) == {"–"}


def test_selected_cutoffs_with_and_without_the_search():
    row = {
        "population": "all", "variable": "gtv", "cutoff": 112.6, "p_naive": 0.032, "p_value": 0.36,
        "candidates": 156, "permutations": 199, "status": "ok",
    }  # fmt: skip
    failed = row | {"cutoff": np.nan, "p_naive": np.nan, "p_value": np.nan, "status": "too_few_events"}
    found = pd.DataFrame([row, failed, row | {"variable": "dose"}])
    table = selected_table(found, patients_study())
    # Values that were drawn within a published category have their cutoff built in.
    assert selected_table(found, small_study()).empty
    assert table["Variable"].iloc[2] == small_study().dose.label
    assert table["Variable"].iloc[0] == "Gross tumour volume"
    assert table.iloc[0].tolist()[2:] == ["≥112.6 cm³", "0.032", "0.36", "156", "199"]
    assert table.iloc[1].tolist()[2:5] == ["too few events", "–", "–"]


def test_cross_check_table_shows_a_difference():
    row = {
        "adjustment_set": "as_published", "quantity": "log hazard ratio", "estimator": "matched",
        "library": "lifelines CoxPHFitter", "numbers": 1, "engine": 0.2, "other": 0.3,
        "largest_relative_difference": 0.0, "agrees": True, "status": "ok",
    }  # fmt: skip
    wrong = row | {"largest_relative_difference": 0.0123, "agrees": False}
    failed = row | {"status": "no_pairs", "largest_relative_difference": np.nan, "agrees": False}
    table = cross_check_table(pd.DataFrame([row, wrong, failed]), small_study())
    assert list(table["Largest relative difference"]) == ["<1e-9", "1.2e-02", "no pairs"]
    assert list(table["Agrees"]) == ["yes", "NO", "–"]
