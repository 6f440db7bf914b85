"""Estimates of resampled cohorts equal those of the scenarios, and draws depend on their number alone."""

import json
import math
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from cohorts import breast_config, breast_patients, decisions, small_config, small_patients, small_study
from hypothesis import given, settings
from hypothesis import strategies as st

from survival_multiverse.balancing.matching import greedy_match, priority
from survival_multiverse.balancing.propensity import fit_propensity
from survival_multiverse.estimators.cox import cox
from survival_multiverse.inference import resampling
from survival_multiverse.inference.joint_inference import jointly_test
from survival_multiverse.inference.null_models import dose_strata, simulate_times
from survival_multiverse.inference.resampling import (
    Resample,
    all_keys,
    covariate_nulls,
    cutoff_cells,
    draw,
    evaluate,
    prepare,
    resample,
    resampled_keys,
    specification_keys,
)
from survival_multiverse.kernels.tie_breaks import combine_orders
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.scenario.tie_break import tie_breaks
from survival_multiverse.settings.measures import RATIO, Measure
from survival_multiverse.settings.slices import draw_settings
from survival_multiverse.settings.study import Study

VARIANCE = {"matched": "outputation", "overlap": "stacked", "iptw": "stacked", "adjusted": "model"}
POPULATIONS = ["non_oligometastatic", "oligometastatic", "all"]


def wide(config, **inference):
    """The same study with every population and a landmark in its inference."""
    settings_of = {
        "populations": POPULATIONS,
        "landmarks": [0, config["analysis"]["landmarks"][0]],
    } | inference
    # As the job of a draw is told it.
    told = draw_settings(config | {"inference": config["inference"] | settings_of})
    return Study.from_config(json.loads(told))


def keys_of(patients, study):
    return all_keys(cutoff_cells(patients, study), study)[0]


def all_estimates(patients, study):
    cells = cutoff_cells(patients, study)
    return np.concatenate([evaluate(cell, study) for cell in cells])[all_keys(cells, study)[1], 0]


def keyed(frame, study):
    """One tuple a specification; options that do not apply are None."""
    return [
        tuple(None if isinstance(value, float) and math.isnan(value) else value for value in row)
        for row in frame[resampled_keys(study)].itertuples(index=False)
    ]


def by_panel(patients, study):
    """Log hazard ratio and standard error of each headline row of the scenario files, by specification."""
    found = {}
    for _, table in evaluate_panel(patients, study, study.grid):
        frame = table.to_pandas()
        frame = frame.astype(dict.fromkeys(frame.select_dtypes("category").columns, object))
        frame = frame[
            (frame.analysis == np.where(frame.estimator == "matched", "tie_break", "cox"))
            & frame.model.isin(["arm_only", "adjusted"])
            & (frame.ties == "efron")
            & (frame.variable == "arm")
            & (frame.statistic == "hazard_ratio")
            & frame.subgroup.isna()
            & (frame.variance == frame.estimator.map(VARIANCE))
            & frame.landmark.isin(study.inference.landmarks)
            & (frame.landmark_order != "match_then_landmark")
        ].copy()
        frame.loc[frame.population == "all", "oligo_threshold"] = np.nan
        frame.loc[frame.estimator != "matched", "caliper"] = np.nan
        # Beyond landmarks the primary threshold and dose cutoff are tested.
        primary = frame.oligo_threshold.isna() | (frame.oligo_threshold == study.primary_cutoffs.lesions)
        primary &= frame.dose_cutoff == study.primary_cutoffs.dose
        frame = frame[(frame.landmark == 0) | primary]
        for key, row in zip(keyed(frame, study), frame.itertuples(), strict=True):
            numbers = (math.log(row.estimate), row.std_error) if row.status == "ok" else (math.nan, math.nan)
            assert found.setdefault(key, numbers) == numbers or math.isnan(numbers[0])
    return found


