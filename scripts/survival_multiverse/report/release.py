"""Disclosure control of a study's tables: every column is declared, and none discloses a patient.

Everything that a reader gets (the page, its tables, charts and figures, the exports) is made from tables that
have passed through `release`. docs/disclosure.md says what it does, and why.
"""

import math
from collections.abc import Collection, Mapping
from enum import StrEnum
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd

from survival_multiverse.cohort.disclosure import shown_count, shown_share, shown_survival
from survival_multiverse.cohort.treatment_course import COMPLETION, RECEIVED, START
from survival_multiverse.inference.bias_surface import COUNTS, PLACE, with_prevalences
from survival_multiverse.report.tables.flow import flow_counts
from survival_multiverse.report.words.measures import MEASURED, RATIOS
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import STATUS_REASON, Status
from survival_multiverse.settings.study import Study

DIGITS, MOST_DIGITS = 3, 6
"""Significant digits of a statistic, and where its side of a boundary takes more, at most so many."""
BOUNDARIES = (1.0, 0.05)
"""A limit or P value stays on its side of these."""


class Kind(StrEnum):
    """What a column holds, and with it what is done before it is shared.

    ``count`` (of patients): the middle of its class; ``share`` (of patients): that of shown counts; ``time``
    (of one patient): held back; ``curve``: survival at times of a grid, in steps of at least one patient's
    share; ``statistic``: three significant digits; ``label``: words, settings and numbers that count
    analyses, never patients.
    """

    COUNT = "count"
    SHARE = "share"
    TIME = "time"
    CURVE = "curve"
    STATISTIC = "statistic"
    LABEL = "label"


