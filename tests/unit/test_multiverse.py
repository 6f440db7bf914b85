"""What must hold of any panel of scenarios."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from cohorts import breast_config, breast_patients, breast_study, small_patients, small_study
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from test_scenario import assert_promises, frame_of, rows_of

from survival_multiverse.scenario.multiverse import evaluate_panel, primary_samples
from survival_multiverse.settings.study import Study

SMALL = (5, 60, 100, 0.2)
PANEL = [(m, 60, g, c) for m in (3, 5) for g in (100, 150) for c in (0.1, 0.2, math.inf)]
LABELS = [
    "population",
    "adjustment_set",
    "estimator",
    "landmark",
    "landmark_order",
    "subgroup",
    "analysis",
    "model",
    "ties",
    "variance",
    "variable",
    "level",
    "statistic",
]
NAMES = list(small_study().decisions)


def panel_of(patients, scenarios, study=None):
    return dict(evaluate_panel(patients, study or small_study(), scenarios))


def plain(frame):
    """Categories as strings: their dictionaries hold what a table needs and no more."""
    return frame.astype(dict.fromkeys(frame.select_dtypes("category").columns, object))


def by_label(frame):
    frame = plain(frame)
    frame[LABELS] = frame[LABELS].where(frame[LABELS].notna(), "")
    return frame.set_index(LABELS)


def aligned(one, other):
    one, other = by_label(one), by_label(other)
    assert one.index.is_unique
    return one, other.loc[one.index]


@pytest.fixture(scope="module")
def panel():
    return panel_of(small_patients(), PANEL)


def test_yields_each_scenario_once_in_ascending_order():
    shuffled = [PANEL[i] for i in np.random.default_rng(4).permutation(len(PANEL))]
    yielded = [scenario for scenario, _ in evaluate_panel(small_patients(40), small_study(), shuffled)]
    assert yielded == sorted(PANEL)


def test_axes_are_written_into_every_row(panel):
    for scenario, table in panel.items():
        for name, value in zip(NAMES, scenario, strict=True):
            assert set(table[name].to_pylist()) == {value}


def test_order_of_patients_changes_nothing(panel):
    patients = small_patients()
    for seed in (1, 2):
        shuffled = patients.sample(frac=1, random_state=seed)
        for scenario in (PANEL[1], PANEL[-1]):
            assert panel_of(shuffled, [scenario])[scenario].equals(panel[scenario])


def test_a_scenario_alone_is_the_scenario_in_a_panel(panel):
    patients = small_patients()
    for scenario in (PANEL[0], PANEL[4], PANEL[-1]):
        alone = panel_of(patients, [scenario])[scenario]
        assert alone.equals(panel[scenario])
        assert alone.schema.equals(panel[scenario].schema, check_metadata=True)
        # The dictionaries too: the bytes of a file must not depend on the panel.
        for name in LABELS:
            mine, theirs = alone[name].combine_chunks(), panel[scenario][name].combine_chunks()
            if hasattr(mine, "dictionary"):
                assert mine.dictionary.equals(theirs.dictionary)


def test_every_scenario_has_the_same_rows_but_for_the_selected_model(panel):
    found = [
        {key for key in rows_of(table) if not key[1].startswith("cox|selected|")} for table in panel.values()
    ]
    assert all(keys == found[0] for keys in found)


def cohorts_that_fail():
    patients = small_patients()
    yes = np.where(patients.dose >= 60, "yes", "no")
    return {
        "another": small_patients(90, seed=8),
        "empty_arm": patients.assign(dose=50.0),
        "separation": patients.assign(response=yes),
        "no_deaths": patients.assign(event=0),
        "nobody_censored": patients.assign(event=1),
        "constant": patients.assign(sex="male"),
        "volume_unknown": patients.assign(gtv=np.nan),
        "no_population": patients.assign(lesions=1.0),
        "nobody_at_landmark": patients.assign(time=patients.time.clip(upper=5.9)),
        "nobody": patients.iloc[:0],
        "one": patients.iloc[:1],
    }


@pytest.mark.parametrize("name", list(cohorts_that_fail()))
def test_no_row_is_dropped_where_nothing_can_be_estimated(panel, name):
    def keys(table):
        return {
            key
            for key in rows_of(table)
            if not key[1].startswith("cox|selected|") and not key[1].startswith("missing|")
        }

    table = panel_of(cohorts_that_fail()[name], [SMALL])[SMALL]
    assert keys(table) == keys(panel[SMALL])
    assert_promises(table)


def test_population_of_all_depends_on_the_threshold_only_through_the_state(panel):
    for caliper in (0.1, math.inf):
        one, other = (plain(panel[(m, 60, 100, caliper)].to_pandas()) for m in (3, 5))
        one, other = (
            frame[(frame.population == "all") & (frame.variable != "state") & (frame.model != "selected")]
            for frame in (one, other)
        )
        one, other = aligned(one, other)
        pd.testing.assert_frame_equal(one.drop(columns=NAMES), other.drop(columns=NAMES))


def test_caliper_touches_only_matched_rows(panel):
    tight, loose = (panel[(5, 60, 150, c)].to_pandas() for c in (0.1, math.inf))
    keep = [plain(frame[frame.estimator != "matched"]).reset_index(drop=True) for frame in (tight, loose)]
    pd.testing.assert_frame_equal(*(frame.drop(columns="caliper") for frame in keep))
    assert not tight.estimate.equals(loose.estimate)


def test_calipers_that_match_alike_have_equal_rows():
    patients = small_patients()
    first, second = (5, 60, 100, 50.0), (5, 60, 100, 60.0)
    tables = panel_of(patients, [first, second])
    one, two = (
        plain(tables[scenario].to_pandas())[lambda frame: frame.statistic != "caliper_width"].drop(
            columns="caliper"
        )
        for scenario in (first, second)
    )
    pd.testing.assert_frame_equal(one, two)
    unlimited = panel_of(patients, [(*SMALL[:3], math.inf)])
    fingerprints = [
        frame[frame.statistic == "analysis"].estimate.tolist()
        for frame in (one, next(iter(unlimited.values())).to_pandas())
    ]
    assert fingerprints[0] == fingerprints[1]


def test_without_a_caliper_every_patient_of_the_smaller_arm_is_matched(panel):
    for m, g in ((3, 100), (5, 150)):
        rows = panel[(m, 60, g, math.inf)].to_pandas()
        rows = rows[(rows.analysis == "matching") & (rows.status == "ok")].set_index("statistic").estimate
        assert rows["pairs"].tolist() == rows["focal_patients"].tolist()
        assert set(rows["matched_share"]) == {1.0}


def exchanged(patients):
    """Arms exchanged: who had at least 60 now has at most 60, and the other way about."""
    return patients.assign(dose=120.0 - patients.dose + 0.5)


def test_exchanged_arms_invert_hazard_ratios():
    # Unequal arms: the smaller one is focal whatever it is called, so the pairs are the same.
    patients = small_patients(151)
    mirrored = exchanged(patients)
    assert ((patients.dose >= 60) == (mirrored.dose < 60.6)).all()
    cutoff = (5, 60.6, 100, 0.2)
    one = frame_of(patients, small_study(), SMALL)
    other = frame_of(mirrored, small_study(), cutoff)

    def pick(frame):
        return by_label(
            frame[
                (frame.population == "all")
                & (frame.analysis.isin(["cox", "log_rank"]))
                & (frame.variable == "arm")
                & (frame.statistic != "hazard_ratio_inverse")
            ]
        )

    one, other = pick(one), pick(other)
    assert one.index.equals(other.index)
    ok = (one.status == "ok").to_numpy()
    assert ok.sum() > 50
    ratio = ok & (one.index.get_level_values("analysis") == "cox")
    np.testing.assert_allclose(one.estimate[ratio], 1 / other.estimate[ratio], rtol=1e-8)
    np.testing.assert_allclose(one.std_error[ratio], other.std_error[ratio], rtol=1e-8)
    np.testing.assert_allclose(one.p_value[ok], other.p_value[ok], rtol=1e-7)
    assert one.status.tolist() == other.status.tolist()


def test_unit_of_time_scales_medians_and_nothing_else():
    patients = small_patients()
    days = patients.assign(time=patients.time * 32)
    config_of_days = small_study(survival_times=(384, 768), rmst_horizon=768, landmarks=(192,))
    one = frame_of(patients, small_study(), SMALL)
    other = frame_of(days, config_of_days, SMALL)
    assert len(one) == len(other)
    in_time = one.analysis.eq("kaplan_meier") & one.statistic.eq("median") | one.analysis.eq("rmst")
    in_time |= one.statistic.isin(["restricted_mean_difference", "median_difference"])
    in_time |= one.analysis.eq("follow_up") & ~one.statistic.isin(["alive", "risk_at_end"])
    scale = np.where(in_time, 32.0, 1.0)
    assert in_time.any()
    for column in ("estimate", "std_error", "ci_lower", "ci_upper"):
        np.testing.assert_allclose(other[column], one[column] * scale, rtol=1e-12)
    for column in ("p_value", "n", "events", "df"):
        np.testing.assert_array_equal(other[column], one[column])
    assert other.status.tolist() == one.status.tolist()


def test_seed_moves_only_what_is_matched():
    study = small_study()
    one = frame_of(small_patients(), study, SMALL)
    other = frame_of(small_patients(), replace(study, seed=study.seed + 1), SMALL)
    one, other = (by_label(frame[frame.model != "selected"]).estimate for frame in (one, other))
    assert one.index.equals(other.index)
    moved = ~((one == other) | (one.isna() & other.isna()))
    assert set(one.index[moved].get_level_values("estimator")) == {"matched"}


def test_ids_of_any_spelling_give_the_same_numbers_before_matching():
    patients = small_patients()
    renamed = patients.assign(patient_id=[f"x{119 - number}" for number in range(120)])
    one, other = (frame_of(frame, small_study(), SMALL) for frame in (patients, renamed))
    keep = (one.estimator != "matched") & (one.statistic != "analysis")
    np.testing.assert_allclose(one.estimate[keep], other.estimate[keep], rtol=1e-11, atol=1e-13)


def test_primary_samples_are_of_the_primary_scenario():
    patients, study = breast_patients(), breast_study()
    frames = primary_samples(patients, study)
    of_sets = {f"{kind}:{name}" for kind in ("matched", "scored", "balanced") for name in ("late", "early")}
    assert set(frames) == {"all", "population"} | of_sets
    primary = frame_of(patients, study, study.primary)
    counts = primary[(primary.statistic == "patients") & (primary.variable == "arm")]

    def count(population, estimator, name):
        rows = counts[(counts.population == population) & (counts.estimator == estimator)]
        rows = rows[rows.adjustment_set == name] if name else rows
        return rows.estimate.tolist()

    def size(frame):
        return frame.groupby("arm").size().tolist()

    assert size(frames["all"]) == count("all", "unadjusted", "")
    assert size(frames["population"]) == count("non_oligometastatic", "unadjusted", "")
    for name in ("late", "early"):
        frame = frames[f"matched:{name}"]
        assert size(frame) == count("non_oligometastatic", "matched", name)
        assert (frame.groupby("pair").arm.agg(["size", "sum"]) == [2, 1]).all(axis=None)
        lines = frames[f"balanced:{name}"]
        analyses = {"overlap": "kaplan_meier", "iptw": "kaplan_meier", "adjusted": "standardised"}
        for estimator, analysis in analyses.items():
            rows = primary[(primary.adjustment_set == name) & (primary.statistic == "survival_60")]
            rows = rows[(rows.analysis == analysis) & (rows.estimator == estimator)]
            rows = rows[rows.population == "non_oligometastatic"].sort_values("level")
            drawn = lines[(lines.estimator == estimator) & (lines.time == 60)].sort_values("arm")
            np.testing.assert_allclose(drawn.survival, rows.estimate, rtol=1e-12)
            np.testing.assert_allclose(drawn.ci_lower, rows.ci_lower, rtol=1e-12)
    assert list(frames["all"].columns[:4]) == ["time", "event", "arm", "pair"]
    assert set(frames["all"].grade.cat.categories) == {"I", "II", "III"}


def test_a_study_without_categories_or_subgroups_runs():
    config = breast_config()
    config["covariates"] = {"estrogen": {"column": "estrec", "type": "continuous", "role": "baseline"}}
    config["adjustment_sets"] = {"only": {"covariates": ["estrogen"]}}
    config["analysis"] |= {"multivariable": [], "interactions": [], "landmarks": [], "survival_times": [24]}
    study = Study.from_config(config)
    scenario = (3, 20, 25, 0.2)
    table = panel_of(breast_patients(), [scenario], study)[scenario]
    assert_promises(table)
    frame = table.to_pandas()
    matched = frame[(frame.estimator == "matched") & (frame.statistic == "hazard_ratio")]
    assert set(matched.status) == {"ok"}


@st.composite
def cohorts(draw):
    n = draw(st.integers(0, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    gap = draw(st.sampled_from([0.0, 0.0, 0.2, 1.0]))
    heap = draw(st.sampled_from([1, 3, 1000]))

    def holes(values):
        return pd.Series(values, dtype=object).mask(random.random(n) < gap, None)

    def pick(*values):
        return random.choice(list(values[: draw(st.integers(1, len(values)))]), n)

    time = np.ceil(random.exponential(draw(st.sampled_from([2.0, 20.0])), n) * heap) / heap
    return pd.DataFrame(
        {
            "patient_id": [f"{number}" for number in range(n)],
            "time": np.maximum(time, 0.001),
            "event": (random.random(n) < draw(st.sampled_from([0.0, 0.3, 0.9, 1.0]))).astype("int64"),
            "dose": pick(66.0, 50.0, 60.0, 59.999),
            "gtv": holes(pick(120.0, 80.0, 100.0, 1e6, 0.1)).astype(float),
            "lesions": holes(pick(7.0, 2.0, 5.0, 100.0)).astype(float),
            "sex": holes(pick("male", "female")),
            "age": holes(pick(61.0, 60.0, 40.0)).astype(float),
            "response": holes(pick("no", "yes")),
        }
    )


@pytest.mark.slow
@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(patients=cohorts(), caliper=st.sampled_from([0.0, 0.2, math.inf]))
def test_small_cohorts_never_fail_and_keep_every_promise(patients, caliper):
    scenario = (*SMALL[:3], caliper)
    study = small_study(minimum_events=1, tie_break_draws=2)
    table = panel_of(patients, [scenario], study)[scenario]
    assert_promises(table)
    again = panel_of(patients.iloc[::-1], [scenario], study)[scenario]
    assert again.equals(table)
