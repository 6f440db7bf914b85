"""The answer in every measure, as a table."""

from typing import Any

import pandas as pd

from survival_multiverse.inference.joint_summary import NULL_LABELS, primary_tests
from survival_multiverse.inference.specification_summary import (
    estimators_present,
    headline,
    primary_block,
    summarise,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_p
from survival_multiverse.report.words.answer import is_fitted
from survival_multiverse.report.words.measures import MeasureWords, words_of
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
        words = words_of(measure, study)
        block = primary_block(headline(of_measure(specifications, measure), study), study)
        tests = primary_tests(of_measure(joint, measure), study)
        for name in estimators_present(block):
            here = block[block["estimator"] == name]
            rows.append(_heading(words) | {"Estimator": ESTIMATOR_LABELS[name]})
            rows[-1] |= _summary(here, words)
            if not is_fitted(study):
                rows[-1] |= _tested(tests.get(name, {}), here)
    return pd.DataFrame(rows)


def of_measure(frame: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """Return the rows of a measure."""
    return frame[frame["measure"] == measure.name]


def _heading(words: MeasureWords) -> dict[str, str]:
    return {"Measure": words.headed}


def _summary(here: pd.DataFrame, words: MeasureWords) -> dict[str, str]:
    """Return counts and quantiles; of a selected rest the counts alone."""
    found = summarise(here, words.measure)
    cells = {"Analyses": f"{found.estimated:,} of {found.attempted:,}"}
    names = ("Median", "Lowest to highest", "Longer survival", "CI longer", "CI shorter")
    if not found.estimated or found.selected:
        return cells | dict.fromkeys(names, GAP)
    numbers = (
        words.text(found.median),
        " to ".join(words.text(row["estimate"]) for row in (found.lowest, found.highest)),
        f"{found.longer:,}",
        f"{found.ci_longer:,}",
        f"{found.ci_shorter:,}",
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
