"""Two further real cohorts as canonical frames, and the studies that analyse them.

reference/veteran.csv is R's `survival::veteran` (Kalbfleisch & Prentice 1980), written by
``write.csv(survival::veteran, row.names = FALSE, quote = FALSE)``; lung (Loprinzi 1994) comes with lifelines.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from cohorts import breast_config, breast_patients, breast_study, decisions
from lifelines.datasets import load_lung

from survival_multiverse.settings.study import Study

VETERAN = Path(__file__).parent / "reference" / "veteran.csv"
DAYS_PER_WEEK = 7


def _categories(*levels, role="baseline", column="of the file"):
    return {"column": column, "type": "categorical", "levels": list(levels), "role": role}


def _number(*, cut=None):
    entry = {"column": "of the file", "type": "continuous", "role": "baseline"}
    return entry if cut is None else entry | {"cut": cut}


def _study(primary, **sections):
    config = breast_config() | {key: value for key, value in sections.items() if key != "analysis"}
    config["study"] = {"title": "Lung cancer", "seed": 11, "primary": primary}
    config["decisions"] = decisions(**{name: [value] for name, value in primary.items()})
    config["analysis"] |= sections["analysis"]
    return Study.from_config(config)


def veteran_patients():
    """Lung cancer trial in whole weeks: many ties, nine censored, four cell types. Age is the count."""
    raw = pd.read_csv(VETERAN)
    return pd.DataFrame(
        {
            "patient_id": [f"v{number:03d}" for number in range(len(raw))],
            "time": np.ceil(raw.time / DAYS_PER_WEEK),
            "event": raw.status.astype("int64"),
            "dose": raw.karno.astype(float),
            "gtv": raw.diagtime.astype(float),
            "lesions": raw.age.astype(float),
            "cell": raw.celltype.astype(object),
            "therapy": raw.trt.map({1: "standard", 2: "test"}).astype(object),
            "prior": raw.prior.map({0: "no", 10: "yes"}).astype(object),
        }
    )


def veteran_study():
    return _study(
        {"oligo_threshold": 60, "dose_cutoff": 60, "gtv_cutoff": 5, "caliper": 0.2},
        covariates={
            "cell": _categories("squamous", "smallcell", "adeno", "large"),
            "therapy": _categories("standard", "test"),
            "prior": _categories("no", "yes", role="post_treatment"),
        },
        adjustment_sets={
            "late": {"covariates": ["prior", "gtv"]},
            "early": {"covariates": ["cell", "therapy", "gtv"], "covariates_in_all": ["lesions"]},
        },
        analysis={
            "survival_times": [13, 26, 52],
            "rmst_horizon": 26,
            "landmarks": [4],
            "multivariable": ["gtv", "cell", "therapy"],
            "interactions": ["therapy", "cell"],
        },
    )


def lung_patients():
    """Advanced lung cancer in days, its missing values left as they are. ECOG score is the count."""
    raw = load_lung()
    return pd.DataFrame(
        {
            "patient_id": [f"l{number:03d}" for number in range(len(raw))],
            "time": raw["time"].astype(float),
            "event": raw["status"].astype("int64"),
            "dose": raw["age"].astype(float),
            "gtv": raw["meal.cal"],
            "lesions": raw["ph.ecog"],
            "sex": raw["sex"].map({1: "male", 2: "female"}).astype(object),
            "karno": raw["ph.karno"],
            "own_karno": raw["pat.karno"],
            "weight_loss": raw["wt.loss"],
        }
    )


def lung_study():
    return _study(
        {"oligo_threshold": 1, "dose_cutoff": 63, "gtv_cutoff": 975, "caliper": 0.2},
        covariates={
            "sex": _categories("male", "female"),
            "karno": _number(cut=90),
            "own_karno": _number(cut=80),
            "weight_loss": _number(),
        },
        adjustment_sets={
            "late": {"covariates": ["sex", "gtv", "weight_loss"]},
            "early": {
                "covariates": ["sex", "karno", "own_karno", "gtv"],
                "covariates_in_all": ["lesions"],
            },
        },
        analysis={
            "survival_times": [183, 365, 731],
            "rmst_horizon": 365,
            "landmarks": [91],
            "multivariable": ["sex", "weight_loss"],
            "interactions": ["sex", "gtv"],
        },
    )


REAL_COHORTS = {
    "breast": (breast_patients, breast_study),
    "veteran": (veteran_patients, veteran_study),
    "lung": (lung_patients, lung_study),
}
