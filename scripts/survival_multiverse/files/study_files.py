"""Paths of the files of a study, for the rules and for what looks at a study without running it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from survival_multiverse.files.scenario_paths import FOLDER, scenario_id
from survival_multiverse.settings.grid import scenario_grid, whole_size

COHORT = "results/cohort/cohort.parquet"
FLOW = "results/cohort/flow.parquet"
MISSING = "results/cohort/missing.parquet"
ESTIMATES = "results/robustness/estimates.parquet"
PROVENANCE = "results/provenance"
MANIFEST, GRAPH = f"{PROVENANCE}/manifest.json", f"{PROVENANCE}/graph.svg"
CRATE = "results/ro-crate-metadata.json"
REPORT = "results/report/robustness.html"
PAGE_TABLES = "results/report/tables.zip"
PAGE_CHARTS = "results/report/charts.zip"
ESTIMATES_CSV = "results/robustness/estimates.csv.gz"
MANUSCRIPT = "results/report/manuscript_tables.docx"
MANUSCRIPT_LATEX = "results/report/manuscript.tex"
BUNDLE = "results/libraries/vega.js"
CALIBRATED = "results/calibration/calibration.csv"
CALIBRATION = "resources/calibration.csv"

# Enough for a Monte-Carlo error of 0.01 at the 0.05 level, of 0.05 in a power, and below 0.001 in the truth.
CALIBRATION_COHORTS = {
    **{"no_effect": 500, "known_effect": 500, "effect_on_course": 75},
    **{"treatment_without_effect": 1000, "treatment_with_effect": 1000},
}
SCENARIOS_PER_JOB = 24
"""Of a grid with gaps: with more of them a lost job costs more, with fewer the start of a job does."""
COHORTS_PER_JOB, CALIBRATION_DRAWS, TRUTH_PATIENTS = 25, 199, 1_000_000


def tables(*names: str) -> dict[str, str]:
    """Tables of the multiverse, by name."""
    return {name: f"results/robustness/{name}.parquet" for name in names}


PAPER_RESULTS = {
    name: f"results/paper/{name}.parquet"
    for name in ("consistency", "reproduction", "score", "matching", "published")
}
ENSEMBLE = {name: f"results/paper/{name}.parquet" for name in ("ensemble", "ensemble_members")}
INITIAL_STATE = "results/reconstruction/initial_state.csv"
ENSEMBLE_COHORTS = [f"results/reconstruction/seed~{seed}.csv" for seed in range(1, 21)]
ENSEMBLE_PATIENTS = "results/reconstruction/ensemble.parquet"
BIAS = ("bias_surface", "bias_covariates")
ROBUSTNESS = tables("specifications", "blocks", "failures", "balance", "attribution", *BIAS)
INFERENCE = tables(
    "joint_inference", "adjusted_p_values", "null_curves", "bootstrap_intervals", "bootstrap_medians"
)
CUTPOINTS = tables("cutpoints", "selected_cutoffs", "dose_response")
CROSS_CHECKS = tables("cross_checks")
CONTROLS = tables("negative_controls", "calibrated_p_values")
IMMORTAL_TIME = tables("immortal_time", "immortal_time_summary")
ARMS = tables("arm_curves", "survival_curves", "score_overlap")
# Everything that a figure or the page may draw on.
RESULTS = {
    **ROBUSTNESS,
    **INFERENCE,
    **CUTPOINTS,
    **CROSS_CHECKS,
    **ARMS,
    "estimates": ESTIMATES,
    "cohort": COHORT,
    "flow": FLOW,
    "missing": MISSING,
}
# What the page's charts are drawn from, beside the estimates.
CHARTED = (
    *("specifications", "attribution", "score_overlap", "cutpoints", "dose_response", "null_curves"),
    *BIAS,
)
CHARTED_OF_PAPER = ("matching", "ensemble_members", "published")
EXPORT_FIGURES = ("summary",)
CALIBRATION_PARTS = [
    f"results/calibration/{setting}/shard~{shard}.parquet"
    for setting, cohorts in CALIBRATION_COHORTS.items()
    for shard in range(cohorts // COHORTS_PER_JOB)
]


def paper_results(config: Mapping[str, Any]) -> dict[str, str]:
    """Tables about the paper behind a reconstructed cohort; none where it has another source."""
    if config["cohort"]["source"] != "reconstructed":
        return {}
    return PAPER_RESULTS if _own_paper(config) else {**PAPER_RESULTS, **ENSEMBLE}


def control_results(config: Mapping[str, Any]) -> dict[str, str]:
    """Tables of the negative controls; none where none is declared."""
    return CONTROLS if config.get("negative_controls") else {}


def _own_paper(config: Mapping[str, Any]) -> bool:
    """Whether the paper is the user's, whose ensemble is fitted on request."""
    return "paper" in config["cohort"]


