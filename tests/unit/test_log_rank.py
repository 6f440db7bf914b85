"""Log-rank test against R (reference/log_rank.R), lifelines and its own properties."""

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines.datasets import load_gbsg2
from lifelines.statistics import multivariate_logrank_test
from scipy.special import chdtrc

from survival_multiverse.estimators.log_rank import arm_log_rank, log_rank, log_rank_many
from survival_multiverse.kernels.log_rank import chi2_tail
from survival_multiverse.settings.schema import Status

REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "log_rank.json").read_text())
RTOL = 1e-9
STRATUM_OF = {
    "two": None,
    "many": None,
    "stratified": "stratum",
    "pairs": "pair",
    "many_stratified": "stratum",
}


def cohort(name: str) -> dict[str, np.ndarray]:
    """Columns time, event, two, many, stratum, pair as in log_rank.R."""
    if name != "gbsg2":
        return {key: np.array(values) for key, values in R["data"][name].items()}
    frame = load_gbsg2()
    return {
        "time": frame["time"].to_numpy(float),
        "event": frame["cens"].to_numpy(),
        "two": (frame["horTh"] == "yes").to_numpy(np.int64),
        "many": frame["tgrade"].map({"I": 0, "II": 1, "III": 2}).to_numpy(),
        "stratum": (frame["menostat"] == "Post").to_numpy(np.int64),
        "pair": np.arange(len(frame)) // 2,
    }


def assert_is(found, expected) -> None:
    assert found.status is Status.OK
    assert [found.df] == expected["df"]
    np.testing.assert_allclose(
        [found.chi2, found.p_value], expected["chisq"] + expected["p"], rtol=RTOL, atol=1e-20
    )
    np.testing.assert_allclose(found.observed, expected["obs"], rtol=RTOL)
    np.testing.assert_allclose(found.expected, expected["exp"], rtol=RTOL)
    np.testing.assert_array_equal(found.n, expected["n"])


@pytest.mark.parametrize("test", STRATUM_OF)
@pytest.mark.parametrize("name", R["tests"])
def test_log_rank_is_r_survdiff(name, test):
    data = cohort(name)
    group = data["many" if test.startswith("many") else "two"]
    stratum = data[STRATUM_OF[test]] if STRATUM_OF[test] else None
    assert_is(log_rank(data["time"], data["event"], group, stratum=stratum), R["tests"][name][test])


@pytest.mark.parametrize("kind", ["plain", "stratified"])
@pytest.mark.parametrize("case", R["tiny"])
def test_tiny_cohorts_are_r_survdiff_or_have_a_status(case, kind):
    """Ties, absent levels, groups never at risk. NaN where R stops (singular variance) or df is 0."""
    stratum = case["stratum"] if kind == "stratified" else None
    found = log_rank(case["time"], case["event"], case["group"], stratum=stratum)
    if case[kind] and case[kind]["df"][0] > 0:
        assert_is(found, case[kind])
    else:
        assert found.status in (Status.TOO_FEW_EVENTS, Status.CONSTANT)
        assert math.isnan(found.chi2)
        assert math.isnan(found.p_value)


def test_veteran_golden_values():
    """R 4.2.2, survival 3.5-3."""
    data = cohort("veteran")
    time, event, arm = data["time"], data["event"], data["two"]
    assert log_rank(time, event, arm).chi2 == pytest.approx(0.0082273432, abs=5e-11)
    assert log_rank(time, event, arm, stratum=data["stratum"]).chi2 == pytest.approx(0.00386284006, abs=5e-12)
    assert log_rank(time, event, arm, stratum=data["pair"]).chi2 == pytest.approx(1, rel=1e-12)
    after = time > 30
    landmark = log_rank(time[after] - 30, event[after], arm[after])
    assert landmark.chi2 == pytest.approx(0.0639484564, abs=5e-11)


def test_pairs_of_two_are_mcnemar():
    """In pairs only who died first counts: (10 - 4)^2 / (10 + 4), ties and singletons adding nothing."""
    time = [1.0, 2.0] * 14 + [5.0, 5.0, 7.0]
    event = [1, 0] * 14 + [1, 1, 1]
    group = [0, 1] * 10 + [1, 0] * 4 + [0, 1, 1]
    pair = [*np.repeat(np.arange(15), 2).tolist(), 99]
    found = log_rank(time, event, group, stratum=pair)
    assert found.chi2 == pytest.approx(36 / 14, rel=1e-12)
    assert found.observed.sum() == found.expected.sum() == 17


def test_absent_levels_are_dropped():
    data = cohort("veteran")
    spread = log_rank(data["time"], data["event"], 3 * data["many"] + 2)
    dense = log_rank(data["time"], data["event"], data["many"])
    assert (spread.chi2, spread.df) == (dense.chi2, 3)
    assert spread.levels.tolist() == [2, 5, 8, 11]


