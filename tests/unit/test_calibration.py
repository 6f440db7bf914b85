"""Calibration: its cohorts and their truth, that it tests what the study tests, and its table."""

from copy import deepcopy
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from survival_multiverse.calibration.intervals import OWN_ERRORS, primary_intervals
from survival_multiverse.calibration.replicates import (
    BY_MEASURE,
    EFFECT_ON_COURSE,
    KNOWN_EFFECT,
    NO_EFFECT,
    TESTS,
    WITH_DRAWS,
    calibration_config,
    percentile_intervals,
    run_replicates,
)
from survival_multiverse.calibration.table import BIAS, COLUMNS, SIZES, calibration_table
from survival_multiverse.calibration.treatment_replicates import (
    TREATMENT_MODELS,
    run_treatment_replicates,
    treatment_calibration,
)
from survival_multiverse.calibration.truth import true_effects
from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.cohort.simulation import potential_outcomes, simulate_cohort
from survival_multiverse.estimators.cox import cox, hazard_ratio
from survival_multiverse.files.study_files import CALIBRATION_COHORTS, CALIBRATION_DRAWS
from survival_multiverse.inference.joint_inference import NULLS, adjust_specifications, jointly_test
from survival_multiverse.inference.resampling import (
    Resample,
    cutoff_cells,
    evaluate,
    repeated_places,
    resample,
    specification_keys,
)
from survival_multiverse.scenario.comparability import match, matched_sample
from survival_multiverse.scenario.encoded_study import encode_study
from survival_multiverse.settings.measures import RATIO
from survival_multiverse.settings.schema import WITH_COVARIATES
from survival_multiverse.settings.study import Study

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))
DEFAULT |= yaml.safe_load((ROOT / "config/examples/simulated.yaml").read_text(encoding="utf-8"))
EFFECT = DEFAULT["cohort"]["simulation"]["dose_hazard_ratio"]
STUDY = Study.from_config(DEFAULT)


def ratio_intervals(patients, study):
    """Intervals of hazard ratios alone."""
    return pd.DataFrame(primary_intervals(patients, replace(study, measures=(RATIO,))))


def true_ratios(config, *, patients):
    """True log hazard ratios alone."""
    truths = true_effects(config, patients=patients)
    return truths[truths["measure"] == RATIO.name].reset_index(drop=True)


@pytest.fixture(scope="module")
def cohort():
    """The first cohort without an effect, with the study that analyses it."""
    config = calibration_config(DEFAULT, NO_EFFECT)
    study = Study.from_config(config)
    frame = simulate_cohort(config["cohort"]["simulation"], study, replicate=1)
    own = Study.from_config({**config, "study": {**config["study"], "seed": study.seed + 1}})
    return prepare_cohort(frame, own).patients, own


@pytest.fixture(scope="module")
def first() -> pd.DataFrame:
    (records,) = run_replicates(DEFAULT, NO_EFFECT, [1], draws=19)
    return records


def test_the_block_has_at_most_36_scenarios_and_the_dose_acts_on_survival_alone():
    before = deepcopy(DEFAULT)
    config = calibration_config(DEFAULT, KNOWN_EFFECT)
    study = Study.from_config(config)
    sizes = [len(decision.values) for decision in study.decisions.values()]
    assert sizes == [1, 1, 3, 6]
    assert len(study.adjustment_sets) * np.prod(sizes) == 36
    assert study.decisions["gtv_cutoff"].values == (100, 146, 200)
    assert not config["cohort"]["simulation"]["dose_changes_post_treatment"]
    assert config["cohort"]["simulation"]["dose_hazard_ratio"] == EFFECT != 1
    course = calibration_config(DEFAULT, EFFECT_ON_COURSE)["cohort"]["simulation"]
    assert course["dose_changes_post_treatment"]
    assert course["dose_hazard_ratio"] == EFFECT
    assert calibration_config(DEFAULT, NO_EFFECT)["cohort"]["simulation"]["dose_hazard_ratio"] == 1
    assert before == DEFAULT
    with pytest.raises(ValueError, match="no_effect"):
        calibration_config(DEFAULT, "none")


