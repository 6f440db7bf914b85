"""Names of covariates and descriptives: those of the settings, and those of the tables."""

OWN_WORDS = ("all", "arm", "event", "global", "id", "pair", "patient_id", "population", "state")
"""Names that tables use for something else: a covariate may have them, and gets a form of its own there."""

_OF_THE_STUDY = " (covariate)"


def table_name(name: str) -> str:
    """Return the tables' name of a covariate or descriptive: that of the settings, unlike the tables' words.

    No name in the settings holds a space, so that no two can meet.
    """
    return f"{name}{_OF_THE_STUDY}" if name in OWN_WORDS else name


def settings_name(name: str) -> str:
    """Return the settings' name of what tables call so."""
    return name.removesuffix(_OF_THE_STUDY)