@pytest.mark.parametrize(
    ("time", "event", "group", "status", "df"),
    [
        ([], [], [], Status.CONSTANT, 0),
        ([1, 2], [1, 1], [1, 1], Status.CONSTANT, 0),
        ([1, 2], [0, 0], [0, 1], Status.TOO_FEW_EVENTS, 0),
        ([1, 2, 3], [0, 1, 1], [0, 1, 1], Status.TOO_FEW_EVENTS, 0),
        ([3, 3, 3], [1, 1, 1], [0, 1, 1], Status.TOO_FEW_EVENTS, 1),
    ],
)
def test_what_cannot_be_tested_has_a_status(time, event, group, status, df):
    found = log_rank(time, event, group)
    assert (found.status, found.df) == (status, df)
    assert math.isnan(found.chi2)
    assert math.isnan(found.p_value)


def test_groups_that_never_meet_are_singular():
    """Two separate strata, each with its own two groups: rank 2, not 3, whatever rounding leaves."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        time, stratum = rng.integers(1, 9, 30), rng.integers(0, 2, 30)
        group = 2 * stratum + rng.integers(0, 2, 30)
        found = log_rank(time, np.ones(30), group, stratum=stratum)
        assert (found.status, found.df) == (Status.TOO_FEW_EVENTS, 3)


def test_bulk_equals_one_by_one():
    data = cohort("lung")
    rng = np.random.default_rng(5)
    noise = rng.integers(-1, 4, data["time"].size)
    groups = np.stack([data["two"], data["many"], noise, np.zeros_like(noise), np.full_like(noise, -1)])
    chi2, df, p_value = log_rank_many(data["time"], data["event"], groups)
    assert df.tolist() == [1, 3, 3, 0, 0]
    assert np.isnan([chi2[3:], p_value[3:]]).all()
    assert chi2[1] == pytest.approx(R["tests"]["lung"]["many"]["chisq"][0], rel=RTOL)
    for f in range(3):
        kept = groups[f] >= 0
        one = log_rank(data["time"][kept], data["event"][kept], groups[f][kept])
        assert (chi2[f], df[f], p_value[f]) == (one.chi2, one.df, one.p_value)
    # One patient missing in one factor stays in the others.
    assert log_rank(data["time"], data["event"], groups[2]).n.sum() == (groups[2] >= 0).sum()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: log_rank([1, 2], [1, 1], [0]), "rows differ"),
        (lambda: log_rank([1, 2], [1, 1], [0, 1], stratum=[1]), "rows differ"),
        (lambda: log_rank([1, 2], [1, 1], [0, 1], stratum=[]), "rows differ"),
        (lambda: log_rank([1, np.nan], [1, 1], [0, 1]), "finite"),
        (lambda: log_rank([1, 2], [1, 3], [0, 1]), "0 or 1"),
        (lambda: log_rank_many([1, 2], [1, 1], [0, 1]), "shape"),
        (lambda: log_rank_many([1, 2], [1], [[0, 1]]), "2 rows"),
    ],
)
def test_programming_errors_are_value_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_tail_of_the_chi_square_is_scipys():
    for df in range(1, 30):
        for chi2 in (0.0, 1e-6, 0.3, 1.0, 3.84, 20.0, 150.0, 900.0):
            assert chi2_tail(chi2, df) == pytest.approx(chdtrc(df, chi2), rel=1e-11)
    assert math.isnan(chi2_tail(1.0, 0))


cohorts = st.integers(1, 12).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(1, 8).map(float), min_size=n, max_size=n).map(np.array),
        st.lists(st.integers(0, 1), min_size=n, max_size=n).map(np.array),
        st.lists(st.integers(0, 3), min_size=n, max_size=n).map(np.array),
        st.lists(st.sampled_from([-7, 0, 40]), min_size=n, max_size=n).map(np.array),
    )
)


@settings(deadline=None, max_examples=200)
@given(cohorts, st.randoms(use_true_random=False), st.booleans())
def test_row_order_never_changes_a_byte(data, random, stratified):
    order = np.array(random.sample(range(data[0].size), data[0].size))
    found = []
    for time, event, group, stratum in (data, tuple(column[order] for column in data)):
        one = log_rank(time, event, group, stratum=stratum if stratified else None)
        found.append(
            (one.expected.tobytes(), one.observed.tobytes(), np.float64(one.chi2).tobytes(), one.status)
        )
    assert found[0] == found[1]


@settings(deadline=None, max_examples=200)
@given(cohorts, st.permutations(range(4)), st.booleans())
def test_names_of_groups_and_strata_and_units_of_time_are_immaterial(data, names, stratified):
    time, event, group, stratum = data
    one = log_rank(time, event, group, stratum=stratum if stratified else None)
    other = log_rank(30.4 * time, event, np.array(names)[group], stratum=5 - stratum if stratified else None)
    assert (other.df, other.status) == (one.df, one.status)
    np.testing.assert_allclose([other.chi2, other.p_value], [one.chi2, one.p_value], rtol=1e-9, atol=1e-12)


@settings(deadline=None, max_examples=100)
@given(cohorts)
def test_duplicated_patients_double_observed_and_expected(data):
    time, event, group, stratum = (np.tile(column, 2) for column in data)
    one, twice = log_rank(*data[:3], stratum=data[3]), log_rank(time, event, group, stratum=stratum)
    np.testing.assert_array_equal(twice.observed, 2 * one.observed)
    np.testing.assert_allclose(twice.expected, 2 * one.expected, rtol=1e-12)
    np.testing.assert_array_equal(twice.n, 2 * one.n)


@st.composite
def paired(draw):
    """Rows in ascending time, at most two of a pair; partners may be of one arm."""
    n = draw(st.integers(1, 14))
    time, event, arm = (
        np.array(draw(st.lists(st.integers(*bounds), min_size=n, max_size=n)))
        for bounds in ((1, 6), (0, 1), (0, 1))
    )
    time = np.sort(time).astype(float)
    pair = np.array(draw(st.permutations(range(n)))) // 2
    return time, event, arm, pair


@settings(deadline=None, max_examples=500)
@given(paired())
def test_the_arms_test_is_the_general_one(data):
    time, event, arm, pair = data
    for strata in (None, pair):
        expected = log_rank(time, event, arm, stratum=strata)
        chi2, df, p_value, status = arm_log_rank(time, event, arm, pair=strata)
        assert (df, status) == (expected.df, expected.status)
        np.testing.assert_allclose([chi2, p_value], [expected.chi2, expected.p_value], rtol=1e-12)


@settings(deadline=None, max_examples=200)
@given(cohorts)
def test_any_tiny_cohort_has_a_number_or_a_status(data):
    time, event, group, stratum = data
    for strata in (None, stratum):
        found = log_rank(time, event, group, stratum=strata)
        assert found.observed.sum() == event.sum()
        assert found.expected.sum() == pytest.approx(event.sum(), abs=1e-9)
        assert found.status in (Status.OK, Status.CONSTANT, Status.TOO_FEW_EVENTS)
        assert (found.status is Status.OK) == (found.chi2 >= 0 and 0 <= found.p_value <= 1)


@pytest.mark.parametrize("name", R["tests"])
@pytest.mark.parametrize("group", ["two", "many"])
def test_lifelines_has_the_same_test(name, group):
    data = cohort(name)
    kept = data[group] >= 0
    time, event, codes = data["time"][kept], data["event"][kept], data[group][kept]
    reference = multivariate_logrank_test(time, codes, event)
    found = log_rank(time, event, codes)
    assert found.chi2 == pytest.approx(reference.test_statistic, rel=1e-8)
    assert found.p_value == pytest.approx(reference.p_value, rel=1e-8)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript is not installed")
def test_committed_reference_is_what_r_prints(tmp_path):
    table = tmp_path / "gbsg2.csv"
    load_gbsg2().to_csv(table, index=False)
    command = ["Rscript", "log_rank.R", str(table)]
    run = subprocess.run(command, cwd=REFERENCE, capture_output=True, text=True, check=True)
    assert flattened(json.loads(run.stdout)) == pytest.approx(flattened(R), rel=1e-12, abs=1e-14, nan_ok=True)


def flattened(tree, path: str = "") -> dict[str, float]:
    """Leaves of nested JSON by path."""
    if isinstance(tree, dict | list):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {key: leaf for name, sub in items for key, leaf in flattened(sub, f"{path}/{name}").items()}
    return {path: math.nan if tree is None else tree}


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("died", [0, 1])
def test_a_stratum_of_one_is_expected_to_die_when_he_does(first, died):
    """A walk that leaves a stratum out, or into the next one, moves these sums."""
    time, event = np.array([1.0, 2, 2, 3, 4]), np.array([1, 1, 0, 1, 1])
    group, stratum = np.array([0, 1, 0, 1, 0]), np.ones(5, dtype=np.int64)
    alone = log_rank(time, event, group)
    place = 0 if first else 5
    found = log_rank(
        np.insert(time, place, 2.5),
        np.insert(event, place, died),
        np.insert(group, place, 1),
        stratum=np.insert(stratum, place, 0 if first else 2),
    )
    assert found.chi2 == pytest.approx(alone.chi2, rel=1e-12)
    np.testing.assert_allclose(found.observed, np.add(alone.observed, [0, died]))
    np.testing.assert_allclose(found.expected, np.add(alone.expected, [0, died]))
    # Deaths of group 1 expected at 1, 2, 3 and 4, by hand.
    assert alone.expected[1] == pytest.approx(2 / 5 + 2 / 4 + 1 / 2 + 0)
