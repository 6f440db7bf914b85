rule describe_study:
    """Write what describes the study as a whole: manifest, graph, crate and the code that made it."""
    input:
        STUDY_FILES,
    output:
        manifest=MANIFEST,
        graph=GRAPH,
        crate=CRATE,
    log:
        "logs/describe_study.log",
    localrule: True
    conda:
        "../envs/provenance.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("describe_study"),
        settings=lambda wildcards: study_settings(config),
        run=lambda wildcards: RUN,
    message:
        f"Describe the study and its {len(STUDY_FILES)} files"
    script:
        "../../scripts/describe_study.py"
