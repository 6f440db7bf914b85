"""The grid against plain enumerations: which combinations are scenarios, in which order, and samples."""

import itertools
import math

import pytest

from survival_multiverse.settings.grid import decision_texts, primary_texts, scenario_grid, whole_size


def decision(*options, varies=None):
    own = {"type": "equivalent", "options": list(options)}
    return own | {"varies": varies} if varies else own


def when(value, condition):
    return {"value": value, "when": condition}


SPLINES = {
    "dose_cutoff": decision(57, 60, 63, varies="dose"),
    "caliper": decision(0.1, 0.2, "none", varies="caliper"),
    "age": decision("grouped", "linear", when("spline", "dose_cutoff >= 60")),
    "score": decision("straight", when("splines", "age == linear")),
    "scale": decision("all", when("within_arm", "caliper <= 1 and not (score == splines)")),
}
OUTCOMES = {
    "outcome": decision("death", "relapse", when("both", "who != young")),
    "who": decision("everybody", "young", when("old", "outcome in (death, relapse)")),
    "dose_cutoff": decision(-5, 0, when(5, "outcome == death or who == old"), varies="dose"),
}
CHAIN = {
    "first": decision("a", "b"),
    "second": decision("a", when("b", "first == b")),
    "third": decision("a", when("b", "second == b")),
    "caliper": decision(0.2, when("none", "third == b or first == a"), varies="caliper"),
}
"""Conditions on conditions; names of options that recur."""


def meets_splines(dose, caliper, age, score, scale):
    return (
        (age != "spline" or dose >= 60)
        and (score != "splines" or age == "linear")
        and (scale != "within_arm" or (caliper <= 1 and score != "splines"))
    )


def meets_outcomes(outcome, who, dose):
    return (
        (outcome != "both" or who != "young")
        and (who != "old" or outcome in ("death", "relapse"))
        and (dose != 5 or outcome == "death" or who == "old")
    )


def meets_chain(first, second, third, caliper):
    return (
        (second != "b" or first == "b")
        and (third != "b" or second == "b")
        and (caliper != math.inf or third == "b" or first == "a")
    )


CASES = {
    "splines": (SPLINES, meets_splines),
    "outcomes": (OUTCOMES, meets_outcomes),
    "chain": (CHAIN, meets_chain),
}


def number_or_name(text):
    try:
        return math.inf if text == "none" else float(text)
    except ValueError:
        return text


def enumerated(decisions, meets):
    """Every combination in the order of nested loops, the last decision innermost, that are legal."""
    texts = [
        [f"{value:g}" if isinstance(value, int | float) else value for value in values]
        for values in (
            [option["value"] if isinstance(option, dict) else option for option in own["options"]]
            for own in decisions.values()
        )
    ]
    return [chosen for chosen in itertools.product(*texts) if meets(*map(number_or_name, chosen))]


def config_of(decisions, *, seed=1, primary=None, **sample):
    config = {"decisions": decisions, "study": {"seed": seed, "primary": primary or {}}}
    return config | ({"sample": sample} if sample else {})


@pytest.mark.parametrize("name", CASES)
def test_the_grid_is_every_combination_that_plain_python_allows(name):
    decisions, meets = CASES[name]
    expected = enumerated(decisions, meets)
    assert scenario_grid(config_of(decisions)) == expected
    # The conditions matter, and forbid neither everything nor nothing.
    assert 1 < len(expected) < whole_size({"decisions": decisions})


def test_without_conditions_the_grid_is_the_product_and_the_last_decision_runs_fastest():
    decisions = {"b": decision("x", "y"), "a": decision(1, 2, varies="dose")}
    assert scenario_grid(config_of(decisions)) == [("x", "1"), ("x", "2"), ("y", "1"), ("y", "2")]
    assert whole_size({"decisions": decisions}) == 4


def test_the_primary_scenario_is_named_or_the_first_options():
    assert primary_texts(config_of(SPLINES)) == ("57", "0.1", "grouped", "straight", "all")
    primary = {"dose_cutoff": 60.0, "caliper": "none", "age": "linear"}
    assert primary_texts(config_of(SPLINES, primary=primary)) == ("60", "none", "linear", "straight", "all")


LARGE = {
    **SPLINES,
    "dose_cutoff": decision(*range(50, 62), varies="dose"),
    **{f"free_{number}": decision(*"abcd") for number in range(2)},
}


def meets_large(dose, caliper, age, score, scale, *free):
    return meets_splines(dose, caliper, age, score, scale)


@pytest.mark.parametrize("method", ["sobol", "random"])
@pytest.mark.parametrize("seed", [1, 20260101])
def test_a_sample_is_part_of_the_grid_with_the_primary_scenario(method, seed):
    primary = {"dose_cutoff": 61, "caliper": "none", "free_0": "d"}
    whole = scenario_grid(config_of(LARGE, primary=primary))
    assert whole == enumerated(LARGE, meets_large)
    config = config_of(LARGE, seed=seed, primary=primary, size=300, method=method)
    found = scenario_grid(config)
    assert len(found) == len(set(found)) == 300
    assert set(found) < set(whole)
    assert primary_texts(config) in found
    place = {scenario: number for number, scenario in enumerate(whole)}
    assert [place[scenario] for scenario in found] == sorted(place[scenario] for scenario in found)
    assert found == scenario_grid(config)
    other = config_of(LARGE, seed=seed + 1, primary=primary, size=300, method=method)
    assert found != scenario_grid(other)


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_a_large_sample_has_every_option_about_as_often_as_the_grid(method):
    whole = scenario_grid(config_of(LARGE))
    found = scenario_grid(config_of(LARGE, size=1000, method=method))
    for number, (name, texts) in enumerate(decision_texts({"decisions": LARGE}).items()):
        for text in texts:
            share = sum(scenario[number] == text for scenario in whole) / len(whole)
            seen = sum(scenario[number] == text for scenario in found) / len(found)
            assert seen > 0, (name, text)
            assert seen == pytest.approx(share, abs=5 * math.sqrt(share * (1 - share) / 1000)), (name, text)


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_more_scenarios_are_those_of_fewer_and_others(method):
    few, many = (set(scenario_grid(config_of(LARGE, size=size, method=method))) for size in (100, 400))
    assert few < many


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_a_sample_as_large_as_the_grid_is_the_grid(method):
    decisions, meets = CASES["outcomes"]
    expected = enumerated(decisions, meets)
    for size in (len(expected), len(expected) + 1000):
        assert scenario_grid(config_of(decisions, size=size, method=method)) == expected


def test_a_sample_of_one_is_the_primary_scenario():
    assert scenario_grid(config_of(SPLINES, size=1)) == [("57", "0.1", "grouped", "straight", "all")]
