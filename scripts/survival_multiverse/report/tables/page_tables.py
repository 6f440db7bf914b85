"""Every table of the page as HTML; an empty one is said in words by the template."""

from collections.abc import Mapping

import pandas as pd

from survival_multiverse.report.tables.bias_tables import hidden_confounder_table, measured_confounder_table
from survival_multiverse.report.tables.calibration_tables import calibration_shown, calibration_summary
from survival_multiverse.report.tables.control_tables import calibrated_table, control_table
from survival_multiverse.report.tables.convention_tables import convention_table, inverse_table
from survival_multiverse.report.tables.decision_tables import beside_estimator, decisions_table
from survival_multiverse.report.tables.inference_tables import (
    attribution_table,
    cross_check_table,
    joint_table,
    selected_table,
)
from survival_multiverse.report.tables.layout import Layout, laid_out
from survival_multiverse.report.tables.measure_tables import measures_table
from survival_multiverse.report.tables.paper_tables import paper_tables
from survival_multiverse.report.tables.patient_tables import (
    missing_table,
    multivariable_table,
    table_one,
    univariate_table,
)
from survival_multiverse.report.tables.report_tables import (
    blocks_table,
    counts_table,
    failures_table,
    gate_table,
    primary_table,
    reasons_table,
)
from survival_multiverse.report.tables.time_tables import (
    follow_up_table,
    interaction_table,
    landmark_table,
    proportional_hazards_table,
    rmst_table,
    survival_table,
)
from survival_multiverse.report.tables.treatment_tables import (
    immortal_summary_table,
    immortal_table,
    ways_table,
)
from survival_multiverse.report.words.answer import answer_table, answers
from survival_multiverse.report.words.checklists import cutpoint_items, propensity_table, strobe_table
from survival_multiverse.report.words.measures import RATIOS
from survival_multiverse.report.words.target import target_table, trial_table
from survival_multiverse.settings.study import Study

PROSE = (
    "immortal_ways",
    "target_trial",
    "target",
    "strobe",
    "propensity",
    "remark",
    "paper_contradictions",
    "decisions",
)
"""Tables of sentences."""


def page_tables(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Layout | None]:
    """Return the tables by name, laid out; None where there is nothing to show."""
    return {
        name: laid_out(table, headings=headings, prose=name in PROSE) if len(table) else None
        for name, (table, headings) in _made(study, tables).items()
    }


def shown_tables(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Return the same as text for other programs, with one heading per column; leave out empty tables."""
    return {name: _flat(table) for name, (table, _) in _made(study, tables).items() if len(table)}


def _flat(table: pd.DataFrame) -> pd.DataFrame:
    """Join headings into one line; number equal ones, which users' labels can make."""
    heads: list[str] = []
    for head in table.columns:
        name = (" ".join(map(str, head)) if isinstance(head, tuple) else str(head)).strip()
        while name in heads:
            name += f" [{len(heads) + 1}]"
        heads.append(name)
    return table.astype(str).set_axis(heads, axis=1)


def _made(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[pd.DataFrame, int]]:
    """Return the tables by name, and how many of their columns name the row."""
    return {
        **_multiverse(study, tables),
        **_primary(study, tables["primary"], tables["specifications"]),
        "immortal": (immortal_table(tables.get("immortal_time"), study), 1),
        "immortal_summary": (immortal_summary_table(tables.get("immortal_time_summary"), study), 2),
        "immortal_ways": (ways_table(tables.get("immortal_time")), 1),
        **_appendix(study, tables),
        **paper_tables(tables),
    }


def _multiverse(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[pd.DataFrame, int]]:
    specifications, joint = tables["specifications"], tables["joint_inference"]
    found = answers(specifications, study, joint, tables["attribution"])
    measured = (
        tables.get("measured_specifications", specifications),
        tables.get("measured_joint_inference", joint),
    )
    # How many columns name the population, and options.
    split, apart = int(len(study.populations) > 1), sum(map(len, beside_estimator(study)))
    return {
        "answer": (answer_table(found), 1),
        "measures": (measures_table(*measured, study), 2),
        "counts": (counts_table(specifications, study), 1 + split),
        "blocks": (blocks_table(tables["blocks"], study), 2 + apart),
        "gates": (gate_table(specifications, study), 3),
        "reasons": (reasons_table(specifications, study), 2 + split),
        "failures": (failures_table(tables["failures"], study), 4 + split),
        "joint": (joint_table(joint, study, primary_threshold=True), 3 + apart),
        "joint_others": (joint_table(joint, study, primary_threshold=False), 4 + apart),
        "attribution": (attribution_table(tables["attribution"], specifications, study), 2),
        "selected": (selected_table(tables["selected_cutoffs"], study), 1 + split),
        "decisions": (decisions_table(study), 2),
        "hidden_confounder": (hidden_confounder_table(tables.get(RATIOS, specifications), study), 2),
        "negative_controls": (control_table(tables, study), 2),
        "calibrated": (calibrated_table(tables, study), 2),
        "measured_confounders": (measured_confounder_table(tables["bias_covariates"], study), 1),
    }


def _primary(
    study: Study, primary: pd.DataFrame, specifications: pd.DataFrame
) -> dict[str, tuple[pd.DataFrame, int]]:
    return {
        "primary_scenario": (primary_table(specifications, study), 2),
        "inverse": (inverse_table(primary, study), 1),
        "survival": (survival_table(primary, study), 2),
        "rmst": (rmst_table(primary, study), 1),
        "hazards": (proportional_hazards_table(primary, study), 2),
        "landmarks": (landmark_table(specifications, study), 3),
        "interactions": (interaction_table(primary, study), 2),
        "follow_up": (follow_up_table(primary, study), 2),
        "conventions": (convention_table(primary, study), 2),
        "table_one": (table_one(primary, study), 2),
        "univariate": (univariate_table(primary, study), 2),
        "multivariable": (multivariable_table(primary, study), 3),
    }


def _appendix(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, tuple[pd.DataFrame, int]]:
    calibration = tables.get("calibration", pd.DataFrame())
    return {
        "missing": (missing_table(tables["cohort"], study), 1),
        "cross_checks": (cross_check_table(tables["cross_checks"], study), 3),
        "calibration_summary": (calibration_summary(calibration, study), 3),
        "calibration": (calibration_shown(calibration, study), 6),
        "target_trial": (trial_table(study), 1),
        "target": (target_table(study, tables), 2),
        "strobe": (strobe_table(study, tables), 2),
        "propensity": (propensity_table(study, tables["specifications"]), 1),
        "remark": (cutpoint_items(study), 1),
    }
