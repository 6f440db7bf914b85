"""Each kind of option changes what it says and nothing else: against studies declared so throughout."""

import copy
import math
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from lifelines import CoxPHFitter
from lifelines.datasets import load_gbsg2, load_lung
from test_multiverse import by_label, plain

from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.estimators.splines import quantile_knots, restricted_cubic_spline
from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.joint_inference import gates_of, infer
from survival_multiverse.inference.resampling import (
    Resample,
    all_keys,
    cutoff_cells,
    draw,
    evaluate,
    resample,
    resampled_keys,
)
from survival_multiverse.inference.robustness import (
    count_failures,
    distinct_rows,
    first_scenarios,
    specifications,
    summarise_blocks,
)
from survival_multiverse.scenario.evaluation import MATCH_FIRST
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import merge_configs, validate_config, without_absent_roles

DEFAULT = yaml.safe_load((Path(__file__).parents[2] / "config/config.yaml").read_text(encoding="utf-8"))
PRIMARY = {"oligo_threshold": 3, "dose_cutoff": 20, "gtv_cutoff": 25, "caliper": 0.2}
BREAST = {
    "study": {"title": "Breast cancer", "seed": 9, "primary": PRIMARY},
    "decisions": {name: [value] for name, value in PRIMARY.items()},
    "cohort": {
        "source": "file",
        "file": "women.csv",
        "id": "id",
        "time": {"column": "time", "unit": "days"},
        "event": {"column": "cens"},
        "dose": {"column": "progrec", "unit": "fmol", "range": [0, 5000]},
        "gtv": {"column": "tsize", "unit": "mm", "range": [1, 200]},
        "lesions": {"column": "pnodes", "unit": "nodes", "range": [1, 100]},
    },
    "covariates": {
        "hormone": {"column": "horTh", "type": "categorical", "levels": ["no", "yes"], "role": "baseline"},
        "age": {"column": "age", "type": "continuous", "cut": 50, "role": "baseline"},
        "grade": {
            "column": "tgrade",
            "type": "categorical",
            "levels": ["I", "II", "III"],
            "role": "baseline",
        },
        "estrogen": {"column": "estrec", "type": "continuous", "role": "baseline"},
    },
    "adjustment_sets": {
        "few": {"covariates": ["hormone", "age"]},
        "many": {
            "covariates": ["hormone", "age", "grade", "estrogen", "gtv"],
            "covariates_in_all": ["lesions"],
        },
    },
    "analysis": {
        "survival_times": [365, 1000],
        "rmst_horizon": 1000,
        "landmarks": [200],
        "multivariable": ["gtv", "grade"],
        "interactions": ["hormone"],
        "tie_break_draws": 4,
        "repeated_tie_breaks": 3,
    },
    "inference": {"draws": 5, "landmarks": [0]},
}


@cache
def women():
    """GBSG2 (Schumacher 1994), every other row: gaps, another outcome, another assay, groups of doses."""
    raw = load_gbsg2().iloc[::2].reset_index(drop=True)
    row = np.arange(len(raw))
    return raw.assign(
        id=[f"w{number:03d}" for number in row],
        tsize=raw.tsize.astype(float).mask(row % 61 == 5),
        age=raw.age.astype(float).mask(row % 47 == 3),
        tgrade=raw.tgrade.astype(object).where(row % 53 != 7, None),
        estrec=np.round(np.log1p(raw.estrec), 2),
        early=raw.time.clip(upper=900).mask(row % 31 == 2),
        early_death=((raw.cens == 1) & (raw.time <= 900)).astype(float).mask(row % 31 == 2),
        assay=np.round(raw.progrec * 0.7 + row % 7).mask(row % 43 == 4),
        dose_group=np.array(["none", "low", "high"], dtype=object)[np.digitize(raw.progrec, [10, 60])],
        site=np.array(["A", "B", "C"], dtype=object)[row % 3],
    )


def breast(**user):
    """The settings of `BREAST` with others on top, checked."""
    config = merge_configs(merge_configs(DEFAULT, BREAST), user)
    config = without_absent_roles(
        config, DEFAULT | {"decisions": merge_configs(DEFAULT, BREAST)["decisions"]}
    )
    validate_config(config)
    return config


def decided(name, *options, kind="equivalent", **user):
    """A study with one decision more, whose first option changes nothing unless it says so."""
    return breast(decisions={name: {"type": kind, "options": list(options)}}, **user)


def prepared(config, frame):
    study = Study.from_config(config)
    return study, prepare_cohort(frame, study).patients


def tables_of(config, frame):
    """The rows of each scenario without its options, by the scenario."""
    study, patients = prepared(config, frame)
    found = {}
    for scenario, table in evaluate_panel(patients, study, study.grid):
        found[scenario] = plain(table.to_pandas()).drop(columns=list(study.decisions))
    return found


def only(tables):
    (table,) = tables.values()
    return table


def named(tables, option):
    """The rows of the scenario with an option of the last decision."""
    return only({scenario: table for scenario, table in tables.items() if scenario[-1] == option})


