"""Write what leaves the page: one slide for a talk, and the tables of a manuscript."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import vl_convert

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.parquet_files import read_frame
from survival_multiverse.files.primary_estimates import read_primary_estimates
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.report.charts.summary import picture_png, summary_svg
from survival_multiverse.report.release import release
from survival_multiverse.report.tables.latex import latex_document
from survival_multiverse.report.tables.manuscript import manuscript_tables
from survival_multiverse.report.tables.word import Picture, word_document
from survival_multiverse.report.words.claim import hero_alternative, hero_caption
from survival_multiverse.settings.study import Study


def write_exports(
    *,
    tables: Mapping[str, str],
    estimates: str,
    settings: str,
    figures: Sequence[str],
    manuscript: str,
    latex: str,
) -> None:
    """Write the slide in each format asked for, and the manuscript for Word and for LaTeX."""
    study = Study.from_config(json.loads(settings))
    read = ("specifications", "joint_inference", "immortal_time")
    frames = {name: read_frame(tables[name]) for name in read if name in tables}
    frames["primary"] = read_primary_estimates(estimates, study)
    shared = release(frames, study)
    found = [shared[name] for name in ("specifications", "primary", "joint_inference")]
    slide = summary_svg(*found, study, shared.get("immortal_time"))
    for path in figures:
        svg = Path(path).suffix == ".svg"
        write_bytes(path, slide.encode() if svg else vl_convert.svg_to_png(slide, scale=2))
    specifications = found[0]
    words = hero_caption(study), hero_alternative(specifications, study)
    picture = Picture(picture_png(specifications, study), *words)
    printed = manuscript_tables(shared["primary"], specifications, study)
    write_bytes(manuscript, word_document(printed, picture, study))
    write_bytes(latex, latex_document(printed, study).encode())


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        write_exports(
            tables=dict(snakemake.input.items()),
            estimates=snakemake.input.estimates,
            settings=snakemake.params.settings,
            figures=list(snakemake.output.figures),
            manuscript=snakemake.output.manuscript,
            latex=snakemake.output.latex,
        )
