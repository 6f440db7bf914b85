"""Run a study up to its report, from the start or from what an earlier run completed."""

import argparse
import errno
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from survival_multiverse.cli.guarded_process import STOPPED, run_guarded
from survival_multiverse.cli.study_lock import hold
from survival_multiverse.files.config_files import merged_config
from survival_multiverse.files.output_files import machine_fault
from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.provenance.changed_code import changed_modules
from survival_multiverse.provenance.describe_study import describe_again
from survival_multiverse.provenance.study_records import read_study
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.validation import validate_config

SNAKEMAKE_LOCKS = Path(".snakemake/locks")
LEAST_SPACE = 1 << 20
SHOWN = 5
"""Names of edited modules that are printed."""
REPORT = Path("results/report/robustness.html")


def check_configuration(configfile: Path | None) -> None:
    """Refuse what a study cannot be run with, before Snakemake reads it without bounds."""
    default = WORKFLOW_ROOT / "config" / "config.yaml"
    validate_config(merged_config([default, *filter(None, [configfile])], {}))


def take_over(study: Path) -> int:
    """Hold the study alone, and set free what a killed run had locked; the handle that holds it."""
    try:
        handle = hold(study, alone=True)
    except OSError as error:
        fault = (
            machine_fault(error) or f"{error.filename or study}: {error.strerror}; choose another directory"
        )
        raise InputError([fault], subject="the study") from error
    if handle is None:
        fault = f"another run works in {study}; wait until it has ended, or stop it"
        raise InputError([fault], subject="the study")
    locks = study / SNAKEMAKE_LOCKS
    if locks.is_dir() and any(locks.iterdir()):
        print(f"An earlier run in {study} was killed, and no other is alive: this one goes on.", flush=True)
        shutil.rmtree(locks)
    return handle


def check_space(study: Path) -> None:
    """Refuse a full disk, on which Snakemake cannot keep its own records."""
    disk = os.statvfs(study)
    if disk.f_bavail * disk.f_frsize < LEAST_SPACE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(study))


@contextmanager
def user_cache() -> Iterator[None]:
    """Provide a cache for Snakemake and the compiled kernels if the user has no writable home."""
    try:
        home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        home.mkdir(parents=True, exist_ok=True)
        usable = os.access(home, os.W_OK | os.X_OK)
    except (OSError, RuntimeError):
        usable = False
    if usable:
        yield
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ |= {
            "XDG_CACHE_HOME": folder,
            "MPLCONFIGDIR": os.environ.get("MPLCONFIGDIR") or folder,
            "NUMBA_CACHE_DIR": os.environ.get("NUMBA_CACHE_DIR") or folder,
        }
        yield


def run_study(
    study: Path, configfile: Path | None, cores: str, targets: Sequence[str], *, verbose: bool = False
) -> int:
    """Run Snakemake on the study, or on a few of its files, and return its exit code."""
    if cores != "all" and not (cores.isascii() and cores.isdecimal() and int(cores)):
        raise InputError([f"CORES={cores}: give a whole number above 0, or all"], subject="the call")
    if study.exists() and not study.is_dir():
        raise InputError([f"DIR={study}: it is a file; name a directory"], subject="the call")
    check_configuration(configfile)
    handle = take_over(study)
    own = ["--directory", str(study)] if study != Path.cwd() else []
    own += ["--configfile", str(configfile)] if configfile else []
    call = ["-m", "snakemake", *targets, "--cores", cores, "--logger", "study", *own]
    call += ["--logger-study-verbose"] if verbose else []
    check_space(study)
    edited = changed_modules(read_study(study))
    if edited:
        more = f" and {len(edited) - SHOWN} more" if len(edited) > SHOWN else ""
        print(f"Edited since the last run: {', '.join(edited[:SHOWN])}{more}. What uses them runs again.")
    with user_cache():
        code = run_guarded([sys.executable, *call], keep=handle)
    if code == 0 and targets:
        describe_again(study)
    elif code == 0:
        print(f"The report: {study / REPORT}")
    if code == STOPPED:
        print("Stopped; make study goes on from what is finished.", file=sys.stderr)
    if code:
        check_space(study)
    return code


def main(arguments: Sequence[str]) -> int:
    """Run the study that the command line names."""
    parser = argparse.ArgumentParser(prog="study run", description=__doc__)
    parser.add_argument("--directory", type=Path, default=Path(), help="the study; its results are below it")
    parser.add_argument("--configfile", type=Path, help="its configuration, over the default one")
    parser.add_argument("--cores", default="all", help="how many jobs run at once")
    parser.add_argument("--verbose", action="store_true", help="print each job, and where the time went")
    parser.add_argument("targets", nargs="*", help="files to make; without any, all of the study")
    chosen = parser.parse_args(arguments)
    study, configfile = chosen.directory.absolute(), chosen.configfile and chosen.configfile.absolute()
    os.chdir(WORKFLOW_ROOT)
    return run_study(study, configfile, chosen.cores, chosen.targets, verbose=chosen.verbose)