@pytest.mark.slow
def test_wald_intervals_are_those_of_the_engine_that_resamples(cohort):
    patients, study = cohort
    (cell,) = cutoff_cells(patients, study)
    keys = specification_keys(cell, study).reset_index(drop=True)
    keys[["estimate", "error"]] = evaluate(cell, study)[:, 0]
    keys = keys[keys["gtv_cutoff"] == study.primary_cutoffs.gtv]
    keys = keys[keys["caliper"].isin([study.primary_cutoffs.caliper, np.nan])]
    engine = keys.set_index(["estimator", "adjustment_set"])[["estimate", "error"]].sort_index()
    intervals = ratio_intervals(patients, study)
    studys = {"matched": "outputation", "overlap": "stacked", "iptw": "stacked", "adjusted": "model"}
    own = intervals[intervals["test"] == "wald_" + intervals["estimator"].map(studys)]
    assert len(own) == len(engine) == 8
    for row in own.itertuples():
        estimate, error = engine.loc[(row.estimator, row.adjustment_set)]
        assert row.effect == pytest.approx(estimate, abs=1e-8)
        assert row.upper - row.effect == pytest.approx(1.959963984540054 * error, rel=1e-7)
        assert row.effect - row.lower == pytest.approx(1.959963984540054 * error, rel=1e-7)


def test_intervals_over_orders_are_those_of_a_loop_over_the_orders(cohort):
    patients, study = cohort
    intervals = ratio_intervals(patients, study)
    matched = intervals[intervals["estimator"] == "matched"].set_index(["adjustment_set", "test"])
    encoded = encode_study(patients, study)
    places = repeated_places(encoded.ranks, study)
    assert len(places) == 10
    for name, scored in encoded.scores(encoded.sample(study.primary)):
        fits = []
        for order in places:
            matching = match(scored, order, caliper=study.primary_cutoffs.caliper, analysis=study.analysis)
            pairs = matched_sample(scored, matching)
            arm = pairs.arm[:, None].astype(float)
            fit = cox(pairs.time, pairs.event, arm, cluster=pairs.pair, robust=True)
            ratio = hazard_ratio(fit, 0, variance="robust")
            fits.append((ratio.log_estimate, ratio.std_error**2))
        log_ratios, variances = np.transpose(fits)
        within, between = variances.mean(), log_ratios.var(ddof=1)
        assert between > 0
        expected = {
            "wald_mean_of_orders": within,
            "wald_outputation": max(within - between + between / len(places), within / 2),
        }
        for test, variance in expected.items():
            row = matched.loc[(name, test)]
            assert row["effect"] == pytest.approx(np.median(log_ratios), abs=1e-8)
            half = 1.959963984540054 * np.sqrt(variance)
            assert row["upper"] - row["effect"] == pytest.approx(half, rel=1e-7)
            assert row["effect"] - row["lower"] == pytest.approx(half, rel=1e-7)


def test_naive_and_unadjusted_intervals_have_the_error_of_the_model(cohort):
    patients, study = cohort
    intervals = ratio_intervals(patients, study).set_index(["test", "adjustment_set"]).sort_index()
    mean, combined = intervals.loc["wald_mean_of_orders"], intervals.loc["wald_outputation"]
    assert (mean["effect"] == combined["effect"]).all()
    # Less the variance between the orders.
    assert (mean["upper"] >= combined["upper"]).all()
    assert (mean["upper"] > combined["upper"]).any()
    naive = intervals.loc["wald_naive"]
    clustered = intervals.loc["wald_clustered"]
    assert (naive["effect"] == clustered["effect"]).all()
    assert (naive["upper"] != clustered["upper"]).all()
    part = patients[patients["lesions"] >= 5]
    fit = hazard_ratio(cox(part["time"], part["event"], (part["dose"] >= 63).to_numpy(float)[:, None]), 0)
    unadjusted = intervals.loc["wald_model"].loc[""]
    assert unadjusted["lower"] == pytest.approx(np.log(fit.ci_lower), abs=1e-9)
    assert unadjusted["upper"] == pytest.approx(np.log(fit.ci_upper), abs=1e-9)


@pytest.mark.parametrize("measure", [STUDY.measures[0], STUDY.measures[1]], ids=lambda own: own.name)
def test_the_p_values_are_those_of_the_studys_joint_inference(cohort, first, measure):
    patients, study = cohort
    place = study.measures.index(measure)
    (cell,) = cutoff_cells(patients, study)
    keys = specification_keys(cell, study).reset_index(drop=True).assign(measure=measure.name)
    observed = evaluate(cell, study)[:, place]
    keys_of = ["null", "adjustment_set", "estimator", "test"]
    tested = first[first["measure"] == measure.name].dropna(subset="test").query("test in @TESTS")
    tested = tested.set_index(keys_of)["p_value"].sort_index()
    assert len(tested) == len(NULLS) * len(study.adjustment_sets) * len(WITH_COVARIATES) * len(TESTS)
    assert tested[:, :, "matched"].notna().all()
    tested = tested.fillna(-1.0)
    for null in NULLS:
        drawn = np.stack([found[:, place] for _, found in resample(patients, study, null, range(19))])
        block = ["adjustment_set", "estimator"]
        joint = jointly_test(keys, observed, drawn, study, str(null), measure=measure).set_index(block)
        joint = joint[[f"p_{test}" for test in TESTS[:-1]]].fillna(-1.0)
        adjusted = adjust_specifications(keys, observed, drawn, study, str(null), measure).fillna(-1.0)
        smallest = adjusted.groupby(block)["p_value_max_t"].min()
        for name, estimator in product(study.adjustment_sets, map(str, WITH_COVARIATES)):
            for test in TESTS[:-1]:
                assert tested[str(null), name, estimator, test] == joint.loc[(name, estimator), f"p_{test}"]
            assert tested[str(null), name, estimator, "max_t"] == smallest[name, estimator]


