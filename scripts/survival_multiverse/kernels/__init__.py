"""Compiled loops: arrays in, arrays out, sorted by time, no statistics policy."""

from hashlib import blake2b
from pathlib import Path

import numba

# Numba looks at a kernel's own file to decide whether its machine code is current, not at the kernels it
# calls: one folder for each state of all of them keeps a call from running what was compiled before an edit.
_folder = Path(__file__).parent
_sources = b"".join(path.read_bytes() for path in sorted(_folder.glob("*.py")))
numba.config.CACHE_DIR = str(_folder / "__pycache__" / blake2b(_sources, digest_size=8).hexdigest())
