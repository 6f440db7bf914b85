"""Explain a result: the chain back to the cohort, with code and versions, and the command that makes it."""

import argparse
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path

from file_records import digest_of_digests, read_footer
from job_records import ELSEWHERE, WORKFLOW
from number_search import Place, find_number
from study_records import WORKFLOW_ROOT, JobRecord, StudyRecords, read_study
from survival_multiverse.faults import InputError, nearest

SHOWN = 10


def explain_result(records: StudyRecords, path: str) -> Iterator[str]:
    """Lines that say how a file was made, from the file back to the first inputs.

    Raises
    ------
    InputError
        If no job says that it wrote the file.
    """
    if path not in records.writers:
        near = nearest(path, records.writers)
        raise InputError([f"{path}: no job says that it wrote it; {near}"], subject="the question")
    yield path
    if path.endswith(".parquet") and (records.study / path).is_file():
        yield from _said_of_itself(read_footer(records.study / path))
    waiting, seen = [records.writers[path][0]], set()
    while waiting:
        job = waiting.pop(0)
        if job.rule not in seen:
            seen.add(job.rule)
            yield ""
            yield from _job_lines(records, job)
            waiting += [records.writers[file.path][0] for file in job.inputs if file.path in records.writers]
    yield ""
    run = records.manifest.get("run", {"configfiles": [], "config": {}})
    yield f"configuration: {', '.join(run['configfiles']) or 'not recorded'}{_overrides(run['config'])}"
    yield f"to make it again, in the clone of the workflow: {command(records, path)}"


def command(records: StudyRecords, path: str) -> str:
    """The call of Snakemake that makes a file anew."""
    run = records.manifest.get("run", {"configfiles": [], "config": {}})
    own = [
        os.path.relpath(records.study / place, WORKFLOW_ROOT)
        for place in run["configfiles"]
        if not place.startswith(WORKFLOW)
    ]
    elsewhere = records.study != WORKFLOW_ROOT
    words = ["snakemake", "--cores", "2", "--force", path]
    words += ["--directory", os.path.relpath(records.study, WORKFLOW_ROOT)] if elsewhere else []
    words += ["--configfile", *own] if own else []
    words += (
        ["--config", *(f"{key}={value}" for key, value in run["config"].items())] if run["config"] else []
    )
    return shlex.join(words)


def places_of(records: StudyRecords, path: str, number: str) -> list[Place]:
    """Where a number stands, in the file or in the tables that its job read; the primary scenario first."""
    job = records.writers[path][0]
    read = [file.path for file in job.inputs if file.path in records.writers]
    tables = [path] if path.endswith(".parquet") else read
    kept = [name for name in tables if name.endswith(".parquet") and (records.study / name).is_file()]
    try:
        # Nobody's number is a patient's.
        shared = [name for name in kept if "/cohort/" not in name]
        return sorted(find_number(number, shared, records.study), key=lambda place: not place.primary)
    except ValueError:
        raise InputError([f"{number!r} is no number"], subject="the question") from None


def _said_of_itself(footer: Mapping[str, str]) -> Iterator[str]:
    for name, parameter in json.loads(footer.get("parameters", "{}")).items():
        value, unit = (
            (parameter.get("value"), parameter.get("unit"))
            if isinstance(parameter, dict)
            else (parameter, "")
        )
        text = ", ".join(map(str, value)) if isinstance(value, list) else value
        yield f"  {name}: {text}{f' {unit}' if unit else ''}"


def _job_lines(records: StudyRecords, job: JobRecord) -> Iterator[str]:
    """What one job was, and how many like it there were."""
    which = " ".join(f"{name}~{value}" for name, value in job.wildcards.items())
    alike = sum(other.rule == job.rule for other in records.jobs) - 1
    yield f"{job.rule} {which}".strip() + (f" (and {alike} more jobs of this rule)" if alike else "")
    yield f"  ran {job.run['started']} to {job.run['ended']} on {job.run['host']} ({job.run['processor']})"
    roles: dict[str, list] = {}
    for file in job.inputs:
        roles.setdefault(file.role, []).append(file)
    for role, files in roles.items():
        name = files[0].path.removeprefix(WORKFLOW).removeprefix(ELSEWHERE)
        many = f"{len(files)} files, the first {name}" if len(files) > 1 else name
        yield f"  read {role}: {many} (sha256 {digest_of_digests(file.sha256 for file in files)})"
    if not roles:
        yield f"  read no file: {job.data_origin}"
    for name, value in job.parameters.items():
        yield f"  {name}: {value}"
    yield f"  seed {job.seed}; settings {job.settings_sha256}"
    code = digest_of_digests(job.code_sha256.values())
    yield f"  code: scripts/{job.rule}.py and {len(job.code_sha256) - 1} files that it uses (sha256 {code})"
    yield f"  versions: {', '.join(f'{name} {version}' for name, version in job.versions.items())}"


def _overrides(config: Mapping) -> str:
    return f", and on the command line {dict(config)}" if config else ""


def _number_lines(records: StudyRecords, path: str, number: str) -> Iterator[str]:
    places = places_of(records, path, number)
    yield f"{number} stands in {len(places)} places that {path} draws on" + (":" if places else "")
    for place in islice(places, SHOWN):
        row = ", ".join(f"{name} {value}" for name, value in place.row.items())
        yield f"  {place.table}, {place.column} = {place.value:.6g}: {row}"
        if place.scenario:
            yield f"    from results/scenarios/{place.scenario}.parquet"
    if len(places) > SHOWN:
        yield f"  and {len(places) - SHOWN} more: give the number with more digits"
    yield ""


def _study_path(records: StudyRecords, file: Path, called_from: Path) -> str:
    """A file of the question as records write it; it may be given from the study or from where one stands."""
    for base in (records.study, called_from):
        full = Path(os.path.normpath(base / file))
        if (
            full.is_relative_to(records.study)
            and full.relative_to(records.study).as_posix() in records.writers
        ):
            return full.relative_to(records.study).as_posix()
    return file.as_posix()


def main() -> int:
    """Explain the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path, help="a result: a scenario, a table, a figure, the report")
    parser.add_argument("--directory", type=Path, default=Path(), help="the study; its results are below it")
    parser.add_argument("--number", help="a number in it, as it is shown")
    chosen = parser.parse_args()
    records = read_study(chosen.directory.resolve())
    path = _study_path(records, chosen.file, Path.cwd())
    try:
        explained = list(explain_result(records, path))
        if chosen.number:
            explained = [*_number_lines(records, path, chosen.number), *explained]
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(explained))
    return 0


if __name__ == "__main__":
    sys.exit(main())
