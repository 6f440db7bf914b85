"""Levels of the data that the settings merge."""

from dataclasses import replace

import numpy as np
import pandas as pd

from survival_multiverse.settings.faults import InputError, nearest
from survival_multiverse.settings.names import settings_name
from survival_multiverse.settings.study import Covariate, Study
from survival_multiverse.settings.values import level_text


def merge_levels(frame: pd.DataFrame, study: Study) -> tuple[pd.DataFrame, Study]:
    """Apply `covariates.<name>.merge`: a covariate whose levels are merged reads a column of its own.

    Other covariates on the same column keep its levels.

    Parameters
    ----------
    frame
        Raw columns, one row a patient.
    study
        Its covariates say which levels become which.

    Raises
    ------
    InputError
        A level that is to be merged is in no row.
    """
    faults: list[str] = []
    covariates, columns = dict(study.covariates), {}
    taken = {str(column) for column in frame.columns}
    for name, covariate in study.covariates.items():
        if not covariate.merge or list(frame.columns).count(covariate.column) != 1:
            continue
        values = frame[covariate.column]
        texts = _texts(values)
        faults += _unknown(covariate, texts)
        column = f"{covariate.column} (levels merged)"
        while column in taken:
            column += "*"
        taken.add(column)
        merged = dict(covariate.merge)
        columns[column] = [merged.get(text, value) for text, value in zip(texts, values, strict=True)]
        covariates[name] = replace(covariate, column=column)
    if faults:
        raise InputError(faults, subject="the data")
    if not columns:
        return frame, study
    added = pd.DataFrame(columns, index=frame.index, dtype=object)
    return pd.concat([frame, added], axis=1), replace(study, covariates=covariates)


def _texts(values: pd.Series) -> list[str]:
    def text(value: object) -> str:
        if isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool):
            return level_text(float(value))
        return str(value).strip()

    return [text(value) for value in values]


def _unknown(covariate: Covariate, texts: list[str]) -> list[str]:
    present = sorted(set(texts))
    where = f"covariates.{settings_name(covariate.name)}.merge"
    return [
        f"{where}: no row of column `{covariate.column}` says `{level}`; {nearest(level, present)}"
        for level, _ in covariate.merge
        if level not in present
    ]
