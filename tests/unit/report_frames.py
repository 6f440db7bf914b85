"""A small study with its tables, for the tests of figures, reading and page."""

import copy
import math
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from survival_multiverse.settings.study import Study

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config" / "config.yaml").read_text(encoding="utf-8"))
GATES = ("passes_propensity_0.1", "passes_propensity_0.25", "passes_baseline_0.1", "passes_baseline_0.25")
OPTIONS = {
    "oligo_threshold": [4, 5],
    "dose_cutoff": [60, 63],
    "gtv_cutoff": [100, 146],
    "caliper": [0.2, "none"],
}


def small_config(**changes):
    """The default settings with two options of each decision; `changes` replace top-level keys."""
    config = copy.deepcopy(CONFIG)
    for name, values in OPTIONS.items():
        config["decisions"][name]["options"] = [{"value": value, "reason": ""} for value in values]
    # The block of the rows below.
    config["study"]["adjustment_set"] = "as_published"
    return config | changes


@cache
def small_study():
    return Study.from_config(small_config())


@cache
def patients_study():
    """The small study as if its patients were people, whose joint P values are inference."""
    return Study.from_config(small_config(cohort=CONFIG["cohort"] | {"source": "file"}))


def specification(**values):
    """One row of specifications.parquet: the primary scenario, matched, unless told otherwise."""
    row = {
        "oligo_threshold": 5.0, "dose_cutoff": 63.0, "gtv_cutoff": 146.0, "caliper": 0.2,
        "population": "non_oligometastatic", "adjustment_set": "as_published", "estimator": "matched",
        "landmark": 0.0, "landmark_order": None, "measure": "hazard_ratio",
        "estimate": 0.8, "std_error": 0.1, "p_value": 0.03,
        "ci_lower": 0.65, "ci_upper": 0.97, "n": 120, "events": 90, "pairs": 60.0, "matched_share": 0.9,
        "focal_arm": 1.0, "max_abs_smd_propensity": 0.05, "max_abs_smd_baseline": 0.2,
        "status": "ok", "reason": None, "flags": None, "is_primary": False,
        "tie_break_median": 0.79, "tie_break_2.5": 0.74, "tie_break_97.5": 0.85,
        "variance_between_orders": 0.0004, "risk_at_end": 0.9,
        "rosenbaum_gamma": 1.3, "rosenbaum_direction": 1.0, "rosenbaum_p": 0.02,
        "rosenbaum_p_two_sided": 0.04, "sign_test_gamma": 1.1, "sign_test_direction": 1.0,
        "sign_test_p": 0.03, "sign_test_p_two_sided": 0.06,
        "e_value": 1.81, "e_value_of_limit": 1.21,
        **dict.fromkeys(GATES, False),
    }  # fmt: skip
    return row | values


def estimate(ratio, *, width=0.2, **values):
    """A specification with this hazard ratio and an interval of the given half width on the log scale."""
    limits = {"ci_lower": ratio * math.exp(-width), "ci_upper": ratio * math.exp(width)}
    return specification(estimate=ratio, **(limits | values))


def failure(**values):
    """A specification that could not be estimated."""
    numbers = dict.fromkeys(("estimate", "ci_lower", "ci_upper", "p_value", "std_error"), np.nan)
    return specification(status="no_pairs", reason="no pair within the caliper", **(numbers | values))


def specifications(rows):
    frame = pd.DataFrame(rows)
    frame["effect"] = np.log(frame["estimate"])
    frame[list(GATES)] = frame[list(GATES)].astype("boolean")
    return frame


@cache
def grid(seed=7):
    """All specifications of the small study's primary population, some of them not estimable."""
    study, random = small_study(), np.random.default_rng(seed)
    rows = []
    for threshold, dose, gtv, caliper in study.grid:
        for chosen in study.adjustment_sets:
            keys = {
                "oligo_threshold": threshold,
                "dose_cutoff": dose,
                "gtv_cutoff": gtv,
                "adjustment_set": chosen,
            }
            keys["is_primary"] = (threshold, dose, gtv, caliper) == study.primary
            if (threshold, caliper) == (4.0, math.inf):
                rows.append(failure(**keys, caliper=caliper))
            else:
                passes = {"passes_baseline_0.25": bool(random.random() < 0.5)}
                rows.append(estimate(math.exp(random.normal(-0.2, 0.25)), **keys, caliper=caliper, **passes))
            if math.isinf(caliper):
                unmatched = ("caliper", "pairs", "variance_between_orders", "rosenbaum_direction")
                blank = dict.fromkeys(GATES, None) | dict.fromkeys(unmatched, math.nan)
                keys["is_primary"] = (threshold, dose, gtv) == study.primary[:3]
                rows.append(
                    estimate(math.exp(random.normal(0.1, 0.1)), estimator="adjusted", **keys, **blank)
                )
    return specifications(rows)


def joint_row(**values):
    """One row of joint_inference.parquet: the primary matched block under the permutation, unless told."""
    row = {
        "population": "non_oligometastatic", "oligo_threshold": 5.0, "dose_cutoff": 63.0,
        "adjustment_set": "as_published", "estimator": "matched", "landmark": 0.0, "gate": "all",
        "null": "permutation", "measure": "hazard_ratio",
        "draws": 199, "specifications": 48,
        "median": -math.log(0.8), "p_median": 0.01, "share_significant": 0.25, "p_share_significant": 0.02,
        "mean_z": 1.5, "p_mean_z": 0.03, "abs_median": -math.log(0.8), "p_abs_median": 0.04,
        "abs_mean_z": 1.5, "p_abs_mean_z": 0.05, "null_median_2.5": -0.1, "null_median_97.5": 0.1,
    }  # fmt: skip
    return row | values


def calibration(**values):
    """A calibration table of one row."""
    row = {
        "setting": "no_effect", "quantity": "type I error", "measure": "hazard_ratio", "estimator": "matched",
        "adjustment_set": "as_published", "null": "permutation", "test": "median", "nominal": 0.05,
        "observed": 0.052, "monte_carlo_se": 0.007, "cohorts": 1000, "draws": 199, "truth": 1.0, "note": "",
    }  # fmt: skip
    return pd.DataFrame([row | values])


def canonical_patients(study, n=160, seed=2):
    """A canonical cohort with two gaps."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"patient_id": [f"p{i:03d}" for i in range(n)]})
    frame["dose"] = random.choice([50.0, 57.0, 60.0, 63.0, 66.0], n)
    frame["gtv"] = np.exp(random.normal(4.9, 0.6, n))
    frame["lesions"] = random.choice(np.arange(1.0, 12.0), n)
    for covariate in study.covariates.values():
        if covariate.type == "categorical":
            frame[covariate.name] = random.choice(np.array(covariate.levels, dtype=object), n)
        else:
            frame[covariate.name] = np.round(random.normal(covariate.cut, 3, n))
    time, censored = random.exponential(14, n), random.uniform(10, 60, n)
    frame["time"] = np.maximum(0.1, np.round(np.minimum(time, censored), 1))
    frame["event"] = (time <= censored).astype(int)
    frame.loc[:2, "response"] = None
    return frame
