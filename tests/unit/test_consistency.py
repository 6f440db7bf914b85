"""The audit of published numbers: on the committed table, and on faults put into a made-up paper."""

from pathlib import Path

import pandas as pd
import pytest
import yaml
from papers import SETTINGS, printed_numbers

from survival_multiverse.paper.consistency import AGREES, audit_consistency
from survival_multiverse.paper.published import read_description, read_published

RESOURCES = Path(__file__).parents[2] / "resources"


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(RESOURCES / name, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def audit() -> pd.DataFrame:
    description = yaml.safe_load((RESOURCES / "reconstruction.yaml").read_text(encoding="utf-8"))
    return audit_consistency(read_published(read("published_statistics.csv")), read_description(description))


def test_the_audit_finds_the_contradictions_of_the_paper(audit):
    failing = audit[audit.verdict != AGREES]
    found = {(row.variable, row.level, row.verdict) for row in failing.itertuples()}
    assert found == {
        ("gtv", "lt146", "impossible"),
        ("gtv", "ge146", "impossible"),
        ("sex", "female", "impossible"),
        ("chemo_cycles", "ge4", "impossible"),
        ("gtv", "at 12", "impossible"),
        ("gtv", "at 24", "doubtful"),
        ("dose", "at 24", "doubtful"),
        ("chemo_cycles", "at 24", "doubtful"),
        ("t_stage", "at 36", "doubtful"),
        ("sex", "at 12", "impossible"),
        ("histology", "at 24", "doubtful"),
        ("sex", "at 36", "doubtful"),
        ("post_kps", "at 36", "impossible"),
        ("sex", "at 36", "impossible"),
        ("t_stage", "at 36", "impossible"),
        ("n_stage", "at 36", "impossible"),
        ("gtv", "at 36", "impossible"),
        ("chemo_cycles", "at 36", "impossible"),
        ("dose", "at 36", "impossible"),
        ("", "at 36", "impossible"),
        ("t_stage", "overall", "impossible"),
        ("cause_of_death", "distant_metastasis", "impossible"),
        ("cause_of_death", "other_disease", "impossible"),
    }
    assert len(audit) > 300


def test_what_is_impossible_is_in_the_table_of_contradictions(audit):
    listed = set(";".join(read("published_inconsistencies.csv").ids).split(";"))
    for row in audit[audit.verdict == "impossible"].itertuples():
        assert listed & set(row.ids.split(";")), row


@pytest.mark.parametrize(
    ("identifier", "value", "check"),
    [
        ("everybody_ward_e_n", "17", "levels add up to the cohort"),
        ("everybody_drug_much_survival_pct_6", "99.0", "survival does not rise"),
        ("everybody_drug_overall_logrank_p", "0.999", "a chi-square gives its P"),
    ],
)
def test_a_fault_put_into_a_paper_that_agrees_is_found(identifier, value, check):
    paper, numbers = read_description(SETTINGS), printed_numbers()
    sound = audit_consistency(read_published(numbers), paper)
    assert (sound.verdict == AGREES).all(), sound[sound.verdict != AGREES]
    numbers.loc[numbers.id == identifier, "value"] = value
    broken = audit_consistency(read_published(numbers), paper)
    assert check in set(broken.check[broken.verdict != AGREES])
