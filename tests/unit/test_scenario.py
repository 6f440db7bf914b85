"""Whole scenarios of three real cohorts against R (reference/scenario.R), and what their rows promise."""

import functools
import json
import math
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from cohorts import breast_patients, breast_study, small_config, small_patients, small_study
from more_cohorts import REAL_COHORTS, VETERAN

from survival_multiverse.balancing.matching import priority
from survival_multiverse.scenario.dictionary import FLAGS, STATISTICS
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.measures import MeasureSettings, measures_of
from survival_multiverse.settings.schema import STATUS_REASON, Estimator, Population, Status
from survival_multiverse.settings.study import Study

REFERENCE = Path(__file__).parent / "reference"
PRIMARY_SCENARIO = (3, 20, 25, 0.2)
SMALL = (5, 60, 100, 0.2)
HEAD = ("population", "adjustment_set", "estimator", "landmark", "landmark_order", "subgroup")
TAIL = ("analysis", "model", "ties", "variance", "variable", "level", "statistic")
NUMBERS = ("estimate", "std_error", "ci_lower", "ci_upper", "p_value", "df", "n", "events")
PRIMARY = "non_oligometastatic"
# Twins of other rows, digests, and the range over other tie-breaks, which are tested elsewhere.
NOT_RECOMPUTED = {"hazard_ratio_inverse", "analysis"}


def rows_of(table):
    """Rows by their labels, which no two rows may share."""
    rows = {}
    for row in table.to_pylist():
        row["landmark"] = f"{row['landmark']:g}"
        head, tail = ("|".join(row[name] or "" for name in names) for names in (HEAD, TAIL))
        assert (head, tail) not in rows
        rows[head, tail] = row
    return rows


def evaluate(patients, study, scenario):
    ((_, table),) = evaluate_panel(patients, study, [scenario])
    return table


def frame_of(patients, study, scenario):
    frame = evaluate(patients, study, scenario).to_pandas()
    labels = frame.select_dtypes("category").columns
    return frame.astype(dict.fromkeys(labels, object))


def flatten(reference):
    return {(head, tail): values for head, rows in reference.items() for tail, values in rows.items()}


@functools.cache
def rows_of_cohort(name):
    patients, study = (make() for make in REAL_COHORTS[name])
    return rows_of(evaluate(patients, study, study.primary))


@functools.cache
def reference_of(name):
    return flatten(json.loads((REFERENCE / f"scenario_{name}.json").read_text()))


@pytest.fixture(scope="module")
def breast():
    return rows_of_cohort("breast")


def same(mine, theirs, tolerance=1e-9):
    if mine is None or theirs is None:
        return mine is theirs
    return math.isclose(mine, theirs, rel_tol=tolerance, abs_tol=1e-10)


def differences(rows, expected):
    faults = []
    for key, values in expected.items():
        row = rows.get(key)
        if row is None or row["status"] != "ok":
            faults.append((*key, row and row["status"]))
            continue
        padded = values + [None] * (len(NUMBERS) - len(values))
        faults += [
            (*key, name, row[name], value)
            for name, value in zip(NUMBERS, padded, strict=True)
            if not same(row[name], value)
        ]
    return faults


KINDS = [
    "descriptive",
    "chi_square",
    "missing",
    "propensity",
    "kaplan_meier",
    "follow_up",
    "log_rank",
    "cox",
    "selection",
    "interaction",
    "ph_test",
    "rmst",
    "weights",
    "balance",
    "balance_gate",
    "matching",
]


# The veterans' data have no gaps.
COMPARED = [(name, kind) for name in REAL_COHORTS for kind in KINDS if (name, kind) != ("veteran", "missing")]


@pytest.mark.parametrize(("name", "kind"), COMPARED)
def test_every_number_equals_that_of_r(name, kind):
    expected = {key: values for key, values in reference_of(name).items() if key[1].startswith(kind + "|")}
    assert expected
    assert not differences(rows_of_cohort(name), expected)


