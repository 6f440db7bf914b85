"""Compile every kernel once, so that no job waits for it."""

import numpy as np
import pandas as pd

from survival_multiverse.inference.resampling import Resample, resample
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Scenario

_CONFIG = {
    "study": {
        "title": "warm-up",
        "seed": 1,
        "primary": {"oligo_threshold": 3, "dose_cutoff": 1, "gtv_cutoff": 1, "caliper": 0.2},
    },
    "axes": {"oligo_threshold": [3], "dose_cutoff": [1], "gtv_cutoff": [1], "caliper": [0.2]},
    "cohort": {
        "source": "simulated",
        **{role: {"column": role} for role in ("time", "event", "dose", "gtv", "lesions")},
    },
    "covariates": {
        "factor": {
            "column": "factor",
            "type": "categorical",
            "levels": ["a", "b", "c"],
            "role": "baseline",
        },
        "number": {"column": "number", "type": "continuous", "role": "baseline"},
    },
    "adjustment_sets": {"both": {"covariates": ["factor", "number", "gtv"]}},
    "analysis": {
        "confidence_level": 0.95,
        "survival_times": [1],
        "survival_conf_type": "log-log",
        "rmst_horizon": 1,
        "landmarks": [0.1],
        "caliper_sd": "all",
        "minimum_events": 5,
        "selection_p": 0.05,
        "multivariable": ["factor"],
        "interactions": ["factor"],
        "tie_break_draws": 2,
        "repeated_tie_breaks": 2,
        "balance_thresholds": [0.1],
    },
    "inference": {
        "populations": ["all"],
        "estimators": ["matched", "overlap", "iptw", "adjusted"],
        "landmarks": [0],
        "predicted": "longer",
        "draws": 1,
        "bootstrap_draws": 0,
    },
    "disclosure": {"minimum_count": 5},
}


def warm_up(*, patients: int = 200) -> None:
    """Evaluate one scenario of random patients, which calls every kernel that a study needs."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "patient_id": [f"{number:03d}" for number in range(patients)],
            "time": np.round(rng.exponential(1, patients), 2) + 0.01,
            "event": rng.integers(0, 4, patients) > 0,
            "dose": rng.uniform(0, 2, patients),
            "gtv": rng.uniform(0, 2, patients),
            "lesions": rng.integers(1, 9, patients).astype(float),
            "factor": rng.choice(["a", "b", "c"], patients),
            "number": rng.normal(size=patients),
        }
    )
    study = Study.from_config(_CONFIG)
    for _ in evaluate_panel(frame, study, [Scenario(3, 1, 1, 0.2)]):
        pass
    for _ in resample(frame, study, Resample.PERMUTATION, range(1)):
        pass
