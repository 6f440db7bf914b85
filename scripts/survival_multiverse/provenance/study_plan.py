"""What a study consists of: its files, the rules that make them, and what each rule reads.

The rules take their paths from here, and so does whatever looks at a study without running it.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from survival_multiverse.files.scenario_paths import FOLDER
from survival_multiverse.settings.slices import (
    cohort_settings,
    inference_settings,
    scenario_settings,
    study_settings,
)
from survival_multiverse.settings.values import AXES, spelling

COHORT = "results/cohort/cohort.parquet"
FLOW = "results/cohort/flow.parquet"
MISSING = "results/cohort/missing.parquet"
ESTIMATES = "results/robustness/estimates.parquet"
REPORT = "results/report/robustness.html"
PAGE_TABLES = "results/report/tables.zip"
PAGE_PICTURES = "results/report/pictures.zip"
ESTIMATES_CSV = "results/robustness/estimates.csv.gz"
MANUSCRIPT = "results/report/manuscript_tables.docx"
BUNDLE = "results/report/vega.js"
CALIBRATED = "results/calibration/calibration.csv"
CALIBRATION = "resources/calibration.csv"

# Enough for a Monte-Carlo error of 0.01 at the 0.05 level, of 0.05 in a power, and below 0.001 in the truth.
CALIBRATION_COHORTS = {"no_effect": 500, "known_effect": 100, "effect_on_course": 75}
COHORTS_PER_JOB, CALIBRATION_DRAWS, TRUTH_PATIENTS = 25, 199, 1_000_000


def tables(*names: str) -> dict[str, str]:
    """Tables of the multiverse, by name."""
    return {name: f"results/robustness/{name}.parquet" for name in names}


ANCHOR = {
    name: f"results/anchor/{name}.parquet"
    for name in ("consistency", "reproduction", "score", "matching", "published")
}
ENSEMBLE = {name: f"results/anchor/{name}.parquet" for name in ("ensemble", "ensemble_members")}
OUTLINE = "results/reconstruction/outline.csv"
ENSEMBLE_COHORTS = [f"results/reconstruction/seed~{seed}.csv" for seed in range(1, 21)]
ENSEMBLE_PATIENTS = "results/reconstruction/ensemble.parquet"
ROBUSTNESS = tables("specifications", "blocks", "failures", "balance", "attribution")
INFERENCE = tables(
    "joint_inference", "adjusted_p_values", "null_curves", "bootstrap_intervals", "bootstrap_medians"
)
CUTPOINTS = tables("cutpoints", "selected_cutoffs", "dose_response")
WITNESSES = tables("witnesses")
ARMS = tables("arm_curves", "survival_curves", "score_overlap")
# Everything that a figure or the page may draw on.
RESULTS = {
    **ROBUSTNESS,
    **INFERENCE,
    **CUTPOINTS,
    **WITNESSES,
    **ARMS,
    "estimates": ESTIMATES,
    "cohort": COHORT,
    "flow": FLOW,
    "missing": MISSING,
}
# What the page's pictures are drawn from, beside the estimates.
PICTURED = ("specifications", "attribution", "score_overlap", "cutpoints", "dose_response", "null_curves")
PICTURED_OF_PAPER = ("matching", "ensemble_members", "published")
HANDOUT_FIGURES = ("summary",)
SPECIFICATION_FIGURES = ("specification_curve", "hazard_ratio_surface")
CALIBRATION_PARTS = [
    f"results/calibration/{setting}/shard~{shard}.parquet"
    for setting, cohorts in CALIBRATION_COHORTS.items()
    for shard in range(cohorts // COHORTS_PER_JOB)
]


@dataclass(frozen=True, slots=True)
class Step:
    """A rule in a study.

    Attributes
    ----------
    settings
        Cuts a configuration to what the rule depends on, as canonical JSON.
    files
        All that its jobs write.
    reads
        What they read, by role; of all jobs together.
    on_request
        Whether a study is complete without it.
    """

    settings: Callable[[Mapping[str, Any]], str]
    files: tuple[str, ...]
    reads: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    on_request: bool = False


def anchor_files(config: Mapping[str, Any]) -> dict[str, str]:
    """Tables about the paper behind a reconstructed cohort; none where it has another source."""
    if config["cohort"]["source"] != "reconstructed":
        return {}
    return ANCHOR if _own_paper(config) else {**ANCHOR, **ENSEMBLE}


def _own_paper(config: Mapping[str, Any]) -> bool:
    """Whether the paper is the user's, whose ensemble is fitted on request."""
    return "paper" in config["cohort"]