@pytest.mark.parametrize("name", REAL_COHORTS)
def test_the_reference_holds_every_row_of_the_primary_population(name):
    ours = {
        key
        for key, row in rows_of_cohort(name).items()
        if row["population"] == PRIMARY
        and row["status"] == "ok"
        and row["statistic"] not in NOT_RECOMPUTED
        and row["analysis"] not in ("tie_break", "rosenbaum", "standardised", "doubly_robust")
    }
    assert not ours - set(reference_of(name))


@pytest.mark.parametrize(("name", "least"), [("breast", 60), ("veteran", 40), ("lung", 40)])
def test_the_reference_holds_every_headline(name, least):
    headlines = {
        key
        for key, row in rows_of_cohort(name).items()
        if row["analysis"] == "cox"
        and row["statistic"] == "hazard_ratio"
        and row["status"] == "ok"
        and row["subgroup"] is None
        and (row["model"] == "adjusted" or (row["model"] == "arm_only" and row["estimator"] != "unadjusted"))
    }
    assert len({key[0] for key in headlines}) > least
    assert not headlines - set(reference_of(name))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
@pytest.mark.parametrize("name", REAL_COHORTS)
def test_committed_reference_is_what_r_gives(tmp_path, name):
    make_patients, make_study = REAL_COHORTS[name]
    patients = make_patients()
    patients["rank"] = priority(patients["patient_id"], seed=make_study().seed)
    patients.to_csv(tmp_path / "cohort.csv", index=False)
    live = flatten(json.loads(r_output("scenario.R", name, tmp_path / "cohort.csv")))
    reference = reference_of(name)
    assert set(live) == set(reference)
    for key, values in live.items():
        assert all(same(a, b) for a, b in zip(values, reference[key], strict=True)), key


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_the_veterans_are_those_of_r():
    live = r_output("-e", "write.csv(survival::veteran, row.names = FALSE, quote = FALSE)")
    assert live == VETERAN.read_text()


def r_output(*arguments):
    """What R prints, given the path of a script beside the references (or an option) and its arguments."""
    first, *others = arguments
    start = first if first.startswith("-") else REFERENCE / first
    return subprocess.run(["Rscript", start, *others], capture_output=True, text=True, check=True).stdout


def test_inverse_is_the_other_direction(breast):
    twins = [(key, row) for key, row in breast.items() if row["statistic"] == "hazard_ratio_inverse"]
    assert len(twins) > 100
    for (head, tail), row in twins:
        ratio = breast[head, tail.replace("0 vs 1", "1 vs 0").removesuffix("_inverse")]
        assert row["status"] == ratio["status"]
        assert (row["n"], row["events"], row["flags"]) == (ratio["n"], ratio["events"], ratio["flags"])
        if row["status"] == "ok":
            assert same(row["estimate"], 1 / ratio["estimate"], 1e-12)
            assert same(row["ci_lower"], 1 / ratio["ci_upper"], 1e-12)
            assert same(row["ci_upper"], 1 / ratio["ci_lower"], 1e-12)
            assert (row["std_error"], row["p_value"]) == (ratio["std_error"], ratio["p_value"])


def assert_promises(table):
    """What every row of every scenario promises."""
    for row in rows_of(table).values():
        assert row["status"] in set(Status)
        if row["status"] == "ok":
            assert row["reason"] is None
            assert row["estimate"] is not None, row
            assert math.isfinite(row["estimate"]) or row["statistic"] == "caliper_width", row
        else:
            # What is behind it, and what to do, may follow.
            assert row["reason"].split("; ")[0] == STATUS_REASON[row["status"]]
            assert row["estimate"] is None, row
        for name in NUMBERS:
            assert row[name] is None or not math.isnan(row[name]), row
        if row["p_value"] is not None:
            assert 0 <= row["p_value"] <= 1, row
        if row["ci_lower"] is not None and row["estimate"] is not None:
            assert row["ci_lower"] <= row["estimate"] * (1 + 1e-12), row
        if row["ci_upper"] is not None and row["estimate"] is not None:
            assert row["ci_upper"] >= row["estimate"] * (1 - 1e-12), row
        assert row["events"] is None or 0 <= row["events"] <= row["n"], row


