"""Files that scripts read and write: bytes, footers, logs, and users' tables."""

import csv
import errno
import gzip
import io
import json
import os
import time
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import export_estimates
from draw_charts import svg_of
from survival_multiverse.files.archives import write_tables
from survival_multiverse.files.config_files import merged_config, read_config
from survival_multiverse.files.csv_files import read_csv, write_csv
from survival_multiverse.files.output_files import write_bytes
from survival_multiverse.files.parquet_files import read_frame, write_table
from survival_multiverse.files.source_patients import load_dataset, read_patients
from survival_multiverse.kernels import cache_folder
from survival_multiverse.provenance.file_records import (
    DATA_ORIGIN,
    code_digests,
    digest,
    digest_of_files,
    file_record,
    read_footer,
)
from survival_multiverse.provenance.job_log import job_log
from survival_multiverse.settings.faults import InputError

SETTINGS = '{"cohort":{"source":"simulated"},"study":{"seed":7}}'


def test_equal_tables_give_equal_bytes_however_they_were_made(tmp_path):
    frame = pd.DataFrame({"a": [1.5, None], "b": ["x", None]})
    table = pa.table({"a": pa.array([1.5, None]), "b": pa.array(["x", None])})
    write_table(frame, tmp_path / "one.parquet", metadata={"b": "2", "a": "1"})
    write_table(table, tmp_path / "two.parquet", metadata={"a": "1", "b": "2"})
    write_table(frame[::-1][::-1], tmp_path / "three.parquet", metadata={"a": "1", "b": "2"})
    first = (tmp_path / "one.parquet").read_bytes()
    assert (tmp_path / "two.parquet").read_bytes() == first
    assert (tmp_path / "three.parquet").read_bytes() == first
    assert read_footer(tmp_path / "one.parquet") == {"a": "1", "b": "2"}
    pd.testing.assert_frame_equal(read_frame(tmp_path / "one.parquet"), frame)


def test_an_archive_holds_every_table_twice_and_says_whose_patients_they_are(tmp_path):
    frames = {"b": pd.DataFrame({"x": ["1", "<5"]}), "a": pd.DataFrame({"y": ["é"]})}
    for name, order in (("one", ("b", "a")), ("two", ("a", "b"))):
        tables = {table: frames[table] for table in order}
        write_tables(
            tables,
            tmp_path / f"{name}.zip",
            data_origin="simulated",
            metadata={"rule": "r"},
            readme="Two tables.",
        )
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["README.md", "a.csv", "a.parquet", "b.csv", "b.parquet"]
        assert archive.read("README.md").decode() == "Two tables."
        assert archive.read("b.csv").decode() == "data_origin,x\nsimulated,1\nsimulated,<5\n"
        archive.extract("a.parquet", tmp_path)
    pd.testing.assert_frame_equal(read_frame(tmp_path / "a.parquet"), frames["a"])
    assert read_footer(tmp_path / "a.parquet") == {"rule": "r"}


