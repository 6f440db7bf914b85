"""Footers that say how a result file was made: no path, host or time, so equal inputs give equal bytes."""

import csv
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from survival_multiverse.provenance.dependencies import LIBRARY, module_closure
from survival_multiverse.provenance.environment import versions_used
from survival_multiverse.settings.faults import InputError

DATA_ORIGIN = {
    "reconstructed": (
        "The patients are reconstructed from published aggregates: no row describes a person. Only the "
        "published cutoffs are informed by data; other cutoffs show the assumption about exact values within "
        "a published category, and P values over the multiverse are not inference."
    ),
    "simulated": "The patients are simulated: no row describes a person.",
    "dataset": "The patients come from a public data set named in the configuration.",
    "file": "The patients come from the file named in the configuration.",
}


def digest(data: bytes | str) -> str:
    """Return the SHA-256 in hexadecimal."""
    return hashlib.sha256(data.encode() if isinstance(data, str) else data).hexdigest()


def digest_of_file(path: str | Path) -> str:
    """Return the SHA-256 of a file, read in pieces."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_of_rows(path: str | Path) -> str:
    """Return one digest of the header and the rows of a table of patients, in whatever order the rows are.

    A file that cannot be read as CSV or Parquet has the digest of its bytes.
    """
    # Not by `read_patients`: every job keeps records, and would depend on the code that reads cohorts.
    from pyarrow import ArrowException

    try:
        header, *rows = _rows_of_parquet(path) if _is_parquet(path) else _rows_of_csv(path)
    except (OSError, ValueError, csv.Error, ArrowException):
        return digest_of_file(path)
    return digest("\n".join(map(repr, [header, *sorted(rows, key=repr)])))


def _is_parquet(path: str | Path) -> bool:
    with Path(path).open("rb") as stream:
        return stream.read(4) == b"PAR1"


def _rows_of_parquet(path: str | Path) -> Iterator[tuple[Any, ...]]:
    import pyarrow.parquet as pq

    columns = pq.read_table(path).to_pydict()
    yield tuple(columns)
    yield from zip(*columns.values(), strict=True)


def _rows_of_csv(path: str | Path) -> Iterator[tuple[Any, ...]]:
    with Path(path).open(encoding="utf-8-sig", newline="") as stream:
        yield from (tuple(row) for row in csv.reader(stream, strict=True) if row)


def digest_of_digests(digests: Iterable[str]) -> str:
    """Return one digest of one or several files: of the file, or of their digests in the order given."""
    digests = list(digests)
    return digests[0] if len(digests) == 1 else digest("\n".join(digests))


def digest_of_files(paths: Iterable[str | Path]) -> str:
    """Return one digest of one or several files; see `digest_of_digests`."""
    return digest_of_digests(map(digest_of_file, paths))


@cache
def _digest_at(path: Path, *_: int) -> str:
    """Return the digest of a file; size and times tell an edited one from that of before."""
    return digest_of_file(path)


def code_digests(script: str | Path) -> dict[str, str]:
    """Return the digest of a script and of each of the repository's modules that it imports, by name."""
    source, digests = Path(script).resolve(), {}
    for path in [source, *module_closure(source)]:
        now = path.stat()
        top = source.parent if path.is_relative_to(source.parent) else LIBRARY
        digests[path.relative_to(top).as_posix()] = _digest_at(
            path, now.st_size, now.st_mtime_ns, now.st_ctime_ns
        )
    return digests


def file_record(
    *,
    script: str | Path,
    settings: str,
    inputs: Mapping[str, str | Path | Iterable[str | Path]],
    parameters: Mapping[str, Any] | None = None,
) -> dict[str, str]:
    """Return the footer of a result file.

    Parameters
    ----------
    script
        The script that writes the file; the rule has its name.
    settings
        Canonical JSON of the settings that the step uses; its seed and its source are read from it.
    inputs
        Files that the step reads, by role.
    parameters
        What tells this file from others of its rule, by name.
    """
    used = json.loads(settings)
    read = {
        role: digest_of_files([paths] if isinstance(paths, str | Path) else paths)
        for role, paths in inputs.items()
    }
    return {
        "rule": Path(script).stem,
        "parameters": canonical(parameters or {}),
        "data_origin": DATA_ORIGIN[used["cohort"]["source"]],
        "seed": str(used["study"]["seed"]),
        "settings_sha256": digest(settings),
        "inputs_sha256": canonical(read),
        "code_sha256": canonical(code_digests(script)),
        "versions": canonical(versions_used(script)),
    }


@contextmanager
def readable(path: str | Path) -> Iterator[None]:
    """Let a damaged Parquet file be one message, an `InputError`."""
    from pyarrow import ArrowException

    try:
        yield
    except (OSError, ArrowException) as error:
        fault = f"{path} cannot be read as Parquet; make audit says what is wrong"
        raise InputError([fault], subject="the results") from error


def read_footer(path: str | Path) -> dict[str, str]:
    """Return the text of a Parquet file's footer, without Arrow's own entry.

    Raises
    ------
    InputError
        If the file is damaged.
    """
    import pyarrow.parquet as pq

    with readable(path):
        stored = pq.read_schema(path).metadata or {}
    return {key.decode(): text.decode() for key, text in stored.items()}


def canonical(value: object) -> str:
    """Return canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