def test_with_an_effect_the_joint_tests_have_power_and_the_course_no_interval():
    for setting, kinds in ((KNOWN_EFFECT, {"test", "interval"}), (EFFECT_ON_COURSE, {"test"})):
        (records,) = run_replicates(DEFAULT, setting, [1], draws=9)
        tested = records["p_value"].notna()
        assert {"test" if has else "interval" for has in tested} == kinds
        assert set(records.loc[tested, "adjustment_set"]) == set(DEFAULT["adjustment_sets"])


def test_a_cohort_does_not_depend_on_which_others_are_made(first):
    second = list(run_replicates(DEFAULT, NO_EFFECT, [2, 1], draws=19))
    pd.testing.assert_frame_equal(second[1], first)
    assert not second[0]["effect"].equals(first["effect"])


def test_percentile_intervals_of_pairs_are_of_matched_estimates_only(cohort):
    patients, study = cohort
    intervals = pd.DataFrame(percentile_intervals(patients, study, draws=19))
    assert set(intervals["measure"]) == {measure.name for measure in study.measures}
    intervals = intervals[intervals["measure"] == RATIO.name]
    by_kind = intervals.groupby("test")["estimator"].agg(list)
    assert by_kind[Resample.BOOTSTRAP_PAIRS] == ["matched"] * 2
    assert sorted(set(by_kind[Resample.BOOTSTRAP_PATIENTS])) == sorted(map(str, WITH_COVARIATES))
    assert (intervals["lower"] < intervals["upper"]).all()


def test_potential_outcomes_are_those_of_the_simulated_patients():
    config = calibration_config(DEFAULT, KNOWN_EFFECT)
    study = Study.from_config(config)
    settings = config["cohort"]["simulation"] | {"patients": 5000}
    both = potential_outcomes(settings, study, replicate=3)
    pd.testing.assert_frame_equal(both.patients, simulate_cohort(settings, study, replicate=3))
    high = (both.patients["dose_gy"] >= 63).to_numpy()
    rows = np.arange(5000)
    assert (both.patients["survival_months"] == both.time[rows, high.astype(int)]).all()
    assert (both.patients["died"] == both.event[rows, high.astype(int)]).all()
    # A hazard ratio below 1 on the same variate: nobody lives shorter, and most live longer.
    assert (both.time[:, 1] >= both.time[:, 0]).all()
    assert (both.time[:, 1] > both.time[:, 0]).mean() > 0.9
    assert 0.3 < high.mean() < 0.7
    with pytest.raises(ValueError, match="dose_changes_post_treatment"):
        potential_outcomes(settings | {"dose_changes_post_treatment": True}, study)


def without_prognosis() -> dict:
    """Patients whose survival depends on nothing but the dose."""
    config = deepcopy(DEFAULT)
    for entry in config["cohort"]["simulation"]["variables"].values():
        entry.pop("hazard_ratio", None)
    return config


def test_without_other_causes_every_truth_is_the_parameter():
    truths = true_ratios(without_prognosis(), patients=60_000)
    assert len(truths) == 1 + len(WITH_COVARIATES) * 2
    assert (truths["std_error"] < 0.005).all()
    np.testing.assert_array_less(abs(truths["truth"] - np.log(EFFECT)), 4 * truths["std_error"])


def test_with_them_marginal_truths_are_nearer_to_1_than_the_adjusted_ones():
    # The hazard ratio is not collapsible (Greenland, Robins and Pearl 1999).
    truths = true_ratios(DEFAULT, patients=60_000)
    ratio = np.exp(truths.set_index(["estimator", "adjustment_set"])["truth"]).sort_index()
    for name in DEFAULT["adjustment_sets"]:
        for estimator in ("matched", "overlap", "iptw"):
            assert EFFECT + 0.01 < ratio["adjusted", name] < ratio[estimator, name] < 0.75
    assert ratio["adjusted", "baseline_only"] < ratio["adjusted", "as_published"]
    # IPTW is about everybody, as the unadjusted comparison would be without confounding.
    assert ratio["iptw", "baseline_only"] == ratio["unadjusted", ""]


