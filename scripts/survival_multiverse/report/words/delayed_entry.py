"""What the methods say of delayed entry."""

from survival_multiverse.settings.study import Study


def delayed_entry(study: Study) -> str:
    """Return one sentence on delayed entry; empty where everybody is under observation from time 0.

    Parameters
    ----------
    study
        Says whether patients enter late.

    Returns
    -------
    str
    """
    if study.entry is None:
        return ""
    return (
        f"Patients count as at risk only from their entry on ({study.entry.label}; delayed entry, or left "
        "truncation), in every curve, test and hazard ratio; patients analysed from a landmark on keep their "
        "entry. Rosenbaum bounds and the test of selected cutoffs are not defined then."
    )
