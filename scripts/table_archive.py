"""Many tables in one ZIP file, each as CSV and as Parquet."""

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from output_files import write_bytes
from parquet_files import csv_bytes, table_bytes


def write_archive(
    frames: Mapping[str, pd.DataFrame], path: str | Path, *, cohort: str, metadata: Mapping[str, str]
) -> None:
    """Write the tables, whole or not at all; equal content gives equal bytes.

    Parameters
    ----------
    cohort
        Source of the patients, the first column of every CSV.
    metadata
        Text for the footer of every Parquet file.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, frame in sorted(frames.items()):
            _add(archive, f"{name}.csv", csv_bytes(frame, cohort))
            _add(archive, f"{name}.parquet", table_bytes(frame, metadata))
    write_bytes(path, buffer.getvalue())


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    # With the earliest date that the format knows: when it ran is no content.
    entry = zipfile.ZipInfo(name)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.external_attr = 0o644 << 16
    archive.writestr(entry, data)
