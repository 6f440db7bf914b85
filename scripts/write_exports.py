"""Write what leaves the page: one figure for a talk, and the tables of a manuscript."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.parquet_files import read_frame
from survival_multiverse.files.primary_estimates import read_primary_estimates
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.report.figures.summary_figure import draw_summary
from survival_multiverse.report.release import release
from survival_multiverse.report.style.formats import png_bytes, svg_bytes
from survival_multiverse.report.tables.manuscript import manuscript_tables
from survival_multiverse.settings.study import Study


def write_exports(
    *, tables: Mapping[str, str], estimates: str, settings: str, figures: Sequence[str], manuscript: str
) -> None:
    """Write the figure in each format asked for, and the Word document."""
    study = Study.from_config(json.loads(settings))
    names = ("specifications", "joint_inference", "attribution")
    frames = {name: read_frame(tables[name]) for name in names}
    frames["primary"] = read_primary_estimates(estimates, study)
    shared = release(frames, study)
    figure = draw_summary(*(shared[name] for name in names), study)
    for path in figures:
        draw = svg_bytes if Path(path).suffix == ".svg" else png_bytes
        write_bytes(path, draw(figure))
    write_bytes(manuscript, manuscript_tables(shared["primary"], shared["specifications"], study))


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        write_exports(
            tables=dict(snakemake.input.items()),
            estimates=snakemake.input.estimates,
            settings=snakemake.params.settings,
            figures=list(snakemake.output.figures),
            manuscript=snakemake.output.manuscript,
        )
