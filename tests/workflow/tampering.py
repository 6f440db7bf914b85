"""What can happen to a finished study: each case changes a copy of it, and knows what an audit should say.

``noticed`` says whether Snakemake's dry run has anything to do afterwards: what was seen, not what should be.
"""

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from importlib.metadata import distribution, version
from pathlib import Path

from conftest import PANEL, SCENARIO, SCENARIOS, Studio

OTHER = PANEL / "gtv_cutoff~100/caliper~0.2.parquet"
ESTIMATES, BLOCKS = "results/robustness/estimates.parquet", "results/robustness/blocks.csv"
FIGURE, REPORT = "results/figures/summary.svg", "results/report/robustness.html"
CURVES = "results/figures/survival_curves_dose.svg"
COHORT, SHARD = "results/cohort/cohort.parquet", "results/resamples/permutation/shard~0.parquet"
LAST_SHARD, JOINT = SHARD.replace("0", "1"), "results/robustness/joint_inference.parquet"
JOBS, MANIFEST = "results/provenance/jobs", "results/provenance/manifest.json"
CRATE, KEPT = "results/ro-crate-metadata.json", "results/provenance/workflow"
RECORD = f"{JOBS}/fit_scenarios/oligo_threshold~5/dose_cutoff~63.json"
LIBRARY = "scripts/survival_multiverse"


@dataclass(frozen=True, slots=True)
class Case:
    """A change, the verdicts (with reasons) that it earns, and whether Snakemake notices it."""

    name: str
    change: Callable[[Studio], None]
    verdicts: dict[str, str]
    noticed: bool


CASES: list[Case] = []


def case(name: str, verdicts: dict, *, noticed: bool = False):
    """Add a change to the cases."""

    def register(change: Callable[[Studio], None]) -> Callable[[Studio], None]:
        CASES.append(Case(name, change, {str(path): words for path, words in verdicts.items()}, noticed))
        return change

    return register


def case_table() -> str:
    """The cases as a table of the documents, with the audit's first verdict."""
    rows = [
        f"| {case.name} | {next(iter(case.verdicts.values()))} | {'notices' if case.noticed else '—'} |"
        for case in CASES
    ]
    return "\n".join(["| what happened | `make audit` | `snakemake -n` |", "|---|---|---|", *rows])


def rewrite(path: Path, edit: Callable[[bytes], bytes], *, keep_time: bool = True) -> None:
    """Change the bytes of a file, and take its time back."""
    stamp, before = path.stat(), path.read_bytes()
    path.write_bytes(edit(before))
    assert path.read_bytes() != before
    if keep_time:
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def flip(data: bytes) -> bytes:
    """One bit of the middle byte."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def comment(data: bytes) -> bytes:
    return data + b"\n# edited\n"


def exchange(one: Path, other: Path) -> None:
    """Let two files have each other's bytes, and their own times."""
    content = other.read_bytes()
    rewrite(other, lambda _: one.read_bytes())
    rewrite(one, lambda _: content)


def edit_json(path: Path, edit: Callable[[dict], None]) -> None:
    stored = json.loads(path.read_text(encoding="utf-8"))
    edit(stored)
    path.write_text(json.dumps(stored), encoding="utf-8")


def set_digests(entries: list[dict], study: Path) -> None:
    """Give every entry the digest of the file as it is."""
    for entry in entries:
        entry["sha256"] = sha256((study / entry["path"]).read_bytes()).hexdigest()


def settings_with(studio: Studio, **sections: dict) -> None:
    settings = studio.settings()
    for name, section in sections.items():
        settings[name] = {**settings.get(name, {}), **section}
    studio.configure(settings)


@contextmanager
def restored(workflow: Path) -> Iterator[None]:
    """Put back, with their times, the files of the workflow that a case edits."""
    files = {
        path: (path.read_bytes(), path.stat())
        for path in map(workflow.joinpath, ("config/config.yaml", "resources/calibration.csv", *EDITED))
    }
    try:
        yield
    finally:
        for path, (content, stamp) in files.items():
            if path.read_bytes() != content or path.stat().st_mtime_ns != stamp.st_mtime_ns:
                path.write_bytes(content)
                os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


EDITED = (
    "scripts/collect_scenarios.py",
    "scripts/fit_scenarios.py",
    f"{LIBRARY}/kernels/matching.py",
    f"{LIBRARY}/inference/joint_inference.py",
    f"{LIBRARY}/report/templates/report.css",
    "workflow/rules/robustness.smk",
    "requirements.lock",
)
DICTIONARY = "results/README.md"