def assert_like_the_panel(patients, study, *, at_least):
    keys, estimates = keys_of(patients, study), all_estimates(patients, study)
    assert estimates.shape == (len(keys), 2)
    panel = by_panel(patients, study)
    expected = np.array([panel[key] for key in keyed(keys, study)])
    assert set(panel) == set(keyed(keys, study))
    assert not keys.duplicated().any()
    np.testing.assert_allclose(estimates, expected, rtol=1e-12, atol=1e-12)
    assert (~np.isnan(expected[:, 0])).sum() >= at_least


def with_gaps(patients):
    for column, step in (("gtv", 13), ("sex", 17), ("age", 19), ("response", 23), ("lesions", 29)):
        patients.loc[5::step, column] = None
    return patients


@pytest.mark.parametrize("caliper_sd", ["all", "within_arm"])
def test_estimates_are_those_of_the_scenarios(caliper_sd):
    config = small_config(caliper_sd=caliper_sd, tie_break_draws=4)
    assert_like_the_panel(with_gaps(small_patients(150)), wide(config), at_least=200)


def test_estimates_of_a_real_cohort_are_those_of_its_scenarios():
    config = breast_config()
    config["analysis"] |= {"tie_break_draws": 3}
    config["decisions"] |= decisions(oligo_threshold=[3], gtv_cutoff=[25])
    assert_like_the_panel(breast_patients(), wide(config), at_least=60)


def spoiled_cohorts():
    patients = small_patients(60)
    yes = np.where(patients.dose >= 60, "yes", "no")
    return {
        "separation": patients.assign(response=yes),
        "no_deaths": patients.assign(event=0),
        "empty_arm": patients.assign(dose=50.0),
        "constant": patients.assign(sex="male"),
        "volume_unknown": patients.assign(gtv=np.nan),
        "no_population": patients.assign(lesions=1.0),
        "few": small_patients(14),
        "nobody": patients.iloc[:0],
    }


@pytest.mark.parametrize("name", list(spoiled_cohorts()))
def test_what_cannot_be_estimated_is_a_gap_in_both(name):
    config = small_config(tie_break_draws=2, minimum_events=2)
    config["decisions"] |= decisions(oligo_threshold=[5], gtv_cutoff=[100])
    study = wide(config)
    assert_like_the_panel(spoiled_cohorts()[name], study, at_least=0)


def test_only_the_estimators_asked_for_are_given():
    patients = small_patients()
    everything, study = small_study(), small_study()
    some = replace(study, inference=study.inference.model_copy(update={"estimators": ("iptw", "matched")}))
    keys, chosen = keys_of(patients, everything), keys_of(patients, some)
    rows = keys.estimator.isin(["iptw", "matched"]).to_numpy()
    pd.testing.assert_frame_equal(keys[rows].reset_index(drop=True), chosen)
    np.testing.assert_array_equal(all_estimates(patients, everything)[rows], all_estimates(patients, some))


# --- draws


def draws_of(patients, study, kind, draws):
    return {number: values[:, 0] for number, values in resample(patients, study, kind, draws)}


@pytest.mark.parametrize("kind", list(Resample))
def test_a_draw_is_the_same_in_whatever_range_it_is_asked_for(kind):
    patients, study = small_patients(), small_study()
    together = draws_of(patients, study, kind, range(4))
    assert list(together) == [0, 1, 2, 3]
    for part in (range(2, 4), range(1), range(1, 2)):
        for number, values in draws_of(patients, study, kind, part).items():
            np.testing.assert_array_equal(values, together[number])
    stacked = np.array(list(together.values()))
    assert stacked.shape == (4, len(keys_of(patients, study)), 2)
    assert len({values.tobytes() for values in stacked}) == 4


@pytest.mark.parametrize("kind", list(Resample))
def test_order_of_rows_changes_no_draw(kind):
    patients, study = with_gaps(small_patients()), small_study()
    one = draws_of(patients, study, kind, range(2))
    other = draws_of(patients.sample(frac=1, random_state=5), study, kind, range(2))
    for number in one:
        np.testing.assert_array_equal(one[number], other[number])


