"""Conditions: what they mean with gaps and without, and what is refused in which words."""

import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from survival_multiverse.estimators.limits import at_least
from survival_multiverse.settings.conditions import Column, ConditionError, parse

RUNS = settings(max_examples=60, deadline=None, derandomize=True)
GAP = None
CODES = {True: 1, False: 0, GAP: -1}


def texts(*values: str | None) -> Column:
    return Column(texts=np.array(values, dtype=object))


def numbers(*values: float) -> Column:
    return Column(numbers=np.array(values, dtype=np.float64))


def kleene(word: str, *parts: bool | None) -> bool | None:
    """Three-valued logic by its table; a plain second spelling."""
    if word == "not":
        return GAP if parts[0] is GAP else not parts[0]
    decisive = word == "or"
    if decisive in parts:
        return decisive
    return GAP if GAP in parts else not decisive


def written(tree: tuple | str, level: int = 0) -> str:
    """The text of a tree, with brackets where they are needed."""
    if isinstance(tree, str):
        return tree
    word, *parts = tree
    strength = ("or", "and", "not").index(word)
    inner = [written(part, strength + 1) for part in parts]
    text = f"not {inner[0]}" if word == "not" else f" {word} ".join(inner)
    return f"({text})" if strength < level else text


def trees(leaves: st.SearchStrategy[str]) -> st.SearchStrategy:
    def grown(parts: st.SearchStrategy) -> st.SearchStrategy:
        words = st.sampled_from(["and", "or"])
        joined = st.tuples(words, parts, parts) | st.tuples(words, parts, parts, parts)
        return joined | st.tuples(st.just("not"), parts)

    return st.recursive(leaves, grown, max_leaves=8)


def value_of(tree: tuple | str, values: dict[str, bool | None]) -> bool | None:
    if isinstance(tree, str):
        return values[tree.split()[0]]
    return kleene(tree[0], *(value_of(part, values) for part in tree[1:]))


NAMES = ("a", "b", "c")
ROWS = list(itertools.product([True, False, GAP], repeat=3))
FLAGS = {
    name: texts(*(None if value is GAP else str(value) for value in column))
    for name, column in zip(NAMES, zip(*ROWS, strict=True), strict=True)
}


@RUNS
@given(trees(st.sampled_from([f"{name} == True" for name in NAMES])))
@example(("not", "a == True"))
@example(("and", "a == True", "b == True"))
@example(("or", "a == True", "b == True"))
def test_every_combination_of_true_false_and_gap_is_as_in_the_tables_of_kleene(tree):
    expected = [CODES[value_of(tree, dict(zip(NAMES, row, strict=True)))] for row in ROWS]
    result = parse(written(tree)).evaluate(FLAGS)
    assert result.dtype == np.int8
    assert result.tolist() == expected


LEAVES = st.sampled_from(
    [
        "x >= 1",
        "x < 2",
        "0 < y",
        "1 <= x < 3",
        "2 > y >= -1",
        "x == 2",
        "y != 0",
        "x in (0, 3)",
        'site == "north"',
        '"south" != site',
        'site in ("north", "T1-2")',
        'site not in ("north", "south")',
        "`at risk` <= 1.5",
    ]
)


@settings(RUNS, max_examples=25)
@given(trees(LEAVES), st.integers(0, 1000))
def test_without_gaps_a_condition_selects_the_rows_that_pandas_does(tree, seed):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": rng.integers(0, 4, 30).astype(float),
            "y": rng.integers(-2, 3, 30).astype(float),
            "at risk": rng.integers(0, 4, 30) / 2,
            "site": rng.choice(["north", "south", "T1-2"], 30).astype(object),
        }
    )
    columns = {name: Column(numbers=frame[name].to_numpy()) for name in ("x", "y", "at risk")}
    columns["site"] = Column(texts=frame["site"].to_numpy())
    chosen = frame.query(written(tree), engine="python").index
    condition = parse(written(tree))
    for limit in (None, at_least):
        assert np.flatnonzero(condition.evaluate(columns, limit) == 1).tolist() == chosen.tolist()
    held = [condition.holds(row) for row in frame.to_dict("records")]
    assert np.flatnonzero(held).tolist() == chosen.tolist()


