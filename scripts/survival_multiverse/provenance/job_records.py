"""Records of jobs: what each read and wrote, with digests, and when and where it ran.

A result's own footer holds neither paths nor times; a figure or a CSV has no footer. The record is not an
output of a rule: it differs from run to run, and a lost one is no reason to compute the results again.
"""

import itertools
import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.stored_json import RECORD, read_json
from survival_multiverse.files.study_files import PROVENANCE
from survival_multiverse.provenance.dependencies import LIBRARY, PACKAGE
from survival_multiverse.provenance.environment import versions_used
from survival_multiverse.provenance.file_records import (
    DATA_ORIGIN,
    code_digests,
    digest,
    digest_of_file,
    digest_of_rows,
)
from survival_multiverse.settings.faults import InputError

JOBS = Path(PROVENANCE, "jobs")
PATIENTS = "patients"
"""Role of the file that the cohort is read from."""
OWN_FIELDS = ("code", "settings", "panel")
"""Parameters of a job that its record has as digests, in fields of their own."""
WORKFLOW, ELSEWHERE = "workflow:", "elsewhere:"
"""Marks of a path below the repository, and of a file whose place is nobody's concern."""


def place_of(path: str | Path, *, study: Path, workflow: Path) -> str:
    """Return a path as records write it: below the study, below the repository, or a name alone.

    Of a study that lies in the repository itself only the results are below the study: they can be handed on.
    """
    full = Path(os.path.normpath(study / path))
    if full.is_relative_to(study / "results" if study == workflow else study):
        return full.relative_to(study).as_posix()
    if full.is_relative_to(workflow):
        return WORKFLOW + full.relative_to(workflow).as_posix()
    return ELSEWHERE + full.name


def described(path: str, *, study: Path, workflow: Path) -> dict[str, Any]:
    """Return the place, size and digest of a file."""
    full = study / path
    place = place_of(path, study=study, workflow=workflow)
    return {"path": place, "bytes": full.stat().st_size, "sha256": digest_of_file(full)}


def record_path(rule: str, wildcards: Mapping[str, str]) -> Path:
    """Return the path of a job's record: one file per job, below its rule."""
    *folders, name = [f"{name}~{value}" for name, value in wildcards.items()] or [rule]
    return Path(JOBS, *([rule] if wildcards else []), *folders, f"{name}.json")


def rule_of(record: str) -> str:
    """Return the rule of a job by the path of its record."""
    return record.removeprefix(f"{JOBS.as_posix()}/").partition("/")[0].removesuffix(".json")


def settings_path(sha256: str) -> Path:
    """Return where the settings with a digest lie."""
    return Path(PROVENANCE, "settings", f"{sha256}.json")


@contextmanager
def recorded_job(job: Any, script: str) -> Iterator[None]:
    """Write the record of a job, and the settings that it names, once the block has ended well.

    A job that makes the same files of the same inputs, code and settings again leaves the record as it is.

    Parameters
    ----------
    job
        Snakemake's description of the job, ``snakemake`` in a script.
    script
        The script that runs.

    Raises
    ------
    InputError
        If the library that runs is another than that of the workflow.
    """
    code = code_digests(script)
    _refuse_other_library(script, code)
    study, workflow, started = Path.cwd(), Path(script).resolve().parents[1], _now()
    read = {name: _paths(value) for name, value in job.input.items()}
    settings = json.loads(job.params.settings)
    inputs = [
        {"role": role, **described(path, study=study, workflow=workflow)}
        for role, paths in read.items()
        for path in paths
    ]
    if settings["cohort"]["source"] == "file":
        for path, entry in zip(itertools.chain(*read.values()), inputs, strict=True):
            entry |= {"rows_sha256": digest_of_rows(path)} if entry["role"] == PATIENTS else {}
    yield
    # Not the job's: a workflow that has this one as a module may name its rules otherwise.
    rule = Path(script).stem
    wildcards = {name: str(value) for name, value in job.wildcards.items()}
    if "panel" in dict(job.params.items()):
        # Jobs of a grid with gaps have no wildcards to tell them apart.
        wildcards["panel"] = str(job.params.panel)
    record = {
        "rule": rule,
        "wildcards": wildcards,
        "parameters": {name: value for name, value in job.params.items() if name not in OWN_FIELDS},
        "settings_sha256": digest(job.params.settings),
        "seed": settings["study"]["seed"],
        "data_origin": DATA_ORIGIN[settings["cohort"]["source"]],
        "inputs": inputs,
        "code_sha256": code,
        "versions": versions_used(script),
        "outputs": [described(str(path), study=study, workflow=workflow) for path in job.output],
        "run": {
            "started": started,
            "ended": _now(),
            "host": platform.node(),
            "processor": processor(),
            "cores": job.threads,
        },
    }
    kept = settings_path(record["settings_sha256"])
    if not kept.is_file():
        write_bytes(kept, job.params.settings.encode())
    target = record_path(rule, wildcards)
    if not _same_but_run(read_json(target, RECORD), record) and not _known_to_panel(target, record):
        write_bytes(target, f"{json.dumps(record, indent=1)}\n".encode())


def _refuse_other_library(script: str, code: Mapping[str, str]) -> None:
    """Raise an error if the modules that run are not those beside the script, whose digests are given."""
    if Path(script).resolve().parent == LIBRARY:
        return
    for name, sha256 in code.items():
        own = LIBRARY / name
        if name.startswith(f"{PACKAGE}/") and not (own.is_file() and digest_of_file(own) == sha256):
            fault = (
                f"{name} is loaded from {LIBRARY} and is not that of the workflow; "
                "unset PYTHONPATH, or uninstall the other version of the library"
            )
            raise InputError([fault], subject="the library")


def _same_but_run(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> bool:
    """Return whether two records of a job differ at most in when and where it ran."""
    return before is not None and {**before, "run": now["run"]} == now


def _known_to_panel(target: Path, record: Mapping[str, Any]) -> bool:
    """Return whether a job that made these files among others has all that the record says but its run."""
    own = ("wildcards", "outputs", "run")
    for folder in target.parents[: -len(JOBS.parts) - 1]:
        panel = read_json(Path(f"{folder}.json"), RECORD)
        if panel and all(panel[name] == value for name, value in record.items() if name not in own):
            return all(output in panel["outputs"] for output in record["outputs"])
    return False


def processor() -> str:
    """Return the type of the processor, on which the last digits of a result may depend."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return " ".join([names[0] if names else platform.processor(), platform.machine()]).strip()


def _paths(value: Any) -> list[str]:
    return [str(value)] if isinstance(value, str | os.PathLike) else [str(path) for path in value]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")
