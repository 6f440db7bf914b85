"""Write what describes a study as a whole, after everything else: code, graph, crate and manifest.

Every digest of a result in it is that of the job which wrote the file, not of what is found now, so
describing a study again never passes an edited file off as a result.
"""

import json
import os
from collections.abc import Container, Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from survival_multiverse import __version__
from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.files.study_files import CALIBRATION, CRATE, GRAPH, MANIFEST
from survival_multiverse.provenance.job_records import described, settings_path
from survival_multiverse.provenance.lineage import draw_study
from survival_multiverse.provenance.run_crate import RunCrate
from survival_multiverse.provenance.study_records import (
    CODE,
    README,
    StudyRecords,
    description_files,
    read_study,
)

COPIED = (
    *("Snakefile", "workflow", "scripts", "config/config.yaml", CALIBRATION),
    *("environment.yml", "requirements.lock", "LICENSE"),
)
"""What of the repository makes the results; no folder that somebody may keep patients in."""


def describe_study(
    *, study: Path, expected: Iterable[str], settings: Mapping[str, Any], run: Mapping[str, Any]
) -> None:
    """Write code, graph, crate and manifest of the study in a directory.

    Parameters
    ----------
    expected
        Paths of what the study should have; other results were made on request.
    settings
        What a summary of the study depends on; see `study_settings`.
    run
        ``configfiles`` and ``config`` of the command line.
    """
    records = forget_superseded(read_study(study))
    copy_code(study)
    dictionary = (WORKFLOW_ROOT / README).read_bytes()
    if not (study / README).is_file() or (study / README).read_bytes() != dictionary:
        write_bytes(study / README, dictionary)
    write_bytes(study / GRAPH, draw_study(records, settings).encode())
    results = written_results(records, set(expected))
    own = descriptions(study)
    title = settings["study"]["title"]
    crate = RunCrate(
        records,
        title=title,
        files={entry["path"]: entry for entry in [*results, *own]},
        versions={"workflow": __version__, "snakemake": version("snakemake")},
    )
    write_bytes(study / CRATE, _json(crate.metadata()))
    own.append(described(CRATE, study=study, workflow=WORKFLOW_ROOT))
    named = {"title": title, "version": __version__}
    write_bytes(study / MANIFEST, _json({"study": named, "run": dict(run), "files": results + own}))


def describe_again(study: Path) -> None:
    """Describe a study some of whose files were made again; nothing where no run has ended.

    Parameters
    ----------
    study
        Directory of the study, absolute.
    """
    records = read_study(study)
    title = records.manifest.get("study", {}).get("title")
    of_study = [settings for settings in records.settings.values() if settings["study"].get("title") == title]
    if title is not None and of_study:
        expected = [path for path, entry in records.listed.items() if not entry.get("on_request")]
        describe_study(study=study, expected=expected, settings=of_study[-1], run=records.run)


def forget_superseded(records: StudyRecords) -> StudyRecords:
    """Remove the records of jobs all of whose files are gone or written by another job since."""
    kept = []
    for job in records.jobs:
        own = [output.path for output in job.outputs if records.writers[output.path][0] is job]
        if any((records.study / path).is_file() for path in own):
            kept.append(job)
        else:
            os.remove(records.study / job.place)
    used = {settings_path(job.settings_sha256) for job in kept}
    for path in (records.study / settings_path("")).parent.glob("*.json"):
        if path.relative_to(records.study) not in used:
            path.unlink()
    return read_study(records.study) if len(kept) < len(records.jobs) else records


def copy_code(study: Path) -> None:
    """Keep the code of the run among the results, and of former code nothing."""
    found = (
        path
        for name in COPIED
        for path in [WORKFLOW_ROOT / name, *(WORKFLOW_ROOT / name).rglob("*")]
        if path.is_file() and "__pycache__" not in path.parts and not path.name.startswith(".")
    )
    sources = {path.relative_to(WORKFLOW_ROOT).as_posix(): path for path in found}
    for path in (study / CODE).rglob("*"):
        if path.is_file() and path.relative_to(study / CODE).as_posix() not in sources:
            path.unlink()
    for name, path in sources.items():
        target, content = study / CODE / name, path.read_bytes()
        if not target.is_file() or target.read_bytes() != content:
            write_bytes(target, content)


def written_results(records: StudyRecords, expected: Container[str]) -> list[dict[str, Any]]:
    """Return path, size and digest of every file that is there and that a job wrote, and the job."""
    return [
        {"path": path, "bytes": output.bytes, "sha256": output.sha256, "job": job.place}
        | ({} if path in expected else {"on_request": True})
        for path, (job, output) in sorted(records.writers.items())
        if (records.study / path).is_file()
    ]


def descriptions(study: Path) -> list[dict[str, Any]]:
    """Path, size and digest of every record, of the dictionary, the copied code and the graph."""
    kept = (path for path in description_files(study) if path != CRATE)
    return [described(path, study=study, workflow=WORKFLOW_ROOT) for path in kept]


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=1, ensure_ascii=False)}\n".encode()
