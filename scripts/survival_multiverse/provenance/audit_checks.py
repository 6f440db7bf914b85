"""Whether the results of a study are what its inputs, settings, code and packages make of it now.

Nothing is run: digests of what is there are held against the footers, the records of the jobs and the
manifest.
"""

import os
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from json import loads
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.files.scenario_paths import FOLDER
from survival_multiverse.files.stored_json import CRATE as CRATE_SHAPE
from survival_multiverse.files.stored_json import read_json
from survival_multiverse.files.study_files import CRATE, MANIFEST
from survival_multiverse.provenance.environment import damaged_files, versions_used
from survival_multiverse.provenance.file_records import (
    canonical,
    code_digests,
    digest,
    digest_of_file,
    digest_of_rows,
    read_footer,
)
from survival_multiverse.provenance.study_records import (
    CODE,
    JobRecord,
    StoredFile,
    StudyRecords,
    files_of,
    is_description,
)
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.slices import SLICES

SHOWN = 3
ANEW = f"; if nobody edited it, delete {MANIFEST} and run the study again"
DESCRIPTION = "describe_study"
DECIDING = ("Snakefile", "workflow/", "environment.yml", "requirements.lock")
"""Files of the workflow that decide results and that no job's record names."""


class Verdict(StrEnum):
    """What an audit says of a file; the order is that of the summary."""

    OK = "ok"
    STALE = "stale"
    TAMPERED = "tampered"
    MISSING = "missing"
    ORPHAN = "orphan"
    UNRECORDED = "unrecorded"


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on a file.

    Attributes
    ----------
    rule
        The rule that makes it; empty if none does.
    reasons
        Of a stale file: inputs, code, params, environment.
    detail
        What differs, in words; empty if all is well.
    """

    path: str
    rule: str
    verdict: Verdict
    reasons: tuple[str, ...] = ()
    detail: str = ""


class Audit:
    """One look at a study: every digest is computed once.

    Parameters
    ----------
    config
        The configuration as it is now, merged and validated.
    """

    def __init__(self, records: StudyRecords, config: Mapping[str, Any]) -> None:
        self.records = records
        self.config = config
        self.expected = records.expected(config)
        self._settings = {digest(text): text for cut in SLICES for text in [cut(config)]}
        self._digests: dict[Path, str | None] = {}
        self._code: dict[str, tuple[dict[str, str], dict[str, str]]] = {}
        self._faults: dict[str, list[tuple[str, str]]] = {}

    def findings(self) -> list[Finding]:
        """Return the verdict on every file that is there or should be, in order of path."""
        there = files_of(self.records.study, {*self.records.writers, *self.records.listed, *self.expected})
        descriptions = set(filter(is_description, there))
        results = there - descriptions
        return [
            *(self._finding(path, path in results) for path in sorted(results | self.expected.keys())),
            *self._manifest(),
            *self._descriptions(descriptions),
        ]

    def _descriptions(self, there: set[str]) -> Iterator[Finding]:
        """Judge the files that describe the study; records of jobs are judged with what they describe."""
        listed, records = self.records.listed, {job.place: job for job in self.records.jobs}
        for path in sorted(there | {path for path in listed if is_description(path)}):
            if path in self.records.unreadable:
                yield Finding(path, DESCRIPTION, Verdict.TAMPERED, detail="it holds no record of a job")
            elif path in records or not listed:
                if path in records and (detail := self._useless(records[path])):
                    yield Finding(path, DESCRIPTION, Verdict.ORPHAN, detail=detail)
            elif path not in there:
                yield Finding(path, DESCRIPTION, Verdict.MISSING, detail="it is not there")
            elif path not in listed:
                yield Finding(
                    path, DESCRIPTION, Verdict.ORPHAN, detail="the manifest does not list this file"
                )
            elif self._digest(self.records.study / path) != listed[path]["sha256"]:
                detail = "it is not what the manifest has"
                yield Finding(path, DESCRIPTION, Verdict.TAMPERED, detail=detail)
            elif detail := self._foreign(path):
                yield Finding(path, DESCRIPTION, Verdict.TAMPERED, detail=detail)
            elif detail := self._drift(path):
                yield Finding(path, DESCRIPTION, Verdict.STALE, ("code",), detail)
            else:
                yield Finding(path, DESCRIPTION, Verdict.OK)

    def _manifest(self) -> Iterator[Finding]:
        """Report what is wrong with the manifest; whether it is the run's, only a signature can tell."""
        if not (self.records.study / MANIFEST).is_file():
            detail = "a run did not end; run the study again"
            yield Finding(MANIFEST, DESCRIPTION, Verdict.MISSING, detail=detail)
        elif not self.records.manifest:
            yield Finding(MANIFEST, DESCRIPTION, Verdict.TAMPERED, detail="it holds no manifest")
        elif outside := [path for path in self.records.listed if _leaves(path, "results")]:
            detail = f"it lists {_some(outside)}, not among the results"
            yield Finding(MANIFEST, DESCRIPTION, Verdict.TAMPERED, detail=detail)

    def _foreign(self, path: str) -> str:
        """Say which files the crate names that are not of the study; other edits of it the manifest shows."""
        crate = read_json(self.records.study / CRATE, CRATE_SHAPE) if path == CRATE else None
        files = [entry["@id"] for entry in crate["@graph"] if "File" in _kinds(entry)] if crate else []
        outside = [name for name in files if _leaves(unquote(name), ".")]
        return f"it names {_some(outside)}, not among the results" if outside else ""

    def _useless(self, job: JobRecord) -> str:
        """Say whether a record describes no file of the study; others are judged with their files."""
        if any(self.records.writers[output.path][0] is job for output in job.outputs):
            return ""
        return "" if job.place in self.records.listed else "it describes no file of the study"

    def _drift(self, path: str) -> str:
        """Say how a kept file of the workflow differs from the present one, if what it holds decides results.

        Scripts and modules are judged with what they made, and settings by what they say.
        """
        name = path.removeprefix(f"{CODE}/")
        if name == path or not name.startswith(DECIDING):
            return ""
        now = self._digest(WORKFLOW_ROOT / name)
        if now == self.records.listed[path]["sha256"]:
            return ""
        return f"{name} of the workflow is {'another' if now else 'no more there'}"

    def _finding(self, path: str, there: bool) -> Finding:
        job, written = self.records.writers.get(path, (None, None))
        rule = job.rule if job else self.expected.get(path, "")
        if not there:
            return Finding(path, rule, Verdict.MISSING, detail="it is not there")
        if path not in self.expected and (job is None or rule in self._rules):
            return Finding(path, "", Verdict.ORPHAN, detail="no rule makes it under these settings")
        if job is None or written is None:
            return Finding(path, rule, Verdict.UNRECORDED, detail="no job says that it wrote it")
        if self._digest(self.records.study / path) != written.sha256:
            return Finding(path, rule, Verdict.TAMPERED, detail="it is not what its job wrote")
        if path.endswith(".parquet") and (contradiction := _contradiction(self.records.study, path, job)):
            return Finding(path, rule, Verdict.TAMPERED, detail=contradiction)
        if faults := self._faults_of(job):
            reasons = tuple(dict.fromkeys(reason for reason, _ in faults))
            return Finding(path, rule, Verdict.STALE, reasons, "; ".join(text for _, text in faults))
        if unlisted := self._unlisted(path, job):
            return Finding(path, rule, Verdict.UNRECORDED, detail=unlisted)
        return Finding(path, rule, Verdict.OK)

    @cached_property
    def _rules(self) -> set[str]:
        """Rules of files that the study should have; what else they made is of other settings."""
        return set(self.expected.values())

    def _unlisted(self, path: str, job: JobRecord) -> str:
        """How the manifest contradicts a file and the record of its job, if it does."""
        if not self.records.listed:
            return "no manifest lists it"
        if self._listed(path) != self.records.writers[path][1].sha256:
            return f"the manifest does not list this file: it was made later or edited{ANEW}"
        if self._listed(job.place) != self._digest(self.records.study / job.place):
            return f"the manifest does not list this record of its job: it was made later or edited{ANEW}"
        return ""

    def _listed(self, path: str) -> str | None:
        """Return the digest that the manifest has for a file."""
        return self.records.listed[path]["sha256"] if path in self.records.listed else None

    def _faults_of(self, job: JobRecord) -> list[tuple[str, str]]:
        """Return reason and words of all that has changed since a job, upstream of it too."""
        if job.place not in self._faults:
            # First, so that records edited to read what they wrote end here.
            self._faults[job.place] = []
            self._faults[job.place] = [
                *self._changed_inputs(job),
                *self._changed_code(job),
                *self._changed_settings(job),
                *self._changed_environment(job),
            ]
        return self._faults[job.place]

    def _changed_inputs(self, job: JobRecord) -> Iterator[tuple[str, str]]:
        changed, upstream = [], []
        for file in job.inputs:
            now = self._locate(file.path)
            if now is None or not self._as_read(file, now):
                changed.append(file.path)
            elif file.path in self.records.writers:
                upstream += [file.path] if self._faults_of(self.records.writers[file.path][0]) else []
        if changed:
            yield "inputs", f"{_some(changed)} not as it was read"
        if upstream:
            yield "inputs", f"made from {_some(upstream)}, itself stale"

    def _as_read(self, file: StoredFile, now: Path) -> bool:
        """Whether a file is as it was read, or, of patients, differs in the order of its rows alone."""
        if self._digest(now) == file.sha256:
            return True
        return bool(file.rows_sha256) and now.is_file() and digest_of_rows(now) == file.rows_sha256

    def _changed_code(self, job: JobRecord) -> Iterator[tuple[str, str]]:
        now = self._now(job.rule)[0]
        if not now:
            yield "code", f"{job.rule}, which wrote it, is no rule any more"
        elif changed := _differing(job.code_sha256, now):
            yield "code", f"{_some(changed)} changed"

    def _now(self, rule: str) -> tuple[dict[str, str], dict[str, str]]:
        """Digests of a rule's code, and versions of what it uses."""
        if rule not in self._code:
            script = WORKFLOW_ROOT / "scripts" / f"{rule}.py"
            there = script.is_file()
            self._code[rule] = (code_digests(script), versions_used(script)) if there else ({}, {})
        return self._code[rule]

    def _changed_settings(self, job: JobRecord) -> Iterator[tuple[str, str]]:
        if job.settings_sha256 in self._settings:
            return
        changed: list[str] = []
        if before := self.records.settings.get(job.settings_sha256):
            # What a rule depends on is one of a few cuts of the configuration: the nearest.
            differing = (list(differing_settings(before, loads(text))) for text in self._settings.values())
            changed = min(differing, key=len)
        yield "params", f"{_some(changed) if changed else 'settings'} changed"

    def _changed_environment(self, job: JobRecord) -> Iterator[tuple[str, str]]:
        now = self._now(job.rule)[1]
        if changed := _differing(job.versions, now):
            texts = [f"{name} {job.versions.get(name, 'none')} → {now.get(name, 'none')}" for name in changed]
            yield "environment", _some(texts)
        damaged = [name for name in job.versions if name in self._damaged]
        if damaged:
            files = [path for name in damaged for path in self._damaged[name]]
            yield "environment", f"{_some(files)} not as {_some(damaged)} installed it"

    @cached_property
    def _damaged(self) -> dict[str, list[str]]:
        """Files of the packages of all jobs that are not what was installed."""
        return damaged_files({name for job in self.records.jobs for name in job.versions} - {"python"})

    def _locate(self, place: str) -> Path | None:
        path = self.records.locate(place, self.config)
        return path and Path(os.path.normpath(path))

    def _digest(self, path: Path) -> str | None:
        if path not in self._digests:
            self._digests[path] = digest_of_file(path) if path.is_file() else None
        return self._digests[path]


