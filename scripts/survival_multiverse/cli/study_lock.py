"""Lock of an active run of a study, which the system releases however the run ends."""

import fcntl
import os
from pathlib import Path

LOCK = Path(".snakemake/alive")


def hold(study: Path, *, alone: bool) -> int | None:
    """Hold the study's lock until this process, and whoever it hands the lock to, has ended.

    Parameters
    ----------
    alone
        Whether nobody else may hold it; runs of Snakemake itself share it.

    Returns
    -------
    int or None
        The handle of the lock; None if another run is alive.

    Raises
    ------
    OSError
        If the folder cannot be written, or its file system has no locks.
    """
    path = study / LOCK
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(handle, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle
