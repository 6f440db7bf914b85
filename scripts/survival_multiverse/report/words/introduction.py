"""What a multiverse analysis is, for readers who never saw one."""

import pandas as pd

from survival_multiverse.inference.specification_summary import (
    estimated,
    estimators_present,
    headline,
    primary_block,
)
from survival_multiverse.report.words.decisions import grid_size
from survival_multiverse.report.words.labels import arm_labels, at_arm
from survival_multiverse.report.words.measures import measure_words
from survival_multiverse.report.words.narrative import ANALYSES
from survival_multiverse.settings.study import Study

LONGEST = 80
"""Words of the explanation at most."""
HEADING = "New to multiverse analysis?"


def introduction(specifications: pd.DataFrame, study: Study) -> list[str]:
    """Return the explanation, sentence by sentence; of the picture only if there is one."""
    high, words = arm_labels(study)[1], measure_words(study)
    count, whole = grid_size(study)
    cut = any(decision.varies in ("lesions", "dose", "gtv") for decision in study.decisions.values())
    what = "cutoffs" if cut else "variables"
    every = "A multiverse analysis makes every combination of the listed choices and reports all results."
    some = (
        f"A multiverse analysis combines the choices, here in {count:,} of {whole:,} ways, and reports all."
    )
    sentences = [
        f"Every analysis needs choices: which patients, which {what}, how to compare like with like.",
        "Other researchers could defend other choices.",
        every if count == whole else some,
    ]
    if len(introduced(specifications, study)):
        sentences += [
            "In the picture each dot is one analysis.",
            f"Dots {'left' if words.measure.ratio else 'right'} of {words.null} favour {high}.",
        ]
    return [
        *sentences,
        "If the results agree, no single choice made the finding.",
        "The share of analyses that agree is not a probability, because all of them use the same patients.",
    ]


def introduced(specifications: pd.DataFrame, study: Study) -> pd.DataFrame:
    """Return the analyses of the picture in ascending order: the estimator with most in the primary block."""
    rows = estimated(primary_block(headline(specifications, study), study))
    names = [name for name in estimators_present(rows) if name != "unadjusted"] or estimators_present(rows)
    if not names:
        return rows
    chosen = max(names, key=lambda name: (rows["estimator"] == name).sum())
    return rows[rows["estimator"] == chosen].sort_values("estimate", kind="stable")


def introduction_caption(specifications: pd.DataFrame, study: Study) -> str:
    """Say which analyses the picture shows; nothing if there is none."""
    rows = introduced(specifications, study)
    if rows.empty:
        return ""
    adjective = ANALYSES[rows["estimator"].iloc[0]]
    count = f"The {len(rows):,} {adjective} analyses" if len(rows) > 1 else f"The one {adjective} analysis"
    high = arm_labels(study)[1]
    return f"{count} of this study {at_arm(study, high)}. Colours are those of the first picture."


def introduction_alternative(specifications: pd.DataFrame, study: Study) -> str:
    """Describe the picture to those who do not see it."""
    words, found = measure_words(study), introduced(specifications, study)["estimate"]
    low, high = (words.text(value) for value in (found.min(), found.max()))
    title = f"{words.plural[0].upper()}{words.plural[1:]}"
    if len(found) == 1:
        return f"{title}: one dot at {low}, and a line at {words.null}."
    return f"{title}, sorted: {len(found):,} dots from {low} to {high}, and a line at {words.null}."