def added(decision, values):
    config = small_config()
    config["decisions"] |= decisions(**{decision: values})
    return Study.from_config(config)


@pytest.mark.parametrize(
    ("decision", "values", "kinds"),
    [
        ("oligo_threshold", [2, 3, 4, 5], list(Resample)),
        ("dose_cutoff", [55, 60, 63, 66], list(Resample)),
        ("caliper", [0.01, 0.1, 0.15, 0.2, "none"], list(Resample)),
        ("gtv_cutoff", [80, 100, 120, 150], list(Resample)),
    ],
)
def test_options_added_to_a_decision_leave_the_draws_of_the_others(decision, values, kinds):
    patients, study, more = small_patients(), small_study(), added(decision, values)
    places = {key: row for row, key in enumerate(keyed(keys_of(patients, more), study))}
    rows = [places[key] for key in keyed(keys_of(patients, study), study)]
    for kind in kinds:
        few, many = (draws_of(patients, each, kind, range(2)) for each in (study, more))
        for number in few:
            np.testing.assert_array_equal(few[number], many[number][rows])


def test_populations_added_leave_the_draws_of_the_others():
    patients, study = small_patients(), small_study()
    more = wide(small_config(), landmarks=[0], populations=["all", "non_oligometastatic"])
    for kind in Resample:
        few, many = (draws_of(patients, each, kind, range(2)) for each in (study, more))
        for number in few:
            np.testing.assert_array_equal(few[number], many[number][-len(few[number]) :])


def first_cell(patients=None, study=None):
    study = study or small_study()
    patients = small_patients() if patients is None else patients
    return cutoff_cells(patients, study)[0], study


def test_permutation_moves_doses_inside_strata_and_nothing_else():
    cell, study = first_cell(with_gaps(small_patients(200)))
    strata = dose_strata(cell.sample, cell.dose, cell.ranks, study)
    drawn = [draw(cell, Resample.PERMUTATION, number, study) for number in range(30)]
    for one in drawn:
        for rows in strata:
            assert sorted(one.dose[rows]) == sorted(cell.dose[rows])
        assert one.sample is cell.sample
        for name in ("ranks", "places", "designs", "widths", "times", "events"):
            assert getattr(one, name) is getattr(cell, name)
        np.testing.assert_array_equal(one.complete, cell.complete)
    moved = np.mean([one.dose != cell.dose for one in drawn], axis=0)
    assert (moved > 0.3).all()
    # All orders alike: the first patient of a stratum gets each of its doses as often as it has them.
    rows = strata[0]
    first = [draw(cell, Resample.PERMUTATION, number, study).dose[rows[0]] for number in range(400)]
    for dose in np.unique(cell.dose[rows]):
        share = (cell.dose[rows] == dose).mean()
        assert np.mean(np.array(first) == dose) == pytest.approx(share, abs=4 * math.sqrt(share / 400))


def test_every_dose_cutoff_sees_the_same_permutation():
    cell, study = first_cell()
    one = draw(cell, Resample.PERMUTATION, 0, study)
    estimates = evaluate(one, study)[:, 0]
    keys = specification_keys(cell, study).reset_index(drop=True)
    ratio = estimates[(keys.estimator == "adjusted") & (keys.adjustment_set == "late"), 0]
    expected = []
    for dose_cutoff, gtv_cutoff in product((60, 66), (100, 150)):
        sample, columns = one.sample, []
        for name in ("sex", "response"):
            columns.append(sample.factor_codes(name))
        gtv = sample.values[:, sample.names.index("gtv")] >= gtv_cutoff
        matrix = np.column_stack([one.dose >= dose_cutoff, *columns, gtv]).astype(float)
        expected.append(cox(sample.time, sample.event, matrix).coefficients[0])
    np.testing.assert_allclose(ratio, expected, rtol=1e-9)


