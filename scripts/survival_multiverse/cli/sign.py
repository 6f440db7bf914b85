"""Sign a study: confirm with a key that an audit found its results in order.

Exit code 0: signed; 1: the audit found something, nothing was signed; 2: it could not be signed.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from survival_multiverse.files.study_files import MANIFEST
from survival_multiverse.provenance.audit_checks import Audit, Verdict
from survival_multiverse.provenance.signatures import sign
from survival_multiverse.provenance.study_records import current_config, recorded_study
from survival_multiverse.settings.faults import InputError


def sign_study(study: Path, configfile: Path | None, key: Path) -> int:
    """Audit the study, sign its manifest if all is well, and return the exit code."""
    records = recorded_study(study)
    records.check_version()
    if not (study / MANIFEST).is_file():
        raise InputError([f"{MANIFEST} is not there; run the study to its end"], subject="the study")
    findings = Audit(records, current_config(records, configfile)).findings()
    wrong = [finding for finding in findings if finding.verdict is not Verdict.OK]
    if wrong:
        print(f"not signed: {len(wrong)} files are not as they should be; see make audit", file=sys.stderr)
        return 1
    print(sign(study, key))
    return 0


def main(arguments: Sequence[str]) -> int:
    """Sign the study that the command line names."""
    parser = argparse.ArgumentParser(prog="study sign", description=__doc__.partition("\n")[0])
    parser.add_argument("--directory", type=Path, default=Path(), help="the study; its results are below it")
    parser.add_argument("--configfile", type=Path, help="its configuration, if not that of its last run")
    parser.add_argument("--key", type=Path, required=True, help="a private key of OpenSSH")
    chosen = parser.parse_args(arguments)
    study, key = chosen.directory.resolve(), chosen.key.expanduser().resolve()
    configfile = chosen.configfile and chosen.configfile.resolve()
    if not key.is_file():
        raise InputError([f"there is no key {chosen.key}"], subject="the key")
    if not study.is_dir():
        raise InputError([f"there is no directory {chosen.directory}"], subject="the study")
    os.chdir(study)
    return sign_study(study, configfile, key)
