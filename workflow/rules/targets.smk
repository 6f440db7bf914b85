# The scenarios, and the files that several rules make or read; all paths stand in scripts/survival_multiverse/files/study_files.py.
SCENARIO_FILES = scenario_files(config)

SCENARIO = scenario_pattern(OPTIONS)

# One job evaluates every combination of the inner decisions for one combination of the outer ones. In a grid with
# gaps, of conditions or of a sample, a job evaluates some scenarios in a row.
INNER = inner_decisions(config)
OUTER = [name for name in OPTIONS if name not in INNER]
PANEL_FILES = expand(SCENARIO, **{name: OPTIONS[name] for name in INNER}, allow_missing=True)

CALIBRATION = str(ROOT / "resources" / "calibration.csv")
SHARDS = {kind: list(files) for kind, files in shard_files(config).items()}
SURVIVAL_FIGURES = survival_figures(config)
CHART_FIGURES = specification_figures(config)
FIGURES = list(figure_files(*SURVIVAL_FIGURES, *CHART_FIGURES, *EXPORT_FIGURES))
# What the survival figures show, as numbers.
SURVIVAL_NUMBERS = list(figure_files(*SURVIVAL_FIGURES, endings=["csv"]))
PAGES = [REPORT, PAGE_CHARTS, MANUSCRIPT, MANUSCRIPT_LATEX, ESTIMATES_CSV]
PAPER_TABLES = paper_results(config)
CONTROL_TABLES = control_results(config)
TREATMENT_TABLES = treatment_tables(config)
# Published numbers that the figures mark, if there is a paper.
MARKS = {name: path for name, path in PAPER_TABLES.items() if name == "published"}

# What a study consists of when it is complete; other files are made on request.
STUDY_FILES = [
    *with_csv([FLOW, MISSING]),
    *with_csv({**ROBUSTNESS, **INFERENCE, **CUTPOINTS, **CROSS_CHECKS, **ARMS, **PAPER_TABLES}.values()),
    *with_csv(CONTROL_TABLES.values()),
    *with_csv(TREATMENT_TABLES.values()),
    *[path for paths in SHARDS.values() for path in paths],
    *SCENARIO_FILES,
    *FIGURES,
    *SURVIVAL_NUMBERS,
    *PAGES,
    *[COHORT, ESTIMATES, PAGE_TABLES, BUNDLE],
]


# Together they match every path below the scenarios, and none twice: refuse_scenario handles what
# fit_scenarios does not make.
wildcard_constraints:
    **legal_patterns(OPTIONS),
    outside=outside_pattern(OPTIONS, SCENARIO_FILES if has_gaps(config) else ()),
    kind="|".join(SHARDS),
    shard="[0-9]+",
    setting="|".join(CALIBRATION_COHORTS),
    seed="[0-9]+",
