"""The records of a finished study, read back: its jobs, its manifest, and its configuration."""

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from config_files import merged_config
from job_records import ELSEWHERE, JOBS, PROVENANCE, WORKFLOW
from survival_multiverse.faults import InputError
from survival_multiverse.settings import validate_config
from workflow_settings import (
    cohort_settings,
    inference_settings,
    scenario_settings,
    study_settings,
)

WORKFLOW_ROOT = Path(__file__).resolve().parents[1]
MANIFEST = PROVENANCE / "manifest.json"
CRATE = "results/ro-crate-metadata.json"
DESCRIPTIONS = (CRATE, PROVENANCE.as_posix() + "/")
NOT_RESULTS = ("results/README.md", "results/benchmarks/", *DESCRIPTIONS)
"""What lies among the results and is none: a page, measured times, and what describes the study."""
SETTINGS = (cohort_settings, scenario_settings, inference_settings, study_settings)


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a job read or wrote, as its record has it."""

    path: str
    bytes: int
    sha256: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class JobRecord:
    """What a job left; see `job_records.recorded_job`."""

    place: str
    rule: str
    wildcards: Mapping[str, str]
    parameters: Mapping[str, Any]
    settings_sha256: str
    seed: int
    data_origin: str
    inputs: tuple[StoredFile, ...]
    code_sha256: Mapping[str, str]
    versions: Mapping[str, str]
    outputs: tuple[StoredFile, ...]
    run: Mapping[str, Any]


@dataclass(frozen=True)
class StudyRecords:
    """All records of a study, the newer of two jobs that wrote the same file first.

    Attributes
    ----------
    study
        Directory of the study, absolute.
    jobs
        In the order of their ends.
    unreadable
        Records that hold no record.
    manifest
        As read, or empty where there is none.
    """

    study: Path
    jobs: tuple[JobRecord, ...]
    unreadable: tuple[str, ...]
    manifest: Mapping[str, Any]

    @cached_property
    def writers(self) -> dict[str, tuple[JobRecord, StoredFile]]:
        """The last job that wrote a file, and what it wrote, by path."""
        return {output.path: (job, output) for job in self.jobs for output in job.outputs}

    @cached_property
    def listed(self) -> dict[str, str]:
        """Digests of the manifest, by path."""
        return {entry["path"]: entry["sha256"] for entry in self.manifest.get("files", ())}

    def settings(self, sha256: str) -> Mapping[str, Any] | None:
        """Settings with a digest, if the manifest kept them."""
        return self.manifest.get("settings", {}).get(sha256)

    def locate(self, place: str, config: Mapping[str, Any]) -> Path | None:
        """Where a file of a record lies now; of one outside, the cohort file of the configuration."""
        if place.startswith(WORKFLOW):
            return WORKFLOW_ROOT / place.removeprefix(WORKFLOW)
        if place.startswith(ELSEWHERE):
            file = config["cohort"].get("file")
            return Path(file) if file else None
        return self.study / place


def read_study(study: Path) -> StudyRecords:
    """Read the records of the study in a directory."""
    jobs, unreadable = [], []
    for path in sorted((study / JOBS).rglob("*.json")):
        place = path.relative_to(study).as_posix()
        try:
            jobs.append(_job(place, json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, KeyError, TypeError):
            unreadable.append(place)
    jobs.sort(key=lambda job: (job.run["ended"], job.place))
    return StudyRecords(study, tuple(jobs), tuple(unreadable), _read_manifest(study / MANIFEST))


def result_files(study: Path) -> list[str]:
    """Every file among the results that a job should have written, in order of path."""
    found = []
    for folder, _, names in os.walk(study / "results"):
        prefix = Path(folder).relative_to(study).as_posix()
        found += [f"{prefix}/{name}" for name in names]
    return sorted(path for path in found if not path.startswith(NOT_RESULTS))


def settings_by_digest(config: Mapping[str, Any], digest: Any) -> dict[str, Any]:
    """The settings of every rule under a configuration, by digest."""
    texts = [cut(config) for cut in SETTINGS]
    return {digest(text): json.loads(text) for text in texts}


def current_config(records: StudyRecords, chosen: Path | None) -> dict[str, Any]:
    """The study's configuration as it stands now, merged and validated.

    Parameters
    ----------
    chosen
        The user's configuration; without one, those that the manifest names, or else ``config.yaml`` beside
        the results.

    Raises
    ------
    InputError
        If a file is gone or does not fit.
    """
    default = WORKFLOW_ROOT / "config" / "config.yaml"
    run = records.manifest.get("run", {})
    if chosen is not None:
        files, overrides = [default, chosen], {}
    elif run:
        files = [_configuration(records, place) for place in run["configfiles"]]
        overrides = run["config"]
    else:
        files, overrides = [default, *filter(Path.is_file, [records.study / "config.yaml"])], {}
    merged = merged_config(files, overrides)
    schema = WORKFLOW_ROOT / "workflow" / "schemas" / "config.schema.yaml"
    validate_config(merged, yaml.safe_load(schema.read_text(encoding="utf-8")))
    return merged


def places_of_configuration(files: Iterable[Path], study: Path) -> list[str]:
    """Configuration files as the manifest names them: of the repository, or relative to the study."""
    full = [Path(path).resolve() for path in files]
    return [
        WORKFLOW + path.relative_to(WORKFLOW_ROOT).as_posix()
        if path.is_relative_to(WORKFLOW_ROOT) and not path.is_relative_to(study)
        else Path(os.path.relpath(path, study)).as_posix()
        for path in full
    ]


def _configuration(records: StudyRecords, place: str) -> Path:
    if place.startswith(WORKFLOW):
        return WORKFLOW_ROOT / place.removeprefix(WORKFLOW)
    path = Path(os.path.normpath(records.study / place))
    if not path.is_file():
        raise InputError([f"the study was run with {place}, which is not there; name it with CONFIG=…"])
    return path


def _job(place: str, stored: Mapping[str, Any]) -> JobRecord:
    files = {name: tuple(StoredFile(**entry) for entry in stored[name]) for name in ("inputs", "outputs")}
    stored["run"]["ended"]
    return JobRecord(place=place, **{**stored, **files})


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) else {}