def paper_files(config: Mapping[str, Any]) -> dict[str, str]:
    """What a reconstructed cohort is made from, by role; ``workflow:`` stands for the repository."""
    folder = config["cohort"].get("paper", "workflow:resources")
    return {
        "numbers": f"{folder}/published_statistics.csv",
        "contradictions": f"{folder}/published_inconsistencies.csv",
        "description": f"{folder}/reconstruction.yaml",
        "patients": f"{folder}/reconstructed_cohort.csv",
        "ensemble": ENSEMBLE_PATIENTS if _own_paper(config) else f"{folder}/ensemble.parquet",
    }


def pictured_files(config: Mapping[str, Any]) -> dict[str, str]:
    """What the page's pictures are drawn from, by name."""
    paper = anchor_files(config)
    return {
        "estimates": ESTIMATES,
        **{name: RESULTS[name] for name in PICTURED},
        **{name: paper[name] for name in PICTURED_OF_PAPER if name in paper},
    }


def _paper_steps(config: Mapping[str, Any]) -> dict[str, Step]:
    """The rules about the paper behind a reconstructed cohort."""
    if config["cohort"]["source"] != "reconstructed":
        return {}
    paper = {role: (path,) for role, path in paper_files(config).items()}
    ensemble = paper.pop("ensemble")
    described = {role: paper[role] for role in ("numbers", "description")}
    fitted = {**described, "contradictions": paper["contradictions"]}
    reproduced = {name: path for name, path in ANCHOR.items() if name != "consistency"}
    return {
        "audit_consistency": Step(study_settings, _beside_csv(ANCHOR["consistency"]), described),
        "reproduce_paper": Step(
            study_settings, _beside_csv(*reproduced.values()), {**paper, "cohort": (COHORT,)}
        ),
        "outline_cohort": Step(study_settings, (OUTLINE,), fitted, on_request=True),
        "reconstruct_cohort": Step(
            study_settings, tuple(ENSEMBLE_COHORTS), {**fitted, "outline": (OUTLINE,)}, on_request=True
        ),
        "gather_reconstructions": Step(
            study_settings, (ENSEMBLE_PATIENTS,), {"cohorts": tuple(ENSEMBLE_COHORTS)}, on_request=True
        ),
        "compare_reconstructions": Step(
            study_settings,
            _beside_csv(*ENSEMBLE.values()),
            {**fitted, "cohorts": ensemble},
            on_request=_own_paper(config),
        ),
    }


def _beside_csv(*written: str) -> tuple[str, ...]:
    return (*written, *(f"{path.removesuffix('.parquet')}.csv" for path in written))


