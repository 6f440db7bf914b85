"""Checks of the settings of each covariate, and of the columns that several uses share."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from survival_multiverse.settings.faults import nearest
from survival_multiverse.settings.study import level_text

RESERVED = ("time", "dose", "gtv", "lesions")
"""Names by which the settings call roles where they could also name a covariate."""


def check_name(where: str, name: str) -> Iterator[str]:
    """A name that elsewhere in the settings means a role."""
    if name in RESERVED:
        yield (
            f"{where}: `{name}` is reserved: it names cohort.{name} in lists and criteria; choose another "
            f"name and set `label: {name}`"
        )


def check_covariate(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """Faults of one covariate."""
    where = f"covariates.{name}"
    levels = [level_text(level) for level in entry.get("levels", ())]
    yield from check_name(where, name)
    if len(set(levels)) < len(levels):
        repeated = sorted({level for level in levels if levels.count(level) > 1})
        yield f"{where}.levels: {', '.join(repeated)} occurs more than once; name each level once"
    if entry["type"] == "categorical":
        yield from _check_categorical(where, entry, levels)
        return
    if "merge" in entry:
        yield f"{where}.merge: a continuous covariate has no levels to merge; remove it"
    if "cut" in entry and "per" in entry:
        yield f"{where}.per: with a cut the hazard ratio is between levels, not per units; remove one of them"
    if "cut" in entry and "levels" in entry and len(levels) != 2:
        yield f"{where}.levels: a cut makes two levels, not {len(levels)}; name the lower and the upper"
    elif "cut" not in entry and levels:
        yield f"{where}.levels: levels without a cut; add the cut, or remove the levels"
    yield from check_range(where, entry)


def check_range(where: str, entry: Mapping[str, Any]) -> Iterator[str]:
    """A range whose limits are not in order."""
    low, high = entry.get("range", (0, 1))
    if not low < high:
        yield f"{where}.range: {low} is not below {high}; write the lower limit first"


def check_columns(cohort: Mapping[str, Any], covariates: Mapping[str, Any]) -> Iterator[str]:
    """Covariates on the column of the outcome or of the exposure, which nothing can be adjusted for."""
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


def _check_categorical(where: str, entry: Mapping[str, Any], levels: Sequence[str]) -> Iterator[str]:
    for key, words in (("cut", "no cut"), ("per", "no units"), ("range", "no range")):
        if key in entry:
            remedy = "remove it, or make the type continuous"
            yield f"{where}.{key}: a categorical covariate has {words}; {remedy}"
    if len(levels) < 2:
        yield f"{where}.levels: a category needs two or more levels; list them, the reference first"
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