COUNT, SHARE, TIME, CURVE, STATISTIC, LABEL = Kind
_SCENARIO = dict.fromkeys(("population", "adjustment_set", "estimator", "landmark", "landmark_order"), LABEL)
_SPECIFIED = _SCENARIO | {"measure": LABEL}
_INTERVAL = dict.fromkeys(("estimate", "ci_lower", "ci_upper", "p_value"), STATISTIC)
_RATIO = dict.fromkeys(("hazard_ratio", "ci_lower", "ci_upper", "p_value"), STATISTIC)
SCHEMA: dict[str, dict[str, Kind]] = {
    "cohort": {"variable": LABEL, "patients": COUNT, "events": COUNT, "n_missing": COUNT},
    "flow": {"box": LABEL, "name": LABEL, "count": COUNT, "share": SHARE},
    "primary": {
        **_SCENARIO,
        **dict.fromkeys(
            ("subgroup", "analysis", "model", "ties", "variance", "variable", "level", "statistic"), LABEL
        ),
        **dict.fromkeys(("estimate", "std_error", "ci_lower", "ci_upper", "p_value"), STATISTIC),
        **{"df": LABEL, "n": COUNT, "events": COUNT, "status": LABEL, "reason": LABEL, "flags": LABEL},
    },
    "specifications": {
        **_SPECIFIED,
        **_INTERVAL,
        **{
            "effect": STATISTIC,
            "std_error": STATISTIC,
            "n": COUNT,
            "events": COUNT,
            "pairs": COUNT,
        },
        **dict.fromkeys(("status", "reason", "flags", "focal_arm", "fingerprint", "is_primary"), LABEL),
        **{"matched_share": SHARE, "risk_at_end": STATISTIC, "variance_between_orders": STATISTIC},
        **{"max_abs_smd_*": STATISTIC, "passes_*": LABEL, "tie_break_*": STATISTIC},
        **{"*_direction": LABEL, "rosenbaum_*": STATISTIC, "sign_test_*": STATISTIC, "e_value*": STATISTIC},
    },
    "blocks": {
        **_SPECIFIED,
        **dict.fromkeys(
            ("gate", "comparable", "attempted", "estimated", "not_estimable*", "effective"), LABEL
        ),
        **{"estimate_*": STATISTIC, "spread": STATISTIC, "janus": LABEL, "share_*": STATISTIC},
        **{"median_*": STATISTIC, "rosenbaum_bounds": LABEL, "lowest": LABEL, "highest": LABEL},
    },
    "failures": {**_SCENARIO, **dict.fromkeys(("analysis", "status", "reason", "rows", "scenarios"), LABEL)},
    "attribution": {
        **_SPECIFIED,
        **dict.fromkeys(("scope", "gate", "term", "order", "degrees_of_freedom", "cells"), LABEL),
        **{"dropped_levels": LABEL, "method": LABEL},
        **dict.fromkeys(("sum_of_squares", "share", "share_lower", "share_upper"), STATISTIC),
    },
    "joint_inference": {
        **_SPECIFIED,
        **dict.fromkeys(("gate", "null", "draws", "draws_compared", "specifications", "status"), LABEL),
        **dict.fromkeys(("*median", "*mean_z", "*share_significant", "null_median_*"), STATISTIC),
    },
    "null_curves": {
        **_SPECIFIED,
        **{"rank": LABEL, "null": LABEL, "status": LABEL, "estimate": STATISTIC, "null_*": STATISTIC},
    },
    "cutpoints": {
        **_RATIO,
        **{"cutoff": STATISTIC, "n_above": COUNT, "n_below": COUNT},
        **dict.fromkeys(("status", "flags", "population", "variable"), LABEL),
    },
    "selected_cutoffs": {
        **{"cutoff": STATISTIC, "statistic": STATISTIC, "p_naive": STATISTIC, "p_value": STATISTIC},
        **dict.fromkeys(("candidates", "permutations", "status", "population", "variable"), LABEL),
        "n": COUNT,
    },
    "dose_response": {
        **_RATIO,
        **{"value": STATISTIC, "p_nonlinear": STATISTIC, "reference": STATISTIC},
        **dict.fromkeys(("status", "knots", "population", "variable"), LABEL),
    },
    "cross_checks": {
        **dict.fromkeys(("adjustment_set", "quantity", "estimator", "library", "numbers"), LABEL),
        **{"engine": STATISTIC, "other": STATISTIC, "largest_relative_difference": STATISTIC},
        **{"agrees": LABEL, "status": LABEL},
    },
    "immortal_time": {
        **dict.fromkeys(("population", "adjustment_set", "is_primary"), LABEL),
        **dict.fromkeys(("method", "parameter", "estimand"), LABEL),
        **_RATIO,
        **dict.fromkeys(("log_hazard_ratio", "std_error", "largest_weight"), STATISTIC),
        **{"bootstrap_lower": STATISTIC, "bootstrap_upper": STATISTIC, "draws_estimated": LABEL},
        # Weights sum to about a count of patients, without confounding to exactly one.
        **dict.fromkeys(("n", "events", "alive_at_grace", "sum_of_weights_*"), COUNT),
        **dict.fromkeys(("variance", "status", "reason", "flags"), LABEL),
    },
    "immortal_time_summary": {
        **dict.fromkeys(("population", "adjustment_set", "method", "parameter", "estimand"), LABEL),
        **dict.fromkeys(("analyses", "estimated", "ci_below_1", "ci_above_1"), LABEL),
        **dict.fromkeys(("median_hazard_ratio", "lowest", "highest"), STATISTIC),
    },
    "arm_curves": {**_SCENARIO, "arm": LABEL, "n": COUNT, "curve": LABEL},
    "survival_curves": {"curve": LABEL, "time": LABEL, "survival": CURVE, "at_risk": COUNT},
    "score_overlap": {
        **dict.fromkeys(("adjustment_set", "estimator", "arm", "lower", "upper"), LABEL),
        "patients": COUNT,
    },
    "negative_controls": {
        **dict.fromkeys(("control", "adjustment_set", "estimator", "is_primary"), LABEL),
        **_INTERVAL,
        **{"effect": STATISTIC, "std_error": STATISTIC},
        **dict.fromkeys(("status", "reason", "flags"), LABEL),
    },
    "calibrated_p_values": {
        **dict.fromkeys(("adjustment_set", "estimator", "controls", "status", "reason"), LABEL),
        **dict.fromkeys(("estimate", "p_value", "mean", "standard_deviation"), STATISTIC),
        "calibrated_p_value": STATISTIC,
    },
    "bias_surface": {
        **dict.fromkeys(("estimator", "adjustment_set", "status", "reason"), LABEL),
        # A grid that follows from the settings.
        **dict.fromkeys(("prevalence_difference", "confounder_hazard_ratio"), LABEL),
        **{"bias_factor": LABEL, "corrected_*": STATISTIC},
    },
    "bias_covariates": {
        **dict.fromkeys(("variable", "level", "model", "status", "reason"), LABEL),
        **dict.fromkeys(COUNTS, COUNT),
        # Those of the shown counts.
        **dict.fromkeys(PLACE, STATISTIC),
        "hazard_ratio": STATISTIC,
    },
    "scenario_balance": {**_SCENARIO, "variable": LABEL, "level": LABEL, "estimate": STATISTIC},
}
"""Kind of every column of the tables that are shared, by table; ``*`` stands for any characters.

The columns of a study's decisions, which hold options, are labels.
"""
NOT_OF_PATIENTS = ("calibration", "consistency", "reproduction", "score", "matching", "published", "ensemble",
                   "ensemble_members")  # fmt: skip
