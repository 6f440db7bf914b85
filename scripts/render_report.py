"""Put the figures, the tables and their interpretation on one page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from survival_multiverse.files.archives import write_tables
from survival_multiverse.files.csv_files import csv_bytes
from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.provenance.file_records import digest_of_files, file_record
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.provenance.report_inputs import made_from, read_shared, software
from survival_multiverse.report.page import OCCASIONAL_TABLES, TABLES, render_page
from survival_multiverse.report.tables.page_tables import shown_tables
from survival_multiverse.report.tables.tidy import tidy
from survival_multiverse.report.words.readme import exhibits, tables_readme
from survival_multiverse.settings.study import Study


def render_report(
    tables: Mapping[str, str],
    *,
    estimates: str,
    scenarios: Sequence[str],
    figures: Sequence[str],
    numbers: Sequence[str],
    bundle: str,
    settings: str,
    outputs: Sequence[str],
) -> None:
    """Write the page and its tables; `tables` names files of tables other than the estimates."""
    study = Study.from_config(json.loads(settings))
    shared = read_shared(tables, estimates, study)
    frames = {name: tidy(frame) for name, frame in shown_tables(study, shared).items()}
    told = {Path(path).stem: Path(path).read_text(encoding="utf-8") for path in numbers}
    page = render_page(
        study,
        shared,
        {Path(path).stem: Path(path).read_text(encoding="utf-8") for path in figures},
        scripts=Path(bundle).read_text(encoding="utf-8"),
        versions=software(),
        digests=made_from(scenarios[0]),
        scenarios={path: digest_of_files([path]) for path in scenarios},
        downloads=told | {name: csv_bytes(frame, study.source).decode() for name, frame in frames.items()},
    )
    write_bytes(outputs[0], page.encode())
    # Without the digests of what was read: those of small tables could confirm a guess at their counts.
    footer = file_record(script=__file__, settings=settings, inputs={})
    readme = tables_readme(study, frames, exhibits(page))
    write_tables(frames, outputs[1], data_origin=study.source, metadata=footer, readme=readme)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        given = snakemake.input
        files = {name: given[name] for name in (*TABLES, *OCCASIONAL_TABLES) if given.get(name)}
        own = {name: given[name] for name in ("estimates", "scenarios", "figures", "numbers", "bundle")}
        render_report(files, **own, settings=snakemake.params.settings, outputs=snakemake.output)
