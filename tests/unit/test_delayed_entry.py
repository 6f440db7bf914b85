"""Delayed entry (left truncation) against R (reference/delayed_entry.R), and its properties."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from survival_multiverse.balancing.propensity import fit_propensity
from survival_multiverse.balancing.weighting import propensity_weights, weighted_arm_model
from survival_multiverse.cohort.coarse_curves import coarse_curve
from survival_multiverse.cohort.preparation import InputError, prepare_cohort
from survival_multiverse.estimators.cox import (
    binary_cox,
    breslow_baseline,
    cox,
    likelihood_ratio_test,
    proportional_hazards_test,
)
from survival_multiverse.estimators.curves import (
    group_curves,
    kaplan_meier,
    quantile,
    restricted_mean,
    survival_at,
)
from survival_multiverse.estimators.log_rank import arm_log_rank, log_rank, log_rank_many
from survival_multiverse.inference.cross_checks import compare_with_libraries
from survival_multiverse.inference.cutpoints import audit_cutpoints
from survival_multiverse.inference.null_models import fit_covariate_null, simulate_times
from survival_multiverse.inference.resampling import Resample, all_keys, cutoff_cells, evaluate, resample
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.schema import Estimator, Status
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import merge_configs, validate_config

ROOT = Path(__file__).parents[2]
REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "delayed_entry.json").read_text())
PATIENTS = pd.read_csv(REFERENCE / "delayed_entry.csv")
SETS = ("some", "small")
AT = (2, 5, 10)


def patients(name):
    frame = PATIENTS if name == "some" else PATIENTS[PATIENTS.small == 1]
    return frame.sample(frac=1, random_state=3)


def survival(frame):
    return frame.time.to_numpy(), frame.event.to_numpy(), frame.entry.to_numpy()


def expected(values):
    return np.array([np.nan if value is None else value for value in values], dtype=float)


def assert_same(found, values, rtol=1e-9, atol=1e-12):
    np.testing.assert_allclose(found, expected(values), rtol=rtol, atol=atol)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_r_gives_the_reference_values():
    command = ["Rscript", str(REFERENCE / "delayed_entry.R"), str(REFERENCE / "delayed_entry.csv")]
    live = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert live == R


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("case", R["some"]["cox"])
def test_cox_as_r(name, case):
    """Coefficients, both errors, likelihoods, proportional hazards: ties, weights and clusters."""
    model, ties, weights, clusters = case.split("_")
    frame, values = patients(name), R[name]["cox"][case]
    time, event, entry = survival(frame)
    X = frame[["arm"] if model == "arm" else ["arm", "age", "stage"]].to_numpy(dtype=float)
    weight = frame.weight.to_numpy() if weights == "weighted" else None
    cluster = frame.pair.to_numpy() if clusters == "clustered" else None
    fit = cox(time, event, X, entry=entry, ties=ties, weight=weight, cluster=cluster, robust=True)
    assert fit.status is Status.OK
    assert_same(fit.coefficients, values["beta"])
    assert_same(np.sqrt(np.diag(fit.variance_model)), values["model"])
    assert_same(np.sqrt(np.diag(fit.variance_robust)), values["robust"])
    assert_same([fit.loglik_null, fit.loglik], values["loglik"])
    test = proportional_hazards_test(time, event, X, fit, ties=ties, weight=weight, entry=entry)
    assert_same([*test.chi2, test.chi2_global][: len(values["zph"])], values["zph"], rtol=1e-7)
    if model == "arm":
        order = np.argsort(time, kind="stable")
        unit = np.ones(len(frame)) if weight is None else weight[order]
        own = np.arange(len(frame)) if cluster is None else cluster[order]
        arrays = (time[order], event[order], frame.arm.to_numpy()[order], unit, own, ties == "efron")
        found = binary_cox(*arrays, entry[order])
        assert_same(found[:3], [values[key][0] for key in ("beta", "model", "robust")])


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("kind", ["log-log", "log", "plain"])
def test_curves_as_r(name, kind):
    frame, values = patients(name), R[name]["curve"][kind]
    time, event, entry = survival(frame)
    km = kaplan_meier(time, event, entry=entry, conf_type=kind)
    assert_same(km.time, values["time"])
    assert_same(km.n_risk, values["n_risk"])
    assert_same(km.n_event, values["n_event"])
    assert_same(km.survival, values["survival"])
    assert_same(np.where(np.isinf(km.std_error), np.nan, km.std_error), values["std_error"])
    assert_same(km.ci_lower, values["lower"])
    assert_same(km.ci_upper, values["upper"])
    middle = quantile(km)
    assert_same([middle.estimate, middle.lower, middle.upper], values["median"])
    read = survival_at(km, AT)
    assert_same(read.estimate, values["at"])
    assert_same(read.std_error, values["at_error"])
    mean = restricted_mean(km, 10)
    assert_same([mean.estimate, mean.std_error], R[name]["curve"]["rmean"])


@pytest.mark.parametrize("name", SETS)
def test_curves_of_groups_are_those_of_each(name):
    frame = patients(name).sort_values("time")
    time, event, entry = survival(frame)
    stage = frame.stage.to_numpy()
    found = group_curves(time, event, stage, 3, AT, entry=entry)
    for code, (n, events, median, readings) in enumerate(found):
        own = stage == code
        km = kaplan_meier(time[own], event[own], entry=entry[own])
        assert (n, events) == (km.n, km.events)
        assert repr(median) == repr(quantile(km))
        assert_same([reading[0] for reading in readings], survival_at(km, AT).estimate)


def fewer_ties(frame):
    """Return times of which at most two are tied, as the R script makes them."""
    place = PATIENTS.groupby("time").cumcount()
    return (frame.time + 0.01 * (place.loc[frame.index] // 2)).to_numpy()


@pytest.mark.parametrize("name", SETS)
def test_log_rank_as_r(name):
    """The score test of the exact partial likelihood is the log-rank test; two groups, three, and pairs."""
    frame, values = patients(name), R[name]["log_rank"]
    _, event, entry = survival(frame)
    time = fewer_ties(frame)
    arm, stage, pair = (frame[column].to_numpy() for column in ("arm", "stage", "pair"))
    for test, wanted in (
        (log_rank(time, event, arm, entry=entry), "arm"),
        (log_rank(time, event, stage, entry=entry), "stage"),
        (log_rank(time, event, arm, entry=entry, stratum=pair), "pairs"),
    ):
        assert_same([test.chi2, test.df], values[wanted])
    order = np.argsort(time, kind="stable")
    rows = time[order], event[order], arm[order]
    assert_same(arm_log_rank(*rows, entry=entry[order])[:2], values["arm"])
    assert_same(arm_log_rank(*rows, pair=pair[order], entry=entry[order])[:2], values["pairs"])
    chi2, df, _ = log_rank_many(time, event, np.array([arm, stage]), entry=entry)
    assert_same(np.column_stack([chi2, df]).ravel(), [*values["arm"], *values["stage"]])


@pytest.mark.parametrize("name", SETS)
def test_interaction_strata_and_baseline_as_r(name):
    frame, values = patients(name), R[name]
    time, event, entry = survival(frame)
    X = frame[["arm", "age"]].to_numpy(dtype=float)
    full = cox(time, event, np.column_stack([X, X[:, 0] * X[:, 1]]), entry=entry)
    assert_same([likelihood_ratio_test(full, cox(time, event, X, entry=entry)).chi2], values["interaction"])
    fit = cox(time, event, X, entry=entry, stratum=frame.stage.to_numpy(), cluster=frame.pair.to_numpy())
    errors = [np.sqrt(np.diag(own)) for own in (fit.variance_model, fit.variance_robust)]
    assert_same([*fit.coefficients, *np.concatenate(errors)], values["stratified"])
    fit = cox(time, event, X, entry=entry, ties="breslow")
    baseline = breslow_baseline(time, event, X, fit, entry=entry)
    reached = np.searchsorted(baseline.times, expected(values["hazard_time"]), side="right")
    assert_same(np.append(0.0, baseline.cumulative_hazard)[reached], values["hazard"])


ROWS = PATIENTS.sort_values("time", kind="stable")
X = ROWS[["arm", "age", "stage"]].to_numpy(dtype=float)


def test_entry_at_zero_is_no_entry():
    """Every number of everybody entering at 0, to the last digits."""
    time, event, _ = survival(ROWS)
    zero = np.zeros(len(ROWS))
    weight, pair = ROWS.weight.to_numpy(), ROWS.pair.to_numpy()
    for ties in ("efron", "breslow"):
        one, two = (
            cox(time, event, X, ties=ties, weight=weight, cluster=pair, entry=entry) for entry in (None, zero)
        )
        for name in ("coefficients", "variance_model", "variance_robust", "loglik", "score_chi2"):
            np.testing.assert_allclose(getattr(two, name), getattr(one, name), rtol=1e-12, atol=1e-15)
        arrays = (time, event, ROWS.arm.to_numpy(), weight, pair, ties == "efron")
        assert binary_cox(*arrays, zero) == binary_cox(*arrays)
        tests = [
            proportional_hazards_test(time, event, X, fit, ties=ties, weight=weight, entry=entry).chi2
            for fit, entry in ((one, None), (two, zero))
        ]
        np.testing.assert_allclose(tests[1], tests[0], rtol=1e-12)
    stage = ROWS.stage.to_numpy()
    for stratum in (None, pair):
        one, two = (log_rank(time, event, stage, stratum=stratum, entry=entry) for entry in (None, zero))
        assert (one.chi2, one.df) == (two.chi2, two.df)
    for name in ("time", "n_risk", "n_event", "survival", "std_error", "ci_lower", "ci_upper"):
        one, two = (getattr(kaplan_meier(time, event, entry=entry), name) for entry in (None, zero))
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_follow_up_in_two_rows_changes_nothing(ties):
    """A patient of two rows, the second entering where the first ends, is the same patient."""
    time, event, entry = survival(ROWS)
    who = np.arange(len(ROWS))
    middle = (entry + time) / 2
    split = time > 4
    rows = np.concatenate([who, who[split]])
    starts = np.concatenate([entry, middle[split]])
    ends = np.concatenate([np.where(split, middle, time), time[split]])
    deaths = np.concatenate([np.where(split, 0, event), event[split]])
    weight, stage = ROWS.weight.to_numpy(), ROWS.stage.to_numpy()
    whole = cox(time, event, X, ties=ties, weight=weight, cluster=who, entry=entry)
    parts = cox(ends, deaths, X[rows], ties=ties, weight=weight[rows], cluster=rows, entry=starts)
    for name in ("coefficients", "variance_model", "variance_robust", "loglik"):
        np.testing.assert_allclose(getattr(parts, name), getattr(whole, name), rtol=1e-9)
    one, two = log_rank(time, event, stage, entry=entry), log_rank(ends, deaths, stage[rows], entry=starts)
    np.testing.assert_allclose(two.chi2, one.chi2, rtol=1e-12)
    km, again = kaplan_meier(time, event, entry=entry), kaplan_meier(ends, deaths, entry=starts)
    np.testing.assert_allclose(survival_at(again, AT).estimate, survival_at(km, AT).estimate, rtol=1e-14)
    arm = ROWS.arm.to_numpy()
    found = []
    for t, d, a, w, c, e in (
        (time, event, arm, weight, who, entry),
        (ends, deaths, arm[rows], weight[rows], rows, starts),
    ):
        order = np.argsort(t, kind="stable")
        found.append(binary_cox(t[order], d[order], a[order], w[order], c[order], ties == "efron", e[order]))
    np.testing.assert_allclose(found[1], found[0], rtol=1e-9)


def test_likelihood_by_hand():
    """Breslow's partial likelihood over explicit risk sets is the one that is maximised."""
    time, event, entry = survival(ROWS)

    def loglik(beta):
        eta = X @ beta
        total = 0.0
        for i in np.flatnonzero(event):
            at_risk = (entry < time[i]) & (time >= time[i])
            total += eta[i] - np.log(np.exp(eta[at_risk]).sum())
        return total

    fit = cox(time, event, X, ties="breslow", entry=entry)
    np.testing.assert_allclose(fit.loglik, loglik(fit.coefficients), rtol=1e-12)
    np.testing.assert_allclose(fit.loglik_null, loglik(np.zeros(3)), rtol=1e-12)
    for j in range(3):
        step = np.eye(3)[j] * 1e-4
        around = [loglik(fit.coefficients + sign * step) for sign in (-1, 1)]
        assert max(around) < fit.loglik
        assert abs(around[1] - around[0]) / 2e-4 < 1e-5


