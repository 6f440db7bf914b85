"""Audit a study: check that every result matches its inputs, settings, code and packages.

Nothing is written among the results. Exit code 0: all is well; 1: something is not; 2: nothing to audit.
"""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import groupby
from pathlib import Path
from typing import Any

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.provenance.audit_checks import Audit, Finding, Verdict
from survival_multiverse.provenance.lineage import draw_study, marks_of
from survival_multiverse.provenance.signatures import check
from survival_multiverse.provenance.study_records import (
    README,
    StudyRecords,
    current_config,
    files_of,
    read_study,
)
from survival_multiverse.settings.faults import InputError

WORST_FIRST = [
    Verdict.TAMPERED,
    Verdict.UNRECORDED,
    Verdict.MISSING,
    Verdict.STALE,
    Verdict.ORPHAN,
    Verdict.OK,
]


def summary(findings: Sequence[Finding]) -> str:
    """Return a table of the rules with their files by verdict, then what is not ok, similar files grouped."""
    rules = list(dict.fromkeys(finding.rule or "(none)" for finding in findings))
    width = max(map(len, rules), default=0)
    lines = [f"{'rule':<{width}}" + "".join(f"{verdict:>12}" for verdict in Verdict)]
    for rule in rules:
        own = [finding.verdict for finding in findings if (finding.rule or "(none)") == rule]
        cells = (str(own.count(verdict) or "·") for verdict in Verdict)
        lines.append(f"{rule:<{width}}" + "".join(f"{cell:>12}" for cell in cells))
    wrong = [finding for finding in findings if finding.verdict is not Verdict.OK]
    lines += [""] if wrong else []
    for (_, verdict, words), group in groupby(sorted(wrong, key=_words), key=_words):
        paths = [finding.path for finding in group]
        more = f" and {len(paths) - 1} more of its rule" if len(paths) > 1 else ""
        lines.append(f"{verdict}: {paths[0]}{more}: {words}")
    return "\n".join(lines)


def _words(finding: Finding) -> tuple[str, str, str]:
    why = f"({', '.join(finding.reasons)}) " if finding.reasons else ""
    return finding.rule, finding.verdict, why + finding.detail


def as_json(findings: Sequence[Finding]) -> str:
    """Return the findings as JSON: a list with one entry per file."""
    return json.dumps([asdict(finding) for finding in findings], indent=1) + "\n"


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="study audit", description=__doc__.partition("\n")[0])
    parser.add_argument("--directory", type=Path, default=Path(), help="the study; its results are below it")
    parser.add_argument("--configfile", type=Path, help="its configuration, if not that of its last run")
    parser.add_argument(
        "--rerun", type=_count, default=0, help="make so many scenarios again and compare them"
    )
    parser.add_argument("--signers", type=Path, help="who may sign the study, as ssh-keygen has it")
    parser.add_argument("--graph", type=Path, help="draw the study here, coloured by the verdicts")
    parser.add_argument("--json", type=Path, help="write the verdict on every file here")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number of scenarios")
    return int(text)


def remade_alike(records: StudyRecords, config: Mapping[str, Any], number: int) -> bool:
    """Make so many scenarios again, print how they compare, and say whether all are as they were."""
    if not number:
        return True
    # Imported here, since loading the compiled code takes seconds.
    from survival_multiverse.provenance.remade_scenarios import remake_scenarios

    remade = remake_scenarios(records, config, number)
    print(f"\n{len(remade)} scenarios made again:")
    for scenario in remade:
        print(f"{'ok' if scenario.same else 'differs'}: {scenario.words}")
    return all(scenario.same for scenario in remade)


def main(arguments: Sequence[str]) -> int:
    """Audit the study that the command line names, print what was found, and return the exit code."""
    chosen = _arguments(arguments)
    paths = (chosen.directory, chosen.configfile, chosen.signers, chosen.json, chosen.graph)
    study, configfile, signers, target, graph = (path and path.resolve() for path in paths)
    if signers and not signers.is_file():
        raise InputError([f"there is no file {chosen.signers}"], subject="the signers")
    records = read_study(study)
    if not records.jobs and not files_of(study) - {README}:
        raise InputError([f"there are no results in {chosen.directory}"], subject="the study")
    records.check_version()
    # Paths on the command line of the run were relative to the study.
    os.chdir(study)
    config = current_config(records, configfile)
    findings = Audit(records, config).findings()
    if target:
        write_bytes(target, as_json(findings).encode())
    if graph:
        marks = marks_of(((finding.rule, finding.verdict) for finding in findings), WORST_FIRST)
        write_bytes(graph, draw_study(records, config, marks).encode())
    wrong = sum(finding.verdict is not Verdict.OK for finding in findings)
    print(summary(findings))
    print(f"\n{len(findings)} files: {f'{wrong} not as they should be' if wrong else 'ok'}")
    signature = check(study, signers)
    print(f"signature: {signature.words}")
    alike = remade_alike(records, config, chosen.rerun)
    return 0 if alike and signature.good and not wrong else 1