def test_simulation_keeps_patients_and_doses_and_replaces_survival():
    cell, study = first_cell(with_gaps(small_patients(200)))
    nulls = covariate_nulls(cell)
    one = draw(cell, Resample.SIMULATION, 3, study, nulls)
    for name in ("sample", "dose", "ranks", "places", "designs", "widths"):
        assert getattr(one, name) is getattr(cell, name)
    assert one.times.shape == one.events.shape == cell.complete.shape
    for design, null in enumerate(nulls):
        np.testing.assert_array_equal(np.flatnonzero(one.complete[design]), null.rows)
        np.testing.assert_array_equal(one.complete[design], cell.complete[design])
        assert (one.times[design][null.rows] != cell.sample.time[null.rows]).mean() > 0.8


def test_a_draw_is_one_set_of_patients_under_all_volume_cutoffs():
    patients = small_patients(200, seed=6)
    study = added("gtv_cutoff", [80, 100, 120, 150])
    correlations = {}
    for kind in (Resample.PERMUTATION, Resample.SIMULATION):
        draws = np.array(list(draws_of(patients, study, kind, range(60)).values()))
        keys = keys_of(patients, study)
        mine = (keys.estimator == "overlap") & (keys.adjustment_set == "early") & (keys.dose_cutoff == 60)
        mine &= keys.oligo_threshold == 3
        assert mine.sum() == 4
        correlations[kind] = np.corrcoef(draws[:, mine.to_numpy(), 0].T)[np.triu_indices(4, 1)]
    drawn, permuted = correlations[Resample.SIMULATION], correlations[Resample.PERMUTATION]
    assert drawn.min() > 0.7
    assert np.abs(drawn - permuted).max() < 0.2


def test_patients_keep_their_variates_in_every_population_and_threshold():
    patients, study = small_patients(150), wide(small_config(), landmarks=[0])
    found = {}
    for cell in cutoff_cells(patients, study):
        one = draw(cell, Resample.SIMULATION, 5, study, covariate_nulls(cell))
        found[str(cell.population), cell.domain.threshold] = one
        random = np.random.default_rng(np.random.SeedSequence(study.seed, spawn_key=(3, 5)))
        exponential, uniform = random.exponential(size=150), random.uniform(size=150)
        for design, null in enumerate(covariate_nulls(cell)):
            ranks = cell.ranks[null.rows]
            time, event = simulate_times(null, exponential[ranks], uniform[ranks])
            np.testing.assert_array_equal(one.times[design][null.rows], time)
            np.testing.assert_array_equal(one.events[design][null.rows], event)
    assert len(found) == 5


@pytest.mark.parametrize("shift", [-2020.0, 1e6])
def test_a_covariate_far_from_zero_changes_no_draw(shift):
    patients = small_patients(160, seed=4)
    patients["age"] = np.random.default_rng(2).integers(2018, 2023, 160).astype(float)
    # Later years die sooner: 0.5 a year overflows where a design is not centred.
    hurry = np.exp(-0.5 * (patients.age - 2020))
    patients["time"] = np.maximum(1.0, np.round(patients.time * hurry))
    config = small_config()
    config["covariates"]["age"].pop("cut")
    study = Study.from_config(config)
    moved = patients.assign(age=patients.age + shift)
    one, other = (draws_of(frame, study, Resample.SIMULATION, range(3)) for frame in (patients, moved))
    for number in one:
        np.testing.assert_allclose(one[number], other[number], rtol=1e-6, atol=1e-7)
        assert np.abs(one[number][~np.isnan(one[number])]).max() < 3


def test_comparisons_that_are_held_are_those_made_again(monkeypatch):
    patients, study = with_gaps(small_patients()), wide(small_config())
    held = draws_of(patients, study, Resample.SIMULATION, range(3))
    monkeypatch.setattr(resampling, "HELD_BYTES", 0)
    assert prepare(cutoff_cells(patients, study)[0], study) == []
    again = draws_of(patients, study, Resample.SIMULATION, range(3))
    for number in held:
        np.testing.assert_array_equal(held[number], again[number])


