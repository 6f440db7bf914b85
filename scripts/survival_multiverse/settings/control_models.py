"""The settings of negative controls, typed: outcomes and exposures that cannot be affected."""

from collections.abc import Iterator, Mapping
from typing import Any

from survival_multiverse.settings.fields import Group, Levels, Text, key
from survival_multiverse.settings.grid import options_of
from survival_multiverse.settings.steps import PATIENTS, READER

REPLACED = {"endpoint": {"endpoint"}, "exposure": {"varies", "exposure", "compare"}}
"""What of an option a control takes the place of; a decision about nothing else is left out."""


class ControlEndpoint(Group):
    """An outcome that the exposure cannot affect."""

    time: Text = key(steps=PATIENTS)
    """Column of its time, in the unit of the survival time."""
    event: Text = key(steps=PATIENTS)
    """Column of its event: 1 or 0, true or false."""


class ControlExposure(Group):
    """An exposure that cannot affect the outcome."""

    column: Text = key(steps=PATIENTS)
    """Column of the file."""
    cutoff: float | None = key(None, otherwise="in groups", unit="of the column", steps=PATIENTS)
    """Patients with at least so much are the exposed arm."""
    levels: Levels = key((), otherwise="a number", steps=PATIENTS)
    """Its two levels, the reference first; of an exposure in groups."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield a fault unless it divides the patients in two, in one way."""
        if (self.cutoff is None) == (not self.levels):
            yield "", "give one of cutoff and levels"
        elif self.levels and len(self.levels) != 2:
            yield "levels", f"give two levels, the reference first, not {len(self.levels)}"


class NegativeControl(Group):
    """An outcome or an exposure for which the true hazard ratio is 1."""

    label: Text | None = key(None, otherwise="the name", steps=READER)
    """Name in tables and figures."""
    reason: Text = key(steps=READER)
    """Why it cannot be affected, or cannot affect the outcome."""
    endpoint: ControlEndpoint | None = key(None, otherwise="that of the cohort", steps=PATIENTS)
    """Another outcome in the place of the study's, or..."""
    exposure: ControlExposure | None = key(None, otherwise="that of the cohort", steps=PATIENTS)
    """...another exposure."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield a fault unless it is an outcome or an exposure."""
        if (self.endpoint is None) == (self.exposure is None):
            yield "", "give one of endpoint and exposure"


def check_controls(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the faults of negative controls against the decisions, the roles and the covariates."""
    seen: dict[str, str] = {}
    for name, control in config.get("negative_controls", {}).items():
        label = control.get("label", name)
        if label in seen:
            yield f"negative_controls.{name}.label: `{label}` is that of {seen[label]} already; give another"
        seen.setdefault(label, name)
        where = f"negative_controls.{name}"
        kind = "endpoint" if "endpoint" in control else "exposure"
        if kind not in control:
            # Said already.
            continue
        for decision, own in config["decisions"].items():
            if not _replaceable(own, REPLACED[kind]):
                yield (
                    f"{where}: the options of decisions.{decision} change the {kind} and more, so that a "
                    "control cannot take its place; make two decisions of it"
                )
        if kind == "exposure":
            yield from _check_exposure(f"{where}.exposure.column", control["exposure"]["column"], config)


def _replaceable(decision: Mapping[str, Any], replaced: set[str]) -> bool:
    """Return whether a decision is about what a control replaces alone, or not at all."""
    said = {
        key for option in options_of(decision) for key in option if key not in ("value", "reason", "when")
    }
    said |= {"varies"} if decision.get("varies") == "dose" else set()
    return not said & replaced or said <= replaced


def _check_exposure(where: str, column: str, config: Mapping[str, Any]) -> Iterator[str]:
    if column == config["cohort"]["dose"]["column"]:
        yield f"{where}: `{column}` is the exposure of the study; give one that cannot affect the outcome"
    adjusted = {
        name
        for own in config["adjustment_sets"].values()
        for key in ("covariates", "covariates_in_all")
        for name in own.get(key, ())
    }
    columns = {name: own["column"] for name, own in config["covariates"].items()}
    columns |= {
        role: config["cohort"][role]["column"] for role in ("gtv", "lesions") if role in config["cohort"]
    }
    for name in sorted(adjusted):
        if columns.get(name) == column:
            yield f"{where}: `{column}` is adjusted for, as {name}; give one that no adjustment set holds"
