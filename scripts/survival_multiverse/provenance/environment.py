"""Packages that a result depends on: their versions, and whether they are what was installed."""

import base64
import csv
import hashlib
import os
import platform
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.machinery import PathFinder
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from survival_multiverse.provenance.dependencies import import_name, packages_used

COMPUTES = {".py", ".so", ".pyd", ".dll", ".dylib"}
"""Ends of the names of files that a package computes with."""


def versions_used(script: str | Path) -> dict[str, str]:
    """Return the versions of Python and of a script's packages.

    ``none`` stands for one that is not installed; a version says so where modules of another place are
    imported in its stead, such as those of ``PYTHONPATH``.
    """
    shadows = ", ".join(shadowed_modules())
    python = platform.python_version()
    versions = {"python": f"{python} with {shadows} from PYTHONPATH" if shadows else python}
    return versions | {name: _version(name, *sys.path) for name in packages_used(Path(script))}


def shadowed_modules() -> list[str]:
    """Return the modules of the standard library that lie on the path before it, by name."""
    own = Path(sysconfig.get_path("stdlib"))
    found = set()
    for place in sys.path:
        folder = Path(place or os.curdir).resolve()
        if folder == own.resolve() or folder.suffix == ".zip":
            break
        if folder.is_dir():
            found |= {_module(name, folder) for name in os.listdir(folder)}
    return sorted(found & sys.stdlib_module_names)


def _module(name: str, folder: Path) -> str:
    """Return the module that an entry of a folder on the path defines, or nothing."""
    stem, _, end = name.partition(".")
    if end:
        return stem if f".{end}".endswith((".py", ".so", ".pyd", ".pyc")) else ""
    return stem if (folder / stem / "__init__.py").is_file() else ""


@cache
def _version(name: str, *_: str) -> str:
    """Return the version of a package, found anew where the path is another."""
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return "none"
    found = PathFinder.find_spec(import_name(name))
    installed = Path(str(package.locate_file(""))).resolve()
    if found is None or (found.origin and not Path(found.origin).resolve().is_relative_to(installed)):
        return f"{package.version}, imported from elsewhere"
    return package.version


def damaged_files(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the files of packages that are not what was installed, by package.

    Each is held against the digest that the installer recorded; a package without records, as a
    distribution's package manager leaves it, cannot be judged and is left out.
    """
    with ThreadPoolExecutor() as pool:
        judged = {name: list(pool.map(_damaged, _recorded_files(name))) for name in sorted(set(names))}
    found = {name: [path for path in paths if path] for name, paths in judged.items()}
    return {name: paths for name, paths in found.items() if paths}


def _recorded_files(name: str) -> Iterator[tuple[str, int, int, str, str]]:
    """Yield path, size and time of change of each recorded file, its digest, and its name in the package."""
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return
    folder = str(package.locate_file(""))
    for file, recorded, _ in csv.reader((package.read_text("RECORD") or "").splitlines()):
        kind, _, sha256 = recorded.partition("=")
        if kind == "sha256" and os.path.splitext(file)[1] in COMPUTES:
            path = os.path.join(folder, file)
            try:
                now = os.stat(path)
            except OSError:
                yield path, -1, 0, sha256, file
            else:
                yield path, now.st_size, now.st_ctime_ns, sha256, file


@cache
def _same(path: str, size: int, changed: int, recorded: str) -> bool:
    """Return whether a file, told apart by size and time of change, has the recorded digest."""
    if size < 0:
        return False
    with open(path, "rb") as stream:
        found = hashlib.file_digest(stream, "sha256").digest()
    return base64.urlsafe_b64encode(found).decode().rstrip("=") == recorded


def _damaged(file: tuple[str, int, int, str, str]) -> str:
    *judged, name = file
    return "" if _same(*judged) else name
