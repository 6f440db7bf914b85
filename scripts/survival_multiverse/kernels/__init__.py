"""Compiled loops: arrays in, arrays out, sorted by time, no statistical choices."""

import tempfile
from hashlib import blake2b
from pathlib import Path

import numba

# Numba looks at a kernel's own file to decide whether its machine code is current, not at the kernels it
# calls: one folder for each state of all of them keeps a call from running what was compiled before an edit.
_folder = Path(__file__).parent
_sources = b"".join(path.read_bytes() for path in sorted(_folder.glob("*.py")))
_digest = blake2b(_sources, digest_size=8).hexdigest()


def cache_folder(*places: str | Path) -> Path | None:
    """Return the first writable place, with a folder for the present kernels; None if there is none."""
    for place in filter(None, places):
        try:
            folder = Path(place).expanduser() / _digest
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except (OSError, RuntimeError):
            continue
    return None


_found = cache_folder(_folder / "__pycache__", numba.config.CACHE_DIR, "~/.cache/numba")
# Of this process alone, which compiles again; it is deleted with its last reference.
_own = None if _found else tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
numba.config.CACHE_DIR = str(_found or _own.name)
KEPT = _found is not None
"""Whether other processes find what this one compiles."""
