"""The part of the page about the paper, and the matchings that it shows."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from papers import SETTINGS, printed_numbers, true_cohort
from report_frames import small_config

from survival_multiverse.paper.consistency import audit_consistency
from survival_multiverse.paper.matching_comparison import STORED, compare_matchings
from survival_multiverse.paper.published import in_words, read_description, read_published, set_aside
from survival_multiverse.paper.reconstructed_patients import paper_cohort
from survival_multiverse.paper.reproduction import mark_contradictions, reproduce, score_by_kind
from survival_multiverse.report.charts.paper_charts import paper_charts
from survival_multiverse.report.tables.paper_tables import ensemble_table, misses_table, paper_tables
from survival_multiverse.settings.study import Study

RESOURCES = Path(__file__).parents[2] / "resources"


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(RESOURCES / name, dtype=str, keep_default_na=False)


@cache
def tables() -> dict[str, pd.DataFrame]:
    """The tables of the committed cohort, as the rules write them."""
    settings = yaml.safe_load((RESOURCES / "reconstruction.yaml").read_text(encoding="utf-8"))
    paper, numbers = read_description(settings), read_published(read("published_statistics.csv"))
    contradictions = read("published_inconsistencies.csv")
    cohort = paper_cohort(pd.read_csv(RESOURCES / "reconstructed_cohort.csv"), paper)
    found = reproduce(numbers, cohort, paper)
    return {
        "score": score_by_kind(found, set_aside(contradictions)),
        "reproduction": in_words(mark_contradictions(found, contradictions), paper),
        "consistency": in_words(audit_consistency(numbers, paper), paper),
        "matching": compare_matchings(cohort, numbers, paper, calipers=(0.0, np.inf), seed=1, draws=9),
    }


@pytest.mark.slow
def test_every_number_is_in_the_table_and_what_is_not_met_in_another():
    shown = paper_tables(tables())
    everything, missed = (shown[name][0] for name in ("paper_numbers", "paper_misses"))
    assert len(everything) == len(tables()["reproduction"]) == 506
    assert len(missed) == (everything.Verdict != "within rounding").sum()
    assert everything.Kind.drop_duplicates().tolist() == tables()["score"].kind.tolist()[:-1]
    assert missed.Contradiction.str.contains("female one year (set aside)", regex=False).sum() == 1


def test_without_a_paper_there_is_no_table_and_no_chart():
    assert all(table.empty for table, _ in paper_tables({}).values())
    assert paper_charts({}, None) == {}


@pytest.mark.slow
def test_misses_show_the_printed_form_and_the_difference():
    shown = misses_table(tables()["reproduction"])
    typo = shown[(shown.About == "Sex: female") & (shown.Number == "survival, % at 12")]
    assert typo.Patients.tolist() == ["Non-oligometastatic, matched"]
    assert typo.Published.tolist() == ["7.6"]
    assert float(typo.Difference.item()) == pytest.approx(50.0, abs=0.1)


def test_the_chart_shows_the_ratios_of_the_higher_dose():
    study = Study.from_config(small_config())
    chart = paper_charts(tables(), study)["published-chart"]
    rows = {row["name"]: row for row in chart.spec["data"]["values"]}
    matching = tables()["matching"].set_index("matching")
    for name, row in rows.items():
        own = matching.loc[STORED if name == "Published pairs" else name.removeprefix("Own matching, ")]
        assert row["estimate"] == pytest.approx(1 / own.hazard_ratio, rel=1e-4)
    assert "is 0.60 (printed as 1.656 for the lower dose)" in chart.reading
    inside = sum(
        row["ci_lower"] <= 1 / 1.656 <= row["ci_upper"]
        for row in rows.values()
        if row["ci_lower"] is not None
    )
    assert f"inside {inside} of 2 bars; the median of the points is" in chart.reading


def test_the_stored_pairs_stand_beside_the_study_s_own_matching():
    matching = tables()["matching"].set_index("matching")
    assert matching.loc[STORED, "pairs"] == 59
    # The cells of equal values allow one pair more than was published.
    assert matching.loc["caliper 0", "pairs"] == 60
    assert matching.loc["no caliper", "pairs"] == 90
    assert (matching.published == 1.656).all()
    own = matching.drop(STORED)
    assert (own["tie_break_2.5"] < own["tie_break_median"]).all()
    assert (own["tie_break_median"] < own["tie_break_97.5"]).all()


def test_the_ensemble_shows_its_range_and_what_was_published():
    matching, pairs = "hazard ratio, own matching, median of tie-breaks", "pairs, own matching"
    members = pd.DataFrame({"seed": [1, 2, 3], "near": [0.97, 0.96, 0.5], "fits": [True, True, False]})
    members = members.assign(**{matching: [0.61, 0.66, 9.0], pairs: [59.0, 61.0, 60.0]})
    ranges = pd.DataFrame(
        [[matching, 2, 0.61, 0.635, 0.66], [pairs, 2, 59.0, 60.0, 61.0]],
        columns=["conclusion", "cohorts", "lowest", "median", "highest"],
    )
    assert ensemble_table(ranges).iloc[1, 2:].tolist() == ["59", "60", "61"]
    chart = paper_charts({"ensemble_members": members}, Study.from_config(small_config()))["ensemble-chart"]
    rows = chart.spec["data"]["values"]
    assert [row["estimate"] for row in rows if "estimate" in row] == [0.61, 0.66]
    assert [row["published"] for row in rows if "published" in row] == [pytest.approx(1 / 1.656, rel=1e-4)]
    assert "0.60, as published" in chart.text
    assert "one of 2 cohorts that" in chart.text
    assert "Each cohort gives 96.0% of" in chart.reading


def test_a_paper_without_matching_has_no_row():
    numbers = read_published(printed_numbers())
    made = compare_matchings(
        true_cohort(), numbers, read_description(SETTINGS), calipers=(0.2,), seed=1, draws=2
    )
    assert made.empty
