"""The part of the page about the paper, and the matchings that it shows."""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from papers import SETTINGS, printed_numbers, true_cohort

from survival_multiverse.anchor_matching import STORED, compare_matchings
from survival_multiverse.anchor_tables import anchor_section, misses_table
from survival_multiverse.consistency import audit_consistency
from survival_multiverse.published import read_description, read_published, set_aside
from survival_multiverse.reconstructed_patients import paper_cohort
from survival_multiverse.reproduction import mark_contradictions, reproduce, score_by_kind

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
        "reproduction": mark_contradictions(found, contradictions),
        "consistency": audit_consistency(numbers, paper),
        "matching": compare_matchings(cohort, numbers, paper, calipers=(0.0, np.inf), seed=1, draws=9),
    }


def test_the_section_says_what_the_patients_are_and_shows_every_table():
    html = anchor_section(tables())
    assert html.count("<table") == 4
    for words in ("reconstructed from published aggregates", "not inference", "Only the published cutoffs"):
        assert words in " ".join(html.split())
    assert "female one year (set aside)" in html
    assert "&lt;" in html or "<script" not in html


def test_without_a_paper_there_is_no_section():
    assert anchor_section({}) == ""


def test_misses_show_the_printed_form_and_the_difference():
    shown = misses_table(tables()["reproduction"])
    typo = shown[(shown.Variable == "sex female") & (shown.Number == "survival, % at 12")]
    assert typo.Published.tolist() == ["7.6"]
    assert float(typo.Difference.item()) == pytest.approx(50.0, abs=0.1)


def test_the_stored_pairs_stand_beside_the_study_s_own_matching():
    matching = tables()["matching"].set_index("matching")
    assert matching.loc[STORED, "pairs"] == 59
    assert matching.loc["caliper 0", "pairs"] == 59
    assert matching.loc["caliper none", "pairs"] == 90
    assert (matching.published == 1.656).all()
    own = matching.drop(STORED)
    assert (own["envelope_2.5"] < own["envelope_median"]).all()
    assert (own["envelope_median"] < own["envelope_97.5"]).all()


def test_a_paper_without_matching_has_no_row():
    numbers = read_published(printed_numbers())
    made = compare_matchings(
        true_cohort(), numbers, read_description(SETTINGS), calipers=(0.2,), seed=1, draws=2
    )
    assert made.empty
