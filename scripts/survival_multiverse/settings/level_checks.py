"""Checks of the texts that settings expect in cells: levels, and what stands for a missing value."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from survival_multiverse.settings.cells import BLANKS, number_of
from survival_multiverse.settings.values import level_text


def check_texts(cohort: Mapping[str, Any], covariates: Mapping[str, Any]) -> Iterator[str]:
    """Yield faults of declared texts: blanks around them, levels alike, levels declared as missing.

    Parameters
    ----------
    cohort, covariates
        Those sections of a configuration of the right form.
    """
    missing = [level_text(text) for text in cohort.get("missing", ())]
    lists = {f"covariates.{name}.levels": entry.get("levels", ()) for name, entry in covariates.items()}
    yield from _blank_faults("cohort.missing", missing)
    for where, levels in lists.items():
        texts = [level_text(level) for level in levels]
        yield from _blank_faults(where, texts)
        yield from _confusable(where, texts)
        yield from _missing_faults(where, texts, missing)
    for position, entry in enumerate(cohort.get("eligibility", ()), start=1):
        texts = [level_text(level) for level in entry.get("levels", ())]
        where = f"cohort.eligibility[{position}].levels"
        yield from _blank_faults(where, texts)
        yield from _missing_faults(where, texts, missing)


def _blank_faults(where: str, texts: Sequence[str]) -> Iterator[str]:
    for text in texts:
        if text != text.strip(BLANKS) or not text:
            yield f"{where}: `{text}` is blank, or begins or ends with one; cells are read without them"


def _missing_faults(where: str, texts: Sequence[str], missing: Sequence[str]) -> Iterator[str]:
    for text in dict.fromkeys(texts):
        if text in missing:
            yield f"{where}: `{text}` stands for a missing value in cohort.missing; remove one of the two"


def _confusable(where: str, levels: Sequence[str]) -> Iterator[str]:
    """Yield a fault for two levels that a reader, or a program on the way here, would take for one."""
    first: dict[object, str] = {}
    for level in dict.fromkeys(levels):
        folded = unicodedata.normalize("NFKC", level).strip().casefold()
        number = number_of(folded)
        key = folded if np.isnan(number) else number
        if key in first:
            yield f"{where}: `{first[key]}` and `{level}` can be confused; give the data two different texts"
        first.setdefault(key, level)
