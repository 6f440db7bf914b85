"""Cutpoints against the log-rank test of each cutoff, and splines against their definition."""

import math
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from cohorts import breast_patients, breast_study, small_patients, small_study
from hypothesis import given, settings
from hypothesis import strategies as st

from survival_multiverse.cohort.sample import encode_cohort, whole_sample
from survival_multiverse.estimators.cox import cox, hazard_ratio, likelihood_ratio_test
from survival_multiverse.estimators.log_rank import log_rank
from survival_multiverse.inference.cutpoints import (
    CUTPOINT_KIND,
    audit_cutpoints,
    candidate_cutoffs,
    ratio_by_cutoff,
    restricted_cubic_spline,
    select_cutoff,
    spline_of,
)
from survival_multiverse.kernels.cutpoints import maximal_log_rank, standardised_log_rank
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.values import Cutoffs

STATUSES = {str(status) for status in Status}


def sample_of(patients, study=None):
    cohort = encode_cohort(patients, study or small_study())
    return whole_sample(cohort, Cutoffs(lesions=5, dose=60, gtv=100)), cohort


@pytest.fixture(scope="module")
def breast():
    sample, cohort = sample_of(breast_patients(), breast_study())
    return sample, cohort.dose


@pytest.fixture(scope="module")
def heaped():
    sample, cohort = sample_of(small_patients())
    return sample, cohort.dose


def by_log_rank(sample, values, cutoffs):
    """Signed square root of the chi-square of each cutoff; positive for too many deaths at or above it."""
    found = []
    for cutoff in cutoffs:
        test = log_rank(sample.time, sample.event, (values >= cutoff).astype(np.int64))
        found.append(np.sqrt(test.chi2) * np.sign(test.observed[1] - test.expected[1]))
    return np.array(found)


@pytest.mark.parametrize("cohort", ["breast", "heaped"])
def test_every_cutoff_has_the_statistic_of_its_log_rank_test(cohort, request):
    sample, values = request.getfixturevalue(cohort)
    cutoffs = candidate_cutoffs(values)
    z = standardised_log_rank(sample.time, sample.event, values, cutoffs)
    np.testing.assert_allclose(z, by_log_rank(sample, values, cutoffs), rtol=1e-10, atol=1e-12)
    assert maximal_log_rank(sample.time, sample.event, values, cutoffs) == np.abs(z).max()


def test_cutoffs_leave_a_tenth_on_either_side():
    assert candidate_cutoffs(np.arange(10.0)).tolist() == list(range(1, 10))
    assert candidate_cutoffs(np.arange(20.0)).tolist() == list(range(2, 19))
    assert candidate_cutoffs(np.repeat([60.0, 63.0, 66.0], [50, 45, 5])).tolist() == [63.0]
    assert candidate_cutoffs(np.full(8, 60.0)).size == 0
    assert candidate_cutoffs(np.empty(0)).size == 0


@given(st.lists(st.integers(0, 12), min_size=1, max_size=80))
def test_cutoffs_are_the_values_that_split_so(values):
    values = np.array(values, dtype=float)
    expected = [
        value
        for value in sorted(set(values.tolist()))
        if 10 * sum(values < value) >= values.size and 10 * sum(values >= value) >= values.size
    ]
    assert candidate_cutoffs(values).tolist() == expected


def test_selected_cutoff_is_the_maximum(breast):
    sample, values = breast
    cutoffs = candidate_cutoffs(values)
    z = np.abs(by_log_rank(sample, values, cutoffs))
    found = select_cutoff(sample, values, permutations=99, seed=1, key=0)
    assert found.status is Status.OK
    assert found.cutoff == cutoffs[z.argmax()]
    assert found.statistic == pytest.approx(z.max(), rel=1e-10)
    group = (values >= found.cutoff).astype(np.int64)
    assert found.p_naive == pytest.approx(log_rank(sample.time, sample.event, group).p_value, rel=1e-9)
    assert (found.candidates, found.permutations) == (len(cutoffs), 99)
    assert found.p_value == 1 / 100