def assert_equal_estimates(one, other):
    assert len(one) > 300
    one, other = by_label(one), by_label(other)
    assert one.index.is_unique
    pd.testing.assert_frame_equal(
        one, other.loc[one.index], check_exact=False, rtol=1e-10, atol=1e-10, check_dtype=False
    )
    assert len(one) == len(other)
    assert (one.status == "ok").mean() > 0.5


@cache
def declared():
    """The study as it is declared: what an option that changes nothing must give."""
    return only(tables_of(breast(), women()))


# --- an option is a study of its own


KEPT = {
    "not (grade == I and age < 60)": lambda frame: frame.tgrade.isin(["II", "III"]) | (frame.age >= 60),
    "18 <= age < 60 and not (site == B)": lambda frame: frame.age.between(18, 59) & (frame.site != "B"),
    "lesions <= 12 or progrec > 100": lambda frame: (frame.pnodes <= 12) | (frame.progrec > 100),
    "gtv is known and menostat in (Post)": lambda frame: frame.tsize.notna() & (frame.menostat == "Post"),
}


@pytest.mark.parametrize("condition", KEPT)
def test_keep_is_the_study_of_the_filtered_file(condition):
    tables = tables_of(decided("who", {"value": "all"}, {"value": "some", "keep": condition}), women())
    filtered = women()[KEPT[condition](women())]
    assert 100 < len(filtered) < len(women())
    assert_equal_estimates(named(tables, "some"), only(tables_of(breast(), filtered)))
    assert_equal_estimates(named(tables, "all"), declared())


def test_endpoint_is_the_study_of_its_columns():
    early = {"time": "early", "event": "early_death", "label": "Early death", "plural": "early deaths"}
    options = [{"value": "whole"}, {"value": "early", "endpoint": early}]
    tables = tables_of(decided("outcome", *options, kind="non_equivalent"), women())
    cohort = copy.deepcopy(BREAST["cohort"])
    cohort["time"]["column"], cohort["event"]["column"] = "early", "early_death"
    assert_equal_estimates(named(tables, "early"), only(tables_of(breast(cohort=cohort), women())))
    assert_equal_estimates(named(tables, "whole"), declared())


def test_exposure_is_the_study_of_its_column():
    other = {"value": "assay", "exposure": {"column": "assay", "range": [0, 5000]}}
    tables = tables_of(decided("measured", {"value": "first"}, other, kind="non_equivalent"), women())
    cohort = copy.deepcopy(BREAST["cohort"])
    cohort["dose"]["column"] = "assay"
    assert_equal_estimates(named(tables, "assay"), only(tables_of(breast(cohort=cohort), women())))
    assert_equal_estimates(named(tables, "first"), declared())


def in_groups(levels, **more):
    """Settings of an exposure in groups, in place of a dose."""
    dose = {"column": "dose_group", "levels": levels, **more}
    primary = {name: value for name, value in PRIMARY.items() if name != "dose_cutoff"}
    config = merge_configs(DEFAULT, BREAST)
    config["decisions"] = {name: own for name, own in config["decisions"].items() if name != "dose_cutoff"}
    config["study"] = config["study"] | {"primary": primary}
    config["cohort"] = config["cohort"] | {"dose": dose}
    return config


def test_compare_is_the_study_of_two_groups():
    pairs = {"low_none": ["none", "low"], "high_none": ["none", "high"], "low_high": ["high", "low"]}
    config = in_groups(["none", "low", "high"])
    options = [{"value": name, "compare": pair} for name, pair in pairs.items()]
    config["decisions"]["pair"] = {"type": "non_equivalent", "options": options}
    validate_config(config)
    tables = tables_of(config, women())
    for name, (reference, other) in pairs.items():
        frame = women()[women().dose_group.isin([reference, other])]
        frame = frame.assign(progrec=(frame.dose_group == other).astype(float))
        one = breast(decisions={"dose_cutoff": [1]}, study={"primary": {"dose_cutoff": 1}})
        assert_equal_estimates(named(tables, name), only(tables_of(one, frame)))


def test_two_groups_are_a_dose_of_0_and_1():
    config = in_groups(["none or low", "high"], names=["Little", "Much"])
    validate_config(config)
    frame = women().assign(
        dose_group=np.where(women().dose_group == "high", "high", "none or low"),
        progrec=(women().dose_group == "high").astype(float),
    )
    assert Study.from_config(config).arm_names == ("Little", "Much")
    one = breast(decisions={"dose_cutoff": [1]}, study={"primary": {"dose_cutoff": 1}})
    assert_equal_estimates(only(tables_of(config, frame)), only(tables_of(one, frame)))


def recoded(name, **changes):
    """The study whose covariate is declared so."""
    covariates = copy.deepcopy(BREAST["covariates"])
    covariates[name] |= changes
    covariates[name] = {key: value for key, value in covariates[name].items() if value is not None}
    return breast(covariates=covariates)