def test_a_table_that_cannot_be_written_leaves_the_old_file(tmp_path):
    path = tmp_path / "table.parquet"
    write_table(pd.DataFrame({"a": [1]}), path)
    before = path.read_bytes()
    with pytest.raises(pa.ArrowException):
        write_table(pd.DataFrame({"a": [1, "x"]}), path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_csv_holds_numbers_in_full(tmp_path):
    frame = pd.DataFrame({"a": [0.1 + 0.2, None], "b": ["x,y", None]})
    write_csv(frame, tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == 'a,b\n0.30000000000000004,"x,y"\n,\n'


def test_csv_says_on_every_row_where_the_patients_come_from(tmp_path):
    frame = pd.DataFrame({"a": [1, 2]}, index=[5, 7])
    write_csv(frame, tmp_path / "table.csv", data_origin="simulated")
    assert pd.read_csv(tmp_path / "table.csv").to_dict("list") == {
        "data_origin": ["simulated"] * 2,
        "a": [1, 2],
    }
    write_csv(frame[:0], tmp_path / "empty.csv", data_origin="simulated")
    assert (tmp_path / "empty.csv").read_text() == "data_origin,a\n"


FORMULAS = ["=1+1", "+1+cmd|calc", "-2+3", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "'=1", "-0.2 (-1 to 1)"]
HARMLESS = ["-0.2", "+1e-05", "–", "−1", "'", "a=1", "1 - 2"]


def test_no_text_of_a_csv_is_a_formula_and_all_are_read_as_they_were(tmp_path):
    texts = FORMULAS + HARMLESS
    frame = pd.DataFrame({"=head": texts, "number": -0.5, "@kind": pd.Categorical(texts)})
    write_csv(frame, tmp_path / "table.csv")
    text = (tmp_path / "table.csv").read_bytes().decode()
    written = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    assert written[0] == ["'=head", "number", "'@kind"]
    expected = [f"'{text}" if text in FORMULAS else text for text in texts]
    assert written[1:] == [[text, "-0.5", text] for text in expected]
    pd.testing.assert_frame_equal(read_csv(tmp_path / "table.csv"), frame.astype({"@kind": object}))


def test_columns_of_one_name_and_empty_tables_are_written(tmp_path):
    write_csv(pd.DataFrame([["=1", 2, None]], columns=["a", "a", "b"]), tmp_path / "table.csv")
    assert (tmp_path / "table.csv").read_text() == "a,a,b\n'=1,2,\n"
    write_csv(pd.DataFrame({"=a": [], "b": []}), tmp_path / "empty.csv")
    assert (tmp_path / "empty.csv").read_text() == "'=a,b\n"


def test_digests_are_those_of_the_content(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    # printf a | sha256sum
    assert digest_of_files([tmp_path / "a"]) == (
        "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"
    )
    both = [tmp_path / "a", tmp_path / "b"]
    assert digest_of_files(both) != digest_of_files(both[::-1])
    assert digest("a") == digest(b"a")


def test_a_record_names_inputs_by_role_and_code_by_module(tmp_path):
    script = tmp_path / "script.py"
    script.write_text("import helper, json, numba\n")
    (tmp_path / "helper.py").write_text("")
    (tmp_path / "data").write_text("1")
    record = file_record(script=script, settings=SETTINGS, inputs={"cohort": tmp_path / "data"})
    assert record["seed"] == "7"
    assert record["rule"] == "script"
    assert json.loads(record["versions"]).keys() == {"python", "numba", "llvmlite"}
    assert record["data_origin"] == DATA_ORIGIN["simulated"]
    assert record["inputs_sha256"] == f'{{"cohort":"{digest("1")}"}}'
    assert code_digests(script).keys() == {"script.py", "helper.py"}
    assert str(tmp_path) not in str(record)
    (tmp_path / "helper.py").write_text("x = 1\n")
    again = file_record(script=script, settings=SETTINGS, inputs={"cohort": tmp_path / "data"})
    assert {key for key in record if record[key] != again[key]} == {"code_sha256"}


def test_files_have_the_rights_that_the_mask_leaves(tmp_path):
    before = os.umask(0o027)
    try:
        write_bytes(tmp_path / ("x" * 255), b"")
    finally:
        os.umask(before)
    assert [oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == ["0o640"]


@pytest.mark.parametrize(
    ("number", "advice"),
    [(errno.ENOSPC, "free some space"), (errno.EROFS, "choose another"), (errno.EACCES, "allow writing")],
)
def test_a_fault_of_the_machine_is_one_line(tmp_path, monkeypatch, number, advice):
    def fails(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", fails)
    with pytest.raises(SystemExit), job_log(tmp_path / "log"):
        write_bytes(tmp_path / "table", b"")
    text = (tmp_path / "log").read_text()
    assert text.startswith(f"{tmp_path / 'table'}: {os.strerror(number)}; ")
    assert advice in text
    assert text.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["log"]


def test_what_a_full_disk_keeps_out_of_the_log_is_said(capsys):
    with pytest.raises(SystemExit), job_log("/dev/full"):
        write_bytes("/dev/full", b"x")
    text = capsys.readouterr().err
    assert text == "/dev/full: No space left on device; free some space, then run again\n"


def test_a_stopped_job_says_so(tmp_path):
    with pytest.raises(SystemExit), job_log(tmp_path / "log"):
        raise KeyboardInterrupt
    assert (tmp_path / "log").read_text() == "stopped\n"


def test_kernels_are_kept_in_the_first_place_that_can_be_written(tmp_path):
    (tmp_path / "file").touch()
    assert cache_folder(tmp_path / "file", "", tmp_path / "home").parent == tmp_path / "home"
    assert cache_folder(tmp_path / "file", "") is None


def test_bad_input_leaves_its_message_in_the_log_and_nothing_else(tmp_path, capfd):
    error = InputError(["column `x` is missing"], subject="the data")
    with pytest.raises(SystemExit) as stopped, job_log(tmp_path / "log"):
        raise error
    assert stopped.value.code == 1
    assert (tmp_path / "log").read_text() == f"{error}\n"
    assert capfd.readouterr() == ("", "")


def test_any_other_error_leaves_its_traceback_in_the_log(tmp_path):
    with pytest.raises(SystemExit), job_log(tmp_path / "log"):
        {}["x"]
    text = (tmp_path / "log").read_text()
    assert text.startswith("Traceback")
    assert "KeyError: 'x'" in text


def test_a_block_that_ends_well_goes_on(tmp_path):
    with job_log(tmp_path / "log"):
        print("all is well")
    assert (tmp_path / "log").read_text() == "all is well\n"


def test_a_table_of_patients_is_read_from_csv_or_parquet(tmp_path):
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": ["x", "y"]})
    frame.to_csv(tmp_path / "patients.csv", index=False, encoding="utf-8-sig")
    frame.to_parquet(tmp_path / "patients.PARQUET")
    pd.testing.assert_frame_equal(read_patients(tmp_path / "patients.csv"), frame.astype(str))
    pd.testing.assert_frame_equal(read_patients(tmp_path / "patients.PARQUET"), frame)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("empty.csv", b""),
        ("latin.csv", "größe\n1\n".encode("latin-1")),
        ("ragged.csv", b"a,b\n1,2\n1,2,3\n"),
        ("short.csv", b"a,b\n1,2\n1\n"),
        ("trailing.csv", b"a,b\n1,2,\n3,4,\n"),
        ("leading.csv", b"a,b\nx,1,2\n"),
        ("twice.csv", b"a,b,a\n1,2,3\n"),
        ("semicolons.csv", b"a;b\n1;2\n"),
        ("tabs.csv", b"a\tb\n1\t2\n"),
        ("utf16.csv", "a,b\n1,2\n".encode("utf-16")),
        ("quote.csv", b'a,b\n1,"2\n'),
        ("spreadsheet.csv", b"PK\x03\x04\xff\x00"),
        ("no.parquet", b"a,b\n"),
        ("empty.parquet", b""),
    ],
)
def test_a_file_that_is_no_table_is_refused_in_one_message(tmp_path, name, data):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=f"{name} cannot be read as a table"):
        read_patients(tmp_path / name)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"a,b\n1,2,\n3,4,\n", r"row 1 has 3 fields and the header 2 \(2 rows are like that\)"),
        (b"a,b\n1,2\n\n1\n", "row 2 has 1 field and the header 2$"),
        (b"a,b,a\n1,2,3\n", "its header names a more than once"),
        (b"a;b\n1,5;2\n", "separated by semicolons; save it with commas"),
        ("größe\n1\n".encode("latin-1"), "save it as CSV in UTF-8"),
    ],
)
def test_a_misshapen_file_says_what_to_do(tmp_path, data, words):
    (tmp_path / "patients.csv").write_bytes(data)
    with pytest.raises(InputError, match=words):
        read_patients(tmp_path / "patients.csv")


