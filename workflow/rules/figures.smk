rule plot_survival_curves:
    """Draw the Kaplan-Meier curves of the primary scenario with the numbers at risk."""
    input:
        **MARKS,
        estimates=ESTIMATES,
        cohort=COHORT,
    output:
        [figure(name, caption="survival_curves") for name in SURVIVAL_FIGURES],
    log:
        "logs/plot_survival_curves.log",
    localrule: True
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_survival_curves"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/plot_survival_curves.py"


rule plot_specification_curve:
    """Draw every specification's hazard ratio in ascending order, with its choices below."""
    input:
        specifications=ROBUSTNESS["specifications"],
    output:
        figure("specification_curve", caption="specification_curve"),
    log:
        "logs/plot_specification_curve.log",
    localrule: True
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_specification_curve"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/plot_specification_curve.py"


rule plot_hazard_ratio_surface:
    """Draw the hazard ratio over the axes of the grid."""
    input:
        specifications=ROBUSTNESS["specifications"],
    output:
        figure("hazard_ratio_surface", caption="hazard_ratio_surface"),
    log:
        "logs/plot_hazard_ratio_surface.log",
    # After the page, the longest of the jobs that wait for the summaries.
    priority: 6
    localrule: True
    conda:
        "../envs/figures.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("plot_hazard_ratio_surface"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/plot_hazard_ratio_surface.py"
