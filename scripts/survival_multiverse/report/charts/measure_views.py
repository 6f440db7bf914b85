"""The explored analyses in each measure beside the primary one, which the page unpacks on demand."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from survival_multiverse.inference.specification_summary import headline
from survival_multiverse.report.charts.page_charts import explored_charts
from survival_multiverse.report.charts.page_data import measure_data, specification_columns
from survival_multiverse.report.charts.specification import beside_spec
from survival_multiverse.report.style.estimate_axis import estimate_limits
from survival_multiverse.report.words.measures import MEASURED, measure_words
from survival_multiverse.settings.study import Study


def measure_views(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, dict[str, Any]]:
    """Return, by the names of the other measures, how they are written, their numbers, charts and captions.

    Parameters
    ----------
    study
        Names the measures; the first is that of the page.
    tables
        As `render_page` takes them, with those of all measures.

    Returns
    -------
    dict
        Ready for JSON: what `measure_data` gives, and `columns` (those of `specification_columns` that
        differ from the primary measure's), `charts` (specifications as text) and `words`, by their names.
    """
    if not set(MEASURED.values()) <= set(tables):
        return {}
    shown = specification_columns(tables["specifications"], study)["columns"]
    found = {}
    for measure in study.measures[1:]:
        own = study.answering_by(measure)
        here = {name: _rows(tables[every], measure.name) for name, every in MEASURED.items()}
        columns = specification_columns(here["specifications"], own)["columns"]
        charts = explored_charts(own, {**tables, **here})
        limits = estimate_limits(headline(here["specifications"], own), measure)
        specs = {name: chart.spec for name, chart in charts.items()}
        specs["scenario-beside"] = beside_spec(measure_words(own), limits)
        found[measure.name] = measure_data(own) | {
            "columns": {name: values for name, values in columns.items() if values != shown[name]},
            "charts": {name: json.dumps(spec, separators=(",", ":")) for name, spec in specs.items()},
            "words": {
                name: {
                    "title": chart.title,
                    "text": chart.text,
                    "reading": chart.reading,
                    "alternative": chart.alternative,
                }
                for name, chart in charts.items()
            },
        }
    return found


def _rows(frame: pd.DataFrame, measure: str) -> pd.DataFrame:
    return frame[frame["measure"] == measure].reset_index(drop=True)