ODD = st.text("aZ_ 09.+-ü'(,=<≤;", min_size=1, max_size=8)
LITERALS = st.one_of(
    st.floats(-1e6, 1e6).map("{:.15g}".format),
    st.sampled_from(["III", "T1-2", "none", "+", "1e3", '"5"', "'not'", "Köln", "'say \"x\"'", '"  "']),
    ODD.map('"{}"'.format),
)
PLAIN = st.sampled_from(["age", "_x1", "`none`", "`is`", "`2nd line`", "`a.b`"])
IDENTIFIERS = PLAIN | ODD.map("`{}`".format)
COMPARISONS = st.one_of(
    st.builds("{} {} {}".format, IDENTIFIERS, st.sampled_from(["==", "!="]), LITERALS),
    st.builds("{}<={}<{}".format, st.integers(-9, 9), IDENTIFIERS, st.sampled_from(["10", "1e-7", "none"])),
    st.builds(
        "{} {} ({})".format,
        IDENTIFIERS,
        st.sampled_from(["in", "not in"]),
        st.lists(LITERALS, min_size=1).map(",".join),
    ),
    st.builds("{} is {}".format, IDENTIFIERS, st.sampled_from(["missing", "not missing", "known"])),
)


@RUNS
@given(trees(COMPARISONS).map(written).filter(lambda text: len(text) < 700))
def test_the_canonical_text_is_read_as_the_same_condition(text):
    condition = parse(text)
    again = parse(str(condition))
    assert again == condition
    assert hash(again) == hash(condition)
    assert str(again) == str(condition)
    assert (again.names, again.compared, again.ordered) == (
        condition.names,
        condition.compared,
        condition.ordered,
    )


@pytest.mark.parametrize(
    ("text", "same", "canonical"),
    [
        ("a == 1 or b == 2 and c == 3", "a == 1 or (b == 2 and c == 3)", "a == 1 or b == 2 and c == 3"),
        ("not a == 1 and b == 2", "(not a == 1) and b == 2", "a != 1 and b == 2"),
        ("not (a == 1 or b is missing)", "a != 1 and b is known", "a != 1 and b is known"),
        (
            "((a == 1) and (b == 2)) and c == 3",
            "a == 1 and (b == 2 and c == 3)",
            "a == 1 and b == 2 and c == 3",
        ),
        ("(a==1 or b==2)and c==3", "((a == 1) or b == 2) and (c == 3)", "(a == 1 or b == 2) and c == 3"),
        ("18<=age<80", "age >= 18 and age < 80", "age >= 18 and age < 80"),
        ("80 > age >= 18", "age < 80 and age >= 18", "age < 80 and age >= 18"),
        ("not age < 18", "18 <= age", "age >= 18"),
        ("none >= caliper", "`caliper` <= none", "caliper <= none"),
        ('"III" == stage', "stage == 'III'", "stage == III"),
        ("stage in (III)", "stage == III", "stage == III"),
        ("not stage in (III, IV)", "stage not in (III,IV)", "stage not in (III, IV)"),
        ("x == 1e3", "x == +1000.", "x == 1000"),
        ("x == -0", "x == 0.0", "x == 0"),
        ("stage\n==\tIII", "stage == III", "stage == III"),
    ],
)
def test_spellings_of_one_condition(text, same, canonical):
    assert str(parse(text)) == canonical
    assert parse(text) == parse(same)


def test_what_a_condition_names_and_compares():
    condition = parse(
        "stage in (III, IV) and age >= 18 and (age < 80 or stage != II or 'III' == stage) and ecog is known"
    )
    assert condition.names == ("stage", "age", "ecog")
    assert condition.compared == {"stage": ("III", "IV", "II")}
    assert condition.ordered == ("age",)
    assert parse('x == 5 or x == "5" or x != none').compared == {"x": (5.0, "5", "none")}


