"""Summarise the multiverse: specifications, blocks, failures and balance."""

import json
from collections.abc import Mapping

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.parquet_files import write_table
from survival_multiverse.files.primary_estimates import read_primary_estimates
from survival_multiverse.inference.attribution import attribute
from survival_multiverse.inference.bias_surface import bias_tables
from survival_multiverse.inference.robustness import (
    SPECIFICATION_ANALYSES,
    count_failures,
    specifications,
    summarise_balance,
    summarise_blocks,
)
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.schema import Status
from survival_multiverse.settings.study import Study


def summarise_robustness(*, estimates: str, settings: str, outputs: Mapping[str, str]) -> None:
    """Write each summary as Parquet and as CSV."""
    study = Study.from_config(json.loads(settings))
    rows = pq.read_table(estimates)
    kind = rows["analysis"].cast("string")
    specified = specifications(
        rows.filter(pc.is_in(kind, pa.array(SPECIFICATION_ANALYSES))).to_pandas(), study
    )
    failed = rows.filter(pc.not_equal(rows["status"].cast("string"), str(Status.OK))).to_pandas()
    differences = pc.equal(rows["statistic"].cast("string"), "smd")
    balance = rows.filter(pc.and_(pc.equal(kind, "balance"), differences)).to_pandas()
    tables = {
        "specifications": specified,
        "blocks": summarise_blocks(specified, study),
        "failures": count_failures(failed, study),
        "balance": summarise_balance(balance, study),
        "attribution": attribute(specified, study),
        **bias_tables(specified, read_primary_estimates(estimates, study), study),
    }
    record = file_record(script=__file__, settings=settings, inputs={"estimates": estimates})
    for name, table in tables.items():
        write_table(table, outputs[name], metadata=record)
        write_csv(table, outputs[f"{name}_csv"], data_origin=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        summarise_robustness(
            estimates=snakemake.input.estimates,
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
