"""What the balance gates judge, against loops over the patients, and where what they judge is shown."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from cohorts import decisions, small_config, small_patients, small_study
from lifelines import CoxPHFitter
from report_page import estimates_of, primary_estimates

from survival_multiverse.balancing.matching import priority
from survival_multiverse.cohort.sample import encode_cohort, select_population, whole_sample
from survival_multiverse.inference.robustness import specifications
from survival_multiverse.report.charts.balance_charts import love_chart
from survival_multiverse.report.charts.evidence_charts import _measured
from survival_multiverse.report.tables.patient_tables import table_one
from survival_multiverse.report.words.labels import judged_forms
from survival_multiverse.scenario.comparability import balance_design, balance_of, match, score, weights
from survival_multiverse.scenario.encoded_study import covariate_names
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.scenario.sensitivity import risk_ratio
from survival_multiverse.settings.schema import Population
from survival_multiverse.settings.slices import scenario_settings
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.values import Cutoffs

CATEGORIES = {"sex": "female", "response": "yes"}
CUTS = {"age": 60.0, "gtv": 100.0, "lesions": 5.0}


def gappy_patients(seed):
    patients = small_patients(n=90, seed=seed)
    for row, name in enumerate(("gtv", "age", "lesions")):
        patients.loc[[row, 30 + row], name] = np.nan
    return patients


def columns_of(frame, names, *, numbers):
    """Judged columns of the patients: 0/1 with `numbers`' cuts, and the numbers; by name."""
    found = {}
    for name in names:
        if name in CATEGORIES:
            found[name] = (frame[name] == CATEGORIES[name]).to_numpy(dtype=float), True
            continue
        values = frame[name].to_numpy(dtype=float)
        if name in CUTS and (name != "lesions" or frame.attrs["all"]):
            found[f"{name} cut"] = np.where(np.isnan(values), np.nan, values >= CUTS[name]), True
        if numbers:
            found[name] = values, False
    return found


def smd_by_loop(values, binary, arm, weight):
    means, spreads = [], []
    for side in (0, 1):
        whole = [v for v, a in zip(values, arm, strict=True) if a == side and v == v]
        kept = [(v, w) for v, a, w in zip(values, arm, weight, strict=True) if a == side and v == v and w > 0]
        total = sum(w for _, w in kept)
        means.append(sum(v * w for v, w in kept) / total)
        middle = sum(whole) / len(whole)
        squares = sum((v - middle) ** 2 for v in whole)
        spreads.append(middle * (1 - middle) if binary else squares / (len(whole) - 1))
    return (means[1] - means[0]) / np.sqrt((spreads[0] + spreads[1]) / 2)


@pytest.mark.parametrize("source", ["file", "dataset", "simulated", "reconstructed"])
@pytest.mark.parametrize("population", [Population.NON_OLIGOMETASTATIC, Population.ALL])
@pytest.mark.parametrize("seed", [1, 2])
def test_gates_are_the_largest_difference_by_a_loop_over_the_patients(source, population, seed):
    config = small_config()
    config["cohort"]["source"] = source
    # As the job of a scenario is told it.
    study = Study.from_config(json.loads(scenario_settings(config)))
    patients = gappy_patients(seed)
    cohort = encode_cohort(patients, study)
    by_id = patients.set_index("patient_id")
    # What was drawn is judged by the published cutoffs, those of `CUTS`, whatever the scenario's own.
    own = {"lesions": 4, "gtv": 150} if source == "reconstructed" else {}
    everybody = whole_sample(cohort, Cutoffs(CUTS["lesions"], 60, CUTS["gtv"])._replace(**own))
    sample = select_population(everybody, population)
    for adjustment_set in study.adjustment_sets.values():
        names = covariate_names(adjustment_set, population)
        scored = score(sample, names)
        frame = by_id.loc[cohort.ids[scored.sample.index]]
        frame.attrs["all"] = population is Population.ALL
        arm = (frame["dose"] >= 60).to_numpy(dtype=int)
        matching = match(scored, priority(cohort.ids, seed=study.seed), caliper=0.2, analysis=study.analysis)
        pairs = matching.pair_of >= 0
        for design in (full := balance_design(scored.sample, names, study), full.gated()):
            for weight in (pairs.astype(float), weights(scored)["overlap"]):
                table = balance_of(design, scored, weight=weight, focal_arm=1)
                for gate, judged in (("propensity", names), ("baseline", ("sex", *CUTS))):
                    columns = columns_of(frame, judged, numbers=source != "reconstructed")
                    expected = max(abs(smd_by_loop(*column, arm, weight)) for column in columns.values())
                    found = np.abs(table.smd[design.gates[gate]])
                    assert len(found) == len(columns)
                    assert found.max() == pytest.approx(expected, rel=1e-9), (gate, adjustment_set.name)


