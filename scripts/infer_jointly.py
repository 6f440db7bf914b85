"""Test all specifications of each block together; percentile intervals where there are bootstrap draws."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.inference.joint_inference import gates_of, infer, statuses_of
from survival_multiverse.inference.resampling import (
    Resample,
    all_keys,
    cutoff_cells,
    evaluate,
    stacked_draws,
)
from survival_multiverse.provenance.file_records import digest, file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.study import Study


def infer_jointly(
    *,
    cohort: str,
    specifications: str,
    resamples: Mapping[str, Sequence[str]],
    settings: str,
    outputs: Mapping[str, str],
) -> None:
    """Write each table of `joint_inference.infer` under its name in ``outputs``, and as CSV where asked."""
    study, specified = Study.from_config(json.loads(settings)), read_frame(specifications)
    cells = cutoff_cells(read_frame(cohort), study)
    keys, kept = all_keys(cells, study)
    observed = np.concatenate([evaluate(cell, study) for cell in cells])[kept]
    gates, statuses = (found(keys, specified, study) for found in (gates_of, statuses_of))
    draws = {
        Resample(kind): stacked_draws(map(read_frame, paths), len(keys), study)
        for kind, paths in resamples.items()
    }
    # Digests of the draws themselves: their division into files makes no difference.
    drawn = {str(kind): digest(values.tobytes()) for kind, values in draws.items() if len(values)}
    inputs = {"cohort": cohort, "specifications": specifications}
    record = file_record(script=__file__, settings=settings, inputs=inputs)
    record |= {"draws_sha256": json.dumps(drawn, sort_keys=True, separators=(",", ":"))}
    for name, table in infer(keys, observed, draws, study, gates, statuses).items():
        write_table(table, outputs[name], metadata=record)
        write_csv(table, outputs[f"{name}_csv"], data_origin=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        infer_jointly(
            cohort=snakemake.input.cohort,
            specifications=snakemake.input.specifications,
            resamples={kind: list(snakemake.input.get(str(kind), [])) for kind in Resample},
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
