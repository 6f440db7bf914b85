"""Joint tests of blocks, selected for readers."""

from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.inference.specification_summary import ESTIMATOR_ORDER, primary_block
from survival_multiverse.settings.study import Study

NULL_LABELS = {"permutation": "exposure permuted", "simulation": "survival from covariates"}


def median_estimate(row: dict[str, Any], study: Study) -> float:
    """Return the observed median of a joint test, as an estimate.

    Parameters
    ----------
    row
        Of ``joint_inference``, of the primary measure: its statistic is the effect, towards the prediction.
    study
        Gives the measure and the predicted direction.

    Returns
    -------
    float
    """
    measure = study.primary_measure
    sign = measure.longer if study.inference.predicted == "longer" else -measure.longer
    return float(measure.estimate(np.asarray(sign * float(row["median"]))))


def joint_blocks(
    joint: pd.DataFrame, gate: str, study: Study
) -> dict[tuple[Any, ...], dict[str, dict[str, Any]]]:
    """Return the blocks of the primary population, or what passes a gate of each.

    Parameters
    ----------
    joint
        Table ``joint_inference``.
    gate
        ``all``, or the name of a balance gate.
    study
        Names the decisions whose options are apart.

    Returns
    -------
    dict
        Rows by name of the null, by block: adjustment set, estimator, landmark, then its options.
    """
    here = joint[(joint["population"] == study.primary_population) & (joint["gate"] == gate)]
    order = here["estimator"].map(ESTIMATOR_ORDER.index)
    exposure = study.decision_of("dose")
    last = [exposure.name] if exposure and exposure.name in study.outside else []
    first = [name for name in study.outside if name not in last]
    ordered = [*first, "adjustment_set", "order", "landmark", *last]
    here = here.assign(order=order).sort_values(ordered, kind="stable")
    blocks: dict[tuple[Any, ...], dict[str, dict[str, Any]]] = {}
    for row in here.to_dict("records"):
        names = ("adjustment_set", "estimator", "landmark", *study.outside)
        key = tuple(None if pd.isna(row[name]) else row[name] for name in names)
        blocks.setdefault(key, {})[row["null"]] = row
    return blocks


def primary_tests(joint: pd.DataFrame, study: Study) -> dict[str, dict[str, dict[str, Any]]]:
    """Return the primary block of each estimator, without a landmark.

    Parameters
    ----------
    joint
        Table ``joint_inference``.
    study
        Names the primary scenario.

    Returns
    -------
    dict
        Rows by name of the null, by estimator.
    """
    of_primary = primary_block(joint[joint["landmark"] == 0], study)
    return {str(key[1]): block for key, block in joint_blocks(of_primary, "all", study).items()}
