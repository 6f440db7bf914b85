rule build_cohort:
    """Read, simulate or load the patients, check them, and write them in the study's own columns."""
    input:
        **cohort_files(),
    output:
        cohort=COHORT,
        flow=FLOW,
        flow_csv="results/cohort/flow.csv",
        missing=MISSING,
        missing_csv="results/cohort/missing.csv",
    log:
        "logs/build_cohort.log",
    benchmark:
        "logs/benchmarks/build_cohort.tsv"
    localrule: True
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("build_cohort"),
        settings=lambda wildcards: cohort_settings(config),
    script:
        "../../scripts/build_cohort.py"
