rule plot_survival_curves:
    """Draw the Kaplan-Meier curves of the primary scenario with the numbers at risk, and write all that as CSV."""
    input:
        **MARKS,
        estimates=ESTIMATES,
        cohort=COHORT,
    output:
        [figure(name, caption="survival_curves") for name in SURVIVAL_FIGURES],
        SURVIVAL_NUMBERS,
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
