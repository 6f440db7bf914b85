"""End of a command: one message for what the user can correct, and an exit code."""

import os
import sys
from collections.abc import Callable

from survival_multiverse.files.output_files import machine_fault
from survival_multiverse.settings.faults import InputError

CANNOT_ANSWER = 2


def answered(answer: Callable[[], int]) -> int:
    """Return the exit code of a script; 2, with a message, if it could not do what was asked."""
    try:
        code = answer()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader has closed the pipe, as `head` does; Python would complain again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT_ANSWER
    except InputError as error:
        print(error, file=sys.stderr)
    except MemoryError as error:
        print(machine_fault(error), file=sys.stderr)
    except OSError as error:
        print(machine_fault(error) or f"{error.filename}: {error.strerror}", file=sys.stderr)
    return CANNOT_ANSWER
