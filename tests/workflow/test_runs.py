"""The study as a whole: it ends, any scenario is a target, and equal inputs give equal bytes."""

import json
import shutil
import socket
import subprocess
import zipfile
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from conftest import PANEL, ROOT, SCENARIO, SCENARIOS

from survival_multiverse.files.study_files import ESTIMATES


def test_the_study_leaves_its_results_and_nothing_to_do(finished):
    made = {
        path.relative_to(finished.directory).as_posix() for path in finished.directory.rglob("results/**/*")
    }
    assert sum(name.startswith(SCENARIOS.as_posix()) and name.endswith(".parquet") for name in made) == 16
    assert {"results/report/robustness.html", "results/robustness/blocks.csv"} <= made
    assert {
        f"results/figures/{name}" for name in ("specification_curve.svg", "survival_curves_dose.csv")
    } <= made
    answer = finished.snakemake("--dry-run")
    assert answer.code == 0
    assert answer.jobs() == {}


def test_a_deleted_scenario_comes_back_by_its_path_byte_for_byte(own):
    before = own.contents()
    (own.directory / SCENARIO).unlink()
    times = {path: path.stat().st_mtime_ns for path in own.directory.glob(f"{SCENARIOS}/**/*.parquet")}
    answer = own.snakemake(SCENARIO)
    assert answer.jobs() == {"fit_scenario": 1}, answer.text
    assert own.contents() == before
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_scenarios_are_regenerated_by_a_condition_and_nothing_follows(own):
    before = own.contents()
    other = SCENARIO.with_name("caliper~none.parquet")
    (own.directory / SCENARIO).unlink()
    (own.directory / other).write_bytes(b"edited")
    chosen = "oligo_threshold==5 & dose_cutoff==63 & gtv_cutoff>=146"
    answer = own.script("regenerate", "--directory", own.directory, chosen)
    assert answer.code == 0, answer.text
    assert answer.text.count("made again, the bytes of its record") == 2
    assert own.contents() == before
    assert own.snakemake("--dry-run").jobs() == {}
    assert own.script("audit", "--directory", own.directory).code == 0


def test_a_scenario_of_other_settings_is_left_to_a_run(own):
    (own.directory / SCENARIO).unlink()
    settings = own.settings()
    settings.setdefault("analysis", {})["confidence_level"] = 0.9
    own.configure(settings)
    answer = own.script("regenerate", "--directory", own.directory, SCENARIO)
    assert answer.code == 1
    assert "left as it is: what it is made from has changed" in answer.text
    assert not (own.directory / SCENARIO).exists()


def test_a_plain_run_mends_a_deleted_scenario(own):
    (own.directory / SCENARIO).unlink()
    assert own.snakemake("--dry-run").jobs()["fit_scenarios"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("decisions_per_job", "asked", "jobs"),
    [
        (0, [SCENARIO, PANEL / "gtv_cutoff~100/caliper~none.parquet"], {"fit_scenario": 2}),
        (3, ["--until", "fit_scenarios"], {"fit_scenarios": 2}),
    ],
)
def test_bytes_do_not_depend_on_cores_or_on_how_jobs_are_cut(finished, empty, decisions_per_job, asked, jobs):
    settings = empty.settings()
    empty.configure({**settings, "execution": {"decisions_per_job": decisions_per_job}})
    answer = empty.snakemake(*asked, cores=1)
    assert answer.code == 0, answer.text
    assert jobs.items() <= answer.jobs().items()
    made = empty.contents()
    assert len(list(empty.directory.glob(f"{SCENARIOS}/**/*.parquet"))) == (
        2 if decisions_per_job == 0 else 16
    )
    assert {name: finished.contents()[name] for name in made} == made


@pytest.mark.slow
def test_a_grid_with_gaps_has_the_scenarios_of_the_whole_one_but_for_those_left_out(finished, gaps):
    answer = gaps.snakemake(ESTIMATES)
    assert answer.code == 0, answer.text
    assert answer.jobs()["fit_scenarios_1"] == 1, answer.text
    scenarios = f"{SCENARIOS}/**/*.parquet"
    whole, made = finished.contents(scenarios), gaps.contents(scenarios)
    left_out = {path for path in whole if path.endswith("gtv_cutoff~100/caliper~none.parquet")}
    assert made.keys() == whole.keys() - left_out
    for path in made:
        assert pq.read_table(gaps.directory / path).equals(pq.read_table(finished.directory / path)), path
    (gaps.directory / SCENARIO).unlink()
    answer = gaps.snakemake(SCENARIO)
    assert answer.jobs() == {"fit_scenario": 1}, answer.text
    assert gaps.contents(scenarios) == made