@pytest.mark.parametrize("gap", [None, "sex"], ids=["plain", "constant"])
def test_no_flag_is_said_twice(gap):
    patients = small_patients()
    if gap:
        patients[gap] = patients[gap].iloc[0]
    flags = frame_of(patients, small_study(), SMALL)["flags"].dropna().unique()
    assert flags.size
    assert [text for text in flags if len(set(text.split(";"))) < len(text.split(";"))] == []


def test_promises_hold_on_real_patients():
    assert_promises(evaluate(breast_patients(), breast_study(), PRIMARY_SCENARIO))


def as_listed(statistic, study):
    """The statistic as the dictionary lists it: a number of the settings becomes its name."""
    for start, name, numbers in (
        ("survival_", "<time>", study.analysis.survival_times),
        ("rmst_difference_", "<time>", [study.analysis.rmst_horizon]),
        ("passes_", "<threshold>", study.analysis.balance_thresholds),
    ):
        head, _, tail = statistic.rpartition("_")
        if statistic.startswith(start) and tail in {f"{number:g}" for number in numbers}:
            return f"{head}_{name}"
    return statistic


@pytest.mark.slow
def test_the_dictionary_lists_what_a_scenario_holds_and_nothing_else():
    found = {
        (row["analysis"], as_listed(row["statistic"], make_study()))
        for name, (_, make_study) in REAL_COHORTS.items()
        for row in rows_of_cohort(name).values()
    }
    kinds = ("rmst_difference", "survival_difference", "median_difference")
    study = breast_study()
    declared = [MeasureSettings(measure=kind) for kind in ("hazard_ratio", *kinds)]
    measures = measures_of(declared, study.analysis.rmst_horizon, study.analysis.survival_times)
    frame = frame_of(breast_patients(), replace(study, measures=measures), PRIMARY_SCENARIO)
    found |= {
        (row.analysis, as_listed(row.statistic, study))
        for row in frame[["analysis", "statistic"]].drop_duplicates().itertuples()
    }
    assert found == {(analysis, name) for analysis, listed in STATISTICS.items() for name in listed}


def test_the_dictionary_lists_every_flag():
    patients = small_patients(400, seed=5)
    patients["sex"] = np.where(patients.dose >= 60, "male", "female")
    patients.loc[patients.groupby("sex").head(4).index, "sex"] = ["male", "female"] * 4
    constant = small_patients().assign(sex="male")
    partly = small_patients(60).assign(response=lambda rows: rows.response.replace("yes", "no"))
    grades = breast_patients()
    grades = grades[grades.grade != "III"]
    frames = [frame_of(cohort, small_study(), SMALL) for cohort in (patients, constant, partly)]
    frames.append(frame_of(grades, breast_study(), PRIMARY_SCENARIO))
    flags = {
        flag for frame in frames for text in frame["flags"].dropna().unique() for flag in text.split(";")
    }
    named = {re.sub(":.*=.*", ":<name>=<level>", flag) for flag in flags}
    assert {re.sub(r":[^<].*", ":<name>", flag) for flag in named} == set(FLAGS)


def headlines(frame):
    return frame[
        (frame.analysis == "cox")
        & (frame.statistic == "hazard_ratio")
        & (frame.ties == "efron")
        & (frame.variable == "arm")
        & frame.subgroup.isna()
        & frame.model.isin(["arm_only", "adjusted"])
    ]


def statuses(patients, scenario=SMALL, **analysis):
    frame = frame_of(patients, small_study(**analysis), scenario)
    rows = headlines(frame)
    rows = rows[(rows.population == "all") & (rows.landmark == 0)]
    return {
        (estimator, name if isinstance(name, str) else ""): set(group.status)
        for (estimator, name), group in rows.groupby(["estimator", "adjustment_set"], dropna=False)
    }


def only(status):
    return {(estimator, name): {status} for estimator in Estimator for name in ("late", "early")} | {
        ("unadjusted", ""): {status}
    }


def without_unadjusted_sets(expected):
    return {key: value for key, value in expected.items() if key[0] != "unadjusted" or not key[1]}


def test_estimable_cohort_is_estimated_everywhere():
    assert statuses(small_patients()) == without_unadjusted_sets(only("ok"))


