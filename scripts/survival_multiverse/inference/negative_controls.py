"""Negative controls through the multiverse, and what they say of systematic error."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from survival_multiverse.inference.empirical_calibration import (
    MINIMUM_CONTROLS,
    calibrated_p_value,
    fit_systematic_error,
)
from survival_multiverse.inference.robustness import (
    SPECIFICATION_ANALYSES,
    distinct_rows,
    first_scenarios,
    specifications,
)
from survival_multiverse.inference.specification_summary import headline
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.study import Study, control_study

RESULT = (
    *("adjustment_set", "estimator", "is_primary", "estimate", "ci_lower", "ci_upper", "p_value"),
    *("effect", "std_error", "status", "reason", "flags"),
)
CALIBRATED = (
    *("adjustment_set", "estimator", "estimate", "p_value", "controls", "mean", "standard_deviation"),
    *("calibrated_p_value", "status", "reason"),
)
TOO_FEW = f"fewer than {MINIMUM_CONTROLS} negative controls have an estimate"


def control_specifications(patients: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the estimates of every negative control under every specification of the study's grid.

    Parameters
    ----------
    patients
        Canonical frame of `cohort.prepare_cohort`, with the columns of the controls.
    study
        Gives controls, grid and analysis; the primary population, no landmark.

    Returns
    -------
    pd.DataFrame
        `control`, the options of the decisions (null where the control takes their place, or where they make
        no difference), and `RESULT`; a specification without an estimate has a status and a reason.
    """
    parts = [pd.DataFrame(columns=["control", *study.decisions, *RESULT])]
    for name in study.negative_controls:
        own = _estimates_alone(control_study(study, name))
        found = headline(specifications(_rows(patients, own), own), own)
        parts.append(found.assign(control=name).reindex(columns=parts[0].columns))
    return pd.concat(parts[1:] or parts, ignore_index=True)


def _estimates_alone(study: Study) -> Study:
    """Return the study without landmarks and interactions, of hazard ratios alone."""
    return replace(study.with_analysis(landmarks=(), interactions=()), measures=(RATIO,))


def _rows(patients: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the rows of which specifications are made, of every scenario."""
    return pa.concat_tables(_tables(patients, study)).unify_dictionaries().to_pandas()


def _tables(patients: pd.DataFrame, study: Study) -> Iterator[pa.Table]:
    firsts = dict(zip(study.grid, first_scenarios(study), strict=True))
    wanted = pa.array(SPECIFICATION_ANALYSES)
    for scenario, table in evaluate_panel(patients, study, list(study.grid)):
        rows = distinct_rows(table.replace_schema_metadata(None), study, first=firsts[scenario])
        yield rows.filter(pc.is_in(rows["analysis"].cast(pa.string()), wanted))


def calibrated_p_values(controls: pd.DataFrame, specified: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the P values of the primary estimates, calibrated by the negative controls [1]_.

    Of each estimator and adjustment set, the controls' estimates under the primary options.

    Parameters
    ----------
    controls
        From `control_specifications`.
    specified
        From `robustness.specifications`, of the study.
    study
        Names the primary scenario.

    Returns
    -------
    pd.DataFrame
        One row an estimate, columns `CALIBRATED`; with fewer controls than `MINIMUM_CONTROLS` it has a
        status and a reason.

    References
    ----------
    .. [1] Schuemie MJ, Ryan PB, DuMouchel W, Suchard MA, Madigan D. Interpreting observational studies: why
       empirical calibration is needed to correct p-values. Statistics in Medicine 2014;33:209–218.
    """
    rows = headline(specified[specified["measure"] == RATIO.name], study)
    rows = rows[rows["is_primary"].astype(bool)]
    known = controls[controls["is_primary"].astype(bool) & (controls["status"] == str(Status.OK))]
    found = []
    for row in rows.to_dict("records"):
        same = known["estimator"] == row["estimator"]
        chosen = known["adjustment_set"]
        same &= chosen == row["adjustment_set"] if isinstance(row["adjustment_set"], str) else chosen.isna()
        found.append(
            {**{name: row[name] for name in CALIBRATED if name in row}, **_calibrated(row, known[same])}
        )
    return pd.DataFrame(found, columns=list(CALIBRATED))


def _calibrated(row: dict[str, object], controls: pd.DataFrame) -> dict[str, object]:
    """Return what is fitted to the controls of one estimate, and its calibrated P value."""
    count = len(controls)
    if row["status"] != str(Status.OK):
        return {"controls": count}
    if count < MINIMUM_CONTROLS:
        return {"controls": count, "status": str(Status.NOT_APPLICABLE), "reason": TOO_FEW}
    estimates = controls[["effect", "std_error"]].to_numpy(dtype=np.float64)
    error = fit_systematic_error(*estimates.T)
    own, own_error = np.array([row["effect"], row["std_error"]], dtype=np.float64)
    calibrated = float(calibrated_p_value(own, own_error, error))
    return {
        "controls": count,
        "mean": error.mean,
        "standard_deviation": error.standard_deviation,
        "calibrated_p_value": calibrated,
    }
