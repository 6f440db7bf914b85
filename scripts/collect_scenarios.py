"""Put the estimates of every scenario into one table."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from survival_multiverse.files.parquet_files import read_table, write_table
from survival_multiverse.files.scenario_paths import scenario_values
from survival_multiverse.inference.robustness import distinct_rows
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job


def collect_scenarios(*, scenarios: Sequence[str], settings: str, threads: int, estimates: str) -> None:
    """Write the rows of the scenarios, in the order given, each distinct estimate once."""
    cutoffs_seen = set()
    firsts = []
    for path in scenarios:
        cutoffs = scenario_values(path)[:-1]
        firsts.append(cutoffs not in cutoffs_seen)
        cutoffs_seen.add(cutoffs)
    with ThreadPoolExecutor(threads) as pool:
        tables = list(pool.map(_distinct, scenarios, firsts))
    record = file_record(script=__file__, settings=settings, inputs={"scenarios": scenarios})
    write_table(pa.concat_tables(tables).unify_dictionaries(), estimates, metadata=record)


def _distinct(path: str, first: bool) -> pa.Table:
    table = read_table(path).replace_schema_metadata(None)
    return distinct_rows(table, first_caliper=first)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        collect_scenarios(
            scenarios=list(snakemake.input.scenarios),
            settings=snakemake.params.settings,
            threads=snakemake.threads,
            estimates=snakemake.output[0],
        )
