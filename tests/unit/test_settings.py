"""Settings: what is refused, in which words, and how the user's file lies on top of the defaults."""

import re
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from survival_multiverse.settings.settings_table import settings_table
from survival_multiverse.settings.validation import (
    BROKEN,
    REPLACED_WHOLE,
    InputError,
    merge_configs,
    validate_config,
)

ROOT = Path(__file__).parents[2]
SCHEMA = yaml.safe_load((ROOT / "workflow/schemas/config.schema.yaml").read_text(encoding="utf-8"))
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
DEFAULT |= yaml.safe_load((ROOT / "config/examples/simulated.yaml").read_text(encoding="utf-8"))
EXAMPLE = yaml.safe_load((ROOT / "config/examples/breast_gbsg2.yaml").read_text(encoding="utf-8"))


def changed(path: str, value: object) -> dict:
    """The default configuration with one value set; a step that is a number counts entries from 0."""
    config = deepcopy(DEFAULT)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
    place = config
    for step in steps:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return config


def faults_of(config: dict) -> list[str]:
    with pytest.raises(InputError) as caught:
        validate_config(config)
    return caught.value.faults


def test_names_of_files_may_hold_a_backslash():
    assert validate_config(changed("cohort/paper", "C:\\papers\\one")) is None


def test_the_schema_is_a_schema():
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("user", [{}, EXAMPLE], ids=["default", "example"])
def test_what_is_shipped_is_valid(user):
    assert validate_config(merge_configs(DEFAULT, user)) is None


