"""Every chart that the page draws, complete with its words: for the page, and for files of their own."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.evidence_charts import evidence_charts
from survival_multiverse.report.charts.grid_charts import Chart, first_view, grid_charts
from survival_multiverse.report.charts.paper_charts import paper_charts
from survival_multiverse.report.charts.specification import params
from survival_multiverse.report.charts.theme import Spec
from survival_multiverse.report.style.palette import PUBLISHED
from survival_multiverse.report.words.captions import marks_lacking
from survival_multiverse.settings.study import Study


def page_charts(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Chart]:
    """Return the charts by name, in the order of the page; those without data are left out.

    Parameters
    ----------
    tables
        Frames under the names in `report.TABLES` and `paper_tables.PAPER_TABLES`.
    """
    published = tables.get("published", NO_MARKS)
    made = {
        **grid_charts(tables["specifications"], tables["attribution"], study, published),
        **evidence_charts(tables, study),
        **paper_charts(tables, study),
    }
    first = opening(study, tables["specifications"])
    return {name: _completed(chart, study, published, first) for name, chart in made.items()}


def opening(study: Study, specifications: pd.DataFrame) -> dict[str, Any]:
    """Return the initial values of the page's controls; the maps show hazard ratios."""
    return first_view(specifications, study) | {"measure": "hr"}


def _completed(chart: Chart, study: Study, published: pd.DataFrame, first: dict[str, Any]) -> Chart:
    """Add the signals that the controls set, and a word on each mark that the chart lacks."""
    drawn = json.dumps(chart.spec)
    primary = "datum.primary" in drawn or "primary" in chart.text
    words = marks_lacking(study, published, value=PUBLISHED in drawn, primary=primary)
    spec: Spec = {**chart.spec, "params": params(first)}
    return replace(chart, text=chart.text + words, spec=spec)
