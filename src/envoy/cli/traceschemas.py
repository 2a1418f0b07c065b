"""Traceschemas: the answers of the commands on conflicts and references, and the shapes in them.

Apart from `cli.schemas` and `cli.shapes`, which it is a part of, for their length alone.

Specification: docs/spec/conflicts.md; docs/spec/cli.md, JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, str]

SPACE: Fields = {"space_id": "id", "space_name": "text"}
FRESH: Fields = {"freshness": "Freshness", "untrusted_fields": "[text]"}
CONFLICT: Fields = {
    "conflict_id": "id",
    "kind": "text",
    "entity": "id",
    "winner": "id",
    "loser": "id",
    "rule": "text",
    "status": "{open resolved}",
    "kind_words": "text",
    "rule_words": "text",
    "mine": "bool",
    "kept": "id?",
    "resolution_id": "id?",
    "sides": "[ConflictSide]",
}

ANSWERS: Mapping[str, Fields] = {
    "conflict": {
        **SPACE,
        **CONFLICT,
        "resolution": "Resolution?",
        "next_action": "text",
        "next_commands": "[text]",
        **FRESH,
    },
    "conflict_resolved": {
        "conflict_id": "id",
        **SPACE,
        "kept": "id",
        "event_id": "id?",
        "changed": "bool",
        "replayed": "bool",
        "relay_delivery": "{delivered pending failed not_attempted}",
        "pending_sync": "bool",
        "untrusted_fields": "[text]",
    },
    "conflicts": {
        **SPACE,
        "conflicts": "[SeenConflict]",
        "counts": "ConflictCounts",
        "page": "Page",
        **FRESH,
    },
    "provenance": {
        **SPACE,
        "start": "id",
        "direction": "{back forward}",
        "depth": "int",
        "nodes": "[ProvenanceNode]",
        "edges": "[ProvenanceEdge]",
        "diagnostics": "[Diagnostic]",
        **FRESH,
    },
}

SHAPES: Mapping[str, Fields] = {
    "ConflictCounts": {"open": "int", "resolved": "int"},
    "ConflictSide": {
        "side": "{winner loser}",
        "event_id": "id",
        "kind": "text",
        "by": "Actor?",
        "at": "time",
        "event_status": "text",
        "text": "text?",
        "text_complete": "bool",
        "kept": "bool",
    },
    "Diagnostic": {
        "code": "{no_explicit_references missing depth_limit node_limit}",
        "count": "int",
    },
    "ProvenanceEdge": {"from": "text", "rel": "text", "to": "text"},
    "ProvenanceNode": {
        "id": "text",
        "type": "{event task record object member}",
        "kind": "text?",
        "by": "Actor?",
        "at": "time?",
        "status": "text",
        "text": "text?",
        "text_complete": "bool",
        "depth": "int",
    },
    "Resolution": {"event_id": "id", "by": "Actor?", "at": "time", "note": "text?"},
    "SeenConflict": CONFLICT,
}