def test_permutation_p_value_is_that_of_plain_permutations(heaped):
    sample, values = heaped
    found = select_cutoff(sample, values, permutations=400, seed=2, key=1)
    cutoffs = candidate_cutoffs(values)
    random, reached = np.random.default_rng(0), 0
    for _ in range(300):
        largest = np.abs(by_log_rank(sample, random.permutation(values), cutoffs)).max()
        reached += largest >= found.statistic
    p = reached / 300
    error = np.sqrt(p * (1 - p) / 300 + found.p_value * (1 - found.p_value) / 400)
    assert 0.02 < found.p_value < 0.98
    assert found.p_value == pytest.approx(p, abs=4 * error)
    # The search costs something.
    assert found.p_value > found.p_naive


def test_permutation_p_value_is_repeatable_and_keyed(heaped):
    sample, values = heaped
    found = [
        select_cutoff(sample, values, permutations=60, seed=seed, key=key).p_value
        for seed, key in ((1, 0), (1, 0), (1, 1), (2, 0))
    ]
    assert found[0] == found[1]
    assert len(set(found)) > 1


def test_permutation_p_value_is_uniform_without_an_effect():
    random, trials, found = np.random.default_rng(5), 300, []
    patients = small_patients(60)
    sample, _ = sample_of(patients)
    for trial in range(trials):
        values = random.integers(0, 9, 60).astype(float)
        found.append(select_cutoff(sample, values, permutations=19, seed=trial, key=0).p_value)
    found = np.array(found)
    for level in (0.05, 0.1, 0.25, 0.5):
        error = 4 * np.sqrt(level * (1 - level) / trials)
        assert (found <= level + 1e-9).mean() == pytest.approx(level, abs=error)


def test_nothing_to_select():
    sample, cohort = sample_of(small_patients(40))
    constant = select_cutoff(sample, np.full(40, 60.0), permutations=5, seed=1, key=0)
    assert (constant.status, constant.candidates) == (Status.CONSTANT, 0)
    survivors, cohort = sample_of(small_patients(40).assign(event=0))
    alive = select_cutoff(survivors, cohort.dose, permutations=5, seed=1, key=0)
    assert alive.status is Status.TOO_FEW_EVENTS
    for found in (constant, alive):
        assert np.isnan([found.cutoff, found.statistic, found.p_naive, found.p_value]).all()


def test_ratios_are_those_of_cox_models(heaped):
    sample, values = heaped
    frame = ratio_by_cutoff(sample, values, minimum_events=5, level=0.9).set_index("cutoff")
    assert frame.index.tolist() == candidate_cutoffs(values).tolist()
    for cutoff, row in frame.iterrows():
        arm = (values >= cutoff).astype(float)
        ratio = hazard_ratio(cox(sample.time, sample.event, arm[:, None]), 0, level=0.9)
        assert (row.hazard_ratio, row.ci_lower, row.ci_upper, row.p_value) == (
            ratio.estimate,
            ratio.ci_lower,
            ratio.ci_upper,
            ratio.p_value,
        )
        assert (row.n_above, row.n_below) == (arm.sum(), 120 - arm.sum())
    assert set(frame.status) == {"ok"}


def test_too_few_deaths_give_a_status_and_no_ratio(heaped):
    sample, values = heaped
    frame = ratio_by_cutoff(sample, values, minimum_events=25, level=0.95)
    deaths = [min(sample.event[values >= c].sum(), sample.event[values < c].sum()) for c in frame.cutoff]
    assert frame.status.tolist() == ["ok" if count >= 25 else "too_few_events" for count in deaths]
    assert {"ok", "too_few_events"} == set(frame.status)
    assert (frame.hazard_ratio.isna() == (frame.status != "ok")).all()


