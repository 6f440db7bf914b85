"""A tiny made-up paper: its patients, its description, and the numbers that it would print."""

import numpy as np
import pandas as pd

from survival_multiverse.paper.published import read_description, read_published
from survival_multiverse.paper.reproduction import PaperCohort, reproduce

COLUMNS = ["id", "source", "cohort", "variable", "level", "within", "time", "statistic", "relation", "value"]
COLUMNS += ["decimals", "denominator", "scored", "note"]

MODEL = ("cox_hr", "cox_ci_lower", "cox_ci_upper")

SETTINGS = {
    "seed": 5,
    "time": {"step": 0.5, "first": 1, "last": 40},
    "arm": "drug",
    "variables": {
        "drug": {"column": "dose", "cut": 10, "levels": ["little", "much"]},
        "ward": {"column": "ward", "texts": ["east", "west", "north"], "levels": ["e", "w", "n"]},
        "smoker": {"column": "smoker", "texts": ["no", "yes"], "levels": ["no", "yes"]},
    },
    "cohorts": {"everybody": {}, "smokers": {"smoker": "yes"}},
    "models": {"everybody": ["drug", "smoker"]},
    "marks": {"cause": [{"cohort": "everybody", "living": "alive"}]},
    "unions": {"cause": {"any": ["heart", "other"]}},
    "exact": {
        "drug": {
            "little": {"values": [2, 5], "probabilities": [1, 3]},
            "much": {"median": 20, "sd": 5, "minimum": 10, "maximum": 40, "step": 0.5},
        }
    },
    "inferred": [{"cohort": "smokers", "variable": "drug", "level": "much", "n": 10}],
    "initial_state": [
        {
            "name": "sizes",
            "labels": ["drug", "ward", "smoker"],
            "moves": {"change_label": 1},
            "numbers": ["n"],
            "steps": 50_000,
        },
    ],
    "fit": [
        {
            "tries": 4,
            "stages": [
                {
                    "name": "all",
                    "labels": ["drug", "ward", "smoker"],
                    "times": [{}],
                    "moves": {"shift_time": 2, "swap_times": 2, "swap_labels": 2, "swap_events": 1},
                    "numbers": ["n", "survival_pct", "logrank_chi2", "median", *MODEL],
                    "hot": 10,
                    "cold": 0.05,
                    "miss": 1,
                    "steps": 600_000,
                }
            ],
        },
    ],
}


def true_cohort(patients: int = 48) -> PaperCohort:
    """The patients of the made-up paper."""
    random = np.random.default_rng(11)
    number = np.arange(patients)
    codes = {"drug": number % 2, "ward": number % 3, "smoker": (number // 2) % 5 // 2 % 2}
    time = np.clip(np.rint(2 * random.exponential(6 + 3 * codes["drug"])) / 2, 0.5, 20)
    event = (random.random(patients) < 0.85).astype(np.int64)
    cause = np.where(event == 0, "alive", np.where(number % 4 == 0, "heart", "other")).astype(object)
    return PaperCohort(time, event, codes, {"cause": cause})


def printed_numbers() -> pd.DataFrame:
    """What the paper prints of its patients, rounded, as the text of its CSV file."""
    rows = [
        row("everybody", "cohort", "total", "n", 0),
        row("everybody", "alive", "at_last_follow_up", "n", 0),
    ]
    for variable, entry in SETTINGS["variables"].items():
        for level in entry["levels"]:
            rows.append(row("everybody", variable, level, "n", 0))
            rows += [row("everybody", variable, level, "survival_pct", 1, time=time) for time in ("3", "6")]
        rows.append(row("everybody", variable, "overall", "logrank_chi2", 1))
        rows.append(row("everybody", variable, "overall", "logrank_p", 1))
    rows.append(row("smokers", "drug", "overall", "logrank_chi2", 1))
    for statistic in MODEL:
        rows.append(row("everybody", "drug", "little_vs_much", statistic, 1))
    rows.append(row("everybody", "cohort", "total", "median", 1))
    rows += [row("everybody", "cohort", "total", "survival_pct", 1, time=time) for time in ("3", "6")]
    rows += [row("everybody", "cause", level, "n", 0) for level in ("heart", "other", "any")]
    text = pd.DataFrame(rows, columns=COLUMNS)
    made = reproduce(read_published(text), true_cohort(), read_description(SETTINGS))
    return text.assign(
        value=[f"{value:.{int(d)}f}" for value, d in zip(made.reproduced, made.decimals, strict=True)]
    )


def row(
    cohort: str, variable: str, level: str, statistic: str, decimals: int, *, time: str = ""
) -> list[str]:
    """A line of the table, its value still to be filled in."""
    identifier = "_".join(filter(None, [cohort, variable, level, statistic, time]))
    return [
        identifier,
        "table",
        cohort,
        variable,
        level,
        "",
        time,
        statistic,
        "=",
        "0",
        str(decimals),
        "",
        "yes",
        "",
    ]
