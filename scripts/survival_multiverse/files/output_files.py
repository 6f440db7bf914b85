"""Writing finished files: complete or not at all."""

import errno
import os
import secrets
from pathlib import Path

_SPACE = "free some space, then run again"
_ELSEWHERE = "allow writing there, or choose another directory"
ADVICE = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), _SPACE),
    **dict.fromkeys((errno.EROFS, errno.EACCES, errno.EPERM), _ELSEWHERE),
    errno.EIO: "the disk is at fault; choose another directory",
    errno.ENAMETOOLONG: "choose a directory of a shorter name",
    **dict.fromkeys((errno.EMFILE, errno.ENFILE), "use fewer cores, or allow more open files"),
}
"""What to do about the faults of a machine, by their number."""


def machine_fault(error: BaseException) -> str | None:
    """Describe a fault of the machine in one line: where, what, and what to do; None for another error."""
    if isinstance(error, MemoryError):
        return "there is not enough memory; use fewer cores, or a larger machine"
    if isinstance(error, OSError) and error.errno in ADVICE:
        return f"{error.filename or 'a file'}: {error.strerror}; {ADVICE[error.errno]}"
    return None


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write ``data`` beside ``path`` under a temporary name, then rename: no reader meets half a file.

    Raises
    ------
    OSError
        That names the file.
    """
    target = Path(path)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            # A device or a pipe, which must not be replaced.
            target.write_bytes(data)
        else:
            _replace(target, data)
    except OSError as error:
        raise OSError(error.errno, os.strerror(error.errno or errno.EIO), str(target)) from error


def _replace(target: Path, data: bytes) -> None:
    # A short name: that of the target may be as long as a name can be.
    temporary = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        # With the permissions of the user's umask; temporary files of the library have others.
        with temporary.open("xb") as stream:
            stream.write(data)
        temporary.replace(target)
    except BaseException:
        _remove(temporary)
        raise


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        # The fault that hindered writing can hinder this, too, and has been reported.
        return
