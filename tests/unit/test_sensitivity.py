"""E-values and Rosenbaum bounds against published values, R, enumeration, and a plain search."""

import json
import math
import shutil
import subprocess
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohorts import small_patients, small_study
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom

from survival_multiverse.cohort.sample import encode_cohort, whole_sample
from survival_multiverse.scenario.sensitivity import (
    e_value,
    e_value_of_limit,
    prentice_wilcoxon_bound,
    prentice_wilcoxon_scores,
    risk_ratio,
    sign_bound,
)
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.values import Cutoffs

ALPHA = 0.05
RATIOS = st.floats(0.01, 100.0)
REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "rosenbaum.json").read_text())


def paired(members):
    """Sample of pairs given as (time and event of the low-dose member, those of the high-dose one)."""
    rows = [(*member, arm, pair) for pair, both in enumerate(members) for arm, member in enumerate(both)]
    return unpaired(rows)


def unpaired(rows):
    """Sample of rows (time, event, arm, pair)."""
    time, event, arm, pair = (np.array(column) for column in zip(*rows, strict=True))
    patients = small_patients(len(rows))
    patients["time"], patients["event"], patients["dose"] = time, event, np.where(arm == 1, 70.0, 50.0)
    cohort = encode_cohort(patients, small_study())
    sample = whole_sample(cohort, Cutoffs(lesions=5, dose=60, gtv=100))
    rank = {patient: number for number, patient in enumerate(patients.patient_id)}
    return sample.take(
        np.ones(len(rows), bool), pair=pair[[rank[patient] for patient in cohort.ids]].astype(np.int64)
    )


LOW_FIRST = ((5.0, 1), (9.0, 1))
HIGH_FIRST = ((9.0, 1), (5.0, 1))


@pytest.mark.parametrize(
    ("ratio", "lower", "upper", "point", "limit"),
    [
        (1.481, 1.071, 2.047, 1.95, 1.27),
        (1.656, 1.125, 2.437, 2.19, 1.39),
        (1 / 1.481, 1 / 2.047, 1 / 1.071, 1.95, 1.27),
    ],
)
def test_e_values_of_the_paper(ratio, lower, upper, point, limit):
    assert round(e_value(ratio, rare=False), 2) == point
    assert round(e_value_of_limit(ratio, lower, upper, rare=False), 2) == limit


def test_e_value_is_the_published_formula():
    # VanderWeele and Ding 2017 by hand for HR 4: RR = (1 - 0.5^2) / (1 - 0.5^0.5).
    risk_ratio = 0.75 / (1 - math.sqrt(0.5))
    assert e_value(4.0, rare=False) == pytest.approx(
        risk_ratio + math.sqrt(risk_ratio * (risk_ratio - 1)), rel=1e-14
    )
    assert e_value(1.0, rare=False) == 1.0


@given(RATIOS)
def test_e_value_is_the_same_for_the_reciprocal_and_grows_with_distance_from_1(ratio):
    assert e_value(ratio, rare=False) == pytest.approx(e_value(1 / ratio, rare=False), rel=1e-9)
    assert e_value(ratio, rare=False) >= 1.0
    further = ratio * 1.1 if ratio >= 1 else ratio / 1.1
    assert e_value(further, rare=False) > e_value(ratio, rare=False)


@pytest.mark.parametrize("limits", [(0.8, 1.2), (1.0, 2.0), (0.5, 1.0)])
def test_an_interval_that_holds_1_needs_no_confounder(limits):
    assert e_value_of_limit(math.sqrt(limits[0] * limits[1]), *limits, rare=False) == 1.0


def test_e_values_of_gaps_are_gaps():
    assert math.isnan(e_value(math.nan, rare=False))
    assert math.isnan(e_value_of_limit(math.nan, math.nan, math.nan, rare=False))


@pytest.mark.parametrize(
    ("low", "high", "informative", "low_first"),
    [
        ((5.0, 1), (9.0, 1), 1, 1),
        ((9.0, 1), (5.0, 1), 1, 0),
        ((5.0, 1), (9.0, 0), 1, 1),
        ((9.0, 0), (5.0, 1), 1, 0),
        ((5.0, 0), (9.0, 1), 0, 0),
        ((9.0, 1), (5.0, 0), 0, 0),
        ((5.0, 0), (9.0, 0), 0, 0),
        ((5.0, 1), (5.0, 1), 0, 0),
        ((5.0, 0), (5.0, 0), 0, 0),
        # Censored at the time of the other's death: alive then, so the death came first.
        ((5.0, 1), (5.0, 0), 1, 1),
        ((5.0, 0), (5.0, 1), 1, 0),
    ],
)
def test_who_died_first(low, high, informative, low_first):
    # Beside ten pairs of which everything is known.
    bound = sign_bound(paired([*[LOW_FIRST] * 9, HIGH_FIRST, (low, high)]))
    assert bound.informative == 10 + informative
    assert bound.p_value == pytest.approx(binom.sf(8 + low_first, 10 + informative, 0.5))


