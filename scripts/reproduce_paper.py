"""Recompute every published number from the cohort, and compare it with the paper."""

import json
from collections.abc import Mapping

from survival_multiverse.files.csv_files import read_csv, write_csv
from survival_multiverse.files.paper_files import read_contradictions, read_numbers, read_paper_description
from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.paper.matching_comparison import compare_matchings
from survival_multiverse.paper.published import in_words, set_aside
from survival_multiverse.paper.published_marks import published_marks
from survival_multiverse.paper.reconstructed_patients import join_private_columns, paper_cohort
from survival_multiverse.paper.reproduction import mark_contradictions, reproduce, score_by_kind
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.study import Study

READ = ("numbers", "contradictions", "description", "cohort", "patients")


def reproduce_paper(*, inputs: Mapping[str, str], settings: str, outputs: Mapping[str, str]) -> None:
    """Write the numbers one by one, their score by kind, the matchings and what charts mark, each twice."""
    study = Study.from_config(json.loads(settings))
    paper = read_paper_description(inputs["description"])
    numbers, contradictions = read_numbers(inputs["numbers"]), read_contradictions(inputs["contradictions"])
    try:
        patients = join_private_columns(read_frame(inputs["cohort"]), read_csv(inputs["patients"]), paper)
    except KeyError as error:
        raise InputError([f"{inputs['patients']} lacks the column {error}"], subject="the data") from error
    cohort = paper_cohort(patients, paper)
    table = reproduce(numbers, cohort, paper)
    matching = compare_matchings(
        cohort,
        numbers,
        paper,
        # 0: only patients of equal score, as the published pairs seem to be.
        calipers=(0.0, *study.values_of("caliper")),
        seed=study.seed,
        draws=study.analysis.tie_break_draws,
    )
    score = score_by_kind(table, set_aside(contradictions))
    reproduction = in_words(mark_contradictions(table, contradictions), paper)
    tables = {"reproduction": reproduction, "score": score, "matching": matching}
    tables["published"] = published_marks(numbers, paper, study)
    record = file_record(script=__file__, settings=settings, inputs=inputs)
    for name, frame in tables.items():
        write_table(frame, outputs[name], metadata=record)
        write_csv(frame, outputs[f"{name}_csv"], data_origin=study.source)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        reproduce_paper(
            inputs={name: snakemake.input[name] for name in READ},
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
