"""Scenarios as paths: ``oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~0.2``."""

import math
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.schema import ESTIMATE_COLUMNS, Estimator, Population
from survival_multiverse.settings.values import AXES, Scenario, axis_number, canonical_text

if TYPE_CHECKING:
    from survival_multiverse.settings.study import Study

FOLDER = "results/scenarios"
SCENARIO = "/".join((FOLDER, *(f"{axis}~{{{axis}}}" for axis in AXES))) + ".parquet"
"""Path of a scenario, with the axes as wildcards."""
COMPARISONS = {
    **{"<=": operator.le, ">=": operator.ge, "==": operator.eq, "!=": operator.ne},
    **{"<": operator.lt, ">": operator.gt},
}
CONDITION = re.compile(rf"\s*({'|'.join(AXES)})\s*({'|'.join(COMPARISONS)})\s*(\S+)\s*")
"""A limit for one axis: ``dose_cutoff>=60``."""


def scenario_id(values: Sequence[float]) -> str:
    """Return the canonical text of a scenario, from its four numbers."""
    return "/".join(f"{name}~{canonical_text(value)}" for name, value in zip(AXES, values, strict=True))


def scenario_values(path: str | Path) -> Scenario:
    """Return the scenario of a file, read from its path."""
    parts = Path(path).with_suffix("").parts[-len(AXES) :] if str(path).endswith(".parquet") else ()
    found = dict(part.split("~", 1) for part in parts if "~" in part)
    if tuple(found) != AXES:
        raise ValueError(f"{path} is not the path of a scenario")
    return Scenario(*(axis_number(found[name]) for name in AXES))


def scenario_parameters(values: Sequence[float], study: "Study") -> dict[str, dict[str, Any]]:
    """Return the parameters of a scenario and of the variants inside its file, each with its unit.

    An axis has one value, as it is spelt in the path; a variant, which is a column of the file, a list.
    """
    units = {role: getattr(study, role).unit for role in ("time", "dose", "gtv", "lesions")}
    unit_of = {column.name: column.unit.format(**units) for column in ESTIMATE_COLUMNS}
    variants = {
        "population": [str(name) for name in Population],
        "adjustment_set": list(study.adjustment_sets),
        "estimator": [str(name) for name in Estimator],
        "landmark": [canonical_text(value) for value in (0, *study.analysis.landmarks)],
    }
    named = {**dict(zip(AXES, map(canonical_text, values), strict=True)), **variants}
    return {name: {"value": value, "unit": unit_of[name]} for name, value in named.items()}


def chosen_scenarios(
    words: Sequence[str], paths: Sequence[str], axes: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the paths of the scenarios that one word at least chooses, in their order.

    Parameters
    ----------
    words
        Paths of scenarios, or conditions on axes joined by ``&``: ``dose_cutoff==63 & caliper<=0.2``.
    paths
        Those of all scenarios of the study.
    axes
        The legal texts of each axis.

    Raises
    ------
    InputError
        If a word is neither, or chooses no scenario.
    """
    grid = {path: scenario_values(path) for path in paths}
    chosen = set()
    for word in words:
        if word.endswith(".parquet"):
            outside = word.removeprefix(f"{FOLDER}/").removesuffix(".parquet")
            found = {word} & grid.keys()
            fault = refusal(outside, axes)
        else:
            limits = [_limit(part, word) for part in word.split("&")]
            found = {path for path, scenario in grid.items() if all(limit(scenario) for limit in limits)}
            values = "; ".join(f"{name}: {', '.join(axes[name])}" for name in AXES)
            fault = f"no scenario meets {word!r}; there are {values}"
        if not found:
            raise InputError([fault], subject="the scenarios")
        chosen |= found
    return [path for path in paths if path in chosen]


def _limit(text: str, word: str) -> Callable[[Scenario], bool]:
    """Return a function that says whether a scenario meets one limit."""
    parts = CONDITION.fullmatch(text)
    try:
        if parts is None:
            raise ValueError
        place, compare, value = AXES.index(parts[1]), COMPARISONS[parts[2]], axis_number(parts[3])
    except ValueError:
        fault = (
            f"{word!r} is neither the path of a scenario nor a condition such as "
            f"'dose_cutoff==63 & caliper<=0.2' (axes: {', '.join(AXES)})"
        )
        raise InputError([fault], subject="the scenarios") from None
    return lambda scenario: compare(scenario[place], value)


def legal_patterns(axes: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return a regular expression for each axis, for its legal texts only."""
    return {name: "|".join(map(re.escape, axes[name])) for name in AXES}


def outside_pattern(axes: Mapping[str, Sequence[str]]) -> str:
    """Return a regular expression for everything but the legal scenarios."""
    legal = "/".join(f"{name}~(?:{pattern})" for name, pattern in legal_patterns(axes).items())
    return rf"(?!{legal}\.parquet$).+"


def refusal(outside: str, axes: Mapping[str, Sequence[str]]) -> str:
    """Say why a path is not a scenario of the study, and give the path of the nearest one.

    Parameters
    ----------
    outside
        The path below the folder of scenarios, without its ending.
    axes
        The legal texts of each axis.
    """
    found = dict(part.split("~", 1) for part in outside.split("/") if "~" in part)
    problems, nearest = [], []
    if tuple(found) != AXES:
        problems.append(f"a scenario is written {'/'.join(f'{name}~VALUE' for name in AXES)}")
    for name in AXES:
        legal = axes[name]
        text = found.get(name, "")
        best = _nearest(text, legal)
        nearest.append(f"{name}~{best}")
        if name in found and text not in legal:
            problems.append(f"{name} has no value {text!r}: the nearest is {best} (of {', '.join(legal)})")
    return (
        f"{FOLDER}/{outside}.parquet is not a scenario of this study: {'; '.join(problems)}. "
        f"Nearest: {FOLDER}/{'/'.join(nearest)}.parquet"
    )


def _nearest(text: str, legal: Sequence[str]) -> str:
    try:
        wanted = axis_number(text)
    except ValueError:
        return legal[0]

    def distance(value: str) -> float:
        number = axis_number(value)
        return 0.0 if number == wanted else abs(number - wanted)

    return min(legal, key=lambda value: (distance(value), math.isinf(axis_number(value))))
