"""Compare the conclusions of many cohorts that give the published numbers about equally well."""

import json
from collections.abc import Mapping

from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.paper_files import read_contradictions, read_numbers, read_paper_description
from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.paper.ensemble import SEED, summarise_ensemble
from survival_multiverse.paper.published import set_aside
from survival_multiverse.paper.reconstructed_patients import paper_cohort
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.study import Study


def compare_reconstructions(*, inputs: Mapping[str, str], settings: str, outputs: Mapping[str, str]) -> None:
    """Write the cohorts' conclusions, and their range, as Parquet and as CSV."""
    study = Study.from_config(json.loads(settings))
    paper = read_paper_description(inputs["description"])
    patients = read_frame(inputs["cohorts"])
    members, ranges = summarise_ensemble(
        {int(seed): paper_cohort(rows, paper) for seed, rows in patients.groupby(SEED)},
        read_numbers(inputs["numbers"]),
        paper,
        set_aside(read_contradictions(inputs["contradictions"])),
        caliper=study.primary_cutoffs.caliper,
        draws=study.analysis.tie_break_draws,
    )
    record = file_record(script=__file__, settings=settings, inputs=inputs)
    for name, frame in {"ensemble_members": members, "ensemble": ranges}.items():
        write_table(frame, outputs[name], metadata=record)
        write_csv(frame, outputs[f"{name}_csv"], data_origin=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        compare_reconstructions(
            inputs={
                name: snakemake.input[name]
                for name in ("numbers", "contradictions", "description", "cohorts")
            },
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
