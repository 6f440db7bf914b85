"""The records of a finished study, read back: its jobs, its manifest, and its configuration."""

import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from survival_multiverse import __version__
from survival_multiverse.files.config_files import merged_config
from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.files.stored_json import MANIFEST as MANIFEST_SHAPE
from survival_multiverse.files.stored_json import RECORD, fits, read_json
from survival_multiverse.files.stored_json import SETTINGS as SETTINGS_SHAPE
from survival_multiverse.files.study_files import CRATE, MANIFEST, PROVENANCE, configured_files
from survival_multiverse.provenance.file_records import digest_of_file
from survival_multiverse.provenance.job_records import (
    ELSEWHERE,
    JOBS,
    WORKFLOW,
    place_of,
    rule_of,
    settings_path,
)
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.former_names import present_names
from survival_multiverse.settings.schema import PATHS
from survival_multiverse.settings.validation import validate_config

BEFORE = "0.1.0"
SIGNATURE = f"{MANIFEST}.sig"
README, CODE = "results/README.md", f"{PROVENANCE}/workflow"
"""The data dictionary, and the folder of the code of the run."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that a job read or wrote, as its record has it."""

    path: str
    bytes: int
    sha256: str
    role: str = ""
    rows_sha256: str = ""
    """Of a file of patients: the digest of its rows in whatever order."""


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
        As read, or empty where there is none that can be read.
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
    def listed(self) -> dict[str, Mapping[str, Any]]:
        """Entries of the manifest, by path."""
        return {entry["path"]: entry for entry in self.manifest.get("files", ())}

    def expected(self, config: Mapping[str, Any]) -> dict[str, str]:
        """Return the rule of every file that the study should have, by path.

        They are those that the manifest was written for; but how many scenarios and draws there are, the
        configuration says.
        """
        configured = configured_files(config)
        kept = {
            path: rule
            for path, entry in self.listed.items()
            if not is_description(path) and not entry.get("on_request")
            if (rule := rule_of(str(entry.get("job", "")))) not in configured
        }
        return kept | {path: rule for rule, paths in configured.items() for path in paths}

    @property
    def version(self) -> str:
        """Version of the library that described the study; those before 0.2 did not say."""
        return str(self.manifest.get("study", {}).get("version", BEFORE))

    def check_version(self) -> None:
        """Refuse a study of another version: its files have other names, and nothing would be as it should.

        Raises
        ------
        InputError
            If the study was made by another version than this one.
        """
        if self.manifest and self.version != __version__:
            fault = (
                f"it was made by version {self.version}: audit it with {self.version}, "
                f"or run it again with this version, {__version__}"
            )
            raise InputError([fault], subject="the study")

    @property
    def run(self) -> Mapping[str, Any]:
        """Configuration files of the last run, and what its command line had of settings."""
        return self.manifest.get("run", {"configfiles": [], "config": {}})

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Settings of the jobs, by digest; without those whose file is gone or edited."""
        paths = {sha256: self.study / settings_path(sha256) for sha256 in self._settings_used}
        kept = {sha256: path for sha256, path in paths.items() if path.is_file()}
        read = {
            sha256: read_json(path, SETTINGS_SHAPE)
            for sha256, path in kept.items()
            if digest_of_file(path) == sha256
        }
        # The manifests of version 0.2 held them.
        former = self.manifest.get("settings", {})
        before = former if fits(former, {str: SETTINGS_SHAPE}) else {}
        known = before | {sha256: settings for sha256, settings in read.items() if settings is not None}
        return {sha256: present_names(settings)[0] for sha256, settings in known.items()}

    @property
    def _settings_used(self) -> list[str]:
        return list(dict.fromkeys(job.settings_sha256 for job in self.jobs))

    def locate(self, place: str, config: Mapping[str, Any]) -> Path | None:
        """Where a file of a record lies now; of one outside, where the configuration has it."""
        if place.startswith(WORKFLOW):
            return WORKFLOW_ROOT / place.removeprefix(WORKFLOW)
        if place.startswith(ELSEWHERE):
            file, paper = (config["cohort"].get(key) for key in PATHS)
            return Path(paper, place.removeprefix(ELSEWHERE)) if paper else file and Path(file)
        return self.study / place


def read_study(study: Path) -> StudyRecords:
    """Read the records of the study in a directory."""
    jobs, unreadable = [], []
    for path in sorted((study / JOBS).rglob("*.json")):
        place = path.relative_to(study).as_posix()
        stored = read_json(path, RECORD)
        if stored is None:
            unreadable.append(place)
        else:
            jobs.append(_job(place, stored))
    jobs.sort(key=lambda job: (job.run["ended"], job.place))
    manifest = read_json(study / MANIFEST, MANIFEST_SHAPE) or {}
    return StudyRecords(study, tuple(jobs), tuple(unreadable), manifest)


def recorded_study(folder: Path) -> StudyRecords:
    """Read the records of a study that has run.

    Raises
    ------
    InputError
        If no job has left a record there.
    """
    records = read_study(folder.resolve())
    if not records.jobs:
        raise InputError([f"no job has left a record below {folder / JOBS}"], subject="the study")
    return records


def is_description(path: str) -> bool:
    """Whether a path is that of what describes a study."""
    return path in (CRATE, README) or path.startswith(f"{PROVENANCE}/")


def files_of(study: Path, written: Collection[str] = ()) -> set[str]:
    """Return the paths of all files among the results but the manifest and its signature.

    A linked folder below which something was written is one like all others; another is a path itself, as it
    may lead anywhere.
    """
    found = set()
    for folder, folders, names in os.walk(study / "results", followlinks=True):
        place = Path(folder).relative_to(study).as_posix()
        for name in [name for name in folders if os.path.islink(os.path.join(folder, name))]:
            if not any(path.startswith(f"{place}/{name}/") for path in written):
                folders.remove(name)
                names.append(name)
        found |= {f"{place}/{name}" for name in names}
    return found - {MANIFEST, SIGNATURE}


def description_files(study: Path) -> list[str]:
    """List dictionary, records, code, graph and crate of a study by path, not the manifest of them."""
    return sorted(filter(is_description, files_of(study)))


def current_config(records: StudyRecords, chosen: Path | None) -> dict[str, Any]:
    """Return the study's configuration as it stands now, merged and validated.

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
    module: Mapping[str, Any] = {}
    if chosen is not None:
        files, overrides = [default, chosen], {}
    elif records.run["configfiles"]:
        files = [_existing(records.study, place) for place in records.run["configfiles"]]
        overrides, module = records.run["config"], records.run.get("module", {})
    else:
        files, overrides = [default, *filter(Path.is_file, [records.study / "config.yaml"])], {}
    merged = merged_config(files, overrides, module)
    validate_config(merged)
    return merged