def test_few_deaths_on_a_side_are_flagged(heaped):
    sample, values = heaped
    found = {}
    for step in (1, 3):
        part, dose = sample.take(np.arange(len(sample)) % step == 0), values[::step]
        frame = ratio_by_cutoff(part, dose, minimum_events=1, level=0.95)
        deaths = [min(part.event[dose >= c].sum(), part.event[dose < c].sum()) for c in frame["cutoff"]]
        found[step] = frame["flags"].tolist()
        assert found[step] == ["few_events" if count < 10 else None for count in deaths]
    assert {flag for flags in found.values() for flag in flags} == {"few_events", None}


def harrell(x, knots):
    """Restricted cubic spline term by the definition: a cubic made linear beyond the outer knots."""
    t1, t2, t3 = knots
    if x <= t1:
        return 0.0
    value = (x - t1) ** 3
    if x > t2:
        value -= (x - t2) ** 3 * (t3 - t1) / (t3 - t2)
    if x > t3:
        value += (x - t3) ** 3 * (t2 - t1) / (t3 - t2)
    return value / (t3 - t1) ** 2


def test_spline_is_its_definition_and_linear_beyond_the_outer_knots():
    knots, x = np.array([2.0, 5.0, 11.0]), np.linspace(-5, 25, 121)
    matrix = restricted_cubic_spline(x, knots)
    np.testing.assert_array_equal(matrix[:, 0], x)
    np.testing.assert_allclose(matrix[:, 1], [harrell(value, knots) for value in x], rtol=1e-10, atol=1e-12)
    second = np.diff(matrix[:, 1], 2)
    outside = (x[1:-1] <= 1.75) | (x[1:-1] >= 11.25)
    np.testing.assert_allclose(second[outside], 0, atol=1e-9)
    assert (np.abs(second[~outside]) > 1e-6).all()
    # Two continuous derivatives: second differences never jump.
    assert np.abs(np.diff(second)).max() < 0.01


def test_spline_is_the_cox_model_of_its_columns(breast):
    sample, values = breast
    reference = 20.0
    frame = spline_of(sample, values, reference=reference, level=0.95)
    knots = np.quantile(values, (0.1, 0.5, 0.9))
    columns = np.column_stack([values, [harrell(value, knots) for value in values]])
    fit = cox(sample.time, sample.event, columns)
    beta, variance = fit.coefficients, fit.variance_model
    for row in frame.itertuples():
        c = np.array([row.value - reference, harrell(row.value, knots) - harrell(reference, knots)])
        half = 1.959963984540054 * np.sqrt(c @ variance @ c)
        np.testing.assert_allclose(
            np.log([row.hazard_ratio, row.ci_lower, row.ci_upper]),
            c @ beta + np.array([0.0, -half, half]),
            rtol=1e-7,
            atol=1e-9,
        )
    test = likelihood_ratio_test(fit, cox(sample.time, sample.event, columns[:, :1]))
    assert frame.p_nonlinear.unique() == pytest.approx([test.p_value], rel=1e-7)
    assert set(frame.status) == {"ok"}
    assert frame.knots[0] == ", ".join(f"{knot:.4g}" for knot in knots)


def test_ratio_at_the_reference_is_1(breast):
    sample, values = breast
    grid = spline_of(sample, values, reference=20.0, level=0.95).value
    at = spline_of(sample, values, reference=float(grid[7]), level=0.95)
    assert at.loc[7, ["hazard_ratio", "ci_lower", "ci_upper"]].tolist() == [1.0, 1.0, 1.0]
    assert (at.ci_lower <= at.hazard_ratio).all()
    assert (at.hazard_ratio <= at.ci_upper).all()


def heap(patients):
    """Most patients at 60, so that knots coincide."""
    doses = np.array([60.0] * 8 + [50.0, 66.0])
    return patients.assign(dose=doses[np.arange(len(patients)) % 10])


