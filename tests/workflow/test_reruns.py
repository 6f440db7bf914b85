"""What a change makes Snakemake do again: what depends on it, and nothing else."""

import os
from contextlib import contextmanager

import pytest
from conftest import PANEL, SCENARIO

END = {"describe_study", "all"}
PAGE = {"render_report", "draw_charts"} | END
READ = {"write_exports"} | PAGE
AGGREGATES = {"collect_scenarios", "export_estimates", "summarise_robustness"} | READ
PLOTS = {"plot_survival_curves"}
INFERENCE = {"resample_multiverse", "infer_jointly"}
FROM_PATIENTS = {"build_cohort", "fit_scenarios", "audit_cutpoints", "cross_check_models", "describe_arms"}
EVERYTHING = FROM_PATIENTS | INFERENCE | AGGREGATES | PLOTS
SUMMARIES = AGGREGATES | PLOTS


@contextmanager
def edited(path):
    """Add a comment to a file that keeps its time of change, and take it back."""
    before, stamp = path.read_bytes(), path.stat()
    path.write_bytes(before + b"\n# edited\n")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


@pytest.mark.parametrize(
    ("module", "expected"),
    [
        ("survival_multiverse/cohort/preparation.py", EVERYTHING),
        ("survival_multiverse/kernels/matching.py", EVERYTHING - {"build_cohort"}),
        pytest.param(
            "survival_multiverse/inference/robustness.py",
            SUMMARIES | {"infer_jointly"},
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "survival_multiverse/inference/joint_inference.py",
            {"infer_jointly"} | READ,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "survival_multiverse/kernels/cutpoints.py", {"audit_cutpoints"} | PAGE, marks=pytest.mark.slow
        ),
        pytest.param(
            "survival_multiverse/report/figures/survival_panels.py",
            {"plot_survival_curves", "render_report"} | END,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "survival_multiverse/scenario/arm_curves.py", {"describe_arms"} | PAGE, marks=pytest.mark.slow
        ),
        pytest.param(
            "survival_multiverse/report/tables/manuscript.py", {"write_exports"} | END, marks=pytest.mark.slow
        ),
        ("survival_multiverse/report/templates/report.css", {"render_report"} | END),
        pytest.param("survival_multiverse/report/charts/chart_files.py", PAGE, marks=pytest.mark.slow),
        pytest.param("render_report.py", {"render_report"} | END, marks=pytest.mark.slow),
        pytest.param("export_estimates.py", {"export_estimates"} | END, marks=pytest.mark.slow),
        ("survival_multiverse/settings/validation.py", END),
    ],
)
def test_editing_a_module_reruns_the_rules_that_use_it(finished, module, expected):
    with edited(finished.workflow / "scripts" / module):
        answer = finished.snakemake("--dry-run")
    assert answer.jobs().keys() == expected, answer.text


def test_touching_a_module_reruns_nothing(finished):
    path = finished.workflow / "scripts/survival_multiverse/kernels/matching.py"
    stamp = path.stat()
    os.utime(path)
    try:
        assert finished.snakemake("--dry-run").jobs() == {}
    finally:
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def test_a_new_outer_value_runs_its_panels_only(own):
    settings = own.settings()
    settings["decisions"]["dose_cutoff"] = [60, 63, 66]
    own.configure(settings)
    answer = own.snakemake("--dry-run")
    assert answer.jobs()["fit_scenarios"] == 2
    assert "build_cohort" not in answer.jobs()


@pytest.mark.slow
def test_a_new_inner_value_reruns_panels_and_leaves_bytes_as_they_were(own):
    before = own.contents("results/scenarios/**/*.parquet")
    settings = own.settings()
    settings["decisions"]["gtv_cutoff"] = [100, 146, 200]
    own.configure(settings)
    assert own.snakemake("--dry-run").jobs()["fit_scenarios"] == 4
    new = PANEL / "gtv_cutoff~200/caliper~0.2.parquet"
    answer = own.snakemake(new)
    assert answer.jobs() == {"fit_scenario": 1}, answer.text
    after = own.contents("results/scenarios/**/*.parquet")
    assert new.as_posix() in after
    assert {name: after[name] for name in before} == before


def test_titles_primary_scenario_and_disclosure_leave_the_scenarios_alone(own):
    settings = own.settings()
    settings["study"] = {"title": "Another title", "primary": {"oligo_threshold": 4}}
    settings["disclosure"] = {"minimum_count": 10}
    own.configure(settings)
    jobs = own.snakemake("--dry-run").jobs()
    assert "render_report" in jobs
    assert not {"build_cohort", "fit_scenarios"} & jobs.keys()


def test_a_setting_of_the_estimators_reruns_every_panel(own):
    settings = own.settings()
    settings["analysis"]["minimum_events"] = 7
    own.configure(settings)
    assert own.snakemake("--dry-run").jobs()["fit_scenarios"] == 4


def test_a_removed_value_reruns_no_panel(own):
    settings = own.settings()
    settings["decisions"]["gtv_cutoff"] = [146]
    own.configure(settings)
    answer = own.snakemake("--dry-run")
    assert "fit_scenarios" not in answer.jobs()
    assert (own.directory / SCENARIO).is_file()