def test_footers_say_how_a_file_was_made_and_nothing_of_where(finished):
    stored = pq.read_schema(finished.directory / SCENARIO).metadata
    footer = {key.decode(): text.decode() for key, text in stored.items()}
    assert footer["scenario"] == "oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~0.2"
    assert "simulated" in footer["data_origin"]
    assert {"code_sha256", "inputs_sha256", "settings_sha256", "seed", "versions"} <= footer.keys()
    assert footer["rule"] == "fit_scenarios"
    parameters = json.loads(footer["parameters"])
    assert parameters["dose_cutoff"] == {"value": "63", "unit": "Gy"}
    assert parameters["landmark"] == {"value": ["0", "8"], "unit": "months"}
    for path in finished.directory.rglob("results/**/*.parquet"):
        text = str(pq.read_schema(path).metadata)
        for place in (finished.directory, finished.workflow, ROOT, socket.gethostname()):
            assert f"/{place}".replace("//", "/") not in text


def test_every_csv_says_that_the_patients_are_simulated(finished):
    tables = [pd.read_csv(path, low_memory=False) for path in finished.directory.rglob("results/*/*.csv*")]
    assert len(tables) >= 20
    for table in tables:
        assert set(table["data_origin"]) <= {"simulated"}


@pytest.mark.slow
def test_report_of_snakemake_holds_figures_tables_and_page(finished, tmp_path):
    answer = finished.snakemake("--report", tmp_path / "report.zip")
    assert answer.code == 0, answer.text
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        page = archive.read("report/report.html").decode()
    for name in ("specification_curve.svg", "blocks.csv", "failures.csv", "robustness.html"):
        assert name in page


@pytest.mark.parametrize("snakefile", ["Snakefile", "workflow/Snakefile"])
def test_lint_has_nothing_to_say(finished, snakefile):
    answer = finished.snakemake("--lint", "--snakefile", snakefile)
    assert answer.code == 0
    assert "Congratulations" in answer.text


def test_the_default_profile_is_found_and_chooses_the_greedy_scheduler(finished):
    answer = finished.snakemake("--dry-run")
    assert "profiles/default" in answer.text
    profile = (finished.workflow / "profiles/default/profile.yaml").read_text(encoding="utf-8")
    assert "\nscheduler: greedy\n" in profile


JOINT = Path("results/robustness/joint_inference.parquet")


@pytest.mark.slow
def test_inference_does_not_depend_on_how_draws_are_cut_into_jobs(finished, empty):
    empty.configure(empty.settings() | {"execution": {"draws_per_job": 4}})
    answer = empty.snakemake(JOINT, cores=1)
    assert answer.jobs()["resample_multiverse"] == 8, answer.text
    assert (empty.directory / JOINT).read_bytes() == (finished.directory / JOINT).read_bytes()


@pytest.mark.slow
def test_more_draws_extend_the_fewer(own):
    shards = Path("results/resamples/permutation")
    first, second = (own.directory / shards / f"shard~{k}.parquet" for k in (0, 1))
    before, fewer = first.read_bytes(), pq.read_table(second)
    own.configure(own.settings() | {"inference": {"draws": 25}})
    answer = own.snakemake(JOINT)
    # The full job of ten draws stands; the one of five becomes ten, and a third is new; for two nulls.
    # The gates are read from the summary, which is told all settings of the study.
    summary = {"collect_scenarios": 1, "summarise_robustness": 1}
    assert answer.jobs() == {"resample_multiverse": 4, "infer_jointly": 1, **summary}, answer.text
    assert first.read_bytes() == before
    more = pq.read_table(second)
    assert more.num_rows == 2 * fewer.num_rows
    # Frames: what was not estimated is NaN, which equals nothing.
    pd.testing.assert_frame_equal(
        more.slice(0, fewer.num_rows).to_pandas(), fewer.to_pandas(), check_exact=True
    )


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(finished, empty):
    def shards() -> list[Path]:
        # On one core the first is whole when there is a second.
        made = empty.directory.glob("results/resamples/*/*.parquet")
        return sorted(made, key=lambda path: path.stat().st_mtime_ns)

    empty.killed(JOINT, when=lambda: len(shards()) > 1)
    first = shards()[0]
    written = first.stat().st_mtime_ns
    own = ("--directory", empty.directory, "--configfile", empty.directory / "config.yaml", "--cores", 2)
    answer = empty.script("run", JOINT, *own)
    assert answer.code == 0, answer.text
    assert "was killed, and no other is alive: this one goes on" in answer.text
    assert first.stat().st_mtime_ns == written
    assert (empty.directory / JOINT).read_bytes() == (finished.directory / JOINT).read_bytes()


