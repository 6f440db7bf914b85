"""Where a job's words go: everything into its log, and of bad input only what the user has to know."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path


@contextmanager
def job_log(path: str | Path) -> Iterator[None]:
    """Send output and errors of the block to a log file; leave with code 1 when the block fails.

    An error with ``faults`` is bad input and leaves its message alone, every other one its traceback. The
    default profile makes Snakemake show the log of a failed job, so nothing is printed here a second time.
    """
    with Path(path).open("w", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
        try:
            yield
        except Exception as error:
            if hasattr(error, "faults"):
                print(error)
            else:
                traceback.print_exc()
        else:
            return
    sys.exit(1)
