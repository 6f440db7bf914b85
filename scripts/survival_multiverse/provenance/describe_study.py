"""Write what describes a study as a whole, after everything else: code, graph, crate and manifest.

Every digest of a result in it is that of the job which wrote the file, not of what is found now, so
describing a study again never passes an edited file off as a result.
"""

import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from survival_multiverse import __version__
from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.provenance.job_records import PROVENANCE, described
from survival_multiverse.provenance.lineage import draw_study
from survival_multiverse.provenance.run_crate import CODE, RunCrate
from survival_multiverse.provenance.study_plan import CALIBRATION
from survival_multiverse.provenance.study_records import (
    CRATE,
    MANIFEST,
    README,
    StudyRecords,
    description_files,
    read_study,
    settings_by_digest,
)

GRAPH = PROVENANCE / "graph.svg"
COPIED = (
    *("Snakefile", "workflow", "scripts", "config/config.yaml", CALIBRATION),
    *("environment.yml", "requirements.lock", "LICENSE"),
)
"""What of the repository makes the results; no folder that somebody may keep patients in."""


def describe_study(*, study: Path, config: Mapping[str, Any], run: Mapping[str, Any]) -> None:
    """Write code, graph, crate and manifest of the study in a directory; of a study without a record nothing.

    Parameters
    ----------
    config
        The configuration of the run, merged.
    run
        ``configfiles`` and ``config`` of the command line.
    """
    records = forget_superseded(read_study(study))
    if not records.jobs:
        return
    copy_code(study)
    if not (study / README).is_file():
        write_bytes(study / README, (WORKFLOW_ROOT / README).read_bytes())
    write_bytes(study / GRAPH, draw_study(config).encode())
    results = written_results(records)
    own = descriptions(study)
    readme = described(README, study=study, workflow=WORKFLOW_ROOT)
    crate = RunCrate(
        records,
        title=config["study"]["title"],
        files={entry["path"]: entry for entry in [readme, *results, *own]},
        versions={"workflow": __version__, "snakemake": version("snakemake")},
    )
    write_bytes(study / CRATE, _json(crate.metadata()))
    own.append(described(CRATE, study=study, workflow=WORKFLOW_ROOT))
    write_bytes(study / MANIFEST, _json(manifest(records, config, run, results + own)))


def forget_superseded(records: StudyRecords) -> StudyRecords:
    """Remove the records of jobs all of whose files are gone or written by another job since."""
    kept = []
    for job in records.jobs:
        own = [output.path for output in job.outputs if records.writers[output.path][0] is job]
        if any((records.study / path).is_file() for path in own):
            kept.append(job)
        else:
            os.remove(records.study / job.place)
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


def written_results(records: StudyRecords) -> list[dict[str, Any]]:
    """Path, size and digest of every file that is there and that a job wrote, and the job."""
    return [
        {"path": path, "bytes": output.bytes, "sha256": output.sha256, "job": job.place}
        for path, (job, output) in sorted(records.writers.items())
        if (records.study / path).is_file()
    ]


def descriptions(study: Path) -> list[dict[str, Any]]:
    """Path, size and digest of every record, of the copied code and of the graph."""
    kept = (path for path in description_files(study) if path != CRATE)
    return [described(path, study=study, workflow=WORKFLOW_ROOT) for path in kept]


def manifest(
    records: StudyRecords, config: Mapping[str, Any], run: Mapping[str, Any], files: list[dict[str, Any]]
) -> dict[str, Any]:
    """What was made, how the run was called, and the settings behind the digests that jobs name."""
    used = {job.settings_sha256 for job in records.jobs}
    settings = {**records.manifest.get("settings", {}), **settings_by_digest(config)}
    return {
        "study": {"title": config["study"]["title"], "version": __version__},
        "run": dict(run),
        "settings": {sha256: settings[sha256] for sha256 in sorted(used & settings.keys())},
        "files": files,
    }


def _json(value: Any) -> bytes:
    return f"{json.dumps(value, indent=1, ensure_ascii=False)}\n".encode()