def test_log_rank_by_hand():
    """Hypergeometric sums over explicit risk sets, with many ties."""
    time, event, entry = survival(ROWS)
    arm = ROWS.arm.to_numpy()
    difference = variance = 0.0
    for now in np.unique(time[event == 1]):
        at_risk = (entry < now) & (time >= now)
        dying = at_risk & (time == now) & (event == 1)
        n, n_1, d = at_risk.sum(), (at_risk & (arm == 1)).sum(), dying.sum()
        difference += (dying & (arm == 1)).sum() - d * n_1 / n
        if n > 1:
            variance += d * (n - d) / (n - 1) * n_1 / n * (1 - n_1 / n)
    test = log_rank(time, event, arm, entry=entry)
    np.testing.assert_allclose(test.chi2, difference**2 / variance, rtol=1e-12)


def test_a_late_group_is_never_compared():
    """Who enters after all others have left shares no risk set: constant, not a wrong number."""
    time = np.array([1.0, 2, 3, 4, 11, 12, 13, 14])
    entry = np.repeat([0.0, 10.0], 4)
    event, late = np.ones(8, dtype=np.int64), (entry > 0).astype(np.int64)
    fit = cox(time, event, late[:, None], entry=entry)
    assert fit.dropped == (0,)
    assert binary_cox(time, event, late, np.ones(8), np.arange(8), True, entry)[3] == 2
    assert log_rank(time, event, late, entry=entry).status is Status.TOO_FEW_EVENTS
    # A covariate that varies within one of the two groups alone stays.
    inside = np.column_stack([late, np.array([0, 1, 1, 0, 0, 0, 0, 0.0])])
    assert cox(time, event, inside, entry=entry).dropped == (0,)