def test_beyond_landmarks_the_primary_threshold_and_dose_cutoff_are_tested():
    keys = keys_of(small_patients(), wide(small_config()))
    later = keys[keys.landmark > 0]
    assert set(later.dose_cutoff) == {60}
    assert set(later.oligo_threshold.dropna()) == {5}
    assert set(keys[keys.landmark == 0].dose_cutoff) == {60, 66}


def test_simulation_without_a_model_has_no_estimate_and_no_p_value():
    patients = small_patients()
    patients.loc[patients.response == "yes", "event"] = 0
    study = small_study(minimum_events=1)
    keys = keys_of(patients, study)
    drawn = np.array(list(draws_of(patients, study, Resample.SIMULATION, range(3)).values()))
    # Only the set that holds the response has no model.
    late = (keys.adjustment_set == "late").to_numpy()
    assert np.isnan(drawn[:, late]).all()
    assert not np.isnan(drawn[:, ~late]).all()
    observed = all_estimates(patients, study)
    assert (~np.isnan(observed[late, 0])).any()
    named = keys.assign(measure=RATIO.name)
    found = jointly_test(named, observed, drawn, study, "simulation")
    p_values = ["p_median", "p_share_significant", "p_mean_z", "p_abs_median"]
    assert found.loc[found.adjustment_set == "late", p_values].isna().all(axis=None)
    assert found.loc[found.adjustment_set == "early", p_values].notna().any(axis=None)


def test_bootstrap_of_patients_takes_rows_with_their_copies():
    cell, study = first_cell()
    n = len(cell.dose)
    counts = np.zeros(n)
    for number in range(200):
        one = draw(cell, Resample.BOOTSTRAP_PATIENTS, number, study)
        place = {patient: row for row, patient in enumerate(cell.sample.index)}
        rows = np.array([place[patient] for patient in one.sample.index])
        assert len(rows) == n
        assert (np.diff(rows) >= 0).all()
        for mine, theirs in (
            (one.dose, cell.dose),
            (one.sample.time, cell.sample.time),
            (one.sample.event, cell.sample.event),
            (one.ranks, cell.ranks),
            (one.places.T, cell.places.T),
        ):
            np.testing.assert_array_equal(mine, theirs[rows])
        counts += np.bincount(rows, minlength=n)
    # Each patient 200 times on average, with the variance of drawing with replacement.
    assert counts.sum() == 200 * n
    assert ((counts - 200) ** 2 / 200).sum() / n == pytest.approx(1, abs=0.5)


def test_bootstrap_of_patients_matches_copies_in_turn():
    cell, study = first_cell()
    one = draw(cell, Resample.BOOTSTRAP_PATIENTS, 1, study)
    keys = specification_keys(cell, study).reset_index(drop=True)
    estimates = evaluate(one, study)[:, 0]
    arm = (one.dose >= 60).astype(np.int64)
    logit = fit_propensity(np.ascontiguousarray(one.designs[0][:, : one.widths[0]]), arm).logit
    row = (keys.gtv_cutoff == 100) & (keys.adjustment_set == "late") & (keys.dose_cutoff == 60)
    for caliper in (0.1, 0.2, math.inf):
        each = []
        for places in one.places:
            rank = np.empty(len(arm), dtype=np.int64)
            rank[np.argsort(places, kind="stable")] = np.arange(len(arm))
            match = greedy_match(logit, arm, rank, caliper=caliper)
            rows = np.flatnonzero(match.pair_of >= 0)
            fit = cox(
                one.sample.time[rows],
                one.sample.event[rows],
                arm[rows][:, None].astype(float),
                cluster=match.pair_of[rows],
            )
            each.append([fit.coefficients[0], fit.variance_robust[0, 0]])
        expected = combine_orders(np.array(each))
        np.testing.assert_allclose(estimates[row & (keys.caliper == caliper)][0], expected, rtol=1e-9)


