"""The first picture of the page as a file of its own, for README.md: from few rows that lie beside it."""

import hashlib
import json
import re
from typing import Any

import pandas as pd

from survival_multiverse.report.charts.contrasts import exposure_decision
from survival_multiverse.report.charts.hero import hero_spec
from survival_multiverse.report.charts.hero import picture_rows as hero_rows
from survival_multiverse.report.charts.static import light, svg_of
from survival_multiverse.report.charts.theme import Spec
from survival_multiverse.report.style.formats import ORIGIN_NOTES
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.study import Study

WIDTH = 980
NUMBERS = ("estimate", "ci_lower", "ci_upper")


def drawn(study: Study) -> list[str]:
    """Return what the picture and the claim are made of; everything else is one value in all of its rows."""
    exposure = exposure_decision(study)
    return ["estimator", *([exposure.name] if exposure else []), "is_primary", *NUMBERS]


def picture_rows(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return what the picture and the claim need of the specifications.

    Numbers have ten digits: fewer could turn the second digit of a median.

    Parameters
    ----------
    specifications
        The table of that name.
    study
        Names the primary options and covariates.
    """
    rows = hero_rows(specifications, study)
    kept = rows.loc[rows["estimate"].notna(), drawn(study)].reset_index(drop=True)
    numbers = {name: kept[name].map("{:.10g}".format).astype(float) for name in NUMBERS}
    return kept.assign(**numbers)


def picture_specifications(rows: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return specifications of which `picture_rows` would give these rows."""
    same: dict[str, Any] = {"population": study.primary_population, "landmark": 0.0, "status": str(Status.OK)}
    same |= {"adjustment_set": study.primary_set}
    options = zip(study.decisions, study.primary, strict=True)
    same |= {name: value for name, value in options if name in study.outside and name not in rows}
    return rows.assign(**same)


def picture_spec(rows: pd.DataFrame, study: Study) -> Spec:
    """Return the picture on a light background, with where the patients come from."""
    spec = light(hero_spec(picture_specifications(rows, study), study, width=WIDTH))
    note = {"subtitle": ORIGIN_NOTES[study.source]} if study.source in ORIGIN_NOTES else {}
    spec["title"] |= note | {"subtitleFontSize": 11, "subtitlePadding": 6}
    return spec | {"padding": 12}


def picture_digest(spec: Spec) -> str:
    """Return the SHA-256 of a specification."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()


def picture_svg(spec: Spec) -> str:
    """Return the picture as SVG, its lines to a hundredth of a pixel; its metadata hold the digest."""
    lines = re.compile(r'(?<= d=")[^"]+|(?<= transform=")[^"]+')
    svg = lines.sub(lambda found: re.sub(r"(?<=\.\d\d)\d+", "", found[0]), svg_of(spec))
    return svg.replace("<g ", f"<metadata>{picture_digest(spec)}</metadata>\n<g ", 1) + "\n"
