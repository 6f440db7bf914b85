"""What a result file says of its own making: no path, host or time, so equal inputs give equal bytes."""

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path

from dependencies import module_closure

COMPUTING_PACKAGES = ("llvmlite", "numba", "numpy", "pandas", "pyarrow", "scipy")

DATA_ORIGIN = {
    "simulated": "The patients are simulated: no row describes a person.",
    "dataset": "The patients come from a public data set named in the configuration.",
    "file": "The patients come from the file named in the configuration.",
}


def digest(data: bytes | str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def digest_of_files(paths: Iterable[str | Path]) -> str:
    """One digest of one or several files: of the file, or of their digests in the order given."""
    digests = [digest(Path(path).read_bytes()) for path in paths]
    return digests[0] if len(digests) == 1 else digest("\n".join(digests))


def code_digests(script: str | Path) -> dict[str, str]:
    """Digest of a script and of each of the repository's modules that it imports, by name."""
    source = Path(script).resolve()
    files = [source, *module_closure(source)]
    return {path.relative_to(source.parent).as_posix(): digest(path.read_bytes()) for path in files}


def file_record(
    *, script: str | Path, settings: str, inputs: Mapping[str, str | Path | Iterable[str | Path]]
) -> dict[str, str]:
    """Footer of a result file.

    Parameters
    ----------
    script
        The script that writes the file.
    settings
        Canonical JSON of the settings that the step uses; its seed and its source are read from it.
    inputs
        Files that the step reads, by role.
    """
    used = json.loads(settings)
    versions = {"python": platform.python_version(), **{name: version(name) for name in COMPUTING_PACKAGES}}
    read = {
        role: digest_of_files([paths] if isinstance(paths, str | Path) else paths)
        for role, paths in inputs.items()
    }
    return {
        "data_origin": DATA_ORIGIN[used["cohort"]["source"]],
        "seed": str(used["study"]["seed"]),
        "settings_sha256": digest(settings),
        "inputs_sha256": _canonical(read),
        "code_sha256": _canonical(code_digests(script)),
        "versions": _canonical(versions),
    }


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
