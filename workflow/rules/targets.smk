# The parameter space, and every file that a rule makes or a reader asks for.
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

# Enough for a Monte-Carlo error of 0.01 at the 0.05 level, and of less than 0.001 in the truth.
CALIBRATION_COHORTS, COHORTS_PER_JOB, CALIBRATION_DRAWS, TRUTH_PATIENTS = 500, 25, 199, 1_000_000
CALIBRATION_PARTS = expand(
    "results/calibration/{setting}/shard~{shard}.parquet",
    setting=("no_effect", "known_effect"),
    shard=range(CALIBRATION_COHORTS // COHORTS_PER_JOB),
)
CALIBRATION = str(ROOT / "resources" / "calibration.csv")

COHORT = "results/cohort/cohort.parquet"
FLOW = "results/cohort/flow.parquet"
MISSING = "results/cohort/missing.parquet"
ESTIMATES = "results/robustness/estimates.parquet"
ROBUSTNESS = robustness_tables("specifications", "blocks", "failures", "balance", "attribution")
INFERENCE = robustness_tables(
    "joint_inference", "adjusted_p_values", "null_curves", "bootstrap_intervals", "bootstrap_medians"
)
CUTPOINTS = robustness_tables("cutpoints", "selected_cutoffs", "dose_response")
WITNESSES = robustness_tables("witnesses")
# Everything that a figure or the page may draw on.
RESULTS = {
    **ROBUSTNESS,
    **INFERENCE,
    **CUTPOINTS,
    **WITNESSES,
    "estimates": ESTIMATES,
    "cohort": COHORT,
    "flow": FLOW,
    "missing": MISSING,
}

DRAWS = dict.fromkeys(("permutation", "simulation"), config["inference"]["draws"])
DRAWS |= dict.fromkeys(("bootstrap_patients", "bootstrap_pairs"), config["inference"]["bootstrap_draws"])
SHARDS = {
    kind: expand(
        "results/resamples/{kind}/shard~{shard}.parquet",
        kind=kind,
        shard=range(-(-draws // config["execution"]["draws_per_job"])),
    )
    for kind, draws in DRAWS.items()
}
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
    kind="|".join(DRAWS),
    shard="[0-9]+",
    setting="no_effect|known_effect",
