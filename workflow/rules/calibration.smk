rule calibrate_inference:
    """Test and estimate in simulated cohorts whose dose effect is known; on request, it takes a while."""
    output:
        "results/calibration/{setting}/shard~{shard}.parquet",
    log:
        "logs/calibrate_inference/{setting}/shard~{shard}.log",
    benchmark:
        "logs/benchmarks/calibrate_inference/{setting}/shard~{shard}.tsv"
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        code=code("calibrate_inference"),
        settings=lambda wildcards: study_settings(config),
        replicates=lambda wildcards: cohorts_of_shard(int(wildcards.shard)),
        draws=CALIBRATION_DRAWS,
    script:
        "../../scripts/calibrate_inference.py"


rule collect_calibration:
    """Count how often the joint tests reject and the intervals hold the truth, where both are known."""
    input:
        parts=CALIBRATION_PARTS,
    output:
        CALIBRATED,
    log:
        "logs/collect_calibration.log",
    benchmark:
        "logs/benchmarks/collect_calibration.tsv"
    conda:
        "../envs/models.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        code=code("collect_calibration"),
        settings=lambda wildcards: study_settings(config),
        patients=TRUTH_PATIENTS,
    script:
        "../../scripts/collect_calibration.py"