def test_quotes_line_ends_and_empty_lines_are_no_fault(tmp_path):
    (tmp_path / "patients.csv").write_bytes(b'\xef\xbb\xbfa,b\r\n1,"x, y"\r\n\r\n2,"p\r\nq"\r\n')
    found = read_patients(tmp_path / "patients.csv")
    assert found["a"].tolist() == ["1", "2"]
    assert found["b"].tolist() == ["x, y", "p\r\nq"]


def test_a_damaged_result_is_named(tmp_path):
    write_table(pd.DataFrame({"a": range(100)}), tmp_path / "whole.parquet")
    data = (tmp_path / "whole.parquet").read_bytes()
    for size in (0, 3, len(data) // 2, len(data) - 5):
        (tmp_path / "cut.parquet").write_bytes(data[:size])
        with pytest.raises(InputError, match=r"cut.parquet is damaged .*delete it and run again"):
            read_frame(tmp_path / "cut.parquet")


LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]\n" for old, new in pairwise("abcdefghij")
)
MERGES = "a: &a {a: 1}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}], {new}: 1}}\n" for old, new in pairwise("abcdefghij")
)
HOSTILE = {
    "aliases of aliases": (LAUGHS, "more than 10,000 values"),
    "merges of merges": (MERGES, "more than 10,000 values"),
    "an alias that holds itself": ("a: &a {b: *a}\n", "an alias .* holds itself"),
    "an anchor in its own list": ("a: &a [4, *a]\n", "an alias .* holds itself"),
    "deep nesting": ("a: " + "[" * 20_000, "more than 30 levels deep"),
    "many values": ("a: [" + "1," * 20_000 + "]\n", "more than 10,000 values"),
    "a number of 5,000 digits": ("a: " + "9" * 5_000, r"more than 300 digits; .*line 1"),
    "a number in sixtieths": ("a: 1" + ":1" * 5_000, "more than 300 digits"),
    "a number of no digit": ('a: !!int ""\n', r"this is no int .*line 1"),
    "a day that no month has": ("a: 2024-13-45\n", "this is no timestamp"),
    "a command": ('a: !!python/object/apply:os.system ["true"]\n', "could not determine a constructor"),
    "a large file": ("#" * 500_001, "larger than 500,000 bytes"),
    "a list": ("- 1\n", "holds no settings"),
    "another encoding": (b"a: \xff\n", "can't decode"),
}


