"""Runs `snakemake` and `study` for the tests in forks of one process that has loaded both.

A command alone would take seconds to load what it needs. Each fork has its own directory, environment and
output, as a process that a user starts would have.
"""

import json
import os
import sys
import traceback
from importlib import import_module
from pathlib import Path

LOADED = (
    *("pandas", "pyarrow.parquet", "snakemake.cli", "survival_multiverse.cli.audit"),
    "survival_multiverse.settings.models",
)


def answer(asked: dict) -> int:
    """Run one command in this process and return its exit code."""
    os.environ.clear()
    os.environ.update(asked["environment"])
    # As Python does at its start.
    sys.path[1:1] = filter(None, asked["environment"].get("PYTHONPATH", "").split(os.pathsep))
    os.chdir(asked["cwd"])
    module, *arguments = asked["command"]
    try:
        if module == "snakemake":
            sys.argv = [os.path.join(os.path.dirname(sys.executable), "snakemake"), *arguments]
            import_module("snakemake.cli").main(arguments)
            return 0
        return import_module("survival_multiverse.cli.main").main(arguments)
    except SystemExit as end:
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1


def serve() -> None:
    """Answer every line of the standard input with an exit code."""
    for name in LOADED:
        import_module(name)
    import_module("snakemake.cli").get_argument_parser()
    environment = import_module("survival_multiverse.provenance.environment")
    records = import_module("survival_multiverse.provenance.file_records")
    # Remembered by every command that follows, as long as no file changes.
    for script in Path("scripts").glob("*.py"):
        records.code_digests(script)
        environment.damaged_files(environment.versions_used(script).keys())
    for line in sys.stdin:
        asked = json.loads(line)
        child = os.fork()
        if child == 0:
            target = os.open(asked["output"], os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(target, 1)
            os.dup2(target, 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            code = answer(asked)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    serve()