def test_separation_within_risk_sets():
    """All who die while both kinds are at risk are of one kind: no finite maximum."""
    time = np.array([1.0, 2, 3, 4, 5, 6, 7, 8])
    entry = np.array([0.0, 0, 0, 0, 0, 0, 6.5, 6.5])
    event = np.array([1, 1, 1, 0, 0, 0, 1, 1])
    x = np.array([1, 1, 1, 0, 0, 0, 0, 0])
    other = np.array([0.1, 0.4, 0.3, 0.9, 0.2, 0.5, 0.6, 0.3])
    fit = cox(time, event, np.column_stack([x, other]), entry=entry)
    assert fit.status in (Status.SEPARATION, Status.NEAR_SEPARATION)
    assert binary_cox(time, event, x, np.ones(8), np.arange(8), True, entry)[3] in (3, 5)


def test_sums_that_cancel_are_made_anew():
    """A small risk set beside huge weights that have not entered yet keeps its digits."""
    rng = np.random.default_rng(5)
    n = 60
    late = np.arange(n) % 2 == 0
    entry = np.where(late, 50.0, 0.0)
    time = entry + np.round(rng.exponential(10, n), 2) + 0.1
    early = ~late & (time < 50)
    event, X2 = np.ones(n, dtype=np.int64), rng.normal(size=(n, 2))
    arm = (X2[:, 0] > 0).astype(np.int64)
    heavy = np.where(late, 1e13, 1.0)
    # The late ones die of nothing, so that the early ones alone decide.
    event[late] = 0
    fit = cox(time, event, X2, weight=heavy, entry=entry)
    alone = cox(time[early], event[early], X2[early])
    np.testing.assert_allclose(fit.coefficients, alone.coefficients, rtol=1e-9)
    found = []
    for kept in (np.ones(n, dtype=bool), early):
        order = np.flatnonzero(kept)[np.argsort(time[kept], kind="stable")]
        rows = time[order], event[order], arm[order], heavy[order], np.arange(len(order))
        found.append(binary_cox(*rows, True, entry[order])[:2])
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)