@pytest.mark.parametrize(
    ("text", "values", "holds"),
    [
        ("endpoint == pfs and caliper <= 0.2", {"endpoint": "pfs", "caliper": 0.2}, True),
        ("endpoint == pfs and caliper <= 0.2", {"endpoint": "pfs", "caliper": "none"}, False),
        ("caliper == none", {"caliper": float("inf")}, True),
        ("caliper == none", {"caliper": "none"}, True),
        ("caliper > 1e9 and caliper <= none", {"caliper": "none"}, True),
        ("x == 5", {"x": "5"}, True),
        ("x == '5'", {"x": 5.0}, True),
        ("x in (4, '5.0')", {"x": 5}, True),
        ("x >= 5", {"x": "5.0"}, True),
        ("x == 0.3", {"x": 0.1 + 0.2}, True),
        ("x > 0.3", {"x": 0.1 + 0.2}, False),
        ("x == III", {"x": "iii"}, False),
        ("robust == true", {"robust": True}, True),
        ("robust == 1", {"robust": True}, False),
        ("x is missing", {"x": float("nan")}, True),
        ("x is known", {"x": "III"}, True),
        ("x != 3", {"x": float("nan")}, False),
    ],
)
def test_plain_values_meet_conditions(text, values, holds):
    assert parse(text).holds(values) is holds
    assert parse(f"not ({text})").holds(values) is (not holds and "nan" not in map(str, values.values()))


def test_plain_values_must_be_there_and_have_an_order_whatever_the_others_are():
    condition = parse("endpoint == os or caliper <= 0.2")
    with pytest.raises(KeyError, match="caliper"):
        condition.holds({"endpoint": "os"})
    with pytest.raises(ConditionError, match=r'^`caliper` is "wide", and < <= > >= need a number'):
        condition.holds({"endpoint": "os", "caliper": "wide"})


def test_limits_and_equal_numbers_have_the_tolerance_of_the_caller():
    total = float(np.cumsum(np.full(35, 1.8))[-1])
    dose = {"dose": numbers(total, 63.0, 63 + (63 - total), 63 + 1e-6, 63 - 1e-6, np.nan)}
    expected = {
        ">=": [1, 1, 1, 1, 0, -1],
        "<": [0, 0, 0, 0, 1, -1],
        "<=": [1, 1, 1, 0, 1, -1],
        ">": [0, 0, 0, 1, 0, -1],
        "==": [1, 1, 1, 0, 0, -1],
        "!=": [0, 0, 0, 1, 1, -1],
    }
    for relation, meets in expected.items():
        assert parse(f"dose {relation} 63").evaluate(dose, at_least).tolist() == meets, relation
    assert parse("dose >= 63").evaluate(dose).tolist() == [0, 1, 1, 1, 0, -1]
    assert parse("dose == 63").evaluate(dose).tolist() == [0, 1, 0, 0, 0, -1]


def test_infinite_limits_exclude_nobody():
    caliper = {"caliper": numbers(0.2, np.inf, np.nan)}
    assert parse("caliper <= none").evaluate(caliper, at_least).tolist() == [1, 1, -1]
    assert parse("caliper < none").evaluate(caliper, at_least).tolist() == [1, 0, -1]
    assert parse("caliper == none").evaluate(caliper, at_least).tolist() == [0, 1, -1]


def test_gaps_are_known_to_be_missing():
    columns = {"age": numbers(40.0, np.nan), "stage": texts("III", None)}
    for name in columns:
        assert parse(f"{name} is missing").evaluate(columns).tolist() == [0, 1]
        assert parse(f"{name} is known").evaluate(columns).tolist() == [1, 0]
    assert parse("stage not in (I, II)").evaluate(columns).tolist() == [1, -1]
    assert parse("age is missing or age >= 18").evaluate(columns).tolist() == [1, 1]


def test_equality_is_of_numbers_in_a_column_of_numbers_and_of_texts_in_one_of_texts():
    grade = {"grade": texts("1", "1.0", "none", "III", None)}
    assert parse("grade == 1").evaluate(grade).tolist() == [1, 0, 0, 0, -1]
    assert parse("grade == 1.0").evaluate(grade).tolist() == [1, 0, 0, 0, -1]
    assert parse("grade == -0").evaluate({"grade": texts("0", "-0")}).tolist() == [1, 0]
    assert parse("grade == '1.0'").evaluate(grade).tolist() == [0, 1, 0, 0, -1]
    assert parse("grade in (none, III)").evaluate(grade).tolist() == [0, 0, 1, 1, -1]
    assert parse("grade != III").evaluate({"grade": numbers(1.0, np.nan)}).tolist() == [1, -1]
    assert parse("grade == '1'").evaluate({"grade": numbers(1.0, np.nan)}).tolist() == [1, -1]


