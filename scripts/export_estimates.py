"""Write the table of all estimates as text."""

import gzip
import io
import json

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from survival_multiverse.files.csv_files import inert
from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job

ROWS_AT_A_TIME = 1 << 17
LEVEL = 1
"""Of the compression: the highest makes the file a sixth smaller and takes half as long again."""


def export_estimates(*, estimates: str, settings: str, output: str) -> None:
    """Write the rows in their order as compressed CSV, numbers in full, missing cells empty.

    Its first column says where the patients come from. Neither name nor time is in the file's head: equal
    tables give equal bytes.
    """
    source = json.loads(settings)["cohort"]["source"]
    buffer = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", compresslevel=LEVEL, fileobj=buffer, mtime=0) as stream:
        for number, batch in enumerate(pq.ParquetFile(estimates).iter_batches(batch_size=ROWS_AT_A_TIME)):
            csv.write_csv(_with_origin(batch, source), stream, csv.WriteOptions(include_header=number == 0))
    write_bytes(output, buffer.getvalue())


def _with_origin(batch: pa.RecordBatch, source: str) -> pa.Table:
    origin = pa.array([source] * len(batch), pa.string())
    return pa.table([origin, *map(_inert, batch.columns)], names=["data_origin", *batch.schema.names])


def _inert(column: pa.Array) -> pa.Array:
    """Return the column with texts that a spreadsheet would run escaped, each distinct text once."""
    if not (pa.types.is_string(column.type) or pa.types.is_dictionary(column.type)):
        return column
    coded = column.dictionary_encode()
    return pa.array([inert(text) for text in coded.dictionary.to_pylist()], pa.string()).take(coded.indices)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        export_estimates(
            estimates=snakemake.input.estimates,
            settings=snakemake.params.settings,
            output=snakemake.output[0],
        )