"""Tables of simulated cohorts, of what a paper prints, and of patients made from that."""
DIGESTS = ("fingerprint", "curve")
"""Labels that are shared as running numbers."""
COUNTED_ANEW = ("cohort", "flow")
"""Tables whose rows are other ones where they are shared."""
ROWS: dict[tuple[str, str], Kind] = {
    ("descriptive", "patients*"): COUNT,
    ("missing", "patients"): COUNT,
    ("matching", "pairs"): COUNT,
    ("matching", "focal_patients"): COUNT,
    ("matching", "matched_share"): SHARE,
    ("rosenbaum", "informative_pairs"): COUNT,
    ("weights", "extreme_weights"): COUNT,
    ("follow_up", "alive"): COUNT,
    ("follow_up", "alive_m*imum"): TIME,
    ("tie_break", "draws_estimated"): LABEL,
}
"""Kind of the estimate of a statistic, by its analysis and name, where it is none."""


def release(tables: Mapping[str, pd.DataFrame], study: Study) -> dict[str, pd.DataFrame]:
    """Return the tables as they may be shared.

    Parameters
    ----------
    tables
        As the study keeps them, by the names of `SCHEMA` and `NOT_OF_PATIENTS`; ``cohort`` has a row a
        patient, ``flow`` the steps of eligibility, and both come back as counts.
    study
        Gives the classes in which counts of patients are shown.

    Returns
    -------
    dict
        The tables after disclosure control, by the same names.

    Raises
    ------
    ValueError
        If a table or a column is not declared.
    """
    made = dict(tables)
    if "cohort" in made:
        made["cohort"] = cohort_counts(made["cohort"])
    if "flow" in made:
        made["flow"] = flow_counts(made["flow"], made["primary"], study)
    if "cutpoints" in made:
        made["cutpoints"] = _parted(made["cutpoints"], minimum=study.minimum_count)
    if "bias_covariates" in made:
        made["bias_covariates"] = _shown_prevalences(made["bias_covariates"], minimum=study.minimum_count)
    if "immortal_time" in made:
        made["immortal_time"] = _without_counts(made["immortal_time"])
    _number(made)
    released = {
        name: frame
        if name in NOT_OF_PATIENTS
        else release_table(name, frame, minimum=study.minimum_count, decisions=study.decisions)
        for name, frame in made.items()
    }
    return by_measure(released, study)


def by_measure(tables: Mapping[str, pd.DataFrame], study: Study) -> dict[str, pd.DataFrame]:
    """Return the tables with the rows of the primary measure, those of all under the names of `MEASURED`.

    So what shows the answer need not know of measures.
    """
    primary = {
        name: frame[frame["measure"] == study.primary_measure.name].reset_index(drop=True)
        if "measure" in frame and name not in NOT_OF_PATIENTS
        else frame
        for name, frame in tables.items()
    }
    measured = {own: tables[name] for name, own in MEASURED.items() if name in tables}
    if "specifications" in tables:
        every = tables["specifications"]
        measured[RATIOS] = every[every["measure"] == RATIO.name].reset_index(drop=True)
    return primary | measured


