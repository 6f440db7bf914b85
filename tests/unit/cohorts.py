"""Small deterministic cohorts as canonical frames, and the studies that analyse them."""

import math
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from lifelines.datasets import load_gbsg2

from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.emulation.study_treatment import scenario_treatment
from survival_multiverse.files.config_files import merged_config
from survival_multiverse.files.source_patients import load_dataset
from survival_multiverse.scenario.encoded_study import encode_study
from survival_multiverse.settings.study import Study

DAYS_PER_MONTH = 30


def _quantities():
    units = {"time": "months", "event": "", "dose": "fmol", "gtv": "mm", "lesions": "nodes"}
    return {role: {"column": role, "unit": unit} for role, unit in units.items()}


VARIED = {
    "oligo_threshold": ("lesions", "non_equivalent"),
    "dose_cutoff": ("dose", "non_equivalent"),
    "gtv_cutoff": ("gtv", "equivalent"),
    "caliper": ("caliper", "equivalent"),
}
"""What each decision of the default study varies, and its type."""


def decisions(**options):
    """Decisions of the default study, as far as they are named, with these options."""
    return {
        name: {"varies": VARIED[name][0], "type": VARIED[name][1], "options": list(values)}
        for name, values in options.items()
    }


def breast_config():
    """Settings for `breast_patients`: progesterone receptor as dose, size as volume, nodes as lesions."""
    return {
        "study": {
            "title": "Breast cancer",
            "seed": 7,
            "primary": {"oligo_threshold": 3, "dose_cutoff": 20, "gtv_cutoff": 25, "caliper": 0.2},
        },
        "decisions": decisions(
            oligo_threshold=[2, 3], dose_cutoff=[20, 50], gtv_cutoff=[25, 30], caliper=[0.05, 0.2, "none"]
        ),
        "cohort": {"source": "file", **_quantities()},
        "covariates": {
            "hormone": {
                "column": "horTh",
                "type": "categorical",
                "levels": ["no", "yes"],
                "role": "baseline",
            },
            "age": {"column": "age", "type": "continuous", "cut": 50, "role": "baseline"},
            "menopause": {
                "column": "menostat",
                "type": "categorical",
                "levels": ["Pre", "Post"],
                "role": "baseline",
            },
            "grade": {
                "column": "tgrade",
                "type": "categorical",
                "levels": ["I", "II", "III"],
                "role": "baseline",
            },
            "estrogen": {"column": "estrec", "type": "continuous", "role": "post_treatment"},
        },
        "adjustment_sets": {
            "late": {"covariates": ["hormone", "gtv", "estrogen"]},
            "early": {
                "covariates": ["hormone", "age", "menopause", "grade", "gtv"],
                "covariates_in_all": ["lesions"],
            },
        },
        "analysis": {
            "confidence_level": 0.95,
            "survival_times": [24, 60, 88],
            "survival_conf_type": "log-log",
            "rmst_horizon": 48,
            "landmarks": [12, 24],
            "caliper_sd": "all",
            "minimum_events": 5,
            "selection_p": 0.05,
            "multivariable": ["gtv", "grade", "hormone"],
            "interactions": ["hormone", "grade"],
            "tie_break_draws": 10,
            "repeated_tie_breaks": 10,
            "balance_thresholds": [0.1, 0.25],
        },
        "inference": {
            "populations": ["non_oligometastatic"],
            "estimators": ["matched", "overlap", "iptw", "adjusted"],
            "landmarks": [0],
            "predicted": "longer",
            "draws": 19,
            "bootstrap_draws": 0,
        },
        "disclosure": {"minimum_count": 5},
    }


def breast_patients():
    """GBSG2 (Schumacher 1994) in whole months, so that times are tied, with a few values taken away."""
    raw = load_gbsg2()
    row = np.arange(len(raw))
    frame = pd.DataFrame(
        {
            "patient_id": [f"g{number:04d}" for number in row],
            "time": np.ceil(raw.time / DAYS_PER_MONTH),
            "event": raw.cens.astype("int64"),
            "dose": raw.progrec.astype(float),
            "gtv": raw.tsize.astype(float).mask(row % 171 == 5),
            "lesions": raw.pnodes.astype(float).mask(row % 201 == 9),
            "hormone": raw.horTh.astype(object),
            "age": raw.age.astype(float).mask(row % 151 == 31),
            "menopause": raw.menostat.astype(object).where(row % 97 != 11, None),
            "grade": raw.tgrade.astype(object).where(row % 113 != 17, None),
            "estrogen": np.round(np.log1p(raw.estrec), 2).mask(row % 131 == 23),
        }
    )
    return frame


