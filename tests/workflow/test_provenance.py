"""What describes a finished study: crate, graph and signature, and the answers to questions about it."""

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from getpass import getuser
from hashlib import sha256
from xml.etree import ElementTree

import pytest
from conftest import SCENARIO
from pyarrow.parquet import read_schema
from tampering import BLOCKS, COHORT, MANIFEST, REPORT, flip, restored, rewrite, settings_with

from survival_multiverse.provenance.lineage import study_graph
from survival_multiverse.provenance.study_records import current_config, read_study

CRATE = "results/ro-crate-metadata.json"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="session")
def entities(finished) -> dict[str, dict]:
    """Entities of the study's crate, by identifier."""
    stored = json.loads((finished.directory / CRATE).read_text(encoding="utf-8"))
    return {entity["@id"]: entity for entity in stored["@graph"]}


def listed(value):
    return value if isinstance(value, list) else [value]


def of_type(entities, kind):
    return [entity for entity in entities.values() if kind in listed(entity["@type"])]


def test_the_crate_has_every_file_with_the_digest_of_its_bytes(finished, entities):
    results = finished.directory / "results"
    there = {path.relative_to(results).as_posix() for path in results.rglob("*") if path.is_file()}
    files = {entity["@id"]: entity for entity in of_type(entities, "File")}
    assert files.keys() == there - {"ro-crate-metadata.json", "provenance/manifest.json"}
    for name, entity in files.items():
        content = (results / name).read_bytes()
        assert entity["sha256"] == sha256(content).hexdigest()
        assert int(entity["contentSize"]) == len(content)


def test_the_crate_has_an_action_for_every_job_with_what_it_read_and_wrote(finished, entities):
    records = read_study(finished.directory)
    actions = {entity["@id"]: entity for entity in of_type(entities, "CreateAction")}
    assert len(actions) == len(records.jobs) + 1
    action = actions["#fit_scenarios/oligo_threshold~5/dose_cutoff~63"]
    assert {"@id": COHORT.removeprefix("results/")} in listed(action["object"])
    assert {"@id": SCENARIO.as_posix().removeprefix("results/")} in listed(action["result"])
    assert entities[action["instrument"]["@id"]]["name"] == "fit_scenarios.py"
    values = {
        entities[thing["@id"]]["name"]: entities[thing["@id"]]["value"]
        for thing in listed(action["object"])
        if entities[thing["@id"]]["@type"] == "PropertyValue"
    }
    assert values["dose_cutoff"] == "63"
    assert values["seed"] == "20260101"
    assert len(of_type(entities, "ControlAction")) == len(records.jobs)


def test_every_reference_of_the_crate_leads_somewhere(entities):
    for entity in entities.values():
        for value in entity.values():
            for thing in listed(value):
                if isinstance(thing, dict) and not thing["@id"].startswith("https://w3id.org/ro/crate"):
                    assert thing["@id"] in entities, entity["@id"]


def test_the_code_of_the_run_is_kept_and_is_that_of_the_jobs(finished):
    copy = finished.directory / "results/provenance/workflow"
    for job in read_study(finished.directory).jobs:
        for name, digest in job.code_sha256.items():
            assert sha256((copy / "scripts" / name).read_bytes()).hexdigest() == digest
    assert (copy / "workflow/Snakefile").is_file()
    assert not [path for path in copy.rglob("*") if path.suffix in (".pyc", ".nbi", ".nbc")]


def test_the_graph_has_every_rule_and_the_files_between_them(finished):
    records = read_study(finished.directory)
    nodes, edges = study_graph(records, current_config(records, None))
    boxes = {node.name: node.lines for node in nodes}
    passing = {(edge.source, edge.target): edge.label for edge in edges}
    assert {job.rule for job in records.jobs} < boxes.keys()
    assert boxes["fit_scenarios"] == ("16 files",)
    assert boxes["dose_cutoff"] == ("60, 63",)
    assert passing["simulated patients", "build_cohort"] == "patients"
    assert passing["fit_scenarios", "collect_scenarios"] == "16 files"
    assert passing["dose_cutoff", "fit_scenarios"] == "2 options"
    assert passing["build_cohort", "fit_scenarios"] == "1 file"
    assert passing["resample_multiverse", "infer_jointly"] == "4 files"
    assert passing["resources/calibration.csv", "render_report"] == "1 file"


def test_a_file_made_again_leaves_the_study_as_it_was(own):
    before = own.contents("results/provenance/**/*.json")
    assert own.snakemake("--force", SCENARIO).code == 0
    assert own.contents("results/provenance/**/*.json") == before
    assert own.script("audit", "--directory", own.directory).code == 0


@pytest.mark.slow
def test_files_that_come_out_otherwise_are_described_again(own):
    with restored(own.workflow):
        rewrite(own.workflow / "scripts/fit_scenarios.py", lambda text: text + b"# edited\n")
        where = ("--directory", own.directory, "--configfile", own.directory / "config.yaml")
        assert own.script("run", *where, SCENARIO).code == 0
        text = own.script("audit", "--directory", own.directory).text
    # The scenario that was asked for is as its script makes it, the other fifteen are not.
    assert re.search(r"fit_scenarios +1 +15 ", text), text
    assert "unrecorded:" not in text


