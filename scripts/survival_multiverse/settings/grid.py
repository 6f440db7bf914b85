"""The grid of a study: every legal combination of the options of its decisions, or a sample of them."""

import itertools
import json
import math
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from survival_multiverse.settings.conditions import Condition, parse
from survival_multiverse.settings.values import canonical_text, option_value

MOST_SCENARIOS = 100_000
SAMPLE_KIND = 7
"""First part of the seed of a sample."""
TRIES_PER_SCENARIO = 200
Texts = tuple[str, ...]


def options_of(decision: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the options of a decision as the configuration has them, each in its long form."""
    return [entry if isinstance(entry, Mapping) else {"value": entry} for entry in decision["options"]]


def decision_texts(config: Mapping[str, Any]) -> dict[str, Texts]:
    """Return the canonical texts of the options of each decision, in the order given."""
    return {
        name: tuple(canonical_text(option["value"]) for option in options_of(decision))
        for name, decision in config["decisions"].items()
    }


def primary_texts(config: Mapping[str, Any]) -> Texts:
    """Return the texts of the primary scenario: of a decision that it does not name, the first option."""
    named = config["study"].get("primary", {})
    return tuple(
        canonical_text(named[name]) if name in named else texts[0]
        for name, texts in decision_texts(config).items()
    )


def legality(config: Mapping[str, Any]) -> Callable[[Sequence[str]], bool]:
    """Return a function that says whether a combination of options meets the conditions of all of them."""
    names = tuple(config["decisions"])
    conditions: dict[tuple[str, str], Condition] = {
        (name, canonical_text(option["value"])): parse(option["when"])
        for name, decision in config["decisions"].items()
        for option in options_of(decision)
        if "when" in option
    }
    if not conditions:
        return lambda texts: True

    def legal(texts: Sequence[str]) -> bool:
        chosen = [conditions[key] for key in zip(names, texts, strict=True) if key in conditions]
        values = {name: option_value(text) for name, text in zip(names, texts, strict=True)}
        return all(condition.holds(values) for condition in chosen)

    return legal


def whole_size(config: Mapping[str, Any]) -> int:
    """Return the number of combinations, legal or not."""
    return math.prod(len(decision["options"]) for decision in config["decisions"].values())


def scenario_grid(config: Mapping[str, Any]) -> list[Texts]:
    """Return the scenarios of a study, each the texts of its options; the last decision runs fastest.

    Parameters
    ----------
    config
        Settings with `decisions`; with `study` where a sample is drawn.

    Returns
    -------
    list of tuple of str
        Every legal combination, or those that `sample` draws, the primary scenario among them.
    """
    names = ("decisions", "sample", "study") if "sample" in config else ("decisions",)
    return list(_grid(json.dumps({name: config[name] for name in names})))


@lru_cache(maxsize=8)
def _grid(settings: str) -> tuple[Texts, ...]:
    """Return the grid of settings as JSON: one study asks for it many times."""
    config = json.loads(settings)
    texts, legal = decision_texts(config), legality(config)
    tries = math.inf if "sample" not in config else _tries(config["sample"]["size"])
    if whole_size(config) <= tries:
        whole = tuple(chosen for chosen in itertools.product(*texts.values()) if legal(chosen))
        if "sample" not in config or len(whole) <= config["sample"]["size"]:
            return whole
    sizes = [len(options) for options in texts.values()]
    primary = primary_texts(config)
    places = {tuple(own.index(text) for own, text in zip(texts.values(), primary, strict=True))}
    wanted = int(config["sample"]["size"])
    for place in _places(config["sample"].get("method", "sobol"), sizes, config["study"]["seed"], wanted):
        if len(places) >= wanted:
            break
        if legal([own[index] for own, index in zip(texts.values(), place, strict=True)]):
            places.add(place)
    return tuple(
        tuple(own[index] for own, index in zip(texts.values(), place, strict=True))
        for place in sorted(places)
    )


def _tries(wanted: int) -> int:
    return max(TRIES_PER_SCENARIO * wanted, 4096)


def _places(method: str, sizes: Sequence[int], seed: int, wanted: int) -> Iterator[tuple[int, ...]]:
    """Yield positions of options, so many that a grid with few gaps is sure to give enough."""
    tries = _tries(wanted)
    if method == "random":
        rng = random.Random(f"{SAMPLE_KIND} {seed}")
        for _ in range(tries):
            yield tuple(rng.randrange(size) for size in sizes)
        return
    # Imported here, since a study that runs its grid whole does without.
    import numpy as np
    from scipy.stats import qmc

    sequence = np.random.SeedSequence(seed, spawn_key=(SAMPLE_KIND,))
    points = qmc.Sobol(len(sizes), scramble=True, rng=np.random.default_rng(sequence))
    for _ in range(0, tries, 1024):
        drawn = np.minimum((points.random(1024) * sizes).astype(int), np.array(sizes) - 1)
        yield from map(tuple, drawn.tolist())
