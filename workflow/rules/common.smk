# The configuration, and the only functions of the workflow.
import os
import re
import subprocess
import sys
from functools import cache

from snakemake.exceptions import WorkflowError

# Appended, as Snakemake does for a script's own folder: an installed package keeps its name.
sys.path.append(str(ROOT / "scripts"))

from survival_multiverse.files.config_files import merged_config
from survival_multiverse.files.expected_cost import cost_words
from survival_multiverse.provenance.file_records import code_digests
from survival_multiverse.files.scenario_paths import (
    FOLDER,
    legal_patterns,
    outside_pattern,
    refusal,
    scenario_pattern,
)
from survival_multiverse.files.study_files import (
    ARMS,
    BUNDLE,
    CALIBRATED,
    CALIBRATION_COHORTS,
    CALIBRATION_DRAWS,
    CALIBRATION_PARTS,
    COHORT,
    CRATE,
    CONTROLS,
    CROSS_CHECKS,
    CUTPOINTS,
    ENSEMBLE,
    ENSEMBLE_COHORTS,
    ENSEMBLE_PATIENTS,
    ESTIMATES,
    ESTIMATES_CSV,
    EXPORT_FIGURES,
    FLOW,
    GRAPH,
    IMMORTAL_TIME,
    INFERENCE,
    INITIAL_STATE,
    MANIFEST,
    MANUSCRIPT,
    MANUSCRIPT_LATEX,
    MISSING,
    PAGE_CHARTS,
    PAGE_TABLES,
    PAPER_RESULTS,
    REPORT,
    RESULTS,
    ROBUSTNESS,
    TRUTH_PATIENTS,
    charted_files,
    cohorts_of_shard,
    control_results,
    draws_of_shard,
    figure_files,
    has_gaps,
    inner_decisions,
    paper_files,
    paper_results,
    scenario_files,
    scenario_runs,
    shard_files,
    specification_figures,
    survival_figures,
    treatment_tables,
    with_csv,
)
from survival_multiverse.cli.study_lock import hold
from survival_multiverse.provenance.study_records import places_of_configuration
from survival_multiverse.settings.faults import InputError
from survival_multiverse.settings.validation import validate_config
from survival_multiverse.settings.grid import decision_texts, whole_size
from survival_multiverse.settings.slices import (
    cohort_settings,
    draw_settings,
    inference_settings,
    scenario_settings,
    study_settings,
)

# Arguments of Snakemake under which it parses the workflow and runs nothing.
LOOKS = {"--lint", "--list", "--list-rules", "-l", "--list-target-rules", "--lt"}


def hold_study():
    """Tell other runs that one is active here; where this is impossible, rely on Snakemake's own locks."""
    if not workflow.is_main_process or workflow.output_settings.dryrun:
        return None
    try:
        return hold(Path.cwd(), alone=False)
    except OSError:
        return None


def is_module():
    """Return whether another workflow declares this one as a module."""
    return workflow.modifier.parent_modifier is not None


def configuration_files():
    """Return the default configuration and the user's; as a module those of the other workflow are not."""
    settings, default = workflow.config_settings, ROOT / "config" / "config.yaml"
    if is_module():
        return [default]
    return [*([] if settings.replace_workflow_config else [default]), *map(Path, settings.configfiles)]


def given_settings():
    """Return the settings of the command line, or those that a module is given with `config:`."""
    if not is_module():
        return {"config": dict(workflow.config_settings.config)}
    return {"config": {}, "module": GIVEN if workflow.modifier.skip_configfile else {}}


def run_facts():
    """Return how the run was called, as far as its results depend on it."""
    places = places_of_configuration(configuration_files(), Path.cwd())
    return {"configfiles": places, **given_settings()}


def only_parsed():
    """Return whether nothing will run: a linter, a list of the rules, or a program that is no command line."""
    return "snakemake" not in sys.argv[0] or not LOOKS.isdisjoint(sys.argv)


def tell_once(message):
    """Tell the user; the jobs that Snakemake starts as Snakemakes of their own keep silent."""
    if workflow.is_main_process:
        print(message, file=sys.stderr)


def tell_cost():
    """Tell what the study will cost, as far as its grid says."""
    tell_once(cost_words(config))


