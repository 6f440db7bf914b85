report: "../report/workflow.rst"


rule bundle_scripts:
    """Put the libraries that draw the page's charts into one script."""
    output:
        BUNDLE,
    log:
        "logs/bundle_scripts.log",
    # First, while the cohort is made and nothing else can run.
    priority: 10
    localrule: True
    conda:
        "../envs/page.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code("bundle_scripts"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/bundle_scripts.py"


rule render_report:
    """Put the figures, the counts and their reading on one page that needs no other file."""
    input:
        **RESULTS,
        **PAPER_TABLES,
        **CONTROL_TABLES,
        **TREATMENT_TABLES,
        scenarios=SCENARIO_FILES,
        figures=expand("results/figures/{figure}.svg", figure=SURVIVAL_FIGURES),
        numbers=SURVIVAL_NUMBERS,
        bundle=BUNDLE,
        calibration=CALIBRATION,
    output:
        report(REPORT, caption="../report/robustness.rst", category="Report", labels={"page": "Robustness"}),
        tables=PAGE_TABLES,
    log:
        "logs/render_report.log",
    # The longest of the jobs that wait for the summaries.
    priority: 5
    localrule: True
    conda:
        "../envs/page.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("render_report"),
        settings=lambda wildcards: study_settings(config),
    message:
        "Write the report"
    script:
        "../../scripts/render_report.py"


rule draw_charts:
    """Write every chart of the page as SVG and PNG, in one file; two of them as figures, too."""
    input:
        **charted_files(config),
    output:
        archive=PAGE_CHARTS,
        figures=[figure(name, caption=name) for name in CHART_FIGURES],
    log:
        "logs/draw_charts.log",
    localrule: True
    conda:
        "../envs/page.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("draw_charts"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/draw_charts.py"


rule write_exports:
    """Write what leaves the page: one slide for a talk, and the tables of a manuscript."""
    input:
        **TREATMENT_TABLES,
        specifications=ROBUSTNESS["specifications"],
        joint_inference=INFERENCE["joint_inference"],
        estimates=ESTIMATES,
    output:
        figures=figure("summary", caption="summary"),
        manuscript=MANUSCRIPT,
        latex=MANUSCRIPT_LATEX,
    log:
        "logs/write_exports.log",
    localrule: True
    conda:
        "../envs/page.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("write_exports"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/write_exports.py"