@pytest.mark.parametrize(("content", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_configuration_out_of_bounds_is_refused_in_one_line_at_once(tmp_path, content, words):
    config = tmp_path / "config.yaml"
    config.write_bytes(content if isinstance(content, bytes) else content.encode())
    started = time.process_time()
    with pytest.raises(InputError, match=words) as caught:
        read_config(config)
    assert time.process_time() - started < 2
    assert "\n" not in caught.value.faults[0]


def test_what_is_no_file_is_no_configuration(tmp_path):
    for path in (Path("/dev/zero"), tmp_path, tmp_path / "absent", tmp_path / ("x" * 5_000)):
        with pytest.raises(InputError, match="cannot be read as a configuration"):
            read_config(path)


def test_the_command_line_is_bounded_too():
    loop = {}
    loop["loop"] = loop
    with pytest.raises(InputError, match=r"--config: .* holds itself"):
        merged_config([], loop)


def test_a_key_given_twice_is_a_fault_and_a_merged_one_is_not(tmp_path):
    config = tmp_path / "config.yaml"
    config.write_text("decisions:\n  caliper: [0.1]\n  caliper: [0.2]\n")
    with pytest.raises(InputError, match=r"(?s)config.yaml.*`caliper` is given twice; keep one.*line 3"):
        read_config(config)
    config.write_text("a: &a {x: 1, y: 2}\nb: {<<: *a, x: 3}\n")
    assert read_config(config)["b"] == {"x": 3, "y": 2}
    # A merged mapping that overrides, merged once more before it is itself put together.
    config.write_text("p:\n  q:\n    a: &a {x: 1}\n    b: &b {<<: *a, x: 3}\nc: {<<: *b, y: 2}\n")
    assert read_config(config)["c"] == {"x": 3, "y": 2}


def test_data_sets_of_lifelines_by_name():
    assert len(load_dataset("gbsg2")) == 686
    with pytest.raises(InputError, match="did you mean `gbsg2`"):
        load_dataset("gbsg")


def test_all_estimates_are_exported_and_read_back(tmp_path, monkeypatch):
    values = {"caliper": [0.2, np.inf, np.nan], "status": ["ok", 'a "b", c', None], "n": [1, 2, 3]}
    values |= {"level": ["=cmd", "-0.5", None]}
    frame = pd.DataFrame(values)
    table = pa.Table.from_pandas(frame.astype({"n": "int32"}), preserve_index=False)
    table = table.set_column(1, "status", table["status"].dictionary_encode())
    write_table(table, tmp_path / "estimates.parquet")
    monkeypatch.setattr(export_estimates, "ROWS_AT_A_TIME", 2)
    for name in ("one", "two"):
        export_estimates.export_estimates(
            estimates=str(tmp_path / "estimates.parquet"), settings=SETTINGS, output=str(tmp_path / name)
        )
    data = (tmp_path / "one").read_bytes()
    assert data == (tmp_path / "two").read_bytes()
    # No name and no time in the head.
    assert data[3:8] == bytes(5)
    assert gzip.decompress(data).decode().splitlines()[1] == '"simulated",0.2,"ok",1,"\'=cmd"'
    found = pd.read_csv(io.BytesIO(data), compression="gzip")
    assert found.pop("data_origin").tolist() == ["simulated"] * 3
    assert found.columns.tolist() == list(values)
    assert found["status"].tolist()[:2] == values["status"][:2]
    assert found["status"].isna().tolist() == [False, False, True]
    assert found["caliper"].tolist()[:2] == values["caliper"][:2]
    assert found["n"].tolist() == values["n"]


def test_a_chart_is_drawn_with_its_words_before_their_halo():
    text = {"mark": {"type": "text", "stroke": "white"}, "encoding": {"text": {"value": "a<b"}}}
    drawn = svg_of({"data": {"values": [{}]}, **text})
    assert 'paint-order="stroke"' in drawn
    assert "a&lt;b" in drawn
