rule export_estimates:
    """Write the table of all estimates as compressed CSV, too."""
    input:
        estimates=ESTIMATES,
    output:
        ESTIMATES_CSV,
    log:
        "logs/export_estimates.log",
    localrule: True
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("export_estimates"),
        settings=lambda wildcards: cohort_settings(config),
    script:
        "../../scripts/export_estimates.py"


rule summarise_robustness:
    """Say how far the answer moves: specifications, blocks, failures and balance."""
    input:
        estimates=ESTIMATES,
    output:
        **ROBUSTNESS,
        **csv_tables(ROBUSTNESS, "blocks", "failures", "balance", "attribution"),
    log:
        "logs/summarise_robustness.log",
    benchmark:
        "logs/benchmarks/summarise_robustness.tsv"
    localrule: True
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("summarise_robustness"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/summarise_robustness.py"


rule cross_check_models:
    """Fit the primary scenario again with other people's code."""
    input:
        cohort=COHORT,
    output:
        **CROSS_CHECKS,
        **csv_tables(CROSS_CHECKS, "cross_checks"),
    log:
        "logs/cross_check_models.log",
    localrule: True
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("cross_check_models"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/cross_check_models.py"


rule emulate_treatment:
    """Compare treated and untreated patients of all scenarios in every way to deal with time before treatment."""
    input:
        cohort=COHORT,
    output:
        **IMMORTAL_TIME,
        **csv_tables(IMMORTAL_TIME, "immortal_time_summary"),
    log:
        "logs/emulate_treatment.log",
    benchmark:
        "logs/benchmarks/emulate_treatment.tsv"
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("emulate_treatment"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/emulate_treatment.py"


rule describe_arms:
    """Trace the survival curves of both arms in every scenario, coarsened, and the overlap of their scores."""
    input:
        cohort=COHORT,
    output:
        **ARMS,
        **csv_tables(ARMS),
    log:
        "logs/describe_arms.log",
    benchmark:
        "logs/benchmarks/describe_arms.tsv"
    localrule: True
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("describe_arms"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/describe_arms.py"


rule run_negative_controls:
    """Evaluate outcomes and exposures that cannot be affected, over the same grid."""
    input:
        cohort=COHORT,
        specifications=ROBUSTNESS["specifications"],
    output:
        **CONTROLS,
        **csv_tables(CONTROLS, "calibrated_p_values"),
    log:
        "logs/run_negative_controls.log",
    benchmark:
        "logs/benchmarks/run_negative_controls.tsv"
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("run_negative_controls"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/run_negative_controls.py"
