"""Draw the specification curve, one panel for each estimator."""

import json
from collections.abc import Sequence
from pathlib import Path

from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.parquet_files import read_frame
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.report.figures.specification_curve import draw_specification_curve
from survival_multiverse.report.release import release
from survival_multiverse.report.style.formats import png_bytes, svg_bytes
from survival_multiverse.settings.study import Study


def plot_specification_curve(*, specifications: str, settings: str, outputs: Sequence[str]) -> None:
    """Write the figure in the formats that the outputs end in."""
    study = Study.from_config(json.loads(settings))
    shared = release({"specifications": read_frame(specifications)}, study)
    figure = draw_specification_curve(shared["specifications"], study)
    for path in map(Path, outputs):
        write_bytes(path, svg_bytes(figure) if path.suffix == ".svg" else png_bytes(figure))


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        plot_specification_curve(
            specifications=snakemake.input.specifications,
            settings=snakemake.params.settings,
            outputs=list(snakemake.output),
        )