def test_nobody_above_the_cutoff_is_an_empty_arm():
    patients = small_patients()
    patients["dose"] = 50.0
    assert statuses(patients) == without_unadjusted_sets(only("empty_arm"))


def test_four_deaths_in_an_arm_are_too_few_and_five_are_not():
    patients = small_patients()
    low = patients.index[patients.dose < 60]
    patients["event"] = patients["event"].mask(patients.index.isin(low), 0)
    deaths = low[:4]
    patients.loc[deaths, "event"] = 1
    assert statuses(patients)["unadjusted", ""] == {"too_few_events"}
    assert statuses(patients)["adjusted", "late"] == {"too_few_events"}
    assert statuses(patients)["overlap", "late"] == {"too_few_events"}
    patients.loc[low[4], "event"] = 1
    assert statuses(patients)["unadjusted", ""] == {"ok"}


def test_no_deaths_at_all_are_too_few_events():
    patients = small_patients()
    patients["event"] = 0
    assert set.union(*statuses(patients).values()) == {"too_few_events"}


def distinct_scores():
    """An adjustment set whose scores are all far apart."""
    patients = small_patients(40)
    patients["lesions"] = np.arange(40) ** 1.5
    return patients


def test_no_pairs_is_said_everywhere_after_matching():
    frame = frame_of(distinct_scores(), small_study(), (*SMALL[:3], 1e-9))
    after = frame[
        (frame.population == "all") & (frame.estimator == "matched") & (frame.adjustment_set == "early")
    ]
    whole = after[after.landmark == 0]
    cox = whole[whole.analysis.isin(["cox", "log_rank", "kaplan_meier", "rmst", "interaction", "ph_test"])]
    assert set(cox.status) == {"no_pairs"}
    assert cox.estimate.isna().all()


def test_a_covariate_that_decides_the_arm_is_separation_where_it_is_used():
    patients = small_patients()
    patients["response"] = np.where(patients.dose >= 60, "yes", "no")
    found = statuses(patients)
    for estimator in ("matched", "overlap", "iptw"):
        assert found[estimator, "late"] == {"separation"}
        assert found[estimator, "early"] == {"ok"}
    assert found["unadjusted", ""] == {"ok"}


def test_an_arm_whose_patients_outlive_the_other_is_separation():
    patients = small_patients()
    high = patients.dose >= 60
    patients["time"] = np.where(high, 40.0 + patients.time, np.minimum(patients.time, 39))
    patients["event"] = 1
    assert statuses(patients)["unadjusted", ""] == {"separation"}


def test_a_constant_covariate_is_named_and_the_rest_is_estimated():
    patients = small_patients()
    patients["sex"] = "male"
    frame = frame_of(patients, small_study(), SMALL)
    frame = frame[frame.population == "all"]
    univariate = frame[
        (frame.model == "univariate") & (frame.variable == "sex") & (frame.estimator == "unadjusted")
    ]
    assert set(univariate.status) == {"constant"}
    adjusted = frame[(frame.model == "adjusted") & (frame.landmark == 0) & (frame.ties == "efron")]
    assert set(adjusted[adjusted.variable == "sex"].status) == {"constant"}
    assert set(adjusted[adjusted.variable == "arm"].status) == {"ok"}
    assert set(headlines(frame)[lambda rows: rows.estimator == "matched"].status) == {"ok"}


def study_with(name, entry):
    """The small study with one more covariate, alone in a set beside the volume."""
    config = small_config()
    config["covariates"][name] = {"column": name, "role": "baseline"} | entry
    config["adjustment_sets"] = {"one": {"covariates": [name, "gtv"]}}
    return Study.from_config(config)


def test_a_number_tied_to_the_arm_has_a_status_and_the_rest_is_estimated():
    patients = small_patients()
    high = patients.dose >= 60
    noise = np.random.default_rng(1).normal(0, 0.0005, len(patients))
    patients["planned"] = np.where(high, 70.0, 50.0) + noise
    frame = frame_of(patients, study_with("planned", {"type": "continuous"}), SMALL)
    heads = headlines(frame)
    heads = heads[heads.landmark == 0]
    assert set(heads[heads.estimator != "unadjusted"].status) <= {
        "separation",
        "near_separation",
        "collinear",
    }
    assert set(heads[heads.estimator == "unadjusted"].status) == {"ok"}
    ok = frame[(frame.status == "ok") & (frame.statistic == "hazard_ratio")]
    assert np.isfinite(ok[["estimate", "std_error", "ci_lower", "ci_upper"]].astype(float)).all(axis=None)
    assert (ok.ci_lower > 0).all()