@case("a scenario edited, its time kept", {SCENARIO: "tampered", OTHER: "ok", ESTIMATES: "stale: inputs"})
def _(studio):
    rewrite(studio.directory / SCENARIO, flip)


@case("a scenario edited, its time new", {SCENARIO: "tampered"}, noticed=True)
def _(studio):
    rewrite(studio.directory / SCENARIO, flip, keep_time=False)


@case("a table edited, its time kept", {BLOCKS: "tampered", REPORT: "ok"})
def _(studio):
    rewrite(studio.directory / BLOCKS, flip)


@case("a figure edited, its time kept", {CURVES: "tampered", REPORT: "stale: inputs"})
def _(studio):
    rewrite(studio.directory / CURVES, comment)


@case("the report edited, its time new", {REPORT: "tampered"}, noticed=True)
def _(studio):
    rewrite(studio.directory / REPORT, comment, keep_time=False)


@case("the cohort edited, its time kept", {COHORT: "tampered", SCENARIO: "stale: inputs"})
def _(studio):
    rewrite(studio.directory / COHORT, flip)


@case("two scenarios exchanged, their times kept", {SCENARIO: "tampered", OTHER: "tampered"})
def _(studio):
    exchange(studio.directory / SCENARIO, studio.directory / OTHER)


@case("two scenarios exchanged, and their records and the manifest edited to fit", {SCENARIO: "tampered"})
def _(studio):
    exchange(studio.directory / SCENARIO, studio.directory / OTHER)
    edit_json(studio.directory / RECORD, lambda record: set_digests(record["outputs"], studio.directory))
    edit_json(studio.directory / MANIFEST, lambda stored: set_digests(stored["files"], studio.directory))


@case("a scenario cut off, and its record and the manifest edited to fit", {SCENARIO: "tampered"})
def _(studio):
    rewrite(studio.directory / SCENARIO, lambda data: data[:-100])
    edit_json(studio.directory / RECORD, lambda record: set_digests(record["outputs"], studio.directory))
    edit_json(studio.directory / MANIFEST, lambda stored: set_digests(stored["files"], studio.directory))


@case("a figure edited, and the record of its job edited to fit", {FIGURE: "unrecorded"})
def _(studio):
    rewrite(studio.directory / FIGURE, comment)
    record = studio.directory / JOBS / "write_exports.json"
    edit_json(record, lambda stored: set_digests(stored["outputs"], studio.directory))


@case("a record says another seed", {SCENARIO: "tampered", BLOCKS: "ok"})
def _(studio):
    edit_json(studio.directory / RECORD, lambda record: record.update(seed=1))


@case("a record holds no record", {RECORD: "tampered", SCENARIO: "unrecorded"})
def _(studio):
    (studio.directory / RECORD).write_text("{}", encoding="utf-8")


@case("a record deleted", {SCENARIO: "unrecorded", BLOCKS: "ok"})
def _(studio):
    (studio.directory / RECORD).unlink()


@case(
    "the manifest deleted",
    {MANIFEST: "missing", SCENARIO: "unrecorded", REPORT: "unrecorded"},
    noticed=True,
)
def _(studio):
    (studio.directory / MANIFEST).unlink()


@case("the manifest cut off", {MANIFEST: "tampered", SCENARIO: "unrecorded"})
def _(studio):
    rewrite(studio.directory / MANIFEST, lambda data: data[:1000])


@case("the settings of every job edited", {"results/provenance/settings": "tampered", SCENARIO: "ok"})
def _(studio):
    for path in (studio.directory / "results/provenance/settings").iterdir():
        edit_json(path, lambda settings: settings["study"].update(seed=7))


@case("the crate edited", {CRATE: "tampered"})
def _(studio):
    rewrite(studio.directory / CRATE, lambda text: text.replace(b"CreateAction", b"UpdateAction"))


@case("the code kept of the run edited", {f"{KEPT}/scripts/fit_scenarios.py": "tampered"})
def _(studio):
    rewrite(studio.directory / KEPT / "scripts/fit_scenarios.py", comment)


@case("a file beside the code of the run", {f"{KEPT}/note.txt": "orphan"})
def _(studio):
    (studio.directory / KEPT / "note.txt").write_text("reviewed", encoding="utf-8")


