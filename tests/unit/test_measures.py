"""Measures beside the hazard ratio: from the settings over scenarios, blocks and draws to the page."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from cohorts import breast_config, breast_patients, decisions
from report_frames import grid, joint_row, patients_study, small_config, small_study

from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.joint_inference import block_statistics
from survival_multiverse.inference.resampling import (
    Resample,
    all_keys,
    cutoff_cells,
    draw,
    evaluate,
    resampled_keys,
)
from survival_multiverse.inference.robustness import (
    SPECIFICATION_ANALYSES,
    block_columns,
    specification_keys,
    specifications,
    summarise_blocks,
)
from survival_multiverse.report.charts.measures import measures_chart
from survival_multiverse.report.release import by_measure
from survival_multiverse.report.tables.measure_tables import measures_table
from survival_multiverse.report.words.measures import format_estimate, measure_label
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.measures import RATIO, Measure, MeasureSettings, measures_of
from survival_multiverse.settings.settings_checks import check_settings
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import validate_config

ALL = [
    {"measure": "hazard_ratio"},
    {"measure": "rmst_difference"},
    {"measure": "survival_difference", "at": 24},
    {"measure": "survival_difference", "at": 60},
    {"measure": "median_difference"},
]
RMST, AT_24, MEDIAN = (
    Measure("rmst_difference", 48.0),
    Measure("survival_difference", 24.0),
    Measure(ALL[-1]["measure"]),
)


def study_of_all(**options):
    config = breast_config() | {"measures": ALL}
    config["decisions"] |= decisions(oligo_threshold=[3], **options)
    config["analysis"] |= {"tie_break_draws": 4, "repeated_tie_breaks": 4, "landmarks": [12]}
    config["inference"] |= {"landmarks": [0, 12]}
    return Study.from_config(config)


@pytest.fixture(scope="module")
def study():
    return study_of_all(gtv_cutoff=[25], caliper=[0.05, "none"])


@pytest.fixture(scope="module")
def estimates(study):
    tables = [table.to_pandas() for _, table in evaluate_panel(breast_patients(), study, study.grid)]
    return pd.concat(tables, ignore_index=True)


@pytest.fixture(scope="module")
def specs(estimates, study):
    rows = estimates[estimates["analysis"].astype(str).isin(SPECIFICATION_ANALYSES)]
    return specifications(rows, study)


def test_a_study_declares_what_it_estimates_and_when():
    declared = [MeasureSettings(measure="hazard_ratio"), MeasureSettings(measure="survival_difference")]
    names = [own.name for own in measures_of(declared, 24, [12, 36])]
    assert names == ["hazard_ratio", "survival_difference_12", "survival_difference_36"]
    (mean,) = measures_of([MeasureSettings(measure="rmst_difference")], 24, [12])
    assert (mean.name, mean.null, mean.longer) == ("rmst_difference_24", 0.0, 1.0)
    (mean,) = measures_of([MeasureSettings(measure="rmst_difference", at=6)], 24, [12])
    assert mean.at == 6
    assert measures_of([], 24, [12]) == (RATIO,)
    assert (RATIO.null, RATIO.longer, RATIO.effect(np.e)) == (1.0, -1.0, 1.0)


@pytest.mark.parametrize(
    ("measures", "told"),
    [
        ([{"measure": "median_difference"}], "has to be hazard_ratio"),
        ([{"measure": "hazard_ratio"}] * 2, "given twice"),
    ],
)
def test_a_measure_that_cannot_be_answered_by_is_refused(measures, told):
    (fault,) = check_settings(small_config() | {"measures": measures})
    assert fault.startswith("measures[")
    assert told in fault


def test_the_whole_follow_up_has_no_time():
    config = small_config() | {"measures": [{"measure": "hazard_ratio", "at": 12}]}
    with pytest.raises(InputError, match=r"measures\[1\].at: .*has no time"):
        validate_config(config)


def test_every_specification_has_every_measure_the_primary_one_first(specs, study):
    keys = specification_keys(study)
    counts = specs.groupby(keys, dropna=False).size()
    assert set(counts) == {len(study.measures)}
    assert specs["measure"].drop_duplicates().tolist() == [own.name for own in study.measures]
    alone = replace(study, measures=(RATIO,))
    tables = [table.to_pandas() for _, table in evaluate_panel(breast_patients(), alone, alone.grid)]
    ratios = specifications(pd.concat(tables, ignore_index=True), alone)
    pd.testing.assert_frame_equal(specs[specs["measure"] == "hazard_ratio"].reset_index(drop=True), ratios)


def test_unadjusted_differences_are_those_of_the_curves(estimates):
    here = estimates[(estimates["estimator"] == "unadjusted") & estimates["subgroup"].isna()]
    here = here[here["landmark"] == 0]
    keys = ["population", "caliper"]
    for measure, analysis, statistic in (
        (RMST, "rmst", "restricted_mean_difference"),
        (AT_24, "kaplan_meier", "survival_difference_24"),
    ):
        own = here[(here["analysis"] == "measure") & (here["statistic"] == measure.name)]
        curve = here[(here["analysis"] == analysis) & (here["statistic"] == statistic)]
        numbers = ["estimate", "std_error", "ci_lower", "ci_upper", "p_value", "n", "events"]
        pair = own.merge(curve, on=[*keys, "dose_cutoff"], suffixes=("", "_curve"), validate="1:1")
        assert len(pair) == len(own) > 0
        for name in numbers:
            np.testing.assert_allclose(pair[name], pair[f"{name}_curve"], rtol=1e-9)


def test_draws_estimate_what_scenarios_do_in_every_measure(specs, study):
    cells = cutoff_cells(breast_patients(), study)
    keys, kept = all_keys(cells, study)
    found = np.concatenate([evaluate(cell, study) for cell in cells])[kept]
    names = resampled_keys(study)
    again = specs[specs["landmark_order"].astype(object) != "match_then_landmark"]
    for place, measure in enumerate(study.measures):
        own = keys.merge(again[again["measure"] == measure.name], how="left", on=names, validate="1:1")
        known = own["effect"].notna()
        assert known.sum() > len(own) / 2
        assert set(own.loc[known, "estimator"]) == {"matched", "overlap", "iptw", "adjusted"}
        for column, name in enumerate(("effect", "std_error")):
            np.testing.assert_allclose(found[:, place, column], own[name], rtol=1e-9, atol=1e-12)


def test_pairs_drawn_again_are_contrasted(study):
    (cell, *_) = cutoff_cells(breast_patients(), study)
    first, second = (
        evaluate(draw(cell, Resample.BOOTSTRAP_PAIRS, number, study), study)[:, :, 0] for number in (0, 1)
    )
    known = ~np.isnan(first)
    assert known[:, 1].any()
    assert not np.allclose(first[known], second[known], equal_nan=True)


def test_blocks_attribution_and_direction_are_those_of_the_measure(specs, study):
    blocks = summarise_blocks(specs, study)
    known = (blocks["gate"] == "all") & blocks["median_estimate"].notna()
    block = blocks[known & (blocks["measure"] == RMST.name) & (blocks["estimator"] == "matched")].iloc[0]
    here = specs[specs["status"] == "ok"]
    for name in block_columns(study):
        own = here[name].astype(object)
        here = here[own.isna() if pd.isna(block[name]) else own == block[name]]
    assert len(here) == block["estimated"] > 1
    assert block["median_estimate"] == pytest.approx(np.median(here["estimate"]))
    assert block["share_longer"] == (here["estimate"] > 0).mean()
    assert block["share_ci_longer"] == (here["ci_lower"] > 0).mean()
    assert block["spread"] == pytest.approx(block["estimate_99"] - block["estimate_01"])
    assert set(attribute(specs, study)["measure"]) == {own.name for own in study.measures}


def test_a_block_gives_no_median_of_those_that_reach_it(specs, study):
    some = specs.copy()
    rows = (some["measure"] == MEDIAN.name) & (some["status"] == "ok") & (some["estimator"] == "matched")
    first = some[rows & (some["landmark"] == 0)].index[0]
    some.loc[first, ["status", "estimate", "effect"]] = ["not_reached", np.nan, np.nan]
    found = summarise_blocks(some, study)
    found = found[found["not_estimable_by_status"].astype(str).str.contains("not_reached: 1")]
    found = found[(found["gate"] == "all") & (found["estimator"] == "matched")]
    assert (found["estimated"] > 0).any()
    assert found["median_estimate"].isna().all()


def test_longer_survival_is_a_low_ratio_and_a_high_difference():
    towards = np.array([[0.5, 0.1], [0.7, 0.1]])
    options = {"predicted": "longer", "level": 0.95}
    ratio = block_statistics(towards * [-1, 1], measure=RATIO, **options)
    np.testing.assert_allclose(block_statistics(towards, measure=RMST, **options), ratio)
    assert ratio[3] == 1.0


def measured(study):
    return replace(study, measures=(RATIO, RMST, AT_24, MEDIAN))


def every_measure(study):
    """The rows of the small study in all its measures: differences mirror the logarithm."""
    frames = []
    for measure in study.measures:
        frame = grid().assign(measure=measure.name)
        if not measure.ratio:
            for name in ("estimate", "ci_lower", "ci_upper"):
                frame[name] = -np.log(frame[name])
            frame["effect"] = frame["estimate"]
            frame[["ci_lower", "ci_upper"]] = frame[["ci_upper", "ci_lower"]].to_numpy()
        frames.append(frame)
    return pd.concat(frames, ignore_index=True)


def test_what_shows_the_answer_gets_the_primary_measure_alone():
    study = measured(small_study())
    shared = by_measure({"specifications": every_measure(study), "flow": pd.DataFrame({"a": [1]})}, study)
    pd.testing.assert_frame_equal(
        shared["specifications"], grid().assign(measure="hazard_ratio"), check_like=True
    )
    assert len(shared["measured_specifications"]) == len(study.measures) * len(grid())


def test_the_table_says_every_measure_and_only_patients_have_p_values():
    study = measured(patients_study())
    joint = pd.DataFrame([joint_row(measure=own.name, p_abs_median=0.0371) for own in study.measures])
    table = measures_table(every_measure(study), joint, study)
    assert table["Measure"].nunique() == len(study.measures)
    assert "0.037" in set(table["Joint P, exposure permuted"])
    months = table[table["Measure"].str.contains("restricted mean")]
    assert months["Median"].str.match(r"[+−]?\d+\.\d$").all()
    assert (
        not measures_table(every_measure(study), joint, measured(small_study()))
        .columns.str.contains("P")
        .any()
    )
    assert measures_table(every_measure(study), joint, replace(study, measures=(RATIO,))).empty


def test_a_selected_rest_has_neither_median_nor_bar():
    study = measured(small_study())
    frame = every_measure(study)
    mine = frame["measure"] == MEDIAN.name
    frame.loc[mine & (frame["status"] == "no_pairs"), "status"] = "not_reached"
    frame.loc[mine & (frame["caliper"] == 0.2), "status"] = "not_reached"
    table = measures_table(frame, pd.DataFrame([joint_row()]), study)
    row = table[(table["Measure"].str.contains("median")) & (table["Estimator"] == "Matched 1:1")].iloc[0]
    assert row["Median"] == "–"
    assert row["Analyses"].split(" of ")[0] != row["Analyses"].split(" of ")[1]
    chart = measures_chart(frame, study)
    panel = chart.spec["vconcat"][-1]
    bars = [layer for layer in panel["layer"] if layer.get("mark", {}).get("type") == "tick"]
    shown = {row["estimator"] for layer in bars for row in layer["data"]["values"]}
    assert "Matched 1:1" not in shown


def test_longer_survival_is_to_the_right_in_every_panel():
    study = measured(small_study())
    chart = measures_chart(every_measure(study), study)
    titles = [panel["title"]["text"] for panel in chart.spec["vconcat"]]
    assert titles[0] == "Hazard ratio"
    assert len(titles) == len(study.measures)
    scales = [panel["layer"][1]["encoding"]["x"]["scale"] for panel in chart.spec["vconcat"]]
    assert [scale.get("reverse", False) for scale in scales] == [True, *[False] * (len(titles) - 1)]
    assert measures_chart(every_measure(study), replace(study, measures=(RATIO,))) is None


def test_estimates_are_written_with_sign_and_unit():
    study = small_study()
    assert format_estimate(RMST, -1.26) == "−1.3"
    assert format_estimate(AT_24, 0.0834) == "+8.3"
    assert format_estimate(RMST, -0.01) == "0.0"
    assert format_estimate(RATIO, 0.7) == "0.70"
    assert measure_label(AT_24, study) == "Difference in survival at 24 months"
