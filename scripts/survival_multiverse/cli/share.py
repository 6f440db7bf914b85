"""Pack what may be shared of a study into one ZIP file: page, figures, tables, exports and provenance.

Exit code 0: packed; 1: the audit found something in these files, nothing was packed; 2: it could not be.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from survival_multiverse.cohort.disclosure import class_words
from survival_multiverse.files.archives import write_archive
from survival_multiverse.provenance.audit_checks import Audit, Verdict
from survival_multiverse.provenance.job_records import ELSEWHERE, WORKFLOW
from survival_multiverse.provenance.study_records import (
    JobRecord,
    StoredFile,
    StudyRecords,
    current_config,
    recorded_study,
)
from survival_multiverse.report.words.narrative import origin
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.study import Study

SHARED = {
    "draw_charts": "every chart of the page, as SVG and PNG, and two of them as figures",
    "render_report": "the page, and its tables as CSV and Parquet",
    "write_exports": "the tables of a manuscript for Word and for LaTeX, and one slide for a talk",
    "plot_survival_curves": "the survival curves of the primary scenario as figures, their numbers as CSV",
}
"""Rules whose files may be shared, and what these are."""
ARCHIVE, PROVENANCE = "share.zip", "provenance.json"
RESULTS, OPEN, CONFIDENTIAL = "results/", ("results/report/", "results/figures/"), "confidential"


def share_study(study: Path, configfile: Path | None) -> int:
    """Pack the files if the audit finds nothing wrong in them, and return the exit code."""
    records = recorded_study(study)
    records.check_version()
    config = current_config(records, configfile)
    findings = [finding for finding in Audit(records, config).findings() if finding.rule in SHARED]
    wrong = [finding for finding in findings if finding.verdict is not Verdict.OK]
    for finding in wrong:
        print(f"{finding.path}: {finding.verdict}; {finding.detail}", file=sys.stderr)
    if wrong or not findings:
        print("nothing was packed: run make study, then make share again", file=sys.stderr)
        return 1
    paths = [finding.path for finding in findings]
    files = {path.removeprefix(RESULTS): (study / path).read_bytes() for path in paths}
    jobs = sorted(map(shared_record, records.jobs), key=lambda job: (job["rule"], str(job["wildcards"])))
    provenance = {
        "study": config["study"]["title"],
        "settings": dict(sorted(records.settings.items())),
        "jobs": jobs,
    }
    files[PROVENANCE] = f"{json.dumps(provenance, indent=1, ensure_ascii=False)}\n".encode()
    shared = Study.from_config(config)
    files["README.md"] = _readme(shared, records).encode()
    write_archive(files, study / ARCHIVE)
    exact = "" if shared.minimum_count > 1 else ", with exact counts (disclosure.minimum_count is 1)"
    print(f"{study / ARCHIVE}: {len(files)} files that may be shared{exact}")
    return 0


def shared_record(job: JobRecord) -> dict[str, Any]:
    """Return the record of a job without when and where it ran, and without places and sizes of files.

    A digest of a small confidential table could confirm a guess at its counts: only those of files that are
    public or shared are given.
    """
    read, written = (dict(map(_told, files)) for files in (job.inputs, job.outputs))
    return {
        "rule": job.rule,
        "wildcards": dict(job.wildcards),
        "seed": job.seed,
        "data_origin": job.data_origin,
        "settings_sha256": job.settings_sha256,
        "code_sha256": dict(job.code_sha256),
        "versions": dict(job.versions),
        "read": read,
        "written": written,
    }


def _told(file: StoredFile) -> tuple[str, str]:
    """Return path and digest of a file, as far as they may be shared; the owner names external files."""
    if file.path.startswith(ELSEWHERE):
        return f"the owner's file of the {file.role}", CONFIDENTIAL
    told = file.path.startswith((WORKFLOW, *OPEN))
    return file.path.removeprefix(WORKFLOW), file.sha256 if told else CONFIDENTIAL


def _readme(study: Study, records: StudyRecords) -> str:
    made, (heading, _, text) = {job.rule for job in records.jobs}, origin(study)
    parts = [f"- {words} (rule `{rule}`)" for rule, words in SHARED.items() if rule in made]
    lines = [
        f"# {study.title}",
        f"{records.jobs[0].data_origin}: {heading}. {text}",
        "What may be shared of this study. " + class_words(study.minimum_count),
        "\n".join(
            [
                *parts,
                f"- {PROVENANCE}: rules, seeds, settings, code and packages behind each file, by SHA-256",
            ]
        ),
        "The complete tables, scenario by scenario, are with the owner of the patients' data.",
    ]
    return "\n\n".join(lines) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Pack the study that the command line names."""
    parser = argparse.ArgumentParser(prog="study share", description=__doc__.partition("\n")[0])
    parser.add_argument("--directory", type=Path, default=Path(), help="the study; its results are below it")
    parser.add_argument("--configfile", type=Path, help="its configuration, if not that of its last run")
    chosen = parser.parse_args(arguments)
    study, configfile = chosen.directory.resolve(), chosen.configfile and chosen.configfile.resolve()
    if not study.is_dir():
        raise InputError([f"there is no directory {chosen.directory}"], subject="the study")
    os.chdir(study)
    return share_study(study, configfile)
