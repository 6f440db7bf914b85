"""The bias surface against published numbers, simulated confounders, and the counts it is made of."""

import math
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_frames import canonical_patients, estimate, failure, small_config, small_study
from report_frames import specifications as frame_of
from report_page import estimates_of, primary_estimates

from survival_multiverse.estimators.cox import cox
from survival_multiverse.inference.bias_surface import (
    CONFOUNDER_RATIOS,
    COUNTS,
    COVARIATE_COLUMNS,
    DIFFERENCES,
    PLACE,
    SURFACE_COLUMNS,
    bias_covariates,
    bias_factor,
    bias_surface,
    explaining_difference,
    largest_difference,
    limit_nearest_1,
    with_prevalences,
)
from survival_multiverse.report.charts.bias_charts import bias_surface_chart
from survival_multiverse.report.release import release
from survival_multiverse.report.tables.bias_tables import hidden_confounder_table, measured_confounder_table
from survival_multiverse.settings.study import Study

SHARES = st.floats(0.01, 0.99)
RATIOS = st.floats(0.05, 20.0)


@cache
def covariates():
    study = small_study()
    patients = canonical_patients(study)
    primary = primary_estimates(estimates_of(patients, study), study)
    return study, patients, primary, bias_covariates(primary, study)


def test_the_factor_is_the_published_one():
    # Schneeweiss 2006: an apparent ratio of 1.5, 5.5 for the confounder, shares 50% and 10%; the numbers are
    # those that the tests of the R package episensr hold, the second the bias in percent.
    factor = bias_factor(5.5, 0.1, 0.5)
    assert 1.5 / factor == pytest.approx(0.6692, abs=5e-5)
    assert 100 * (factor - 1) == pytest.approx(124.1379, abs=5e-5)


@given(RATIOS, SHARES, SHARES)
def test_the_other_level_of_the_confounder_makes_the_same_bias(strength, low, high):
    other = bias_factor(1 / strength, 1 - low, 1 - high)
    assert bias_factor(strength, low, high) == pytest.approx(other, rel=1e-9)


@given(RATIOS, RATIOS, SHARES)
def test_the_explaining_difference_corrects_the_estimate_to_1(ratio, strength, mean):
    (found,) = explaining_difference(ratio, [strength], mean_prevalence=mean)
    if not math.isnan(found):
        factor = bias_factor(strength, mean - found / 2, mean + found / 2)
        assert ratio / factor == pytest.approx(1.0, rel=1e-9)
        assert abs(found) <= largest_difference(mean) * 1.001
        return
    # The largest difference, either way, is not enough.
    half = largest_difference(mean) / 2
    most = [float(bias_factor(strength, mean - own, mean + own)) for own in (-half, half)]
    assert not min(most) * (1 + 1e-9) < ratio < max(most) * (1 - 1e-9)


