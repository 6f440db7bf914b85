"""What the negative controls say, in words."""

from collections.abc import Mapping

import pandas as pd

from survival_multiverse.inference.empirical_calibration import SIMULATED_SIZES
from survival_multiverse.inference.specification_summary import (
    direction,
    estimated,
    headline,
    of_set,
    primary_question,
)
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, format_p
from survival_multiverse.report.words.labels import in_sentence
from survival_multiverse.report.words.measures import RATIOS
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import Estimator
from survival_multiverse.settings.study import Study

STUDY = "The study"
"""What the study's own analyses are called beside the controls."""


def control_label(study: Study, name: str) -> str:
    """Return the label of a negative control."""
    label = study.negative_controls[name].label
    return name.replace("_", " ").capitalize() if label is None else label


def beside_controls(tables: Mapping[str, pd.DataFrame], study: Study) -> pd.DataFrame:
    """Return the estimates of the study and of its controls at the primary options, by `who` they are of.

    They adjust for the primary set; empty without controls.
    """
    if "negative_controls" not in tables:
        return pd.DataFrame()
    controls = tables["negative_controls"]
    controls = controls.assign(who=[control_label(study, name) for name in controls["control"]])
    ratios = tables.get(RATIOS, tables["specifications"])
    both = pd.concat([headline(ratios, study).assign(who=STUDY), controls])
    both = primary_question(both, study)
    return estimated(of_set(both[both["estimator"] != str(Estimator.UNADJUSTED)], study.primary_set))


def controls_seen(tables: Mapping[str, pd.DataFrame], study: Study) -> str:
    """Say what is expected of the negative controls, and what was seen; empty without controls."""
    rows = beside_controls(tables, study)
    if rows.empty:
        return ""
    rows = rows[(rows["who"] != STUDY) & rows["is_primary"].astype(bool)]
    level = f"{100 * study.analysis.confidence_level:g}%"
    many = len(study.negative_controls)
    controls = "one negative control" if many == 1 else f"{many} negative controls"
    text = (
        f"The study is shown beside {controls}, whose true hazard ratio is 1. About {level} of "
        f"{'its' if many == 1 else 'their'} intervals should include 1."
    )
    if rows.empty:
        return f"{text} Nothing of it could be estimated."
    excluding = int((direction(rows, RATIO) != "includes").sum())
    text += f" In the primary scenario {len(rows) - excluding} of {len(rows)} do."
    return f"{text} {_calibrated(tables, study)}".strip()


def _calibrated(tables: Mapping[str, pd.DataFrame], study: Study) -> str:
    """Say what calibration makes of the P value of the first estimate."""
    rows = of_set(tables["calibrated_p_values"], study.primary_set)
    rows = rows[(rows["estimator"] != str(Estimator.UNADJUSTED)) & rows["calibrated_p_value"].notna()]
    if rows.empty:
        return ""
    order = {name: place for place, name in enumerate(map(str, Estimator))}
    row = min(rows.to_dict("records"), key=lambda own: order[own["estimator"]])
    label = in_sentence(ESTIMATOR_LABELS[row["estimator"]])
    ordinary, calibrated = format_p(row["p_value"]), format_p(row["calibrated_p_value"])
    return (
        f"Calibrated by the controls, the P value of the study ({label}) is {calibrated}, and {ordinary} "
        f"as it stands.{_few(row['controls'])}"
    )


def _few(controls: float) -> str:
    """Warn where the controls are too few for the calibrated P value."""
    return " With so few controls it is too small." if controls < max(SIMULATED_SIZES) else ""


def sizes_in_words() -> str:
    """Say how often calibrated P values are below 0.05 without an effect, by number of controls."""
    *most, last = (f"{100 * size:.0f}% ({number})" for number, size in SIMULATED_SIZES.items())
    return (
        "In simulations without an effect it was below 0.05 in these shares of studies (controls): "
        f"{', '.join(most)} and {last}."
    )


def controls_reasons(study: Study) -> str:
    """Say of each control why its true hazard ratio is 1."""
    reasons = [
        f"{control_label(study, name)}: {control.reason.rstrip('.')}."
        for name, control in study.negative_controls.items()
    ]
    return " ".join(reasons)
