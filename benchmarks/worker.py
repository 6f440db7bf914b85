"""Processes that time themselves, one at a time or side by side."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType

HERE = Path(__file__).parent
# One core each: a ratio of processes, not of their thread pools.
THREADS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Worker:
    """A process that has warmed up and waits to be asked.

    Attributes
    ----------
    start_seconds : float
        From its start to warm, imports included.
    """

    def __init__(self, command: list[str]) -> None:
        environment = os.environ | THREADS | {"PYTHONPATH": str(HERE.parent / "scripts")}
        start = time.perf_counter()
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment
        )
        self._read("ready")
        self.start_seconds = time.perf_counter() - start

    def __enter__(self) -> "Worker":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _read(self, expected: str = "") -> str:
        line = self._process.stdout.readline().strip()
        if not line or (expected and line != expected):
            raise RuntimeError(f"{self._process.args} said {line!r} and nothing that can be used")
        return line

    def ask(self, seconds: float) -> None:
        """Let it work for at least ``seconds``."""
        self._process.stdin.write(f"{seconds}\n")

    def answer(self) -> dict[str, float]:
        """Wait for what it measured."""
        return json.loads(self._read())


def python_worker(kind: str, *options: str) -> Worker:
    """A process of time_units.py."""
    return Worker([sys.executable, str(HERE / "time_units.py"), kind, *options])


def r_worker(cohort: Path) -> Worker:
    """A process of work_unit.R on the cohort in a CSV file."""
    return Worker(["Rscript", str(HERE / "work_unit.R"), str(cohort)])


def r_version() -> str | None:
    """Versions of R and its survival package, or None where one of them is missing."""
    if shutil.which("Rscript") is None:
        return None
    script = 'library(survival); cat(R.version.string, "with survival", format(packageVersion("survival")))'
    done = subprocess.run(["Rscript", "-e", script], capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 else None


def rate(worker: Worker, seconds: float) -> float:
    """Units per second over one answer."""
    worker.ask(seconds)
    measured = worker.answer()
    return measured["units"] / measured["seconds"]


def joint_rate(workers: list[Worker], seconds: float) -> float:
    """Units per second of processes that work at the same time."""
    for worker in workers:
        worker.ask(seconds)
    return sum(measured["units"] / measured["seconds"] for measured in [w.answer() for w in workers])
