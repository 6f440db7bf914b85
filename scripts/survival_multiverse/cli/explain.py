"""Explain a result: the chain back to the cohort, with code and versions, and the command that makes it."""

import argparse
import difflib
import json
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.files.scenario_paths import FOLDER
from survival_multiverse.files.stored_json import ABOUT, SHARING, fits
from survival_multiverse.files.study_files import MANIFEST
from survival_multiverse.provenance.file_records import (
    canonical,
    digest,
    digest_of_digests,
    digest_of_file,
    read_footer,
)
from survival_multiverse.provenance.job_records import ELSEWHERE, WORKFLOW
from survival_multiverse.provenance.number_search import Place, Primary, find_number
from survival_multiverse.provenance.study_records import (
    JobRecord,
    StoredFile,
    StudyRecords,
    configuration_file,
    recorded_study,
)
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.grid import primary_texts
from survival_multiverse.settings.schema import Population

COLUMNS, ROWS = 12, 3
"""Shown of the places of a number."""
MOST_CAREFUL = 1000
"""Width of the classes of counts where no settings are recorded."""
DEFAULT = f"{WORKFLOW}config/config.yaml"


def explain_result(records: StudyRecords, path: str) -> Iterator[str]:
    """Yield lines that say how a file was made, from the file back to the first inputs.

    Raises
    ------
    InputError
        If no job says that it wrote the file.
    """
    job, written = _writer(records, path)
    now = digest_of_file(records.study / path) if (records.study / path).is_file() else None
    yield path
    yield f"  sha256 {written.sha256}, as its job wrote it"
    if now is None:
        yield "  but it is not there now"
    elif now != written.sha256:
        yield f"  but now it is {now}: make audit says what is wrong"
    elif path.endswith(".parquet"):
        yield from _said_of_itself(read_footer(records.study / path))
    waiting, seen = [job], set()
    while waiting:
        job = waiting.pop(0)
        if job.rule not in seen:
            seen.add(job.rule)
            yield ""
            yield from _job_lines(records, job)
            waiting += [records.writers[file.path][0] for file in job.inputs if file.path in records.writers]
    yield ""
    files = ", ".join(place.removeprefix(WORKFLOW) for place in records.run["configfiles"])
    yield f"configuration: {files or 'not recorded'}{_overrides(records.run['config'])}"
    if "module" in records.run:
        again = shlex.join(["snakemake", "--cores", "2", "--force", path])
        yield f"to make it again, with the workflow that has this one as a module: {again}"
    else:
        yield f"to make it again, in the clone of the workflow: {command(records, path)}"


def command(records: StudyRecords, path: str) -> str:
    """Return the Snakemake command that makes a file again."""
    run = records.run
    own = [
        os.path.relpath(configuration_file(records.study, place), WORKFLOW_ROOT)
        for place in run["configfiles"]
        if place != DEFAULT
    ]
    elsewhere = records.study != WORKFLOW_ROOT
    words = ["snakemake", "--cores", "2", "--force", path]
    words += ["--directory", os.path.relpath(records.study, WORKFLOW_ROOT)] if elsewhere else []
    words += ["--configfile", *own] if own else []
    words += (
        ["--config", *(f"{key}={value}" for key, value in run["config"].items())] if run["config"] else []
    )
    return shlex.join(words)


def places_of(records: StudyRecords, path: str, number: str) -> list[list[Place]]:
    """Find a number in the tables behind a file: column by column, the likeliest first."""
    columns: dict[tuple[str, str], list[Place]] = {}
    tables, primary = _tables_behind(records, path), _primary(records)
    for place in find_number(
        number, tables, records.study, minimum=_smallest_count(records), primary=primary
    ):
        columns.setdefault((place.table, place.column), []).append(place)
    found = [sorted(places, key=lambda place: place.distance) for places in columns.values()]
    return sorted(found, key=lambda places: (places[0].distance, len(places)))


def _tables_behind(records: StudyRecords, path: str) -> list[str]:
    """Return the table itself, also if its CSV is asked for, or else the tables that its job read."""
    itself = f"{path.removesuffix('.csv')}.parquet" if path.endswith(".csv") else path
    if itself in records.writers and itself.endswith(".parquet"):
        tables = [itself]
    else:
        read = [file.path for file in records.writers[path][0].inputs if file.path in records.writers]
        # The estimates hold the scenarios' rows, and rows of patients are never searched.
        tables = [name for name in read if not name.startswith((FOLDER, "results/cohort/"))]
    return [name for name in tables if name.endswith(".parquet") and (records.study / name).is_file()]