def test_a_rare_level_that_separates_is_named_with_what_to_do():
    patients = small_patients().astype({"sex": object})
    (rare,) = patients.index[patients.dose >= 60][:1]
    patients["cell"] = np.where(patients.index % 2 == 0, "large", "small")
    patients.loc[rare, "cell"] = "other"
    entry = {"type": "categorical", "levels": ["large", "small", "other"]}
    frame = frame_of(patients, study_with("cell", entry), SMALL)
    weighted = headlines(frame)[lambda rows: (rows.estimator == "overlap") & (rows.population == "all")]
    assert set(weighted.status) == {"separation"}
    (reason,) = set(weighted.reason)
    assert "cell: level `other`" in reason
    assert "covariates.cell.merge" in reason
    merged = entry | {"levels": ["large", "small"], "merge": {"small": ["small", "other"]}}
    study = study_with("cell", merged)
    patients["cell"] = patients["cell"].replace({"other": "small"})
    assert "separation" not in set(headlines(frame_of(patients, study, SMALL)).status)


def test_a_level_that_nobody_has_is_dropped_as_a_level():
    patients = small_patients()
    entry = {"type": "categorical", "levels": ["male", "female", "unknown"]}
    config = small_config()
    config["covariates"]["sex"] |= entry
    frame = frame_of(patients, Study.from_config(config), SMALL)
    flags = {
        flag for text in frame["flags"].dropna() for flag in text.split(";") if flag.startswith("dropped")
    }
    assert flags == {"dropped_level:sex=unknown"}


def missing_of(frame, population=PRIMARY):
    rows = frame[
        (frame.analysis == "missing") & (frame.estimator == "unadjusted") & (frame.population == population)
    ]
    return dict(zip(rows.variable, rows.estimate, strict=True))


def test_missing_values_are_counted_and_each_analysis_takes_who_it_can():
    patients = small_patients().astype({"sex": object})
    patients.loc[[3, 8, 21], "gtv"] = np.nan
    patients.loc[[4, 8], "age"] = np.nan
    patients.loc[[5], "sex"] = None
    patients.loc[[6, 7], "lesions"] = np.nan
    frame = frame_of(patients, small_study(), SMALL)
    cox = frame[(frame.analysis == "cox") & (frame.population == "all") & (frame.landmark == 0)]
    cox = cox[(cox.ties == "efron") & (cox.statistic == "hazard_ratio") & cox.subgroup.isna()]

    def n(**labels):
        rows = cox
        for name, value in labels.items():
            rows = rows[rows[name] == value]
        return set(rows.n)

    assert n(estimator="unadjusted", model="arm_only") == {120}
    assert n(estimator="unadjusted", model="univariate", variable="gtv") == {117}
    assert n(estimator="unadjusted", model="univariate", variable="age") == {118}
    assert n(estimator="unadjusted", model="univariate", variable="state") == {118}
    assert n(estimator="unadjusted", model="pre_specified") == {117}
    assert n(estimator="overlap", adjustment_set="late") == {116}
    assert n(estimator="adjusted", adjustment_set="late") == {116}
    # Lesions are added in `all`: 3 volumes, 2 ages (one of them the same patient), a sex, 2 lesion counts.
    assert n(estimator="iptw", adjustment_set="early") == {113}
    assert missing_of(frame, "all") == {"gtv": 3, "age": 2, "sex": 1, "state": 2}
    # Whose lesions are not known is in neither subpopulation.
    sizes = frame[
        (frame.analysis == "descriptive") & (frame.variable == "all") & (frame.estimator == "unadjusted")
    ]
    sizes = dict(zip(sizes.population, sizes.estimate, strict=True))
    assert sizes["all"] == 120
    assert sizes["non_oligometastatic"] + sizes["oligometastatic"] == 118


