rule resample_multiverse:
    """Estimate every specification of the joint inference in some resampled cohorts."""
    input:
        cohort=COHORT,
    output:
        "results/resamples/{kind}/shard~{shard}.parquet",
    log:
        "logs/resample_multiverse/{kind}/shard~{shard}.log",
    benchmark:
        "logs/benchmarks/resample_multiverse/{kind}/shard~{shard}.tsv"
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("resample_multiverse"),
        settings=lambda wildcards: draw_settings(config),
        draws=lambda wildcards: draws_of_shard(config, wildcards.kind, int(wildcards.shard)),
    script:
        "../../scripts/resample_multiverse.py"


rule infer_jointly:
    """Test the specifications of each block together against null models without a dose effect."""
    input:
        **SHARDS,
        cohort=COHORT,
        specifications=ROBUSTNESS["specifications"],
    output:
        **INFERENCE,
        **csv_tables(INFERENCE, "joint_inference"),
    log:
        "logs/infer_jointly.log",
    benchmark:
        "logs/benchmarks/infer_jointly.tsv"
    localrule: True
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("infer_jointly"),
        settings=lambda wildcards: inference_settings(config),
    script:
        "../../scripts/infer_jointly.py"


rule audit_cutpoints:
    """Show every possible cutoff beside those of the grid, and what a search for the best one is worth."""
    input:
        cohort=COHORT,
    output:
        **CUTPOINTS,
        **csv_tables(CUTPOINTS, "selected_cutoffs"),
    log:
        "logs/audit_cutpoints.log",
    benchmark:
        "logs/benchmarks/audit_cutpoints.tsv"
    localrule: True
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("audit_cutpoints"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/audit_cutpoints.py"
