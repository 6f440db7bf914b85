"""The small study in all measures: its tables are the same whichever it answers by."""

from functools import cache

from report_frames import canonical_patients, small_config
from report_page import kept_tables

from survival_multiverse.report.release import release
from survival_multiverse.settings.study import Study

DECLARED = [
    {"measure": "hazard_ratio"},
    {"measure": "rmst_difference", "at": 24},
    {"measure": "survival_difference", "at": 12},
    # Beyond follow-up in some analyses: those with an estimate are a selected rest.
    {"measure": "survival_difference", "at": 59},
    {"measure": "median_difference"},
]
MEAN, SURVIVAL, MEDIAN = DIFFERENCES = ("rmst_difference_24", "survival_difference_12", "median_difference")
SELECTED = "survival_difference_59"


@cache
def _made():
    config = small_config(measures=DECLARED)
    config["analysis"] |= {"tie_break_draws": 4, "repeated_tie_breaks": 4, "landmarks": [6]}
    study = Study.from_config(config)
    return study, kept_tables(study, canonical_patients(study))


@cache
def answering_by(name):
    """The study with this measure first, and what may be shared of its tables."""
    study, tables = _made()
    (measure,) = (own for own in study.measures if own.name == name)
    study = study.answering_by(measure)
    return study, release(tables, study)


def without_some_medians():
    """The study that answers by medians, of which some matched analyses have none: a curve stays too high."""
    study, tables = answering_by(MEDIAN)
    rows = tables["specifications"].copy()
    gone = (rows["estimator"] == "matched") & (rows["caliper"] == 0.2)
    rows.loc[gone, ["estimate", "ci_lower", "ci_upper", "p_value", "effect"]] = float("nan")
    rows.loc[gone, ["status", "reason"]] = ["not_reached", "a curve does not fall to one half"]
    return study, tables | {"specifications": rows}
