"""A process that stops all that it started when it ends, or when its caller ends."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

STOPPED = 130
PATIENCE = 10.0
PAUSE = 0.1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_guarded(command: Sequence[str], *, keep: int) -> int:
    """Run a command to its end and return its exit code; `STOPPED` if it was ended before.

    A guard between this process and the command looks whether both are there, so that also a kill of
    either ends the whole group.

    Parameters
    ----------
    keep
        A handle that the command inherits.
    """
    here, parent = os.getpid(), os.getppid()
    with _signals() as received:
        guard = os.fork()
        if not guard:
            os._exit(_guard(command, here, keep))
        asked = False
        while True:
            ended, status = os.waitpid(guard, os.WNOHANG)
            if ended:
                break
            if not asked and (received or os.getppid() != parent):
                os.kill(guard, signal.SIGTERM)
                asked = True
            time.sleep(PAUSE)
        _kill(guard)
        return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else STOPPED


def _guard(command: Sequence[str], parent: int, keep: int) -> int:
    os.setpgid(0, 0)
    with _signals() as received:
        run = subprocess.Popen(command, stdin=subprocess.DEVNULL, pass_fds=[keep])
        while run.poll() is None:
            if received or os.getppid() != parent:
                os.killpg(0, signal.SIGINT)
                _wait(run)
                os.killpg(0, signal.SIGKILL)
            time.sleep(PAUSE)
    return run.returncode


def _wait(run: subprocess.Popen[bytes]) -> None:
    try:
        run.wait(PATIENCE)
    except subprocess.TimeoutExpired:
        return


def _kill(group: int) -> None:
    try:
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Note signals that ask to end, instead of following them."""
    received: list[int] = []
    before = {number: signal.signal(number, lambda number, _: received.append(number)) for number in SIGNALS}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
