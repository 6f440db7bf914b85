"""Scenarios made again: when other bytes are the processor's doing."""

from pathlib import Path

import pyarrow as pa
import pytest

from survival_multiverse.files.parquet_files import write_table
from survival_multiverse.files.study_files import COHORT
from survival_multiverse.provenance import remade_scenarios
from survival_multiverse.provenance.job_records import processor
from survival_multiverse.provenance.remade_scenarios import remake_scenarios, same_values
from survival_multiverse.provenance.study_records import JobRecord, StoredFile, StudyRecords

PATH = "results/scenarios/oligo_threshold~5/dose_cutoff~63/gtv_cutoff~146/caliper~0.2.parquet"
TABLE = pa.table({"x": pa.array([1.0, None, 0.1]), "label": ["a", "b", None]})


@pytest.mark.parametrize(
    ("column", "values", "same"),
    [
        ("x", [1.0, None, 0.1 + 1e-12], True),
        ("x", [1.0, None, 0.1 + 1e-6], False),
        ("x", [1.0, 0.5, 0.1], False),
        ("x", [1.0, None], False),
        ("label", ["a", "b", "c"], False),
        ("y", [1.0, None, 0.1], False),
    ],
)
def test_values_agree_to_nine_digits_and_text_as_it_is(column, values, same):
    length = len(values)
    columns = {name: TABLE[name].to_pylist()[:length] for name in TABLE.column_names}
    assert same_values(TABLE, pa.table(columns | {column: values})) is same


@pytest.mark.parametrize(
    ("difference", "made_on", "same"),
    [(0, processor(), True), (1e-12, processor(), False), (1e-12, "another", True), (1e-3, "another", False)],
)
def test_last_digits_may_differ_on_another_processor_alone(tmp_path, monkeypatch, difference, made_on, same):
    def fit(*, script, cohort, settings, outputs):
        for output in outputs:
            write_table(pa.table({"x": [1.0 + difference]}), output)

    monkeypatch.setattr(remade_scenarios, "write_scenarios", fit)
    monkeypatch.setattr(remade_scenarios, "scenario_settings", lambda config: "")
    monkeypatch.setattr(remade_scenarios, "scenario_files", lambda config: (PATH, "results/absent.parquet"))
    write_table(pa.table({"x": [1.0]}), tmp_path / PATH)
    write_table(pa.table({"x": [1.0]}), tmp_path / COHORT)
    run = {"processor": made_on, "ended": ""}
    job = JobRecord("", "", {}, {}, "", 1, "", (), {}, {}, (StoredFile(PATH, 1, ""),), run)
    (remade,) = remake_scenarios(StudyRecords(Path(tmp_path), (job,), (), {}), {}, 5)
    assert remade.same is same, remade.words
