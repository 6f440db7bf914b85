"""Modules that were edited since a study ran."""

from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.provenance.file_records import code_digests
from survival_multiverse.provenance.study_records import StudyRecords


def changed_modules(records: StudyRecords) -> list[str]:
    """Return the names of the modules whose content has changed since the last job that used them ran."""
    then: dict[str, str] = {}
    now: dict[str, str] = {}
    for job in records.jobs:
        script = WORKFLOW_ROOT / "scripts" / f"{job.rule}.py"
        if script.is_file():
            then |= job.code_sha256
            now |= code_digests(script)
    return sorted(name for name in then.keys() & now.keys() if then[name] != now[name])