def places_of_configuration(files: Iterable[Path], study: Path) -> list[str]:
    """Return configuration files as the manifest names them: of the repository, or relative to the study."""
    places = {path: place_of(path, study=study, workflow=WORKFLOW_ROOT) for path in map(Path.resolve, files)}
    return [
        Path(os.path.relpath(path, study)).as_posix() if place.startswith(ELSEWHERE) else place
        for path, place in places.items()
    ]


def configuration_file(study: Path, place: str) -> Path:
    """Return the path of a configuration file from its name in the manifest."""
    if place.startswith(WORKFLOW):
        return WORKFLOW_ROOT / place.removeprefix(WORKFLOW)
    return Path(os.path.normpath(study / place))


def _existing(study: Path, place: str) -> Path:
    path = configuration_file(study, place)
    if not path.is_file():
        raise InputError([f"the study was run with {place}, which is not there; name it with CONFIG=…"])
    return path


def _job(place: str, stored: Mapping[str, Any]) -> JobRecord:
    files = {
        name: tuple(_from(StoredFile, entry) for entry in stored[name]) for name in ("inputs", "outputs")
    }
    return _from(JobRecord, {**stored, **files, "place": place})


def _from(kind: type, stored: Mapping[str, Any]) -> Any:
    return kind(**{field.name: stored[field.name] for field in fields(kind) if field.name in stored})
