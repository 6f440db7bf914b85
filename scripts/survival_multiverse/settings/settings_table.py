"""The settings as a Markdown table, made from their schema."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from survival_multiverse.settings.json_schema import resolved

TYPE_WORDS = {
    "object": "group",
    "array": "list",
    "string": "text",
    "integer": "whole number",
    "boolean": "true / false",
}


def settings_table(schema: Mapping[str, Any]) -> str:
    """Return a Markdown table of every key: type, unit, default and meaning; it ends with a newline."""
    lines = ["| key | type | unit | default | meaning |", "|---|---|---|---|---|"]
    for path, entry in _keys(schema, "", schema):
        cells = (
            f"`{path}`",
            _type(entry, schema),
            entry.get("unit", ""),
            _default(entry),
            entry["description"],
        )
        lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"


def _keys(
    entry: Mapping[str, Any], path: str, schema: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for key, item in entry.get("properties", {}).items():
        item = resolved(item, schema)
        here = f"{path}.{key}".lstrip(".")
        yield here, item
        yield from _keys(item, here, schema)
        if isinstance(item.get("additionalProperties"), Mapping):
            yield from _keys(resolved(item["additionalProperties"], schema), f"{here}.<name>", schema)
        if "items" in item:
            for choice in item["items"].get("anyOf", [item["items"]]):
                yield from _keys(resolved(choice, schema), f"{here}[]", schema)


def _type(entry: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    entry = resolved(entry, schema)
    if "enum" in entry:
        return " / ".join(f"`{value}`" for value in entry["enum"])
    if "anyOf" in entry:
        return " or ".join(_type(choice, schema) for choice in entry["anyOf"])

    types = entry["type"] if isinstance(entry["type"], list) else [entry["type"]]
    text = " or ".join(str(TYPE_WORDS.get(item, item)) for item in types)
    text += f" up to {entry['maximum']:,}" if "maximum" in entry else ""
    return f"list of {_type(entry['items'], schema)}" if "items" in entry else text


def _default(entry: Mapping[str, Any]) -> str:
    if "default_text" in entry:
        return str(entry["default_text"])
    if "default" not in entry:
        return ""
    value = entry["default"]
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
