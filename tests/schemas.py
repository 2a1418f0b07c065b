"""Schemas: is an answer what its schema says? A checker for the part of JSON Schema used here.

It knows the keywords that `envoy.cli.schemas` writes and no other, so none is passed over.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from envoy.cli.schemas import json_schema

TYPES: dict[str, type] = {
    "array": list,
    "boolean": bool,
    "integer": int,
    "null": type(None),
    "object": dict,
    "string": str,
}
KEYWORDS = {
    *("$schema", "$defs", "title", "description", "type", "properties", "required", "items"),
    *("enum", "pattern", "anyOf", "$ref", "additionalProperties"),
}
Schema = Mapping[str, Any]


@cache
def load(name: str) -> Schema:
    """Return the schema of the answer ``name``."""
    return json_schema(name)


def problems(answer: Mapping[str, Any], name: str) -> list[str]:
    """Return where ``answer`` is not what the schema ``name`` says."""
    schema = load(name)
    return list(check(answer, schema, "$", schema.get("$defs", {})))


def check(value: Any, schema: Schema, path: str, parts: Schema) -> Iterator[str]:
    """Yield what is wrong with ``value``, found at ``path``; ``parts`` are the `$defs`."""
    assert schema.keys() <= KEYWORDS, f"unknown keyword at {path}"
    if "$ref" in schema:
        yield from check(value, parts[schema["$ref"].rpartition("/")[2]], path, parts)
    if "anyOf" in schema and all(any(check(value, one, path, parts)) for one in schema["anyOf"]):
        yield f"{path}: {value!r} fits none of anyOf"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{path}: {value!r} is none of {schema['enum']}"
    if "type" in schema and not is_of(value, schema["type"]):
        yield f"{path}: {value!r} is no {schema['type']}"
        return
    match value:
        case str() if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{path}: {value!r} does not match {schema['pattern']}"
        case list():
            for place, item in enumerate(value):
                yield from check(item, schema.get("items", {}), f"{path}[{place}]", parts)
        case dict():
            yield from check_object(value, schema, path, parts)


def check_object(
    value: Mapping[str, Any], schema: Schema, path: str, parts: Schema
) -> Iterator[str]:
    """Yield fields that are missing, undocumented or wrong."""
    known, more = schema.get("properties", {}), schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{path}.{name} is missing"
    for name, item in value.items():
        if name in known or isinstance(more, Mapping):
            yield from check(item, known.get(name, more), f"{path}.{name}", parts)
        elif not more:
            yield f"{path}.{name} is not documented"


def is_of(value: Any, types: str | list[str]) -> bool:
    """Return whether ``value`` has one of ``types``; a truth value is no number."""
    wanted = [types] if isinstance(types, str) else types
    if isinstance(value, bool):
        return "boolean" in wanted
    return any(isinstance(value, TYPES[one]) for one in wanted if one != "boolean")