CASES = [
    ("analysis/landmark", [8], "analysis: unknown key `landmark`; did you mean `landmarks`?"),
    ("cohort/dose/rnage", [1, 2], "cohort.dose: unknown key `rnage`; did you mean `range`?"),
    (
        "decisions/dose_cutoff/optons",
        [1],
        "decisions.dose_cutoff: unknown key `optons`; did you mean `options`?",
    ),
    (
        "decisions/dose_cutoff/options",
        [],
        "decisions.dose_cutoff: the decision has no options; give at least one",
    ),
    (
        "decisions/dose_cutoff/options",
        [57, 63, 60],
        "decisions.dose_cutoff: the options are not ascending; write them in the order 57, 60, 63",
    ),
    (
        "decisions/gtv_cutoff/options",
        [146, 146.0],
        "decisions.gtv_cutoff.options[2]: 146.0 repeats option 1; remove one (146 and 146.0 are one)",
    ),
    (
        "decisions/caliper/options/5",
        float("inf"),
        "decisions.caliper.options[6]: infinity is a second spelling of none; write none",
    ),
    (
        "decisions/caliper/options/0",
        0,
        "decisions.caliper.options[1]: 0 is not positive; give a number above 0",
    ),
    (
        "decisions/caliper/options/0",
        {"value": "0.05"},
        'decisions.caliper.options[1]: "0.05" is text; give a number or none, without quotes',
    ),
    (
        "decisions/gtv_cutoff/options/0",
        "100",
        'decisions.gtv_cutoff.options[1]: "100" is text; give a number, without quotes',
    ),
    (
        "decisions/gtv_cutoff/options/0",
        {"value": "100"},
        'decisions.gtv_cutoff.options[1]: "100" is text; give a number, without quotes',
    ),
    (
        "decisions/gtv_cutoff/options/0",
        {"reason": "none"},
        "decisions.gtv_cutoff.options[1]: the key `value` is missing; add it",
    ),
    (
        "decisions/gtv_cutoff/options/0",
        [100],
        "decisions.gtv_cutoff.options[1]: [100] is a list; give a number, a name, or value and reason",
    ),
    (
        "decisions/gtv_cutoff/options/0",
        100.00000000000001,
        "decisions.gtv_cutoff.options[1]: 100.00000000000001 has more than 15 digits; write 100",
    ),
    (
        "decisions/gtv_cutoff/type",
        "equal",
        'decisions.gtv_cutoff.type: "equal" is unknown; did you mean `equivalent`?',
    ),
    ("decisions/gtv_cutoff/type", None, "decisions.gtv_cutoff: the key `type` is missing; add it"),
    (
        "decisions/gtv_cutoff/varies",
        "size",
        'decisions.gtv_cutoff.varies: "size" is unknown; legal are lesions, dose, gtv, caliper',
    ),
    (
        "study/primary/dose_cutoff",
        62,
        "study.primary.dose_cutoff: 62 is not on decisions.dose_cutoff; the nearest option there is 63: "
        "use it, or add yours to the options",
    ),
    (
        "study/primary/dosecutoff",
        63,
        "study.primary.dosecutoff: `dosecutoff` is no decision of this study; did you mean `dose_cutoff`?",
    ),
    (
        "adjustment_sets/baseline_only/covariates",
        ["kp"],
        "adjustment_sets.baseline_only.covariates: `kp` is no covariate of this study; did you mean `kps`?",
    ),
    (
        "analysis/multivariable",
        ["gtvv"],
        "analysis.multivariable: `gtvv` is no covariate of this study; did you mean `gtv`?",
    ),
    (
        "analysis/interactions",
        ["gtv", "gtv"],
        "analysis.interactions: `gtv` is named 2 times; name it once",
    ),
    (
        "covariates/sex/levels",
        None,
        "covariates.sex.levels: a category needs two or more levels; list them, the reference first",
    ),
    (
        "covariates/sex/levels",
        ["male", "male"],
        "covariates.sex.levels: male occurs more than once; name each level once",
    ),
    (
        "covariates/sex/levels",
        [1, "1"],
        "covariates.sex.levels: 1 occurs more than once; name each level once",
    ),
    (
        "covariates/response/levels",
        [False, True],
        "covariates.response.levels[1]: false is true or false; give text or a number "
        "(YAML reads yes, no, on and off as true and false: put words in quotes)",
    ),
    (
        "covariates/kps/levels",
        ["low"],
        "covariates.kps.levels: a cut makes two levels, not 1; name the lower and the upper",
    ),
    (
        "covariates/kps/cut",
        None,
        "covariates.kps.levels: levels without a cut; add the cut, or remove the levels",
    ),
    (
        "covariates/sex/cut",
        1,
        "covariates.sex.cut: a categorical covariate has no cut; remove it, or make the type continuous",
    ),
    (
        "covariates/sex/role",
        "base_line",
        'covariates.sex.role: "base_line" is unknown; did you mean `baseline`?',
    ),
    (
        "covariates/2 nd",
        {"column": "x", "type": "continuous", "role": "baseline"},
        'covariates: "2 nd" is no simple name; use letters, digits and _, a letter first',
    ),
    (
        "covariates/gtv",
        {"column": "x", "type": "continuous", "role": "baseline"},
        "covariates.gtv: `gtv` is reserved: it names cohort.gtv in lists and criteria; choose another name",
    ),
    (
        "analysis/landmarks",
        [8, 6, 8],
        "analysis.landmarks: the values must ascend, each once; write 6, 8",
    ),
    (
        "analysis/survival_times",
        [36, 12],
        "analysis.survival_times: the values must ascend, each once; write 12, 36",
    ),
    (
        "analysis/minimum_events",
        "five",
        'analysis.minimum_events: "five" is text; give a whole number',
    ),
    (
        "analysis/confidence_level",
        95,
        "analysis.confidence_level: 95 is not below 1; give less than 1",
    ),
    ("cohort/time/unit", None, "cohort.time: the key `unit` is missing; add it (Unit; landmarks, "),
    (
        "cohort/dose/range",
        [100, 1],
        "cohort.dose.range: 100 is not below 1; write the lower limit first",
    ),
    ("cohort/dose/range", [1], "cohort.dose.range: the list has 1 entries; give at least 2"),
    (
        "cohort/gtv/column",
        "dose_gy",
        "cohort.gtv.column: `dose_gy` is cohort.dose already; give another",
    ),
    (
        "disclosure/minimum_count",
        4,
        "disclosure.minimum_count: classes of 4 can tell of one patient, as pairs hold two; give 5 or more, "
        "or 1 to show exact counts",
    ),
    ("cohort/source", "file", "cohort: the key `file` is missing; add it"),
    ("cohort/source", "dataset", "cohort: the key `dataset` is missing; add it"),
    (
        "cohort/descriptives",
        {"kps": {"column": "x"}},
        "cohort.descriptives.kps: the name `kps` is taken; choose another",
    ),
    (
        "cohort/eligibility",
        [{"variable": "agee", "minimum": 18, "reason": "adults"}],
        "cohort.eligibility[1].variable: `agee` is unknown; did you mean `age`?",
    ),
    (
        "cohort/eligibility",
        [{"variable": "sex", "minimum": 18, "reason": "adults"}],
        "cohort.eligibility[1].minimum: `sex` is no number; use levels",
    ),
    (
        "cohort/eligibility",
        [{"variable": "sex", "levels": ["mael"], "reason": "men"}],
        "cohort.eligibility[1].levels: `mael` is no level of sex; did you mean `male`?",
    ),
    (
        "cohort/eligibility",
        [{"variable": "age", "levels": ["old"], "reason": "old"}],
        "cohort.eligibility[1].levels: `age` is a number; use minimum and maximum",
    ),
    (
        "cohort/eligibility",
        [{"variable": "age", "minimum": 80, "maximum": 18, "reason": "adults"}],
        "cohort.eligibility[1]: minimum 80 is above maximum 18; exchange them",
    ),
    (
        "cohort/simulation/variables/sex",
        None,
        "cohort.simulation.variables: `sex` is missing; say how it is drawn",
    ),
    (
        "cohort/simulation/variables/sex/probabilities",
        [0.5, 0.4],
        "cohort.simulation.variables.sex.probabilities: they sum to 0.9; make it 1",
    ),
    (
        "cohort/simulation/variables/sex/hazard_ratio",
        [1, 1, 1],
        "cohort.simulation.variables.sex.hazard_ratio: 3 numbers are given; give 2, one per level",
    ),
    (
        "cohort/simulation/variables/response/dose_shift",
        [0, 1],
        "cohort.simulation.variables.response.dose_shift: what comes after treatment cannot move the dose; "
        "use dose_effect",
    ),
    *(
        (
            path,
            text,
            f"{path.replace('/', '.')}: holds a backslash, a line break or another control character; "
            "leave it out",
        )
        for path, text in (
            ("study/title", "a\nb"),
            ("cohort/gtv/label", "volume \\"),
            ("study/title", "half a character: \ud800"),
            ("cohort/paper", "half/a/character/\udcff"),
            ("covariates/sex/label", "a line separator: \u2028"),
        )
    ),
    ("study/title", "x" * 1001, "study.title: the text has 1001 characters; give at most 1000"),
    (
        "covariates/" + "x" * 101,
        {},
        f'covariates: "{"x" * 56}... is longer than 100 characters; shorten it',
    ),
    ("covariates/\ud800", {}, f"covariates: the name '\\ud800' {BROKEN}"),
    *(
        (path, 10**12, f"{path.replace('/', '.')}: 1000000000000 is above {most}; give {most} or less")
        for path, most in (
            ("analysis/tie_break_draws", 100_000),
            ("analysis/repeated_tie_breaks", 100_000),
            ("inference/draws", 100_000),
            ("inference/bootstrap_draws", 100_000),
            ("execution/draws_per_job", 100_000),
            ("cohort/simulation/patients", 1_000_000),
            ("disclosure/minimum_count", 1_000_000),
            ("analysis/minimum_events", 1_000_000),
        )
    ),
    (
        "decisions/gtv_cutoff/options",
        [146, *range(200, 2_000)],
        "decisions: they make 172,896 scenarios; give fewer options, 100,000 at most, or draw a sample "
        "(sample: {size: 500})",
    ),
    (
        "cohort/simulation/variables/age/sd",
        None,
        "cohort.simulation.variables.age: the key `sd` is missing; add it",
    ),
    (
        "cohort/simulation/variables/sex/hazard_ratio",
        [1, -2],
        "cohort.simulation.variables.sex.hazard_ratio[2]: -2 is not above 0; give more than 0",
    ),
]


