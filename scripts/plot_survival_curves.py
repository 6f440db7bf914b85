"""Draw the Kaplan-Meier curves of the primary scenario, and write the numbers that they show."""

import json
from collections.abc import Sequence
from pathlib import Path

from survival_multiverse.files.csv_files import csv_bytes
from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.parquet_files import read_frame
from survival_multiverse.files.primary_estimates import read_primary_estimates
from survival_multiverse.paper.published_marks import NO_MARKS
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.report.figures.survival_figures import draw_survival_curves
from survival_multiverse.report.figures.survival_numbers import survival_numbers
from survival_multiverse.report.figures.survival_panels import survival_panels
from survival_multiverse.report.style.formats import png_bytes, svg_bytes
from survival_multiverse.scenario.multiverse import primary_samples
from survival_multiverse.settings.study import Study


def plot_survival_curves(
    *, cohort: str, estimates: str, settings: str, outputs: Sequence[str], published: str | None = None
) -> None:
    """Write each figure, named by its file, and its numbers as CSV; `published` holds marks of a paper."""
    study = Study.from_config(json.loads(settings))
    samples = primary_samples(read_frame(cohort), study)
    rows = read_primary_estimates(estimates, study)
    marks = read_frame(published) if published else NO_MARKS
    made: dict[str, dict[str, bytes]] = {}
    for path in map(Path, outputs):
        if path.stem not in made:
            panels = survival_panels(path.stem, samples, rows, study, marks)
            numbers = survival_numbers(panels, study)
            figure = draw_survival_curves(panels, numbers, study)
            made[path.stem] = {
                ".svg": svg_bytes(figure),
                ".png": png_bytes(figure),
                ".csv": csv_bytes(numbers.table, study.source),
            }
        write_bytes(path, made[path.stem][path.suffix])


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        plot_survival_curves(
            cohort=snakemake.input.cohort,
            estimates=snakemake.input.estimates,
            settings=snakemake.params.settings,
            outputs=list(snakemake.output),
            published=snakemake.input.get("published"),
        )
