"""Every chart that the page draws, complete with its words: for the page, and for files of their own."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.evidence_charts import evidence_charts
from survival_multiverse.report.charts.grid_charts import Chart, first_view, grid_charts
from survival_multiverse.report.charts.measures import measures_chart
from survival_multiverse.report.charts.paper_charts import paper_charts
from survival_multiverse.report.charts.specification import params
from survival_multiverse.settings.study import Study


def page_charts(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Chart]:
    """Return the charts by name, in the order of the page; those without data are left out.

    Parameters
    ----------
    tables
        Frames under the names in `report.TABLES` and `paper_tables.PAPER_TABLES`.
    """
    measured = tables.get("measured_specifications", tables["specifications"])
    return {
        **explored_charts(study, tables),
        **{chart.name: chart for chart in [measures_chart(measured, study)] if chart},
        **evidence_charts(tables, study),
        **paper_charts(tables, study),
    }


def explored_charts(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Chart]:
    """Return the charts of the chapter that explores all analyses, which follow the page's controls."""
    published = tables.get("published", NO_MARKS)
    first = opening(study, tables["specifications"])
    grid = grid_charts(tables["specifications"], tables["attribution"], study, published)
    return {
        name: replace(chart, spec={**chart.spec, "params": params(first)}) for name, chart in grid.items()
    }


def opening(study: Study, specifications: pd.DataFrame) -> dict[str, Any]:
    """Return the initial values of the page's controls; the maps show estimates, nothing is grouped."""
    own = {"measure": study.primary_measure.name, "cells": "estimate", "group": ""}
    return first_view(specifications, study) | own