def test_an_audit_draws_its_verdicts(own, tmp_path):
    rewrite(own.directory / SCENARIO, flip)
    target = tmp_path / "graph.svg"
    own.script("audit", "--directory", own.directory, "--graph", target)
    plain = ElementTree.parse(own.directory / "results/provenance/graph.svg").getroot()
    marked = ElementTree.parse(target).getroot()
    assert len({rect.get("fill") for rect in plain.iter(f"{SVG}rect")}) == 1
    texts = [text.text for text in marked.iter(f"{SVG}text")]
    assert "1 tampered, 15 ok" in texts
    assert "1 stale" in texts


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="OpenSSH signs")
def test_only_an_audited_study_is_signed(own, tmp_path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    signers = tmp_path / "signers"
    signers.write_text(f"anna {(tmp_path / 'key.pub').read_text()}")
    key, where = ("--key", tmp_path / "key"), ("--directory", own.directory)
    assert own.script("sign", *where, "--key", tmp_path / "no key").code == 2
    assert own.script("sign", *where, *key).code == 0
    answer = own.script("audit", *where, "--signers", signers)
    assert answer.code == 0, answer.text
    assert "signed by anna" in answer.text
    # Whoever edits a result, its record and the manifest cannot sign it.
    rewrite(own.directory / MANIFEST, lambda text: text.replace(b'"title"', b'"Title"'))
    answer = own.script("audit", *where, "--signers", signers)
    assert answer.code == 1
    assert "wrong signature" in answer.text
    rewrite(own.directory / BLOCKS, flip)
    assert own.script("sign", *where, *key).code == 1


@pytest.mark.parametrize(
    "path",
    [
        SCENARIO.as_posix(),
        *(
            pytest.param(path, marks=pytest.mark.slow)
            for path in ("results/figures/specification_curve.png", REPORT)
        ),
    ],
)
def test_a_result_is_explained_back_to_the_cohort_and_can_be_made_by_the_command(finished, path):
    answer = finished.script("explain", "--directory", finished.directory, path)
    assert answer.code == 0, answer.text
    assert "read cohort: results/cohort/cohort.parquet" in answer.text
    assert "build_cohort\n" in answer.text
    assert "The patients are simulated" in answer.text
    assert "numba" in answer.text
    command = shlex.split(answer.text.strip().rpartition("in the clone of the workflow: ")[2])
    assert command[0] == "snakemake"
    done = subprocess.run(
        [sys.executable, "-m", *command, "--dry-run"],
        cwd=finished.workflow,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Nothing to be done" not in done.stderr + done.stdout


@pytest.mark.slow
def test_a_number_of_the_report_leads_to_rows_and_scenarios(finished):
    import pyarrow.parquet as pq

    table = pq.read_table(finished.directory / "results/robustness/specifications.parquet").to_pandas()
    weighted = table[table["is_primary"] & (table["estimator"] == "overlap")]
    row = weighted[weighted["population"] == "non_oligometastatic"].iloc[0]
    number = f"{row['estimate']:.3g}"
    asked = ("--directory", finished.directory, REPORT)
    answer = finished.script("explain", *asked, "--number", number)
    shown = "  results/robustness/specifications.parquet, estimate"
    first = answer.text[answer.text.index(shown) :].splitlines()[:2]
    assert first[1].startswith(f"    {number}: oligo_threshold 5")
    assert f"from {SCENARIO.as_posix()}" in answer.text
    assert "0 rows" in finished.script("explain", *asked, "--number", "123456.789").text
    count = finished.script("explain", *asked, "--number", f"{row['n']:g}").text
    assert not re.search(rf", n( \(and|:).*\n +{row['n']:g}:", count)
    refused = finished.script("explain", *asked, "--number", "many")
    assert (refused.code, refused.text.count("is not a number")) == (2, 1)


def test_a_file_that_no_job_wrote_is_not_explained(finished):
    answer = finished.script("explain", "--directory", finished.directory, "results/robustness/block.csv")
    assert answer.code == 2
    assert "did you mean `results/robustness/blocks.csv`" in answer.text


@pytest.mark.parametrize(
    ("script", "arguments"),
    [
        ("explain", ["--directory", "nowhere", REPORT]),
        ("sign", ["--directory", "results", "--key", "Snakefile"]),
        ("compare", ["nowhere", "results"]),
    ],
)
def test_where_nothing_has_run_there_is_nothing_to_say(finished, script, arguments):
    answer = finished.script(script, *arguments)
    assert answer.code == 2
    assert "no job has left a record below" in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.slow
def test_a_damaged_result_is_explained_by_its_record_and_compared_not_at_all(finished, own):
    tables = ("results/robustness/specifications.parquet", SCENARIO.as_posix())
    for path in tables:
        rewrite(own.directory / path, lambda data: data[:-100])
    answer = own.script("explain", "--directory", own.directory, tables[1])
    assert answer.code == 0, answer.text
    assert "but now it is" in answer.text
    assert "build_cohort\n" in answer.text
    (own.directory / tables[1]).unlink()
    answer = own.script("explain", "--directory", own.directory, tables[1])
    assert "but it is not there now" in answer.text
    for answer in (
        own.script("explain", "--directory", own.directory, REPORT, "--number", "0.7"),
        own.script("compare", finished.directory, own.directory),
    ):
        assert answer.code == 2
        assert f"{tables[0]} cannot be read" in answer.text
        assert "Traceback" not in answer.text


def test_a_number_of_a_csv_is_looked_for_in_its_table(finished):
    import pyarrow.parquet as pq

    table = pq.read_table(finished.directory / BLOCKS.replace(".csv", ".parquet"))
    number = f"{next(filter(None, table['median_estimate'].to_pylist())):.3g}"
    answer = finished.script("explain", "--directory", finished.directory, BLOCKS, "--number", number)
    assert "results/robustness/blocks.parquet, median_estimate" in answer.text


@pytest.mark.slow
def test_two_studies_are_compared(finished, own):
    same = own.script("compare", finished.directory, own.directory)
    assert same.code == 0
    assert same.text.count("no difference") == 6, same.text
    with restored(own.workflow):
        rewrite(own.workflow / "scripts/collect_scenarios.py", lambda text: text + b"# edited\n")
        settings_with(own, study={"seed": 7}, analysis={"minimum_events": 5, "landmarks": [8]})
        assert own.snakemake("results/robustness/specifications.parquet").code == 0
    answer = own.script("compare", finished.directory, own.directory)
    assert "study.seed: 20260101 → 7" in answer.text
    assert "collect_scenarios.py: changed" in answer.text
    assert "fit_scenarios: 0 files the same, 16 changed" in answer.text
    assert " to the other side of 1" in answer.text
    assert "minimum_events" not in answer.text


def test_what_has_not_run_is_not_compared(finished, empty):
    answer = finished.script("compare", finished.directory, empty.directory)
    assert answer.code == 2
    assert "Traceback" not in answer.text


@pytest.mark.slow
def test_what_may_be_shared_is_packed_without_host_time_and_place(own):
    asked = ("share", "--directory", own.directory)
    answer = own.script(*asked)
    assert answer.code == 0, answer.text
    packed = (own.directory / "share.zip").read_bytes()
    with zipfile.ZipFile(own.directory / "share.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
        assert {entry.date_time[0] for entry in archive.infolist()} == {1980}
    assert {name.partition("/")[0] for name in files} == {"README.md", "figures", "provenance.json", "report"}
    results = own.directory / "results"
    for name, data in files.items():
        if "/" in name:
            assert data == (results / name).read_bytes()
    told = files["provenance.json"].decode()
    run = json.loads(next(results.glob("provenance/jobs/*.json")).read_text())["run"]
    for secret in (
        f'"{run["host"]}"',
        run["processor"],
        run["started"][:10],
        str(own.directory),
        f"/{getuser()}",
    ):
        assert secret not in told
    jobs = json.loads(told)["jobs"]
    assert {job["rule"] for job in jobs} >= {"build_cohort", "fit_scenarios", "render_report"}
    written = {path: digest for job in jobs for path, digest in job["written"].items()}
    assert written[REPORT] == sha256(files["report/robustness.html"]).hexdigest()
    kept = {path for path, digest in written.items() if digest == "confidential"}
    assert kept >= {COHORT, "results/cohort/flow.csv", "results/cohort/missing.csv", SCENARIO.as_posix()}
    for path in kept:
        assert sha256((own.directory / path).read_bytes()).hexdigest() not in told
    with zipfile.ZipFile(io.BytesIO(files["report/tables.zip"])) as tables:
        footer = read_schema(io.BytesIO(tables.read("answer.parquet"))).metadata
    assert footer[b"inputs_sha256"] == b"{}"
    assert own.script(*asked).code == 0
    assert (own.directory / "share.zip").read_bytes() == packed
    rewrite(own.directory / REPORT, lambda data: data + b" ")
    (own.directory / "share.zip").unlink()
    answer = own.script(*asked)
    assert answer.code == 1
    assert f"{REPORT}: tampered" in answer.text
    assert not (own.directory / "share.zip").exists()


def test_a_study_of_another_version_is_one_line_for_the_audit(finished, own):
    def older(data):
        stored = json.loads(data)
        del stored["study"]["version"]
        return json.dumps(stored).encode()

    rewrite(own.directory / MANIFEST, older)
    for command in ("audit", "share"):
        answer = own.script(command, "--directory", own.directory)
        assert answer.code == 2
        assert "made by version 0.1.0: audit it with 0.1.0" in answer.text
        assert answer.text.count("\n") <= 2, answer.text
    answer = own.script("compare", own.directory, finished.directory)
    assert "version 0.1.0 →" in answer.text
