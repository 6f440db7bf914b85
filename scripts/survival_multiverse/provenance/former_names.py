"""What rules and results were called earlier, so that a comparison finds them in former studies."""

from dataclasses import replace

from survival_multiverse.provenance.study_records import JobRecord, StudyRecords

RULES = {
    "check_witnesses": "cross_check_models",
    "draw_pictures": "draw_charts",
    "outline_cohort": "initialise_reconstruction",
    "spell_estimates": "export_estimates",
    "write_handouts": "write_exports",
}
PLACES = {
    "results/anchor/": "results/paper/",
    "results/reconstruction/outline.csv": "results/reconstruction/initial_state.csv",
    "results/report/pictures.zip": "results/report/charts.zip",
    "results/report/vega.js": "results/libraries/vega.js",
    "results/robustness/witnesses.": "results/robustness/cross_checks.",
}
"""Beginnings of paths."""


def under_present_names(records: StudyRecords) -> StudyRecords:
    """Return the records of a study with its rules and results as this version calls them."""
    return replace(records, jobs=tuple(map(_job, records.jobs)))


def present_place(path: str) -> str:
    """Return the path of a result as this version calls it."""
    for former, present in PLACES.items():
        if path.startswith(former):
            return present + path.removeprefix(former)
    return path


def _job(job: JobRecord) -> JobRecord:
    inputs, outputs = (
        tuple(replace(file, path=present_place(file.path)) for file in files)
        for files in (job.inputs, job.outputs)
    )
    return replace(job, rule=RULES.get(job.rule, job.rule), inputs=inputs, outputs=outputs)