def treatment_tables(config: Mapping[str, Any]) -> dict[str, str]:
    """Tables of a cohort of which it is known when patients were treated; none of another one."""
    source = config["cohort"]["source"]
    known = "treatment" in config["cohort"] and source not in ("reconstructed", "simulated")
    return IMMORTAL_TIME if known else {}


def paper_files(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the inputs of a reconstructed cohort, by role; ``workflow:`` stands for the repository."""
    folder = config["cohort"].get("paper", "workflow:resources")
    return {
        "numbers": f"{folder}/published_statistics.csv",
        "contradictions": f"{folder}/published_inconsistencies.csv",
        "description": f"{folder}/reconstruction.yaml",
        "patients": f"{folder}/reconstructed_cohort.csv",
        "ensemble": ENSEMBLE_PATIENTS if _own_paper(config) else f"{folder}/ensemble.parquet",
    }


def charted_files(config: Mapping[str, Any]) -> dict[str, str]:
    """Return the files that the page's charts are drawn from, by name."""
    paper = paper_results(config)
    return {
        "estimates": ESTIMATES,
        **{name: RESULTS[name] for name in CHARTED},
        **treatment_tables(config),
        **{name: paper[name] for name in CHARTED_OF_PAPER if name in paper},
        **control_results(config),
    }


def with_csv(tables: Iterable[str]) -> list[str]:
    """Return the paths of tables, each followed by that of the same table as CSV."""
    return [path for table in tables for path in (table, f"{table.removesuffix('.parquet')}.csv")]


def scenario_files(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Path of every scenario, the last decision running fastest."""
    names = tuple(config["decisions"])
    return tuple(f"{FOLDER}/{scenario_id(names, texts)}.parquet" for texts in scenario_grid(config))


def inner_decisions(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Decisions of which one job evaluates all options."""
    names = tuple(config["decisions"])
    return names[max(len(names) - config["execution"]["decisions_per_job"], 0) :]


def has_gaps(config: Mapping[str, Any]) -> bool:
    """Whether conditions or a sample leave combinations of options out."""
    return len(scenario_grid(config)) < whole_size(config)


def scenario_runs(config: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Scenarios of a grid with gaps, job by job: some in a row, which share most of their options."""
    size = SCENARIOS_PER_JOB if config["execution"]["decisions_per_job"] else 1
    files = scenario_files(config)
    return [files[start : start + size] for start in range(0, len(files), size)]


def numbers_of_draws(config: Mapping[str, Any]) -> dict[str, int]:
    """How many cohorts of each kind are drawn."""
    inference = config["inference"]
    draws = dict.fromkeys(("permutation", "simulation"), inference["draws"])
    return draws | dict.fromkeys(("bootstrap_patients", "bootstrap_pairs"), inference["bootstrap_draws"])


def shard_files(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Files of the resampled cohorts, by kind; one of each where nothing says how they are cut."""
    wanted = numbers_of_draws(config)
    size = config.get("execution", {"draws_per_job": max(*wanted.values(), 1)})["draws_per_job"]
    return {
        kind: tuple(f"results/resamples/{kind}/shard~{shard}.parquet" for shard in range(-(-draws // size)))
        for kind, draws in wanted.items()
    }


def configured_files(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the files of the rules whose number of files the configuration decides, by rule."""
    return {
        "fit_scenarios": scenario_files(config),
        "resample_multiverse": sum(shard_files(config).values(), ()),
    }


def draws_of_shard(config: Mapping[str, Any], kind: str, shard: int) -> list[int]:
    """First and last draw of a resampling job; a longer run extends the shorter one."""
    size = config["execution"]["draws_per_job"]
    return [shard * size, min((shard + 1) * size, numbers_of_draws(config)[kind]) - 1]


def cohorts_of_shard(shard: int) -> list[int]:
    """First and last simulated cohort of a calibration job."""
    return [shard * COHORTS_PER_JOB + 1, (shard + 1) * COHORTS_PER_JOB]


def survival_figures(config: Mapping[str, Any]) -> list[str]:
    """Names of the figures of the primary scenario's survival curves."""
    return [
        *(["survival_curves_oligometastatic_state"] if config["cohort"].get("lesions") else []),
        "survival_curves_dose",
        *(f"survival_curves_dose_by_{name}" for name in config["analysis"]["interactions"]),
        *(f"survival_curves_dose_matched_{name}" for name in config["adjustment_sets"]),
        *(f"survival_curves_dose_balanced_{name}" for name in config["adjustment_sets"]),
    ]


def specification_figures(config: Mapping[str, Any]) -> list[str]:
    """Names of the page's charts that are figures, too: a map needs two decisions with several options."""
    several = sum(len(decision["options"]) > 1 for decision in config["decisions"].values())
    return ["specification_curve", *(["hazard_ratio_surface"] if several > 1 else [])]


def figure_files(*names: str, endings: Sequence[str] = ("svg", "png")) -> tuple[str, ...]:
    """Each figure as SVG and as PNG; its numbers with the ending ``csv``."""
    return tuple(f"results/figures/{name}.{ending}" for name in names for ending in endings)
