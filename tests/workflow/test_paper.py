"""The default study: its reconstructed cohort, and the published numbers beside it."""

import pyarrow.parquet as pq
import pytest
import yaml
from conftest import Studio

from survival_multiverse.provenance.file_records import read_footer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def default_study(commands, tmp_path_factory) -> Studio:
    """The default cohort on a grid of one scenario."""
    studio = Studio(commands, tmp_path_factory.mktemp("paper") / "study")
    decisions = {"oligo_threshold": [5], "dose_cutoff": [63], "gtv_cutoff": [146], "caliper": [0.2]}
    studio.configure({"decisions": decisions})
    return studio


def test_the_published_numbers_are_computed_again_from_the_default_cohort(default_study):
    targets = ("results/paper/reproduction.parquet", "results/paper/consistency.parquet")
    answer = default_study.snakemake(*targets)
    assert answer.code == 0, answer.text
    reproduction = pq.read_table(default_study.directory / targets[0]).to_pandas()
    assert len(reproduction) == 506
    assert reproduction.reproduced.notna().all()
    for name in ("reproduction", "score", "matching", "consistency"):
        footer = read_footer(default_study.directory / f"results/paper/{name}.parquet")
        assert "reconstructed from published aggregates" in footer["data_origin"]


def test_a_dose_slope_leaves_the_published_numbers_and_moves_the_other_cutoffs(default_study):
    before = default_study.contents("results/paper/score.csv")
    cohort = pq.read_table(default_study.directory / "results/cohort/cohort.parquet").to_pandas()
    default = yaml.safe_load((default_study.workflow / "config/config.yaml").read_text(encoding="utf-8"))
    settings = default_study.settings()
    default_study.configure({**settings, "cohort": {**default["cohort"], "assumed_dose_slope": 0.8}})
    answer = default_study.snakemake("results/paper/score.csv")
    assert answer.code == 0, answer.text
    assert default_study.contents("results/paper/score.csv") == before
    sloped = pq.read_table(default_study.directory / "results/cohort/cohort.parquet").to_pandas()
    assert ((cohort.dose >= 63) == (sloped.dose >= 63)).all()
    assert not ((cohort.dose >= 66) == (sloped.dose >= 66)).all()
