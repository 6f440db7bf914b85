"""One small study, run once in a copy of the workflow; tests that change something copy its directory."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FOLDERS = ("config", "profiles", "resources", "scripts", "workflow")
WORKFLOW = ("Snakefile", "LICENSE", "environment.yml", "pyproject.toml", "requirements.lock", *FOLDERS)
KERNELS = Path("scripts/survival_multiverse/kernels")
SCENARIOS = Path("results/scenarios")
PANEL = SCENARIOS / "oligo_threshold~5/dose_cutoff~63"
SCENARIO = PANEL / "gtv_cutoff~146/caliper~0.2.parquet"
DECISIONS = {
    "oligo_threshold": [4, 5],
    "dose_cutoff": [60, 63],
    "gtv_cutoff": [100, 146],
    "caliper": [0.2, "none"],
}


@dataclass(frozen=True, slots=True)
class Answer:
    """How a call of Snakemake ended, and what it printed."""

    code: int
    text: str

    def jobs(self) -> dict[str, int]:
        """Jobs by rule, from the table that Snakemake prints; none where there is nothing to be done."""
        lines = iter(self.text.splitlines())
        counts = {}
        if any(line.startswith("Job stats:") for line in lines):
            for line in lines:
                name, _, count = line.rpartition(" ")
                if name.strip() == "total":
                    break
                if count.isdigit():
                    counts[name.strip()] = int(count)
        return counts


class Commands:
    """Commands of a copy of the workflow, run in forks of one process; see `commands.py`."""

    def __init__(self, workflow: Path) -> None:
        self.workflow, self.server = workflow, None
        self.turn = Lock()

    def environment(self) -> dict[str, str]:
        """The tests' own, but for the library, which is that of the copy."""
        own = {key: value for key, value in os.environ.items() if not key.startswith("SNAKEMAKE")}
        library = [str(self.workflow / "scripts"), *filter(None, [os.environ.get("PYTHONPATH")])]
        return own | {"PYTHONPATH": os.pathsep.join(library)}

    def run(self, *command: str | Path) -> Answer:
        """Run ``snakemake`` or ``study`` as a user does from the clone."""
        with self.turn, tempfile.NamedTemporaryFile() as output:
            if self.server is None:
                self.server = subprocess.Popen(
                    [sys.executable, Path(__file__).with_name("commands.py")],
                    cwd=self.workflow,
                    env=self.environment(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                )
            asked = {
                **{"command": list(map(str, command)), "output": output.name},
                **{"cwd": str(self.workflow), "environment": self.environment()},
            }
            print(json.dumps(asked), file=self.server.stdin, flush=True)
            code = int(self.server.stdout.readline())
            return Answer(code, Path(output.name).read_text(encoding="utf-8"))

    def end(self) -> None:
        """Let the process end."""
        if self.server is not None:
            self.server.communicate()


@dataclass(frozen=True, slots=True)
class Studio:
    """A copy of the workflow, and a directory with a study's configuration and results."""

    commands: Commands
    directory: Path

    @property
    def workflow(self) -> Path:
        return self.commands.workflow

    def snakemake(self, *arguments: str | Path, cores: int = 2) -> Answer:
        """Run Snakemake as a user does from the clone; targets come first, options after them."""
        return self.commands.run(*self._call(*arguments, cores=cores))

    def killed(self, *arguments: str | Path, when: Callable[[], bool]) -> None:
        """Run Snakemake on one core and kill it, with all that it started, as soon as ``when`` is true."""
        command = [sys.executable, "-m", *map(str, self._call(*arguments, cores=1))]
        with (self.directory / "killed.log").open("w") as log:
            # A session of its own, so that what it started is killed and nothing else.
            run = subprocess.Popen(
                command,
                cwd=self.workflow,
                env=self.commands.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            while run.poll() is None and not when():
                time.sleep(0.05)
            assert run.poll() is None, (self.directory / "killed.log").read_text()
            os.killpg(run.pid, signal.SIGKILL)
            run.wait()

    def script(self, name: str, *arguments: str | Path) -> Answer:
        """Run a command of `study`."""
        return self.commands.run("study", name, *arguments)

    def _call(self, *arguments: str | Path, cores: int) -> list[str | Path]:
        own = ["--directory", self.directory, "--configfile", self.directory / "config.yaml"]
        return ["snakemake", *arguments, *own, "--cores", str(cores), "--nocolor"]

    def configure(self, settings: dict) -> None:
        """Write the study's configuration."""
        self.directory.mkdir(parents=True, exist_ok=True)
        text = yaml.safe_dump(settings, sort_keys=False)
        (self.directory / "config.yaml").write_text(text, encoding="utf-8")

    def settings(self) -> dict:
        return yaml.safe_load((self.directory / "config.yaml").read_text(encoding="utf-8"))

    def contents(self, pattern: str = "results/**/*.parquet") -> dict[str, bytes]:
        """Bytes of the results by path."""
        return {
            path.relative_to(self.directory).as_posix(): path.read_bytes()
            for path in sorted(self.directory.glob(pattern))
        }


@pytest.fixture(scope="session")
def workflow_copy(tmp_path_factory) -> Path:
    """The workflow in another place, with the compiled kernels if there are any."""
    copy = tmp_path_factory.mktemp("clone")
    (copy / "results").mkdir()
    for name in (*WORKFLOW, "results/README.md"):
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, copy / name)
    take_compiled_kernels_along(copy)
    return copy


@pytest.fixture(scope="session")
def commands(workflow_copy) -> Iterator[Commands]:
    """What answers commands in the copy of the workflow."""
    commands = Commands(workflow_copy)
    yield commands
    commands.end()


def take_compiled_kernels_along(copy: Path) -> None:
    """Rename the folder of the machine code, which numba calls by a digest of the sources' folder."""
    old, new = (
        f"kernels_{hashlib.sha1(str(place / KERNELS).encode()).hexdigest()}" for place in (ROOT, copy)
    )
    for folder in (copy / KERNELS / "__pycache__").glob(f"*/{old}"):
        folder.rename(folder.with_name(new))


@pytest.fixture(scope="session")
def small_settings() -> dict:
    """The default study with few simulated patients and two options of each decision."""
    example = ROOT / "config" / "examples" / "simulated.yaml"
    cohort = yaml.safe_load(example.read_text(encoding="utf-8"))["cohort"]
    cohort["simulation"]["patients"] = 150
    few = {"inference": {"draws": 15}, "execution": {"draws_per_job": 10, "decisions_per_job": 2}}
    return {"decisions": DECISIONS, "cohort": cohort, "analysis": {"landmarks": [8]}, **few}


@pytest.fixture(scope="session")
def finished(commands, small_settings, tmp_path_factory) -> Studio:
    """The small study, run to its end on two cores; not to be changed."""
    studio = Studio(commands, tmp_path_factory.mktemp("finished") / "study")
    studio.configure(small_settings)
    answer = studio.snakemake()
    assert answer.code == 0, answer.text
    return studio


@pytest.fixture
def gaps(empty) -> Studio:
    """The small study before its first run, with four combinations left out."""
    settings = empty.settings()
    none = {"value": "none", "when": "gtv_cutoff >= 146"}
    empty.configure({**settings, "decisions": {**DECISIONS, "caliper": [0.2, none]}})
    return empty


@pytest.fixture
def own(finished, tmp_path) -> Studio:
    """A copy of the finished study that a test may change."""
    shutil.copytree(finished.directory, tmp_path / "study")
    return Studio(finished.commands, tmp_path / "study")


@pytest.fixture
def empty(commands, small_settings, tmp_path) -> Studio:
    """The small study before its first run."""
    studio = Studio(commands, tmp_path / "study")
    studio.configure(small_settings)
    return studio
