"""JSON schemas made from models: for editors, documents and messages."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from survival_multiverse.settings.fields import Group

UNSAID: tuple[object, ...] = (None, "", [], {})
"""Defaults that a reader is told in words."""


class _Plain(GenerateJsonSchema):
    """Schemas without invented titles and nulls: an absent key is how the settings say nothing."""

    def field_title_should_be_set(self, schema: core_schema.CoreSchema) -> bool:
        return False

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        made = super().default_schema(schema)
        return {key: made[key] for key in made if key != "default" or made[key] not in UNSAID}

    def dict_schema(self, schema: core_schema.DictSchema) -> dict[str, Any]:
        """Keep the rule for names and that for values apart."""
        names, values = (
            self.generate_inner(schema["keys_schema"]),
            self.generate_inner(schema["values_schema"]),
        )
        bounds = {"minProperties": schema.get("min_length"), "maxProperties": schema.get("max_length")}
        limits = {word: bound for word, bound in bounds.items() if bound is not None}
        return {"type": "object", "propertyNames": names, "additionalProperties": values, **limits}

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> dict[str, Any]:
        return {"anyOf": [self.generate_inner(choice) for choice in schema["choices"].values()]}

    def model_schema(self, schema: core_schema.ModelSchema) -> dict[str, Any]:
        made = super().model_schema(schema)
        return {key: made[key] for key in made if key not in ("title", "description")}


@cache
def schema_of(model: type[Group]) -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a model; groups used once are written out."""
    made = model.model_json_schema(schema_generator=_Plain)
    text = json.dumps(made)
    groups = made.pop("$defs", {})
    shared = {name for name in groups if text.count(f'"#/$defs/{name}"') > 1}
    written = _written_out(made, groups, shared)
    head = {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": model.model_config.get("title", ""),
        "description": model.__doc__,
    }
    own = {name: _written_out(groups[name], groups, shared) for name in sorted(shared)}
    return {**head, **written, "$defs": own}


def with_defaults(entry: Mapping[str, Any], shipped: Any) -> dict[str, Any]:
    """Return the schema with what a shipped configuration has for keys that must be there."""
    if isinstance(shipped, list) and shipped and isinstance(shipped[0], Mapping):
        return {**entry, "default_text": ", ".join(str(item["value"]) for item in shipped)}
    if not isinstance(shipped, Mapping):
        return {**entry, "default": shipped}
    told = {
        name: with_defaults(item, shipped[name])
        for name, item in entry.get("properties", {}).items()
        if name in shipped and (name in entry.get("required", ()) or isinstance(shipped[name], Mapping))
    }
    return {**entry, "properties": entry["properties"] | told} if told else dict(entry)


def entry_at(model: type[Group], path: Iterable[str | int]) -> dict[str, Any]:
    """Return the schema of what stands at a path of a model, or an empty one."""
    schema = schema_of(model)
    entry = schema
    for step in path:
        if isinstance(step, int):
            choices = entry.get("items", {})
        else:
            choices = entry.get("properties", {}).get(step) or entry.get("additionalProperties") or {}
        # A value with several forms is described by the last, the longest one, and has the keys of all.
        forms = [resolved(form, schema) for form in choices.get("anyOf", ())]
        keys = {name: item for form in forms for name, item in form.get("properties", {}).items()}
        entry = resolved({**choices, **forms[-1], "properties": keys} if forms else choices, schema)
    return entry


def resolved(entry: Mapping[str, Any], schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entry with what its ``$ref`` into the schema points to; its own words come first."""
    if "$ref" not in entry:
        return dict(entry)
    return {**schema["$defs"][entry["$ref"].rpartition("/")[2]], **entry}


def _written_out(value: Any, groups: Mapping[str, Any], shared: Iterable[str]) -> Any:
    if isinstance(value, list):
        return [_written_out(item, groups, shared) for item in value]
    if not isinstance(value, Mapping):
        return value
    name = str(value.get("$ref", "")).rpartition("/")[2]
    if name and name not in shared:
        value = {**value, **groups[name]} | {key: value[key] for key in value}
        del value["$ref"]
    kept = {key: item for key, item in value.items() if key != "steps" or isinstance(item, Mapping)}
    return {key: _written_out(item, groups, shared) for key, item in kept.items()} | _in_one_line(value)


def _in_one_line(entry: Mapping[str, Any]) -> dict[str, str]:
    meaning = entry.get("description")
    return {"description": " ".join(meaning.split())} if isinstance(meaning, str) else {}
