"""Compare a paper's published numbers with each other."""

from collections.abc import Mapping

from survival_multiverse.files.csv_files import write_csv
from survival_multiverse.files.paper_files import read_numbers, read_paper_description
from survival_multiverse.files.parquet_files import write_table
from survival_multiverse.paper.consistency import AGREES
from survival_multiverse.paper.consistency import audit_consistency as audit
from survival_multiverse.paper.published import in_words
from survival_multiverse.provenance.file_records import file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job


def audit_consistency(*, numbers: str, description: str, settings: str, outputs: Mapping[str, str]) -> None:
    """Write every comparison as Parquet, and those that fail as CSV."""
    paper = read_paper_description(description)
    table = in_words(audit(read_numbers(numbers), paper), paper)
    record = file_record(
        script=__file__, settings=settings, inputs={"numbers": numbers, "description": description}
    )
    write_table(table, outputs["consistency"], metadata=record)
    write_csv(table[table.verdict != AGREES], outputs["consistency_csv"])


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        audit_consistency(
            numbers=snakemake.input.numbers,
            description=snakemake.input.description,
            settings=snakemake.params.settings,
            outputs=dict(snakemake.output.items()),
        )
