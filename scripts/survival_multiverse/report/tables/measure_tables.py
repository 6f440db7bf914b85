"""The answer in every measure, as a table."""

from typing import Any

import numpy as np
import pandas as pd

from survival_multiverse.inference.joint_summary import NULL_LABELS, primary_tests
from survival_multiverse.inference.specification_summary import (
    estimated,
    estimators_present,
    headline,
    primary_block,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_p
from survival_multiverse.report.words.answer import is_fitted
from survival_multiverse.report.words.measures import format_estimate, measure_label, measure_unit
from survival_multiverse.report.words.table_cells import GAP
from survival_multiverse.settings.measures import Measure
from survival_multiverse.settings.study import Study


def measures_table(specifications: pd.DataFrame, joint: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the primary block by measure and estimator: how many analyses, where they lie, what is tested.

    Parameters
    ----------
    specifications, joint
        Tables of these names, of all measures.
    study
        Names the measures.

    Returns
    -------
    pd.DataFrame
        Empty for a study of one measure.
    """
    if len(study.measures) < 2:
        return pd.DataFrame()
    rows = []
    for measure in study.measures:
        block = primary_block(headline(of_measure(specifications, measure), study), study)
        tests = primary_tests(of_measure(joint, measure), study)
        for name in estimators_present(block):
            here = block[block["estimator"] == name]
            rows.append(_heading(measure, study) | {"Estimator": ESTIMATOR_LABELS[name]})
            rows[-1] |= _summary(here, measure)
            if not is_fitted(study):
                rows[-1] |= _tested(tests.get(name, {}), here)
    return pd.DataFrame(rows)


def of_measure(frame: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Return the rows of a measure."""
    return frame[frame["measure"] == measure.name]


def _heading(measure: Measure, study: Study) -> dict[str, str]:
    unit = measure_unit(measure, study)
    return {"Measure": measure_label(measure, study) + (f", {unit}" if unit else "")}


def _summary(here: pd.DataFrame, measure: Measure) -> dict[str, str]:
    """Return counts and quantiles; of a selected rest the counts alone."""
    known = estimated(here)
    cells = {"Analyses": f"{len(known):,} of {len(here):,}"}
    names = ("Median", "Lowest to highest", "Longer survival", "CI longer", "CI shorter")
    if known.empty or measure.leaves_selected_rest(here["status"]):
        return cells | dict.fromkeys(names, GAP)
    effect = np.sort(known["effect"].to_numpy(dtype=float))
    limits = measure.longer * measure.effect(known[["ci_lower", "ci_upper"]].to_numpy(dtype=float))
    ends = [format_estimate(measure, float(measure.estimate(value))) for value in (effect[0], effect[-1])]
    numbers = (
        format_estimate(measure, float(measure.estimate(np.median(effect)))),
        " to ".join(ends),
        f"{np.count_nonzero(measure.longer * effect > 0):,}",
        f"{np.count_nonzero((limits > 0).all(axis=1)):,}",
        f"{np.count_nonzero((limits < 0).all(axis=1)):,}",
    )
    return cells | dict(zip(names, numbers, strict=True))


def _tested(tests: dict[str, dict[str, Any]], here: pd.DataFrame) -> dict[str, str]:
    """Return P of the joint test of the median, two-sided, under each null; of one analysis there is none."""
    return {
        f"Joint P, {label}": format_p(float(tests[null]["p_abs_median"]))
        if null in tests and len(here) > 1
        else GAP
        for null, label in NULL_LABELS.items()
    }
