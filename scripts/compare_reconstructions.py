"""Compare the conclusions of many cohorts that all give the published numbers."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from file_records import file_record
from job_log import job_log
from job_records import recorded_job
from paper_files import read_contradictions, read_numbers, read_paper_description
from parquet_files import write_csv, write_table
from survival_multiverse.ensemble import summarise_ensemble
from survival_multiverse.published import set_aside
from survival_multiverse.reconstructed_patients import paper_cohort
from survival_multiverse.study import Study


def compare_reconstructions(
    *, inputs: Mapping[str, str], cohorts: Sequence[str], settings: str, outputs: Mapping[str, str]
) -> None:
    """Write the cohorts' conclusions, and their range, as Parquet and as CSV."""
    study = Study.from_config(json.loads(settings))
    paper = read_paper_description(inputs["description"])
    seeds = [int(Path(path).stem.removeprefix("seed~")) for path in cohorts]
    patients = [paper_cohort(pd.read_csv(path), paper) for path in cohorts]
    members, ranges = summarise_ensemble(
        dict(zip(seeds, patients, strict=True)),
        read_numbers(inputs["numbers"]),
        paper,
        set_aside(read_contradictions(inputs["contradictions"])),
        caliper=study.anchor[-1],
        draws=study.analysis.tie_break_draws,
    )
    record = file_record(script=__file__, settings=settings, inputs={**inputs, "cohorts": list(cohorts)})
    for name, frame in {"ensemble_members": members, "ensemble": ranges}.items():
        write_table(frame, outputs[name], metadata=record)
        write_csv(frame, outputs[f"{name}_csv"], cohort=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        compare_reconstructions(
            inputs={name: snakemake.input[name] for name in ("numbers", "contradictions", "description")},
            cohorts=list(snakemake.input.cohorts),
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
