"""Write every chart that the page draws in the browser as a file of its own."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import vl_convert

from survival_multiverse.files.archives import README, write_archive
from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.parquet_files import read_frame
from survival_multiverse.files.primary_estimates import read_primary_estimates
from survival_multiverse.files.study_files import CHARTED, CHARTED_OF_PAPER, CONTROLS, IMMORTAL_TIME
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.report.charts.chart_files import chart_specs, figure_spec
from survival_multiverse.report.charts.static import svg_of
from survival_multiverse.report.release import release
from survival_multiverse.report.words.readme import charts_readme
from survival_multiverse.settings.study import Study


def draw_charts(
    *, tables: Mapping[str, str], estimates: str, settings: str, archive: str, figures: Sequence[str]
) -> None:
    """Write the charts as SVG and as PNG into one file, and those that are figures by their names."""
    study = Study.from_config(json.loads(settings))
    frames = {name: read_frame(path) for name, path in tables.items()}
    frames["primary"] = read_primary_estimates(estimates, study)
    specs = chart_specs(study, release(frames, study))
    drawn = {name: svg_of(spec) for name, spec in specs.items()}
    vector = {f"{name}.svg": svg.encode() for name, svg in drawn.items()}
    pixels = {f"{name}.png": vl_convert.svg_to_png(svg, scale=2) for name, svg in drawn.items()}
    readme = charts_readme(study, {name: spec["title"]["text"] for name, spec in specs.items()})
    write_archive({README: readme.encode()} | vector | pixels, archive)
    for path in map(Path, figures):
        svg = svg_of(figure_spec(path.stem, specs, study))
        write_bytes(path, svg.encode() if path.suffix == ".svg" else vl_convert.svg_to_png(svg, scale=2))


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        optional = (*CHARTED_OF_PAPER, *CONTROLS, *IMMORTAL_TIME)
        named = [name for name in (*CHARTED, *optional) if snakemake.input.get(name)]
        draw_charts(
            tables={name: snakemake.input[name] for name in named},
            estimates=snakemake.input.estimates,
            settings=snakemake.params.settings,
            archive=snakemake.output.archive,
            figures=list(snakemake.output.figures),
        )