@pytest.mark.parametrize(
    ("path", "value", "fault"), CASES, ids=[f"{case[0]}-{case[1]}"[:80] for case in CASES]
)
def test_each_fault_says_where_what_and_what_to_do(path, value, fault):
    faults = faults_of(changed(path, value))
    assert any(line.startswith(fault) for line in faults), faults


SINGLE = ("decisions/gtv_cutoff/options/0", "study/primary/dose_cutoff", "cohort/gtv/column")


@pytest.mark.parametrize("case", [case for case in CASES if case[0] in SINGLE], ids=str)
def test_one_mistake_gives_no_other_message(case):
    expected = 2 if case[0] == "cohort/gtv/column" else 1  # the simulated columns clash as well
    assert len(faults_of(changed(case[0], case[1]))) == expected


def test_all_faults_come_at_once():
    config = changed("decisions/dose_cutoff/options", [])
    config["analysis"]["landmark"] = [8]
    config["cohort"]["time"] = 5
    config["covariates"]["sex"]["levels"] = ["male"]
    with pytest.raises(InputError) as caught:
        validate_config(config)
    starts = ("cohort.time:", "analysis:", "decisions.dose_cutoff:", "covariates.sex.levels:")
    assert all(any(line.startswith(start) for line in caught.value.faults) for start in starts)
    assert str(caught.value).splitlines()[1:] == [f"- {line}" for line in caught.value.faults]


