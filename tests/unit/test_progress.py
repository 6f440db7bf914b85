"""What a run prints, from the events that Snakemake gives a logger."""

import logging
from io import StringIO
from types import SimpleNamespace

import pytest
from snakemake_interface_logger_plugins.common import LogEvent

from survival_multiverse.cli.progress import LogHandler, LogHandlerSettings, Progress, in_words, stages

SCENARIO = "results/scenarios/a~{}.parquet"


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Terminal(StringIO):
    def isatty(self):
        return True


def job(rule, outputs=(), **wildcards):
    return SimpleNamespace(output=list(outputs), wildcards=wildcards)


def run(stream, *, verbose=False):
    """Two panels of four scenarios, ten seconds each, of a run of four jobs; then one that fails."""
    clock = Clock()
    progress = Progress(stream, verbose=verbose, clock=clock)
    progress.plan({"build_cohort": 1, "fit_scenarios": 2, "render_report": 1, "all": 1, "total": 5})
    for number, (rule, outputs) in enumerate(
        [
            ("build_cohort", ["results/cohort/cohort.parquet"]),
            ("fit_scenarios", [SCENARIO.format(value) for value in range(4)]),
        ]
    ):
        progress.start(number, rule, job(rule, outputs, dose_cutoff=number))
        clock.now += 10
        progress.finish(number)
    return progress, clock


def test_stage_is_the_file_of_a_rule():
    assert stages()["fit_scenarios"] == stages()["fit_scenario"] == "scenarios"
    assert stages()["render_report"] == "report"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (3.2, "3 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (61, "1 min 1 s"),
        (599.7, "10 min"),
        (5399, "90 min"),
    ],
)
def test_durations_are_said_as_a_person_says_them(seconds, words):
    assert in_words(seconds) == words


def test_each_stage_has_a_line_with_scenarios_and_time_left():
    stream = StringIO()
    run(stream)
    assert stream.getvalue().splitlines() == [
        "cohort: step 1 of 4, about 30 s left",
        # One panel and the report to come, ten seconds each, one at a time.
        "scenarios: step 2 of 4, 4 of 8 scenarios, about 20 s left",
    ]


def test_jobs_that_run_at_once_share_the_time_left():
    clock, stream = Clock(), StringIO()
    progress = Progress(stream, verbose=False, clock=clock)
    progress.plan({"build_cohort": 4})
    for number in (0, 1):
        progress.start(number, "build_cohort", job("build_cohort"))
    clock.now = 10
    progress.finish(0)
    progress.finish(1)
    assert stream.getvalue().startswith("cohort: step 1 of 4, ")
    assert progress.left() == pytest.approx(10)


def test_a_terminal_shows_one_line_that_is_written_over():
    stream = Terminal()
    progress, _ = run(stream)
    progress.end()
    assert "\n" not in stream.getvalue().rstrip("\n")
    assert stream.getvalue().count("\r\x1b[K") == 3
    assert stream.getvalue().endswith("\r\x1b[KDone: 2 steps, 4 scenarios in 20 s\n")


def test_verbose_prints_each_job_and_where_the_time_went():
    stream = StringIO()
    progress, _ = run(stream, verbose=True)
    progress.end()
    progress.end()
    assert stream.getvalue().splitlines() == [
        "   10.0 s  build_cohort dose_cutoff=0",
        "   10.0 s  fit_scenarios dose_cutoff=1",
        "Where the time went, in seconds of all jobs of a rule:",
        "   10.0 s  build_cohort   1 job",
        "   10.0 s  fit_scenarios  1 job",
        "Done: 2 steps, 4 scenarios in 20 s",
    ]


def event(name, level=logging.INFO, message="", **given):
    record = logging.LogRecord("snakemake", level, __file__, 1, message, None, None)
    record.__dict__.update(given, event=name)
    return record


def test_a_failed_job_is_named_with_its_log_and_messages_are_passed_on(tmp_path, capsys):
    log = tmp_path / "build_cohort.log"
    log.write_text("the cohort: no row has a time above 0\n", encoding="utf-8")
    handler = LogHandler(None, LogHandlerSettings())
    handler.emit(event(LogEvent.RUN_INFO, stats={"build_cohort": 1, "total": 1}))
    handler.emit(
        event(LogEvent.JOB_INFO, jobid=1, rule_name="build_cohort", output=["results/x"], wildcards={})
    )
    handler.emit(event(LogEvent.JOB_ERROR, jobid=1, rule_name="build_cohort", wildcards={}, log=[str(log)]))
    handler.emit(event(None, logging.WARNING, "a warning"))
    handler.emit(event(None, logging.INFO, "a remark"))
    handler.emit(event(LogEvent.ERROR, logging.ERROR, "the file is locked"))
    handler.close()
    printed = capsys.readouterr().err
    assert "Failed: build_cohort\n" in printed
    assert "the cohort: no row has a time above 0" in printed
    assert "a warning" in printed
    assert "the file is locked" in printed
    assert "a remark" not in printed
    assert "Done" not in printed


def test_a_run_with_a_failed_job_is_not_called_done():
    stream = StringIO()
    progress, _ = run(stream)
    progress.start(2, "fit_scenarios", job("fit_scenarios"))
    progress.fail(2, "fit_scenarios", {}, [])
    progress.end()
    assert stream.getvalue().endswith("Ended: 2 steps, 4 scenarios, 1 failed in 20 s\n")


@pytest.mark.parametrize(
    ("messages", "printed"), [([], "Nothing to do: all is there and up to date\n"), (["no"], "no\n")]
)
def test_a_run_without_jobs_says_why(messages, printed):
    stream = StringIO()
    progress = Progress(stream, verbose=False, clock=Clock())
    for message in messages:
        progress.say(message)
    progress.end()
    assert stream.getvalue() == printed
