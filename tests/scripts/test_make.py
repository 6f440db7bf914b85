"""What is given to make reaches the scripts as it is, and runs nothing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = "touch ran"
HOSTILE = {
    "quotes": f'a"; {RUN}; echo "b',
    "single quotes": f"a'; {RUN}; echo 'b",
    "a substitution": f"$({RUN})",
    "backticks": f"`{RUN}`",
    "a function of make": f"$(shell {RUN})",
    "a variable of make": "$(MAKE) $$HOME ${CURDIR}",
    "a fault of make": "$(error x)",
    "a second line": f"a\n{RUN}\n\t{RUN}",
    "a semicolon": f"; {RUN} #",
    "a dash": "--help",
    "spaces": "a  b ",
    "a bracket": "a{b}[c]*?~",
}
CALLS = {
    "study": ["DIR", "CONFIG", "CORES"],
    "audit": ["DIR", "CONFIG", "RERUN", "JSON", "SIGNERS", "GRAPH"],
    "regenerate": ["DIR", "CONFIG", "SCENARIOS"],
    "sign": ["DIR", "CONFIG", "KEY"],
    "explain": ["DIR", "NUMBER", "FILE"],
    "compare": ["A", "B"],
}


@pytest.fixture
def folder(tmp_path) -> Path:
    """The Makefile with an environment whose Python writes down what it is called with."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    for lock in ("requirements.lock", "requirements-build.lock"):
        (tmp_path / lock).touch()
    (tmp_path / ".venv/bin").mkdir(parents=True)
    python = tmp_path / ".venv/bin/python"
    python.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\" >> called\n")
    python.chmod(0o755)
    for mark in (".installed", ".compiled"):
        (tmp_path / ".venv" / mark).touch()
    return tmp_path


def make(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", *arguments],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("value", HOSTILE.values(), ids=HOSTILE)
def test_what_is_given_is_text(folder, value):
    for target, names in CALLS.items():
        for given in ("on the command line", "in the environment"):
            done = (
                make(folder, target, *(f"{name}={value}" for name in names))
                if given == "on the command line"
                else make(folder, target, **dict.fromkeys(names, value))
            )
            assert done.returncode == 0, done.stderr
            options, _, places = (folder / "called").read_text().partition("\0--\0")
            (folder / "called").unlink()
            found = [word.partition("=")[2] for word in options.split("\0")] + places.split("\0")
            assert found.count(value) == len(names)
            assert not (folder / "ran").exists()


def test_tests_are_named_by_words_and_quotes(folder):
    make(folder, "test", f"""TESTS=tests/unit -k "a or b" ; $({RUN}) '`{RUN}`'""")
    words = (folder / "called").read_text().split("\0")
    assert words[words.index("tests/unit") :] == [
        *("tests/unit", "-k", "a or b", ";", "$(touch", "ran)", f"`{RUN}`", "")
    ]
    assert not (folder / "ran").exists()


def test_a_python_of_ones_own_is_one_word(folder):
    (folder / ".venv/.installed").unlink()
    done = make(folder, "audit", f"PYTHON=python3; {RUN}")
    assert done.returncode
    assert not (folder / "ran").exists()


@pytest.mark.parametrize(
    ("target", "words"),
    [("regenerate", "SCENARIOS="), ("sign", "KEY=file"), ("explain", "FILE="), ("compare", "A=")],
)
def test_what_has_to_be_given_is_asked_for(folder, target, words):
    done = make(folder, target, "B=x")
    assert done.returncode
    assert words in done.stderr
    assert not (folder / "called").exists()