CODINGS = {
    "cut": ({"age": {"cut": 60}}, lambda: recoded("age", cut=60)),
    "linear": ({"age": {"linear": True}}, lambda: recoded("age", cut=None)),
    "cut_of_linear": ({"estrogen": {"cut": 3}}, lambda: recoded("estrogen", cut=3)),
    "merge": (
        {"grade": {"merge": {"I or II": ["I", "II"]}}},
        lambda: recoded("grade", levels=["I or II", "III"], merge={"I or II": ["I", "II"]}),
    ),
    "merge_to_a_level": (
        {"grade": {"merge": {"III": ["II", "III"]}}},
        lambda: recoded("grade", levels=["I", "III"], merge={"III": ["II"]}),
    ),
}


@pytest.mark.parametrize("name", CODINGS)
def test_coding_is_the_study_whose_covariate_is_declared_so(name):
    coding, other = CODINGS[name]
    tables = tables_of(decided("code", {"value": "own"}, {"value": "other", "coding": coding}), women())
    assert_equal_estimates(named(tables, "other"), only(tables_of(other(), women())))
    assert_equal_estimates(named(tables, "own"), declared())


def test_a_factor_that_an_option_codes_as_a_number_is_not_tested_for_interaction():
    analysis = {"interactions": ["age", "hormone"]}
    options = [{"value": "cut"}, {"value": "linear", "coding": {"age": {"linear": True}}}]
    tables = tables_of(decided("code", *options, analysis=analysis), women())
    assert_equal_estimates(named(tables, "linear"), only(tables_of(recoded("age", cut=None), women())))
    assert_equal_estimates(named(tables, "cut"), only(tables_of(breast(analysis=analysis), women())))


def test_caliper_sd_is_that_of_the_analysis():
    options = [{"value": "all"}, {"value": "within_arm", "caliper_sd": "within_arm"}]
    tables = tables_of(decided("scale", *options), women())
    other = breast(analysis={"caliper_sd": "within_arm"})
    assert_equal_estimates(named(tables, "within_arm"), only(tables_of(other, women())))
    assert_equal_estimates(named(tables, "all"), declared())
    assert not named(tables, "all").estimate.equals(named(tables, "within_arm").estimate)


def test_complete_cases_of_every_covariate_is_the_study_of_the_complete_rows():
    options = [{"value": "each"}, {"value": "every", "complete_cases": "every_covariate"}]
    tables = tables_of(decided("gaps", *options), women())
    complete = women().dropna(subset=["horTh", "age", "tgrade", "estrec", "tsize", "pnodes"])
    assert 20 < len(women()) - len(complete) < 60
    assert_equal_estimates(named(tables, "every"), only(tables_of(breast(), complete)))
    assert_equal_estimates(named(tables, "each"), declared())


def test_adjustment_sets_and_estimators_leave_rows_out_and_change_none():
    options = [
        {"value": "all"},
        {"value": "few", "adjustment_sets": ["few"]},
        {"value": "weights", "estimators": ["overlap", "iptw"]},
        {"value": "both", "adjustment_sets": ["many"], "estimators": ["matched"]},
    ]
    tables = tables_of(decided("how", *options), women())
    whole = declared()
    free = whole.adjustment_set.isna()
    used = {
        "all": free | True,
        "few": free | (whole.adjustment_set == "few"),
        "weights": free | whole.estimator.isin(["unadjusted", "overlap", "iptw"]),
        "both": free | ((whole.adjustment_set == "many") & whole.estimator.isin(["unadjusted", "matched"])),
    }
    for name, rows in used.items():
        one, other = by_label(named(tables, name)), by_label(whole[rows])
        assert set(one.index) == set(other.index)
        pd.testing.assert_frame_equal(one, other.loc[one.index], rtol=1e-10, atol=1e-10)


def test_several_options_at_once_change_all_that_each_says():
    config = breast(
        decisions={
            "who": {"type": "uncertain", "options": ["all", {"value": "some", "keep": "site != A"}]},
            "code": {
                "type": "equivalent",
                "options": ["own", {"value": "cut", "coding": {"age": {"cut": 60}}}],
            },
            "scale": {"type": "equivalent", "options": ["all", {"value": "own", "caliper_sd": "within_arm"}]},
        }
    )
    tables = tables_of(config, women())
    assert len(tables) == 8
    filtered = women()[women().site != "A"]
    for (*_, who, code, scale), table in tables.items():
        covariates = copy.deepcopy(BREAST["covariates"])
        covariates["age"]["cut"] = 60 if code == "cut" else 50
        analysis = {"caliper_sd": "within_arm" if scale == "own" else "all"}
        other = breast(covariates=covariates, analysis=analysis)
        assert_equal_estimates(table, only(tables_of(other, filtered if who == "some" else women())))


# --- splines


def harrell_by_hand(x, knots):
    """Restricted cubic spline columns, written out for each knot (Harrell 2015, section 2.4.5)."""
    columns = [np.array(x, dtype=float)]
    a, z = knots[-2], knots[-1]
    for knot in knots[:-2]:
        column = []
        for value in x:
            terms = [max(value - at, 0.0) ** 3 for at in (knot, a, z)]
            column.append(terms[0] - terms[1] * (z - knot) / (z - a) + terms[2] * (a - knot) / (z - a))
        columns.append(np.array(column) / (z - knots[0]) ** 2)
    return np.column_stack(columns)