def test_equal_shares_beyond_a_cut_do_not_pass_for_balance():
    """Age is above its cut as often in both arms, and still differs by more than a standard deviation."""
    patients = small_patients(n=120).assign(lesions=8.0, sex=["male", "female"] * 60, gtv=50.0)
    arm = (patients.dose >= 60).to_numpy()
    for side in (False, True):
        rows = np.flatnonzero(arm == side)
        rows = rows[: len(rows) // 2 * 2]
        patients.loc[rows, "age"] = np.tile([50.0, 62.0] if side else [58.0, 70.0], len(rows) // 2)
    study = small_study()
    sample = whole_sample(encode_cohort(patients, study), Cutoffs(lesions=5, dose=60, gtv=100))
    scored = score(select_population(sample, Population.NON_OLIGOMETASTATIC), ("sex", "age"))
    design = balance_design(scored.sample, scored.names, study)
    table = balance_of(design, scored, focal_arm=1)
    smd = dict(zip(design.labels, np.abs(table.smd), strict=True))
    assert smd["age", ">=60"] < 0.1
    assert smd["age", "continuous"] > 1
    assert table.smd[design.gates["baseline"]].size > 0
    assert np.abs(table.smd[design.gates["propensity"]]).max() > 1


def rows_of(study):
    ((_, table),) = evaluate_panel(small_patients(), study, [(5, 60, 100, 0.2)])
    return table.to_pandas()


def test_drawn_values_are_neither_judged_nor_tabulated():
    measured, drawn = (rows_of(replace(small_study(), source=source)) for source in ("file", "reconstructed"))
    numbers = {"mean", "standard_deviation", "median", "quartile_1", "quartile_3"}

    def of_numbers(rows):
        described = (rows.analysis == "descriptive") & rows.statistic.isin(numbers)
        return set(rows.variable[described | (rows.level == "continuous")])

    assert of_numbers(measured) == {"age", "gtv", "lesions"}
    assert of_numbers(drawn) == set()
    # Nothing else differs but the gates.
    gone = measured[(measured.analysis == "balance_gate") & measured.statistic.str.startswith("max")]
    kept = drawn[(drawn.analysis == "balance_gate") & drawn.statistic.str.startswith("max")]
    assert len(gone) == len(kept)
    assert (gone.estimate.to_numpy() >= kept.estimate.to_numpy())[~np.isnan(gone.estimate)].all()


# Where it is shown


@cache
def study_with_a_number(source="file"):
    """Age has a cut, weight enters as it is."""
    config = small_config()
    weight = {"column": "weight", "label": "Weight", "unit": "kg", "type": "continuous", "role": "baseline"}
    config["covariates"] |= {"weight": weight}
    config["adjustment_sets"] = {"early": {"covariates": ["sex", "age", "weight", "gtv"]}}
    config["decisions"] = decisions(**{name: [value] for name, value in config["study"]["primary"].items()})
    config["cohort"] |= {"source": source}
    return Study.from_config(config)


@cache
def shown():
    study = study_with_a_number()
    patients = small_patients(n=160)
    random = np.random.default_rng(5)
    patients["weight"] = np.round(random.normal(70, 10, len(patients)) + (patients.dose >= 60) * 4, 1)
    estimates = estimates_of(patients, study)
    return study, patients, primary_estimates(estimates, study), specifications(estimates, study)


def test_table_one_shows_every_covariate_as_measured():
    study, patients, rows, _ = shown()
    table = table_one(rows, study)
    table.columns = [" ".join(name).strip() for name in table.columns]
    means = table[table["Level"].str.startswith("Mean (SD)")].set_index("Variable")
    assert set(means.index) == {"age", "Weight", study.gtv.label, study.lesions.label}
    assert means.loc["Weight", "Level"] == "Mean (SD), kg"
    primary = patients[patients.lesions >= 5]
    low, high = (primary.weight[(primary.dose >= 60) == side] for side in (False, True))
    columns = [name for name in means if name.startswith("Before matching")]
    difference = (high.mean() - low.mean()) / np.sqrt((high.var() + low.var()) / 2)
    assert means.loc["Weight", columns].tolist() == [
        "–",
        f"{high.mean():.1f} ({high.std():.1f})",
        f"{low.mean():.1f} ({low.std():.1f})",
        "–",
        f"{abs(difference):.2f}",
    ]
    # Beside its levels, whose difference is their own.
    ages = table[table["Variable"] == "age"]
    assert len(ages) == 3
    old = primary.age >= 60
    shares = [old[(primary.dose >= 60) == side].mean() for side in (False, True)]
    spread = np.sqrt(sum(share * (1 - share) for share in shares) / 2)
    assert ages["Before matching |SMD|"].iloc[0] == f"{abs(shares[1] - shares[0]) / spread:.2f}"


def test_means_of_few_patients_are_held_back():
    study, _, rows, _ = shown()
    few = rows.copy()
    few.loc[(few.variable == "weight") & (few.level == "arm 0"), "n"] = study.minimum_count - 1
    table = table_one(few, study)
    row = table[(table.iloc[:, 0] == "Weight").to_numpy()].iloc[0, 3:7].tolist()
    assert row[1] == row[3] == "*"
    assert row[0] != "*"


def test_love_plot_and_confounders_show_covariates_without_a_cut():
    study, patients, rows, _ = shown()
    love = love_chart(rows, study)
    names = {row["name"] for row in love.spec["data"]["values"]}
    assert {"Weight", "age, as measured", f"{study.gtv.label}, as measured", study.lesions.label} <= names
    assert "Entered the scores cut: age at 60" in love.text + love.reading
    points = {row["name"]: row for row in _measured(rows, study, rare=False)}
    primary = patients[patients.lesions >= 5]
    low, high = (primary.weight[(primary.dose >= 60) == side] for side in (False, True))
    difference = (high.mean() - low.mean()) / np.sqrt((high.var() + low.var()) / 2)
    assert points["Weight"]["exposure"] == pytest.approx(np.exp(0.91 * abs(difference)))
    assert points["Weight"]["outcome"] >= 1
    assert {"sex: female", "age: ≥60"} <= set(points)
    as_measured = {"age, as measured", f"{study.gtv.label}, as measured", study.lesions.label}
    assert as_measured <= set(points)
    # Per standard deviation, the mean of both arms', by lifelines.
    fitted = CoxPHFitter().fit(primary[["time", "event", "lesions"]], "time", "event")
    low, high = (primary.lesions[(primary.dose >= 60) == side] for side in (False, True))
    deviation = np.sqrt((high.var() + low.var()) / 2)
    expected = risk_ratio(float(np.exp(fitted.params_["lesions"] * deviation)), rare=False)
    assert points[study.lesions.label]["outcome"] == pytest.approx(expected, rel=1e-4)


def test_units_of_a_hazard_ratio_do_not_move_the_point_of_a_confounder():
    study, patients, rows, _ = shown()
    by_ten = replace(study.covariates["weight"], per=10.0)
    tens = replace(study, covariates=study.covariates | {"weight": by_ten})
    other = primary_estimates(estimates_of(patients, tens), tens)
    points = [
        next(row for row in _measured(here, of, rare=False) if row["name"] == "Weight")
        for here, of in ((rows, study), (other, tens))
    ]
    assert points[1]["outcome"] == pytest.approx(points[0]["outcome"], rel=1e-9)


def test_a_level_may_be_called_continuous():
    config = small_config()
    config["covariates"]["sex"]["levels"] = ["male", "continuous"]
    study = Study.from_config(config)
    patients = small_patients(n=120)
    patients["sex"] = patients["sex"].replace({"female": "continuous"})
    rows = primary_estimates(estimates_of(patients, study), study)
    found = rows[(rows.analysis == "balance") & (rows.variable == "sex") & (rows.level == "continuous")]
    assert set(found.statistic) == {"mean_0", "mean_1", "smd", "smd_att"}
    assert "sex: continuous" in {row["name"] for row in _measured(rows, study, rare=False)}


def test_words_say_what_was_judged():
    assert judged_forms(study_with_a_number("reconstructed")).startswith("Published categories only")
    words = judged_forms(study_with_a_number())
    assert "age at 60" in words
    assert "weight" not in words.lower()