def bound_of(low_first, high_first):
    return sign_bound(paired([LOW_FIRST] * low_first + [HIGH_FIRST] * high_first))


@pytest.mark.parametrize(("low", "high"), [(5, 0), (9, 1), (14, 4), (30, 10), (60, 12)])
def test_bound_is_the_root_of_the_binomial_tail(low, high):
    bound = bound_of(low, high)
    n = low + high

    def tail(gamma):
        return binom.sf(low - 1, n, gamma / (1 + gamma))

    assert bound.status is Status.OK
    assert bound.p_value == pytest.approx(tail(1.0), rel=1e-12)
    assert bound.gamma == pytest.approx(brentq(lambda g: tail(g) - ALPHA, 1.0, 1e4, xtol=1e-13), rel=1e-9)
    # A plain search on a grid of 0.001: the largest that still passes.
    grid = np.arange(1.0, 50.0, 0.001)
    assert grid[tail(grid) <= ALPHA].max() == pytest.approx(bound.gamma, abs=0.001)


@pytest.mark.parametrize(("low", "high"), [(4, 0), (5, 5), (0, 4), (8, 3), (3, 8)])
def test_no_bound_where_there_is_no_difference_to_explain(low, high):
    bound = bound_of(low, high)
    assert bound.status is Status.NOT_APPLICABLE
    assert math.isnan(bound.gamma)
    assert bound.p_value == pytest.approx(binom.sf(max(low, high) - 1, low + high, 0.5), rel=1e-12)
    assert bound.p_value > ALPHA
    assert bound.p_two_sided == pytest.approx(min(1.0, 2 * bound.p_value))


@pytest.mark.parametrize("bound", [sign_bound, prentice_wilcoxon_bound])
def test_harm_has_a_bound_as_benefit_has(bound):
    benefit = [LOW_FIRST] * 30 + [HIGH_FIRST] * 10
    helps = bound(paired(benefit))
    harms = bound(paired([(high, low) for low, high in benefit]))
    assert (helps.direction, harms.direction) == (1, -1)
    assert helps.status is harms.status is Status.OK
    assert harms.gamma == pytest.approx(helps.gamma)
    assert harms.p_value == pytest.approx(helps.p_value)


@pytest.mark.parametrize("bound", [sign_bound, prentice_wilcoxon_bound])
def test_without_an_informative_pair_there_is_no_bound(bound):
    found = bound(paired([((5.0, 1), (5.0, 1)), ((5.0, 0), (5.0, 0))]))
    assert (found.informative, found.direction, found.status) == (0, 0, Status.NO_PAIRS)
    assert math.isnan(found.p_value)
    assert math.isnan(found.gamma)


def test_pairs_broken_by_a_landmark_do_not_count():
    rows = [(5.0, 1, 0, 0), (9.0, 1, 1, 0), (3.0, 1, 0, 1), (4.0, 1, 1, 2), (6.0, 1, 0, 3), (7.0, 1, 1, 3)]
    sample = unpaired(rows)
    assert (sign_bound(sample).informative, sign_bound(sample).direction) == (2, 1)
    assert prentice_wilcoxon_bound(sample).informative == 2


def scores_by_loop(time, event):
    """The product over event times, patient by patient."""
    scores = []
    for t, died in zip(time, event, strict=True):
        product_limit = 1.0
        for at in sorted(set(time)):
            if at <= t:
                risk = sum(other >= at for other in time)
                deaths = sum(d for other, d in zip(time, event, strict=True) if other == at)
                product_limit *= (risk - deaths + 1) / (risk + 1)
        scores.append(2 * product_limit - 1 if died else product_limit - 1)
    return scores


@settings(deadline=None, max_examples=50, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 9), st.integers(0, 1)), max_size=25))
def test_scores_are_those_of_a_plain_loop(rows):
    rows = sorted(rows)
    time, event = np.array([t for t, _ in rows], dtype=float), np.array([e for _, e in rows], dtype=np.int64)
    np.testing.assert_allclose(prentice_wilcoxon_scores(time, event), scores_by_loop(time, event), atol=1e-12)


def test_scores_of_distinct_times_add_up_to_0():
    random = np.random.default_rng(3)
    time, event = np.sort(random.exponential(size=80)), random.integers(0, 2, 80)
    assert prentice_wilcoxon_scores(time, event).sum() == pytest.approx(0.0, abs=1e-10)


