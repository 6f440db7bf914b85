"""Put many cohorts of a paper into one file."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from survival_multiverse.files.csv_files import read_csv
from survival_multiverse.files.parquet_files import write_table
from survival_multiverse.paper.ensemble import SEED
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job


def gather_reconstructions(*, cohorts: Sequence[str], settings: str, output: str) -> None:
    """Write the patients of all cohorts, the seed of each first."""
    tables = []
    for path in cohorts:
        table = read_csv(path)
        table.insert(0, SEED, int(Path(path).stem.removeprefix("seed~")))
        tables.append(table)
    record = file_record(script=__file__, settings=settings, inputs={"cohorts": list(cohorts)})
    write_table(pd.concat(tables, ignore_index=True), output, metadata=record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        gather_reconstructions(
            cohorts=list(snakemake.input.cohorts),
            settings=snakemake.params.settings,
            output=snakemake.output[0],
        )