def _without_counts(immortal_time: pd.DataFrame) -> pd.DataFrame:
    """Return the ways to deal with immortal time, with reasons that tell no count of events.

    Counts stand in the primary scenario alone: those of others, which keep other patients, would differ from
    them by few.
    """
    few = immortal_time["status"] == Status.TOO_FEW_EVENTS
    reasons = immortal_time["reason"].mask(few, STATUS_REASON[Status.TOO_FEW_EVENTS])
    other = ~immortal_time["is_primary"].astype(bool)
    counted = [name for name in immortal_time if kind_of_way(str(name)) is COUNT or name == "largest_weight"]
    held = {name: immortal_time[name].astype(np.float64).mask(other) for name in counted}
    return immortal_time.assign(reason=reasons, **held)


def kind_of_way(column: str) -> Kind:
    """Return the kind of a column of the ways to deal with immortal time; options are labels."""
    return kind_of("immortal_time", column) if is_declared("immortal_time", column) else LABEL


def is_declared(table: str, column: str) -> bool:
    """Return whether a column has a kind, by its name or by a pattern."""
    return any(fnmatchcase(column, pattern) for pattern in SCHEMA.get(table, {}))


def kind_of(table: str, column: str) -> Kind:
    """Return the kind of a column: that of its name, or of the first pattern that it matches.

    Raises
    ------
    ValueError
        If it is not declared.
    """
    declared = SCHEMA.get(table, {})
    if column in declared:
        return declared[column]
    found = [kind for pattern, kind in declared.items() if fnmatchcase(column, pattern)]
    if not found:
        raise ValueError(f"{table}.{column} is not declared in release.SCHEMA and can't be shared")
    return found[0]


def _number(tables: dict[str, pd.DataFrame]) -> None:
    """Replace digests of patients by running numbers, as a digest could confirm a guess."""
    for column in DIGESTS:
        numbers: dict[object, str] = {"": ""}
        for name, frame in tables.items():
            if column in SCHEMA.get(name, ()) and column in frame:
                for digest in frame[column].dropna().unique():
                    numbers.setdefault(digest, str(len(numbers)))
                tables[name] = frame.assign(**{column: frame[column].map(numbers).astype(object)})


def cohort_counts(patients: pd.DataFrame) -> pd.DataFrame:
    """Return the patients and events of the whole cohort, and how many lack each variable."""
    times = ("patient_id", "time", "event", START, COMPLETION, RECEIVED)
    names = [name for name in patients if name not in times]
    missing = {"": 0} | {name: int(patients[name].isna().sum()) for name in names}
    totals = {"patients": len(patients), "events": int(patients["event"].sum())}
    return pd.DataFrame([{"variable": name, **totals, "n_missing": count} for name, count in missing.items()])


def apart(rows: pd.DataFrame, *, minimum: int) -> pd.DataFrame:
    """Return cutoffs with at least `minimum` patients between them: none shows a single patient's value."""
    rows = rows[rows["status"] == "ok"].sort_values("cutoff")
    kept, last = [], math.inf
    for position, count in enumerate(rows["n_above"]):
        if last - count >= minimum:
            kept.append(position)
            last = count
    return rows.iloc[kept]


def _parted(cutpoints: pd.DataFrame, *, minimum: int) -> pd.DataFrame:
    """Apply `apart` in each population and variable."""
    groups = [rows for _, rows in cutpoints.groupby(["population", "variable"], sort=False)]
    return pd.concat([apart(rows, minimum=minimum) for rows in groups]) if groups else cutpoints


def _shown_prevalences(covariates: pd.DataFrame, *, minimum: int) -> pd.DataFrame:
    """Return covariates with the prevalences of their shown counts; none beside a small count."""
    exact = covariates[list(COUNTS)]
    shown = {name: shown_count(exact[name], minimum=minimum) for name in COUNTS}
    made = with_prevalences(covariates.assign(**shown), minimum=minimum)
    return made.assign(**{name: exact[name] for name in COUNTS})