def test_heaped_doses_get_one_ratio_a_value():
    sample, cohort = sample_of(heap(small_patients()))
    frame = spline_of(sample, cohort.dose, reference=61.0, level=0.95)
    assert frame.value.tolist() == [50.0, 60.0, 66.0]
    assert frame.loc[1, ["hazard_ratio", "ci_lower", "ci_upper"]].tolist() == [1.0, 1.0, 1.0]
    columns = (cohort.dose[:, None] == np.array([50.0, 66.0])).astype(float)
    fit = cox(sample.time, sample.event, columns)
    for j, row in ((0, 0), (1, 2)):
        ratio = hazard_ratio(fit, j)
        np.testing.assert_allclose(
            frame.loc[row, ["hazard_ratio", "ci_lower", "ci_upper"]].astype(float),
            [ratio.estimate, ratio.ci_lower, ratio.ci_upper],
            rtol=1e-10,
        )
    assert set(frame.knots) == {"one ratio a value"}
    assert frame.p_nonlinear.isna().all()


def test_a_value_that_tells_nothing_has_no_ratio():
    # All at 50 leave before the first death: no ratio, rather than a ratio of exactly 1.
    patients = heap(small_patients())
    early = patients.dose == 50.0
    patients.loc[early, "time"], patients.loc[early, "event"] = 0.05, 0
    sample, cohort = sample_of(patients)
    frame = spline_of(sample, cohort.dose, reference=60.0, level=0.95).set_index("value")
    assert frame.loc[50.0, ["hazard_ratio", "ci_lower", "ci_upper"]].isna().all()
    assert frame.loc[50.0, "status"] == "constant"
    assert frame.loc[66.0, "hazard_ratio"] > 0
    assert frame.loc[[60.0, 66.0], "status"].tolist() == ["ok", "ok"]


@settings(deadline=None, max_examples=80, derandomize=True)
@given(
    st.integers(0, 30),
    st.integers(1, 6),
    st.integers(1, 8),
    st.sampled_from([0.0, 0.5, 1.0]),
    st.integers(0, 2**31),
)
def test_small_cohorts_never_fail(n, doses, times, share, seed):
    random = np.random.default_rng(seed)
    patients = small_patients(n).assign(
        time=random.integers(1, times + 1, n).astype(float),
        event=(random.random(n) < share).astype("int64"),
        dose=random.integers(50, 50 + doses, n).astype(float),
    )
    sample, cohort = sample_of(patients)
    selected = select_cutoff(sample, cohort.dose, permutations=3, seed=1, key=0)
    assert (selected.status is Status.OK) == (not np.isnan(selected.p_value))
    for frame in (
        ratio_by_cutoff(sample, cohort.dose, minimum_events=1, level=0.95),
        spline_of(sample, cohort.dose, reference=52.0, level=0.95),
    ):
        assert set(frame.status) <= STATUSES
        assert (frame.hazard_ratio.isna() == (frame.status != "ok")).all()
        ok = frame[frame.status == "ok"]
        assert (ok.ci_lower <= ok.hazard_ratio).all()
        assert (ok.hazard_ratio <= ok.ci_upper).all()


def test_audit_looks_at_dose_and_volume_in_every_population():
    patients, study = small_patients(150), small_study()
    patients.loc[[3, 8], "gtv"] = np.nan
    tables = audit_cutpoints(patients, study)
    selected = tables["selected_cutoffs"]
    assert selected.groupby(["population", "variable"]).size().tolist() == [1] * 6
    assert set(selected.permutations) == {study.inference.draws}
    non_oligo = patients[patients.lesions >= 5].sort_values(["time", "patient_id"])
    for variable in ("dose", "gtv"):
        part = non_oligo[non_oligo[variable].notna()]
        sample, cohort = sample_of(part)
        values = getattr(cohort, variable)
        rows = {
            name: table[(table.population == "non_oligometastatic") & (table.variable == variable)]
            for name, table in tables.items()
        }
        assert rows["selected_cutoffs"].n.tolist() == [len(part)]
        assert rows["cutpoints"].cutoff.tolist() == candidate_cutoffs(values).tolist()
        z = np.abs(by_log_rank(sample, values, candidate_cutoffs(values)))
        assert rows["selected_cutoffs"].statistic.iloc[0] == pytest.approx(z.max(), rel=1e-10)
        reference = study.primary_cutoffs.dose if variable == "dose" else study.primary_cutoffs.gtv
        assert set(rows["dose_response"].reference) == {reference}
        curve = spline_of(sample, values, reference=reference, level=0.95)
        np.testing.assert_array_equal(rows["dose_response"].hazard_ratio, curve.hazard_ratio)


