"""Hold a paper's published numbers against each other."""

from collections.abc import Mapping

from csv_files import write_csv
from file_records import file_record
from job_log import job_log
from job_records import recorded_job
from paper_files import read_numbers, read_paper_description
from parquet_files import write_table
from survival_multiverse.consistency import AGREES
from survival_multiverse.consistency import audit_consistency as audit
from survival_multiverse.published import in_words


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