def test_missing_values_of_a_covariate_without_groups_are_counted():
    frame = frame_of(breast_patients(), breast_study(), PRIMARY_SCENARIO)
    primary = breast_patients()[lambda patients: patients.lesions >= 3]
    assert missing_of(frame)["estrogen"] == primary.estrogen.isna().sum()


def test_a_landmark_keeps_who_lived_to_it():
    patients = small_patients()
    patients.loc[:4, "time"] = 6.0
    frame = frame_of(patients, small_study(), SMALL)
    rows = headlines(frame)
    rows = rows[(rows.population == "all") & (rows.estimator == "unadjusted") & (rows.landmark == 6)]
    assert set(rows.n) == {int((patients.time >= 6).sum())}


def test_flags_go_with_post_treatment_covariates():
    frame = frame_of(small_patients(), small_study(), SMALL)
    flagged = frame["flags"].fillna("").str.contains("post_treatment_covariate")
    assert flagged[frame.adjustment_set == "late"].all()
    plain = (frame.adjustment_set == "early") & frame.estimator.isin(["overlap", "iptw", "adjusted"])
    assert plain.any()
    assert not flagged[plain].any()
    assert flagged[frame.subgroup.fillna("").str.startswith("response=")].all()
    assert flagged[frame.model == "pre_specified"].all()


def test_every_population_and_estimator_has_its_headlines():
    rows = headlines(frame_of(small_patients(), small_study(), SMALL))
    variance = rows.estimator.map(
        {
            "unadjusted": "model",
            "adjusted": "model",
            "matched": "clustered",
            "overlap": "robust",
            "iptw": "robust",
        }
    )
    rows = rows[rows.variance == variance].fillna({"adjustment_set": "", "landmark_order": ""})
    found = set(
        rows[["population", "estimator", "adjustment_set", "landmark", "landmark_order"]].itertuples(
            index=False, name=None
        )
    )
    orders = {0.0: [""], 6.0: ["match_then_landmark", "landmark_then_match"]}
    expected = {
        (population, estimator, name, landmark, order)
        for population in Population
        for estimator in Estimator
        for name in ([""] if estimator == "unadjusted" else ["late", "early"])
        for landmark in (0.0, 6.0)
        for order in (orders[landmark] if estimator == "matched" else [""])
    }
    assert found == expected
    assert len(rows) == len(expected)


def test_extreme_weights_are_flagged_and_kept():
    patients = small_patients(400, seed=5)
    patients["sex"] = np.where(patients.dose >= 60, "male", "female")
    patients.loc[patients.index[patients.dose >= 60][:4], "sex"] = "female"
    patients.loc[patients.index[patients.dose < 60][:4], "sex"] = "male"
    frame = frame_of(patients, small_study(), SMALL)
    frame = frame[(frame.population == "all") & (frame.landmark == 0)]
    iptw = frame[(frame.estimator == "iptw") & (frame.adjustment_set == "early")]
    assert iptw[iptw.statistic == "largest_weight"].estimate.item() > 20
    rows = headlines(iptw)
    assert set(rows.status) == {"ok"}
    assert rows["flags"].str.contains("extreme_weights").all()
    overlap = headlines(frame[(frame.estimator == "overlap") & (frame.adjustment_set == "early")])
    assert not overlap["flags"].fillna("").str.contains("extreme").any()


def test_confidence_level_and_curve_type_reach_the_rows():
    wide = frame_of(small_patients(), small_study(confidence_level=0.99, survival_conf_type="plain"), SMALL)
    usual = frame_of(small_patients(), small_study(), SMALL)
    for kind in ("cox", "kaplan_meier", "rmst"):
        a = wide[(wide.analysis == kind) & wide.ci_lower.notna()]
        b = usual.loc[a.index]
        pd.testing.assert_series_equal(a.estimate, b.estimate)
        assert (a.ci_upper - a.ci_lower).sum() > (b.ci_upper - b.ci_lower).sum() * 1.1
    row = wide[(wide.statistic == "survival_12") & (wide.level == "all") & (wide.population == "all")].iloc[0]
    assert row.ci_upper - row.estimate == pytest.approx(2.5758293035489004 * row.std_error, rel=1e-12)