def compile_for_entry():
    """Compile once, before the jobs that would each do it, what only cohorts with delayed entry need."""
    if workflow.is_main_process and config["cohort"].get("entry"):
        call = "from survival_multiverse.files.machine_code import compile_for_delayed_entry as go; go()"
        places = os.pathsep.join(filter(None, (str(ROOT / "scripts"), os.environ.get("PYTHONPATH"))))
        # Without it the jobs compile for themselves.
        subprocess.run(
            [sys.executable, "-c", call], env=os.environ | {"PYTHONPATH": places}, stdout=sys.stderr
        )


def study_config():
    """Return the defaults, the user's files and --config, merged by the study's own rule, and validated.

    As a module the study has its defaults and what the other workflow gives it. Snakemake merges deeply, which
    would mix a user's covariates with the default ones, so the files are read again. Where a package is absent
    that the checks need, they are left out: what only parses the workflow gets by without, and a run stops.
    """
    try:
        given = given_settings()
        merged = merged_config(
            configuration_files(), given["config"], given.get("module", {}), tell=tell_once
        )
        validate_config(merged)
    except InputError as error:
        raise WorkflowError(str(error)) from None
    except ModuleNotFoundError as error:
        if not only_parsed():
            command = f"python -m pip install --requirement {ROOT}/requirements.lock"
            raise WorkflowError(
                f"{error.name} is not installed; get what the study needs: {command}"
            ) from None
    return merged


def cohort_files():
    """Return the files that the cohort is read from, by role; none if simulated or part of a package."""
    if config["cohort"]["source"] == "reconstructed":
        return {"patients": existing(PAPER["patients"]), "description": existing(PAPER["description"])}
    if config["cohort"]["source"] != "file":
        return {}
    return {"patients": existing(config["cohort"]["file"], setting="cohort.file")}


def existing(path, setting="cohort.paper"):
    """Return the path; raise an error if there is no such file."""
    if not os.path.isfile(path):
        raise WorkflowError(f"{setting}: there is no file {path}")
    return without_braces(path, setting)


def without_braces(path, setting="cohort.paper"):
    """Return the path; raise an error if Snakemake would read a name in braces as a wildcard."""
    if re.search(r"\{.*\}", path):
        raise WorkflowError(f"{setting}: no input may have a name in braces; rename the {{…}} of {path}")
    return path


def paper_table(name):
    """Return a small table about the published numbers as CSV, shown in Snakemake's report."""
    return report(
        f"results/paper/{name}.csv",
        caption=f"../report/{name}.rst",
        category="Tables",
        labels={"table": name.capitalize()},
    )


def code(script):
    """Return digests of a script and of the modules that it runs: edits rerun the rules that use them."""

    # Read on request: on a cluster each job starts Snakemake again, and needs its own modules only.
    @cache
    def modules():
        return {name: sha256[:12] for name, sha256 in code_digests(ROOT / "scripts" / f"{script}.py").items()}

    return lambda wildcards: modules()


def refuse_scenario(wildcards):
    """Name the scenario nearest to a path that is not a scenario."""
    raise WorkflowError(refusal(wildcards.outside, OPTIONS, SCENARIO_FILES))


def figure(name, *, caption):
    """Return a figure as SVG, shown in Snakemake's report, and as PNG."""
    labels = {"figure": name.replace("_", " ").capitalize()}
    svg = report(
        f"results/figures/{name}.svg",
        caption=f"../report/{caption}.rst",
        category="Figures",
        labels=labels,
    )
    return [svg, f"results/figures/{name}.png"]


def shown_table(name):
    """Return a small table as CSV, shown in Snakemake's report."""
    return report(
        f"results/robustness/{name}.csv",
        caption=f"../report/{name}.rst",
        category="Tables",
        labels={"table": name.capitalize()},
    )


def csv_tables(written, *shown):
    """Return tables also as CSV, by name; those `shown` are in Snakemake's report, too."""
    return {
        f"{name}_csv": shown_table(name) if name in shown else f"results/robustness/{name}.csv"
        for name in written
    }


def panel_path(folder, name):
    """Return a path below a folder with one level for each decision that a job has a single option of."""
    return str(Path(folder, *(f"{decision}~{{{decision}}}" for decision in OUTER), name))


ALIVE = hold_study()
GIVEN = config
config = study_config()
# Read here: when jobs are made, Snakemake no longer says that this is a module.
RUN = run_facts()
OPTIONS = decision_texts(config)
PAPER = {
    role: without_braces(place.replace("workflow:", f"{ROOT}/"))
    for role, place in paper_files(config).items()
}
