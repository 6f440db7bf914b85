# The configuration, the parameter space, and the only functions of the workflow.
import itertools
import sys

import pandas as pd
import yaml
from snakemake.exceptions import WorkflowError
from snakemake.utils import Paramspace

# Appended, as Snakemake does for a script's own folder: an installed package keeps its name.
sys.path.append(str(ROOT / "scripts"))

from dependencies import module_closure
from scenario_paths import FOLDER, legal_patterns, outside_pattern, refusal
from survival_multiverse.faults import InputError
from survival_multiverse.settings import validate_config
from survival_multiverse.study import AXES, Study
from workflow_settings import cohort_settings, merged_config, scenario_settings, study_settings


def study_config():
    """The defaults, the user's files and --config, merged by the study's own rule, and validated.

    Snakemake merges deeply, which would mix a user's covariates with the default ones, so the files are
    read again.
    """
    settings = workflow.config_settings
    default = [] if settings.replace_workflow_config else [ROOT / "config" / "config.yaml"]
    schema = yaml.safe_load(
        (ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text(encoding="utf-8")
    )
    try:
        merged = merged_config([*default, *map(Path, settings.configfiles)], settings.config)
        validate_config(merged, schema)
    except InputError as error:
        raise WorkflowError(str(error)) from None
    return merged


def cohort_file():
    """The user's own cohort file, or nothing where the cohort has another source."""
    path = config["cohort"].get("file")
    if config["cohort"]["source"] != "file":
        return []
    if not Path(path).is_file():
        raise WorkflowError(f"cohort.file: there is no file {path}")
    return path


def library(script):
    """The repository's modules that a script runs, so that editing one reruns the rules that use it."""
    modules = module_closure(ROOT / "scripts" / f"{script}.py")
    here = Path.cwd()
    return [str(path.relative_to(here) if path.is_relative_to(here) else path) for path in modules]


def refuse_scenario(wildcards):
    """Say which scenario is nearest to a path that is none."""
    raise WorkflowError(refusal(wildcards.outside, SPELLINGS))


def figure(name, *, caption):
    """A figure as SVG, shown in Snakemake's report, and as PNG."""
    labels = {"figure": name.replace("_", " ").capitalize()}
    svg = report(
        f"results/figures/{name}.svg",
        caption=f"../report/{caption}.rst",
        category="Figures",
        labels=labels,
    )
    return [svg, f"results/figures/{name}.png"]


def shown_table(name):
    """A small table as CSV, shown in Snakemake's report."""
    return report(
        f"results/robustness/{name}.csv",
        caption=f"../report/{name}.rst",
        category="Tables",
        labels={"table": name.capitalize()},
    )


def panel_path(folder, name):
    """A path below a folder with one level for each axis that a job has a single value of."""
    return str(Path(folder, *(f"{axis}~{{{axis}}}" for axis in OUTER_AXES), name))


config = study_config()
STUDY = Study.from_config(config)
SPELLINGS = {name: STUDY.axes[name].spellings for name in AXES}

# Text of one spelling: numbers would turn 146 into 146.0 beside a 0.2.
SCENARIOS = Paramspace(
    pd.DataFrame(itertools.product(*SPELLINGS.values()), columns=AXES, dtype=object),
    filename_params=AXES[-1:],
)
SCENARIO = f"{FOLDER}/{SCENARIOS.wildcard_pattern}.parquet"
SCENARIO_FILES = [f"{FOLDER}/{instance}.parquet" for instance in SCENARIOS.instance_patterns]

# One job evaluates every combination of the inner axes for one combination of the outer ones.
OUTER_AXES = AXES[: len(AXES) - config["execution"]["axes_per_job"]]
INNER_AXES = AXES[len(OUTER_AXES) :]
PANEL_FILES = expand(SCENARIO, **{name: SPELLINGS[name] for name in INNER_AXES}, allow_missing=True)

COHORT = "results/cohort/cohort.parquet"
FLOW = "results/cohort/flow.parquet"
MISSING = "results/cohort/missing.parquet"
ESTIMATES = "results/robustness/estimates.parquet"
TABLES = ("specifications", "blocks", "failures", "balance")
ROBUSTNESS = {table: f"results/robustness/{table}.parquet" for table in TABLES}
# Everything that a figure or the page may draw on.
RESULTS = {"estimates": ESTIMATES, **ROBUSTNESS, "cohort": COHORT, "flow": FLOW, "missing": MISSING}
SURVIVAL_FIGURES = [
    "survival_curves_oligometastatic_state",
    "survival_curves_dose",
    *(f"survival_curves_dose_by_{name}" for name in STUDY.analysis.interactions),
    *(f"survival_curves_dose_matched_{name}" for name in STUDY.adjustment_sets),
]
FIGURES = expand(
    "results/figures/{figure}.{ending}",
    figure=[*SURVIVAL_FIGURES, "specification_curve", "hazard_ratio_surface"],
    ending=("svg", "png"),
)
REPORT = "results/report/robustness.html"


# Together they match every path below the scenarios, and none twice: what fit_scenarios does not make,
# refuse_scenario answers.
wildcard_constraints:
    **legal_patterns(SPELLINGS),
    outside=outside_pattern(SPELLINGS),
