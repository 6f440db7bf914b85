"""Many files in one ZIP file whose bytes depend on their content alone."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from survival_multiverse.files.csv_files import csv_bytes
from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.parquet_files import table_bytes

README = "README.md"


def write_tables(
    frames: Mapping[str, pd.DataFrame],
    path: str | Path,
    *,
    data_origin: str,
    metadata: Mapping[str, str],
    readme: str,
) -> None:
    """Write tables as CSV and as Parquet into one file.

    Parameters
    ----------
    data_origin
        Source of the patients, the first column of every CSV.
    metadata
        Text for the footer of every Parquet file.
    readme
        Text of the archive's README.md.
    """
    csv = {f"{name}.csv": csv_bytes(frame, data_origin) for name, frame in frames.items()}
    parquet = {f"{name}.parquet": table_bytes(frame, metadata) for name, frame in frames.items()}
    write_archive({README: readme.encode()} | csv | parquet, path)


def write_archive(files: Mapping[str, bytes], path: str | Path) -> None:
    """Write files, by their names, whole or not at all; equal content gives equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in sorted(files.items()):
            # With the earliest date that the format allows: the time of the run is not content.
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, data)
    write_bytes(path, buffer.getvalue())