def test_a_column_of_numbers_and_texts_has_a_gap_where_it_has_no_text():
    both = Column(
        numbers=np.array([1.0, 2.0, np.nan, np.nan]), texts=np.array(["1.0", "2", "many", None], dtype=object)
    )
    assert parse("n == 1").evaluate({"n": both}).tolist() == [1, 0, 0, -1]
    assert parse("n == many").evaluate({"n": both}).tolist() == [0, 0, 1, -1]
    assert parse("n is missing").evaluate({"n": both}).tolist() == [0, 0, 0, 1]
    assert parse("n >= 2").evaluate({"n": both}).tolist() == [0, 1, -1, -1]


def test_columns_must_be_there_and_have_an_order():
    with pytest.raises(KeyError, match="site"):
        parse("age >= 18 or site == north").evaluate({"age": numbers(40.0)})
    with pytest.raises(ConditionError, match=r"^`site` is a text, and < <= > >= need a number"):
        parse("site >= 18").evaluate({"site": texts("north")})


def test_no_patients_are_no_rows():
    nobody = {"age": numbers(), "site": texts()}
    for text in ("age >= 18", "site == north and age == 3", "site is missing"):
        assert parse(text).evaluate(nobody).shape == (0,)


def test_a_condition_is_read_without_numpy():
    code = """
import sys
from survival_multiverse.settings.conditions import parse
assert parse("endpoint == pfs and caliper <= 0.2").holds({"endpoint": "pfs", "caliper": 0.1})
sys.exit("numpy" in sys.modules)
"""
    assert (
        subprocess.run([sys.executable, "-c", code], env={"PYTHONPATH": "scripts"}, check=False).returncode
        == 0
    )


JOIN = "does not continue the condition; write"
NEEDED = "stands where a name or value is needed; write one"
NAMELESS = "is no name; write one, in backquotes if it is more than a word"
ORDERED = "is a text where an order needs a number; write one, or use =="
CHAIN = "stands in no chain; write one as 18 <= age < 80, or write and"
DIGITS = "is no number of at most 15 digits; write one, or a text in quotes"
CLOSE = "has no meaning here; close it on its line, around printable characters"
LEAVE = "has no meaning here; leave it out"
NESTED = "lies in 20 others, the most there may be; write fewer"
LONG = "characters where 1,000 are the most; shorten it"
FAULTS = [
    ("", "the condition is empty; write a comparison such as age >= 18"),
    (" \n ", "the condition is empty; write a comparison such as age >= 18"),
    ("age = 5", "`=` at character 5 is no operator; write =="),
    ("age => 5", "`=>` at character 5 is no operator; write >="),
    ("age ≥ 5", "`≥` at character 5 is no operator; write >="),
    ("a == 1 & b == 2", "`&` at character 8 is no operator; write and"),
    ("a === 1", "`===` at character 3 is no operator; write one of == != < <= > >="),
    ("(a == 1", "`(` at character 1 is not closed before the end; write ), `and` or `or` there"),
    ("(a == 1 b", "`(` at character 1 is not closed before `b` at character 9; write ), `and` or `or` there"),
    ("a == 1)", f"`)` at character 7 {JOIN} `and` or `or` before it, or leave it out"),
    ("a == 1 x", f"`x` at character 8 {JOIN} `and` or `or` before it, or leave it out"),
    ("a == 1 AND b == 2", f"`AND` at character 8 {JOIN} and"),
    ("a == 1 and", f"the end {NEEDED}"),
    ("not not a == 1", f"`not` at character 5 {NEEDED}, in quotes if it is this word"),
    ("a == missing", f"`missing` at character 6 {NEEDED}, in quotes if it is this word"),
    ("a == `b`", "`b` at character 6 is a name where a value is needed; compare one name with values"),
    ("5 == 6", f"`6` at character 6 {NAMELESS}"),
    ("'x' == 'y'", f"`'y'` at character 8 {NAMELESS}"),
    ("a.b.c == 1", f"`a.b.c` at character 1 {NAMELESS}"),
    ("none is missing", f"`none` at character 1 {NAMELESS}"),
    ("a < b", f"`b` at character 5 {ORDERED}"),
    ("a < '5'", f"`'5'` at character 5 {ORDERED}"),
    ("18 <= age > 3", f"`age` at character 7 {CHAIN}"),
    ("18 == age == 3", f"`age` at character 7 {CHAIN}"),
    ("age < 80 < 90", f"`80` at character 7 {CHAIN}"),
    ("a <= b <= 3", f"`b` at character 6 {CHAIN}"),
    ("1 < a < 2 < 3", f"`<` at character 11 {JOIN} `and` or `or` before it, or leave it out"),
    ("a in ()", f"`)` at character 7 {NEEDED}"),
    ("a in (1 2)", "`2` at character 9 does not continue the list; write , or ) before it"),
    ("a == 'x", f"`'` at character 6 {CLOSE}"),
    ("`a == 1", f"` at character 1 {CLOSE}"),
    ('a == ""', f'`"` at character 6 {CLOSE}'),
    ('a == "x\x07"', f'`"` at character 6 {CLOSE}'),
    ("a\x00 == 1", f"`U+0000` at character 2 {LEAVE}"),
    ("a\u00a0== 1", f"`U+00A0` at character 2 {LEAVE}"),
    ("a == 1; b == 2", f"`;` at character 7 {LEAVE}, or put a text in quotes"),
    ("lambda x: 1", f"`:` at character 9 {LEAVE}, or put a text in quotes"),
    ("a[0] == 1", f"`[` at character 2 {LEAVE}, or put a text in quotes"),
    ("a == 1e999", f"`1e999` at character 6 {DIGITS}"),
    ("a == " + "1234567890" * 4, f"`123456789012345678901234567...` at character 6 {DIGITS}"),
    ("(" * 21 + "a == 1" + ")" * 21, f"`(` at character 21 {NESTED}"),
    ("not (" * 190, f"`(` at character 105 {NESTED}"),
    ("x" * 10_000, f"the condition has 10,000 {LONG}"),
    ("1<=a<2 or " * 80 + "a==1", f"the condition, written with spaces and without chains, has 1,606 {LONG}"),
]


