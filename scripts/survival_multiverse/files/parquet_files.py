"""Parquet files whose bytes depend on their content alone."""

import io
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.settings.faults import InputError

ROWS_PER_GROUP = 1 << 20


def as_table(frame: pa.Table | pd.DataFrame) -> pa.Table:
    """Return the rows as an Arrow table, without what pandas would add about its own version."""
    table = frame if isinstance(frame, pa.Table) else pa.Table.from_pandas(frame, preserve_index=False)
    return table.replace_schema_metadata(None)


def write_table(
    frame: pa.Table | pd.DataFrame, path: str | Path, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Write a table, whole or not at all; equal content gives equal bytes.

    Parameters
    ----------
    metadata
        Text for the file's footer; written in the order of its keys.
    """
    write_bytes(path, table_bytes(frame, metadata))


def table_bytes(frame: pa.Table | pd.DataFrame, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return the bytes that `write_table` writes."""
    footer = {key: metadata[key] for key in sorted(metadata)} if metadata else None
    table = as_table(frame).replace_schema_metadata(footer)
    buffer = io.BytesIO()
    pq.write_table(
        table,
        buffer,
        compression="zstd",
        row_group_size=ROWS_PER_GROUP,
        # Looking for repeated numbers takes as long as all the rest and saves no bytes.
        use_dictionary=[field.name for field in table.schema if not pa.types.is_floating(field.type)],
    )
    return buffer.getvalue()


def read_table(path: str | Path) -> pa.Table:
    """Read one small Parquet file; half the time that the data-set reader takes for it.

    Raises `InputError` for a file that is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            return file.read(use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        # For a damaged file Arrow raises errors without an errno; an error with one is the system's.
        if getattr(error, "errno", None) is not None:
            raise
        fault = f"{path} is damaged ({error}); delete it and run again"
        raise InputError([fault], subject="the results") from error


def read_frame(path: str | Path) -> pd.DataFrame:
    """Read a Parquet file as a pandas frame."""
    return read_table(path).to_pandas()
