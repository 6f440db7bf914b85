"""The two nulls: dose permuted among alike patients, and survival simulated from covariates alone."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from cohorts import breast_patients, breast_study, small_config, small_patients, small_study
from hypothesis import given, settings
from hypothesis import strategies as st

from survival_multiverse.balancing.matching import priority
from survival_multiverse.cohort.sample import design_matrix, encode_cohort, select_population, whole_sample
from survival_multiverse.estimators.baseline_hazard import breslow_baseline
from survival_multiverse.estimators.cox import cox
from survival_multiverse.estimators.curves import kaplan_meier
from survival_multiverse.inference.null_models import (
    STRATA,
    CovariateNull,
    dose_strata,
    draw_variates,
    fit_covariate_null,
    simulate_times,
)
from survival_multiverse.settings.schema import Population, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Cutoffs


def sample_of(patients, study=None, population=Population.ALL):
    study = study or small_study()
    cohort = encode_cohort(patients, study)
    sample = select_population(whole_sample(cohort, Cutoffs(lesions=5, dose=60, gtv=100)), population)
    return sample, cohort


def strata_of(patients, study=None, population=Population.ALL):
    """Sample, and the ids of each stratum."""
    study = study or small_study()
    sample, cohort = sample_of(patients, study, population)
    ranks = priority(cohort.ids, seed=study.seed)[sample.index]
    strata = dose_strata(sample, cohort.dose[sample.index], ranks, study)
    return sample, cohort, strata, [sorted(cohort.ids[sample.index[rows]]) for rows in strata]


def predicted_dose(patients):
    """Least squares by numpy on the baseline covariates of the small study."""
    columns = [
        np.ones(len(patients)),
        patients.sex == "female",
        patients.age >= 60,
        patients.gtv,
        patients.lesions,
    ]
    matrix = np.column_stack(columns).astype(float)
    return matrix @ np.linalg.lstsq(matrix, patients.dose.to_numpy(), rcond=None)[0]


@pytest.mark.parametrize("n", [120, 123, 7])
def test_strata_are_fifths_of_the_predicted_dose(n):
    patients = small_patients(n)
    sample, _, strata, ids = strata_of(patients)
    assert sorted(np.concatenate(strata)) == list(range(len(sample)))
    assert len(strata) == STRATA
    assert max(map(len, strata)) - min(map(len, strata)) <= 1
    ranked = patients.patient_id.to_numpy()[np.argsort(predicted_dose(patients))]
    expected = [sorted(part) for part in np.array_split(ranked, STRATA)]
    assert ids == expected


def test_what_comes_after_treatment_makes_no_strata():
    patients = small_patients()
    changed = patients.assign(response="no", time=patients.time.to_numpy()[::-1], event=1)
    assert strata_of(patients)[3] == strata_of(changed)[3]


def test_patients_with_a_gap_in_a_baseline_covariate_are_a_stratum_of_their_own():
    patients = small_patients()
    for column, rows in (("gtv", [3, 50]), ("lesions", [4]), ("age", [5]), ("sex", [6])):
        patients.loc[rows, column] = None
    patients.loc[9, "response"] = None
    *_, ids = strata_of(patients)
    assert ids[STRATA] == [f"p{row:04d}" for row in (3, 4, 5, 6, 50)]
    complete = patients.drop(index=[3, 4, 5, 6, 50])
    assert ids[:STRATA] == strata_of(complete)[3]


def test_patients_alike_are_divided_without_looking_at_their_survival():
    # Only four different patients: the borders of the fifths cut through equal ones.
    patients = small_patients().assign(sex="male", age=60.0)
    patients["gtv"] = np.where(patients.gtv >= 100, 150.0, 50.0)
    patients["lesions"] = np.where(patients.lesions >= 5, 7.0, 2.0)
    shuffled = patients.assign(time=patients.time.sample(frac=1, random_state=1).to_numpy())
    assert strata_of(patients)[3] == strata_of(shuffled)[3]
    # Nobody differs: fifths at random rather than fifths of survival.
    same = patients.assign(gtv=120.0, lesions=6.0)
    sample, _, strata, _ = strata_of(same)
    means = [np.mean(rows) for rows in strata]
    assert np.ptp(means) < 60
    assert len(sample) == 120


def test_order_of_rows_changes_no_stratum():
    patients = small_patients()
    assert strata_of(patients)[3] == strata_of(patients.sample(frac=1, random_state=3))[3]


def test_constant_and_repeated_covariates_change_nothing():
    config = small_config()
    config["covariates"]["twin"] = {
        "column": "twin",
        "type": "categorical",
        "levels": ["male", "female", "none"],
        "role": "baseline",
    }
    patients = small_patients().assign(twin=lambda frame: frame.sex)
    assert strata_of(patients, Study.from_config(config))[3] == strata_of(patients)[3]


def null_design(sample, names=("sex", "response")):
    """Columns of the set `late` of the small study in the primary population, by hand."""
    gtv = sample.values[:, sample.names.index("gtv")]
    return np.column_stack([*(sample.factor_codes(name) for name in names), gtv >= 100]).astype(float)


def known_in(sample, names=("sex", "response")):
    codes = np.array([sample.factor_codes(name) for name in names])
    return (codes >= 0).all(axis=0) & ~np.isnan(sample.values[:, sample.names.index("gtv")])


def null_of(sample):
    return fit_covariate_null(sample.time, sample.event, null_design(sample), known_in(sample))


def test_fitted_null_is_a_cox_model_without_the_dose():
    patients = small_patients(200)
    patients.loc[[3, 30], "response"] = None
    sample, cohort = sample_of(patients, population=Population.NON_OLIGOMETASTATIC)
    null = null_of(sample)
    missing = {f"p{row:04d}" for row in (3, 30)}
    assert [
        number for number in range(len(sample)) if cohort.ids[sample.index[number]] not in missing
    ] == list(null.rows)
    part = sample.take(null.rows)
    design = null_design(part)
    fit = cox(part.time, part.event, design, ties="breslow")
    predictor = design @ fit.coefficients
    np.testing.assert_allclose(np.log(null.risk), predictor - predictor.mean(), atol=1e-9)
    baseline = breslow_baseline(part.time, part.event, design, fit, at=design.mean(axis=0))
    np.testing.assert_array_equal(null.event_times, baseline.times)
    np.testing.assert_allclose(null.cumulative_hazard, baseline.cumulative_hazard, rtol=1e-9)
    # Breslow: deaths over the risk of those under observation, summed.
    jumps = [part.event[part.time == t].sum() / null.risk[part.time >= t].sum() for t in null.event_times]
    np.testing.assert_allclose(np.cumsum(jumps), null.cumulative_hazard, rtol=1e-9)
    censoring = kaplan_meier(part.time, 1 - part.event)
    np.testing.assert_array_equal(null.censor_survival, censoring.survival)
    assert null.last == part.time.max()


def simulate_many(null, draws):
    random = np.random.default_rng(4)
    n = len(null.rows)
    pairs = [simulate_times(null, random.exponential(size=n), random.uniform(size=n)) for _ in range(draws)]
    return np.array([time for time, _ in pairs]), np.array([event for _, event in pairs])


def test_simulated_times_follow_the_fitted_model():
    sample, _ = sample_of(small_patients(300, seed=4), population=Population.NON_OLIGOMETASTATIC)
    null = null_of(sample)
    n, draws = len(null.rows), 200
    time, event = simulate_many(null, draws)
    assert set(time.ravel()) <= {*sample.time, null.last}
    assert (time <= null.last).all()
    # Covariate effects and no dose effect, from all draws together.
    design = np.tile(
        np.column_stack([sample.arm[null.rows], null_design(sample.take(null.rows))]), (draws, 1)
    )
    fit = cox(time.ravel(), event.ravel(), design, ties="breslow")
    beta = cox(sample.time, sample.event, null_design(sample), ties="breslow").coefficients
    error = 4 * np.sqrt(np.diag(fit.variance_model))
    assert (error < 0.12).all()
    assert (np.abs(fit.coefficients - [0.0, *beta]) < error).all()
    centre = [0.0, *null_design(sample).mean(axis=0)]
    baseline = breslow_baseline(time.ravel(), event.ravel(), design, fit, at=centre)
    at = np.searchsorted(baseline.times, null.event_times[: len(null.event_times) * 3 // 4], side="right") - 1
    np.testing.assert_allclose(
        baseline.cumulative_hazard[at], null.cumulative_hazard[: len(at)], rtol=0.1, atol=0.01
    )
    # Censoring too: deaths and censored times are as frequent as in the cohort.
    assert event.mean() == pytest.approx(sample.event.mean(), abs=0.04)
    drawn = kaplan_meier(time.ravel(), 1 - event.ravel())
    for months in (15.0, 25.0, 40.0):
        expected = null.censor_survival[np.searchsorted(null.censor_times, months, side="right") - 1]
        found = drawn.survival[np.searchsorted(drawn.time, months, side="right") - 1]
        assert found == pytest.approx(expected, abs=0.03)
    assert n == len(sample)


def test_survival_of_each_patient_is_the_product_limit_of_his_risk():
    null = CovariateNull(
        rows=np.arange(3),
        event_times=np.array([1.0, 2.0, 4.0]),
        cumulative_hazard=np.array([0.2, 0.5, 1.0]),
        risk=np.array([0.5, 1.0, 2.0]),
        censor_times=np.array([0.5, 3.0]),
        censor_survival=np.array([1.0, 0.6]),
        last=5.0,
    )
    time, event = simulate_many(null, 20_000)
    dead_by_2 = ((time <= 2.0) & (event == 1)).mean(axis=0)
    np.testing.assert_allclose(dead_by_2, 1 - np.exp(-0.5 * null.risk), atol=0.015)
    # Nobody is censored before 3, where 40 % of those alive are; nobody dies after 4; the rest leave at 5.
    assert set(time[event == 0]) == {3.0, 5.0}
    censored_at_3 = ((time == 3.0) & (event == 0)).sum(axis=0) / (time >= 3.0).sum(axis=0)
    np.testing.assert_allclose(censored_at_3, 0.4, atol=0.02)
    survivors = ((time == 5.0) & (event == 0)).mean(axis=0)
    np.testing.assert_allclose(survivors, 0.6 * np.exp(-null.risk), atol=0.015)


def test_a_death_at_the_time_of_censoring_is_a_death():
    null = CovariateNull(
        rows=np.arange(1),
        event_times=np.array([3.0]),
        cumulative_hazard=np.array([50.0]),
        risk=np.ones(1),
        censor_times=np.array([3.0]),
        censor_survival=np.array([0.0]),
        last=3.0,
    )
    assert [array.tolist() for array in simulate_times(null, np.ones(1), np.zeros(1))] == [[3.0], [1]]


@pytest.mark.parametrize("spoiled", [{"event": 0}, {"gtv": np.nan}, {"lesions": 1.0}])
def test_no_model_no_null(spoiled):
    sample, _ = sample_of(small_patients().assign(**spoiled), population=Population.NON_OLIGOMETASTATIC)
    assert null_of(sample) is None


def test_separated_covariates_leave_no_null():
    patients = small_patients()
    patients.loc[patients.response == "yes", "event"] = 0
    sample, _ = sample_of(patients)
    assert null_of(sample) is None


def test_constant_covariates_leave_a_null_without_effects():
    patients = small_patients().assign(sex="male", age=70.0, response="no", gtv=120.0)
    study = small_study()
    study = replace(study, adjustment_sets={"late": study.adjustment_sets["late"]})
    sample, _ = sample_of(patients, study, Population.NON_OLIGOMETASTATIC)
    assert (null_of(sample).risk == 1).all()


def test_a_real_cohort_has_strata_and_a_null():
    study = breast_study()
    patients = breast_patients()
    sample, _, strata, _ = strata_of(patients, study)
    assert len(strata) == STRATA + 1
    assert sum(map(len, strata)) == len(sample)
    names = ["hormone", "age", "menopause", "grade", "gtv"]
    known = sample.known(names)
    null = fit_covariate_null(sample.time, sample.event, design_matrix(sample, names)[0], known)
    random = np.random.default_rng(1)
    n = len(null.rows)
    time, event = simulate_times(null, random.exponential(size=n), random.uniform(size=n))
    assert len(time) == len(null.rows) < len(sample)
    fit = cox(time, event, sample.arm[null.rows][:, None].astype(float))
    assert fit.status is Status.OK


@settings(deadline=None, max_examples=80, derandomize=True)
@given(st.integers(0, 25), st.integers(1, 3), st.booleans(), st.integers(0, 2**31))
def test_small_cohorts_never_fail(n, levels, gaps, seed):
    random = np.random.default_rng(seed)
    patients = small_patients(n, seed=seed).assign(
        gtv=random.integers(1, levels + 1, n) * 90.0, lesions=random.integers(1, levels + 1, n) * 4.0
    )
    if gaps:
        patients["gtv"] = patients.gtv.mask(random.random(n) < 0.3)
        patients["sex"] = patients.sex.where(random.random(n) < 0.7, None)
    sample, _, strata, _ = strata_of(patients)
    assert sorted(np.concatenate([*strata, np.empty(0, dtype=int)]).tolist()) == list(range(len(sample)))
    assert all(part.size for part in strata)
    null = null_of(sample)
    if null is not None:
        size = len(null.rows)
        time, event = simulate_times(null, random.exponential(size=size), random.uniform(size=size))
        assert len(time) == len(null.rows)
        assert set(event) <= {0, 1}
        assert pd.notna(time).all()


def test_variates_follow_the_patients_whatever_the_rows():
    ranks = np.random.default_rng(2).permutation(50)
    whole = draw_variates(ranks, 50, np.random.default_rng(9))
    part = draw_variates(ranks[10:20], 50, np.random.default_rng(9))
    for everybody, some in zip(whole, part, strict=True):
        np.testing.assert_array_equal(everybody[10:20], some)
    assert not np.array_equal(whole[0], draw_variates(ranks, 50, np.random.default_rng(10))[0])


def test_a_null_far_from_zero_is_the_same_null():
    sample, _ = sample_of(small_patients(150, seed=3), population=Population.NON_OLIGOMETASTATIC)
    year = np.random.default_rng(1).integers(0, 5, len(sample)).astype(float)
    design = np.column_stack([null_design(sample), year])
    everybody = np.ones(len(sample), dtype=bool)
    near = fit_covariate_null(sample.time, sample.event, design, everybody)
    far = fit_covariate_null(sample.time, sample.event, design + np.array([0, 0, 0, 2018]), everybody)
    np.testing.assert_allclose(near.risk, far.risk, rtol=1e-7)
    np.testing.assert_allclose(near.cumulative_hazard, far.cumulative_hazard, rtol=1e-7)
    assert np.isfinite(far.risk).all()
