"""Put the estimates of every scenario into one table."""

from collections.abc import Sequence

import pyarrow as pa

from file_records import file_record
from job_log import job_log
from parquet_files import read_table, write_table
from scenario_paths import scenario_values
from survival_multiverse.robustness import distinct_rows


def collect_scenarios(*, scenarios: Sequence[str], settings: str, estimates: str) -> None:
    """Write the rows of the scenarios, in the order given, each distinct estimate once."""
    tables, cutoffs_seen = [], set()
    for path in scenarios:
        cutoffs = scenario_values(path)[:-1]
        table = read_table(path).replace_schema_metadata(None)
        tables.append(distinct_rows(table, first_caliper=cutoffs not in cutoffs_seen))
        cutoffs_seen.add(cutoffs)
    record = file_record(script=__file__, settings=settings, inputs={"scenarios": scenarios})
    write_table(pa.concat_tables(tables).unify_dictionaries(), estimates, metadata=record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        collect_scenarios(
            scenarios=list(snakemake.input.scenarios),
            settings=snakemake.params.settings,
            estimates=snakemake.output[0],
        )
