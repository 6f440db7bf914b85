"""A study of patients whose treatment starts after time zero, from the user's command to the page."""

import re
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from conftest import ROOT, Studio

from survival_multiverse.files.source_patients import load_dataset

TABLE = "results/robustness/immortal_time.parquet"
EXAMPLE = ROOT / "config" / "examples" / "stanford_transplants.yaml"


def configure(studio, patients):
    """Write the example with patients in a file, on a small grid."""
    settings = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    settings["cohort"] |= {"source": "file", "file": "patients.csv"}
    del settings["cohort"]["dataset"]
    settings["decisions"] = {"age_form": settings["decisions"]["age_form"], "caliper": [0.2]}
    settings["study"]["primary"] = {"age_form": "line", "caliper": 0.2}
    settings["analysis"] |= {"landmarks": [30], "tie_break_draws": 5, "repeated_tie_breaks": 5}
    settings["analysis"]["grace_periods"] = [30, 60]
    settings["inference"] |= {"draws": 9}
    studio.configure(settings)
    patients.to_csv(studio.directory / "patients.csv", index=False)


@pytest.fixture(scope="module")
def treated(commands, tmp_path_factory):
    """The study, run to its end on two cores."""
    studio = Studio(commands, tmp_path_factory.mktemp("treated") / "study")
    configure(studio, load_dataset("stanford_heart_transplants"))
    answer = studio.snakemake()
    assert answer.code == 0, answer.text
    assert answer.jobs()["emulate_treatment"] == 1
    return studio


@pytest.mark.slow
def test_the_table_the_chart_and_the_page_are_there(treated):
    whole = pd.read_parquet(treated.directory / TABLE)
    assert whole["age_form"].tolist() == ["line"] * 5 + ["two_groups"] * 5
    table = whole[whole["is_primary"]]
    assert table["method"].tolist() == [
        *("naive", "landmark", "time_dependent"),
        *["clone_censor_weight"] * 2,
    ]
    shown = table.set_index("method")["hazard_ratio"]
    assert shown["naive"] == pytest.approx(0.182, abs=5e-4)
    assert shown["time_dependent"] == pytest.approx(0.990, abs=5e-4)
    written = pd.read_csv((treated.directory / TABLE).with_suffix(".csv"))
    np.testing.assert_allclose(written["hazard_ratio"], whole["hazard_ratio"], rtol=1e-6)
    summary = pd.read_parquet(treated.directory / TABLE.replace("time", "time_summary"))
    assert summary["analyses"].tolist() == [2] * 5
    np.testing.assert_allclose(
        summary["median_hazard_ratio"] ** 2, whole.groupby("estimand", sort=False)["hazard_ratio"].prod()
    )
    page = (treated.directory / "results/report/robustness.html").read_text(encoding="utf-8")
    assert "One treatment, four ways to count the time before it" in page
    assert "Time before treatment is counted as treated" in page
    assert "The same over all analyses of the primary question" in page
    assert "estimand: each option answers another question; never pooled" in page
    assert re.search(r"<dt>Immortal time</dt>", page)
    unpacked = treated.directory / "charts"
    shutil.unpack_archive(treated.directory / "results/report/charts.zip", unpacked)
    assert (unpacked / "immortal-chart.svg").is_file()


@pytest.mark.slow
def test_the_audit_knows_the_table(treated):
    answer = treated.script("audit", "--directory", treated.directory)
    assert answer.code == 0, answer.text
    answer = treated.script("explain", "--directory", treated.directory, TABLE)
    assert answer.code == 0, answer.text
    assert "emulate_treatment" in answer.text
    assert "  Time before treatment: estimand: each option answers another question" in answer.text
    assert "  landmark 30 days: Among patients still followed at 30 days, hazard of death" in answer.text
    answer = treated.script("compare", treated.directory, treated.directory)
    assert "time before treatment: no difference" in answer.text


@pytest.mark.slow
def test_its_bytes_do_not_depend_on_the_order_of_the_rows(treated, commands, tmp_path):
    other = Studio(commands, tmp_path / "study")
    configure(other, load_dataset("stanford_heart_transplants").sample(frac=1, random_state=3))
    assert other.snakemake(TABLE, cores=1).code == 0
    assert (other.directory / TABLE).read_bytes() == (treated.directory / TABLE).read_bytes()
    assert b"cohort" in pq.read_metadata(other.directory / TABLE).metadata[b"inputs_sha256"]


@pytest.mark.slow
def test_a_start_after_the_end_of_follow_up_is_one_message(commands, tmp_path):
    studio = Studio(commands, tmp_path / "study")
    patients = load_dataset("stanford_heart_transplants")
    patients.loc[3, "wait"] = 40.0
    configure(studio, patients)
    answer = studio.snakemake(TABLE)
    assert answer.code != 0
    assert "column `wait` (start of treatment): after the survival time in 1 row" in answer.text
    assert "Traceback" not in answer.text