@pytest.mark.slow
def test_a_whole_run_on_one_core_gives_the_same_bytes(finished, empty):
    answer = empty.snakemake(cores=1)
    assert answer.code == 0, answer.text
    for pattern in (
        "results/**/*.parquet",
        "results/**/*.svg",
        "results/**/*.html",
        "results/**/*.zip",
        "results/**/*.gz",
    ):
        assert empty.contents(pattern) == finished.contents(pattern), pattern


OUTER = """
configfile: "outer.yaml"

module study:
    snakefile:
        "{snakefile}"
    config:
        config["dose_robustness"]

use rule * from study as study_*

rule count:
    input:
        "results/robustness/blocks.csv",
    output:
        "count.txt",
    shell:
        "wc -l < {{input}} > {{output}}"

rule all:
    input:
        "count.txt",
        rules.study_all.input,
    default_target: True
"""


@pytest.fixture
def outer(empty):
    """Another workflow that has this one as a module, and gives it a study of two scenarios."""
    settings = empty.settings()
    settings["decisions"] = {
        "oligo_threshold": [5],
        "dose_cutoff": [63],
        "gtv_cutoff": [146],
        "caliper": [0.2, "none"],
    }
    settings["inference"] = {"draws": 5}
    snakefile = empty.directory / "Snakefile"
    snakefile.write_text(OUTER.format(snakefile=empty.workflow / "workflow/Snakefile"), encoding="utf-8")
    text = yaml.safe_dump({"of_my_own": 1, "dose_robustness": settings}, sort_keys=False)
    (empty.directory / "outer.yaml").write_text(text, encoding="utf-8")

    def run(*arguments):
        own = ["--snakefile", snakefile, "--directory", empty.directory, "--cores", "2", "--nocolor"]
        return empty.commands.run("snakemake", *own, *arguments)

    return run


def test_a_module_gets_the_settings_of_the_workflow_that_declares_it(empty, outer):
    answer = outer("--dry-run")
    assert answer.code == 0, answer.text
    jobs = answer.jobs()
    assert (jobs["study_fit_scenarios"], jobs["study_describe_study"], jobs["count"]) == (1, 1, 1)
    other = (empty.directory / "outer.yaml").read_text(encoding="utf-8").replace("decisions:", "decision:")
    (empty.directory / "outer.yaml").write_text(other, encoding="utf-8")
    answer = outer("--dry-run")
    assert answer.code == 1
    assert "unknown key `decision`" in answer.text
    assert "Traceback" not in answer.text


@pytest.fixture
def repository(empty, tmp_path, monkeypatch):
    """The workflow as a git repository with a tag, which stands in for one on GitHub."""
    served = tmp_path / "repository"
    shutil.copytree(empty.workflow, served, ignore=shutil.ignore_patterns("__pycache__", ".snakemake"))
    author = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (["init", "-q"], ["add", "-A"], [*author, "commit", "-qm", "all"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=served, check=True)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.file://{served}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/owner/study")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return served


@pytest.mark.parametrize("kind", ["github", "gitfile"])
def test_a_module_may_come_from_a_tag_of_a_repository(empty, outer, repository, kind):
    place = {"github": "owner/study", "gitfile": repository}[kind]
    declared = f'{kind}("{place}", path="workflow/Snakefile", tag="v1")'
    snakefile = empty.directory / "Snakefile"
    text = snakefile.read_text(encoding="utf-8")
    snakefile.write_text(text.replace(f'"{empty.workflow}/workflow/Snakefile"', declared), encoding="utf-8")
    # What lies in the repository's own folder is not the tag.
    (repository / "scripts" / "build_cohort.py").write_text("edited", encoding="utf-8")
    answer = outer("results/cohort/cohort.parquet")
    assert answer.code == 0, answer.text
    assert answer.jobs() == {"study_build_cohort": 1}
    assert (empty.directory / "results/provenance/jobs/build_cohort.json").is_file()


@pytest.mark.slow
def test_a_study_that_ran_as_a_module_is_whole(empty, outer):
    answer = outer()
    assert answer.code == 0, answer.text
    assert int((empty.directory / "count.txt").read_text(encoding="utf-8")) > 1
    answer = empty.script("audit", "--directory", empty.directory)
    assert answer.code == 0, answer.text
    explained = empty.script("explain", "--directory", empty.directory, "results/robustness/blocks.csv").text
    assert "with the workflow that has this one as a module: snakemake --cores 2 --force" in explained
    assert "Nothing to be done" in outer("--dry-run").text