def test_bootstrap_of_pairs_draws_whole_pairs_of_the_match():
    cell, study = first_cell(small_patients(160), small_study(repeated_tie_breaks=1))
    keys = specification_keys(cell, study).reset_index(drop=True)
    arm = (cell.dose >= 60).astype(np.int64)
    logit = fit_propensity(np.ascontiguousarray(cell.designs[0][:, : cell.widths[0]]), arm).logit
    match = greedy_match(logit, arm, cell.places[0].astype(np.int64), caliper=0.2)
    row = np.flatnonzero(
        (keys.gtv_cutoff == 100)
        & (keys.adjustment_set == "late")
        & (keys.dose_cutoff == 60)
        & (keys.caliper == 0.2)
    )[0]
    found, pairs = [], len(match.pairs)
    for number in range(200):
        one = draw(cell, Resample.BOOTSTRAP_PAIRS, number, study)
        found.append(evaluate(one, study)[row, 0, 0])
        if number < 5:
            chosen = match.pairs[(one.pair_uniform[:pairs] * pairs).astype(int)].ravel()
            fit = cox(cell.sample.time[chosen], cell.sample.event[chosen], arm[chosen][:, None].astype(float))
            assert found[-1] == pytest.approx(fit.coefficients[0], rel=1e-9)
    # Drawing pairs again is what the clustered standard error describes.
    estimate, error = evaluate(cell, study)[row, 0]
    assert np.mean(found) == pytest.approx(estimate, abs=0.5 * error)
    assert np.std(found) == pytest.approx(error, rel=0.25)


def test_bootstrap_of_pairs_says_nothing_of_estimates_without_pairs():
    patients, study = small_patients(), small_study()
    (values,) = draws_of(patients, study, Resample.BOOTSTRAP_PAIRS, range(1)).values()
    others = (keys_of(patients, study).estimator != "matched").to_numpy()
    assert np.isnan(values[others]).all()


@pytest.mark.slow
def test_joint_test_of_permutations_has_its_size():
    config = small_config()
    config["decisions"] = decisions(
        **{name: decision["options"][:1] for name, decision in config["decisions"].items()}
    )
    study = wide(config, populations=["all"], landmarks=[0], estimators=["overlap", "adjusted"])
    trials, found = 120, []
    for trial in range(trials):
        patients = small_patients(60, seed=trial)
        # Survival of somebody else: nothing has an effect.
        other = np.random.default_rng(trial).permutation(60)
        patients[["time", "event"]] = patients[["time", "event"]].to_numpy()[other]
        patients["event"] = patients["event"].astype("int64")
        keys, observed = keys_of(patients, study), all_estimates(patients, study)
        drawn = np.array(list(draws_of(patients, study, Resample.PERMUTATION, range(19)).values()))
        named = keys.assign(measure=RATIO.name)
        found.append(jointly_test(named, observed, drawn, study, "permutation").p_median.to_numpy())
    found = np.array(found)
    for level in (0.1, 0.25, 0.5):
        error = 4 * math.sqrt(level * (1 - level) / trials)
        np.testing.assert_allclose((found <= level + 1e-9).mean(axis=0), level, atol=error)


def test_numbers_of_the_kinds_of_draws_stay():
    kinds = ("permutation", "simulation", "bootstrap_patients", "bootstrap_pairs")
    assert [Resample(kind).spawn_key for kind in kinds] == [2, 3, 4, 5]


