"""Machine code that only some studies need, compiled once for all their jobs."""

from pathlib import Path

import numba

from survival_multiverse.inference.warm_up import compile_kernels
from survival_multiverse.kernels import KEPT

MARK = "delayed_entry"
"""Beside the machine code: that for delayed entry is complete."""


def compile_for_delayed_entry() -> None:
    """Compile the kernels for delayed entry, once for each state of them; where nothing is kept, never."""
    done = Path(numba.config.CACHE_DIR) / MARK
    if not KEPT or done.exists():
        return
    print("Delayed entry: machine code of its estimators, once, in about two minutes", flush=True)
    compile_kernels(late=True)
    done.touch()
