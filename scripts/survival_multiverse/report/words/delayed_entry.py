"""What the page says of delayed entry, where patients enter late; nothing elsewhere."""

from survival_multiverse.settings.study import Study


def delayed_entry(study: Study) -> str:
    """Return what the methods say of it; empty where everybody is under observation from time 0.

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
        f"Patients count as at risk only from their entry on ({study.entry.label}). This is delayed entry, "
        "or left truncation. It holds in every curve, test and hazard ratio. Patients analysed from a "
        "landmark on keep their entry. Where few have entered, one event can take a curve far down, or to 0. "
        "Rosenbaum bounds and the test of selected cutoffs are not defined then."
    )


def unseen(study: Study) -> str:
    """Say of whom such patients tell nothing, beside what the evidence can't say."""
    if study.entry is None:
        return ""
    return (
        f"Patients count from their entry on. Of those with {study.terms.events} before it nothing is known."
    )


def rising_numbers(study: Study) -> str:
    """Say how a figure of survival curves is read then."""
    if study.entry is None:
        return ""
    return (
        " Patients count from their entry on, so numbers at risk can rise. Early steps can rest on few "
        "patients."
    )


def no_bounds(study: Study) -> str:
    """Say what a dash in place of a Rosenbaum bound means."""
    if study.entry is None:
        return "A dash: chance alone explains the difference within pairs."
    return "A dash: Rosenbaum’s Γ is not defined with delayed entry."


def no_search(study: Study) -> str:
    """Say that the search for cutoffs has no test then."""
    return "" if study.entry is None else " With delayed entry that test is not defined."


def sensitivity(study: Study) -> str:
    """Return what speaks of unmeasured confounding."""
    return "E-values and Rosenbaum bounds" if study.entry is None else "E-values"
