"""Cox regression against R survival (tests/unit/reference/cox.R)."""

import json
import math
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from lifelines.datasets import load_gbsg2

from survival_multiverse.estimators.cox import (
    breslow_baseline,
    cox,
    cox_binary,
    hazard_ratio,
    likelihood_ratio_test,
    proportional_hazards_test,
    status_of_code,
    wald_test,
)
from survival_multiverse.settings.schema import Status

REFERENCE = Path(__file__).parent / "reference"
R = json.loads((REFERENCE / "cox.json").read_text())
SAME = {"rtol": 1e-8, "atol": 1e-11}


def gbsg2():
    """The German breast cancer study with dummies, as the R script reads it."""
    raw = load_gbsg2()
    columns = {
        "time": raw.time,
        "event": raw.cens,
        "horm": raw.horTh == "yes",
        "age": raw.age,
        "tsize": raw.tsize,
        "grade2": raw.tgrade == "II",
        "grade3": raw.tgrade == "III",
        "pnodes": raw.pnodes,
        "progrec": raw.progrec,
        "postmeno": raw.menostat == "Post",
    }
    return pd.DataFrame(columns).astype(int)


DATA = {"gbsg2": gbsg2()} | {name: pd.DataFrame(columns) for name, columns in R["data"].items()}


def label(case):
    marks = ["weighted"] * case["weighted"] + ["robust"] * case["robust"] + ["months"] * (case["month"] > 0)
    parts = [case["data"], str(len(case["columns"])), case["ties"], *marks, case["cluster"], case["stratum"]]
    return "-".join(part for part in parts if part)


@pytest.fixture(params=R["cases"], ids=label)
def case(request):
    return request.param


def arguments(case):
    """Positional and keyword arguments of `cox` for a case of the R script."""
    frame = DATA[case["data"]]
    time = frame["time"].to_numpy(float)
    if case["month"] > 0:
        time = np.ceil(time / case["month"])
    X = frame[case["columns"]].to_numpy(float)
    options = {"ties": case["ties"]}
    if case["weighted"]:
        options["weight"] = 0.25 + 0.25 * (np.arange(1, len(frame) + 1) % 7)
    if case["stratum"]:
        options["stratum"] = frame[case["stratum"]].to_numpy(np.int64)
    return (time, frame["event"].to_numpy(np.int64), X), options


def robust_options(case):
    if case["cluster"]:
        return {"cluster": DATA[case["data"]][case["cluster"]].to_numpy(np.int64)}
    return {"robust": case["robust"]}


def test_fit_equals_r(case):
    rows, options = arguments(case)
    fit = cox(*rows, **options, **robust_options(case), names=case["columns"])
    assert (fit.status, fit.dropped, fit.names) == (Status.OK, (), tuple(case["columns"]))
    np.testing.assert_allclose(fit.coefficients, case["coefficients"], **SAME)
    np.testing.assert_allclose(fit.variance_model.ravel(), case["variance_model"], **SAME)
    np.testing.assert_allclose(fit.variance_robust.ravel(), case["variance_robust"], **SAME)
    np.testing.assert_allclose(
        [fit.loglik, fit.loglik_null, fit.score_chi2],
        [case["loglik"], case["loglik_null"], case["score"]],
        **SAME,
    )
    k = len(case["columns"])
    wald = wald_test(fit, [k - 2, k - 1], variance="robust")
    np.testing.assert_allclose(wald.chi2, case["wald_robust"], **SAME)