def test_an_entry_is_before_its_time():
    one = np.ones(3)
    for call in (
        lambda entry: cox(one, [1, 1, 0], [[0.0], [1.0], [2.0]], entry=entry),
        lambda entry: kaplan_meier(one, [1, 1, 0], entry=entry),
        lambda entry: log_rank(one, [1, 1, 0], [0, 1, 1], entry=entry),
    ):
        with pytest.raises(ValueError, match="entry must be before time"):
            call([0.0, 0.0, 1.0])
        with pytest.raises(ValueError, match="rows differ"):
            call([0.0, 0.0])


def test_curves_for_drawing_count_who_is_under_observation():
    time, event, entry = survival(ROWS)
    curve = coarse_curve(time, event, entry=entry, minimum=3, step=1.0)
    km = kaplan_meier(time, event, entry=entry)
    for row in curve.iloc[1:].itertuples():
        assert row.at_risk == ((entry < row.time) & (time >= row.time)).sum()
        np.testing.assert_allclose(row.survival, survival_at(km, [row.time]).estimate[0], rtol=1e-14)
    assert curve.at_risk.iloc[0] == (entry == 0).sum()


def test_simulated_survival_is_that_of_patients_who_have_entered():
    """Nobody ends before entry; from entry on the share alive is the model's, given being alive then."""
    time, event, entry = survival(ROWS)
    ones = np.ones(len(ROWS), dtype=bool)
    null = fit_covariate_null(time, event, X[:, 1:2], ones, entry)
    rng = np.random.default_rng(9)
    ends = []
    for _ in range(400):
        t, d = simulate_times(null, rng.exponential(size=len(ROWS)), rng.uniform(size=len(ROWS)))
        assert (t > entry).all()
        assert set(np.unique(d)) <= {0, 1}
        ends.append((t, d))
    # The product-limit curve of all draws together is that of the patients.
    pooled = kaplan_meier(
        np.concatenate([t for t, _ in ends]), np.concatenate([d for _, d in ends]), entry=np.tile(entry, 400)
    )
    own = kaplan_meier(time, event, entry=entry)
    difference = survival_at(pooled, AT).estimate - survival_at(own, AT).estimate
    assert np.abs(difference).max() < 0.03
    # Everybody at 0 has what nobody's entry has.
    plain = fit_covariate_null(time, event, X[:, 1:2], ones)
    zero = fit_covariate_null(time, event, X[:, 1:2], ones, np.zeros(len(ROWS)))
    variates = rng.exponential(size=len(ROWS)), rng.uniform(size=len(ROWS))
    deaths = [simulate_times(own, variates[0], np.full(len(ROWS), 1e-12))[1] for own in (plain, zero)]
    np.testing.assert_array_equal(*deaths)


