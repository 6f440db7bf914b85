"""Compile every kernel once, so that no job waits for it."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.estimators.cox import cox
from survival_multiverse.inference.resampling import Resample, resample
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.study import Study

_CONFIG: dict[str, Any] = {
    "study": {
        "title": "warm-up",
        "seed": 1,
    },
    "decisions": {
        varied: {"varies": varied, "type": "equivalent", "options": [option]}
        for varied, option in {"lesions": 3, "dose": 1, "gtv": 1, "caliper": 0.2}.items()
    },
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
    "measures": [
        {"measure": kind}
        for kind in ("hazard_ratio", "rmst_difference", "survival_difference", "median_difference")
    ],
    "disclosure": {"minimum_count": 5},
}


def _study(late: bool) -> Study:
    entry = {"entry": {"column": "entry"}} if late else {}
    return Study.from_config(_CONFIG | {"cohort": _CONFIG["cohort"] | entry})


def _cohort(late: bool, patients: int = 200) -> pd.DataFrame:
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
    return frame.assign(entry=frame["time"] * rng.uniform(0, 0.5, patients)) if late else frame


def _fit_cox(late: bool) -> None:
    frame, entry = _cohort(late), _cohort(late).get("entry")
    cox(frame["time"], frame["event"], frame[["gtv"]], entry=entry)


def _evaluate(late: bool) -> None:
    study = _study(late)
    for _ in evaluate_panel(_cohort(late), study, study.grid):
        pass


def _resample(late: bool) -> None:
    for _ in resample(_cohort(late), _study(late), Resample.PERMUTATION, range(1)):
        pass


def warm_up(*steps: Callable[[bool], None], late: bool = False) -> None:
    """Evaluate and resample one scenario of random patients, which calls every kernel that a study needs.

    With delayed entry (`late`) the kernels take one array more, and are compiled for it.
    """
    for step in steps or (_evaluate, _resample):
        step(late)


def compile_kernels() -> None:
    """Compile every kernel and keep the machine code, in two processes.

    They go through the work from both ends; each loads from disk what the other has compiled.
    """
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as processes:
        halves = [
            processes.submit(warm_up, _evaluate, _resample),
            # The kernel that takes longest comes first, so that the other process finds it.
            processes.submit(warm_up, _fit_cox, _resample, _evaluate),
        ]
        for half in halves:
            half.result()