@case("a digest in the manifest edited", {REPORT: "unrecorded", FIGURE: "ok"})
def _(studio):
    def edit(stored):
        (entry,) = (entry for entry in stored["files"] if entry["path"] == REPORT)
        entry["sha256"] = "0" * 64

    edit_json(studio.directory / MANIFEST, edit)


@case("a table edited, and the study described anew by a further run", {BLOCKS: "tampered"})
def _(studio):
    rewrite(studio.directory / BLOCKS, flip)
    (studio.directory / REPORT).unlink()
    assert studio.snakemake().code == 0


@case(
    "a script edited, its time kept",
    {SCENARIO: "stale: code", COHORT: "ok", REPORT: "stale: inputs"},
    noticed=True,
)
def _(studio):
    rewrite(studio.workflow / "scripts/fit_scenarios.py", comment)


@case(
    "a module that scripts import edited, its time kept",
    {SCENARIO: "stale: code", COHORT: "ok"},
    noticed=True,
)
def _(studio):
    rewrite(studio.workflow / LIBRARY / "kernels/matching.py", comment)


@case("a module that scripts import edited, its time new", {JOINT: "stale: code"}, noticed=True)
def _(studio):
    rewrite(studio.workflow / LIBRARY / "inference/joint_inference.py", comment, keep_time=False)


@case("the style of the report edited, its time kept", {REPORT: "stale: code", FIGURE: "ok"}, noticed=True)
def _(studio):
    rewrite(studio.workflow / LIBRARY / "report/templates/report.css", comment)


@case("an input of the repository edited, its time kept", {REPORT: "stale: inputs", FIGURE: "ok"})
def _(studio):
    rewrite(studio.workflow / "resources/calibration.csv", comment)


@case("another version of a package", {COHORT: "stale: environment", SCENARIO: "stale: inputs"})
def _(studio):
    # A package beside the installed one whose description alone is found first.
    folder = studio.directory / "packages" / "lifelines-9.9.dist-info"
    folder.mkdir(parents=True)
    text = "Metadata-Version: 2.1\nName: lifelines\nVersion: 9.9\n"
    (folder / "METADATA").write_text(text, encoding="utf-8")
    os.environ["PYTHONPATH"] = str(folder.parent)


@case("another seed", {COHORT: "stale: params", REPORT: "stale: inputs, params"}, noticed=True)
def _(studio):
    settings_with(studio, study={"seed": 7})


@case("another seed, then --touch", {COHORT: "stale: params", SCENARIO: "stale: inputs, params"})
def _(studio):
    settings_with(studio, study={"seed": 7})
    assert studio.snakemake("--touch").code == 0


@case(
    "a setting of the estimators", {SCENARIO: "stale: inputs, params", COHORT: "stale: params"}, noticed=True
)
def _(studio):
    settings_with(studio, analysis={"minimum_events": 7})


@case("two settings exchange their values", {COHORT: "stale: params"}, noticed=True)
def _(studio):
    settings = studio.settings()
    variables = settings["cohort"]["simulation"]["variables"]
    variables["t_stage"], variables["organs"] = variables["organs"], variables["t_stage"]
    studio.configure(settings)


@case(
    "fewer draws in all", {REPORT: "stale: inputs, params", SHARD: "ok", LAST_SHARD: "orphan"}, noticed=True
)
def _(studio):
    settings_with(studio, inference={"draws": 10})


@case(
    "the default configuration edited, its time kept",
    {REPORT: "stale: inputs, params", SCENARIO: "ok"},
    noticed=True,
)
def _(studio):
    rewrite(
        studio.workflow / "config/config.yaml",
        lambda text: text.replace(b"minimum_count: 5", b"minimum_count: 6"),
    )


@case(
    "an option added to a decision", {PANEL / "gtv_cutoff~200/caliper~0.2.parquet": "missing"}, noticed=True
)
def _(studio):
    settings_with(studio, decisions={"gtv_cutoff": [100, 146, 200]})


@case(
    "an option taken from a decision",
    {OTHER: "orphan", SCENARIO: "ok", ESTIMATES: "stale: params"},
    noticed=True,
)
def _(studio):
    settings_with(studio, decisions={"gtv_cutoff": [146]})


@case("a file that no rule makes", {SCENARIOS / "copy.parquet": "orphan", SCENARIO: "ok"})
def _(studio):
    shutil.copy2(studio.directory / SCENARIO, studio.directory / SCENARIOS / "copy.parquet")