@pytest.mark.parametrize(("text", "message"), FAULTS, ids=[repr(text[:20]) for text, _ in FAULTS])
def test_what_is_no_condition_gets_one_message(text, message):
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert str(caught.value) == message
    assert issubclass(ConditionError, ValueError)


FORMS = "== != < <= > >=, in (...), not in (...), is missing or is known"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("age", "`age` at character 1 comes before the end"),
        ("a.b.c", "`a.b.c` at character 1 comes before the end"),
        ("__import__('os')", "`__import__` at character 1 comes before `(` at character 11"),
        ("f(a) == 1", "`f` at character 1 comes before `(` at character 2"),
        ("a is elsewhere", "`a` at character 1 comes before `is` at character 3"),
        ("a in 5", "`a` at character 1 comes before `in` at character 3"),
        ("NOT a == 1", "`NOT` at character 1 comes before `a` at character 5"),
    ],
)
def test_a_name_alone_gets_the_forms_of_a_comparison(text, where):
    with pytest.raises(ConditionError) as caught:
        parse(text)
    assert str(caught.value) == f"{where}; write after it one of {FORMS}"


def test_as_many_brackets_and_characters_as_there_may_be_are_read():
    assert str(parse("(" * 20 + "a == 1" + ")" * 20)) == "a == 1"
    assert str(parse("not (" * 20 + "a == 1" + ")" * 20)) == "a == 1"
    assert parse(f"a == {'x' * 995}").compared == {"a": ("x" * 995,)}
    assert len(parse(" or ".join(["a == 1"] * 100)).tree.parts) == 100


PIECES = st.sampled_from(
    [
        "a",
        "`b c`",
        "5",
        "-1e3",
        "III",
        "'x'",
        "none",
        "and",
        "or",
        "not",
        "in",
        "is",
        "missing",
        "known",
        "==",
        "<",
        ">=",
        "=",
        "(",
        ")",
        ",",
        "\x00",
        "`",
        "'",
    ]
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.text(max_size=40) | st.lists(PIECES, max_size=12).map(" ".join))
def test_any_text_is_a_condition_or_gets_one_line(text):
    fault = None
    try:
        condition = parse(text)
    except ConditionError as error:
        fault = str(error)
    if fault is None:
        assert parse(str(condition)) == condition
    else:
        assert fault.isprintable()
        assert "; " in fault
