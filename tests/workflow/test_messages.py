"""A user's mistake gets one message that says what to do, and no traceback."""

import pandas as pd
import pytest
from conftest import KERNELS, PANEL, SCENARIO, SCENARIOS

from survival_multiverse.cohort.simulation import simulate_cohort
from survival_multiverse.files.config_files import merged_config
from survival_multiverse.settings.study import Study


@pytest.fixture(scope="session")
def patients(workflow_copy, small_settings) -> pd.DataFrame:
    """A table of patients as a user would have it."""
    config = merged_config([workflow_copy / "config/config.yaml"], {})
    config["cohort"] = small_settings["cohort"]
    return simulate_cohort(config["cohort"]["simulation"], Study.from_config(config))


def use_file(studio, text_or_frame, name="patients.csv"):
    """Let a study read its patients from a CSV file beside its configuration."""
    settings = studio.settings()
    settings["cohort"] = {
        key: value for key, value in settings["cohort"].items() if key not in ("simulation", "source")
    }
    settings["cohort"] |= {"source": "file", "file": name}
    studio.configure(settings)
    if isinstance(text_or_frame, pd.DataFrame):
        text_or_frame = text_or_frame.to_csv(index=False)
    if text_or_frame is not None:
        (studio.directory / name).write_text(text_or_frame, encoding="utf-8")


@pytest.mark.parametrize(
    ("path", "nearest"),
    [
        (PANEL / "gtv_cutoff~146.0/caliper~0.20.parquet", SCENARIO),
        (PANEL / "gtv_cutoff~147/caliper~0.2.parquet", SCENARIO),
        (PANEL / "gtv_cutoff~146/caliper~7.parquet", SCENARIO),
        (PANEL / "gtv_cutoff~146/caliper~inf.parquet", PANEL / "gtv_cutoff~146/caliper~none.parquet"),
        (SCENARIOS / "oligo_threshold~9/dose_cutoff~63/gtv_cutoff~146/caliper~0.2.parquet", SCENARIO),
        (SCENARIOS / "oligo_threshold~5/dose_cutoff~063/gtv_cutoff~146/caliper~0.2.parquet", SCENARIO),
    ],
)
def test_a_path_off_the_grid_is_refused_with_the_nearest(finished, path, nearest):
    answer = finished.snakemake(path, "--dry-run")
    assert answer.code == 1
    assert f"Nearest: {nearest.as_posix()}" in answer.text
    assert "is not a scenario of this study" in answer.text


@pytest.mark.parametrize(
    ("outside", "nearest"),
    [
        ("gtv_cutoff~100/caliper~none", "gtv_cutoff~100/caliper~0.2"),
        ("gtv_cutoff~146.0/caliper~none", "gtv_cutoff~146/caliper~none"),
    ],
)
def test_a_combination_that_is_left_out_is_refused_with_the_nearest(gaps, outside, nearest):
    answer = gaps.snakemake(PANEL / f"{outside}.parquet", "--dry-run")
    assert answer.code == 1
    assert f"Nearest: {(PANEL / nearest).as_posix()}.parquet" in answer.text
    assert "is not a scenario of this study" in answer.text


def test_an_unknown_key_is_named_with_the_nearest(empty):
    empty.configure({**empty.settings(), "analysis": {"landmark": [8]}})
    answer = empty.snakemake("--dry-run")
    assert answer.code == 1
    assert answer.text.count("unknown key `landmark`") == 1
    assert "`landmarks`" in answer.text
    assert "Traceback" not in answer.text


def test_a_file_that_is_not_there(empty):
    use_file(empty, None)
    answer = empty.snakemake("--dry-run")
    assert answer.code == 1
    assert f"there is no file {empty.directory / 'patients.csv'}" in answer.text


def test_a_file_with_braces_in_its_name_is_refused(empty, patients):
    use_file(empty, patients, name="{patients}.csv")
    answer = empty.snakemake("--dry-run")
    assert answer.code == 1
    assert "cohort.file: no input may have a name in braces" in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.slow
def test_a_former_name_of_a_setting_is_told_once(empty):
    settings = empty.settings()
    empty.configure({**settings, "sharing": {"minimum_cell": 6}})
    answer = empty.snakemake("results/cohort/cohort.parquet")
    assert answer.code == 0, answer.text
    assert answer.text.count("sharing.minimum_cell is now called disclosure.minimum_count") == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "cannot be read"), ("survival_months,died\n", "no patients")],
)
def test_an_empty_file(empty, text, message):
    use_file(empty, text)
    answer = empty.snakemake("results/cohort/cohort.parquet")
    assert answer.code == 1
    assert answer.text.count(message) == 1, answer.text
    assert "Traceback" not in answer.text


def test_a_missing_column_is_named_with_the_nearest(empty, patients):
    use_file(empty, patients.rename(columns={"dose_gy": "dose_Gy"}))
    answer = empty.snakemake("results/cohort/cohort.parquet")
    assert answer.code == 1
    assert answer.text.count("`dose_gy`") == 1, answer.text
    assert "`dose_Gy`" in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.slow
def test_machine_code_for_delayed_entry_is_made_once_and_before_the_jobs(empty, patients):
    use_file(empty, patients.assign(entry=patients["survival_months"] / 4))
    settings = empty.settings()
    settings["cohort"]["entry"] = {"column": "entry"}
    empty.configure(settings)
    for mark in (empty.workflow / KERNELS / "__pycache__").glob("*/delayed_entry"):
        mark.unlink()
    told, target = "Delayed entry: machine code", "results/cohort/cohort.parquet"
    answer = empty.snakemake(target)
    assert answer.code == 0, answer.text
    assert answer.text.count(told) == 1, answer.text
    assert answer.text.index(told) < answer.text.index("build_cohort:")
    answer = empty.snakemake(target, "--forceall")
    assert answer.jobs() == {"build_cohort": 1}, answer.text
    assert told not in answer.text


@pytest.mark.slow
def test_shuffled_rows_and_columns_give_the_same_bytes(empty, patients):
    use_file(empty, patients)
    assert empty.snakemake(SCENARIO).code == 0
    before = empty.contents()
    shuffled = patients.sample(frac=1, random_state=1)[sorted(patients.columns)]
    use_file(empty, shuffled)
    answer = empty.snakemake(SCENARIO)
    assert answer.jobs() == {"build_cohort": 1, "fit_scenario": 1}, answer.text
    assert empty.contents() == before


def test_settings_on_the_command_line_count(finished):
    chosen = ("--config", "execution={decisions_per_job: 1}", "--dry-run", "--forceall")
    assert finished.snakemake(*chosen).jobs()["fit_scenarios"] == 8