def test_seed_of_a_draw_names_kind_draw_population_and_threshold():
    patients, study = small_patients(), wide(small_config())
    places = {(name, threshold): place for place, name in enumerate(POPULATIONS) for threshold in (3, 5)}
    for cell in cutoff_cells(patients, study):
        whole = cell.population == "all"
        place = 2 if whole else places[str(cell.population), cell.domain.threshold]
        threshold = round(1000 * cell.domain.threshold)
        assert (threshold == 0) == whole
        sequence = np.random.SeedSequence(study.seed, spawn_key=(5, 7, place, threshold))
        one = draw(cell, Resample.BOOTSTRAP_PAIRS, 7, study)
        expected = np.random.default_rng(sequence).random(len(cell.dose))
        np.testing.assert_array_equal(one.pair_uniform, expected)


def test_ranks_of_a_cell_are_the_primary_tie_break():
    patients = small_patients()
    cell, study = first_cell(patients)
    ids = patients.sort_values(["time", "patient_id"]).patient_id.to_numpy()
    np.testing.assert_array_equal(cell.ranks, priority(ids, seed=study.seed)[cell.sample.index])


def test_places_of_a_cell_are_the_first_orders_of_the_scenarios():
    patients = small_patients()
    cell, study = first_cell(patients, small_study(tie_break_draws=9, repeated_tie_breaks=4))
    ids = patients.sort_values(["time", "patient_id"]).patient_id.to_numpy()
    ranks = priority(ids, seed=study.seed)
    ties = tie_breaks(ranks, seed=study.seed, draws=9, minimum_events=5)
    (orders,) = ties.blocks()
    assert len(cell.places) == 4
    for place, order in zip(cell.places, orders, strict=False):
        everybody = np.empty(len(ids), dtype=int)
        everybody[order] = np.arange(len(ids))
        np.testing.assert_array_equal(place, everybody[cell.sample.index])


@pytest.mark.slow
@settings(deadline=None, max_examples=15, derandomize=True)
@given(
    st.integers(0, 30),
    st.integers(1, 3),
    st.sampled_from([0.0, 0.6, 1.0]),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 2**31),
)
def test_small_cohorts_never_fail(n, levels, dying, gaps, seed):
    random = np.random.default_rng(seed)
    patients = small_patients(n, seed=seed).assign(
        time=random.integers(1, 9, n) * 2.0,
        event=(random.random(n) < dying).astype("int64"),
        gtv=random.integers(1, levels + 1, n) * 75.0,
    )
    for name in ("gtv", "sex", "response"):
        patients[name] = patients[name].where(random.random(n) >= gaps, None)
    patients["gtv"] = patients["gtv"].astype(float)
    study = wide(small_config(minimum_events=1))
    keys = keys_of(patients, study)
    observed = all_estimates(patients, study)
    assert (np.isnan(observed[:, 0]) == np.isnan(observed[:, 1])).all()
    for kind in Resample:
        drawn = np.array(list(draws_of(patients, study, kind, range(2)).values()))
        assert drawn.shape == (2, len(keys), 2)
        assert not np.isinf(drawn).any()
        found = jointly_test(keys.assign(measure=RATIO.name), observed, drawn, study, str(kind))
        assert found.p_median.dropna().between(1 / 3, 1).all()


def test_draws_of_many_tables_are_stacked_in_order_of_draw_and_specification():
    random = np.random.default_rng(4)
    study = replace(small_study(), measures=(RATIO, Measure("median_difference")))
    names = [measure.name for measure in study.measures]
    rows = pd.DataFrame(
        list(product(range(5), range(3), names)), columns=["draw", "specification", "measure"]
    )
    expected = np.random.default_rng(3).normal(size=(5, 3, 2, 2))
    rows[["effect", "std_error"]] = expected.reshape(-1, 2)
    mixed = rows.iloc[random.permutation(len(rows))]
    parts = [mixed.iloc[:4], mixed.iloc[4:11], mixed.iloc[11:]]
    np.testing.assert_array_equal(resampling.stacked_draws(parts, 3, study), expected)
    table = resampling.draws_table(range(5), list(expected), study).to_pandas()
    np.testing.assert_array_equal(resampling.stacked_draws([table], 3, study), expected)
    assert resampling.stacked_draws([], 3, study).shape == (0, 3, 2, 2)
