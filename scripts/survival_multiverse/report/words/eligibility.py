"""Who can enter a study, in words: for the trial that it emulates, and in its data."""

import math
from collections.abc import Iterable

from survival_multiverse.report.words.checklists import capital, gap
from survival_multiverse.report.words.decisions import whom
from survival_multiverse.report.words.labels import decision_words, joined, variable_label, with_unit
from survival_multiverse.settings.study import Criterion, Study
from survival_multiverse.settings.values import OPTIONAL_ROLES, ROLES


def eligible(study: Study) -> str:
    """Return who could enter the trial."""
    if not study.eligibility:
        return f"{capital(whom(study))}. {gap('criteria of eligibility')}"
    return f"{capital(whom(study))}. At assignment they meet: {_criteria(study)}."


def eligible_here(study: Study) -> str:
    """Say who was eligible in the data, and which criteria time zero cannot know."""
    sentences = [
        f"The same criteria in the data: {_criteria(study)}."
        if study.eligibility
        else "Everybody in the data with the outcome and the exposure known."
    ]
    late = [criterion.variable for criterion in study.eligibility if known_late(study, criterion.variable)]
    if late:
        sentences.append(f"Known only after time zero: {listed(study, late)}.")
    varied = [name for name, own in study.decisions.items() if own.kinds & {"keep", "lesions", "compare"}]
    several = [decision_words(study, name) for name in varied if len(study.decisions[name].values) > 1]
    if several:
        sentences.append(f"Who is analysed also depends on {joined(several)}.")
    return " ".join(sentences)


def known_late(study: Study, name: str) -> bool:
    """Say whether a variable is known only once follow-up has begun."""
    covariate = study.covariates.get(name)
    return name in ("time", "dose") or (covariate is not None and covariate.role == "post_treatment")


def _criteria(study: Study) -> str:
    return "; ".join(_criterion(study, criterion) for criterion in study.eligibility)


def _criterion(study: Study, criterion: Criterion) -> str:
    """Return a criterion with its limits: ``age 18 years or more``, ``stage III or IV``."""
    unit = _unit(study, criterion.variable)
    low, high = (with_unit(limit, unit) for limit in (criterion.minimum, criterion.maximum))
    bounded = math.isfinite(criterion.minimum), math.isfinite(criterion.maximum)
    limits = {
        (True, True): f"{low} to {high}",
        (True, False): f"{low} or more",
        (False, True): f"{high} or less",
    }
    words = [limits.get(bounded, ""), " or ".join(criterion.levels)]
    return " ".join(filter(None, [_label(study, criterion.variable), *words]))


def _unit(study: Study, name: str) -> str:
    if name in ROLES:
        return getattr(study, name).unit or ""
    return study.covariates[name].unit if name in study.covariates else ""


def _label(study: Study, name: str) -> str:
    """Return the label of a role, covariate or descriptive."""
    if name in ROLES and name not in OPTIONAL_ROLES:
        return str(getattr(study, name).label)
    return variable_label(study, name)


def listed(study: Study, names: Iterable[str]) -> str:
    """Return the labels of roles, covariates and descriptives."""
    return "; ".join(_label(study, name) for name in names)
