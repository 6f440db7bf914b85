"""Describe the study as a whole, after everything else."""

import json
from pathlib import Path

from survival_multiverse.provenance.describe_study import describe_study
from survival_multiverse.provenance.job_log import job_log

if __name__ == "__main__":
    with job_log(snakemake.log[0]):
        describe_study(
            study=Path.cwd(),
            expected=list(snakemake.input),
            settings=json.loads(snakemake.params.settings),
            run=snakemake.params.run,
        )
