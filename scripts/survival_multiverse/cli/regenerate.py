"""Make chosen scenarios of a finished study again, each with the bytes that its record has.

Exit code 0: all are there; 1: at least one would have other bytes, and is left as it is.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from survival_multiverse.cli.run import take_over
from survival_multiverse.files.scenario_paths import FOLDER, chosen_scenarios
from survival_multiverse.files.study_files import scenario_files
from survival_multiverse.provenance.study_records import current_config, read_study
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.grid import decision_texts

SHOWN = 5
"""Scenarios that are named."""


def main(arguments: Sequence[str]) -> int:
    """Make the scenarios that the command line chooses, and return the exit code."""
    parser = argparse.ArgumentParser(prog="study regenerate", description=__doc__.partition("\n")[0])
    parser.add_argument("--directory", type=Path, default=Path(), help="the study; its results are below it")
    parser.add_argument("--configfile", type=Path, help="its configuration, if not that of its last run")
    parser.add_argument(
        "scenarios",
        nargs="+",
        help="paths of scenarios, or conditions: 'dose_cutoff == 63 and caliper <= 0.2'",
    )
    given = parser.parse_args(arguments)
    study, configfile = given.directory.resolve(), given.configfile and given.configfile.resolve()
    records = read_study(study)
    if not records.jobs:
        raise InputError([f"no job has left a record in {given.directory}"], subject="the study")
    records.check_version()
    os.chdir(study)
    config = current_config(records, configfile)
    paths = chosen_scenarios(given.scenarios, scenario_files(config), decision_texts(config))
    # Held until this process ends.
    take_over(study)
    # Imported here, since loading the compiled code takes seconds.
    from survival_multiverse.provenance.remade_scenarios import regenerate

    made = regenerate(records, config, paths)
    differing = [path for path in paths if path not in made]
    _tell(made, "made again, the bytes of its record")
    _tell(
        differing,
        "left as it is: what it is made from has changed, or no job made it (study audit says more); "
        "snakemake with its path as the target makes it anew",
    )
    return 1 if differing else 0


def _tell(paths: Sequence[str], what: str) -> None:
    for path in paths[:SHOWN]:
        print(f"{path.removeprefix(f'{FOLDER}/')}: {what}")
    if len(paths) > SHOWN:
        print(f"… and {len(paths) - SHOWN} more: {what}")
