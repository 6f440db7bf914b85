"""A run is alone, takes up what a killed one left, and leaves nobody behind."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from survival_multiverse.cli.guarded_process import STOPPED
from survival_multiverse.cli.run import SNAKEMAKE_LOCKS, run_study, take_over
from survival_multiverse.cli.study_lock import hold
from survival_multiverse.settings.faults import InputError

SCRIPTS = Path(__file__).parents[2] / "scripts"
TWO_SLEEPERS = ["bash", "-c", "sleep 60 & echo ready >&2; sleep 60"]
RUNNER = f"""
import sys
sys.path.append({str(SCRIPTS)!r})
from survival_multiverse.cli.guarded_process import run_guarded
sys.exit(run_guarded({TWO_SLEEPERS!r}, keep=int(sys.argv[1])))
"""


def test_one_run_at_a_time_works_alone(tmp_path):
    first, second = hold(tmp_path, alone=False), hold(tmp_path, alone=False)
    assert first is not None
    assert second is not None
    assert hold(tmp_path, alone=True) is None
    with pytest.raises(InputError, match="another run works in"):
        take_over(tmp_path)
    os.close(first)
    os.close(second)
    handle = take_over(tmp_path)
    assert hold(tmp_path, alone=False) is None
    os.close(handle)


def test_locks_of_a_killed_run_are_set_free_and_it_is_said(tmp_path, capsys):
    locks = tmp_path / SNAKEMAKE_LOCKS
    locks.mkdir(parents=True)
    os.close(take_over(tmp_path))
    assert capsys.readouterr().out == ""
    (locks / "0.input.lock").touch()
    os.close(take_over(tmp_path))
    assert "was killed, and no other is alive: this one goes on" in capsys.readouterr().out
    assert not locks.exists()


def test_locks_of_a_live_run_stay(tmp_path):
    (tmp_path / SNAKEMAKE_LOCKS).mkdir(parents=True)
    (tmp_path / SNAKEMAKE_LOCKS / "0.input.lock").touch()
    alive = hold(tmp_path, alone=False)
    with pytest.raises(InputError):
        take_over(tmp_path)
    assert (tmp_path / SNAKEMAKE_LOCKS / "0.input.lock").exists()
    os.close(alive)


@pytest.mark.parametrize("cores", ["0", "-1", "two", "", "²"])
def test_cores_are_a_number_or_all(tmp_path, cores):
    with pytest.raises(InputError, match="CORES="):
        run_study(tmp_path, None, cores, [])


def test_a_study_is_a_directory(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="it is a file"):
        run_study(tmp_path / "file", None, "1", [])
    with pytest.raises(InputError, match="choose another directory"):
        take_over(tmp_path / "file" / "study")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("who", ["runner", "guard"])
def test_whoever_is_ended_takes_all_along(who, number):
    here, there = os.pipe()
    run = subprocess.Popen(
        [sys.executable, "-c", RUNNER, str(there)], stderr=subprocess.PIPE, pass_fds=[there]
    )
    os.close(there)
    assert run.stderr.readline() == b"ready\n"
    guard = int(Path(f"/proc/{run.pid}/task/{run.pid}/children").read_text())
    os.kill(run.pid if who == "runner" else guard, number)
    # Whoever lives holds the other end.
    assert select.select([here], [], [], 5)[0]
    assert os.read(here, 1) == b""
    code = run.wait(5)
    assert code == (-signal.SIGKILL if (who, number) == ("runner", signal.SIGKILL) else STOPPED)
    run.stderr.close()
    os.close(here)
