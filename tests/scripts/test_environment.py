"""Packages that a result depends on, and jobs that run another library than that of their workflow."""

import base64
import json
import sys
from hashlib import sha256
from types import SimpleNamespace

import pytest

from survival_multiverse.provenance import job_records
from survival_multiverse.provenance.environment import damaged_files, shadowed_modules, versions_used
from survival_multiverse.provenance.file_records import digest_of_file, digest_of_rows
from survival_multiverse.provenance.job_records import recorded_job
from survival_multiverse.settings.faults import InputError


def install(folder, name, version, text="x = 1\n"):
    """A package as an installer leaves it."""
    (folder / name).mkdir(parents=True)
    module = folder / name / "__init__.py"
    module.write_text(text, encoding="utf-8")
    hashed = base64.urlsafe_b64encode(sha256(module.read_bytes()).digest()).decode().rstrip("=")
    described = folder / f"{name}-{version}.dist-info"
    described.mkdir()
    (described / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", "utf-8")
    record = f"{name}/__init__.py,sha256={hashed},{len(text)}\n{described.name}/METADATA,,\n"
    (described / "RECORD").write_text(record, encoding="utf-8")
    return module


def test_a_file_that_is_not_what_was_installed_is_named(tmp_path, monkeypatch):
    module = install(tmp_path, "toypackage", "1.0")
    monkeypatch.syspath_prepend(tmp_path)
    assert damaged_files(["toypackage", "no_such_package"]) == {}
    module.write_text("x = 2\n", encoding="utf-8")
    assert damaged_files(["toypackage"]) == {"toypackage": ["toypackage/__init__.py"]}
    module.unlink()
    assert damaged_files(["toypackage"]) == {"toypackage": ["toypackage/__init__.py"]}


def test_versions_say_where_something_else_is_imported(tmp_path, monkeypatch):
    install(tmp_path / "site", "toypackage", "1.0")
    script = tmp_path / "script.py"
    script.write_text("import toypackage\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path / "site")
    plain = versions_used(script)
    assert plain["toypackage"] == "1.0"
    assert " " not in plain["python"]
    before = tmp_path / "before"
    (before / "toypackage").mkdir(parents=True)
    for name in ("toypackage/__init__.py", "statistics.py", "notes.py", "json"):
        (before / name).touch()
    monkeypatch.syspath_prepend(before)
    assert versions_used(script)["toypackage"] == "1.0, imported from elsewhere"
    assert versions_used(script)["python"] == f"{plain['python']} with statistics from PYTHONPATH"


def test_what_comes_after_the_standard_library_hides_none_of_it(tmp_path, monkeypatch):
    (tmp_path / "statistics.py").touch()
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    assert shadowed_modules() == []


@pytest.mark.parametrize("other", ["a,b\n3,4\n1,2\n", "\ufeffa,b\r\n1,2\r\n3,4\r\n", 'a,b\n3,"4"\n\n1,2'])
def test_the_order_of_rows_and_how_they_are_written_does_not_count(tmp_path, other):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_bytes(b"a,b\n1,2\n3,4\n")
    two.write_bytes(other.encode())
    assert digest_of_rows(one) == digest_of_rows(two)


@pytest.mark.parametrize("rows", ["a,b\n1,2\n", "a,b\n1,2\n3,4\n3,4\n", "a,b\n1,4\n3,2\n", "b,a\n1,2\n3,4\n"])
def test_what_rows_say_and_how_often_counts(tmp_path, rows):
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_bytes(b"a,b\n1,2\n3,4\n")
    two.write_bytes(rows.encode())
    assert digest_of_rows(one) != digest_of_rows(two)


def test_rows_that_cannot_be_read_count_as_they_are(tmp_path):
    file = tmp_path / "one.csv"
    file.write_bytes(b"a,b\n\xff\xfe,2\n")
    assert digest_of_rows(file) == digest_of_file(file)


def test_a_job_with_another_library_than_its_workflow_s_stops(tmp_path, monkeypatch):
    """PYTHONPATH or an installed version put it before the one beside the scripts."""
    package = tmp_path / "scripts" / "survival_multiverse"
    package.mkdir(parents=True)
    library = job_records.LIBRARY / "survival_multiverse"
    script = tmp_path / "scripts" / "rule.py"
    script.write_text("import survival_multiverse.settings.names\n", encoding="utf-8")
    (package / "settings").mkdir()
    for name in ("__init__.py", "settings/__init__.py", "settings/names.py"):
        (package / name).write_bytes((library / name).read_bytes())
    settings = json.dumps({"study": {"seed": 1}, "cohort": {"source": "simulated"}})
    job = SimpleNamespace(
        **{"input": {}, "output": [], "wildcards": {}, "rule": "rule", "threads": 1},
        params=SimpleNamespace(settings=settings, items=dict(settings=settings).items),
    )
    monkeypatch.chdir(tmp_path)
    with recorded_job(job, str(script)):
        pass
    (package / "settings/names.py").write_text("# another\n", encoding="utf-8")
    with (
        pytest.raises(InputError, match=r"settings/names.py is loaded from .* not that of the workflow"),
        recorded_job(job, str(script)),
    ):
        pytest.fail("the job ran")
