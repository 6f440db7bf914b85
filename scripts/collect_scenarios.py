"""Put the estimates of every scenario into one table."""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pyarrow as pa

from survival_multiverse.files.parquet_files import read_table, write_table
from survival_multiverse.inference.robustness import distinct_rows, first_scenarios
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.study import Study


def collect_scenarios(*, scenarios: Sequence[str], settings: str, threads: int, estimates: str) -> None:
    """Write the rows of the scenarios, in the order given, each distinct estimate once."""
    study = Study.from_config(json.loads(settings))
    with ThreadPoolExecutor(threads) as pool:
        tables = list(pool.map(partial(_distinct, study), scenarios, first_scenarios(study)))
    record = file_record(script=__file__, settings=settings, inputs={"scenarios": scenarios})
    write_table(pa.concat_tables(tables).unify_dictionaries(), estimates, metadata=record)


def _distinct(study: Study, path: str, first: bool) -> pa.Table:
    return distinct_rows(read_table(path).replace_schema_metadata(None), study, first=first)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        collect_scenarios(
            scenarios=list(snakemake.input.scenarios),
            settings=snakemake.params.settings,
            threads=snakemake.threads,
            estimates=snakemake.output[0],
        )
