"""Farschemas: the answers about relays and bundles, and the shapes in them.

Apart from `cli.schemas` and `cli.shapes`, which it is a part of, for their length alone.

Specification: docs/spec/cli.md, JSON.
"""

from __future__ import annotations

from collections.abc import Mapping

Fields = Mapping[str, str]

ANSWERS: Mapping[str, Fields] = {
    "diagnose_time": {
        "relay_url": "text",
        "skew_ms": "int",
        "round_trip_ms": "int",
        "relay_at": "time",
    },
    "sync": {
        "pushed": "int",
        "pulled": "int",
        "pending": "int",
        "quarantined": "int",
        "spaces": "[id]",
        "relays": "[Reached]",
        "bundle~": "Bundle",
        "next_commands~": "[text]",
        "warnings~": "[Warning]",
        "checks~": "[Check]",
        "repaired~": "[text]",
    },
}
SHAPES: Mapping[str, Fields] = {
    "Bundle": {
        "file": "text",
        "space_id": "id",
        "frames": "int",
        "epochs": "int",
        "boxes": "int",
        "size": "int",
    },
    "Reached": {
        "space_id": "id",
        "url": "text",
        "state": "{synced partial failed}",
        "error_code": "text?",
        "pushed": "int",
        "pulled": "int",
        "pending": "int",
        "omitted": "[id]",
        "omitted_count": "int",
    },
    "Relay": {"state": "{not_configured connected unreachable}", "url": "text?"},
}
