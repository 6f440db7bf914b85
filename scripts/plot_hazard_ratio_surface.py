"""Draw the matched hazard ratios over the axes of the grid."""

import json
from collections.abc import Sequence
from pathlib import Path

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.parquet_files import read_frame
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.report.figures.surface import draw_hazard_ratio_surface
from survival_multiverse.report.release import release
from survival_multiverse.report.style.formats import png_bytes, svg_bytes
from survival_multiverse.settings.study import Study


def plot_hazard_ratio_surface(*, specifications: str, settings: str, outputs: Sequence[str]) -> None:
    """Write the figure in the formats that the outputs end in."""
    study = Study.from_config(json.loads(settings))
    shared = release({"specifications": read_frame(specifications)}, study)
    figure = draw_hazard_ratio_surface(shared["specifications"], study)
    for path in map(Path, outputs):
        write_bytes(path, svg_bytes(figure) if path.suffix == ".svg" else png_bytes(figure))


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        plot_hazard_ratio_surface(
            specifications=snakemake.input.specifications,
            settings=snakemake.params.settings,
            outputs=list(snakemake.output),
        )
