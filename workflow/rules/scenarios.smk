# A scenario that the command line names is made alone.
ALONE = not set(SCENARIO_FILES).isdisjoint(sys.argv)

if has_gaps(config) and not ALONE:
    for number, run in enumerate(scenario_runs(config), start=1):

        rule:
            name:
                f"fit_scenarios_{number}"
            input:
                cohort=COHORT,
            output:
                run,
            log:
                f"logs/fit_scenarios/run~{number}.log",
            benchmark:
                f"logs/benchmarks/fit_scenarios/run~{number}.tsv"
            conda:
                "../envs/computing.yaml"
            threads: 1
            resources:
                mem_mb=2000,
                runtime=60,
            params:
                code=code("fit_scenarios"),
                settings=lambda wildcards: scenario_settings(config),
                panel=number,
            message:
                f"Evaluate {len(run)} scenarios in a row"
            script:
                "../../scripts/fit_scenarios.py"

else:

    rule fit_scenarios:
        """Evaluate a job panel: all scenarios of the inner decisions for one option of each outer one."""
        input:
            cohort=COHORT,
        output:
            PANEL_FILES,
        log:
            panel_path("logs/fit_scenarios", "panel.log"),
        benchmark:
            panel_path("logs/benchmarks/fit_scenarios", "panel.tsv")
        conda:
            "../envs/computing.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=60,
        params:
            code=code("fit_scenarios"),
            settings=lambda wildcards: scenario_settings(config),
        message:
            f"Evaluate {len(PANEL_FILES)} scenarios: {{wildcards}}"
        script:
            "../../scripts/fit_scenarios.py"

    use rule fit_scenarios as fit_scenario with:
        output:
            SCENARIO,
        log:
            SCENARIO.replace("results/scenarios", "logs/fit_scenario").replace(".parquet", ".log"),
        benchmark:
            SCENARIO.replace("results/scenarios", "logs/benchmarks/fit_scenario").replace(".parquet", ".tsv")
        message:
            "Evaluate one scenario: {wildcards}"

    if ALONE:

        ruleorder: refuse_scenario > fit_scenario > fit_scenarios

    else:

        ruleorder: fit_scenarios > fit_scenario


rule refuse_scenario:
    """Refuse a scenario that this study does not have, or whose path is spelt differently."""
    input:
        refuse_scenario,
    output:
        "results/scenarios/{outside}.parquet",


rule collect_scenarios:
    """Put the rows of every scenario into one table."""
    input:
        scenarios=SCENARIO_FILES,
    output:
        ESTIMATES,
    log:
        "logs/collect_scenarios.log",
    benchmark:
        "logs/benchmarks/collect_scenarios.tsv"
    localrule: True
    conda:
        "../envs/computing.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        code=code("collect_scenarios"),
        settings=lambda wildcards: study_settings(config),
    message:
        f"Collect the rows of {len(SCENARIO_FILES)} scenarios"
    script:
        "../../scripts/collect_scenarios.py"
