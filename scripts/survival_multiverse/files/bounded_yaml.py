"""Untrusted YAML: read quickly within bounds, or refused in one line."""

from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

MOST_BYTES, MOST_VALUES, DEEPEST = 500_000, 10_000, 30
"""Bounds of a configuration; the settings of a study with hundreds of covariates are well within."""
LONGEST_NUMBER = 300
_TOO_MANY = f"it holds more than {MOST_VALUES:,} values, aliases (`*name`) written out; write less"
_TOO_DEEP = f"it is nested more than {DEEPEST} levels deep, or an alias (`*name`) holds itself; write it flat"


class _Loader(yaml.SafeLoader):
    """YAML within bounds, whose mappings name a key once; otherwise the last one would win in silence."""

    composed = depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.composed += 1
        self.depth += 1
        if self.composed > MOST_VALUES or self.depth > DEEPEST:
            fault = _TOO_MANY if self.composed > MOST_VALUES else _TOO_DEEP
            raise yaml.composer.ComposerError(None, None, fault, self.peek_event().start_mark)  # type: ignore[no-untyped-call]
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        super().flatten_mapping(node)
        if len(node.value) > MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, _TOO_MANY, node.start_mark)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (AttributeError, LookupError, ValueError):
            kind = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(
                None, None, f"this is no {kind}", node.start_mark
            ) from None

    def short_number(self, node: yaml.ScalarNode) -> int | float:
        """Read a number; refuse one with very many digits, which takes very long to convert."""
        if len(node.value) > LONGEST_NUMBER:
            fault = f"the number has more than {LONGEST_NUMBER} digits; give a smaller one"
            raise yaml.constructor.ConstructorError(None, None, fault, node.start_mark)
        read = self.construct_yaml_int if node.tag.endswith(":int") else self.construct_yaml_float
        return read(node)

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        # Keys as written: those that `<<` merges may be overridden.
        node, seen = super().compose_mapping_node(anchor), set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if (key.tag, key.value) in seen:
                    fault = f"`{key.value}` is given twice; keep one"
                    raise yaml.composer.ComposerError(None, None, fault, key.start_mark)
                seen.add((key.tag, key.value))
        return node


for _kind in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_kind}", _Loader.short_number)


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises
    ------
    ValueError
        With one line of words, if it cannot be read or is out of bounds.
    """
    try:
        content = yaml.load(_text(path), Loader=_Loader)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(_words(error)) from error
    check_bounds(content)
    return content


def check_bounds(value: Any) -> None:
    """Refuse what has no end, or as good as none: aliases can hold themselves, and each other many times."""
    level, seen = [value], 0
    for _ in range(DEEPEST):
        level = [item for entry in level for item in islice(_items(entry), MOST_VALUES)]
        seen += len(level)
        if not level:
            return
        if seen > MOST_VALUES:
            raise ValueError(_TOO_MANY)
    raise ValueError(_TOO_DEEP)


def _text(path: Path) -> str:
    """Read the text of a regular file; a device or a pipe might never end."""
    if path.exists() and not path.is_file():
        raise ValueError("it is not a regular file")
    with path.open("rb") as stream:
        data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise ValueError(f"it is larger than {MOST_BYTES:,} bytes; name a configuration, not a table")
    return data.decode("utf-8")


def _items(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list | tuple | set) else ()


def _words(error: Exception) -> str:
    """Describe an error of reading in one line, with its place if it has one."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    words: list[str | None] = [str(error)]
    where = ""
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        words = [error.context, error.problem]
        where = f" (line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1})"
    return " ".join("; ".join(filter(None, words)).split()) + where
