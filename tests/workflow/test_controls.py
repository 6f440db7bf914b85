"""A study with negative controls from the command to the page."""

import zipfile

import pyarrow.parquet as pq
import pytest
import yaml
from conftest import ROOT

from survival_multiverse.files.study_files import CONTROLS, PAGE_CHARTS, PAGE_TABLES, REPORT


def example():
    """The example of negative controls, with few draws."""
    settings = {}
    for name in ("lung_weight_loss", "lung_negative_controls"):
        text = (ROOT / "config" / "examples" / f"{name}.yaml").read_text(encoding="utf-8")
        settings |= yaml.safe_load(text)
    settings["analysis"] |= {"tie_break_draws": 5, "repeated_tie_breaks": 2}
    return settings | {"inference": settings["inference"] | {"draws": 3}}


def test_without_controls_there_is_no_such_job(finished):
    made = {path.name for path in finished.directory.rglob("results/robustness/*")}
    assert not {"negative_controls.parquet", "calibrated_p_values.csv"} & made


@pytest.mark.slow
def test_the_controls_of_the_example_stand_on_the_page(empty):
    empty.configure(example())
    answer = empty.snakemake()
    assert answer.code == 0, answer.text
    assert answer.jobs()["run_negative_controls"] == 1
    controls = pq.read_table(empty.directory / CONTROLS["negative_controls"]).to_pandas()
    assert set(controls["control"]) == {"code_6", "code_12", "code_16"}
    assert controls["dose_cutoff"].isna().all()
    assert {"ok", "separation"} <= set(controls["status"])
    calibrated = pq.read_table(empty.directory / CONTROLS["calibrated_p_values"]).to_pandas()
    assert (calibrated["controls"] == 3).all()
    assert calibrated["calibrated_p_value"].between(0, 1).all()
    page = (empty.directory / REPORT).read_text(encoding="utf-8")
    assert 'data-chart="negative-controls-chart"' in page
    assert "Hospital code ≥12" in page
    with zipfile.ZipFile(empty.directory / PAGE_CHARTS) as archive:
        assert "negative-controls-chart.svg" in archive.namelist()
    with zipfile.ZipFile(empty.directory / PAGE_TABLES) as archive:
        assert any("calibrated" in name for name in archive.namelist())
    # Another cutoff of a control makes cohort and controls again, and no scenario.
    settings = empty.settings()
    settings["negative_controls"]["code_6"]["exposure"]["cutoff"] = 7
    empty.configure(settings)
    jobs = empty.snakemake("--dry-run", *CONTROLS.values()).jobs()
    assert {"build_cohort": 1, "run_negative_controls": 1}.items() <= jobs.items()
