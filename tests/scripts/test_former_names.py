"""A study of an earlier version beside one of this version: what was only renamed does not differ."""

import hashlib
import json
from pathlib import Path

import pytest

from survival_multiverse import __version__
from survival_multiverse.cli.compare import compare_studies
from survival_multiverse.cli.explain import _primary, _smallest_count
from survival_multiverse.provenance.former_names import present_place, under_present_names
from survival_multiverse.provenance.job_records import settings_path
from survival_multiverse.provenance.study_records import StudyRecords, read_study
from survival_multiverse.settings.faults import InputError

ENDED = {"started": "2026-01-01", "ended": "2026-01-02", "host": "h", "processor": "p", "cores": 1}
PRIMARY = {"dose_cutoff": 63}


def written(study: Path, *, version: str, rule: str, outputs: list[str], settings: dict) -> StudyRecords:
    job = {
        **{"rule": rule, "wildcards": {}, "parameters": {}, "settings_sha256": "00", "seed": 1},
        **{"data_origin": "simulated", "code_sha256": {}, "versions": {}, "run": ENDED},
        "inputs": [{"path": "patients.csv", "role": "patients", "bytes": 1, "sha256": "11"}],
        "outputs": [{"path": path, "bytes": 1, "sha256": str(n)} for n, path in enumerate(outputs)],
    }
    manifest = {
        **{"study": {"title": "T", "version": version}, "run": {"configfiles": [], "config": {}}},
        **{"settings": {"00": {"inference": {"populations": ["all"]}, **settings}}, "files": []},
    }
    folder = study / "results/provenance/jobs"
    folder.mkdir(parents=True)
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    (folder.parent / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return read_study(study)


@pytest.fixture
def former(tmp_path) -> StudyRecords:
    return written(
        tmp_path / "former",
        version="0.2.0",
        rule="check_witnesses",
        outputs=["results/robustness/witnesses.parquet", "results/anchor/score.csv"],
        settings={"study": {"title": "T", "anchor": PRIMARY}, "sharing": {"minimum_cell": 7}},
    )


@pytest.fixture
def present(tmp_path) -> StudyRecords:
    return written(
        tmp_path / "present",
        version=__version__,
        rule="cross_check_models",
        outputs=["results/robustness/cross_checks.parquet", "results/paper/score.csv"],
        settings={"study": {"title": "T", "primary": PRIMARY}, "disclosure": {"minimum_count": 7}},
    )


def test_what_was_only_renamed_does_not_differ(former, present):
    lines = list(compare_studies(under_present_names(former), under_present_names(present)))
    for title in ("inputs", "settings", "results"):
        assert f"{title}: no difference" in lines
    assert f"  version 0.2.0 → {__version__}; modules may have other names" in lines
    assert "results: no difference" not in list(compare_studies(former, present))


def test_the_settings_of_an_older_study_are_read_under_their_present_names(former, present):
    assert former.settings["00"] == present.settings["00"] != {}
    assert _primary(former) == _primary(present)
    assert _smallest_count(former) == 7


def reasoned(*values):
    return [{"value": value, "reason": "why"} for value in values]


AXES = {
    "caliper": reasoned(0.2, "none"),
    "dose_cutoff": reasoned(60, 63),
    "gtv_cutoff": reasoned(146),
    "oligo_threshold": reasoned(5),
}
"""As version 1.0 kept them, by name."""
DECISIONS = {
    "oligo_threshold": {"options": reasoned(5), "type": "non_equivalent", "varies": "lesions"},
    "dose_cutoff": {"options": reasoned(60, 63), "type": "non_equivalent", "varies": "dose"},
    "gtv_cutoff": {"options": reasoned(146), "type": "equivalent", "varies": "gtv"},
    "caliper": {"options": reasoned(0.2, "none"), "type": "equivalent", "varies": "caliper"},
}


def kept(study: Path, settings: dict) -> StudyRecords:
    """A study whose jobs kept their settings in files, as from version 0.3 on."""
    text = json.dumps({"step": "study", "cohort": {"lesions": {}}, "inference": {"draws": 9}, **settings})
    digest = hashlib.sha256(text.encode()).hexdigest()
    written(study, version="1.0.0", rule="a", outputs=["results/a.csv"], settings={})
    record = study / "results/provenance/jobs/job.json"
    record.write_text(record.read_text().replace('"settings_sha256": "00"', f'"settings_sha256": "{digest}"'))
    place = study / settings_path(digest)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(text, encoding="utf-8")
    return read_study(study)


def test_axes_of_an_older_study_are_read_as_decisions(tmp_path):
    heading = {"study": {"title": "T", "primary": {"dose_cutoff": 63, "caliper": "none"}}}
    former = kept(tmp_path / "former", heading | {"axes": AXES})
    present = kept(tmp_path / "present", heading | {"decisions": DECISIONS})
    assert "settings: no difference" in list(
        compare_studies(under_present_names(former), under_present_names(present))
    )
    options = {"oligo_threshold": "5", "dose_cutoff": "63", "gtv_cutoff": "146", "caliper": "none"}
    for records in (former, present):
        primary = _primary(records)
        assert list(primary.options.items()) == list(options.items())
        assert primary.populations == ["non_oligometastatic"]


def test_an_older_study_is_one_line_for_the_audit(former):
    with pytest.raises(InputError, match=r"made by version 0\.2\.0: audit it with 0\.2\.0"):
        former.check_version()


@pytest.mark.parametrize(
    ("path", "now"),
    [
        ("results/report/pictures.zip", "results/report/charts.zip"),
        ("results/reconstruction/outline.csv", "results/reconstruction/initial_state.csv"),
        ("results/robustness/witnesses.csv", "results/robustness/cross_checks.csv"),
        ("results/robustness/blocks.csv", "results/robustness/blocks.csv"),
    ],
)
def test_paths_of_results_follow_their_names(path, now):
    assert present_place(path) == present_place(now) == now
