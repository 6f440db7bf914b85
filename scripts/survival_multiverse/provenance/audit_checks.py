"""Whether the results of a study are what its inputs, settings, code and packages make of it now.

Nothing is run: digests of what is there are held against the footers, the records of the jobs and the
manifest.
"""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from json import loads
from pathlib import Path
from typing import Any

from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.files.scenario_paths import FOLDER
from survival_multiverse.provenance.file_records import (
    canonical,
    code_digests,
    digest,
    digest_of_file,
    read_footer,
    versions_used,
)
from survival_multiverse.provenance.job_records import JOBS
from survival_multiverse.provenance.study_plan import REPORT, Step, job_parameters, study_steps
from survival_multiverse.provenance.study_records import (
    MANIFEST,
    JobRecord,
    StudyRecords,
    description_files,
    is_description,
    result_files,
)
from survival_multiverse.settings.faults import InputError

SHOWN = 3
DESCRIPTION = "describe_study"


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
        self.steps = study_steps(config)
        self._digests: dict[Path, str | None] = {}
        self._code: dict[str, tuple[dict[str, str], dict[str, str]]] = {}

    def findings(self) -> list[Finding]:
        """The verdict on every file that is there or should be, in order of path."""
        there = set(result_files(self.records.study))
        known = self.records.writers.keys() | self.records.listed.keys()
        requested = {path for path in known if path in self._makers and self._on_request(path)}
        expected = {path for path in self._makers if not self._on_request(path)} | requested
        results = [self._finding(path, path in there) for path in sorted(there | expected)]
        return results + list(self._descriptions())

    def _descriptions(self) -> Iterator[Finding]:
        """The verdict on what describes the study; the records of jobs are judged with what they describe."""
        jobs, listed = JOBS.as_posix(), self.records.listed
        there = set(description_files(self.records.study))
        yield from self._manifest()
        for path in sorted(there | {path for path in listed if is_description(path)}):
            if path in self.records.unreadable:
                yield Finding(path, DESCRIPTION, Verdict.TAMPERED, detail="it holds no record of a job")
            elif path.startswith(jobs) or not listed:
                continue
            elif path not in there:
                yield Finding(path, DESCRIPTION, Verdict.MISSING, detail="it is not there")
            elif path not in listed:
                yield Finding(path, DESCRIPTION, Verdict.ORPHAN, detail="the manifest has not this file")
            elif self._digest(self.records.study / path) != listed[path]:
                detail = "it is not what the manifest has"
                yield Finding(path, DESCRIPTION, Verdict.TAMPERED, detail=detail)
            else:
                yield Finding(path, DESCRIPTION, Verdict.OK)

    def _manifest(self) -> Iterator[Finding]:
        """What is wrong with the manifest itself; whether it is the run's, only a signature can tell."""
        path = MANIFEST.as_posix()
        if not (self.records.study / path).is_file():
            detail = f"a run did not end; delete {REPORT} and run the study again"
            yield Finding(path, DESCRIPTION, Verdict.MISSING, detail=detail)
        elif not self.records.manifest:
            yield Finding(path, DESCRIPTION, Verdict.TAMPERED, detail="it holds no manifest")
        elif false := self.records.false_settings():
            detail = f"it has other settings under the digest {_some(false)}"
            yield Finding(path, DESCRIPTION, Verdict.TAMPERED, detail=detail)

    @cached_property
    def _makers(self) -> dict[str, str]:
        return {path: rule for rule, step in self.steps.items() for path in step.files}

    def _on_request(self, path: str) -> bool:
        return self.steps[self._makers[path]].on_request

    def _finding(self, path: str, there: bool) -> Finding:
        rule = self._makers.get(path, "")
        if not there:
            return Finding(path, rule, Verdict.MISSING, detail="it is not there")
        if not rule:
            return Finding(path, rule, Verdict.ORPHAN, detail="no rule makes it under these settings")
        if path not in self.records.writers:
            return Finding(path, rule, Verdict.UNRECORDED, detail="no job says that it wrote it")
        job, written = self.records.writers[path]
        if self._digest(self.records.study / path) != written.sha256:
            return Finding(path, rule, Verdict.TAMPERED, detail="it is not what its job wrote")
        if path.endswith(".parquet") and (contradiction := _contradiction(self.records.study, path, job)):
            return Finding(path, rule, Verdict.TAMPERED, detail=contradiction)
        gone = [("code", f"{job.rule}, which wrote it, is no rule any more")]
        if faults := self._faults_of_jobs.get(job.place, gone):
            reasons = tuple(dict.fromkeys(reason for reason, _ in faults))
            return Finding(path, rule, Verdict.STALE, reasons, "; ".join(text for _, text in faults))
        if unlisted := self._unlisted(path, job):
            return Finding(path, rule, Verdict.UNRECORDED, detail=unlisted)
        return Finding(path, rule, Verdict.OK)

    def _unlisted(self, path: str, job: JobRecord) -> str:
        """How the manifest contradicts a file and the record of its job, if it does."""
        listed = self.records.listed
        if not listed:
            return "no manifest has it"
        if listed.get(path) != self.records.writers[path][1].sha256:
            return "the manifest has not this file: a run did not end, or file and record were edited"
        if listed.get(job.place) != self._digest(self.records.study / job.place):
            return "the manifest has not this record of its job: a run did not end, or it was edited"
        return ""

    @cached_property
    def _faults_of_jobs(self) -> dict[str, list[tuple[str, str]]]:
        """Reason and words of all that has changed since each job, by its record; upstream jobs first."""
        faults: dict[str, list[tuple[str, str]]] = {}
        order = list(self.steps)
        known = [job for job in self.records.jobs if job.rule in order]
        for job in sorted(known, key=lambda job: order.index(job.rule)):
            step = self.steps[job.rule]
            faults[job.place] = [
                *self._changed_inputs(job, step, faults),
                *self._changed_code(job),
                *self._changed_parameters(job, step),
                *self._changed_environment(job),
            ]
        return faults

    def _changed_inputs(
        self, job: JobRecord, step: Step, faults: Mapping[str, list[Any]]
    ) -> Iterator[tuple[Any, ...]]:
        changed, upstream = [], []
        for file in job.inputs:
            now = self._locate(file.path)
            if now is None or self._digest(now) != file.sha256:
                changed.append(file.path)
            elif file.path in self.records.writers:
                writer = self.records.writers[file.path][0]
                upstream += [file.path] if faults.get(writer.place) else []
        for role, paths in step.reads.items():
            recorded = {self._locate(file.path) for file in job.inputs if file.role == role}
            if recorded != {self._locate(path) for path in paths}:
                changed.append(f"the list of {role}")
        if changed:
            yield "inputs", f"{_some(changed)} not as it was read"
        if upstream:
            yield "inputs", f"made from {_some(upstream)}, itself stale"

    def _changed_code(self, job: JobRecord) -> Iterator[tuple[str, str]]:
        if changed := _differing(job.code_sha256, self._now(job.rule)[0]):
            yield "code", f"{_some(changed)} changed"

    def _now(self, rule: str) -> tuple[dict[str, str], dict[str, str]]:
        """Digests of a rule's code, and versions of what it uses."""
        if rule not in self._code:
            script = WORKFLOW_ROOT / "scripts" / f"{rule}.py"
            there = script.is_file()
            self._code[rule] = (code_digests(script), versions_used(script)) if there else ({}, {})
        return self._code[rule]

    def _changed_parameters(self, job: JobRecord, step: Step) -> Iterator[tuple[str, str]]:
        text = step.settings(self.config)
        if digest(text) != job.settings_sha256:
            before = self.records.settings(job.settings_sha256)
            changed = list(differing_settings(before, loads(text))) if before else []
            yield "params", f"{_some(changed) if changed else 'settings'} changed"
        try:
            now = job_parameters(job.rule, job.wildcards, self.config)
        except (KeyError, ValueError):
            yield "params", "such a job is none of this rule"
            return
        if changed := _differing(job.parameters, now):
            yield "params", f"{_some(changed)} changed"

    def _changed_environment(self, job: JobRecord) -> Iterator[tuple[str, str]]:
        now = self._now(job.rule)[1]
        if changed := _differing(job.versions, now):
            texts = [f"{name} {job.versions.get(name, 'none')} → {now.get(name, 'none')}" for name in changed]
            yield "environment", _some(texts)

    def _locate(self, place: str) -> Path | None:
        path = self.records.locate(place, self.config)
        return path and Path(os.path.normpath(path))

    def _digest(self, path: Path) -> str | None:
        if path not in self._digests:
            self._digests[path] = digest_of_file(path) if path.is_file() else None
        return self._digests[path]


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
    """The first names, and how many more there are."""
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {more} more" if more > 0 else "")
