"""Every picture that the page draws, complete with its words: for the page, and for files of their own."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.report.charts.anchor_pictures import anchor_pictures
from survival_multiverse.report.charts.evidence_pictures import evidence_pictures
from survival_multiverse.report.charts.pictures import Picture, first_view, grid_pictures
from survival_multiverse.report.charts.specification import params
from survival_multiverse.report.charts.theme import Spec
from survival_multiverse.report.style.palette import PUBLISHED
from survival_multiverse.report.words.captions import marks_lacking
from survival_multiverse.settings.study import Study


def page_pictures(study: Study, tables: Mapping[str, pd.DataFrame]) -> dict[str, Picture]:
    """Return the pictures by name, in the order of the page; those without data are left out.

    Parameters
    ----------
    tables
        Frames under the names in `report.TABLES` and `anchor_tables.ANCHOR_TABLES`.
    """
    published = tables.get("published", NO_MARKS)
    made = {
        **grid_pictures(tables["specifications"], tables["attribution"], study, published),
        **evidence_pictures(tables, study),
        **anchor_pictures(tables, study),
    }
    first = opening(study, tables["specifications"])
    return {name: _completed(picture, study, published, first) for name, picture in made.items()}


def opening(study: Study, specifications: pd.DataFrame) -> dict[str, Any]:
    """Return the initial values of the page's controls; the maps show hazard ratios."""
    return first_view(specifications, study) | {"measure": "hr"}


def _completed(picture: Picture, study: Study, published: pd.DataFrame, first: dict[str, Any]) -> Picture:
    """Add the signals that the controls set, and a word on each mark that the picture lacks."""
    drawn = json.dumps(picture.spec)
    primary = "datum.anchor" in drawn or "primary" in picture.text
    words = marks_lacking(study, published, value=PUBLISHED in drawn, primary=primary)
    spec: Spec = {**picture.spec, "params": params(first)}
    return replace(picture, text=picture.text + words, spec=spec)
