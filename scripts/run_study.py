"""Run a study from nothing, or from what an earlier run left, to its report."""

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from bounded_yaml import read_yaml
from command_line import answered
from config_files import merged_config
from guarded_process import STOPPED, run_guarded
from study_lock import hold
from survival_multiverse.faults import InputError
from survival_multiverse.settings import validate_config

WORKFLOW_ROOT = Path(__file__).resolve().parents[1]
SNAKEMAKE_LOCKS = Path(".snakemake/locks")
REPORT = Path("results/report/robustness.html")


def check_configuration(configfile: Path | None) -> None:
    """Refuse what a study cannot be run with, before Snakemake reads it without bounds."""
    default = WORKFLOW_ROOT / "config" / "config.yaml"
    schema = WORKFLOW_ROOT / "workflow" / "schemas" / "config.schema.yaml"
    validate_config(merged_config([default, *filter(None, [configfile])], {}), read_yaml(schema))


def take_over(study: Path) -> int:
    """Hold the study alone, and set free what a killed run had locked; the handle that holds it."""
    try:
        handle = hold(study, alone=True)
    except OSError as error:
        fault = f"{error.filename or study}: {error.strerror}; a study needs a directory that it can write in"
        raise InputError([fault], subject="the study") from error
    if handle is None:
        fault = f"another run works in {study}; wait until it has ended, or stop it"
        raise InputError([fault], subject="the study")
    locks = study / SNAKEMAKE_LOCKS
    if locks.is_dir() and any(locks.iterdir()):
        print(f"An earlier run in {study} was killed, and no other is alive: this one goes on.", flush=True)
        shutil.rmtree(locks)
    return handle


def run_study(study: Path, configfile: Path | None, cores: str, targets: Sequence[str]) -> int:
    """Run Snakemake on the study, or on a few of its files, and return its exit code."""
    if cores != "all" and not (cores.isascii() and cores.isdecimal() and int(cores)):
        raise InputError([f"CORES={cores}: give a whole number above 0, or all"], subject="the call")
    if study.exists() and not study.is_dir():
        raise InputError([f"DIR={study}: it is a file; name a directory"], subject="the call")
    check_configuration(configfile)
    handle = take_over(study)
    own = ["--directory", str(study)] if study != Path.cwd() else []
    own += ["--configfile", str(configfile)] if configfile else []
    call = ["-m", "snakemake", *targets, "--cores", cores, "--logger", "rich", *own]
    code = run_guarded([sys.executable, *call], keep=handle)
    if code == 0 and not targets:
        print(f"The report: {study / REPORT}")
    elif code == STOPPED:
        print("Stopped; make study goes on from what is finished.", file=sys.stderr)
    return code


def main() -> int:
    """Run the study that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", type=Path, default=Path(), help="the study; its results are below it")
    parser.add_argument("--configfile", type=Path, help="its configuration, over the default one")
    parser.add_argument("--cores", default="all", help="how many jobs run at once")
    parser.add_argument("targets", nargs="*", help="files to make; without any, all of the study")
    chosen = parser.parse_args()
    study, configfile = chosen.directory.absolute(), chosen.configfile and chosen.configfile.absolute()
    os.chdir(WORKFLOW_ROOT)
    return run_study(study, configfile, chosen.cores, chosen.targets)


if __name__ == "__main__":
    sys.exit(answered(main))
