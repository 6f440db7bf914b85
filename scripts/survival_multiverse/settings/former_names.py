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
FORMER_AXES = {
    "oligo_threshold": {"type": "non_equivalent", "varies": "lesions"},
    "dose_cutoff": {"type": "non_equivalent", "varies": "dose"},
    "gtv_cutoff": {"type": "equivalent", "varies": "gtv"},
    "caliper": {"type": "equivalent", "varies": "caliper"},
}
"""What the axes of earlier versions are as decisions, in the order of paths."""


def present_names(settings: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return settings under their present names, and the former names that were found.

    A former name beside the present one stays where it is: the checks refuse it as an unknown key.
    """
    renamed, found = dict(settings), []
    for former, present in FORMER_NAMES.items():
        if "." not in former:
            if former in renamed and present not in renamed:
                renamed[present] = _as_decisions(renamed.pop(former))
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


def _as_decisions(axes: Any) -> Any:
    """Return axes, lists of values, as decisions; what is no such list stays, for the checks to refuse it."""
    if not isinstance(axes, Mapping):
        return axes
    known = {name: axes[name] for name in FORMER_AXES if isinstance(axes.get(name), list | tuple)}
    decisions = {name: {"options": values, **FORMER_AXES[name]} for name, values in known.items()}
    return decisions | {name: values for name, values in axes.items() if name not in known}


def renaming_message(former: str) -> str:
    """Say what a setting is called now."""
    return f"{former} is now called {FORMER_NAMES[former]}: rename it, the next version will not know it"
