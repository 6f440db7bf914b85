# The workflow catalog and an installed copy look for workflow/Snakefile; a plain `snakemake` finds this one.
include: "workflow/Snakefile"


# An include does not set the default target.
workflow.default_target = "all"