def test_the_overlap_truth_is_of_those_who_might_have_had_either_dose():
    config = deepcopy(DEFAULT)
    simulation = config["cohort"]["simulation"]
    simulation["variables"]["kps"] |= {
        "hazard_ratio": 0.1,
        "dose_shift": 2.5,
        "probabilities": [0.4, 0.4, 0.2],
    }
    config["adjustment_sets"] = {"one": {"covariates": ["kps"]}}
    truths = true_ratios(config, patients=60_000).set_index("estimator")["truth"]
    settings = calibration_config(config, KNOWN_EFFECT)["cohort"]["simulation"] | {"patients": 60_000}
    both = potential_outcomes(settings, Study.from_config(config))
    kept = (both.patients["lesions"] >= 5).to_numpy()
    good = (both.patients["kps"] >= 90).to_numpy()[kept]
    high = (both.patients["dose_gy"] >= 63).to_numpy()[kept]
    chance = np.where(good, high[good].mean(), high[~good].mean())
    columns = np.repeat([0.0, 1.0], len(high))[:, None]
    outcomes = [array[kept].T.ravel() for array in (both.time, both.event)]
    tilted = cox(*outcomes, columns, weight=np.tile(chance * (1 - chance), 2))
    assert truths["overlap"] == pytest.approx(tilted.coefficients[0], abs=1e-8)
    assert truths["iptw"] == pytest.approx(cox(*outcomes, columns).coefficients[0], abs=1e-8)
    assert abs(truths["overlap"] - truths["iptw"]) > 0.01
    # Those with a good score nearly all have a high dose: the smaller arm's matches are mostly the others.
    assert abs(truths["matched"] - truths["iptw"]) > 0.01


def handmade() -> pd.DataFrame:
    """Two hundred cohorts: a test that rejects in ten, an interval below 0 in ten and above it in ten."""
    number = np.arange(200)
    test = {
        "measure": RATIO.name,
        "estimator": "matched",
        "adjustment_set": "baseline_only",
        "null": "permutation",
        "test": "median",
    }
    interval = {"estimator": "adjusted", "adjustment_set": "as_published", "test": "wald_model"}
    interval |= {"measure": RATIO.name}
    p_values = np.where(number < 10, 10 / 200, 11 / 200)
    upper = np.where(number < 10, -0.01, 0.2)
    lower = np.where((number >= 10) & (number < 20), 0.05, -0.4)
    tests = pd.DataFrame({"replicate": number, "p_value": p_values}).assign(**test, setting=NO_EFFECT)
    intervals = pd.DataFrame({"replicate": number, "lower": lower, "upper": upper}).assign(
        **interval, effect=-0.2
    )
    failed = intervals.assign(setting=KNOWN_EFFECT)
    failed.loc[:2, ["effect", "lower", "upper"]] = np.nan
    # One that has no row at all, and its cohort a row of something else.
    other = failed.iloc[[3]].assign(test="wald_robust", estimator="overlap")
    failed = failed.drop(index=3)
    return pd.concat([failed, other, tests, intervals.assign(setting=NO_EFFECT)], ignore_index=True)


def test_the_table_counts_rejections_and_intervals():
    truths = pd.DataFrame(
        {
            "estimator": ["adjusted", "overlap"],
            "adjustment_set": "as_published",
            "measure": RATIO.name,
            "truth": -0.3,
            "std_error": 0.0,
        }
    )
    table = calibration_table(handmade(), truths, DEFAULT, draws=199)
    assert list(table.columns) == COLUMNS
    biases = table[table["quantity"] == BIAS]
    assert biases["observed"].tolist() == pytest.approx([-0.2, 0.1])
    assert biases["cohorts"].tolist() == [200, 196]
    at_5, at_1, null, effect, parameter, other = table[table["quantity"] != BIAS].itertuples(index=False)
    assert (at_5.quantity, at_5.nominal, at_5.observed, at_5.cohorts, at_5.draws, at_5.note) == (
        *("type I error", 0.05, 0.05, 200, 199),
        "",
    )
    assert at_5.monte_carlo_se == pytest.approx(0.015411, abs=1e-6)
    assert (at_1.nominal, at_1.observed) == (0.01, 0.0)
    assert (null.setting, null.quantity, null.nominal, null.observed) == (NO_EFFECT, "coverage", 0.95, 0.9)
    assert (null.truth, null.draws, null.cohorts) == (1.0, 0, 200)
    assert null.note.startswith("below nominal beyond Monte-Carlo error; mean hazard ratio 0.819")
    assert "leaves out confounders: sex, histology, n_stage, organs" in null.note
    assert (effect.setting, effect.observed, effect.cohorts) == (KNOWN_EFFECT, 186 / 196, 196)
    assert effect.truth == pytest.approx(np.exp(-0.3))
    assert "4 cohorts without an interval" in effect.note
    assert (other.cohorts, "199 cohorts without an interval" in other.note) == (1, True)
    assert parameter.truth == pytest.approx(EFFECT)
    assert "conditional on every variable" in parameter.note