# R 4: splines::ns(c(28, 35, 41, 46, 53, 58, 63, 68, 75), knots = 53, Boundary.knots = c(35, 68))
AGES = [28, 35, 41, 46, 53, 58, 63, 68, 75]
NS = [
    [-0.310931226094, 0.2137652179396],
    [0.0, 0.0],
    [0.258109916325, -0.1698748098973],
    [0.436829306884, -0.2536380497172],
    [0.572668232543, -0.1891639553278],
    [0.559023387232, 0.0327589633654],
    [0.475357182050, 0.3659528801017],
    [0.356680296931, 0.7547822958596],
    [0.182363499114, 1.3121250943590],
]


def test_a_spline_spans_the_same_curves_as_in_r():
    ours = restricted_cubic_spline(np.array(AGES, dtype=float), (35, 53, 68))
    np.testing.assert_allclose(ours, harrell_by_hand(AGES, (35, 53, 68)), rtol=1e-12)
    theirs = np.array(NS)
    assert ours.shape == theirs.shape == (9, 2)
    for one, other in ((ours, theirs), (theirs, ours)):
        design = np.column_stack([np.ones(9), one])
        left = other - design @ np.linalg.lstsq(design, other, rcond=None)[0]
        np.testing.assert_allclose(left, 0, atol=1e-7 * np.abs(other).max())


KNOTS = {"age": [35, 53, 68], "estrogen": [0.5, 2.5, 4.5, 6]}


def test_knots_are_a_spline_of_lifelines_in_the_adjusted_model():
    options = ["own", {"value": "spline", "coding": {name: {"knots": at} for name, at in KNOTS.items()}}]
    table = named(tables_of(decided("code", *options), women()), "spline")
    row = table[
        (table.population == "non_oligometastatic")
        & (table.adjustment_set == "many")
        & (table.estimator == "adjusted")
        & (table.landmark == 0)
        & table.subgroup.isna()
        & (table.analysis == "cox")
        & (table.variable == "arm")
        & (table.statistic == "hazard_ratio")
        & (table.ties == "efron")
    ]
    assert len(row) == 1
    part = women().dropna(subset=["age", "tgrade", "tsize"])
    part = part[part.pnodes >= 3]
    spline = [
        harrell_by_hand(part[column], KNOTS[name])
        for name, column in (("age", "age"), ("estrogen", "estrec"))
    ]
    columns = [
        part.progrec >= 20,
        part.horTh == "yes",
        part.tgrade == "II",
        part.tgrade == "III",
        part.tsize >= 25,
    ]
    frame = pd.DataFrame(np.column_stack([*columns, *spline]).astype(float))
    frame = (frame - frame.mean()) / frame.std().mask(frame.columns == 0, 1.0)
    frame = frame.assign(time=part.time.to_numpy(), event=part.cens.to_numpy())
    fit = CoxPHFitter().fit(frame, "time", "event", fit_options={"precision": 1e-10})
    assert row.estimate.item() == pytest.approx(math.exp(fit.params_[0]), rel=1e-6)
    assert row.std_error.item() == pytest.approx(fit.standard_errors_[0], rel=1e-6)
    assert row.n.item() == len(part)


def test_splines_of_the_score_are_knots_at_quantiles_and_leave_the_adjusted_model():
    linear = recoded("age", cut=None)
    options = ["straight", {"value": "splines", "score": "splines"}]
    config = decided("form", *options, covariates=linear["covariates"])
    tables = tables_of(config, women())
    straight, splines = named(tables, "straight"), named(tables, "splines")
    at = {"age": women().age.dropna(), "estrogen": women().estrec}
    knots = {name: {"knots": list(np.quantile(values, (0.1, 0.5, 0.9)))} for name, values in at.items()}
    assert knots["age"]["knots"] == list(quantile_knots(at["age"].to_numpy()))
    other = decided("form", "own", {"value": "splines", "coding": knots}, covariates=linear["covariates"])
    coded = named(tables_of(other, women()), "splines")
    # In everybody the count has a spline in the score, too, which no coding gives.
    balanced, rest = ["matched", "overlap", "iptw"], ["unadjusted", "adjusted"]

    def part(table, estimators):
        # The doubly robust estimate has a score, too.
        kept = (table.population != "all") & ~table.analysis.isin(["propensity", "doubly_robust"])
        return table[kept & table.estimator.isin(estimators)]

    def of_arms(table):
        return table[table.variable.isin(["arm"]) & ~table.model.isin(["selected"])]

    assert_equal_estimates(part(splines, rest), part(straight, rest))
    assert_equal_estimates(of_arms(part(splines, balanced)), of_arms(part(coded, balanced)))

    def weighted(table):
        of_set = (table.adjustment_set == "many") & (table.analysis == "cox")
        return table[of_set & (table.estimator == "overlap")].estimate.to_numpy(float)

    assert not np.allclose(weighted(straight), weighted(splines), equal_nan=True)


# --- inference over all scenarios


