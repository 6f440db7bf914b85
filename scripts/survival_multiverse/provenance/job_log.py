"""Log handler of a job: everything goes into its log, and on bad input the user sees only the message."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path

from survival_multiverse.files.output_files import machine_fault


@contextmanager
def job_log(path: str | Path) -> Iterator[None]:
    """Send output and errors of the block to a log file; leave with code 1 when the block fails.

    An error with ``faults`` is bad input and leaves its message alone, one of the machine a line, every other
    one its traceback. The default profile makes Snakemake show the log of a failed job, so nothing is printed
    here a second time; but where the log cannot be written, what it should say is.
    """
    words = ""
    try:
        with Path(path).open("w", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
            try:
                yield
            except (Exception, KeyboardInterrupt) as error:
                words = _words(error)
                print(words)
            else:
                return
    except OSError as error:
        print(words or _words(error), file=sys.stderr)
    sys.exit(1)


def _words(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "stopped"
    if hasattr(error, "faults"):
        return str(error)
    return machine_fault(error) or "".join(traceback.format_exception(error)).rstrip()