def test_a_set_with_every_confounder_has_no_such_note():
    records = handmade()
    records.loc[records["adjustment_set"] == "as_published", "adjustment_set"] = "baseline_only"
    truths = pd.DataFrame(
        {
            "estimator": ["adjusted", "overlap"],
            "adjustment_set": "baseline_only",
            "measure": RATIO.name,
            "truth": -0.3,
            "std_error": 0.0,
        }
    )
    table = calibration_table(records, truths, DEFAULT, draws=199)
    assert not table["note"].str.contains("confounders").any()


def rejecting(setting: str, adjustment_set: str, rejected: int) -> pd.DataFrame:
    """Two hundred cohorts in which a joint test rejects so often at .05, and half as often at .01."""
    number = np.arange(200)
    p_values = np.select([number < rejected // 2, number < rejected], [2 / 200, 10 / 200], 11 / 200)
    return pd.DataFrame({"replicate": number, "p_value": p_values}).assign(
        setting=setting,
        adjustment_set=adjustment_set,
        measure=RATIO.name,
        estimator="matched",
        null="simulation",
        test="abs_median",
        effect=np.nan,
        lower=np.nan,
        upper=np.nan,
    )


def test_rejections_are_power_with_an_effect_and_are_not_judged_by_the_size():
    records = pd.concat(
        [
            rejecting(EFFECT_ON_COURSE, "baseline_only", 120),
            rejecting(KNOWN_EFFECT, "baseline_only", 160),
            rejecting(NO_EFFECT, "baseline_only", 40),
        ],
        ignore_index=True,
    )
    table = calibration_table(records, pd.DataFrame(), DEFAULT, draws=199)
    assert list(table["setting"]) == [NO_EFFECT] * 2 + [KNOWN_EFFECT] * 2 + [EFFECT_ON_COURSE] * 2
    assert list(table["quantity"]) == ["type I error"] * 2 + ["power"] * 4
    assert list(table["nominal"]) == [0.05, 0.01] * 3
    assert list(table["observed"]) == [0.2, 0.1, 0.8, 0.4, 0.6, 0.3]
    assert table["monte_carlo_se"].tolist()[2] == pytest.approx(0.028284, abs=1e-6)
    assert list(table["truth"].isna()) == [False] * 2 + [True] * 4
    assert list(table["note"]) == ["above nominal beyond Monte-Carlo error"] * 2 + [""] * 4


@pytest.mark.parametrize(
    ("setting", "beyond"),
    [
        (NO_EFFECT, ""),
        (KNOWN_EFFECT, ""),
        (EFFECT_ON_COURSE, "; adjusts for what the dose acts through: cycles, response"),
    ],
)
def test_rejections_say_what_a_set_leaves_out_and_what_it_holds_fixed(setting, beyond):
    # Rejecting in 10 of 200 is the size: nothing else is in the note.
    table = calibration_table(
        rejecting(setting, "as_published", 10), pd.DataFrame(), DEFAULT, draws=199
    ).set_index("nominal")
    assert table.loc[0.05, "note"] == f"leaves out confounders: sex, histology, n_stage, organs{beyond}"


def test_a_cohort_without_a_p_value_is_named_and_neither_counted_nor_an_interval():
    records = rejecting(NO_EFFECT, "baseline_only", 10)
    # Two of those that rejected have no score, so no test either.
    records.loc[:1, "p_value"] = np.nan
    table = calibration_table(records, pd.DataFrame(), DEFAULT, draws=199)
    assert list(table["quantity"]) == ["type I error"] * 2
    assert list(table["cohorts"]) == [198] * 2
    assert table.loc[0, "observed"] == pytest.approx(8 / 198)
    assert list(table["note"]) == ["2 cohorts without a P value"] * 2


def test_a_covariate_that_the_dose_does_not_move_is_not_held_fixed():
    config = deepcopy(DEFAULT)
    del config["cohort"]["simulation"]["variables"]["response"]["dose_effect"]
    table = calibration_table(
        rejecting(EFFECT_ON_COURSE, "as_published", 10), pd.DataFrame(), config, draws=199
    )
    assert table["note"].str.endswith("adjusts for what the dose acts through: cycles").all()


def test_the_committed_table_is_complete():
    table = pd.read_csv(ROOT / "resources" / "calibration.csv", keep_default_na=False)
    assert list(table.columns) == COLUMNS
    # A few cohorts have no propensity score: an arm without a level of a covariate separates them.
    lost = table["note"].str.extract(r"(\d+) cohorts without")[0].astype(float).fillna(0).astype(int)
    of_ratios = (table["measure"] == RATIO.name) | table["test"].str.startswith("bootstrap")
    made = table["setting"].map(CALIBRATION_COHORTS)
    made = made.mask(of_ratios & (table["setting"] == KNOWN_EFFECT), WITH_DRAWS)
    by_measure = table["test"].isin(TESTS) & (table["measure"] != RATIO.name)
    assert (table["cohorts"] + lost == made.mask(by_measure, BY_MEASURE)).all()
    assert (lost[table["measure"] == RATIO.name] <= 5).all()
    treated = table["setting"].isin(TREATMENT_MODELS)
    shares = table["quantity"] != BIAS
    assert pd.to_numeric(table.loc[shares & (table["cohorts"] > 0), "observed"]).between(0, 1).all()
    ways, table = table[treated], table[~treated & (table["measure"] == RATIO.name)]
    assert set(ways["quantity"]) == {BIAS, "coverage"}
    assert ways.groupby(["setting", "quantity"])["estimator"].nunique().tolist() == [6] * 4
    tests = table[table["test"].isin(TESTS)]
    quantities = tests.groupby("setting")["quantity"].unique().str.join("")
    assert dict(quantities) == {NO_EFFECT: "type I error", KNOWN_EFFECT: "power", EFFECT_ON_COURSE: "power"}
    rows = product(map(str, WITH_COVARIATES), DEFAULT["adjustment_sets"], map(str, NULLS), TESTS, SIZES)
    keys = ["estimator", "adjustment_set", "null", "test", "nominal"]
    expected = sorted(rows)
    for _, here in tests.groupby("setting"):
        assert sorted(here[keys].itertuples(index=False, name=None)) == expected
    assert set(tests["draws"]) == {CALIBRATION_DRAWS}
    coverage = table[~table["test"].isin(TESTS)]
    assert set(coverage["quantity"]) == {"coverage", BIAS}
    assert set(coverage.loc[coverage["quantity"] == BIAS, "test"]) == {"log_hazard_ratio"}
    coverage = coverage[coverage["quantity"] == "coverage"]
    assert set(coverage["setting"]) == {NO_EFFECT, KNOWN_EFFECT}
    assert set(coverage["estimator"]) == {"unadjusted", *map(str, WITH_COVARIATES)}
    errors = {"model", "clustered", "naive", "mean_of_orders", "outputation", "robust", "stacked"}
    for setting, here in coverage.groupby("setting"):
        bootstraps = {str(Resample.BOOTSTRAP_PATIENTS), str(Resample.BOOTSTRAP_PAIRS)}
        assert set(here["test"]) == {f"wald_{error}" for error in errors} | (
            bootstraps if setting == KNOWN_EFFECT else set()
        )


def treated_ways(setting, rows):
    """Hand-made estimates of one way in some cohorts: log hazard ratio, lower and upper limit."""
    frame = pd.DataFrame(rows, columns=["effect", "lower", "upper"])
    about = {"setting": setting, "estimator": "naive", "adjustment_set": "", "test": "wald_model"}
    return frame.assign(**about, replicate=range(len(rows)))


def test_bias_and_coverage_of_the_ways_to_count_time_before_treatment():
    rows = [(-0.5, -0.9, -0.1), (-0.3, -0.7, 0.1), (-0.1, -0.5, 0.3), (np.nan, np.nan, np.nan)]
    found = treatment_calibration(treated_ways("treatment_without_effect", rows), patients=100, seed=1)
    assert list(found.columns) == COLUMNS
    bias, coverage = found.to_dict("records")
    assert (bias["quantity"], bias["nominal"], bias["truth"]) == (BIAS, 0.0, 1.0)
    assert bias["observed"] == pytest.approx(-0.3)
    assert bias["monte_carlo_se"] == pytest.approx(0.2 / np.sqrt(3))
    assert coverage["observed"] == pytest.approx(2 / 3)
    for row in (bias, coverage):
        assert row["cohorts"] == 3
        assert "1 cohorts without an interval" in row["note"]
        assert "mean hazard ratio 0.741; truth is the parameter" in row["note"]


def test_cohorts_of_treated_patients_do_not_depend_on_which_others_are_made():
    both = list(run_treatment_replicates("treatment_with_effect", [1, 2], seed=5))
    (second,) = run_treatment_replicates("treatment_with_effect", [2], seed=5)
    pd.testing.assert_frame_equal(both[1], second)
    assert not both[0]["effect"].equals(second["effect"])
    assert second["estimator"].tolist() == [
        *("naive", "landmark 3", "landmark 6", "time_dependent"),
        *("clone_censor_weight 3", "clone_censor_weight 6"),
    ]


def test_the_committed_biases_are_what_the_methods_promise():
    table = pd.read_csv(ROOT / "resources" / "calibration.csv", keep_default_na=False)
    ways = table[table["setting"].isin(TREATMENT_MODELS)].set_index(["setting", "quantity", "estimator"])
    ways = ways[["observed", "monte_carlo_se"]].astype(float).sort_index()
    for setting in TREATMENT_MODELS:
        bias, coverage = ways.loc[setting, BIAS], ways.loc[setting, "coverage"]
        assert bias.loc["naive", "observed"] < -0.5
        assert coverage.loc["naive", "observed"] < 0.1
        for way in ("time_dependent", "clone_censor_weight 3", "clone_censor_weight 6"):
            assert abs(bias.loc[way, "observed"]) < 0.03
            assert coverage.loc[way, "observed"] > 0.93


DIFFERENCES = STUDY.differences


def test_differences_of_a_cohort_are_estimated_by_every_estimator_and_error(cohort):
    patients, study = cohort
    found = pd.DataFrame(primary_intervals(patients, study))
    found = found[found["measure"] != RATIO.name]
    assert set(found["measure"]) == {measure.name for measure in DIFFERENCES}
    errors = {name: set(own["test"].str.removeprefix("wald_")) for name, own in found.groupby("estimator")}
    assert errors == {
        "unadjusted": {"model"},
        "matched": {"clustered", "naive", "outputation"},
        **{name: {"robust", "stacked"} for name in ("overlap", "iptw")},
        **{name: {"influence"} for name in ("adjusted", "doubly_robust")},
    }
    assert set(found.loc[found["lower"].isna(), "status"]).isdisjoint({"ok"})
    known = found[found["lower"].notna()]
    assert (known["lower"] < known["effect"]).all()


def test_the_errors_that_a_study_reports_are_those_of_the_engine_that_resamples(cohort):
    patients, study = cohort
    (cell,) = cutoff_cells(patients, study)
    keys = specification_keys(cell, study).reset_index(drop=True)
    at_primary = (keys["gtv_cutoff"] == study.primary_cutoffs.gtv).to_numpy()
    at_primary &= keys["caliper"].isin([study.primary_cutoffs.caliper, np.nan]).to_numpy()
    estimates = evaluate(cell, study)
    found = pd.DataFrame(primary_intervals(patients, study)).set_index(
        ["measure", "estimator", "adjustment_set", "test"]
    )
    compared = 0
    for position in np.flatnonzero(at_primary):
        key = keys.loc[position]
        error = {"matched": "outputation"}.get(key["estimator"], "stacked")
        if key["estimator"] == "adjusted":
            continue
        for place, measure in enumerate(study.measures):
            name = measure.name, key["estimator"], key["adjustment_set"], f"wald_{error}"
            effect, std_error = estimates[position, place]
            own = found.loc[name]
            assert own["effect"] == pytest.approx(effect, rel=1e-8, nan_ok=True)
            half = 1.959963984540054 * std_error
            assert own["upper"] - own["effect"] == pytest.approx(half, rel=1e-7, nan_ok=True)
            compared += np.isfinite(half)
    assert compared >= 6 * (len(study.measures) - 1)


def test_joint_tests_of_the_first_cohorts_are_of_every_measure(first):
    tests = first[first["p_value"].notna()]
    assert set(tests["measure"]) >= {RATIO.name, "rmst_difference_24", "median_difference"}
    with_effect = next(run_replicates(DEFAULT, KNOWN_EFFECT, [1], draws=9))
    assert set(with_effect.loc[with_effect["p_value"].notna(), "measure"]) == {RATIO.name}
    (later,) = run_replicates(DEFAULT, NO_EFFECT, [BY_MEASURE + 1], draws=9)
    assert set(later.loc[later["p_value"].notna(), "measure"]) == {RATIO.name}
    (cheap,) = run_replicates(DEFAULT, KNOWN_EFFECT, [WITH_DRAWS + 1], draws=9)
    assert set(cheap["measure"]) == {measure.name for measure in DIFFERENCES}
    assert cheap["test"].str.startswith("wald").all()
    # Intervals are of every measure in all of them.
    assert set(later["measure"]) == {measure.name for measure in STUDY.measures}


def differences(setting, **columns):
    rows = {
        "effect": [0.0, 1.9, 2.1, np.nan],
        "lower": [-2, -0.1, 0.1, np.nan],
        "upper": [2, 3.9, 4.1, np.nan],
    }
    about = {"estimator": "iptw", "adjustment_set": "baseline_only", "test": "wald_stacked"}
    frame = pd.DataFrame(rows).assign(**about, measure="survival_difference_36", setting=setting, null=np.nan)
    frame["status"] = ["ok", "ok", "ok", "beyond_follow_up"]
    return frame.assign(replicate=range(4), **columns)


def test_bias_and_coverage_of_a_difference_and_what_is_left_of_the_cohorts():
    bias, coverage = calibration_table(differences(NO_EFFECT), pd.DataFrame(), DEFAULT, draws=9).to_dict(
        "records"
    )
    assert (bias["quantity"], bias["test"], bias["nominal"], bias["truth"]) == (BIAS, "difference", 0, 0)
    assert bias["observed"] == pytest.approx(4 / 3)
    assert bias["monte_carlo_se"] == pytest.approx(np.std([0, 1.9, 2.1], ddof=1) / np.sqrt(3))
    assert (coverage["quantity"], coverage["observed"], coverage["cohorts"]) == ("coverage", 2 / 3, 3)
    for row in (bias, coverage):
        assert row["measure"] == "survival_difference_36"
        assert row["note"].endswith("1 cohorts without an interval; the others are a selected rest")
    truths = differences(KNOWN_EFFECT).iloc[:1].assign(truth=4.0)
    known = calibration_table(differences(KNOWN_EFFECT), truths, DEFAULT, draws=9)
    assert known["observed"].tolist() == pytest.approx([4 / 3 - 4, 1 / 3])
    naive = calibration_table(differences(NO_EFFECT, status="no_pairs"), pd.DataFrame(), DEFAULT, draws=9)
    assert not naive["note"].str.contains("selected").any()
    other = differences(NO_EFFECT).assign(test="wald_robust")
    assert calibration_table(other, pd.DataFrame(), DEFAULT, draws=9)["quantity"].tolist() == ["coverage"]


def test_true_differences_are_longer_survival_with_a_dose_that_helps():
    truths = true_effects(DEFAULT, patients=3000)
    truths = truths[truths["measure"] != RATIO.name]
    assert (truths["truth"] > 0).all()
    everybody = truths[truths["estimator"].isin(["adjusted", "doubly_robust", "iptw"])]
    assert (everybody.groupby(["adjustment_set", "measure"])["truth"].std() == 0).all()


@pytest.fixture(scope="module")
def committed():
    table = pd.read_csv(ROOT / "resources" / "calibration.csv", keep_default_na=False)
    names = {measure.name for measure in DIFFERENCES}
    table[["observed", "monte_carlo_se"]] = table[["observed", "monte_carlo_se"]].apply(pd.to_numeric)
    return table[table["measure"].isin(names) & (table["cohorts"] > 0)]


def test_the_committed_table_has_bias_coverage_and_size_of_each_measure(committed):
    for measure in DIFFERENCES:
        own = committed[committed["measure"] == measure.name]
        assert set(own["quantity"]) == {BIAS, "coverage", "type I error"}
        estimators = set(own.loc[own["quantity"] == "coverage", "estimator"])
        assert estimators >= {"unadjusted", *map(str, WITH_COVARIATES)}
        tests = own[own["quantity"] == "type I error"]
        assert set(tests["estimator"]) == set(map(str, WITH_COVARIATES))
        assert (tests["cohorts"] <= BY_MEASURE).all()
    late = committed[committed["measure"] == "survival_difference_36"]
    assert late["note"].str.contains("selected rest|without a P value").mean() > 0.9


def test_committed_intervals_and_tests_of_differences_hold_where_no_confounder_is_left_out(committed):
    """Beside 36 months, which a third of the cohorts do not reach: those that do are no fair sample."""
    here = committed[
        (committed["adjustment_set"] == "baseline_only") & (committed["measure"] != "survival_difference_36")
    ]
    coverage = here[here["test"].isin(OWN_ERRORS)]
    assert len(coverage) > 30
    off = (coverage["observed"] - 0.95) / np.sqrt(0.95 * 0.05 / coverage["cohorts"])
    assert off.abs().max() < 3.2
    bias = here[(here["quantity"] == BIAS) & (here["estimator"] != "matched")]
    assert (bias["observed"].abs() / bias["monte_carlo_se"]).max() < 3.5
    tests = committed[(committed["quantity"] == "type I error") & (committed["nominal"] == 0.05)]
    tests = tests[tests["adjustment_set"] == "baseline_only"]
    # Of all measures: those that leave out draws with a selected rest, too.
    assert (tests["observed"] <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / tests["cohorts"])).mean() > 0.95
