"""The landmarks of the primary scenario as a chart with its words."""

from typing import Any

import pandas as pd

from survival_multiverse.inference.specification_summary import estimated
from survival_multiverse.report.charts.grid_charts import Chart, limits_of
from survival_multiverse.report.charts.time import landmark_spec
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS, display_label
from survival_multiverse.report.style.palette import PUBLISHED_NAME
from survival_multiverse.report.words.captions import dagger
from survival_multiverse.report.words.labels import with_unit
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.report.words.narrative import percent
from survival_multiverse.report.words.table_cells import set_label
from survival_multiverse.scenario.cautions import care
from survival_multiverse.settings.study import Study


def landmark_chart(specifications: pd.DataFrame, study: Study) -> Chart | None:
    """Draw the primary scenario at every landmark; None if the study has no landmarks."""
    rows = landmark_rows(specifications, study)
    if not rows or not study.analysis.landmarks:
        return None
    named = measure_words(study)
    limits = limits_of(rows, named.measure)
    title = display_label("Landmark", study.time.unit)
    sets = [set_label(study, name) for name in study.adjustment_sets]
    words = [
        f"landmark {with_unit(row['landmark'], study.time.unit)}, {row['set']}: {named.told(row['estimate'])}"
        for row in rows
        if row["order"] == "first"
    ]
    text = (
        f"{named.noun.capitalize()}s with {percent(study)} intervals among patients still at risk at each "
        "landmark (0: all patients), in the primary scenario. Beneath: patients analysed."
        + (f" {PUBLISHED_NAME.capitalize()}: published." if study.published_estimates else "")
    )
    reading = (
        "Each landmark is another population, and with it another question. With each, fewer patients are "
        "left." + dagger(study)
    )
    present = {row["estimator"] for row in rows}
    estimators = [label for label in ESTIMATOR_LABELS.values() if label in present]
    spec = landmark_spec(rows, named, sets=sets, estimators=estimators, limits=limits, title=title)
    alternative = "Matched: " + "; ".join(words)
    return Chart("landmark-chart", "Sequential landmarks", text, alternative, spec, reading=reading)


def landmark_rows(specifications: pd.DataFrame, study: Study) -> list[dict[str, Any]]:
    """Return the primary scenario at every landmark, for the chart: one row per estimate."""
    rows = specifications[
        (specifications["population"] == study.primary_population) & specifications["is_primary"].astype(bool)
    ]
    rows, published = estimated(rows), study.published_estimates
    found: list[dict[str, Any]] = []
    for row in rows.to_dict("records"):
        name = row["adjustment_set"]
        late = row["landmark_order"] == "landmark_then_match"
        order = ("after" if late else "first") if row["estimator"] == "matched" else "once"
        sets = [name] if isinstance(name, str) else list(study.adjustment_sets)
        found += [
            {
                "set": set_label(study, chosen),
                "landmark": row["landmark"],
                "estimator": ESTIMATOR_LABELS[row["estimator"]],
                "order": order,
                "estimate": row["estimate"],
                "ci_lower": row["ci_lower"],
                "ci_upper": row["ci_upper"],
                "caution": care(row["flags"]),
                "patients": _held_back(row["n"], study),
                "events": _held_back(row["events"], study),
                "risk": None if order == "after" else _held_back(row["n"], study),
                "published": published.get(row["estimator"]) if row["landmark"] == 0 else None,
            }
            for chosen in sets
        ]
    return found


def _held_back(count: float, study: Study) -> str:
    """Return a count of patients, unless there are too few."""
    return f"<{study.minimum_count}" if count < study.minimum_count else f"{count:,.0f}"