def _leaves(path: str, top: str) -> bool:
    """Whether a path, or the address of a file, leads out of a folder."""
    inside = posixpath.normpath(path)
    there = top == "." or inside.startswith(f"{top}/")
    return not there or inside.startswith(("/", "../")) or inside == ".." or ":" in path.partition("/")[0]


def _kinds(entry: Mapping[str, Any]) -> list[str]:
    kinds = entry.get("@type", [])
    return [kinds] if isinstance(kinds, str) else list(kinds)


def differing_settings(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """Dotted names of the settings that differ."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            yield from differing_settings(before.get(key), now.get(key), f"{place}.{key}".lstrip("."))
        if before == now and list(before) != list(now):
            yield f"the order of {place}"
    elif before != now:
        yield place


def _contradiction(study: Path, path: str, job: JobRecord) -> str:
    """How a file's own footer contradicts its place or the record of its job, if it does."""
    try:
        footer = read_footer(study / path)
    except InputError:
        return "it has no footer that can be read"
    said = {
        **{"rule": job.rule, "settings_sha256": job.settings_sha256, "seed": str(job.seed)},
        **{"code_sha256": canonical(job.code_sha256), "versions": canonical(job.versions)},
    }
    if any(footer.get(name) != text for name, text in said.items()):
        return "its footer and the record of its job contradict each other"
    if path.startswith(FOLDER) and path != f"{FOLDER}/{footer.get('scenario')}.parquet":
        return f"its footer says that it is scenario {footer.get('scenario')}"
    return ""


def _differing(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    return [name for name in dict.fromkeys([*before, *now]) if before.get(name) != now.get(name)]


def _some(names: list[str]) -> str:
    """Return the first names, and say how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
