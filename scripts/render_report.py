"""Put the figures, the tables and their reading on one page."""

import json
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from anchor_estimates import read_anchor_estimates
from job_log import job_log
from job_records import recorded_job
from output_files import write_bytes
from parquet_files import read_frame
from survival_multiverse.report import TABLES
from survival_multiverse.report import render_report as render_page
from survival_multiverse.study import Study

PACKAGES = (
    "lifelines",
    "matplotlib",
    "numba",
    "numpy",
    "pandas",
    "pyarrow",
    "scikit-learn",
    "scipy",
    "snakemake",
)


def render_report(
    *,
    tables: Mapping[str, str],
    estimates: str,
    figures: Sequence[str],
    settings: str,
    report: str,
    calibration: str | None = None,
) -> None:
    """Write the page; ``tables`` gives the files of `report.TABLES` other than the primary scenario."""
    study = Study.from_config(json.loads(settings))
    frames = {name: read_frame(path) for name, path in tables.items()}
    if calibration:
        frames["calibration"] = pd.read_csv(calibration)
    frames["anchor"] = read_anchor_estimates(estimates, study)
    pictures = {
        path.stem: path.read_text(encoding="utf-8") for path in map(Path, figures) if path.suffix == ".svg"
    }
    versions = {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    write_bytes(report, render_page(study, frames, pictures, versions=versions).encode())


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        render_report(
            tables={name: snakemake.input[name] for name in TABLES if name != "anchor"},
            estimates=snakemake.input.estimates,
            figures=list(snakemake.input.figures),
            settings=snakemake.params.settings,
            report=snakemake.output[0],
            calibration=snakemake.input.get("calibration"),
        )