def confounded(random, n, *, effect, strength, low, high, risk):
    """Times of two arms with a hidden confounder; administratively censored at about a `risk` of the event.

    Returns the log hazard ratio of the arm alone.
    """
    arm = np.repeat([0, 1], n // 2)
    hidden = random.random(n) < np.where(arm == 1, high, low)
    hazard = np.where(arm == 1, effect, 1.0) * np.where(hidden, strength, 1.0)
    time = random.exponential(1 / hazard)
    end = np.quantile(time, risk)
    event = (time <= end).astype(int)
    fit = cox(np.minimum(time, end), event, arm[:, None].astype(float))
    return float(fit.coefficients[0])


@pytest.mark.slow
@pytest.mark.parametrize("effect", [1.0, 0.7])
@pytest.mark.parametrize(("strength", "low", "high"), [(3.0, 0.6, 0.3), (2.0, 0.2, 0.7)])
def test_a_simulated_confounder_of_a_rare_event_is_corrected(effect, strength, low, high):
    random = np.random.default_rng([28, int(10 * effect), int(strength)])
    setting = {"effect": effect, "strength": strength, "low": low, "high": high, "risk": 0.01}
    found = np.array([confounded(random, 100_000, **setting) for _ in range(40)])
    corrected = found - np.log(bias_factor(strength, low, high))
    error = corrected.std(ddof=1) / math.sqrt(len(corrected))
    assert abs(corrected.mean() - math.log(effect)) < 3.5 * error
    # The test would see the confounder: uncorrected, the bias is many errors wide.
    assert abs(found.mean() - math.log(effect)) > 20 * error


@pytest.mark.slow
@pytest.mark.parametrize(
    ("strength", "low", "high", "risk", "least", "most"),
    [(3.0, 0.6, 0.3, 0.5, -0.03, 0.03), (3.0, 0.6, 0.3, 0.9, 0.01, 0.1), (8.0, 0.4, 0.2, 0.9, 0.15, 0.3)],
)
def test_with_a_common_event_the_bias_of_a_strong_confounder_is_overstated(
    strength, low, high, risk, least, most
):
    random = np.random.default_rng([2806, int(strength), int(10 * risk)])
    setting = {"effect": 1.0, "strength": strength, "low": low, "high": high, "risk": risk}
    found = np.array([confounded(random, 40_000, **setting) for _ in range(15)])
    # Without an effect, what the correction leaves lies on the other side of 1.
    assert least < found.mean() - math.log(bias_factor(strength, low, high)) < most


def test_the_surface_holds_every_primary_estimate_and_its_limits():
    study = small_study()
    rows = [
        estimate(0.7, is_primary=True),
        estimate(0.8, is_primary=True, adjustment_set="baseline_only", estimator="overlap"),
        failure(is_primary=True, estimator="iptw"),
        estimate(0.9, is_primary=False),
        estimate(0.9, is_primary=True, landmark=4.0),
    ]
    surface = bias_surface(frame_of(rows), study)
    assert tuple(surface.columns) == SURFACE_COLUMNS
    sizes = surface.groupby("estimator").size()
    assert sizes.to_dict() == {
        "matched": DIFFERENCES * len(CONFOUNDER_RATIOS),
        "overlap": DIFFERENCES * len(CONFOUNDER_RATIOS),
        "iptw": 1,
    }
    failed = surface[surface["estimator"] == "iptw"].iloc[0]
    assert failed["status"] == "no_pairs"
    assert np.isnan(failed["corrected_hazard_ratio"])
    matched = surface[surface["estimator"] == "matched"]
    for name, value in (("hazard_ratio", 0.7), ("ci_lower", 0.7 * math.exp(-0.2))):
        assert np.allclose(matched[f"corrected_{name}"] * matched["bias_factor"], value)
    still = matched[(matched["prevalence_difference"] == 0) | (matched["confounder_hazard_ratio"] == 1)]
    assert np.allclose(still["corrected_hazard_ratio"], 0.7)
    share = 0.5 + matched["prevalence_difference"] / 2
    assert share.between(0, 1).all()
    assert np.allclose(
        matched["bias_factor"], bias_factor(matched["confounder_hazard_ratio"], 1 - share, share)
    )


def test_another_mean_prevalence_bounds_the_difference():
    config = small_config()
    config["analysis"]["confounder_prevalence"] = 0.1
    study = Study.from_config(config)
    surface = bias_surface(frame_of([estimate(0.7, is_primary=True)]), study)
    assert surface["prevalence_difference"].abs().max() == pytest.approx(0.2)
    assert np.isfinite(surface["corrected_hazard_ratio"]).all()


def test_nothing_estimated_makes_no_surface_and_no_chart():
    study, _, _, placed = covariates()
    rows = frame_of([failure(is_primary=True)])
    surface = bias_surface(rows, study)
    tables = {"ratio_specifications": rows, "bias_surface": surface, "bias_covariates": placed}
    assert len(tables["bias_surface"]) == 1
    assert bias_surface_chart(tables, study) is None
    assert hidden_confounder_table(rows, study).empty


@pytest.mark.parametrize(
    ("lower", "upper", "limit"),
    [(0.5, 0.9, 0.9), (1.1, 2.0, 1.1), (0.9, 1.1, math.nan), (1.0, 2.0, math.nan)],
)
def test_the_limit_nearest_1(lower, upper, limit):
    found = limit_nearest_1({"ci_lower": lower, "ci_upper": upper})
    assert found == limit or math.isnan(found) == math.isnan(limit) is True


def test_measured_covariates_have_the_shares_of_their_patients():
    study, patients, _, placed = covariates()
    assert tuple(placed.columns) == COVARIATE_COLUMNS
    assert set(placed["variable"]) == {
        *(own.name for own in study.covariates.values() if own.role == "baseline"), "gtv",
    }  # fmt: skip
    here = patients[patients["lesions"] >= study.primary_cutoffs.lesions]
    arm = here["dose"] >= study.primary_cutoffs.dose
    rows = placed.set_index("variable")
    for name, held in (
        ("sex", here["sex"] == rows.loc["sex", "level"]),
        ("gtv", (here["gtv"] >= 146) == (rows.loc["gtv", "level"] == "at or above cutoff")),
        ("age", (here["age"] >= 60) == (rows.loc["age", "level"] == ">=60")),
    ):
        for number, who in ((0, ~arm), (1, arm)):
            assert rows.loc[name, f"with_{number}"] == (held & who).sum()
            assert rows.loc[name, f"prevalence_{number}"] == pytest.approx(held[who].mean())
        assert rows.loc[name, "prevalence_difference"] == pytest.approx(held[arm].mean() - held[~arm].mean())
    known = placed[placed["status"] == "ok"]
    assert (known["hazard_ratio"] >= 1).all()
    assert np.allclose(
        known["bias_factor"], bias_factor(known["hazard_ratio"], known["prevalence_0"], known["prevalence_1"])
    )
    # Three levels of histology are no confounder that one has or has not.
    assert rows.loc["histology", "status"] == "not_applicable"
    assert rows.loc["histology", "reason"]


def test_the_hazard_ratio_is_that_of_the_primary_set_where_it_holds_the_covariate():
    study, _, primary, placed = covariates()
    cox_rows = primary[
        (primary["analysis"] == "cox") & (primary["ties"] == "efron") & (primary["landmark"] == 0)
    ]
    cox_rows = cox_rows[(cox_rows["population"] == study.primary_population) & cox_rows["subgroup"].isna()]
    for row in placed[placed["status"] == "ok"].to_dict("records"):
        held = row["variable"] in study.adjustment_sets[study.primary_set].covariates
        assert row["model"] == ("adjusted" if held else "univariate")
        own = cox_rows[(cox_rows["model"] == row["model"]) & (cox_rows["variable"] == row["variable"])]
        own = own[own["adjustment_set"].isna() | (own["adjustment_set"] == study.primary_set)]
        own = own[own["estimator"] == ("adjusted" if held else "unadjusted")]
        (ratio,) = own.drop_duplicates("estimate")["estimate"]
        assert row["hazard_ratio"] == pytest.approx(max(ratio, 1 / ratio))
        # The level that counts as present is the first named where the ratio of the other is below 1.
        assert (row["level"] == own["level"].iloc[0].split(" vs ")[0]) == (ratio >= 1)


def test_a_model_that_failed_is_a_status():
    study, _, primary, _ = covariates()
    failed = primary.copy()
    rows = (failed["analysis"] == "cox") & (failed["variable"] == "sex")
    failed.loc[rows, "status"], failed.loc[rows, "estimate"] = "separation", np.nan
    row = bias_covariates(failed, study).set_index("variable").loc["sex"]
    assert row["status"] == "separation"
    assert "no finite maximum" in row["reason"]
    assert np.isnan(row["bias_factor"])


def small_counts():
    frame = pd.DataFrame({name: [40.0, 40.0, 0.0] for name in COUNTS})
    frame["with_1"] = [3.0, 12.0, 40.0]
    frame["hazard_ratio"], frame["status"], frame["model"] = 2.0, "ok", "univariate"
    frame["variable"], frame["level"], frame["reason"] = (
        ["sex", "n_stage", "t_stage"],
        ["male", "N2-3", "T3-4"],
        "",
    )
    return with_prevalences(frame.reindex(columns=list(COVARIATE_COLUMNS)))


def test_shared_shares_are_those_of_shown_counts_and_none_beside_a_small_one():
    study, kept = small_study(), small_counts()
    assert kept["prevalence_1"].tolist()[0] == pytest.approx(3 / 43)
    shared = release({"bias_covariates": kept}, study)["bias_covariates"]
    assert shared.loc[0, list(PLACE)].isna().all()
    assert shared.loc[0, "with_1"] == 2
    assert shared.loc[1, "prevalence_1"] == pytest.approx(12 / 54, rel=5e-3)
    assert shared.loc[1, "prevalence_0"] == pytest.approx(0.5)
    # Nobody without it is no small count.
    assert shared.loc[2, "prevalence_1"] == 1.0
    # Whatever the counts are within their classes, the same numbers are shared.
    moved = kept.assign(with_1=[1.0, 14.0, 44.0])
    again = release({"bias_covariates": with_prevalences(moved)}, study)["bias_covariates"]
    pd.testing.assert_frame_equal(shared, again)
    table = measured_confounder_table(shared, study)
    assert table.loc[0].tolist()[2:5] == ["*", "*", "*"]
    assert "*" not in table.loc[1].tolist()


def test_the_table_says_how_unequal_a_confounder_would_have_to_be():
    study = small_study()
    rows = frame_of([estimate(0.7, is_primary=True), estimate(0.9, is_primary=True, estimator="overlap")])
    table = hidden_confounder_table(rows, study).set_index("Estimator")
    assert table.loc["Matched 1:1", "If its HR is 1.5"] == "−88 (−39)"
    assert table.loc["Matched 1:1", "If its HR is 5"] == "−26 (−12)"
    assert table.loc["Overlap weights", "If its HR is 2"].endswith(" (0)")
    strong = hidden_confounder_table(frame_of([estimate(0.3, is_primary=True)]), study)
    assert strong["If its HR is 2"].tolist() == ["none (none)"]
