rule audit_consistency:
    """Compare the published numbers with each other."""
    input:
        numbers=PAPER["numbers"],
        description=PAPER["description"],
    output:
        consistency=PAPER_RESULTS["consistency"],
        consistency_csv=paper_table("consistency"),
    log:
        "logs/audit_consistency.log",
    localrule: True
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("audit_consistency"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/audit_consistency.py"


rule initialise_reconstruction:
    """Fit what all cohorts of the paper share; on request."""
    input:
        numbers=PAPER["numbers"],
        contradictions=PAPER["contradictions"],
        description=PAPER["description"],
    output:
        INITIAL_STATE,
    log:
        "logs/initialise_reconstruction.log",
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        code=code("initialise_reconstruction"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/initialise_reconstruction.py"


rule reconstruct_cohort:
    """Fit a cohort to the published numbers; on request, with any seed, it takes a while."""
    input:
        numbers=PAPER["numbers"],
        contradictions=PAPER["contradictions"],
        description=PAPER["description"],
        initial_state=INITIAL_STATE,
    output:
        "results/reconstruction/seed~{seed}.csv",
    log:
        "logs/reconstruct_cohort/seed~{seed}.log",
    benchmark:
        "logs/benchmarks/reconstruct_cohort/seed~{seed}.tsv"
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        code=code("reconstruct_cohort"),
        settings=lambda wildcards: study_settings(config),
        seed=lambda wildcards: int(wildcards.seed),
    script:
        "../../scripts/reconstruct_cohort.py"


rule reproduce_paper:
    """Compute every published number again from the cohort."""
    input:
        numbers=PAPER["numbers"],
        contradictions=PAPER["contradictions"],
        description=PAPER["description"],
        patients=PAPER["patients"],
        cohort=COHORT,
    output:
        reproduction=PAPER_RESULTS["reproduction"],
        reproduction_csv="results/paper/reproduction.csv",
        score=PAPER_RESULTS["score"],
        score_csv=paper_table("score"),
        matching=PAPER_RESULTS["matching"],
        matching_csv=paper_table("matching"),
        published=PAPER_RESULTS["published"],
        published_csv="results/paper/published.csv",
    log:
        "logs/reproduce_paper.log",
    localrule: True
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("reproduce_paper"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/reproduce_paper.py"


rule gather_reconstructions:
    """Put many cohorts that give the published numbers into one file; on request."""
    input:
        cohorts=ENSEMBLE_COHORTS,
    output:
        ENSEMBLE_PATIENTS,
    log:
        "logs/gather_reconstructions.log",
    localrule: True
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        code=code("gather_reconstructions"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/gather_reconstructions.py"


rule compare_reconstructions:
    """Compare the conclusions of many cohorts that give the published numbers about equally well."""
    input:
        numbers=PAPER["numbers"],
        contradictions=PAPER["contradictions"],
        description=PAPER["description"],
        cohorts=PAPER["ensemble"],
    output:
        **ENSEMBLE,
        ensemble_csv=paper_table("ensemble"),
        ensemble_members_csv="results/paper/ensemble_members.csv",
    log:
        "logs/compare_reconstructions.log",
    conda:
        "../envs/computing.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        code=code("compare_reconstructions"),
        settings=lambda wildcards: study_settings(config),
    script:
        "../../scripts/compare_reconstructions.py"
