"""What the page shows beside the tables: balance of every scenario, software, digests."""

import json
import platform
from collections.abc import Mapping
from importlib.metadata import version

import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from survival_multiverse.files.csv_files import read_csv
from survival_multiverse.files.parquet_files import read_frame
from survival_multiverse.files.primary_estimates import read_primary_estimates
from survival_multiverse.provenance.file_records import digest, read_footer
from survival_multiverse.report.release import release
from survival_multiverse.settings.study import Study

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
    "vl-convert-python",
)


def software() -> dict[str, str]:
    """Return Python and the packages that make the results, with their versions."""
    return {"Python": platform.python_version(), **{name: version(name) for name in PACKAGES}}


def read_shared(tables: Mapping[str, str], estimates: str, study: Study) -> dict[str, pd.DataFrame]:
    """Read what the page may show: tables from their files, and parts of the estimates, after `release`."""
    frames = {
        name: read_csv(path) if path.endswith(".csv") else read_frame(path) for name, path in tables.items()
    }
    frames["primary"] = read_primary_estimates(estimates, study)
    return release(frames | {"scenario_balance": read_balance(estimates, study)}, study)


def read_balance(estimates: str, study: Study) -> pd.DataFrame:
    """Read standardised differences of every scenario: primary population, no landmark."""
    wanted = (pc.field("analysis") == "balance") & (pc.field("statistic") == "smd")
    wanted &= (pc.field("population") == study.primary_population) & (pc.field("landmark") == 0)
    columns = [*study.decisions, "adjustment_set", "estimator", "variable", "level", "estimate"]
    frame = pq.read_table(estimates, columns=columns, filters=wanted).to_pandas()
    return frame.astype({name: object for name in frame.select_dtypes("category")})


def made_from(scenario: str) -> dict[str, str]:
    """Return what every scenario was made from, by its file's footer: cohort, settings and code."""
    footer = read_footer(scenario)
    inputs = json.loads(footer["inputs_sha256"])
    return {
        "Cohort": inputs["cohort"],
        "Settings of a scenario": footer["settings_sha256"],
        "Code of a scenario": digest(footer["code_sha256"]),
    }
