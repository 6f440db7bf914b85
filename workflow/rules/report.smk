rule render_report:
    """Put the figures, the counts and their reading on one page that needs no other file."""
    input:
        **RESULTS,
        figures=FIGURES,
        calibration=CALIBRATION,
        library=library("render_report"),
    output:
        report(REPORT, caption="../report/robustness.rst", category="Report", labels={"page": "Robustness"}),
    log:
        "logs/render_report.log",
    localrule: True
    conda:
        "../../environment.yml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/render_report.py"
