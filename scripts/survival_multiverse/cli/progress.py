"""What a run says on the terminal: the stage, the scenarios done and the minutes left, and what failed."""

import logging
import re
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

from snakemake.logging import show_logs
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.settings import LogHandlerSettingsBase

from survival_multiverse.files.places import WORKFLOW_ROOT
from survival_multiverse.files.scenario_paths import FOLDER

RULE = re.compile(r"^ *(?:rule|use rule \w+ as) (\w+)", re.MULTILINE)
NUMBERED = re.compile(r"_\d+$")
"""How the name of a rule ends of which the workflow has several, for a grid with gaps."""


def stages() -> dict[str, str]:
    """Return the stage of each rule: the file of the workflow in which it stands."""
    files = (WORKFLOW_ROOT / "workflow" / "rules").glob("*.smk")
    return {rule: path.stem for path in files for rule in RULE.findall(path.read_text(encoding="utf-8"))}


def in_words(seconds: float) -> str:
    """Return a duration as a person says it."""
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes} min {rest} s" if minutes < 10 else f"{minutes + (rest >= 30)} min"


class Progress:
    """The state of a run, kept by its events.

    Parameters
    ----------
    stream : text stream
        Where to print. On a terminal one line is written over and over; elsewhere each stage has a line.
    verbose : bool
        Print each job when it ends, and at the end the time of each rule.
    clock : callable, optional
        Returns seconds.
    """

    def __init__(self, stream: TextIO, *, verbose: bool, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.verbose, self.clock = stream, verbose, clock
        self.stages, self.began = stages(), clock()
        self.planned: Counter[str] = Counter()
        self.running: dict[int, tuple[str, float, Any]] = {}
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.scenarios: Counter[str] = Counter()
        self.failed = 0
        self.told: set[str] = set()
        self.transient = self.spoken = self.ended = False

    def plan(self, jobs: Mapping[str, int]) -> None:
        """Note how many jobs of each rule there will be; Snakemake's first rule only gathers them."""
        if not self.planned:
            self.planned.update({rule: count for rule, count in jobs.items() if rule not in ("all", "total")})

    def start(self, number: int, rule: str, job: Any) -> None:
        """Note a job that begins."""
        self.running[number] = rule, self.clock(), job

    def finish(self, number: int) -> None:
        """Note a job that has ended well, and say how far the run is."""
        rule, began, job = self.running.pop(number, ("all", self.clock(), None))
        if rule == "all":
            return
        taken = self.clock() - began
        self.seconds[rule].append(taken)
        self.scenarios[rule] += sum(path.startswith(f"{FOLDER}/") for path in job.output)
        if self.verbose:
            self.say(f"{taken:7.1f} s  {named(rule, job.wildcards)}")
        stage = self.stages.get(NUMBERED.sub("", rule), rule)
        if self.stream.isatty():
            self.show(self.line(stage))
        elif not self.verbose and stage not in self.told:
            self.say(self.line(stage))
        self.told.add(stage)

    def fail(self, number: int, rule: str, wildcards: Mapping[str, str], logs: list[str]) -> None:
        """Say which job failed, and what it wrote into its log."""
        self.running.pop(number, None)
        self.failed += 1
        self.say(f"Failed: {named(rule, wildcards)}", *show_logs(logs))

    def line(self, stage: str) -> str:
        """Return the stage, what is done, and how long the rest takes."""
        done, total = sum(map(len, self.seconds.values())), self.planned.total()
        parts = [f"{stage}: step {done} of {total}"]
        if made := self.scenarios.total():
            parts.append(f"{made} of {self.all_scenarios()} scenarios")
        left = self.left()
        parts.append(f"about {in_words(left)} left" if left >= 1 else "almost done")
        return ", ".join(parts)

    def all_scenarios(self) -> int:
        """Return how many scenarios the run makes; jobs of a rule make as many each."""
        return sum(
            made * self.planned[rule] // len(self.seconds[rule]) for rule, made in self.scenarios.items()
        )

    def left(self) -> float:
        """Return the seconds left: jobs to come take as long as those of their rule did, or as any did."""
        known = [seconds for taken in self.seconds.values() for seconds in taken]
        usual = sum(known) / len(known)
        to_come = 0.0
        for rule, count in self.planned.items():
            taken = self.seconds.get(rule, [])
            to_come += (count - len(taken)) * (sum(taken) / len(taken) if taken else usual)
        under_way = sum(self.clock() - began for _, began, _ in self.running.values())
        at_once = max((sum(known) + under_way) / max(self.clock() - self.began, 1e-9), 1.0)
        return max(to_come - under_way, 0.0) / at_once

    def end(self) -> None:
        """Say how long the run took and, if asked, where the time went."""
        if self.ended:
            return
        self.ended = True
        steps = sum(map(len, self.seconds.values()))
        if not steps:
            if not self.spoken:
                self.say("Nothing to do: all is there and up to date")
            return
        if self.verbose:
            width = max(map(len, self.seconds))
            self.say("Where the time went, in seconds of all jobs of a rule:")
            for rule, taken in sorted(self.seconds.items(), key=lambda item: -sum(item[1])):
                self.say(f"{sum(taken):7.1f} s  {rule:{width}}  {len(taken)} job{'s' * (len(taken) > 1)}")
        made = self.scenarios.total()
        scenarios = f", {made} scenario{'s' * (made > 1)}" if made else ""
        failed = f", {self.failed} failed" if self.failed else ""
        what = f"{steps} step{'s' * (steps > 1)}{scenarios}{failed}"
        self.say(f"{'Ended' if failed else 'Done'}: {what} in {in_words(self.clock() - self.began)}")

    def show(self, text: str) -> None:
        """Write over the line of before."""
        width = shutil.get_terminal_size().columns - 1
        self.stream.write(f"\r\x1b[K{text[:width]}")
        self.stream.flush()
        self.transient = True

    def say(self, *lines: str) -> None:
        """Print lines that stay."""
        if self.transient:
            self.stream.write("\r\x1b[K")
        self.transient = False
        for text in lines:
            self.spoken = True
            print(text, file=self.stream, flush=True)


def named(rule: str, wildcards: Mapping[str, str] | None) -> str:
    """Return a job by its rule and what tells it from others of that."""
    return " ".join([rule, *(f"{name}={value}" for name, value in dict(wildcards or {}).items())])


@dataclass
class LogHandlerSettings(LogHandlerSettingsBase):
    """Options of the logger on Snakemake's command line."""

    verbose: bool = field(default=False, metadata={"help": "print each job, and where the time went"})


class LogHandler(LogHandlerBase):
    """Hand Snakemake's events to a `Progress`."""

    settings: LogHandlerSettings
    writes_to_stream, writes_to_file, needs_rulegraph = True, False, False
    has_filter, has_formatter = True, True

    def __post_init__(self) -> None:
        """Begin; Snakemake calls this before its first event."""
        self.progress = Progress(sys.stderr, verbose=self.settings.verbose)

    def emit(self, record: logging.LogRecord) -> None:
        """Take one event."""
        event, given = getattr(record, "event", None), record.__dict__
        if event == LogEvent.RUN_INFO:
            self.progress.plan(given["stats"])
        elif event == LogEvent.JOB_INFO:
            self.progress.start(given["jobid"], given["rule_name"], record)
        elif event == LogEvent.JOB_FINISHED:
            self.progress.finish(given["job_id"])
        elif event == LogEvent.JOB_ERROR:
            self.progress.fail(given["jobid"], given["rule_name"], given["wildcards"], given["log"])
        elif event == LogEvent.ERROR or (event is None and record.levelno >= logging.WARNING):
            self.progress.say(record.getMessage())

    def close(self) -> None:
        """End with the run."""
        self.progress.end()
        super().close()
