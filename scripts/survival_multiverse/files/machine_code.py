"""Machine code that only some studies need, compiled once for all their jobs."""

from pathlib import Path

import numba

from survival_multiverse.inference.warm_up import warm_up
from survival_multiverse.kernels import KEPT

MARK = "delayed_entry"
"""Beside the machine code: that for delayed entry is complete."""


def compile_for_delayed_entry() -> None:
    """Compile the kernels for delayed entry, once for each state of them; where nothing is kept, never.

    One process does it: what is new here is called by both halves of the work.
    """
    done = Path(numba.config.CACHE_DIR) / MARK
    if not KEPT or done.exists():
        return
    print("Delayed entry: machine code of its estimators, once, in about a minute", flush=True)
    warm_up(late=True)
    done.touch()