def _primary(records: StudyRecords) -> Primary | None:
    """Return what the study is about, if the settings of a job that knows are kept."""
    for settings in records.settings.values():
        if fits(settings, ABOUT):
            options = dict(zip(settings["decisions"], primary_texts(settings), strict=True))
            counted = "lesions" in settings.get("cohort", {})
            first = Population.NON_OLIGOMETASTATIC if counted else Population.ALL
            return Primary(options, settings["inference"].get("populations", [str(first)]))
    return None


def _smallest_count(records: StudyRecords) -> int:
    """Classes of counts: the widest that a job had, as most jobs know of none."""
    known = (
        entry["disclosure"]["minimum_count"] for entry in records.settings.values() if fits(entry, SHARING)
    )
    return max(known, default=MOST_CAREFUL)


def _writer(records: StudyRecords, path: str) -> tuple[JobRecord, StoredFile]:
    if path in records.writers:
        return records.writers[path]
    near = difflib.get_close_matches(path, records.writers, n=1, cutoff=0.8)
    hint = f"did you mean `{near[0]}`?" if near else f"{MANIFEST} lists what jobs wrote"
    raise InputError([f"{path}: no job says that it wrote it; {hint}"], subject="the question")


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
    """Describe one job, and say how many similar ones there were."""
    which = " ".join(f"{name}~{value}" for name, value in job.wildcards.items())
    alike = sum(other.rule == job.rule for other in records.jobs) - 1
    yield f"{job.rule} {which}".strip() + (f" (and {alike} more jobs of this rule)" if alike else "")
    yield f"  ran {job.run['started']} to {job.run['ended']} on {job.run['host']} ({job.run['processor']})"
    roles: dict[str, list[Any]] = {}
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
    code = digest(canonical(job.code_sha256))
    yield f"  code: scripts/{job.rule}.py and {len(job.code_sha256) - 1} files that it uses (sha256 {code})"
    yield f"  versions: {', '.join(f'{name} {version}' for name, version in job.versions.items())}"


def _overrides(config: Mapping[str, Any]) -> str:
    return f", and on the command line {dict(config)}" if config else ""


def _number_lines(records: StudyRecords, path: str, number: str) -> Iterator[str]:
    columns = places_of(records, path, number)
    rows = sum(map(len, columns))
    yield f"{number} stands in {rows} rows that {path} draws on" + (
        ", in these columns, those of the primary scenario first:"
        if rows
        else "; it is looked for as it may be shared: statistics with three digits, counts in classes"
    )
    for places in columns[:COLUMNS]:
        yield from _place_lines(places)
    if len(columns) > COLUMNS:
        yield f"  and {len(columns) - COLUMNS} more columns: give the number with more digits"
    yield ""


def _place_lines(places: Sequence[Place]) -> Iterator[str]:
    """List the likeliest rows of a column, and say how many more there are."""
    shown = [place for place in places if place.distance == places[0].distance][:ROWS]
    others = f" (and {len(places) - len(shown)} more rows)" if len(places) > len(shown) else ""
    yield f"  {places[0].table}, {places[0].column}{others}:"
    for place in shown:
        row = ", ".join(f"{name} {value}" for name, value in place.row.items())
        yield f"    {place.value:.6g}: {row}"
        if place.scenario:
            yield f"      from {FOLDER}/{place.scenario}.parquet"


def _study_path(records: StudyRecords, file: Path, called_from: Path) -> str:
    """Return the path of a file as records write it, given relative to the study or to the working folder."""
    for base in (records.study, called_from):
        full = Path(os.path.normpath(base / file))
        if (
            full.is_relative_to(records.study)
            and full.relative_to(records.study).as_posix() in records.writers
        ):
            return full.relative_to(records.study).as_posix()
    return file.as_posix()


def main(arguments: Sequence[str]) -> int:
    """Explain the file that the command line names."""
    parser = argparse.ArgumentParser(prog="study explain", description=__doc__)
    parser.add_argument("file", type=Path, help="a result: a scenario, a table, a figure, the report")
    parser.add_argument("--directory", type=Path, default=Path(), help="the study; its results are below it")
    parser.add_argument("--number", help="a number in it, as it is shown")
    chosen = parser.parse_args(arguments)
    records = recorded_study(chosen.directory)
    path = _study_path(records, chosen.file, Path.cwd())
    explained = list(explain_result(records, path))
    if chosen.number:
        explained = [*_number_lines(records, path, chosen.number), *explained]
    print("\n".join(explained))
    return 0