@pytest.mark.parametrize("transform", ["km", "identity", "rank", "log"])
def test_proportional_hazards_equal_r(case, transform):
    rows, options = arguments(case)
    terms = [np.atleast_1d(term).tolist() for term in case["terms"]] or None
    fit = cox(*rows, **options)
    test = proportional_hazards_test(*rows, fit, **options, transform=transform, terms=terms)
    expected = case["zph"][transform]
    assert test.status is Status.OK
    np.testing.assert_allclose([*test.chi2, test.chi2_global], expected["chi2"], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose([*test.p_value, test.p_global], expected["p"], rtol=1e-7)
    assert [*test.df, test.df_global] == expected["df"]


@pytest.mark.parametrize("case", [case for case in R["cases"] if "baseline" in case], ids=label)
def test_baseline_equals_r(case):
    rows, options = arguments(case)
    weight = options.get("weight")
    fit = cox(*rows, **options)
    at_half = breslow_baseline(*rows, fit, weight=weight, at=np.full(rows[2].shape[1], 0.5))
    np.testing.assert_array_equal(at_half.times, case["baseline"]["times"])
    np.testing.assert_allclose(at_half.cumulative_hazard, case["baseline"]["cumulative_hazard"], **SAME)
    at_zero = breslow_baseline(*rows, fit, weight=weight)
    factor = math.exp(-0.5 * fit.coefficients.sum())
    np.testing.assert_allclose(at_zero.jumps, at_half.jumps * factor, rtol=1e-12)


def veteran(*columns):
    frame = DATA["veteran"]
    return (
        frame["time"].to_numpy(float),
        frame["event"].to_numpy(np.int64),
        frame[list(columns)].to_numpy(float),
    )


def test_published_golden_values():
    """R's default convergence left an error of 3e-9 in these."""
    rows = veteran("arm", "karno60")
    pair = DATA["veteran"]["pair"].to_numpy(np.int64)
    golden = {
        "efron": [0.117613457, -0.978955185, 0.182585361, 0.189520903, 0.225614968, 0.234801349],
        "breslow": [0.114687821, -0.974440005, 0.182539554, 0.189573624, 0.223953714, 0.233182897],
    }
    for ties, values in golden.items():
        fit = cox(*rows, ties=ties, cluster=pair)
        variances = (fit.variance_model, fit.variance_robust)
        found = np.concatenate([fit.coefficients, *(np.sqrt(np.diag(variance)) for variance in variances)])
        np.testing.assert_allclose(found, values, atol=3e-9)
    fit = cox(*rows, robust=True)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.variance_robust)), [0.192500418, 0.214367213], atol=3e-9)


def test_a_ratio_per_ten_units_is_that_of_a_tenth_of_the_column():
    time, event, x = veteran("arm", "karno60")
    x = np.column_stack([x, np.arange(len(time)) * 1.5 % 37])
    frame = pd.DataFrame({"time": time, "event": event, "a": x[:, 0], "b": x[:, 1], "c": x[:, 2] / 10})
    other = CoxPHFitter().fit(frame, "time", "event").summary.loc["c"]
    ratio = hazard_ratio(cox(time, event, x), 2, per=10.0)
    assert ratio.estimate == pytest.approx(other["exp(coef)"], rel=1e-6)
    assert ratio.std_error == pytest.approx(other["se(coef)"], rel=1e-5)
    assert ratio.ci_lower == pytest.approx(other["exp(coef) lower 95%"], rel=1e-5)
    assert ratio.p_value == pytest.approx(other["p"], rel=1e-4)


def test_hazard_ratio_is_walds():
    fit = cox(*veteran("arm", "karno60"), robust=True)
    model, robust = hazard_ratio(fit, 1), hazard_ratio(fit, 1, variance="robust", level=0.9)
    assert model.estimate == pytest.approx(math.exp(-0.978955185), abs=3e-9)
    assert model.ci_lower == pytest.approx(math.exp(-0.978955185 - 1.959963985 * 0.189520903), abs=1e-8)
    assert robust.ci_upper == pytest.approx(math.exp(-0.978955185 + 1.644853627 * 0.214367213), abs=1e-8)
    assert model.z == pytest.approx(-0.978955185 / 0.189520903, rel=1e-8)
    # R: 2 * pnorm(-0.978955185 / 0.214367213)
    assert robust.p_value == pytest.approx(4.954134444e-06, rel=1e-6)