@pytest.mark.parametrize(
    "spoiled",
    [{"lesions": 1.0}, {"gtv": np.nan}, {"event": 0}, {"dose": 60.0}, {"lesions": np.nan, "gtv": np.nan}],
)
def test_audit_of_what_cannot_be_estimated_has_statuses(spoiled):
    tables = audit_cutpoints(small_patients(40).assign(**spoiled), small_study())
    assert set(tables["selected_cutoffs"].status) <= STATUSES
    for name in ("cutpoints", "dose_response"):
        assert (tables[name].hazard_ratio.isna() == (tables[name].status != "ok")).all()


def test_audit_of_nobody_is_empty():
    tables = audit_cutpoints(small_patients(4).iloc[:0], small_study())
    assert tables["cutpoints"].empty
    assert tables["dose_response"].empty
    assert tables["selected_cutoffs"].status.tolist() == ["constant"] * 6
    assert tables["selected_cutoffs"].n.tolist() == [0] * 6


def test_doses_that_differ_by_rounding_are_one_cutoff():
    patients = small_patients()
    added = patients.dose.to_numpy(dtype=np.float64).copy()
    added[::2] *= 1 - 2.0**-52
    assert len(np.unique(added)) > len(np.unique(patients.dose))
    exact, rounded = (
        audit_cutpoints(frame, small_study()) for frame in (patients, patients.assign(dose=added))
    )
    for name, frame in exact.items():
        assert rounded[name].equals(frame), name


def exact_chi2(time, event, above):
    """Log-rank chi-square of two groups as a fraction; 0 without variance."""
    score = variance = Fraction(0)
    for now in np.unique(time[event == 1]):
        risk, dying = time >= now, (time == now) & (event == 1)
        n, deaths, exposed = int(risk.sum()), int(dying.sum()), int((risk & above).sum())
        score += int((dying & above).sum()) - Fraction(deaths * exposed, n)
        if n > 1:
            variance += Fraction(deaths * exposed * (n - exposed) * (n - deaths), n * n * (n - 1))
    return score**2 / variance if variance else Fraction(0)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_permutation_with_the_same_maximum_counts_whatever_its_rounding(seed):
    time, event = np.array([1.0, 2, 3, 4, 5, 6, 7, 8]), np.array([1, 1, 0, 1, 1, 1, 1, 0])
    values = np.array([66.0, 60, 66, 63, 60, 63, 66, 60])

    def maximum(permuted):
        return max(exact_chi2(time, event, permuted >= cutoff) for cutoff in (63.0, 66.0))

    sample = SimpleNamespace(time=time, event=event, entry=None)
    found = select_cutoff(sample, values, permutations=400, seed=seed, key=4)
    assert found.statistic == pytest.approx(math.sqrt(maximum(values)), rel=1e-12)
    random = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(CUTPOINT_KIND, 4)))
    reached = sum(maximum(random.permutation(values)) >= maximum(values) for _ in range(400))
    assert found.p_value == (1 + reached) / 401


def test_every_variable_and_population_of_the_audit_has_permutations_of_its_own(monkeypatch):
    keys = []
    monkeypatch.setattr(
        "survival_multiverse.inference.cutpoints.select_cutoff",
        lambda *arguments, key, **options: keys.append(key) or select_cutoff(*arguments, key=key, **options),
    )
    audit_cutpoints(small_patients(40), small_study())
    assert keys == list(range(6))
