"""Kaplan-Meier, quantiles, S(t) and restricted means against R (reference/curves.R) and lifelines."""

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from lifelines import KaplanMeierFitter
from lifelines.datasets import load_gbsg2

from survival_multiverse.estimators import curves
from survival_multiverse.settings.schema import Status

REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "curves.json").read_text())
CONF_TYPES = ("log-log", "log", "plain")
RTOL = 1e-9


def numbers(values) -> np.ndarray:
    return np.array([np.nan if value is None else value for value in values], float)


def same(actual, expected) -> None:
    np.testing.assert_allclose(actual, numbers(expected), rtol=RTOL, atol=1e-13)


def cohort(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Time and event of "<set> all" or "<set> <arm>" as in curves.R."""
    data, arm = name.split()
    if data == "gbsg2":
        frame = load_gbsg2()
        columns = frame["time"], frame["cens"], frame["horTh"] == "yes"
    else:
        columns = (R["data"][data][key] for key in ("time", "event", "arm"))
    time, event, arms = (np.array(column) for column in columns)
    kept = np.ones(time.size, bool) if arm == "all" else arms == int(arm)
    return time[kept].astype(float), event[kept].astype(np.int64)


def assert_quantiles(km, expected) -> None:
    found = [curves.quantile(km, p) for p in (0.25, 0.5, 0.75)]
    for key, name in (("quantile", "estimate"), ("lower", "lower"), ("upper", "upper")):
        same([getattr(one, name) for one in found], expected[key])
    for one in found:
        assert one.status is (Status.NOT_REACHED if math.isnan(one.estimate) else Status.OK)


@pytest.mark.parametrize("conf_type", CONF_TYPES)
def test_every_step_of_the_veteran_curve_is_that_of_r(conf_type):
    km, expected = curves.kaplan_meier(*cohort("veteran all"), conf_type=conf_type), R["veteran_curve"]
    for name, key in (
        ("time", "time"),
        ("n_risk", "n.risk"),
        ("n_event", "n.event"),
        ("n_censor", "n.censor"),
        ("survival", "surv"),
    ):
        same(getattr(km, name), expected[key])
    # R's standard error at S = 0 is Inf, which the JSON holds as null.
    same(np.where(np.isinf(km.std_error), np.nan, km.std_error), expected["std.err"])
    assert np.isinf(km.std_error[-1])
    same(km.ci_lower, expected["limits"][conf_type]["lower"])
    same(km.ci_upper, expected["limits"][conf_type]["upper"])
    assert (km.n, km.events) == (137, 128)


@pytest.mark.parametrize("conf_type", CONF_TYPES)
@pytest.mark.parametrize("name", R["cohorts"])
def test_survival_and_quantiles_are_those_of_r(name, conf_type):
    km, expected = curves.kaplan_meier(*cohort(name), conf_type=conf_type), R["cohorts"][name]
    read = curves.survival_at(km, expected["at"])
    same(read.estimate, expected["surv"])
    same(read.std_error, expected["std.err"])
    same(read.n_risk, expected["n.risk"])
    same(read.ci_lower, expected["by_type"][conf_type]["lower"])
    same(read.ci_upper, expected["by_type"][conf_type]["upper"])
    assert set(read.status) == {Status.OK}
    assert_quantiles(km, expected["by_type"][conf_type]["quantiles"])


@pytest.mark.parametrize("name", R["cohorts"])
def test_reverse_curve_and_99_percent_limits_are_those_of_r(name):
    time, event = cohort(name)
    assert_quantiles(curves.kaplan_meier(time, event, level=0.99), R["cohorts"][name]["level99"])
    assert_quantiles(curves.kaplan_meier(time, 1 - event), R["cohorts"][name]["reverse"])


@pytest.mark.parametrize("name", R["cohorts"])
def test_restricted_means_are_those_of_r(name):
    expected = R["cohorts"][name]
    km = curves.kaplan_meier(*cohort(name))
    for tau, mean, se in zip(expected["taus"], expected["rmean"], expected["rmean.se"], strict=True):
        found = curves.restricted_mean(km, tau)
        assert found.status is Status.OK
        same([found.estimate, found.std_error], [mean, se])


@pytest.mark.parametrize("name", R["differences"])
def test_differences_between_arms_are_those_of_r(name):
    expected = R["differences"][name]
    a, b = (curves.kaplan_meier(*cohort(f"{name} {arm}")) for arm in (1, 0))
    survival = curves.survival_difference(a, b, expected["at"])
    mean = curves.restricted_mean_difference(a, b, expected["tau"][0])
    assert survival.status == (Status.OK, Status.OK)
    assert mean.status is Status.OK
    for field, key in (
        ("estimate", "estimate"),
        ("std_error", "se"),
        ("ci_lower", "lower"),
        ("ci_upper", "upper"),
        ("p_value", "p"),
    ):
        same(getattr(survival, field), expected["survival"][key])
        same([getattr(mean, field)], expected["mean"][key])


@pytest.mark.parametrize("arm", [0, 1])
def test_times_that_miss_their_decimal_are_read_as_r_reads_the_decimals(arm):
    columns = (np.array(R["rounding"][key]) for key in ("time", "event", "arm"))
    time, event, arms = columns
    below, above = ((np.abs(time - t) < 1e-9) & (time != t) for t in (12.0, 24.0))
    assert below.any()
    assert above.any()
    expected = R["rounded"][arm]
    fixed = curves.timefix(time)
    for fixing in (lambda values: values, curves.timefix):
        km = curves.kaplan_meier(fixing(time)[arms == arm], event[arms == arm].astype(np.int64))
        read = curves.survival_at(km, [12, 24])
        assert read.status == (Status.OK, Status.OK)
        same(read.n_risk, expected["n.risk"])
        same(read.estimate, expected["surv"])
        same(read.std_error, expected["std.err"])
        mean = curves.restricted_mean(km, 24)
        assert mean.status is Status.OK
        same([mean.estimate, mean.std_error], expected["mean"])
    assert fixed.max() < 24


def test_follow_up_short_by_more_than_rounding_does_not_reach_the_limit():
    km = curves.kaplan_meier([5.0, 24 - 1e-6], [1, 0])
    assert curves.survival_at(km, [24]).status == (Status.BEYOND_FOLLOW_UP,)
    assert curves.restricted_mean(km, 24).status is Status.BEYOND_FOLLOW_UP
    assert curves.survival_at(curves.kaplan_meier([24 + 1e-6], [1]), [24]).estimate[0] == 1


def test_veteran_golden_values():
    """R 4.2.2, survival 3.5-3: median CI of each type, RMST at 180 days by arm."""
    for conf_type, upper in (("log", 105), ("log-log", 100), ("plain", 103)):
        median = curves.quantile(curves.kaplan_meier(*cohort("veteran all"), conf_type=conf_type))
        assert (median.estimate, median.lower, median.upper) == (80, 52, upper)
    means = [curves.restricted_mean(curves.kaplan_meier(*cohort(f"veteran {arm}")), 180) for arm in (0, 1)]
    assert [m.estimate for m in means] == pytest.approx([95.3744657, 81.6143214], rel=1e-8)
    assert [m.std_error for m in means] == pytest.approx([7.94799373, 7.91539747], rel=1e-8)


@pytest.mark.parametrize("case", R["tiny"])
@pytest.mark.parametrize("conf_type", CONF_TYPES)
def test_tiny_cohorts_have_r_limits_and_quantiles(case, conf_type):
    """Covers S = 0, S = 1, flat steps and limits that turn back."""
    km = curves.kaplan_meier(case["time"], case["event"], conf_type=conf_type)
    expected = case["by_type"][conf_type]
    same(km.ci_lower, expected["lower"])
    same(km.ci_upper, expected["upper"])
    assert_quantiles(km, expected["quantiles"])


@pytest.mark.parametrize("case", R["timefix"])
def test_timefix_is_r_aeqsurv(case):
    fixed = curves.timefix(np.array(case["time"], float))
    assert fixed.tolist() == case["fixed"]


def test_timefix_refuses_missing_times_and_accepts_none():
    with pytest.raises(ValueError, match="finite"):
        curves.timefix([1.0, np.nan])
    assert curves.timefix(np.empty(0)).size == 0


def test_limits_can_be_left_out():
    whole, bare = (curves.kaplan_meier([1.0, 2.0, 3.0], [1, 0, 1], conf_type=kind) for kind in ("log", None))
    assert np.isnan([bare.ci_lower, bare.ci_upper]).all()
    np.testing.assert_array_equal(bare.survival, whole.survival)
    np.testing.assert_array_equal(bare.std_error, whole.std_error)


def test_flat_step_at_the_level():
    """R: S = .75, .5, .5, .5 gives (2 + 4) / 2; four deaths give the midpoint of the step."""
    assert curves.quantile(curves.kaplan_meier([1, 2, 3, 4], [1, 1, 0, 0])).estimate == 3
    assert curves.quantile(curves.kaplan_meier([2, 4, 6, 8], [1, 1, 1, 1])).estimate == 5


def test_a_limit_that_turns_back_is_read_as_in_r():
    """R: quantile(survfit(Surv(1:11, d) ~ 1, conf.type = "log"), .25); the upper limit first passes at 8."""
    km = curves.kaplan_meier(np.arange(1, 12), [1] * 8 + [0, 1, 1], conf_type="log")
    assert km.time[km.ci_upper <= 0.75][0] == 8
    found = curves.quantile(km, 0.25)
    assert (found.estimate, found.lower, found.upper) == (3, 2, 10)


def test_flat_step_survives_rounding():
    """S is 1/2, in floating point 1/2 + 1 ulp: still flat at the level until the last follow-up (R: NA)."""
    time = np.arange(1.0, 39.0)
    event = np.array([1] * 19 + [0] * 19)
    km = curves.kaplan_meier(time, event)
    assert km.survival[-1] > 0.5
    assert curves.quantile(km).estimate == (19 + 38) / 2


def test_reading_past_the_last_follow_up():
    dead = curves.survival_at(curves.kaplan_meier([1, 2, 3], [1, 0, 1]), [0, 2, 2.5, 3, 4])
    assert dead.status == (Status.OK,) * 5
    np.testing.assert_allclose(dead.estimate, [1, 2 / 3, 2 / 3, 0, 0])
    np.testing.assert_array_equal(dead.n_risk, [3, 2, 1, 1, 0])
    assert np.isnan([dead.std_error[3:], dead.ci_lower[3:], dead.ci_upper[3:]]).all()
    # A death tied with a censoring at the end leaves S > 0: what follows is unknown.
    for event in ([1, 1, 0], [1, 0, 0]):
        alive = curves.survival_at(curves.kaplan_meier([1, 3, 3], event), [3, 3.5])
        assert alive.status == (Status.OK, Status.BEYOND_FOLLOW_UP)
        assert np.isnan([alive.estimate[1], alive.std_error[1], alive.ci_lower[1]]).all()
        assert alive.n_risk[1] == 0


def test_restricted_mean_past_the_last_observation():
    beyond = curves.restricted_mean(curves.kaplan_meier([1, 2, 3], [1, 1, 0]), 3.5)
    assert beyond.status is Status.BEYOND_FOLLOW_UP
    assert math.isnan(beyond.estimate)
    assert math.isnan(beyond.std_error)
    assert curves.restricted_mean(curves.kaplan_meier([1, 2, 3], [1, 1, 0]), 3).status is Status.OK
    # Everybody dead: the curve is known to be 0. Area 1 + 2/3 + 1/3; var (1)^2/6 + (1/3)^2/2 = 2/9.
    dead = curves.restricted_mean(curves.kaplan_meier([1, 2, 3], [1, 1, 1]), 10)
    assert (dead.estimate, dead.std_error) == pytest.approx((2, math.sqrt(2 / 9)))
    early = curves.restricted_mean(curves.kaplan_meier([5, 6], [1, 1]), 4)
    assert (early.estimate, early.std_error, early.status) == (4, 0, Status.OK)


def test_statuses_of_differences():
    some = curves.kaplan_meier([1, 2, 3, 9], [1, 0, 1, 0])
    dead = curves.kaplan_meier([1, 2], [1, 1])
    short = curves.kaplan_meier([1, 2], [1, 0])
    found = curves.survival_difference(some, dead, [0.5, 1, 5])
    assert found.status == (Status.TOO_FEW_EVENTS, Status.OK, Status.NOT_APPLICABLE)
    np.testing.assert_allclose(found.estimate, [0, 0.25, 0.375])
    assert np.isnan(found.p_value[[0, 2]]).all()
    assert curves.survival_difference(some, short, 5).status == (Status.BEYOND_FOLLOW_UP,)
    assert curves.restricted_mean_difference(some, short, 5).status is Status.BEYOND_FOLLOW_UP
    assert curves.restricted_mean_difference(some, dead, 0.5).status is Status.TOO_FEW_EVENTS


def test_empty_arm_has_a_status_everywhere():
    empty, some = curves.kaplan_meier([], []), curves.kaplan_meier([1, 2], [1, 0])
    assert (empty.n, empty.events, empty.time.size) == (0, 0, 0)
    assert curves.quantile(empty).status is Status.EMPTY_ARM
    assert curves.survival_at(empty, [1, 2]).status == (Status.EMPTY_ARM, Status.EMPTY_ARM)
    assert curves.survival_difference(some, empty, 1).status == (Status.EMPTY_ARM,)
    assert curves.restricted_mean(empty, 3).status is Status.EMPTY_ARM
    assert curves.restricted_mean_difference(empty, some, 1).status is Status.EMPTY_ARM


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: curves.kaplan_meier([1, 2], [1]), "2 rows"),
        (lambda: curves.kaplan_meier([1, np.nan], [1, 0]), "finite"),
        (lambda: curves.kaplan_meier([1, 2], [1, 2]), "0 or 1"),
        (lambda: curves.kaplan_meier([[1.0]], [1]), "one-dimensional"),
        (lambda: curves.kaplan_meier([1], [1], conf_type="logit"), "conf_type"),
        (lambda: curves.kaplan_meier([1], [1], level=1.0), "level"),
        (lambda: curves.quantile(curves.kaplan_meier([1], [1]), 1.0), "probability"),
        (lambda: curves.restricted_mean(curves.kaplan_meier([1], [1]), 0), "tau"),
    ],
)
def test_programming_errors_are_value_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_times_that_cannot_be_read_are_not_applicable():
    read = curves.survival_at(curves.kaplan_meier([1, 2], [1, 0]), [-1, np.nan])
    assert read.status == (Status.NOT_APPLICABLE,) * 2
    assert np.isnan(read.estimate).all()


def test_read_only_columns_are_accepted():
    time, event = cohort("veteran all")
    time.flags.writeable = event.flags.writeable = False
    assert curves.quantile(curves.kaplan_meier(time, event)).estimate == 80


@pytest.mark.parametrize("name", ["veteran all", "lung all", "gbsg2 all"])
def test_lifelines_has_the_same_log_log_limits(name):
    time, event = cohort(name)
    km = curves.kaplan_meier(time, event)
    limits = KaplanMeierFitter().fit(time, event).confidence_interval_.loc[km.time].to_numpy()
    inside = (km.survival > 0) & (km.survival < 1)
    np.testing.assert_allclose(limits[inside, 0], km.ci_lower[inside], rtol=1e-8)
    np.testing.assert_allclose(limits[inside, 1], km.ci_upper[inside], rtol=1e-8)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript is not installed")
def test_committed_reference_is_what_r_prints(tmp_path):
    table = tmp_path / "gbsg2.csv"
    load_gbsg2().to_csv(table, index=False)
    command = ["Rscript", "curves.R", str(table)]
    run = subprocess.run(command, cwd=REFERENCE, capture_output=True, text=True, check=True)
    assert flattened(json.loads(run.stdout)) == pytest.approx(flattened(R), rel=1e-12, abs=1e-14, nan_ok=True)


def flattened(tree, path: str = "") -> dict[str, float]:
    """Leaves of nested JSON by path."""
    if isinstance(tree, dict | list):
        items = tree.items() if isinstance(tree, dict) else enumerate(tree)
        return {key: leaf for name, sub in items for key, leaf in flattened(sub, f"{path}/{name}").items()}
    return {path: math.nan if tree is None else tree}
