"""Ways to deal with the time before treatment: their names, and what each compares."""

from enum import StrEnum

DECISION = "Time before treatment"
"""What the decision between the ways is called."""
TYPE = "estimand: each option answers another question; never pooled"
"""Of which type it is, and what follows."""


class Method(StrEnum):
    """How time before treatment is dealt with.

    Attributes
    ----------
    estimand : str
        What its hazard ratio compares, in one sentence; ``{parameter}`` is the landmark or grace period,
        such as ``30 days``.
    variance : str
        Of which the standard error is the root: ``model``, or ``robust`` (by patient).
    """

    estimand: str
    variance: str

    NAIVE = (
        "naive",
        "Hazard of death of patients treated at any time against those never treated, at equal covariates, "
        "as if that had been known at time zero: the time survived until treatment began is credited to it.",
        "model",
    )
    LANDMARK = (
        "landmark",
        "Among patients still followed at {parameter}, hazard of death from then on of those treated by "
        "then against those not treated by then, at equal covariates.",
        "model",
    )
    TIME_DEPENDENT = (
        "time_dependent",
        "At any time, hazard of death of patients whose treatment has begun against those whose treatment "
        "has not, at equal covariates.",
        "model",
    )
    CLONE_CENSOR_WEIGHT = (
        "clone_censor_weight",
        "Hazard of death if everybody alive had been treated by {parameter} against that if nobody had "
        "been (later treatment allowed), among all patients, whatever their covariates.",
        "robust",
    )

    def __new__(cls, name: str, estimand: str, variance: str) -> "Method":
        """Return a member that is its name."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.estimand, member.variance = estimand, variance
        return member

    def estimand_at(self, parameter: float, unit: str) -> str:
        """Return what it compares with a landmark or grace period, in a unit that may be empty."""
        when = f"{parameter:g} {unit}" if unit else f"time {parameter:g}"
        return self.estimand.format(parameter=when)


WHENS = {Method.LANDMARK: "the landmark", Method.CLONE_CENSOR_WEIGHT: "the end of the grace period"}
"""What the parameter of a method is, in words."""