def whole_engine(config, frame, *, draws=3):
    """Everything from patients to the joint tests."""
    study, patients = prepared(config, frame)
    tables = dict(evaluate_panel(patients, study, study.grid))
    kept = [
        distinct_rows(tables[scenario].replace_schema_metadata(None), study, first=first).to_pandas()
        for scenario, first in zip(study.grid, first_scenarios(study), strict=True)
    ]
    estimates = pd.concat([plain(part) for part in kept], ignore_index=True)
    specs = specifications(estimates, study)
    cells = cutoff_cells(patients, study)
    keys, legal = all_keys(cells, study)
    observed = np.concatenate([evaluate(cell, study) for cell in cells])[legal]
    drawn = {
        kind: np.array([values for _, values in resample(patients, study, kind, range(draws))])
        for kind in Resample
    }
    inferred = infer(keys, observed, drawn, study, gates_of(keys, specs, study))
    return study, patients, estimates, specs, keys, observed, inferred


SIX = {
    "who": {
        "type": "uncertain",
        "options": ["everybody", {"value": "without_I", "keep": "grade != I"}],
    },
    "code": {
        "type": "equivalent",
        "options": [
            "groups",
            {"value": "linear", "coding": {"age": {"linear": True}}},
            {"value": "spline", "coding": {"age": {"knots": [35, 53, 68]}}},
        ],
    },
    "form": {
        "type": "equivalent",
        "options": ["straight", {"value": "splines", "score": "splines", "when": "code == linear"}],
    },
    "caliper": [0.2, "none"],
    "dose_cutoff": [10, 20],
}


@pytest.fixture(scope="module")
def six():
    return whole_engine(breast(decisions=SIX), women())


def test_observed_estimates_of_the_joint_tests_are_those_of_the_specifications(six):
    study, _, _, specs, keys, observed, _ = six
    names = resampled_keys(study)
    again = specs[(specs.landmark_order != MATCH_FIRST) & specs.estimator.isin(study.inference.estimators)]
    again = again[again.population.isin(study.inference.populations) & (again.landmark == 0)]
    again = again[again.measure == "hazard_ratio"]
    both = keys.assign(beta=observed[:, 0, 0], error=observed[:, 0, 1]).merge(
        again, on=names, how="outer", indicator=True
    )
    assert (both._merge == "both").all()
    assert len(both) == len(keys) > 100
    # Orders of repeated matching are fewer than those of the scenarios, unless they are as many.
    close = both[(both.estimator != "matched") & (both.status == "ok")]
    np.testing.assert_allclose(close.beta, close.effect, rtol=1e-9, atol=1e-10)
    np.testing.assert_allclose(close.error, close.std_error, rtol=1e-9, atol=1e-10)
    assert (both.beta.isna() == (both.status != "ok")).all()


def test_each_specification_is_there_once_and_names_what_it_depends_on(six):
    study, _, _, specs, keys, _, _ = six
    names = resampled_keys(study)
    assert not keys.duplicated(names).any()
    form = dict(zip(study.decisions, range(len(study.decisions)), strict=True))["form"]
    legal = {(scenario[form - 1], scenario[form]) for scenario in study.grid}
    assert legal == {
        ("groups", "straight"),
        ("linear", "straight"),
        ("spline", "straight"),
        ("linear", "splines"),
    }
    adjusted = specs[(specs.estimator == "adjusted") & (specs.landmark == 0)]
    assert adjusted.form.isna().all()
    assert adjusted.caliper.isna().all()
    weighted = specs[(specs.estimator == "overlap") & (specs.landmark == 0) & (specs.population != "all")]
    found = set(zip(weighted.code, weighted.form, strict=True))
    assert found == legal
    assert specs.is_primary.sum() > 0


def test_a_draw_permutes_patients_and_so_is_the_same_in_every_variant(six):
    study, patients, *_ = six
    cells = [cell for cell in cutoff_cells(patients, study) if cell.population != "all"]
    assert len(cells) == len({study.variant(cell.scenarios[0]) for cell in cells}) == 8
    everybody = max(cells, key=lambda cell: len(cell.rows))
    for kind in (Resample.PERMUTATION, Resample.BOOTSTRAP_PATIENTS, Resample.BOOTSTRAP_PAIRS):
        for number in range(3):
            whole = drawn_by_patient(everybody, kind, number, study)
            for cell in cells:
                own = drawn_by_patient(cell, kind, number, study)
                common = whole[whole.row.isin(cell.rows)].reset_index(drop=True)
                pd.testing.assert_frame_equal(own, common)
            if kind is Resample.PERMUTATION:
                before = everybody.dose[np.argsort(everybody.rows)]
                assert (whole.dose.to_numpy() != before).mean() > 0.5


def test_a_filter_on_the_exposure_keeps_the_exposures_of_whom_it_keeps():
    options = ("everybody", {"value": "exposed", "keep": "dose >= 5"})
    study, patients = prepared(decided("who", *options, kind="non_equivalent"), women())
    cells = [cell for cell in cutoff_cells(patients, study) if cell.study.filters]
    assert cells
    for cell in cells:
        one = draw(cell, Resample.PERMUTATION, 1, study)
        assert sorted(one.dose) == sorted(cell.dose)
        assert (one.dose != cell.dose).any()


