"""What is compared: the decision that varies the exposure, and the two arms under each of its options."""

from dataclasses import replace

from survival_multiverse.report.words.labels import arm_labels
from survival_multiverse.settings.study import Decision, Study
from survival_multiverse.settings.values import Value


def exposure_decision(study: Study) -> Decision | None:
    """Return the decision between comparisons: cutoffs of the exposure, or pairs of its groups."""
    cutoffs = study.decision_of("dose")
    compared = (study.decisions[name] for name in study.outside if "compare" in study.decisions[name].kinds)
    return cutoffs or next(compared, None)


def compared_arms(study: Study, value: Value | None = None) -> tuple[str, str]:
    """Return the names of the arms 0 and 1 under an option of the exposure's decision, or the primary one."""
    decision = exposure_decision(study)
    if decision is None or value is None:
        return arm_labels(study)
    place = list(study.decisions).index(decision.name)
    return arm_labels(replace(study, primary=(*study.primary[:place], value, *study.primary[place + 1 :])))


def told_by_cutoff(study: Study) -> bool:
    """Return whether arms are told apart by cutoffs of the exposure, not by names of their own."""
    high = arm_labels(study)[1]
    return study.decision_of("dose") is not None and high.startswith("≥")