def release_table(
    name: str, frame: pd.DataFrame, *, minimum: int, decisions: Collection[str] = ()
) -> pd.DataFrame:
    """Return one table as its kinds say, without the counts that `release` makes.

    Parameters
    ----------
    name
        Of `SCHEMA`.
    minimum
        Width of the classes in which counts are shown.
    decisions
        Names of the study's decisions, whose columns hold options.

    Raises
    ------
    ValueError
        If the table or a column is not declared.
    """
    # A declared column is what the schema says, whatever a decision is called.
    options = {own for own in decisions if own not in SCHEMA.get(name, {})}
    kinds = {column: LABEL if column in options else kind_of(name, column) for column in frame}
    patients = None
    if name == "survival_curves":
        patients = frame.groupby("curve")["at_risk"].transform("max")
    elif SHARE in kinds.values():
        patients = frame["count"] if name == "flow" else 2 * frame["pairs"]
    shown = {column: _shown(frame[column], kind, patients, minimum) for column, kind in kinds.items()}
    if name == "primary":
        shown["estimate"] = _estimates(frame, minimum)
    return pd.DataFrame(shown, index=frame.index)


def _estimates(rows: pd.DataFrame, minimum: int) -> pd.Series:
    """Return the estimates of rows as shown, each by the kind of its statistic."""
    shown = rows["estimate"].astype(np.float64)
    for (analysis, statistic), here in rows.groupby(["analysis", "statistic"], sort=False, observed=True):
        kind = kind_of_estimate(analysis, statistic)
        shown.loc[here.index] = _shown(here["estimate"], kind, None, minimum)
    return shown


def kind_of_estimate(analysis: str, statistic: str) -> Kind:
    """Return the kind of the estimates of a statistic."""
    found = (
        kind for (of, pattern), kind in ROWS.items() if of == analysis and fnmatchcase(statistic, pattern)
    )
    return next(found, STATISTIC)


def _shown(values: pd.Series, kind: Kind, patients: pd.Series | None, minimum: int) -> pd.Series:
    """Return values as shown; `patients` are those behind a curve, or the matched ones behind a share."""
    if kind is LABEL:
        return values
    numbers = values.to_numpy(dtype=np.float64)
    if kind is COUNT:
        numbers = shown_count(numbers, minimum=minimum)
    elif kind is CURVE and patients is not None:
        numbers = shown_survival(numbers, patients, minimum=minimum)
    elif kind is SHARE and patients is not None:
        pairs = patients.to_numpy(dtype=np.float64) / 2
        focal = np.divide(pairs, numbers, where=numbers > 0, out=np.full(len(numbers), np.nan))
        numbers = shown_share(pairs, np.round(focal), minimum=minimum)
    elif kind in (TIME, CURVE, SHARE):
        numbers = np.full(len(numbers), np.nan)
    else:
        numbers = significant(numbers)
    return pd.Series(numbers, values.index)


def significant(values: np.ndarray, digits: int = DIGITS) -> np.ndarray:
    """Round to so many significant digits; to more where a number would cross a boundary."""
    shown = _rounded(values, digits)
    for more in range(digits + 1, MOST_DIGITS + 1):
        crossed = np.zeros(len(values), dtype=bool)
        for boundary in BOUNDARIES:
            crossed |= np.sign(shown - boundary) != np.sign(values - boundary)
        crossed &= np.isfinite(values)
        if not crossed.any():
            break
        shown = np.where(crossed, _rounded(values, more), shown)
    return shown


def _rounded(values: np.ndarray, digits: int) -> np.ndarray:
    known = np.isfinite(values) & (values != 0)
    exponent = np.floor(np.log10(np.abs(np.where(known, values, 1.0))))
    places = (digits - 1 - exponent).astype(np.int64)
    unit = 10.0 ** np.abs(places)
    scaled = np.where(places >= 0, np.round(values * unit) / unit, np.round(values / unit) * unit)
    return np.where(known, scaled, values)
