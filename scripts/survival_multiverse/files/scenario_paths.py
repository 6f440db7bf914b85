"""Scenarios as paths, an option of each decision: ``dose_cutoff~63/caliper~0.2``."""

import difflib
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from survival_multiverse.settings.conditions import Condition, ConditionError, parse
from survival_multiverse.settings.faults import InputError, nearest
from survival_multiverse.settings.schema import Estimator
from survival_multiverse.settings.values import Scenario, Value, canonical_text, option_number, option_value

if TYPE_CHECKING:
    from survival_multiverse.settings.study import Study

FOLDER = "results/scenarios"


def scenario_pattern(decisions: Iterable[str]) -> str:
    """Return the path of a scenario, with the decisions as wildcards."""
    return "/".join((FOLDER, *(f"{name}~{{{name}}}" for name in decisions))) + ".parquet"


def scenario_id(decisions: Iterable[str], scenario: Iterable[Value]) -> str:
    """Return the canonical text of a scenario."""
    return "/".join(
        f"{name}~{canonical_text(value)}" for name, value in zip(decisions, scenario, strict=True)
    )


def scenario_texts(path: str | Path) -> dict[str, str]:
    """Return the options of a scenario by decision, as the path of its file has them."""
    inside = str(path).rpartition(f"{FOLDER}/")[2]
    parts = inside.removesuffix(".parquet").split("/")
    if not inside.endswith(".parquet") or any("~" not in part for part in parts):
        raise ValueError(f"{path} is not the path of a scenario")
    return {name: text for name, _, text in (part.partition("~") for part in parts)}


def scenario_values(path: str | Path, study: "Study") -> Scenario:
    """Return the scenario of a file of a study, read from its path."""
    found = scenario_texts(path)
    if list(found) != list(study.decisions):
        raise ValueError(f"{path} is not the path of a scenario")
    return tuple(
        option_number(found[name]) if decision.varies else found[name]
        for name, decision in study.decisions.items()
    )


def scenario_parameters(scenario: Scenario, study: "Study") -> dict[str, dict[str, Any]]:
    """Return the parameters of a scenario and of the variants inside its file, each with its unit.

    A decision has one option, as it is spelt in the path; a variant, which is a column of the file, a list.
    """
    unit_of = {column.name: column.unit for column in study.estimate_columns}
    variants = {
        "population": [str(name) for name in study.populations],
        "adjustment_set": list(study.adjustment_sets),
        "estimator": [str(name) for name in Estimator],
        "landmark": [canonical_text(value) for value in (0, *study.analysis.landmarks)],
    }
    named = {**dict(zip(study.decisions, map(canonical_text, scenario), strict=True)), **variants}
    return {name: {"value": value, "unit": unit_of[name]} for name, value in named.items()}


def chosen_scenarios(
    words: Sequence[str], paths: Sequence[str], options: Mapping[str, Sequence[str]]
) -> list[str]:
    """Return the paths of the scenarios that one word at least chooses, in their order.

    Parameters
    ----------
    words
        Paths of scenarios, or conditions on decisions: ``dose_cutoff == 63 and caliper <= 0.2`` (``&`` is
        another word for ``and``).
    paths
        Those of all scenarios of the study.
    options
        The legal texts of each decision.

    Raises
    ------
    InputError
        If a word is neither, or chooses no scenario.
    """
    grid = {path: {name: option_value(text) for name, text in scenario_texts(path).items()} for path in paths}
    chosen = set()
    for word in words:
        if word.endswith(".parquet"):
            outside = word.removeprefix(f"{FOLDER}/").removesuffix(".parquet")
            found = {word} & grid.keys()
            fault = refusal(outside, options, paths)
        else:
            condition = _condition(word, options)
            found = {path for path, scenario in grid.items() if condition.holds(scenario)}
            values = "; ".join(f"{name}: {', '.join(texts)}" for name, texts in options.items())
            fault = f"no scenario meets {word!r}; there are {values}"
        if not found:
            raise InputError([fault], subject="the scenarios")
        chosen |= found
    return [path for path in paths if path in chosen]


def _condition(word: str, options: Mapping[str, Sequence[str]]) -> Condition:
    """Return a condition on decisions."""
    try:
        condition = parse(word.replace("&", " and "))
        unknown = [name for name in condition.names if name not in options]
        if unknown:
            raise ConditionError(f"`{unknown[0]}` is no decision; {nearest(unknown[0], options)}")
    except ConditionError as error:
        name, texts = list(options.items())[-1]
        fault = (
            f"{word!r} is neither the path of a scenario nor a condition such as '{name} == {texts[0]}' "
            f"(decisions: {', '.join(options)}): {error}"
        )
        raise InputError([fault], subject="the scenarios") from None
    return condition


def legal_patterns(options: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return a regular expression for each decision, for its legal texts only."""
    return {name: "|".join(map(re.escape, texts)) for name, texts in options.items()}


def outside_pattern(options: Mapping[str, Sequence[str]], paths: Sequence[str] = ()) -> str:
    """Return a regular expression for everything but the scenarios: all combinations, or only `paths`."""
    if paths:
        known = "|".join(re.escape(path.removeprefix(f"{FOLDER}/")) for path in paths)
        return rf"(?!(?:{known})$).+"
    legal = "/".join(f"{name}~(?:{pattern})" for name, pattern in legal_patterns(options).items())
    return rf"(?!{legal}\.parquet$).+"


def refusal(outside: str, options: Mapping[str, Sequence[str]], paths: Sequence[str] = ()) -> str:
    """Say why a path is not a scenario of the study, and give the path of the nearest one.

    Parameters
    ----------
    outside
        The path below the folder of scenarios, without its ending.
    options
        The legal texts of each decision.
    paths
        Those of all scenarios, if not every combination is one.
    """
    found = dict(part.split("~", 1) for part in outside.split("/") if "~" in part)
    problems, nearest_texts = [], []
    if list(found) != list(options):
        problems.append(f"a scenario is written {'/'.join(f'{name}~VALUE' for name in options)}")
    for name, legal in options.items():
        text = found.get(name, "")
        best = _nearest(text, legal)
        nearest_texts.append(best)
        if name in found and text not in legal:
            problems.append(f"{name} has no option {text!r}: the nearest is {best} (of {', '.join(legal)})")
    if not problems:
        problems.append("the conditions of its options forbid it, or the sample of the grid leaves it out")
    near = f"{FOLDER}/{scenario_id(options, nearest_texts)}.parquet"
    if paths and near not in paths:
        near = min(paths, key=lambda path: _steps(scenario_texts(path), nearest_texts, options))
    return (
        f"{FOLDER}/{outside}.parquet is not a scenario of this study: {'; '.join(problems)}. Nearest: {near}"
    )


def _steps(texts: Mapping[str, str], wanted: Sequence[str], options: Mapping[str, Sequence[str]]) -> int:
    """Return how many options lie between two scenarios."""
    return sum(
        abs(legal.index(texts[name]) - legal.index(text)) + (texts[name] != text)
        for (name, legal), text in zip(options.items(), wanted, strict=True)
    )


def _nearest(text: str, legal: Sequence[str]) -> str:
    try:
        wanted, numbers = option_number(text), [option_number(value) for value in legal]
    except ValueError:
        close = difflib.get_close_matches(text, legal, n=1)
        return close[0] if close else legal[0]
    distances = [0.0 if number == wanted else abs(number - wanted) for number in numbers]
    return min(zip(distances, map(math.isinf, numbers), legal, strict=True))[2]
