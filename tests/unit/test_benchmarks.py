"""The implementations that `make bench` times do the same work."""

import importlib
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytestmark = pytest.mark.slow


BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
sys.path.append(str(BENCHMARKS))
unit_cohort, unit_engine, unit_lifelines, time_units, plots = map(
    importlib.import_module, ("unit_cohort", "unit_engine", "unit_lifelines", "time_units", "plots")
)


@pytest.fixture(scope="module", params=[False, True], ids=["categories", "continuous"])
def cohort(request):
    return unit_cohort.unit_cohort(150, continuous=request.param)


@pytest.fixture(scope="module")
def engine(cohort):
    return unit_engine.estimates(cohort)


def test_calipers_give_different_matches(engine):
    assert engine.shape == (len(unit_cohort.CALIPERS), 2, unit_cohort.ESTIMATES)
    assert np.isfinite(engine).all()
    assert len(np.unique(engine[:, 0], axis=0)) == 1
    assert len(np.unique(engine[:, 1], axis=0)) > 2


@pytest.mark.parametrize(
    ("patients", "continuous", "different"),
    [(274, False, 3), (274, True, 6), (5_000, False, 4), (5_000, True, 6)],
)
def test_as_many_calipers_give_a_match_of_their_own_as_the_readme_says(patients, continuous, different):
    matched = unit_engine.estimates(unit_cohort.unit_cohort(patients, continuous=continuous))[:, 1]
    assert len(np.unique(matched, axis=0)) == different


def test_sharing_changes_no_estimate(cohort, engine):
    separate = [unit_engine.estimates(cohort, (caliper,))[0] for caliper in unit_cohort.CALIPERS]
    assert np.array_equal(engine, separate)


def test_lifelines_and_scikit_learn_agree(cohort, engine):
    looped = unit_lifelines.estimates(cohort, cox_options={"precision": 1e-14, "r_precision": 1e-14})
    np.testing.assert_allclose(looped, engine, rtol=0, atol=1e-6)


@pytest.mark.skipif(shutil.which("Rscript") is None, reason="needs R")
def test_r_agrees(cohort, engine, tmp_path):
    path = tmp_path / "cohort.csv"
    unit_cohort.write_cohort(cohort, path)
    command = ["Rscript", str(BENCHMARKS / "work_unit.R"), str(path), "estimates"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    lines = [line.replace(" ", "").strip(",").split(",") for line in done.stdout.splitlines()]
    np.testing.assert_allclose(np.array(lines, float).reshape(engine.shape), engine, rtol=0, atol=1e-6)


def test_an_answer_counts_whole_rounds():
    assert time_units.timed(lambda: 6, seconds=0, units=13)["units"] == 18
    assert time_units.timed(lambda: 6, seconds=0)["units"] == 6


def test_the_figure_goes_without_r():
    names = ("table", "by_n", "by_units", "by_cores")
    tables = {name: pd.read_csv(BENCHMARKS / "results" / f"{name}.csv") for name in names}
    labelled = [text.get_text() for text in plots.growth_figure(tables).axes[2].get_legend().get_texts()]
    assert [label.split(":")[0].split()[0] for label in labelled] == ["engine", "lifelines", "R"]
    table = tables["table"]
    tables["table"] = table[~table["implementation"].str.startswith("R")]
    assert len(plots.growth_figure(tables).axes[2].get_legend().get_texts()) == 2