def test_a_key_that_yaml_does_not_read_as_text_is_named():
    config = changed("covariates/sex/label", "Sex")
    config["covariates"][True] = {}
    assert faults_of(config) == ["covariates: YAML reads the key true as no text; put it in quotes"]


def test_replaced_covariates_with_default_lists_are_told_plainly():
    user = {"covariates": {"grade": {"column": "g", "type": "continuous", "role": "baseline"}}}
    faults = faults_of(merge_configs(DEFAULT, user))
    (plain,) = [line for line in faults if line.startswith("covariates:")]
    assert plain == (
        "covariates: if you replaced the default covariates, replace every list that names them as well; "
        "these still name covariates that are gone: adjustment_sets.as_published, "
        "adjustment_sets.baseline_only, analysis.multivariable, analysis.interactions"
    )


def test_a_merge_replaces_some_parts_whole_and_leaves_its_inputs_alone():
    user = {
        "decisions": {"dose_cutoff": [50]},
        "covariates": {"grade": {"column": "g"}},
        "analysis": {"landmarks": [1]},
    }
    before = deepcopy((DEFAULT, user))
    merged = merge_configs(DEFAULT, user)
    assert merged["decisions"] == DEFAULT["decisions"] | {
        "dose_cutoff": DEFAULT["decisions"]["dose_cutoff"] | {"options": [50]}
    }
    assert merged["covariates"] == {"grade": {"column": "g"}}
    assert merged["analysis"] == DEFAULT["analysis"] | {"landmarks": [1]}
    merged["analysis"]["survival_times"].append(99)
    merged["covariates"]["grade"]["column"] = "other"
    assert (DEFAULT, user) == before


@given(
    st.sampled_from([path for path in REPLACED_WHOLE if len(path) == 1]),
    st.dictionaries(st.text(), st.integers()),
)
def test_a_part_replaced_whole_holds_nothing_of_the_default(path, value):
    assert merge_configs(DEFAULT, {path[0]: value})[path[0]] == value


def entries(schema: dict, path: str = ""):
    """Every key of the schema with its entry."""
    for name, entry in schema.get("properties", {}).items():
        yield f"{path}.{name}", entry
        yield from entries(entry, f"{path}.{name}")
    for key in ("items", "additionalProperties"):
        if isinstance(schema.get(key), dict):
            yield from entries(schema[key], path)
    for choice in schema.get("anyOf", []):
        yield from entries(choice, path)


def test_every_key_is_described_and_no_group_takes_unknown_keys():
    roots = [("", SCHEMA), *SCHEMA["$defs"].items()]
    keys = [pair for name, root in roots for pair in entries(root, name)]
    assert len(keys) > 80
    assert [path for path, entry in keys if not entry.get("description")] == []
    groups = [entry for _, entry in keys if entry.get("type") == "object" and "properties" in entry]
    assert all(group["additionalProperties"] is False for group in groups)


@pytest.mark.parametrize("section", ["study", "analysis", "disclosure", "execution"])
def test_the_defaults_that_are_documented_are_those_that_are_shipped(section):
    documented = SCHEMA["properties"][section]["properties"]
    for key, entry in documented.items():
        if key != "primary" and "default_text" not in entry:
            assert entry["default"] == DEFAULT[section][key], key


@pytest.mark.parametrize("config", [DEFAULT, EXAMPLE], ids=["default", "example"])
def test_every_option_has_its_reason(config):
    decisions = merge_configs(DEFAULT, config)["decisions"].values()
    assert all(option["reason"] for decision in decisions for option in decision["options"])


def test_the_readme_holds_the_table_of_the_schema():
    readme = (ROOT / "config/README.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"<!-- settings:begin -->\n(.*)<!-- settings:end -->", readme, flags=re.DOTALL)
    assert table == settings_table(SCHEMA)


def test_the_table_names_units_defaults_and_nested_keys():
    table = settings_table(SCHEMA)
    assert "| `study.seed` | whole number up to 9,007,199,254,740,991 |  | `20260101` |" in table
    assert "| `cohort.dose.range` | list of number | of the column | nothing below 0 |" in table
    assert "| `covariates.<name>.role` | `baseline` / `post_treatment` |" in table
    assert "| `decisions.<name>.options[].reason` | text |" in table


def test_interaction_needs_groups():
    config = changed("covariates/age/cut", None)
    config["analysis"]["interactions"] = ["age"]
    assert faults_of(config) == [
        "analysis.interactions: `age` forms no groups; give the covariate a cut or leave it out"
    ]
