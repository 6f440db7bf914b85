"""Former names of settings: understood for one version, so that older configurations and records are read."""

from collections.abc import Mapping
from typing import Any

FORMER_NAMES = {
    "study.anchor": "study.primary",
    "sharing.minimum_cell": "disclosure.minimum_count",
    "execution.axes_per_job": "execution.decisions_per_job",
    "axes": "decisions",
}
"""Names of earlier versions, which this one understands."""


def present_names(settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return settings under their present names, and the former names that were found.

    A former name beside the present one stays where it is: the checks refuse it as an unknown key.
    """
    renamed, found = dict(settings), []
    for former, present in FORMER_NAMES.items():
        if "." not in former:
            if former in renamed and present not in renamed:
                renamed[present] = renamed.pop(former)
                found.append(former)
            continue
        (old_group, old_key), (group, key) = former.split("."), present.split(".")
        old, new = renamed.get(old_group), renamed.get(group, {})
        if not isinstance(old, Mapping) or not isinstance(new, Mapping) or old_key not in old or key in new:
            continue
        rest = {name: value for name, value in old.items() if name != old_key}
        if rest:
            renamed[old_group] = rest
        else:
            del renamed[old_group]
        renamed[group] = {**(rest if group == old_group else new), key: old[old_key]}
        found.append(former)
    return renamed, found


def renaming_message(former: str) -> str:
    """Say what a setting is called now."""
    return f"{former} is now called {FORMER_NAMES[former]}: rename it, the next version will not know it"