def drawn_by_patient(cell, kind, number, study):
    """What a draw gives each patient, by the place in the canonical frame."""
    one = draw(cell, kind, number, study)
    uniform = one.pair_uniform if one.pair_uniform.size else np.zeros(len(one.rows))
    frame = pd.DataFrame({"row": one.rows, "dose": one.dose, "uniform": uniform})
    return frame.sort_values(["row", "dose"]).reset_index(drop=True)


def test_a_permutation_gives_another_exposure_of_the_same_patient():
    """Twice the exposure, and its cutoffs: the draws must be the same, for patients are permuted."""
    twice = women().assign(double=women().progrec * 2)
    option = {
        "value": "double",
        "exposure": {"column": "double", "range": [0, 10000]},
        "when": "dose_cutoff == 40",
    }
    config = breast(
        decisions={
            "dose_cutoff": [20, 40],
            "measured": {
                "type": "non_equivalent",
                "options": [{"value": "first", "when": "dose_cutoff == 20"}, option],
            },
        }
    )
    study, patients = prepared(config, twice)
    first, other = cutoff_cells(patients, study)
    for number in range(3):
        one, two = (draw(cell, Resample.PERMUTATION, number, study) for cell in (first, other))
        np.testing.assert_array_equal(2 * one.dose, two.dose)
        np.testing.assert_array_equal(evaluate(one, study), evaluate(two, study))


def test_pooled_rows_are_over_the_options_of_the_uncertain_decision(six):
    study, _, _, specs, _, _, inferred = six
    blocks = summarise_blocks(specs, study)
    wanted = (blocks.gate == "all") & (blocks.population == "non_oligometastatic") & (blocks.landmark == 0)
    here = blocks[wanted & (blocks.estimator == "overlap") & (blocks.measure == "hazard_ratio")]
    assert set(here.who.dropna()) == {"everybody", "without_I"}
    for keys, rows in here.groupby(["dose_cutoff", "adjustment_set"]):
        apart, pooled = rows[rows.who.notna()], rows[rows.who.isna()]
        assert len(apart) == 2
        assert len(pooled) == 1
        assert pooled.attempted.item() == apart.attempted.sum()
        values = specs[
            (specs.estimator == "overlap")
            & (specs.landmark == 0)
            & (specs.population == "non_oligometastatic")
            & (specs.dose_cutoff == keys[0])
            & (specs.adjustment_set == keys[1])
            & (specs.measure == "hazard_ratio")
        ].effect.dropna()
        assert pooled.median_estimate.item() == pytest.approx(math.exp(np.median(values)), rel=1e-12)
    assert inferred["joint_inference"].who.isna().any()
    assert inferred["joint_inference"].who.notna().any()
    assert attribute(specs, study).who.isna().any()


# --- what is refused


def own_decision(**option):
    return {"extra": {"type": "equivalent", "options": ["usual", {"value": "other", **option}]}}


