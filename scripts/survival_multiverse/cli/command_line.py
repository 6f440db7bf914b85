"""How the scripts end that a user calls: one message for what the user can mend, and an exit code."""

import os
import sys
from collections.abc import Callable

from survival_multiverse.files.output_files import machine_fault
from survival_multiverse.settings.faults import InputError

CANNOT_ANSWER = 2


def answered(answer: Callable[[], int]) -> int:
    """The exit code of a script; 2, and a message, where it could not do what was asked."""
    try:
        code = answer()
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # Whoever reads has seen enough, as `head` has; Python would complain once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CANNOT_ANSWER
    except InputError as error:
        print(error, file=sys.stderr)
    except MemoryError as error:
        print(machine_fault(error), file=sys.stderr)
    except OSError as error:
        print(machine_fault(error) or f"{error.filename}: {error.strerror}", file=sys.stderr)
    return CANNOT_ANSWER
