"""The repository's own modules and the packages that a script needs, read from its imports."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

CODE = (".py", ".pyc")
PACKAGE = __name__.partition(".")[0]
LIBRARY = Path(__file__).resolve().parents[2]
"""Folder of the library: that of the scripts, or where it is installed."""
NAMES = {
    "PIL": "pillow",
    "docx": "python-docx",
    "sklearn": "scikit-learn",
    "vl_convert": "vl-convert-python",
    "yaml": "PyYAML",
}
"""Packages that are imported by another name than they are installed by."""
CARRIED = {
    "lifelines": ("autograd", "scipy"),
    "matplotlib": ("contourpy", "pillow"),
    "numba": ("llvmlite",),
    "scikit-learn": ("scipy",),
}
"""What computes or draws for a package without being imported here."""


def module_closure(script: Path) -> list[Path]:
    """Return every own module that a script imports, directly or indirectly, in order of path.

    Files that a package holds beside its modules (templates, styles) come with the package that holds them.
    The script itself is left out. Raises ``FileNotFoundError`` for a script that is not there.
    """
    root = script.resolve().parent
    found: set[Path] = set()
    waiting = [script.resolve()]
    while waiting:
        for path in _imported_files(waiting.pop(), root):
            if path not in found:
                found.add(path)
                if path.suffix == ".py":
                    waiting.append(path)
    return sorted(found - {script.resolve()})


def packages_used(script: Path) -> list[str]:
    """Return installed packages that a script and its own modules import, and their dependencies; sorted."""
    root = script.resolve().parent
    modules = [path for path in module_closure(script) if path.suffix == ".py"]
    imported = {name.partition(".")[0] for path in (script.resolve(), *modules) for name in _names_in(path)}
    foreign = {name for name in imported - sys.stdlib_module_names if not any(_files_of(name, root))}
    packages = {NAMES.get(name, name) for name in foreign}
    return sorted(packages.union(*(CARRIED.get(name, ()) for name in packages)))


def import_name(package: str) -> str:
    """Return the name by which an installed package is imported."""
    return next((name for name, known in NAMES.items() if known == package), package)


@cache
def _imported_files(source: Path, root: Path) -> tuple[Path, ...]:
    return tuple(path for name in _names_in(source) for path in _files_of(name, root))


def _names_in(source: Path) -> tuple[str, ...]:
    now = source.stat()
    return _names_at(source, now.st_size, now.st_mtime_ns, now.st_ctime_ns)


@cache
def _names_at(source: Path, *_: int) -> tuple[str, ...]:
    """Return the names that a file imports; size and times tell an edited file from that of before."""
    tree = ast.parse(source.read_text(encoding="utf-8"), filename=source.name)
    return tuple(_imported_names(tree))


def _imported_names(tree: ast.AST) -> Iterator[str]:
    """Yield dotted names that may be modules: ``from a import b`` gives ``a`` and ``a.b``."""
    for node in _statements(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield every statement below a node; expressions, which are most of a module, hold no import."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for child in getattr(node, block, ()):
            yield child
            yield from _statements(child)


def _files_of(name: str, root: Path) -> Iterator[Path]:
    """Yield own files behind a dotted name: the module, and all other files of the packages on the way."""
    parts = name.split(".")
    installed = parts[0] == PACKAGE and not (root / PACKAGE).is_dir()
    place = LIBRARY if installed else root
    for part in parts:
        place = place / part
        yield from _files_at(place)


@cache
def _files_at(place: Path) -> tuple[Path, ...]:
    module = place.with_suffix(".py")
    if module.is_file():
        return (module,)
    if not (place / "__init__.py").is_file():
        return ()
    return tuple(
        sorted(
            path
            for path in place.iterdir()
            if path.name == "__init__.py"
            or (path.is_file() and not path.name.startswith(".") and path.suffix not in CODE)
        )
    )
