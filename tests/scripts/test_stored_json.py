"""Records and manifests that anybody may have edited: whole, or none at all."""

import json

import pytest

from survival_multiverse.files.stored_json import MANIFEST, RECORD, SETTINGS, read_json
from survival_multiverse.provenance.study_records import read_study

FILE = {"path": "results/a.csv", "bytes": 1, "sha256": "00"}
JOB = {
    **{"rule": "make", "wildcards": {}, "parameters": {}, "settings_sha256": "00", "seed": 1},
    **{"data_origin": "", "inputs": [{**FILE, "role": "table"}], "code_sha256": {}, "versions": {}},
    **{"outputs": [FILE], "unknown": 1},
    "run": {"started": "", "ended": "", "host": "", "processor": "", "cores": 1},
}
LISTED = {
    "study": {"title": "A study"},
    "run": {"configfiles": ["config.yaml"], "config": {}},
    "files": [FILE],
}
CUT = {"study": {"primary": {}}, "inference": {"populations": []}, "decisions": {}}


@pytest.mark.parametrize(("shape", "value"), [(RECORD, JOB), (MANIFEST, LISTED), (SETTINGS, CUT)])
def test_what_is_whole_is_read(tmp_path, shape, value):
    (tmp_path / "file.json").write_text(json.dumps(value))
    assert read_json(tmp_path / "file.json", shape) == value


@pytest.mark.parametrize(
    ("shape", "value"),
    [
        (RECORD, {}),
        (RECORD, {**JOB, "wildcards": {"shard": 0}}),
        (RECORD, {**JOB, "run": {**JOB["run"], "ended": 3}}),
        (RECORD, {**JOB, "run": {"started": "", "ended": ""}}),
        (RECORD, {**JOB, "inputs": 3}),
        (RECORD, {**JOB, "inputs": [FILE]}),
        (RECORD, {**JOB, "outputs": ["results/a.csv"]}),
        (MANIFEST, []),
        (MANIFEST, {**LISTED, "files": 3}),
        (MANIFEST, {**LISTED, "files": [{}]}),
        (MANIFEST, {**LISTED, "run": {"config": {}}}),
        (SETTINGS, 4),
        (SETTINGS, {"study": 4}),
    ],
)
def test_what_lacks_a_part_is_none(tmp_path, shape, value):
    (tmp_path / "file.json").write_text(json.dumps(value))
    assert read_json(tmp_path / "file.json", shape) is None


@pytest.mark.parametrize("content", [b"", b'{"rule": ', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_json_is_none(tmp_path, content):
    (tmp_path / "file.json").write_bytes(content)
    assert read_json(tmp_path / "file.json", RECORD) is None
    assert read_json(tmp_path / "absent.json", RECORD) is None


def test_records_are_read_with_what_they_have_beside(tmp_path):
    folder = tmp_path / "results/provenance/jobs"
    folder.mkdir(parents=True)
    (folder / "make.json").write_text(json.dumps(JOB))
    (folder / "half.json").write_text(json.dumps(JOB)[:100])
    records = read_study(tmp_path)
    assert [job.rule for job in records.jobs] == ["make"]
    assert records.unreadable == ("results/provenance/jobs/half.json",)
    assert records.run == {"configfiles": [], "config": {}}
