"""Files of scenarios: what `fit_scenarios` writes, and an audit makes again."""

import json
from collections.abc import Sequence
from pathlib import Path

from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.files.scenario_paths import scenario_id, scenario_parameters, scenario_values
from survival_multiverse.provenance.file_records import canonical, file_record
from survival_multiverse.scenario.multiverse import evaluate_panel
from survival_multiverse.settings.study import Study


def write_scenarios(*, script: str | Path, cohort: str, settings: str, outputs: Sequence[str]) -> None:
    """Write the estimates of the scenario that each output path names, in the name of a rule's script."""
    study = Study.from_config(json.loads(settings))
    paths = {scenario_values(path, study): path for path in outputs}
    record = file_record(script=script, settings=settings, inputs={"cohort": cohort})
    for scenario, table in evaluate_panel(read_frame(cohort), study, list(paths)):
        own = {
            "scenario": scenario_id(study.decisions, scenario),
            "parameters": canonical(scenario_parameters(scenario, study)),
        }
        write_table(table, paths[scenario], metadata=record | own)
