"""What an audit says of a study that was tampered with or has drifted, beside what Snakemake says of it."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256

import pandas as pd
import pytest
import yaml
from conftest import DECISIONS, ROOT, SCENARIO, SCENARIOS, Studio
from tampering import CASES, COHORT, MANIFEST, case_table, comment, flip, restored, rewrite

from survival_multiverse.provenance.describe_study import describe_study
from survival_multiverse.provenance.file_records import read_footer
from survival_multiverse.provenance.study_records import read_study

NOTHING = "Nothing to be done"
QUICK = {
    "a scenario edited, its time kept",
    "a record deleted",
    "the data dictionary edited",
    "a module that scripts import edited, its time kept",
    "a module on PYTHONPATH before the installed one",
    "another seed",
    "an option taken from a decision",
    "a scenario deleted",
}
"""Cases of each kind; the others are slow."""


def named(path):
    """A path, but of the settings, which are named by their digests, the folder."""
    return path.rpartition("/")[0] if path.startswith("results/provenance/settings/") else path


def verdicts(studio, *arguments):
    """Exit code, printed text, and verdict (with reasons in order of name) by path."""
    target = studio.directory / "audit.json"
    answer = studio.script("audit", "--directory", studio.directory, "--json", target, *arguments)
    assert target.is_file(), answer.text
    findings = json.loads(target.read_text(encoding="utf-8"))
    target.unlink()
    return answer, {
        named(finding["path"]): ": ".join(
            filter(None, [finding["verdict"], ", ".join(sorted(finding["reasons"]))])
        )
        for finding in findings
    }


@pytest.fixture
def place(own, monkeypatch):
    """A copy of the study in which everything may be edited."""
    monkeypatch.setenv("PYTHONPATH", "")
    with restored(own.workflow):
        yield own


def test_a_study_that_nobody_touched_is_well(finished):
    answer, found = verdicts(finished)
    assert answer.code == 0, answer.text
    assert set(found.values()) == {"ok"}
    assert "files: ok" in answer.text


def test_every_result_is_in_the_manifest_with_the_digest_of_its_bytes(finished):
    stored = json.loads((finished.directory / MANIFEST).read_text(encoding="utf-8"))
    listed = {entry["path"]: entry for entry in stored["files"]}
    there = {
        path.relative_to(finished.directory).as_posix()
        for path in finished.directory.rglob("results/**/*")
        if path.is_file()
    }
    assert listed.keys() == there - {MANIFEST}
    assert not [path for path, entry in listed.items() if "on_request" in entry]
    assert stored["run"] == {"configfiles": ["workflow:config/config.yaml", "config.yaml"], "config": {}}
    for place in (str(finished.directory), str(finished.workflow)):
        assert place not in json.dumps(stored)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=[] if case.name in QUICK else pytest.mark.slow)
        for case in CASES
    ],
)
def test_audit_beside_a_dry_run(place, case):
    case.change(place)
    # Both only look, so they may look at once.
    with ThreadPoolExecutor() as pool:
        asked = pool.submit(place.snakemake, "--dry-run")
        answer, found = verdicts(place)
        native = asked.result()
    assert {path: found.get(path) for path in case.verdicts} == case.verdicts, answer.text
    assert answer.code == (1 if set(found.values()) != {"ok"} else 0)
    assert native.code == 0, native.text
    assert (NOTHING not in native.text) == case.noticed, native.text


def make_and_describe(studio, target):
    """Make a single file, and describe the study as if it had no other."""
    assert studio.snakemake(target).code == 0
    (settings,) = read_study(studio.directory).settings.values()
    run = {"configfiles": ["workflow:config/config.yaml", "config.yaml"], "config": {}}
    decisions = {name: {"options": options} for name, options in DECISIONS.items()}
    described = {"study": {"title": "A study"}, "cohort": settings["cohort"], "decisions": decisions}
    describe_study(study=studio.directory, expected=[target], settings=described, run=run)


@pytest.mark.slow
def test_a_user_s_file_is_held_against_the_one_that_was_read(empty, finished, monkeypatch):
    file = empty.directory / "patients.parquet"
    file.write_bytes((finished.directory / COHORT).read_bytes())
    settings = empty.settings()
    columns = {
        role: {**settings["cohort"][role], "column": role}
        for role in ("time", "event", "dose", "gtv", "lesions")
    }
    settings["cohort"] = {"source": "file", "file": file.name, **columns}
    settings["covariates"] = {
        name: {**entry, "column": name} for name, entry in default(finished)["covariates"].items()
    }
    empty.configure(settings)
    make_and_describe(empty, COHORT)
    assert verdicts(empty)[1][COHORT] == "ok"
    described = (empty.directory / "results/ro-crate-metadata.json").read_text(encoding="utf-8")
    assert sha256(file.read_bytes()).hexdigest() in described
    assert file.name not in described
    patients = pd.read_parquet(file)
    rewrite(file, comment)
    assert verdicts(empty)[1][COHORT] == "stale: inputs"
    assert NOTHING in empty.snakemake(COHORT, "--dry-run").text
    patients.sample(frac=1, random_state=1).to_parquet(file, index=False)
    assert verdicts(empty)[1][COHORT] == "ok"
    patients.assign(time=patients["time"] + 1).to_parquet(file, index=False)
    assert verdicts(empty)[1][COHORT] == "stale: inputs"
    file.unlink()
    assert verdicts(empty)[1][COHORT] == "stale: inputs"


@pytest.mark.parametrize("gone", ["config.yaml", "results"])
def test_what_cannot_be_audited_is_one_message(place, gone):
    (place.directory / gone).rename(place.directory / "elsewhere")
    answer = place.script("audit", "--directory", place.directory)
    assert answer.code == 2
    assert "Traceback" not in answer.text
    assert gone in answer.text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--graph", "config/config.yaml/x/graph.svg"], "config/config.yaml/x/graph.svg: Not a directory"),
        (["--rerun", "-1"], "'-1' is no number of scenarios"),
        (["--signers", "nobody"], "there is no file nobody"),
        (["--directory", "nowhere"], "there are no results in nowhere"),
        # A fresh clone has a page among its results.
        ([], "there are no results in ."),
    ],
)
def test_a_mistake_is_one_message(finished, arguments, words):
    own = ["--directory", finished.directory] if arguments and "--directory" not in arguments else []
    answer = finished.script("audit", *own, *arguments)
    assert answer.code == 2
    assert words in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.slow
def test_a_study_of_the_clone_itself_can_be_handed_on(commands, workflow_copy, tmp_path):
    studio = Studio(commands, workflow_copy)
    studio.configure({})
    try:
        make_and_describe(studio, COHORT)
        shutil.copytree(workflow_copy / "results", tmp_path / "study" / "results")
    finally:
        (workflow_copy / "config.yaml").unlink()
        for path in (workflow_copy / "results").iterdir():
            if path.name != "README.md":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    elsewhere = Studio(commands, tmp_path / "study")
    asked = ("--configfile", workflow_copy / "config/config.yaml")
    assert verdicts(elsewhere, *asked)[1][COHORT] == "ok"
    footer = read_footer(elsewhere.directory / COHORT)
    assert json.loads(footer["inputs_sha256"]).keys() == {"patients", "description"}


@pytest.mark.slow
def test_a_reader_who_has_seen_enough_is_no_fault(finished):
    audit = f"{sys.executable} -m survival_multiverse audit --directory {finished.directory}"
    piped = f"set -o pipefail; PYTHONPATH={finished.workflow / 'scripts'} {audit} | true"
    done = subprocess.run(["bash", "-c", piped], capture_output=True, text=True, check=False)
    assert "Error" not in done.stderr


def default(studio):
    return yaml.safe_load((studio.workflow / "config/config.yaml").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_scenarios_made_again_are_held_against_those_there(place):
    answer = place.script("audit", "--directory", place.directory, "--rerun", 20)
    assert answer.code == 0, answer.text
    assert answer.text.count(": the same bytes") == 16
    before = place.contents()
    rewrite(place.directory / SCENARIO, flip)
    answer = place.script("audit", "--directory", place.directory, "--rerun", 16)
    assert answer.code == 1
    assert answer.text.count(": the same bytes") == 15
    assert f"differs: {SCENARIO.relative_to(SCENARIOS)}" in answer.text
    rewrite(place.directory / SCENARIO, flip)
    assert place.contents() == before
    (place.directory / COHORT).unlink()
    answer = place.script("audit", "--directory", place.directory, "--rerun", 1)
    assert answer.code == 2
    assert f"{COHORT} cannot be read" in answer.text
    assert "Traceback" not in answer.text


def test_the_documented_table_is_that_of_the_cases():
    text = (ROOT / "docs" / "provenance.md").read_text(encoding="utf-8")
    assert case_table() in text
    assert len(CASES) >= 20
