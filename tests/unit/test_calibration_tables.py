"""The calibration as the page shows it: a summary by measure, and every row."""

from pathlib import Path

import numpy as np
import pandas as pd
from report_frames import calibration, small_study

from survival_multiverse.calibration.intervals import OWN_ERRORS
from survival_multiverse.calibration.table import BIAS, COVERAGE
from survival_multiverse.report.release import by_measure
from survival_multiverse.report.tables.calibration_tables import (
    REPORTED,
    calibration_shown,
    calibration_summary,
)

COMMITTED = pd.read_csv(Path(__file__).parents[2] / "resources/calibration.csv")
OF_SURVIVAL = {"measure": "survival_difference_12", "null": "", "draws": 0}


def test_calibration_shows_error_and_words():
    table = calibration_shown(calibration(note=np.nan), small_study())
    assert table.iloc[0].tolist() == [
        "Hazard ratio, bias of its logarithm", "no effect", "type I error", "Matched 1:1", "As published †",
        "median, exposure permuted", "0.05", "0.052 (±0.007)", "1,000", "199", "–",
    ]  # fmt: skip


def test_a_bias_is_shown_in_the_unit_of_its_measure():
    bias = calibration(
        **OF_SURVIVAL, quantity=BIAS, test="difference", nominal=0.0, observed=-0.0177, monte_carlo_se=0.0033
    )
    (row,) = calibration_shown(bias, small_study()).to_dict("records")
    assert row["Measure"] == "Difference in survival at 12 months, percentage points"
    assert (row["Nominal"], row["Observed (± SE)"]) == ("0", "−1.77 (±0.33)")
    assert calibration_shown(bias.assign(observed=np.nan, cohorts=0), small_study()).empty


def test_the_summary_has_the_ranges_of_what_a_study_reports():
    rows = [
        calibration(test="abs_median", observed=0.04),
        calibration(test="abs_mean_z", observed=0.06, null="simulation"),
        calibration(test="abs_mean_z", observed=0.5, nominal=0.01),
        calibration(test="median", observed=0.9),
        *(
            calibration(**OF_SURVIVAL, quantity=COVERAGE, test=test, nominal=0.95, observed=share, cohorts=n)
            for test, share, n in (
                ("wald_stacked", 0.93, 391),
                ("wald_outputation", 0.96, 478),
                ("wald_naive", 0.7, 478),
            )
        ),
        calibration(**OF_SURVIVAL, quantity=BIAS, test="difference", nominal=0.0, observed=0.02, cohorts=391),
        calibration(
            quantity=COVERAGE, test="wald_robust", adjustment_set="", estimator="naive", observed=0.1
        ),
    ]
    table = calibration_summary(pd.concat(rows, ignore_index=True), small_study())
    assert table.to_numpy().tolist() == [
        ["Hazard ratio, bias of its logarithm", "no effect", "Naive",
         "–", "0.100", "–", "–", "1,000", "–"],
        ["Hazard ratio, bias of its logarithm", "no effect", "As published †",
         "–", "–", "0.040 to 0.060", "–", "–", "1,000"],
        ["Difference in survival at 12 months, percentage points", "no effect", "As published †",
         "+2.00", "0.930 to 0.960", "–", "–", "391 to 478", "–"],
    ]  # fmt: skip
    assert calibration_summary(pd.DataFrame(), small_study()).empty
    assert REPORTED == OWN_ERRORS


def test_the_committed_table_is_shown_whole_whatever_the_measures_of_a_study():
    study = small_study()
    shown = by_measure({"calibration": COMMITTED}, study)["calibration"]
    assert len(calibration_shown(shown, study)) == COMMITTED["observed"].notna().sum()
    summary = calibration_summary(shown, study)
    assert summary["Measure"].nunique() == COMMITTED["measure"].nunique() == 6
    assert len(summary) < 60