def veteran_pairs(scale):
    """The pairs of reference/rosenbaum.R."""
    data = pd.read_csv(REFERENCE / "veteran.csv")
    data["time"] = np.ceil(data["time"] / scale)
    low, high = (data[(data.karno >= 60) == side] for side in (False, True))
    members = [frame[["time", "status"]].itertuples(index=False, name=None) for frame in (low, high)]
    return list(zip(*members, strict=False))


@pytest.mark.parametrize("expected", R, ids=lambda entry: f"scale {entry['scale']}")
def test_prentice_wilcoxon_bound_is_that_of_r(expected):
    bound = prentice_wilcoxon_bound(paired(veteran_pairs(expected["scale"])))
    assert (bound.informative, bound.direction) == (expected["pairs"], expected["direction"])
    assert bound.p_value == pytest.approx(expected["p"], rel=1e-9)
    assert bound.gamma == pytest.approx(expected["gamma"], rel=1e-8)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="Rscript is not installed")
def test_committed_reference_is_what_r_prints(tmp_path):
    made = tmp_path / "rosenbaum.json"
    subprocess.run(["Rscript", str(REFERENCE / "rosenbaum.R"), str(made)], check=True, capture_output=True)
    assert json.loads(made.read_text()) == R


def test_normal_tail_is_near_that_of_every_sign():
    random = np.random.default_rng(8)
    members = [((float(a), 1), (float(b), 1)) for a, b in random.permutation(np.arange(1, 25)).reshape(12, 2)]
    sample = paired(members)
    scores = prentice_wilcoxon_scores(sample.time, sample.event)
    by_pair = [
        scores[(sample.pair == pair) & (sample.arm == 0)] - scores[(sample.pair == pair) & (sample.arm == 1)]
        for pair in range(12)
    ]
    size = np.abs(np.concatenate(by_pair))
    sums = np.array([np.dot(signs, size) for signs in product((-1, 1), repeat=12)])
    exact = np.mean(sums >= abs(np.concatenate(by_pair).sum()) - 1e-12)
    assert prentice_wilcoxon_bound(sample).p_value == pytest.approx(exact, abs=0.03)


def test_both_tests_keep_their_size_under_unequal_censoring():
    """One-sided size at 0.05 in pairs with one hazard whose arms are censored unequally."""
    random = np.random.default_rng(20260101)
    repeats, pairs = 2_000, 60
    rejected = {sign_bound: 0, prentice_wilcoxon_bound: 0}
    some = paired([((1.0, 1), (2.0, 1))] * pairs)
    arm, pair = np.tile([0, 1], pairs), np.repeat(np.arange(pairs), 2)
    frailty = random.gamma(2.0, 0.5, (repeats, pairs, 1))
    death = random.exponential(1.0, (repeats, pairs, 2)) / frailty
    leaves = random.exponential([1.2, 3.0], (repeats, pairs, 2))
    times, events = np.minimum(death, leaves), (death <= leaves).astype(int)
    for time, event in zip(times, events, strict=True):
        order = np.argsort(time.ravel())
        columns = {"time": time.ravel(), "event": event.ravel(), "arm": arm, "pair": pair}
        sample = replace(some, **{name: column[order] for name, column in columns.items()})
        for bound in rejected:
            found = bound(sample)
            rejected[bound] += found.direction == 1 and found.p_value <= 0.05
    # The Monte-Carlo error of a share of 0.05 is 0.005 here.
    for count in rejected.values():
        assert 0.035 <= count / repeats <= 0.065


@settings(deadline=None, max_examples=100, derandomize=True)
@given(st.lists(st.tuples(st.integers(1, 6), st.integers(0, 1), st.integers(1, 6), st.integers(0, 1))))
def test_any_pairs_have_a_bound_or_a_status(pairs):
    members = [((float(a), b), (float(c), d)) for a, b, c, d in pairs]
    if not members:
        return
    for bound in (sign_bound, prentice_wilcoxon_bound):
        found = bound(paired(members))
        swapped = bound(paired([(high, low) for low, high in members]))
        assert found.informative == swapped.informative
        assert found.direction == -swapped.direction
        assert found.status is swapped.status
        assert (found.status is Status.OK) == (found.gamma >= 1.0)
        assert np.isinf(found.gamma) == np.False_


def test_a_rare_outcome_has_the_hazard_ratio_as_its_risk_ratio():
    assert risk_ratio(2.0, rare=True) == 2.0
    assert e_value(0.5, rare=True) == pytest.approx(2 + math.sqrt(2))
    assert e_value(2.0, rare=True) > e_value(2.0, rare=False)