def test_likelihood_ratio():
    rows = veteran("arm", "karno60")
    full = cox(*rows)
    reduced = cox(rows[0], rows[1], rows[2][:, :1])
    chi2, df, p_value, status = likelihood_ratio_test(full, reduced)
    # R: anova(coxph(Surv(time, status) ~ tr), coxph(Surv(time, status) ~ tr + k))
    assert (chi2, df, status) == (pytest.approx(24.646216651715, rel=1e-10), 1, Status.OK)
    assert p_value == pytest.approx(6.887984456e-07, rel=1e-8)
    assert likelihood_ratio_test(full).df == 2
    assert likelihood_ratio_test(reduced, cox(rows[0], rows[1], rows[2][:, :0])) == likelihood_ratio_test(
        reduced
    )
    assert likelihood_ratio_test(full, full).status is Status.CONSTANT
    with pytest.raises(ValueError, match="not nested"):
        likelihood_ratio_test(full, cox(*rows, ties="breslow"))


@pytest.mark.filterwarnings("ignore")
def test_lifelines_agrees():
    frame = DATA["gbsg2"]
    columns = ["horm", "age", "pnodes"]
    other = CoxPHFitter().fit(
        frame[["time", "event", *columns]], "time", "event", fit_options={"precision": 1e-10}
    )
    fit = cox(frame["time"], frame["event"], frame[columns].to_numpy(float))
    np.testing.assert_allclose(fit.coefficients, other.params_, rtol=1e-7)
    np.testing.assert_allclose(np.sqrt(np.diag(fit.variance_model)), other.standard_errors_, rtol=1e-6)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("month", [0, 30.4375, 91.3125])
def test_cox_binary_equals_cox(month, weighted, ties):
    time, event, X = veteran("arm")
    time = np.ceil(time / month) if month else time
    order = np.argsort(time, kind="stable")
    pair = DATA["veteran"]["pair"].to_numpy(np.int64)
    weight = np.linspace(0.1, 3.0, time.size) if weighted else np.ones(time.size)
    fit = cox(time, event, X, cluster=pair, weight=weight, ties=ties)
    beta, se_model, se_cluster, code = cox_binary(
        time[order], event[order], X[order, 0].astype(np.int64), weight[order], pair[order], ties == "efron"
    )
    assert status_of_code(code) is fit.status is Status.OK
    expected = [
        fit.coefficients[0],
        math.sqrt(fit.variance_model[0, 0]),
        math.sqrt(fit.variance_robust[0, 0]),
    ]
    np.testing.assert_allclose([beta, se_model, se_cluster], expected, rtol=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("Rscript") is None, reason="R is not installed")
def test_reference_is_what_r_gives_now(tmp_path):
    DATA["gbsg2"].to_csv(tmp_path / "gbsg2.csv", index=False)
    run = subprocess.run(
        ["Rscript", REFERENCE / "cox.R", tmp_path / "gbsg2.csv"], capture_output=True, text=True, check=True
    )
    live = json.loads(run.stdout)
    assert live["data"] == R["data"]
    for now, then in zip(live["cases"], R["cases"], strict=True):
        assert now.keys() == then.keys()
        for key in ("coefficients", "variance_model", "variance_robust", "loglik"):
            np.testing.assert_allclose(now[key], then[key], rtol=1e-10)
        for transform, table in now["zph"].items():
            np.testing.assert_allclose(table["chi2"], then["zph"][transform]["chi2"], rtol=1e-8)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_a_stratum_of_one_changes_nothing(first, ties):
    """Alone at risk he tells nothing, wherever his stratum comes; mixed in he would move every number."""
    time, event, X = veteran("karno60", "age")
    fit = cox(time, event, X, ties=ties, robust=True)
    stratum = np.append(np.ones(time.size, dtype=np.int64), 0 if first else 2)
    rows = np.append(time, 3.0), np.append(event, 1), np.vstack([X, [-60.0, 20.0]])
    more = cox(*rows, ties=ties, robust=True, stratum=stratum)
    same = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(more.coefficients, fit.coefficients, **same)
    np.testing.assert_allclose(more.variance_model, fit.variance_model, **same)
    np.testing.assert_allclose(more.variance_robust, fit.variance_robust, **same)
    np.testing.assert_allclose([more.loglik, more.score_chi2], [fit.loglik, fit.score_chi2], **same)
    assert (more.n, more.events) == (fit.n + 1, fit.events + 1)
