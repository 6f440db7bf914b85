"""Estimate every specification of the joint inference in a run of resampled cohorts."""

import json

from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.inference.resampling import Resample, draws_table, resample
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.study import Study


def resample_multiverse(*, cohort: str, settings: str, kind: str, first: int, last: int, output: str) -> None:
    """Write effect and standard error of each specification, by position, in these draws."""
    study = Study.from_config(json.loads(settings))
    numbers, estimates = [], []
    for number, values in resample(read_frame(cohort), study, Resample(kind), range(first, last + 1)):
        numbers.append(number)
        estimates.append(values)
        print(f"{kind}: draw {number} of {first} to {last}", flush=True)
    table = draws_table(numbers, estimates, study)
    drawn = {"kind": kind, "draws": [first, last]}
    record = file_record(script=__file__, settings=settings, inputs={"cohort": cohort}, parameters=drawn)
    write_table(table, output, metadata=record)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        resample_multiverse(
            cohort=snakemake.input.cohort,
            settings=snakemake.params.settings,
            kind=snakemake.wildcards.kind,
            first=snakemake.params.draws[0],
            last=snakemake.params.draws[1],
            output=snakemake.output[0],
        )