def small_config(**analysis):
    """Settings for `small_patients`: two binary covariates, one continuous one with a cut."""
    config = breast_config()
    config["study"] = {
        "title": "Small",
        "seed": 3,
        "primary": {"oligo_threshold": 5, "dose_cutoff": 60, "gtv_cutoff": 100, "caliper": 0.2},
    }
    config["decisions"] = decisions(
        oligo_threshold=[3, 5], dose_cutoff=[60, 66], gtv_cutoff=[100, 150], caliper=[0.1, 0.2, "none"]
    )
    config["covariates"] = {
        "sex": {"column": "sex", "type": "categorical", "levels": ["male", "female"], "role": "baseline"},
        "age": {"column": "age", "type": "continuous", "cut": 60, "role": "baseline"},
        "response": {
            "column": "response",
            "type": "categorical",
            "levels": ["no", "yes"],
            "role": "post_treatment",
        },
    }
    config["adjustment_sets"] = {
        "late": {"covariates": ["sex", "gtv", "response"]},
        "early": {"covariates": ["sex", "age", "gtv"], "covariates_in_all": ["lesions"]},
    }
    config["analysis"] |= {
        "survival_times": [12, 24],
        "rmst_horizon": 24,
        "landmarks": [6],
        "multivariable": ["gtv", "response"],
        "interactions": ["response"],
    } | analysis
    return config


def small_patients(n=120, *, seed=1):
    """Random patients with tied times and heaped doses, whose survival depends on the dose and the volume."""
    random = np.random.default_rng(seed)
    dose = random.choice([50.0, 57.0, 60.0, 63.0, 66.0, 70.0], n)
    gtv = np.round(np.exp(random.normal(math.log(120), 0.6, n)), 1)
    hazard = 0.06 * np.where(dose >= 60, 0.7, 1.0) * np.where(gtv >= 100, 1.4, 1.0)
    death = np.maximum(np.round(random.exponential(1 / hazard), 1), 0.1)
    followed = np.round(random.uniform(12, 60, n), 1)
    return pd.DataFrame(
        {
            "patient_id": [f"p{number:04d}" for number in range(n)],
            "time": np.minimum(death, followed),
            "event": (death <= followed).astype("int64"),
            "dose": dose,
            "gtv": gtv,
            "lesions": random.integers(1, 12, n).astype(float),
            "sex": random.choice(["male", "female"], n).astype(object),
            "age": np.round(random.normal(60, 9, n)),
            "response": random.choice(["no", "yes"], n).astype(object),
        }
    )


def breast_study():
    return Study.from_config(breast_config())


def small_study(**analysis):
    return Study.from_config(small_config(**analysis))


ROOT = Path(__file__).parents[2]


def transplant_config(**changes):
    """Settings of the example of heart transplants; `changes` replace or add keys of its cohort."""
    files = [ROOT / "config" / "config.yaml", ROOT / "config" / "examples" / "stanford_transplants.yaml"]
    config = merged_config(files, {})
    return config | {"cohort": config["cohort"] | changes}


@cache
def transplant_study():
    """The example of heart transplants, with few draws and orders."""
    config = transplant_config()
    config["analysis"] = config["analysis"] | {"tie_break_draws": 10}
    config["inference"] = config["inference"] | {"draws": 19}
    return Study.from_config(config)


def transplant_frame():
    """Its patients, in the columns of the source: a frame of the caller's own."""
    return load_dataset("stanford_heart_transplants")


@cache
def transplant_patients():
    """Its patients as a canonical frame."""
    return prepare_cohort(transplant_frame(), transplant_study()).patients


def study_treatment(patients, study):
    """Times of treatment in the primary scenario, with the covariates of the primary set."""
    encoded = encode_study(patients, study, study.primary)
    return scenario_treatment(patients, encoded, study.primary, study.primary_set)