# Case: 60 patients of a registry, most of whom came under observation after their treatment.


def registry(seed=34):
    rng = np.random.default_rng(seed)
    n = 60
    time = np.round(rng.exponential(24, n) + 1, 2)
    return pd.DataFrame(
        {
            "id": [f"P{number:03d}" for number in range(n)],
            "t": time,
            "ev": (rng.random(n) < 0.8).astype(int),
            "entry": np.round(time * rng.uniform(0, 0.6, n), 2),
            "dose": np.round(rng.normal(62, 6, n), 1),
            "gtv": np.round(rng.lognormal(4.2, 0.6, n), 1),
            "les": rng.integers(1, 7, n),
            "age": np.round(rng.normal(64, 8, n), 1),
            "sex": rng.choice(["m", "f"], n),
        }
    )


def registry_config(**cohort):
    varied = {"oligo_threshold": ("lesions", 3), "dose_cutoff": ("dose", 60)}
    varied |= {"gtv_cutoff": ("gtv", 70), "caliper": ("caliper", 0.2)}
    config = merge_configs(yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8")), {})
    config["study"] |= {"primary": {name: value for name, (_, value) in varied.items()}}
    config["study"].pop("adjustment_set", None)
    for name, (_, value) in varied.items():
        config["decisions"][name]["options"] = [{"value": value, "reason": "the only one"}]
    config["cohort"] = {
        "source": "file",
        "file": "patients.csv",
        "id": "id",
        "time": {"column": "t", "unit": "months"},
        "event": {"column": "ev"},
        "dose": {"column": "dose", "unit": "Gy"},
        "gtv": {"column": "gtv", "unit": "cm3"},
        "lesions": {"column": "les"},
        "entry": {"column": "entry", "label": "Entry into the registry"},
    } | cohort
    config["covariates"] = {
        "age": {"column": "age", "type": "continuous", "role": "baseline"},
        "sex": {"column": "sex", "type": "categorical", "levels": ["m", "f"], "role": "baseline"},
    }
    config["adjustment_sets"] = {
        "base": {"covariates": ["age", "sex", "gtv"], "covariates_in_all": ["lesions"]}
    }
    config["analysis"] |= {"multivariable": ["gtv", "age"], "interactions": ["gtv"], "landmarks": [3]}
    config["analysis"] |= {"tie_break_draws": 5, "repeated_tie_breaks": 5}
    config["inference"] |= {"draws": 9, "populations": ["all"], "bootstrap_draws": 0}
    return config


def registry_study(**cohort):
    config = registry_config(**cohort)
    validate_config(config)
    return Study.from_config(config)


@pytest.fixture(scope="module")
def case():
    study, frame = registry_study(), registry()
    prepared = prepare_cohort(frame, study).patients
    ((_, table),) = evaluate_panel(prepared, study, [study.primary])
    return study, frame, prepared, table.to_pandas()


def of_all(rows, **wanted):
    """Rows of everybody, without a subgroup."""
    rows = rows[(rows.population == "all") & rows.subgroup.isna()]
    for name, value in wanted.items():
        rows = rows[rows[name] == value]
    return rows


def test_the_case_is_estimated_with_left_truncation(case):
    _, frame, _, rows = case
    frame = frame.sort_values(["t", "id"])
    arm = (frame.dose >= 60).to_numpy().astype(np.int64)
    time, event, entry = (frame[column].to_numpy() for column in ("t", "ev", "entry"))
    estimated = of_all(rows, landmark=0.0, analysis="cox", statistic="hazard_ratio", variable="arm")
    one = estimated[(estimated.model == "arm_only") & (estimated.estimator == "unadjusted")]
    for ties in ("efron", "breslow"):
        fit = cox(time, event, arm[:, None].astype(float), ties=ties, entry=entry)
        row = one[one.ties == ties].iloc[0]
        np.testing.assert_allclose(np.log(row.estimate), fit.coefficients[0], rtol=1e-9)
        np.testing.assert_allclose(row.std_error, np.sqrt(fit.variance_model[0, 0]), rtol=1e-9)
        without = cox(time, event, arm[:, None].astype(float), ties=ties)
        assert abs(without.coefficients[0] - fit.coefficients[0]) > 1e-3
    adjusted = of_all(rows, landmark=0.0, analysis="cox", statistic="hazard_ratio", model="adjusted")
    X = np.column_stack([arm, frame.age, frame.sex == "f", frame.gtv >= 70, frame.les]).astype(float)
    fit = cox(time, event, X, entry=entry)
    row = adjusted[(adjusted.variable == "arm") & (adjusted.ties == "efron")].iloc[0]
    np.testing.assert_allclose(np.log(row.estimate), fit.coefficients[0], rtol=1e-8)
    test = log_rank(time, event, arm, entry=entry)
    row = of_all(rows, landmark=0.0, analysis="log_rank", variable="arm", estimator="unadjusted").iloc[0]
    np.testing.assert_allclose(row.estimate, test.chi2, rtol=1e-12)
    km = kaplan_meier(time[arm == 1], event[arm == 1], entry=entry[arm == 1])
    curves = of_all(rows, landmark=0.0, analysis="kaplan_meier", variable="arm", estimator="unadjusted")
    row = curves[(curves.level == "1") & (curves.statistic == "survival_12")].iloc[0]
    np.testing.assert_allclose(row.estimate, survival_at(km, [12]).estimate[0], rtol=1e-12)
    # Beyond a landmark: who lasts that long, with the entry as it is.
    late = time >= 3
    fit = cox(time[late], event[late], arm[late, None].astype(float), entry=entry[late])
    row = of_all(rows, landmark=3.0, analysis="cox", estimator="unadjusted", statistic="hazard_ratio").iloc[0]
    np.testing.assert_allclose(np.log(row.estimate), fit.coefficients[0], rtol=1e-9)


@pytest.mark.parametrize("estimator", [Estimator.OVERLAP, Estimator.IPTW])
def test_weights_that_are_estimated(estimator):
    """The stacked error, from influences found by changing one weight at a time."""
    time, event, entry = survival(ROWS)
    arm, Z = ROWS.arm.to_numpy(), X[:, 1:]
    probability = fit_propensity(Z, arm).probability
    beta, robust, stacked, code = weighted_arm_model(time, event, arm, Z, probability, estimator, entry)
    assert code == 0
    weight = propensity_weights(probability, arm, estimator)

    def ratio(weights):
        return cox(time, event, arm[:, None].astype(float), weight=weights, entry=entry, robust=True)

    fit = ratio(weight)
    np.testing.assert_allclose(beta, fit.coefficients[0], rtol=1e-9)
    np.testing.assert_allclose(robust, np.sqrt(fit.variance_robust[0, 0]), rtol=1e-9)
    moved = np.empty(len(ROWS))
    for row in range(len(ROWS)):
        ends = [ratio(weight + sign * 1e-4 * (np.arange(len(ROWS)) == row)) for sign in (1, -1)]
        moved[row] = (ends[0].coefficients[0] - ends[1].coefficients[0]) / 2e-4
    design = np.column_stack([np.ones(len(ROWS)), Z])
    information = (design * (probability * (1 - probability))[:, None]).T @ design
    share = arm.mean()
    if estimator is Estimator.OVERLAP:
        slope = np.where(arm == 1, -1, 1) * probability * (1 - probability)
        of_share = np.zeros(len(ROWS))
    else:
        slope = np.where(arm == 1, -weight * (1 - probability), weight * probability)
        of_share = np.where(arm == 1, weight / share, -weight / (1 - share))
    direction = np.linalg.solve(information, design.T @ (moved * slope))
    influence = weight * moved + design @ direction * (arm - probability)
    influence += (moved @ of_share) * (arm - share) / len(ROWS)
    np.testing.assert_allclose(stacked, np.sqrt(np.sum(influence**2)), rtol=1e-4)


def test_what_is_not_defined_says_so(case):
    study, _, prepared, rows = case
    bounds = rows[rows.analysis == "rosenbaum"]
    assert len(bounds)
    assert (bounds.status == "not_applicable").all()
    assert bounds.reason.str.endswith("delayed entry: not defined").all()
    assert bounds.estimate.isna().all()
    tables = audit_cutpoints(prepared, study)
    assert (tables["selected_cutoffs"].status == "not_applicable").all()
    assert tables["selected_cutoffs"].p_value.isna().all()
    row = tables["cutpoints"].query("population == 'all' and variable == 'dose' and status == 'ok'").iloc[0]
    ordered = prepared.sort_values("time")
    above = (ordered.dose >= row.cutoff).to_numpy(dtype=float)[:, None]
    fit = cox(ordered.time, ordered.event, above, entry=ordered.entry)
    np.testing.assert_allclose(np.log(row.hazard_ratio), fit.coefficients[0], rtol=1e-9)


def test_lifelines_agrees(case):
    study, _, prepared, _ = case
    compared = compare_with_libraries(prepared, study)
    assert compared.agrees.all()
    assert (compared.library == "lifelines CoxPHFitter").sum() == 3


def test_draws_use_the_entries(case):
    """A resample of the observed patients gives the scenario's own estimates; all kinds of draws work."""
    study, _, prepared, rows = case
    for kind in Resample:
        for _, estimates in resample(prepared, study, kind, range(2)):
            known = np.isfinite(estimates[:, 0]).any(axis=1)
            assert known.all() if kind is not Resample.BOOTSTRAP_PAIRS else known.any()
    cells = cutoff_cells(prepared, study)
    keys, kept = all_keys(cells, study)
    observed = np.concatenate([evaluate(cell, study) for cell in cells])[kept, 0]
    for (_, key), (log_ratio, error) in zip(keys.iterrows(), observed, strict=True):
        chosen = of_all(rows, landmark=key.landmark, estimator=key.estimator, statistic="hazard_ratio")
        chosen = chosen[(chosen.variable == "arm") & (chosen.ties == "efron")]
        variance = {"matched": "outputation", "adjusted": "model"}.get(key.estimator, "stacked")
        chosen = chosen[chosen.variance == variance]
        if key.landmark:
            chosen = chosen[chosen.landmark_order.isna() | (chosen.landmark_order == "landmark_then_match")]
        (row,) = chosen.itertuples()
        np.testing.assert_allclose([log_ratio, error], [np.log(row.estimate), row.std_error], rtol=1e-8)


def test_entry_at_zero_is_a_study_without_entry():
    """Estimates of a scenario with everybody entering at 0 are those without the role."""
    frame = registry().assign(entry=0.0)
    tables = []
    for late in (True, False):
        config = registry_config()
        if not late:
            del config["cohort"]["entry"]
        study = Study.from_config(config)
        ((_, table),) = evaluate_panel(prepare_cohort(frame, study).patients, study, [study.primary])
        rows = table.to_pandas()
        tables.append(rows[~rows.analysis.isin(["rosenbaum", "fingerprint"])].reset_index(drop=True))
    one, two = tables
    words = [name for name in one if one[name].dtype.kind not in "fi"]
    assert (
        one[words]
        .astype(object)
        .where(one[words].notna(), None)
        .equals(two[words].astype(object).where(two[words].notna(), None))
    )
    for name in ("estimate", "std_error", "ci_lower", "ci_upper", "p_value"):
        np.testing.assert_allclose(one[name], two[name], rtol=1e-8, atol=1e-12, err_msg=name)


def test_faults_of_entries():
    frame, study = registry(), registry_study()
    frame.loc[[3, 7], "entry"] = frame.loc[[3, 7], "t"] + [0.0, 1.0]
    with pytest.raises(
        InputError, match=r"column `entry` \(entry\): not before column `t` in 2 rows"
    ) as found:
        prepare_cohort(frame, study)
    assert "(first: 4, 8)" in str(found.value)
    frame = registry()
    frame.loc[0, "entry"] = -1.0
    with pytest.raises(InputError, match="negative in 1 row"):
        prepare_cohort(frame, study)
    # A rounding error before the time is a tie with it.
    frame = registry()
    frame.loc[0, "entry"] = frame.loc[0, "t"] * (1 - 1e-12)
    with pytest.raises(InputError, match="not before"):
        prepare_cohort(frame, study)


def test_a_missing_entry_excludes():
    frame = registry()
    frame.loc[[1, 2], "entry"] = np.nan
    prepared = prepare_cohort(frame, registry_study())
    assert len(prepared.patients) == 58
    line = prepared.flow[prepared.flow.reason == "Entry into the registry is missing"]
    assert line.n_excluded.tolist() == [2]
    with pytest.raises(InputError, match="no value"):
        prepare_cohort(frame, registry_study(missing_values="refuse"))


def test_entries_need_patients_of_your_own():
    config = registry_config()
    config["cohort"]["entry"] = {"column": "t"}
    with pytest.raises(InputError, match=r"cohort.entry.column: `t` is cohort.time already"):
        validate_config(config)
    config = registry_config(source="reconstructed")
    with pytest.raises(InputError, match=r"cohort.entry: reconstructed patients have no entry times"):
        validate_config(config)
