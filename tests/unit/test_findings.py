"""The sentences that head the chapters, against the numbers that they are made of."""

import re

import numpy as np
import pandas as pd
import pytest
from report_frames import estimate, failure, small_study, specifications
from report_page import evil_page
from test_claim import STUDIES

from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.specification_summary import headline, middle, primary_block
from survival_multiverse.report.charts.page_charts import page_charts
from survival_multiverse.report.style.formats import ESTIMATOR_LABELS
from survival_multiverse.report.words.answer import whole_grid
from survival_multiverse.report.words.findings import findings
from survival_multiverse.settings.measures import RATIO

NO_ROWS = {
    name: evil_page().tables[name].iloc[:0] for name in ("primary", "cross_checks", "flow", "attribution")
}
LONGEST = 30


def found_of(study, frame, **tables):
    return findings(study, NO_ROWS | {"specifications": frame} | tables)


@pytest.mark.parametrize("name", STUDIES)
def test_every_chapter_has_a_sentence_for_every_study(name):
    study, frame = STUDIES[name]
    found = found_of(study, frame, attribution=attribute(frame, study))
    assert found.pop("paper") == ""
    for text in found.values():
        assert 2 < len(text.split()) <= LONGEST
        assert text[0].isupper() or text[0].isdigit()
        assert not re.search(r"nan|None\b(?! of)|  ", text)


def test_the_choice_that_moves_most_is_that_of_the_largest_share():
    study = small_study()
    rows = [
        estimate(ratio, dose_cutoff=dose, gtv_cutoff=gtv, caliper=caliper)
        for dose, ratio in ((60.0, 0.95), (63.0, 0.6))
        for gtv in (100.0, 146.0)
        for caliper in (0.2, np.inf)
    ]
    frame = specifications(rows)
    text = found_of(study, frame, attribution=attribute(frame, study))["explore"]
    # The rest is of the order of equal scores.
    assert re.search(
        "cutoff of thoracic radiation dose decides most of the result: 9\\d% of the spread", text
    )
    rows = [row | {"estimate": 0.6 if row["caliper"] == 0.2 else 0.9} for row in frame.to_dict("records")]
    other = pd.DataFrame(rows)
    other["effect"] = np.log(other["estimate"])
    assert "caliper decides most" in found_of(study, other, attribution=attribute(other, study))["explore"]


@pytest.mark.parametrize("balanced", [0, 1, 3])
def test_balance_is_counted_with_its_median(balanced):
    study = small_study()
    gate = f"passes_baseline_{min(study.analysis.balance_thresholds):g}"
    frame = specifications([estimate(ratio) for ratio in (0.5, 0.6, 0.8)])
    frame[gate] = pd.array([place < balanced for place in range(3)], dtype="boolean")
    text = found_of(study, frame)["balance"]
    block = primary_block(headline(frame, study), study)
    every = f"{middle(block['estimate'], RATIO):.2f}"
    some = {0: "None of 3", 1: "1 of 3", 3: "All 3"}[balanced]
    assert text.startswith(some)
    assert every in text
    assert ("0.50" in text) is (balanced == 1)


def test_nothing_to_balance():
    frame = specifications([failure(estimator="adjusted")])
    assert "No analysis here balances the arms" in found_of(small_study(), frame)["balance"]


def test_the_evil_page_is_told_from_its_tables():
    made = evil_page()
    found = findings(made.study, made.tables)
    difference = re.search(r"differs by (−?[\d.]+) \S+ \(95% CI (−?[\d.]+) to (−?[\d.]+)\)", found["time"])
    rows = made.tables["primary"]
    rows = rows[
        (rows["analysis"] == "rmst")
        & (rows["statistic"] == "restricted_mean_difference")
        & (rows["estimator"] == "matched")
        & (rows["adjustment_set"] == made.study.primary_set)
        & (rows["landmark"] == 0)
        & (rows["population"] == "non_oligometastatic")
        & rows["subgroup"].isna()
    ]
    expected = rows.iloc[0][["estimate", "ci_lower", "ci_upper"]]
    said = [float(number.replace("−", "-")) for number in difference.groups()]
    assert said == pytest.approx(list(map(float, expected)), abs=0.051)
    checks = made.tables["cross_checks"]
    agreeing = int(checks["agrees"].astype("boolean").sum())
    assert f"{agreeing} of {checks['agrees'].notna().sum()} cross-checks" in found["methods"]


@pytest.mark.parametrize("estimator", ["matched", "overlap", "adjusted"])
def test_the_shares_that_are_drawn_are_those_of_the_tables(estimator):
    made = evil_page()
    chart = page_charts(made.study, made.tables)["decisions-chart"]
    rows = [row for row in chart.spec["data"]["values"] if row["estimator"] == ESTIMATOR_LABELS[estimator]]
    assert sum(row["share"] for row in rows) == pytest.approx(1, abs=0.02)
    everything = whole_grid(made.tables["attribution"], made.study, estimator)
    assert [row["share"] for row in rows] == pytest.approx(list(everything.values()), rel=1e-4)
    if estimator == "matched":
        largest = max(row["share"] for row in rows)
        assert f"{round(100 * largest)}% of the spread" in findings(made.study, made.tables)["explore"]
