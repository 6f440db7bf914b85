"""Specifications under conditions: as many as a plain enumeration of what an estimator depends on."""

from itertools import product
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
import yaml
from lifelines.datasets import load_lung

from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.files.config_files import merged_config
from survival_multiverse.inference.robustness import distinct_rows, first_scenarios, specifications
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import validate_config

ROOT = Path(__file__).parents[2]
MERGED = {"ecog": {"merge": {"0 or 1": [0, 1], "2 or 3": [2, 3]}}}
CODING = {"type": "equivalent", "options": ["four", {"value": "two", "coding": MERGED}]}
# Options, legal combinations, and which decisions an estimator's analyses depend on, by their places.
CASES = {
    "a coding with one caliper alone": (
        {
            "dose_cutoff": [0, 10],
            "caliper": [0.2, "none"],
            "coding": {
                "type": "equivalent",
                "options": ["four", {"value": "two", "coding": MERGED, "when": "caliper == 0.2"}],
            },
        },
        lambda dose, caliper, coding: coding == "four" or caliper == 0.2,
        {"matched": (0, 1, 2), "overlap": (0, 2), "adjusted": (0, 2), "unadjusted": (0,)},
    ),
    "a filter at the high cutoff, the score without it": (
        {
            "dose_cutoff": [0, 10],
            "caliper": [0.2],
            "sex": {
                "type": "uncertain",
                "options": ["both", {"value": "men", "keep": "sex == 1", "when": "dose_cutoff > 5"}],
            },
            "score": {
                "type": "equivalent",
                "options": ["straight", {"value": "curved", "score": "splines", "when": "sex != men"}],
            },
        },
        lambda dose, caliper, sex, score: (
            (sex == "both" or dose > 5) and (score == "straight" or sex != "men")
        ),
        {"matched": (0, 2, 3), "overlap": (0, 2, 3), "adjusted": (0, 2), "unadjusted": (0, 2)},
    ),
    "either the coding or the scale of the caliper": (
        {
            "dose_cutoff": [0, 5, 10],
            "caliper": [0.2, 0.5, "none"],
            "coding": CODING,
            "scale": {
                "type": "equivalent",
                "options": [
                    "all",
                    {"value": "within", "caliper_sd": "within_arm", "when": "coding == four and caliper < 1"},
                ],
            },
        },
        lambda dose, caliper, coding, scale: scale == "all" or (coding == "four" and caliper != "none"),
        {"matched": (0, 1, 2, 3), "overlap": (0, 2), "adjusted": (0, 2), "unadjusted": (0,)},
    ),
}


def settings_of(decisions, folder):
    example = yaml.safe_load((ROOT / "config/examples/lung_weight_loss.yaml").read_text(encoding="utf-8"))
    del example["decisions"]["ecog_coding"], example["study"]["primary"]
    own = example | {"decisions": example["decisions"] | decisions}
    own["study"]["primary"] = {"dose_cutoff": 10, "caliper": 0.2}
    own["analysis"] |= {"landmarks": [], "tie_break_draws": 1, "repeated_tie_breaks": 1}
    (folder / "config.yaml").write_text(yaml.safe_dump(own, sort_keys=False), encoding="utf-8")
    return merged_config([ROOT / "config/config.yaml", folder / "config.yaml"], {})


def plain_values(decision):
    entries = decision["options"] if isinstance(decision, dict) else decision
    return [entry["value"] if isinstance(entry, dict) else entry for entry in entries]


@pytest.mark.parametrize("name", CASES)
def test_specifications_are_those_of_a_plain_enumeration(name, tmp_path):
    decisions, legal, depends = CASES[name]
    config = settings_of(decisions, tmp_path)
    validate_config(config)
    study = Study.from_config(config)
    patients = prepare_cohort(load_lung(), study).patients
    tables = dict(evaluate_panel(patients, study, study.grid))
    parts = [
        distinct_rows(tables[scenario].replace_schema_metadata(None), study, first=first)
        for scenario, first in zip(study.grid, first_scenarios(study), strict=True)
    ]
    specs = specifications(pa.concat_tables(parts).unify_dictionaries().to_pandas(), study)
    combinations = [chosen for chosen in product(*map(plain_values, decisions.values())) if legal(*chosen)]
    assert len(study.grid) == len(combinations)
    sets = len(config["adjustment_sets"])
    expected = {
        estimator: len({tuple(chosen[place] for place in places) for chosen in combinations})
        * (1 if estimator == "unadjusted" else sets)
        for estimator, places in depends.items()
    }
    counts = specs.loc[specs["measure"] == "hazard_ratio", "estimator"].value_counts()
    pd.testing.assert_series_equal(
        counts[list(expected)], pd.Series(expected), check_names=False, check_index_type=False
    )
