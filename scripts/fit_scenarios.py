"""Evaluate the scenarios of one panel and write a file for each."""

import json
from collections.abc import Sequence

from file_records import canonical, file_record
from job_log import job_log
from job_records import recorded_job
from parquet_files import read_frame, write_table
from scenario_paths import scenario_id, scenario_parameters, scenario_values
from survival_multiverse.multiverse import Scenario, evaluate_panel
from survival_multiverse.study import Study


def fit_scenarios(*, cohort: str, settings: str, outputs: Sequence[str]) -> None:
    """Write the estimates of the scenario that each output path names."""
    study = Study.from_config(json.loads(settings))
    paths = {Scenario(*scenario_values(path)): path for path in outputs}
    record = file_record(script=__file__, settings=settings, inputs={"cohort": cohort})
    for scenario, table in evaluate_panel(read_frame(cohort), study, list(paths)):
        own = {
            "scenario": scenario_id(scenario),
            "parameters": canonical(scenario_parameters(scenario, study)),
        }
        write_table(table, paths[scenario], metadata=record | own)


if __name__ == "__main__":
    with job_log(snakemake.log[0]), recorded_job(snakemake, __file__):
        fit_scenarios(
            cohort=snakemake.input.cohort,
            settings=snakemake.params.settings,
            outputs=list(snakemake.output),
        )
