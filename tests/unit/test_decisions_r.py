"""Options of decisions against R (reference/decisions.R): conditions, splines, groups, another endpoint."""

import json
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
import yaml
from lifelines.datasets import load_gbsg2

from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import merge_configs, validate_config

ROOT = Path(__file__).parents[2]
REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "decisions.json").read_text())
FILES = (
    "config/config.yaml",
    "config/examples/breast_gbsg2.yaml",
    "config/examples/breast_six_decisions.yaml",
)


def config():
    merged = {}
    for file in FILES:
        merged = merge_configs(merged, yaml.safe_load((ROOT / file).read_text(encoding="utf-8")))
    # What no estimate here needs.
    merged["analysis"] |= {"landmarks": [], "tie_break_draws": 1, "repeated_tie_breaks": 1}
    return merged


def estimates(settings, frame, **options):
    """Rows of the hazard ratios of one scenario, the primary one but for these options."""
    validate_config(settings)
    study = Study.from_config(settings)
    chosen = dict(zip(study.decisions, study.primary, strict=True)) | options
    ((_, table),) = evaluate_panel(prepare_cohort(frame, study).patients, study, [tuple(chosen.values())])
    rows = table.to_pandas()
    return rows[
        (rows.population == "non_oligometastatic")
        & (rows.analysis == "cox")
        & (rows.statistic == "hazard_ratio")
        & (rows.variable == "arm")
        & (rows.ties == "efron")
        & rows.subgroup.isna()
    ]


def assert_same(rows, expected):
    assert len(rows) == 1
    found = np.log(rows.estimate.iloc[0]), rows.std_error.iloc[0]
    np.testing.assert_allclose(found[: np.size(expected)], np.ravel(expected), rtol=1e-8)


@pytest.mark.parametrize("coding", ["linear", "spline"])
def test_condition_and_coding(coding):
    rows = estimates(config(), load_gbsg2(), women="without_grade_I", age=coding)
    here = (rows.estimator == "adjusted") & (rows.adjustment_set == "tumour") & (rows.model == "adjusted")
    assert_same(rows[here], R[coding])


def test_splines_of_the_score():
    rows = estimates(config(), load_gbsg2(), women="without_grade_I", age="linear", score="splines")
    here = (rows.estimator == "overlap") & (rows.adjustment_set == "tumour") & (rows.variance == "stacked")
    assert_same(rows[here], R["overlap"])


def test_two_groups_of_three_are_compared():
    settings = config()
    del settings["decisions"]["dose_cutoff"], settings["study"]["primary"]["dose_cutoff"]
    settings["cohort"]["dose"] = {"column": "tgrade", "levels": ["I", "II", "III"]}
    settings["decisions"]["grades"] = {
        "type": "non_equivalent",
        "options": [{"value": "I_II", "compare": ["I", "II"]}, {"value": "I_III", "compare": ["I", "III"]}],
    }
    for name in ("women", "score", "caliper_scale"):
        del settings["decisions"][name]
        settings["study"]["primary"].pop(name, None)
    del settings["covariates"]["grade"]
    settings["adjustment_sets"] = {"tumour": {"covariates": ["gtv", "age", "menopause", "oestrogen"]}}
    settings["analysis"] |= {"multivariable": ["age"], "interactions": ["gtv"]}
    rows = estimates(settings, load_gbsg2(), grades="I_III", age="linear")
    assert_same(rows[(rows.estimator == "adjusted") & (rows.model == "adjusted")], R["compared"])


def test_another_endpoint():
    settings, frame = deepcopy(config()), load_gbsg2()
    frame["early"] = frame.cens * (frame.time <= 1095)
    frame["until"] = np.minimum(frame.time, 1095)
    option = {"value": "early", "endpoint": {"time": "until", "event": "early"}}
    settings["decisions"]["endpoint"] = {"type": "non_equivalent", "options": [{"value": "all"}, option]}
    rows = estimates(settings, frame, endpoint="early")
    here = (rows.estimator == "unadjusted") & (rows.model == "arm_only") & (rows.adjustment_set.isna())
    assert_same(rows[here], R["endpoint"])


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_committed_reference_is_what_r_says(tmp_path):
    load_gbsg2().to_csv(tmp_path / "gbsg2.csv", index=False)
    command = ["Rscript", REFERENCE / "decisions.R", tmp_path / "gbsg2.csv"]
    live = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert live.keys() == R.keys()
    for name, values in R.items():
        np.testing.assert_allclose(live[name], values, rtol=1e-10)
