"""Write a first configuration of a study from a file of patients: roles guessed, every guess commented.

It runs as it is; what it asks is for you to check.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from survival_multiverse.cohort.first_configuration import first_configuration
from survival_multiverse.cohort.preparation import prepare_cohort
from survival_multiverse.files.config_files import merged_config
from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.files.source_patients import read_patients
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.study import Study
from survival_multiverse.settings.validation import validate_config

ROLES = {
    "id": "id",
    "time": "time",
    "event": "event",
    "dose": "exposure",
    "gtv": "size",
    "lesions": "count",
    "entry": "entry",
}
"""Option of the command line by role."""


def main(arguments: Sequence[str]) -> int:
    """Write the configuration that the command line asks for, check it, and say how to run it."""
    parser = argparse.ArgumentParser(prog="study init", description=__doc__)
    parser.add_argument("folder", type=Path, help="folder of the study; made if it is not there")
    parser.add_argument("patients", type=Path, help="CSV or Parquet file of patients, one row each")
    for role, option in ROLES.items():
        parser.add_argument(f"--{option}", dest=role, metavar="COLUMN", help=f"column of the {option}")
    chosen = parser.parse_args(arguments)
    target = chosen.folder / "config.yaml"
    if target.exists():
        raise InputError(
            [f"{target} is there already; remove it, or name another folder"], subject="the call"
        )
    given = {role: getattr(chosen, role) for role in ROLES if getattr(chosen, role)}
    frame = read_patients(chosen.patients)
    file = os.path.relpath(chosen.patients, chosen.folder)
    text = first_configuration(frame, file=file, folder=str(chosen.folder), given=given)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    write_bytes(target, text.encode())
    config = merged_config([WORKFLOW_ROOT / "config" / "config.yaml", target], {})
    try:
        validate_config(config)
        patients = len(prepare_cohort(frame, Study.from_config(config)).patients)
    except InputError as error:
        # It is the user's to mend, and a good start for it.
        print(f"{target} is written; before it runs, mend what was guessed wrongly:\n{error}")
        return 1
    run = f"snakemake --cores 4 --directory {chosen.folder} --configfile {target}"
    print(
        f"{target} is written, for {patients:,} patients. Check what it marks as guessed, then run\n  {run}"
    )
    return 0