@case("a scenario deleted", {SCENARIO: "missing", ESTIMATES: "stale: inputs"}, noticed=True)
def _(studio):
    (studio.directory / SCENARIO).unlink()


@case("the draws behind a P value deleted", {SHARD: "missing"}, noticed=True)
def _(studio):
    (studio.directory / SHARD).unlink()


@case("Snakemake's own records deleted", {SCENARIO: "ok", REPORT: "ok"})
def _(studio):
    shutil.rmtree(studio.directory / ".snakemake")


@case("Snakemake's own records deleted, and another seed", {COHORT: "stale: params"})
def _(studio):
    shutil.rmtree(studio.directory / ".snakemake")
    settings_with(studio, study={"seed": 7})


@case("a file where times of jobs once lay", {"results/benchmarks/late.tsv": "orphan"})
def _(studio):
    (studio.directory / "results/benchmarks").mkdir()
    (studio.directory / "results/benchmarks/late.tsv").write_text("s\n1\n", encoding="utf-8")


@case("a folder linked into the results", {"results/more": "orphan"})
def _(studio):
    (studio.directory / "results/more").symlink_to(studio.workflow / "docs")


@case("results moved to another disk and linked", {SCENARIO: "ok", REPORT: "ok"})
def _(studio):
    moved = studio.directory / "disk"
    shutil.move(studio.directory / SCENARIOS, moved)
    (studio.directory / SCENARIOS).symlink_to(moved)


@case("a file beside the records of jobs", {f"{JOBS}/note.txt": "orphan"})
def _(studio):
    (studio.directory / JOBS / "note.txt").write_text("reviewed", encoding="utf-8")


@case("the data dictionary edited", {DICTIONARY: "tampered"})
def _(studio):
    rewrite(studio.directory / DICTIONARY, comment)


@case("the data dictionary deleted", {DICTIONARY: "missing"})
def _(studio):
    (studio.directory / DICTIONARY).unlink()


@case("the manifest lists a file outside the study", {MANIFEST: "tampered"})
def _(studio):
    def edit(stored):
        entry = next(entry for entry in stored["files"] if entry["path"] == FIGURE)
        stored["files"].append({**entry, "path": "results/../config.yaml"})

    edit_json(studio.directory / MANIFEST, edit)


@case("the crate names a file outside the study, and the manifest is edited to fit", {CRATE: "tampered"})
def _(studio):
    def edit(stored):
        stored["@graph"].append({"@id": "../../private.csv", "@type": "File"})

    edit_json(studio.directory / CRATE, edit)
    edit_json(studio.directory / MANIFEST, lambda stored: set_digests(stored["files"], studio.directory))


@case(
    "a rule edited, its time kept",
    {f"{KEPT}/workflow/rules/robustness.smk": "stale: code", BLOCKS: "ok"},
)
def _(studio):
    rewrite(studio.workflow / "workflow/rules/robustness.smk", comment)


@case("the pinned versions edited", {f"{KEPT}/requirements.lock": "stale: code"})
def _(studio):
    rewrite(studio.workflow / "requirements.lock", comment)


@case(
    "a module on PYTHONPATH before the installed one",
    {COHORT: "stale: environment", REPORT: "stale: inputs"},
)
def _(studio):
    folder = studio.directory / "modules" / "lifelines"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("from lifelines.datasets import *\n", encoding="utf-8")
    os.environ["PYTHONPATH"] = str(folder.parent)


@case("a module on PYTHONPATH before Python's own", {COHORT: "stale: environment"})
def _(studio):
    folder = studio.directory / "modules"
    folder.mkdir()
    (folder / "statistics.py").write_text("", encoding="utf-8")
    os.environ["PYTHONPATH"] = str(folder)


@case("a file of an installed package edited", {COHORT: "stale: environment", SCENARIO: "stale: inputs"})
def _(studio):
    # A package beside the installed one, with its description, and a module that is not what was installed.
    installed = Path(str(distribution("lifelines").locate_file("")))
    folder = studio.directory / "packages"
    for part in ("lifelines", f"lifelines-{version('lifelines')}.dist-info"):
        shutil.copytree(installed / part, folder / part)
    rewrite(folder / "lifelines/utils/concordance.py", comment)
    os.environ["PYTHONPATH"] = str(folder)