REFUSED = {
    "code in a filter": (
        own_decision(keep="__import__('os')"),
        "decisions.extra.options[2].keep: `__import__` at character 1 comes before `(` at character 11; "
        "write after ",
    ),
    "a condition that forbids everything": (
        {"extra": {"type": "equivalent", "options": [{"value": "a", "when": "dose_cutoff > 50"}]}},
        "decisions: their conditions (when) forbid every combination of options; loosen one",
    ),
    "an option that nobody can reach": (
        own_decision(keep="grade != I", when="caliper > 1"),
        "decisions.extra: no scenario has the option other: its conditions are never met",
    ),
    "two options that are the same analysis": (
        {"extra": {"type": "equivalent", "options": ["one", "two"]}},
        "decisions.extra: the options one and two are the same analysis, both change nothing; remove "
        "one, or say "
        "what it changes (keep, ",
    ),
    "two options that change the same": (
        {
            "extra": {
                "type": "equivalent",
                "options": [{"value": name, "keep": "grade != I"} for name in ("one", "two")],
            }
        },
        "decisions.extra: the options one and two are the same analysis, they change the same; ",
    ),
    "two options whose filters are spaced otherwise": (
        {
            "extra": {
                "type": "equivalent",
                "options": [
                    {"value": "one", "keep": "grade != I"},
                    {"value": "two", "keep": "( grade  !=  'I' )"},
                ],
            }
        },
        "decisions.extra: the options one and two are the same analysis, they change the same; ",
    ),
    "an unknown decision in when": (
        own_decision(keep="grade != I", when="calliper == 0.2"),
        "decisions.extra.options[2].when: `calliper` is no decision of this study; did you mean `caliper`?",
    ),
    "a misspelt option in when": (
        own_decision(keep="grade != I", when="caliper == 0.3"),
        "decisions.extra.options[2].when: `0.3` is no option of caliper; ",
    ),
    "an order of names in when": (
        {
            **own_decision(keep="grade != I"),
            "more": {
                "type": "equivalent",
                "options": ["a", {"value": "b", "keep": "age > 1", "when": "extra > 3"}],
            },
        },
        "decisions.more.options[2].when: extra has no order, its options are names; use == or in (…)",
    ),
    "a name that is taken": (
        {"population": own_decision(keep="grade != I")["extra"]},
        "decisions.population: the name `population` is taken; choose another",
    ),
    "an option called none": (
        {"extra": {"type": "equivalent", "options": ["none", {"value": "b", "keep": "age > 1"}]}},
        "decisions.extra.options[1]: `none` reads as a number; give the option another name",
    ),
    "an option called 1e3": (
        {"extra": {"type": "equivalent", "options": ["1e3", {"value": "b", "keep": "age > 1"}]}},
        "decisions.extra.options[1]: `1e3` reads as a number; give the option another name",
    ),
    "an option that is a number": (
        {"extra": {"type": "equivalent", "options": [3, {"value": "b", "keep": "age > 1"}]}},
        "decisions.extra.options[1]: 3 is a number, and the decision varies none; give the option a "
        "name, or `varies`",
    ),
    "an option with a slash": (
        {"extra": {"type": "equivalent", "options": ["a/b", {"value": "b", "keep": "age > 1"}]}},
        "decisions.extra.options[1]: `a/b` is no name of an option; use letters, digits, _ . + and -, a "
        "letter first",
    ),
    "a decision without options": (
        {"extra": {"type": "equivalent", "options": []}},
        "decisions.extra: the decision has no options; give at least one",
    ),
    "a number varied twice": (
        {"extra": {"type": "equivalent", "varies": "caliper", "options": [0.1, 0.5]}},
        "decisions.extra.varies: decisions.caliper varies caliper already; give another",
    ),
    "groups compared of a number": (
        own_decision(compare=["a", "b"]),
        "decisions.extra.options[2].compare: the exposure is a number; list its levels in cohort.dose.levels",
    ),
    "a coding of what is no covariate": (
        own_decision(coding={"agee": {"cut": 50}}),
        "decisions.extra.options[2].coding.agee: `agee` is no covariate of this study; did you mean `age`?",
    ),
    "a merge of a number": (
        own_decision(coding={"age": {"merge": {"old": ["a"]}}}),
        "decisions.extra.options[2].coding.age.merge: `age` is a number; give cut, linear or knots",
    ),
    "a cut of a category": (
        own_decision(coding={"grade": {"cut": 2}}),
        "decisions.extra.options[2].coding.grade.cut: `grade` is a category; give merge",
    ),
    "a merge of all levels": (
        own_decision(coding={"grade": {"merge": {"any": ["I", "II", "III"]}}}),
        "decisions.extra.options[2].coding.grade.merge: a single level is left; keep two",
    ),
    "a merge into a level that is none of it": (
        own_decision(coding={"grade": {"merge": {"III": ["I", "II"]}}}),
        "decisions.extra.options[2].coding.grade.merge: `III` is a level that is not put together; ",
    ),
    "a level in two merges": (
        own_decision(coding={"grade": {"merge": {"low": ["I"], "other": ["I", "II"]}}}),
        "decisions.extra.options[2].coding.grade.merge: `I` is put together twice; ",
    ),
    "a merge of a misspelt level": (
        own_decision(coding={"grade": {"merge": {"low": ["I", "IIII"]}}}),
        "decisions.extra.options[2].coding.grade.merge: `IIII` is no level of grade; did you mean `III`?",
    ),
    "two codings at once": (
        own_decision(coding={"age": {"cut": 50, "linear": True}}),
        "decisions.extra.options[2].coding.age: give one of cut, linear, knots and merge",
    ),
    "two knots": (
        own_decision(coding={"age": {"knots": [40, 60]}}),
        "decisions.extra.options[2].coding.age.knots: a spline needs three knots or more, not 2",
    ),
    "an adjustment set that is none": (
        own_decision(adjustment_sets=["fewer"]),
        "decisions.extra.options[2].adjustment_sets: `fewer` is no adjustment set of this study; did "
        "you mean `few`?",
    ),
    "a primary option that its conditions forbid": (
        {
            "extra": {
                "type": "equivalent",
                "options": [{"value": "a", "keep": "age > 1", "when": "caliper == none"}, "b"],
            },
            "caliper": [0.2, "none"],
        },
        "study.primary: the conditions (when) of its options forbid it (oligo_threshold 3, dose_cutoff 20, ",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mistake_in_a_decision_is_one_message(name):
    decisions, fault = REFUSED[name]
    with pytest.raises(InputError) as caught:
        breast(decisions=decisions)
    (line,) = caught.value.faults
    assert line.startswith(fault), line


REFUSED_WITH_THE_DATA = {
    "an unknown column in a filter": (own_decision(keep="hospital == A"), "hospital"),
    "a misspelt level in a filter": (
        own_decision(keep="grade == IV"),
        "decisions.extra, option other, keep: no patient has `grade` IV; ",
    ),
    "a misspelt level of a column of the file": (
        own_decision(keep="site != a"),
        "decisions.extra, option other, keep: no patient has `site` a; ",
    ),
    "an order of texts": (
        own_decision(keep="site > 3"),
        "decisions.extra, option other, keep: `site` is a text",
    ),
    "a filter that nobody meets": (own_decision(keep="age > 900"), "no patient meets the condition"),
    "a filter that everybody meets": (
        own_decision(keep="age > 0 or age is missing"),
        "keep the same patients, so that they are the same analysis",
    ),
    "an unknown column of an outcome": (own_decision(endpoint={"time": "tiem", "event": "cens"}), "`tiem`"),
    "an unknown column of an exposure": (own_decision(exposure={"column": "asay"}), "`asay`"),
}


@pytest.mark.parametrize("name", REFUSED_WITH_THE_DATA)
def test_a_mistake_that_the_data_show_is_one_message(name):
    decisions, fault = REFUSED_WITH_THE_DATA[name]
    with pytest.raises(InputError) as caught:
        prepared(breast(decisions=decisions), women())
    (line,) = caught.value.faults
    assert fault in line, line


def without(config, *roles):
    return config | {"cohort": {name: own for name, own in config["cohort"].items() if name not in roles}}


def test_a_size_that_is_varied_and_absent_is_refused():
    config = without(merge_configs(DEFAULT, BREAST), "gtv")
    with pytest.raises(InputError, match="it varies the cutoff of the size, and the cohort has none"):
        validate_config(config)


def test_an_exposure_in_groups_has_no_cutoffs():
    config = in_groups(["none", "high"])
    config["decisions"]["dose_cutoff"] = {"varies": "dose", "type": "non_equivalent", "options": [20]}
    with pytest.raises(InputError, match="the exposure is in groups, which no cutoff divides"):
        validate_config(config)


def test_three_groups_must_be_compared():
    with pytest.raises(
        InputError, match="the exposure has 3 groups; add a decision whose options compare two"
    ):
        validate_config(in_groups(["none", "low", "high"]))


# --- cohorts without a size, without a count, in groups, small, with gaps


def small_lung(missing=0.3):
    """Sixty patients of lung (Loprinzi 1994), of whom much is not known; women and men are compared."""
    raw = load_lung().iloc[:60].reset_index(drop=True)
    random = np.random.default_rng(3)
    for column in ("age", "ph.karno", "wt.loss"):
        raw[column] = raw[column].astype(float).mask(random.random(60) < missing)
    return raw.assign(sex=raw.sex.map({1: "m", 2: "f"}))


LUNG = {
    "study": {"title": "Lung cancer", "seed": 4, "primary": {"caliper": 0.2}},
    "decisions": {
        "caliper": [0.2, "none"],
        "code": {
            "type": "equivalent",
            "options": ["cut", {"value": "linear", "coding": {"age": {"linear": True}}}],
        },
        "who": {"type": "uncertain", "options": ["all", {"value": "known", "keep": "`wt.loss` is known"}]},
    },
    "cohort": {
        "source": "file",
        "file": "lung.csv",
        "time": {"column": "time", "unit": "days"},
        "event": {"column": "status"},
        "dose": {"column": "sex", "levels": ["m", "f"], "names": ["Men", "Women"]},
    },
    "covariates": {
        "age": {"column": "age", "type": "continuous", "cut": 65, "role": "baseline"},
        "karno": {"column": "ph.karno", "type": "continuous", "role": "baseline"},
    },
    "adjustment_sets": {"both": {"covariates": ["age", "karno"]}},
    "analysis": {
        "survival_times": [365],
        "rmst_horizon": 365,
        "landmarks": [60],
        "multivariable": ["age"],
        "interactions": ["age"],
        "tie_break_draws": 3,
        "repeated_tie_breaks": 2,
    },
    "inference": {"draws": 3},
}


def test_two_named_groups_without_size_and_count_run_to_the_joint_tests():
    config = without_absent_roles(merge_configs(DEFAULT, LUNG), DEFAULT)
    validate_config(config)
    assert list(config["decisions"]) == ["caliper", "code", "who"]
    study, _, estimates, specs, keys, observed, inferred = whole_engine(config, small_lung())
    assert [study.gtv, study.lesions, study.arm_names] == [None, None, ("Men", "Women")]
    assert study.populations == (study.primary_population,) == ("all",)
    assert set(estimates.population.dropna()) == {"all"}
    assert {"gtv", "lesions", "state"}.isdisjoint(estimates.variable.dropna())
    blocks = summarise_blocks(specs, study)
    assert (blocks.estimated > 0).mean() > 0.5
    assert len(keys) == len(observed)
    # By caliper or by estimator, of two codings; beyond the landmark of the primary patients alone.
    assert keys.groupby(["landmark", "who"]).size().to_dict() == {
        (0.0, "all"): 2 * (2 + 3),
        (0.0, "known"): 2 * (2 + 3),
        (60.0, "all"): 2 * (2 + 3),
    }
    assert np.isfinite(observed).mean() > 0.5
    joint = inferred["joint_inference"]
    assert joint.p_median.notna().any()
    assert len(count_failures(estimates, study)) > 0
    assert not attribute(specs, study).empty
