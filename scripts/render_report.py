"""Put the figures, the tables and their reading on one page."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from anchor_estimates import read_anchor_estimates
from archives import write_tables
from csv_files import read_csv
from file_records import digest_of_files, file_record
from job_log import job_log
from job_records import recorded_job
from lineage import draw_study, rules_behind
from output_files import write_bytes
from parquet_files import read_frame
from report_inputs import made_from, read_balance, software
from study_plan import study_steps
from survival_multiverse.anchor_tables import ANCHOR_TABLES
from survival_multiverse.page_tables import shown_tables
from survival_multiverse.release import release
from survival_multiverse.report import TABLES
from survival_multiverse.report import render_report as render_page
from survival_multiverse.study import Study

READ_HERE = ("anchor", "scenario_balance")  # parts of the estimates


def render_report(
    *,
    tables: Mapping[str, str],
    estimates: str,
    scenarios: Sequence[str],
    figures: Sequence[str],
    bundle: str,
    settings: str,
    report: str,
    archive: str,
    calibration: str | None = None,
    paper: Mapping[str, str] | None = None,
) -> None:
    """Write the page and its tables; ``tables``: files of `report.TABLES` other than those `READ_HERE`."""
    config = json.loads(settings)
    study = Study.from_config(config)
    frames = {name: read_frame(path) for name, path in tables.items()}
    if calibration:
        frames["calibration"] = read_csv(calibration)
    frames |= {name: read_frame(path) for name, path in (paper or {}).items()}
    frames["anchor"] = read_anchor_estimates(estimates, study)
    frames = release(frames | {"scenario_balance": read_balance(estimates)}, study)
    page = render_page(
        study,
        frames,
        {path.stem: path.read_text(encoding="utf-8") for path in map(Path, figures) if path.suffix == ".svg"},
        scripts=Path(bundle).read_text(encoding="utf-8"),
        versions=software(),
        digests=made_from(scenarios[0]),
        scenarios={path: digest_of_files([path]) for path in scenarios},
        lineage=draw_study(config),
        behind=rules_behind(scenarios[0], study_steps(config)),
    )
    write_bytes(report, page.encode())
    footer = file_record(script=__file__, settings=settings, inputs={**tables, "estimates": estimates})
    write_tables(shown_tables(study, frames), archive, cohort=study.source, metadata=footer)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        render_report(
            tables={name: snakemake.input[name] for name in TABLES if name not in READ_HERE},
            estimates=snakemake.input.estimates,
            scenarios=list(snakemake.input.scenarios),
            figures=list(snakemake.input.figures),
            bundle=snakemake.input.bundle,
            settings=snakemake.params.settings,
            report=snakemake.output[0],
            archive=snakemake.output.tables,
            calibration=snakemake.input.get("calibration"),
            paper={name: snakemake.input[name] for name in ANCHOR_TABLES if snakemake.input.get(name)},
        )
