"""The command `study`: run a study, and audit, explain, compare, sign or share one that has run."""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

from survival_multiverse import __version__
from survival_multiverse.cli.command_line import answered
from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.settings.faults import InputError

COMMANDS = {
    "init": ("init", "write a first configuration from a file of patients"),
    "run": ("run", "run a study from nothing, or from what an earlier run left, to its report"),
    "regenerate": ("regenerate", "make chosen scenarios of a finished study again"),
    "audit": ("audit", "say whether every result is what its inputs, settings, code and packages make of it"),
    "share": ("share", "pack what may be shared into one ZIP file"),
    "sign": ("sign", "vouch for an audited study with a key of OpenSSH"),
    "explain": ("explain", "say how a result came about, or which rows a number comes from"),
    "compare": ("compare", "say what differs between two studies, and by how much the estimates moved"),
    "reconstruct": ("reconstruct", "fit a cohort to the published numbers of a paper"),
    "docs": ("documents", "write the generated parts of the documents again"),
}
"""Commands: the module of each, and what it does."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line asks for, and return the exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    width = max(map(len, COMMANDS))
    listed = "\n".join(f"  {name:{width}}  {does}" for name, (_, does) in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="study",
        description="A dose robustness study: run it, audit it, share it.",
        epilog=f"commands:\n{listed}\n\n`study COMMAND --help` says more of one.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"study {__version__}")
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND", help="one of those below")
    chosen = parser.parse_args(words[:1])
    return answered(lambda: _call(chosen.command, words[1:]))


def _call(command: str, arguments: Sequence[str]) -> int:
    if not (WORKFLOW_ROOT / "workflow" / "Snakefile").is_file():
        fault = f"there is no workflow in {WORKFLOW_ROOT}; call it in a clone of the repository"
        raise InputError([fault], subject="the call")
    module = import_module(f"survival_multiverse.cli.{COMMANDS[command][0]}")
    return module.main(arguments)
