"""Checks of the settings of each covariate, and of the columns that several uses share."""

from collections.abc import Iterator, Mapping
from typing import Any

from survival_multiverse.settings.faults import nearest
from survival_multiverse.settings.values import level_text

RESERVED = ("time", "dose", "gtv", "lesions")
"""Names by which the settings call roles where they could also name a covariate."""


def check_name(where: str, name: str) -> Iterator[str]:
    """Check that a name does not mean a role elsewhere in the settings."""
    if name in RESERVED:
        yield (
            f"{where}: `{name}` is reserved: it names cohort.{name} in lists and criteria; choose another "
            f"name and set `label: {name}`"
        )


def check_merge(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Check the levels that are merged: each once, into one that the covariate has."""
    where = f"covariates.{name}"
    levels = [level_text(level) for level in entry.get("levels", ())]
    owners: dict[str, str] = {}
    for merged, own in entry.get("merge", {}).items():
        if merged not in levels:
            yield f"{where}.merge: `{merged}` is no level of the covariate; {nearest(merged, levels)}"
        for level in map(level_text, own):
            if level in levels and level != merged:
                remedy = f"remove it from {where}.levels"
                yield f"{where}.merge.{merged}: `{level}` is a level of its own; {remedy}"
            if level in owners:
                yield f"{where}.merge.{merged}: `{level}` is merged twice; name it once"
            owners[level] = merged


def check_columns(cohort: Mapping[str, Any], covariates: Mapping[str, Any]) -> Iterator[str]:
    """Check that no covariate is on the column of the outcome or of the exposure."""
    words = {"time": "the outcome's time", "event": "the outcome", "dose": "the exposure itself"}
    for name, entry in covariates.items():
        for role, meaning in words.items():
            if entry["column"] == cohort[role]["column"]:
                yield (
                    f"covariates.{name}.column: `{entry['column']}` is cohort.{role}, {meaning}, and cannot "
                    "be a covariate; give another column, or remove the covariate"
                )
    if cohort["source"] == "simulated":
        for name, entry in covariates.items():
            if "merge" in entry:
                yield f"covariates.{name}.merge: simulated patients have the levels given; remove it"
