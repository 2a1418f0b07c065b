"""Objectschemas: the answers of the commands on objects, and the shapes in them.

Apart from `cli.schemas` and `cli.shapes`, which it is a part of, for their length alone.

Specification: docs/spec/cli.md, JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, str]

OBJECT: Fields = {
    "object_id": "id",
    "event_id": "id",
    "space_id": "id",
    "name": "text",
    "media_type": "text",
    "size": "int",
    "sha256": "text",
    "chunks": "int",
    "have_chunks": "int",
    "state": "{complete partial missing retracted}",
    "pinned": "bool",
    "task_id": "id?",
    "supersedes": "id?",
    "by": "Actor?",
    "created_at": "time",
}
SAID: Fields = {"space_name": "text", "untrusted_fields": "[text]"}
WRITTEN: Fields = {
    "replayed": "bool",
    "relay_delivery": "{delivered pending failed not_attempted}",
    "pending_sync": "bool",
}

ANSWERS: Mapping[str, Fields] = {
    "object_changed": {**OBJECT, **SAID, "changed": "bool", "retraction_id~": "id?"},
    "object_get": {**OBJECT, **SAID, "path": "text?"},
    "object_put": {**OBJECT, **SAID, "cursor": "int?", **WRITTEN, "warnings": "[Warning]"},
    "objects": {
        "space_id": "id",
        "space_name": "text",
        "objects": "[Object]",
        "page": "Page",
        "freshness": "Freshness",
        "untrusted_fields": "[text]",
    },
}

SHAPES: Mapping[str, Fields] = {
    "LocalObject": {
        "event_id": "id",
        "have_chunks": "int",
        "state": OBJECT["state"],
        "pinned": "bool",
    },
    "Object": OBJECT,
    # As every copy shows it: what a copy has of it stands in `local`.
    "RecordObject": {
        **OBJECT,
        "have_chunks": "int?",
        "state": "{retracted}?",
        "pinned": "bool?",
        "visibility": "{visible partial redacted}",
    },
}