def axis_spellings(config: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Spellings of the values of each axis, in the order given."""
    return {
        name: tuple(
            spelling(entry["value"] if isinstance(entry, Mapping) else entry)
            for entry in config["axes"][name]
        )
        for name in AXES
    }


def scenario_files(config: Mapping[str, Any]) -> tuple[str, ...]:
    """Path of every scenario, the last axis running fastest."""
    grid = itertools.product(*axis_spellings(config).values())
    ids = ("/".join(map("~".join, zip(AXES, values, strict=True))) for values in grid)
    return tuple(f"{FOLDER}/{name}.parquet" for name in ids)


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
        "survival_curves_oligometastatic_state",
        "survival_curves_dose",
        *(f"survival_curves_dose_by_{name}" for name in config["analysis"]["interactions"]),
        *(f"survival_curves_dose_matched_{name}" for name in config["adjustment_sets"]),
    ]


def figure_files(*names: str) -> tuple[str, ...]:
    """Each figure as SVG and as PNG."""
    return tuple(f"results/figures/{name}.{ending}" for name in names for ending in ("svg", "png"))


def job_parameters(rule: str, wildcards: Mapping[str, str], config: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters of a job beside its settings, by name."""
    match rule:
        case "resample_multiverse":
            return {"draws": draws_of_shard(config, wildcards["kind"], int(wildcards["shard"]))}
        case "calibrate_inference":
            replicates = cohorts_of_shard(int(wildcards["shard"]))
            return {"replicates": replicates, "draws": CALIBRATION_DRAWS}
        case "collect_calibration":
            return {"patients": TRUTH_PATIENTS}
        case "reconstruct_cohort":
            return {"seed": int(wildcards["seed"])}
        case _:
            return {}


def study_steps(config: Mapping[str, Any]) -> dict[str, Step]:
    """Every rule of a study, from the cohort to the page.

    Parameters
    ----------
    config
        A merged and validated configuration.
    """
    scenarios, shards = scenario_files(config), shard_files(config)
    cohort = {"cohort": (COHORT,)}
    file = config["cohort"].get("file")
    patients: dict[str, tuple[str, ...]] = (
        {"patients": (file,)} if file and config["cohort"]["source"] == "file" else {}
    )
    if config["cohort"]["source"] == "reconstructed":
        paper = paper_files(config)
        patients = {role: (paper[role],) for role in ("patients", "description")}
    specified = {"specifications": (ROBUSTNESS["specifications"],)}
    curves, others = figure_files(*survival_figures(config)), figure_files(*SPECIFICATION_FIGURES)
    marks = {name: (path,) for name, path in anchor_files(config).items() if name == "published"}
    read_by_report: dict[str, tuple[str, ...]] = {name: (path,) for name, path in RESULTS.items()}
    read_by_report |= {"scenarios": scenarios, "figures": curves[::2], "bundle": (BUNDLE,)}
    read_by_report |= {name: (path,) for name, path in anchor_files(config).items()}
    read_by_report |= {"calibration": (f"workflow:{CALIBRATION}",)}
    handed_out = {name: (path,) for name, path in ROBUSTNESS.items()} | {"estimates": (ESTIMATES,)}
    handed_out |= {"joint_inference": (INFERENCE["joint_inference"],)}
    return {
        "build_cohort": Step(cohort_settings, (COHORT, *_beside_csv(FLOW, MISSING)), patients),
        **_paper_steps(config),
        "fit_scenarios": Step(scenario_settings, scenarios, cohort),
        "resample_multiverse": Step(inference_settings, sum(shards.values(), ()), cohort),
        "audit_cutpoints": Step(study_settings, _beside_csv(*CUTPOINTS.values()), cohort),
        "check_witnesses": Step(study_settings, _beside_csv(*WITNESSES.values()), cohort),
        "describe_arms": Step(study_settings, _beside_csv(*ARMS.values()), cohort),
        "collect_scenarios": Step(study_settings, (ESTIMATES,), {"scenarios": scenarios}),
        "spell_estimates": Step(cohort_settings, (ESTIMATES_CSV,), {"estimates": (ESTIMATES,)}),
        "summarise_robustness": Step(
            study_settings,
            _beside_csv(*ROBUSTNESS.values()),
            {"estimates": (ESTIMATES,)},
        ),
        "infer_jointly": Step(
            inference_settings,
            _beside_csv(*INFERENCE.values()),
            {**cohort, **specified, **shards},
        ),
        "plot_survival_curves": Step(study_settings, curves, {**cohort, **marks, "estimates": (ESTIMATES,)}),
        "plot_specification_curve": Step(study_settings, others[:2], specified),
        "plot_hazard_ratio_surface": Step(study_settings, others[2:], specified),
        "bundle_scripts": Step(study_settings, (BUNDLE,)),
        "draw_pictures": Step(
            study_settings,
            (PAGE_PICTURES,),
            {name: (path,) for name, path in pictured_files(config).items()},
        ),
        "render_report": Step(study_settings, (REPORT, PAGE_TABLES), read_by_report),
        "write_handouts": Step(study_settings, (*figure_files(*HANDOUT_FIGURES), MANUSCRIPT), handed_out),
        "calibrate_inference": Step(study_settings, tuple(CALIBRATION_PARTS), on_request=True),
        "collect_calibration": Step(
            study_settings, (CALIBRATED,), {"parts": tuple(CALIBRATION_PARTS)}, on_request=True
        ),
    }
